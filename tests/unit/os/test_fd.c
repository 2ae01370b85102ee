/* SPDX-License-Identifier: MIT
 *
 * Descriptors that are not sockets, and names in the file system.
 * Every file lies in a folder of the test's own.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fd_case {
    char folder[32], path[64];
};

static int fd_setup(void **state)
{
    struct fd_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    (void)snprintf(c->folder, sizeof c->folder, "/tmp/plug-test-fd-XXXXXX");
    assert_non_null(mkdtemp(c->folder));
    (void)snprintf(c->path, sizeof c->path, "%s/f", c->folder);
    *state = c;
    return 0;
}

static int fd_teardown(void **state)
{
    struct fd_case *c = *state;
    (void)unlink(c->path);
    (void)rmdir(c->folder);
    free(c);
    return 0;
}

static int64_t fd_write(plug_handle h, const char *text)
{
    char copy[64];
    struct plug_iov v = {copy, strlen(text)};
    memcpy(copy, text, v.len);
    return plug__os_write(h, &v, 1, NULL);
}

static int64_t fd_read(plug_handle h, char *buf, size_t len)
{
    struct plug_iov v = {buf, len};
    return plug__os_read(h, &v, 1, NULL);
}

static void test_fd__file_written_and_read_back(void **state)
{
    struct fd_case *c = *state;
    plug_handle h;
    char buf[16];
    unsigned flags = PLUG__O_READ | PLUG__O_WRITE | PLUG__O_CREATE | PLUG__O_EXCL;
    assert_int_equal(plug__os_open(&h, c->path, flags, 0600, NULL), 0);
    assert_true(fcntl((int)h, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fd_write(h, "hello"), 5);
    assert_int_equal(plug__os_seek(h, 1, 0, NULL), 1);
    assert_int_equal(fd_read(h, buf, sizeof buf), 4);
    assert_memory_equal(buf, "ello", 4);
    assert_int_equal(fd_read(h, buf, sizeof buf), PLUG_EOF);
    assert_int_equal(plug__os_truncate(h, 2, NULL), 0);
    assert_int_equal(plug__os_seek(h, 0, 2, NULL), 2);
    assert_int_equal(plug__os_seek(h, -5, 1, NULL), PLUG_EINVAL);
    assert_int_equal(plug__os_seek(h, 0, 3, NULL), PLUG_EINVAL);
    plug__os_close(h);
}

static void test_fd__open_flags(void **state)
{
    struct fd_case *c = *state;
    plug_handle h;
    char buf[16];
    int os = 0;
    unsigned make = PLUG__O_WRITE | PLUG__O_CREATE;
    assert_int_equal(plug__os_open(&h, c->path, PLUG__O_READ, 0, &os), PLUG_ENOENT);
    assert_int_equal(os, ENOENT);
    assert_int_equal(plug__os_open(&h, c->path, make, 0600, NULL), 0);
    assert_int_equal(fd_write(h, "abc"), 3);
    plug__os_close(h);
    assert_int_equal(plug__os_open(&h, c->path, make | PLUG__O_EXCL, 0600, NULL), PLUG_EEXIST);
    assert_int_equal(plug__os_open(&h, c->path, PLUG__O_WRITE | PLUG__O_APPEND, 0, NULL), 0);
    assert_int_equal(fd_write(h, "d"), 1);
    plug__os_close(h);
    assert_int_equal(plug__os_open(&h, c->path, PLUG__O_READ, 0, NULL), 0);
    assert_int_equal(fd_read(h, buf, sizeof buf), 4);
    plug__os_close(h);
    assert_int_equal(plug__os_open(&h, c->path, make | PLUG__O_TRUNC, 0600, NULL), 0);
    assert_int_equal(plug__os_seek(h, 0, 2, NULL), 0);
    plug__os_close(h);
    assert_int_equal(plug__os_open(&h, c->folder, PLUG__O_WRITE, 0, NULL), PLUG_EISDIR);
}

static void test_fd__kinds(void **state)
{
    struct fd_case *c = *state;
    plug_handle h, p[2], s[2];
    struct plug__stat st;
    assert_int_equal(plug__os_open(&h, c->path, PLUG__O_WRITE | PLUG__O_CREATE, 0600, NULL), 0);
    assert_int_equal(plug__os_fstat(h, &st, NULL), 0);
    assert_int_equal(st.kind, PLUG__KIND_FILE);
    assert_false(st.readable);
    assert_true(st.writable);
    plug__os_close(h);
    assert_int_equal(plug__os_pipe(p, 0, NULL), 0);
    assert_int_equal(plug__os_fstat(p[0], &st, NULL), 0);
    assert_int_equal(st.kind, PLUG__KIND_PIPE);
    assert_true(st.readable && !st.writable && !st.nonblock);
    pair_close(p);
    assert_int_equal(plug__os_socketpair(s, SOCK_SEQPACKET, NULL), 0);
    assert_int_equal(plug__os_fstat(s[0], &st, NULL), 0);
    assert_int_equal(st.kind, PLUG__KIND_SOCKET);
    assert_int_equal(st.family, AF_UNIX);
    assert_int_equal(st.type, SOCK_SEQPACKET);
    assert_true(st.readable && st.writable && st.nonblock);
    pair_close(s);
    assert_int_equal(plug__os_fstat(s[0], &st, NULL), PLUG_EINVAL);
}

static void test_fd__kinds_of_paths(void **state)
{
    struct fd_case *c = *state;
    struct plug__stat st;
    assert_int_equal(plug__os_stat(c->folder, &st, NULL), 0);
    assert_int_equal(st.kind, PLUG__KIND_DIR);
    assert_int_equal(plug__os_stat("/dev/null", &st, NULL), 0);
    assert_int_equal(st.kind, PLUG__KIND_CHAR);
    assert_int_equal(plug__os_stat(c->path, &st, NULL), PLUG_ENOENT);
    assert_int_equal(plug__os_mkfifo(c->path, 0600, NULL), 0);
    assert_int_equal(plug__os_mkfifo(c->path, 0600, NULL), PLUG_EEXIST);
    assert_int_equal(plug__os_stat(c->path, &st, NULL), 0);
    assert_int_equal(st.kind, PLUG__KIND_PIPE);
    assert_int_equal(plug__os_unlink(c->path, NULL), 0);
    assert_int_equal(plug__os_unlink(c->path, NULL), PLUG_ENOENT);
}

/* A fifo without a reader: the writer is told instead of waiting. */
static void test_fd__fifo_without_a_reader(void **state)
{
    struct fd_case *c = *state;
    plug_handle h;
    assert_int_equal(plug__os_mkfifo(c->path, 0600, NULL), 0);
    assert_int_equal(plug__os_open(&h, c->path, PLUG__O_WRITE | PLUG__O_NONBLOCK, 0, NULL),
                     PLUG_ENXIO);
}

static void test_fd__pipe_moves_and_ends(void **state)
{
    (void)state;
    plug_handle h[2];
    char buf[16];
    assert_int_equal(plug__os_pipe(h, 1, NULL), 0);
    assert_true(fcntl((int)h[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fd_read(h[0], buf, sizeof buf), PLUG_EAGAIN);
    assert_int_equal(fd_write(h[1], "abc"), 3);
    assert_int_equal(fd_read(h[0], buf, 0), 0);
    assert_int_equal(fd_read(h[0], buf, sizeof buf), 3);
    plug__os_close(h[1]);
    assert_int_equal(fd_read(h[0], buf, sizeof buf), PLUG_EOF);
    plug__os_close(h[0]);
}

static void test_fd__vectors_are_whole(void **state)
{
    (void)state;
    plug_handle h[2];
    char a[] = "ab", b[] = "cde", x[1], y[8];
    struct plug_iov out[] = {{a, 2}, {b, 3}}, in[] = {{x, 1}, {y, 8}};
    assert_int_equal(plug__os_pipe(h, 1, NULL), 0);
    assert_int_equal(plug__os_write(h[1], out, 2, NULL), 5);
    assert_int_equal(plug__os_read(h[0], in, 2, NULL), 5);
    assert_int_equal(x[0], 'a');
    assert_memory_equal(y, "bcde", 4);
    pair_close(h);
}

/* The default disposition would end the test. Nothing may be left pending either. */
static void test_fd__broken_pipe_raises_nothing(void **state)
{
    (void)state;
    plug_handle h[2];
    sigset_t waiting;
    assert_int_equal(plug__os_pipe(h, 0, NULL), 0);
    plug__os_close(h[0]);
    assert_int_equal(fd_write(h[1], "x"), PLUG_EPIPE);
    sigpending(&waiting);
    assert_false(sigismember(&waiting, SIGPIPE));
    plug__os_close(h[1]);
}

static void test_fd__lock_held_by_another(void **state)
{
    struct fd_case *c = *state;
    plug_handle a, b;
    unsigned flags = PLUG__O_WRITE | PLUG__O_CREATE;
    assert_int_equal(plug__os_open(&a, c->path, flags, 0600, NULL), 0);
    assert_int_equal(plug__os_open(&b, c->path, flags, 0600, NULL), 0);
    assert_int_equal(plug__os_lock(a, 1, 0, NULL), 0);
    assert_int_equal(plug__os_lock(b, 1, 0, NULL), PLUG_EBUSY);
    plug__os_close(a);
    assert_int_equal(plug__os_lock(b, 0, 1, NULL), 0);
    plug__os_close(b);
}

static void test_fd__dup_is_not_inherited(void **state)
{
    (void)state;
    plug_handle h[2], d;
    char buf[4];
    assert_int_equal(plug__os_pipe(h, 1, NULL), 0);
    assert_int_equal(plug__os_dup(h[1], &d, NULL), 0);
    assert_true(fcntl((int)d, F_GETFD) & FD_CLOEXEC);
    plug__os_close(h[1]);
    assert_int_equal(fd_write(d, "x"), 1);
    assert_int_equal(fd_read(h[0], buf, sizeof buf), 1);
    plug__os_close(d);
    plug__os_close(h[0]);
    assert_int_equal(plug__os_dup(PLUG_NO_HANDLE, &d, NULL), PLUG_EINVAL);
}

static void test_fd__nonblock_on_and_off(void **state)
{
    (void)state;
    plug_handle h[2];
    struct plug__stat st;
    assert_int_equal(plug__os_pipe(h, 0, NULL), 0);
    assert_int_equal(plug__os_nonblock(h[0], 1, NULL), 0);
    assert_int_equal(plug__os_fstat(h[0], &st, NULL), 0);
    assert_true(st.nonblock);
    assert_int_equal(plug__os_nonblock(h[0], 0, NULL), 0);
    assert_int_equal(plug__os_fstat(h[0], &st, NULL), 0);
    assert_false(st.nonblock);
    pair_close(h);
}

static void test_fd__mode_and_owner(void **state)
{
    struct fd_case *c = *state;
    char uid[16];
    struct stat s;
    plug_handle h;
    assert_int_equal(plug__os_open(&h, c->path, PLUG__O_WRITE | PLUG__O_CREATE, 0600, NULL), 0);
    plug__os_close(h);
    assert_int_equal(plug__os_chmod(c->path, 0640, NULL), 0);
    assert_int_equal(stat(c->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
    (void)snprintf(uid, sizeof uid, "%u", (unsigned)geteuid());
    assert_int_equal(plug__os_chown(c->path, uid, NULL, NULL), 0);
    assert_int_equal(plug__os_chown(c->path, "no-such-user", NULL, NULL), PLUG_ENOENT);
    assert_int_equal(plug__os_chown(c->path, NULL, "no-such-group", NULL), PLUG_ENOENT);
    assert_int_equal(plug__os_chown(c->path, "99999999999", NULL, NULL), PLUG_ENOENT);
}

static void test_fd__stdio_numbers(void **state)
{
    (void)state;
    plug_handle h = 77;
    assert_int_equal(plug__os_stdio(2, &h, NULL), 0);
    assert_int_equal(h, 2);
    assert_int_equal(plug__os_stdio(3, &h, NULL), PLUG_EINVAL);
}

static void test_fd__limit_is_raised_to_the_hard_one(void **state)
{
    (void)state;
    int before = plug__os_fd_limit();
    assert_true(before > 0);
    int now = plug__os_raise_fd_limit();
    assert_true(now >= before);
    assert_int_equal(plug__os_fd_limit(), now);
}

static void test_fd__no_terminal(void **state)
{
    (void)state;
    plug_handle h[2];
    assert_int_equal(plug__os_pipe(h, 0, NULL), 0);
    assert_false(plug__os_isatty(h[0]));
    assert_int_equal(plug__os_columns(h[0]), 80);
    pair_close(h);
}

#define FD_TEST(name) cmocka_unit_test_setup_teardown(name, fd_setup, fd_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FD_TEST(test_fd__file_written_and_read_back),
        FD_TEST(test_fd__open_flags),
        FD_TEST(test_fd__kinds),
        FD_TEST(test_fd__kinds_of_paths),
        FD_TEST(test_fd__fifo_without_a_reader),
        cmocka_unit_test(test_fd__pipe_moves_and_ends),
        cmocka_unit_test(test_fd__vectors_are_whole),
        cmocka_unit_test(test_fd__broken_pipe_raises_nothing),
        FD_TEST(test_fd__lock_held_by_another),
        cmocka_unit_test(test_fd__dup_is_not_inherited),
        cmocka_unit_test(test_fd__nonblock_on_and_off),
        FD_TEST(test_fd__mode_and_owner),
        cmocka_unit_test(test_fd__stdio_numbers),
        cmocka_unit_test(test_fd__limit_is_raised_to_the_hard_one),
        cmocka_unit_test(test_fd__no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

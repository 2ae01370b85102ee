/* SPDX-License-Identifier: MIT
 *
 * Moving bytes inside the kernel, and SIGPIPE on the way.
 */
#include "pair.h"

#include "os/posix/posix.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_splice__socket_to_pipe_to_socket(void **state)
{
    (void)state;
    plug_handle a[2], b[2], p[2];
    char buf[16];
    pair_tcp(a);
    pair_tcp(b);
    assert_int_equal(plug__os_pipe(p, 1, NULL), 0);
    assert_int_equal(plug__os_splice(a[1], p[1], 65536, 0, NULL), PLUG_EAGAIN);
    assert_int_equal(pair_send(a[0], "hello"), 5);
    pair_wait(a[1], PLUG_IN);
    assert_int_equal(plug__os_splice(a[1], p[1], 65536, 1, NULL), 5);
    assert_int_equal(plug__os_splice(p[0], b[0], 65536, 0, NULL), 5);
    pair_wait(b[1], PLUG_IN);
    assert_int_equal(pair_recv(b[1], buf, sizeof buf, 1, NULL), 5);
    plug__os_close(a[0]);
    pair_wait(a[1], PLUG__HUP);
    assert_int_equal(plug__os_splice(a[1], p[1], 65536, 0, NULL), 0); /* the end */
    plug__os_close(a[1]);
    pair_close(b);
    pair_close(p);
}

static void test_splice__what_cannot_be_spliced(void **state)
{
    (void)state;
    plug_handle a[2];
    int os = 0;
    pair_tcp(a);
    assert_int_equal(plug__os_splice(a[0], a[1], 1, 0, &os), PLUG_EINVAL);
    assert_int_equal(os, EINVAL);
    pair_close(a);
}

static int splice_waits(void)
{
    sigset_t waiting;
    sigpending(&waiting);
    return sigismember(&waiting, SIGPIPE);
}

/* splice has no MSG_NOSIGNAL: the default disposition would end the test. */
static void test_splice__to_a_closed_reader_raises_nothing(void **state)
{
    (void)state;
    plug_handle s[2], p[2];
    sigset_t mask;
    char bytes[] = "abc";
    struct plug_iov v = {bytes, 3};
    assert_int_equal(plug__os_socketpair(s, SOCK_STREAM, NULL), 0);
    assert_int_equal(plug__os_pipe(p, 1, NULL), 0);
    assert_int_equal(plug__os_write(p[1], &v, 1, NULL), 3);
    plug__os_close(s[1]);
    assert_int_equal(plug__os_splice(p[0], s[0], 3, 0, NULL), PLUG_EPIPE);
    assert_false(splice_waits());
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_false(sigismember(&mask, SIGPIPE));
    plug__os_close(s[0]);
    pair_close(p);
}

static void test_quiet__a_thread_that_blocks_stays_blocked(void **state)
{
    (void)state;
    struct plug__quiet q;
    sigset_t pipe, mask;
    plug_handle h[2];
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    assert_int_equal(plug__os_pipe(h, 0, NULL), 0);
    plug__os_close(h[0]);
    plug__quiet_begin(&q);
    ssize_t n = write((int)h[1], "x", 1);
    assert_true(n < 0 && errno == EPIPE && splice_waits());
    plug__quiet_end(&q, 1);
    assert_int_equal(errno, EPIPE);
    assert_false(splice_waits());
    pthread_sigmask(SIG_UNBLOCK, &pipe, &mask);
    assert_true(sigismember(&mask, SIGPIPE));
    plug__os_close(h[1]);
}

static void test_splice__pipe_size(void **state)
{
    (void)state;
    plug_handle p[2];
    assert_int_equal(plug__os_pipe(p, 1, NULL), 0);
    int size = plug__os_pipe_size(p[0], 0);
    assert_true(size >= 4096);
    assert_int_equal(plug__os_pipe_size(p[0], 4096), 4096);
    assert_true(plug__os_pipe_size(p[0], 128 * 1024) >= 4096);
    pair_close(p);
    assert_true(plug__os_pipe_size(p[0], 0) < 0);
}

static void test_sendfile__to_a_socket_until_eof(void **state)
{
    (void)state;
    char path[] = "/tmp/plug-test-sendfile-XXXXXX", buf[16];
    int fd = mkstemp(path);
    plug_handle s[2];
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "hello", 5), 5);
    assert_int_equal(lseek(fd, 1, SEEK_SET), 1);
    pair_tcp(s);
    assert_int_equal(plug__os_sendfile(fd, s[0], 65536, NULL), 4);
    assert_int_equal(plug__os_sendfile(fd, s[0], 65536, NULL), 0);
    pair_wait(s[1], PLUG_IN);
    assert_int_equal(pair_recv(s[1], buf, sizeof buf, 1, NULL), 4);
    pair_close(s);
    (void)close(fd);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splice__socket_to_pipe_to_socket),
        cmocka_unit_test(test_splice__what_cannot_be_spliced),
        cmocka_unit_test(test_splice__to_a_closed_reader_raises_nothing),
        cmocka_unit_test(test_quiet__a_thread_that_blocks_stays_blocked),
        cmocka_unit_test(test_splice__pipe_size),
        cmocka_unit_test(test_sendfile__to_a_socket_until_eof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Descriptors by number, and the way of a system that cannot open a pipe anew: poll, then a bounded
 * attempt on a description that blocks.
 */
#include "unit/endpoint/rig.h"

#include "endpoint/descriptor.h"
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

static const char *fd_address(int fd, const char *options)
{
    static char address[64];
    snprintf(address, sizeof(address), "fd:%d%s", fd, options);
    return address;
}

static void test_fd__pipe_is_read_and_closed(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[16];
    int p[2];
    assert_int_equal(pipe(p), 0);
    s = rig_must(t, fd_address(p[0], ""));
    assert_int_equal(write(p[1], "abc", 3), 3);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_EPIPE); /* it is open for reading only */
    close(p[1]);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF);
    plug_close(s);
    assert_int_equal(fcntl(p[0], F_GETFD), -1); /* it was given to the endpoint */
}

static void test_fd__pipe_is_written(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[16];
    int p[2];
    assert_int_equal(pipe(p), 0);
    s = rig_must(t, fd_address(p[1], ""));
    assert_int_equal(rig_send(t, s, "abc", 3), 3);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
    assert_int_equal(read(p[0], buf, sizeof(buf)), 3);
    assert_int_equal(read(p[0], buf, sizeof(buf)), 0);
    plug_close(s);
    close(p[0]);
}

static void test_fd__file_keeps_its_offset(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[16];
    int fd;
    rig_write_file(rig_path(t, "f"), "0123456789");
    fd = open(rig_path(t, "f"), O_RDONLY);
    assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
    s = rig_must(t, fd_address(fd, ""));
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "789");
    plug_close(s);
    unlink(rig_path(t, "f"));
}

static void test_fd__not_open_is_told(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, "fd:987"), PLUG_EUSAGE);
    assert_string_equal(t->err.text, "descriptor 987 is not open");
    assert_int_not_equal(t->err.hint[0], '\0');
}

static void test_fd__directory_is_refused(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    int fd = open(t->dir, O_RDONLY);
    assert_int_equal(rig_open(t, &s, fd_address(fd, "")), PLUG_EISDIR);
    close(fd);
}

/* ---- sockets are the layers' of sockets ---- */

static void test_fd__socket_keeps_its_type(void **state)
{
    static const struct {
        int type;
        const char *layer;
    } rows[] = {
        {SOCK_STREAM, "unix"}, {SOCK_DGRAM, "unix-dgram"}, {SOCK_SEQPACKET, "unix-seqpacket"}};
    struct rig *t = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plug_sock *s;
        char buf[16];
        int sp[2], type = 0;
        size_t len = sizeof(type);
        assert_int_equal(socketpair(AF_UNIX, rows[i].type, 0, sp), 0);
        s = rig_must(t, fd_address(sp[0], ""));
        assert_string_equal(plug__sock_base(s)->ops->name, rows[i].layer);
        assert_int_equal(plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, &type, &len), 0);
        assert_int_equal(type, rows[i].type);
        assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
        assert_int_equal(fcntl(sp[0], F_GETFL) & O_NONBLOCK, 0); /* others have it too */
        assert_int_equal(write(sp[1], "one", 3), 3);
        assert_int_equal(write(sp[1], "two", 3), 3);
        assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), rows[i].type == SOCK_STREAM ? 6 : 3);
        assert_int_equal(rig_send(t, s, "back", 4), 4);
        assert_int_equal(read(sp[1], buf, sizeof(buf)), 4);
        plug_close(s);
        close(sp[1]);
    }
}

static void test_fd__listening_socket_gives_its_connections(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s, *child = NULL;
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    char buf[8];
    int fd = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), r;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    s = rig_must(t, fd_address(fd, ""));
    assert_int_equal(connect(c, (struct sockaddr *)&a, len), 0);
    assert_int_equal(write(c, "abc", 3), 3);
    while ((r = plug_accept(s, &child, t->loop ? 0 : rig_deadline())) == PLUG_EAGAIN)
        rig_turn(t);
    assert_int_equal(r, 0);
    assert_int_equal(rig_recv(t, child, buf, sizeof(buf)), 3);
    plug_close(child);
    plug_close(s);
    close(c);
}

static void test_fd__what_does_not_listen_is_refused(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char address[32];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    snprintf(address, sizeof(address), "accept-fd:%d", fd);
    assert_int_equal(rig_open(t, &s, address), PLUG_EUSAGE);
    assert_non_null(strstr(t->err.text, "does not listen"));
    close(fd);
}

/* As inetd starts a server: 0 and 1 are one connection. */
static void test_stdio__one_socket_is_that_socket(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char name[32], buf[8];
    int saved[2] = {dup(0), dup(1)}, sp[2];
    int64_t put, got;
    fflush(stdout);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
    dup2(sp[0], 0);
    dup2(sp[0], 1);
    s = rig_must(t, "-");
    snprintf(name, sizeof(name), "%s", plug__sock_base(s)->ops->name);
    put = rig_send(t, s, "out", 3);
    assert_int_equal(write(sp[1], "in", 2), 2);
    got = rig_recv(t, s, buf, sizeof(buf));
    plug_close(s);
    dup2(saved[0], 0);
    dup2(saved[1], 1);
    close(saved[0]);
    close(saved[1]);
    close(sp[0]);
    close(sp[1]);
    assert_string_equal(name, "unix");
    assert_int_equal(put, 3);
    assert_int_equal(got, 2);
}

/* ---- descriptions that block ---- */

/* Makes what was opened as the port of a system without /dev/fd that opens anew. */
static struct plug__port *make_blocking(struct plug__port *p)
{
    assert_int_equal(plug__os_nonblock(p->io.handle, 0, NULL), 0);
    p->flags |= PLUG__PORT_BLOCKS;
    return p;
}

static void test_blocking__write_never_blocks(void **state)
{
    static char block[100000];
    struct rig *t = *state;
    struct plug_sock *s;
    int64_t r, in = 0, out = 0;
    int p[2];
    assert_int_equal(pipe(p), 0);
    s = rig_must(t, fd_address(p[1], ""));
    make_blocking(&((struct plug__duplex *)plug__sock_base(s))->out);
    alarm(20); /* a blocking write would hang here */
    while ((r = plug_send(s, block, sizeof(block), 0, 0)) > 0)
        in += r;
    assert_int_equal(r, PLUG_EAGAIN);
    assert_true(in >= 4096);
    while (out < in) {
        r = read(p[0], block, sizeof(block));
        assert_true(r > 0);
        out += r;
    }
    assert_int_equal(rig_send(t, s, "abc", 3), 3);
    assert_int_equal(read(p[0], block, sizeof(block)), 3);
    close(p[0]);
    assert_int_equal(rig_send(t, s, "abc", 3), PLUG_EPIPE);
    alarm(0);
    plug_close(s);
}

static void test_blocking__read_never_blocks(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[8];
    int p[2];
    assert_int_equal(pipe(p), 0);
    s = rig_must(t, fd_address(p[0], ""));
    make_blocking(&((struct plug__duplex *)plug__sock_base(s))->in);
    alarm(20);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    assert_int_equal(write(p[1], "abc", 3), 3);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    close(p[1]);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF);
    alarm(0);
    plug_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_fd__pipe_is_read_and_closed),
        RIG_ALL(test_fd__pipe_is_written),
        RIG_ALL(test_fd__file_keeps_its_offset),
        RIG_PRIVATE(test_fd__not_open_is_told),
        RIG_PRIVATE(test_fd__directory_is_refused),
        RIG_ALL(test_blocking__write_never_blocks),
        RIG_ALL(test_fd__socket_keeps_its_type),
        RIG_ALL(test_fd__listening_socket_gives_its_connections),
        RIG_PRIVATE(test_fd__what_does_not_listen_is_refused),
        RIG_ALL(test_stdio__one_socket_is_that_socket),
        RIG_ALL(test_blocking__read_never_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

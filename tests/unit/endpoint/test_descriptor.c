/* SPDX-License-Identifier: MIT
 *
 * What a bare descriptor tells movers and the relay: its kernel object, what is unsent, and ends
 * that are met before the poller has told of them.
 */
#include "unit/endpoint/rig.h"

#include "endpoint/descriptor.h"
#include <pty.h>

static int kind_of(struct plug_sock *s, unsigned dir)
{
    struct plug_bypass b;
    int r = plug__sock_bypass(s, dir, &b);
    if (r < 0)
        return r;
    assert_ptr_equal(b.base, plug__sock_base(s));
    assert_int_equal(b.io == NULL, b.kind == PLUG_BYPASS_FILE); /* files are always ready */
    return (int)b.kind;
}

static void test_bypass__tells_the_kernel_object(void **state)
{
    static const struct {
        const char *address;
        int in, out;
    } rows[] = {
        {"pipe", PLUG_BYPASS_PIPE, PLUG_BYPASS_PIPE},
        {"exec:cat", PLUG_BYPASS_SOCKET, PLUG_BYPASS_SOCKET},
        {"exec:cat,pipes", PLUG_BYPASS_PIPE, PLUG_BYPASS_PIPE},
        {"file:/etc/passwd,rdonly", PLUG_BYPASS_FILE, PLUG_ENOTSUP},
        {"file:/dev/null", PLUG_ENOTSUP, PLUG_ENOTSUP},
        {"echo:", PLUG_ENOTSUP, PLUG_ENOTSUP},
        {"text:x", PLUG_ENOTSUP, PLUG_ENOTSUP},
        {"stall:", PLUG_ENOTSUP, PLUG_ENOTSUP},
    };
    struct rig *t = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plug_sock *s = rig_must(t, rows[i].address);
        assert_int_equal(kind_of(s, PLUG_IN), rows[i].in);
        assert_int_equal(kind_of(s, PLUG_OUT), rows[i].out);
        (void)rig_shut(t, s, PLUG_SHUT_WR);
        assert_int_equal(kind_of(s, PLUG_OUT), PLUG_ENOTSUP);
        plug_close(s);
    }
}

/* A FIFO that nobody has opened to write reads as ended: no mover may see that. */
static void test_bypass__not_of_a_fifo_without_writer(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, rig_at(t, "pipe", "p", ",rdonly"));
    char c;
    int fd;
    assert_int_equal(kind_of(s, PLUG_IN), PLUG_ENOTSUP);
    fd = open(rig_path(t, "p"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(write(fd, "ab", 2), 2);
    assert_int_equal(rig_recv(t, s, &c, 1), 1);
    assert_int_equal(kind_of(s, PLUG_IN), PLUG_BYPASS_PIPE);
    close(fd);
    plug_close(s);
}

static void test_descriptor__tells_what_is_unsent(void **state)
{
    static const struct {
        const char *address;
        int64_t unsent; /* -1: the kernel counts more than bytes there */
    } rows[] = {{"exec:sleep 100", -1}, {"exec:sleep 100,pipes", 5}, {"pipe", 5}};
    struct rig *t = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plug_sock *s = rig_must(t, rows[i].address);
        int64_t before = plug__sock_unsent(s), sent = rig_send(t, s, "12345", 5);
        int64_t after = plug__sock_unsent(s);
        plug_close(s);
        assert_int_equal(before, 0);
        assert_int_equal(sent, 5);
        assert_int_equal(after, rows[i].unsent);
    }
}

/* Both messages of one call, and both pieces of one message, in their order. */
static void test_descriptor__vectors(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "pipe");
    char data[] = "abcdefg";
    struct plug_iov iov[4] = {{data, 2}, {data + 2, 2}, {data, 0}, {data + 4, 3}};
    struct plug_msg m[3] = {
        {.iov = iov, .niov = 2}, {.iov = iov + 2, .niov = 1}, {.iov = iov + 3, .niov = 1}};
    char one[3], two[8] = {0};
    struct plug_iov in[2] = {{one, sizeof(one)}, {two, sizeof(two) - 1}};
    struct plug_msg got = {.iov = in, .niov = 2};
    assert_int_equal(plug_sendmmsg(s, m, 3, 0, 0), 3);
    assert_int_equal(m[0].len, 4);
    assert_int_equal(m[1].len, 0);
    assert_int_equal(m[2].len, 3);
    assert_int_equal(plug_recvmmsg(s, &got, 1, 0, rig_deadline()), 1);
    assert_int_equal(got.len, 7);
    assert_memory_equal(one, "abc", 3);
    assert_string_equal(two, "defg");
    plug_close(s);
}

/* The child is gone and the loop has not turned since: recv itself meets the reset. */
static void test_child__reset_is_met_by_recv(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "system:read x; echo $x; read y");
    struct plug__pollfd fd = {.want = PLUG_IN};
    char buf[16];
    rig_send_all(t, s, "1\n2\n3\n");
    fd.handle = ((struct plug__duplex *)plug__sock_base(s))->in.io.handle;
    while (!(fd.got & PLUG__HUP))
        assert_int_equal(plug__os_poll(&fd, 1, 20 * PLUG_SECOND, NULL), 1);
    plug__sock_base(s)->ready |= PLUG_IN;
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), 2);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF); /* with its status */
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_ECONNRESET);
    plug_close(s);
}

/* A terminal is opened anew, so that it can be non-blocking for us and blocking for the shell. */
static void test_terminal__is_ours_alone(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char address[32], buf[32];
    int master, slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    snprintf(address, sizeof(address), "fd:%d", slave);
    s = rig_must(t, address);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    assert_int_equal(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(write(master, "typed\n", 6), 6);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 6);
    assert_int_equal(rig_send(t, s, "shown", 5), 5);
    assert_int_equal(kind_of(s, PLUG_IN), PLUG_ENOTSUP);
    assert_false(plug__sock_step(s)->flags & PLUG_HALFCLOSE);
    plug_close(s);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_bypass__tells_the_kernel_object),
        RIG_ALL(test_bypass__not_of_a_fifo_without_writer),
        RIG_PRIVATE(test_descriptor__tells_what_is_unsent),
        RIG_PRIVATE(test_descriptor__vectors),
        RIG_SHARED(test_child__reset_is_met_by_recv),
        RIG_ALL(test_terminal__is_ours_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

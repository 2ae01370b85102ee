/* SPDX-License-Identifier: MIT
 *
 * A base written outside the library, by its public headers only: a descriptor by its number, read
 * and written as a stream. Includes nothing of plug's own folders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <plug/layer.h>
#include <plug/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct outside {
    struct plug_layer l;
    struct plug_io io;
    int fd;
};

static struct outside *outside_of(struct plug_layer *l)
{
    return (struct outside *)(void *)l;
}

static void outside_ready(struct plug_io *io, unsigned bits)
{
    struct outside *o = (struct outside *)(void *)((char *)io - offsetof(struct outside, io));
    plug_ready(&o->l, bits & (PLUG_ERR | PLUG_HUP) ? PLUG_IN | PLUG_OUT : bits);
}

static int outside_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = PLUG_STREAM;
    return 0;
}

static int outside_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    struct outside *o = outside_of(l);
    (void)reterr;
    o->fd = (int)strtol(step->path, NULL, 10);
    o->io.handle = PLUG_NO_HANDLE;
    return 0;
}

static int outside_open(struct plug_layer *l)
{
    struct outside *o = outside_of(l);
    o->io.handle = o->fd;
    o->io.ready = outside_ready;
    return plug_io_add(l, &o->io, NULL);
}

static int outside_failed(struct plug_layer *l, unsigned bit)
{
    if (errno != EAGAIN)
        return plug_fail(l, bit == PLUG_OUT, PLUG_EIO, errno);
    plug_io_again(l, &outside_of(l)->io, bit);
    return PLUG_EAGAIN;
}

static int outside_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    ssize_t got;
    (void)flags;
    if (!(l->ready & PLUG_IN) || n == 0)
        return l->ready & PLUG_IN ? 0 : PLUG_EAGAIN;
    got = read(outside_of(l)->fd, v->iov[0].base, v->iov[0].len);
    if (got <= 0)
        return got ? outside_failed(l, PLUG_IN) : PLUG_EOF;
    v->len = (size_t)got;
    v->flags = 0;
    return 1;
}

static int outside_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    ssize_t put;
    (void)flags;
    if (!(l->ready & PLUG_OUT) || n == 0)
        return n ? PLUG_EAGAIN : 0;
    put = write(outside_of(l)->fd, v->iov[0].base, v->iov[0].len);
    if (put < 0)
        return outside_failed(l, PLUG_OUT);
    v->len = (size_t)put;
    return 1;
}

static int outside_shut(struct plug_layer *l, int how)
{
    (void)l;
    (void)how;
    return 0;
}

static void outside_close(struct plug_layer *l)
{
    struct outside *o = outside_of(l);
    plug_io_del(l, &o->io);
    close(o->fd);
}

static const struct plug_kind outside_kinds[] = {
    {.name = "outside", .params = PLUG_PARAM_NUMBER, .usage = "N", .help = "a descriptor"},
    {0},
};

static const struct plug_ops outside_ops = {
    .name = "outside",
    .size = sizeof(struct outside),
    .flags = PLUG_BASE | PLUG_RELIABLE,
    .kinds = outside_kinds,
    .plan = outside_plan,
    .init = outside_init,
    .open = outside_open,
    .accept = plug_pass_accept,
    .recv = outside_recv,
    .send = outside_send,
    .shut = outside_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug_no_getopt,
    .setopt = plug_no_setopt,
    .tick = plug_no_tick,
    .close = outside_close,
};

static const struct plug_ops *const outside_layers[] = {&outside_ops, NULL};

/* ---- tests; the state names the backend ---- */

static void turn_until_up(struct plug_loop *loop, const struct plug_sock *s)
{
    while (plug_state(s) == PLUG_EAGAIN)
        assert_true(plug_loop_turn(loop, plug_now() + 5 * PLUG_SECOND) > 0);
    assert_int_equal(plug_state(s), 0);
}

static int64_t recv_soon(struct plug_loop *loop, struct plug_sock *s, char *buf, size_t len)
{
    plug_time until = plug_now() + 5 * PLUG_SECOND;
    int64_t r;
    while ((r = plug_recv(s, buf, len, 0, 0)) == PLUG_EAGAIN && plug_now() < until)
        plug_loop_turn(loop, until);
    return r;
}

static void test_outside__a_base_of_ones_own(void **state)
{
    static char block[65536];
    struct plug_loop *loop;
    struct plug_sock *s;
    char name[32], buf[8];
    int fd[2];
    int64_t r, sent = 0;
    assert_int_equal(plug_loop_new(&loop, *state, NULL), 0);
    plug_loop_layers(loop, outside_layers);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    (void)snprintf(name, sizeof(name), "outside:%d", fd[0]);
    assert_int_equal(plug_open_on(&s, loop, name, NULL), 0);
    turn_until_up(loop, s);

    for (int i = 0; i < 3; i++) { /* each time it has waited before */
        assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
        assert_int_equal(write(fd[1], "hello", 5), 5);
        assert_int_equal(recv_soon(loop, s, buf, sizeof(buf)), 5);
        assert_memory_equal(buf, "hello", 5);
    }

    while ((r = plug_send(s, block, sizeof(block), 0, 0)) > 0)
        sent += r;
    assert_int_equal(r, PLUG_EAGAIN);
    while (sent > 0) {
        ssize_t got = read(fd[1], block, sizeof(block));
        assert_true(got > 0);
        sent -= got;
    }
    while ((r = plug_send(s, "x", 1, 0, 0)) == PLUG_EAGAIN)
        assert_true(plug_loop_turn(loop, plug_now() + 5 * PLUG_SECOND) > 0);
    assert_int_equal(r, 1);

    assert_int_equal(read(fd[1], buf, sizeof(buf)), 1);
    close(fd[1]);
    assert_int_equal(recv_soon(loop, s, buf, sizeof(buf)), PLUG_EOF);
    plug_close(s);
    plug_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"test_outside__a_base_of_ones_own", test_outside__a_base_of_ones_own, NULL, NULL, NULL},
        {"test_outside__a_base_of_ones_own (poll)", test_outside__a_base_of_ones_own, NULL, NULL,
         (void *)(uintptr_t) "poll"},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

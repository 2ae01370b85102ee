/* SPDX-License-Identifier: MIT
 *
 * The unnamed pipe and FIFOs: bytes come back, ends are seen, a reader that left is noticed.
 */
#include "unit/endpoint/rig.h"

static void test_pipe__gives_bytes_back(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "pipe");
    char buf[32];
    rig_send_all(t, s, "there");
    rig_send_all(t, s, " and back");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "there and back");
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_EPIPE);
    plug_close(s);
}

/* Backpressure: a full pipe says "not now", and is ready again when it was read. */
static void test_pipe__full_is_not_now(void **state)
{
    static char block[8192];
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "pipe");
    int64_t r, in = 0, out = 0;
    while ((r = plug_send(s, block, sizeof(block), 0, 0)) > 0)
        in += r;
    assert_int_equal(r, PLUG_EAGAIN);
    assert_true(in > 0);
    while (out < in) {
        r = rig_recv(t, s, block, sizeof(block));
        assert_true(r > 0);
        out += r;
    }
    assert_int_equal(plug_recv(s, block, sizeof(block), 0, 0), PLUG_EAGAIN);
    assert_int_equal(rig_send(t, s, "x", 1), 1);
    assert_int_equal(rig_recv(t, s, block, sizeof(block)), 1);
    plug_close(s);
}

static void test_fifo__ends_with_its_last_writer(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, rig_at(t, "pipe", "p", ",rdonly"));
    char buf[16];
    int fd;
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN); /* no writer is no end */
    fd = open(rig_path(t, "p"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    close(fd);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF);
    plug_close(s);
    assert_int_not_equal(access(rig_path(t, "p"), F_OK), 0); /* it was made here */
}

static void test_fifo__waits_for_its_reader(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[8];
    int fd;
    assert_int_equal(mkfifo(rig_path(t, "p"), 0600), 0);
    assert_int_equal(plug_open_on(&s, t->loop, rig_at(t, "pipe", "p", ",wronly"), &t->err), 0);
    rig_turn(t);
    assert_int_equal(plug_state(s), PLUG_EAGAIN);
    fd = open(rig_path(t, "p"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    while (plug_state(s) == PLUG_EAGAIN)
        rig_turn(t);
    assert_int_equal(plug_state(s), 0);
    assert_int_equal(rig_send(t, s, "abc", 3), 3);
    assert_int_equal(read(fd, buf, sizeof(buf)), 3);
    close(fd);
    plug_close(s);
    assert_int_equal(unlink(rig_path(t, "p")), 0); /* it was there before: it stays */
}

static void test_fifo__reader_gone_is_noticed_while_idle(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    int fd;
    assert_int_equal(mkfifo(rig_path(t, "p"), 0600), 0);
    fd = open(rig_path(t, "p"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    s = rig_must(t, rig_at(t, "pipe", "p", ",wronly"));
    assert_int_equal(rig_send(t, s, "abc", 3), 3);
    assert_int_equal(plug_error(s, NULL), 0);
    close(fd);
    while (plug_error(s, NULL) == 0) /* no call on it but the loop's own */
        rig_turn(t);
    assert_int_equal(plug_error(s, NULL), PLUG_EPIPE);
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_EPIPE);
    plug_close(s);
    unlink(rig_path(t, "p"));
}

static void test_fifo__both_ways_is_a_loop(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, rig_at(t, "pipe", "p", ""));
    char buf[8];
    assert_int_equal(rig_send(t, s, "abc", 3), 3);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    plug_close(s);
}

/* -u: opened for the direction that is used, so that it ends with its writer. */
static void test_fifo__without_a_direction_is_not_a_loop(void **state)
{
    struct rig *t = *state;
    struct plug_plan *plan;
    struct plug_sock *s;
    char buf[8];
    int fd;
    assert_int_equal(plug__plan_parse(&plan, rig_at(t, "pipe", "p", ""), NULL, &t->err), 0);
    plan->without = PLUG_NOWRITE;
    assert_int_equal(plug__plan_check(plan, 0, 0, &t->err), 0);
    assert_int_equal(plug__sock_new(&s, t->loop, plan, &t->err), 0);
    plug__plan_drop(plan);
    plug__sock_start(s);
    while (plug_state(s) == PLUG_EAGAIN)
        rig_turn(t);
    fd = open(rig_path(t, "p"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "abc");
    plug_close(s);
}

static void test_fifo__other_file_is_refused_and_kept(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    rig_write_file(rig_path(t, "f"), "mine");
    assert_int_equal(rig_open(t, &s, rig_at(t, "pipe", "f", "")), PLUG_EEXIST);
    rig_expect_file(rig_path(t, "f"), "mine");
    unlink(rig_path(t, "f"));
}

static void test_fifo__file_opens_one_too(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[8];
    int fd;
    assert_int_equal(mkfifo(rig_path(t, "p"), 0600), 0);
    s = rig_must(t, rig_at(t, "file", "p", ",rdonly"));
    fd = open(rig_path(t, "p"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "abc");
    plug_close(s);
    unlink(rig_path(t, "p"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_pipe__gives_bytes_back),
        RIG_ALL(test_pipe__full_is_not_now),
        RIG_ALL(test_fifo__ends_with_its_last_writer),
        RIG_SHARED(test_fifo__waits_for_its_reader),
        RIG_SHARED(test_fifo__reader_gone_is_noticed_while_idle),
        RIG_ALL(test_fifo__both_ways_is_a_loop),
        RIG_SHARED(test_fifo__without_a_direction_is_not_a_loop),
        RIG_PRIVATE(test_fifo__other_file_is_refused_and_kept),
        RIG_ALL(test_fifo__file_opens_one_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Who has left, in virtual time: a side that takes no more and goes on talking, an interrupt while
 * nothing or something is on its way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim_relay.h"

struct leave {
    struct sim_world *w;
    struct sim_relay r;
    struct sim_end *a, *b;
    struct plug_sock *reader;
};

static int leave_setup(void **state)
{
    static struct leave t;
    t = (struct leave){.w = sim_new(NULL)};
    t.a = sim_end(t.w, "a");
    t.b = sim_end(t.w, "b");
    *state = &t;
    return 0;
}

static int leave_teardown(void **state)
{
    struct leave *t = *state;
    sim_relay_close(&t->r);
    sim_free(t->w);
    return 0;
}

static void leave_open(struct leave *t)
{
    if (sim_relay_open(&t->r, t->w, "sim:a", "sim:b") < 0)
        fail_msg("%s", t->r.err.text);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    assert_int_equal(t->r.opened, 1);
}

enum { LEAVE_ROOM = 1000 };

/* The reader behind `a`, who takes a little each second. */
static void leave_read(void *arg)
{
    struct leave *t = arg;
    static char buf[1 << 17];
    struct plug_iov iov = {buf, sizeof(buf)};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    (void)plug__sock_recv(t->reader, &m, 1, 0);
    sim_at(t->w, t->w->now + PLUG_SECOND, leave_read, t);
}

/* The failure is told at once, what is still said is delivered, but not for ever. */
static void test_leave__endless_last_words_are_bounded(void **state)
{
    static const char much[4 << 20];
    struct leave *t = *state;
    struct plug_err err;
    plug_time began;
    t->b->knobs.fail[SIM_OUT] = PLUG_EPIPE;
    t->b->knobs.fail_at[SIM_OUT] = 1;
    t->reader = sim_open(t->w, "sim:reader", &err);
    assert_non_null(t->reader);
    t->a->knobs.room = LEAVE_ROOM;
    sim_link(t->a, sim_end(t->w, "reader"));
    leave_open(t);
    began = t->w->now;
    sim_give(t->b, much, sizeof(much), 0);
    sim_give(t->a, "xy", 2, 0);
    leave_read(t);
    sim_run(t->w, began + 100 * PLUG_MS);
    assert_int_equal(t->r.lost, 0);
    assert_int_equal(t->r.warnings, 1);
    sim_run(t->w, began + 25 * PLUG_SECOND);
    assert_int_equal(t->r.lost, 0);
    sim_run(t->w, began + 60 * PLUG_SECOND);
    assert_int_equal(t->r.lost, 1);
    assert_int_equal(t->r.warnings, 1);
    assert_int_equal(t->r.err.code, PLUG_EPIPE);
    assert_true(plug__relay_done(t->r.relay));
    assert_true(t->r.stats.ended - began <= 36 * PLUG_SECOND); /* and the orderly close */
    plug_close(t->reader);
}

static void test_leave__interrupt_of_an_idle_session(void **state)
{
    struct leave *t = *state;
    leave_open(t);
    sim_give(t->a, "all of it", 9, 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    plug__relay_drain(t->r.relay, t->w->now + 600 * PLUG_SECOND);
    assert_false(plug__relay_done(t->r.relay));
    plug__relay_hurry(t->r.relay);
    assert_true(plug__relay_done(t->r.relay));
    assert_int_equal(t->r.lost, 0);
}

/* Ends when the last byte is out, not before. */
static void test_leave__interrupt_while_something_is_held(void **state)
{
    struct leave *t = *state;
    leave_open(t);
    t->b->frozen = SIM_STALLED;
    sim_give(t->a, "all of it", 9, 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    plug__relay_drain(t->r.relay, t->w->now + 600 * PLUG_SECOND);
    plug__relay_hurry(t->r.relay);
    sim_run(t->w, t->w->now + 10 * PLUG_SECOND);
    assert_false(plug__relay_done(t->r.relay));
    sim_thaw(t->b);
    sim_run(t->w, t->w->now + PLUG_SECOND);
    assert_true(plug__relay_done(t->r.relay));
    assert_int_equal(t->b->out_len, 9);
    assert_int_equal(t->r.lost, 0);
}

#define LEAVE(f) cmocka_unit_test_setup_teardown(f, leave_setup, leave_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAVE(test_leave__endless_last_words_are_bounded),
        LEAVE(test_leave__interrupt_of_an_idle_session),
        LEAVE(test_leave__interrupt_while_something_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

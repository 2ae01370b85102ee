/* SPDX-License-Identifier: MIT
 *
 * Opening once more, in virtual time: how long between, how often, and what is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/session.h"
#include "sim/sim_relay.h"
#include <stdio.h>
#include <string.h>

static void test_again__waits(void **state)
{
    struct plug__common c = {.interval = PLUG_SECOND};
    (void)state;
    assert_true(plug__again_wait(&c, 1) == PLUG_SECOND);
    assert_true(plug__again_wait(&c, 9) == PLUG_SECOND);
    c.backoff = 5 * PLUG_SECOND;
    assert_true(plug__again_wait(&c, 1) == PLUG_SECOND);
    assert_true(plug__again_wait(&c, 3) == 4 * PLUG_SECOND);
    assert_true(plug__again_wait(&c, 4) == 5 * PLUG_SECOND);
    assert_true(plug__again_wait(&c, UINT64_MAX) == 5 * PLUG_SECOND);
    c.backoff = 0;
    c.reconnect = 1;
    assert_true(plug__again_wait(&c, 100) == 30 * PLUG_SECOND);
    c.jitter = 10;
    for (int i = 0; i < 100; i++) {
        plug_time wait = plug__again_wait(&c, 100);
        assert_true(wait >= 27 * PLUG_SECOND && wait <= 33 * PLUG_SECOND);
    }
}

static void test_again__how_often(void **state)
{
    struct plug__common c = {.retry = 0};
    (void)state;
    assert_false(plug__again_may(&c, 1, PLUG_ECONNREFUSED));
    c.retry = 2;
    assert_true(plug__again_may(&c, 2, PLUG_ECONNREFUSED));
    assert_false(plug__again_may(&c, 3, PLUG_ECONNREFUSED));
    c.reconnect = 1; /* retry limits it */
    assert_false(plug__again_may(&c, 3, PLUG_ECONNREFUSED));
    c.retry = 0;
    assert_true(plug__again_may(&c, 1000, PLUG_ECONNREFUSED));
    assert_false(plug__again_may(&c, 1, PLUG_EUSAGE));
    c.forever = 1;
    assert_true(plug__again_may(&c, UINT64_MAX, PLUG_ETIMEDOUT));
    assert_false(plug__again_may(&c, 1, PLUG_ECANCELED));
}

static void test_again__text(void **state)
{
    const struct plug__common c = {.retry = 4};
    struct plug_err err = {.code = PLUG_ECONNREFUSED, .layer = "tcp", .text = "refused"};
    (void)state;
    plug__again_text(&err, &c, 2, PLUG_SECOND / 2);
    assert_string_equal(err.text, "refused; attempt 2 of 5, again in 0.5 s");
    assert_int_equal(err.code, PLUG_ECONNREFUSED);
}

/* The first n endpoints of that name are refused: b, b#2, b#3 … */
static void again_refuse(struct sim_world *w, int n)
{
    for (int i = 1; i <= n; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), i > 1 ? "b#%d" : "b", i);
        sim_end(w, name)->knobs.open_fails = PLUG_ECONNREFUSED;
    }
}

/* After one second, two, three and three. */
static void test_again__until_it_is_up(void **state)
{
    struct sim_world *w = sim_new(NULL);
    struct sim_relay r = {0};
    plug_time began = w->now;
    (void)state;
    again_refuse(w, 4);
    assert_int_equal(sim_relay_open(&r, w, "sim:a", "sim:b,forever,interval=1,backoff=3"), 0);
    sim_give(sim_end(w, "a"), "kept", 4, 0);
    sim_run(w, began + 8 * PLUG_SECOND);
    assert_int_equal(r.opened, 0);
    assert_int_equal(r.warnings, 4);
    sim_run(w, began + 10 * PLUG_SECOND);
    assert_int_equal(r.opened, 1);
    assert_int_equal(r.failed, 0);
    assert_int_equal(sim_end(w, "b#5")->out_len, 4);
    sim_relay_close(&r);
    sim_free(w);
}

static void test_again__not_for_ever(void **state)
{
    struct sim_world *w = sim_new(NULL);
    struct sim_relay r = {0};
    (void)state;
    again_refuse(w, 10);
    assert_int_equal(sim_relay_open(&r, w, "sim:a", "sim:b,retry=3,interval=10"), 0);
    sim_run(w, w->now + 29 * PLUG_SECOND);
    assert_false(plug__relay_done(r.relay));
    sim_run(w, w->now + 2 * PLUG_SECOND);
    assert_true(plug__relay_done(r.relay));
    assert_int_equal(r.failed, 1);
    assert_int_equal(plug__relay_status(r.relay), 4);
    sim_relay_close(&r);
    sim_free(w);
}

/* What could not be sent before waits for the next connection; the other side never notices. */
static void test_again__a_lost_side_comes_back(void **state)
{
    struct sim_world *w = sim_new(NULL);
    struct sim_relay r = {0};
    struct sim_end *a = sim_end(w, "a"), *b = sim_end(w, "b"), *next = sim_end(w, "b#2");
    (void)state;
    assert_int_equal(sim_relay_open(&r, w, "sim:a", "sim:b,reconnect,interval=1,preamble=HI"), 0);
    sim_run(w, w->now + 10 * PLUG_MS);
    b->frozen = SIM_STALLED;
    sim_give(a, "waits", 5, 0);
    sim_run(w, w->now + 10 * PLUG_MS);
    b->frozen = 0;
    b->knobs.fail[SIM_OUT] = PLUG_ECONNRESET;
    b->knobs.fail_at[SIM_OUT] = 2;
    sim_thaw(b);
    sim_run(w, w->now + 10 * PLUG_MS);
    assert_int_equal(r.lost, 0);
    assert_int_equal(b->closed, 1);
    assert_int_equal(next->out_len, 0);
    sim_run(w, w->now + 2 * PLUG_SECOND);
    assert_int_equal(next->out_len, 7);
    assert_memory_equal(next->out, "HIwaits", 7);
    assert_int_equal(a->closed, 0);
    sim_give(next, "back", 4, 0);
    sim_give_end(a, PLUG_EOF);
    sim_run(w, w->now + PLUG_SECOND);
    assert_int_equal(a->out_len, 4);
    assert_int_equal(next->shut, 1 + PLUG_SHUT_WR);
    sim_relay_close(&r);
    sim_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again__waits),
        cmocka_unit_test(test_again__how_often),
        cmocka_unit_test(test_again__text),
        cmocka_unit_test(test_again__until_it_is_up),
        cmocka_unit_test(test_again__not_for_ever),
        cmocka_unit_test(test_again__a_lost_side_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

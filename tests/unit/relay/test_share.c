/* SPDX-License-Identifier: MIT
 *
 * Several relays behind one listener whose layers name a route: known, unknown and dead ones, and
 * what becomes of the others when one goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract/tenants.h"
#include "sim/sim_relay.h"
#include <stdio.h>
#include <string.h>

struct world {
    struct sim_world *w;
    struct plug__relay_set set;
    struct sim_relay one, two;
};

static void world_relay(struct world *t, struct sim_relay *r, const char *a, const char *b)
{
    r->conf.set = &t->set;
    if (sim_relay_open(r, t->w, a, b) < 0)
        fail_msg("%s %s: %s", a, b, r->err.text);
}

static int world_setup(void **state)
{
    static struct world t;
    t = (struct world){.w = sim_new(tenants)};
    world_relay(&t, &t.one, "named+sim-listen:door,route=one", "sim:first");
    world_relay(&t, &t.two, "named+sim-listen:door,route=two", "sim:second");
    *state = &t;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *t = *state;
    sim_relay_close(&t->one);
    sim_relay_close(&t->two);
    sim_free(t->w);
    return 0;
}

/* A caller that asks for a route and says more at once. */
static struct sim_end *world_call(struct world *t, const char *name, const char *says)
{
    struct sim_end *e = sim_connect(t->w, "door", name);
    sim_give(e, says, strlen(says), 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    return e;
}

static void world_expect(const struct sim_end *e, const char *text)
{
    assert_int_equal(e->out_len, strlen(text));
    assert_memory_equal(e->out, text, strlen(text));
}

static void test_share__each_route_has_its_relay(void **state)
{
    struct world *t = *state;
    struct sim_end *a = world_call(t, "a", "ROUTE one\nto one");
    struct sim_end *b = world_call(t, "b", "ROUTE two\nto two");
    world_expect(a, "OK\n");
    world_expect(b, "OK\n");
    world_expect(sim_end(t->w, "first"), "to one");
    world_expect(sim_end(t->w, "second"), "to two");
    assert_int_equal(t->one.opened, 1);
    assert_int_equal(t->two.opened, 1);
    sim_give(sim_end(t->w, "second"), "back", 4, 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    world_expect(b, "OK\nback");
}

static void test_share__unknown_route(void **state)
{
    struct world *t = *state;
    world_expect(world_call(t, "a", "ROUTE three\n"), "404\n");
    assert_int_equal(t->one.opened + t->two.opened, 0);
    assert_int_equal(sim_end(t->w, "first")->layer == NULL, 1);
}

static void test_share__dead_target(void **state)
{
    struct world *t = *state;
    sim_end(t->w, "second")->knobs.open_fails = PLUG_ECONNREFUSED;
    world_expect(world_call(t, "a", "ROUTE two\n"), "502\n");
    assert_int_equal(t->two.failed, 1);
    assert_int_equal(t->two.err.code, PLUG_ECONNREFUSED);
    world_expect(world_call(t, "b", "ROUTE one\nx"), "OK\n"); /* the others never notice */
    world_expect(sim_end(t->w, "first"), "x");
}

/* The target takes its time; the child's handshake clock stands still meanwhile. */
static void test_share__slow_target(void **state)
{
    struct world *t = *state;
    struct sim_end *a;
    sim_end(t->w, "first")->knobs.open_delay = 20 * PLUG_SECOND;
    a = world_call(t, "a", "ROUTE one\nhi");
    assert_int_equal(a->out_len, 0);
    sim_run(t->w, t->w->now + 21 * PLUG_SECOND);
    world_expect(a, "OK\n");
    world_expect(sim_end(t->w, "first"), "hi");
}

/* The caller leaves while its target is being opened. */
static void test_share__caller_gone_while_deciding(void **state)
{
    struct world *t = *state;
    struct sim_end *a;
    sim_end(t->w, "second")->knobs.open_delay = PLUG_SECOND;
    a = world_call(t, "a", "ROUTE two\n");
    plug__relay_drain(t->one.relay, t->w->now + PLUG_SECOND); /* the listener closes */
    sim_run(t->w, t->w->now + 3 * PLUG_SECOND);
    assert_true(a->closed);
    assert_true(plug__relay_done(t->two.relay));
    assert_int_equal(t->two.opened, 0);
}

static void test_share__a_guest_leaves(void **state)
{
    struct world *t = *state;
    plug__relay_drain(t->two.relay, t->w->now);
    assert_true(plug__relay_done(t->two.relay));
    world_expect(world_call(t, "a", "ROUTE two\n"), "404\n");
    world_expect(world_call(t, "b", "ROUTE one\nx"), "OK\n");
}

/* A relay without a route takes what nobody else does, though it came first. */
static void test_share__catch_all_is_last(void **state)
{
    struct world *t = *state;
    struct sim_relay all = {0}, late = {0};
    world_relay(t, &all, "named+sim-listen:gate", "sim:all");
    world_relay(t, &late, "named+sim-listen:gate,route=late", "sim:late");
    struct sim_end *a = sim_connect(t->w, "gate", "a"), *b = sim_connect(t->w, "gate", "b");
    sim_give(a, "ROUTE late\n1", 12, 0);
    sim_give(b, "ROUTE other\n2", 13, 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    world_expect(sim_end(t->w, "late"), "1");
    world_expect(sim_end(t->w, "all"), "2");
    sim_relay_close(&late);
    sim_relay_close(&all);
}

/* Each serves one; the listener stays as long as somebody uses it. */
static void test_share__once_is_for_each_route(void **state)
{
    struct world *t = *state;
    struct sim_relay one = {0}, two = {0};
    struct sim_end *a, *b;
    world_relay(t, &one, "named+sim-listen:gate,route=one,once", "sim:o1");
    world_relay(t, &two, "named+sim-listen:gate,route=two,once", "sim:o2");
    a = sim_connect(t->w, "gate", "a");
    sim_give(a, "ROUTE one\n1", 11, 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    world_expect(sim_end(t->w, "o1"), "1");
    b = sim_connect(t->w, "gate", "b");
    sim_give(b, "ROUTE one\nx", 11, 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    world_expect(b, "404\n");
    sim_give_end(a, PLUG_EOF);
    sim_give_end(sim_end(t->w, "o1"), PLUG_EOF);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    b = sim_connect(t->w, "gate", "c");
    sim_give(b, "ROUTE two\n2", 11, 0);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    world_expect(sim_end(t->w, "o2"), "2");
    sim_give_end(b, PLUG_EOF);
    sim_give_end(sim_end(t->w, "o2"), PLUG_EOF);
    sim_run(t->w, t->w->now + 10 * PLUG_MS);
    assert_true(plug__relay_done(two.relay));
    assert_true(plug__relay_done(one.relay));
    sim_relay_close(&two);
    sim_relay_close(&one);
}

#define SHARE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARE(test_share__each_route_has_its_relay),
        SHARE(test_share__unknown_route),
        SHARE(test_share__dead_target),
        SHARE(test_share__slow_target),
        SHARE(test_share__caller_gone_while_deciding),
        SHARE(test_share__a_guest_leaves),
        SHARE(test_share__catch_all_is_last),
        SHARE(test_share__once_is_for_each_route),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

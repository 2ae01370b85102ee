/* SPDX-License-Identifier: MIT
 *
 * What the tenants are for: leaving with bytes left over, routes, output nobody asked for, and the
 * clocks of opening, all in virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/listener.h"
#include "sim/sim.h"
#include "tenants.h"
#include <string.h>

static struct plug_sock *must_open(struct sim_world *w, const char *address)
{
    struct plug_err err = {0};
    struct plug_sock *s = sim_open(w, address, &err);
    if (!s)
        fail_msg("%s: %s", address, err.text);
    return s;
}

static int64_t take(struct plug_sock *s, char *buf, size_t room)
{
    struct plug_iov iov = {buf, room};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r = plug__sock_recv(s, &m, 1, 0);
    return r < 0 ? r : (int64_t)m.len;
}

static void settle(struct sim_world *w)
{
    sim_run(w, w->now + PLUG_MS);
}

/* ---- leave ---- */

static void test_leave__gives_back_what_it_read_too_far(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *l = must_open(w, "leave+sim-listen:l"), *child;
    struct sim_end *e = sim_connect(w, "l", "peer");
    char buf[16];
    (void)state;
    sim_give(e, "CONNECT\nhello", 13, 0);
    settle(w);
    child = plug__listener_take(l);
    assert_non_null(child);
    assert_ptr_equal(child->top, plug__sock_base(child)); /* it is gone */
    assert_int_equal(take(child, buf, 2), 2);
    assert_memory_equal(buf, "he", 2);
    sim_give(e, " you", 4, 0);
    settle(w);
    assert_int_equal(take(child, buf, 16), 3);
    assert_memory_equal(buf, "llo", 3);
    assert_int_equal(take(child, buf, 16), 4);
    assert_memory_equal(buf, " you", 4);
    assert_int_equal(e->out_len, 3);
    assert_memory_equal(e->out, "OK\n", 3);
    plug_close(child);
    plug_close(l);
    sim_free(w);
}

/* A bypass would lose the bytes given back. */
static void test_leave__no_bypass_while_bytes_are_left_over(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *s = must_open(w, "leave+sim:a");
    struct plug_bypass b;
    (void)state;
    sim_give(sim_end(w, "a"), "OK\nrest", 7, 0);
    settle(w);
    assert_int_equal(plug_state(s), 0);
    assert_int_equal(plug__sock_bypass(s, PLUG_IN, &b), PLUG_ENOTSUP);
    plug_close(s);
    sim_free(w);
}

/* ---- listeners: handshakes beside each other, their clock, their limit ---- */

static void test_listener__a_silent_child_hinders_nobody(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *l = must_open(w, "leave+sim-listen:l"), *child;
    plug_time start = w->now;
    (void)state;
    struct sim_end *silent = sim_connect(w, "l", "silent"), *bad = sim_connect(w, "l", "bad");
    struct sim_end *good = sim_connect(w, "l", "good");
    sim_give(bad, "GARBAGE\n", 8, 0);
    sim_give(good, "CONNECT\n", 8, 0);
    settle(w);
    child = plug__listener_take(l);
    assert_non_null(child);
    assert_null(plug__listener_take(l));
    assert_int_equal(l->listener->stats.accepted, 3);
    assert_int_equal(l->listener->stats.failed, 1);
    assert_int_equal(bad->closed, 1);
    sim_run(w, start + 9 * PLUG_SECOND);
    assert_int_equal(silent->closed, 0);
    sim_run(w, start + 11 * PLUG_SECOND);
    assert_int_equal(silent->closed, 1);
    assert_int_equal(l->listener->stats.timed_out, 1);
    assert_int_equal(good->closed, 0);
    plug_close(child);
    plug_close(l);
    sim_free(w);
}

static void test_listener__half_open_children_are_limited(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *l = must_open(w, "leave+sim-listen:l,half-open=2");
    struct sim_end *third;
    (void)state;
    sim_connect(w, "l", "one");
    sim_connect(w, "l", "two");
    third = sim_connect(w, "l", "three");
    settle(w);
    assert_int_equal(l->listener->nopening, 2);
    assert_null(third->layer);
    sim_give(sim_end(w, "one"), "CONNECT\n", 8, 0);
    settle(w);
    assert_non_null(third->layer);
    plug_close(l);
    sim_free(w);
}

static void test_listener__closing_it_closes_children_in_every_state(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *l = must_open(w, "leave+sim-listen:l");
    struct sim_end *opening = sim_connect(w, "l", "opening"), *up = sim_connect(w, "l", "up");
    (void)state;
    sim_give(up, "CONNECT\n", 8, 0);
    settle(w);
    sim_connect(w, "l", "waiting");
    plug_close(l);
    assert_int_equal(opening->closed, 1);
    assert_int_equal(up->closed, 1);
    sim_free(w);
}

/* ---- the clocks of a client ---- */

static void check_times_out(const char *address, plug_time open_delay, int open_fails,
                            plug_time after)
{
    struct sim_world *w = sim_new(tenants);
    plug_time start = w->now;
    sim_end(w, "a")->knobs.open_delay = open_delay;
    sim_end(w, "a")->knobs.open_fails = open_fails;
    struct plug_sock *s = must_open(w, address);
    sim_run(w, start + after - PLUG_MS);
    assert_int_equal(plug_state(s), PLUG_EAGAIN);
    sim_run(w, start + after + PLUG_MS);
    assert_int_equal(plug_state(s), PLUG_ETIMEDOUT);
    plug_close(s);
    sim_free(w);
}

static void test_clock__connect_ends_after_30_seconds(void **state)
{
    (void)state;
    check_times_out("sim:a", 0, PLUG_EAGAIN, 30 * PLUG_SECOND);
    check_times_out("sim:a,connect-timeout=3", 0, PLUG_EAGAIN, 3 * PLUG_SECOND);
}

static void test_clock__a_handshake_ends_10_seconds_after_the_connection(void **state)
{
    (void)state;
    check_times_out("turns+sim:a", 0, 0, 10 * PLUG_SECOND);
    check_times_out("turns+sim:a", 25 * PLUG_SECOND, 0, 35 * PLUG_SECOND);
    check_times_out("turns+sim:a,handshake-timeout=0.5", 0, 0, PLUG_SECOND / 2);
}

static void test_clock__an_open_endpoint_has_none(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *s = must_open(w, "turns+sim:a");
    (void)state;
    sim_give(sim_end(w, "a"), "S", 1, 0);
    sim_run(w, w->now + 3600 * PLUG_SECOND);
    assert_int_equal(plug_state(s), 0);
    plug_close(s);
    sim_free(w);
}

/* ---- routes ---- */

struct target {
    struct plug__route route;
    int verdict; /* PLUG_EAGAIN: later */
    int asked;
    struct plug_sock *child;
};

static void target_decide(struct plug__route *r, struct plug_sock *child)
{
    struct target *t = r->arg;
    t->asked++;
    t->child = child;
    if (t->verdict != PLUG_EAGAIN)
        plug__child_verdict(child, t->verdict);
}

static void set_target(struct target *t, struct plug_sock *l, const char *path, int verdict)
{
    *t = (struct target){.verdict = verdict};
    t->route = (struct plug__route){.path = path, .decide = target_decide, .arg = t};
    plug__listener_route(l, &t->route);
}

static void ask(struct sim_world *w, const char *peer, const char *line)
{
    struct sim_end *e = sim_connect(w, "l", peer);
    sim_give(e, line, strlen(line), 0);
    settle(w);
}

static void check_answer(struct sim_world *w, const char *peer, const char *answer)
{
    struct sim_end *e = sim_end(w, peer);
    assert_int_equal(e->out_len, strlen(answer));
    assert_memory_equal(e->out, answer, strlen(answer));
}

static void test_named__known_unknown_and_dead_routes(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *l = must_open(w, "named+sim-listen:l"), *child;
    struct target good, dead;
    char buf[8];
    (void)state;
    settle(w);
    set_target(&good, l, "good", 0);
    set_target(&dead, l, "dead", PLUG_ECONNREFUSED);
    ask(w, "one", "ROUTE good\nmore");
    ask(w, "two", "ROUTE nowhere\n");
    ask(w, "three", "ROUTE dead\n");
    check_answer(w, "one", "OK\n");
    check_answer(w, "two", "404\n");
    check_answer(w, "three", "502\n");
    child = plug__listener_take(l);
    assert_non_null(child);
    assert_int_equal(take(child, buf, sizeof(buf)), 4);
    assert_null(plug__listener_take(l));
    assert_int_equal(sim_end(w, "two")->closed, 1);
    assert_int_equal(sim_end(w, "three")->closed, 1);
    assert_int_equal(good.asked, 1);
    assert_int_equal(dead.asked, 1);
    plug_close(child);
    plug_close(l);
    sim_free(w);
}

static void test_named__without_routes_all_are_taken(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *l = must_open(w, "named+sim-listen:l"), *child;
    (void)state;
    settle(w);
    ask(w, "one", "ROUTE x\n");
    check_answer(w, "one", "OK\n");
    child = plug__listener_take(l);
    assert_non_null(child);
    plug_close(child);
    plug_close(l);
    sim_free(w);
}

/* The target may take longer to open than a handshake may last: that clock stands still. */
static void test_named__the_clock_stands_still_while_it_is_decided(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *l = must_open(w, "named+sim-listen:l"), *child;
    struct target slow;
    (void)state;
    settle(w);
    set_target(&slow, l, "slow", PLUG_EAGAIN);
    ask(w, "one", "ROUTE slow\n");
    assert_int_equal(slow.asked, 1);
    sim_run(w, w->now + 25 * PLUG_SECOND);
    assert_int_equal(sim_end(w, "one")->closed, 0);
    assert_int_equal(sim_end(w, "one")->out_len, 0);
    plug__child_verdict(slow.child, 0);
    settle(w);
    check_answer(w, "one", "OK\n");
    child = plug__listener_take(l);
    assert_non_null(child);
    sim_run(w, w->now + 60 * PLUG_SECOND);
    assert_int_equal(plug_state(child), 0);
    plug_close(child);
    plug_close(l);
    sim_free(w);
}

static void test_named__a_client_is_told(void **state)
{
    static const struct {
        const char *answer;
        int code;
    } cases[] = {{"404\n", PLUG_ENOROUTE}, {"502\n", PLUG_ECONNREFUSED}, {"OK\n", 0}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sim_world *w = sim_new(tenants);
        struct plug_sock *s = must_open(w, "named+sim:a,route=x");
        sim_give(sim_end(w, "a"), cases[i].answer, strlen(cases[i].answer), 0);
        settle(w);
        assert_int_equal(plug_state(s), cases[i].code);
        check_answer(w, "a", "ROUTE x\n");
        plug_close(s);
        sim_free(w);
    }
}

/* ---- beat: output that nobody asked for ---- */

static uint64_t count(struct plug_sock *s, int name)
{
    uint64_t n = 0;
    size_t len = sizeof(n);
    assert_int_equal(plug_getsockopt(s, BEAT_LEVEL, name, &n, &len), 0);
    return n;
}

static void test_beat__emits_by_time_and_answers_by_itself(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *a, *b;
    (void)state;
    sim_link(sim_end(w, "a"), sim_end(w, "b"));
    a = must_open(w, "beat+sim:a");
    b = must_open(w, "beat+sim:b");
    sim_run(w, w->now + 10 * PLUG_SECOND + PLUG_SECOND / 2);
    assert_int_equal(count(a, BEAT_PINGS), 10);
    assert_int_equal(count(a, BEAT_PONGS), 10);
    assert_int_equal(count(b, BEAT_PONGS), 10);
    plug_close(a);
    plug_close(b);
    sim_free(w);
}

/* A peer that does not read blocks the pings: they do not pile up, and go on when it reads. */
static void test_beat__holds_at_most_one_of_each(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct sim_end *e = sim_end(w, "a");
    struct plug_sock *s = must_open(w, "beat+sim:a");
    (void)state;
    settle(w);
    e->frozen = SIM_STALLED;
    for (int i = 0; i < 20; i++)
        sim_give(e, "P\0", 2, 0);
    sim_run(w, w->now + 20 * PLUG_SECOND);
    assert_int_equal(e->out_len, 0);
    assert_true(plug__sock_want(s, 0) & PLUG_OUT);
    sim_thaw(e);
    sim_run(w, w->now + PLUG_SECOND / 2);
    assert_true(e->out_len >= 4 && e->out_len <= 44);
    assert_false(plug__sock_want(s, 0) & PLUG_OUT);
    plug_close(s);
    sim_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leave__gives_back_what_it_read_too_far),
        cmocka_unit_test(test_leave__no_bypass_while_bytes_are_left_over),
        cmocka_unit_test(test_listener__a_silent_child_hinders_nobody),
        cmocka_unit_test(test_listener__half_open_children_are_limited),
        cmocka_unit_test(test_listener__closing_it_closes_children_in_every_state),
        cmocka_unit_test(test_clock__connect_ends_after_30_seconds),
        cmocka_unit_test(test_clock__a_handshake_ends_10_seconds_after_the_connection),
        cmocka_unit_test(test_clock__an_open_endpoint_has_none),
        cmocka_unit_test(test_named__known_unknown_and_dead_routes),
        cmocka_unit_test(test_named__without_routes_all_are_taken),
        cmocka_unit_test(test_named__the_clock_stands_still_while_it_is_decided),
        cmocka_unit_test(test_named__a_client_is_told),
        cmocka_unit_test(test_beat__emits_by_time_and_answers_by_itself),
        cmocka_unit_test(test_beat__holds_at_most_one_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

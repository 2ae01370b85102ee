/* SPDX-License-Identifier: MIT
 *
 * Socks and listeners that are closed from inside their own turns, and clocks that were not looked
 * at for long. Data is the contract's business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract/tenants.h"
#include "core/listener.h"
#include "os/os.h"
#include "sim/sim.h"
#include <stdio.h>
#include <string.h>

static struct plug_sock *must_open(struct sim_world *w, const char *address)
{
    struct plug_err err = {0};
    struct plug_sock *s = sim_open(w, address, &err);
    if (!s)
        fail_msg("%s: %s", address, err.text);
    return s;
}

static void settle(struct sim_world *w)
{
    sim_run(w, w->now + PLUG_MS);
}

/* ---- listeners ---- */

struct door {
    struct plug__route route;
    struct plug_sock *listener;
    int verdict, asked, lost, closes_child;
};

static void door_decide(struct plug__route *r, struct plug_sock *child)
{
    struct door *d = plug__of(r, struct door, route);
    d->asked++;
    if (d->closes_child) {
        plug_close(child);
        return;
    }
    plug__child_verdict(child, d->verdict);
    plug_close(d->listener); /* and the child with it */
    d->listener = NULL;
}

static void door_lost(struct plug__listener *l, struct plug_sock *child, int code)
{
    struct door *d = l->arg;
    (void)child;
    (void)code;
    d->lost++;
    plug_close(d->listener);
    d->listener = NULL;
}

static void test_listener__closed_inside_a_decision(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct door d = {.listener = must_open(w, "named+sim-listen:l"), .route.decide = door_decide};
    struct sim_end *e;
    (void)state;
    plug__listener_route(d.listener, &d.route);
    e = sim_connect(w, "l", "peer");
    sim_give(e, "ROUTE x\n", 8, 0);
    settle(w);
    assert_int_equal(d.asked, 1);
    assert_int_equal(e->closed, 1);
    assert_int_equal(e->out_len, 0); /* no layer was called after its close */
    sim_free(w);
}

static void test_listener__closed_when_told_of_a_loss(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct door d = {.listener = must_open(w, "named+sim-listen:l")};
    struct sim_end *e;
    (void)state;
    d.listener->listener->lost = door_lost;
    d.listener->listener->arg = &d;
    e = sim_connect(w, "l", "peer");
    sim_give(e, "nonsense\n", 9, 0);
    settle(w);
    assert_int_equal(d.lost, 1);
    assert_int_equal(e->closed, 1);
    sim_free(w);
}

/* A child that somebody else closes leaves room for the next. */
static void test_listener__room_after_a_child_was_closed(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct door d = {.listener = must_open(w, "named+sim-listen:l,half-open=1"),
                     .route.decide = door_decide,
                     .closes_child = 1};
    struct sim_end *e[3];
    (void)state;
    plug__listener_route(d.listener, &d.route);
    for (int i = 0; i < 3; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "peer%d", i);
        e[i] = sim_connect(w, "l", name);
        sim_give(e[i], "ROUTE x\n", 8, 0);
    }
    settle(w);
    assert_int_equal(d.asked, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(e[i]->closed, 1);
    plug_close(d.listener);
    sim_free(w);
}

/* ---- clocks ---- */

/* Its owner was busy for a minute between two turns: that is not the endpoint's time. */
static void test_sock__time_to_connect_begins_at_open(void **state)
{
    struct sim_world *w = sim_new(tenants);
    struct plug_sock *s;
    (void)state;
    w->loop->now = w->now;
    w->now += 60 * PLUG_SECOND;
    sim_end(w, "slow")->knobs.open_delay = 5 * PLUG_SECOND;
    s = must_open(w, "sim:slow");
    sim_run(w, w->now + 6 * PLUG_SECOND);
    assert_int_equal(plug_state(s), 0);
    plug_close(s);
    sim_free(w);
}

/* ---- private loops ---- */

static void watch_closes(struct plug_sock *s, void *arg)
{
    ++*(int *)arg;
    plug_close(s);
}

static void test_sock__private_loop_ends_inside_its_turn(void **state)
{
    struct plug_sock *s = NULL;
    char buf[4];
    int closed = 0;
    (void)state;
    assert_int_equal(plug_open(&s, "echo:", plug_now() + PLUG_SECOND, NULL), 0);
    plug_watch(s, watch_closes, &closed);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, plug_now() + PLUG_SECOND), PLUG_ECANCELED);
    assert_int_equal(closed, 1);
}

static void loop_closes(struct plug_sock *s, void *arg)
{
    struct plug_loop **loop = arg;
    plug_close(s);
    plug_loop_free(*loop);
    *loop = NULL;
}

static void test_sock__loop_freed_inside_its_turn(void **state)
{
    struct plug_loop *loop;
    struct plug_sock *s = NULL;
    (void)state;
    assert_int_equal(plug_loop_new(&loop, NULL, NULL), 0);
    assert_int_equal(plug_open_on(&s, loop, "echo:", NULL), 0);
    plug_watch(s, loop_closes, &loop);
    assert_int_equal(plug_loop_turn(loop, plug_now() + PLUG_SECOND), PLUG_ECANCELED);
    assert_null(loop);
}

/* ---- threads ---- */

enum { THREADS_CHILDREN = 50 };

struct threads {
    struct plug__mutex lock;
    struct plug__cond done;
    struct plug_sock *child[THREADS_CHILDREN];
    int next, over;
};

static void threads_serve(void *arg)
{
    struct threads *t = arg;
    struct plug_sock *s;
    char buf[8];
    plug__mutex_lock(&t->lock);
    s = t->child[t->next++];
    plug__mutex_unlock(&t->lock);
    (void)plug_recv(s, buf, sizeof(buf), 0, plug_now() + 10 * PLUG_SECOND);
    plug_close(s);
    plug__mutex_lock(&t->lock);
    t->over++;
    plug__cond_signal(&t->done);
    plug__mutex_unlock(&t->lock);
}

/* Each child of a kernel's listener goes to a thread of its own while the listener goes on. */
static void test_sock__children_on_threads(void **state)
{
    static struct threads t;
    struct plug_sock *l = NULL, *c;
    struct plug_addr at = {0};
    size_t len = sizeof(at);
    char target[64];
    (void)state;
    assert_int_equal(plug__mutex_init(&t.lock), 0);
    assert_int_equal(plug__cond_init(&t.done), 0);
    assert_int_equal(plug_open(&l, "tcp-listen://127.0.0.1:0", plug_now() + PLUG_SECOND, NULL), 0);
    assert_int_equal(plug_getsockopt(l, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &at, &len), 0);
    (void)snprintf(target, sizeof(target), "tcp://127.0.0.1:%u", plug__os_addr_port(&at));
    for (int i = 0; i < THREADS_CHILDREN; i++) {
        plug_time until = plug_now() + 10 * PLUG_SECOND;
        struct plug_sock *child = NULL;
        assert_int_equal(plug_open(&c, target, until, NULL), 0);
        assert_int_equal(plug_accept(l, &child, until), 0);
        plug__mutex_lock(&t.lock);
        t.child[i] = child;
        plug__mutex_unlock(&t.lock);
        assert_int_equal(plug__thread_start(threads_serve, &t, NULL), 0);
        plug_close(c);
    }
    plug_close(l);
    plug__mutex_lock(&t.lock);
    while (t.over < THREADS_CHILDREN)
        plug__cond_wait(&t.done, &t.lock);
    plug__mutex_unlock(&t.lock);
    plug__cond_drop(&t.done);
    plug__mutex_drop(&t.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener__closed_inside_a_decision),
        cmocka_unit_test(test_listener__closed_when_told_of_a_loss),
        cmocka_unit_test(test_listener__room_after_a_child_was_closed),
        cmocka_unit_test(test_sock__time_to_connect_begins_at_open),
        cmocka_unit_test(test_sock__private_loop_ends_inside_its_turn),
        cmocka_unit_test(test_sock__loop_freed_inside_its_turn),
        cmocka_unit_test(test_sock__children_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

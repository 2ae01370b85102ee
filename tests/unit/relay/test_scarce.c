/* SPDX-License-Identifier: MIT
 *
 * Sessions when descriptors run out: who was accepted waits for its other side, and gets it as soon
 * as another session gives its own back.
 */
#include "rig.h"

#include <sys/resource.h>

enum { SCARCE_CLIENTS = 16, SCARCE_LEFT = 8 };

/* Leaves so many descriptors to the process; returns the limit that was. */
static struct rlimit scarce_begin(int left)
{
    struct rlimit was, now;
    plug_handle next = rig_socket(SOCK_STREAM);
    plug__os_close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    now = was;
    now.rlim_cur = (rlim_t)(next + left);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    return was;
}

static void turn_for(struct rig *t, plug_time time)
{
    plug_time until = plug_now() + time;
    while (plug_now() < until)
        rig_turn(t);
}

static void test_scarce__who_was_accepted_waits(void **state)
{
    struct rig *t = *state;
    plug_handle c[SCARCE_CLIENTS], server;
    char target[64];
    struct plug__relay *r;
    struct rlimit was;
    server = rig_server(SOCK_STREAM, target, sizeof(target), "tcp"); /* its queue is enough */
    r = rig_relay(t, "tcp-listen://127.0.0.1:0#max-sessions=100", target);
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    for (int i = 0; i < SCARCE_CLIENTS; i++)
        c[i] = rig_connect(rig_port(t), SOCK_STREAM);
    was = scarce_begin(SCARCE_LEFT);
    turn_for(t, 300 * PLUG_MS);
    assert_int_equal(t->seen[PLUG__EV_FAILED], 0);
    assert_in_range(t->seen[PLUG__EV_OPENED], 2, (SCARCE_LEFT + PLUG__LISTENER_RESERVE) / 2);
    for (int i = 0; i < SCARCE_CLIENTS; i++) { /* one goes, one comes */
        unsigned opened = t->seen[PLUG__EV_OPENED];
        (void)plug__os_reset(c[i]);
        plug__os_close(c[i]);
        if (opened < SCARCE_CLIENTS)
            rig_until_seen(t, PLUG__EV_OPENED, opened + 1);
    }
    rig_until_seen(t, PLUG__EV_LOST, SCARCE_CLIENTS);
    assert_int_equal(t->seen[PLUG__EV_FAILED], 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    plug__relay_free(r);
    plug__os_close(server);
}

/* A caller was accepted, and from now on there is none, kept back or not. */
static void scarce_none(void *arg, struct plug_sock *sock, int side)
{
    struct rig *t = arg;
    struct rlimit now;
    (void)sock;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    now.rlim_cur = 3;
    if (side == 0 && t->side != -2)
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

/* Nobody has any to give back: said at once, and the next one is served when there are some. */
static void test_scarce__none_to_wait_for(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r;
    struct rlimit was;
    plug_handle c;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    t->conf.opened = scarce_none;
    r = rig_relay(t, "tcp-listen://127.0.0.1:0#max-sessions=100", "exec:cat");
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    c = rig_connect(rig_port(t), SOCK_STREAM);
    rig_until_seen(t, PLUG__EV_FAILED, 1);
    assert_int_equal(t->err.code, PLUG_EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    t->side = -2; /* scarce_none: no more */
    plug__os_close(c);
    c = rig_connect(rig_port(t), SOCK_STREAM);
    rig_write(t, c, "x", 1);
    rig_expect(t, c, "x");
    plug__os_close(c);
    rig_until_seen(t, PLUG__EV_ENDED, 1);
    plug__relay_free(r);
}

/* What was kept back is enough for the first. */
static void test_scarce__the_reserve_serves_one(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r =
        rig_relay(t, "tcp-listen://127.0.0.1:0#max-sessions=100", "exec:cat,pipes");
    struct rlimit was;
    plug_handle c;
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    c = rig_connect(rig_port(t), SOCK_STREAM);
    was = scarce_begin(1);
    rig_write(t, c, "x", 1);
    rig_expect(t, c, "x");
    assert_int_equal(t->seen[PLUG__EV_FAILED], 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    plug__os_close(c);
    rig_until_seen(t, PLUG__EV_ENDED, 1);
    plug__relay_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_scarce__who_was_accepted_waits),
        RIG(test_scarce__none_to_wait_for),
        RIG(test_scarce__the_reserve_serves_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The clocks of a relay in virtual time: half-close, grace, idle, drain; and Happy Eyeballs on real
 * sockets whose waits are virtual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim_relay.h"
#include <stdio.h>
#include <string.h>

struct world {
    struct sim_world *w;
    struct sim_end *a, *b;
    struct sim_relay r;
};

static void begin(struct world *t, const char *a, const char *b)
{
    t->w = sim_new(NULL);
    t->a = sim_end(t->w, "a");
    t->b = sim_end(t->w, "b");
    if (sim_relay_open(&t->r, t->w, a, b) < 0)
        fail_msg("%s", t->r.err.text);
    sim_run(t->w, t->w->now + PLUG_MS);
    assert_int_equal(t->r.opened, 1);
}

static void finish(struct world *t)
{
    sim_relay_close(&t->r);
    sim_free(t->w);
}

static void wait_for(struct world *t, plug_time span)
{
    sim_run(t->w, t->w->now + span);
}

static void check_out(const struct sim_end *e, const char *bytes)
{
    assert_int_equal(e->out_len, strlen(bytes));
    assert_memory_equal(e->out, bytes, strlen(bytes));
}

/* A sends its request and its end; B has got both. */
static void request(struct world *t)
{
    sim_give(t->a, "request", 7, PLUG_MSG_EOR);
    sim_give_end(t->a, PLUG_EOF);
    wait_for(t, PLUG_MS);
    check_out(t->b, "request");
}

static void reply(struct world *t)
{
    sim_give(t->b, "reply", 5, PLUG_MSG_EOR);
    wait_for(t, PLUG_MS);
    check_out(t->a, "reply");
}

static void test_time__a_half_close_waits_for_the_reply_without_limit(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    request(&t);
    assert_int_equal(t.b->shut, 1 + PLUG_SHUT_WR);
    wait_for(&t, 3600 * PLUG_SECOND);
    reply(&t);
    assert_int_equal(t.r.ended, 0);
    sim_give_end(t.b, PLUG_EOF);
    wait_for(&t, PLUG_MS);
    assert_int_equal(t.r.ended, 1);
    assert_true(plug__relay_done(t.r.relay));
    assert_int_equal(plug__relay_status(t.r.relay), 0);
    finish(&t);
}

static void test_time__half_wait_limits_it(void **state)
{
    struct world t = {.r.conf.half_wait = 3 * PLUG_SECOND};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    request(&t);
    wait_for(&t, 2 * PLUG_SECOND);
    assert_int_equal(t.b->closed, 0);
    wait_for(&t, PLUG_SECOND + 2 * PLUG_MS);
    assert_int_equal(t.b->closed, 1);
    finish(&t);
}

/* The other side cannot half-close: a reply at half of grace is kept and begins it anew. */
static void check_grace(const char *b, plug_time grace)
{
    struct world t = {0};
    begin(&t, "sim:a,type=seqpacket", b);
    request(&t);
    assert_int_equal(t.b->shut, 0);
    wait_for(&t, grace / 2);
    reply(&t);
    wait_for(&t, grace - 20 * PLUG_MS);
    assert_int_equal(t.b->closed, 0);
    wait_for(&t, 40 * PLUG_MS);
    assert_int_equal(t.b->closed, 1);
    assert_int_equal(t.r.ended, 1);
    assert_int_equal(plug__relay_status(t.r.relay), 0);
    finish(&t);
}

static void test_time__grace_keeps_a_reply_at_its_half(void **state)
{
    (void)state;
    check_grace("sim:b,type=seqpacket,half=0", 2 * PLUG_SECOND);
    check_grace("sim:b,type=seqpacket,half=0,grace=7", 7 * PLUG_SECOND);
    check_grace("sim:b,type=dgram", 2 * PLUG_SECOND);
}

static void test_time__grace_0_closes_at_once(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b,half=0,grace=0");
    request(&t);
    wait_for(&t, PLUG_MS);
    assert_int_equal(t.b->closed, 1);
    assert_int_equal(t.r.ended, 1);
    finish(&t);
}

static void test_time__grace_inf_never_closes(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b,half=0,grace=inf");
    request(&t);
    wait_for(&t, 3600 * PLUG_SECOND);
    assert_int_equal(t.b->closed, 0);
    reply(&t);
    finish(&t);
}

/* Grace is for a reply that may come; when both inputs have ended none can. */
static void test_time__both_ended_close_at_once(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b,half=0");
    sim_give_end(t.b, PLUG_EOF);
    sim_give(t.a, "x", 1, 0);
    sim_give_end(t.a, PLUG_EOF);
    wait_for(&t, 10 * PLUG_MS);
    check_out(t.b, "x");
    assert_int_equal(t.b->closed, 1);
    assert_int_equal(t.r.ended, 1);
    finish(&t);
}

static void test_time__idle_ends_a_silent_session(void **state)
{
    struct world t = {.r.conf.idle = 5 * PLUG_SECOND};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    wait_for(&t, 4 * PLUG_SECOND);
    sim_give(t.a, "x", 1, 0);
    wait_for(&t, 4 * PLUG_SECOND);
    assert_int_equal(t.a->closed, 0);
    wait_for(&t, PLUG_SECOND + 10 * PLUG_MS);
    assert_int_equal(t.a->closed, 1);
    assert_int_equal(t.b->closed, 1);
    finish(&t);
}

/* A sink that fails is a reset to the source, never a clean end, and the loss is counted. */
static void test_time__a_failed_sink_resets_the_source(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    t.b->knobs.fail[SIM_OUT] = PLUG_EPIPE;
    t.b->knobs.fail_at[SIM_OUT] = 3;
    sim_give(t.a, "0123456789", 10, 0);
    wait_for(&t, 10 * PLUG_SECOND);
    assert_int_equal(t.a->shut, 1 + PLUG_SHUT_RESET);
    assert_int_equal(t.r.lost, 1);
    assert_int_equal(plug__relay_status(t.r.relay), 8);
    finish(&t);
}

/* ---- Happy Eyeballs ---- */

struct v6hole {
    plug_handle hole, filler[8], good;
    unsigned nfiller;
    uint16_t port;
};

/* ::1 takes no more connections on the port and says nothing; 127.0.0.1 does. Returns 0 when this
 * system cannot be made so. */
static int dig(struct v6hole *h)
{
    struct plug_addr six, four;
    *h = (struct v6hole){.hole = PLUG_NO_HANDLE, .good = PLUG_NO_HANDLE};
    if (plug__os_addr_ip(&six, "::1", 0) < 0 ||
        plug__os_socket(&h->hole, six.family, 1, 0, NULL) < 0)
        return 0;
    if (plug__os_bind(h->hole, &six, NULL) < 0 || plug__os_listen(h->hole, 0, NULL) < 0 ||
        plug__os_sockname(h->hole, &six, NULL) < 0)
        return 0;
    h->port = plug__os_addr_port(&six);
    if (plug__os_addr_ip(&four, "127.0.0.1", h->port) < 0 ||
        plug__os_socket(&h->good, four.family, 1, 0, NULL) < 0 ||
        plug__os_bind(h->good, &four, NULL) < 0 || plug__os_listen(h->good, 8, NULL) < 0)
        return 0;
    while (h->nfiller < 8) { /* until one is left without an answer */
        plug_handle f = PLUG_NO_HANDLE;
        if (plug__os_socket(&f, six.family, 1, 0, NULL) < 0)
            return 0;
        h->filler[h->nfiller++] = f;
        (void)plug__os_connect(f, &six, NULL);
        struct plug__pollfd p = {.handle = f, .want = PLUG_OUT};
        if (plug__os_poll(&p, 1, 50 * PLUG_MS, NULL) == 0)
            return 1;
    }
    return 0;
}

static void fill_in(struct v6hole *h)
{
    for (unsigned i = 0; i < h->nfiller; i++)
        plug__os_close(h->filler[i]);
    if (h->hole != PLUG_NO_HANDLE)
        plug__os_close(h->hole);
    if (h->good != PLUG_NO_HANDLE)
        plug__os_close(h->good);
}

/* localhost has both families here or the test says nothing. */
static int both_families(uint16_t port)
{
    struct plug_addr a[16];
    int four = 0, six = 0, n = plug_gethostbyname("localhost", port, a, 16, PLUG_FOREVER, NULL);
    for (int i = 0; i < n; i++) {
        char text[80] = "";
        (void)plug_addr_text(&a[i], text, sizeof(text));
        six |= text[0] == '[';
        four |= text[0] != '[';
    }
    return four && six;
}

static void test_time__happy_eyeballs_tries_the_other_family_after_250_ms(void **state)
{
    struct v6hole h;
    char address[64];
    (void)state;
    if (!dig(&h) || !both_families(h.port)) {
        fill_in(&h);
        skip();
    }
    struct sim_world *w = sim_new(NULL);
    plug_time start = w->now, up = 0;
    struct plug_err err = {0};
    w->patience = 100 * PLUG_MS; /* the resolver's thread and loopback get real time */
    (void)snprintf(address, sizeof(address), "tcp://localhost:%u", h.port);
    struct plug_sock *s = sim_open(w, address, &err);
    assert_non_null(s);
    while (plug_state(s) == PLUG_EAGAIN && w->now < start + 5 * PLUG_SECOND)
        plug__loop_poll(w->loop, start + 5 * PLUG_SECOND);
    up = w->now;
    assert_int_equal(plug_state(s), 0);
    assert_true(up - start >= 200 * PLUG_MS);
    assert_true(up - start <= 700 * PLUG_MS);
    plug_close(s);
    sim_free(w);
    fill_in(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time__a_half_close_waits_for_the_reply_without_limit),
        cmocka_unit_test(test_time__half_wait_limits_it),
        cmocka_unit_test(test_time__grace_keeps_a_reply_at_its_half),
        cmocka_unit_test(test_time__grace_0_closes_at_once),
        cmocka_unit_test(test_time__grace_inf_never_closes),
        cmocka_unit_test(test_time__both_ended_close_at_once),
        cmocka_unit_test(test_time__idle_ends_a_silent_session),
        cmocka_unit_test(test_time__a_failed_sink_resets_the_source),
        cmocka_unit_test(test_time__happy_eyeballs_tries_the_other_family_after_250_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

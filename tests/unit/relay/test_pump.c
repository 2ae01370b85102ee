/* SPDX-License-Identifier: MIT
 *
 * Pumps between simulated ends: every short transfer, records in pieces, refusals, want of memory.
 * Clocks are tests/sim's, real kernels test_relay's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/session.h"
#include "sim/sim_relay.h"
#include "unit/torture.h"
#include "util/attr.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIG = 300000 };

struct world {
    struct sim_world *w;
    struct sim_end *a, *b;
    struct sim_relay r;
};

static unsigned char pump_data[BIG];

static void begin(struct world *t, const char *a, const char *b)
{
    t->w = sim_new(NULL);
    t->a = sim_end(t->w, "a");
    t->b = sim_end(t->w, "b");
    for (size_t i = 0; i < BIG; i++)
        pump_data[i] = (unsigned char)(i * 31 + i / 251);
    if (sim_relay_open(&t->r, t->w, a, b) < 0)
        fail_msg("%s", t->r.err.text);
}

static void run(struct world *t)
{
    sim_run(t->w, t->w->now + 100 * PLUG_MS);
}

static void finish(struct world *t)
{
    sim_relay_close(&t->r);
    sim_free(t->w);
}

static void check(const struct sim_end *e, size_t len)
{
    assert_int_equal(e->out_len, len);
    assert_memory_equal(e->out, pump_data, len);
}

/* ---- streams ---- */

static void pump_stream(struct sim_knobs in, struct sim_knobs out, size_t len)
{
    struct world t = {0};
    begin(&t, "sim:a", "sim:b");
    t.a->knobs = in;
    t.b->knobs = out;
    sim_give(t.a, pump_data, len, 0);
    sim_give(t.b, pump_data, len, 0);
    sim_give_end(t.a, PLUG_EOF);
    sim_give_end(t.b, PLUG_EOF);
    run(&t);
    check(t.b, len);
    check(t.a, len);
    assert_int_equal(t.r.ended, 1);
    assert_int_equal(t.r.stats.flow[0].bytes, len);
    assert_int_equal(t.r.stats.flow[1].bytes, len);
    assert_int_equal(t.w->loop->chunks.out, 0);
    finish(&t);
}

static void test_pump__every_short_transfer(void **state)
{
    (void)state;
    pump_stream((struct sim_knobs){0}, (struct sim_knobs){0}, BIG);
    pump_stream((struct sim_knobs){0}, (struct sim_knobs){0}, 0);
    pump_stream((struct sim_knobs){.most = {1, 1}}, (struct sim_knobs){.most = {1, 1}}, 700);
    pump_stream((struct sim_knobs){.most = {7, 3}, .gasp = 1},
                (struct sim_knobs){.most = {5, 1}, .gasp = 1}, 700);
    pump_stream((struct sim_knobs){0}, (struct sim_knobs){.most = {0, 1000}, .gasp = 1}, BIG);
    pump_stream((struct sim_knobs){.again = {2, 3}}, (struct sim_knobs){.again = {3, 2}}, BIG);
}

/* What one read took is held; nothing more is read until it is gone. */
static void test_pump__holds_one_piece(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    run(&t);
    t.b->frozen = SIM_STALLED; /* says EAGAIN and forgets OUT */
    sim_give(t.a, pump_data, BIG, 0);
    run(&t);
    assert_int_equal(t.a->moved[SIM_IN], PLUG__PIECE);
    assert_int_equal(t.w->loop->chunks.out, 1);
    sim_thaw(t.b);
    run(&t);
    check(t.b, BIG);
    assert_int_equal(t.w->loop->chunks.out, 0);
    finish(&t);
}

/* -b bounds each read. */
static void test_pump__block(void **state)
{
    struct world t = {.r.conf.block = 100};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    sim_give(t.a, pump_data, 1050, 0);
    run(&t);
    check(t.b, 1050);
    assert_int_equal(t.b->nout, 11);
    finish(&t);
}

/* No chunk to hold a tail in: nothing is read, and it goes on when there is one again. */
static void test_pump__without_chunks_it_waits(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    run(&t);
    size_t most = t.w->loop->chunks.most_out;
    t.w->loop->chunks.most_out = 0;
    sim_give(t.a, pump_data, 1000, 0);
    run(&t);
    assert_int_equal(t.a->moved[SIM_IN], 0);
    t.w->loop->chunks.most_out = most;
    run(&t);
    check(t.b, 1000);
    finish(&t);
}

/* A budget: one busy direction does not keep the turn. */
static void test_pump__a_turn_has_a_budget(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    run(&t);
    for (int i = 0; i < 10; i++)
        sim_give(t.a, pump_data, BIG, 0);
    while (!t.a->moved[SIM_IN])
        sim_turn(t.w);
    assert_true(t.a->moved[SIM_IN] <= PLUG__TURN_BYTES);
    run(&t);
    assert_int_equal(t.b->out_len, 10 * BIG);
    finish(&t);
}

/* ---- records ---- */

static void give_records(struct sim_end *e, const size_t *sizes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        sim_give(e, pump_data, sizes[i], PLUG_MSG_EOR | (i % 2 ? PLUG_MSG_TEXT : 0u));
}

/* The records that `to` got, by its mate's queue. */
static void expect_records(struct sim_end *e, const size_t *sizes, unsigned n)
{
    struct sim_item *i = e->in;
    for (unsigned k = 0; k < n; k++) {
        size_t got = 0;
        unsigned flags = 0;
        do {
            assert_non_null(i);
            assert_int_equal(i->end, 0);
            assert_true(got + i->len <= sizes[k]);
            if (i->len)
                assert_memory_equal(i->bytes, pump_data + got, i->len);
            got += i->len;
            flags |= i->flags;
            i = i->next;
        } while (!(flags & PLUG_MSG_EOR));
        assert_int_equal(got, sizes[k]);
        assert_int_equal(flags & PLUG_MSG_TEXT, k % 2 ? PLUG_MSG_TEXT : 0);
    }
}

static void pump_records(const char *a, const char *b, struct sim_knobs in, struct sim_knobs out)
{
    static const size_t sizes[] = {5, 0, 1, 1400, 300, 0, 9000, 2, 20000, 1};
    struct world t = {0};
    struct sim_end *got;
    begin(&t, a, b);
    got = sim_end(t.w, "got"); /* a queue without a layer */
    t.a->knobs = in;
    t.b->knobs = out;
    t.b->mate = got;
    for (int i = 0; i < 20; i++)
        give_records(t.a, sizes, PLUG__COUNT(sizes));
    sim_run(t.w, t.w->now + 50 * PLUG_MS);
    expect_records(got, sizes, PLUG__COUNT(sizes));
    sim_give_end(t.a, PLUG_EOF);
    sim_give_end(t.b, PLUG_EOF);
    run(&t);
    assert_int_equal(t.r.ended, 1);
    assert_int_equal(t.r.stats.flow[0].records, 20 * PLUG__COUNT(sizes));
    assert_int_equal(t.r.stats.flow[0].dropped, 0);
    assert_int_equal(t.w->loop->chunks.out, 0);
    finish(&t);
}

static void test_pump__records_keep_their_bounds(void **state)
{
    static const char *const kinds[][2] = {
        {"sim:a,type=seqpacket", "sim:b,type=seqpacket"},
        {"sim:a,type=seqpacket,splits", "sim:b,type=seqpacket"},
        {"sim:a,type=seqpacket", "sim:b,type=seqpacket,splits"},
        {"sim:a,type=seqpacket,splits", "sim:b,type=seqpacket,splits"},
    };
    (void)state;
    for (unsigned i = 0; i < PLUG__COUNT(kinds); i++) {
        pump_records(kinds[i][0], kinds[i][1], (struct sim_knobs){0}, (struct sim_knobs){0});
        pump_records(kinds[i][0], kinds[i][1], (struct sim_knobs){.most = {999, 0}},
                     (struct sim_knobs){.most = {0, 777}, .gasp = 1});
        pump_records(kinds[i][0], kinds[i][1], (struct sim_knobs){.again = {2, 0}},
                     (struct sim_knobs){.again = {0, 2}});
        pump_records(kinds[i][0], kinds[i][1], (struct sim_knobs){.most = {1000, 0}, .gasp = 1},
                     (struct sim_knobs){.again = {0, 3}, .most = {0, 100}});
    }
}

static void test_pump__records_into_a_stream_are_bytes(void **state)
{
    static const size_t sizes[] = {5, 0, 3};
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a,type=seqpacket", "sim:b");
    t.b->knobs.most[SIM_OUT] = 2;
    t.b->knobs.gasp = 1;
    give_records(t.a, sizes, 3);
    run(&t);
    assert_int_equal(t.b->out_len, 8);
    assert_memory_equal(t.b->out, pump_data, 5);
    assert_memory_equal(t.b->out + 5, pump_data, 3);
    finish(&t);
}

/* A record longer than the sink's limit: dropped and counted by a datagram sink, in one piece or
 * in many. */
static void test_pump__a_datagram_too_long_is_dropped(void **state)
{
    static const size_t sizes[] = {100, 301, 200};
    static const char *const sources[] = {"sim:a,type=seqpacket", "sim:a,type=seqpacket,splits"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world t = {0};
        begin(&t, sources[i], "sim:b,type=dgram,limit=300,grace=0");
        t.a->knobs.most[SIM_IN] = 50;
        give_records(t.a, sizes, 3);
        sim_give_end(t.a, PLUG_EOF);
        run(&t);
        assert_int_equal(t.b->out_len, 300);
        assert_int_equal(t.b->nout, 2);
        assert_int_equal(t.r.ended, 1);
        assert_int_equal(t.r.stats.flow[0].dropped, 1);
        assert_int_equal(t.r.stats.flow[0].records, 2);
        finish(&t);
    }
}

static void test_pump__a_record_too_long_fails_a_reliable_sink(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a,type=seqpacket,splits", "sim:b,type=seqpacket,limit=300");
    t.a->knobs.most[SIM_IN] = 50;
    sim_give(t.a, pump_data, 301, PLUG_MSG_EOR);
    run(&t);
    assert_int_equal(t.r.lost, 1);
    assert_int_equal(t.r.err.code, PLUG_EMSGSIZE);
    assert_non_null(strstr(t.r.err.text, "300"));
    assert_int_equal(t.b->out_len, 0);
    assert_int_equal(t.a->shut, 1 + PLUG_SHUT_RESET);
    finish(&t);
}

/* The source ends inside a record: what there is of it is never passed on as a whole one. */
static void test_pump__an_end_inside_a_record_is_an_error(void **state)
{
    struct world t = {0};
    (void)state;
    begin(&t, "sim:a,type=seqpacket,splits", "sim:b,type=seqpacket");
    sim_give(t.a, pump_data, 100, 0);
    sim_give_end(t.a, PLUG_EOF);
    run(&t);
    assert_int_equal(t.r.lost, 1);
    assert_int_equal(t.r.err.code, PLUG_EPROTO);
    assert_int_equal(t.b->out_len, 0);
    finish(&t);
}

/* A datagram endpoint tells of a refusal once, by what its options made it; a reliable one has
 * ended. */
static void test_pump__a_refusal_ends_only_reliable_endpoints(void **state)
{
    struct world t = {0}, u = {0};
    (void)state;
    begin(&t, "sim:a,type=seqpacket", "sim:b,type=dgram,grace=0");
    sim_give_end(t.b, PLUG_ECONNREFUSED);
    sim_run(t.w, t.w->now + PLUG_SECOND);
    assert_int_equal(t.r.lost, 0);
    assert_int_equal(t.r.ended, 0);
    sim_give_end(t.a, PLUG_EOF);
    run(&t);
    finish(&t);
    begin(&u, "sim:a,type=seqpacket", "sim:b,type=seqpacket");
    sim_give_end(u.b, PLUG_ECONNREFUSED);
    run(&u);
    assert_int_equal(u.r.lost, 1);
    assert_int_equal(u.r.err.code, PLUG_ECONNREFUSED);
    finish(&u);
}

/* A peer that writes after the cut: read, counted, shown. */
static void test_pump__late_bytes_are_counted(void **state)
{
    struct world t = {.r.conf.half_wait = 50 * PLUG_MS};
    (void)state;
    begin(&t, "sim:a", "sim:b");
    sim_give_end(t.a, PLUG_EOF);
    sim_run(t.w, t.w->now + 40 * PLUG_MS);
    assert_int_equal(t.r.ended, 0);
    t.b->frozen = SIM_PROBED; /* says EAGAIN: the bytes stand there when the time is over */
    sim_give(t.b, pump_data, 42, 0);
    sim_run(t.w, t.w->now + 9 * PLUG_MS);
    t.b->frozen = 0;
    run(&t);
    assert_int_equal(t.r.ended, 1);
    assert_int_equal(t.r.stats.flow[1].bytes, 0);
    assert_int_equal(t.r.stats.flow[1].late, 42);
    finish(&t);
}

/* ---- want of memory ---- */

static int pump_torture(unsigned n)
{
    struct world t = {0};
    struct torture m;
    t.w = sim_new(NULL);
    t.a = sim_end(t.w, "a");
    t.b = sim_end(t.w, "b");
    t.b->knobs = (struct sim_knobs){.most = {0, 3}, .gasp = 1};
    torture_start(&m, n);
    int r = sim_relay_open(&t.r, t.w, "sim:a,type=seqpacket,splits", "sim:b,type=seqpacket,splits");
    if (r >= 0) {
        sim_give(t.a, pump_data, 100, PLUG_MSG_EOR);
        sim_give_end(t.a, PLUG_EOF);
        sim_give_end(t.b, PLUG_EOF);
        run(&t);
    }
    torture_stop();
    if (r >= 0) {
        run(&t);
        assert_int_equal(t.r.ended + t.r.failed + t.r.lost, 1);
        if (t.r.ended)
            check(t.b, 100);
        assert_true(plug__relay_done(t.r.relay));
        assert_true(t.r.ended || plug__relay_status(t.r.relay) != 0);
    } else {
        assert_int_equal(r, PLUG_ENOMEM);
    }
    assert_int_equal(t.w->loop->chunks.out, 0);
    if (r >= 0)
        sim_relay_close(&t.r);
    sim_free(t.w);
    return m.hit;
}

static void test_pump__each_failing_allocation(void **state)
{
    unsigned n = 0;
    (void)state;
    while (pump_torture(n))
        n++;
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pump__every_short_transfer),
        cmocka_unit_test(test_pump__holds_one_piece),
        cmocka_unit_test(test_pump__block),
        cmocka_unit_test(test_pump__without_chunks_it_waits),
        cmocka_unit_test(test_pump__a_turn_has_a_budget),
        cmocka_unit_test(test_pump__records_keep_their_bounds),
        cmocka_unit_test(test_pump__records_into_a_stream_are_bytes),
        cmocka_unit_test(test_pump__a_datagram_too_long_is_dropped),
        cmocka_unit_test(test_pump__a_record_too_long_fails_a_reliable_sink),
        cmocka_unit_test(test_pump__an_end_inside_a_record_is_an_error),
        cmocka_unit_test(test_pump__a_refusal_ends_only_reliable_endpoints),
        cmocka_unit_test(test_pump__late_bytes_are_counted),
        cmocka_unit_test(test_pump__each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

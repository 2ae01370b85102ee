/* SPDX-License-Identifier: MIT
 *
 * What is particular to the framing layers and the data filters; what holds for every layer is in
 * test_stacks.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/filter/filter.h"
#include "proto/frame/frame.h"
#include "sim/sim.h"
#include <string.h>

struct one {
    struct sim_world *w;
    struct sim_end *e;
    struct plug_sock *s;
};

static void begin(struct one *t, const char *address)
{
    struct plug_err err = {0};
    t->w = sim_new(NULL);
    t->e = sim_end(t->w, "a");
    t->s = sim_open(t->w, address, &err);
    if (!t->s)
        fail_msg("%s: %s", address, err.text);
    sim_run(t->w, t->w->now + PLUG_MS);
    assert_int_equal(plug_state(t->s), 0);
}

static void finish(struct one *t)
{
    plug_close(t->s);
    sim_free(t->w);
}

static void give(struct one *t, const void *bytes, size_t len)
{
    sim_give(t->e, bytes, len, PLUG_MSG_EOR);
    sim_run(t->w, t->w->now + PLUG_MS);
}

static int get(struct one *t, void *buf, size_t room, size_t *ret, unsigned *ret_flags)
{
    struct plug_iov iov = {buf, room};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r = plug__sock_recv(t->s, &m, 1, 0);
    *ret = r < 0 ? 0 : m.len;
    *ret_flags = m.flags;
    return r;
}

static void check_get(struct one *t, size_t room, const char *want, unsigned flags)
{
    char buf[256];
    size_t n = 0;
    unsigned f = 0;
    assert_int_equal(get(t, buf, room, &n, &f), 1);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(buf, want, n);
    assert_int_equal(f, flags);
}

static void check_code(struct one *t, int code)
{
    char buf[256];
    size_t n = 0;
    unsigned f = 0;
    assert_int_equal(get(t, buf, sizeof(buf), &n, &f), code);
}

static int put(struct one *t, const char *bytes, unsigned flags, size_t *ret)
{
    char buf[256];
    size_t len = strlen(bytes);
    struct plug_iov iov = {buf, len};
    struct plug_msg m = {.iov = &iov, .niov = 1, .flags = flags};
    memcpy(buf, bytes, len);
    int r = plug__sock_send(t->s, &m, 1, 0);
    *ret = r < 0 ? 0 : m.len;
    return r;
}

static void check_put(struct one *t, const char *bytes, unsigned flags, const char *wire)
{
    size_t n = 0;
    t->e->out_len = 0;
    assert_int_equal(put(t, bytes, flags, &n), 1);
    assert_int_equal(n, strlen(bytes));
    assert_int_equal(t->e->out_len, strlen(wire));
    assert_memory_equal(t->e->out, wire, strlen(wire));
}

/* ---- framings ---- */

static void test_frames__several_records_of_one_read(void **state)
{
    struct one t;
    char buf[3][8];
    struct plug_iov iov[3] = {{buf[0], 8}, {buf[1], 8}, {buf[2], 8}};
    struct plug_msg v[3] = {
        {.iov = &iov[0], .niov = 1}, {.iov = &iov[1], .niov = 1}, {.iov = &iov[2], .niov = 1}};
    (void)state;
    begin(&t, "line+sim:a");
    give(&t, "one\n\nthree\nrest", 15);
    assert_int_equal(plug__sock_recv(t.s, v, 3, 0), 3);
    assert_int_equal(v[0].len, 3);
    assert_int_equal(v[1].len, 0);
    assert_int_equal(v[2].len, 5);
    assert_memory_equal(buf[2], "three", 5);
    assert_true(plug__sock_want(t.s, PLUG_IN) & PLUG_NOW);
    check_get(&t, 64, "rest", 0); /* a piece: its end may still come */
    assert_false(plug__sock_want(t.s, PLUG_IN) & PLUG_NOW);
    finish(&t);
}

/* Between records, and within one that is waited for, a connection owns no buffer. */
static void test_frames__an_idle_layer_holds_no_buffer(void **state)
{
    struct one t;
    (void)state;
    begin(&t, "len32+sim:a");
    give(&t, "\0\0\0\5hel", 7);
    check_get(&t, 64, "hel", 0);
    assert_int_equal(t.w->loop->chunks.out, 0);
    check_code(&t, PLUG_EAGAIN);
    give(&t, "lo\0\0", 4);
    check_get(&t, 64, "lo", PLUG_MSG_EOR);
    check_code(&t, PLUG_EAGAIN);
    assert_int_equal(t.w->loop->chunks.out, 0);
    finish(&t);
}

static void test_frames__a_record_longer_than_the_limit_ends_the_input(void **state)
{
    static const struct {
        const char *address, *bytes;
        size_t len;
    } cases[] = {{"line+sim:a,frame-limit=3", "abcd\n", 5},
                 {"len16+sim:a,frame-limit=3", "\0\4abcd", 6},
                 {"len32+sim:a", "HTTP", 4},
                 {"netstring+sim:a,frame-limit=3", "4:abcd,", 7},
                 {"cobs+sim:a,frame-limit=3", "\5abcd\0", 6}};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct one t;
        size_t n = 0;
        begin(&t, cases[i].address);
        give(&t, cases[i].bytes, cases[i].len);
        check_code(&t, PLUG_EMSGSIZE);
        check_code(&t, PLUG_EMSGSIZE); /* for ever */
        assert_int_equal(put(&t, "ok", PLUG_MSG_EOR, &n), 1);
        finish(&t);
    }
}

static void test_frames__a_record_longer_than_the_limit_is_not_sent(void **state)
{
    static const char *const addresses[] = {
        "line+sim:a,frame-limit=3", "len16+sim:a,frame-limit=3", "len32+sim:a,frame-limit=3",
        "netstring+sim:a,frame-limit=3", "cobs+sim:a,frame-limit=3"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct one t;
        size_t n = 0;
        begin(&t, addresses[i]);
        assert_int_equal(put(&t, "abcd", PLUG_MSG_EOR, &n), PLUG_EMSGSIZE);
        assert_int_equal(t.e->out_len, 0);
        assert_int_equal(put(&t, "abc", PLUG_MSG_EOR, &n), 1); /* the endpoint is as it was */
        assert_true(t.e->out_len > 3);
        finish(&t);
    }
}

static void test_frames__a_line_may_end_in_its_newline_but_hold_none(void **state)
{
    struct one t;
    size_t n = 0;
    (void)state;
    begin(&t, "line+sim:a");
    check_put(&t, "abc", PLUG_MSG_EOR, "abc\n");
    check_put(&t, "abc\n", PLUG_MSG_EOR, "abc\n");
    check_put(&t, "", PLUG_MSG_EOR, "\n");
    t.e->out_len = 0;
    assert_int_equal(put(&t, "a\nb", PLUG_MSG_EOR, &n), PLUG_EINVAL);
    assert_int_equal(put(&t, "a\n", 0, &n), PLUG_EINVAL); /* more of it follows */
    assert_int_equal(t.e->out_len, 0);
    finish(&t);
}

static void test_frames__a_line_is_sent_in_pieces_within_the_limit(void **state)
{
    struct one t;
    size_t n = 0;
    (void)state;
    begin(&t, "line+sim:a,frame-limit=5");
    check_put(&t, "abc", 0, "abc");
    check_put(&t, "de", 0, "de");
    assert_int_equal(put(&t, "f", PLUG_MSG_EOR, &n), PLUG_EMSGSIZE);
    check_put(&t, "", PLUG_MSG_EOR, "\n");
    check_put(&t, "abcde", PLUG_MSG_EOR, "abcde\n");
    finish(&t);
}

static void test_frames__need_a_stream_below(void **state)
{
    struct sim_world *w = sim_new(NULL);
    struct plug_err err = {0};
    (void)state;
    assert_null(sim_open(w, "len32+sim:a,type=dgram", &err));
    assert_int_equal(err.code, PLUG_EUSAGE);
    assert_null(sim_open(w, "len32+line+sim:a", &err));
    assert_int_equal(err.code, PLUG_EUSAGE);
    assert_null(sim_open(w, "len16+sim:a,frame-limit=65536", &err));
    assert_int_equal(err.code, PLUG_EUSAGE);
    sim_free(w);
}

/* The end of a record that found no room is sent by a call with n = 0, and want says so. */
static void test_frames__a_held_end_is_told_and_sent(void **state)
{
    struct one t;
    size_t n = 0;
    (void)state;
    begin(&t, "netstring+sim:a");
    t.e->knobs.most[SIM_OUT] = 4;
    t.e->knobs.gasp = 1;
    assert_int_equal(put(&t, "ab", PLUG_MSG_EOR, &n), 1); /* 2:ab fits, the comma does not */
    assert_int_equal(n, 2);
    assert_true(plug__sock_want(t.s, 0) & PLUG_OUT);
    sim_run(t.w, t.w->now + PLUG_MS);
    assert_false(plug__sock_want(t.s, 0) & PLUG_OUT);
    assert_int_equal(t.e->out_len, 5);
    assert_memory_equal(t.e->out, "2:ab,", 5);
    finish(&t);
}

/* ---- filters ---- */

static void test_filters__crnl_both_ways(void **state)
{
    struct one t;
    (void)state;
    begin(&t, "sim:a,crnl");
    check_put(&t, "a\nb\n\n", 0, "a\r\nb\r\n\r\n");
    give(&t, "a\r\nb\r", 5);
    check_get(&t, 64, "a\nb", 0);
    check_code(&t, PLUG_EAGAIN); /* what follows that CR decides */
    give(&t, "\nc\rd", 4);
    check_get(&t, 64, "\nc\rd", 0);
    give(&t, "\r", 1);
    sim_give_end(t.e, PLUG_EOF);
    sim_run(t.w, t.w->now + PLUG_MS);
    check_get(&t, 64, "\r", 0);
    check_code(&t, PLUG_EOF);
    finish(&t);
}

static void test_filters__crnl_with_room_for_one_byte(void **state)
{
    struct one t;
    (void)state;
    begin(&t, "sim:a,crnl");
    give(&t, "\rx\r\n\r\ry", 7);
    static const char *const want[] = {"\r", "x", "\n", "\r", "\r", "y"};
    for (size_t i = 0; i < 6; i++)
        check_get(&t, 1, want[i], 0);
    check_code(&t, PLUG_EAGAIN);
    finish(&t);
}

static void test_filters__crnl_keeps_records(void **state)
{
    struct one t;
    (void)state;
    begin(&t, "sim:a,type=seqpacket,crnl");
    give(&t, "a\r\n", 3);
    give(&t, "b\r", 2);
    give(&t, "\r\n", 2);
    check_get(&t, 64, "a\n", PLUG_MSG_EOR);
    check_get(&t, 64, "b\r", PLUG_MSG_EOR);
    check_get(&t, 64, "\n", PLUG_MSG_EOR);
    check_put(&t, "x\n", PLUG_MSG_EOR, "x\r\n");
    assert_int_equal(t.e->nout, 1);
    finish(&t);
}

static void test_filters__escape_ends_the_input(void **state)
{
    struct one t;
    (void)state;
    begin(&t, "sim:a,escape=0x1b");
    give(&t, "abc\033def", 7);
    check_get(&t, 64, "abc", 0);
    check_code(&t, PLUG_EOF);
    check_put(&t, "\033", 0, "\033");
    finish(&t);
    begin(&t, "sim:a,escape=0x1b");
    give(&t, "\033def", 4);
    check_code(&t, PLUG_EOF);
    finish(&t);
}

static void test_filters__readbytes_ends_the_input(void **state)
{
    struct one t;
    (void)state;
    begin(&t, "sim:a,readbytes=5");
    give(&t, "abc", 3);
    check_get(&t, 64, "abc", 0);
    give(&t, "defg", 4);
    check_get(&t, 64, "de", 0);
    check_code(&t, PLUG_EOF);
    finish(&t);
}

struct shown {
    char bytes[2][64];
    size_t len[2], ends[2];
};

static void show(void *arg, int out, uint64_t from, const void *bytes, size_t len, unsigned flags)
{
    struct shown *s = arg;
    assert_int_equal(from, s->len[out]);
    assert_true(s->len[out] + len <= 64);
    if (len)
        memcpy(s->bytes[out] + s->len[out], bytes, len);
    s->len[out] += len;
    s->ends[out] += (flags & PLUG_MSG_EOR) != 0;
}

static void test_filters__dump_shows_what_passes(void **state)
{
    struct one t;
    struct shown shown = {{{0}}, {0}, {0}};
    struct plug__filter_sink sink = {.bytes = show, .arg = &shown};
    size_t n = 0;
    (void)state;
    begin(&t, "dump+sim:a,type=seqpacket,splits");
    assert_int_equal(plug_setsockopt(t.s, PLUG_LEVEL_FILTER, PLUG__FILTER_SINK, &sink, 1),
                     PLUG_EINVAL);
    assert_int_equal(
        plug_setsockopt(t.s, PLUG_LEVEL_FILTER, PLUG__FILTER_SINK, &sink, sizeof(sink)), 0);
    give(&t, "in", 2);
    give(&t, "", 0);
    check_get(&t, 64, "in", PLUG_MSG_EOR);
    check_get(&t, 64, "", PLUG_MSG_EOR);
    t.e->knobs.most[SIM_OUT] = 2;
    assert_int_equal(put(&t, "out", PLUG_MSG_EOR, &n), 1);
    assert_int_equal(n, 2); /* only what was taken is shown */
    assert_int_equal(shown.len[1], 2);
    assert_int_equal(shown.ends[1], 0);
    assert_int_equal(put(&t, "t", PLUG_MSG_EOR, &n), 1);
    assert_memory_equal(shown.bytes[1], "out", 3);
    assert_int_equal(shown.ends[1], 1);
    assert_memory_equal(shown.bytes[0], "in", 2);
    assert_int_equal(shown.len[0], 2);
    assert_int_equal(shown.ends[0], 2);
    finish(&t);
}

static void test_filters__offer_what_stands_below(void **state)
{
    static const char *const addresses[] = {"dump+sim:a,type=dgram,limit=9",
                                            "sim:a,type=dgram,limit=9,crnl",
                                            "sim:a,type=dgram,limit=9,readbytes=3"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct one t;
        begin(&t, addresses[i]);
        assert_int_equal(plug__sock_step(t.s)->offers, PLUG_DGRAM);
        assert_int_equal(plug__sock_step(t.s)->limit, 9);
        assert_true(plug__sock_step(t.s)->flags & PLUG_ATOMIC);
        finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames__several_records_of_one_read),
        cmocka_unit_test(test_frames__an_idle_layer_holds_no_buffer),
        cmocka_unit_test(test_frames__a_record_longer_than_the_limit_ends_the_input),
        cmocka_unit_test(test_frames__a_record_longer_than_the_limit_is_not_sent),
        cmocka_unit_test(test_frames__a_line_may_end_in_its_newline_but_hold_none),
        cmocka_unit_test(test_frames__a_line_is_sent_in_pieces_within_the_limit),
        cmocka_unit_test(test_frames__need_a_stream_below),
        cmocka_unit_test(test_frames__a_held_end_is_told_and_sent),
        cmocka_unit_test(test_filters__crnl_both_ways),
        cmocka_unit_test(test_filters__crnl_with_room_for_one_byte),
        cmocka_unit_test(test_filters__crnl_keeps_records),
        cmocka_unit_test(test_filters__escape_ends_the_input),
        cmocka_unit_test(test_filters__readbytes_ends_the_input),
        cmocka_unit_test(test_filters__dump_shows_what_passes),
        cmocka_unit_test(test_filters__offer_what_stands_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

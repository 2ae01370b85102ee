/* SPDX-License-Identifier: MIT
 *
 * The contract suite over every layer that stands on another, on a simulated base: EAGAIN at every
 * byte, short sends, ends at every byte, close in each state, every allocation failing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive.h"
#include "tenants.h"
#include "util/alloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CUT_BYTES = 1,  /* the end inside a record shows what came, then EOF */
    CUT_RECORD = 2, /* … shows it as a record, then EOF */
    CUT_ERROR = 4   /* … is an error */
};

struct stack {
    struct row row;
    unsigned cut;
    size_t head; /* bytes of a handshake in front */
};

#define ON_SIM(layer) layer "+sim:a", layer "+sim:b,server"

static const struct stack stacks[] = {
    {{"sim", "sim:a", "sim:b", 0, 0}, CUT_BYTES, 0},
    {{"sim records", "sim:a,type=seqpacket,splits", "sim:b,type=seqpacket,splits", ROW_RECORDS, 0},
     CUT_BYTES,
     0},
    {{"line", ON_SIM("line"), ROW_RECORDS | ROW_TEXT, 0}, CUT_RECORD, 0},
    {{"len16", ON_SIM("len16"), ROW_RECORDS, 0}, CUT_ERROR, 0},
    {{"len32", ON_SIM("len32"), ROW_RECORDS, 0}, CUT_ERROR, 0},
    {{"netstring", ON_SIM("netstring"), ROW_RECORDS, 0}, CUT_ERROR, 0},
    {{"cobs", ON_SIM("cobs"), ROW_RECORDS, 0}, CUT_ERROR, 0},
    {{"crnl", "sim:a,crnl", "sim:b,crnl", 0, 0}, CUT_BYTES, 0},
    {{"crnl text", "sim:a,crnl", "sim:b,crnl", ROW_TEXT, 0}, CUT_BYTES, 0},
    {{"crnl records", "sim:a,type=seqpacket,crnl", "sim:b,type=seqpacket,crnl",
      ROW_RECORDS | ROW_ATOMIC, 0},
     CUT_BYTES,
     0},
    {{"escape", "sim:a,escape=255", "sim:b,escape=255", 0, 0}, CUT_BYTES, 0},
    {{"readbytes", "sim:a,readbytes=9999999", "sim:b,readbytes=9999999", 0, 0}, CUT_BYTES, 0},
    {{"dump", "dump+sim:a", "dump+sim:b", 0, 0}, CUT_BYTES, 0},
    {{"turns", ON_SIM("turns"), 0, 0}, CUT_ERROR, 2},
    {{"leave", ON_SIM("leave"), 0, 0}, CUT_BYTES, 8},
    {{"beat", ON_SIM("beat"), ROW_RECORDS | ROW_NOHALF, 0}, CUT_ERROR, 0},
    {{"named", "named+sim:a,route=x", "named+sim:b,server", 0, 0}, CUT_BYTES, 8},
    {{"line on turns", ON_SIM("line+turns"), ROW_RECORDS | ROW_TEXT, 0}, 0, 0},
    {{"len32 on turns on leave", ON_SIM("len32+turns+leave"), ROW_RECORDS, 0}, 0, 0},
    {{"cobs on named", "cobs+named+sim:a,route=x", "cobs+named+sim:b,server", ROW_RECORDS, 0},
     0,
     0},
    {{"beat on turns", ON_SIM("beat+turns"), ROW_RECORDS | ROW_NOHALF, 0}, 0, 0},
    {{"crnl on beat", "beat+sim:a,crnl", "beat+sim:b,server,crnl", ROW_RECORDS | ROW_NOHALF, 0},
     0,
     0},
};

static const struct {
    const char *name;
    struct sim_knobs knobs;
    size_t piece, room; /* of the caller */
} manners[] = {
    {"plain", {.gasp = 0}, 0, 0},
    {"one byte a call", {.most = {1, 1}}, 0, 0},
    {"EAGAIN at every byte", {.most = {1, 1}, .gasp = 1}, 0, 0},
    {"EAGAIN after each call", {.gasp = 1}, 0, 0},
    {"every second call says EAGAIN", {.again = {2, 2}, .most = {7, 7}}, 0, 0},
    {"every third call says EAGAIN", {.again = {3, 3}, .most = {255, 3}}, 0, 0},
    {"no room at the peer", {.room = 1}, 0, 0},
    {"late", {.delay = 100 * PLUG_MS, .most = {100, 100}}, 0, 0},
    {"small buffers", {.gasp = 0}, 1, 1},
    {"small buffers, EAGAIN at every byte", {.most = {1, 1}, .gasp = 1}, 3, 2},
    {"pieces of 1460", {.gasp = 0}, 1460, 1460},
};

static void set_up(struct sim_world *w, const struct sim_knobs *knobs)
{
    struct sim_end *a = sim_end(w, "a"), *b = sim_end(w, "b");
    a->knobs = b->knobs = *knobs;
    sim_link(a, b);
}

static void run_one(const struct stack *stack, size_t manner)
{
    struct sim_world *w = sim_new(tenants);
    struct drive d;
    assert_non_null(w);
    set_up(w, &manners[manner].knobs);
    int r = drive_open(&d, &stack->row, w, NULL);
    for (int i = 0; i < 2; i++) {
        d.flow[i].total = 5000;
        d.flow[i].piece = manners[manner].piece;
        d.flow[i].recv_room = manners[manner].room;
    }
    if (r >= 0)
        r = drive_run(&d);
    if (r < 0)
        print_error("%s, %s: %s (%d)\n", stack->row.name, manners[manner].name, d.why, r);
    drive_close(&d);
    sim_free(w);
    assert_int_equal(r, 0);
}

static void test_stacks__move_all_in_every_manner(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(stacks); i++)
        for (size_t k = 0; k < PLUG__COUNT(manners); k++)
            if (!(stacks[i].row.flags & ROW_ATOMIC) || !manners[k].room)
                run_one(&stacks[i], k);
}

/* ---- the end at every byte ---- */

struct seen {
    size_t bytes, records;
    int code; /* what came last */
};

/* Opens b's side of a stack, gives it bytes and the end, reads all. */
static struct seen read_cut(const struct stack *stack, const unsigned char *wire, size_t cut)
{
    struct sim_world *w = sim_new(tenants);
    struct sim_end *b = sim_end(w, "b");
    struct plug_err err = {0};
    struct plug_sock *s = sim_open(w, stack->row.b, &err);
    struct seen seen = {0};
    char buf[64];
    if (!s)
        fail_msg("%s", err.text);
    if (cut)
        sim_give(b, wire, cut, 0);
    sim_give_end(b, PLUG_EOF);
    while (plug_state(s) == PLUG_EAGAIN && sim_turn(w))
        ;
    seen.code = plug_state(s);
    while (seen.code >= 0 || seen.code == PLUG_EAGAIN) {
        struct plug_iov iov = {buf, sizeof(buf)};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        seen.code = plug__sock_recv(s, &m, 1, 0);
        if (seen.code == 1) {
            seen.bytes += m.len;
            seen.records += (m.flags & PLUG_MSG_EOR) != 0;
        } else if (seen.code == PLUG_EAGAIN && !sim_turn(w)) {
            break;
        }
    }
    plug_close(s);
    sim_free(w);
    return seen;
}

/* What a's side writes for one record or piece of bytes. */
static size_t write_wire(const struct stack *stack, unsigned char *wire, size_t room)
{
    struct sim_world *w = sim_new(tenants);
    struct sim_end *a = sim_end(w, "a");
    struct plug_err err = {0};
    struct plug_sock *s = sim_open(w, stack->row.a, &err);
    char text[] = "hello,world";
    struct plug_iov iov = {text, 11};
    struct plug_msg m = {.iov = &iov, .niov = 1, .flags = PLUG_MSG_EOR};
    if (!s)
        fail_msg("%s", err.text);
    if (stack->head == 2)
        sim_give(a, "S", 1, 0);
    else if (stack->head)
        sim_give(a, "OK\n", 3, 0);
    while (plug_state(s) == PLUG_EAGAIN && sim_turn(w))
        ;
    assert_int_equal(plug_state(s), 0);
    assert_int_equal(plug__sock_send(s, &m, 1, 0), 1);
    assert_int_equal(m.len, 11);
    assert_true(a->out_len <= room);
    size_t n = a->out_len;
    memcpy(wire, a->out, n);
    plug_close(s);
    sim_free(w);
    return n;
}

static void check_cut(const struct stack *stack, const unsigned char *wire, size_t cut, size_t len)
{
    struct seen seen = read_cut(stack, wire, cut);
    int records = stack->row.flags & ROW_RECORDS;
    if (cut < stack->head) {
        assert_true(seen.code < 0 && seen.code != PLUG_EAGAIN && seen.code != PLUG_EOF);
        return;
    }
    size_t body = cut - stack->head;
    if (cut == len) {
        assert_int_equal(seen.code, PLUG_EOF);
        assert_int_equal(seen.bytes, 11);
        assert_int_equal(seen.records, records ? 1 : 0);
    } else if (stack->cut == CUT_ERROR && body) {
        assert_int_equal(seen.code, PLUG_EPROTO);
        assert_int_equal(seen.records, 0);
    } else {
        assert_int_equal(seen.code, PLUG_EOF);
        assert_int_equal(seen.bytes, body > 11 ? 11 : body);
        assert_int_equal(seen.records, stack->cut == CUT_RECORD && body);
    }
}

static void test_stacks__an_end_inside_a_record_is_never_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(stacks); i++) {
        unsigned char wire[256];
        if (!stacks[i].cut || strstr(stacks[i].row.a, "type="))
            continue;
        size_t len = write_wire(&stacks[i], wire, sizeof(wire));
        for (size_t cut = 0; cut <= len; cut++)
            check_cut(&stacks[i], wire, cut, len);
    }
}

/* ---- failures at every byte ---- */

/* A stack whose base fails at byte `at` in direction `dir`: the other calls end in that error, and
 * nothing sticks. */
static void fail_one(const struct stack *stack, int dir, uint64_t at)
{
    struct sim_world *w = sim_new(tenants);
    struct drive d;
    set_up(w, &(struct sim_knobs){.gasp = 0});
    sim_end(w, "a")->knobs.fail[dir] = PLUG_ECONNRESET;
    sim_end(w, "a")->knobs.fail_at[dir] = at;
    assert_int_equal(drive_open(&d, &stack->row, w, NULL), 0);
    d.flow[0].total = d.flow[1].total = 2000;
    int r = drive_run(&d);
    if (r != PLUG_ECONNRESET)
        print_error("%s: failing %s at %d gives %d (%s)\n", stack->row.name, dir ? "send" : "recv",
                    (int)at, r, d.why);
    assert_int_equal(r, PLUG_ECONNRESET);
    struct plug_err err = {0};
    assert_int_equal(plug_error(d.s[0], &err), PLUG_ECONNRESET);
    drive_close(&d);
    sim_free(w);
}

static void test_stacks__a_base_that_fails_at_any_byte_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(stacks); i++)
        for (int dir = 0; dir < 2; dir++)
            for (uint64_t at = 0; at < 40; at += at < 12 ? 1 : 5)
                fail_one(&stacks[i], dir, at);
}

/* ---- closing in each state ---- */

static void close_after(const struct stack *stack, const struct sim_knobs *knobs, int turns,
                        int how)
{
    struct sim_world *w = sim_new(tenants);
    struct drive d;
    set_up(w, knobs);
    assert_int_equal(drive_open(&d, &stack->row, w, NULL), 0);
    struct sim_end *e[2] = {d.end[0], d.end[1]};
    for (int i = 0; i < turns; i++)
        (void)sim_turn(w);
    char buf[600] = "";
    struct plug_iov iov = {buf, sizeof(buf)};
    struct plug_msg m = {.iov = &iov, .niov = 1, .flags = PLUG_MSG_EOR};
    memset(buf, 'x', sizeof(buf));
    if (how >= 0 && plug_state(d.s[0]) == 0) {
        (void)plug__sock_send(d.s[0], &m, 1, 0);
        (void)plug__sock_recv(d.s[1], &m, 1, 0);
        if (how <= PLUG_SHUT_RESET)
            (void)plug__sock_shut(d.s[0], how);
        (void)sim_turn(w);
    }
    drive_close(&d);
    assert_int_equal(e[0]->closed, 1);
    assert_int_equal(e[1]->closed, 1);
    assert_null(e[0]->layer);
    sim_free(w);
}

static void test_stacks__may_be_closed_in_each_state(void **state)
{
    static const struct sim_knobs plain = {.gasp = 0}, slow = {.most = {1, 1}, .gasp = 1},
                                  never = {.open_fails = PLUG_EAGAIN},
                                  refused = {.open_fails = PLUG_ECONNREFUSED},
                                  broken = {.fail = {PLUG_ECONNRESET, PLUG_EPIPE},
                                            .fail_at = {3, 3}};
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(stacks); i++) {
        for (int turns = 0; turns < 30; turns++) {
            close_after(&stacks[i], &slow, turns, -1);
            close_after(&stacks[i], &slow, turns, PLUG_SHUT_WR);
        }
        for (int how = -1; how <= PLUG_SHUT_RESET + 1; how++) {
            close_after(&stacks[i], &plain, 20, how);
            close_after(&stacks[i], &broken, 20, how);
        }
        close_after(&stacks[i], &never, 3, -1);
        close_after(&stacks[i], &refused, 3, -1);
    }
}

/* ---- no memory ---- */

struct denial {
    long at, n; /* deny number `at` */
    int denied;
};

static int deny(void *arg, size_t size)
{
    struct denial *d = arg;
    (void)size;
    if (d->n++ != d->at)
        return 0;
    d->denied = 1;
    return 1;
}

/* Runs a stack with one allocation failing. Returns what came of it. */
static int starve(const struct stack *stack, const struct sim_knobs *knobs, struct denial *denial)
{
    struct drive d = {0};
    int r = PLUG_ENOMEM;
    plug__alloc_hook(deny, denial);
    struct sim_world *w = sim_new(tenants);
    if (w) {
        set_up(w, knobs);
        r = drive_open(&d, &stack->row, w, NULL);
        d.flow[0].total = d.flow[1].total = 1200;
        d.memory_fails = 1;
        if (r >= 0)
            r = drive_run(&d);
        drive_close(&d);
        sim_free(w);
    }
    plug__alloc_hook(NULL, NULL);
    if (r < 0 && (r != PLUG_ENOMEM || !denial->denied))
        print_error("%s, allocation %ld: %s (%d)\n", stack->row.name, denial->at, d.why, r);
    return r;
}

static void test_stacks__survive_each_failing_allocation(void **state)
{
    static const struct sim_knobs manner = {.most = {100, 100}, .again = {3, 2}};
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(stacks); i++) {
        for (long at = 0;; at++) {
            struct denial denial = {.at = at};
            int r = starve(&stacks[i], &manner, &denial);
            assert_true(r == 0 || r == PLUG_ENOMEM);
            assert_true(at < 5000);
            if (!denial.denied) {
                assert_int_equal(r, 0);
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stacks__move_all_in_every_manner),
        cmocka_unit_test(test_stacks__an_end_inside_a_record_is_never_clean),
        cmocka_unit_test(test_stacks__a_base_that_fails_at_any_byte_is_told),
        cmocka_unit_test(test_stacks__may_be_closed_in_each_state),
        cmocka_unit_test(test_stacks__survive_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

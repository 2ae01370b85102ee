/* SPDX-License-Identifier: MIT
 *
 * The mux between keys and children: queues, their limits, fairness for OUT, errors and ends.
 */
#include "unit/torture.h"

#include "core/mux.h"
#include "util/alloc.h"
#include <string.h>

/* A child: a layer on a sock that is nothing but a place on the run list. */
struct kid {
    struct plug_sock sock;
    struct plug_layer layer;
    struct plug__mux_child child;
    int order;
};

struct bench {
    struct plug_loop *loop;
    struct plug__mux mux;
    int dropped; /* times the mux was given up */
};

static void bench_gone(struct plug__mux *m)
{
    plug__of(m, struct bench, mux)->dropped++;
}

static int bench_open(void **state)
{
    static struct bench b;
    b = (struct bench){0};
    if (plug__loop_make(&b.loop, &plug__poll_backend, NULL) < 0 || plug__mux_init(&b.mux) < 0)
        return 1;
    b.mux.drop = bench_gone;
    *state = &b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    if (!b->dropped)
        plug__mux_close(&b->mux);
    plug_loop_free(b->loop);
    return b->dropped == 1 ? 0 : 1;
}

static int bench_order;

static void kid_run(struct plug__task *t)
{
    plug__of(plug__of(t, struct plug_sock, task), struct kid, sock)->order = ++bench_order;
}

static void kid_init(struct kid *k, struct bench *b)
{
    *k = (struct kid){.sock = {.loop = b->loop, .task = {.run = kid_run}}};
    k->layer.sock = &k->sock;
}

static int kid_accept(struct kid *k, struct bench *b)
{
    kid_init(k, b);
    return plug__mux_accept(&b->mux, &k->child, &k->layer);
}

static void kid_leave(struct kid *k)
{
    plug__mux_leave(&k->child);
    plug__loop_unqueue(&k->sock.task);
}

static int test_deliver_len(struct bench *b, const char *key, const void *data, size_t len)
{
    char copy[4096];
    struct plug_iov iov[3];
    struct plug_msg m = {.iov = iov, .niov = 3, .flags = PLUG_MSG_EOR, .len = len};
    assert_true(len <= sizeof copy);
    if (len)
        memcpy(copy, data, len);
    /* In pieces, with one that is longer than the record. */
    iov[0] = (struct plug_iov){.base = copy, .len = len / 3};
    iov[1] = (struct plug_iov){.base = NULL, .len = 0};
    iov[2] = (struct plug_iov){.base = copy + len / 3, .len = sizeof copy - len / 3};
    return plug__mux_deliver(&b->mux, key, strlen(key), &m);
}

static int test_deliver(struct bench *b, const char *key, const char *text)
{
    return test_deliver_len(b, key, text, strlen(text));
}

static int test_recv(struct kid *k, char *text, size_t room, unsigned *ret_flags)
{
    struct plug_iov iov[2] = {{.base = text, .len = room / 2},
                              {.base = text + room / 2, .len = room - room / 2}};
    struct plug_msg m = {.iov = iov, .niov = 2};
    int rc = plug__mux_recv(&k->child, &m, 1);
    if (rc == 1 && m.len < room)
        text[m.len] = '\0';
    if (ret_flags)
        *ret_flags = m.flags;
    return rc == 1 ? (int)m.len : rc;
}

static void test_expect(struct kid *k, const char *expected)
{
    char text[64];
    assert_int_equal(test_recv(k, text, sizeof text, NULL), strlen(expected));
    assert_string_equal(text, expected);
}

/* ---- the way of a record ---- */

static void test_mux__a_new_key_is_accepted_with_its_records(void **state)
{
    struct bench *b = *state;
    struct kid k;
    char text[8];
    assert_int_equal(kid_accept(&k, b), PLUG_EAGAIN);
    assert_int_equal(test_deliver(b, "a", "one"), 0);
    assert_int_equal(test_deliver(b, "a", ""), 0);
    assert_int_equal(test_deliver(b, "a", "three"), 0);
    assert_int_equal(b->mux.nfresh, 1);
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(k.layer.ready, PLUG_IN | PLUG_OUT);
    assert_true(plug__list_linked(&k.sock.task.node));
    assert_int_equal(b->mux.nfresh, 0);
    assert_int_equal(b->mux.fresh_queued, 0);
    test_expect(&k, "one");
    test_expect(&k, "");
    test_expect(&k, "three");
    assert_int_equal(k.child.queued, 0);
    assert_false(k.layer.ready & PLUG_IN); /* plug_select is to be told what is so */
    assert_int_equal(test_recv(&k, text, sizeof text, NULL), PLUG_EAGAIN);
    assert_false(k.layer.ready & PLUG_IN);
    kid_leave(&k);
}

static void test_mux__a_known_key_goes_to_its_child(void **state)
{
    struct bench *b = *state;
    struct kid one, two;
    assert_int_equal(test_deliver(b, "a", "1"), 0);
    assert_int_equal(test_deliver(b, "b", "2"), 0);
    assert_int_equal(kid_accept(&one, b), 0);
    assert_int_equal(kid_accept(&two, b), 0);
    one.layer.ready = two.layer.ready = 0;
    assert_int_equal(test_deliver(b, "b", "4"), 0);
    assert_int_equal(test_deliver(b, "a", "3"), 0);
    assert_int_equal(one.layer.ready, PLUG_IN);
    assert_int_equal(b->mux.nfresh, 0);
    test_expect(&one, "1");
    test_expect(&one, "3");
    test_expect(&two, "2");
    test_expect(&two, "4");
    kid_leave(&one);
    kid_leave(&two);
}

static void test_mux__many_records_in_one_call(void **state)
{
    struct bench *b = *state;
    struct kid k;
    char text[4][8];
    struct plug_iov iov[4];
    struct plug_msg v[4] = {{0}};
    for (int i = 0; i < 4; i++) {
        iov[i] = (struct plug_iov){.base = text[i], .len = sizeof text[i]};
        v[i].iov = &iov[i];
        v[i].niov = 1;
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(test_deliver(b, "a", i ? "xy" : "z"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(plug__mux_recv(&k.child, v, 0), 0);
    assert_int_equal(plug__mux_recv(&k.child, v, 4), 3);
    assert_int_equal(v[0].len, 1);
    assert_int_equal(v[2].len, 2);
    assert_int_equal(v[2].flags, PLUG_MSG_EOR);
    assert_int_equal(plug__mux_recv(&k.child, v, 0), PLUG_EAGAIN);
    kid_leave(&k);
}

static void test_mux__a_short_buffer_cuts_and_counts(void **state)
{
    struct bench *b = *state;
    struct kid k;
    unsigned flags;
    char text[4];
    assert_int_equal(test_deliver(b, "a", "abcdef"), 0);
    assert_int_equal(test_deliver(b, "a", "next"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(test_recv(&k, text, 4, &flags), 4);
    assert_memory_equal(text, "abcd", 4);
    assert_true(flags & PLUG_MSG_TRUNC);
    assert_int_equal(k.child.dropped[PLUG__DROP_LONG], 1);
    assert_int_equal(b->mux.dropped[PLUG__DROP_LONG], 1);
    test_expect(&k, "next");
    kid_leave(&k);
}

/* ---- limits ---- */

static void test_mux__a_full_queue_drops_and_counts(void **state)
{
    struct bench *b = *state;
    struct kid k, other;
    char block[1000];
    int taken = 0;
    memset(block, 'x', sizeof block);
    while (test_deliver_len(b, "a", block, sizeof block) == 0)
        taken++;
    assert_in_range(taken, 1, PLUG__MUX_QUEUED / sizeof block);
    assert_int_equal(b->mux.dropped[PLUG__DROP_QUEUE], 1);
    assert_int_equal(test_deliver(b, "b", "not hurt"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(kid_accept(&other, b), 0);
    assert_int_equal(k.child.dropped[PLUG__DROP_QUEUE], 1);
    test_expect(&other, "not hurt");
    assert_int_equal(test_deliver_len(b, "a", block, sizeof block), PLUG_ELIMIT);
    assert_int_equal(test_recv(&k, block, sizeof block, NULL), sizeof block);
    assert_int_equal(test_deliver_len(b, "a", block, sizeof block), 0);
    kid_leave(&k);
    kid_leave(&other);
}

/* Empty records cost memory too. */
static void test_mux__empty_records_are_bounded(void **state)
{
    struct bench *b = *state;
    int taken = 0;
    while (test_deliver(b, "a", "") == 0)
        assert_in_range(++taken, 1, PLUG__MUX_QUEUED / 16);
}

static void test_mux__fresh_keys_are_bounded(void **state)
{
    struct bench *b = *state;
    struct kid k;
    char key[8] = "k";
    for (unsigned i = 0; i < PLUG__MUX_FRESH; i++) {
        key[1] = (char)('0' + i / 16);
        key[2] = (char)('0' + i % 16);
        assert_int_equal(test_deliver(b, key, "x"), 0);
    }
    assert_int_equal(test_deliver(b, "one more", "x"), PLUG_ELIMIT);
    assert_int_equal(test_deliver(b, "k00", "known"), 0);
    assert_int_equal(b->mux.dropped[PLUG__DROP_NEW], 1);
    assert_int_equal(b->mux.unheard, 1); /* no child could tell of it */
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(test_deliver(b, "one more", "x"), 0);
    test_expect(&k, "x");
    test_expect(&k, "known");
    kid_leave(&k);
}

static void test_mux__fresh_bytes_are_bounded_together(void **state)
{
    struct bench *b = *state;
    char block[4096], key[4] = "k";
    size_t keys = 0, all = 0;
    int rc;
    memset(block, 'x', sizeof block);
    for (; keys < PLUG__MUX_FRESH && !b->mux.dropped[PLUG__DROP_NEW]; keys++) {
        key[1] = (char)('0' + keys / 16);
        key[2] = (char)('0' + keys % 16);
        while ((rc = test_deliver_len(b, key, block, sizeof block)) == 0)
            all += sizeof block;
        assert_int_equal(rc, PLUG_ELIMIT);
    }
    assert_in_range(all, PLUG__MUX_FRESH_QUEUED / 2, PLUG__MUX_FRESH_QUEUED);
}

static void test_mux__a_key_too_long_is_refused(void **state)
{
    struct bench *b = *state;
    char key[400];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    assert_int_equal(test_deliver(b, key, "x"), PLUG_EINVAL);
    assert_int_equal(b->mux.nfresh, 0);
}

static void test_mux__without_memory_it_drops_and_goes_on(void **state)
{
    struct bench *b = *state;
    unsigned failed = 0;
    for (unsigned n = 0;; n++) {
        struct torture t;
        int rc;
        torture_start(&t, n);
        rc = test_deliver(b, "a", "x");
        torture_stop();
        if (rc == 0)
            break;
        failed++;
        assert_int_equal(rc, PLUG_ENOMEM);
        assert_int_equal(b->mux.nfresh, 0);
    }
    assert_int_equal(failed, 3);
    assert_int_equal(b->mux.dropped[PLUG__DROP_MEMORY], 3);
    assert_int_equal(b->mux.nfresh, 1);
}

/* ---- sending and errors ---- */

static void test_mux__who_waits_for_out_is_served_in_order(void **state)
{
    struct bench *b = *state;
    struct kid v[4];
    for (int i = 0; i < 4; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        assert_int_equal(test_deliver(b, key, "x"), 0);
        assert_int_equal(kid_accept(&v[i], b), 0);
    }
    assert_int_equal(plug__loop_poll(b->loop, 0), 4);
    plug__mux_wait_out(&v[2].child);
    plug__mux_wait_out(&v[0].child);
    plug__mux_wait_out(&v[2].child);
    plug__mux_wait_out(&v[3].child);
    assert_false(v[0].layer.ready & PLUG_OUT);
    plug__mux_leave(&v[3].child);
    bench_order = 0;
    plug__mux_out_ready(&b->mux);
    assert_int_equal(plug__loop_poll(b->loop, 0), 2);
    assert_true(v[0].layer.ready & PLUG_OUT);
    assert_true(v[2].order < v[0].order);
    plug__mux_out_ready(&b->mux);
    assert_int_equal(plug__loop_poll(b->loop, 0), 0);
    for (int i = 0; i < 3; i++)
        kid_leave(&v[i]);
}

static void test_mux__an_error_is_told_once_after_the_records(void **state)
{
    struct bench *b = *state;
    struct kid k, other;
    char text[8];
    assert_int_equal(test_deliver(b, "a", "x"), 0);
    assert_int_equal(test_deliver(b, "b", "y"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(kid_accept(&other, b), 0);
    k.layer.ready = 0;
    plug__mux_error(&b->mux, "a", 1, PLUG_ECONNREFUSED, 111);
    assert_int_equal(k.layer.ready, PLUG_IN | PLUG_OUT);
    test_expect(&k, "x");
    assert_int_equal(plug__mux_recv(&k.child, NULL, 0), 0);
    assert_int_equal(test_recv(&k, text, sizeof text, NULL), PLUG_ECONNREFUSED);
    assert_int_equal(k.layer.os_error, 111);
    assert_int_equal(test_recv(&k, text, sizeof text, NULL), PLUG_EAGAIN);
    assert_int_equal(plug__mux_take_error(&other.child), 0);
    plug__mux_error(&b->mux, "a", 1, PLUG_EHOSTUNREACH, 113);
    assert_int_equal(plug__mux_take_error(&k.child), PLUG_EHOSTUNREACH);
    assert_int_equal(plug__mux_take_error(&k.child), 0);
    kid_leave(&k);
    kid_leave(&other);
}

static void test_mux__an_error_for_nobody_is_nothing(void **state)
{
    struct bench *b = *state;
    struct kid k;
    char text[8];
    plug__mux_error(&b->mux, "a", 1, PLUG_ECONNREFUSED, 111);
    assert_int_equal(test_deliver(b, "a", "x"), 0);
    plug__mux_error(&b->mux, "a", 1, PLUG_ECONNREFUSED, 111);
    assert_int_equal(kid_accept(&k, b), 0);
    test_expect(&k, "x");
    assert_int_equal(test_recv(&k, text, sizeof text, NULL), PLUG_EAGAIN);
    kid_leave(&k);
}

/* ---- ends ---- */

static void test_mux__who_left_is_new_again(void **state)
{
    struct bench *b = *state;
    struct kid k;
    assert_int_equal(test_deliver(b, "a", "x"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(test_deliver(b, "a", "unread"), 0);
    kid_leave(&k);
    plug__mux_leave(&k.child);
    assert_int_equal(test_deliver(b, "a", "again"), 0);
    assert_int_equal(b->mux.nfresh, 1);
    assert_int_equal(kid_accept(&k, b), 0);
    test_expect(&k, "again");
    kid_leave(&k);
}

/* A session that ends while a record is on its way to it: the record begins the next. */
static void test_mux__what_was_not_read_is_new_again(void **state)
{
    struct bench *b = *state;
    struct kid k, next;
    assert_int_equal(test_deliver(b, "a", "read"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    test_expect(&k, "read");
    assert_int_equal(test_deliver(b, "a", "late"), 0);
    assert_int_equal(test_deliver(b, "a", "later"), 0);
    assert_int_equal(plug__mux_return(&k.child), 1);
    plug__loop_unqueue(&k.sock.task);
    assert_int_equal(kid_accept(&next, b), 0);
    test_expect(&next, "late");
    test_expect(&next, "later");
    assert_int_equal(plug__mux_return(&next.child), 0); /* nothing is left to give back */
    plug__loop_unqueue(&next.sock.task);
    assert_int_equal(kid_accept(&k, b), PLUG_EAGAIN);
}

static void test_mux__nothing_is_new_again_without_room(void **state)
{
    struct bench *b = *state;
    struct kid k;
    assert_int_equal(test_deliver(b, "a", "x"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    b->mux.most_fresh = 1;
    assert_int_equal(test_deliver(b, "b", "takes the only place"), 0);
    assert_int_equal(plug__mux_return(&k.child), 0);
    plug__loop_unqueue(&k.sock.task);
    assert_int_equal(b->mux.dropped[PLUG__DROP_NEW], 1);
    assert_int_equal(kid_accept(&k, b), 0);
    test_expect(&k, "takes the only place");
    kid_leave(&k);
}

static void test_mux__a_child_that_never_was_may_leave(void **state)
{
    struct kid k;
    kid_init(&k, *state);
    plug__mux_leave(&k.child);
}

static void test_mux__children_outlive_the_listener(void **state)
{
    struct bench *b = *state;
    struct kid k;
    assert_int_equal(test_deliver(b, "a", "x"), 0);
    assert_int_equal(kid_accept(&k, b), 0);
    assert_int_equal(test_deliver(b, "b", "thrown away"), 0);
    plug__mux_close(&b->mux);
    assert_int_equal(b->dropped, 0);
    assert_int_equal(b->mux.nfresh, 0);
    assert_int_equal(test_deliver(b, "a", "y"), 0);
    assert_int_equal(test_deliver(b, "b", "z"), PLUG_ELIMIT);
    test_expect(&k, "x");
    test_expect(&k, "y");
    kid_leave(&k);
    assert_int_equal(b->dropped, 1);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH(test_mux__a_new_key_is_accepted_with_its_records),
        BENCH(test_mux__a_known_key_goes_to_its_child),
        BENCH(test_mux__many_records_in_one_call),
        BENCH(test_mux__a_short_buffer_cuts_and_counts),
        BENCH(test_mux__a_full_queue_drops_and_counts),
        BENCH(test_mux__empty_records_are_bounded),
        BENCH(test_mux__fresh_keys_are_bounded),
        BENCH(test_mux__fresh_bytes_are_bounded_together),
        BENCH(test_mux__a_key_too_long_is_refused),
        BENCH(test_mux__without_memory_it_drops_and_goes_on),
        BENCH(test_mux__who_waits_for_out_is_served_in_order),
        BENCH(test_mux__an_error_is_told_once_after_the_records),
        BENCH(test_mux__an_error_for_nobody_is_nothing),
        BENCH(test_mux__who_left_is_new_again),
        BENCH(test_mux__what_was_not_read_is_new_again),
        BENCH(test_mux__nothing_is_new_again_without_room),
        BENCH(test_mux__a_child_that_never_was_may_leave),
        BENCH(test_mux__children_outlive_the_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

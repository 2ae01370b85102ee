/* SPDX-License-Identifier: MIT
 *
 * Two ends of a pair on one loop: bytes or records, bounds, ends and resets.
 */
#include "unit/endpoint/rig.h"

static int pair_recv(struct rig *t, struct plug_sock *s, char *buf, size_t room, unsigned *flags)
{
    struct plug_iov v = {buf, room - 1};
    struct plug_msg m = {.iov = &v, .niov = 1};
    int r;
    while ((r = plug_recvmmsg(s, &m, 1, 0, 0)) == PLUG_EAGAIN)
        rig_turn(t);
    if (r < 0)
        return r;
    buf[m.len] = '\0';
    *flags = m.flags;
    return (int)m.len;
}

static void test_pair__carries_bytes_both_ways(void **state)
{
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x"), *b = rig_must(t, "pair:x");
    char buf[32];
    rig_send_all(t, a, "one ");
    rig_send_all(t, a, "two");
    assert_int_equal(rig_recv(t, b, buf, sizeof(buf)), 7); /* bytes: no boundary is kept */
    assert_memory_equal(buf, "one two", 7);
    rig_send_all(t, b, "back");
    assert_int_equal(rig_recv(t, a, buf, sizeof(buf)), 4);
    assert_int_equal(rig_shut(t, a, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_recv(t, b, buf, sizeof(buf)), PLUG_EOF);
    rig_send_all(t, b, "late"); /* the other direction is open */
    assert_int_equal(rig_recv(t, a, buf, sizeof(buf)), 4);
    assert_int_equal(rig_shut(t, b, PLUG_SHUT_RDWR), 0);
    assert_int_equal(rig_recv(t, a, buf, sizeof(buf)), PLUG_EOF);
    plug_close(a);
    plug_close(b);
    assert_null(t->loop->pairs);
}

static void test_pair__keeps_records_and_flags(void **state)
{
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x,type=seqpacket");
    struct plug_sock *b = rig_must(t, "pair:x,type=seqpacket");
    char buf[32];
    unsigned flags;
    assert_int_equal(plug_send(a, "first", 5, PLUG_MSG_TEXT, 0), 5);
    assert_int_equal(plug_send(a, "", 0, 0, 0), 0);
    assert_int_equal(plug_send(a, "third", 5, 0, 0), 5);
    assert_int_equal(pair_recv(t, b, buf, sizeof(buf), &flags), 5);
    assert_string_equal(buf, "first");
    assert_int_equal(flags, PLUG_MSG_EOR | PLUG_MSG_TEXT);
    assert_int_equal(pair_recv(t, b, buf, sizeof(buf), &flags), 0); /* empty, not the end */
    assert_int_equal(flags, PLUG_MSG_EOR);
    assert_int_equal(pair_recv(t, b, buf, 3, &flags), 2); /* too small a buffer: pieces */
    assert_int_equal(flags, 0);
    assert_int_equal(pair_recv(t, b, buf, sizeof(buf), &flags), 3);
    assert_string_equal(buf, "ird");
    assert_int_equal(flags, PLUG_MSG_EOR);
    plug_close(a);
    assert_int_equal(pair_recv(t, b, buf, sizeof(buf), &flags), PLUG_EOF);
    plug_close(b);
}

static void test_pair__holds_so_much_and_no_more(void **state)
{
    static char block[50000];
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x"), *b = rig_must(t, "pair:x");
    int64_t r, in = 0, out = 0;
    size_t len = sizeof(r);
    while ((r = plug_send(a, block, sizeof(block), 0, 0)) > 0)
        in += r;
    assert_int_equal(r, PLUG_EAGAIN);
    assert_int_equal(in, 256 * 1024);
    assert_int_equal(plug_getsockopt(a, PLUG_LEVEL_SOCK, PLUG_SO_UNSENT, &r, &len), 0);
    assert_int_equal(r, in);
    assert_int_equal(plug_shutdown(a, PLUG_SHUT_RDWR, 0), PLUG_EAGAIN); /* not yet taken */
    while (out < in) {
        r = rig_recv(t, b, block, sizeof(block));
        assert_true(r > 0);
        out += r;
    }
    assert_int_equal(rig_recv(t, b, block, sizeof(block)), PLUG_EOF);
    assert_int_equal(rig_shut(t, a, PLUG_SHUT_RDWR), 0);
    plug_close(a);
    plug_close(b);
}

static void test_pair__waits_for_the_other_end(void **state)
{
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x"), *b, *c;
    char buf[8];
    rig_send_all(t, a, "early");
    assert_int_equal(plug_recv(a, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    b = rig_must(t, "pair:x");
    assert_int_equal(rig_recv(t, b, buf, sizeof(buf)), 5);
    assert_int_equal(rig_open(t, &c, "pair:x"), PLUG_EBUSY); /* there are two ends */
    plug_close(a);
    plug_close(b);
    a = rig_must(t, "pair:x"); /* the name is free again */
    assert_int_equal(plug_recv(a, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    plug_close(a);
    assert_null(t->loop->pairs);
}

/* An end that said nothing and was closed in order before its mate came left no trace: the mate
 * waited for ever. */
static void test_pair__an_early_end_is_heard_of(void **state)
{
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x"), *b;
    char buf[8];
    assert_int_equal(plug_shutdown(a, PLUG_SHUT_RDWR, 0), PLUG_EAGAIN);
    b = rig_must(t, "pair:x");
    assert_int_equal(rig_shut(t, a, PLUG_SHUT_RDWR), 0);
    plug_close(a);
    assert_int_equal(rig_recv(t, b, buf, sizeof(buf)), PLUG_EOF);
    plug_close(b);
    assert_null(t->loop->pairs);
}

static void test_pair__ends_must_agree_on_type(void **state)
{
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x"), *b;
    assert_int_equal(rig_open(t, &b, "pair:x,type=dgram"), PLUG_EPROTO);
    plug_close(a);
}

static void test_pair__close_with_bytes_unread_resets(void **state)
{
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x"), *b = rig_must(t, "pair:x");
    char buf[8];
    rig_send_all(t, a, "lost");
    rig_send_all(t, b, "kept");
    plug_close(b);
    assert_int_equal(rig_recv(t, a, buf, sizeof(buf)), 4);
    assert_int_equal(rig_recv(t, a, buf, sizeof(buf)), PLUG_ECONNRESET);
    assert_int_equal(rig_send(t, a, "x", 1), PLUG_ECONNRESET);
    plug_close(a);
}

/* Who ended in order and waits is told that its last bytes were never taken. */
static void test_pair__orderly_end_knows_of_bytes_unread(void **state)
{
    struct rig *t = *state;
    for (int reset = 0; reset < 2; reset++) {
        struct plug_sock *a = rig_must(t, "pair:x"), *b = rig_must(t, "pair:x");
        char buf[8];
        rig_send_all(t, a, "all");
        assert_int_equal(plug_shutdown(a, PLUG_SHUT_RDWR, 0), PLUG_EAGAIN);
        assert_int_equal(rig_recv(t, b, buf, reset ? 2 : 1), reset ? 2 : 1);
        if (reset)
            assert_int_equal(plug_shutdown(b, PLUG_SHUT_RESET, 0), 0);
        plug_close(b);
        assert_int_equal(plug_shutdown(a, PLUG_SHUT_RDWR, 0), PLUG_ECONNRESET);
        plug_close(a);
    }
}

static void test_pair__reset_throws_away(void **state)
{
    struct rig *t = *state;
    struct plug_sock *a = rig_must(t, "pair:x"), *b = rig_must(t, "pair:x");
    char buf[8];
    rig_send_all(t, a, "gone");
    assert_int_equal(plug_shutdown(a, PLUG_SHUT_RESET, 0), 0);
    assert_int_equal(rig_recv(t, b, buf, sizeof(buf)), PLUG_ECONNRESET);
    plug_close(a);
    plug_close(b);
}

/* Each allocation fails in turn: an error, nothing half-made, nothing leaked. */
static void test_pair__without_memory(void **state)
{
    struct rig *t = *state;
    struct torture mem;
    for (unsigned n = 0, hit = 1; hit; n++) {
        struct plug_sock *a = NULL, *b = NULL;
        int64_t r;
        torture_start(&mem, n);
        r = plug_open_on(&a, t->loop, "pair:x", NULL);
        if (r >= 0)
            r = plug_open_on(&b, t->loop, "pair:x", NULL);
        for (int i = 0; i < 2 && r >= 0; i++)
            (void)plug_loop_turn(t->loop, 0);
        if (r >= 0 && (r = plug_state(a)) >= 0 && (r = plug_state(b)) >= 0)
            r = plug_send(a, "x", 1, 0, 0);
        plug__alloc_hook(NULL, NULL);
        hit = (unsigned)mem.hit;
        assert_int_equal(r, hit ? PLUG_ENOMEM : 1);
        plug_close(a);
        plug_close(b);
        assert_null(t->loop->pairs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_SHARED(test_pair__carries_bytes_both_ways),
        RIG_SHARED(test_pair__keeps_records_and_flags),
        RIG_SHARED(test_pair__holds_so_much_and_no_more),
        RIG_SHARED(test_pair__waits_for_the_other_end),
        RIG_SHARED(test_pair__an_early_end_is_heard_of),
        RIG_SHARED(test_pair__ends_must_agree_on_type),
        RIG_SHARED(test_pair__close_with_bytes_unread_resets),
        RIG_SHARED(test_pair__orderly_end_knows_of_bytes_unread),
        RIG_SHARED(test_pair__reset_throws_away),
        RIG_SHARED(test_pair__without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

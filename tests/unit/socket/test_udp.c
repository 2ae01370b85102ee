/* SPDX-License-Identifier: MIT
 *
 * UDP through the public calls: records and their edges, sessions of a listener, the address that
 * answers come from, what happens to those that nobody takes.
 */
#include "rig.h"

static struct plug_sock *client_of(struct plug_loop *loop, struct plug_sock *l, const char *host,
                                   const char *more)
{
    char text[96];
    (void)snprintf(text, sizeof(text), "udp://%s:%u%s", host, rig_port(l), more);
    return rig_open(loop, text);
}

/* The session that a first record opens. */
static struct plug_sock *session_of(struct plug_loop *loop, struct plug_sock *l,
                                    struct plug_sock *c, const char *text)
{
    struct plug_sock *s;
    char buf[64];
    assert_int_equal(rig_send(loop, c, text, strlen(text)), strlen(text));
    s = rig_accept(loop, l);
    assert_int_equal(rig_recv(loop, s, buf, sizeof(buf)), strlen(text));
    assert_memory_equal(buf, text, strlen(text));
    return s;
}

static void test_udp__session_answers_its_peer(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "hi");
    char a[64], b[64];
    rig_says(loop, s, c, "hello");
    rig_says(loop, c, s, "again");
    assert_string_equal(rig_text(s, PLUG_SO_PEER, a, sizeof(a)),
                        rig_text(c, PLUG_SO_NAME, b, sizeof(b)));
    assert_string_equal(rig_text(s, PLUG_SO_NAME, a, sizeof(a)),
                        rig_text(c, PLUG_SO_PEER, b, sizeof(b)));
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__both_loopbacks_are_heard(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://:0"), *c, *s;
    if (!rig_has_ip6())
        skip();
    c = client_of(loop, l, "[::1]", "");
    s = session_of(loop, l, c, "six");
    rig_says(loop, s, c, "answer");
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__each_peer_has_its_session(void **state)
{
    enum { PEERS = 20 };
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0"), *c[PEERS], *s[PEERS];
    char text[16];
    for (int i = 0; i < PEERS; i++) {
        (void)snprintf(text, sizeof(text), "peer %d", i);
        c[i] = client_of(loop, l, "127.0.0.1", "");
        s[i] = session_of(loop, l, c[i], text);
    }
    for (int i = 0; i < PEERS; i++) {
        (void)snprintf(text, sizeof(text), "for %d", i);
        rig_says(loop, s[i], c[i], text);
        rig_says(loop, c[i], s[i], text);
    }
    for (int i = 0; i < PEERS; i++) {
        plug_close(c[i]);
        plug_close(s[i]);
    }
    plug_close(l);
}

/* A client is connected: it takes nothing from another address than it asked. */
static void answered_from(struct plug_loop *loop, const char *listen, const char *ask)
{
    struct plug_sock *l = rig_open(loop, listen), *c = client_of(loop, l, ask, "");
    struct plug_sock *s = session_of(loop, l, c, "who");
    char a[64];
    rig_says(loop, s, c, "me");
    assert_non_null(strstr(rig_text(s, PLUG_SO_NAME, a, sizeof(a)), ask));
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__answers_from_the_address_that_was_asked(void **state)
{
    struct plug_loop *loop = *state;
    answered_from(loop, "udp4-listen://*:0", "127.0.0.2");
    answered_from(loop, "udp-listen://*:0", "127.0.0.2"); /* by a dual-stack socket */
    if (rig_has_ip6())
        answered_from(loop, "udp-listen://*:0", "[::1]");
}

static void test_udp__one_peer_of_two_addresses_is_two_sessions(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp4-listen://*:0"), *a, *b, *sa, *sb;
    char more[64];
    plug_handle held;
    unsigned port = rig_closed_port(SOCK_DGRAM, &held);
    plug__os_close(held);
    (void)snprintf(more, sizeof(more), "#bind=127.0.0.1:%u", port);
    a = client_of(loop, l, "127.0.0.1", more);
    sa = session_of(loop, l, a, "one");
    plug_close(a);
    b = client_of(loop, l, "127.0.0.2", more);
    sb = session_of(loop, l, b, "two");
    rig_says(loop, sb, b, "two's");
    plug_close(b);
    plug_close(sa);
    plug_close(sb);
    plug_close(l);
}

static void test_udp__empty_record_is_data(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    char buf[8];
    assert_int_equal(rig_send(loop, c, "", 0), 0);
    assert_int_equal(rig_recv(loop, s, buf, sizeof(buf)), 0);
    assert_int_equal(rig_send(loop, s, "", 0), 0);
    assert_int_equal(rig_recv(loop, c, buf, sizeof(buf)), 0);
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__longest_record_passes_and_a_longer_does_not(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    static char out[65508], in[65536];
    size_t limit = 0, len = sizeof(limit);
    memset(out, 'u', sizeof(out));
    assert_int_equal(plug_getsockopt(c, PLUG_LEVEL_SOCK, PLUG_SO_LIMIT, &limit, &len), 0);
    assert_int_equal(limit, 65507);
    assert_int_equal(rig_send(loop, c, out, 65508), PLUG_EMSGSIZE);
    assert_int_equal(rig_send(loop, c, out, 65507), 65507);
    assert_int_equal(rig_recv(loop, s, in, sizeof(in)), 65507);
    assert_memory_equal(in, out, 65507);
    assert_int_equal(rig_send(loop, s, out, 65508), PLUG_EMSGSIZE);
    rig_says(loop, s, c, "still there");
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__short_buffer_is_told(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    struct plug_sock *ends[2] = {s, c};
    char buf[4];
    for (int i = 0; i < 2; i++) {
        struct plug_iov iov = {buf, sizeof(buf)};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        plug_time until = rig_until();
        int r;
        assert_int_equal(rig_send(loop, ends[!i], "too long", 8), 8);
        do
            r = plug_recvmmsg(ends[i], &m, 1, 0, loop ? 0 : until);
        while (rig_again(loop, r, until));
        assert_int_equal(r, 1);
        assert_int_equal(m.len, 4);
        assert_true(m.flags & PLUG_MSG_TRUNC);
        assert_true(m.flags & PLUG_MSG_EOR);
    }
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__many_records_in_one_call(void **state)
{
    enum { MANY = 24 };
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    struct plug_msg v[MANY] = {0};
    struct plug_iov iov[MANY];
    char bytes[MANY][4];
    int got = 0;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(bytes[i], sizeof(bytes[i]), "%d", i);
        iov[i] = (struct plug_iov){bytes[i], strlen(bytes[i])};
        v[i] = (struct plug_msg){.iov = &iov[i], .niov = 1, .flags = PLUG_MSG_EOR};
    }
    assert_int_equal(plug_sendmmsg(s, v, MANY, 0, 0), MANY);
    while (got < MANY) {
        char buf[16] = "", expect[16];
        int64_t r = rig_recv(loop, c, buf, sizeof(buf));
        assert_true(r > 0);
        (void)snprintf(expect, sizeof(expect), "%d", got++);
        assert_string_equal(buf, expect);
    }
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__refused_is_told_and_not_for_ever(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *c;
    plug_handle held;
    unsigned port = rig_closed_port(SOCK_DGRAM, &held);
    char text[64], buf[8];
    plug__os_close(held);
    (void)snprintf(text, sizeof(text), "udp://127.0.0.1:%u", port);
    c = rig_open(loop, text);
    assert_int_equal(rig_send(loop, c, "x", 1), 1);
    assert_int_equal(rig_recv(loop, c, buf, sizeof(buf)), PLUG_ECONNREFUSED);
    assert_int_equal(plug_recv(c, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    assert_int_equal(rig_send(loop, c, "x", 1), 1);
    plug_close(c);
}

static void test_udp__idle_session_ends(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0#idle-timeout=50ms");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x"), *t;
    plug_time begun = plug_now();
    char buf[8];
    assert_int_equal(rig_recv(loop, s, buf, sizeof(buf)), PLUG_EOF);
    assert_true(plug_now() - begun >= 49 * PLUG_MS);
    assert_int_equal(rig_send(loop, s, "bye", 3), 3); /* the other way is still open */
    assert_int_equal(rig_recv(loop, c, buf, sizeof(buf)), 3);
    t = session_of(loop, l, c, "new"); /* what comes later is a new session's */
    plug_close(s);
    rig_says(loop, t, c, "ok");
    plug_close(t);
    plug_close(c);
    plug_close(l);
}

static void test_udp__sessions_outlive_their_listener(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    plug_close(l);
    rig_says(loop, c, s, "still heard");
    rig_says(loop, s, c, "still answered");
    plug_close(s);
    plug_close(c);
}

/* A session that nobody reads holds a bounded queue, and its neighbour is not hurt. */
static void test_udp__queues_are_bounded(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0#rcvbuf=4194304");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    struct plug_sock *d = client_of(loop, l, "127.0.0.1", ""), *t = session_of(loop, l, d, "y");
    static char big[60000];
    size_t kept = 0;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(rig_send(loop, c, big, sizeof(big)), sizeof(big));
        if (loop)
            plug_loop_turn(loop, plug_now());
        rig_says(loop, d, t, "neighbour");
    }
    while (plug_recv(s, big, sizeof(big), 0, 0) > 0)
        kept += sizeof(big);
    assert_true(kept >= sizeof(big));
    assert_true(kept <= 320 * 1024);
    plug_close(c);
    plug_close(s);
    plug_close(d);
    plug_close(t);
    plug_close(l);
}

static void test_udp__address_in_use_is_told(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0"), *s;
    char text[64];
    (void)snprintf(text, sizeof(text), "udp-listen://127.0.0.1:%u", rig_port(l));
    assert_int_equal(rig_try(loop, text, &s), PLUG_EADDRINUSE);
    plug_close(l);
}

static void test_udp__client_gives_its_handle_and_a_session_does_not(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    struct plug_bypass b;
    assert_int_equal(plug__sock_bypass(c, PLUG_OUT, &b), 0);
    assert_int_equal(b.kind, PLUG_BYPASS_DGRAM);
    assert_int_equal(plug__sock_bypass(s, PLUG_OUT, &b), PLUG_ENOTSUP);
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__records_name_their_sender(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    struct plug_addr from = {0};
    plug_time until = rig_until();
    char buf[8], a[64], b[64];
    int64_t r;
    assert_int_equal(rig_send(loop, c, "y", 1), 1);
    do
        r = plug_recvfrom(s, buf, sizeof(buf), 0, &from, loop ? 0 : until);
    while (rig_again(loop, r, until));
    assert_int_equal(r, 1);
    assert_true(plug_addr_text(&from, a, sizeof(a)) > 0);
    assert_string_equal(a, rig_text(c, PLUG_SO_NAME, b, sizeof(b)));
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__ends_need_no_farewell(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0");
    struct plug_sock *c = client_of(loop, l, "127.0.0.1", ""), *s = session_of(loop, l, c, "x");
    int on = 1;
    assert_int_equal(rig_shut(loop, c, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_shut(loop, s, PLUG_SHUT_RDWR), 0);
    assert_int_equal(plug_setsockopt(s, SOL_SOCKET, SO_PRIORITY, &on, sizeof(on)), PLUG_ENOTSUP);
    assert_int_equal(plug_setsockopt(c, SOL_SOCKET, SO_PRIORITY, &on, sizeof(on)), 0);
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_udp__range_is_kept(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0#range=127.0.0.2"), *s;
    struct plug_sock *out = client_of(loop, l, "127.0.0.1", "");
    struct plug_sock *in = client_of(loop, l, "127.0.0.1", "#bind=127.0.0.2");
    assert_int_equal(rig_send(loop, out, "no", 2), 2);
    s = session_of(loop, l, in, "yes");
    rig_says(loop, s, in, "heard");
    plug_close(s);
    plug_close(in);
    plug_close(out);
    plug_close(l);
}

static void test_udp__options_reach_the_shared_socket(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.1:0#ttl=11,broadcast");
    int ttl = 12;
    assert_int_equal(rig_int(l, IPPROTO_IP, IP_TTL), 11);
    assert_true(rig_int(l, SOL_SOCKET, SO_BROADCAST));
    assert_int_equal(plug_setsockopt(l, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
    assert_int_equal(rig_int(l, IPPROTO_IP, IP_TTL), 12);
    plug_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_udp__session_answers_its_peer),
        RIG(test_udp__both_loopbacks_are_heard),
        RIG(test_udp__each_peer_has_its_session),
        RIG(test_udp__answers_from_the_address_that_was_asked),
        RIG(test_udp__one_peer_of_two_addresses_is_two_sessions),
        RIG(test_udp__empty_record_is_data),
        RIG(test_udp__longest_record_passes_and_a_longer_does_not),
        RIG(test_udp__short_buffer_is_told),
        RIG(test_udp__many_records_in_one_call),
        RIG(test_udp__refused_is_told_and_not_for_ever),
        RIG(test_udp__idle_session_ends),
        RIG(test_udp__sessions_outlive_their_listener),
        RIG(test_udp__queues_are_bounded),
        RIG(test_udp__address_in_use_is_told),
        RIG(test_udp__client_gives_its_handle_and_a_session_does_not),
        RIG(test_udp__records_name_their_sender),
        RIG(test_udp__ends_need_no_farewell),
        RIG(test_udp__range_is_kept),
        RIG(test_udp__options_reach_the_shared_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

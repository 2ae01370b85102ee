/* SPDX-License-Identifier: MIT
 *
 * TCP through the public calls: who connects to whom, how directions end, what is told when they
 * end badly, and the options. Happy Eyeballs has its own test.
 */
#include "rig.h"

struct pair {
    struct plug_sock *listener, *client, *server;
};

static void pair_open(struct pair *p, struct plug_loop *loop, const char *more)
{
    char text[160];
    p->listener = rig_open(loop, "tcp-listen://127.0.0.1:0");
    (void)snprintf(text, sizeof(text), "tcp://127.0.0.1:%u%s", rig_port(p->listener), more);
    p->client = rig_open(loop, text);
    p->server = rig_accept(loop, p->listener);
}

static void pair_close(struct pair *p)
{
    plug_close(p->client);
    plug_close(p->server);
    plug_close(p->listener);
}

/* ---- connecting ---- */

static void test_tcp__carries_both_ways(void **state)
{
    struct plug_loop *loop = *state;
    struct pair p;
    pair_open(&p, loop, "");
    rig_says(loop, p.client, p.server, "there");
    rig_says(loop, p.server, p.client, "and back");
    pair_close(&p);
}

static void test_tcp__tells_both_addresses(void **state)
{
    struct plug_loop *loop = *state;
    char a[64], b[64];
    struct pair p;
    pair_open(&p, loop, "");
    assert_string_equal(rig_text(p.client, PLUG_SO_NAME, a, sizeof(a)),
                        rig_text(p.server, PLUG_SO_PEER, b, sizeof(b)));
    assert_string_equal(rig_text(p.client, PLUG_SO_PEER, a, sizeof(a)),
                        rig_text(p.listener, PLUG_SO_NAME, b, sizeof(b)));
    pair_close(&p);
}

static void test_tcp__says_refused(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s;
    char text[64];
    plug_handle held;
    (void)snprintf(text, sizeof(text), "tcp://127.0.0.1:%u", rig_closed_port(SOCK_STREAM, &held));
    assert_int_equal(rig_try(loop, text, &s), PLUG_ECONNREFUSED);
    plug__os_close(held);
}

static void test_tcp__gives_up_after_connect_timeout(void **state)
{
    struct plug_loop *loop = *state;
    struct rig_hole hole;
    struct plug_sock *s;
    char text[80];
    plug_time begun = plug_now();
    rig_hole_open(&hole);
    (void)snprintf(text, sizeof(text), "tcp://127.0.0.1:%u#connect-timeout=100ms", hole.port);
    assert_int_equal(rig_try(loop, text, &s), PLUG_ETIMEDOUT);
    assert_true(plug_now() - begun >= 100 * PLUG_MS);
    assert_true(plug_now() - begun < 10 * PLUG_SECOND);
    rig_hole_close(&hole);
}

/* A port of the ephemeral range can be given to the very socket that connects to it. */
static void test_tcp__does_not_connect_to_itself(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s;
    char text[96];
    plug_handle held;
    unsigned port = rig_closed_port(SOCK_STREAM, &held);
    plug__os_close(held);
    (void)snprintf(text, sizeof(text), "tcp://127.0.0.1:%u#bind=127.0.0.1,sourceport=%u", port,
                   port);
    assert_int_equal(rig_try(loop, text, &s), PLUG_ECONNREFUSED);
}

static void test_tcp__binds_the_local_end(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_addr a;
    char more[64], text[64];
    struct pair p;
    plug_handle held;
    unsigned port = rig_closed_port(SOCK_STREAM, &held);
    plug__os_close(held);
    (void)snprintf(more, sizeof(more), "#bind=127.0.0.1:%u", port);
    pair_open(&p, loop, more);
    a = rig_addr(p.server, PLUG_SO_PEER);
    assert_int_equal(plug__os_addr_port(&a), port);
    pair_close(&p);
    pair_open(&p, loop, "#bind=127.0.0.2");
    assert_non_null(strstr(rig_text(p.server, PLUG_SO_PEER, text, sizeof(text)), "127.0.0.2:"));
    pair_close(&p);
}

static void test_tcp__refuses_a_bind_of_no_sense(void **state)
{
    struct plug_sock *s;
    struct plug_err err = {0};
    (void)state;
    assert_int_equal(plug_open(&s, "tcp://127.0.0.1:1#bind=not/an/address", 0, &err), PLUG_EUSAGE);
    assert_non_null(strstr(err.text, "not/an/address"));
    assert_true(err.width > 0 && err.hint[0]);
}

/* ---- listening ---- */

static void connects(struct plug_loop *loop, struct plug_sock *l, const char *host)
{
    struct plug_sock *c, *s;
    char text[64];
    (void)snprintf(text, sizeof(text), "tcp://%s:%u", host, rig_port(l));
    c = rig_open(loop, text);
    s = rig_accept(loop, l);
    rig_says(loop, c, s, "hello");
    plug_close(c);
    plug_close(s);
}

static void test_tcp__url_without_host_listens_on_both_loopbacks(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "tcp-listen://:0");
    char text[64];
    assert_non_null(strstr(rig_text(l, PLUG_SO_NAME, text, sizeof(text)), "127.0.0.1:"));
    connects(loop, l, "127.0.0.1");
    if (rig_has_ip6())
        connects(loop, l, "[::1]");
    plug_close(l);
}

static void test_tcp__classic_form_listens_everywhere(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "tcp-listen:0,fork");
    connects(loop, l, "127.0.0.2");
    if (rig_has_ip6())
        connects(loop, l, "[::1]");
    plug_close(l);
}

static void test_tcp__family_is_kept(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "tcp4-listen://*:0"), *s;
    char text[64];
    connects(loop, l, "127.0.0.1");
    (void)snprintf(text, sizeof(text), "tcp://[::1]:%u", rig_port(l));
    assert_true(rig_try(loop, text, &s) < 0);
    plug_close(l);
}

static void test_tcp__says_address_in_use(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "tcp-listen://127.0.0.1:0"), *s;
    char text[64];
    (void)snprintf(text, sizeof(text), "tcp-listen://127.0.0.1:%u", rig_port(l));
    assert_int_equal(rig_try(loop, text, &s), PLUG_EADDRINUSE);
    plug_close(l);
    plug_close(rig_open(loop, text)); /* and free again at once */
}

static void test_tcp__failed_listener_leaves_nothing_open(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "tcp-listen://:0"), *s;
    plug_handle next = rig_next_handle();
    char text[64];
    (void)snprintf(text, sizeof(text), "tcp-listen://:%u", rig_port(l));
    assert_int_equal(rig_try(loop, text, &s), PLUG_EADDRINUSE);
    assert_int_equal(rig_next_handle(), next);
    plug_close(l);
}

/* Whether a client with `more` gets an answer from a listener. */
static int heard(struct plug_loop *loop, const char *listen, const char *host, const char *more)
{
    struct plug_sock *l = rig_open(loop, listen), *c, *s = NULL;
    char text[96], b[8];
    int64_t r = PLUG_EAGAIN;
    (void)snprintf(text, sizeof(text), "tcp://%s:%u%s", host, rig_port(l), more);
    c = rig_open(loop, text);
    while (r == PLUG_EAGAIN && !s) {
        if (plug_accept(l, &s, loop ? 0 : plug_now() + 10 * PLUG_MS) == 0)
            break;
        if (loop)
            plug_loop_turn(loop, plug_now() + 10 * PLUG_MS);
        r = plug_recv(c, b, sizeof(b), 0, 0);
    }
    assert_true(s || r == PLUG_EOF || r == PLUG_ECONNRESET);
    plug_close(s);
    plug_close(c);
    plug_close(l);
    return s != NULL;
}

static void test_tcp__range_is_kept(void **state)
{
    struct plug_loop *loop = *state;
    assert_true(heard(loop, "tcp-listen://*:0#range=127.0.0.0/8", "127.0.0.1", ""));
    assert_true(heard(loop, "tcp-listen://*:0#range=127.0.0.2", "127.0.0.1", "#bind=127.0.0.2"));
    assert_false(heard(loop, "tcp-listen://*:0#range=127.0.0.2", "127.0.0.1", ""));
    assert_false(heard(loop, "tcp-listen://*:0#range=10.0.0.0/8", "127.0.0.1", ""));
    assert_true(heard(loop, "tcp-listen:0,fork,range=127.0.0.0:255.0.0.0", "127.0.0.1", ""));
    if (rig_has_ip6()) {
        assert_true(heard(loop, "tcp-listen://*:0#range=[::1]/128", "[::1]", ""));
        assert_false(heard(loop, "tcp-listen://*:0#range=127.0.0.0/8", "[::1]", ""));
    }
}

static void test_tcp__range_of_no_sense_is_refused(void **state)
{
    static const char *const bad[] = {"127.0.0.0/33", "/8",          "127.0.0.1/",
                                      "localhost/8",  "127.0.0.0:x", "::1/129"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct plug_err err = {0};
        struct plug_sock *s;
        char text[96];
        (void)snprintf(text, sizeof(text), "tcp-listen://:0#range=%s", bad[i]);
        assert_int_equal(plug_open(&s, text, 0, &err), PLUG_EUSAGE);
        assert_true(err.width > 0 && err.hint[0]);
    }
}

/* Peers with another port than the one asked for are not heard. */
static void test_tcp__source_port_is_asked_for(void **state)
{
    struct plug_loop *loop = *state;
    char listen[64], more[64];
    plug_handle held;
    unsigned port = rig_closed_port(SOCK_STREAM, &held);
    plug__os_close(held);
    (void)snprintf(listen, sizeof(listen), "tcp-listen://:0#sourceport=%u", port);
    (void)snprintf(more, sizeof(more), "#sourceport=%u", port);
    assert_true(heard(loop, listen, "127.0.0.1", more));
    assert_false(heard(loop, listen, "127.0.0.1", ""));
    assert_false(heard(loop, "tcp-listen://:0#lowport", "127.0.0.1", ""));
}

static void test_tcp__many_connections_in_one_turn(void **state)
{
    enum { MANY = 100 };
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "tcp-listen://:0"), *c[MANY], *s[MANY];
    char text[64];
    (void)snprintf(text, sizeof(text), "tcp://localhost:%u", rig_port(l));
    for (int i = 0; i < MANY; i++)
        c[i] = rig_open(loop, text);
    for (int i = 0; i < MANY; i++)
        s[i] = rig_accept(loop, l);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(rig_send(loop, c[i], "x", 1), 1);
        plug_close(c[i]);
    }
    for (int i = 0; i < MANY; i++) {
        char b[4];
        assert_int_equal(rig_recv(loop, s[i], b, 4), 1);
        assert_int_equal(rig_recv(loop, s[i], b, 4), PLUG_EOF);
        plug_close(s[i]);
    }
    plug_close(l);
}

static void test_tcp__socket_bind_listen_connect(void **state)
{
    struct plug_sock *l, *c, *s;
    char text[64];
    (void)state;
    assert_int_equal(plug_socket(&l, NULL, "tcp", NULL), 0);
    assert_int_equal(plug_bind(l, "127.0.0.1:0"), 0);
    assert_int_equal(plug_listen(l, 5), 0);
    assert_int_equal(plug_socket(&c, NULL, "tcp", NULL), 0);
    assert_int_equal(plug_connect(c, rig_text(l, PLUG_SO_NAME, text, sizeof(text)), rig_until()),
                     0);
    s = rig_accept(NULL, l);
    rig_says(NULL, c, s, "bsd");
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

/* ---- ends ---- */

static void test_tcp__half_close_keeps_the_other_way(void **state)
{
    struct plug_loop *loop = *state;
    char b[8];
    struct pair p;
    pair_open(&p, loop, "");
    rig_says(loop, p.client, p.server, "last words");
    assert_int_equal(rig_shut(loop, p.client, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), PLUG_EOF);
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), PLUG_EOF);
    rig_says(loop, p.server, p.client, "answer");
    assert_int_equal(rig_shut(loop, p.server, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_recv(loop, p.client, b, sizeof(b)), PLUG_EOF);
    pair_close(&p);
}

/* A FIN that came in the same edge as the data is seen without another event. */
static void test_tcp__fin_right_behind_data_is_seen(void **state)
{
    struct plug_loop *loop = *state;
    char b[64];
    struct pair p;
    pair_open(&p, loop, "");
    assert_int_equal(rig_send(loop, p.client, "data", 4), 4);
    plug_close(p.client);
    p.client = NULL;
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), 4);
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), PLUG_EOF);
    pair_close(&p);
}

static void test_tcp__reset_is_no_clean_end(void **state)
{
    struct plug_loop *loop = *state;
    char b[8];
    struct pair p;
    pair_open(&p, loop, "");
    assert_int_equal(plug_shutdown(p.client, PLUG_SHUT_RESET, 0), 0);
    plug_close(p.client);
    p.client = NULL;
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), PLUG_ECONNRESET);
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), PLUG_ECONNRESET);
    assert_int_equal(rig_send(loop, p.server, "x", 1), PLUG_ECONNRESET);
    pair_close(&p);
}

/* The kernel tells a reset once: when send has heard it, recv would read a clean end. */
static void test_tcp__reset_told_to_send_is_told_to_recv(void **state)
{
    struct plug_loop *loop = *state;
    char b[8];
    struct pair p;
    int64_t r;
    pair_open(&p, loop, "");
    assert_int_equal(plug_shutdown(p.client, PLUG_SHUT_RESET, 0), 0);
    plug_close(p.client);
    p.client = NULL;
    do
        r = rig_send(loop, p.server, "x", 1);
    while (r > 0);
    assert_int_equal(r, PLUG_ECONNRESET);
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), PLUG_ECONNRESET);
    pair_close(&p);
}

static void test_tcp__orderly_end_waits_for_acknowledgement(void **state)
{
    struct plug_loop *loop = *state;
    int64_t unsent = -1;
    size_t len = sizeof(unsent);
    char b[64];
    struct pair p;
    pair_open(&p, loop, "");
    assert_int_equal(rig_send(loop, p.client, "kept", 4), 4);
    assert_int_equal(rig_shut(loop, p.client, PLUG_SHUT_RDWR), 0);
    assert_int_equal(plug_getsockopt(p.client, PLUG_LEVEL_SOCK, PLUG_SO_UNSENT, &unsent, &len), 0);
    assert_int_equal(unsent, 0);
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), 4);
    assert_int_equal(rig_recv(loop, p.server, b, sizeof(b)), PLUG_EOF);
    pair_close(&p);
}

static void test_tcp__peer_that_did_not_read_fails_the_orderly_end(void **state)
{
    struct plug_loop *loop = *state;
    struct pair p;
    pair_open(&p, loop, "");
    assert_int_equal(rig_send(loop, p.client, "lost", 4), 4);
    plug_close(p.server);
    p.server = NULL;
    assert_int_equal(rig_shut(loop, p.client, PLUG_SHUT_RDWR), PLUG_ECONNRESET);
    pair_close(&p);
}

/* Fills the way to a peer that does not read; returns bytes taken. */
static size_t fill(struct plug_loop *loop, struct plug_sock *s)
{
    static const char zeros[65536];
    plug_time quiet = plug_now() + 200 * PLUG_MS;
    size_t sum = 0;
    while (plug_now() < quiet) {
        int64_t r = plug_send(s, zeros, sizeof(zeros), 0, 0);
        if (r == PLUG_EAGAIN && loop)
            plug_loop_turn(loop, plug_now() + 20 * PLUG_MS);
        else if (r > 0)
            sum += (size_t)r;
        else if (r != PLUG_EAGAIN)
            fail_msg("send: %s", plug_strerror((int)r));
    }
    return sum;
}

/* close(2) with SO_LINGER would wait, on Linux even for a non-blocking socket. */
static void test_tcp__close_never_waits_for_linger(void **state)
{
    struct plug_loop *loop = *state;
    plug_time begun;
    struct pair p;
    pair_open(&p, loop, "#linger=5");
    assert_true(fill(loop, p.client) > 0);
    begun = plug_now();
    plug_close(p.client);
    assert_true(plug_now() - begun < 2 * PLUG_SECOND);
    p.client = NULL;
    pair_close(&p);
}

static void test_tcp__full_way_says_eagain_then_goes_on(void **state)
{
    struct plug_loop *loop = *state;
    static char buf[65536];
    size_t sent, got = 0;
    struct pair p;
    pair_open(&p, loop, "");
    sent = fill(loop, p.client);
    assert_int_equal(plug_send(p.client, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    while (got < sent) {
        int64_t r = rig_recv(loop, p.server, buf, sizeof(buf));
        assert_true(r > 0);
        got += (size_t)r;
    }
    assert_int_equal(rig_send(loop, p.client, "on", 2), 2);
    pair_close(&p);
}

/* What is still on its way holds the orderly end up, until the peer reads on. */
static void test_tcp__orderly_end_outlasts_a_slow_peer(void **state)
{
    struct plug_loop *loop = *state;
    static char buf[65536];
    size_t sent, got = 0;
    struct pair p;
    int64_t r;
    pair_open(&p, loop, "");
    sent = fill(loop, p.client);
    r = plug_shutdown(p.client, PLUG_SHUT_RDWR, loop ? 0 : plug_now() + 50 * PLUG_MS);
    assert_int_equal(r, loop ? PLUG_EAGAIN : PLUG_ETIMEDOUT);
    while ((r = rig_recv(loop, p.server, buf, sizeof(buf))) > 0)
        got += (size_t)r;
    assert_int_equal(r, PLUG_EOF);
    assert_int_equal(got, sent);
    assert_int_equal(rig_shut(loop, p.client, PLUG_SHUT_RDWR), 0);
    pair_close(&p);
}

static void test_tcp__shut_for_reading_ends_reading(void **state)
{
    struct plug_loop *loop = *state;
    char b[8];
    struct pair p;
    pair_open(&p, loop, "");
    assert_int_equal(rig_shut(loop, p.client, PLUG_SHUT_RD), 0);
    assert_int_equal(rig_recv(loop, p.client, b, sizeof(b)), PLUG_EOF);
    rig_says(loop, p.client, p.server, "still writes");
    pair_close(&p);
}

/* ---- options and movers ---- */

static void test_tcp__any_option_by_number(void **state)
{
    struct plug_loop *loop = *state;
    char name[16] = "";
    size_t len = sizeof(name);
    struct pair p;
    pair_open(&p, loop,
              "#setsockopt=6:13:reno,setsockopt-connected=1:12:x04000000,rcvtimeo=2.5,"
              "setsockopt=6:18:0x4d2");
    assert_int_equal(plug_getsockopt(p.client, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    assert_string_equal(name, "reno");
    assert_int_equal(rig_int(p.client, SOL_SOCKET, SO_PRIORITY), 4);
    assert_int_equal(rig_int(p.client, IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
    pair_close(&p);
}

static void test_tcp__options_are_set_later_too(void **state)
{
    struct plug_loop *loop = *state;
    int on = 5;
    size_t len = sizeof(on);
    struct pair p;
    pair_open(&p, loop, "");
    assert_int_equal(plug_setsockopt(p.client, SOL_SOCKET, SO_PRIORITY, &on, sizeof(on)), 0);
    assert_int_equal(rig_int(p.client, SOL_SOCKET, SO_PRIORITY), 5);
    assert_int_equal(plug_setsockopt(p.listener, SOL_SOCKET, SO_PRIORITY, &on, sizeof(on)), 0);
    assert_int_equal(rig_int(p.listener, SOL_SOCKET, SO_PRIORITY), 5);
    assert_int_equal(plug_setsockopt(p.client, SOL_SOCKET, 9999, &on, sizeof(on)), PLUG_ENOTSUP);
    assert_int_equal(plug_getsockopt(p.client, PLUG_LEVEL_ROUTE, PLUG_ROUTE_PATH, &on, &len),
                     PLUG_ENOTSUP);
    assert_int_equal(plug_getsockopt(p.client, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &on, &len),
                     PLUG_EINVAL);
    pair_close(&p);
}

static void test_tcp__a_descriptor_that_does_not_listen_is_no_listener(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s;
    plug_handle h;
    char text[32];
    (void)rig_closed_port(SOCK_STREAM, &h);
    (void)snprintf(text, sizeof(text), "accept-fd:%d", (int)h);
    assert_int_equal(rig_try(loop, text, &s), PLUG_EUSAGE);
    plug__os_close(h);
}

static void test_tcp__defaults_hold_on_both_ends(void **state)
{
    struct plug_loop *loop = *state;
    struct pair p;
    pair_open(&p, loop, "");
    assert_true(rig_int(p.client, SOL_SOCKET, SO_KEEPALIVE));
    assert_true(rig_int(p.server, SOL_SOCKET, SO_KEEPALIVE));
    assert_true(rig_int(p.client, IPPROTO_TCP, TCP_NODELAY));
    assert_true(rig_int(p.server, IPPROTO_TCP, TCP_NODELAY));
    pair_close(&p);
}

static void test_tcp__options_are_set(void **state)
{
    struct plug_loop *loop = *state;
    struct pair p;
    pair_open(&p, loop,
              "#nodelay=0,keepalive=0,keepidle=7,keepintvl=3,keepcnt=2,user-timeout=1.5,"
              "ttl=9,tos=16,rcvbuf=9000,setsockopt=1:12:3");
    assert_false(rig_int(p.client, IPPROTO_TCP, TCP_NODELAY));
    assert_false(rig_int(p.client, SOL_SOCKET, SO_KEEPALIVE));
    assert_int_equal(rig_int(p.client, IPPROTO_TCP, TCP_KEEPIDLE), 7);
    assert_int_equal(rig_int(p.client, IPPROTO_TCP, TCP_KEEPINTVL), 3);
    assert_int_equal(rig_int(p.client, IPPROTO_TCP, TCP_KEEPCNT), 2);
    assert_int_equal(rig_int(p.client, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
    assert_int_equal(rig_int(p.client, IPPROTO_IP, IP_TTL), 9);
    assert_int_equal(rig_int(p.client, IPPROTO_IP, IP_TOS), 16);
    assert_true(rig_int(p.client, SOL_SOCKET, SO_RCVBUF) <= 18000);
    assert_int_equal(rig_int(p.client, SOL_SOCKET, SO_PRIORITY), 3);
    pair_close(&p);
}

static void test_tcp__ip4_options_have_twins_in_ip6(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l, *c;
    char text[80];
    if (!rig_has_ip6())
        skip();
    l = rig_open(loop, "tcp-listen://[::1]:0");
    (void)snprintf(text, sizeof(text), "tcp://[::1]:%u#ttl=9,tos=16", rig_port(l));
    c = rig_open(loop, text);
    assert_int_equal(rig_int(c, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 9);
    assert_int_equal(rig_int(c, IPPROTO_IPV6, IPV6_TCLASS), 16);
    plug_close(c);
    plug_close(l);
}

static void test_tcp__a_bad_option_fails_the_open(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s;
    plug_handle next = rig_next_handle();
    assert_int_equal(rig_try(loop, "tcp-listen://:0#congestion=nosuchthing", &s), PLUG_ENOENT);
    assert_int_equal(rig_next_handle(), next);
}

static void test_tcp__gives_its_handle_to_movers(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_bypass b;
    struct pair p;
    pair_open(&p, loop, "");
    assert_int_equal(plug__sock_bypass(p.client, PLUG_IN, &b), 0);
    assert_int_equal(b.kind, PLUG_BYPASS_SOCKET);
    assert_true(b.handle != PLUG_NO_HANDLE && b.io && b.io->handle == b.handle);
    assert_int_equal(plug__sock_bypass(p.listener, PLUG_IN, &b), PLUG_ENOTSUP);
    pair_close(&p);
}

/* An open socket that others may share keeps its flags and its numbers for itself. */
static void test_tcp__adopted_socket_is_left_blocking(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_bypass b;
    struct plug__stat st;
    struct plug_sock *s;
    plug_handle h[2];
    char text[32], buf[8];
    assert_true(plug__os_socketpair(h, SOCK_STREAM, NULL) >= 0);
    assert_true(plug__os_nonblock(h[0], 0, NULL) >= 0);
    (void)snprintf(text, sizeof(text), "fd:%d", (int)h[0]);
    s = rig_open(loop, text);
    assert_int_equal(plug_send(s, "x", 1, 0, 0), 1);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    assert_int_equal(plug__sock_bypass(s, PLUG_IN, &b), PLUG_ENOTSUP);
    assert_true(plug__os_fstat(h[0], &st, NULL) >= 0);
    assert_false(st.nonblock);
    plug_close(s);
    plug__os_close(h[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_tcp__carries_both_ways),
        RIG(test_tcp__tells_both_addresses),
        RIG(test_tcp__says_refused),
        RIG(test_tcp__gives_up_after_connect_timeout),
        RIG(test_tcp__does_not_connect_to_itself),
        RIG(test_tcp__binds_the_local_end),
        cmocka_unit_test(test_tcp__refuses_a_bind_of_no_sense),
        RIG(test_tcp__url_without_host_listens_on_both_loopbacks),
        RIG(test_tcp__classic_form_listens_everywhere),
        RIG(test_tcp__family_is_kept),
        RIG(test_tcp__says_address_in_use),
        RIG(test_tcp__failed_listener_leaves_nothing_open),
        RIG(test_tcp__range_is_kept),
        cmocka_unit_test(test_tcp__range_of_no_sense_is_refused),
        RIG(test_tcp__source_port_is_asked_for),
        RIG(test_tcp__many_connections_in_one_turn),
        cmocka_unit_test(test_tcp__socket_bind_listen_connect),
        RIG(test_tcp__half_close_keeps_the_other_way),
        RIG(test_tcp__fin_right_behind_data_is_seen),
        RIG(test_tcp__reset_is_no_clean_end),
        RIG(test_tcp__reset_told_to_send_is_told_to_recv),
        RIG(test_tcp__orderly_end_waits_for_acknowledgement),
        RIG(test_tcp__peer_that_did_not_read_fails_the_orderly_end),
        RIG(test_tcp__close_never_waits_for_linger),
        RIG(test_tcp__full_way_says_eagain_then_goes_on),
        RIG(test_tcp__orderly_end_outlasts_a_slow_peer),
        RIG(test_tcp__shut_for_reading_ends_reading),
        RIG(test_tcp__any_option_by_number),
        RIG(test_tcp__options_are_set_later_too),
        RIG(test_tcp__a_descriptor_that_does_not_listen_is_no_listener),
        RIG(test_tcp__defaults_hold_on_both_ends),
        RIG(test_tcp__options_are_set),
        RIG(test_tcp__ip4_options_have_twins_in_ip6),
        RIG(test_tcp__a_bad_option_fails_the_open),
        RIG(test_tcp__gives_its_handle_to_movers),
        RIG(test_tcp__adopted_socket_is_left_blocking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

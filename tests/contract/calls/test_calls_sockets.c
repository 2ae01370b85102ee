/* SPDX-License-Identifier: MIT
 *
 * Each call in its right place on every kind of socket, against a peer that makes the BSD call of
 * the same name. What wrong places answer is in test_calls_wrong.c.
 */
#include "calls.h"
#include <sys/socket.h>

struct calls_kind {
    const char *stack; /* plug_socket's, and the peer's socket */
    const char *local; /* to bind; or the name of a file */
    int type;
};

/* Those with connections. */
static const struct calls_kind connected[] = {
    {"tcp", "127.0.0.1:0", PLUG_STREAM},
    {"tcp6", "[::1]:0", PLUG_STREAM},
    {"unix", NULL, PLUG_STREAM},
    {"unix-seqpacket", NULL, PLUG_SEQPACKET},
};
static const struct calls_kind datagram[] = {
    {"udp", "127.0.0.1:0", PLUG_DGRAM},
    {"udp6", "[::1]:0", PLUG_DGRAM},
    {"unix-dgram", NULL, PLUG_DGRAM},
};
#define EACH(k, table) \
    for (const struct calls_kind *k = (table); k < (table) + sizeof(table) / sizeof *(table); k++)

static struct plug_sock *must_socket(const char *stack)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    if (plug_socket(&s, NULL, stack, &err) < 0)
        fail_msg("socket %s: %s", stack, err.text);
    return s;
}

static const char *local_of(const struct calls_kind *k, const char *file)
{
    return k->local ? k->local : calls_path(file);
}

static char *script(char *buf, size_t len, const char *call, const char *value)
{
    (void)snprintf(buf, len, "%s=%s", call, value);
    return buf;
}

static void expect_type(struct plug_sock *s, int type)
{
    int got = 0;
    size_t len = sizeof got;
    calls_expect("getsockopt", plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, &got, &len), 0);
    assert_int_equal(got, type);
}

/* plug: socket, bind, listen, select, accept, recv, send, shutdown, close; the peer connects. */
static void serve_one(const struct calls_kind *k)
{
    struct plug_sock *s = must_socket(k->stack), *c = NULL;
    struct plug_selection sel;
    struct peer p;
    char buf[16], sock[64], to[160];
    calls_expect("bind", plug_bind(s, local_of(k, "s")), 0);
    calls_expect("listen", plug_listen(s, 0), 0);
    expect_type(s, k->type);
    calls_expect("accept too early", plug_accept(s, &c, 0), PLUG_EAGAIN);
    peer_start(&p, script(sock, sizeof sock, "socket", k->stack),
               script(to, sizeof to, "connect", calls_where(s)), "send=hello", "recv", "recv",
               "close", (char *)NULL);
    sel = (struct plug_selection){.sock = s, .want = PLUG_IN};
    calls_expect("select", plug_select(&sel, 1, soon()), 1);
    assert_int_equal(sel.ready, PLUG_IN);
    calls_expect("accept", plug_accept(s, &c, soon()), 0);
    (void)peer_hear(&p, "connect");
    (void)peer_hear(&p, "send");
    calls_recv(c, "hello");
    calls_send(c, "answer");
    assert_string_equal(peer_hear(&p, "recv"), "6 answer");
    calls_expect("shutdown", plug_shutdown(c, PLUG_SHUT_WR, soon()), 0);
    assert_string_equal(peer_hear(&p, "recv"), "0 ");
    peer_end(&p);
    calls_expect("end", plug_recv(c, buf, sizeof buf, 0, soon()), PLUG_EOF);
    calls_expect("end again", plug_recv(c, buf, sizeof buf, 0, soon()), PLUG_EOF);
    plug_close(c);
    plug_close(s);
}

static void test_calls__of_a_server(void **state)
{
    (void)state;
    EACH(k, connected)
    serve_one(k);
}

/* plug: socket, connect, send, select, recv, shutdown, close; the peer accepts. */
static void connect_one(const struct calls_kind *k)
{
    struct plug_sock *s = must_socket(k->stack);
    struct plug_selection sel = {.sock = s, .want = PLUG_IN | PLUG_OUT};
    struct plug_addr a = {0};
    struct peer p;
    size_t len = sizeof a;
    char sock[64], at[160], buf[16];
    peer_start(&p, script(sock, sizeof sock, "socket", k->stack),
               script(at, sizeof at, "bind", local_of(k, "p")), "listen", "sockopt=get", "accept",
               "select", "recv", "send=answer", "recv", "close", (char *)NULL);
    (void)snprintf(at, sizeof at, "%s", peer_hear(&p, "bind"));
    (void)peer_hear(&p, "getsockopt"); /* it listens now */
    calls_expect("connect", plug_connect(s, at, soon()), 0);
    (void)peer_hear(&p, "accept");
    calls_expect("state", plug_state(s), 0);
    calls_expect("peer", plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_PEER, &a, &len), 0);
    assert_true(plug_addr_text(&a, sock, sizeof sock) > 0);
    assert_string_equal(sock, at);
    calls_expect("select", plug_select(&sel, 1, soon()), 1);
    assert_int_equal(sel.ready, PLUG_OUT);
    calls_send(s, "hello");
    assert_string_equal(peer_hear(&p, "select"), "1");
    assert_string_equal(peer_hear(&p, "recv"), "5 hello");
    sel.want = PLUG_IN;
    calls_expect("select", plug_select(&sel, 1, soon()), 1);
    calls_recv(s, "answer");
    calls_expect("shutdown", plug_shutdown(s, PLUG_SHUT_WR, soon()), 0);
    (void)peer_hear(&p, "send");
    assert_string_equal(peer_hear(&p, "recv"), "0 ");
    calls_expect("send after it", plug_send(s, "x", 1, 0, soon()), PLUG_EPIPE);
    peer_end(&p);
    calls_expect("end", plug_recv(s, buf, sizeof buf, 0, soon()), PLUG_EOF);
    plug_close(s);
    if (!k->local)
        assert_int_equal(unlink(at), 0);
}

static void test_calls__of_a_client(void **state)
{
    (void)state;
    EACH(k, connected)
    connect_one(k);
}

static void test_calls__connect_addr_takes_an_address(void **state)
{
    struct plug_sock *s = must_socket("tcp"), *l = calls_open("tcp-listen://127.0.0.1:0"), *c;
    struct plug_addr a;
    size_t len = sizeof a;
    (void)state;
    calls_expect("name", plug_getsockopt(l, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &a, &len), 0);
    calls_expect("connect_addr", plug_connect_addr(s, &a, soon()), 0);
    calls_expect("accept", plug_accept(l, &c, soon()), 0);
    calls_send(s, "by address");
    calls_recv(c, "by address");
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

/* plug: socket, bind, listen, accept (a peer's first record), recv, send. */
static void serve_datagrams(const struct calls_kind *k)
{
    struct plug_sock *s = must_socket(k->stack), *c = NULL;
    struct peer p;
    char sock[64], mine[160], to[160], buf[16];
    calls_expect("bind", plug_bind(s, local_of(k, "s")), 0);
    calls_expect("listen", plug_listen(s, 0), 0);
    peer_start(&p, script(sock, sizeof sock, "socket", k->stack),
               script(mine, sizeof mine, "bind", local_of(k, "p")),
               script(to, sizeof to, "connect", calls_where(s)), "send=hello", "recv", "wait",
               "send=more", "close", (char *)NULL);
    calls_expect("accept", plug_accept(s, &c, soon()), 0);
    (void)snprintf(mine, sizeof mine, "%s", peer_hear(&p, "bind"));
    (void)peer_hear(&p, "connect");
    (void)peer_hear(&p, "send");
    calls_expect("a short buffer", plug_recv(c, buf, 3, 0, soon()), 3);
    assert_memory_equal(buf, "hel", 3);
    calls_send(c, "answer");
    assert_string_equal(peer_hear(&p, "recv"), "6 answer");
    peer_go(&p);
    calls_recv(c, "more"); /* the rest of "hello" is gone, as everywhere */
    (void)peer_hear(&p, "wait");
    (void)peer_hear(&p, "send");
    peer_end(&p);
    plug_close(c);
    plug_close(s);
    if (!k->local)
        assert_int_equal(unlink(mine), 0);
}

static void test_calls__of_a_datagram_server(void **state)
{
    (void)state;
    EACH(k, datagram)
    serve_datagrams(k);
}

/* One socket that nobody connected: sends to three, and each answer names its sender. */
static void three_peers(const struct calls_kind *k)
{
    struct plug_sock *s = must_socket(k->stack);
    struct peer p[3];
    char at[3][160], sock[64], bound[160], buf[64], text[160];
    struct plug_addr from;
    int seen[3] = {0};
    calls_expect("bind", plug_bind(s, local_of(k, "s")), 0);
    for (int i = 0; i < 3; i++) {
        char file[] = {'p', (char)('0' + i), '\0'}, reply[] = "sendto=from 0";
        reply[sizeof reply - 2] = (char)('0' + i);
        peer_start(&p[i], script(sock, sizeof sock, "socket", k->stack),
                   script(bound, sizeof bound, "bind", local_of(k, file)), "recvfrom", reply,
                   "close", (char *)NULL);
        (void)snprintf(at[i], sizeof at[i], "%s", peer_hear(&p[i], "bind"));
    }
    for (int i = 0; i < 3; i++) {
        struct plug_sock *to = must_socket(k->stack); /* only to have its address made */
        struct plug_addr a;
        size_t len = sizeof a;
        calls_expect("connect", plug_connect(to, at[i], soon()), 0);
        calls_expect("peer", plug_getsockopt(to, PLUG_LEVEL_SOCK, PLUG_SO_PEER, &a, &len), 0);
        plug_close(to);
        calls_expect("sendto", plug_sendto(s, "who", 3, 0, &a, soon()), 3);
        assert_int_equal(strncmp(peer_hear(&p[i], "recvfrom"), "3 who ", 6), 0);
        assert_string_equal(strrchr(p[i].line, ' ') + 1, calls_where(s));
    }
    for (int i = 0; i < 3; i++) {
        int64_t n = plug_recvfrom(s, buf, sizeof buf, 0, &from, soon());
        calls_expect("recvfrom", n, 6);
        assert_true(plug_addr_text(&from, text, sizeof text) > 0);
        assert_memory_equal(buf, "from ", 5);
        assert_in_range(buf[5], '0', '2');
        assert_string_equal(text, at[buf[5] - '0']);
        seen[buf[5] - '0']++;
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(seen[i], 1);
        (void)peer_hear(&p[i], "sendto");
        peer_end(&p[i]);
        if (!k->local)
            assert_int_equal(unlink(at[i]), 0);
    }
    calls_expect("send to nobody", plug_send(s, "x", 1, 0, soon()), PLUG_ENOTCONN);
    plug_close(s);
}

static void test_calls__one_datagram_socket_and_three_peers(void **state)
{
    (void)state;
    EACH(k, datagram)
    three_peers(k);
}

static void test_calls__options_reach_the_kernel(void **state)
{
    struct plug_sock *s = calls_open("tcp-listen://127.0.0.1:0");
    int on = 1, got = 0;
    size_t len = sizeof got;
    struct peer p;
    (void)state;
    /* the same two calls by both: SO_KEEPALIVE, then SO_TYPE */
    peer_start(&p, "socket=tcp", "sockopt=set", "close", (char *)NULL);
    assert_string_equal(peer_hear(&p, "getsockopt"), "1 1");
    peer_end(&p);
    calls_expect("setsockopt", plug_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on), 0);
    calls_expect("getsockopt", plug_getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &got, &len), 0);
    assert_int_equal(got, 1);
    calls_expect("getsockopt", plug_getsockopt(s, SOL_SOCKET, SO_TYPE, &got, &len), 0);
    assert_int_equal(got, SOCK_STREAM);
    plug_close(s);
}

/* In the order of every book: socket, setsockopt, bind, listen; socket, setsockopt, connect. */
static void test_calls__options_are_set_before_the_socket_is_there(void **state)
{
    static const char *const stacks[] = {"tcp", "udp", "unix-seqpacket"};
    int size = 8192, got = 0;
    size_t len = sizeof got;
    (void)state;
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        struct plug_sock *l = must_socket(stacks[i]), *s = must_socket(stacks[i]);
        const char *where = strncmp(stacks[i], "unix", 4) ? "127.0.0.1:0" : calls_path("s");
        calls_expect("setsockopt", plug_setsockopt(l, SOL_SOCKET, SO_RCVBUF, &size, sizeof size),
                     0);
        calls_expect("setsockopt", plug_setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                     0);
        calls_expect("bind", plug_bind(l, where), 0);
        calls_expect("listen", plug_listen(l, 0), 0);
        calls_expect("connect", plug_connect(s, calls_where(l), soon()), 0);
        calls_expect("getsockopt", plug_getsockopt(l, SOL_SOCKET, SO_RCVBUF, &got, &len), 0);
        assert_int_equal(got, 2 * size); /* as Linux counts */
        calls_expect("getsockopt", plug_getsockopt(s, SOL_SOCKET, SO_SNDBUF, &got, &len), 0);
        assert_int_equal(got, 2 * size);
        plug_close(s);
        plug_close(l);
    }
}

static void test_calls__a_wrong_option_is_told_by_connect(void **state)
{
    struct plug_sock *l = calls_open("tcp-listen://127.0.0.1:0"), *s = must_socket("tcp");
    char big[300] = {0};
    int on = 1, r;
    (void)state;
    calls_expect("too long", plug_setsockopt(s, SOL_SOCKET, SO_RCVBUF, big, sizeof big),
                 PLUG_EINVAL);
    calls_expect("kept", plug_setsockopt(s, SOL_SOCKET, 9999, &on, sizeof on), 0);
    r = plug_connect(s, calls_where(l), soon());
    assert_true(r < 0 && r != PLUG_ETIMEDOUT);
    plug_close(s);
    plug_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls__of_a_server),
        cmocka_unit_test(test_calls__of_a_client),
        cmocka_unit_test(test_calls__connect_addr_takes_an_address),
        cmocka_unit_test(test_calls__of_a_datagram_server),
        cmocka_unit_test(test_calls__one_datagram_socket_and_three_peers),
        cmocka_unit_test(test_calls__options_reach_the_kernel),
        cmocka_unit_test(test_calls__options_are_set_before_the_socket_is_there),
        cmocka_unit_test(test_calls__a_wrong_option_is_told_by_connect),
    };
    return cmocka_run_group_tests(tests, calls_folder, calls_folder_drop);
}

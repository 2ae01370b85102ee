/* SPDX-License-Identifier: MIT
 *
 * The forms of datagram sockets: who is heard, who is answered, when it ends. UDP and Unix alike.
 */
#include "rig.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/plug-test-forms-XXXXXX";

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_drop(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Opens a text with %s (the folder) or %u (a port), which is all that these tests put in. */
static struct plug_sock *open_in(struct plug_loop *loop, const char *head, const char *tail)
{
    char address[256];
    (void)snprintf(address, sizeof(address), "%s%s%s", head, folder, tail);
    return rig_open(loop, address);
}

static struct plug_sock *open_at(struct plug_loop *loop, const char *head, unsigned port,
                                 const char *tail)
{
    char address[256];
    (void)snprintf(address, sizeof(address), "%s%u%s", head, port, tail);
    return rig_open(loop, address);
}

static void assert_reads(struct plug_loop *loop, struct plug_sock *s, const char *want)
{
    char buf[256];
    int64_t n = rig_recv(loop, s, buf, sizeof(buf));
    if (n < 0)
        fail_msg("\"%s\": %s", want, plug_strerror((int)n));
    assert_int_equal(n, strlen(want));
    assert_memory_equal(buf, want, (size_t)n);
}

static void assert_sends(struct plug_loop *loop, struct plug_sock *s, const char *text)
{
    assert_int_equal(rig_send(loop, s, text, strlen(text)), strlen(text));
}

/* What a stranger sends is thrown away, what the peer sends after it is not. */
static void test_forms__sendto_hears_its_peer_only(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *peer = rig_open(loop, "udp-listen://127.0.0.1:0"), *session, *s, *stranger;
    int64_t dropped = -1;
    size_t len = sizeof(dropped);
    s = open_at(loop, "udp-sendto://127.0.0.1:", rig_port(peer), "#bind=127.0.0.1");
    assert_sends(loop, s, "hello");
    session = rig_accept(loop, peer);
    assert_reads(loop, session, "hello");
    stranger = open_at(loop, "udp://127.0.0.1:", rig_port(s), "");
    assert_sends(loop, stranger, "I am another");
    assert_sends(loop, session, "answer");
    assert_reads(loop, s, "answer");
    assert_int_equal(plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_DROPPED, &dropped, &len), 0);
    assert_int_equal(dropped, 1);
    plug_close(stranger);
    plug_close(s);
    plug_close(session);
    plug_close(peer);
}

/* Nobody there is no error to who does not connect. */
static void test_forms__sendto_does_not_mind_a_closed_port(void **state)
{
    struct plug_loop *loop = *state;
    plug_handle held;
    unsigned port = rig_closed_port(SOCK_DGRAM, &held);
    struct plug_sock *s;
    plug__os_close(held);
    s = open_at(loop, "udp4-sendto://127.0.0.1:", port, "");
    for (int i = 0; i < 5; i++)
        assert_sends(loop, s, "x");
    plug_close(s);
}

static void test_forms__recvfrom_makes_a_session_of_each_record(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-recvfrom://127.0.0.1:0");
    struct plug_sock *c = open_at(loop, "udp://127.0.0.1:", rig_port(l), ""), *s[3];
    char buf[16], text[2] = "a";
    for (int i = 0; i < 3; i++) {
        text[0] = (char)('a' + i);
        assert_sends(loop, c, text);
    }
    for (int i = 0; i < 3; i++) {
        s[i] = rig_accept(loop, l);
        text[0] = (char)('a' + i);
        assert_reads(loop, s[i], text);
        assert_int_equal(rig_recv(loop, s[i], buf, sizeof(buf)), PLUG_EOF);
    }
    for (int i = 2; i >= 0; i--) { /* each answers, more than once if it likes */
        text[0] = (char)('A' + i);
        assert_sends(loop, s[i], text);
        assert_reads(loop, c, text);
        assert_sends(loop, s[i], "more");
        assert_reads(loop, c, "more");
        plug_close(s[i]);
    }
    plug_close(c);
    plug_close(l);
}

/* More than the listener keeps at once: those that find no room wait in the kernel. */
static void test_forms__recvfrom_drops_none_of_a_burst(void **state)
{
    enum { BURST = 600 };
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-recvfrom://127.0.0.1:0#rcvbuf=4194304");
    struct plug_sock *c = open_at(loop, "udp://127.0.0.1:", rig_port(l), "");
    int buffer = rig_int(l, SOL_SOCKET, SO_RCVBUF);
    unsigned char at[2];
    for (unsigned i = 0; i < BURST; i++) {
        at[0] = (unsigned char)i;
        at[1] = (unsigned char)(i >> 8);
        assert_int_equal(rig_send(loop, c, at, 2), 2);
    }
    if (buffer < BURST * 1024)
        print_message("the kernel's buffer is only %d bytes\n", buffer);
    for (unsigned i = 0; i < BURST && buffer >= BURST * 1024; i++) {
        struct plug_sock *s = rig_accept(loop, l);
        assert_int_equal(rig_recv(loop, s, at, 2), 2);
        assert_int_equal(at[0] | at[1] << 8, i);
        plug_close(s);
    }
    plug_close(c);
    plug_close(l);
}

static void test_forms__recv_hears_all_and_sends_nothing(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s = rig_open(loop, "udp-recv://127.0.0.1:0"), *a, *b;
    a = open_at(loop, "udp://127.0.0.1:", rig_port(s), "");
    b = open_at(loop, "udp-sendto://127.0.0.1:", rig_port(s), "");
    assert_sends(loop, a, "first");
    assert_sends(loop, b, "second");
    assert_reads(loop, s, "first");
    assert_reads(loop, s, "second");
    assert_int_equal(plug_send(s, "x", 1, 0, 0), PLUG_ENOTCONN);
    plug_close(b);
    plug_close(a);
    plug_close(s);
}

static void test_forms__recv_keeps_to_its_lists(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s = rig_open(loop, "udp4-recv://127.0.0.1:0#deny=127.0.0.2"), *a, *b;
    a = open_at(loop, "udp://127.0.0.1:", rig_port(s), "#bind=127.0.0.2");
    b = open_at(loop, "udp://127.0.0.1:", rig_port(s), "#bind=127.0.0.3");
    for (int i = 0; i < 100; i++)
        assert_sends(loop, a, "unheard");
    assert_sends(loop, b, "heard");
    assert_reads(loop, s, "heard");
    plug_close(b);
    plug_close(a);
    plug_close(s);
}

static void test_forms__datagram_hears_anybody(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *to = rig_open(loop, "udp-recv://127.0.0.1:0"), *s, *a, *b;
    s = open_at(loop, "udp4-datagram://127.0.0.1:", rig_port(to), "#bind=127.0.0.1:0,ttl=3");
    assert_int_equal(rig_int(s, IPPROTO_IP, IP_TTL), 3);
    assert_sends(loop, s, "to the one");
    assert_reads(loop, to, "to the one");
    a = open_at(loop, "udp://127.0.0.1:", rig_port(s), "");
    b = open_at(loop, "udp://127.0.0.1:", rig_port(s), "");
    assert_sends(loop, a, "from a");
    assert_sends(loop, b, "from b");
    assert_reads(loop, s, "from a");
    assert_reads(loop, s, "from b");
    plug_close(b);
    plug_close(a);
    plug_close(s);
    plug_close(to);
}

static void test_forms__datagram_minds_the_port_of_senders(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *a = rig_open(loop, "udp-recv://127.0.0.1:0"), *s, *b;
    char tail[64];
    unsigned right;
    b = open_at(loop, "udp-datagram://127.0.0.1:", rig_port(a), "#bind=127.0.0.1:0");
    right = rig_port(b);
    (void)snprintf(tail, sizeof(tail), "#bind=127.0.0.1:0,sourceport=%u", right);
    s = open_at(loop, "udp-datagram://127.0.0.1:", rig_port(a), tail);
    plug_close(b);
    plug_close(a);
    a = open_at(loop, "udp://127.0.0.1:", rig_port(s), "");
    assert_sends(loop, a, "from a wrong port");
    (void)snprintf(tail, sizeof(tail), "#bind=127.0.0.1:%u", right);
    b = open_at(loop, "udp://127.0.0.1:", rig_port(s), tail);
    assert_sends(loop, b, "from the right one");
    assert_reads(loop, s, "from the right one");
    plug_close(b);
    plug_close(a);
    plug_close(s);
}

static void test_forms__several_hear_a_group(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *a = rig_open(loop, "udp4-recv:0,reuseaddr,ip-add-membership=239.1.2.9:lo"),
                     *b, *c;
    char buf[16];
    b = open_at(loop, "udp4-recv:", rig_port(a), ",reuseaddr,ip-add-membership=239.1.2.9:lo");
    c = open_at(loop, "udp4-datagram:239.1.2.9:", rig_port(a),
                ",bind=127.0.0.1,ip-multicast-if=lo,reuseaddr");
    assert_sends(loop, c, "to all");
    assert_reads(loop, a, "to all");
    assert_reads(loop, b, "to all");
    /* both see who sent it and may be told from members that did */
    assert_int_equal(plug_recv(a, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    plug_close(c);
    plug_close(b);
    plug_close(a);
}

/* ---- Unix ---- */

static void test_forms__unix_recvfrom_and_sendto(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = open_in(loop, "unix-recvfrom:", "/l,fork"), *c, *s;
    char buf[8];
    for (int i = 0; i < 2; i++) {
        c = open_in(loop, "unix-sendto:", "/l");
        assert_sends(loop, c, "ask");
        s = rig_accept(loop, l);
        assert_reads(loop, s, "ask");
        assert_int_equal(rig_recv(loop, s, buf, sizeof(buf)), PLUG_EOF);
        assert_sends(loop, s, "answer");
        assert_reads(loop, c, "answer");
        plug_close(s);
        plug_close(c);
    }
    plug_close(l);
}

/* A name of one's own in a place of one's own, gone at the end. */
static void test_forms__unix_temporary_names(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = open_in(loop, "unix-recvfrom:", "/l,fork"), *c, *s;
    char pattern[128], buf[128];
    struct plug__stat st;
    (void)snprintf(pattern, sizeof(pattern), "/l,unix-bind-tempname=%s/mine-XXXXXX", folder);
    c = open_in(loop, "unix-sendto:", pattern);
    assert_sends(loop, c, "ask");
    s = rig_accept(loop, l);
    (void)rig_text(s, PLUG_SO_PEER, buf, sizeof(buf));
    assert_memory_equal(buf, folder, strlen(folder));
    assert_memory_equal(buf + strlen(folder), "/mine-", 6);
    assert_string_not_equal(buf + strlen(folder) + 6, "XXXXXX");
    assert_int_equal(plug__os_stat(buf, &st, NULL), 0);
    plug_close(c);
    if (loop)
        plug_loop_turn(loop, 0);
    assert_int_equal(plug__os_stat(buf, &st, NULL), PLUG_ENOENT);
    plug_close(s);
    plug_close(l);
    c = open_in(loop, "unix-recv:", "/r");
    s = open_in(loop, "unix-sendto:", "/r,bind-tempname");
    (void)rig_text(s, PLUG_SO_NAME, buf, sizeof(buf));
    assert_memory_equal(buf, "/tmp/plug-", 10);
    plug_close(s);
    plug_close(c);
    l = open_in(loop, "unix-listen:", "/s"); /* streams too */
    c = open_in(loop, "unix:", "/s,bind-tempname");
    s = rig_accept(loop, l);
    (void)rig_text(s, PLUG_SO_PEER, buf, sizeof(buf));
    assert_memory_equal(buf, "/tmp/plug-", 10);
    plug_close(s);
    plug_close(c);
    plug_close(l);
}

/* The peer may go and come again: the socket is not bound to the one that was there. */
static void test_forms__unix_sendto_finds_a_peer_that_came_again(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = open_in(loop, "unix-recv:", "/r"), *c;
    c = open_in(loop, "unix-sendto:", "/r");
    assert_sends(loop, c, "one");
    assert_reads(loop, l, "one");
    plug_close(l);
    assert_int_equal(rig_send(loop, c, "lost", 4), PLUG_ENOENT);
    l = open_in(loop, "unix-recv:", "/r");
    assert_sends(loop, c, "two");
    assert_reads(loop, l, "two");
    plug_close(c);
    plug_close(l);
}

static void test_forms__abstract(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "abstract-recvfrom:plug-test-forms,fork");
    struct plug_sock *c = rig_open(loop, "abstract-sendto:plug-test-forms"), *s, *r;
    assert_sends(loop, c, "ask");
    s = rig_accept(loop, l);
    assert_reads(loop, s, "ask");
    assert_sends(loop, s, "answer");
    assert_reads(loop, c, "answer");
    r = rig_open(loop, "abstract-recv:plug-test-forms-r");
    plug_close(c);
    c = rig_open(loop, "abstract-sendto:plug-test-forms-r");
    assert_sends(loop, c, "told");
    assert_reads(loop, r, "told");
    plug_close(r);
    plug_close(s);
    plug_close(c);
    plug_close(l);
}

static void test_forms__unix_client_finds_the_type(void **state)
{
    static const struct {
        const char *listen, *connect;
        int type, abstract;
    } rows[] = {
        {"unix-listen:", "unix-client:", PLUG_STREAM, 0},
        {"unix-seqpacket-listen:", "unix-client:", PLUG_SEQPACKET, 0},
        {"unix-dgram-listen:", "unix-client:", PLUG_DGRAM, 0},
        {"abstract-listen:", "abstract-client:", PLUG_STREAM, 1},
        {"abstract-dgram-listen:", "abstract-client:", PLUG_DGRAM, 1},
    };
    struct plug_loop *loop = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plug_sock *l, *c, *s;
        l = open_in(loop, rows[i].listen, rows[i].abstract ? "-abstract" : "/c");
        c = open_in(loop, rows[i].connect, rows[i].abstract ? "-abstract" : "/c");
        assert_int_equal(rig_int(c, PLUG_LEVEL_SOCK, PLUG_SO_TYPE), rows[i].type);
        assert_sends(loop, c, "hello");
        s = rig_accept(loop, l);
        assert_reads(loop, s, "hello");
        plug_close(s);
        plug_close(c);
        plug_close(l);
    }
}

/* ---- what cannot be ---- */

static void test_forms__refusals(void **state)
{
    static const char *const rows[] = {
        "udp-sendto:127.0.0.1:0",
        "udp-sendto:127.0.0.1",
        "udp-recv:host:1",
        "udp://127.0.0.1:1#range=::1",
        "udp-sendto:a:1,allow=::1",
        "udp-recv:1,range=x",
        "udp-recvfrom:1,accept-timeout=x",
        "unix-recv:",
        "udp-datagram:a:1,ttl=x",
        "udp-recv:1,fork",
        "udp-datagram:a:1,fork",
    };
    struct plug_sock *s;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rig_try(*state, rows[i], &s) != PLUG_EUSAGE)
            fail_msg("%s was taken", rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_forms__sendto_hears_its_peer_only),
        RIG(test_forms__sendto_does_not_mind_a_closed_port),
        RIG(test_forms__recvfrom_makes_a_session_of_each_record),
        RIG(test_forms__recvfrom_drops_none_of_a_burst),
        RIG(test_forms__recv_hears_all_and_sends_nothing),
        RIG(test_forms__recv_keeps_to_its_lists),
        RIG(test_forms__datagram_hears_anybody),
        RIG(test_forms__datagram_minds_the_port_of_senders),
        RIG(test_forms__several_hear_a_group),
        RIG(test_forms__unix_recvfrom_and_sendto),
        RIG(test_forms__unix_temporary_names),
        RIG(test_forms__unix_sendto_finds_a_peer_that_came_again),
        RIG(test_forms__abstract),
        RIG(test_forms__unix_client_finds_the_type),
        RIG(test_forms__refusals),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_drop);
}

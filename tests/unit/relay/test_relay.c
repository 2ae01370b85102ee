/* SPDX-License-Identifier: MIT
 *
 * Relays between real endpoints: listeners, ends, losses, limits, and what is told about them.
 */
#include "rig.h"

#include "relay/session.h"

static void test_session__idle_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct plug__session) <= 300);
}

/* ---- clients ---- */

static void test_relay__refused_is_4(void **state)
{
    struct rig *t = *state;
    char address[64];
    plug_handle h = rig_dead(address, sizeof(address));
    struct plug__relay *r = rig_relay(t, "echo:", address);
    assert_int_equal(rig_end(t, r), 4);
    assert_int_equal(t->seen[PLUG__EV_FAILED], 1);
    assert_int_equal(t->err.code, PLUG_ECONNREFUSED);
    assert_int_equal(t->side, 1);
    plug__os_close(h);
}

/* The second side is not touched when the first cannot be had. */
static void test_relay__creates_nothing_for_a_dead_peer(void **state)
{
    struct rig *t = *state;
    char address[64], path[128], create[160];
    plug_handle h = rig_dead(address, sizeof(address));
    snprintf(path, sizeof(path), "%s/made", t->dir);
    snprintf(create, sizeof(create), "create:%s", path);
    assert_int_equal(rig_end(t, rig_relay(t, address, create)), 4);
    assert_int_equal(access(path, F_OK), -1);
    plug__os_close(h);
}

static void test_relay__copies_a_file(void **state)
{
    struct rig *t = *state;
    char from[128], to[128], a[160], b[160], buf[64] = {0};
    FILE *f;
    snprintf(from, sizeof(from), "%s/from", t->dir);
    snprintf(to, sizeof(to), "%s/to", t->dir);
    f = fopen(from, "w");
    assert_non_null(f);
    fputs("all of it", f);
    fclose(f);
    snprintf(a, sizeof(a), "open:%s,rdonly", from);
    snprintf(b, sizeof(b), "create:%s", to);
    assert_int_equal(rig_end(t, rig_relay(t, a, b)), 0);
    f = fopen(to, "r");
    assert_non_null(f);
    assert_int_equal(fread(buf, 1, sizeof(buf), f), 9);
    fclose(f);
    assert_string_equal(buf, "all of it");
    assert_int_equal(t->stats.flow[0].bytes, 9);
    unlink(from);
    unlink(to);
}

static void test_relay__child_that_fails_is_9(void **state)
{
    struct rig *t = *state;
    assert_int_equal(rig_end(t, rig_relay(t, "text:", "system:exit 3")), 9);
    assert_int_equal(t->err.code, PLUG_ECHILD);
    assert_int_equal(t->err.os, 3);
}

/* A program that ends by itself ends the session, though the other side goes on. */
static void test_relay__child_that_ends_takes_no_more(void **state)
{
    struct rig *t = *state;
    plug_handle h[2];
    char fd[32];
    assert_true(plug__os_pipe(h, 0, NULL) >= 0);
    snprintf(fd, sizeof(fd), "fd:%d", (int)h[0]);
    assert_int_equal(rig_end(t, rig_relay(t, fd, "exec:true")), 0);
    plug__os_close(h[1]);
}

/* ---- listeners ---- */

static void test_relay__once_serves_one(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r = rig_relay(t, "tcp-listen://127.0.0.1:0#once", "echo:");
    plug_handle c;
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    assert_memory_equal(t->name, "tcp-listen://127.0.0.1:", 23);
    c = rig_connect(rig_port(t), SOCK_STREAM);
    rig_write(t, c, "hello", 5);
    rig_expect(t, c, "hello");
    assert_int_equal(plug__os_shutdown(c, PLUG_SHUT_WR, NULL), 0);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->seen[PLUG__EV_ENDED], 1);
    assert_int_equal(t->stats.flow[0].bytes, 5);
    assert_int_equal(t->stats.flow[1].bytes, 5);
    plug__os_close(c);
}

static void test_relay__classic_listener_serves_one_without_fork(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r = rig_relay(t, "TCP-LISTEN:0,bind=127.0.0.1", "echo:");
    plug_handle c;
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    c = rig_connect(rig_port(t), SOCK_STREAM);
    rig_until_seen(t, PLUG__EV_OPENED, 1);
    plug__os_close(c);
    assert_int_equal(rig_end(t, r), 0);
}

/* A reset is the session's: the listener goes on and ends with 0. */
static void test_relay__serves_many(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r = rig_relay(t, "tcp-listen://127.0.0.1:0", "echo:");
    struct plug__relay_totals totals;
    plug_handle c[3];
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    unsigned port = rig_port(t);
    for (int i = 0; i < 3; i++) {
        c[i] = rig_connect(port, SOCK_STREAM);
        rig_write(t, c[i], "x", 1);
        rig_expect(t, c[i], "x");
    }
    plug__relay_totals(r, &totals);
    assert_int_equal(totals.live, 3);
    assert_int_equal(totals.flow[0].bytes, 3);
    plug__os_reset(c[0]);
    plug__os_close(c[0]);
    rig_until_seen(t, PLUG__EV_LOST, 1);
    rig_write(t, c[1], "y", 1);
    rig_expect(t, c[1], "y");
    plug__os_close(c[1]);
    plug__os_close(c[2]);
    rig_until_seen(t, PLUG__EV_ENDED, 2);
    plug__relay_drain(r, plug_now() + PLUG_SECOND);
    assert_int_equal(rig_end(t, r), 0);
}

static void test_relay__max_sessions_waits(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r = rig_relay(t, "tcp-listen://127.0.0.1:0#max-sessions=1", "echo:");
    plug_handle a, b;
    char byte;
    struct plug_iov iov = {&byte, 1};
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    unsigned port = rig_port(t);
    a = rig_connect(port, SOCK_STREAM);
    rig_write(t, a, "a", 1);
    rig_expect(t, a, "a");
    b = rig_connect(port, SOCK_STREAM);
    rig_write(t, b, "b", 1);
    for (int i = 0; i < 5; i++)
        rig_turn(t);
    assert_int_equal(plug__os_read(b, &iov, 1, NULL), PLUG_EAGAIN);
    assert_int_equal(t->seen[PLUG__EV_OPENED], 1);
    plug__os_close(a);
    rig_expect(t, b, "b");
    plug__os_close(b);
    rig_until_seen(t, PLUG__EV_ENDED, 2);
    plug__relay_free(r);
}

static void test_relay__two_listeners_pair(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r =
        rig_relay(t, "tcp-listen://127.0.0.1:0", "tcp-listen://127.0.0.1:0#once");
    plug_handle a, b;
    rig_until_seen(t, PLUG__EV_LISTENING, 2);
    a = rig_connect(rig_port_of(t, 0), SOCK_STREAM);
    rig_write(t, a, "first", 5);
    b = rig_connect(rig_port_of(t, 1), SOCK_STREAM);
    rig_expect(t, b, "first");
    rig_write(t, b, "second", 6);
    rig_expect(t, a, "second");
    plug__os_close(a);
    plug__os_close(b);
    assert_int_equal(rig_end(t, r), 0);
}

static void test_relay__port_in_use_names_the_other(void **state)
{
    struct rig *t = *state;
    struct plug__relay *first = rig_relay(t, "tcp-listen://127.0.0.1:0", "echo:"), *second, *third;
    char address[64];
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    snprintf(address, sizeof(address), "tcp-listen://127.0.0.1:%u", rig_port(t));
    plug__relay_free(first);
    second = rig_relay(t, address, "echo:");
    rig_until_seen(t, PLUG__EV_LISTENING, 2);
    third = rig_relay(t, address, "echo:");
    assert_int_equal(rig_end(t, third), 1);
    assert_int_equal(t->err.code, PLUG_EADDRINUSE);
    assert_non_null(strstr(t->err.text, "relay 2"));
    assert_non_null(strstr(t->err.text, address));
    plug__relay_free(second);
}

static void test_relay__drain_cuts_in_the_end(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r = rig_relay(t, "tcp-listen://127.0.0.1:0", "echo:");
    plug_handle c;
    char byte;
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    c = rig_connect(rig_port(t), SOCK_STREAM);
    rig_until_seen(t, PLUG__EV_OPENED, 1);
    plug__relay_drain(r, plug_now() + 20 * PLUG_MS);
    assert_false(plug__relay_done(r));
    rig_end(t, r);
    assert_int_equal(t->err.code, PLUG_ECANCELED);
    assert_int_equal(rig_read(t, c, &byte, 1), PLUG_ECONNRESET);
    plug__os_close(c);
}

/* ---- ends ---- */

static struct plug__relay *relay_between(struct rig *t, const char *options, plug_handle *ret_a,
                                         plug_handle *ret_b)
{
    char listen[96], address[64];
    plug_handle server = rig_server(SOCK_STREAM, address, sizeof(address), "tcp");
    snprintf(listen, sizeof(listen), "tcp-listen://127.0.0.1:0#once%s", options);
    struct plug__relay *r = rig_relay(t, listen, address);
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    *ret_a = rig_connect(rig_port(t), SOCK_STREAM);
    *ret_b = rig_accept(t, server);
    rig_until_seen(t, PLUG__EV_OPENED, 1);
    plug__os_close(server);
    return r;
}

static void test_relay__half_close_goes_on(void **state)
{
    struct rig *t = *state;
    plug_handle a, b;
    struct plug__relay *r = relay_between(t, "", &a, &b);
    char byte;
    rig_write(t, a, "question", 8);
    assert_int_equal(plug__os_shutdown(a, PLUG_SHUT_WR, NULL), 0);
    rig_expect(t, b, "question");
    assert_int_equal(rig_read(t, b, &byte, 1), PLUG_EOF);
    for (int i = 0; i < 10; i++)
        rig_turn(t);
    rig_write(t, b, "answer", 6);
    plug__os_close(b);
    rig_expect(t, a, "answer");
    assert_int_equal(rig_read(t, a, &byte, 1), PLUG_EOF);
    assert_int_equal(rig_end(t, r), 0);
    plug__os_close(a);
}

static void test_relay__half_wait_limits_it(void **state)
{
    struct rig *t = *state;
    plug_handle a, b;
    t->conf.half_wait = 20 * PLUG_MS;
    struct plug__relay *r = relay_between(t, "", &a, &b);
    assert_int_equal(plug__os_shutdown(a, PLUG_SHUT_WR, NULL), 0);
    assert_int_equal(rig_end(t, r), 0);
    plug__os_close(a);
    plug__os_close(b);
}

static void test_relay__idle_ends_quietly(void **state)
{
    struct rig *t = *state;
    plug_handle a, b;
    char byte;
    t->conf.idle = 20 * PLUG_MS;
    struct plug__relay *r = relay_between(t, "", &a, &b);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->seen[PLUG__EV_ENDED], 1);
    assert_int_equal(rig_read(t, a, &byte, 1), PLUG_EOF);
    plug__os_close(a);
    plug__os_close(b);
}

static void relay_reset_at(struct rig *t, int which)
{
    plug_handle h[2];
    struct plug__relay *r = relay_between(t, "", &h[0], &h[1]);
    char byte;
    rig_write(t, h[!which], "12345", 5);
    rig_expect(t, h[which], "12345");
    plug__os_reset(h[which]);
    plug__os_close(h[which]);
    assert_int_equal(rig_end(t, r), 8);
    assert_int_equal(t->seen[PLUG__EV_LOST], 1);
    assert_int_equal(t->err.code, PLUG_ECONNRESET);
    assert_int_equal(t->accepted, 5);
    assert_int_equal(rig_read(t, h[!which], &byte, 1), PLUG_ECONNRESET);
    plug__os_close(h[!which]);
}

static void test_relay__reset_reaches_the_source(void **state)
{
    relay_reset_at(*state, 1);
}

static void test_relay__reset_reaches_the_sink(void **state)
{
    relay_reset_at(*state, 0);
}

/* The sink never reads: what it does not take is held once, and the source is made to wait. */
static void test_relay__backpressure_is_bounded(void **state)
{
    struct rig *t = *state;
    static char block[65536];
    plug_handle a, b;
    struct plug__relay *r = relay_between(t, "", &a, &b);
    struct plug_iov iov = {block, sizeof(block)};
    struct plug__relay_totals totals;
    uint64_t sent = 0, got = 0;
    int quiet = 0;
    while (quiet < 20) {
        int64_t n = plug__os_write(a, &iov, 1, NULL);
        sent += n > 0 ? (uint64_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        rig_turn(t);
    }
    plug__relay_totals(r, &totals);
    assert_true(totals.flow[0].bytes < sent);
    assert_int_equal(plug__os_shutdown(a, PLUG_SHUT_WR, NULL), 0);
    for (;;) {
        int64_t n = rig_read(t, b, block, sizeof(block));
        if (n < 0)
            break;
        got += (uint64_t)n;
    }
    assert_int_equal(got, sent);
    plug__os_close(b);
    assert_int_equal(rig_end(t, r), 0);
    plug__os_close(a);
}

/* Large transfers leave user space, and come back to it for small ones. */
static void test_relay__splices_what_is_large(void **state)
{
    struct rig *t = *state;
    enum { ALL = 32 << 20 };
    static char block[65536], back[262144];
    plug_handle a, b;
    struct plug__relay *r = relay_between(t, "", &a, &b);
    size_t sent = 0, got = 0;
    while (got < ALL) {
        struct plug_iov iov = {block, sizeof(block)}, in = {back, sizeof(back)};
        int64_t n = sent < ALL ? plug__os_write(a, &iov, 1, NULL) : PLUG_EAGAIN;
        sent += n > 0 ? (size_t)n : 0;
        assert_true(plug_loop_turn(t->loop, 0) >= 0);
        n = plug__os_read(b, &in, 1, NULL);
        got += n > 0 ? (size_t)n : 0;
    }
    plug__os_close(a);
    plug__os_close(b);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->stats.flow[0].bytes, sent);
    assert_true(t->stats.flow[0].spliced > 0);
}

enum { MUCH = 8 << 20 };

static unsigned char much_byte(size_t i)
{
    return (unsigned char)(i * 7 + i / 4096);
}

/* Reads all of it and checks each byte. */
static void relay_drink(struct rig *t, plug_handle h)
{
    static unsigned char back[262144];
    size_t got = 0;
    int64_t n;
    while ((n = rig_read(t, h, back, sizeof(back))) > 0) {
        for (size_t i = 0; i < (size_t)n; i++) {
            if (back[i] != much_byte(got + i))
                fail_msg("byte %zu is wrong", got + i);
        }
        got += (size_t)n;
    }
    assert_int_equal(n, PLUG_EOF);
    assert_int_equal(got, MUCH);
}

static void relay_much_file(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < MUCH; i++)
        fputc(much_byte(i), f);
    assert_int_equal(fclose(f), 0);
}

static void relay_splices(struct rig *t, const char *a, const char *b, plug_handle server,
                          plug_handle out)
{
    struct plug__relay *r = rig_relay(t, a, b);
    plug_handle h = out == PLUG_NO_HANDLE ? rig_accept(t, server) : out;
    relay_drink(t, h);
    plug__os_close(h);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->stats.flow[0].bytes, MUCH);
    if (t->stats.flow[0].spliced <= MUCH / 2)
        fail_msg("%s to %s: %llu spliced", a, b, (unsigned long long)t->stats.flow[0].spliced);
}

/* A file and a pipe, too, go past user space: through a lent pipe, or straight. */
static void test_relay__splices_files_and_pipes(void **state)
{
    struct rig *t = *state;
    char path[128], file[160], address[64], fd[32], cat[160];
    plug_handle server = rig_server(SOCK_STREAM, address, sizeof(address), "tcp"), p[2];
    snprintf(path, sizeof(path), "%s/much", t->dir);
    snprintf(file, sizeof(file), "open:%s,rdonly", path);
    snprintf(cat, sizeof(cat), "exec:cat %s,pipes", path);
    relay_much_file(path);
    t->conf.only = 1;
    relay_splices(t, file, address, server, PLUG_NO_HANDLE); /* file to socket */
    relay_splices(t, cat, address, server, PLUG_NO_HANDLE);  /* pipe to socket */
    assert_true(plug__os_pipe(p, 1, NULL) >= 0);
    snprintf(fd, sizeof(fd), "fd:%d", (int)p[1]);
    relay_splices(t, file, fd, PLUG_NO_HANDLE, p[0]); /* file to pipe */
    assert_true(plug__os_pipe(p, 1, NULL) >= 0);
    snprintf(fd, sizeof(fd), "fd:%d", (int)p[1]);
    relay_splices(t, cat, fd, PLUG_NO_HANDLE, p[0]); /* pipe to pipe */
    plug__os_close(server);
    unlink(path);
}

static void test_relay__no_movers_no_splice(void **state)
{
    struct rig *t = *state;
    t->conf.movers = 0;
    t->conf.only = 1;
    char address[64];
    static char back[262144];
    plug_handle server = rig_server(SOCK_STREAM, address, sizeof(address), "tcp"), b;
    struct plug__relay *r = rig_relay(t, "open:/dev/zero,rdonly,readbytes=4000000", address);
    size_t got = 0;
    int64_t n;
    b = rig_accept(t, server);
    while ((n = rig_read(t, b, back, sizeof(back))) > 0)
        got += (size_t)n;
    assert_int_equal(got, 4000000);
    plug__os_close(b);
    plug__os_close(server);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->stats.flow[0].spliced, 0);
}

/* ---- records ---- */

static void test_relay__udp_refused_is_4(void **state)
{
    struct rig *t = *state;
    char address[96];
    plug_handle h = rig_server(SOCK_STREAM, address, sizeof(address), "udp"); /* no UDP there */
    strncat(address, "#grace=0.1", 16);
    assert_int_equal(rig_end(t, rig_relay(t, "text:anybody", address)), 4);
    assert_int_equal(t->seen[PLUG__EV_WARNING], 1);
    assert_int_equal(t->seen[PLUG__EV_FAILED], 1);
    assert_int_equal(t->stats.flow[0].dropped, 1);
    plug__os_close(h);
}

/* A stream into datagrams: one read of at most -b each. */
static void test_relay__chunks_are_at_most_b(void **state)
{
    struct rig *t = *state;
    char address[96], fd[32], buf[64];
    plug_handle h = rig_server(SOCK_DGRAM, address, sizeof(address), "udp"), p[2];
    assert_true(plug__os_pipe(p, 0, NULL) >= 0);
    rig_write(t, p[1], "abcdefghij", 10);
    plug__os_close(p[1]);
    snprintf(fd, sizeof(fd), "fd:%d", (int)p[0]);
    strncat(address, "#grace=0.05", 16);
    t->conf.block = 4;
    struct plug__relay *r = rig_relay(t, fd, address);
    assert_int_equal(rig_read(t, h, buf, sizeof(buf)), 4);
    assert_memory_equal(buf, "abcd", 4);
    assert_int_equal(rig_read(t, h, buf, sizeof(buf)), 4);
    assert_int_equal(rig_read(t, h, buf, sizeof(buf)), 2);
    assert_memory_equal(buf, "ij", 2);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->stats.flow[0].records, 3);
    plug__os_close(h);
}

/* A record that comes in pieces is put together for a sink that cannot split, up to its limit. */
static void relay_gather(struct rig *t, size_t size, plug_handle *a, plug_handle *b)
{
    static char record[400 * 1024];
    unsigned char head[4] = {(unsigned char)(size >> 24), (unsigned char)(size >> 16),
                             (unsigned char)(size >> 8), (unsigned char)size};
    memset(record, 'r', sizeof(record));
    rig_write(t, *a, head, 4);
    for (size_t at = 0; at < size;) {
        size_t n = size - at < 1000 ? size - at : 1000;
        rig_write(t, *a, record, n);
        if (at % 9000 == 0)
            rig_turn(t);
        at += n;
    }
    (void)b;
}

static void test_relay__gathers_a_record_in_pieces(void **state)
{
    struct rig *t = *state;
    char address[96];
    static char buf[70000];
    plug_handle server = rig_server(SOCK_STREAM, address, sizeof(address), "len32+tcp"), a;
    plug_handle h;
    char udp[96];
    h = rig_server(SOCK_DGRAM, udp, sizeof(udp), "udp");
    strncat(udp, "#grace=0.05", 16);
    struct plug__relay *r = rig_relay(t, address, udp);
    a = rig_accept(t, server);
    relay_gather(t, 60000, &a, &h);
    assert_int_equal(rig_read(t, h, buf, sizeof(buf)), 60000);
    /* one that can never be sent is dropped and counted, the next one goes */
    relay_gather(t, 80000, &a, &h);
    relay_gather(t, 10, &a, &h);
    assert_int_equal(rig_read(t, h, buf, sizeof(buf)), 10);
    plug__os_close(a);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->stats.flow[0].dropped, 1);
    assert_int_equal(t->stats.flow[0].records, 2);
    plug__os_close(h);
    plug__os_close(server);
}

/* To a sink that delivers or fails it is an error, and names both limits. */
static void test_relay__too_long_names_both_limits(void **state)
{
    struct rig *t = *state;
    char address[96], to[96];
    plug_handle server = rig_server(SOCK_STREAM, address, sizeof(address), "len32+tcp"), a;
    plug_handle sink = rig_server(SOCK_STREAM, to, sizeof(to), "len16+tcp");
    struct plug__relay *r = rig_relay(t, address, to);
    a = rig_accept(t, server);
    relay_gather(t, 70000, &a, &sink);
    assert_int_equal(rig_end(t, r), 8);
    assert_int_equal(t->err.code, PLUG_EMSGSIZE);
    assert_non_null(strstr(t->err.text, "65535"));
    plug__os_close(a);
    plug__os_close(sink);
    plug__os_close(server);
}

static void test_relay__empty_record_is_the_end_by_null_eof(void **state)
{
    struct rig *t = *state;
    plug_handle c;
    struct plug_iov iov = {NULL, 0};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    struct plug__relay *r =
        rig_relay(t, "udp-listen://127.0.0.1:0#once,null-eof,grace=0.05", "echo:");
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    c = rig_connect(rig_port(t), SOCK_DGRAM);
    rig_write(t, c, "one", 3);
    rig_expect(t, c, "one");
    assert_int_equal(plug__os_send(c, &m, 1, 0, NULL), 1);
    assert_int_equal(rig_end(t, r), 0);
    plug__os_close(c);
}

/* A growing file: the end is no end, and what is added later comes. */
static void test_relay__ignoreeof_follows(void **state)
{
    struct rig *t = *state;
    char path[128], a[160], address[64];
    plug_handle server = rig_server(SOCK_STREAM, address, sizeof(address), "tcp"), b;
    FILE *f;
    snprintf(path, sizeof(path), "%s/log", t->dir);
    snprintf(a, sizeof(a), "open:%s,rdonly,ignoreeof", path);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("one", f);
    fflush(f);
    struct plug__relay *r = rig_relay(t, a, address);
    b = rig_accept(t, server);
    rig_expect(t, b, "one");
    fputs("two", f);
    fclose(f);
    rig_expect(t, b, "two");
    assert_int_equal(t->seen[PLUG__EV_ENDED], 0);
    plug__relay_free(r);
    plug__os_close(b);
    plug__os_close(server);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session__idle_is_small),
        RIG(test_relay__refused_is_4),
        RIG(test_relay__creates_nothing_for_a_dead_peer),
        RIG(test_relay__copies_a_file),
        RIG(test_relay__child_that_fails_is_9),
        RIG(test_relay__child_that_ends_takes_no_more),
        RIG(test_relay__once_serves_one),
        RIG(test_relay__classic_listener_serves_one_without_fork),
        RIG(test_relay__serves_many),
        RIG(test_relay__max_sessions_waits),
        RIG(test_relay__two_listeners_pair),
        RIG(test_relay__port_in_use_names_the_other),
        RIG(test_relay__drain_cuts_in_the_end),
        RIG(test_relay__half_close_goes_on),
        RIG(test_relay__half_wait_limits_it),
        RIG(test_relay__idle_ends_quietly),
        RIG(test_relay__reset_reaches_the_source),
        RIG(test_relay__reset_reaches_the_sink),
        RIG(test_relay__backpressure_is_bounded),
        RIG(test_relay__splices_what_is_large),
        RIG(test_relay__splices_files_and_pipes),
        RIG(test_relay__no_movers_no_splice),
        RIG(test_relay__udp_refused_is_4),
        RIG(test_relay__chunks_are_at_most_b),
        RIG(test_relay__gathers_a_record_in_pieces),
        RIG(test_relay__too_long_names_both_limits),
        RIG(test_relay__empty_record_is_the_end_by_null_eof),
        RIG(test_relay__ignoreeof_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

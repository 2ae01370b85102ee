/* SPDX-License-Identifier: MIT
 *
 * Each call in the wrong order or on the wrong kind: the code that plug.h names for it. One row a
 * state of a kind, one column a call; every cell begins anew.
 */
#include "calls.h"

#include <sys/socket.h>

enum wrong_call {
    BIND,
    LISTEN,
    ACCEPT,
    CONNECT,
    SEND,
    SENDTO,
    RECV,
    RECVFROM,
    SHUTDOWN,
    NAME,
    PEER_NAME,
    GET_UNKNOWN,
    SET,
    SET_UNKNOWN,
    SELECT,
    FD,
    WRONG_CALLS
};
static const char *const wrong_names[WRONG_CALLS] = {
    "bind",
    "listen",
    "accept",
    "connect",
    "send",
    "sendto",
    "recv",
    "recvfrom",
    "shutdown",
    "getsockopt NAME",
    "getsockopt PEER",
    "getsockopt of none",
    "setsockopt",
    "setsockopt of none",
    "select",
    "fd",
};

/* Cells that are not about a wrong place: any answer but a crash. */
#define ANY 999

struct wrong_row {
    const char *what;    /* a stack for plug_socket, or an address for plug_open */
    const char *connect; /* what plug_connect gets */
    int codes[WRONG_CALLS];
};

static struct plug_addr wrong_to; /* where sendto sends; bound by nobody */

static int64_t wrong_select(struct plug_sock *s)
{
    struct plug_selection v = {.sock = s, .want = PLUG_IN};
    int r = plug_select(&v, 1, 0);
    return r == 1 && (v.ready & PLUG_ERR) ? PLUG_ERR : r;
}

static int64_t wrong_do(struct plug_sock *s, enum wrong_call call, const char *connect)
{
    struct plug_sock *c = NULL;
    struct plug_addr a;
    char buf[16] = {0};
    int on = 1;
    size_t len = sizeof a;
    switch (call) {
    case BIND:
        return plug_bind(s, "127.0.0.1:0");
    case LISTEN:
        return plug_listen(s, 0);
    case ACCEPT:
        return plug_accept(s, &c, 0);
    case CONNECT:
        return plug_connect(s, connect, plug_now() + PLUG_SECOND);
    case SEND:
        return plug_send(s, "x", 1, 0, 0);
    case SENDTO:
        return plug_sendto(s, "x", 1, 0, &wrong_to, 0);
    case RECV:
        return plug_recv(s, buf, sizeof buf, 0, 0);
    case RECVFROM:
        return plug_recvfrom(s, buf, sizeof buf, 0, &a, 0);
    case SHUTDOWN:
        return plug_shutdown(s, PLUG_SHUT_WR, 0);
    case NAME:
        return plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &a, &len);
    case PEER_NAME:
        return plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_PEER, &a, &len);
    case GET_UNKNOWN:
        len = sizeof buf;
        return plug_getsockopt(s, PLUG_LEVEL_ROUTE, 77, buf, &len);
    case SET:
        return plug_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    case SET_UNKNOWN:
        return plug_setsockopt(s, PLUG_LEVEL_SOCK, 77, &on, sizeof on);
    case SELECT:
        return wrong_select(s);
    case FD:
        on = plug_fd(s);
        if (on >= 0)
            close(on);
        return on < 0 ? on : 0;
    case WRONG_CALLS:
        break;
    }
    return ANY;
}

static void wrong_rows(const struct wrong_row *rows, size_t n,
                       struct plug_sock *(*make)(const char *what))
{
    char what[128];
    for (const struct wrong_row *r = rows; r < rows + n; r++)
        for (enum wrong_call call = BIND; call < WRONG_CALLS; call++) {
            struct plug_sock *s = make(r->what);
            int64_t got = wrong_do(s, call, r->connect ? r->connect : "127.0.0.1:1");
            (void)snprintf(what, sizeof what, "%s: %s", r->what, wrong_names[call]);
            if (r->codes[call] != ANY)
                calls_expect(what, got, r->codes[call]);
            plug_close(s);
        }
}
#define ROWS(table, make) wrong_rows(table, sizeof(table) / sizeof *(table), make)

#define NOTCONN PLUG_ENOTCONN
#define NOTSUP PLUG_ENOTSUP
#define INVAL PLUG_EINVAL
#define ISCONN PLUG_EISCONN
#define AGAIN PLUG_EAGAIN
#define ERR PLUG_ERR

static struct plug_sock *make_fresh(const char *stack)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    if (plug_socket(&s, NULL, stack, &err) < 0)
        fail_msg("socket %s: %s", stack, err.text);
    return s;
}

static void test_wrong__before_connect_and_listen(void **state)
{
    static const struct wrong_row rows[] = {
        /* bind, listen, accept, connect, send, sendto, recv, recvfrom, shutdown, name, peer,
         * get, set, set, select, fd */
        {"tcp",
         NULL,
         {0, ANY, INVAL, PLUG_ECONNREFUSED, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN,
          NOTCONN, NOTSUP, 0, NOTCONN, ERR, NOTCONN}},
        {"len32+tcp",
         NULL,
         {0, ANY, INVAL, PLUG_ECONNREFUSED, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN,
          NOTCONN, NOTSUP, 0, NOTCONN, ERR, NOTCONN}},
        {"unix",
         "/tmp/plug-no-such-socket",
         {0, INVAL, INVAL, PLUG_ENOENT, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN,
          NOTCONN, NOTSUP, 0, NOTCONN, ERR, NOTCONN}},
        {"unix-seqpacket",
         "/tmp/plug-no-such-socket",
         {0, INVAL, INVAL, PLUG_ENOENT, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN,
          NOTCONN, NOTSUP, 0, NOTCONN, ERR, NOTCONN}},
        /* a datagram socket needs no connect: these open it */
        {"udp",
         NULL,
         {0, ANY, INVAL, 0, NOTCONN, 1, AGAIN, AGAIN, NOTCONN, 0, NOTCONN, NOTSUP, 0, NOTCONN, 0,
          NOTCONN}},
        {"unix-dgram",
         "/tmp/plug-no-such-socket",
         {0, INVAL, INVAL, PLUG_ENOENT, NOTCONN, ANY, AGAIN, AGAIN, NOTCONN, 0, NOTCONN, NOTSUP, 0,
          NOTCONN, 0, NOTCONN}},
        {"pipe",
         "/tmp/plug-no-such-folder/fifo",
         {0, NOTSUP, INVAL, PLUG_ENOENT, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTSUP,
          NOTSUP, NOTSUP, NOTSUP, NOTSUP, ERR, NOTCONN}},
        {"file",
         "/tmp/plug-no-such-file",
         {0, NOTSUP, INVAL, PLUG_ENOENT, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTSUP,
          NOTSUP, NOTSUP, NOTSUP, NOTSUP, ERR, NOTCONN}},
        {"exec",
         "/tmp/plug-no-such-program",
         {0, NOTSUP, INVAL, PLUG_ENOENT, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTSUP,
          NOTSUP, NOTSUP, NOTSUP, NOTSUP, ERR, NOTCONN}},
        {"exec",
         " ",
         {0, NOTSUP, INVAL, PLUG_EUSAGE, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTSUP,
          NOTSUP, NOTSUP, NOTSUP, NOTSUP, ERR, NOTCONN}},
        {"pair",
         "name",
         {0, NOTSUP, INVAL, 0, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTSUP, NOTSUP, NOTSUP,
          NOTSUP, NOTSUP, ERR, NOTCONN}},
        {"echo",
         NULL,
         {0, NOTSUP, INVAL, PLUG_EUSAGE, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTCONN, NOTSUP,
          NOTSUP, NOTSUP, NOTSUP, NOTSUP, ERR, NOTCONN}},
    };
    (void)state;
    ROWS(rows, make_fresh);
}

static void test_wrong__kinds_that_need_their_parameter(void **state)
{
    static const char *const stacks[] = {"gopen", "fd", "accept-fd", "nonsense", "tcp+tcp", ""};
    struct plug_sock *s = NULL;
    struct plug_err err;
    (void)state;
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        calls_expect(stacks[i], plug_socket(&s, NULL, stacks[i], &err), PLUG_EUSAGE);
        assert_null(s);
        assert_true(err.text[0] != 0);
    }
}

static void test_wrong__on_a_listener(void **state)
{
    static const struct wrong_row rows[] = {
        {"tcp-listen://127.0.0.1:0",
         NULL,
         {ISCONN, ISCONN, AGAIN, ISCONN, INVAL, INVAL, INVAL, INVAL, INVAL, 0, NOTSUP, NOTSUP, 0,
          NOTSUP, 0, INVAL}},
        {"len32+tcp-listen://127.0.0.1:0",
         NULL,
         {ISCONN, ISCONN, AGAIN, ISCONN, INVAL, INVAL, INVAL, INVAL, INVAL, 0, NOTSUP, NOTSUP, 0,
          NOTSUP, 0, INVAL}},
        {"udp-listen://127.0.0.1:0",
         NULL,
         {ISCONN, ISCONN, AGAIN, ISCONN, INVAL, INVAL, INVAL, INVAL, INVAL, 0, NOTSUP, NOTSUP, 0,
          NOTSUP, 0, INVAL}},
        {"abstract-listen:plug-calls-wrong",
         NULL,
         {ISCONN, ISCONN, AGAIN, ISCONN, INVAL, INVAL, INVAL, INVAL, INVAL, 0, NOTCONN, NOTSUP, 0,
          NOTSUP, 0, INVAL}},
        {"abstract-seqpacket-listen:plug-calls-wrong",
         NULL,
         {ISCONN, ISCONN, AGAIN, ISCONN, INVAL, INVAL, INVAL, INVAL, INVAL, 0, NOTCONN, NOTSUP, 0,
          NOTSUP, 0, INVAL}},
        {"abstract-dgram-listen:plug-calls-wrong",
         NULL,
         {ISCONN, ISCONN, AGAIN, ISCONN, INVAL, INVAL, INVAL, INVAL, INVAL, 0, NOTSUP, NOTSUP, 0,
          NOTSUP, 0, INVAL}},
    };
    (void)state;
    ROWS(rows, calls_open);
}

static void test_wrong__on_what_is_open(void **state)
{
    static const struct wrong_row rows[] = {
        {"udp://127.0.0.1:9",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ANY, AGAIN, AGAIN, 0, 0, 0, NOTSUP, 0, NOTSUP, 0, 0}},
        {"exec:cat",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, NOTSUP, NOTSUP, NOTSUP, NOTSUP,
          NOTSUP, 0, 0}},
        {"echo:",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, NOTSUP, NOTSUP, NOTSUP, NOTSUP,
          NOTSUP, 0, 0}},
        {"pipe:",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, NOTSUP, NOTSUP, NOTSUP, NOTSUP,
          NOTSUP, 0, 0}},
        {"pair:wrong",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, NOTSUP, NOTSUP, NOTSUP, NOTSUP,
          NOTSUP, 0, 0}},
        {"file:/dev/null",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, PLUG_EOF, PLUG_EOF, 0, NOTSUP, NOTSUP, NOTSUP,
          NOTSUP, NOTSUP, 1, 0}},
        {"text:x",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, ANY, ISCONN, 1, 1, 0, NOTSUP, NOTSUP, NOTSUP, NOTSUP,
          NOTSUP, 1, 0}},
    };
    (void)state;
    ROWS(rows, calls_open);
}

static struct plug_sock *wrong_peer; /* the other end of the next one */

/* A connected endpoint of a listener's kind. */
static struct plug_sock *make_connected(const char *kind)
{
    static struct plug_sock *listener;
    char address[200];
    struct plug_sock *s;
    plug_close(wrong_peer);
    wrong_peer = NULL;
    if (!kind)
        return NULL;
    (void)snprintf(address, sizeof address, "%s-listen%s", kind,
                   strstr(kind, "tcp") ? "://127.0.0.1:0" : ":plug-calls-wrong");
    listener = calls_open(address);
    (void)snprintf(address, sizeof address, "%s:%s", kind,
                   strstr(kind, "tcp") ? calls_where(listener) : "plug-calls-wrong");
    s = calls_open(address);
    calls_expect("accept", plug_accept(listener, &wrong_peer, soon()), 0);
    plug_close(listener);
    return s;
}

static void test_wrong__on_what_is_connected(void **state)
{
    static const struct wrong_row rows[] = {
        {"tcp",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, 0, 0, NOTSUP, 0, NOTSUP, 0,
          0}},
        {"netstring+tcp",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, 0, 0, NOTSUP, 0, NOTSUP, 0,
          0}},
        {"abstract",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, ANY, 0, NOTSUP, 0, NOTSUP, 0,
          0}},
        {"abstract-seqpacket",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, 1, ISCONN, AGAIN, AGAIN, 0, ANY, 0, NOTSUP, 0, NOTSUP, 0,
          0}},
    };
    (void)state;
    ROWS(rows, make_connected);
    (void)make_connected(NULL);
}

/* After its own end a side still hears, and says no more. */
static struct plug_sock *make_shut(const char *kind)
{
    struct plug_sock *s = make_connected(kind);
    calls_expect("shutdown", plug_shutdown(s, PLUG_SHUT_WR, soon()), 0);
    return s;
}

static void test_wrong__after_shutdown(void **state)
{
    static const struct wrong_row rows[] = {
        {"tcp",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, PLUG_EPIPE, ISCONN, AGAIN, AGAIN, 0, 0, 0, NOTSUP, 0,
          NOTSUP, 0, 0}},
        {"abstract",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, PLUG_EPIPE, ISCONN, AGAIN, AGAIN, 0, ANY, 0, NOTSUP, 0,
          NOTSUP, 0, 0}},
        {"abstract-seqpacket",
         NULL,
         {ISCONN, ISCONN, INVAL, ISCONN, PLUG_EPIPE, ISCONN, AGAIN, AGAIN, 0, ANY, 0, NOTSUP, 0,
          NOTSUP, 0, 0}},
    };
    (void)state;
    ROWS(rows, make_shut);
    (void)make_connected(NULL);
}

static void test_wrong__arguments(void **state)
{
    struct plug_sock *s = calls_open("echo:"), *c;
    struct plug_selection none = {.sock = NULL};
    struct plug_addr a = {0};
    char buf[4];
    size_t len = 0;
    int type;
    (void)state;
    calls_expect("bind", plug_bind(s, NULL), INVAL);
    calls_expect("connect", plug_connect(s, NULL, 0), INVAL);
    calls_expect("connect_addr", plug_connect_addr(s, NULL, 0), INVAL);
    calls_expect("connect_addr", plug_connect_addr(s, &a, 0), INVAL);
    calls_expect("listen", plug_listen(s, -1), INVAL);
    calls_expect("accept", plug_accept(s, NULL, 0), INVAL);
    calls_expect("accept", plug_accept(NULL, &c, 0), INVAL);
    calls_expect("send", plug_send(s, NULL, 1, 0, 0), INVAL);
    calls_expect("recv", plug_recv(s, NULL, 1, 0, 0), INVAL);
    calls_expect("send of nothing", plug_send(s, NULL, 0, 0, 0), 0);
    calls_expect("shutdown", plug_shutdown(s, 4, 0), INVAL);
    calls_expect("shutdown", plug_shutdown(s, -1, 0), INVAL);
    calls_expect("getsockopt", plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, &type, &len),
                 INVAL);
    calls_expect("getsockopt", plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, NULL, &len),
                 INVAL);
    calls_expect("setsockopt", plug_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), INVAL);
    calls_expect("select", plug_select(&none, 1, 0), INVAL);
    calls_expect("select", plug_select(NULL, 1, 0), INVAL);
    calls_expect("select of none", plug_select(NULL, 0, 0), 0);
    calls_expect("addr_text", plug_addr_text(&a, buf, 0), INVAL);
    calls_expect("state", plug_state(NULL), INVAL);
    calls_expect("error", plug_error(NULL, NULL), INVAL);
    plug_close(s);
    plug_close(NULL);
}

static void test_wrong__on_a_shared_loop(void **state)
{
    struct plug_loop *loop, *other;
    struct plug_sock *s, *l, *o, *c;
    struct plug_selection v[2];
    struct plug_err err;
    char b;
    (void)state;
    assert_int_equal(plug_loop_new(&loop, NULL, &err), 0);
    assert_int_equal(plug_loop_new(&other, NULL, &err), 0);
    assert_int_equal(plug_open_on(&s, loop, "pair:a", &err), 0);
    assert_int_equal(plug_open_on(&l, loop, "tcp-listen://127.0.0.1:0", &err), 0);
    assert_int_equal(plug_open_on(&o, other, "pair:b", &err), 0);
    assert_true(plug_loop_turn(loop, 0) >= 0);
    calls_expect("recv that would block", plug_recv(s, &b, 1, 0, soon()), PLUG_EDEADLK);
    calls_expect("recv that tries", plug_recv(s, &b, 1, 0, 0), AGAIN);
    calls_expect("accept that would block", plug_accept(l, &c, soon()), PLUG_EDEADLK);
    v[0] = (struct plug_selection){.sock = s, .want = PLUG_IN};
    calls_expect("select that would block", plug_select(v, 1, soon()), INVAL);
    v[1] = (struct plug_selection){.sock = o, .want = PLUG_IN};
    calls_expect("select over two loops", plug_select(v, 2, 0), INVAL);
    plug_close(s);
    plug_close(l);
    plug_close(o);
    plug_loop_free(loop);
    plug_loop_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong__before_connect_and_listen),
        cmocka_unit_test(test_wrong__kinds_that_need_their_parameter),
        cmocka_unit_test(test_wrong__on_a_listener),
        cmocka_unit_test(test_wrong__on_what_is_open),
        cmocka_unit_test(test_wrong__on_what_is_connected),
        cmocka_unit_test(test_wrong__after_shutdown),
        cmocka_unit_test(test_wrong__arguments),
        cmocka_unit_test(test_wrong__on_a_shared_loop),
    };
    (void)plug_gethostbyname("127.0.0.1", 9, &wrong_to, 1, soon(), NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

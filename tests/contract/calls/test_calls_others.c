/* SPDX-License-Identifier: MIT
 *
 * The calls on what is no socket: pair, pipe, exec and file. The peer reads and writes the same
 * objects; the other end of a pair has to be in this process.
 */
#include "calls.h"

#include <sys/stat.h>

static struct plug_sock *must_connect(const char *stack, const char *to)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    calls_expect(stack, plug_socket(&s, NULL, stack, &err), 0);
    calls_expect("connect", plug_connect(s, to, soon()), 0);
    return s;
}

static void expect_ready(struct plug_sock *s, unsigned want, unsigned ready)
{
    struct plug_selection v = {.sock = s, .want = want};
    calls_expect("select", plug_select(&v, 1, soon()), 1);
    assert_int_equal(v.ready, ready);
}

static void test_others__pipe_is_read_and_written(void **state)
{
    char path[128], open[160], buf[8];
    struct plug_sock *s;
    struct peer p;
    (void)state;
    (void)snprintf(path, sizeof path, "%s", calls_path("fifo"));
    s = must_connect("pipe", path);
    (void)snprintf(open, sizeof open, "read=%s", path);
    peer_start(&p, open, "recv", "close", (char *)NULL);
    (void)peer_hear(&p, "open");
    expect_ready(s, PLUG_OUT, PLUG_OUT);
    calls_send(s, "hello");
    assert_string_equal(peer_hear(&p, "recv"), "5 hello");
    peer_end(&p);
    (void)snprintf(open, sizeof open, "write=%s", path);
    peer_start(&p, open, "send=answer", "close", (char *)NULL);
    expect_ready(s, PLUG_IN, PLUG_IN);
    calls_recv(s, "answer");
    peer_end(&p);
    calls_expect("shutdown", plug_shutdown(s, PLUG_SHUT_RDWR, soon()), 0);
    calls_expect("end", plug_recv(s, buf, sizeof buf, 0, soon()), PLUG_EOF);
    plug_close(s);
    (void)unlink(path);
}

static void test_others__a_fifo_ends_with_its_writer(void **state)
{
    char path[128], open[160], address[200], b;
    struct plug_sock *s;
    struct peer p;
    (void)state;
    (void)snprintf(path, sizeof path, "%s", calls_path("fifo"));
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(open, sizeof open, "write=%s", path);
    peer_start(&p, open, "wait", "send=all", "close", (char *)NULL);
    (void)snprintf(address, sizeof address, "file:%s,rdonly", path);
    s = calls_open(address);
    (void)peer_hear(&p, "open");
    calls_expect("nothing yet", plug_recv(s, &b, 1, 0, 0), PLUG_EAGAIN);
    peer_go(&p);
    calls_recv(s, "all");
    calls_expect("end", plug_recv(s, &b, 1, 0, soon()), PLUG_EOF);
    (void)peer_hear(&p, "wait");
    (void)peer_hear(&p, "send");
    peer_end(&p);
    plug_close(s);
    assert_int_equal(unlink(path), 0);
}

static void test_others__exec_is_a_peer(void **state)
{
    char command[400], buf[8];
    struct plug_sock *s;
    int64_t n;
    int pid = 0, status = -1;
    size_t len = sizeof pid;
    (void)state;
    /* its standard input and output are one socket: its own words come too */
    (void)snprintf(command, sizeof command, "%s fd=0 select recv send=answer recv close", PEER);
    s = must_connect("exec", command);
    calls_expect("getsockopt PID", plug_getsockopt(s, PLUG_LEVEL_CHILD, PLUG_CHILD_PID, &pid, &len),
                 0);
    assert_true(pid > 0);
    len = sizeof status;
    calls_expect("getsockopt STATUS",
                 plug_getsockopt(s, PLUG_LEVEL_CHILD, PLUG_CHILD_STATUS, &status, &len),
                 PLUG_EAGAIN);
    expect_ready(s, PLUG_OUT, PLUG_OUT);
    calls_send(s, "hello");
    calls_recv(s, "select 1\n");
    expect_ready(s, PLUG_IN, PLUG_IN);
    calls_recv(s, "recv 5 hello\nanswersend 6\n");
    calls_expect("shutdown", plug_shutdown(s, PLUG_SHUT_WR, soon()), 0);
    calls_recv(s, "recv 0 \n");
    n = plug_recv(s, buf, sizeof buf, 0, soon());
    calls_expect("end", n, PLUG_EOF);
    calls_expect("shutdown", plug_shutdown(s, PLUG_SHUT_RDWR, soon()), 0);
    plug_close(s);
}

static void test_others__exec_tells_a_bad_end(void **state)
{
    struct plug_sock *s = calls_open("system:exit 3");
    struct plug_err err;
    char b;
    int r;
    (void)state;
    calls_expect("end", plug_recv(s, &b, 1, 0, soon()), PLUG_EOF);
    r = plug_shutdown(s, PLUG_SHUT_RDWR, soon());
    calls_expect("shutdown", r, PLUG_ECHILD);
    calls_expect("error", plug_error(s, &err), PLUG_ECHILD);
    assert_int_equal(err.os, 3);
    plug_close(s);
}

static void test_others__file_is_shared_with_a_peer(void **state)
{
    char path[128], open[160], b;
    struct plug_sock *s;
    struct peer p;
    (void)state;
    (void)snprintf(path, sizeof path, "%s", calls_path("file"));
    s = must_connect("create", path);
    expect_ready(s, PLUG_OUT, PLUG_OUT);
    calls_send(s, "hello");
    calls_expect("shutdown", plug_shutdown(s, PLUG_SHUT_RDWR, soon()), 0);
    plug_close(s);
    (void)snprintf(open, sizeof open, "read=%s", path);
    peer_start(&p, open, "recv", "recv", "close", (char *)NULL);
    (void)peer_hear(&p, "open");
    assert_string_equal(peer_hear(&p, "recv"), "5 hello");
    assert_string_equal(peer_hear(&p, "recv"), "0 ");
    peer_end(&p);
    (void)snprintf(open, sizeof open, "write=%s", path);
    peer_start(&p, open, "send=HE", "close", (char *)NULL);
    (void)peer_hear(&p, "open");
    (void)peer_hear(&p, "send");
    peer_end(&p);
    s = must_connect("file", path);
    expect_ready(s, PLUG_IN | PLUG_OUT, PLUG_IN | PLUG_OUT);
    calls_recv(s, "HEllo");
    calls_expect("end", plug_recv(s, &b, 1, 0, soon()), PLUG_EOF);
    plug_close(s);
    assert_int_equal(unlink(path), 0);
}

/* Two ends of one name on one loop; calls never block there. */
static void test_others__pair_has_two_ends(void **state)
{
    struct plug_loop *loop;
    struct plug_sock *a, *b;
    struct plug_selection v[2];
    struct plug_err err;
    char buf[8];
    (void)state;
    assert_int_equal(plug_loop_new(&loop, NULL, &err), 0);
    assert_int_equal(plug_open_on(&a, loop, "pair:calls,type=seqpacket", &err), 0);
    assert_int_equal(plug_socket(&b, loop, "pair", &err), 0);
    calls_expect("connect", plug_connect(b, "other", 0), 0); /* bytes: of another name */
    plug_close(b);
    assert_int_equal(plug_open_on(&b, loop, "pair:calls,type=seqpacket", &err), 0);
    assert_true(plug_loop_turn(loop, 0) >= 0);
    v[0] = (struct plug_selection){.sock = a, .want = PLUG_IN | PLUG_OUT};
    v[1] = (struct plug_selection){.sock = b, .want = PLUG_IN};
    calls_expect("select", plug_select(v, 2, 0), 1);
    assert_int_equal(v[0].ready, PLUG_OUT);
    calls_expect("send", plug_send(a, "one", 3, 0, 0), 3);
    calls_expect("send", plug_send(a, "", 0, 0, 0), 0);
    calls_expect("send", plug_send(a, "three", 5, 0, 0), 5);
    calls_expect("select", plug_select(v, 2, 0), 2);
    assert_int_equal(v[1].ready, PLUG_IN);
    calls_expect("recv", plug_recv(b, buf, sizeof buf, 0, 0), 3);
    calls_expect("recv of an empty record", plug_recv(b, buf, sizeof buf, 0, 0), 0);
    calls_expect("recv", plug_recv(b, buf, sizeof buf, 0, 0), 5);
    calls_expect("recv", plug_recv(b, buf, sizeof buf, 0, 0), PLUG_EAGAIN);
    calls_expect("shutdown", plug_shutdown(a, PLUG_SHUT_WR, 0), 0);
    calls_expect("end", plug_recv(b, buf, sizeof buf, 0, 0), PLUG_EOF);
    calls_expect("send back", plug_send(b, "still", 5, 0, 0), 5);
    calls_expect("recv", plug_recv(a, buf, sizeof buf, 0, 0), 5);
    calls_expect("send after shutdown", plug_send(a, "x", 1, 0, 0), PLUG_EPIPE);
    plug_close(a);
    plug_close(b);
    plug_loop_free(loop);
}

enum { MIX_TCP, MIX_UDP, MIX_SEQPACKET, MIX_EXEC, MIX_PIPE, MIX_FRAMED, MIX_ALL };

static void expect_only(struct plug_selection *v, unsigned which)
{
    calls_expect("select", plug_select(v, MIX_ALL, soon()), 1);
    for (unsigned i = 0; i < MIX_ALL; i++)
        assert_int_equal(v[i].ready, i == which ? PLUG_IN : 0);
}

/* One plug_select over six kinds, each with a private loop of its own. */
static void test_others__select_takes_all_kinds_at_once(void **state)
{
    struct plug_selection v[MIX_ALL] = {{0}};
    char fifo[128], to[200], buf[8];
    struct plug_sock *c;
    struct peer p;
    (void)state;
    (void)snprintf(fifo, sizeof fifo, "%s", calls_path("fifo"));
    v[MIX_TCP].sock = calls_open("tcp-listen://127.0.0.1:0");
    calls_expect("socket", plug_socket(&v[MIX_UDP].sock, NULL, "udp", NULL), 0);
    calls_expect("bind", plug_bind(v[MIX_UDP].sock, "127.0.0.1:0"), 0);
    v[MIX_SEQPACKET].sock = calls_open("abstract-seqpacket-listen:plug-calls-mix");
    v[MIX_EXEC].sock = calls_open("exec:cat");
    v[MIX_PIPE].sock = must_connect("pipe", fifo);
    v[MIX_FRAMED].sock = calls_open("line+exec:cat");
    for (unsigned i = 0; i < MIX_ALL; i++)
        v[i].want = PLUG_IN;
    calls_expect("nothing yet", plug_select(v, MIX_ALL, plug_now() + 20 * PLUG_MS), 0);

    (void)snprintf(to, sizeof to, "sendto=%s@x", calls_where(v[MIX_UDP].sock));
    peer_start(&p, "socket=udp", to, "close", (char *)NULL);
    expect_only(v, MIX_UDP);
    calls_expect("recv", plug_recv(v[MIX_UDP].sock, buf, sizeof buf, 0, 0), 1);
    peer_end(&p);

    calls_send(v[MIX_EXEC].sock, "y");
    expect_only(v, MIX_EXEC);
    calls_recv(v[MIX_EXEC].sock, "y");
    calls_send(v[MIX_FRAMED].sock, "z");
    expect_only(v, MIX_FRAMED);
    calls_recv(v[MIX_FRAMED].sock, "z");

    (void)snprintf(to, sizeof to, "write=%s", fifo);
    peer_start(&p, to, "send=w", "close", (char *)NULL);
    expect_only(v, MIX_PIPE);
    calls_recv(v[MIX_PIPE].sock, "w");
    peer_end(&p);

    (void)snprintf(to, sizeof to, "connect=%s", calls_where(v[MIX_TCP].sock));
    peer_start(&p, "socket=tcp", to, "wait", "close", (char *)NULL);
    expect_only(v, MIX_TCP);
    calls_expect("accept", plug_accept(v[MIX_TCP].sock, &c, 0), 0);
    peer_go(&p);
    peer_end(&p);
    plug_close(c);
    for (unsigned i = 0; i < MIX_ALL; i++)
        plug_close(v[i].sock);
    (void)unlink(fifo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others__pipe_is_read_and_written),
        cmocka_unit_test(test_others__a_fifo_ends_with_its_writer),
        cmocka_unit_test(test_others__exec_is_a_peer),
        cmocka_unit_test(test_others__exec_tells_a_bad_end),
        cmocka_unit_test(test_others__file_is_shared_with_a_peer),
        cmocka_unit_test(test_others__pair_has_two_ends),
        cmocka_unit_test(test_others__select_takes_all_kinds_at_once),
    };
    return cmocka_run_group_tests(tests, calls_folder, calls_folder_drop);
}

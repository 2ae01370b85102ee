/* SPDX-License-Identifier: MIT
 *
 * plug_fd: endpoints as ordinary descriptors, in the hands of poll(2), read(2), write(2) and a
 * shell. The peer makes BSD calls and does not notice.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern char **environ;

/* An endpoint that is connected to the peer, which makes these calls after accept. */
static struct plug_sock *to_peer(struct peer *p, const char *layers, const char *options,
                                 const char *one, const char *two)
{
    char address[200];
    struct plug_sock *s;
    peer_start(p, "socket=tcp", "bind=127.0.0.1:0", "listen", "sockopt=get", "accept", one, two,
               (char *)NULL);
    (void)snprintf(address, sizeof address, "%stcp://%s%s", layers, peer_hear(p, "bind"), options);
    (void)peer_hear(p, "getsockopt");
    s = calls_open(address);
    (void)peer_hear(p, "accept");
    return s;
}

static void await(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    assert_int_equal(poll(&p, 1, (int)(CALLS_PATIENCE / PLUG_MS)), 1);
    assert_true(p.revents & events);
}

/* Until the thread has let go: every other call then works again. */
static int settled(struct plug_sock *s)
{
    const plug_time end = soon();
    int r;
    while ((r = plug_state(s)) == PLUG_EBUSY && plug_now() < end)
        (void)usleep(1000);
    return r;
}

static void test_fd__bare_is_the_kernel_object(void **state)
{
    struct peer p;
    struct plug_sock *s = to_peer(&p, "", "", "recv", "send=answer");
    char buf[16];
    int fd = plug_fd(s), again = plug_fd(s);
    (void)state;
    assert_true(fd >= 0 && again >= 0 && fd != again);
    close(again);
    assert_int_equal(write(fd, "hello", 5), 5);
    assert_string_equal(peer_hear(&p, "recv"), "5 hello");
    (void)peer_hear(&p, "send");
    await(fd, POLLIN);
    calls_recv(s, "answer"); /* the endpoint can be used as before */
    plug_close(s);
    await(fd, POLLIN); /* the connection lives on in the descriptor; the peer has closed */
    assert_int_equal(read(fd, buf, sizeof buf), 0);
    close(fd);
    peer_end(&p);
}

static void test_fd__of_a_stack_is_polled_and_read(void **state)
{
    struct peer p;
    struct plug_sock *s = to_peer(&p, "netstring+", "", "recv", "send=6:answer,");
    char buf[16];
    int fd = plug_fd(s), type = 0;
    socklen_t len = sizeof type;
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
    assert_int_equal(type, SOCK_SEQPACKET);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    await(fd, POLLOUT);
    assert_int_equal(write(fd, "hello", 5), 5);
    assert_string_equal(peer_hear(&p, "recv"), "8 5:hello,");
    (void)peer_hear(&p, "send");
    await(fd, POLLIN);
    assert_int_equal(read(fd, buf, sizeof buf), 6);
    assert_memory_equal(buf, "answer", 6);
    assert_int_equal(read(fd, buf, sizeof buf), 0); /* the peer's end */
    close(fd);
    calls_expect("afterwards", settled(s), 0);
    peer_end(&p);
    plug_close(s);
}

static void test_fd__is_a_shells_standard_input(void **state)
{
    const char *script = "send=word=it\r\necho got $word\r\nexit 7\r\n";
    char *argv[] = {(char *)(uintptr_t) "sh", NULL};
    posix_spawn_file_actions_t actions;
    struct peer p;
    struct plug_sock *s = to_peer(&p, "", "#crnl", script, "close");
    int fd = plug_fd(s), out[2], status = 0;
    char buf[32] = "";
    pid_t pid;
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fd, 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], 1), 0);
    assert_int_equal(posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_true(read(out[0], buf, sizeof buf - 1) > 0);
    assert_string_equal(buf, "got it\n");
    close(out[0]);
    peer_end(&p);
    plug_close(s);
}

static void test_fd__other_calls_are_busy_meanwhile(void **state)
{
    struct peer p;
    struct plug_sock *s = to_peer(&p, "", "#crnl", "wait", "close"), *c;
    struct plug_selection sel = {.sock = s, .want = PLUG_IN};
    struct plug_err err;
    char buf[8];
    size_t len = sizeof buf;
    int fd = plug_fd(s);
    (void)state;
    assert_true(fd >= 0);
    calls_expect("fd", plug_fd(s), PLUG_EBUSY);
    calls_expect("bind", plug_bind(s, "x"), PLUG_EBUSY);
    calls_expect("listen", plug_listen(s, 0), PLUG_EBUSY);
    calls_expect("accept", plug_accept(s, &c, 0), PLUG_EBUSY);
    calls_expect("connect", plug_connect(s, "x", 0), PLUG_EBUSY);
    calls_expect("send", plug_send(s, "x", 1, 0, 0), PLUG_EBUSY);
    calls_expect("recv", plug_recv(s, buf, 1, 0, 0), PLUG_EBUSY);
    calls_expect("select", plug_select(&sel, 1, 0), PLUG_EBUSY);
    calls_expect("shutdown", plug_shutdown(s, PLUG_SHUT_WR, 0), PLUG_EBUSY);
    calls_expect("getsockopt", plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, buf, &len),
                 PLUG_EBUSY);
    calls_expect("setsockopt", plug_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, buf, 4), PLUG_EBUSY);
    calls_expect("state", plug_state(s), PLUG_EBUSY);
    calls_expect("error", plug_error(s, &err), PLUG_EBUSY);
    calls_expect("error", err.code, PLUG_EBUSY);
    peer_go(&p);
    (void)peer_hear(&p, "wait");
    assert_int_equal(read(fd, buf, 1), 0);
    close(fd);
    calls_expect("then", settled(s), 0);
    calls_expect("error", plug_error(s, &err), 0);
    calls_expect("fd again", plug_fd(s), PLUG_EBUSY);
    peer_end(&p);
    plug_close(s);
}

static void test_fd__close_ends_it_at_once(void **state)
{
    struct peer p;
    struct plug_sock *s = to_peer(&p, "", "#crnl", "recv", "close");
    int fd = plug_fd(s);
    char c;
    (void)state;
    assert_true(fd >= 0);
    plug_close(s);
    await(fd, POLLIN);
    assert_int_equal(read(fd, &c, 1), 0);
    assert_string_equal(peer_hear(&p, "recv"), "0 ");
    close(fd);
    peer_end(&p);
}

static void test_fd__a_half_close_passes(void **state)
{
    struct peer p;
    struct plug_sock *s = to_peer(&p, "", "#crnl", "recv", "send=late\r\n");
    char buf[16];
    int fd = plug_fd(s);
    (void)state;
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_string_equal(peer_hear(&p, "recv"), "0 ");
    await(fd, POLLIN);
    assert_int_equal(read(fd, buf, sizeof buf), 5);
    assert_memory_equal(buf, "late\n", 5);
    close(fd);
    calls_expect("then", settled(s), 0);
    peer_end(&p);
    plug_close(s);
}

static void test_fd__a_failure_is_told_afterwards(void **state)
{
    struct plug_sock *s, *l = calls_open("tcp-listen://127.0.0.1:0"), *c;
    struct plug_err err;
    char address[200], b;
    int fd;
    (void)state;
    (void)snprintf(address, sizeof address, "len32+tcp://%s", calls_where(l));
    s = calls_open(address);
    calls_expect("accept", plug_accept(l, &c, soon()), 0);
    fd = plug_fd(s);
    assert_true(fd >= 0);
    calls_send(c, "abc"); /* an end inside a record */
    plug_close(c);
    await(fd, POLLIN);
    assert_int_equal(read(fd, &b, 1), 0);
    assert_true(settled(s) < 0);
    assert_true(plug_error(s, &err) < 0);
    assert_true(err.text[0] != 0);
    close(fd);
    plug_close(s);
    plug_close(l);
}

static void echo_all(struct plug_loop *loop, int fd)
{
    enum { BIG = 3 << 20 };
    unsigned char *out = malloc(BIG), *in = malloc(BIG);
    size_t sent = 0, got = 0;
    const plug_time end = soon();
    assert_non_null(out);
    assert_non_null(in);
    for (size_t i = 0; i < BIG; i++)
        out[i] = (unsigned char)(i * 7 + i / 253);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (got < BIG && plug_now() < end) {
        struct pollfd p = {.fd = fd, .events = (short)(sent < BIG ? POLLIN | POLLOUT : POLLIN)};
        ssize_t n;
        assert_true(poll(&p, 1, loop ? 0 : 1000) >= 0);
        n = sent < BIG ? write(fd, out + sent, BIG - sent) : 0;
        sent += n > 0 ? (size_t)n : 0;
        n = read(fd, in + got, BIG - got);
        got += n > 0 ? (size_t)n : 0;
        if (loop)
            assert_true(plug_loop_turn(loop, plug_now() + PLUG_MS) >= 0);
    }
    assert_int_equal(got, BIG);
    assert_memory_equal(in, out, BIG);
    free(out);
    free(in);
}

static void test_fd__carries_much_both_ways(void **state)
{
    struct plug_sock *s = calls_open("echo:");
    int fd = plug_fd(s);
    (void)state;
    assert_true(fd >= 0);
    echo_all(NULL, fd);
    close(fd);
    plug_close(s);
}

static void test_fd__a_shared_loop_serves_it(void **state)
{
    struct plug_loop *loop;
    struct plug_sock *s;
    struct plug_err err;
    char b;
    int fd;
    (void)state;
    assert_int_equal(plug_loop_new(&loop, NULL, &err), 0);
    assert_int_equal(plug_open_on(&s, loop, "echo:", &err), 0);
    assert_true(plug_loop_turn(loop, 0) >= 0);
    fd = plug_fd(s);
    assert_true(fd >= 0);
    calls_expect("send", plug_send(s, "x", 1, 0, 0), PLUG_EBUSY);
    echo_all(loop, fd);
    plug_close(s);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    assert_int_equal(read(fd, &b, 1), 0);
    close(fd);
    plug_loop_free(loop);
}

static void test_fd__of_the_other_kinds(void **state)
{
    const char *path = calls_path("file");
    char address[200], buf[8];
    struct plug_sock *s;
    int fd;
    (void)state;
    (void)snprintf(address, sizeof address, "create:%s", path);
    s = calls_open(address);
    fd = plug_fd(s);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "filed", 5), 5);
    close(fd);
    calls_expect("create", settled(s), 0);
    plug_close(s);
    (void)snprintf(address, sizeof address, "file:%s", path);
    s = calls_open(address);
    fd = plug_fd(s);
    assert_int_equal(read(fd, buf, sizeof buf), 5);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0); /* the file itself */
    close(fd);
    plug_close(s);
    assert_int_equal(unlink(path), 0);
    s = calls_open("exec:cat");
    fd = plug_fd(s);
    assert_int_equal(write(fd, "meow", 4), 4);
    await(fd, POLLIN);
    assert_int_equal(read(fd, buf, sizeof buf), 4);
    close(fd);
    plug_close(s);
}

static void test_fd__refusals(void **state)
{
    struct plug_sock *l = calls_open("udp-listen://127.0.0.1:0"), *c, *s;
    struct plug_err err;
    struct peer p;
    char to[160];
    (void)state;
    calls_expect("nothing", plug_fd(NULL), PLUG_EINVAL);
    calls_expect("a listener", plug_fd(l), PLUG_EINVAL);
    calls_expect("socket", plug_socket(&s, NULL, "tcp", &err), 0);
    calls_expect("not connected", plug_fd(s), PLUG_ENOTCONN);
    plug_close(s);
    (void)snprintf(to, sizeof to, "connect=%s", calls_where(l));
    peer_start(&p, "socket=udp", to, "send=x", "close", (char *)NULL);
    calls_expect("accept", plug_accept(l, &c, soon()), 0);
    calls_expect("a session of a udp listener", plug_fd(c), PLUG_ENOTSUP);
    calls_recv(c, "x");
    (void)peer_hear(&p, "connect");
    (void)peer_hear(&p, "send");
    peer_end(&p);
    plug_close(c);
    plug_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fd__bare_is_the_kernel_object),
        cmocka_unit_test(test_fd__of_a_stack_is_polled_and_read),
        cmocka_unit_test(test_fd__is_a_shells_standard_input),
        cmocka_unit_test(test_fd__other_calls_are_busy_meanwhile),
        cmocka_unit_test(test_fd__close_ends_it_at_once),
        cmocka_unit_test(test_fd__a_half_close_passes),
        cmocka_unit_test(test_fd__a_failure_is_told_afterwards),
        cmocka_unit_test(test_fd__carries_much_both_ways),
        cmocka_unit_test(test_fd__a_shared_loop_serves_it),
        cmocka_unit_test(test_fd__of_the_other_kinds),
        cmocka_unit_test(test_fd__refusals),
    };
    return cmocka_run_group_tests(tests, calls_folder, calls_folder_drop);
}

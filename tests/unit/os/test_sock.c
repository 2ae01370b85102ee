/* SPDX-License-Identifier: MIT
 *
 * Sockets: birth, connection, end and options.
 * Messages are test_msg.c's.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void sock_check_birth(plug_handle h)
{
    assert_true(fcntl((int)h, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl((int)h, F_GETFL) & O_NONBLOCK);
}

static void test_sock__all_are_nonblocking_and_not_inherited(void **state)
{
    (void)state;
    plug_handle h[2], p[2];
    pair_tcp(h);
    assert_int_equal(plug__os_socketpair(p, SOCK_STREAM, NULL), 0);
    for (int i = 0; i < 2; i++) {
        sock_check_birth(h[i]);
        sock_check_birth(p[i]);
    }
    pair_close(h);
    pair_close(p);
}

static void test_sock__names_of_both_ends_agree(void **state)
{
    (void)state;
    plug_handle h[2];
    struct plug_addr a, b;
    char x[64], y[64];
    pair_tcp(h);
    assert_int_equal(plug__os_sockname(h[0], &a, NULL), 0);
    assert_int_equal(plug__os_peername(h[1], &b, NULL), 0);
    assert_true(plug__os_addr_text(&a, x, sizeof x) > 0);
    assert_true(plug__os_addr_text(&b, y, sizeof y) > 0);
    assert_string_equal(x, y);
    pair_close(h);
}

static void test_sock__accept_without_a_connection(void **state)
{
    (void)state;
    struct plug_addr a;
    plug_handle l = pair_bound(AF_INET, SOCK_STREAM, &a), got = 77;
    assert_int_equal(plug__os_listening(l), 0);
    assert_int_equal(plug__os_listen(l, 1, NULL), 0);
    assert_int_equal(plug__os_listening(l), 1);
    assert_int_equal(plug__os_accept(l, &got, NULL, NULL), PLUG_EAGAIN);
    assert_int_equal(got, 77);
    plug__os_close(l);
}

static void test_sock__accept_gives_the_peer(void **state)
{
    (void)state;
    struct plug_addr a, peer, own;
    plug_handle l = pair_bound(AF_INET6, SOCK_STREAM, &a), c, got;
    assert_int_equal(plug__os_listen(l, 1, NULL), 0);
    assert_int_equal(plug__os_socket(&c, AF_INET6, SOCK_STREAM, 0, NULL), 0);
    (void)plug__os_connect(c, &a, NULL);
    pair_wait(l, PLUG_IN);
    assert_int_equal(plug__os_accept(l, &got, &peer, NULL), 0);
    assert_int_equal(plug__os_sockname(c, &own, NULL), 0);
    assert_int_equal(plug__os_addr_port(&peer), plug__os_addr_port(&own));
    assert_int_equal(peer.family, AF_INET6);
    plug__os_close(got);
    plug__os_close(c);
    plug__os_close(l);
}

static void test_sock__refused_is_told_by_sockerr(void **state)
{
    (void)state;
    struct plug_addr a;
    int os = 0;
    plug_handle h = pair_bound(AF_INET, SOCK_STREAM, &a), c; /* bound, but it does not listen */
    assert_int_equal(plug__os_socket(&c, AF_INET, SOCK_STREAM, 0, NULL), 0);
    int rc = plug__os_connect(c, &a, &os);
    if (rc == PLUG_EINPROGRESS) {
        pair_wait(c, PLUG_OUT);
        rc = plug__os_sockerr(c, &os);
    }
    assert_int_equal(rc, PLUG_ECONNREFUSED);
    assert_int_equal(os, ECONNREFUSED);
    assert_int_equal(plug__os_sockerr(c, NULL), 0); /* told once */
    plug__os_close(c);
    plug__os_close(h);
}

static void test_sock__reset_reaches_the_peer(void **state)
{
    (void)state;
    plug_handle h[2];
    char buf[8];
    pair_tcp(h);
    assert_int_equal(plug__os_reset(h[0]), 0);
    plug__os_close(h[0]);
    pair_wait(h[1], PLUG_IN);
    assert_int_equal(pair_recv(h[1], buf, sizeof buf, 1, NULL), PLUG_ECONNRESET);
    plug__os_close(h[1]);
}

static void test_sock__linger_can_be_taken_back(void **state)
{
    (void)state;
    plug_handle h[2];
    struct linger l = {.l_onoff = 9};
    size_t len = sizeof l;
    pair_tcp(h);
    assert_int_equal(plug__os_linger(h[0], 7, NULL), 0);
    assert_int_equal(plug__os_getsockopt(h[0], SOL_SOCKET, SO_LINGER, &l, &len, NULL), 0);
    assert_int_equal(l.l_linger, 7);
    assert_int_equal(plug__os_linger(h[0], -1, NULL), 0);
    assert_int_equal(plug__os_getsockopt(h[0], SOL_SOCKET, SO_LINGER, &l, &len, NULL), 0);
    assert_int_equal(l.l_onoff, 0);
    pair_close(h);
}

static void test_sock__write_after_the_reader_left(void **state)
{
    (void)state;
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, SOCK_STREAM, NULL), 0);
    plug__os_close(h[1]);
    assert_int_equal(pair_send(h[0], "x"), PLUG_EPIPE); /* and no SIGPIPE ended the test */
    plug__os_close(h[0]);
}

static void test_sock__shutdown_checks_how(void **state)
{
    (void)state;
    plug_handle h[2];
    pair_tcp(h);
    assert_int_equal(plug__os_shutdown(h[0], PLUG_SHUT_RESET, NULL), PLUG_EINVAL);
    assert_int_equal(plug__os_shutdown(h[0], PLUG_SHUT_RDWR, NULL), 0);
    pair_close(h);
}

static void test_sock__unread_and_unsent_count_bytes(void **state)
{
    (void)state;
    plug_handle h[2];
    pair_tcp(h);
    assert_int_equal(pair_send(h[0], "hello"), 5);
    pair_wait(h[1], PLUG_IN);
    assert_int_equal(plug__os_unread(h[1]), 5);
    assert_int_equal(plug__os_unsent(h[1]), 0);
    assert_int_equal(plug__os_unsent(PLUG_NO_HANDLE), -1);
    pair_close(h);
}

/* What a peer with a closed window has not taken is known to the byte. */
static void test_sock__unsent_of_a_peer_that_does_not_read(void **state)
{
    (void)state;
    static char block[64 * 1024];
    struct plug_iov v = {block, sizeof block};
    struct plug_msg m = {.iov = &v, .niov = 1};
    plug_handle h[2];
    int64_t sent = 0;
    pair_tcp(h);
    while (plug__os_send(h[0], &m, 1, 0, NULL) == 1)
        sent += (int64_t)m.len;
    int64_t waits = plug__os_unsent(h[0]);
    assert_true(waits > 0);
    assert_true(waits <= sent);
    pair_close(h);
}

static void test_sock__unsent_of_a_unix_socket_is_unknown(void **state)
{
    (void)state;
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, SOCK_STREAM, NULL), 0);
    assert_int_equal(plug__os_unsent(h[0]), 0);
    assert_int_equal(pair_send(h[0], "x"), 1);
    assert_int_equal(plug__os_unsent(h[0]), -1);
    pair_close(h);
}

static void test_sock__disconnect_frees_a_udp_socket(void **state)
{
    (void)state;
    struct plug_addr a, peer;
    plug_handle h = pair_bound(AF_INET, SOCK_DGRAM, &a), c;
    assert_int_equal(plug__os_socket(&c, AF_INET, SOCK_DGRAM, 0, NULL), 0);
    assert_int_equal(plug__os_connect(c, &a, NULL), 0);
    assert_int_equal(plug__os_peername(c, &peer, NULL), 0);
    assert_int_equal(plug__os_disconnect(c, NULL), 0);
    assert_int_equal(plug__os_peername(c, &peer, NULL), PLUG_ENOTCONN);
    plug__os_close(c);
    plug__os_close(h);
}

static void test_sock__options_round_trip(void **state)
{
    (void)state;
    plug_handle h[2];
    int v = 1;
    size_t len = sizeof v;
    pair_tcp(h);
    assert_int_equal(plug__os_setsockopt(h[0], IPPROTO_TCP, TCP_NODELAY, &v, sizeof v, NULL), 0);
    v = 0;
    assert_int_equal(plug__os_getsockopt(h[0], IPPROTO_TCP, TCP_NODELAY, &v, &len, NULL), 0);
    assert_int_equal(v, 1);
    assert_int_equal(len, sizeof v);
    assert_int_equal(plug__os_setsockopt(h[0], IPPROTO_TCP, 4711, &v, sizeof v, NULL),
                     PLUG_ENOTSUP);
    pair_close(h);
}

static void test_sock__wrong_family(void **state)
{
    (void)state;
    plug_handle h;
    int os = 0;
    assert_int_equal(plug__os_socket(&h, 999, SOCK_STREAM, 0, &os), PLUG_EAFNOSUPPORT);
    assert_int_equal(os, EAFNOSUPPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sock__all_are_nonblocking_and_not_inherited),
        cmocka_unit_test(test_sock__names_of_both_ends_agree),
        cmocka_unit_test(test_sock__accept_without_a_connection),
        cmocka_unit_test(test_sock__accept_gives_the_peer),
        cmocka_unit_test(test_sock__refused_is_told_by_sockerr),
        cmocka_unit_test(test_sock__reset_reaches_the_peer),
        cmocka_unit_test(test_sock__linger_can_be_taken_back),
        cmocka_unit_test(test_sock__write_after_the_reader_left),
        cmocka_unit_test(test_sock__shutdown_checks_how),
        cmocka_unit_test(test_sock__unread_and_unsent_count_bytes),
        cmocka_unit_test(test_sock__unsent_of_a_peer_that_does_not_read),
        cmocka_unit_test(test_sock__unsent_of_a_unix_socket_is_unknown),
        cmocka_unit_test(test_sock__disconnect_frees_a_udp_socket),
        cmocka_unit_test(test_sock__options_round_trip),
        cmocka_unit_test(test_sock__wrong_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Memory runs out at each allocation in turn: every open says so and leaves nothing behind (the
 * sanitizer and the descriptors tell), and a listener that could not accept can later.
 */
#include "../torture.h"
#include "rig.h"

/* Opens once with every n-th allocation failing, until none does. */
static void open_torn(struct plug_loop *loop, const char *address)
{
    for (unsigned n = 0; n < 500; n++) {
        plug_handle next = rig_next_handle();
        struct plug_sock *s = NULL;
        struct torture t;
        int r;
        torture_start(&t, n);
        r = rig_try(loop, address, &s);
        torture_stop();
        if (r < 0 && r != PLUG_ENOMEM)
            fail_msg("%s, allocation %u: %s", address, n, plug_strerror(r));
        assert_true(r < 0 || s != NULL);
        plug_close(s);
        if (loop)
            plug_loop_turn(loop, 0);
        assert_int_equal(rig_next_handle(), next);
        if (!t.hit)
            return;
    }
    fail_msg("%s never opens", address);
}

static void test_memory__listeners_fail_cleanly(void **state)
{
    open_torn(*state, "tcp-listen://:0");
    open_torn(*state, "tcp-listen://*:0#fastopen,backlog=5");
    open_torn(*state, "udp-listen://:0");
    open_torn(*state, "abstract-listen:plug-test-memory");
    open_torn(*state, "abstract-dgram-listen:plug-test-memory");
}

/* Peers outside the loop, so that what they open is not counted. */
static void test_memory__clients_fail_cleanly(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_addr name;
    plug_handle tcp, udp, local;
    char text[64];
    (void)snprintf(text, sizeof(text), "tcp://localhost:%u#pf=ip4",
                   rig_closed_port(SOCK_STREAM, &tcp));
    assert_true(plug__os_listen(tcp, 500, NULL) >= 0);
    open_torn(loop, text);
    (void)snprintf(text, sizeof(text), "udp://localhost:%u#pf=ip4",
                   rig_closed_port(SOCK_DGRAM, &udp));
    open_torn(loop, text);
    assert_true(plug__os_socket(&local, AF_UNIX, SOCK_DGRAM, 0, NULL) >= 0);
    assert_true(plug__os_addr_unix(&name, "plug-test-memory2", 1, 1) >= 0);
    assert_true(plug__os_bind(local, &name, NULL) >= 0);
    open_torn(loop, "abstract-dgram:plug-test-memory2");
    open_torn(loop, "abstract-dgram:plug-test-memory2,bind-tempname");
    plug__os_close(tcp);
    plug__os_close(udp);
    plug__os_close(local);
}

/* The connection stays in the kernel's queue (or is lost, as a datagram may be) and the next try
 * finds it or another. */
static void accepts_again(struct plug_loop *loop, const char *listen, const char *scheme)
{
    struct plug_sock *l = rig_open(loop, listen);
    for (unsigned n = 0; n < 20; n++) {
        struct plug_sock *c, *s = NULL;
        struct torture t;
        char text[64], buf[8];
        plug_time until = rig_until();
        (void)snprintf(text, sizeof(text), "%s://127.0.0.1:%u", scheme, rig_port(l));
        c = rig_open(loop, text);
        torture_start(&t, n);
        (void)plug_send(c, "x", 1, 0, 0);
        for (int i = 0; i < 3 && !s; i++) {
            plug_loop_turn(loop, plug_now());
            (void)plug_accept(l, &s, 0);
        }
        torture_stop();
        while (!s && plug_now() < until) {
            (void)plug_send(c, "x", 1, 0, 0);
            plug_loop_turn(loop, plug_now() + 10 * PLUG_MS);
            (void)plug_accept(l, &s, 0);
        }
        assert_non_null(s);
        assert_true(rig_recv(loop, s, buf, sizeof(buf)) >= 1);
        rig_says(loop, s, c, "back");
        plug_close(s);
        plug_close(c);
    }
    plug_close(l);
}

static void test_memory__listeners_recover(void **state)
{
    accepts_again(*state, "tcp-listen://127.0.0.1:0", "tcp");
    accepts_again(*state, "udp-listen://127.0.0.1:0", "udp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_memory__listeners_fail_cleanly),
        RIG(test_memory__clients_fail_cleanly),
        RIG_ON(test_memory__listeners_recover, "epoll", " (epoll)"),
        RIG_ON(test_memory__listeners_recover, "poll", " (poll)"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Connections that are accepted and then cannot be used: each fails by itself, nothing of it stays
 * open, and the listener goes on.
 */
#include "rig.h"

#include "core/listener.h"

/* Turns until so many children have failed. */
static void wait_failed(struct plug_loop *loop, struct plug_sock *l, uint64_t n)
{
    plug_time until = rig_until();
    struct plug_sock *child;
    while (l->listener->stats.failed < n && plug_state(l) == 0 && plug_now() < until) {
        if (loop)
            plug_loop_turn(loop, plug_now() + 50 * PLUG_MS);
        else
            assert_int_equal(plug_accept(l, &child, plug_now() + 50 * PLUG_MS), PLUG_ETIMEDOUT);
    }
    assert_int_equal(plug_state(l), 0);
    assert_int_equal(l->listener->stats.failed, n);
}

/* The peer sees its connection end; the test's own socket, so that nothing else is counted. */
static void wait_hung_up(plug_handle h)
{
    struct plug__pollfd fd = {.handle = h, .want = PLUG_IN};
    assert_int_equal(plug__os_poll(&fd, 1, RIG_WAIT, NULL), 1);
}

static void refuse_options(struct plug_loop *loop, const char *address)
{
    struct plug_sock *l = rig_open(loop, address);
    struct plug_addr at = rig_addr(l, PLUG_SO_NAME);
    plug_handle h;
    (void)rig_next_handle();
    for (uint64_t i = 1; i <= 3; i++) {
        int r;
        assert_true(plug__os_socket(&h, at.family, SOCK_STREAM, 0, NULL) >= 0);
        r = plug__os_connect(h, &at, NULL);
        assert_true(r >= 0 || r == PLUG_EINPROGRESS);
        wait_failed(loop, l, i);
        wait_hung_up(h);
        plug__os_close(h);
    }
    plug_close(l);
}

/* No such option exists; the kernel says so only when there is a connection. */
static void test_accept__an_option_that_fails_costs_one_connection(void **state)
{
    plug_handle before = rig_next_handle();
    refuse_options(*state, "tcp-listen://127.0.0.1:0#setsockopt-connected=1:9999:1");
    refuse_options(*state, "abstract-listen:plug-test-accept,fork,setsockopt-connected=1:9999:1");
    assert_int_equal(rig_next_handle(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_accept__an_option_that_fails_costs_one_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

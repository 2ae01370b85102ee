/* SPDX-License-Identifier: MIT
 *
 * Waiting for handles, and waking a waiter.
 */
#include "pair.h"

#include "util/alloc.h"

static void test_poll__in_and_out(void **state)
{
    (void)state;
    plug_handle h[2];
    pair_tcp(h);
    assert_int_equal(pair_send(h[0], "x"), 1);
    pair_wait(h[1], PLUG_IN);
    assert_int_equal(pair_wait(h[1], PLUG_IN | PLUG_OUT), PLUG_IN | PLUG_OUT);
    assert_int_equal(pair_wait(h[0], PLUG_IN | PLUG_OUT), PLUG_OUT);
    pair_close(h);
}

static void test_poll__hup_is_told_when_the_peer_ends(void **state)
{
    (void)state;
    plug_handle h[2];
    pair_tcp(h);
    assert_int_equal(plug__os_shutdown(h[0], PLUG_SHUT_WR, NULL), 0);
    assert_int_equal(pair_wait(h[1], PLUG_IN | PLUG__HUP), PLUG_IN | PLUG__HUP);
    pair_close(h);
}

static void test_poll__a_row_that_wants_nothing_is_left_out(void **state)
{
    (void)state;
    plug_handle h[2];
    assert_int_equal(plug__os_pipe(h, 1, NULL), 0);
    plug__os_close(h[1]); /* POLLHUP from now on, which no mask keeps away */
    struct plug__pollfd p = {.handle = h[0], .want = 0, .got = 99};
    assert_int_equal(plug__os_poll(&p, 1, 0, NULL), 0);
    assert_int_equal(p.got, 0);
    p.want = PLUG_IN;
    assert_int_equal(plug__os_poll(&p, 1, 0, NULL), 1);
    plug__os_close(h[0]);
}

static void test_poll__more_rows_than_the_stack_holds(void **state)
{
    (void)state;
    struct plug__pollfd p[200] = {{0}};
    plug_handle h[2];
    pair_tcp(h);
    for (size_t i = 0; i < 200; i++)
        p[i].handle = PLUG_NO_HANDLE;
    p[199] = (struct plug__pollfd){.handle = h[0], .want = PLUG_OUT};
    assert_int_equal(plug__os_poll(p, 200, -1, NULL), 1);
    assert_int_equal(p[199].got, PLUG_OUT);
    assert_int_equal(p[0].got, 0);
    pair_close(h);
}

static int poll_deny(void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return 1;
}

static void test_poll__no_memory_for_many_rows(void **state)
{
    (void)state;
    struct plug__pollfd p[200] = {{0}};
    plug__alloc_hook(poll_deny, NULL);
    int rc = plug__os_poll(p, 200, 0, NULL);
    plug__alloc_hook(NULL, NULL);
    assert_int_equal(rc, PLUG_ENOMEM);
}

static void test_wake__signals_join_and_drain_ends_them(void **state)
{
    (void)state;
    plug_handle h[2];
    assert_int_equal(plug__os_wake_open(h, NULL), 0);
    struct plug__pollfd p = {.handle = h[0], .want = PLUG_IN};
    assert_int_equal(plug__os_poll(&p, 1, 0, NULL), 0);
    plug__os_wake_signal(h);
    plug__os_wake_signal(h);
    assert_int_equal(pair_wait(h[0], PLUG_IN), PLUG_IN);
    plug__os_wake_drain(h);
    assert_int_equal(plug__os_poll(&p, 1, 0, NULL), 0);
    plug__os_wake_close(h);
    assert_int_equal(h[0], PLUG_NO_HANDLE);
}

static void wake_later(void *arg)
{
    plug__os_wake_signal(arg);
}

static void test_wake__from_another_thread(void **state)
{
    (void)state;
    static plug_handle h[2];
    assert_int_equal(plug__os_wake_open(h, NULL), 0);
    assert_int_equal(plug__thread_start(wake_later, h, NULL), 0);
    assert_int_equal(pair_wait(h[0], PLUG_IN), PLUG_IN);
    plug__os_wake_drain(h); /* the thread is done with h: its write came before this read */
    plug__os_wake_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poll__in_and_out),
        cmocka_unit_test(test_poll__hup_is_told_when_the_peer_ends),
        cmocka_unit_test(test_poll__a_row_that_wants_nothing_is_left_out),
        cmocka_unit_test(test_poll__more_rows_than_the_stack_holds),
        cmocka_unit_test(test_poll__no_memory_for_many_rows),
        cmocka_unit_test(test_wake__signals_join_and_drain_ends_them),
        cmocka_unit_test(test_wake__from_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

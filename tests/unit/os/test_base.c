/* SPDX-License-Identifier: MIT
 *
 * Clocks, randomness and codes of the system.
 * Texts are the system's own: only their presence is tested.
 */
#include "pair.h"

#include <errno.h>

static void test_base__time_goes_on(void **state)
{
    (void)state;
    plug_time a = plug__os_now();
    struct plug__pollfd none = {.handle = PLUG_NO_HANDLE};
    assert_int_equal(plug__os_poll(&none, 1, 2 * PLUG_MS, NULL), 0);
    assert_true(plug__os_now() - a >= 2 * PLUG_MS);
}

static void test_base__walltime_is_after_2020(void **state)
{
    (void)state;
    assert_true(plug__os_walltime() > 1577836800 * PLUG_SECOND);
}

static void test_base__random_fills_more_than_one_request(void **state)
{
    (void)state;
    unsigned char a[600] = {0}, b[600] = {0};
    assert_int_equal(plug__os_random(a, sizeof a), 0);
    assert_int_equal(plug__os_random(b, sizeof b), 0);
    assert_memory_not_equal(a, b, 256);
    assert_memory_not_equal(a + 344, b + 344, 256);
}

static void test_base__both_descriptor_limits_are_one_code(void **state)
{
    (void)state;
    assert_int_equal(plug__os_code(EMFILE), PLUG_EMFILE);
    assert_int_equal(plug__os_code(ENFILE), PLUG_EMFILE);
}

static void test_base__codes_of_a_lost_peer(void **state)
{
    (void)state;
    assert_int_equal(plug__os_code(ECONNRESET), PLUG_ECONNRESET);
    assert_int_equal(plug__os_code(EPIPE), PLUG_EPIPE);
    assert_int_equal(plug__os_code(ETIMEDOUT), PLUG_ETIMEDOUT);
}

static void test_base__unknown_number_is_eother(void **state)
{
    (void)state;
    assert_int_equal(plug__os_code(0), 0);
    assert_int_equal(plug__os_code(99999), PLUG_EOTHER);
}

static void test_base__text_is_the_systems(void **state)
{
    (void)state;
    char buf[128];
    assert_string_equal(plug__os_text(ECONNREFUSED, buf, sizeof buf), "Connection refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base__time_goes_on),
        cmocka_unit_test(test_base__walltime_is_after_2020),
        cmocka_unit_test(test_base__random_fills_more_than_one_request),
        cmocka_unit_test(test_base__both_descriptor_limits_are_one_code),
        cmocka_unit_test(test_base__codes_of_a_lost_peer),
        cmocka_unit_test(test_base__unknown_number_is_eother),
        cmocka_unit_test(test_base__text_is_the_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The exit codes, as DESIGN's table says them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/relay.h"
#include "util/attr.h"

static void test_exit__table(void **state)
{
    static const int want[][2] = {
        {0, 0},
        {1, 0},
        {PLUG_EUSAGE, 2},
        {PLUG_ENOHOST, 3},
        {PLUG_EDNS, 3},
        {PLUG_ECONNREFUSED, 4},
        {PLUG_EHOSTUNREACH, 4},
        {PLUG_ENETUNREACH, 4},
        {PLUG_ETIMEDOUT, 5},
        {PLUG_ECERT, 6},
        {PLUG_EACCES, 7},
        {PLUG_EPERM, 7},
        {PLUG_ECONNRESET, 8},
        {PLUG_EPIPE, 8},
        {PLUG_ENOSPC, 8},
        {PLUG_ECHILD, 9},
        {PLUG_ENOMEM, 1},
        {PLUG_EADDRINUSE, 1},
        {PLUG_ENOENT, 1},
        {-1000, 1},
    };
    (void)state;
    for (unsigned i = 0; i < PLUG__COUNT(want); i++)
        assert_int_equal(plug__exit_code(want[i][0]), want[i][1]);
}

#define EXIT_IN_RANGE(name, value, text) assert_in_range(plug__exit_code(value), 1, 9);

static void test_exit__every_error_has_a_code(void **state)
{
    (void)state;
    PLUG_ERRORS(EXIT_IN_RANGE)
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit__table),
        cmocka_unit_test(test_exit__every_error_has_a_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

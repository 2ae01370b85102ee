/* SPDX-License-Identifier: MIT
 *
 * The line of --progress: amounts, rates, records, part and time left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/progress.h"
#include <string.h>

static void line_is(const struct plug__progress_sum *last, const struct plug__progress_sum *now,
                    plug_time since, plug_time whole, int64_t size, const char *text)
{
    struct plug__str s = {0};
    plug__progress_line(&s, last, now, since, whole, size);
    assert_string_equal(s.text, text);
    plug__str_drop(&s);
}

static const struct plug__progress_sum nothing;

static void test_progress__amounts_and_rates(void **state)
{
    const struct plug__progress_sum now = {{1536, 1023}, {0, 0}};
    (void)state;
    line_is(&nothing, &now, PLUG_SECOND / 2, 3725 * PLUG_SECOND, 0,
            "1.50 KiB forth (3.00 KiB/s), 1023 B back (2.00 KiB/s), 1:02:05");
}

static void test_progress__records(void **state)
{
    const struct plug__progress_sum last = {{0, 0}, {10, 0}}, now = {{100, 0}, {30, 20}};
    (void)state;
    line_is(&last, &now, 2 * PLUG_SECOND, 4 * PLUG_SECOND, 0,
            "100 B forth (50 B/s), 0 B back (0 B/s), 50 records (20/s), 0:00:04");
}

/* Of the direction that has more. */
static void test_progress__part_and_time_left(void **state)
{
    const struct plug__progress_sum now = {{100, 2500}, {0, 0}};
    (void)state;
    line_is(&nothing, &now, PLUG_SECOND, 10 * PLUG_SECOND, 10000,
            "100 B forth (100 B/s), 2.44 KiB back (2.44 KiB/s), 0:00:10, 25%, ETA 0:00:30");
    line_is(&nothing, &nothing, 0, 0, 10000, "0 B forth (0 B/s), 0 B back (0 B/s), 0:00:00, 0%");
    line_is(&now, &now, PLUG_SECOND, PLUG_SECOND, 2000,
            "100 B forth (0 B/s), 2.44 KiB back (0 B/s), 0:00:01, 100%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress__amounts_and_rates),
        cmocka_unit_test(test_progress__records),
        cmocka_unit_test(test_progress__part_and_time_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

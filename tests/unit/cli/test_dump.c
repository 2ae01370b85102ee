/* SPDX-License-Identifier: MIT
 *
 * How -v and -x lay bytes out, held to what socat 1.7.4.4 printed for the same input.
 * It deliberately moves nothing: tests/e2e compares whole runs.
 */
#include "cli/args.h"
#include "cli/dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char bytes[] = "\t\a\b\v\f\r\\\"\x7f\xffZ\n";

static void check(int how, int back, uint64_t from, const char *data, size_t len, const char *want)
{
    struct plug__str s = {0};

    plug__dump_block(&s, how, back, from, "NOW", data, len);
    assert_string_equal(s.text, want);
    plug__str_drop(&s);
}

static void test_dump__text(void **state)
{
    (void)state;
    check(PLUG__DUMP_TEXT, 0, 0, bytes, sizeof(bytes) - 1,
          "> NOW  length=12 from=0 to=11\n\t\\a\\b\\v\\f\\r\\\\\"..Z\n");
}

static void test_dump__hex(void **state)
{
    (void)state;
    check(PLUG__DUMP_HEX, 1, 100, "ab", 2, "< NOW  length=2 from=100 to=101\n 61 62\n");
}

static void test_dump__both(void **state)
{
    (void)state;
    check(PLUG__DUMP_HEX | PLUG__DUMP_TEXT, 0, 0, "a\n0123456789abcdefX", 19,
          "> NOW  length=19 from=0 to=18\n"
          " 61 0a                                            a.\n"
          " 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n"
          " 58                                               X\n"
          "--\n");
}

static void test_dump__empty_record(void **state)
{
    (void)state;
    check(PLUG__DUMP_TEXT, 0, 7, "", 0, "> NOW  length=0 from=7 to=7\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump__text),
        cmocka_unit_test(test_dump__hex),
        cmocka_unit_test(test_dump__both),
        cmocka_unit_test(test_dump__empty_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Values of options by type, storing them, walking tables with groups, and the names of socat's.
 */
#include "unit/torture.h"

#include "unit/core/toys.h"
#include <limits.h>

static const struct plug_option *find(const char *name, uint32_t *offset)
{
    return plug__option_find(toy_options, name, strlen(name), offset);
}

static const struct {
    const char *name, *value; /* value NULL: none given */
    int64_t number;
} good[] = {
    {"toyflag", NULL, 1},
    {"toyflag", "1", 1},
    {"toyflag", "0", 0},
    {"toyflag", "yes", 1},
    {"toyflag", "No", 0},
    {"toysockflag", NULL, 1},
    {"toysockflag", "off", 0},
    {"toyfamily", "any", 0},
    {"toyfamily", "IP6", 2},
    {"toynumber", "1", 1},
    {"toynumber", "0x64", 100},
    {"toynumber", "+5", 5},
    {"toysize", "0", 0},
    {"toysize", "64k", 65536},
    {"toysize", "3M", 3 << 20},
    {"toysize", "1g", 1 << 30},
    {"toysize", "8388607t", INT64_C(8388607) << 40},
    {"toymode", "0644", 0644},
    {"toymode", "7777", 07777},
    {"toybyte", "0", 0},
    {"toybyte", "0x1d", 0x1d},
    {"toybyte", "255", 255},
    {"toybyte", "'q'", 'q'},
    {"toybyte", "q", 'q'},
    {"toytime", "2", 2 * PLUG_SECOND},
    {"toytime", "2.5", 5 * PLUG_SECOND / 2},
    {"toytime", ".5", PLUG_SECOND / 2},
    {"toytime", "500ms", PLUG_SECOND / 2},
    {"toytime", "1.5us", 1500},
    {"toytime", "7ns", 7},
    {"toytime", "0.1234567891", 123456789},
    {"toytime", "1.5m", 90 * PLUG_SECOND},
    {"toytime", "2h", 7200 * PLUG_SECOND},
    {"toytime", "0.999999999h", INT64_C(3599999996400)},
    {"toytime", "inf", PLUG_FOREVER},
    {"toysock", "-1", -1},
    {"toysock", "4294967295", UINT_MAX},
    {"toysecs", "90", 90},
    {"toysecs", "1m", 60},
    {"toysecs", "0.5", 1}, /* 0 would turn it off */
    {"toysecs", "0", 0},
    {"toyms", "1.5", 1500},
    {"toylinger", "5", 5},
    {"toytimeval", "0.25", PLUG_SECOND / 4},
    {"toyany", "1:2:x", 0},
    {"toysockstr", "eth0", 0},
    {"toytext", "", 0},
    {"grouped", "-5", -5},
};

static void test_option__values_by_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct plug_optval v;
        struct plug_err err = {0};
        uint32_t offset;
        const struct plug_option *o = find(good[i].name, &offset);
        assert_non_null(o);
        if (plug__option_set(o, offset, NULL, good[i].value, &v, &err))
            fail_msg("%s=%s: %s", good[i].name, good[i].value, err.text);
        if (v.number != good[i].number)
            print_error("%s=%s\n", good[i].name, good[i].value);
        assert_int_equal(v.number, good[i].number);
        assert_ptr_equal(v.option, o);
        assert_ptr_equal(v.text, good[i].value);
    }
}

static const struct {
    const char *name, *value;
    const char *hint;
} bad[] = {
    {"toyflag", "2", "1 or 0"},
    {"toyflag", "", "1 or 0"},
    {"toyfamily", NULL, "any ip4 ip6"},
    {"toyfamily", "ip", "any ip4 ip6"},
    {"toyfamily", "", "any ip4 ip6"},
    {"toynumber", NULL, "1 to 100"},
    {"toynumber", "0", "1 to 100"},
    {"toynumber", "101", "1 to 100"},
    {"toynumber", "x", "1 to 100"},
    {"toynumber", "5x", "1 to 100"},
    {"toynumber", "0x", "1 to 100"},
    {"toynumber", "9223372036854775808", "1 to 100"},
    {"grouped", "6", "-5 to 5"},
    {"toysize", "-1", "bytes"},
    {"toysize", "1x", "bytes"},
    {"toysize", "1kb", "bytes"},
    {"toysize", "8388608t", "bytes"},
    {"toymode", "0888", "octal"},
    {"toymode", "10000", "octal"},
    {"toybyte", "256", "0..255"},
    {"toybyte", "-1", "0..255"},
    {"toybyte", "qq", "0..255"},
    {"toybyte", "", "0..255"},
    {"toytime", "", "seconds"},
    {"toytime", ".", "seconds"},
    {"toytime", "1.", "seconds"},
    {"toytime", "-1", "seconds"},
    {"toytime", "1d", "seconds"},
    {"toytime", "9223372037", "seconds"},
    {"toysock", "4294967296", "whole number"},
    {"toysock", "-2147483649", "whole number"},
    {"toysecs", "inf", "seconds"},
    {"toyms", "2147484", "seconds"},
    {"toylinger", "x", "seconds"},
    {"toyany", "1:2", "LEVEL:NAME:VALUE"},
    {"toyany", "1:2:", "LEVEL:NAME:VALUE"},
    {"toyany", "a:2:3", "LEVEL:NAME:VALUE"},
    {"toyany", "1:b:3", "LEVEL:NAME:VALUE"},
    {"toytext", NULL, "text"},
};

static void test_option__bad_values_say_what_is_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct plug_optval v;
        struct plug_err err = {0};
        uint32_t offset;
        const struct plug_option *o = find(bad[i].name, &offset);
        assert_non_null(o);
        if (plug__option_set(o, offset, NULL, bad[i].value, &v, &err) != PLUG_EUSAGE)
            fail_msg("%s=%s was taken", bad[i].name, bad[i].value);
        assert_non_null(strstr(err.text, bad[i].name));
        if (!strstr(err.hint, bad[i].hint))
            fail_msg("%s=%s: hint %s", bad[i].name, bad[i].value, err.hint);
    }
}

static void test_option__one_the_system_lacks_is_not_supported(void **state)
{
    struct plug_optval v;
    struct plug_err err = {0};
    uint32_t offset;
    const struct plug_option *o = find("toylacks", &offset);
    (void)state;
    assert_int_equal(plug__option_set(o, offset, NULL, "1", &v, &err), PLUG_ENOTSUP);
    assert_non_null(strstr(err.text, "toylacks"));
    assert_true(err.hint[0] != '\0');
}

static void set(struct toy_conf *c, const char *name, const char *value)
{
    struct plug_optval v;
    uint32_t offset;
    const struct plug_option *o = find(name, &offset);
    assert_int_equal(plug__option_set(o, offset, c, value, &v, NULL), 0);
}

static void test_option__stores_where_the_table_says(void **state)
{
    struct toy_conf c = {.negated = 9};
    (void)state;
    set(&c, "toyflag", NULL);
    set(&c, "toynot", NULL);
    set(&c, "toyfam", "ip6");
    set(&c, "toynumber", "9");
    set(&c, "toysize", "1k");
    set(&c, "toymode", "600");
    set(&c, "toybyte", "x");
    set(&c, "toytime", "1");
    set(&c, "toytext", "t");
    set(&c, "grouped", "-1");
    assert_int_equal(c.flag, 1);
    assert_int_equal(c.negated, 0);
    assert_int_equal(c.choice, 2);
    assert_int_equal(c.number, 9);
    assert_int_equal(c.size, 1024);
    assert_int_equal(c.mode, 0600);
    assert_int_equal(c.byte, 'x');
    assert_int_equal(c.time, PLUG_SECOND);
    assert_string_equal(c.text, "t");
    assert_int_equal(c.grouped, -1); /* the group's offset is moved */
    set(&c, "toynot", "0");
    assert_int_equal(c.negated, 1);
    set(&c, "toysock", "5"); /* nothing is stored: it has no place */
    assert_int_equal(c.flag, 1);
}

static void test_option__find_knows_aliases_in_any_case(void **state)
{
    uint32_t offset = 99;
    (void)state;
    assert_string_equal(find("TF", &offset)->name, "toyfamily");
    assert_int_equal(offset, offsetof(struct toy_conf, choice));
    assert_null(find("toy", &offset));
    assert_null(find("", &offset));
    assert_null(plug__option_find(NULL, "x", 1, &offset));
}

static int stop_at(const struct plug_option *o, uint32_t offset, void *arg)
{
    int *n = arg;
    (void)o;
    (void)offset;
    return ++*n == 3 ? 42 : 0;
}

static void test_option__each_stops_when_told(void **state)
{
    int n = 0;
    (void)state;
    assert_int_equal(plug__options_each(toy_options, stop_at, &n), 42);
    assert_int_equal(n, 3);
}

static void test_option__nearest_is_the_least_distance(void **state)
{
    unsigned distance = 3;
    (void)state;
    assert_string_equal(plug__option_nearest(toy_options, "toyflg", &distance), "toyflag");
    assert_int_equal(distance, 1);
    assert_null(plug__option_nearest(toy_options, "toyflg", &distance));
    distance = 3;
    assert_null(plug__option_nearest(toy_options, "quitedifferent", &distance));
}

static void test_option__socat_names_are_known(void **state)
{
    (void)state;
    assert_true(plug__socat_option("pty", 3));
    assert_true(plug__socat_option("O-CREAT", 7));
    assert_true(plug__socat_option("b115200", 7));
    assert_false(plug__socat_option("forkk", 5));
    assert_false(plug__socat_option("", 0));
    assert_false(plug__socat_option("_x", 2));
    assert_false(plug__socat_option("kangaroo", 8));
    assert_true(plug__socat_kind("OPENSSL-LISTEN", 14));
    assert_true(plug__socat_kind("readline", 8));
    assert_false(plug__socat_kind("ws", 2));
}

/* Help, list and refusals stand on these: each option has a text, each time its default. */
static int complete(const struct plug_option *o, uint32_t offset, void *arg)
{
    int *n = arg;
    (void)offset;
    ++*n;
    assert_non_null(o->help);
    assert_true(o->type == PLUG_OPT_FLAG || o->value);
    assert_true(!(o->flags & PLUG_OPT_PUSH) || o->push || o->choices);
    return 0;
}

static void test_option__common_table_is_complete(void **state)
{
    int n = 0;
    (void)state;
    plug__options_each(plug__common_options, complete, &n);
    assert_true(n > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_option__values_by_type),
        cmocka_unit_test(test_option__bad_values_say_what_is_expected),
        cmocka_unit_test(test_option__one_the_system_lacks_is_not_supported),
        cmocka_unit_test(test_option__stores_where_the_table_says),
        cmocka_unit_test(test_option__find_knows_aliases_in_any_case),
        cmocka_unit_test(test_option__each_stops_when_told),
        cmocka_unit_test(test_option__nearest_is_the_least_distance),
        cmocka_unit_test(test_option__socat_names_are_known),
        cmocka_unit_test(test_option__common_table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

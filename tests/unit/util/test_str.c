/* SPDX-License-Identifier: MIT
 *
 * Growing text, JSON, comparisons, and the filling of errors with them.
 */
#include "unit/torture.h"

#include "util/err.h"
#include "util/str.h"
#include <string.h>

static void test_str__grows_by_every_way_of_adding(void **state)
{
    struct plug__str s = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        plug__str_add(&s, "ab");
        plug__str_addn(&s, "c\0d", 3);
        plug__str_printf(&s, "%03d", i);
    }
    assert_false(s.failed);
    assert_int_equal(s.len, 800);
    assert_memory_equal(s.text + 792, "abc\0d099", 9);
    plug__str_drop(&s);
    assert_null(s.text);
}

static void test_str__empty_adds_end_the_text(void **state)
{
    struct plug__str s = {0};
    (void)state;
    plug__str_add(&s, "");
    assert_string_equal(s.text, "");
    plug__str_printf(&s, "%s", "");
    assert_int_equal(s.len, 0);
    plug__str_drop(&s);
}

static void test_str__remembers_that_memory_ran_out(void **state)
{
    struct plug__str s = {0};
    struct torture t;
    char big[1000];
    (void)state;
    memset(big, 'x', sizeof big);
    plug__str_add(&s, "kept");
    torture_start(&t, 0);
    plug__str_addn(&s, big, sizeof big);
    torture_stop();
    assert_true(s.failed);
    plug__str_add(&s, "!");
    plug__str_printf(&s, "%d", 1);
    assert_string_equal(s.text, "kept");
    plug__str_addn(&s, big, SIZE_MAX);
    plug__str_drop(&s);
}

static void test_json(const char *in, const char *out)
{
    struct plug__str s = {0};
    plug__str_json(&s, in);
    assert_string_equal(s.text, out);
    plug__str_drop(&s);
}

static void test_str__json_escapes(void **state)
{
    (void)state;
    test_json("", "\"\"");
    test_json("a\"b\\c/", "\"a\\\"b\\\\c/\"");
    test_json("\b\f\n\r\t\x01\x1F\x7F", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
    test_json("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

#define BAD "\xEF\xBF\xBD"

static void test_str__json_replaces_bad_utf8(void **state)
{
    (void)state;
    test_json("\xFFx", "\"" BAD "x\"");
    test_json("\xC3", "\"" BAD "\"");                 /* cut short */
    test_json("\xE2\x82", "\"" BAD BAD "\"");         /* cut short */
    test_json("\xC0\x80", "\"" BAD BAD "\"");         /* overlong */
    test_json("\xE0\x80\x80", "\"" BAD BAD BAD "\""); /* overlong */
    test_json("\xED\xA0\x80", "\"" BAD BAD BAD "\""); /* surrogate */
    test_json("\xF4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"");
    test_json("\xF0\x80\x80\x80", "\"" BAD BAD BAD BAD "\"");
}

static void test_str__casecmp_is_ascii(void **state)
{
    (void)state;
    assert_int_equal(plug__casecmp("TCP-Listen", "tcp-lISTEN"), 0);
    assert_true(plug__casecmp("tcp", "tcp4") < 0);
    assert_true(plug__casecmp("b", "A") > 0);
    assert_int_equal(plug__casecmpn("TCPx", "tcpy", 3), 0);
    assert_int_not_equal(plug__casecmpn("TCPx", "tcpy", 4), 0);
    assert_int_not_equal(plug__casecmp("\xC4", "\xE4"), 0);
}

static void test_str__word_in_takes_whole_words(void **state)
{
    (void)state;
    assert_true(plug__word_in("one two  three", "TWO", 3));
    assert_true(plug__word_in("one two  three", "three", 5));
    assert_true(plug__word_in(" one", "one!", 3));
    assert_false(plug__word_in("one two", "tw", 2));
    assert_false(plug__word_in("one two", "twoo", 4));
    assert_false(plug__word_in("one two", "", 0));
    assert_false(plug__word_in(NULL, "one", 3));
    assert_false(plug__word_in("  ", "x", 1));
}

static void test_str__distance_counts_edits(void **state)
{
    char longer[80];
    (void)state;
    memset(longer, 'a', sizeof longer);
    longer[79] = '\0';
    assert_int_equal(plug__distance("tcp", "TCP", 2), 0);
    assert_int_equal(plug__distance("tcp", "tpc", 3), 2);
    assert_int_equal(plug__distance("tcp", "tcpp", 2), 1);
    assert_int_equal(plug__distance("", "abc", 5), 3);
    assert_int_equal(plug__distance("abc", "", 2), 3);
    assert_int_equal(plug__distance("kitten", "sitting", 5), 3);
    assert_int_equal(plug__distance("kitten", "sitting", 2), 3);
    assert_int_equal(plug__distance("udp-listen", "file", 2), 3);
    assert_int_equal(plug__distance(longer, "a", 100), 101);
}

static void test_str__strcpy_cuts_and_ends(void **state)
{
    char buf[4] = "zzz";
    (void)state;
    assert_int_equal(plug__strcpy(buf, "abcdef", sizeof buf), 6);
    assert_string_equal(buf, "abc");
    assert_int_equal(plug__strcpy(buf, "x", sizeof buf), 1);
    assert_string_equal(buf, "x");
    assert_int_equal(plug__strcpy(buf, "no", 0), 2);
    assert_string_equal(buf, "x");
}

static void test_err__tells_all_and_clears_the_old(void **state)
{
    struct plug_err e = {0};
    (void)state;
    plug__err_at(&e, 3, 4);
    plug__err_hint(&e, "old %d", 1);
    assert_string_equal(e.hint, "old 1");
    assert_int_equal(plug__err(&e, PLUG_EIO, 5, "tcp", "bad %s", "day"), PLUG_EIO);
    assert_int_equal(e.code, PLUG_EIO);
    assert_int_equal(e.os, 5);
    assert_string_equal(e.layer, "tcp");
    assert_string_equal(e.text, "bad day");
    assert_string_equal(e.hint, "");
    assert_int_equal(e.width, 0);
    plug__err_at(&e, 3, 4);
    assert_int_equal(e.column, 3);
    assert_int_equal(e.width, 4);
}

static void test_err__long_text_is_cut_and_nobody_may_ask(void **state)
{
    struct plug_err e;
    char big[400];
    (void)state;
    memset(big, 'y', sizeof big - 1);
    big[399] = '\0';
    plug__err(&e, PLUG_EIO, 0, NULL, "%s", big);
    plug__err_hint(&e, "%s", big);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_int_equal(strlen(e.hint), sizeof e.hint - 1);
    assert_int_equal(plug__err(NULL, PLUG_EIO, 0, NULL, "x"), PLUG_EIO);
    plug__err_hint(NULL, "x");
    plug__err_at(NULL, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str__grows_by_every_way_of_adding),
        cmocka_unit_test(test_str__empty_adds_end_the_text),
        cmocka_unit_test(test_str__remembers_that_memory_ran_out),
        cmocka_unit_test(test_str__json_escapes),
        cmocka_unit_test(test_str__json_replaces_bad_utf8),
        cmocka_unit_test(test_str__casecmp_is_ascii),
        cmocka_unit_test(test_str__word_in_takes_whole_words),
        cmocka_unit_test(test_str__distance_counts_edits),
        cmocka_unit_test(test_str__strcpy_cuts_and_ends),
        cmocka_unit_test(test_err__tells_all_and_clears_the_old),
        cmocka_unit_test(test_err__long_text_is_cut_and_nobody_may_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

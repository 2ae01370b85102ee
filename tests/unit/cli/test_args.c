/* SPDX-License-Identifier: MIT
 *
 * The command line as plug__args_parse reads it.
 * It deliberately knows no addresses: any text will do.
 */
#include "cli/args.h"
#include "cli/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ARGV_ROOM = 16 };

/* Parses a line of words parted by single blanks. */
static int parse(struct plug__args *a, char *line, const char **text, struct plug_err *err)
{
    char *argv[ARGV_ROOM] = {(char[]){"plug"}};
    int argc = 1;
    char *at = line;

    while (at && *at && argc < ARGV_ROOM - 1) {
        argv[argc++] = at;
        at = strchr(at, ' ');
        if (at)
            *at++ = '\0';
    }
    return plug__args_parse(a, argc, argv, text, err);
}

static void test_args__defaults(void **state)
{
    struct plug__args a;
    const char *text;
    char line[] = "- echo:";

    (void)state;
    assert_int_equal(parse(&a, line, &text, NULL), 0);
    assert_int_equal(a.action, PLUG__ACTION_RUN);
    assert_int_equal(a.npairs, 1);
    assert_string_equal(a.pairs[0].a, "-");
    assert_string_equal(a.pairs[0].b, "echo:");
    assert_int_equal(a.level, PLUG__LEVEL_WARNING);
    assert_true(a.half_wait == PLUG_FOREVER && a.idle == PLUG_FOREVER);
    assert_true(a.drain == 5 * PLUG_SECOND && a.movers && a.ready_fd == -1);
    plug__args_drop(&a);
}

static void test_args__one_address_is_joined_to_stdio(void **state)
{
    struct plug__args a;
    const char *text;
    char line[] = "tcp://h:1";

    (void)state;
    assert_int_equal(parse(&a, line, &text, NULL), 0);
    assert_string_equal(a.pairs[0].a, "-");
    assert_string_equal(a.pairs[0].b, "tcp://h:1");
    plug__args_drop(&a);
}

static void test_args__several_relays(void **state)
{
    struct plug__args a;
    const char *text;
    char line[] = "-u a b -- c -- d e";

    (void)state;
    assert_int_equal(parse(&a, line, &text, NULL), 0);
    assert_int_equal(a.npairs, 3);
    assert_string_equal(a.pairs[1].a, "-");
    assert_string_equal(a.pairs[1].b, "c");
    assert_string_equal(a.pairs[2].b, "e");
    assert_int_equal(a.only, 1);
    plug__args_drop(&a);
}

static void test_args__values_stand_behind_or_beside(void **state)
{
    struct plug__args a;
    const char *text;
    char line[] = "-b8k -t 1.5 -T0 --drain=2 --ready-fd 7 --log=json - echo:";

    (void)state;
    assert_int_equal(parse(&a, line, &text, NULL), 0);
    assert_int_equal(a.block, 8192);
    assert_true(a.half_wait == 3 * PLUG_SECOND / 2);
    assert_true(a.idle == PLUG_FOREVER);
    assert_true(a.drain == 2 * PLUG_SECOND);
    assert_int_equal(a.ready_fd, 7);
    assert_true(a.log_json);
    plug__args_drop(&a);
}

static void test_args__levels(void **state)
{
    static const struct {
        const char *line;
        int level;
    } cases[] = {{"-d0 x", 0}, {"-d x", 2},    {"-dd x", 3},        {"-d -d x", 3},
                 {"-d4 x", 4}, {"-dddd x", 4}, {"-d -d -d -d x", 4}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plug__args a;
        const char *text;
        char line[32];
        strncpy(line, cases[i].line, sizeof(line) - 1);
        line[sizeof(line) - 1] = '\0';
        assert_int_equal(parse(&a, line, &text, NULL), 0);
        assert_int_equal(a.level, cases[i].level);
        plug__args_drop(&a);
    }
}

static void test_args__verbs_only_as_the_first_word(void **state)
{
    struct plug__args a;
    const char *text;
    char verb[] = "--json explain tcp://h:1", file[] = "- tour";

    (void)state;
    assert_int_equal(parse(&a, verb, &text, NULL), 0);
    assert_int_equal(a.action, PLUG__ACTION_VERB);
    assert_int_equal(a.verb, 2);
    assert_true(a.json);
    plug__args_drop(&a);
    assert_int_equal(parse(&a, file, &text, NULL), 0);
    assert_int_equal(a.action, PLUG__ACTION_RUN);
    plug__args_drop(&a);
}

static void test_args__wrong_ones_name_the_place(void **state)
{
    static const struct {
        const char *line, *text, *message;
        int column, width;
    } cases[] = {
        {"--statistcs a b", "--statistcs", "--statistics", 0, 11},
        {"-q a b", "-q", "not known", 0, 2},
        {"-blots a b", "-blots", "-b wants", 2, 4},
        {"-b lots a b", "lots", "-b wants", 0, 4},
        {"--json=1 a b", "--json=1", "takes no value", 7, 1},
        {"--drain", "--drain", "wants", 7, 1},
        {"a b c", "c", "third", 0, 1},
        {"a -v", "-v", "behind", 0, 2},
        {"a b --", "--", "missing", 0, 2},
        {"-v", "-v", "no address", 2, 1},
        {"-u -U a", "-U", "exclude", 0, 2},
        {"-d9 a", "-d9", "no level", 2, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plug__args a;
        struct plug_err err = {0};
        const char *text = NULL;
        char line[64];
        strncpy(line, cases[i].line, sizeof(line) - 1);
        line[sizeof(line) - 1] = '\0';
        assert_int_equal(parse(&a, line, &text, &err), PLUG_EUSAGE);
        assert_string_equal(text, cases[i].text);
        assert_non_null(strstr(err.text, cases[i].message));
        assert_int_equal(err.column, cases[i].column);
        assert_int_equal(err.width, cases[i].width);
        plug__args_drop(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_args__defaults),
        cmocka_unit_test(test_args__one_address_is_joined_to_stdio),
        cmocka_unit_test(test_args__several_relays),
        cmocka_unit_test(test_args__values_stand_behind_or_beside),
        cmocka_unit_test(test_args__levels),
        cmocka_unit_test(test_args__verbs_only_as_the_first_word),
        cmocka_unit_test(test_args__wrong_ones_name_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

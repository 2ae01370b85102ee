/* SPDX-License-Identifier: MIT
 *
 * Splitting both spellings into pieces, every refusal with its column, and quoting back.
 */
#include "unit/torture.h"

#include "core/address.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct split {
    struct plug__address a;
    struct plug_err err;
    char *room;
    int result;
};

static void split(struct split *s, const char *text)
{
    memset(s, 0, sizeof *s);
    s->room = malloc(plug__address_room(text)); /* exact, so that ASan sees an overrun */
    assert_non_null(s->room);
    s->result = plug__address_split(&s->a, text, s->room, &s->err);
}

static void dump_piece(char *out, size_t room, const char *tag, const struct plug__piece *p)
{
    size_t n = strlen(out);
    if (p->text)
        (void)snprintf(out + n, room - n, " %s[%s]%d+%d", tag, p->text, p->column, p->width);
}

/* All pieces as one text, which a table can hold. */
static void dump(const struct plug__address *a, char *out, size_t room)
{
    (void)snprintf(out, room, "%s", a->url ? "url" : "classic");
    for (unsigned i = 0; i < a->nnames; i++)
        dump_piece(out, room, "name", &a->names[i]);
    dump_piece(out, room, "host", &a->host);
    dump_piece(out, room, "port", &a->port);
    dump_piece(out, room, "path", &a->path);
    for (unsigned i = 0; i < a->nparams; i++)
        dump_piece(out, room, "param", &a->params[i]);
    if (a->nparams > 1)
        dump_piece(out, room, "rest", &a->rest);
    for (unsigned i = 0; i < a->nopts; i++) {
        dump_piece(out, room, "opt", &a->opts[i].name);
        dump_piece(out, room, "=", &a->opts[i].value);
    }
}

static const struct {
    const char *text, *pieces;
} good[] = {
    {"-", "classic name[-]0+1"},
    {"TCP:h:80", "classic name[TCP]0+3 param[h]4+1 param[80]6+2 rest[h:80]4+4"},
    {"tcp:[::1]:80", "classic name[tcp]0+3 param[[::1]]4+5 param[80]10+2 rest[[::1]:80]4+8"},
    {"TCP-LISTEN:8080,fork,reuseaddr",
     "classic name[TCP-LISTEN]0+10 param[8080]11+4 opt[fork]16+4 opt[reuseaddr]21+9"},
    {"stdio,ignoreeof", "classic name[stdio]0+5 opt[ignoreeof]6+9"},
    {"echo:", "classic name[echo]0+4 param[]5+0"},
    {"len32+tls+tcp:h:1",
     "classic name[len32]0+5 name[tls]6+3 name[tcp]10+3 param[h]14+1 param[1]16+1 rest[h:1]14+3"},
    {"exec:\"cat -u\"", "classic name[exec]0+4 param[cat -u]5+8"},
    {"exec:'a,b:c'", "classic name[exec]0+4 param[a,b:c]5+7"},
    {"/tmp/x:y,append", "classic name[gopen]0+8 param[/tmp/x:y]0+8 opt[append]9+6"},
    {"./a", "classic name[gopen]0+3 param[./a]0+3"},
    {"3,nonblock", "classic name[fd]0+1 param[3]0+1 opt[nonblock]2+8"},
    {"exec:a\\,b\\:c\\!!", "classic name[exec]0+4 param[a,b:c!!]5+10"},
    {"text:\\a\\b\\t\\n\\v\\f\\r\\q\\\\", "classic name[text]0+4 param[\a\b\t\n\v\f\rq\\]5+18"},
    {"text:'\\n\\'\"\\\"'", "classic name[text]0+4 param[\n'\"\"]5+9"},
    {"text:(a,b\"c)\"),x", "classic name[text]0+4 param[(a,b\"c)\")]5+9 opt[x]15+1"},
    {"text:{[(,)]}", "classic name[text]0+4 param[{[(,)]}]5+7"},
    {"text:('(')", "classic name[text]0+4 param[('(')]5+5"},
    {"text:(a\\)b)", "classic name[text]0+4 param[(a)b)]5+6"},
    {"open:/a:b", "classic name[open]0+4 param[/a]5+2 param[b]8+1 rest[/a:b]5+4"},
    {"a:1:2:3:4:5:6:7:8:9",
     "classic name[a]0+1 param[1]2+1 param[2]4+1 param[3]6+1 param[4]8+1 param[5]10+1 "
     "param[6]12+1 param[7]14+1 param[8]16+1 rest[1:2:3:4:5:6:7:8:9]2+17"},
    {"a:x!,y=b!c", "classic name[a]0+1 param[x!]2+2 opt[y]5+1 =[b!c]7+3"},
    {"a:x,,y,", "classic name[a]0+1 param[x]2+1 opt[y]5+1"},
    {"a:x,y=,z==1", "classic name[a]0+1 param[x]2+1 opt[y]4+1 =[]6+0 opt[z]7+1 =[=1]9+2"},
    {"a:x,=1", "classic name[a]0+1 param[x]2+1 opt[]4+0 =[1]5+1"},
    {"a:x,y=\"b,c\"", "classic name[a]0+1 param[x]2+1 opt[y]4+1 =[b,c]6+5"},
    {"tcp://h:80", "url name[tcp]0+3 host[h]6+1 port[80]8+2"},
    {"tcp://h", "url name[tcp]0+3 host[h]6+1"},
    {"tcp://:80", "url name[tcp]0+3 port[80]7+2"},
    {"tcp://h:", "url name[tcp]0+3 host[h]6+1 port[]8+0"},
    {"len32+tcp://*:0#once",
     "url name[len32]0+5 name[tcp]6+3 host[*]12+1 port[0]14+1 opt[once]16+4"},
    {"tcp://[::1]:80/", "url name[tcp]0+3 host[::1]6+5 port[80]12+2 path[/]14+1"},
    {"tcp://[fe80::1%25lo]:1", "url name[tcp]0+3 host[fe80::1%lo]6+14 port[1]21+1"},
    {"tcp://[fe80::1%lo]:1", "url name[tcp]0+3 host[fe80::1%lo]6+12 port[1]19+1"},
    {"unix:///a%20b/c:d", "url name[unix]0+4 path[/a b/c:d]7+10"},
    {"unix:///x?once", "url name[unix]0+4 path[/x]7+2 opt[once]10+4"},
    {"tcp://h:1#a=1,b&c=%2C%23%26",
     "url name[tcp]0+3 host[h]6+1 port[1]8+1 opt[a]10+1 =[1]12+1 opt[b]14+1 opt[c]16+1 =[,#&]18+9"},
    {"tcp://h:1?a#b", "url name[tcp]0+3 host[h]6+1 port[1]8+1 opt[a]10+1 opt[b]12+1"},
    {"tcp://h:1#a=\"x,y#z&'\",b='\"'",
     "url name[tcp]0+3 host[h]6+1 port[1]8+1 opt[a]10+1 =[x,y#z&']12+9 opt[b]22+1 =[\"]24+3"},
    {"tcp://h:1#,a,&", "url name[tcp]0+3 host[h]6+1 port[1]8+1 opt[a]11+1"},
    {"tcp://h:1#=1", "url name[tcp]0+3 host[h]6+1 port[1]8+1 opt[]10+0 =[1]11+1"},
};

static void test_address__splits_into_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct split s;
        char text[1024];
        split(&s, good[i].text);
        if (s.result)
            print_error("%s: %s\n", good[i].text, s.err.text);
        assert_int_equal(s.result, 0);
        dump(&s.a, text, sizeof text);
        assert_string_equal(text, good[i].pieces);
        free(s.room);
    }
}

static const struct {
    const char *text;
    int column, width;
    const char *says;
} bad[] = {
    {"", 0, 0, "empty"},
    {":80", 0, 1, "name is missing"},
    {"+tcp:h:1", 0, 1, "name is missing"},
    {"a++b:1", 2, 1, "name is missing"},
    {"a+:1", 2, 1, "name is missing"},
    {"a!!b", 1, 2, "not three"},
    {"!!b", 0, 2, "not three"},
    {"-!!exec:x", 1, 2, "not three"},
    {"exec:x!!tcp:h:1", 6, 2, "not three"},
    {"exec:x,y=1!!b", 10, 2, "not three"},
    {"exec:\"ab", 5, 1, "quote \" is not closed"},
    {"exec:x,y='ab", 9, 1, "quote ' is not closed"},
    {"exec:(ab", 5, 1, "( is not closed"},
    {"exec:([ab)", 6, 1, "[ is not closed"},
    {"exec:{'}", 6, 1, "' is not closed"},
    {"exec:ab\\", 7, 1, "behind a backslash"},
    {"exec:a\\0b", 6, 2, "zero byte"},
    {"exec:((((((((((((((((((((((((((((((((((", 37, 1, "deeper than"},
    {"tcp://[::1:80", 6, 1, "[ is not closed"},
    {"tcp://[::1]x", 11, 1, "cannot stand in host and port"},
    {"tcp://::1:80", 6, 2, "more than one colon"},
    {"tcp://h:1:2", 6, 4, "more than one colon"},
    {"tcp://u@h:1", 7, 1, "\"@\" cannot stand"},
    {"tcp://h:1@x", 9, 1, "\"@\" cannot stand"},
    {"tcp://h%zz:1", 7, 1, "hexadecimal"},
    {"tcp://h:1#a=%2", 12, 1, "hexadecimal"},
    {"unix:///a%00", 9, 3, "zero byte"},
    {"tcp://h:1#a=\"b", 12, 1, "quote \" is not closed"},
    {"tcp://h:1#a#b", 11, 1, "second #"},
    {"+://h", 0, 1, "name is missing"},
};

static void test_address__refuses_with_the_place_and_a_hint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct split s;
        split(&s, bad[i].text);
        if (s.err.column != bad[i].column || s.err.width != bad[i].width)
            print_error("%s: %s at %d+%d\n", bad[i].text, s.err.text, s.err.column, s.err.width);
        assert_int_equal(s.result, PLUG_EUSAGE);
        assert_non_null(strstr(s.err.text, bad[i].says));
        assert_int_equal(s.err.column, bad[i].column);
        assert_int_equal(s.err.width, bad[i].width);
        assert_true(s.err.hint[0] != '\0');
        free(s.room);
    }
}

static void test_address__only_a_name_and_slashes_make_a_url(void **state)
{
    (void)state;
    assert_true(plug__address_is_url("tcp://"));
    assert_true(plug__address_is_url("a+b-c.d_2://x"));
    assert_false(plug__address_is_url("://x"));
    assert_false(plug__address_is_url("tcp:/x"));
    assert_false(plug__address_is_url("exec:curl http://x"));
    assert_false(plug__address_is_url("a b://x"));
    assert_false(plug__address_is_url(""));
}

static void address_fill(char *text, const char *head, const char *piece, unsigned n)
{
    size_t at = strlen(head), width = strlen(piece);
    memcpy(text, head, at);
    for (; n; n--, at += width)
        memcpy(text + at, piece, width);
    text[at] = '\0';
}

static void test_address__limits_are_refused_not_overrun(void **state)
{
    static char text[PLUG__ADDRESS_MOST + 64];
    struct split s;
    (void)state;
    address_fill(text, "a:b", ",x", PLUG__ADDRESS_OPTIONS);
    split(&s, text);
    assert_int_equal(s.result, 0);
    assert_int_equal(s.a.nopts, PLUG__ADDRESS_OPTIONS);
    free(s.room);
    address_fill(text, "a:b", ",x", PLUG__ADDRESS_OPTIONS + 1);
    split(&s, text);
    assert_int_equal(s.result, PLUG_EUSAGE);
    assert_int_equal(s.err.column, 4 + 2 * PLUG__ADDRESS_OPTIONS);
    free(s.room);
    address_fill(text, "a://b#", ",x", PLUG__ADDRESS_OPTIONS + 1);
    split(&s, text);
    assert_int_equal(s.result, PLUG_EUSAGE);
    assert_int_equal(s.err.column, 7 + 2 * PLUG__ADDRESS_OPTIONS);
    free(s.room);
    address_fill(text, "a", "+a", PLUG__ADDRESS_NAMES);
    split(&s, text);
    assert_int_equal(s.result, PLUG_EUSAGE);
    assert_int_equal(s.err.column, 2 * PLUG__ADDRESS_NAMES);
    free(s.room);
    address_fill(text, "a:", "b", PLUG__ADDRESS_MOST);
    split(&s, text);
    assert_int_equal(s.result, PLUG_EUSAGE);
    assert_non_null(strstr(s.err.text, "longer than"));
    free(s.room);
}

static const struct {
    const char *text, *host, *port;
} hostports[] = {
    {"h:80", "h", "80"}, {"h", "h", NULL},          {":80", NULL, "80"},
    {"", NULL, NULL},    {"[::1]:80", "::1", "80"}, {"[::1]", "::1", NULL},
};

static void test_address__hostport_takes_both_apart(void **state)
{
    struct plug__address a;
    struct plug_err err;
    char room[256];
    (void)state;
    for (size_t i = 0; i < sizeof hostports / sizeof *hostports; i++) {
        assert_int_equal(plug__address_hostport(&a, hostports[i].text, room, &err), 0);
        assert_int_equal(!a.host.text, !hostports[i].host);
        assert_int_equal(!a.port.text, !hostports[i].port);
        if (a.host.text)
            assert_string_equal(a.host.text, hostports[i].host);
        if (a.port.text)
            assert_string_equal(a.port.text, hostports[i].port);
    }
    assert_int_equal(plug__address_hostport(&a, "h:80/live", room, &err), PLUG_EUSAGE);
    assert_int_equal(err.column, 4);
    assert_int_equal(plug__address_hostport(&a, "::1", room, NULL), PLUG_EUSAGE);
}

static const char *const values[] = {
    "",     "plain", "a,b",        "a b",          "\"q\" 'r'", "(un)[bal}{",   "back\\slash",
    "100%", "#&?=",  "!!dual!",    "\a\b\t\n\v\f", "\r",        "\x01\x7f\xff", "a:b=c+d",
    "'",    "\"",    "trailing\\", "%41",
};

/* What is quoted into an option's value comes out of the split unchanged, in either spelling. */
static void test_address__quoting_is_undone_by_splitting(void **state)
{
    (void)state;
    for (int url = 0; url < 2; url++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            struct plug__str text = {0};
            struct split s;
            plug__str_add(&text, url ? "a://h:1#o=" : "a:p,o=");
            if (url)
                plug__address_quote_url(&text, values[i]);
            else
                plug__address_quote_classic(&text, values[i]);
            plug__str_add(&text, ",next");
            split(&s, text.text);
            assert_int_equal(s.result, 0);
            assert_int_equal(s.a.nopts, 2);
            assert_string_equal(s.a.opts[0].value.text, values[i]);
            free(s.room);
            plug__str_drop(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address__splits_into_pieces),
        cmocka_unit_test(test_address__refuses_with_the_place_and_a_hint),
        cmocka_unit_test(test_address__only_a_name_and_slashes_make_a_url),
        cmocka_unit_test(test_address__limits_are_refused_not_overrun),
        cmocka_unit_test(test_address__hostport_takes_both_apart),
        cmocka_unit_test(test_address__quoting_is_undone_by_splitting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * What list, help and explain print, on the real tables, and how a wrong address is shown.
 */
#include "unit/torture.h"

#include "cli/verbs.h"
#include "core/plan.h"
#include <string.h>
#include <unistd.h>

enum { TEXT = 65536 };

struct shown {
    int status;
    char out[TEXT], err[TEXT];
};

static void slurp(FILE *f, char *buf)
{
    size_t n;
    rewind(f);
    n = fread(buf, 1, TEXT - 1, f);
    buf[n] = '\0';
    fclose(f);
}

/* Runs a verb with stdout and stderr caught. */
static struct shown *run(int (*verb)(int, char **), const char *const *words)
{
    struct shown *s = test_calloc(1, sizeof *s);
    FILE *out = tmpfile(), *err = tmpfile();
    int saved[2] = {dup(1), dup(2)}, n = 0;
    char *argv[8], copies[8][128];
    assert_non_null(out);
    assert_non_null(err);
    for (; words[n]; n++) {
        plug__strcpy(copies[n], words[n], sizeof copies[n]);
        argv[n] = copies[n];
    }
    argv[n] = NULL;
    fflush(stdout);
    dup2(fileno(out), 1);
    dup2(fileno(err), 2);
    s->status = verb(n, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    slurp(out, s->out);
    slurp(err, s->err);
    return s;
}

static unsigned lines(const char *text)
{
    unsigned n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void test_help__first_page_fits_a_terminal(void **state)
{
    static const char *const words[] = {"help", NULL};
    struct shown *s = run(plug__cli_help, words);
    (void)state;
    assert_int_equal(s->status, 0);
    assert_true(lines(s->out) <= 24);
    for (const char *at = s->out; *at; at += strcspn(at, "\n") + 1)
        assert_true(strcspn(at, "\n") <= 80);
    test_free(s);
}

static const struct {
    const char *words[4];
    const char *shows[4];
} verbs[] = {
    {{"help", "tcp-listen"}, {"usage:   tcp-listen:PORT\n", "tcp-listen://[HOST]:PORT", "also:"}},
    {{"help", "-"}, {"stdio", "usage:"}},
    {{"help", "tcp4"}, {"sets:    pf=ip4"}},
    {{"help", "unix"}, {"unix:///PATH"}},
    {{"help", "nodelay"}, {"setsockopt(IPPROTO_TCP, ", " tcp tcp4"}},
    {{"help", "max-children"}, {"max-sessions=N", "of:    any address", "also:"}},
    {{"help", "frame"}, {"one of chunk line len16", "puts a layer on top"}},
    {{"list"}, {"  tcp:HOST:PORT", "\nlayers", "  len32+ADDRESS"}},
    {{"list", "kinds"}, {"  tcp-listen:PORT "}},
    {{"list", "--json"}, {"{\"kinds\":[{\"name\":", "\"aliases\":[", "\"role\":\"listener\""}},
    {{"list", "options"}, {"options of any address\n", "  grace=SECONDS"}},
    {{"list", "options", "tcp-listen"}, {"options of tcp-listen\n", "  once "}},
    {{"list", "options", "tcp", "--json"}, {"{\"kind\":\"tcp\"", "\"common\":[{", "\"choices\":["}},
    {{"list", "--json", "options"}, {"{\"kind\":null,\"options\":[],"}},
};

static void test_verbs__print_what_the_tables_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const char *words[5] = {0};
        struct shown *s;
        memcpy(words, verbs[i].words, sizeof verbs[i].words);
        s = run(strcmp(words[0], "help") == 0 ? plug__cli_help : plug__cli_list, words);
        assert_int_equal(s->status, 0);
        assert_string_equal(s->err, "");
        for (int k = 0; k < 4 && verbs[i].shows[k]; k++) {
            if (!strstr(s->out, verbs[i].shows[k]))
                fail_msg("%s %s: no %s in\n%s", words[0], words[1], verbs[i].shows[k], s->out);
        }
        test_free(s);
    }
}

static void test_list__options_of_a_client_leave_out_the_listeners(void **state)
{
    static const char *const words[] = {"list", "options", "tcp", NULL};
    struct shown *s = run(plug__cli_list, words);
    (void)state;
    assert_null(strstr(s->out, "max-sessions"));
    assert_non_null(strstr(s->out, "connect-timeout"));
    test_free(s);
}

static const struct {
    const char *words[4];
    const char *shows[4];
} helped[] = {
    {{"help"}, {"usage: plug", "plug help "}},
    {{"help", "tour"}, {"usage: plug"}},
    {{"help", "tcp"}, {"tcp: a TCP connection\n", "usage:   tcp:HOST:PORT\n"}},
    {{"help", "len32+tcp://host:1#nodelay"}, {"tcp: a TCP connection\n"}},
    {{"help", "TCP-L:80,fork"}, {"tcp-listen: "}},
    {{"help", "-"}, {"stdio: "}},
    {{"help", "nodelay"}, {"nodelay: ", "setsockopt(IPPROTO_TCP, 1)", " tcp-listen"}},
    {{"help", "echo"}, {"echo: gives back", "echo: what is typed is shown"}},
    {{"help", "ends"}, {"ends: how a relay ends\n", "grace"}},
    {{"help", "--drain"}, {"--drain=SECONDS ", "INT or TERM"}},
    {{"help", "--drain=3"}, {"--drain=SECONDS "}},
    {{"help", "--help"}, {"  -h "}},
    {{"help", "--"}, {"  -b BYTES ", "  --ready-fd=N "}},
    {{"help", "--json"}, {"\"topics\":[{\"name\":\"addresses\",", "\"verbs\":[\"explain\","}},
};

static void test_help__tells_of_kinds_options_and_topics(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof helped / sizeof *helped; i++) {
        const char *words[5] = {0};
        struct shown *s;
        memcpy(words, helped[i].words, sizeof helped[i].words);
        s = run(plug__cli_help, words);
        assert_int_equal(s->status, 0);
        for (int k = 0; k < 4 && helped[i].shows[k]; k++)
            if (!strstr(s->out, helped[i].shows[k]))
                fail_msg("help %s: no %s in\n%s", words[1], helped[i].shows[k], s->out);
        test_free(s);
    }
}

static const struct {
    const char *words[4];
    const char *says;
} wrong[] = {
    {{"help", "tpc"}, "(did you mean \"tcp\"?)"},
    {{"help", "frok"}, "(did you mean \"fork\"?)"},
    {{"help", "nodealy"}, "(did you mean \"nodelay\"?)"},
    {{"help", "recrods"}, "(did you mean \"records\"?)"},
    {{"help", "--drian"}, "(did you mean \"--drain\"?)"},
    {{"help", "quitedifferent"}, "no kind, option or topic \"quitedifferent\"\n"},
    {{"list", "options", "tpc"}, "(did you mean \"tcp\"?)"},
    {{"list", "options", "quitedifferent"}, "kind \"quitedifferent\" is not known\n"},
    {{"list", "everything"}, "usage: plug list"},
    {{"list", "options", "tcp", "udp"}, "usage: plug list"},
    {{"explain"}, "usage: plug explain"},
    {{"explain", "tcp:h:1,forkk"}, "\n    tcp:h:1,forkk\n            ^^^^^\n    list them:"},
    {{"explain", "-", "tpc:h:1"}, "\n    tpc:h:1\n    ^^^\n"},
    {{"explain", "len32+udp:h:1"}, "\n    len32+udp:h:1\n    ^^^^^\n"},
};

static void test_verbs__wrong_words_are_usage_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *words[5] = {0};
        struct shown *s;
        memcpy(words, wrong[i].words, sizeof wrong[i].words);
        s = run(*words[0] == 'h'   ? plug__cli_help
                : *words[0] == 'l' ? plug__cli_list
                                   : plug__cli_explain,
                words);
        assert_int_equal(s->status, 2);
        assert_string_equal(s->out, "");
        if (!strstr(s->err, wrong[i].says))
            fail_msg("%s %s: no %s in\n%s", words[0], words[1], wrong[i].says, s->err);
        test_free(s);
    }
}

static const struct {
    const char *words[5];
    const char *shows[6];
} explained[] = {
    {{"explain", "TCP-LISTEN:80"},
     {"tcp-listen://*:80#once\n", "serves one connection", "binds every address",
      "half-close: the peer"}},
    {{"explain", "tcp-listen://:80#nodelay"},
     {"serves every connection; binds loopback", "setsockopt(IPPROTO_TCP, "}},
    {{"explain", "len32+tcp:h:1,grace=5,frame-limit=9"},
     {"len32+tcp://h:1#frame-limit=9,grace=5\n", "records up to 9 bytes", "layer len32",
      "the session"}},
    {{"explain", "udp:h:1,grace=0.5"}, {"datagram, records up to", "silent for 0.5 s"}},
    {{"explain", "udp:h:1,grace=inf"}, {"without limit"}},
    {{"explain", "echo:"}, {"takes the other side's type"}},
    {{"explain", "line+fd:0,server"}, {"take the server's part"}},
    {{"explain", "tcp:h:1", "tcp:h:2"}, {"together\n", "none: bytes on both sides"}},
    {{"explain", "udp:h:1", "udp:h:2"}, {"kept: both sides carry records"}},
    {{"explain", "udp:h:1", "tcp:h:2"}, {"frame=len16 there", "  warning   "}},
    {{"explain", "--json", "udp://h:1#grace=5,ttl=3", "tcp-listen://:2"},
     {"{\"addresses\":[{\"address\":\"udp://h:1#grace=5,ttl=3\"", "\"end\":\"grace\"",
      "\"role\":\"listener\",\"once\":false", "\"records\":\"lost\",\"warnings\":[\"",
      "{\"name\":\"grace\",\"value\":\"5\",\"acts\":\"the session\"}"}},
};

static void test_explain__tells_what_will_happen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof explained / sizeof *explained; i++) {
        struct shown *s = run(plug__cli_explain, explained[i].words);
        if (s->status)
            print_error("%s\n", s->err);
        assert_int_equal(s->status, 0);
        for (int k = 0; k < 6 && explained[i].shows[k]; k++) {
            if (!strstr(s->out, explained[i].shows[k]))
                fail_msg("%s: no %s in\n%s", explained[i].words[1], explained[i].shows[k], s->out);
        }
        test_free(s);
    }
}

static const struct {
    const char *address;
    int column, width;
    const char *shows;
} places[] = {
    {"tcp:h", 4, 1, "plug: wrong\n    tcp:h\n        ^\n    do right\n    or so\n"},
    {"tcp:h", 5, 1, "plug: wrong\n    tcp:h\n         ^\n    do right\n    or so\n"},
    {"tcp:h", 0, 0, "plug: wrong\n    tcp:h\n    do right\n    or so\n"},
    {NULL, 3, 2, "plug: wrong\n    do right\n    or so\n"},
    {"a:\n\xc3\xa4,x", 6, 1,
     "plug: wrong\n    a:?\xc3\xa4,x\n         ^\n    do right\n    or so\n"},
};

static void test_error__caret_stands_under_the_place(void **state)
{
    struct plug_err err = {.code = PLUG_EUSAGE, .text = "wrong", .hint = "do right\nor so"};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        static char text[TEXT];
        FILE *f = tmpfile();
        err.column = places[i].column;
        err.width = places[i].width;
        plug__cli_error(f, places[i].address, &err);
        slurp(f, text);
        assert_string_equal(text, places[i].shows);
    }
}

static void test_error__long_addresses_are_cut_around_the_place(void **state)
{
    struct plug_err err = {.code = PLUG_EUSAGE, .column = 500, .width = 3};
    static char text[TEXT];
    char address[1001];
    const char *line, *caret;
    FILE *f = tmpfile();
    (void)state;
    memset(address, 'a', sizeof address - 1);
    memcpy(address + 500, "BAD", 3);
    address[1000] = '\0';
    plug__cli_error(f, address, &err);
    slurp(f, text);
    assert_non_null(strstr(text, "plug: wrong address or option\n"));
    line = strchr(text, '\n') + 1;
    caret = strchr(line, '\n') + 1;
    assert_true(caret - line < 110);
    assert_memory_equal(line, "    ...aaa", 10);
    assert_int_equal(strstr(line, "BAD") - line, strstr(caret, "^^^") - caret);
    assert_memory_equal(caret - 4, "...", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help__first_page_fits_a_terminal),
        cmocka_unit_test(test_verbs__print_what_the_tables_say),
        cmocka_unit_test(test_list__options_of_a_client_leave_out_the_listeners),
        cmocka_unit_test(test_help__tells_of_kinds_options_and_topics),
        cmocka_unit_test(test_verbs__wrong_words_are_usage_errors),
        cmocka_unit_test(test_explain__tells_what_will_happen),
        cmocka_unit_test(test_error__caret_stands_under_the_place),
        cmocka_unit_test(test_error__long_addresses_are_cut_around_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

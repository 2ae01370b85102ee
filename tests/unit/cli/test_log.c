/* SPDX-License-Identifier: MIT
 *
 * The lines that events become, read back from the descriptor that --ready-fd names and from a
 * stderr that is a pipe.
 */
#include "cli/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs one event with stderr turned to a pipe; returns what was written. */
static void shown(struct plug__log *log, const struct plug__event *ev, char *ret, size_t room)
{
    int pipe_ends[2], kept = dup(2);
    ssize_t n;

    assert_true(kept >= 0);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(dup2(pipe_ends[1], 2), 2);
    close(pipe_ends[1]);
    plug__log_event(log, 1, ev);
    assert_int_equal(dup2(kept, 2), 2);
    close(kept);
    n = read(pipe_ends[0], ret, room - 1);
    close(pipe_ends[0]);
    ret[n > 0 ? n : 0] = '\0';
}

static void test_log__listening_line(void **state)
{
    struct plug__log log = {.level = PLUG__LEVEL_ERROR};
    struct plug__event ev = {.kind = PLUG__EV_LISTENING, .name = "tcp-listen://127.0.0.1:41234"};
    char text[512], ready[512];
    int ends[2];
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    log.ready = ends[1];
    log.ready_open = 1;
    shown(&log, &ev, text, sizeof(text));
    n = read(ends[0], ready, sizeof(ready) - 1);
    ready[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    plug__log_ready_done(&log);
    assert_int_equal(close(ends[1]), -1);
    assert_string_equal(text, "plug: listening on tcp-listen://127.0.0.1:41234\n");
    assert_string_equal(ready, text);
}

static void test_log__failure_has_cause_and_hint(void **state)
{
    struct plug__log log = {.level = PLUG__LEVEL_WARNING};
    struct plug__event ev = {.kind = PLUG__EV_FAILED,
                             .name = "tcp://127.0.0.1:9",
                             .err = {.code = PLUG_ECONNREFUSED, .layer = "tcp"}};
    char text[512];

    (void)state;
    shown(&log, &ev, text, sizeof(text));
    assert_string_equal(text,
                        "plug: tcp://127.0.0.1:9: connection refused\n"
                        "    nothing listens there: is the service started, is the port right?\n");
}

static void test_log__loss_counts(void **state)
{
    struct plug__log log = {.level = PLUG__LEVEL_WARNING};
    struct plug__event ev = {.kind = PLUG__EV_LOST,
                             .name = "tcp://h:1",
                             .err = {.code = PLUG_ECONNRESET, .layer = "tcp"},
                             .accepted = 123456,
                             .unsent = 4096};
    char text[512];

    (void)state;
    shown(&log, &ev, text, sizeof(text));
    assert_string_equal(text, "plug: tcp://h:1: connection reset by peer; 123456 bytes accepted, "
                              "4096 of them not acknowledged\n");
}

static void test_log__level_hides(void **state)
{
    struct plug__log log = {.level = PLUG__LEVEL_WARNING};
    struct plug__event ev = {.kind = PLUG__EV_OPENED, .session = 1, .name = "peer"};
    char text[512];

    (void)state;
    shown(&log, &ev, text, sizeof(text));
    assert_string_equal(text, "");
    log.level = PLUG__LEVEL_NOTICE;
    shown(&log, &ev, text, sizeof(text));
    assert_string_equal(text, "plug: session 1 opened: peer\n");
}

static void test_log__json(void **state)
{
    struct plug__log log = {.level = PLUG__LEVEL_WARNING, .json = 1};
    struct plug__event ev = {.kind = PLUG__EV_FAILED,
                             .session = 7,
                             .name = "a\"b",
                             .err = {.code = PLUG_ECONNREFUSED, .os = 111, .layer = "tcp"}};
    char text[1024];

    (void)state;
    shown(&log, &ev, text, sizeof(text));
    assert_non_null(strstr(text, "\"level\":\"error\",\"relay\":1,\"session\":7,"
                                 "\"event\":\"failed\",\"peer\":\"a\\\"b\","
                                 "\"code\":\"ECONNREFUSED\",\"os\":111,\"layer\":\"tcp\""));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void test_log__every_users_code_has_a_hint(void **state)
{
    static const int codes[] = {
        PLUG_EACCES,  PLUG_EPERM,        PLUG_ENOENT,    PLUG_EADDRINUSE,   PLUG_EADDRNOTAVAIL,
        PLUG_EMFILE,  PLUG_ECONNREFUSED, PLUG_ETIMEDOUT, PLUG_EHOSTUNREACH, PLUG_ENETUNREACH,
        PLUG_ENOHOST, PLUG_EDNS,         PLUG_ENOSPC,    PLUG_EISDIR,       PLUG_EMSGSIZE};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_non_null(plug__log_hint(codes[i], NULL));
    assert_null(plug__log_hint(PLUG_EOF, "tcp"));
    assert_non_null(strstr(plug__log_hint(PLUG_EACCES, "tcp"), "CAP_NET_BIND_SERVICE"));
    assert_non_null(strstr(plug__log_hint(PLUG_EMFILE, NULL), "ulimit -n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__listening_line),
        cmocka_unit_test(test_log__failure_has_cause_and_hint),
        cmocka_unit_test(test_log__loss_counts),
        cmocka_unit_test(test_log__level_hides),
        cmocka_unit_test(test_log__json),
        cmocka_unit_test(test_log__every_users_code_has_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

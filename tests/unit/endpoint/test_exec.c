/* SPDX-License-Identifier: MIT
 *
 * Programs as endpoints: their words, their ends, their exit status, and that none is left behind.
 */
#include "unit/endpoint/rig.h"

#include "endpoint/reap.h"
#include "endpoint/words.h"
#include <signal.h>

static int exec_opt(struct plug_sock *s, int name)
{
    int n = -1;
    size_t len = sizeof(n);
    int r = plug_getsockopt(s, PLUG_LEVEL_CHILD, name, &n, &len);
    return r < 0 ? r : n;
}

static void test_exec__joins_input_and_output(void **state)
{
    static const char *const addresses[] = {"exec:cat", "exec:cat,pipes", "system:cat | cat",
                                            "system:cat <&5 >&7,fdin=5,fdout=7",
                                            "system:cat <&5 >&7,pipes,fdin=5,fdout=7"};
    struct rig *t = *state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct plug_sock *s = rig_must(t, addresses[i]);
        char buf[32];
        rig_send_all(t, s, "there and back");
        assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
        rig_slurp(t, s, buf, sizeof(buf));
        assert_string_equal(buf, "there and back");
        assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
        assert_int_equal(exec_opt(s, PLUG_CHILD_STATUS), 0);
        plug_close(s);
    }
}

/* Waits for either direction: a program that copies stops when nobody reads it. */
static void exec_wait(struct rig *t, struct plug_sock *s)
{
    struct plug_selection v = {.sock = s, .want = PLUG_IN | PLUG_OUT};
    if (t->loop)
        rig_turn(t);
    else
        assert_int_equal(plug_select(&v, 1, rig_deadline()), 1);
}

static void test_exec__much_data_is_whole(void **state)
{
    static char block[60000];
    struct rig *t = *state;
    const size_t total = 4 * 1024 * 1024;
    size_t in = 0, out = 0;
    struct plug_sock *s = rig_must(t, "exec:cat");
    while (out < total) {
        size_t n = total - in < sizeof(block) ? total - in : sizeof(block);
        int64_t put = in < total ? plug_send(s, block, n, 0, 0) : PLUG_EAGAIN, got;
        if (put > 0 && (in += (size_t)put) == total)
            assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
        got = plug_recv(s, block, sizeof(block), 0, 0);
        if (got > 0)
            out += (size_t)got;
        assert_true(put > 0 || put == PLUG_EAGAIN);
        assert_true(got > 0 || got == PLUG_EAGAIN);
        if (put < 0 && got < 0)
            exec_wait(t, s);
    }
    assert_int_equal(rig_recv(t, s, block, sizeof(block)), PLUG_EOF);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
}

static void test_exec__status_is_told(void **state)
{
    static const struct {
        const char *address;
        int status;
    } rows[] = {{"system:exit 9", 9},
                {"exec:sh -c 'exit 3',pipes", 127}, /* the address's own quotes are gone */
                {"exec:\"sh -c 'exit 3'\",pipes", 3},
                {"system:kill -9 $$", 128 + SIGKILL}};
    struct rig *t = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plug_sock *s = rig_must(t, rows[i].address);
        struct plug_err err;
        char buf[64];
        if (rows[i].status == 127) { /* "sh -c exit 3" exits 0: $0 is 3 */
            rig_slurp(t, s, buf, sizeof(buf));
            assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
            plug_close(s);
            continue;
        }
        if (PLUG_CHILD_KILLED(rows[i].status)) /* it may have had more to say */
            assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_ECHILD);
        else
            rig_slurp(t, s, buf, sizeof(buf));
        assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), PLUG_ECHILD);
        assert_int_equal(exec_opt(s, PLUG_CHILD_STATUS), rows[i].status);
        assert_int_equal(plug_error(s, &err), PLUG_ECHILD);
        assert_int_equal(err.os, rows[i].status);
        assert_non_null(strstr(err.text, rows[i].status < 128 ? "status" : "signal 9"));
        plug_close(s);
    }
}

static void test_exec__missing_program_is_told(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, "exec:/no/such/program x"), PLUG_ENOENT);
    assert_string_equal(t->err.layer, "exec");
    assert_int_equal(rig_open(t, &s, "exec:no-such-program-anywhere"), PLUG_ENOENT);
    assert_int_equal(rig_open(t, &s, "exec:"), PLUG_EUSAGE);
    assert_int_equal(rig_open(t, &s, "exec:\"cat 'x\""), PLUG_EUSAGE);
}

static void test_exec__standard_error_may_join(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "system:echo oops >&2; echo fine,stderr");
    char buf[32];
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "oops\nfine\n");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
}

static void test_exec__starts_where_it_is_told(void **state)
{
    struct rig *t = *state;
    char address[128], buf[128], want[80];
    struct plug_sock *s;
    snprintf(address, sizeof(address), "system:pwd,chdir=%s", t->dir);
    snprintf(want, sizeof(want), "%s\n", t->dir);
    s = rig_must(t, address);
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, want);
    plug_close(s);
}

/* It ends without having read what was sent: its output is whole, the sending has failed. */
static void test_exec__input_left_unread_is_told(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "system:read x; echo $x");
    char buf[32];
    int64_t r = 1;
    rig_send_all(t, s, "first\nsecond\n");
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "first\n");
    for (int i = 0; i < 100 && r > 0; i++)
        r = rig_send(t, s, "x", 1);
    assert_int_equal(r, PLUG_ECONNRESET);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), PLUG_ECONNRESET);
    plug_close(s);
}

static void test_exec__end_is_noticed_while_idle(void **state)
{
    static const char *const addresses[] = {"exec:true", "exec:true,pipes"};
    struct rig *t = *state;
    for (size_t i = 0; i < 2; i++) {
        struct plug_sock *s = rig_must(t, addresses[i]);
        while (plug_error(s, NULL) == 0)
            rig_turn(t);
        assert_int_equal(plug_error(s, NULL), PLUG_EPIPE);
        plug_close(s);
    }
}

static const char *exec_python(struct rig *t, const char *name)
{
    static char address[256];
    (void)snprintf(address, sizeof(address), "exec:/usr/bin/python3 -B %s/%s", t->dir, name);
    return address;
}

/* The hang-up that epoll reports for a child's half-close was taken for the end of its reading. */
static void test_exec__a_half_closed_child_still_reads(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[8];
    rig_write_file(rig_path(t, "half"), "import os, socket\n"
                                        "s = socket.socket(fileno=os.dup(1))\n"
                                        "s.shutdown(socket.SHUT_WR)\n"
                                        "os._exit(s.recv(9) != b'late')\n");
    s = rig_must(t, exec_python(t, "half"));
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF);
    assert_int_equal(plug_error(s, NULL), 0);
    rig_send_all(t, s, "late");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
    assert_int_equal(unlink(rig_path(t, "half")), 0);
}

static void test_exec__shutdown_waits_for_the_child(void **state)
{
    struct rig *t = *state;
    /* It closes its output at once and ends when its input does. */
    struct plug_sock *s = rig_must(t, "system:exec >&-; cat >/dev/null; exit 4,pipes");
    char c;
    assert_int_equal(rig_recv(t, s, &c, 1), PLUG_EOF);
    assert_int_equal(exec_opt(s, PLUG_CHILD_STATUS), PLUG_EAGAIN);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), PLUG_ECHILD);
    assert_int_equal(exec_opt(s, PLUG_CHILD_STATUS), 4);
    plug_close(s);
}

/* Waits until a process of this number is gone or a zombie was reaped. */
static void expect_gone(int pid)
{
    plug_time end = rig_deadline();
    while (kill(pid, 0) == 0) {
        assert_true(plug_now() < end);
        (void)plug__os_poll(NULL, 0, PLUG_MS, NULL);
    }
}

static void test_exec__close_leaves_no_child(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "exec:sleep 1000");
    int pid = exec_opt(s, PLUG_CHILD_PID);
    assert_true(pid > 0);
    plug_close(s);
    expect_gone(pid);
}

static void test_exec__close_kills_who_ignores_it(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s =
        rig_must(t, "system:\"trap '' TERM; echo up; while :; do sleep 1; done\"");
    int pid = exec_opt(s, PLUG_CHILD_PID);
    char buf[8];
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    plug_close(s);
    expect_gone(pid);
}

static void test_exec__reset_kills_who_ignores_it(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s =
        rig_must(t, "system:\"trap '' TERM; echo up; while :; do sleep 1; done\"");
    int pid = exec_opt(s, PLUG_CHILD_PID), r;
    char buf[8];
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RESET), 0); /* at once */
    while ((r = exec_opt(s, PLUG_CHILD_STATUS)) == PLUG_EAGAIN)
        rig_turn(t); /* TERM, and KILL by its tick */
    assert_int_equal(r, 128 + SIGKILL);
    plug_close(s);
    expect_gone(pid);
}

static void test_words__split_as_a_shell_would(void **state)
{
    static const char text[] = "  a 'b  c' \"d \\\" e\" f\\ g h'i'\"j\" '' \\";
    static const char *const want[] = {"a", "b  c", "d \" e", "f g", "hij", "", "\\"};
    struct plug_plan *plan;
    const char *const *words;
    (void)state;
    assert_int_equal(plug__plan_parse(&plan, "echo:", NULL, NULL), 0);
    assert_int_equal(plug__words(plan, text, &words, NULL), 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(words[i], want[i]);
    assert_null(words[7]);
    assert_int_equal(plug__words(plan, "a 'b", &words, NULL), PLUG_EUSAGE);
    assert_int_equal(plug__words(plan, "", &words, NULL), 0);
    assert_int_equal(plug__words(plan, "x y", &words, NULL), 2);
    plug__plan_drop(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_exec__joins_input_and_output),
        RIG_ALL(test_exec__much_data_is_whole),
        RIG_ALL(test_exec__status_is_told),
        RIG_ALL(test_exec__missing_program_is_told),
        RIG_ALL(test_exec__standard_error_may_join),
        RIG_PRIVATE(test_exec__starts_where_it_is_told),
        RIG_ALL(test_exec__input_left_unread_is_told),
        RIG_SHARED(test_exec__end_is_noticed_while_idle),
        RIG_ALL(test_exec__a_half_closed_child_still_reads),
        RIG_ALL(test_exec__shutdown_waits_for_the_child),
        RIG_ALL(test_exec__close_leaves_no_child),
        RIG_PRIVATE(test_exec__close_kills_who_ignores_it),
        RIG_SHARED(test_exec__reset_kills_who_ignores_it),
        cmocka_unit_test(test_words__split_as_a_shell_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

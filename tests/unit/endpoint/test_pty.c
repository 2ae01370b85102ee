/* SPDX-License-Identifier: MIT
 *
 * Terminals by the public calls: their other end by its name, programs on them, serial lines.
 * What a person at a terminal sees is e2e/test_terminal.py's.
 */
#include "unit/endpoint/rig.h"

#include "endpoint/tty.h"
#include <poll.h>
#include <termios.h>

static struct plug_sock *open_pty(struct rig *t, const char *options, int *ret_slave)
{
    char address[256];
    struct plug_sock *s;
    snprintf(address, sizeof(address), "pty:,link=%s/line%s", t->dir, options);
    s = rig_must(t, address);
    *ret_slave = open(rig_path(t, "line"), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_slave >= 0);
    return s;
}

/* Reads exactly n bytes of a descriptor that blocks. */
static void expect_bytes(int fd, const char *want, size_t n)
{
    char buf[64];
    size_t got = 0;
    assert_true(n <= sizeof(buf));
    while (got < n) {
        ssize_t r = read(fd, buf + got, n - got);
        assert_true(r > 0);
        got += (size_t)r;
    }
    assert_memory_equal(buf, want, n);
}

static void test_pty__bytes_both_ways_and_the_end(void **state)
{
    struct rig *t = *state;
    char buf[32];
    int fd;
    struct plug_sock *s = open_pty(t, ",rawer", &fd);
    rig_send_all(t, s, "to it\x03\x04\n");
    expect_bytes(fd, "to it\x03\x04\n", 8);
    assert_int_equal(write(fd, "from it\n", 8), 8);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 8);
    assert_memory_equal(buf, "from it\n", 8);
    assert_int_equal(write(fd, "last", 4), 4);
    assert_int_equal(close(fd), 0);
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "last");
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_EPIPE);
    plug_close(s);
    assert_int_equal(access(rig_path(t, "line"), F_OK), -1);
}

/* Behind the beginning of a line the first ^D only ends the line. */
static void test_pty__end_of_input_is_said(void **state)
{
    static const char *const texts[] = {"line\n", "half", ""};
    struct rig *t = *state;
    for (size_t i = 0; i < 3; i++) {
        char buf[16];
        int fd;
        struct plug_sock *s = open_pty(t, ",echo=0", &fd);
        rig_send_all(t, s, texts[i]);
        assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
        if (*texts[i])
            expect_bytes(fd, texts[i], strlen(texts[i]));
        assert_int_equal(read(fd, buf, sizeof(buf)), 0);
        plug_close(s);
        assert_int_equal(close(fd), 0);
    }
}

/* What is not read goes with the terminal: shutdown waits for it. */
static void test_pty__shutdown_waits_for_the_reader(void **state)
{
    struct rig *t = *state;
    int64_t unsent = 0;
    size_t len = sizeof(unsent);
    int fd;
    struct plug_sock *s = open_pty(t, ",rawer", &fd);
    rig_send_all(t, s, "unread");
    assert_int_equal(plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_UNSENT, &unsent, &len), 0);
    assert_int_equal(unsent, 6);
    assert_int_equal(plug_shutdown(s, PLUG_SHUT_RDWR, 0), PLUG_EAGAIN);
    expect_bytes(fd, "unread", 6);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
    assert_int_equal(close(fd), 0);
}

static void test_pty__link_of_another_is_kept(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char address[160];
    int fd;
    rig_write_file(rig_path(t, "line"), "mine");
    snprintf(address, sizeof(address), "pty:,link=%s", rig_path(t, "line"));
    assert_int_equal(rig_open(t, &s, address), PLUG_EEXIST);
    rig_expect_file(rig_path(t, "line"), "mine");
    assert_int_equal(unlink(rig_path(t, "line")), 0);
    assert_int_equal(symlink("/dev/pts/99999", rig_path(t, "line")),
                     0); /* left by an earlier run */
    s = open_pty(t, "", &fd);
    assert_int_equal(unlink(rig_path(t, "line")), 0);
    rig_write_file(rig_path(t, "line"), "new");
    plug_close(s);
    rig_expect_file(rig_path(t, "line"), "new");
    assert_int_equal(unlink(rig_path(t, "line")), 0);
    assert_int_equal(close(fd), 0);
}

static void test_pty__program(void **state)
{
    struct rig *t = *state;
    char buf[64];
    struct plug_sock *s = rig_must(t, "pty:cat,echo=0,opost=0");
    rig_send_all(t, s, "there and back");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "there and back");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
    s = rig_must(t, "system:stty size; exit 3,pty,winsize=7x5,opost=0");
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "5 7\n");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), PLUG_ECHILD);
    plug_close(s);
}

static void test_pty__options_that_cannot_be(void **state)
{
    static const char *const addresses[] = {
        "pty:,winsize=80",           "pty:cat,winsize=0x1", "exec:cat,echo=0", "exec:cat,ctty",
        "exec:cat,pty,pipes",        "exec:cat,pty,nofork", "pty:,crdly=9",    "pty:,intr=300",
        "exec:cat,su=no-such-",      "pty:cat,umask=8",     "pty:,no-such=1",  "pty:cat,wait-slave",
        "exec:cat,pty,sitout-eio=1", "pty:,baud=-1"};
    struct rig *t = *state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct plug_sock *s;
        assert_int_equal(rig_open(t, &s, addresses[i]), PLUG_EUSAGE);
        assert_true(t->err.width > 0 && t->err.column > 0);
        assert_true(*t->err.hint);
    }
}

static void test_process__nofork_is_the_commands(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, "exec:cat,nofork"), PLUG_ENOTSUP);
    assert_non_null(strstr(t->err.text, "nofork"));
}

/* ---- serial lines ---- */

static void test_serial__joins_and_puts_back(void **state)
{
    struct rig *t = *state;
    struct termios before, now;
    struct plug_sock *wire, *s;
    char address[128], buf[16];
    int fd;
    wire = open_pty(t, "", &fd);
    assert_int_equal(tcgetattr(fd, &before), 0);
    s = rig_must(t, rig_at(t, "serial", "line", ",b2400"));
    assert_int_equal(tcgetattr(fd, &now), 0);
    assert_true(cfgetospeed(&now) == B2400 && !(now.c_lflag & (ICANON | ECHO)));
    rig_send_all(t, s, "over the wire");
    assert_int_equal(rig_recv(t, wire, buf, sizeof(buf)), 13);
    rig_send_all(t, wire, "back\x04");
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 5);
    assert_memory_equal(buf, "back\x04", 5);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
    assert_int_equal(tcgetattr(fd, &now), 0);
    assert_true(now.c_lflag == before.c_lflag && cfgetospeed(&now) == cfgetospeed(&before));
    snprintf(address, sizeof(address), "file:%s/line,cs8", t->dir); /* leaves all else alone */
    s = rig_must(t, address);
    assert_int_equal(tcgetattr(fd, &now), 0);
    assert_true(now.c_lflag == before.c_lflag);
    plug_close(s);
    plug_close(wire);
    assert_int_equal(close(fd), 0);
}

static void test_serial__a_line_that_goes_is_no_end(void **state)
{
    struct rig *t = *state;
    struct plug_err err;
    char buf[8];
    int fd;
    struct plug_sock *wire = open_pty(t, "", &fd);
    struct plug_sock *s = rig_must(t, rig_at(t, "serial", "line", ""));
    assert_int_equal(close(fd), 0);
    plug_close(wire);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_ENXIO);
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_ENXIO);
    assert_int_equal(plug_error(s, &err), PLUG_ENXIO);
    assert_non_null(strstr(err.text, "hung up"));
    plug_close(s);
}

static void test_serial__must_be_a_terminal(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, "serial:/dev/null"), PLUG_ENOTSUP);
    assert_int_equal(rig_open(t, &s, "serial:/no/such/line"), PLUG_ENOENT);
    assert_int_equal(rig_open(t, &s, "file:/dev/null,b9600"), PLUG_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_pty__bytes_both_ways_and_the_end),
        RIG_ALL(test_pty__end_of_input_is_said),
        RIG_ALL(test_pty__shutdown_waits_for_the_reader),
        RIG_PRIVATE(test_pty__link_of_another_is_kept),
        RIG_ALL(test_pty__program),
        RIG_PRIVATE(test_pty__options_that_cannot_be),
        RIG_ALL(test_process__nofork_is_the_commands),
        RIG_ALL(test_serial__joins_and_puts_back),
        RIG_ALL(test_serial__a_line_that_goes_is_no_end),
        RIG_PRIVATE(test_serial__must_be_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

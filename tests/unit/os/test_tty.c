/* SPDX-License-Identifier: MIT
 *
 * Terminals by the calls of os.h, looked at from the other end by the C library's own.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct both {
    plug_handle master;
    int slave;
    char name[64];
};

static int tty_setup(void **state)
{
    struct both *b = calloc(1, sizeof(*b));
    if (!b || plug__os_pty_open(&b->master, b->name, sizeof(b->name), NULL) < 0)
        return -1;
    b->slave = open(b->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    *state = b;
    return b->slave < 0;
}

static int tty_teardown(void **state)
{
    struct both *b = *state;
    (void)close(b->slave);
    plug__os_close(b->master);
    free(b);
    return 0;
}

/* Sets one at our end; what the other end has then. */
static struct termios tty_after(const struct both *b, const char *name, int64_t value)
{
    struct plug__tty t;
    struct termios now;
    assert_int_equal(plug__os_tty_get(b->master, &t, NULL), 0);
    assert_int_equal(plug__os_tty_option(&t, name, value), 0);
    assert_int_equal(plug__os_tty_set(b->master, &t, 0, NULL), 0);
    assert_int_equal(tcgetattr(b->slave, &now), 0);
    return now;
}

static tcflag_t tty_field(const struct termios *t, char field)
{
    return field == 'i'   ? t->c_iflag
           : field == 'o' ? t->c_oflag
           : field == 'c' ? t->c_cflag
                          : t->c_lflag;
}

static void test_tty__flags_are_the_librarys(void **state)
{
    static const struct {
        const char *name;
        char field;
        tcflag_t bit;
    } rows[] = {
        {"brkint", 'i', BRKINT},   {"icrnl", 'i', ICRNL},     {"ignbrk", 'i', IGNBRK},
        {"igncr", 'i', IGNCR},     {"ignpar", 'i', IGNPAR},   {"imaxbel", 'i', IMAXBEL},
        {"inlcr", 'i', INLCR},     {"inpck", 'i', INPCK},     {"istrip", 'i', ISTRIP},
        {"iuclc", 'i', IUCLC},     {"iutf8", 'i', IUTF8},     {"ixany", 'i', IXANY},
        {"ixoff", 'i', IXOFF},     {"ixon", 'i', IXON},       {"parmrk", 'i', PARMRK},
        {"ocrnl", 'o', OCRNL},     {"ofdel", 'o', OFDEL},     {"ofill", 'o', OFILL},
        {"olcuc", 'o', OLCUC},     {"onlcr", 'o', ONLCR},     {"onlret", 'o', ONLRET},
        {"onocr", 'o', ONOCR},     {"opost", 'o', OPOST},     {"clocal", 'c', CLOCAL},
        {"cstopb", 'c', CSTOPB},   {"hupcl", 'c', HUPCL},     {"parodd", 'c', PARODD},
        {"echo", 'l', ECHO},       {"echoctl", 'l', ECHOCTL}, {"echoe", 'l', ECHOE},
        {"echok", 'l', ECHOK},     {"echoke", 'l', ECHOKE},   {"echonl", 'l', ECHONL},
        {"echoprt", 'l', ECHOPRT}, {"flusho", 'l', FLUSHO},   {"icanon", 'l', ICANON},
        {"iexten", 'l', IEXTEN},   {"isig", 'l', ISIG},       {"noflsh", 'l', NOFLSH},
        {"tostop", 'l', TOSTOP},   {"xcase", 'l', XCASE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct termios t = tty_after(*state, rows[i].name, 1);
        struct plug__tty mine;
        assert_true(tty_field(&t, rows[i].field) & rows[i].bit);
        assert_int_equal(plug__os_tty_get(((struct both *)*state)->master, &mine, NULL), 0);
        assert_int_equal(plug__os_tty_flag(&mine, rows[i].name), 1);
        t = tty_after(*state, rows[i].name, 0);
        assert_false(tty_field(&t, rows[i].field) & rows[i].bit);
    }
}

static void test_tty__choices_and_delays(void **state)
{
    static const struct {
        const char *name;
        int64_t value;
        tcflag_t mask, want;
    } rows[] = {
        {"nl1", 1, NLDLY, NL1},    {"nl0", 1, NLDLY, NL0},      {"nldly", 1, NLDLY, NL1},
        {"cr2", 1, CRDLY, CR2},    {"crdly", 3, CRDLY, CR3},    {"cr0", 1, CRDLY, CR0},
        {"tab3", 1, TABDLY, TAB3}, {"tabdly", 1, TABDLY, TAB1}, {"bs1", 1, BSDLY, BS1},
        {"bsdly", 0, BSDLY, BS0},  {"vt1", 1, VTDLY, VT1},      {"vtdly", 0, VTDLY, VT0},
        {"ff1", 1, FFDLY, FF1},    {"ffdly", 0, FFDLY, FF0},    {"cr1", 1, CRDLY, CR1},
        {"cr3", 0, CRDLY, CR1}, /* off: as it was */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct termios t = tty_after(*state, rows[i].name, rows[i].value);
        assert_int_equal(t.c_oflag & rows[i].mask, rows[i].want);
    }
}

/* A pseudo-terminal always has 8 bits, so the sizes are looked at before they are set. */
static void test_tty__bits_of_a_character(void **state)
{
    const struct both *b = *state;
    struct plug__tty t;
    assert_int_equal(plug__os_tty_get(b->master, &t, NULL), 0);
    for (const char *name = "5678"; *name; name++) {
        char size[] = {'c', 's', *name, '\0'};
        assert_int_equal(plug__os_tty_option(&t, size, 1), 0);
        assert_int_equal(plug__os_tty_flag(&t, size), 1);
        assert_int_equal(plug__os_tty_option(&t, "csize", *name - '5'), 0);
        assert_int_equal(plug__os_tty_flag(&t, size), 1);
    }
    assert_int_equal(plug__os_tty_option(&t, "parenb", 1), 0);
    assert_int_equal(plug__os_tty_flag(&t, "parenb"), 1);
}

static void test_tty__characters(void **state)
{
    static const struct {
        const char *name;
        int index;
    } rows[] = {{"intr", VINTR},       {"quit", VQUIT},       {"susp", VSUSP},
                {"eof", VEOF},         {"eol", VEOL},         {"eol2", VEOL2},
                {"erase", VERASE},     {"werase", VWERASE},   {"kill", VKILL},
                {"start", VSTART},     {"stop", VSTOP},       {"lnext", VLNEXT},
                {"reprint", VREPRINT}, {"discard", VDISCARD}, {"min", VMIN},
                {"time", VTIME},       {"swtc", VSWTC}};
    struct plug__tty t;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct termios now = tty_after(*state, rows[i].name, 65 + (int64_t)i);
        assert_int_equal(now.c_cc[rows[i].index], 65 + i);
    }
    assert_int_equal(plug__os_tty_get(((struct both *)*state)->master, &t, NULL), 0);
    assert_int_equal(plug__os_tty_char(&t, "intr"), 65);
    assert_int_equal(plug__os_tty_char(&t, "none"), -1);
    assert_int_equal(plug__os_tty_option(&t, "intr", 0), 0);
    assert_int_equal(plug__os_tty_char(&t, "intr"), -1);
}

static void test_tty__speeds(void **state)
{
    struct termios t = tty_after(*state, "b115200", 1);
    assert_true(cfgetospeed(&t) == B115200 && cfgetispeed(&t) == B115200);
    t = tty_after(*state, "baud", 300);
    assert_true(cfgetospeed(&t) == B300);
    t = tty_after(*state, "ospeed", 9600);
    assert_true(cfgetospeed(&t) == B9600);
    t = tty_after(*state, "b50", 0); /* off: as it was */
    assert_true(cfgetospeed(&t) == B9600);
    (void)tty_after(*state, "ispeed", 31250); /* has no number of its own */
}

static void test_tty__modes(void **state)
{
    struct termios t = tty_after(*state, "rawer", 1);
    assert_false(t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN));
    assert_false(t.c_iflag & (ICRNL | IXON | ISTRIP));
    assert_false(t.c_oflag & OPOST);
    assert_true(t.c_cc[VMIN] == 1 && t.c_cc[VTIME] == 0);
    t = tty_after(*state, "sane", 1);
    assert_true((t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN)) == (ICANON | ECHO | ISIG | IEXTEN));
    assert_true((t.c_iflag & ICRNL) && (t.c_oflag & OPOST) && t.c_cc[VINTR] == 3);
    t = tty_after(*state, "raw", 1);
    assert_true(!(t.c_lflag & ICANON) && (t.c_lflag & ECHO));
    (void)tty_after(*state, "sane", 1);
    t = tty_after(*state, "cfmakeraw", 1);
    assert_false(t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN));
    t = tty_after(*state, "sane", 0); /* nothing */
    assert_false(t.c_lflag & ICANON);
}

static void test_tty__what_it_does_not_know(void **state)
{
    const struct both *b = *state;
    struct plug__tty t;
    plug_handle p[2];
    assert_int_equal(plug__os_tty_get(b->master, &t, NULL), 0);
    assert_int_equal(plug__os_tty_option(&t, "no-such-setting", 1), PLUG_ENOTSUP);
    assert_int_equal(plug__os_tty_option(&t, "b12x", 1), PLUG_ENOTSUP);
    assert_int_equal(plug__os_tty_option(&t, "intr", 256), PLUG_EINVAL);
    assert_int_equal(plug__os_tty_option(&t, "crdly", 4), PLUG_EINVAL);
    assert_int_equal(plug__os_tty_option(&t, "baud", -1), PLUG_EINVAL);
    assert_int_equal(plug__os_tty_flag(&t, "no-such-setting"), 0);
    assert_int_equal(plug__os_pipe(p, 0, NULL), 0);
    assert_int_equal(plug__os_tty_get(p[0], &t, NULL), PLUG_ENOTSUP);
    assert_true(plug__os_tty_lines(p[0], PLUG__LINE_DTR, PLUG__LINE_RTS, NULL) < 0);
    assert_true(plug__os_tty_lines(p[0], 0, PLUG__LINE_RTS, NULL) < 0);
    pair_close(p);
}

static void test_tty__size(void **state)
{
    const struct both *b = *state;
    struct plug__winsize s = {.rows = 33, .cols = 99}, got = {0};
    assert_int_equal(plug__os_tty_resize(b->master, &s, NULL), 0);
    assert_int_equal(plug__os_tty_size(b->slave, &got, NULL), 0);
    assert_true(got.rows == 33 && got.cols == 99);
}

static void test_tty__who_has_it_open(void **state)
{
    struct both *b = *state;
    char byte;
    assert_int_equal(plug__os_pty_used(b->master), 1);
    assert_int_equal(close(b->slave), 0);
    assert_int_equal(plug__os_pty_used(b->master), 0);
    assert_true(read((int)b->master, &byte, 1) < 0 && errno == EIO);
    b->slave = open(b->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_int_equal(plug__os_pty_used(b->master), 1);
}

static void test_tty__paths(void **state)
{
    const struct both *b = *state;
    char link[64], to[64];
    assert_int_equal(plug__os_tty_path(b->name), 1);
    assert_int_equal(plug__os_tty_path("/dev/null"), 0);
    assert_int_equal(plug__os_tty_path("/no/such"), 0);
    assert_int_equal(plug__os_tty_path("/"), 0);
    (void)snprintf(link, sizeof(link), "/tmp/plug-test-tty-%d", (int)getpid());
    assert_int_equal(plug__os_symlink(b->name, link, NULL), 0);
    assert_int_equal(plug__os_symlink(b->name, link, NULL), PLUG_EEXIST);
    assert_int_equal(plug__os_tty_path(link), 1);
    assert_int_equal(plug__os_readlink(link, to, sizeof(to), NULL), (int)strlen(b->name));
    assert_string_equal(to, b->name);
    assert_int_equal(plug__os_unlink(link, NULL), 0);
    assert_int_equal(plug__os_readlink(link, to, sizeof(to), NULL), PLUG_ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tty__flags_are_the_librarys, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__choices_and_delays, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__bits_of_a_character, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__characters, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__speeds, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__modes, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__what_it_does_not_know, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__size, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__who_has_it_open, tty_setup, tty_teardown),
        cmocka_unit_test_setup_teardown(test_tty__paths, tty_setup, tty_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

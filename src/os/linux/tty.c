/* SPDX-License-Identifier: MIT
 *
 * Terminals by the kernel's own struct termios2, whose speeds are plain numbers.
 * <termios.h> must not be included here: it defines the same names with the C library's sizes.
 */
#include "os/posix/posix.h"
#include "util/attr.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef TCGETS2 /* musl's sys/ioctl.h leaves them out */
#define TCGETS2 ((int)_IOR('T', 0x2A, struct termios2))
#define TCSETS2 ((int)_IOW('T', 0x2B, struct termios2))
#endif

_Static_assert(sizeof(struct termios2) <= sizeof(struct plug__tty), "room for the settings");

/* ---- settings by name ---- */

enum tty_field { TTY_I, TTY_O, TTY_C, TTY_L };

/* Clears `mask` and sets `bits`. Flags have both the same; of choices one is made, and saying no to
 * one chooses no other. */
struct tty_row {
    const char *name;
    enum tty_field field;
    int choice;
    tcflag_t mask, bits;
};

#define ROW(f, n, bit)            \
    {                             \
        n, TTY_##f, 0, (bit), bit \
    }
#define PICK(f, n, mask, bits)      \
    {                               \
        n, TTY_##f, 1, (mask), bits \
    }

static const struct tty_row tty_rows[] = {
    ROW(I, "brkint", BRKINT),      ROW(I, "icrnl", ICRNL),        ROW(I, "ignbrk", IGNBRK),
    ROW(I, "igncr", IGNCR),        ROW(I, "ignpar", IGNPAR),      ROW(I, "imaxbel", IMAXBEL),
    ROW(I, "inlcr", INLCR),        ROW(I, "inpck", INPCK),        ROW(I, "istrip", ISTRIP),
    ROW(I, "iuclc", IUCLC),        ROW(I, "iutf8", IUTF8),        ROW(I, "ixany", IXANY),
    ROW(I, "ixoff", IXOFF),        ROW(I, "ixon", IXON),          ROW(I, "parmrk", PARMRK),
    ROW(O, "ocrnl", OCRNL),        ROW(O, "ofdel", OFDEL),        ROW(O, "ofill", OFILL),
    ROW(O, "olcuc", OLCUC),        ROW(O, "onlcr", ONLCR),        ROW(O, "onlret", ONLRET),
    ROW(O, "onocr", ONOCR),        ROW(O, "opost", OPOST),        ROW(C, "clocal", CLOCAL),
    ROW(C, "cread", CREAD),        ROW(C, "crtscts", CRTSCTS),    ROW(C, "cstopb", CSTOPB),
    ROW(C, "hupcl", HUPCL),        ROW(C, "parenb", PARENB),      ROW(C, "parodd", PARODD),
    ROW(L, "echo", ECHO),          ROW(L, "echoctl", ECHOCTL),    ROW(L, "echoe", ECHOE),
    ROW(L, "echok", ECHOK),        ROW(L, "echoke", ECHOKE),      ROW(L, "echonl", ECHONL),
    ROW(L, "echoprt", ECHOPRT),    ROW(L, "flusho", FLUSHO),      ROW(L, "icanon", ICANON),
    ROW(L, "iexten", IEXTEN),      ROW(L, "isig", ISIG),          ROW(L, "noflsh", NOFLSH),
    ROW(L, "pendin", PENDIN),      ROW(L, "tostop", TOSTOP),      ROW(L, "xcase", XCASE),
    PICK(C, "cs5", CSIZE, CS5),    PICK(C, "cs6", CSIZE, CS6),    PICK(C, "cs7", CSIZE, CS7),
    PICK(C, "cs8", CSIZE, CS8),    PICK(O, "nl0", NLDLY, NL0),    PICK(O, "nl1", NLDLY, NL1),
    PICK(O, "cr0", CRDLY, CR0),    PICK(O, "cr1", CRDLY, CR1),    PICK(O, "cr2", CRDLY, CR2),
    PICK(O, "cr3", CRDLY, CR3),    PICK(O, "tab0", TABDLY, TAB0), PICK(O, "tab1", TABDLY, TAB1),
    PICK(O, "tab2", TABDLY, TAB2), PICK(O, "tab3", TABDLY, TAB3), PICK(O, "bs0", BSDLY, BS0),
    PICK(O, "bs1", BSDLY, BS1),    PICK(O, "vt0", VTDLY, VT0),    PICK(O, "vt1", VTDLY, VT1),
    PICK(O, "ff0", FFDLY, FF0),    PICK(O, "ff1", FFDLY, FF1),
};

static const struct {
    const char *name;
    int index;
} tty_chars[] = {
    {"discard", VDISCARD}, {"eof", VEOF},   {"eol", VEOL},         {"eol2", VEOL2},
    {"erase", VERASE},     {"intr", VINTR}, {"kill", VKILL},       {"lnext", VLNEXT},
    {"min", VMIN},         {"quit", VQUIT}, {"reprint", VREPRINT}, {"start", VSTART},
    {"stop", VSTOP},       {"susp", VSUSP}, {"swtc", VSWTC},       {"time", VTIME},
    {"werase", VWERASE},
};

/* The speeds that have a number of their own; any other goes as BOTHER. */
static const struct {
    unsigned speed;
    tcflag_t bits;
} tty_speeds[] = {
    {0, B0},
    {50, B50},
    {75, B75},
    {110, B110},
    {134, B134},
    {150, B150},
    {200, B200},
    {300, B300},
    {600, B600},
    {1200, B1200},
    {1800, B1800},
    {2400, B2400},
    {4800, B4800},
    {9600, B9600},
    {19200, B19200},
    {38400, B38400},
    {57600, B57600},
    {115200, B115200},
    {230400, B230400},
    {460800, B460800},
    {500000, B500000},
    {576000, B576000},
    {921600, B921600},
    {1000000, B1000000},
    {1152000, B1152000},
    {1500000, B1500000},
    {2000000, B2000000},
    {2500000, B2500000},
    {3000000, B3000000},
    {3500000, B3500000},
    {4000000, B4000000},
};

/* Copied, never cast: the compiler takes the two for different objects. */
static struct termios2 tty_load(const struct plug__tty *t)
{
    struct termios2 own;
    memcpy(&own, &t->u, sizeof own);
    return own;
}

static void tty_store(struct plug__tty *t, const struct termios2 *own)
{
    memcpy(&t->u, own, sizeof *own);
}

static tcflag_t *tty_field(struct termios2 *t, enum tty_field f)
{
    tcflag_t *const fields[] = {&t->c_iflag, &t->c_oflag, &t->c_cflag, &t->c_lflag};
    return fields[f];
}

static void tty_change(struct termios2 *t, enum tty_field f, tcflag_t clear, tcflag_t set)
{
    tcflag_t *at = tty_field(t, f);
    *at = (*at & ~clear) | set;
}

static tcflag_t tty_speed_bits(unsigned speed)
{
    for (size_t i = 0; i < PLUG__COUNT(tty_speeds); i++)
        if (tty_speeds[i].speed == speed)
            return tty_speeds[i].bits;
    return BOTHER;
}

static int tty_speed(struct termios2 *t, int64_t speed, int in, int out)
{
    if (speed < 0 || speed > UINT32_MAX)
        return PLUG_EINVAL;
    tcflag_t bits = tty_speed_bits((unsigned)speed);
    if (out) {
        tty_change(t, TTY_C, CBAUD, bits);
        t->c_ospeed = (unsigned)speed;
    }
    if (in) {
        tty_change(t, TTY_C, (tcflag_t)CBAUD << IBSHIFT, bits << IBSHIFT);
        t->c_ispeed = (unsigned)speed;
    }
    return 0;
}

/* "b9600" */
static int tty_speed_name(const char *name, int64_t *ret)
{
    char *end = NULL;
    if (name[0] != 'b' || name[1] < '0' || name[1] > '9')
        return 0;
    *ret = strtoll(name + 1, &end, 10);
    return *end == '\0';
}

/* ---- several settings at once ---- */

enum {
    TTY_RAW_I = IGNBRK | BRKINT | IGNPAR | PARMRK | INPCK | ISTRIP | INLCR | IGNCR | ICRNL | IXON |
                IXOFF | IUCLC | IXANY | IMAXBEL,
    TTY_MAKERAW_I = IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON,
    TTY_SANE_I_OFF = IGNBRK | INLCR | IGNCR | IXOFF | IUCLC | IXANY,
    TTY_SANE_I_ON = BRKINT | ICRNL | IXON | IMAXBEL,
    TTY_SANE_O_OFF = OLCUC | OCRNL | OFILL | ONOCR | ONLRET | OFDEL | NLDLY | CRDLY | TABDLY |
                     BSDLY | VTDLY | FFDLY,
    TTY_SANE_L_OFF = ECHONL | NOFLSH | XCASE | TOSTOP | ECHOPRT,
    TTY_SANE_L_ON = ICANON | IEXTEN | ISIG | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE
};

static void tty_by_byte(struct termios2 *t)
{
    t->c_cc[VMIN] = 1;
    t->c_cc[VTIME] = 0;
}

static void tty_raw(struct termios2 *t)
{
    tty_change(t, TTY_I, TTY_RAW_I, 0);
    tty_change(t, TTY_O, OPOST, 0);
    tty_change(t, TTY_L, ISIG | ICANON | XCASE, 0);
    tty_by_byte(t);
}

static void tty_rawer(struct termios2 *t)
{
    tty_raw(t);
    tty_change(t, TTY_L, ECHO | ECHOE | ECHOK | ECHONL | ECHOCTL | ECHOPRT | ECHOKE | IEXTEN, 0);
}

static void tty_makeraw(struct termios2 *t)
{
    tty_change(t, TTY_I, TTY_MAKERAW_I, 0);
    tty_change(t, TTY_O, OPOST, 0);
    tty_change(t, TTY_L, ECHO | ECHONL | ICANON | ISIG | IEXTEN, 0);
    tty_change(t, TTY_C, CSIZE | PARENB, CS8);
    tty_by_byte(t);
}

static void tty_sane(struct termios2 *t)
{
    static const struct {
        int index;
        unsigned char c;
    } chars[] = {{VINTR, 3},   {VQUIT, 28},    {VERASE, 127}, {VKILL, 21},    {VEOF, 4},
                 {VSTART, 17}, {VSTOP, 19},    {VSUSP, 26},   {VREPRINT, 18}, {VWERASE, 23},
                 {VLNEXT, 22}, {VDISCARD, 15}, {VEOL, 0},     {VEOL2, 0}};
    tty_change(t, TTY_I, TTY_SANE_I_OFF, TTY_SANE_I_ON);
    tty_change(t, TTY_O, TTY_SANE_O_OFF, OPOST | ONLCR);
    tty_change(t, TTY_C, 0, CREAD);
    tty_change(t, TTY_L, TTY_SANE_L_OFF, TTY_SANE_L_ON);
    for (size_t i = 0; i < PLUG__COUNT(chars); i++)
        t->c_cc[chars[i].index] = chars[i].c;
}

static const struct {
    const char *name;
    void (*set)(struct termios2 *t);
} tty_modes[] = {
    {"raw", tty_raw},
    {"rawer", tty_rawer},
    {"cfmakeraw", tty_makeraw},
    {"sane", tty_sane},
};

/* "crdly" and its like: a number instead of cr0 to cr3. */
static int tty_delay(struct termios2 *t, const char *name, int64_t value)
{
    static const struct {
        const char *name;
        enum tty_field field;
        tcflag_t mask;
        int shift, most;
    } rows[] = {{"nldly", TTY_O, NLDLY, 8, 1},    {"crdly", TTY_O, CRDLY, 9, 3},
                {"tabdly", TTY_O, TABDLY, 11, 3}, {"bsdly", TTY_O, BSDLY, 13, 1},
                {"vtdly", TTY_O, VTDLY, 14, 1},   {"ffdly", TTY_O, FFDLY, 15, 1},
                {"csize", TTY_C, CSIZE, 4, 3}};
    for (size_t i = 0; i < PLUG__COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (value < 0 || value > rows[i].most)
            return PLUG_EINVAL;
        tty_change(t, rows[i].field, rows[i].mask, (tcflag_t)value << rows[i].shift);
        return 0;
    }
    return PLUG_ENOTSUP;
}

static const struct tty_row *tty_row(const char *name)
{
    for (size_t i = 0; i < PLUG__COUNT(tty_rows); i++)
        if (strcmp(tty_rows[i].name, name) == 0)
            return &tty_rows[i];
    return NULL;
}

static int tty_char(const char *name)
{
    for (size_t i = 0; i < PLUG__COUNT(tty_chars); i++)
        if (strcmp(tty_chars[i].name, name) == 0)
            return tty_chars[i].index;
    return -1;
}

static int tty_option(struct termios2 *t, const char *name, int64_t value)
{
    const struct tty_row *row = tty_row(name);
    int64_t speed;
    int c = tty_char(name);
    if (row) {
        if (value || !row->choice)
            tty_change(t, row->field, row->mask, value ? row->bits : 0);
        return 0;
    }
    if (c >= 0) {
        if (value < 0 || value > 255)
            return PLUG_EINVAL;
        t->c_cc[c] = (unsigned char)value;
        return 0;
    }
    for (size_t i = 0; i < PLUG__COUNT(tty_modes); i++) {
        if (strcmp(tty_modes[i].name, name) == 0) {
            if (value)
                tty_modes[i].set(t);
            return 0;
        }
    }
    if (tty_speed_name(name, &speed))
        return value ? tty_speed(t, speed, 1, 1) : 0;
    if (strcmp(name, "ispeed") == 0 || strcmp(name, "ospeed") == 0 || strcmp(name, "baud") == 0)
        return tty_speed(t, value, name[0] != 'o', name[0] != 'i');
    return tty_delay(t, name, value);
}

int plug__os_tty_option(struct plug__tty *t, const char *name, int64_t value)
{
    struct termios2 own = tty_load(t);
    int r = tty_option(&own, name, value);
    if (r >= 0)
        tty_store(t, &own);
    return r;
}

int plug__os_tty_flag(const struct plug__tty *t, const char *name)
{
    const struct tty_row *row = tty_row(name);
    struct termios2 own = tty_load(t);
    return row && (*tty_field(&own, row->field) & row->mask) == row->bits;
}

int plug__os_tty_char(const struct plug__tty *t, const char *name)
{
    const struct termios2 own = tty_load(t);
    int c = tty_char(name);
    return c < 0 || own.c_cc[c] == 0 ? -1 : own.c_cc[c];
}

/* ---- terminals ---- */

int plug__os_tty_get(plug_handle h, struct plug__tty *ret, int *reterr_os)
{
    struct termios2 own = {0};
    if (ioctl((int)h, TCGETS2, &own) < 0)
        return plug__posix_fail(reterr_os);
    tty_store(ret, &own);
    return 0;
}

/* Who blocks SIGTTOU is let through. */
int plug__os_tty_set(plug_handle h, const struct plug__tty *t, int always, int *reterr_os)
{
    const struct termios2 own = tty_load(t);
    sigset_t stop, old;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    if (always)
        (void)pthread_sigmask(SIG_BLOCK, &stop, &old);
    int r = plug__posix_check(ioctl((int)h, TCSETS2, &own), reterr_os);
    if (always)
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r;
}

int plug__os_tty_size(plug_handle h, struct plug__winsize *ret, int *reterr_os)
{
    struct winsize w = {0};
    if (ioctl((int)h, TIOCGWINSZ, &w) < 0)
        return plug__posix_fail(reterr_os);
    *ret = (struct plug__winsize){.rows = w.ws_row, .cols = w.ws_col};
    return 0;
}

int plug__os_tty_resize(plug_handle h, const struct plug__winsize *size, int *reterr_os)
{
    const struct winsize w = {.ws_row = size->rows, .ws_col = size->cols};
    return plug__posix_check(ioctl((int)h, TIOCSWINSZ, &w), reterr_os);
}

/* ---- modem lines ---- */

static int tty_modem_bits(unsigned lines)
{
    return (lines & PLUG__LINE_DTR ? TIOCM_DTR : 0) | (lines & PLUG__LINE_RTS ? TIOCM_RTS : 0);
}

int plug__os_tty_lines(plug_handle h, unsigned on, unsigned off, int *reterr_os)
{
    int set = tty_modem_bits(on), clear = tty_modem_bits(off);
    if (set && ioctl((int)h, TIOCMBIS, &set) < 0)
        return plug__posix_fail(reterr_os);
    return clear ? plug__posix_check(ioctl((int)h, TIOCMBIC, &clear), reterr_os) : 0;
}

/* To open a serial line raises its DTR, so what a path names is found out from the kernel: pts have
 * majors of their own, all others a place in sysfs. */
int plug__os_tty_path(const char *path)
{
    char name[64], to[256];
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISCHR(st.st_mode))
        return 0;
    if (major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143)
        return 1;
    (void)snprintf(name, sizeof name, "/sys/dev/char/%u:%u", major(st.st_rdev), minor(st.st_rdev));
    ssize_t n = readlink(name, to, sizeof to - 1);
    if (n < 0)
        return major(st.st_rdev) == 4 || major(st.st_rdev) == 5;
    to[n] = '\0';
    return strstr(to, "/tty/") != NULL;
}

/* ---- pseudo-terminals ---- */

int plug__os_pty_open(plug_handle *ret, char *name, size_t len, int *reterr_os)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), rc = 0;
    if (fd < 0)
        return plug__posix_fail(reterr_os);
    if (grantpt(fd) < 0 || unlockpt(fd) < 0)
        rc = errno;
    else
        rc = ptsname_r(fd, name, len);
    if (rc != 0) {
        plug__posix_close(fd);
        errno = rc;
        return plug__posix_fail(reterr_os);
    }
    *ret = fd;
    return 0;
}

/* The hang-up is there once the other end was open and is so no longer. */
int plug__os_pty_used(plug_handle master)
{
    struct pollfd p = {.fd = (int)master};
    return poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP);
}

/* SPDX-License-Identifier: MIT
 *
 * Options of terminal settings: their names here, their bits in the system's tty.c. Opening a
 * terminal is the business of the kinds.
 */
#include "endpoint/tty.h"

#include "util/err.h"
#include <stddef.h>
#include <string.h>

enum { TTY_SETTING = 0x7474 }; /* in `level`, which such rows do not use: it is one of these */

#define TTY_AT(field) offsetof(struct plug__tty_conf, field)
#define FLAG(n, a, h)                                                               \
    {                                                                               \
        .name = (n), .aliases = (a), .type = PLUG_OPT_FLAG, .offset = TTY_AT(flag), \
        .level = TTY_SETTING, .help = (h)                                           \
    }
#define CHARACTER(n, a, h)                                                            \
    {                                                                                 \
        .name = (n), .aliases = (a), .type = PLUG_OPT_BYTE, .offset = TTY_AT(number), \
        .level = TTY_SETTING, .value = "BYTE", .help = (h)                            \
    }
#define NUMBER(n, a, m, v, h)                                                                  \
    {                                                                                          \
        .name = (n), .aliases = (a), .type = PLUG_OPT_INT, .offset = TTY_AT(number), .min = 0, \
        .max = (m), .level = TTY_SETTING, .value = (v), .help = (h)                            \
    }
#define SPEED(n) FLAG("b" n, NULL, n " bits a second")

const struct plug_option plug__tty_options[] = {
    FLAG("rawer", "termios-rawer", "bytes as they are, both ways, without echo"),
    FLAG("raw", NULL, "the same with echo as it is"),
    FLAG("cfmakeraw", "termios-cfmakeraw", "as cfmakeraw(3): rawer, and 8 bits"),
    FLAG("sane", NULL, "as `stty sane`"),
    FLAG("echo", NULL, "what is typed is shown"),
    FLAG("icanon", NULL, "whole lines, which may be corrected; ^D is their end"),
    FLAG("isig", NULL, "characters such as ^C send signals"),
    FLAG("iexten", NULL, "further special characters"),
    FLAG("opost", NULL, "output is worked on at all"),
    {.name = "winsize",
     .aliases = "tiocswinsz",
     .type = PLUG_OPT_STRING,
     .offset = TTY_AT(winsize),
     .value = "COLSxROWS",
     .help = "its size, such as 80x24"},
    NUMBER("baud", "speed", UINT32_MAX, "N", "speed both ways, any number"),
    NUMBER("ispeed", NULL, UINT32_MAX, "N", "speed of its input"),
    NUMBER("ospeed", NULL, UINT32_MAX, "N", "speed of its output"),
    FLAG("cs8", NULL, "8 bits a character"),
    FLAG("cs7", NULL, "7 bits a character"),
    FLAG("cs6", NULL, "6 bits a character"),
    FLAG("cs5", NULL, "5 bits a character"),
    NUMBER("csize", NULL, 3, "0..3", "bits of a character less 5"),
    FLAG("cstopb", NULL, "two stop bits"),
    FLAG("parenb", NULL, "a parity bit"),
    FLAG("parodd", NULL, "odd parity"),
    FLAG("clocal", NULL, "modem lines do not matter"),
    FLAG("cread", NULL, "it receives"),
    FLAG("crtscts", NULL, "flow control by RTS and CTS"),
    FLAG("hupcl", NULL, "hangs up when the last closes it"),
    FLAG("ixon", NULL, "^S stops output, ^Q goes on"),
    FLAG("ixoff", "tandem", "it sends ^S and ^Q itself"),
    FLAG("ixany", NULL, "any character goes on"),
    FLAG("icrnl", NULL, "CR becomes NL on input"),
    FLAG("inlcr", NULL, "NL becomes CR on input"),
    FLAG("igncr", NULL, "CR is dropped on input"),
    FLAG("istrip", NULL, "the eighth bit is dropped on input"),
    FLAG("iuclc", NULL, "input becomes lower case"),
    FLAG("iutf8", NULL, "input is UTF-8: erase takes whole characters"),
    FLAG("imaxbel", NULL, "a full line rings"),
    FLAG("brkint", NULL, "a break sends INT"),
    FLAG("ignbrk", NULL, "a break is dropped"),
    FLAG("ignpar", NULL, "characters with wrong parity are dropped"),
    FLAG("inpck", NULL, "parity is checked"),
    FLAG("parmrk", NULL, "wrong parity and breaks are marked"),
    FLAG("onlcr", NULL, "NL becomes CR NL on output"),
    FLAG("ocrnl", NULL, "CR becomes NL on output"),
    FLAG("onlret", NULL, "NL does what CR does"),
    FLAG("onocr", NULL, "no CR at column 0"),
    FLAG("olcuc", NULL, "output becomes upper case"),
    FLAG("ofill", NULL, "delays are made by fill characters"),
    FLAG("ofdel", NULL, "the fill character is DEL"),
    FLAG("echoe", "crterase", "erase is shown as one"),
    FLAG("echok", NULL, "kill is followed by NL"),
    FLAG("echoke", "crtkill", "kill is shown as erasures"),
    FLAG("echonl", NULL, "NL is shown also without echo"),
    FLAG("echoctl", "ctlecho", "control characters are shown as ^X"),
    FLAG("echoprt", "prterase", "what is erased is printed"),
    FLAG("noflsh", NULL, "signals do not drop what waits"),
    FLAG("tostop", NULL, "a background job that writes is stopped"),
    FLAG("flusho", NULL, "output is dropped"),
    FLAG("pendin", NULL, "input that waits is read anew"),
    FLAG("xcase", NULL, "upper case by a backslash"),
    CHARACTER("intr", "vintr", "sends INT (^C)"),
    CHARACTER("quit", "vquit", "sends QUIT (^\\)"),
    CHARACTER("susp", "vsusp", "sends TSTP (^Z)"),
    CHARACTER("eof", "veof", "end of input (^D)"),
    CHARACTER("eol", "veol", "ends a line too"),
    CHARACTER("eol2", "veol2", "ends a line too"),
    CHARACTER("erase", "verase", "erases a character"),
    CHARACTER("werase", "vwerase", "erases a word"),
    CHARACTER("kill", "vkill", "erases the line"),
    CHARACTER("start", "vstart", "goes on with output (^Q)"),
    CHARACTER("stop", "vstop", "stops output (^S)"),
    CHARACTER("lnext", "vlnext", "the next character as it is (^V)"),
    CHARACTER("reprint", "vreprint rprnt", "prints the line again"),
    CHARACTER("discard", "vdiscard", "drops output"),
    CHARACTER("swtc", "vswtc swtch", "switches the layer"),
    CHARACTER("min", "vmin", "raw: least bytes of a read"),
    CHARACTER("time", "vtime", "raw: tenths of a second a read waits"),
    NUMBER("nldly", NULL, 1, "0..1", "delay after NL"),
    NUMBER("crdly", NULL, 3, "0..3", "delay after CR"),
    NUMBER("tabdly", NULL, 3, "0..3", "delay after TAB; 3: blanks instead"),
    NUMBER("bsdly", NULL, 1, "0..1", "delay after BS"),
    NUMBER("vtdly", NULL, 1, "0..1", "delay after VT"),
    NUMBER("ffdly", NULL, 1, "0..1", "delay after FF"),
    FLAG("nl0", NULL, "no delay after NL"),
    FLAG("nl1", NULL, "a delay after NL"),
    FLAG("cr0", NULL, "no delay after CR"),
    FLAG("cr1", NULL, "a delay after CR"),
    FLAG("cr2", NULL, "a delay after CR"),
    FLAG("cr3", NULL, "a delay after CR"),
    FLAG("tab0", NULL, "no delay after TAB"),
    FLAG("tab1", NULL, "a delay after TAB"),
    FLAG("tab2", NULL, "a delay after TAB"),
    FLAG("tab3", "xtabs", "TAB becomes blanks"),
    FLAG("bs0", NULL, "no delay after BS"),
    FLAG("bs1", NULL, "a delay after BS"),
    FLAG("vt0", NULL, "no delay after VT"),
    FLAG("vt1", NULL, "a delay after VT"),
    FLAG("ff0", NULL, "no delay after FF"),
    FLAG("ff1", NULL, "a delay after FF"),
    SPEED("0"),
    SPEED("50"),
    SPEED("75"),
    SPEED("110"),
    SPEED("134"),
    SPEED("150"),
    SPEED("200"),
    SPEED("300"),
    SPEED("600"),
    SPEED("1200"),
    SPEED("1800"),
    SPEED("2400"),
    SPEED("4800"),
    SPEED("9600"),
    SPEED("19200"),
    SPEED("38400"),
    SPEED("57600"),
    SPEED("115200"),
    SPEED("230400"),
    SPEED("460800"),
    SPEED("500000"),
    SPEED("576000"),
    SPEED("921600"),
    SPEED("1000000"),
    SPEED("1152000"),
    SPEED("1500000"),
    SPEED("2000000"),
    SPEED("2500000"),
    SPEED("3000000"),
    SPEED("3500000"),
    SPEED("4000000"),
    {0},
};

/* ---- planning ---- */

/* One number of "80x24", 1 to 65535; *text is moved behind it. */
static int tty_side(const char **text, unsigned short *ret)
{
    unsigned n = 0;
    const char *p = *text;
    for (; *p >= '0' && *p <= '9' && n <= UINT16_MAX; p++)
        n = n * 10 + (unsigned)(*p - '0');
    if (n < 1 || n > UINT16_MAX)
        return PLUG_EUSAGE;
    *ret = (unsigned short)n;
    *text = p;
    return 0;
}

int plug__tty_check(const struct plug_step *step, struct plug__tty_conf *c, struct plug_err *reterr)
{
    const char *p = c->winsize;
    if (!p)
        return 0;
    if (tty_side(&p, &c->size.cols) >= 0 && *p++ == 'x' && tty_side(&p, &c->size.rows) >= 0 && !*p)
        return 0;
    plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "\"%.40s\" is not a size of a terminal",
              c->winsize);
    plug__err_hint(reterr, "columns, x, rows: winsize=80x24");
    for (unsigned i = 0; i < step->nopts; i++)
        if (strcmp(step->opts[i].option->name, "winsize") == 0)
            plug__err_at(reterr, step->opts[i].column, step->opts[i].width);
    return PLUG_EUSAGE;
}

static int tty_is_setting(const struct plug_optval *v)
{
    return v->option->level == TTY_SETTING;
}

const struct plug_optval *plug__tty_asked(const struct plug_step *step)
{
    for (unsigned i = 0; i < step->nopts; i++)
        if (tty_is_setting(&step->opts[i]) || strcmp(step->opts[i].option->name, "winsize") == 0)
            return &step->opts[i];
    return NULL;
}

int plug__tty_check_open(const struct plug_step *step, struct plug__tty_conf *c, int tty,
                         struct plug_err *reterr)
{
    const struct plug_optval *v = plug__tty_asked(step);
    if (!v || tty)
        return plug__tty_check(step, c, reterr);
    plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "%s is for a terminal, which this is not",
              v->option->name);
    plug__err_hint(reterr, "leave it out, or run plug at a terminal (ssh -t, docker run -t)");
    plug__err_at(reterr, v->column, v->width);
    return PLUG_EUSAGE;
}

/* ---- changing ---- */

static int tty_settings(const struct plug_step *step, struct plug__tty *t)
{
    int n = 0;
    for (unsigned i = 0; i < step->nopts; i++) {
        const struct plug_optval *v = &step->opts[i];
        int r = tty_is_setting(v) ? plug__os_tty_option(t, v->option->name, v->number) : 0;
        if (r < 0)
            return r;
        n += tty_is_setting(v);
    }
    return n;
}

int plug__tty_apply(const struct plug_step *step, const struct plug__tty_conf *c, plug_handle h,
                    int *reterr_os)
{
    struct plug__tty t;
    int r;
    if (!plug__tty_asked(step))
        return 0;
    r = plug__os_tty_get(h, &t, reterr_os);
    if (r >= 0)
        r = tty_settings(step, &t);
    if (r > 0)
        r = plug__os_tty_set(h, &t, 0, reterr_os);
    if (r >= 0 && c->size.cols)
        r = plug__os_tty_resize(h, &c->size, reterr_os);
    return r;
}

int plug__tty_keep(struct plug__tty_hold *t, plug_handle h, int *reterr_os)
{
    int r = plug__os_tty_get(h, &t->old, reterr_os);
    if (r < 0)
        return r;
    t->handle = h;
    t->held = 1;
    return 0;
}

int plug__tty_hold(struct plug__tty_hold *t, const struct plug_step *step,
                   const struct plug__tty_conf *c, plug_handle h, int *reterr_os)
{
    int r;
    if (!plug__tty_asked(step))
        return 0;
    r = plug__tty_keep(t, h, reterr_os);
    return r < 0 ? r : plug__tty_apply(step, c, h, reterr_os);
}

void plug__tty_let_go(struct plug__tty_hold *t)
{
    if (t->held)
        (void)plug__os_tty_set(t->handle, &t->old, 1, NULL);
    t->held = 0;
}

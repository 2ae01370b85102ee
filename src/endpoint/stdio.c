/* SPDX-License-Identifier: MIT
 *
 * The process's standard input and output as one endpoint, or one of the three standard
 * descriptors. A terminal's settings are changed where options ask for it, and put back; sockets
 * are left to the layers of sockets.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include "endpoint/pty.h"
#include "util/err.h"
#include <stddef.h>
#include <string.h>

static const struct plug_kind stdio_kinds[] = {
    {
        .name = "stdio",
        .aliases = "-",
        .params = PLUG_PARAM_NONE,
        .help = "standard input and standard output",
        .example = "plug - tcp://example.org:80",
    },
    {
        .name = "stdin",
        .params = PLUG_PARAM_NONE,
        .help = "standard input, read only",
        .example = "plug -u stdin create:/tmp/copy",
    },
    {
        .name = "stdout",
        .params = PLUG_PARAM_NONE,
        .help = "standard output, write only",
        .example = "plug -u file:/etc/hostname stdout",
    },
    {
        .name = "stderr",
        .params = PLUG_PARAM_NONE,
        .help = "standard error, write only",
        .example = "plug -u file:/etc/hostname stderr",
    },
    {0},
};

struct stdio_conf {
    struct plug__fd_conf fd;
    struct plug__tty_conf tty;
};

struct stdio_layer {
    struct plug__duplex d;
    struct plug__tty_hold hold;
    uint8_t leads; /* pseudo-terminals take the size of this terminal */
};

static const struct stdio_conf stdio_defaults = {.fd = PLUG__FD_CONF_NONE};

static const struct plug_option stdio_options[] = {
    {.name = "fd",
     .type = PLUG_OPT_GROUP,
     .offset = offsetof(struct stdio_conf, fd),
     .group = plug__fd_options},
    {.name = "tty",
     .type = PLUG_OPT_GROUP,
     .offset = offsetof(struct stdio_conf, tty),
     .group = plug__tty_options},
    {0},
};

/* The descriptor that is read and the one that is written; -1: none, or -u, -U need it not. */
struct stdio_numbers {
    int in, out;
};

static struct stdio_numbers stdio_numbers(const struct plug_step *step)
{
    const char *name = step->kind ? step->kind->name : "stdio";
    if (strcmp(name, "stdin") == 0)
        return (struct stdio_numbers){0, -1};
    if (strcmp(name, "stdout") == 0)
        return (struct stdio_numbers){-1, 1};
    if (strcmp(name, "stderr") == 0)
        return (struct stdio_numbers){-1, 2};
    return (struct stdio_numbers){step->plan->without & PLUG_NOREAD ? -1 : 0,
                                  step->plan->without & PLUG_NOWRITE ? -1 : 1};
}

static int stdio_look(int n, struct plug__stat *ret, struct plug_err *reterr)
{
    static const char *const names[] = {"standard input", "standard output", "standard error"};
    plug_handle h = PLUG_NO_HANDLE;
    int os = 0, r;
    if (n < 0)
        return 0;
    r = plug__os_stdio(n, &h, &os);
    if (r >= 0)
        r = plug__os_fstat(h, ret, &os);
    if (r < 0) {
        plug__err(reterr, PLUG_EUSAGE, os, "stdio", "%s is not open", names[n]);
        plug__err_hint(reterr,
                       "give it one, such as %s/dev/null; with -u or -U one of them is not needed",
                       n ? (n == 1 ? ">" : "2>") : "<");
        return PLUG_EUSAGE;
    }
    if (ret->kind == PLUG__KIND_DIR)
        return plug__err(reterr, PLUG_EISDIR, 0, "stdio", "%s is a directory", names[n]);
    return 0;
}

static int stdio_plan(struct plug_step *step, struct plug_err *reterr)
{
    struct stdio_numbers num = stdio_numbers(step);
    struct plug__stat in = {0}, out = {0};
    int r = stdio_look(num.in, &in, reterr);
    if (r >= 0)
        r = stdio_look(num.out, &out, reterr);
    if (r < 0)
        return r;
    step->offers = PLUG_STREAM;
    if (num.in < 0)
        step->flags |= PLUG_NOREAD;
    if (num.out < 0)
        step->flags |= PLUG_NOWRITE;
    /* Who types at a terminal does not see that the other side has ended; who reads a pipe does. */
    if (in.kind == PLUG__KIND_TTY && out.kind == PLUG__KIND_TTY)
        step->flags &= ~(unsigned)PLUG_HALFCLOSE;
    if (in.kind == PLUG__KIND_SOCKET && out.kind == PLUG__KIND_SOCKET && in.inode == out.inode) {
        step->become = plug__socket_layer(&in); /* as inetd starts a server */
        step->adopt = num.in;
        return 0;
    }
    /* Settings are those of the terminal that is read, else of the one that is written. */
    return plug__tty_check_open(step, &((struct stdio_conf *)step->conf)->tty,
                                in.kind == PLUG__KIND_TTY || out.kind == PLUG__KIND_TTY, reterr);
}

static int stdio_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

/* The terminal itself and not our handle of it, which may be closed before the end. */
static int stdio_terminal(struct stdio_layer *t, const struct stdio_numbers *num, int *os)
{
    const struct stdio_conf *c = t->d.step->conf;
    int n = t->d.in.kind == PLUG__KIND_TTY ? num->in : num->out;
    plug_handle h = PLUG_NO_HANDLE;
    int r;
    if (t->d.in.kind != PLUG__KIND_TTY && t->d.out.kind != PLUG__KIND_TTY)
        return 0;
    r = plug__os_stdio(n, &h, os);
    if (r >= 0 && !t->hold.held)
        r = plug__tty_hold(&t->hold, t->d.step, &c->tty, h, os);
    if (r >= 0) {
        plug__pty_follow(t->d.l.sock->loop, h);
        t->leads = 1;
    }
    return r;
}

static int stdio_open(struct plug_layer *l)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    struct stdio_numbers num = stdio_numbers(d->step);
    int os = 0, r = 0;
    if (num.in >= 0 && d->in.io.handle == PLUG_NO_HANDLE)
        r = plug__port_take(&d->in, num.in, PLUG_IN, 0, &os);
    if (r >= 0 && num.out >= 0 && d->out.io.handle == PLUG_NO_HANDLE)
        r = plug__port_take(&d->out, num.out, PLUG_OUT, 0, &os);
    if (r >= 0)
        r = plug__duplex_dress(d, &((const struct stdio_conf *)d->step->conf)->fd, &os);
    if (r == PLUG_EAGAIN)
        return r;
    if (r >= 0)
        r = stdio_terminal((struct stdio_layer *)l, &num, &os);
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(d);
}

static void stdio_close(struct plug_layer *l)
{
    struct stdio_layer *t = (struct stdio_layer *)l;
    if (t->leads)
        plug__pty_follow(l->sock->loop, PLUG_NO_HANDLE);
    t->leads = 0;
    plug__tty_let_go(&t->hold);
    plug__duplex_close(l);
}

const struct plug_ops plug__stdio_ops = {
    .name = "stdio",
    .size = sizeof(struct stdio_layer),
    .conf = sizeof(struct stdio_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_ONCE | PLUG_TWO_HANDLES,
    .kinds = stdio_kinds,
    .options = stdio_options,
    .defaults = &stdio_defaults,
    .plan = stdio_plan,
    .init = stdio_init,
    .open = stdio_open,
    .accept = plug_pass_accept,
    .recv = plug__duplex_recv,
    .send = plug__duplex_send,
    .shut = plug__duplex_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = plug__duplex_getopt,
    .setopt = plug_no_setopt,
    .tick = plug__duplex_tick,
    .close = stdio_close,
};

/* SPDX-License-Identifier: MIT
 *
 * Making, naming, sizing and leaving a pseudo-terminal. It transfers nothing: the kinds that have
 * one read and write its master as any other descriptor.
 */
#include "endpoint/pty.h"

#include "util/err.h"
#include <stddef.h>
#include <string.h>

#define PTY_AT(field) offsetof(struct plug__pty_conf, field)

const struct plug_option plug__pty_options[] = {
    {.name = "link",
     .aliases = "symbolic-link",
     .type = PLUG_OPT_STRING,
     .offset = PTY_AT(link),
     .value = "PATH",
     .help = "a symbolic link to the terminal's other end"},
    {.name = "wait-slave",
     .aliases = "waitslave pty-wait-slave",
     .type = PLUG_OPT_FLAG,
     .offset = PTY_AT(wait_slave),
     .help = "wait until another program has opened it"},
    {.name = "pty-interval",
     .aliases = "pty-intervall",
     .type = PLUG_OPT_TIME,
     .offset = PTY_AT(interval),
     .min = PLUG_MS,
     .max = 3600 * PLUG_SECOND,
     .value = "SECONDS",
     .help = "between looks for that (0.1)"},
    {.name = "sitout-eio",
     .type = PLUG_OPT_TIME,
     .offset = PTY_AT(sitout),
     .value = "SECONDS",
     .help = "closed at the other end: wait this long for another to open it (0)"},
    {.name = "mode",
     .aliases = "perm perm-late",
     .type = PLUG_OPT_MODE,
     .offset = PTY_AT(mode),
     .min = 0,
     .max = 07777,
     .value = "OCTAL",
     .help = "permissions of the other end"},
    {.name = "user",
     .aliases = "owner uid user-late uid-l",
     .type = PLUG_OPT_STRING,
     .offset = PTY_AT(user),
     .value = "NAME",
     .help = "owner of the other end"},
    {.name = "group",
     .aliases = "gid group-late gid-l",
     .type = PLUG_OPT_STRING,
     .offset = PTY_AT(group),
     .value = "NAME",
     .help = "group of the other end"},
    {.name = "tty", .type = PLUG_OPT_GROUP, .offset = PTY_AT(tty), .group = plug__tty_options},
    {0},
};

/* ---- making ---- */

/* A link that an earlier run has left may go, anything else may not. */
static int pty_link(struct plug__pty *p, const char *path, int *os)
{
    static const char pts[] = "/dev/pts/";
    char old[64];
    int r = plug__os_symlink(p->name, path, os);
    if (r == PLUG_EEXIST && plug__os_readlink(path, old, sizeof(old), NULL) >= 0 &&
        strncmp(old, pts, sizeof(pts) - 1) == 0) {
        r = plug__os_unlink(path, os);
        if (r >= 0)
            r = plug__os_symlink(p->name, path, os);
    }
    if (r >= 0)
        p->link = path;
    return r;
}

/* The kernel shows a hang-up only after the other end was open once. */
static int pty_touch(const struct plug__pty *p, int *os)
{
    plug_handle h;
    int r = plug__pty_slave(p, &h, os);
    if (r >= 0)
        plug__os_close(h);
    return r < 0 ? r : 0;
}

static int pty_dress(struct plug__pty *p, const struct plug_step *step,
                     const struct plug__pty_conf *c, int *os)
{
    int r = plug__tty_apply(step, &c->tty, p->master, os);
    if (r >= 0 && (c->user || c->group))
        r = plug__os_chown(p->name, c->user, c->group, os);
    if (r >= 0 && c->mode >= 0)
        r = plug__os_chmod(p->name, (unsigned)c->mode, os);
    if (r >= 0 && c->wait_slave)
        r = pty_touch(p, os);
    if (r >= 0 && c->link)
        r = pty_link(p, c->link, os);
    return r;
}

/* Asked for bytes as they are: then ^D is a byte as any other. */
static int pty_cooked(const struct plug_step *step)
{
    static const char *const raw[] = {"raw", "rawer", "cfmakeraw", "icanon"};
    for (unsigned i = 0; i < step->nopts; i++) {
        const struct plug_optval *v = &step->opts[i];
        for (size_t k = 0; k < PLUG__COUNT(raw); k++)
            if (strcmp(v->option->name, raw[k]) == 0 && (v->number != 0) == (k < 3))
                return 0;
    }
    return 1;
}

/* ---- its size ---- */

static void pty_resize(struct plug__taker *t, int sig)
{
    const struct plug__pty *p = plug__of(t, struct plug__pty, taker);
    struct plug__winsize size;
    (void)sig;
    if (p->loop->terminal && plug__os_tty_size(p->loop->terminal - 1, &size, NULL) >= 0)
        (void)plug__os_tty_resize(p->master, &size, NULL);
}

void plug__pty_follow(struct plug_loop *loop, plug_handle terminal)
{
    loop->terminal = terminal + 1;
    if (loop->terminal)
        (void)plug__loop_signal(loop, PLUG__SIGNAL_WINCH);
}

int plug__pty_open(struct plug__pty *p, const struct plug_step *step,
                   const struct plug__pty_conf *c, struct plug_loop *loop, plug_handle *ret_master,
                   int *reterr_os)
{
    int r;
    *p = (struct plug__pty){.loop = loop, .taker = {.take = pty_resize}};
    r = plug__os_pty_open(&p->master, p->name, sizeof(p->name), reterr_os);
    if (r < 0)
        return r;
    r = pty_dress(p, step, c, reterr_os);
    if (r < 0) {
        plug__pty_drop(p);
        plug__os_close(p->master);
        return r;
    }
    p->cooked = (uint8_t)pty_cooked(step);
    if (!c->tty.winsize) {
        p->taker.signals = 1u << PLUG__SIGNAL_WINCH;
        plug__loop_take(loop, &p->taker);
        pty_resize(&p->taker, 0);
    }
    *ret_master = p->master;
    return 0;
}

int plug__pty_slave(const struct plug__pty *p, plug_handle *ret, int *reterr_os)
{
    return plug__os_open(ret, p->name, PLUG__O_READ | PLUG__O_WRITE | PLUG__O_NOCTTY, 0, reterr_os);
}

/* ---- leaving ---- */

void plug__pty_sent(struct plug__pty *p, const struct plug_msg *v, int n)
{
    for (int i = n; i-- > 0;) {
        size_t at = v[i].len;
        for (unsigned k = 0; k < v[i].niov && at > 0; k++) {
            const struct plug_iov *io = &v[i].iov[k];
            if (at <= io->len) {
                p->midline = ((const char *)io->base)[at - 1] != '\n';
                return;
            }
            at -= io->len;
        }
    }
}

/* Behind the beginning of a line the first ^D only ends the line. */
int plug__pty_farewell(struct plug__pty *p, struct plug__duplex *d)
{
    struct plug__tty t;
    char end[2];
    struct plug_iov v = {end, 1};
    int64_t r;
    int c;
    if (!p->cooked || p->farewell || plug__os_tty_get(p->master, &t, NULL) < 0)
        return 0;
    c = plug__os_tty_char(&t, "eof");
    if (c < 0)
        return 0;
    end[0] = end[1] = (char)c;
    v.len = p->midline && plug__os_tty_flag(&t, "icanon") ? 2 : 1;
    r = plug__os_write(p->master, &v, 1, NULL);
    if (r == PLUG_EAGAIN) {
        plug__unready(&d->l, &d->in.io, PLUG_OUT);
        return PLUG_EAGAIN;
    }
    if (r == 1 && v.len == 2) {
        p->midline = 0;
        return plug__pty_farewell(p, d);
    }
    p->farewell = 1; /* said, or nobody is there to hear it */
    return 0;
}

/* The kernel tells it at the other end only, and what is still on its way there is not counted
 * before a poll has pushed it on (Linux, n_tty_poll). */
int64_t plug__pty_unread(const struct plug__pty *p)
{
    struct plug__pollfd look = {.want = PLUG_IN};
    plug_handle h;
    int64_t n;
    if (!p->loop ||
        plug__os_open(&h, p->name, PLUG__O_READ | PLUG__O_NOCTTY | PLUG__O_NONBLOCK, 0, NULL) < 0)
        return -1;
    look.handle = h;
    (void)plug__os_poll(&look, 1, 0, NULL);
    n = plug__os_unread(h);
    plug__os_close(h);
    return n;
}

int plug__pty_unsent(const struct plug__pty *p, void *val, size_t *len)
{
    int64_t n = plug__pty_unread(p);
    if (n < 0)
        return PLUG_ENOTSUP;
    if (*len < sizeof(n))
        return PLUG_EINVAL;
    memcpy(val, &n, sizeof(n));
    *len = sizeof(n);
    return 0;
}

int plug__pty_drain(struct plug__pty *p, struct plug__duplex *d)
{
    p->leaves = plug__pty_unread(p) > 0;
    if (!p->leaves)
        return 0;
    plug_tick_at(&d->l, plug_now() + PLUG__PTY_DRAIN_MS * PLUG_MS);
    return PLUG_EAGAIN;
}

void plug__pty_drop(struct plug__pty *p)
{
    char now[64];
    if (!p->loop)
        return;
    plug__loop_untake(p->loop, &p->taker);
    if (p->link && plug__os_readlink(p->link, now, sizeof(now), NULL) >= 0 &&
        strcmp(now, p->name) == 0)
        (void)plug__os_unlink(p->link, NULL);
    p->link = NULL;
}

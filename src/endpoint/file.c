/* SPDX-License-Identifier: MIT
 *
 * A file, device or FIFO opened by its name. It makes a file only when told to (`creat`, `create:`)
 * and never for a side that is only read.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include "util/err.h"
#include <stddef.h>
#include <string.h>

struct file_conf {
    struct plug__fd_conf fd;
    int append, creat, excl, trunc, rdonly, wronly, rdwr, sync, nofollow;
    int unlink_early, unlink_late, unlink_close;
    int64_t mode; /* INT64_MIN: not given */
    const char *user, *group;
};

static const struct file_conf file_defaults = {.fd = PLUG__FD_CONF_NONE, .mode = INT64_MIN};

#define FILE_AT(field) offsetof(struct file_conf, field)

static const struct plug_option file_options[] = {
    {.name = "rdonly",
     .aliases = "o-rdonly",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(rdonly),
     .help = "only read it"},
    {.name = "wronly",
     .aliases = "o-wronly",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(wronly),
     .help = "only write it"},
    {.name = "rdwr",
     .aliases = "o-rdwr",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(rdwr),
     .help = "fail when it cannot be both read and written"},
    {.name = "creat",
     .aliases = "create o-creat",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(creat),
     .help = "make it when it does not exist"},
    {.name = "excl",
     .aliases = "o-excl",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(excl),
     .help = "with creat: fail when it exists"},
    {.name = "trunc",
     .aliases = "o-trunc",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(trunc),
     .help = "empty it first"},
    {.name = "append",
     .aliases = "o-append",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(append),
     .help = "write at its end, whatever else writes there"},
    {.name = "sync",
     .aliases = "o-sync",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(sync),
     .help = "each write waits for the disk"},
    {.name = "nofollow",
     .aliases = "o-nofollow",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(nofollow),
     .help = "fail when the name is a symbolic link"},
    {.name = "mode",
     .aliases = "perm perm-late",
     .type = PLUG_OPT_MODE,
     .offset = FILE_AT(mode),
     .min = 0,
     .max = 07777,
     .value = "OCTAL",
     .help = "permissions of the file (a new one: 666 less the umask)"},
    {.name = "user",
     .aliases = "uid user-late owner",
     .type = PLUG_OPT_STRING,
     .offset = FILE_AT(user),
     .value = "NAME",
     .help = "owner of the file, by name or number"},
    {.name = "group",
     .aliases = "gid group-late",
     .type = PLUG_OPT_STRING,
     .offset = FILE_AT(group),
     .value = "NAME",
     .help = "group of the file, by name or number"},
    {.name = "unlink",
     .aliases = "unlink-early",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(unlink_early),
     .help = "remove the name first"},
    {.name = "unlink-late",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(unlink_late),
     .help = "remove the name once the file is open"},
    {.name = "unlink-close",
     .type = PLUG_OPT_FLAG,
     .offset = FILE_AT(unlink_close),
     .help = "remove the name at the end"},
    {.name = "fd", .type = PLUG_OPT_GROUP, .offset = FILE_AT(fd), .group = plug__fd_options},
    {0},
};

static const struct plug_kind file_kinds[] = {
    {
        .name = "file",
        .aliases = "open",
        .params = PLUG_PARAM_PATH,
        .flags = PLUG_KIND_URL_PATH,
        .usage = "PATH",
        .help = "a file, device or FIFO that exists",
        .example = "plug -u file:/etc/hostname -",
    },
    {
        .name = "create",
        .aliases = "creat",
        .params = PLUG_PARAM_PATH,
        .preset = "wronly,creat,trunc",
        .usage = "PATH",
        .help = "a file that is made, or emptied, and written",
        .example = "plug -u tcp://example.org:13 create:/tmp/day",
    },
    {0},
};

/* ---- planning ---- */

static int file_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct file_conf *c = step->conf;
    step->offers = PLUG_STREAM;
    if (c->rdonly && (c->wronly || c->rdwr))
        return plug__err(reterr, PLUG_EUSAGE, 0, "file", "rdonly contradicts %s",
                         c->wronly ? "wronly" : "rdwr");
    if (c->rdonly && (c->creat || c->trunc || c->append)) {
        plug__err(reterr, PLUG_EUSAGE, 0, "file", "a file that is only read is not %s",
                  c->creat   ? "made"
                  : c->trunc ? "emptied"
                             : "appended to");
        plug__err_hint(reterr, "leave rdonly out");
        return PLUG_EUSAGE;
    }
    if (c->excl && !c->creat)
        return plug__err(reterr, PLUG_EUSAGE, 0, "file", "excl has a meaning only with creat");
    if (c->rdonly)
        step->flags |= PLUG_NOWRITE;
    if (c->wronly)
        step->flags |= PLUG_NOREAD;
    step->flags |= c->rdwr ? 0 : step->plan->without;
    return 0;
}

static int file_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

/* ---- opening ---- */

static unsigned file_flags(const struct file_conf *c)
{
    unsigned f = PLUG__O_NONBLOCK | PLUG__O_NOCTTY; /* devices; regular files do not mind */
    f |= c->creat ? (unsigned)PLUG__O_CREATE : 0;
    f |= c->excl ? (unsigned)PLUG__O_EXCL : 0;
    f |= c->trunc ? (unsigned)PLUG__O_TRUNC : 0;
    f |= c->append ? (unsigned)PLUG__O_APPEND : 0;
    f |= c->sync ? (unsigned)PLUG__O_SYNC : 0;
    f |= c->nofollow ? (unsigned)PLUG__O_NOFOLLOW : 0;
    return f;
}

/* PLUG__O_READ, _WRITE or both; both only where the address leaves it open. */
static unsigned file_access(const struct plug_step *step)
{
    if (step->flags & PLUG_NOWRITE)
        return PLUG__O_READ;
    if (step->flags & PLUG_NOREAD)
        return PLUG__O_WRITE;
    return PLUG__O_READ | PLUG__O_WRITE;
}

static int file_forbidden(int code)
{
    return code == PLUG_EACCES || code == PLUG_EPERM || code == PLUG_EROFS;
}

static int file_open_once(struct plug__duplex *d, unsigned access, plug_handle *ret, int *os)
{
    const struct file_conf *c = d->step->conf;
    unsigned mode = c->mode == INT64_MIN ? 0666u : (unsigned)c->mode;
    unsigned flags = file_flags(c) | access;
    if (!(access & PLUG__O_WRITE))
        flags &= ~(unsigned)(PLUG__O_CREATE | PLUG__O_EXCL | PLUG__O_TRUNC | PLUG__O_APPEND);
    return plug__os_open(ret, d->step->path, flags, mode, os);
}

/* A file that may be read but not written is opened all the same: only a write needs the right, and
 * gets the refusal. */
static int file_open_access(struct plug__duplex *d, unsigned *access, plug_handle *ret, int *os)
{
    const struct file_conf *c = d->step->conf;
    int r = file_open_once(d, *access, ret, os);
    int lax = *access == (PLUG__O_READ | PLUG__O_WRITE) && !c->rdwr && !c->creat && !c->trunc;
    if (r >= 0 || !lax || !file_forbidden(r) || file_open_once(d, PLUG__O_READ, ret, NULL) < 0)
        return r;
    d->denied = (int16_t)r;
    d->denied_os = *os;
    *access = PLUG__O_READ;
    return 0;
}

static int file_open_handle(struct plug__duplex *d, int *os)
{
    unsigned access = file_access(d->step);
    struct plug__port *p = access == PLUG__O_WRITE ? &d->out : &d->in;
    struct plug__stat st;
    plug_handle h;
    int r;
    if (plug__os_stat(d->step->path, &st, NULL) >= 0) {
        if (st.kind == PLUG__KIND_PIPE)
            return plug__fifo_open(d, d->step->path, access);
        if (st.kind == PLUG__KIND_DIR)
            return PLUG_EISDIR;
    }
    r = file_open_access(d, &access, &h, os);
    if (r < 0)
        return r;
    d->same = access == (PLUG__O_READ | PLUG__O_WRITE);
    return plug__port_own(p, h, os);
}

static int file_dress(struct plug__duplex *d, int *os)
{
    const struct file_conf *c = d->step->conf;
    const char *path = d->step->path;
    plug_handle h = d->in.io.handle != PLUG_NO_HANDLE ? d->in.io.handle : d->out.io.handle;
    int r = plug__fd_apply(&c->fd, h, os);
    if (r >= 0 && (c->user || c->group))
        r = plug__os_chown(path, c->user, c->group, os);
    if (r >= 0 && c->mode != INT64_MIN)
        r = plug__os_chmod(path, (unsigned)c->mode, os);
    if (r >= 0 && c->unlink_late)
        r = plug__os_unlink(path, os);
    return r;
}

static int file_open(struct plug_layer *l)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    const struct file_conf *c = d->step->conf;
    int os = 0, r = 0;
    if (!l->state && c->unlink_early) {
        r = plug__os_unlink(d->step->path, &os);
        r = r == PLUG_ENOENT ? 0 : r;
    }
    l->state = 1; /* so that a second try (lock, FIFO) does not remove it again */
    if (r >= 0 && d->in.io.handle == PLUG_NO_HANDLE && d->out.io.handle == PLUG_NO_HANDLE)
        r = file_open_handle(d, &os);
    if (r >= 0)
        r = file_dress(d, &os);
    if (r == PLUG_EAGAIN) {
        plug_tick_at(l, plug_now() + PLUG__FD_RETRY_MS * PLUG_MS);
        return r;
    }
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(d);
}

static void file_close(struct plug_layer *l)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    int opened = d->in.io.handle != PLUG_NO_HANDLE || d->out.io.handle != PLUG_NO_HANDLE;
    const struct file_conf *c = d->step ? d->step->conf : NULL;
    if (opened && c && c->unlink_close)
        (void)plug__os_unlink(d->step->path, NULL);
    plug__duplex_close(l);
}

const struct plug_ops plug__file_ops = {
    .name = "file",
    .size = sizeof(struct plug__duplex),
    .conf = sizeof(struct file_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = file_kinds,
    .options = file_options,
    .defaults = &file_defaults,
    .plan = file_plan,
    .init = file_init,
    .open = file_open,
    .accept = plug_pass_accept,
    .recv = plug__duplex_recv,
    .send = plug__duplex_send,
    .shut = plug__duplex_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = plug__duplex_getopt,
    .setopt = plug_no_setopt,
    .tick = plug__duplex_tick,
    .close = file_close,
};

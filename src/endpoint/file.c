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
    struct plug__path_conf name;
    int append, creat, excl, trunc, rdonly, wronly, rdwr;
    int sync, dsync, rsync, noatime, nofollow, noctty, largefile;
    int unlink_close;
};

static const struct file_conf file_defaults = {
    .fd = PLUG__FD_CONF_NONE, .name = {.mode = -1}, .noctty = 1};

#define FILE_AT(field) offsetof(struct file_conf, field)

/* A row that is a flag, as all of open(2)'s are. */
#define FLAG(n, a, f, h)                                                                      \
    {                                                                                         \
        .name = (n), .aliases = (a), .type = PLUG_OPT_FLAG, .offset = FILE_AT(f), .help = (h) \
    }

static const struct plug_option file_options[] = {
    FLAG("rdonly", "o-rdonly o_rdonly", rdonly, "only read it"),
    FLAG("wronly", "o-wronly o_wronly", wronly, "only write it"),
    FLAG("rdwr", "o-rdwr o_rdwr", rdwr, "fail when it cannot be both read and written"),
    FLAG("creat", "create o-creat o-create o_creat o_create", creat,
         "make it when it does not exist"),
    FLAG("excl", "o-excl o_excl", excl, "with creat: fail when it exists"),
    FLAG("trunc", "o-trunc o_trunc", trunc, "empty it first"),
    FLAG("append", "o-append o_append", append, "write at its end, whatever else writes there"),
    FLAG("sync", "o-sync o_sync", sync, "each write waits for the disk"),
    FLAG("dsync", "o-dsync o_dsync", dsync, "each write waits for the disk to have its data"),
    FLAG("rsync", "o-rsync o_rsync", rsync, "each read waits for what is written there"),
    FLAG("noatime", "o-noatime o_noatime", noatime,
         "reading leaves the time of access (its owner may)"),
    FLAG("nofollow", "o-nofollow o_nofollow", nofollow, "fail when the name is a symbolic link"),
    FLAG("noctty", "o-noctty o_noctty", noctty,
         "a terminal does not become the controlling one; default 1"),
    FLAG("largefile", "o-largefile o_largefile", largefile, "offsets have 64 bits: always so"),
    FLAG("unlink-close", NULL, unlink_close, "remove the name at the end"),
    {.name = "name", .type = PLUG_OPT_GROUP, .offset = FILE_AT(name), .group = plug__path_options},
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

/* fcntl's locks ask for what the descriptor is open for; the kernel says only "bad descriptor". */
static int file_lock_fits(const struct plug_step *step, struct plug_err *reterr)
{
    const struct plug__fd_conf *fd = &((const struct file_conf *)step->conf)->fd;
    int wr = fd->record_wr || fd->record_wr_nb, rd = fd->record_rd || fd->record_rd_nb;
    if (!(wr && (step->flags & PLUG_NOWRITE)) && !(rd && (step->flags & PLUG_NOREAD)))
        return 0;
    plug__err(reterr, PLUG_EUSAGE, 0, "file", "setlk%s-%s needs the file to be %s",
              (wr ? fd->record_wr : fd->record_rd) ? "w" : "", wr ? "wr" : "rd",
              wr ? "written" : "read");
    plug__err_hint(reterr, "%s",
                   wr ? "use setlk-rd or flock, or say rdwr" : "use setlk-wr or flock");
    return PLUG_EUSAGE;
}

/* gopen adds to what it finds, and makes what it does not. */
static void file_plan_gopen(struct plug_step *step)
{
    struct file_conf *c = step->conf;
    struct plug__stat st = {0};
    int found = plug__os_stat(step->path, &st, NULL) >= 0;
    int written = !c->rdonly && !(step->plan->without & PLUG_NOWRITE);
    int two_way = written && !c->wronly && !(step->plan->without & PLUG_NOREAD);
    c->append |= written && !c->trunc;
    c->creat |= written && !found;
    if (two_way &&
        (st.kind == PLUG__KIND_TTY || st.kind == PLUG__KIND_CHAR || st.kind == PLUG__KIND_PIPE))
        step->flags &= ~(unsigned)PLUG_HALFCLOSE; /* one object */
}

/* A terminal is serial's, unless an option asks for what only files have. */
static int file_is_terminal(const struct plug_step *step)
{
    uint32_t offset;
    for (unsigned i = 0; i < step->nopts; i++) {
        const char *name = step->opts[i].option->name;
        if (!plug__option_find(plug__serial_ops.options, name, strlen(name), &offset))
            return 0;
    }
    return step->path && plug__os_tty_path(step->path);
}

static int file_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct file_conf *c = step->conf;
    step->offers = PLUG_STREAM;
    if (step->kind && strcmp(step->kind->name, "gopen") == 0)
        file_plan_gopen(step);
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
    if (!c->rdonly && !c->wronly && !c->creat && !c->trunc && file_is_terminal(step)) {
        step->become = "serial";
        return 0;
    }
    return file_lock_fits(step, reterr);
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
    const struct {
        int given;
        unsigned flag;
    } map[] = {
        {c->creat, PLUG__O_CREATE},      {c->excl, PLUG__O_EXCL},       {c->trunc, PLUG__O_TRUNC},
        {c->append, PLUG__O_APPEND},     {c->sync, PLUG__O_SYNC},       {c->dsync, PLUG__O_DSYNC},
        {c->rsync, PLUG__O_RSYNC},       {c->noatime, PLUG__O_NOATIME}, {c->noctty, PLUG__O_NOCTTY},
        {c->nofollow, PLUG__O_NOFOLLOW},
    };
    unsigned f = PLUG__O_NONBLOCK; /* devices; regular files do not mind */
    for (size_t i = 0; i < PLUG__COUNT(map); i++)
        f |= map[i].given ? map[i].flag : 0;
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
    unsigned mode = c->fd.mode == INT64_MIN ? 0666u : (unsigned)c->fd.mode;
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

static int file_open(struct plug_layer *l)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    const struct file_conf *c = d->step->conf;
    int os = 0, r = 0;
    if (!l->state)
        r = plug__path_early(&c->name, d->step->path, &os);
    l->state = 1; /* so that a second try (lock, FIFO) does not do it again */
    if (r >= 0 && d->in.io.handle == PLUG_NO_HANDLE && d->out.io.handle == PLUG_NO_HANDLE)
        r = file_open_handle(d, &os);
    if (r >= 0)
        r = plug__duplex_dress(d, &c->fd, &os);
    if (r >= 0)
        r = plug__path_late(&c->name, d->step->path, &os);
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

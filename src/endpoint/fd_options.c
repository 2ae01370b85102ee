/* SPDX-License-Identifier: MIT
 *
 * Options of any open descriptor: where to begin, how long the file becomes, whose it is, who else
 * may use it. Options of opening by name are file.c's.
 */
#include "endpoint/descriptor.h"
#include <stddef.h>

#define FD_AT(field) offsetof(struct plug__fd_conf, field)

/* A row that is a flag. */
#define FLAG(n, a, f, h)                                                                    \
    {                                                                                       \
        .name = (n), .aliases = (a), .type = PLUG_OPT_FLAG, .offset = FD_AT(f), .help = (h) \
    }
/* A row that is a count of bytes, of either sign. */
#define DISTANCE(n, a, f, h)                                                                      \
    {                                                                                             \
        .name = (n), .aliases = (a), .type = PLUG_OPT_INT, .offset = FD_AT(f), .min = -INT64_MAX, \
        .max = INT64_MAX, .value = "BYTES", .help = (h)                                           \
    }
#define LENGTH(n, a, f, m, h)                                                             \
    {                                                                                     \
        .name = (n), .aliases = (a), .type = PLUG_OPT_SIZE, .offset = FD_AT(f), .min = 0, \
        .max = (m), .value = "BYTES", .help = (h)                                         \
    }

const struct plug_option plug__fd_options[] = {
    LENGTH("seek", "seek-set lseek lseek32 lseek32-set lseek64 lseek64-set", seek, INT64_MAX,
           "begin at this offset"),
    DISTANCE("seek-cur", "lseek32-cur lseek64-cur", seek_cur,
             "begin this far from the present offset"),
    DISTANCE("seek-end", "lseek32-end lseek64-end", seek_end,
             "begin this far from the end (negative: before it)"),
    LENGTH("ftruncate-len", "ftruncate truncate ftruncate32 ftruncate64", truncate, INT64_MAX,
           "make the file this long"),
    LENGTH("pipesz", "f-setpipe-sz", pipe_size, INT32_MAX, "room in the pipe; the least is a page"),
    {.name = "mode",
     .aliases = "perm perm-late",
     .type = PLUG_OPT_MODE,
     .offset = FD_AT(mode),
     .min = 0,
     .max = 07777,
     .value = "OCTAL",
     .help = "permissions of what is open (a new one: 666 less the umask)"},
    {.name = "user",
     .aliases = "uid owner user-late uid-l",
     .type = PLUG_OPT_STRING,
     .offset = FD_AT(user),
     .value = "NAME",
     .help = "owner of what is open, by name or number"},
    {.name = "group",
     .aliases = "gid group-late gid-l",
     .type = PLUG_OPT_STRING,
     .offset = FD_AT(group),
     .value = "NAME",
     .help = "group of what is open, by name or number"},
    FLAG("flock-ex", "flock", lock_ex, "wait until nobody else holds a lock, then hold it alone"),
    FLAG("flock-sh", NULL, lock_sh, "wait for a lock shared with other readers"),
    FLAG("flock-ex-nb", "flock-nb", lock_ex_nb, "hold a lock alone, or fail at once"),
    FLAG("flock-sh-nb", NULL, lock_sh_nb, "hold a shared lock, or fail at once"),
    FLAG("setlkw-wr", "setlkw f-setlkw f-setlkw-wr lock lockw", record_wr,
         "the same with fcntl's lock, which is not flock's: wait, then hold it alone"),
    FLAG("setlkw-rd", "f-setlkw-rd", record_rd, "wait for fcntl's shared lock"),
    FLAG("setlk-wr", "setlk f-setlk f-setlk-wr", record_wr_nb,
         "hold fcntl's lock alone, or fail at once"),
    FLAG("setlk-rd", "f-setlk-rd", record_rd_nb, "hold fcntl's shared lock, or fail at once"),
    {0},
};

/* ---- applying them ---- */

/* Both kinds of lock are asked for without waiting; who waits comes again. */
static int fd_flock(const struct plug__fd_conf *c, plug_handle h, int *reterr_os)
{
    int r;
    if (!c->lock_ex && !c->lock_sh && !c->lock_ex_nb && !c->lock_sh_nb)
        return 0;
    r = plug__os_lock(h, c->lock_ex || c->lock_ex_nb, 0, reterr_os);
    return r == PLUG_EBUSY && (c->lock_ex || c->lock_sh) ? PLUG_EAGAIN : r;
}

static int fd_record_lock(const struct plug__fd_conf *c, plug_handle h, int *reterr_os)
{
    int r;
    if (!c->record_wr && !c->record_rd && !c->record_wr_nb && !c->record_rd_nb)
        return 0;
    r = plug__os_lock_record(h, c->record_wr || c->record_wr_nb, reterr_os);
    return r == PLUG_EBUSY && (c->record_wr || c->record_rd) ? PLUG_EAGAIN : r;
}

static int64_t fd_seek(const struct plug__fd_conf *c, plug_handle h, int *reterr_os)
{
    int64_t r = 0;
    if (c->seek != INT64_MIN)
        r = plug__os_seek(h, c->seek, 0, reterr_os);
    if (r >= 0 && c->seek_cur != INT64_MIN)
        r = plug__os_seek(h, c->seek_cur, 1, reterr_os);
    if (r >= 0 && c->seek_end != INT64_MIN)
        r = plug__os_seek(h, c->seek_end, 2, reterr_os);
    return r;
}

static int fd_rights(const struct plug__fd_conf *c, plug_handle h, int *reterr_os)
{
    int r = 0;
    if (c->user || c->group)
        r = plug__os_fchown(h, c->user, c->group, reterr_os);
    if (r >= 0 && c->mode != INT64_MIN)
        r = plug__os_fchmod(h, (unsigned)c->mode, reterr_os);
    return r;
}

static int fd_pipe_size(const struct plug__fd_conf *c, plug_handle h)
{
    int r;
    if (c->pipe_size == INT64_MIN)
        return 0;
    r = plug__os_pipe_size(h, (size_t)c->pipe_size);
    /* The kernel rounds up; less than was asked for is a refusal. */
    return r >= 0 && r < c->pipe_size ? PLUG_EPERM : r;
}

int plug__fd_apply(const struct plug__fd_conf *c, plug_handle h, int *reterr_os)
{
    int r = fd_flock(c, h, reterr_os);
    int64_t at;
    if (r >= 0)
        r = fd_record_lock(c, h, reterr_os);
    if (r >= 0)
        r = fd_rights(c, h, reterr_os);
    if (r >= 0)
        r = fd_pipe_size(c, h);
    if (r >= 0 && c->truncate != INT64_MIN)
        r = plug__os_truncate(h, c->truncate, reterr_os);
    if (r < 0)
        return r;
    at = fd_seek(c, h, reterr_os);
    return at < 0 ? (int)at : 0;
}

static int fd_dress(struct plug__port *p, const struct plug__fd_conf *c, int *reterr_os)
{
    int r;
    if (p->io.handle == PLUG_NO_HANDLE || (p->flags & PLUG__PORT_DRESSED))
        return 0;
    r = plug__fd_apply(c, p->io.handle, reterr_os);
    if (r >= 0)
        p->flags |= PLUG__PORT_DRESSED;
    return r;
}

int plug__duplex_dress(struct plug__duplex *d, const struct plug__fd_conf *c, int *reterr_os)
{
    int r = fd_dress(&d->in, c, reterr_os);
    if (r >= 0)
        r = fd_dress(&d->out, c, reterr_os);
    if (r == PLUG_EAGAIN)
        plug_tick_at(&d->l, plug_now() + PLUG__FD_RETRY_MS * PLUG_MS);
    return r;
}

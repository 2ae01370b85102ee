/* SPDX-License-Identifier: MIT
 *
 * Options of any open descriptor: where to begin, how long the file becomes, who else may use it.
 * Options of opening by name are file.c's.
 */
#include "endpoint/descriptor.h"
#include <stddef.h>

#define FD_AT(field) offsetof(struct plug__fd_conf, field)

const struct plug_option plug__fd_options[] = {
    {.name = "seek",
     .aliases = "seek-set lseek",
     .type = PLUG_OPT_SIZE,
     .offset = FD_AT(seek),
     .min = 0,
     .max = INT64_MAX,
     .value = "BYTES",
     .help = "begin at this offset"},
    {.name = "seek-cur",
     .type = PLUG_OPT_INT,
     .offset = FD_AT(seek_cur),
     .min = -INT64_MAX,
     .max = INT64_MAX,
     .value = "BYTES",
     .help = "begin this far from the present offset"},
    {.name = "seek-end",
     .type = PLUG_OPT_INT,
     .offset = FD_AT(seek_end),
     .min = -INT64_MAX,
     .max = INT64_MAX,
     .value = "BYTES",
     .help = "begin this far from the end (negative: before it)"},
    {.name = "ftruncate-len",
     .aliases = "ftruncate truncate",
     .type = PLUG_OPT_SIZE,
     .offset = FD_AT(truncate),
     .min = 0,
     .max = INT64_MAX,
     .value = "BYTES",
     .help = "make the file this long"},
    {.name = "flock-ex",
     .aliases = "flock lock",
     .type = PLUG_OPT_FLAG,
     .offset = FD_AT(lock_ex),
     .help = "wait until nobody else holds a lock, then hold it alone"},
    {.name = "flock-sh",
     .type = PLUG_OPT_FLAG,
     .offset = FD_AT(lock_sh),
     .help = "wait for a lock shared with other readers"},
    {.name = "flock-ex-nb",
     .aliases = "flock-nb",
     .type = PLUG_OPT_FLAG,
     .offset = FD_AT(lock_ex_nb),
     .help = "hold a lock alone, or fail at once"},
    {.name = "flock-sh-nb",
     .type = PLUG_OPT_FLAG,
     .offset = FD_AT(lock_sh_nb),
     .help = "hold a shared lock, or fail at once"},
    {0},
};

static int fd_lock(const struct plug__fd_conf *c, plug_handle h, int *reterr_os)
{
    int r;
    if (!c->lock_ex && !c->lock_sh && !c->lock_ex_nb && !c->lock_sh_nb)
        return 0;
    r = plug__os_lock(h, c->lock_ex || c->lock_ex_nb, 0, reterr_os);
    return r == PLUG_EBUSY && (c->lock_ex || c->lock_sh) ? PLUG_EAGAIN : r;
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

int plug__fd_apply(const struct plug__fd_conf *c, plug_handle h, int *reterr_os)
{
    int r = fd_lock(c, h, reterr_os);
    int64_t at;
    if (r >= 0 && c->truncate != INT64_MIN)
        r = plug__os_truncate(h, c->truncate, reterr_os);
    if (r < 0)
        return r;
    at = fd_seek(c, h, reterr_os);
    return at < 0 ? (int)at : 0;
}

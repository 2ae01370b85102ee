/* SPDX-License-Identifier: MIT
 *
 * Lock files: a name that only one process makes, with its number in it. Whether a dead process
 * left one is for people to say: a number that is free now may be another's soon.
 */
#include "core/lockfile.h"

#include "os/os.h"
#include <inttypes.h>
#include <stdio.h>

int plug__lockfile_take(const char *path, int *reterr_os)
{
    char text[32];
    struct plug_iov iov = {text, 0};
    plug_handle h;
    int64_t r;
    int len = snprintf(text, sizeof(text), "%" PRId64 "\n", plug__os_pid());
    r = plug__os_open(&h, path, PLUG__O_WRITE | PLUG__O_CREATE | PLUG__O_EXCL, 0644, reterr_os);
    if (r < 0)
        return r == PLUG_EEXIST ? PLUG_EBUSY : (int)r;
    iov.len = (size_t)len;
    r = plug__os_write(h, &iov, 1, reterr_os);
    plug__os_close(h);
    if (r == len)
        return 0;
    (void)plug__os_unlink(path, NULL); /* a full disk: nobody could tell whose it is */
    return r < 0 ? (int)r : PLUG_ENOSPC;
}

void plug__lockfile_drop(const char *path)
{
    (void)plug__os_unlink(path, NULL);
}

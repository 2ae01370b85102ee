/* SPDX-License-Identifier: MIT
 *
 * Windows cannot move bytes between two handles without blocking or copying: ENOTSUP, so that the
 * movers copy. (TransmitFile waits on a socket without a completion port.)
 */
#include "os/win/win.h"

int64_t plug__os_splice(plug_handle from, plug_handle to, size_t len, int more, int *reterr_os)
{
    (void)from;
    (void)to;
    (void)len;
    (void)more;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

/* The size is fixed at birth. */
int plug__os_pipe_size(plug_handle pipe, size_t want)
{
    DWORD out = 0, in = 0;
    (void)want;
    if (!GetNamedPipeInfo(plug__win_handle(pipe), NULL, &out, &in, NULL))
        return plug__win_last(NULL);
    DWORD size = out > in ? out : in;
    return size > INT32_MAX ? INT32_MAX : (int)size;
}

int64_t plug__os_sendfile(plug_handle file, plug_handle to, size_t len, int *reterr_os)
{
    (void)file;
    (void)to;
    (void)len;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

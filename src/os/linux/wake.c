/* SPDX-License-Identifier: MIT
 *
 * Waking a loop from another thread by one eventfd.
 * It deliberately carries no data: the loop's queues do.
 */
#include "os/posix/posix.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int plug__os_wake_open(plug_handle ret[2], int *reterr_os)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return plug__posix_fail(reterr_os);
    ret[0] = ret[1] = fd;
    return 0;
}

void plug__os_wake_signal(plug_handle h[2])
{
    const uint64_t one = 1;
    ssize_t rc = write((int)h[1], &one, sizeof one);
    (void)rc; /* full means that it is signalled already */
}

void plug__os_wake_drain(plug_handle h[2])
{
    uint64_t count;
    ssize_t rc = read((int)h[0], &count, sizeof count);
    (void)rc; /* nothing there is as good */
}

void plug__os_wake_close(plug_handle h[2])
{
    plug__os_close(h[0]);
    h[0] = h[1] = PLUG_NO_HANDLE;
}

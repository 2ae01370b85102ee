/* SPDX-License-Identifier: MIT
 *
 * A pollable handle for a child: pidfd, from Linux 5.3.
 * Without it (older kernels, emulators) the owner asks plug__os_wait in its ticks.
 */
#include "os/posix/posix.h"

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* A pidfd is close-on-exec from birth. The child is ours and not yet waited for, so its number
 * cannot belong to another. */
void plug__child_watch(struct plug__child *ret)
{
    long fd = syscall(SYS_pidfd_open, (pid_t)ret->pid, 0U);
    ret->handle = fd < 0 ? PLUG_NO_HANDLE : (plug_handle)fd;
}

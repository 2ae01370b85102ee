/* SPDX-License-Identifier: MIT
 *
 * A pollable handle for a child: pidfd, from Linux 5.3.
 * Without it (older kernels, emulators) the owner asks plug__os_wait in its ticks.
 */
#include "os/posix/posix.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* A pidfd is close-on-exec from birth. The child is ours and not yet waited for, so its number
 * cannot belong to another. */
void plug__child_watch(struct plug__child *ret)
{
    long fd = syscall(SYS_pidfd_open, (pid_t)ret->pid, 0U);
    ret->handle = fd < 0 ? PLUG_NO_HANDLE : (plug_handle)fd;
}

/* By the handle a signal can never reach another process that has got the number since. */
int plug__child_kill(const struct plug__child *c, int sig)
{
    if (c->handle != PLUG_NO_HANDLE) {
        int rc = (int)syscall(SYS_pidfd_send_signal, (int)c->handle, sig, NULL, 0U);
        if (rc == 0 || errno != ENOSYS)
            return rc;
    }
    return kill((pid_t)c->pid, sig);
}

int plug__child_netns(int fd)
{
    return setns(fd, CLONE_NEWNET);
}

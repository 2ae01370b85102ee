/* SPDX-License-Identifier: MIT
 *
 * Unnamed pipes, not inherited from birth.
 * Named ones are opened as files (posix/fd.c).
 */
#include "os/posix/posix.h"

#include <fcntl.h>
#include <unistd.h>

int plug__os_pipe(plug_handle ret[2], int nonblock, int *reterr_os)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC | (nonblock ? O_NONBLOCK : 0)) < 0)
        return plug__posix_fail(reterr_os);
    ret[0] = fd[0];
    ret[1] = fd[1];
    return 0;
}

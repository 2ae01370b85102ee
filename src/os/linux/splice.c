/* SPDX-License-Identifier: MIT
 *
 * Moving bytes inside the kernel: splice, sendfile and the size of a pipe.
 * Which of them pays, and when, is the movers' business.
 */
#include "os/posix/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { SPLICE_MAX = 1 << 30 };

static size_t splice_len(size_t len)
{
    return len < SPLICE_MAX ? len : SPLICE_MAX;
}

/* There is no MSG_NOSIGNAL for splice, and a closed socket raises SIGPIPE as a closed pipe does. */
int64_t plug__os_splice(plug_handle from, plug_handle to, size_t len, int more, int *reterr_os)
{
    unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE | (more ? SPLICE_F_MORE : 0U);
    struct plug__quiet q;
    ssize_t n;
    plug__quiet_begin(&q);
    do {
        n = splice((int)from, NULL, (int)to, NULL, splice_len(len), flags);
    } while (n < 0 && errno == EINTR);
    plug__quiet_end(&q, n < 0 && errno == EPIPE);
    return n < 0 ? plug__posix_fail(reterr_os) : n;
}

int plug__os_pipe_size(plug_handle pipe, size_t want)
{
    /* An unprivileged user beyond the soft limit gets EPERM: what it has now is told instead. */
    if (want > 0 && want <= INT_MAX)
        (void)fcntl((int)pipe, F_SETPIPE_SZ, (int)want);
    int size = fcntl((int)pipe, F_GETPIPE_SZ);
    return size < 0 ? plug__posix_fail(NULL) : size;
}

int64_t plug__os_sendfile(plug_handle file, plug_handle to, size_t len, int *reterr_os)
{
    struct plug__quiet q;
    ssize_t n;
    plug__quiet_begin(&q);
    do {
        n = sendfile((int)to, (int)file, NULL, splice_len(len));
    } while (n < 0 && errno == EINTR);
    plug__quiet_end(&q, n < 0 && errno == EPIPE);
    return n < 0 ? plug__posix_fail(reterr_os) : n;
}

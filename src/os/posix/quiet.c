/* SPDX-License-Identifier: MIT
 *
 * Writing to something that is not a socket without ever meeting SIGPIPE.
 * It deliberately leaves the process's disposition alone: that belongs to the program.
 */
#include "os/posix/posix.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 /* Linux 6.18 */
#endif
#endif

void plug__quiet_begin(struct plug__quiet *q)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigemptyset(&q->old);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, &q->old);
}

/* A SIGPIPE is sent to the thread that wrote, so one that waits now is ours. Threads that block it
 * anyway (all of plug's own) pay only for the call in plug__quiet_begin. */
void plug__quiet_end(const struct plug__quiet *q, int broken)
{
    int saved = errno;
    if (broken) {
        const struct timespec none = {0};
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR)
            continue;
    }
    if (!sigismember(&q->old, SIGPIPE))
        (void)pthread_sigmask(SIG_SETMASK, &q->old, NULL);
    errno = saved;
}

ssize_t plug__posix_writev(int fd, const struct iovec *v, int n)
{
    ssize_t rc;
#ifdef PLUG_HAVE_PWRITEV2
    do {
        rc = pwritev2(fd, v, n, -1, RWF_NOSIGNAL);
    } while (rc < 0 && errno == EINTR);
    if (rc >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
        return rc;
        /* An older kernel, or a file that takes no flags (some character devices). */
#endif
    struct plug__quiet q;
    plug__quiet_begin(&q);
    do {
        rc = writev(fd, v, n);
    } while (rc < 0 && errno == EINTR);
    plug__quiet_end(&q, rc < 0 && errno == EPIPE);
    return rc;
}

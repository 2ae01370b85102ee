/* SPDX-License-Identifier: MIT
 *
 * What the Unix files of src/os share: errors, quiet writes, vectors.
 * Nothing outside src/os includes it.
 */
#ifndef PLUG_OS_POSIX_H
#define PLUG_OS_POSIX_H

#include "os/os.h"

#include <signal.h>
#include <sys/uio.h>

/* Translates errno, puts it in *reterr_os unless that is NULL. Returns the PLUG_E*. */
int plug__posix_fail(int *reterr_os);

/* 0, or what errno says when rc < 0. */
int plug__posix_check(int rc, int *reterr_os);

/* Keeps SIGPIPE away from the calling thread around a call that has no MSG_NOSIGNAL. */
struct plug__quiet {
    sigset_t old;
};
void plug__quiet_begin(struct plug__quiet *q);
void plug__quiet_end(const struct plug__quiet *q, int broken); /* broken: the call said EPIPE */

/* writev without SIGPIPE; returns bytes or -1 and errno. */
ssize_t plug__posix_writev(int fd, const struct iovec *v, int n);

/* Closes a descriptor, keeping errno. */
void plug__posix_close(int fd);

/* Gives ret->handle for a child that runs, where the system has such a thing. */
void plug__child_watch(struct plug__child *ret);

/* kill(2) of a child, by its handle where it has one. Returns 0, or -1 and errno. */
int plug__child_kill(const struct plug__child *c, int sig);

/* plug_iov is the system's iovec. */
static inline struct iovec *plug__posix_iov(struct plug_iov *v)
{
    return (struct iovec *)(void *)v;
}

static inline const struct iovec *plug__posix_civ(const struct plug_iov *v)
{
    return (const struct iovec *)(const void *)v;
}

#endif

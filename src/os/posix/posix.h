/* SPDX-License-Identifier: MIT
 *
 * What the Unix files of src/os share: errors, quiet writes, vectors.
 * Nothing outside src/os includes it.
 */
#ifndef PLUG_OS_POSIX_H
#define PLUG_OS_POSIX_H

#include "os/os.h"

#include <signal.h>
#include <sys/types.h>
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

/* The id of a name or number, -1 when there is none; buf of PLUG__NAMES bytes. */
enum { PLUG__NAMES = 16 * 1024 }; /* room for one line of the user or group file */
int64_t plug__posix_user(const char *name, char *buf);
int64_t plug__posix_group(const char *name, char *buf);

/* Moves the calling process into the network namespace of a handle. Returns 0, or -1 and errno. */
int plug__child_netns(int fd);

/* ---- what a child becomes (become.c): looked up by the parent, done by the child ---- */
enum { PLUG__BECOME_ENV = 6 };
struct plug__becoming {
    const struct plug__spawn *how;
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* NULL with set_groups: none */
    int ngroups;
    int set_uid, set_gid, set_groups;
    int netns;                         /* -1: none */
    const char *user_step;             /* which option asked for the user */
    const char *env[PLUG__BECOME_ENV]; /* "NAME=value", NULL-ended */
};
/* Returns 0 or errno, with the step that failed. Drop it in both cases. */
int plug__becoming_find(struct plug__becoming *b, const struct plug__spawn *how,
                        const char **reterr_step);
void plug__becoming_drop(struct plug__becoming *b);
/* In the child, between fork and exec: only calls that are safe there. The same. */
int plug__becoming_do(const struct plug__becoming *b, const char **reterr_step);

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

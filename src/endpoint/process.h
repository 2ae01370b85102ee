/* SPDX-License-Identifier: MIT
 *
 * What a program becomes before it runs: user, groups, root, namespace, mask, PATH. One group of
 * options for every kind that starts one; the system's part is os/posix/become.c.
 */
#ifndef PLUG_ENDPOINT_PROCESS_H
#define PLUG_ENDPOINT_PROCESS_H

#include "core/sock.h"

struct plug__process_conf {
    int64_t umask; /* -1: not given */
    const char *su, *su_d, *chroot, *chroot_early, *setuid, *setgid, *netns, *path;
    int login, nofork, hup, intr, quit;
    struct plug__become become; /* from here on not options: made of them by check */
    const char *dash;
};
#define PLUG__PROCESS_NONE \
    {                      \
        .umask = -1        \
    }
extern const struct plug_option plug__process_options[];

/* For plan: names are known, nothing contradicts. program: the name that login puts its dash
 * before. Returns 0, EUSAGE with its place, ENOMEM. */
int plug__process_check(const struct plug_step *step, struct plug__process_conf *c,
                        const char *program, struct plug_err *reterr);

/* Of one child, in its layer. Zeroed: none. */
struct plug__process {
    struct plug__taker taker; /* signals that go on to it */
    const struct plug__child *child;
    const char *step; /* which step of the start failed; static, or NULL */
};

/* Adds the options to `how`. */
void plug__process_how(const struct plug__process_conf *c, struct plug__spawn *how);

/* The same, and starts the child, which stays the caller's and where it is: signals
 * are sent on to it. As plug__os_spawn. */
int plug__process_spawn(struct plug__process *p, const struct plug__process_conf *c,
                        struct plug_loop *loop, struct plug__spawn *how, struct plug__child *child,
                        int *reterr_os);

/* getopt's answer to PLUG__SO_CAUSE. */
int plug__process_cause(const struct plug__process *p, void *val, size_t *len);

/* No more signals for it: before it is waited for the last time. Idempotent. */
void plug__process_drop(struct plug__process *p, struct plug_loop *loop);

#endif

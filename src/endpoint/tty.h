/* SPDX-License-Identifier: MIT
 *
 * The settings of terminals as options, one group for all kinds that have one: pty, exec with pty,
 * stdio, serial. What was there before is put back.
 */
#ifndef PLUG_ENDPOINT_TTY_H
#define PLUG_ENDPOINT_TTY_H

#include "core/plan.h"
#include "os/os.h"

struct plug__tty_conf {
    int flag;       /* where flags are stored; their order counts, so the step's list is read */
    int64_t number; /* the same for characters and speeds */
    const char *winsize;
    struct plug__winsize size; /* not an option: of `winsize`, by check */
};
extern const struct plug_option plug__tty_options[];

/* For plan: reads the size. Returns 0, or EUSAGE with its place. */
int plug__tty_check(const struct plug_step *step, struct plug__tty_conf *c,
                    struct plug_err *reterr);

/* The same for what is open already: settings of what is no terminal are refused. */
int plug__tty_check_open(const struct plug_step *step, struct plug__tty_conf *c, int tty,
                         struct plug_err *reterr);

/* The first setting that the address asks for, or NULL. */
const struct plug_optval *plug__tty_asked(const struct plug_step *step);

/* Changes what the address asks for, in its order. Returns 0, ENOTSUP (no terminal). */
int plug__tty_apply(const struct plug_step *step, const struct plug__tty_conf *c, plug_handle h,
                    int *reterr_os);

/* The settings that a terminal had. Zeroed: none. */
struct plug__tty_hold {
    struct plug__tty old;
    plug_handle handle; /* borrowed until it is let go */
    int held;
};

/* The same, keeping the old ones first; without settings nothing is kept. */
int plug__tty_hold(struct plug__tty_hold *t, const struct plug_step *step,
                   const struct plug__tty_conf *c, plug_handle h, int *reterr_os);

/* Only keeps them. */
int plug__tty_keep(struct plug__tty_hold *t, plug_handle h, int *reterr_os);

/* Puts them back, also from the background. Idempotent. */
void plug__tty_let_go(struct plug__tty_hold *t);

#endif

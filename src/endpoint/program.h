/* SPDX-License-Identifier: MIT
 *
 * What exec's kinds run beside plain words: $SHELL, and programs on a terminal. Checks and words
 * only; nothing is started here.
 */
#ifndef PLUG_ENDPOINT_PROGRAM_H
#define PLUG_ENDPOINT_PROGRAM_H

#include "core/plan.h"

/* The words of $SHELL with a command, or of it alone. They live as long as the plan. Returns 0,
 * ENOMEM. */
int plug__program_shell(struct plug_plan *plan, const char *command, const char *const **ret,
                        struct plug_err *reterr);

/* Refuses options of a terminal where there is none, and pipes where there is one. Returns 0, or
 * EUSAGE with its place. */
int plug__program_terminal(const struct plug_step *step, int pty, int pipes,
                           struct plug_err *reterr);

/* nofork leaves nobody who could relay. The same. */
int plug__program_nofork(const struct plug_step *step, int relayed, struct plug_err *reterr);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The option nofork of exec and system: the program takes the command's place, with the other side
 * as its standard input and output. Possible where that side is one plain descriptor.
 */
#ifndef PLUG_CLI_NOFORK_H
#define PLUG_CLI_NOFORK_H

#include "cli/args.h"
#include "core/sock.h"

/* Does the pair ask for it? 1, 0, or EUSAGE with its place when it cannot be; *ret_side says in
 * which address. */
int plug__nofork_asked(const struct plug__args *args, const struct plug_plan *a,
                       const struct plug_plan *b, int *ret_side, struct plug_err *reterr);

/* Becomes the program of `b`, which waits in its open, once `a`, the other side, is up. Returns
 * only EAGAIN (it is not yet) or why it cannot. */
int plug__nofork_go(struct plug_sock *a, struct plug_sock *b, struct plug_err *reterr);

#endif

/* SPDX-License-Identifier: MIT
 *
 * `plug A B`: one loop, one or several relays, until they end or a signal ends them.
 * It deliberately does no transfer: the relays do.
 */
#ifndef PLUG_CLI_RUN_H
#define PLUG_CLI_RUN_H

#include "cli/args.h"

/* Returns the exit status of the command. */
int plug__run(const struct plug__args *args);

#endif

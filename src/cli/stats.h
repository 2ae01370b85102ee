/* SPDX-License-Identifier: MIT
 *
 * What moved, at exit (--statistics) and on USR1: as text like socat's, or as one JSON object.
 * It deliberately counts nothing itself: the relays do.
 */
#ifndef PLUG_CLI_STATS_H
#define PLUG_CLI_STATS_H

#include "cli/log.h"

/* Shows the totals of relay number `number` (from 1) on stderr, whatever the log's level. */
void plug__stats_show(const struct plug__relay *r, unsigned number, int json);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The end of children that nobody waits for any more, so that none stays as a zombie.
 */
#ifndef PLUG_ENDPOINT_REAP_H
#define PLUG_ENDPOINT_REAP_H

#include "os/os.h"

enum { PLUG__KILL_AFTER_MS = 2000 }; /* from TERM to KILL */

/* Takes a running child and its handle: TERM now, KILL when it has not ended in time. Does not
 * block: a thread of its own waits. */
void plug__reap(const struct plug__child *c);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Lock files, of an address (lockfile=, waitlock=) or of the command (-L, -W). It never waits.
 */
#ifndef PLUG_CORE_LOCKFILE_H
#define PLUG_CORE_LOCKFILE_H

enum { PLUG__LOCK_RETRY_MS = 20 }; /* between looks at a lock file that another has */

/* Makes the file with the process's number in it. Returns 0; EBUSY: it exists; or why it cannot be
 * made. */
int plug__lockfile_take(const char *path, int *reterr_os);

/* Removes the file that was made. */
void plug__lockfile_drop(const char *path);

#endif

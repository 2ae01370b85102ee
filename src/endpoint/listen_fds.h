/* SPDX-License-Identifier: MIT
 *
 * Descriptors that a service manager hands over by LISTEN_FDS. It takes nothing and changes
 * nothing: it says which number is meant.
 */
#ifndef PLUG_ENDPOINT_LISTEN_FDS_H
#define PLUG_ENDPOINT_LISTEN_FDS_H

#include <plug/plug.h>

/* The number of the descriptor of that name (LISTEN_FDNAMES), or of the only one when name is NULL
 * or empty. EUSAGE, with what there is in the hint. */
int plug__listen_fds(const char *name, int *ret, struct plug_err *reterr);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Filling a caller's struct plug_err. It holds no state of its own.
 */
#ifndef PLUG_UTIL_ERR_H
#define PLUG_UTIL_ERR_H

#include "util/attr.h"
#include <plug/plug.h>

/* Sets code, os, layer and the printed text; clears hint and place. reterr may be NULL. Returns
 * code. */
int plug__err(struct plug_err *reterr, int code, int os, const char *layer, const char *fmt, ...)
    PLUG__PRINTF(5, 6);

/* Adds what to do about it. */
void plug__err_hint(struct plug_err *reterr, const char *fmt, ...) PLUG__PRINTF(2, 3);

/* Points into the address. */
void plug__err_at(struct plug_err *reterr, int column, int width);

#endif

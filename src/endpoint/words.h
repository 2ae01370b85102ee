/* SPDX-License-Identifier: MIT
 *
 * A command line split into words, for exec. It is not a shell: no variables, patterns or pipes.
 */
#ifndef PLUG_ENDPOINT_WORDS_H
#define PLUG_ENDPOINT_WORDS_H

#include "core/plan.h"

/* Splits at blanks; '…', "…" and \ quote as in a shell. The words and their NULL-ended array live
 * as long as the plan. Returns the number of words, EUSAGE (a quote is not closed), ENOMEM. */
int plug__words(struct plug_plan *plan, const char *text, const char *const **ret,
                struct plug_err *reterr);

#endif

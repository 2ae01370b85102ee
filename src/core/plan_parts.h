/* SPDX-License-Identifier: MIT
 *
 * What the files of plan share among themselves. Nobody else includes it.
 */
#ifndef PLUG_CORE_PLAN_PARTS_H
#define PLUG_CORE_PLAN_PARTS_H

#include "core/plan.h"

/* An empty plan with its defaults. *ret is counted 1. */
int plug__plan_new(struct plug_plan **ret, const char *text, const struct plug_ops *const *extra,
                   struct plug_err *reterr);

/* Adds a step on top; kind NULL: pushed by its layer's name. Returns 0, EUSAGE, ENOMEM. */
int plug__plan_step(struct plug_plan *p, const struct plug_ops *ops, const struct plug_kind *kind,
                    struct plug_step **ret, struct plug_err *reterr);

/* A layer's options at their defaults. NULL: out of memory. */
void *plug__plan_conf(struct plug_plan *p, const struct plug_ops *ops);

/* What follows the name: host, port, path of the base step, by what its kind takes. */
struct plug__address;
int plug__plan_params(struct plug_plan *p, const struct plug__address *a, struct plug_err *reterr);

/* Options of the address, presets of its kinds first. */
int plug__plan_options(struct plug_plan *p, const struct plug__address *a, struct plug_err *reterr);

/* Swaps a step for the layer that its plan named in `become`; what it knows of the step's options
 * goes into its conf. */
int plug__plan_become(struct plug_plan *p, struct plug_step *s, struct plug_err *reterr);

/* Fills reterr with ENOMEM and returns it. */
int plug__plan_nomem(struct plug_err *reterr);

/* Edits that still count as near for a name of n letters, plus one. */
unsigned plug__near_enough(size_t n);

#endif

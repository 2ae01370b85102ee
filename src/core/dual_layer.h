/* SPDX-License-Identifier: MIT
 *
 * Between dual.c and dual_plan.c. Nobody else includes it.
 */
#ifndef PLUG_CORE_DUAL_LAYER_H
#define PLUG_CORE_DUAL_LAYER_H

#include "core/plan.h"

int plug__dual_plan(struct plug_step *step, struct plug_err *reterr); /* a slot of plug_ops */

#endif

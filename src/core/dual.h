/* SPDX-License-Identifier: MIT
 *
 * A!!B: one endpoint that reads from A and writes to B. Both halves are plans, and socks, of their
 * own.
 */
#ifndef PLUG_CORE_DUAL_H
#define PLUG_CORE_DUAL_H

#include "core/plan.h"

/* The layer; its step's plan has the halves. */
extern const struct plug_ops plug__dual_ops;

/* Where "!!" stands outside quotes and brackets of socat's form; -1: nowhere. */
int plug__address_dual(const char *text);

/* Gives a plan its one step and what its halves say together, once they are parsed. */
int plug__dual_plan_parsed(struct plug_plan *p, struct plug_err *reterr);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The one table of layers, a line for each protocol. It is the only place that knows them all;
 * an address names their kinds.
 */
#include "core/plan.h"
#include "endpoint/endpoint.h"

const struct plug_ops *const plug__layers[] = {
    &plug__stdio_ops, &plug__fd_ops,   &plug__file_ops,  &plug__pipe_ops, &plug__pair_ops,
    &plug__echo_ops,  &plug__text_ops, &plug__stall_ops, &plug__exec_ops, NULL,
};

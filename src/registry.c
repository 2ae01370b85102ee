/* SPDX-License-Identifier: MIT
 *
 * The one table of layers, a line for each protocol. It is the only place that knows them all;
 * an address names their kinds.
 */
#include "core/plan.h"
#include "endpoint/endpoint.h"
#include "proto/filter/filter.h"
#include "proto/frame/frame.h"
#include "socket/socket.h"

const struct plug_ops *const plug__layers[] = {
    &plug__stdio_ops,      &plug__fd_ops,        &plug__accept_fd_ops,
    &plug__file_ops,       &plug__gopen_ops,     &plug__pipe_ops,
    &plug__socketpair_ops, &plug__pair_ops,      &plug__echo_ops,
    &plug__text_ops,       &plug__stall_ops,     &plug__exec_ops,
    &plug__pty_ops,        &plug__serial_ops,    &plug__tcp_ops,
    &plug__udp_ops,        &plug__unix_ops,      &plug__unix_seqpacket_ops,
    &plug__unix_dgram_ops, &plug__line_ops,      &plug__len16_ops,
    &plug__len32_ops,      &plug__netstring_ops, &plug__cobs_ops,
    &plug__crnl_ops,       &plug__cr_ops,        &plug__escape_ops,
    &plug__readbytes_ops,  &plug__dump_ops,      NULL,
};

/* SPDX-License-Identifier: MIT
 *
 * The base layers of this folder, for the registry. It declares nothing that other folders call.
 */
#ifndef PLUG_SOCKET_SOCKET_H
#define PLUG_SOCKET_SOCKET_H

#include <plug/layer.h>

extern const struct plug_ops plug__tcp_ops;
extern const struct plug_ops plug__udp_ops;
extern const struct plug_ops plug__unix_ops;
extern const struct plug_ops plug__unix_seqpacket_ops;
extern const struct plug_ops plug__unix_dgram_ops;

#endif

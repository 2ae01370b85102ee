/* SPDX-License-Identifier: MIT
 *
 * The base layers of this folder, for the registry. It declares nothing that other folders call.
 */
#ifndef PLUG_ENDPOINT_ENDPOINT_H
#define PLUG_ENDPOINT_ENDPOINT_H

#include <plug/layer.h>

extern const struct plug_ops plug__stdio_ops;
extern const struct plug_ops plug__fd_ops;
extern const struct plug_ops plug__accept_fd_ops;
extern const struct plug_ops plug__file_ops;
extern const struct plug_ops plug__gopen_ops;
extern const struct plug_ops plug__pipe_ops;
extern const struct plug_ops plug__socketpair_ops;
extern const struct plug_ops plug__pair_ops;
extern const struct plug_ops plug__echo_ops;
extern const struct plug_ops plug__text_ops;
extern const struct plug_ops plug__stall_ops;
extern const struct plug_ops plug__exec_ops;
extern const struct plug_ops plug__pty_ops;
extern const struct plug_ops plug__serial_ops;

#endif

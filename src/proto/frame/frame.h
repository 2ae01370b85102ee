/* SPDX-License-Identifier: MIT
 *
 * The framing layers: records over a byte stream, in five formats.
 * The formats themselves are in plug/frame_codec.h.
 */
#ifndef PLUG_PROTO_FRAME_H
#define PLUG_PROTO_FRAME_H

#include <plug/layer.h>

/* Longest record unless frame-limit= says otherwise (len16: what 16 bits can say). */
enum { PLUG__FRAME_LIMIT = 1024 * 1024 };

/* Bytes read ahead of the record under way, in a pooled chunk that is held only while it has some.
 */
enum { PLUG__FRAME_AHEAD = 16 * 1024 };

extern const struct plug_ops plug__line_ops;
extern const struct plug_ops plug__len16_ops;
extern const struct plug_ops plug__len32_ops;
extern const struct plug_ops plug__netstring_ops;
extern const struct plug_ops plug__cobs_ops;

#endif

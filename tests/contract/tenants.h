/* SPDX-License-Identifier: MIT
 *
 * Layers that exist only to hold the contract to its word: what TLS, a proxy, WebSocket and a path
 * table will ask of it. They are no protocols anybody speaks.
 */
#ifndef TESTS_TENANTS_H
#define TESTS_TENANTS_H

#include <plug/layer.h>

extern const struct plug_ops turns_ops; /* reads before it may write, and the reverse; as TLS */
extern const struct plug_ops leave_ops; /* leaves after set-up with bytes left over; as a proxy */
extern const struct plug_ops beat_ops;  /* answers and emits by itself and by time; as ws pings */
extern const struct plug_ops named_ops; /* names its route in a first line; as ws paths, SNI */
extern const struct plug_ops *const tenants[]; /* NULL-ended */

/* getopt(BEAT_LEVEL, …) of beat: pings sent, pongs received (uint64_t). */
enum { BEAT_LEVEL = 0x7000, BEAT_PINGS = 1, BEAT_PONGS = 2 };

#endif

/* SPDX-License-Identifier: MIT
 *
 * The sink of -v and -x: bytes on their way, on stderr, laid out as socat does.
 * It deliberately takes no part in the transfer: the dump filter shows it what passes.
 */
#ifndef PLUG_CLI_DUMP_H
#define PLUG_CLI_DUMP_H

#include "cli/raw.h"
#include "util/str.h"
#include <plug/plug.h>

/* Adds one block to out. how: PLUG__DUMP_*; back: 0 A to B (`>`), 1 B to A (`<`); from: bytes that
 * passed this way before; time: as it shall stand there. */
void plug__dump_block(struct plug__str *out, int how, int back, uint64_t from, const char *time,
                      const void *bytes, size_t len);

/* Shows on stderr (how: PLUG__DUMP_*, 0: not) and writes to files what passes the `dump` layer of
 * s, A's side of a relay: received is `>`, sent is `<`. raw is borrowed until s is closed. */
void plug__dump_attach(struct plug_sock *s, int how, struct plug__raw *raw);

#endif

/* SPDX-License-Identifier: MIT
 *
 * A bounded queue of bytes or of records inside the process, for echo and pair. Full means "not
 * now"; nothing is ever thrown away to make room.
 */
#ifndef PLUG_ENDPOINT_QUEUE_H
#define PLUG_ENDPOINT_QUEUE_H

#include "util/list.h"
#include <plug/layer.h>

enum { PLUG__QUEUE_MOST = 256 * 1024 }; /* bytes held, records with their overhead */

/* Zero is an empty queue of bytes. */
struct plug__queue {
    struct plug__list pieces;
    size_t held;  /* against PLUG__QUEUE_MOST */
    size_t bytes; /* of data */
    int records;  /* boundaries and flags are kept */
};

/* Puts messages in. Returns messages touched (the last one's len: bytes taken), EAGAIN when full,
 * ENOMEM. A record goes in whole unless it is longer than the queue. */
int plug__queue_put(struct plug__queue *q, struct plug_msg *v, unsigned n);

/* Takes messages out. Returns messages filled, or EAGAIN when empty. A record longer than the
 * buffer comes in pieces, the last with EOR. */
int plug__queue_take(struct plug__queue *q, struct plug_msg *v, unsigned n);

/* True when so much was taken out that a sender should come again. */
int plug__queue_low(const struct plug__queue *q);

void plug__queue_drop(struct plug__queue *q); /* empties it */

/* plan of the layers that take the other side's type; `asked` is option type=, 0: not given. */
void plug__queue_plan(struct plug_step *step, int asked);
#define PLUG__QUEUE_TYPES "auto stream dgram raw seqpacket"

#endif

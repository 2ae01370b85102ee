/* SPDX-License-Identifier: MIT
 *
 * One direction of a session: what is held between the two socks, how it is moved, and the budgets
 * of a turn. It deliberately knows no session, no timers and no half-close: it only moves and says
 * what stopped it.
 */
#ifndef PLUG_RELAY_PUMP_H
#define PLUG_RELAY_PUMP_H

#include "relay/relay.h"

enum {
    PLUG__PIECE = 64 * 1024,          /* one read of the copy mover */
    PLUG__PIECES = 16,                /* reads of a direction in one turn */
    PLUG__TURN_BYTES = 1024 * 1024,   /* bytes of a direction in one turn */
    PLUG__TURN_RECORDS = 128,         /* records of a direction in one turn */
    PLUG__BATCH = 32,                 /* records in one recv or send */
    PLUG__SLOTS = 2 * 1024 * 1024,    /* room for one batch, shared by all of a loop */
    PLUG__RECORD_MOST = 256 * 1024,   /* longest record of a side that names no limit */
    PLUG__GATHER_MOST = 16777216,     /* longest streamed record put together for a sink */
    PLUG__CHUNK_RECORD = 8192,        /* stream into a sink that cannot split: default of -b */
    PLUG__FULL_READS = 3,             /* full reads before splicing is tried */
    PLUG__SMALL_SPLICE = 8 * 1024,    /* splices below this … */
    PLUG__SMALL_SPLICES = 8,          /* … so many times in a row: back to copying */
    PLUG__NO_SPLICE_BELOW = 16 * 1024 /* a smaller -b keeps to copying */
};

/* A kernel pipe lent to a direction while data is inside. */
struct plug__pipe {
    struct plug__pipe *next;
    plug_handle h[2];
    size_t size, held; /* bytes of room; bytes inside */
};

enum plug__pump_state {
    PLUG__PUMP_OFF,  /* this direction does not run */
    PLUG__PUMP_RUN,  /* reads and writes */
    PLUG__PUMP_EOF,  /* the source has ended; something may still be held */
    PLUG__PUMP_SHUT, /* all is sent, the sink's farewell is under way */
    PLUG__PUMP_DONE
};

enum {
    PLUG__PUMP_NO_SPLICE = 1, /* the kernel refused it for this pair */
    PLUG__PUMP_WIDE = 2,      /* splicing is not possible: copy in larger pieces */
    PLUG__PUMP_SPLICING = 4,
    PLUG__PUMP_SKIP = 8,          /* a record too long for a datagram sink: drop up to its end */
    PLUG__PUMP_REFUSED = 16,      /* the sink's host refused a datagram */
    PLUG__PUMP_REFUSED_BACK = 64, /* the source reported that for one sent to it before */
    PLUG__PUMP_STARVED = 32       /* no chunk to hold a tail: nothing is read until one is free */
};

/* A member of the session; zero is a pump that is off. */
struct plug__pump {
    struct plug__chunk *held; /* the unsent tail: bytes, or records behind headers (hold.c) */
    struct plug__pipe *pipe;
    uint32_t open; /* place of the record being gathered in `held`, + 1; 0: none */
    uint8_t state, flags, full, small;
};

/* All that one turn of a pump works with; lives on the stack. */
struct plug__way {
    struct plug__pump *pump;
    struct plug__flow *flow, *back; /* this direction's counters, and the other's */
    struct plug_sock *from, *to;
    const struct plug_step *src, *dst; /* their top steps */
    struct plug_loop *loop;
    size_t block; /* -b; 0: default */
    int movers, null_eof;
    size_t bytes; /* left of this turn's budget */
    unsigned pieces, records;
    uint64_t moved;      /* out: bytes and records that went anywhere */
    int sink_failed;     /* out, with an error: the sink's fault, not the source's */
    struct plug_err err; /* out, with an error whose text the sock does not know; code 0: none */
};

/* Results of a turn and of each mover's step; negative is a PLUG_E* that ends the session. */
enum { PLUG__PUMP_SLEEP, PLUG__PUMP_MOVED, PLUG__PUMP_MORE, PLUG__PUMP_ENDED };

/* Fills the parts of a way that follow from its socks. */
void plug__way_init(struct plug__way *w, struct plug__pump *p, struct plug_sock *from,
                    struct plug_sock *to);

/* Moves until it would block (SLEEP), the budget is spent (MORE: call plug__sock_again), or the
 * source has ended and everything is sent (ENDED). */
int plug__pump_turn(struct plug__way *w);
/* Gives back what is held, unsent. */
void plug__pump_drop(struct plug__pump *p, struct plug_loop *loop);
/* Bytes read and not yet taken by the sink. */
uint64_t plug__pump_held(const struct plug__pump *p);

/* The movers: one step each. */
int plug__copy_step(struct plug__way *w);    /* stream source */
int plug__records_step(struct plug__way *w); /* record source */
int plug__splice_step(struct plug__way *w);  /* both bare; pump->flags SPLICING */
/* Asks both sides whether splicing is possible; sets or clears SPLICING. */
int plug__splice_begin(struct plug__way *w);
int plug__splice_flush(struct plug__way *w); /* what is in the pipe; MOVED when it is empty */
void plug__splice_drop(struct plug__pump *p, struct plug_loop *loop);

/* Per loop, made at first use: pooled pipes and the batch's room. NULL: out of memory. */
void *plug__mover_slots(struct plug_loop *loop);

/* hold.c: sending, and keeping what was not sent. */
int plug__send_bytes(struct plug__way *w, struct plug_iov *v, unsigned n);
int plug__send_records(struct plug__way *w, struct plug_msg *v, unsigned n);
int plug__hold_flush(struct plug__way *w); /* SLEEP: still stuck; MOVED: nothing is left */
int plug__hold_room(struct plug__way *w);  /* 1 when a chunk could be had now */
int plug__hold_bytes(struct plug__way *w, const void *data, size_t len);

/* True when records keep their bounds on this side. */
static inline int plug__is_record(const struct plug_step *s)
{
    return s->offers != PLUG_STREAM;
}

/* True when a record must be offered whole. */
static inline int plug__wants_whole(const struct plug_step *s)
{
    return plug__is_record(s) &&
           (!(s->flags & PLUG_SPLITS) || (s->flags & PLUG_SIZED) || (s->flags & PLUG_ATOMIC));
}

/* True when a refused record is a drop and not the end. */
static inline int plug__may_drop(const struct plug_step *s)
{
    return s->offers == PLUG_DGRAM || s->offers == PLUG_RAW;
}

#endif

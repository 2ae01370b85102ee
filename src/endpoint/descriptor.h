/* SPDX-License-Identifier: MIT
 *
 * What stdio, fd, file, pipe, text and exec have in common: one or two handles that are read and
 * written as a stream. It finds out what a handle is and how it may be used without blocking; it
 * opens nothing by name.
 */
#ifndef PLUG_ENDPOINT_DESCRIPTOR_H
#define PLUG_ENDPOINT_DESCRIPTOR_H

#include "core/sock.h"

enum {
    PLUG__PORT_ALWAYS = 1,   /* no poller takes it (regular files): always ready, not in the loop */
    PLUG__PORT_BLOCKS = 2,   /* a shared description without O_NONBLOCK: poll, then a bounded try */
    PLUG__PORT_LATE = 4,     /* a FIFO without a writer yet: nothing is read before an event */
    PLUG__PORT_CHILD = 8,    /* our end of a child's socketpair, or its input pipe */
    PLUG__PORT_KEEP = 16,    /* `origin` is never closed */
    PLUG__PORT_GIVEN = 32,   /* `origin` is set */
    PLUG__PORT_NOW = 64,     /* readable when it was taken, which its poller may not tell */
    PLUG__PORT_DRESSED = 128 /* its options were applied */
};

/* One handle of plug's own, and the number it was taken from. */
struct plug__port {
    struct plug_io io;
    int32_t origin; /* the caller's descriptor, where PLUG__PORT_GIVEN */
    uint8_t kind;   /* enum plug__kind */
    uint8_t flags;  /* PLUG__PORT_* */
};

/* The head of every base layer here. */
struct plug__duplex {
    struct plug_layer l;
    const struct plug_step *step;
    struct plug__port in, out;
    uint8_t same;   /* `in` is used both ways, `out` is empty */
    uint8_t ended;  /* PLUG_IN, PLUG_OUT: directions that were shut */
    int16_t denied; /* why it cannot be written although it could be opened; 0: it can */
    int32_t denied_os;
    int16_t broken; /* PLUG__PORT_CHILD: why it takes no more; its owner tells when it knows all */
};

/* Makes both ports empty. */
void plug__duplex_init(struct plug__duplex *d, const struct plug_step *step);

/* Takes a handle that was made for this layer alone and is non-blocking or a file. On failure the
 * handle is closed. Returns 0, EISDIR, or a system error. */
int plug__port_own(struct plug__port *p, plug_handle h, int *reterr_os);

/* Takes the descriptor `n` of the process for `dirs` (PLUG_IN | PLUG_OUT) without changing its
 * description: reopened where the system can, else duplicated. `keep`: n stays open at the end. */
int plug__port_take(struct plug__port *p, int n, unsigned dirs, int keep, int *reterr_os);

/* Registers the ports and tells first readiness. An owner that wants to know of events itself has
 * set io.ready before, and calls the two below from there. Returns 0 or a PLUG_E*. */
int plug__duplex_start(struct plug__duplex *d);
void plug__duplex_in_ready(struct plug_io *io, unsigned bits);
void plug__duplex_out_ready(struct plug_io *io, unsigned bits);

/* The slots of struct plug_ops. */
int plug__duplex_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
int plug__duplex_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
int plug__duplex_shut(struct plug_layer *l, int how);
int plug__duplex_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret);
int plug__duplex_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len);
void plug__duplex_close(struct plug_layer *l);

/* Has a socket pair ended both ways? */
int plug__duplex_hung_up(const struct plug__duplex *d);

/* Notes in `broken` whether a child still reads its input pipe, without waiting for an event. */
void plug__duplex_look(struct plug__duplex *d);

/* The port that is written. */
static inline struct plug__port *plug__duplex_out(struct plug__duplex *d)
{
    return d->same ? &d->in : &d->out;
}

/* For stdio and fd: the layer that takes a socket of this kind over, or NULL. */
const char *plug__socket_layer(const struct plug__stat *st);

/* Options that any descriptor takes: offset, length, rights and locks. */
struct plug__fd_conf {
    int64_t seek, seek_cur, seek_end, truncate, pipe_size, mode; /* INT64_MIN: not given */
    const char *user, *group;
    int lock_ex, lock_sh, lock_ex_nb, lock_sh_nb;         /* flock */
    int record_wr, record_rd, record_wr_nb, record_rd_nb; /* fcntl */
};
#define PLUG__FD_CONF_NONE                                                                      \
    {                                                                                           \
        .seek = INT64_MIN, .seek_cur = INT64_MIN, .seek_end = INT64_MIN, .truncate = INT64_MIN, \
        .pipe_size = INT64_MIN, .mode = INT64_MIN                                               \
    }
extern const struct plug_option plug__fd_options[];

/* Applies them to a handle. EAGAIN: another holds the lock (*reterr_os 0). */
int plug__fd_apply(const struct plug__fd_conf *c, plug_handle h, int *reterr_os);

/* Applies them once to each port that is open. EAGAIN: another holds the lock, a tick was asked
 * for. */
int plug__duplex_dress(struct plug__duplex *d, const struct plug__fd_conf *c, int *reterr_os);

enum { PLUG__FD_RETRY_MS = 20 }; /* between tries for a lock or for the reader of a FIFO */

/* Options of what has a name, before and after it is opened: file and pipe. */
struct plug__path_conf {
    int unlink_early, unlink_late;
    int64_t mode; /* -1: not given */
    const char *user, *group;
};
extern const struct plug_option plug__path_options[];
int plug__path_given(const struct plug__path_conf *c); /* any of them */
int plug__path_early(const struct plug__path_conf *c, const char *path, int *reterr_os);
int plug__path_late(const struct plug__path_conf *c, const char *path, int *reterr_os);

/* Opens a FIFO for PLUG__O_READ, _WRITE or both into an empty layer. EAGAIN: nobody reads it yet,
 * a tick was asked for. */
int plug__fifo_open(struct plug__duplex *d, const char *path, unsigned access);

/* A tick slot that makes core call open again. */
plug_time plug__duplex_tick(struct plug_layer *l, plug_time now);

#endif

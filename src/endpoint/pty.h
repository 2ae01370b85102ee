/* SPDX-License-Identifier: MIT
 *
 * A pseudo-terminal of our own: its name, its link, its size and its two ends, for the kind `pty`
 * and for programs that exec starts on one. Who reads and writes it is theirs.
 */
#ifndef PLUG_ENDPOINT_PTY_H
#define PLUG_ENDPOINT_PTY_H

#include "endpoint/descriptor.h"
#include "endpoint/tty.h"

struct plug__pty_conf {
    const char *link, *user, *group;
    int64_t mode; /* -1: the system's */
    plug_time interval, sitout;
    int wait_slave;
    struct plug__tty_conf tty;
};
enum {
    PLUG__PTY_INTERVAL_MS = 100, /* between looks whether the other end is open */
    PLUG__PTY_DRAIN_MS = 5       /* between looks whether all was read there */
};
#define PLUG__PTY_NONE                                                     \
    {                                                                      \
        .mode = -1, .interval = PLUG__PTY_INTERVAL_MS * (plug_time)1000000 \
    }
extern const struct plug_option plug__pty_options[];

/* Zeroed: none. */
struct plug__pty {
    struct plug__taker taker; /* of WINCH */
    struct plug_loop *loop;
    plug_handle master; /* borrowed: the port owns it */
    char name[48];      /* "/dev/pts/7" */
    const char *link;   /* made, to be removed; or NULL */
    uint8_t cooked;     /* a line's end of file can be said: ^D */
    uint8_t midline;    /* the last byte sent was not a newline */
    uint8_t farewell;   /* ^D is out */
    uint8_t leaves;     /* waits until all is read: its owner's tick has it come again */
};

/* Opens one for a step: settings, rights, size, link. The master is the caller's, non-blocking.
 * Returns 0 or a PLUG_E*, and then nothing is left of it. */
int plug__pty_open(struct plug__pty *p, const struct plug_step *step,
                   const struct plug__pty_conf *c, struct plug_loop *loop, plug_handle *ret_master,
                   int *reterr_os);

/* The other end for a program. */
int plug__pty_slave(const struct plug__pty *p, plug_handle *ret, int *reterr_os);

/* For send: remembers how the bytes that were taken end. v as the port's send left it. */
void plug__pty_sent(struct plug__pty *p, const struct plug_msg *v, int n);

/* For shut: says the end of input, where the terminal has such a thing. EAGAIN: there is no room,
 * the port waits for it. */
int plug__pty_farewell(struct plug__pty *p, struct plug__duplex *d);

/* Bytes that the other end has not read; -1: not known. They go with the master. */
int64_t plug__pty_unread(const struct plug__pty *p);

/* getopt's answer to PLUG_SO_UNSENT. */
int plug__pty_unsent(const struct plug__pty *p, void *val, size_t *len);

/* For shut: EAGAIN while bytes are unread there, a tick was asked for. */
int plug__pty_drain(struct plug__pty *p, struct plug__duplex *d);

/* Removes the link. Before the master is closed. Idempotent. */
void plug__pty_drop(struct plug__pty *p);

/* Has the pseudo-terminals of a loop take the size of this terminal (PLUG_NO_HANDLE: of none any
 * more), now and whenever the command gets WINCH. For stdio. */
void plug__pty_follow(struct plug_loop *loop, plug_handle terminal);

#endif

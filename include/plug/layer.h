/* SPDX-License-Identifier: MIT
 *
 * The contract of a layer: what one protocol gives so that it can stand in any stack. Read
 * docs/adding-a-protocol.md beside it. Nothing here is needed to use endpoints; only to write new
 * kinds.
 */
#ifndef PLUG_LAYER_H
#define PLUG_LAYER_H

#include <plug/plug.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef intptr_t plug_handle; /* descriptor, SOCKET or HANDLE */
#define PLUG_NO_HANDLE ((plug_handle)-1)

struct plug_layer;
struct plug_step;

/* ops.flags; a step starts with a copy that plan may change. */
enum {
    PLUG_BASE = 1,        /* the lowest layer; owns handles */
    PLUG_LISTENS = 2,     /* a base that can listen */
    PLUG_SETUP = 4,       /* leaves with PLUG_GONE after open */
    PLUG_ATOMIC = 8,      /* takes whole records only, at most step.limit bytes */
    PLUG_SIZED = 16,      /* writes a length first: is offered all that is left of a whole record */
    PLUG_HALFCLOSE = 32,  /* shut(WR) is seen by the peer while it can still send */
    PLUG_RELIABLE = 64,   /* delivers or fails; errors are sticky */
    PLUG_ANYTYPE = 128,   /* takes the type of the other side (echo, pair, text, stall) */
    PLUG_ONCE = 256,      /* exists only once: a listener opposite serves one session */
    PLUG_ROUTES = 512,    /* answers DECIDE: several relays may share its listener */
    PLUG_SPLITS = 1024,   /* records may be sent and received in pieces (no EOR yet) */
    PLUG_MUXED = 2048,    /* children share the listener's base: they stay on its loop */
    PLUG_FILTER = 4096,   /* offers what stands below it */
    PLUG_NOREAD = 8192,   /* write side only (create:) */
    PLUG_NOWRITE = 16384, /* read side only */
    PLUG_TWO_HANDLES = 32768, /* what is written is not the handle that is read */
    PLUG_TELLS = 65536 /* shut(WR) says something (^D), but not that nothing can follow: `grace` */
};

enum plug_role { PLUG_CLIENT, PLUG_SERVER, PLUG_LISTENER };

/* What follows the name in an address. */
enum plug_params {
    PLUG_PARAM_NONE,
    PLUG_PARAM_HOST_PORT, /* step.host, step.port */
    PLUG_PARAM_PORT,      /* listeners: URL [host]:port, classic port only */
    PLUG_PARAM_PATH,      /* step.path */
    PLUG_PARAM_NUMBER,    /* step.path, digits checked by the parser */
    PLUG_PARAM_NAME,      /* step.path */
    PLUG_PARAM_TEXT,      /* step.path, may be empty */
    PLUG_PARAM_COMMAND,   /* step.path */
    PLUG_PARAM_OPTIONAL = 16
};

enum {
    PLUG_KIND_URL = 1,      /* has the form name://host:port */
    PLUG_KIND_URL_PATH = 2, /* has the form name:///path */
    PLUG_KIND_LAYER = 4,    /* an upper layer: no parameters of its own, needs a `+base` */
    PLUG_KIND_HIDDEN = 8    /* not in lists */
};

/* A name that addresses use for a layer. Tables end with a NULL name. */
struct plug_kind {
    const char *name;    /* canonical, lower case: "tcp-listen" */
    const char *aliases; /* other names, separated by blanks; or NULL */
    uint8_t params, role;
    uint16_t flags;
    const char *preset; /* options it stands for ("pf=ip4"), or NULL */
    const char *usage;  /* "HOST:PORT" */
    const char *help;   /* one line */
    const char *example;
};

enum plug_option_type {
    PLUG_OPT_FLAG,    /* bool: name, name=0, name=1; int at offset */
    PLUG_OPT_INT,     /* int64_t at offset, min..max */
    PLUG_OPT_SIZE,    /* int64_t; k m g suffixes of 1024 */
    PLUG_OPT_TIME,    /* plug_time; seconds with fraction, or ns us ms s m h; inf */
    PLUG_OPT_STRING,  /* const char * */
    PLUG_OPT_ENUM,    /* int: index in choices, from 0 */
    PLUG_OPT_MODE,    /* int64_t, octal */
    PLUG_OPT_BYTE,    /* int64_t 0..255: number, 0x.., 'c' */
    PLUG_OPT_SOCKINT, /* setsockopt of an int at the option's phase */
    PLUG_OPT_SOCKFLAG,
    PLUG_OPT_SOCKSECS,   /* setsockopt of whole seconds as int, written as a time */
    PLUG_OPT_SOCKMS,     /* milliseconds as int, written as a time */
    PLUG_OPT_SOCKSTRING, /* setsockopt of the text's bytes */
    PLUG_OPT_SOCKLINGER, /* struct linger by the system */
    PLUG_OPT_SOCKTIMEVAL,
    PLUG_OPT_SOCKANY, /* value L:O:V, or of the form that `check` knows; set by `set` */
    PLUG_OPT_GROUP    /* includes `group`; its offsets are moved by `offset` */
};

/* When a setsockopt option is applied. */
enum plug_phase { PLUG_PHASE_SOCKET, PLUG_PHASE_BIND, PLUG_PHASE_LISTEN, PLUG_PHASE_CONNECTED };

enum {
    PLUG_OPT_PUSH = 1, /* pushes the filter or framing layer named `push` (NULL: named by value) */
    PLUG_OPT_LISTENER = 2,     /* only listeners */
    PLUG_OPT_CLIENT = 4,       /* only clients */
    PLUG_OPT_NEGATED = 8,      /* stores the opposite of the flag */
    PLUG_OPT_UNSUPPORTED = 16, /* exists, but this system lacks the number: ENOTSUP by name */
    PLUG_OPT_EMPTY = 32        /* STRING: without a value it is "" */
};

/* One option: parses the address, prints help, feeds explain. Tables end with a NULL name. */
struct plug_option {
    const char *name;
    const char *aliases; /* separated by blanks; or NULL */
    uint8_t type, phase;
    uint16_t flags;
    uint32_t offset; /* in the step's conf (bytes) */
    int level, opt;  /* SOCK* types */
    int64_t min, max;
    const char *choices;             /* ENUM: "chunk line len16" */
    const struct plug_option *group; /* GROUP */
    const char *push;                /* PUSH */
    const char *value;               /* "SECONDS", NULL for flags */
    const char *help;                /* one line, with the default where there is one */
    const char *form;                /* what `check` wants, for the refusal */
    int (*check)(const char *value); /* STRING, SOCKANY: 0 or EUSAGE; NULL: any text */
    /* SOCKANY: sets it on a socket of that AF_*; NULL: L:O:V. Returns 0 or why not. */
    int (*set)(plug_handle h, const char *value, int family, int *reterr_os);
};

/* One option as given, in the order of the address. */
struct plug_optval {
    const struct plug_option *option;
    int64_t number;   /* FLAG, INT, SIZE, TIME, ENUM, MODE and SOCK* */
    const char *text; /* as written, unquoted; lives as long as the plan */
    int column, width;
};

/* One layer of a plan. Steps lie in an array from the base up and live as long as the plan, which
 * outlives every endpoint made from it. */
struct plug_step {
    const struct plug_ops *ops;
    const struct plug_kind *kind; /* the name it was called by; NULL for pushed layers */
    void *conf; /* ops->conf bytes, filled from the options; starts zero, see `defaults` */
    const struct plug_optval *opts;
    unsigned nopts;
    int role;                       /* enum plug_role */
    const char *host, *port, *path; /* parameters, NULL when absent */
    const char *bind;   /* bind= or plug_bind: "host:port", "host:", ":port" or a path */
    plug_handle adopt;  /* an open handle to take over, else PLUG_NO_HANDLE */
    unsigned flags;     /* ops->flags as plan left them */
    int under;          /* type offered by the layer below; 0 for a base */
    int mate;           /* type of the other side of the relay; 0 unknown */
    int mate_limit;     /* its record limit in bytes; 0 none */
    int offers;         /* enum plug_type; plan sets it */
    size_t limit;       /* longest record it can carry; 0: no limit */
    const char *become; /* plan may name another layer to take this step's place (with `adopt`) */
    int column, width;  /* where its name stands in the address */
    struct plug_plan *plan; /* the plan it is part of: plug__plan_alloc */
};

/* A handle that the loop watches for its owner, a base; a member of the base's own struct. */
struct plug_io {
    plug_handle handle;
    /* Called in the loop with what is new: PLUG_IN | OUT | ERR | HUP | PRI. It finds its base by
     * its own place in the base's struct and calls plug_ready. */
    void (*ready)(struct plug_io *io, unsigned bits);
    uint32_t slot;  /* the loop's own; 0: not watched */
    uint16_t armed; /* bits still to be reported; set before plug_io_add: the only ones to watch, 0:
                       all */
    uint16_t index; /* the owner's own */
};
enum { PLUG_HUP = 16, PLUG_PRI = 32 }; /* the peer sends no more; urgent data */

/* What a bare stack gives a mover. */
struct plug_bypass {
    struct plug_layer *base;
    struct plug_io *io; /* the handle's entry in the loop; NULL: always ready */
    plug_handle handle;
    unsigned kind; /* PLUG_BYPASS_* */
};
enum { PLUG_BYPASS_SOCKET = 1, PLUG_BYPASS_PIPE, PLUG_BYPASS_FILE, PLUG_BYPASS_DGRAM };

/* The head of every layer's struct. Only a base clears its own ready bits. */
struct plug_layer {
    const struct plug_ops *ops;
    struct plug_layer *below;
    struct plug_sock *sock;
    void *shared;          /* of the listener, counted (plug_shared_new) */
    uint16_t ready, state; /* PLUG_IN | OUT | ERR …; state is the layer's own */
    int16_t error[2];      /* sticky, [0] of recv, [1] of send */
    int os_error;          /* the system's number behind it */
};

/* One static const table per protocol, every slot filled (plug_pass_* passes to the layer below).
 */
struct plug_ops {
    const char *name;
    uint32_t size, conf, flags; /* bytes of the layer's struct and of its options; PLUG_BASE … */
    const struct plug_kind *kinds;
    const struct plug_option *options; /* NULL: none */
    const void *defaults;              /* `conf` bytes copied into a new step's conf; NULL: zeros */

    /* Sets step->offers (and flags, limit, become). No I/O beyond looking at a descriptor that is
     * already open. Fails with PLUG_EUSAGE and a text when the stack cannot be. */
    int (*plan)(struct plug_step *step, struct plug_err *reterr);
    /* Prepares a zeroed layer; no I/O. The child of a listener is prepared by the same call, then
     * filled by accept. step lives longer than the layer. */
    int (*init)(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr);
    /* 0 up; EAGAIN; PLUG_DECIDE; PLUG_GONE; or failed. Called again after each plug_ready. A
     * listener's base binds and listens here. */
    int (*open)(struct plug_layer *l);
    /* Listening bases: fills child's base with the next connection; never a handshake. EAGAIN:
     * none. */
    int (*accept)(struct plug_layer *l, struct plug_layer *child);
    /* One non-blocking attempt. Returns messages touched (>= 1), EAGAIN, PLUG_EOF or an error. n =
     * 0: control input only; 0 when data, EOF or an error stands in front, else EAGAIN. */
    int (*recv)(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
    /* One non-blocking attempt. Returns messages touched; all but the last whole, the last one's
     * len = bytes taken. EAGAIN: no byte was taken; the sender comes again with the same record. n
     * = 0: sends what the layer itself holds; 0 when nothing is left, else EAGAIN. */
    int (*send)(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
    /* Own farewell, then plug_shut below; EAGAIN until it is out. RESET never waits. */
    int (*shut)(struct plug_layer *l, int how);
    /* Given what is wanted of this layer (IN | OUT), returns what this layer wants of the one
     * below, with OUT when it holds output of its own and NOW when a recv would succeed from what
     * it holds. */
    unsigned (*want)(struct plug_layer *l, unsigned want);
    /* ENOTSUP unless transparent and drained. dir: PLUG_IN or PLUG_OUT. */
    int (*bypass)(struct plug_layer *l, unsigned dir, struct plug_bypass *ret);
    int (*getopt)(struct plug_layer *l, int level, int name, void *val, size_t *len);
    int (*setopt)(struct plug_layer *l, int level, int name, const void *val, size_t len);
    /* Called at the time asked for by plug_tick_at or the last tick; returns the next
     * (PLUG_FOREVER). */
    plug_time (*tick)(struct plug_layer *l, plug_time now);
    /* Frees own resources only; never blocks; half-built layers too. */
    void (*close)(struct plug_layer *l);
};

/* Calls to the layer below (or, for core, the top). They serve unread bytes and keep errors and
 * EOF. */
PLUG_API int plug_layer_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
PLUG_API int plug_layer_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
PLUG_API int plug_layer_shut(struct plug_layer *l, int how);
PLUG_API int plug_layer_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret);

/* Pass-through for slots that a layer does not care about. */
PLUG_API int plug_pass_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
PLUG_API int plug_pass_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
PLUG_API int plug_pass_open(struct plug_layer *l);
PLUG_API int plug_pass_accept(struct plug_layer *l,
                              struct plug_layer *child); /* EINVAL: not a listening base */
PLUG_API int plug_pass_shut(struct plug_layer *l, int how);
PLUG_API unsigned plug_pass_want(struct plug_layer *l, unsigned want);
PLUG_API int plug_no_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret);
PLUG_API int plug_pass_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len);
PLUG_API int plug_pass_setopt(struct plug_layer *l, int level, int name, const void *val,
                              size_t len);
PLUG_API int plug_no_getopt(struct plug_layer *l, int level, int name, void *val,
                            size_t *len); /* for bases */
PLUG_API int plug_no_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len);
PLUG_API plug_time plug_no_tick(struct plug_layer *l, plug_time now);
PLUG_API void plug_no_close(struct plug_layer *l);
PLUG_API int plug_pass_init(struct plug_layer *l, const struct plug_step *step,
                            struct plug_err *reterr);

/* The one readiness entry: ors sticky bits and puts the sock once on its loop's run list. The
 * loop's thread. */
PLUG_API void plug_ready(struct plug_layer *l, unsigned bits);

/* Clears a base's ready bits after its own "not now". Bases only, and only those that have no
 * handle for it in the loop: they call plug_ready themselves when they can go on. */
PLUG_API void plug_unready(struct plug_layer *base, unsigned bits);

/* Has the base's loop watch io->handle, which must not block; *reterr_os may be NULL. Returns 0;
 * PLUG_EPERM: a file that no poller takes, always ready; ENOMEM, ENOBUFS. */
PLUG_API int plug_io_add(struct plug_layer *base, struct plug_io *io, int *reterr_os);

/* Ends that, before the handle is closed. Also when it was never added. */
PLUG_API void plug_io_del(struct plug_layer *base, struct plug_io *io);

/* plug_unready for a base with a handle: the kernel said "not now" for these bits on it, and its
 * next word is waited for. Without this call after EAGAIN the poll backend waits for ever. */
PLUG_API void plug_io_again(struct plug_layer *base, struct plug_io *io, unsigned bits);

/* Asks for tick at `when` at the latest. */
PLUG_API void plug_tick_at(struct plug_layer *l, plug_time when);

/* Gives back bytes read too far to `l`, the layer they were read from: its next recv serves them
 * first. Copies. Returns 0 or ENOMEM. */
PLUG_API int plug_unread(struct plug_layer *l, const void *bytes, size_t len);

/* Notes an error on the layer (dir 0 recv, 1 send, 2 both; os: the system's number, 0 none) and
 * returns it. */
PLUG_API int plug_fail(struct plug_layer *l, int dir, int code, int os);

/* Counted state that a listener's layer shares with its children. In init: make it when l->shared
 * is NULL (core has set it for children). Core counts; drop is called with the last one, on
 * whatever thread that one lives: what children change in it needs a lock. */
PLUG_API void *plug_shared_new(size_t size, void (*drop)(void *));

/* Makes further layers known to all addresses that are opened on this loop: a NULL-ended table that
 * outlives it. They go before plug's own of the same name. NULL: none. */
PLUG_API void plug_loop_layers(struct plug_loop *loop, const struct plug_ops *const *layers);

/* True for the child of a listener, true for a listener. */
PLUG_API int plug_is_child(const struct plug_layer *l);
PLUG_API int plug_is_listener(const struct plug_layer *l);

/* Total bytes in a message's vector. */
static inline size_t plug_msg_size(const struct plug_msg *m)
{
    size_t sum = 0;
    for (unsigned i = 0; i < m->niov; i++)
        sum += m->iov[i].len;
    return sum;
}

#ifdef __cplusplus
}
#endif
#endif

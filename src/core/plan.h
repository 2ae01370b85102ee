/* SPDX-License-Identifier: MIT
 *
 * A plan: what an address says, checked, before anything is opened. Both spellings give the same
 * plan. It does no I/O beyond looking at descriptors that are already open.
 */
#ifndef PLUG_CORE_PLAN_H
#define PLUG_CORE_PLAN_H

#include "util/str.h"
#include <plug/layer.h>
#include <stdatomic.h>

enum { PLUG__STEPS = 16 }; /* most layers in a stack */

/* Options that any address takes: how its sessions live, not what a layer does. */
struct plug__common {
    int once, fork;
    int64_t max_sessions;        /* 0: from the descriptor limit */
    plug_time accept_timeout;    /* 0: a listener waits for ever */
    plug_time connect_timeout;   /* 30 s */
    plug_time handshake_timeout; /* 10 s */
    plug_time close_timeout;     /* 5 s */
    plug_time idle_timeout;      /* 0: none (udp sessions: 60 s) */
    plug_time grace;             /* 2 s */
    int64_t half_open;           /* children in handshakes, 1,024 */
    int64_t retry;               /* further attempts to open */
    int forever, reconnect;      /* without end; also when lost while the other side is there */
    plug_time interval, backoff; /* between attempts, 1 s; doubled up to backoff (0: never) */
    int64_t jitter;              /* percent of it, more or less */
    int children_shutup;         /* what is told of its sessions is a level less urgent */
    const char *preamble;        /* what each connection begins with */
    int64_t backlog;             /* 0: the system's most */
    const char *frame;           /* name of the framing layer, NULL: chunk */
    int server, ignoreeof, end_close, shut_none, shut_null, shut_down, shut_close, null_eof;
    int nonblock, cloexec; /* cloexec: 0 only where it was asked to be off */
    int64_t umask;         /* while the base is opened; -1: not given */
    const char *lockfile, *waitlock;
    const char *name; /* a label for logs */
};

/* Of one address. Counted; the memory of everything in it is the plan's arena. */
struct plug_plan {
    atomic_int refs; /* children of a listener may live on other threads */
    unsigned nsteps;
    struct plug_step steps[PLUG__STEPS]; /* from the base (0) up */
    struct plug__common common;
    const char *text; /* the address as given */
    int url;          /* spelling: URL (1) or classic (0) */
    int checked;
    int unaimed;      /* plug_socket's: what plug_connect will name is still missing */
    unsigned without; /* PLUG_NOREAD, PLUG_NOWRITE: what the caller will not do (-u, -U); set before
                       * check. Bases that open differently for it look here: file, pipe */
    const struct plug_optval *opts; /* common options as given, those that push layers too */
    unsigned nopts;
    int port_column, port_width; /* where step 0's port stands; width 0: nowhere */
    unsigned pushed;             /* bit i: step i was pushed by an option or by plug__plan_push */
    const struct plug_ops *const *extra;       /* further layers, borrowed; or NULL */
    const struct plug_ops *asked[PLUG__STEPS]; /* as parsed: what `become` is undone to */
    void *asked_conf[PLUG__STEPS];
    struct plug_plan *half[2]; /* A!!B: what is read and what is written; else NULL */
    struct plug__arena *arena;
};

/* Reads one address in either spelling; checks names and options, not yet types.
 * extra: further layers, NULL-ended, or NULL. *ret counted 1. Returns 0, EUSAGE (with place and
 * hint), ENOMEM. */
int plug__plan_parse(struct plug_plan **ret, const char *address,
                     const struct plug_ops *const *extra, struct plug_err *reterr);

/* A plan of a bare stack text for plug_socket: "tcp", "len32+tcp". */
int plug__plan_stack(struct plug_plan **ret, const char *stack, const struct plug_ops *const *extra,
                     struct plug_err *reterr);

/* Fills the parameters of a plug_socket plan from "host:port" or a path, by what its base takes. */
int plug__plan_target(struct plug_plan *p, const char *address, struct plug_err *reterr);

/* Types: runs every layer's plan from the base up, resolves `become`, pushes framing and filters.
 * mate is the other side's offered type and limit (0: unknown yet or none). Idempotent for the same
 * mate. Returns 0 or EUSAGE with address, column and reason. */
int plug__plan_check(struct plug_plan *p, int mate, size_t mate_limit, struct plug_err *reterr);

/* 1 when a PLUG_ANYTYPE layer waits to know the other side. */
int plug__plan_open_type(const struct plug_plan *p);

/* Puts a layer by name on top of the plan, before check (-v, frame=). Returns 0, EUSAGE. */
int plug__plan_push(struct plug_plan *p, const char *layer, struct plug_err *reterr);

static inline struct plug_step *plug__plan_top(struct plug_plan *p)
{
    return &p->steps[p->nsteps - 1];
}

/* What logs call the address: name=, or its text. */
static inline const char *plug__plan_label(const struct plug_plan *p)
{
    return p->common.name ? p->common.name : p->text;
}

/* Memory that lives as long as the plan. NULL: out of memory. */
void *plug__plan_alloc(struct plug_plan *p, size_t size);
char *plug__plan_strdup(struct plug_plan *p, const char *s);

struct plug_plan *plug__plan_ref(struct plug_plan *p);
void plug__plan_drop(struct plug_plan *p); /* NULL is allowed */

/* The canonical form: the URL where the kind has one. */
void plug__plan_text(const struct plug_plan *p, struct plug__str *out);

/* ---- options: one table drives parsing, explain, list and help (option.c) ---- */
extern const struct plug_option plug__common_options[];
extern const struct plug_kind plug__no_kinds[]; /* an empty table */

/* Calls fn for every option that a layer takes, groups opened, offset resolved. fn returns non-zero
 * to stop. */
typedef int (*plug__option_fn)(const struct plug_option *o, uint32_t offset, void *arg);
int plug__options_each(const struct plug_option *table, plug__option_fn fn, void *arg);

/* Parses value (NULL: none given) for option o into *ret; into conf + offset where the type stores.
 */
int plug__option_set(const struct plug_option *o, uint32_t offset, void *conf, const char *value,
                     struct plug_optval *ret, struct plug_err *reterr);

/* The option of that name or alias (n bytes, any case) in a table, its offset resolved. NULL: none.
 */
const struct plug_option *plug__option_find(const struct plug_option *table, const char *name,
                                            size_t n, uint32_t *ret_offset);

/* The option whose name is nearest, if it is nearer than *distance, which is then lowered. */
const char *plug__option_nearest(const struct plug_option *table, const char *name,
                                 unsigned *distance);

/* Names that socat knows and plug does not have: the refusal names them. why_not: what speaks
 * against ever having it, or NULL. */
const char *plug__socat_why_not(const char *name, size_t len);
int plug__socat_option(const char *name, size_t len);
int plug__socat_kind(const char *name, size_t len);

/* A number with time unit or size suffix. Return 0 or EUSAGE. */
int plug__parse_time(const char *text, plug_time *ret);
int plug__parse_size(const char *text, int64_t *ret);

/* ---- the registry, filled by src/registry.c ---- */
extern const struct plug_ops *const plug__layers[]; /* NULL-ended */

/* Finds the layer and kind of a name (n bytes, any case, aliases too). NULL: none. */
const struct plug_ops *plug__find_kind(const char *name, size_t n,
                                       const struct plug_ops *const *extra,
                                       const struct plug_kind **ret);
/* Finds a layer by the name of its ops. NULL: none. */
const struct plug_ops *plug__find_layer(const char *name, const struct plug_ops *const *extra);
/* The nearest known name, for "did you mean"; NULL when none is near. */
const char *plug__nearest_kind(const char *name, size_t n, const struct plug_ops *const *extra);
const char *plug__type_name(int type); /* "stream", "datagram", "raw", "seqpacket" */

#endif

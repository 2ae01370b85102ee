/* SPDX-License-Identifier: MIT
 *
 * A program as an endpoint: what is sent is its standard input, what it prints is received. What is
 * run and on what is program.c's to say; here it is started, joined and ended.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include "endpoint/program.h"
#include "endpoint/reap.h"
#include <string.h>

struct exec_layer {
    struct plug__duplex d;
    struct plug_io watch; /* of the child's end */
    struct plug__child child;
    struct plug__process process;
    struct plug__pty pty;
    plug_time kill_at;   /* after a RESET; 0: none */
    plug_time met_at[2]; /* when the end of its output [0], of its input [1] was met; 0: not yet */
    plug_time wake_at;   /* when one of them is told without the status; 0: none waits */
    int status;          /* once `ended` */
    uint8_t started, ended;
    uint8_t said_all; /* the end of its output was met */
    uint8_t cut_off;  /* we stopped reading before that */
    uint8_t by_signal;
    uint8_t hung_up; /* its terminal was taken away */
};

enum {
    EXEC_ASK_MS = 20,      /* where a child's end cannot be polled */
    EXEC_STATUS_MS = 1000, /* how long the end of its output or input waits for its status */
    EXEC_CLOSING_MS = 20,  /* and where it still reads: it may be about to close that as well */
    EXEC_BY_SIGPIPE = 128 + 13
};

static int exec_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    struct exec_layer *e = (struct exec_layer *)l;
    (void)reterr;
    plug__duplex_init(&e->d, step);
    e->watch.handle = PLUG_NO_HANDLE;
    e->child.handle = PLUG_NO_HANDLE;
    return 0;
}

/* ---- the child's end ---- */

static int exec_ended(struct exec_layer *e)
{
    int r;
    if (!e->started || e->ended)
        return 1;
    r = plug__os_wait(&e->child, &e->status);
    if (r == PLUG_EAGAIN)
        return 0;
    if (r < 0)
        e->status = 0; /* somebody else waited for it: the status is not known */
    e->by_signal = r > 0;
    e->ended = 1;
    return 1;
}

static int exec_killed(struct exec_layer *e)
{
    return exec_ended(e) && (e->pty.loop ? e->by_signal : PLUG_CHILD_KILLED(e->status));
}

/* Both ways; it is also the cause of an EPIPE that may stand there. */
static int exec_fail(struct exec_layer *e)
{
    e->d.l.error[1] = PLUG_ECHILD;
    return plug_fail(&e->d.l, 2, PLUG_ECHILD, e->status);
}

/* A child that dies closes its descriptors a moment before its status is there. A clean end and a
 * killed child look the same until then. True when the status is there, or is not to be had soon:
 * a child that has closed everything and lives on. */
static int exec_known(struct exec_layer *e, int dir, int64_t most)
{
    plug_time now = plug_now(), until;
    if (exec_ended(e))
        return 1;
    if (!e->met_at[dir])
        e->met_at[dir] = now;
    until = e->met_at[dir] + most * PLUG_MS;
    if (now >= until)
        return 1;
    if (!e->wake_at || until < e->wake_at)
        e->wake_at = until;
    plug_tick_at(&e->d.l, e->wake_at);
    return 0;
}

/* It takes no more input. */
static int exec_refused(struct exec_layer *e, int code)
{
    struct plug_layer *l = &e->d.l;
    if (!e->d.broken || code == PLUG_ECONNRESET) /* the one that tells of a loss */
        e->d.broken = (int16_t)code;
    l->error[1] = 0;
    if (!exec_known(e, 1, EXEC_STATUS_MS)) {
        plug_unready(l, PLUG_OUT);
        return PLUG_EAGAIN;
    }
    return exec_killed(e) ? plug_fail(l, 1, PLUG_ECHILD, e->status)
                          : plug_fail(l, 1, e->d.broken, 0);
}

/* What is known is told to who does not send just now. */
static void exec_settle(struct exec_layer *e)
{
    if (e->d.broken && !e->d.l.error[1])
        (void)exec_refused(e, e->d.broken);
}

/* Who waits in recv, send or shut comes again. */
static void exec_wake(struct exec_layer *e)
{
    exec_settle(e);
    plug_ready(&e->d.l, (e->met_at[0] ? PLUG_IN : 0u) | (e->met_at[1] ? PLUG_OUT : 0u));
}

static void exec_in_ready(struct plug_io *io, unsigned bits)
{
    plug__duplex_in_ready(io, bits);
    exec_settle(plug__of(io, struct exec_layer, d.in.io));
}

static void exec_out_ready(struct plug_io *io, unsigned bits)
{
    plug__duplex_out_ready(io, bits);
    exec_settle(plug__of(io, struct exec_layer, d.out.io));
}

static void exec_child_ready(struct plug_io *io, unsigned bits)
{
    struct exec_layer *e = plug__of(io, struct exec_layer, watch);
    (void)bits;
    if (exec_ended(e)) {
        plug__loop_del(e->d.l.sock->loop, &e->watch);
        exec_wake(e);
    }
}

static int exec_watch(struct exec_layer *e, int *os)
{
    int r;
    if (e->child.handle == PLUG_NO_HANDLE) {
        plug_tick_at(&e->d.l, plug_now() + EXEC_ASK_MS * PLUG_MS);
        return 0;
    }
    e->watch.handle = e->child.handle;
    e->watch.ready = exec_child_ready;
    r = plug__loop_add(e->d.l.sock->loop, &e->watch, os);
    return r < 0 ? r : 0;
}

static plug_time exec_tick(struct plug_layer *l, plug_time now)
{
    struct exec_layer *e = (struct exec_layer *)l;
    plug_time next = PLUG_FOREVER;
    if (e->pty.leaves)
        plug_ready(l, 0);
    if (!e->started || e->ended)
        return PLUG_FOREVER;
    if (e->kill_at && now >= e->kill_at) {
        (void)plug__os_kill(&e->child, PLUG__SIGNAL_KILL);
        e->kill_at = 0;
    }
    if (e->wake_at && now >= e->wake_at) {
        e->wake_at = 0;
        exec_wake(e);
    }
    if (e->wake_at)
        next = e->wake_at;
    if (e->kill_at && e->kill_at < next)
        next = e->kill_at;
    if (e->child.handle != PLUG_NO_HANDLE)
        return next;
    if (!exec_ended(e))
        return now + EXEC_ASK_MS * PLUG_MS;
    exec_wake(e);
    return PLUG_FOREVER;
}

/* ---- starting ---- */

/* Handles of one start; the child's are closed here when it runs. */
struct exec_ends {
    plug_handle in, out;             /* ours: `in` is read */
    plug_handle child_in, child_out; /* its own; equal for a socket pair */
};

static void exec_drop(plug_handle *h)
{
    if (*h != PLUG_NO_HANDLE)
        plug__os_close(*h);
    *h = PLUG_NO_HANDLE;
}

static int exec_socketpair(struct exec_ends *ends, int *os)
{
    plug_handle h[2];
    int r = plug__os_socketpair(h, PLUG_STREAM, os);
    if (r < 0)
        return r;
    ends->in = h[0];
    ends->child_in = ends->child_out = h[1];
    return plug__os_nonblock(h[1], 0, os); /* programs expect to block */
}

static int exec_pipes(struct exec_ends *ends, int *os)
{
    plug_handle h[2];
    int r = plug__os_pipe(h, 0, os);
    if (r < 0)
        return r;
    ends->in = h[0];
    ends->child_out = h[1];
    r = plug__os_pipe(h, 0, os);
    if (r < 0)
        return r;
    ends->child_in = h[0];
    ends->out = h[1];
    r = plug__os_nonblock(ends->in, 1, os);
    return r < 0 ? r : plug__os_nonblock(ends->out, 1, os);
}

/* The terminal: both ends of the child are its one other end. */
static int exec_terminal(struct exec_layer *e, struct exec_ends *ends, int *os)
{
    const struct plug__program_conf *c = e->d.step->conf;
    int r = plug__pty_open(&e->pty, e->d.step, &c->terminal, e->d.l.sock->loop, &ends->in, os);
    if (r >= 0)
        r = plug__pty_slave(&e->pty, &ends->child_in, os);
    ends->child_out = ends->child_in;
    return r;
}

/* With nofork: the process becomes the program. Comes back only when it cannot. */
static int exec_replace(struct exec_layer *e, const plug_handle get[2])
{
    const struct plug_step *step = e->d.step;
    const struct plug__program_conf *c = step->conf;
    unsigned without = step->plan->without;
    struct plug__spawn how =
        plug__program_how(step, without & PLUG_NOWRITE ? PLUG_NO_HANDLE : get[0],
                          without & PLUG_NOREAD ? PLUG_NO_HANDLE : get[1]);
    int os = 0, r;
    how.env = e->d.l.sock->env;
    plug__process_how(&c->process, &how);
    how.reterr_step = &e->process.step;
    r = plug__os_exec(&how, &os);
    return plug_fail(&e->d.l, 2, r, os);
}

static int exec_spawn(struct exec_layer *e, const struct exec_ends *ends, int *os)
{
    const struct plug__program_conf *c = e->d.step->conf;
    unsigned without = c->pty ? 0 : e->d.step->plan->without; /* a terminal is both */
    /* One way only (-u, -U): its other end stays that of the command, as with socat. */
    plug_handle in = without & PLUG_NOWRITE ? PLUG_NO_HANDLE : ends->child_in;
    plug_handle out = without & PLUG_NOREAD ? PLUG_NO_HANDLE : ends->child_out;
    struct plug__spawn how = plug__program_how(e->d.step, in, out);
    int r;
    how.env = e->d.l.sock->env;
    r = plug__process_spawn(&e->process, &c->process, e->d.l.sock->loop, &how, &e->child, os);
    if (r >= 0)
        e->started = 1;
    return r;
}

/* Gives our ends to the ports, which close them from now on. */
static int exec_ports(struct exec_layer *e, struct exec_ends *ends, int *os)
{
    int r = plug__port_own(&e->d.in, ends->in, os);
    ends->in = PLUG_NO_HANDLE;
    if (r < 0)
        return r;
    if (ends->out == PLUG_NO_HANDLE) {
        e->d.same = 1;
        e->d.in.flags |= PLUG__PORT_CHILD;
        return 0;
    }
    r = plug__port_own(&e->d.out, ends->out, os);
    ends->out = PLUG_NO_HANDLE;
    e->d.out.flags |= PLUG__PORT_CHILD;
    return r;
}

/* The command becomes the program as soon as the other side is up; nobody else can. */
static int exec_replaced(struct exec_layer *e)
{
    struct plug_layer *l = &e->d.l;
    if (!l->sock->loop->replaces) {
        e->process.step = "nofork";
        return plug_fail(l, 2, PLUG_ENOTSUP, 0);
    }
    l->sock->deadline = PLUG_FOREVER;
    return PLUG_EAGAIN;
}

static int exec_open(struct plug_layer *l)
{
    struct exec_layer *e = (struct exec_layer *)l;
    const struct plug__program_conf *c = e->d.step->conf;
    struct exec_ends ends = {PLUG_NO_HANDLE, PLUG_NO_HANDLE, PLUG_NO_HANDLE, PLUG_NO_HANDLE};
    int os = 0;
    if (c->process.nofork)
        return exec_replaced(e);
    int r = c->pty     ? exec_terminal(e, &ends, &os)
            : c->pipes ? exec_pipes(&ends, &os)
                       : exec_socketpair(&ends, &os);
    if (r >= 0)
        r = exec_spawn(e, &ends, &os);
    if (r >= 0)
        r = exec_ports(e, &ends, &os);
    if (r >= 0)
        r = exec_watch(e, &os);
    if (ends.child_out != ends.child_in)
        exec_drop(&ends.child_out);
    exec_drop(&ends.child_in);
    exec_drop(&ends.in);
    exec_drop(&ends.out);
    e->d.in.io.ready = exec_in_ready;
    e->d.out.io.ready = exec_out_ready;
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(&e->d);
}

/* ---- moving ---- */

/* How long the end of its output waits. A socket pair that is not hung up was only half-closed; two
 * pipes cannot tell, a process that exits closes them one by one. */
static int64_t exec_patience(struct exec_layer *e)
{
    if (e->d.same)
        return plug__duplex_hung_up(&e->d) ? EXEC_STATUS_MS : 0;
    return e->d.broken ? EXEC_STATUS_MS : EXEC_CLOSING_MS;
}

/* Its output has ended. Only a child that was not killed has said all. */
static int exec_said_all(struct exec_layer *e)
{
    struct plug_layer *l = &e->d.l;
    if (!exec_known(e, 0, exec_patience(e))) {
        plug_unready(l, PLUG_IN);
        return PLUG_EAGAIN;
    }
    e->said_all = 1;
    return exec_killed(e) ? exec_fail(e) : PLUG_EOF;
}

static int exec_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct exec_layer *e = (struct exec_layer *)l;
    int r = plug__duplex_recv(l, v, n, flags);
    if (r == PLUG_EIO && e->pty.loop) {
        l->error[0] = 0; /* so a terminal says that nobody has its other end any more */
        r = PLUG_EOF;
    }
    if (r != PLUG_EOF || (e->d.ended & PLUG_IN))
        return r;
    plug__duplex_look(&e->d);
    if (e->d.broken == PLUG_ECONNRESET && l->error[1] == PLUG_EPIPE)
        l->error[1] = PLUG_ECONNRESET; /* the hang-up was told first, that bytes are unread now */
    exec_settle(e);
    return exec_said_all(e);
}

static int exec_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct exec_layer *e = (struct exec_layer *)l;
    int r;
    if (e->d.broken)
        return exec_refused(e, e->d.broken);
    r = plug__duplex_send(l, v, n, flags);
    plug__pty_sent(&e->pty, v, r);
    return r == PLUG_EPIPE || r == PLUG_ECONNRESET ? exec_refused(e, r) : r;
}

/* ---- ending ---- */

static int exec_reset(struct exec_layer *e)
{
    plug__duplex_shut(&e->d.l, PLUG_SHUT_RESET);
    if (exec_ended(e) || e->kill_at)
        return 0;
    (void)plug__os_kill(&e->child, 0);
    e->kill_at = plug_now() + PLUG__KILL_AFTER_MS * PLUG_MS;
    plug_tick_at(&e->d.l, e->kill_at);
    return 0;
}

/* All was said both ways: how did it end? */
static int exec_verdict(struct exec_layer *e)
{
    struct plug_layer *l = &e->d.l;
    if (!exec_ended(e))
        return PLUG_EAGAIN;
    if (e->cut_off && e->status == EXEC_BY_SIGPIPE)
        return 0; /* it talked on when nobody listened any more */
    if (e->hung_up)
        return 0; /* how it takes that is its own affair */
    if (e->status != 0)
        return exec_fail(e);
    if (l->error[1] == PLUG_ECONNRESET || e->d.broken == PLUG_ECONNRESET)
        return PLUG_ECONNRESET; /* it left input unread */
    return 0;
}

/* The end of its input is said to a terminal; when nobody reads its output either, it is taken
 * away, which HUP tells to all that run on it. */
static int exec_leave(struct exec_layer *e, int how)
{
    int r = how == PLUG_SHUT_RD || e->d.broken ? 0 : plug__pty_farewell(&e->pty, &e->d);
    if (r >= 0 && how == PLUG_SHUT_RDWR && !e->d.broken && !exec_ended(e))
        r = plug__pty_drain(&e->pty, &e->d);
    if (r == PLUG_EAGAIN || how != PLUG_SHUT_RDWR)
        return r;
    e->hung_up |= !e->said_all;
    plug__pty_drop(&e->pty);
    plug__duplex_close(&e->d.l);
    return 0;
}

static int exec_shut(struct plug_layer *l, int how)
{
    struct exec_layer *e = (struct exec_layer *)l;
    if (how == PLUG_SHUT_RESET)
        return exec_reset(e);
    if (how != PLUG_SHUT_WR && !e->said_all && !(e->d.step->plan->without & PLUG_NOREAD))
        e->cut_off = 1;
    if (e->pty.loop && exec_leave(e, how) == PLUG_EAGAIN)
        return PLUG_EAGAIN;
    plug__duplex_shut(l, how);
    return how == PLUG_SHUT_RDWR ? exec_verdict(e) : 0;
}

static int exec_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    struct exec_layer *e = (struct exec_layer *)l;
    int n;
    if (level == PLUG_LEVEL_SOCK && name == PLUG__SO_CAUSE)
        return plug__process_cause(&e->process, val, len);
    if (level == PLUG_LEVEL_SOCK && name == PLUG_SO_UNSENT && e->pty.loop)
        return plug__pty_unsent(&e->pty, val, len);
    if (level != PLUG_LEVEL_CHILD)
        return plug__duplex_getopt(l, level, name, val, len);
    if (*len < sizeof(n))
        return PLUG_EINVAL;
    if (!e->started)
        return PLUG_ENOTCONN;
    if (name == PLUG_CHILD_PID)
        n = (int)e->child.pid;
    else if (name == PLUG_CHILD_STATUS && exec_ended(e))
        n = e->status;
    else if (name == PLUG__CHILD_KILLED && e->ended)
        n = exec_killed(e);
    else
        return name == PLUG_CHILD_STATUS ? PLUG_EAGAIN : PLUG_ENOTSUP;
    memcpy(val, &n, sizeof(n));
    *len = sizeof(n);
    return 0;
}

static int exec_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    struct exec_layer *e = (struct exec_layer *)l;
    const struct plug__program_conf *c = e->d.step->conf;
    if (level != PLUG_LEVEL_CHILD || name != PLUG__CHILD_REPLACE || !c->process.nofork)
        return PLUG_ENOTSUP;
    return len == 2 * sizeof(plug_handle) ? exec_replace(e, val) : PLUG_EINVAL;
}

static void exec_close(struct plug_layer *l)
{
    struct exec_layer *e = (struct exec_layer *)l;
    plug__pty_drop(&e->pty);
    plug__duplex_close(l);
    plug__loop_del(l->sock->loop, &e->watch);
    plug__process_drop(&e->process, l->sock->loop);
    if (!e->started)
        return;
    e->started = 0;
    if (!e->ended)
        plug__reap(&e->child);
    else if (e->child.handle != PLUG_NO_HANDLE)
        plug__os_close(e->child.handle);
}

const struct plug_ops plug__exec_ops = {
    .name = "exec",
    .size = sizeof(struct exec_layer),
    .conf = sizeof(struct plug__program_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = plug__program_kinds,
    .options = plug__program_options,
    .defaults = &plug__program_defaults,
    .plan = plug__program_plan,
    .init = exec_init,
    .open = exec_open,
    .accept = plug_pass_accept,
    .recv = exec_recv,
    .send = exec_send,
    .shut = exec_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = exec_getopt,
    .setopt = exec_setopt,
    .tick = exec_tick,
    .close = exec_close,
};

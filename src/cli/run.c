/* SPDX-License-Identifier: MIT
 *
 * Runs relays: all addresses are checked before anything is opened, then one loop serves them,
 * signals drain it, and the first failure gives the exit status.
 * It deliberately does no transfer: the relays do.
 */
#include "cli/run.h"
#include "cli/dump.h"
#include "cli/log.h"
#include "cli/nofork.h"
#include "cli/progress.h"
#include "cli/stats.h"
#include "cli/verbs.h"
#include "core/lockfile.h"
#include "util/alloc.h"
#include "util/err.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run_relay {
    struct run *run;
    unsigned number;         /* from 1 */
    struct plug_plan *a, *b; /* until the relay takes them */
    struct plug__relay *relay;
    int listens, told; /* listeners it has, and has spoken of */
    int opened;
};

struct run {
    const struct plug__args *args;
    struct plug__log log;
    struct plug_loop *loop;
    struct plug_io signals;
    struct run_relay *relays;
    unsigned n;
    int signalled;     /* the signal handle has something */
    int ended_by;      /* the signal that ends the command, 0 none */
    int again;         /* a second one came */
    unsigned lame;     /* the relay that could not be opened at the start, 0 none */
    int child_status;  /* of the first child that failed, 0 none */
    int waits, locked; /* for and with the lock file of -L or -W */
    int warned;        /* bounds of records can be lost: said once */
    int replaces;      /* a program with nofork takes our place once the first side is up */
    struct plug__relay_set set;
    struct plug__raw raw; /* -r, -R */
    struct plug__progress progress;
};

/* ---- what is asked, checked before anything is opened ---- */

static int run_wrong(const struct run *run, const char *address, const struct plug_err *err)
{
    if (run->args->log_json)
        plug__log_error(&run->log, err);
    else
        plug__cli_error(stderr, address, err);
    return plug__exit_code(err->code);
}

struct run_pf {
    const struct plug_option *option;
    uint32_t offset;
};

static int run_find_pf(const struct plug_option *o, uint32_t offset, void *arg)
{
    struct run_pf *found = arg;

    if (strcmp(o->name, "pf") != 0)
        return 0;
    found->option = o;
    found->offset = offset;
    return 1;
}

/* 1 when an address says itself which family it means: by pf=, by its name (TCP6) or by a literal.
 */
static int run_has_family(const struct plug_step *step)
{
    for (unsigned i = 0; i < step->nopts; i++)
        if (strcmp(step->opts[i].option->name, "pf") == 0)
            return 1;
    if (step->kind && step->kind->preset && strstr(step->kind->preset, "pf="))
        return 1;
    return step->host &&
           (strchr(step->host, ':') || !step->host[strspn(step->host, "0123456789.")]);
}

/* -4 and -6: the family of addresses that name none. */
static int run_family(struct plug_plan *p, int family, struct plug_err *err)
{
    for (unsigned i = 0; i < p->nsteps; i++) {
        struct plug_step *step = &p->steps[i];
        struct plug_optval val = {0};
        struct run_pf pf = {0};
        int rc;

        if (!step->ops->options || run_has_family(step))
            continue;
        if (!plug__options_each(step->ops->options, run_find_pf, &pf))
            continue;
        rc = plug__option_set(pf.option, pf.offset, step->conf, family == 4 ? "ip4" : "ip6", &val,
                              err);
        if (rc < 0)
            return rc;
    }
    for (int i = 0; i < 2 && p->half[i]; i++) {
        int rc = run_family(p->half[i], family, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Parses one address. Returns 0, or the exit status after the error was shown. */
static int run_parse(struct run *run, const char *address, struct plug_plan **ret)
{
    struct plug_err err = {0};

    if (plug__plan_parse(ret, address, NULL, &err) < 0)
        return run_wrong(run, address, &err);
    if (run->args->family && run_family(*ret, run->args->family, &err) < 0)
        return run_wrong(run, address, &err);
    return 0;
}

static void run_warn(void *arg, const char *text)
{
    struct run *run = arg;

    if (!run->warned)
        plug__log_say(&run->log, PLUG__LEVEL_WARNING, "%s", text);
    run->warned = 1;
}

static int run_shows(const struct plug__args *args)
{
    return args->dump || args->raw[0] || args->raw[1];
}

static int run_check(struct run *run, struct run_relay *r)
{
    const struct plug__pair *pair = &run->args->pairs[r->number - 1];
    struct plug_err err = {0};
    int side = 0, rc;

    if (run_shows(run->args) && plug__plan_push(r->a, "dump", &err) < 0)
        return run_wrong(run, pair->a, &err);
    rc = plug__relay_check(r->a, r->b, run->args->block, run->args->only, &side, run_warn, run,
                           &err);
    return rc < 0 ? run_wrong(run, side == 1 ? pair->b : pair->a, &err) : 0;
}

/* The number given is closed at once and a duplicate kept, so that no program that plug starts gets
 * it: who reads the other end sees its end when the last line is there. */
static int run_ready_fd(struct run *run)
{
    struct plug_err err = {0};
    int n = run->args->ready_fd;
    plug_handle given = (plug_handle)n;

    if (n < 0)
        return 0;
    if ((n > 2 || plug__os_stdio(n, &given, NULL) >= 0) &&
        plug__os_dup(given, &run->log.ready, NULL) >= 0) {
        run->log.ready_open = 1;
        if (n > 2)
            plug__os_close(given);
        return 0;
    }
    plug__err(&err, PLUG_EUSAGE, 0, NULL, "descriptor %d of --ready-fd is not open", n);
    plug__err_hint(&err, "the shell opens it by %d>FILE", n);
    return run_wrong(run, NULL, &err);
}

static int run_nofork(struct run *run, struct run_relay *r)
{
    const struct plug__pair *pair = &run->args->pairs[r->number - 1];
    struct plug_err err = {0};
    int side = 0, rc = plug__nofork_asked(run->args, r->a, r->b, &side, &err);

    if (rc < 0)
        return run_wrong(run, side ? pair->b : pair->a, &err);
    if (rc > 0)
        run->replaces = 1;
    return 0;
}

static int run_raw(struct run *run)
{
    struct plug_err err = {0};
    const char *name = NULL;

    run->raw = (struct plug__raw){.name = {run->args->raw[0], run->args->raw[1]}, .log = &run->log};
    if (plug__raw_open(&run->raw, &name, &err) < 0)
        return run_wrong(run, name, &err);
    return 0;
}

static int run_plan(struct run *run)
{
    int status = 0;

    for (unsigned i = 0; !status && i < run->n; i++) {
        struct run_relay *r = &run->relays[i];
        r->run = run;
        r->number = i + 1;
        status = run_parse(run, run->args->pairs[i].a, &r->a);
        if (!status)
            status = run_parse(run, run->args->pairs[i].b, &r->b);
    }
    for (unsigned i = 0; !status && i < run->n; i++)
        status = run_check(run, &run->relays[i]);
    for (unsigned i = 0; !status && i < run->n; i++)
        status = run_nofork(run, &run->relays[i]);
    return status;
}

/* ---- while it runs ---- */

static void run_event(void *arg, const struct plug__event *ev)
{
    struct run_relay *r = arg;
    struct run *run = r->run;

    if (ev->err.code == PLUG_ECHILD && !run->child_status)
        run->child_status = ev->err.os;
    if (ev->kind == PLUG__EV_OPENED)
        r->opened = 1;
    if (ev->kind == PLUG__EV_FAILED && run->n > 1 && !r->opened && !r->listens && !run->ended_by)
        run->lame = r->number;
    plug__log_event(&run->log, r->number, ev);
    if (ev->kind == PLUG__EV_LISTENING && run->n == 1 && ++r->told == r->listens)
        plug__log_ready_done(&run->log);
}

static void run_opened(void *arg, struct plug_sock *s, int side)
{
    const struct run_relay *r = arg;

    if (side == 0)
        plug__dump_attach(s, r->run->args->dump, &r->run->raw);
}

static int run_plan_listens(const struct plug_plan *p)
{
    return p->steps[0].role == PLUG_LISTENER;
}

static int run_start(struct run *run, struct run_relay *r, struct plug_err *err)
{
    const struct plug__args *args = run->args;
    struct plug__relay_conf conf = {.a = r->a,
                                    .b = r->b,
                                    .only = args->only,
                                    .block = args->block,
                                    .half_wait = args->half_wait,
                                    .idle = args->idle,
                                    .movers = args->movers,
                                    .debug = args->level >= PLUG__LEVEL_DEBUG,
                                    .event = run_event,
                                    .opened = run_shows(args) ? run_opened : NULL,
                                    .arg = r,
                                    .set = &run->set};

    r->listens = run_plan_listens(r->a) + run_plan_listens(r->b);
    r->a = r->b = NULL; /* taken in any case */
    return plug__relay_new(&r->relay, run->loop, &conf, err);
}

static void run_statistics(const struct run *run)
{
    int json = run->args->json || run->args->log_json; /* one kind of line on standard error */
    for (unsigned i = 0; i < run->n; i++)
        if (run->relays[i].relay)
            plug__stats_show(run->relays[i].relay, i + 1, json);
}

/* In the loop's delivery: only notes that signals wait. */
static void run_signal_ready(struct plug_io *io, unsigned bits)
{
    struct run *run = plug__of(io, struct run, signals);

    (void)bits;
    run->signalled = 1;
    plug_loop_wake(run->loop); /* no endpoint runs: the turn would go on */
}

/* Who sees nothing happen must know that it happens. */
static void run_drain_say(struct run *run, int sig)
{
    uint64_t live = 0;
    char most[48] = "";

    if (run->args->drain < PLUG_FOREVER)
        snprintf(most, sizeof(most), ", %g s at most",
                 (double)run->args->drain / (double)PLUG_SECOND);
    for (unsigned i = 0; i < run->n; i++) {
        struct plug__relay_totals totals = {0};
        plug__relay_totals(run->relays[i].relay, &totals);
        live += totals.live;
    }
    if (live)
        plug__log_say(&run->log, PLUG__LEVEL_WARNING,
                      "signal %d: waiting for %" PRIu64
                      " session%s to end%s; once more ends at once",
                      sig, live, live == 1 ? "" : "s", most);
    else
        plug__log_say(&run->log, PLUG__LEVEL_NOTICE, "signal %d: no new sessions", sig);
}

static void run_drain(struct run *run, int sig)
{
    plug_time now = plug_now();
    plug_time until = run->args->drain > PLUG_FOREVER - now ? PLUG_FOREVER : now + run->args->drain;

    run->ended_by = sig;
    for (unsigned i = 0; i < run->n; i++)
        plug__relay_drain(run->relays[i].relay, until);
    for (unsigned i = 0; sig == SIGINT && i < run->n; i++)
        plug__relay_hurry(run->relays[i].relay); /* a person waits */
    run_drain_say(run, sig);
}

static void run_signals(struct run *run)
{
    int sig;

    run->signalled = 0;
    while ((sig = plug__os_signals_next(run->signals.handle)) > 0) {
        if (sig == SIGUSR1)
            run_statistics(run);
        else if (plug__loop_signal(run->loop, sig) || sig == PLUG__SIGNAL_WINCH)
            continue; /* it was meant for a program or a terminal */
        else if (run->ended_by)
            run->again = 1;
        else
            run_drain(run, sig);
    }
    plug__loop_arm(run->loop, &run->signals, PLUG_IN);
}

static int run_done(const struct run *run)
{
    for (unsigned i = 0; i < run->n; i++)
        if (!plug__relay_done(run->relays[i].relay))
            return 0;
    return 1;
}

/* All serve or none: a listener that cannot be had ends the command before anybody was served, a
 * client that cannot be opened ends the others at once. Returns 1 to end, 0, or the error. */
static int run_gate(struct run *run, struct plug_err *err)
{
    int stands = run->set.gate ? plug__relay_set_stands(&run->set) : 0;

    if (stands > 0) {
        int rc = plug__relay_set_go(&run->set, err);
        plug__log_ready_done(&run->log);
        if (rc < 0)
            return rc;
    }
    if (!run->lame && stands >= 0)
        return 0;
    if (run->lame)
        plug__log_say(&run->log, PLUG__LEVEL_WARNING, "relay %u could not begin, so the others end",
                      run->lame);
    return 1;
}

static int run_replace(struct run *run, struct plug_err *err)
{
    struct plug_sock *sides[2];

    if (!run->replaces || !plug__relay_sides(run->relays[0].relay, sides))
        return 0;
    return plug__nofork_go(sides[0], sides[1], err);
}

static void run_sum(void *arg, struct plug__progress_sum *ret)
{
    const struct run *run = arg;

    for (unsigned i = 0; i < run->n; i++) {
        struct plug__relay_totals t = {0};
        plug__relay_totals(run->relays[i].relay, &t);
        for (int d = 0; d < 2; d++) {
            ret->bytes[d] += t.flow[d].bytes;
            ret->records[d] += t.flow[d].records;
        }
    }
}

static int run_progress(struct run *run, struct plug_err *err)
{
    struct plug__progress *p = &run->progress;
    int rc;

    if (!run->args->progress)
        return 0;
    p->sum = run_sum;
    p->arg = run;
    p->size = run->args->size;
    run->log.painted = &p->painted;
    rc = plug__progress_begin(p, run->loop, run->args->progress > 1);
    return rc < 0 ? plug__err(err, rc, 0, NULL, "no timer for --progress") : 0;
}

static int run_turns(struct run *run, struct plug_err *err)
{
    while (!run->again && !run_done(run)) {
        int ends = run_gate(run, err);
        if (ends)
            return ends < 0 ? ends : 0;
        /* One wait only: signals and a relay's timers run no endpoint, but are looked at here. */
        int rc = plug__loop_poll(run->loop, PLUG_FOREVER);
        if (rc < 0)
            return plug__err(err, rc, 0, NULL, "the loop failed: %s", plug_strerror(rc));
        if (run->signalled)
            run_signals(run);
        rc = run_replace(run, err);
        if (rc < 0 && rc != PLUG_EAGAIN)
            return rc;
    }
    return 0;
}

/* The first failure of a relay; a child's own status when that is asked for. */
static int run_status(const struct run *run)
{
    if (run->ended_by)
        return 128 + run->ended_by;
    if (run->lame)
        return plug__relay_status(run->relays[run->lame - 1].relay);
    for (unsigned i = 0; i < run->n; i++) {
        int status = plug__relay_status(run->relays[i].relay);
        if (status == 9 && run->args->child_code && run->child_status)
            return run->child_status;
        if (status)
            return status;
    }
    return 0;
}

/* ---- set up and clear up ---- */

static int run_listens(const struct run *run)
{
    for (unsigned i = 0; i < run->n; i++)
        if (run_plan_listens(run->relays[i].a) || run_plan_listens(run->relays[i].b))
            return 1;
    return 0;
}

/* -L and -W. Returns 0; ECANCELED: a signal came first. */
static int run_lock(struct run *run, struct plug_err *err)
{
    const struct plug__args *args = run->args;
    int os = 0, rc;

    if (!args->lock)
        return 0;
    while ((rc = plug__lockfile_take(args->lock, &os)) == PLUG_EBUSY && args->wait_lock) {
        if (!run->waits)
            plug__log_say(&run->log, PLUG__LEVEL_NOTICE, "waiting for lock file %s", args->lock);
        run->waits = 1;
        rc = plug__loop_poll(run->loop, plug_now() + PLUG__LOCK_RETRY_MS * PLUG_MS);
        run->ended_by = run->signalled ? plug__os_signals_next(run->signals.handle) : 0;
        if (run->ended_by)
            return PLUG_ECANCELED;
        if (rc < 0)
            return plug__err(err, rc, 0, NULL, "the loop failed: %s", plug_strerror(rc));
    }
    if (rc >= 0) {
        run->locked = 1;
        return 0;
    }
    plug__err(err, rc, os, "lockfile", "lock file %.100s: %s", args->lock,
              rc == PLUG_EBUSY ? "another has it" : plug_strerror(rc));
    return rc;
}

static int run_open(struct run *run, struct plug_err *err)
{
    int os = 0, rc;

    if (run_listens(run))
        plug__os_raise_fd_limit(); /* sessions need many; where it fails the limit stands */
    else
        plug__log_ready_done(&run->log);
    run->set.gate = run->n > 1 && run_listens(run);
    rc = plug_loop_new(&run->loop, getenv("PLUG_LOOP"), err);
    if (rc < 0)
        return rc;
    rc = plug__os_signals_open(&run->signals.handle, &os);
    if (rc >= 0)
        rc = plug__loop_add(run->loop, &run->signals, &os);
    if (rc < 0)
        return plug__err(err, rc, os, NULL, "signals cannot be watched: %s", plug_strerror(rc));
    run->loop->replaces = run->replaces;
    rc = run_lock(run, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < run->n; i++)
        if ((rc = run_start(run, &run->relays[i], err)) < 0)
            return rc;
    return run_progress(run, err);
}

static void run_close(struct run *run)
{
    for (unsigned i = 0; run->relays && i < run->n; i++) {
        struct run_relay *r = &run->relays[i];
        plug__relay_free(r->relay);
        plug__plan_drop(r->a);
        plug__plan_drop(r->b);
    }
    if (run->loop && run->signals.handle != PLUG_NO_HANDLE) {
        plug__loop_del(run->loop, &run->signals);
        plug__os_signals_close(run->signals.handle);
    }
    plug_loop_free(run->loop);
    plug__raw_close(&run->raw);
    plug__free(run->relays);
    if (run->locked)
        plug__lockfile_drop(run->args->lock);
}

int plug__run(const struct plug__args *args)
{
    struct run run = {.args = args,
                      .n = args->npairs,
                      .signals = {.handle = PLUG_NO_HANDLE, .ready = run_signal_ready}};
    struct plug_err err = {0};
    int status;

    plug__log_init(&run.log, args->level, args->log_json);
    run.relays = plug__calloc(run.n, sizeof(*run.relays));
    if (!run.relays) {
        plug__err(&err, PLUG_ENOMEM, 0, NULL, "out of memory");
        plug__log_error(&run.log, &err);
        return 1;
    }
    status = run_ready_fd(&run);
    if (!status)
        status = run_plan(&run);
    if (!status)
        status = run_raw(&run);
    if (!status) {
        int rc = run_open(&run, &err);
        if (rc >= 0)
            rc = run_turns(&run, &err);
        plug__progress_end(&run.progress);
        if (rc < 0 && !run.ended_by) {
            plug__log_error(&run.log, &err);
            status = plug__exit_code(err.code);
        } else {
            status = run_status(&run);
        }
        if (args->statistics)
            run_statistics(&run);
    }
    run_close(&run);
    plug__log_ready_done(&run.log);
    return status;
}

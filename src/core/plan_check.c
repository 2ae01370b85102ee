/* SPDX-License-Identifier: MIT
 *
 * The types of a plan: what each layer offers to the one above, from the base up. A stack that
 * cannot be is refused here, before any descriptor is opened.
 */
#include "core/address.h"
#include "core/plan_parts.h"
#include "util/err.h"
#include <limits.h>
#include <string.h>

/* Layers that may follow each other by `become`: fd to socket to tcp. */
enum { CHECK_BECOMES = 3 };

static void check_reset(struct plug_plan *p, unsigned i, int mate, size_t mate_limit)
{
    struct plug_step *s = &p->steps[i];

    if (s->ops != p->asked[i]) {
        s->ops = p->asked[i];
        s->conf = p->asked_conf[i];
        s->adopt = PLUG_NO_HANDLE;
    }
    s->flags = s->ops->flags;
    s->become = NULL;
    s->offers = 0;
    s->limit = 0;
    s->under = i ? p->steps[i - 1].offers : 0;
    s->mate = mate;
    s->mate_limit = mate_limit > INT_MAX ? INT_MAX : (int)mate_limit;
}

static int check_become_options(struct plug_step *s, struct plug_err *reterr)
{
    for (unsigned i = 0; i < s->nopts; i++) {
        const struct plug_optval *v = &s->opts[i];
        struct plug_optval ignored;
        uint32_t offset;
        const char *name = v->option->name;
        const struct plug_option *o =
            plug__option_find(s->ops->options, name, strlen(name), &offset);
        int result =
            o ? plug__option_set(o, offset, s->conf, v->text, &ignored, reterr)
              : plug__usage(reterr, v->column, v->width, NULL,
                            "option \"%s\" is not for what is open there (%s)", name, s->ops->name);
        if (result && reterr && !reterr->width)
            plug__err_at(reterr, v->column, v->width);
        if (result)
            return result;
    }
    return 0;
}

int plug__plan_become(struct plug_plan *p, struct plug_step *s, struct plug_err *reterr)
{
    const struct plug_ops *ops = plug__find_layer(s->become, p->extra);

    if (!ops)
        return plug__usage(reterr, s->column, s->width, "list them: plug list",
                           "this build has no layer \"%s\" for what is open there", s->become);
    s->ops = ops;
    s->flags = ops->flags;
    s->become = NULL;
    s->conf = plug__plan_conf(p, ops);
    if (!s->conf)
        return plug__plan_nomem(reterr);
    return check_become_options(s, reterr);
}

/* Framing makes records of bytes; a side that has records needs none. */
static int check_frame(const struct plug_plan *p, const struct plug_step *s,
                       struct plug_err *reterr)
{
    const struct plug_step *below = s - 1;

    if (s == p->steps || !p->common.frame || !(p->pushed & 1u << (s - p->steps)) ||
        plug__casecmp(s->kind ? s->kind->name : s->ops->name, p->common.frame) != 0)
        return 0;
    if (!s->under || s->under == PLUG_STREAM)
        return 0;
    return plug__usage(
        reterr, s->column, s->width, "leave frame= out here; it belongs on the byte side",
        "frame= is for bytes; %s carries records (%s)",
        below->kind ? below->kind->name : below->ops->name, plug__type_name(s->under));
}

/* A descriptor may turn out to listen: what stands on it serves, and socat's form serves one. */
static void check_turned_listener(struct plug_plan *p, unsigned i)
{
    if (p->steps[0].role != PLUG_LISTENER)
        return;
    if (i)
        p->steps[i].role = PLUG_SERVER;
    else if (!p->url && !p->common.fork)
        p->common.once = 1;
}

static int check_step(struct plug_plan *p, unsigned i, struct plug_err *reterr)
{
    struct plug_step *s = &p->steps[i];
    int base = (s->ops->flags & PLUG_BASE) != 0, result;

    if (base != (i == 0))
        return plug__usage(reterr, s->column, s->width, "the base comes last: len32+tcp:HOST:PORT",
                           "%s %s", s->ops->name,
                           base ? "cannot stand on another layer" : "needs a base below it");
    result = check_frame(p, s, reterr);
    if (!result)
        result = s->ops->plan(s, reterr);
    for (int n = 0; n < CHECK_BECOMES && result >= 0 && s->become; n++) {
        result = plug__plan_become(p, s, reterr);
        if (result >= 0)
            result = s->ops->plan(s, reterr);
    }
    return result;
}

/* A base complains of its parameter, where it has one that stands in the address as it is. */
static void check_place(const struct plug_plan *p, const struct plug_step *s, struct plug_err *own)
{
    size_t len = strlen(p->text), from = (size_t)s->column + (size_t)s->width;
    const char *at =
        s == p->steps && s->path && *s->path && from < len ? strstr(p->text + from, s->path) : NULL;

    if (at)
        plug__err_at(own, (int)(at - p->text), (int)strlen(s->path));
    else
        plug__err_at(own, s->column, s->width);
}

/* ---- common options against the types ---- */

static int check_refuse(const struct plug_plan *p, const char *option, const char *hint,
                        struct plug_err *reterr, const char *text)
{
    plug__err(reterr, PLUG_EUSAGE, 0, NULL, "%s", text);
    plug__err_hint(reterr, "%s", hint);
    for (unsigned i = 0; i < p->nopts; i++) {
        if (strcmp(p->opts[i].option->name, option) == 0)
            plug__err_at(reterr, p->opts[i].column, p->opts[i].width);
    }
    return PLUG_EUSAGE;
}

static int check_common(const struct plug_plan *p, struct plug_err *reterr)
{
    const struct plug__common *c = &p->common;
    const struct plug_step *top = &p->steps[p->nsteps - 1];

    if (!c->cloexec)
        return check_refuse(p, "cloexec", "exec:... gives a program its own: fdin=, fdout=", reterr,
                            "plug's descriptors are never given to the programs it starts");
    if (c->lockfile && c->waitlock)
        return check_refuse(p, "waitlock", "leave one of them out", reterr,
                            "lockfile fails where waitlock waits");
    if (c->shut_none + c->shut_null + c->shut_down + c->shut_close > 1)
        return check_refuse(p, c->shut_close ? "shut-close" : "shut-null", "leave all but one out",
                            reterr, "more than one shut- option");
    if (c->shut_null && top->offers == PLUG_STREAM)
        return check_refuse(p, "shut-null",
                            "leave it out, or give the side records by frame=", reterr,
                            "shut-null sends an empty record, and bytes have none");
    if (c->shut_down && !(top->flags & PLUG_HALFCLOSE))
        return check_refuse(p, "shut-down", "shut-null tells a datagram peer by an empty record",
                            reterr, "shut-down is for what can be shut down one way");
    return 0;
}

int plug__plan_check(struct plug_plan *p, int mate, size_t mate_limit, struct plug_err *reterr)
{
    struct plug_err own = {0};
    int same = mate_limit > INT_MAX ? INT_MAX : (int)mate_limit;

    if (p->checked && p->steps[0].mate == mate && p->steps[0].mate_limit == same)
        return 0;
    for (unsigned i = 0; i < p->nsteps; i++) {
        int result;
        check_reset(p, i, mate, mate_limit);
        result = check_step(p, i, &own);
        check_turned_listener(p, i);
        if (result < 0) {
            if (own.code != result) /* the layer said nothing */
                plug__err(&own, result, 0, p->steps[i].ops->name, "%s cannot stand here: %s",
                          p->steps[i].ops->name, plug_strerror(result));
            if (!own.width)
                check_place(p, &p->steps[i], &own);
            if (!own.hint[0])
                plug__err_hint(&own, "what it takes: plug help %s",
                               p->steps[i].kind ? p->steps[i].kind->name : p->steps[i].ops->name);
            if (reterr)
                *reterr = own;
            return result;
        }
    }
    if (check_common(p, reterr) < 0)
        return PLUG_EUSAGE;
    p->checked = 1;
    return 0;
}

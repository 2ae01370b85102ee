/* SPDX-License-Identifier: MIT
 *
 * What two addresses are together as A!!B: which type they offer, what they can, and how their
 * options are shared out. The layer itself is dual.c's.
 */
#include "core/address.h"
#include "core/dual.h"
#include "core/dual_layer.h"
#include "core/plan_parts.h"
#include "util/err.h"
#include <string.h>

static const struct plug_kind dual_kind = {
    .name = "dual",
    .params = PLUG_PARAM_NONE,
    .role = PLUG_CLIENT,
    .flags = PLUG_KIND_HIDDEN,
    .help = "A!!B: read from A, write to B",
};

/* ---- the text ---- */

int plug__address_dual(const char *text)
{
    char close[32] = "", quote = '\0';
    unsigned depth = 0;

    for (int i = 0; text[i]; i++) {
        const char *open = depth ? "([{\"'" : "([{", *found;
        char c = text[i];
        if (c == '\\' && text[i + 1]) {
            i++;
        } else if (quote) {
            quote = c == quote ? '\0' : quote;
        } else if (!depth && (c == '"' || c == '\'')) {
            quote = c;
        } else if (!depth && c == '!' && text[i + 1] == '!') {
            return i;
        } else if (depth && c == close[depth - 1]) {
            depth--;
        } else if ((found = strchr(open, c)) && (!depth || !strchr("\"'", close[depth - 1]))) {
            if (depth == sizeof(close))
                return -1; /* the parser says so */
            close[depth++] = ")]}\"'"[found - open];
        }
    }
    return -1;
}

/* ---- options ---- */

static plug_time dual_shorter(plug_time a, plug_time b)
{
    return a && (!b || a < b) ? a : b;
}

/* Each option acts where its half is asked; what the halves do for themselves is taken out. */
static void dual_common(struct plug_plan *p)
{
    const struct plug__common *a = &p->half[0]->common, *b = &p->half[1]->common;
    struct plug__common *c = &p->common;

    *c = *b;
    c->ignoreeof = a->ignoreeof;
    c->null_eof = a->null_eof;
    c->end_close = a->end_close || b->end_close;
    c->idle_timeout = dual_shorter(a->idle_timeout, b->idle_timeout);
    if (a->close_timeout > c->close_timeout)
        c->close_timeout = a->close_timeout;
    c->name = a->name ? a->name : b->name;
    c->frame = c->lockfile = c->waitlock = NULL;
    c->umask = -1;
    c->connect_timeout = c->handshake_timeout = 0; /* each half has its own clock */
}

static int dual_half_fits(const struct plug_plan *half, size_t from, struct plug_err *reterr)
{
    const struct plug_step *base = &half->steps[0];

    if (base->role != PLUG_LISTENER)
        return 0;
    return plug__usage(reterr, (int)from + base->column, base->width,
                       "join it alone: plug A B, or two relays by --",
                       "a listener cannot be half of A!!B");
}

int plug__dual_plan_parsed(struct plug_plan *p, struct plug_err *reterr)
{
    struct plug_step *s;
    int result = dual_half_fits(p->half[0], 0, reterr);

    if (!result)
        result = dual_half_fits(p->half[1], strlen(p->half[0]->text) + 2, reterr);
    if (!result)
        result = plug__plan_step(p, &plug__dual_ops, &dual_kind, &s, reterr);
    if (result)
        return result;
    s->width = (int)strlen(p->text);
    if (plug__plan_open_type(p->half[0]) || plug__plan_open_type(p->half[1]))
        s->flags |= PLUG_ANYTYPE;
    dual_common(p);
    return 0;
}

/* ---- types ---- */

static const char *dual_name(const struct plug_plan *half)
{
    const struct plug_step *base = &half->steps[0];
    return base->kind ? base->kind->name : base->ops->name;
}

/* Errors point into the whole text. */
static int dual_check_half(struct plug_plan *const *half, int i, int mate, size_t limit,
                           struct plug_err *reterr)
{
    int r = plug__plan_check(half[i], mate, limit, reterr);

    if (r < 0 && i && reterr)
        reterr->column += (int)strlen(half[0]->text) + 2;
    return r;
}

/* The half whose type is its own goes first; the other may take it. */
static int dual_types(const struct plug_step *step, struct plug_err *reterr)
{
    struct plug_plan *const *half = step->plan->half;
    int first = plug__plan_open_type(half[0]) && !plug__plan_open_type(half[1]);
    size_t limit = (size_t)step->mate_limit;
    const struct plug_step *top;
    int r;

    half[0]->without = PLUG_NOWRITE;
    half[1]->without = PLUG_NOREAD;
    r = dual_check_half(half, first, step->mate, limit, reterr);
    if (r < 0)
        return r;
    top = plug__plan_top(half[first]);
    return dual_check_half(half, !first, top->offers, top->limit, reterr);
}

static int dual_refuse(const struct plug_step *step, struct plug_err *reterr, const char *hint)
{
    const struct plug_plan *a = step->plan->half[0], *b = step->plan->half[1];
    const struct plug_step *from = &a->steps[a->nsteps - 1], *to = &b->steps[b->nsteps - 1];

    plug__err(reterr, PLUG_EUSAGE, 0, "dual", "%s gives %s and %s takes %s", dual_name(a),
              plug__type_name(from->offers), dual_name(b), plug__type_name(to->offers));
    plug__err_hint(reterr, "%s", hint);
    return PLUG_EUSAGE;
}

static int dual_ways(const struct plug_step *step, const struct plug_step *from,
                     const struct plug_step *to, struct plug_err *reterr)
{
    const struct plug_step *a = &step->plan->half[0]->steps[0];
    const struct plug_step *b = &step->plan->half[1]->steps[0];
    int unread = (from->flags & PLUG_NOREAD) != 0;

    if (a->adopt != PLUG_NO_HANDLE && a->adopt == b->adopt) {
        plug__err(reterr, PLUG_EUSAGE, 0, "dual", "both halves are the same socket");
        plug__err_hint(reterr, "given once, it is read and written");
        return PLUG_EUSAGE;
    }
    if (!unread && !(to->flags & PLUG_NOWRITE))
        return 0;
    plug__err(reterr, PLUG_EUSAGE, 0, "dual", "%s cannot be %s",
              dual_name(step->plan->half[!unread]), unread ? "read" : "written");
    plug__err_hint(reterr, "in A!!B data comes from A and goes to B");
    return PLUG_EUSAGE;
}

int plug__dual_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct plug_step *from = plug__plan_top(step->plan->half[0]);
    const struct plug_step *to = plug__plan_top(step->plan->half[1]);
    const unsigned both = PLUG_RELIABLE, any = PLUG_ONCE | PLUG_ANYTYPE;
    int r = dual_types(step, reterr);

    if (r >= 0)
        r = dual_ways(step, from, to, reterr);
    if (r < 0)
        return r;
    if (from->offers != to->offers)
        return dual_refuse(step, reterr, "frame= makes records of bytes: frame=len32");
    if (from->offers != PLUG_STREAM && ((from->flags ^ to->flags) & PLUG_SPLITS))
        return dual_refuse(step, reterr, "records that come in pieces need a side that takes them");
    step->offers = to->offers;
    step->limit = from->limit > to->limit ? from->limit : to->limit;
    step->flags = PLUG_BASE | PLUG_TWO_HANDLES | step->plan->without;
    step->flags |= to->flags & (PLUG_HALFCLOSE | PLUG_ATOMIC | PLUG_SIZED | PLUG_SPLITS);
    step->flags |= from->flags & to->flags & both;
    step->flags |= (from->flags | to->flags) & any;
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Two checked plans against each other: who takes whose type, which directions there are, and what
 * a stream beside records loses. It opens nothing.
 */
#include "relay/pump.h"

#include "os/os.h"
#include "util/err.h"
#include <string.h>

static struct plug_step *adapt_top(struct plug_plan *p)
{
    return plug__plan_top(p);
}

/* The plan whose type is its own goes first; the other may take it. */
static int adapt_types(struct plug_plan *a, struct plug_plan *b, int *ret_side,
                       struct plug_err *reterr)
{
    int second = !(plug__plan_open_type(a) && !plug__plan_open_type(b));
    struct plug_plan *p[2] = {a, b};
    struct plug_step *top;
    int r;
    *ret_side = !second;
    r = plug__plan_check(p[!second], 0, 0, reterr);
    if (r < 0)
        return r;
    top = adapt_top(p[!second]);
    *ret_side = second;
    r = plug__plan_check(p[second], top->offers, top->limit, reterr);
    if (r < 0 || adapt_top(p[second])->offers == top->offers || !plug__plan_open_type(p[!second]))
        return r;
    top = adapt_top(p[second]); /* both take any type, but an option gave the second its own */
    *ret_side = !second;
    return plug__plan_check(p[!second], top->offers, top->limit, reterr);
}

/* ---- directions ---- */

static int adapt_wrong(struct plug_plan *p, int side, int *ret_side, struct plug_err *reterr,
                       const char *what, const char *hint)
{
    *ret_side = side;
    plug__err(reterr, PLUG_EUSAGE, 0, p->steps[0].ops->name, "%s %s",
              p->steps[0].kind ? p->steps[0].kind->name : p->steps[0].ops->name, what);
    plug__err_hint(reterr, "%s", hint);
    plug__err_at(reterr, p->steps[0].column, p->steps[0].width);
    return PLUG_EUSAGE;
}

static int adapt_can(struct plug_plan *from, struct plug_plan *to)
{
    return !(adapt_top(from)->flags & PLUG_NOREAD) && !(adapt_top(to)->flags & PLUG_NOWRITE);
}

static int adapt_directions(struct plug_plan *a, struct plug_plan *b, int only, int *ret_side,
                            struct plug_err *reterr)
{
    struct plug_plan *p[2] = {a, b};
    int from = only == 2;
    if ((only != 2 && adapt_can(a, b)) || (only != 1 && adapt_can(b, a)))
        return 0;
    if (only && (adapt_top(p[from])->flags & PLUG_NOREAD))
        return adapt_wrong(p[from], from, ret_side, reterr, "cannot be read",
                           "with -u data goes from the first address to the second, with -U back");
    if (only)
        return adapt_wrong(p[!from], !from, ret_side, reterr, "cannot be written",
                           "with -u data goes from the first address to the second, with -U back");
    if (adapt_top(a)->flags & PLUG_NOREAD)
        return adapt_wrong(b, 1, ret_side, reterr, "cannot be read, and neither can the first side",
                           "one of the two must be a source");
    return adapt_wrong(b, 1, ret_side, reterr, "cannot be written, and neither can the first side",
                       "one of the two must be a sink");
}

/* ---- records beside a stream ---- */

/* Side a layer whose records may come in pieces and name no length first: a stream is what it is
 * mostly used for. */
static int adapt_made_for_streams(const struct plug_step *s)
{
    return (s->flags & PLUG_SPLITS) && !(s->flags & (PLUG_SIZED | PLUG_ATOMIC));
}

/* A person at a terminal types lines, each of which is one read and so one record, and sees records
 * one after the other: nothing that counts on bounds is behind a terminal. */
static int adapt_by_hand(const struct plug_plan *p)
{
    static const unsigned unused[] = {PLUG_NOREAD, PLUG_NOWRITE};
    const struct plug_step *base = &p->steps[0];
    plug_handle h;
    if (strcmp(base->ops->name, "stdio") != 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        if (((p->without | base->flags) & unused[i]) == 0 &&
            (plug__os_stdio(i, &h, NULL) < 0 || !plug__os_isatty(h)))
            return 0;
    }
    return 1;
}

static void adapt_warn(struct plug_plan *a, struct plug_plan *b, size_t block,
                       void (*warn)(void *arg, const char *text), void *arg)
{
    const struct plug_step *x = adapt_top(a), *y = adapt_top(b);
    const struct plug_step *rec = plug__is_record(x) ? x : y;
    char text[256];
    struct plug_err err;
    (void)block;
    if (plug__is_record(x) == plug__is_record(y) || adapt_made_for_streams(rec) || !warn ||
        adapt_by_hand(plug__is_record(x) ? b : a))
        return;
    plug__err(&err, PLUG_EUSAGE, 0, NULL,
              "%s carries records and %s does not: their bounds can be lost",
              rec->kind ? rec->kind->name : rec->ops->name,
              plug__is_record(x) ? y->ops->name : x->ops->name);
    plug__strcpy(text, err.text, sizeof(text));
    warn(arg, text);
}

int plug__relay_check(struct plug_plan *a, struct plug_plan *b, size_t block, int only,
                      int *ret_side, void (*warn)(void *arg, const char *text), void *arg,
                      struct plug_err *reterr)
{
    int r;
    if (only) { /* a FIFO or file is opened for the one direction */
        (only == 1 ? a : b)->without = PLUG_NOWRITE;
        (only == 1 ? b : a)->without = PLUG_NOREAD;
    }
    r = adapt_types(a, b, ret_side, reterr);
    if (r < 0)
        return r;
    r = adapt_directions(a, b, only, ret_side, reterr);
    if (r < 0)
        return r;
    adapt_warn(a, b, block, warn, arg);
    return 0;
}

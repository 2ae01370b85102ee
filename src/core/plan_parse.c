/* SPDX-License-Identifier: MIT
 *
 * From the pieces of an address to a plan: names become steps, then come parameters and options.
 * Types are not looked at here.
 */
#include "core/address.h"
#include "core/dual.h"
#include "core/plan_parts.h"
#include "util/err.h"
#include <string.h>

static int parse_digits(const char *s)
{
    return *s && s[strspn(s, "0123456789")] == '\0';
}

/* ---- names ---- */

/* What someone meant who wrote a name that is not known. */
static int parse_unknown(struct plug_plan *p, const struct plug__address *a,
                         const struct plug__piece *name, struct plug_err *reterr)
{
    size_t n = strlen(name->text);
    const char *near = plug__nearest_kind(name->text, n, p->extra);
    int alone = a->nnames == 1 && !a->url;

    if (alone && a->nparams == 1 && parse_digits(a->rest.text) &&
        (!near || strchr(name->text, '.'))) {
        plug__usage(reterr, name->column, name->width, NULL, "\"%.60s\" is no kind of address",
                    name->text);
        plug__err_hint(reterr, "a TCP connection is tcp:%.60s:%.10s", name->text, a->rest.text);
    } else if (plug__socat_kind(name->text, n)) {
        plug__usage(reterr, name->column, name->width, "those it has: plug list",
                    "kind \"%.60s\" is one of socat's that plug does not have yet", name->text);
    } else if (near) {
        plug__usage(reterr, name->column, name->width, "list them: plug list",
                    "kind \"%.60s\" is not known (did you mean \"%s\"?)", name->text, near);
    } else {
        plug__usage(reterr, name->column, name->width,
                    "list them: plug list; a file is open:PATH, a command exec:COMMAND",
                    "kind \"%.60s\" is not known", name->text);
    }
    return PLUG_EUSAGE;
}

static int parse_place(const struct plug__piece *name, const struct plug_kind *kind, int base,
                       struct plug_err *reterr)
{
    int layer = (kind->flags & PLUG_KIND_LAYER) != 0;

    if (base && layer) {
        plug__usage(reterr, name->column, name->width, NULL, "%s needs a base below it",
                    kind->name);
        plug__err_hint(reterr, "such as %s+tcp:HOST:PORT", kind->name);
        return PLUG_EUSAGE;
    }
    if (!base && !layer)
        return plug__usage(reterr, name->column, name->width,
                           "the base comes last: len32+tcp:HOST:PORT",
                           "%s cannot stand on another layer", kind->name);
    return 0;
}

static int parse_name(struct plug_plan *p, const struct plug__address *a, unsigned i,
                      struct plug_err *reterr)
{
    const struct plug__piece *name = &a->names[i];
    const struct plug_kind *kind = NULL;
    const struct plug_ops *ops = plug__find_kind(name->text, strlen(name->text), p->extra, &kind);
    struct plug_step *s;
    int result;

    if (!ops)
        return parse_unknown(p, a, name, reterr);
    if (parse_place(name, kind, i + 1 == a->nnames, reterr))
        return PLUG_EUSAGE;
    result = plug__plan_step(p, ops, kind, &s, reterr);
    if (!result) {
        s->column = name->column;
        s->width = name->width;
    }
    return result;
}

/* The base is named last and stands first. */
static int parse_names(struct plug_plan *p, const struct plug__address *a, struct plug_err *reterr)
{
    int result = 0;

    for (unsigned i = a->nnames; i-- > 0 && !result;)
        result = parse_name(p, a, i, reterr);
    return result;
}

/* ---- what the spelling says beside the options ---- */

/* socat's form of a listener: any address, one connection without fork. */
static void parse_spelling(struct plug_plan *p)
{
    struct plug_step *base = &p->steps[0];
    struct plug__common *c = &p->common;
    const char *preset = base->kind->preset ? base->kind->preset : "";

    if (base->role != PLUG_LISTENER || p->url)
        return;
    if (!c->fork)
        c->once = 1;
    if (base->host || (base->kind->params & ~PLUG_PARAM_OPTIONAL) != PLUG_PARAM_PORT)
        return;
    base->host = strstr(preset, "pf=ip4") ? "0.0.0.0" : strstr(preset, "pf=ip6") ? "::" : "*";
}

static int parse_contradiction(struct plug_plan *p, struct plug_err *reterr)
{
    const struct plug_optval *v = p->opts;

    if (!p->common.once || !p->common.fork)
        return 0;
    while (strcmp(v->option->name, "once") != 0)
        v++;
    return plug__usage(reterr, v->column, v->width, "leave one of them out",
                       "\"once\" and \"fork\" contradict each other");
}

static int parse_all(struct plug_plan *p, struct plug_err *reterr)
{
    struct plug__address a;
    char *room = plug__plan_alloc(p, plug__address_room(p->text));
    int result;

    if (!room)
        return plug__plan_nomem(reterr);
    result = plug__address_split(&a, p->text, room, reterr);
    p->url = a.url;
    if (!result)
        result = parse_names(p, &a, reterr);
    if (!result)
        result = plug__plan_params(p, &a, reterr);
    if (!result)
        result = plug__plan_options(p, &a, reterr);
    if (!result)
        result = parse_contradiction(p, reterr);
    if (!result)
        parse_spelling(p);
    return result;
}

/* ---- A!!B ---- */

/* One half; errors point into the whole text. */
static int parse_half(struct plug_plan *p, int i, size_t from, size_t to, struct plug_err *reterr)
{
    char *text = plug__plan_strdup(p, p->text + from);
    int result;

    if (!text)
        return plug__plan_nomem(reterr);
    text[to - from] = '\0';
    if (!*text)
        return plug__usage(reterr, (int)from, 1, "as in -!!create:FILE",
                           "an address is missing %s !!", i ? "behind" : "before");
    result = plug__plan_new(&p->half[i], text, p->extra, reterr);
    if (!result)
        result = parse_all(p->half[i], reterr);
    if (result == PLUG_EUSAGE && reterr)
        reterr->column += (int)from;
    return result;
}

static int parse_dual(struct plug_plan *p, size_t at, struct plug_err *reterr)
{
    int result = strlen(p->text) > PLUG__ADDRESS_MOST
                     ? plug__usage(reterr, 0, 0, "shorten it",
                                   "the address is longer than %d bytes", (int)PLUG__ADDRESS_MOST)
                     : parse_half(p, 0, 0, at, reterr);

    if (!result)
        result = parse_half(p, 1, at + 2, strlen(p->text), reterr);
    return result ? result : plug__dual_plan_parsed(p, reterr);
}

int plug__plan_parse(struct plug_plan **ret, const char *address,
                     const struct plug_ops *const *extra, struct plug_err *reterr)
{
    struct plug_plan *p;
    int result = plug__plan_new(&p, address, extra, reterr), dual;

    if (result)
        return result;
    dual = plug__address_is_url(p->text) ? -1 : plug__address_dual(p->text);
    result = dual < 0 ? parse_all(p, reterr) : parse_dual(p, (size_t)dual, reterr);
    if (result)
        plug__plan_drop(p);
    else
        *ret = p;
    return result;
}

/* ---- plug_socket's way: a stack first, its target later ---- */

static int parse_stack(struct plug_plan *p, struct plug_err *reterr)
{
    struct plug__address a = {.url = 1};
    char *room = plug__plan_alloc(p, plug__address_room(p->text));
    int result;

    if (!room)
        return plug__plan_nomem(reterr);
    p->url = 1;
    result = plug__address_names(&a, p->text, 0, strlen(p->text), &room, reterr);
    if (!result)
        result = parse_names(p, &a, reterr);
    a.nopts = 0;
    if (!result)
        result = plug__plan_options(p, &a, reterr);
    return result;
}

int plug__plan_stack(struct plug_plan **ret, const char *stack, const struct plug_ops *const *extra,
                     struct plug_err *reterr)
{
    struct plug_plan *p;
    int result = plug__plan_new(&p, stack, extra, reterr);

    if (result)
        return result;
    result = parse_stack(p, reterr);
    if (result)
        plug__plan_drop(p);
    else
        *ret = p;
    if (!result)
        p->unaimed = 1;
    return result;
}

int plug__plan_target(struct plug_plan *p, const char *address, struct plug_err *reterr)
{
    const struct plug_step *base = &p->steps[0];
    int params = base->kind ? base->kind->params & ~PLUG_PARAM_OPTIONAL : PLUG_PARAM_NONE;
    struct plug__address a = {0};
    char *room = plug__plan_alloc(p, plug__address_room(address));
    char *text = plug__plan_strdup(p, address);

    if (!room || !text)
        return plug__plan_nomem(reterr);
    p->unaimed = 0;
    p->checked = 0;
    if (params == PLUG_PARAM_HOST_PORT || params == PLUG_PARAM_PORT) {
        if (plug__address_hostport(&a, text, room, reterr))
            return PLUG_EUSAGE;
        a.url = 1;
    } else {
        a.rest = (struct plug__piece){text, 0, (int)strlen(text)};
        a.nparams = 1;
    }
    return plug__plan_params(p, &a, reterr);
}

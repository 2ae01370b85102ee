/* SPDX-License-Identifier: MIT
 *
 * Gives each option of an address to the topmost layer that knows it, else to the common ones, and
 * pushes the layers that options stand for. It sets nothing on any socket.
 */
#include "core/address.h"
#include "core/plan_parts.h"
#include "util/err.h"
#include <string.h>

enum { OPTIONS_COMMON = PLUG__STEPS, OPTIONS_CHUNK = 8 };

struct options {
    struct plug_plan *p;
    struct plug_err *reterr;
    struct plug_optval *list[PLUG__STEPS + 1]; /* of each step; the last: common ones */
    unsigned count[PLUG__STEPS + 1];
    char taken[PLUG__ADDRESS_OPTIONS]; /* by an earlier pass */
};

/* Where an option belongs. step is OPTIONS_COMMON for common ones. */
struct options_home {
    const struct plug_option *option;
    uint32_t offset;
    unsigned step;
};

static int options_keep(struct options *c, unsigned step, const struct plug_optval *v)
{
    struct plug_optval *list = c->list[step];
    unsigned n = c->count[step];

    if (!list || n % OPTIONS_CHUNK == 0) {
        list = plug__plan_alloc(c->p, (n + OPTIONS_CHUNK) * sizeof *list);
        if (!list)
            return plug__plan_nomem(c->reterr);
        if (c->list[step])
            memcpy(list, c->list[step], n * sizeof *list);
        c->list[step] = list;
    }
    list[n] = *v;
    c->count[step]++;
    if (step == OPTIONS_COMMON) {
        c->p->opts = list;
        c->p->nopts = n + 1;
    } else {
        c->p->steps[step].opts = list;
        c->p->steps[step].nopts = n + 1;
    }
    return 0;
}

/* all: also in layers that options pushed, whose own option may have the name of what pushed them.
 */
static int options_find(const struct options *c, const char *name, int all,
                        struct options_home *ret)
{
    size_t n = strlen(name);

    for (unsigned i = c->p->nsteps; i-- > 0;) {
        if (!all && (c->p->pushed & 1u << i))
            continue;
        ret->option = plug__option_find(c->p->steps[i].ops->options, name, n, &ret->offset);
        ret->step = i;
        if (ret->option)
            return 1;
    }
    ret->step = OPTIONS_COMMON;
    ret->option = plug__option_find(plug__common_options, name, n, &ret->offset);
    return ret->option != NULL;
}

/* A base that becomes another layer (fd: of a socket) takes that one's options too. */
static int options_find_become(const struct options *c, const char *name, struct options_home *ret)
{
    struct plug_step look = c->p->steps[0];
    const struct plug_ops *ops;

    if (look.ops->plan(&look, NULL) < 0 || !look.become)
        return 0;
    ops = plug__find_layer(look.become, c->p->extra);
    ret->step = 0;
    ret->option = ops ? plug__option_find(ops->options, name, strlen(name), &ret->offset) : NULL;
    return ret->option != NULL;
}

/* ---- refusals ---- */

static const char *options_nearest(const struct options *c, const char *name)
{
    unsigned distance = plug__near_enough(strlen(name));
    const char *best = NULL, *found;

    for (unsigned i = c->p->nsteps; i-- > 0;) {
        found = plug__option_nearest(c->p->steps[i].ops->options, name, &distance);
        best = found ? found : best;
    }
    found = plug__option_nearest(plug__common_options, name, &distance);
    return found ? found : best;
}

/* A kind of another layer that knows the option, or NULL. */
static const char *options_elsewhere(const struct options *c, const char *name)
{
    const struct plug_ops *const *tables[] = {c->p->extra, plug__layers};

    for (size_t t = 0; t < PLUG__COUNT(tables); t++) {
        for (const struct plug_ops *const *ops = tables[t]; ops && *ops; ops++) {
            uint32_t offset;
            const struct plug_kind *k = (*ops)->kinds;
            if (k && k->name && plug__option_find((*ops)->options, name, strlen(name), &offset))
                return k->name;
        }
    }
    return NULL;
}

static int options_unknown(const struct options *c, const struct plug__piece *name)
{
    const char *kind = c->p->steps[0].kind->name;
    const char *near = options_nearest(c, name->text);
    const char *other = options_elsewhere(c, name->text);
    const char *why_not = plug__socat_why_not(name->text, strlen(name->text));
    int column = name->column, width = name->width ? name->width : 1;

    if (!*name->text)
        plug__usage(c->reterr, column, width, NULL, "an option's name is missing before =");
    else if (other)
        plug__usage(c->reterr, column, width, NULL,
                    "option \"%.60s\" is not known for %s; it is one of %s's", name->text, kind,
                    other);
    else if (why_not)
        plug__usage(c->reterr, column, width, NULL, "plug has no option \"%.60s\": %s", name->text,
                    why_not);
    else if (plug__socat_option(name->text, strlen(name->text)))
        plug__usage(c->reterr, column, width, NULL,
                    "option \"%.60s\" is one of socat's that plug does not have yet", name->text);
    else if (near)
        plug__usage(c->reterr, column, width, NULL,
                    "option \"%.60s\" is not known for %s (did you mean \"%s\"?)", name->text, kind,
                    near);
    else
        plug__usage(c->reterr, column, width, NULL, "option \"%.60s\" is not known for %s",
                    name->text, kind);
    plug__err_hint(c->reterr, "list them: plug list options %s", kind);
    return PLUG_EUSAGE;
}

/* By its name, or because the descriptor that it names listens. */
static int options_listens(const struct options *c)
{
    struct plug_step look = c->p->steps[0];

    if (look.role == PLUG_LISTENER)
        return 1;
    return look.kind && look.kind->params == PLUG_PARAM_NUMBER &&
           look.ops->plan(&look, NULL) >= 0 && look.role == PLUG_LISTENER;
}

static int options_role(const struct options *c, const struct plug_option *o,
                        const struct plug__piece *name)
{
    const struct plug_step *base = &c->p->steps[0];
    const char *kind = base->kind ? base->kind->name : base->ops->name;
    int sided = (o->flags & (PLUG_OPT_LISTENER | PLUG_OPT_CLIENT)) != 0;
    int listener = sided && options_listens(c);

    if ((o->flags & PLUG_OPT_LISTENER) && !listener)
        return plug__usage(c->reterr, name->column, name->width,
                           "leave it out, or use a kind that ends in -listen",
                           "option \"%s\" is for listeners; %s does not listen", o->name, kind);
    if ((o->flags & PLUG_OPT_CLIENT) && listener)
        return plug__usage(c->reterr, name->column, name->width, "leave it out",
                           "option \"%s\" is not for listeners; %s listens", o->name, kind);
    return 0;
}

/* ---- layers that options push ---- */

/* The value goes into the pushed layer's conf, by its option of the same name. */
static int options_push_value(struct options *c, struct plug_step *s, const struct plug_option *o,
                              const char *value)
{
    struct plug_optval ignored;
    uint32_t offset = 0;
    const struct plug_option *own =
        plug__option_find(s->ops->options, o->name, strlen(o->name), &offset);

    if (!own)
        return 0;
    return plug__option_set(own, offset, s->conf, value, &ignored, c->reterr);
}

/* The name of choice n in "a b c", as text of the plan. */
static char *options_choice(struct options *c, const char *choices, int64_t n)
{
    char *copy = plug__plan_strdup(c->p, choices), *at = copy;

    if (!copy)
        return NULL;
    for (; n > 0; n--)
        at += strcspn(at, " ") + 1;
    at[strcspn(at, " ")] = '\0';
    return at;
}

static int options_push(struct options *c, const struct options_home *home,
                        const struct plug_optval *v)
{
    const struct plug_option *o = home->option;
    const char *layer = o->push;
    struct plug_step *s;
    int result;

    if (o->type == PLUG_OPT_FLAG && !v->number)
        return 0;
    if (!layer) {
        layer = options_choice(c, o->choices, v->number);
        if (!layer)
            return plug__plan_nomem(c->reterr);
        if (strcmp(layer, "chunk") == 0)
            return 0; /* each read is a record: nothing stands between */
        c->p->common.frame = layer;
    }
    result = plug__plan_push(c->p, layer, c->reterr);
    if (result)
        return result;
    s = plug__plan_top(c->p);
    s->column = v->column;
    s->width = v->width;
    return o->push ? options_push_value(c, s, o, v->text) : 0;
}

/* ---- one option ---- */

static void *options_conf(struct options *c, const struct options_home *home)
{
    return home->step == OPTIONS_COMMON ? (void *)&c->p->common : c->p->steps[home->step].conf;
}

static int options_twice(const struct options *c, const struct options_home *home)
{
    for (unsigned i = 0; i < c->count[home->step]; i++) {
        if (c->list[home->step][i].option == home->option)
            return plug__usage(c->reterr, 0, 0, "leave one of them out",
                               "option \"%s\" is given twice", home->option->name);
    }
    return 0;
}

static int options_apply(struct options *c, const struct options_home *home,
                         const struct plug__address_option *given, int stored)
{
    struct plug_optval v = {0};
    const struct plug__piece *at =
        given->value.text && given->value.width ? &given->value : &given->name;
    void *conf = stored ? options_conf(c, home) : NULL;
    int result = options_role(c, home->option, &given->name);

    if (!result)
        result =
            plug__option_set(home->option, home->offset, conf, given->value.text, &v, c->reterr);
    if (!result && (home->option->flags & PLUG_OPT_PUSH))
        result = options_twice(c, home);
    if (!result) {
        v.column = given->name.column;
        v.width = given->name.width;
        result = options_keep(c, home->step, &v);
    }
    if (!result && (home->option->flags & PLUG_OPT_PUSH))
        result = options_push(c, home, &v);
    if (!result && strcmp(home->option->name, "bind") == 0 && home->step != OPTIONS_COMMON)
        c->p->steps[home->step].bind = v.text;
    if (result < 0 && c->reterr && !c->reterr->width)
        plug__err_at(c->reterr, at->column, at->width);
    return result;
}

/* Which options a pass takes: filters first, then framing on top of them, then the rest, which may
 * be of what was pushed. */
enum { OPTIONS_FILTERS, OPTIONS_FRAMES, OPTIONS_REST, OPTIONS_PASSES };

static int options_in_pass(const struct plug_option *o, int pass)
{
    if (!(o->flags & PLUG_OPT_PUSH))
        return pass == OPTIONS_REST;
    return pass == (o->push ? OPTIONS_FILTERS : OPTIONS_FRAMES);
}

static int options_pass(struct options *c, const struct plug__address *a, int pass)
{
    int result = 0;

    for (unsigned i = 0; i < a->nopts && !result; i++) {
        struct options_home home = {0};
        if (c->taken[i])
            continue; /* a layer it pushed may have an option of the same name */
        if (options_find(c, a->opts[i].name.text, pass == OPTIONS_REST, &home)) {
            c->taken[i] = options_in_pass(home.option, pass) != 0;
            if (c->taken[i])
                result = options_apply(c, &home, &a->opts[i], 1);
        } else if (pass == OPTIONS_REST) {
            if (!options_find_become(c, a->opts[i].name.text, &home))
                return options_unknown(c, &a->opts[i].name);
            result = options_apply(c, &home, &a->opts[i], 0);
        }
    }
    return result;
}

/* "name=value,name": what a kind stands for. Our own text: an unknown name would be our bug. */
static int options_preset(struct options *c, const char *preset)
{
    int result = 0;

    while (*preset && !result) {
        size_t n = strcspn(preset, ",");
        struct plug__address_option given = {0};
        struct options_home home;
        char *text = plug__plan_alloc(c->p, n + 1), *equals;
        if (!text)
            return plug__plan_nomem(c->reterr);
        memcpy(text, preset, n);
        equals = strchr(text, '=');
        if (equals) {
            *equals = '\0';
            given.value.text = equals + 1;
        }
        given.name.text = text;
        if (!options_find(c, text, 0, &home))
            return options_unknown(c, &given.name);
        result = options_apply(c, &home, &given, 1);
        preset += preset[n] == ',' ? n + 1 : n;
    }
    return result;
}

/* Pushed layers were made before `server` was known. */
static void options_roles(struct plug_plan *p)
{
    for (unsigned i = 1; i < p->nsteps; i++) {
        if (p->steps[0].role == PLUG_LISTENER || p->common.server)
            p->steps[i].role = PLUG_SERVER;
    }
}

/* bind= of a listener that names no other host is the host to listen on. */
static int options_bind(struct options *c)
{
    struct plug_step *base = &c->p->steps[0];
    struct plug__address a;
    char *room;

    if (!base->bind || base->role != PLUG_LISTENER || base->host ||
        (base->kind->params & ~PLUG_PARAM_OPTIONAL) != PLUG_PARAM_PORT)
        return 0;
    room = plug__plan_alloc(c->p, plug__address_room(base->bind));
    if (!room)
        return plug__plan_nomem(c->reterr);
    if (plug__address_hostport(&a, base->bind, room, NULL) || !a.host.text || !*a.host.text)
        return 0; /* the layer refuses it with its own words */
    base->host = a.host.text;
    return 0;
}

int plug__plan_options(struct plug_plan *p, const struct plug__address *a, struct plug_err *reterr)
{
    struct options c = {.p = p, .reterr = reterr};
    int result = 0;

    if (reterr)
        *reterr = (struct plug_err){0};
    for (unsigned i = 0, n = p->nsteps; i < n && !result; i++) {
        if (p->steps[i].kind && p->steps[i].kind->preset)
            result = options_preset(&c, p->steps[i].kind->preset);
    }
    for (int pass = 0; pass < OPTIONS_PASSES && !result; pass++)
        result = options_pass(&c, a, pass);
    if (result)
        return result;
    options_roles(p);
    return options_bind(&c);
}

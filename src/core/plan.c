/* SPDX-License-Identifier: MIT
 *
 * A plan's life, the names of layers and kinds, and pushing layers. Parsing is in plan_parse.c,
 * types are in plan_check.c.
 */
#include "core/plan.h"
#include "core/address.h"
#include "core/plan_parts.h"
#include "util/alloc.h"
#include "util/arena.h"
#include "util/err.h"
#include <string.h>

static const struct plug__common plan_defaults = {
    .connect_timeout = 30 * PLUG_SECOND,
    .interval = PLUG_SECOND,
    .handshake_timeout = 10 * PLUG_SECOND,
    .close_timeout = 5 * PLUG_SECOND,
    .grace = 2 * PLUG_SECOND,
    .half_open = 1024,
    .cloexec = 1,
    .umask = -1,
};

/* ---- life ---- */

int plug__plan_new(struct plug_plan **ret, const char *text, const struct plug_ops *const *extra,
                   struct plug_err *reterr)
{
    struct plug_plan *p = plug__calloc(1, sizeof *p);

    if (!p)
        return plug__plan_nomem(reterr);
    p->refs = 1;
    p->common = plan_defaults;
    p->extra = extra;
    p->arena = plug__arena_new();
    p->text = p->arena ? plug__plan_strdup(p, text) : NULL;
    if (!p->text) {
        plug__plan_drop(p);
        return plug__plan_nomem(reterr);
    }
    *ret = p;
    return 0;
}

int plug__plan_nomem(struct plug_err *reterr)
{
    plug__err(reterr, PLUG_ENOMEM, 0, NULL, "out of memory");
    plug__err_hint(reterr, "free some memory and try again");
    return PLUG_ENOMEM;
}

void *plug__plan_alloc(struct plug_plan *p, size_t size)
{
    return plug__arena_alloc(p->arena, size);
}

char *plug__plan_strdup(struct plug_plan *p, const char *s)
{
    return plug__arena_strdup(p->arena, s);
}

struct plug_plan *plug__plan_ref(struct plug_plan *p)
{
    p->refs++;
    return p;
}

void plug__plan_drop(struct plug_plan *p)
{
    if (!p || --p->refs > 0)
        return;
    plug__plan_drop(p->half[0]);
    plug__plan_drop(p->half[1]);
    plug__arena_drop(p->arena);
    plug__free(p);
}

/* ---- names ---- */

const char *plug__type_name(int type)
{
    switch (type) {
    case PLUG_STREAM:
        return "stream";
    case PLUG_DGRAM:
        return "datagram";
    case PLUG_RAW:
        return "raw";
    case PLUG_SEQPACKET:
        return "seqpacket";
    default:
        return "any";
    }
}

static const struct plug_ops *plan_find_in(const struct plug_ops *const *table, const char *name,
                                           size_t n, const struct plug_kind **ret)
{
    for (; table && *table; table++) {
        for (const struct plug_kind *k = (*table)->kinds; k && k->name; k++) {
            if (plug__word_in(k->name, name, n) || plug__word_in(k->aliases, name, n)) {
                *ret = k;
                return *table;
            }
        }
    }
    return NULL;
}

const struct plug_ops *plug__find_kind(const char *name, size_t n,
                                       const struct plug_ops *const *extra,
                                       const struct plug_kind **ret)
{
    const struct plug_ops *ops;

    if (n == 1 && *name == '-') {
        name = "stdio";
        n = strlen(name);
    }
    ops = plan_find_in(extra, name, n, ret);
    return ops ? ops : plan_find_in(plug__layers, name, n, ret);
}

static const struct plug_ops *plan_layer_in(const struct plug_ops *const *table, const char *name)
{
    for (; table && *table; table++) {
        if (plug__casecmp((*table)->name, name) == 0)
            return *table;
    }
    return NULL;
}

const struct plug_ops *plug__find_layer(const char *name, const struct plug_ops *const *extra)
{
    const struct plug_ops *ops = plan_layer_in(extra, name);
    return ops ? ops : plan_layer_in(plug__layers, name);
}

static const char *plan_nearest_in(const struct plug_ops *const *table, const char *name,
                                   unsigned *distance)
{
    const char *best = NULL;

    for (; table && *table; table++) {
        for (const struct plug_kind *k = (*table)->kinds; k && k->name; k++) {
            unsigned d = plug__distance(k->name, name, *distance);
            if (d < *distance && !(k->flags & PLUG_KIND_HIDDEN)) {
                *distance = d;
                best = k->name;
            }
        }
    }
    return best;
}

unsigned plug__near_enough(size_t n)
{
    return n < 3 ? 2 : 3;
}

const char *plug__nearest_kind(const char *name, size_t n, const struct plug_ops *const *extra)
{
    char word[64];
    unsigned distance = plug__near_enough(n);
    const char *own, *best;

    if (n >= sizeof word)
        return NULL;
    memcpy(word, name, n);
    word[n] = '\0';
    best = plan_nearest_in(plug__layers, word, &distance);
    own = plan_nearest_in(extra, word, &distance);
    return own ? own : best;
}

/* ---- steps ---- */

int plug__plan_step(struct plug_plan *p, const struct plug_ops *ops, const struct plug_kind *kind,
                    struct plug_step **ret, struct plug_err *reterr)
{
    struct plug_step *s = &p->steps[p->nsteps];

    if (p->nsteps == PLUG__STEPS)
        return plug__usage(reterr, 0, 0, "use fewer", "more than %d layers", (int)PLUG__STEPS);
    *s = (struct plug_step){.ops = ops, .kind = kind, .flags = ops->flags, .plan = p};
    s->adopt = PLUG_NO_HANDLE;
    s->role = p->nsteps ? PLUG_CLIENT : kind ? kind->role : PLUG_CLIENT;
    if (p->nsteps && (p->steps[0].role != PLUG_CLIENT || p->common.server))
        s->role = PLUG_SERVER;
    s->conf = plug__plan_conf(p, ops);
    if (!s->conf)
        return plug__plan_nomem(reterr);
    p->asked[p->nsteps] = ops;
    p->asked_conf[p->nsteps++] = s->conf;
    *ret = s;
    return 0;
}

void *plug__plan_conf(struct plug_plan *p, const struct plug_ops *ops)
{
    void *conf = plug__plan_alloc(p, ops->conf ? ops->conf : 1);

    if (conf && ops->conf && ops->defaults)
        memcpy(conf, ops->defaults, ops->conf);
    return conf;
}

/* A layer to push: by a kind's name or its own, further layers first. */
static const struct plug_ops *plan_pushable(const struct plug_plan *p, const char *layer,
                                            const struct plug_kind **ret)
{
    const struct plug_ops *const *tables[] = {p->extra, plug__layers};
    const struct plug_ops *ops = NULL;

    for (size_t i = 0; i < PLUG__COUNT(tables) && !ops; i++) {
        ops = plan_find_in(tables[i], layer, strlen(layer), ret);
        if (!ops)
            ops = plan_layer_in(tables[i], layer);
    }
    return ops;
}

int plug__plan_push(struct plug_plan *p, const char *layer, struct plug_err *reterr)
{
    const struct plug_kind *kind = NULL;
    const struct plug_ops *ops = plan_pushable(p, layer, &kind);
    struct plug_step *s;
    int result;

    if (!ops)
        return plug__usage(reterr, 0, 0, "list them: plug list",
                           "this build has no layer \"%.40s\"", layer);
    if (ops->flags & PLUG_BASE)
        return plug__usage(reterr, 0, 0, "list them: plug list",
                           "\"%.40s\" cannot stand on another layer", layer);
    p->checked = 0;
    result = plug__plan_step(p, ops, kind, &s, reterr);
    if (!result)
        p->pushed |= 1u << (p->nsteps - 1);
    return result;
}

int plug__plan_open_type(const struct plug_plan *p)
{
    for (unsigned i = 0; i < p->nsteps; i++) {
        if ((p->steps[i].flags & PLUG_ANYTYPE) && !p->steps[i].mate)
            return 1;
    }
    return 0;
}

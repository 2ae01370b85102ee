/* SPDX-License-Identifier: MIT
 *
 * Checks whether a program can take the command's place, and lets it. The relay that opened the
 * other side never moves a byte then.
 */
#include "cli/nofork.h"

#include "util/err.h"
#include <string.h>

static const struct plug_optval *nofork_option(const struct plug_plan *p)
{
    for (unsigned i = 0; i < p->steps[0].nopts; i++) {
        const struct plug_optval *v = &p->steps[0].opts[i];
        if (strcmp(v->option->name, "nofork") == 0 && v->number)
            return v;
    }
    return NULL;
}

static int nofork_stdio(const struct plug_plan *p)
{
    return strcmp(p->steps[0].ops->name, "stdio") == 0;
}

/* Why not, and what to do; NULL when it can be. */
static const char *nofork_why(const struct plug__args *args, const struct plug_plan *a,
                              const struct plug_plan *b, const char **ret_hint)
{
    *ret_hint = "leave nofork out: plug relays for the program";
    if (args->npairs > 1)
        return "there are other relays, which would end";
    if (args->dump || a->nsteps > 1 || b->nsteps > 1)
        return "plug would have to work on what passes";
    if (nofork_stdio(a) && a->steps[0].nopts)
        return "nobody would look after the options of stdio";
    *ret_hint = "add once (#once, or leave fork out)";
    if (a->steps[0].role == PLUG_LISTENER && !a->common.once)
        return "the listener is to serve more than one connection";
    return NULL;
}

int plug__nofork_asked(const struct plug__args *args, const struct plug_plan *a,
                       const struct plug_plan *b, int *ret_side, struct plug_err *reterr)
{
    const struct plug_optval *v = nofork_option(a);
    const char *why = "it is for the second address: the first is what the program gets";
    const char *hint = "change the two round";
    *ret_side = v ? 0 : 1;
    if (!v) {
        v = nofork_option(b);
        if (!v)
            return 0;
        why = nofork_why(args, a, b, &hint);
        if (!why)
            return 1;
    }
    plug__err(reterr, PLUG_EUSAGE, 0, "exec", "nofork cannot be here: %s", why);
    plug__err_hint(reterr, "%s", hint);
    plug__err_at(reterr, v->column, v->width);
    return PLUG_EUSAGE;
}

/* The handles of a bare stack; a direction that it has not stays none. */
static int nofork_handles(struct plug_sock *a, plug_handle ret[2])
{
    struct plug_bypass in = {.handle = PLUG_NO_HANDLE}, out = {.handle = PLUG_NO_HANDLE};
    int r = plug__sock_bypass(a, PLUG_IN, &in);
    int w = plug__sock_bypass(a, PLUG_OUT, &out);
    if (r < 0 && w < 0)
        return PLUG_ENOTSUP;
    ret[0] = in.handle;
    ret[1] = out.handle;
    return 0;
}

int plug__nofork_go(struct plug_sock *a, struct plug_sock *b, struct plug_err *reterr)
{
    plug_handle get[2] = {PLUG_NO_HANDLE, PLUG_NO_HANDLE};
    struct plug_layer *exec = plug__sock_base(b);
    if (plug_state(a) < 0)
        return PLUG_EAGAIN; /* the relay tells why it could not be opened */
    if (!nofork_stdio(a->plan) && nofork_handles(a, get) < 0)
        return plug__err(reterr, PLUG_ENOTSUP, 0, "exec",
                         "nofork: %s is not one plain descriptor that a program could have",
                         a->plan->steps[0].ops->name);
    for (int i = 0; i < 2; i++)
        if (get[i] != PLUG_NO_HANDLE)
            (void)plug__os_nonblock(get[i], 0, NULL); /* programs expect to block */
    (void)exec->ops->setopt(exec, PLUG_LEVEL_CHILD, PLUG__CHILD_REPLACE, get, sizeof(get));
    return plug_error(b, reterr);
}

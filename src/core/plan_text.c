/* SPDX-License-Identifier: MIT
 *
 * The canonical text of a plan: the URL where the kind has one, socat's form elsewhere. Reading it
 * again gives the same plan.
 */
#include "core/address.h"
#include "core/plan_parts.h"
#include <string.h>

struct text {
    const struct plug_plan *p;
    const struct plug_step *base;
    struct plug__str *out;
    int url;
    int begun; /* an option was written */
};

static int text_is_url(const struct plug_step *base)
{
    if (base->kind->flags & PLUG_KIND_URL)
        return 1;
    return (base->kind->flags & PLUG_KIND_URL_PATH) && base->path && base->path[0] == '/';
}

static void text_names(const struct text *t)
{
    for (unsigned i = t->p->nsteps; i-- > 0;) {
        if (t->p->pushed & 1u << i)
            continue;
        plug__str_add(t->out, t->p->steps[i].kind->name);
        if (i)
            plug__str_add(t->out, "+");
    }
}

/* A host in a URL; a percent sign of a zone needs its escape. */
static void text_host(const struct text *t, const char *host)
{
    if (!strchr(host, ':')) {
        plug__address_quote_url(t->out, host);
        return;
    }
    plug__str_add(t->out, "[");
    for (; *host; host++)
        plug__str_add(t->out, *host == '%' ? "%25" : (char[2]){*host, '\0'});
    plug__str_add(t->out, "]");
}

static void text_url_params(const struct text *t)
{
    plug__str_add(t->out, "://");
    if (t->base->kind->flags & PLUG_KIND_URL_PATH) {
        plug__address_quote_url(t->out, t->base->path);
        return;
    }
    if (t->base->host)
        text_host(t, t->base->host);
    if (t->base->port) {
        plug__str_add(t->out, ":");
        plug__address_quote_url(t->out, t->base->port);
    }
}

static void text_classic_params(const struct text *t)
{
    int params = t->base->kind->params;

    if (params == PLUG_PARAM_NONE && !t->base->path)
        return;
    if ((params & PLUG_PARAM_OPTIONAL) && !t->base->path)
        return;
    plug__str_add(t->out, ":");
    if (t->base->path)
        plug__address_quote_classic(t->out, t->base->path);
}

static void text_option(struct text *t, const char *name, const char *value)
{
    plug__str_add(t->out, t->url && !t->begun ? "#" : ",");
    t->begun = 1;
    plug__str_add(t->out, name);
    if (!value)
        return;
    plug__str_add(t->out, "=");
    if (t->url)
        plug__address_quote_url(t->out, value);
    else
        plug__address_quote_classic(t->out, value);
}

/* Written by what the plan says, not by how it was said. */
static int text_is_said_elsewhere(const struct text *t, const struct plug_optval *v)
{
    const char *name = v->option->name;

    if (!v->width)
        return 1; /* the kind stands for it */
    if (strcmp(name, "once") == 0 || strcmp(name, "fork") == 0)
        return 1;
    return strcmp(name, "bind") == 0 && t->url && t->base->role == PLUG_LISTENER && t->base->host &&
           (t->base->kind->flags & PLUG_KIND_URL);
}

static void text_options(struct text *t)
{
    const struct plug_plan *p = t->p;

    for (unsigned i = p->nsteps; i-- > 0;) {
        for (unsigned k = 0; k < p->steps[i].nopts; k++) {
            if (!text_is_said_elsewhere(t, &p->steps[i].opts[k]))
                text_option(t, p->steps[i].opts[k].option->name, p->steps[i].opts[k].text);
        }
    }
    for (unsigned k = 0; k < p->nopts; k++) {
        if (!text_is_said_elsewhere(t, &p->opts[k]))
            text_option(t, p->opts[k].option->name, p->opts[k].text);
    }
    if (t->base->role != PLUG_LISTENER)
        return;
    if (t->url && p->common.once)
        text_option(t, "once", NULL);
    else if (!t->url && !p->common.once)
        text_option(t, "fork", NULL);
}

void plug__plan_text(const struct plug_plan *p, struct plug__str *out)
{
    struct text t = {.p = p, .base = &p->steps[0], .out = out};

    if (p->half[0]) { /* as given: a URL before !! would take it for a part of itself */
        plug__str_printf(out, "%s!!%s", p->half[0]->text, p->half[1]->text);
        return;
    }
    t.url = text_is_url(t.base);
    text_names(&t);
    if (t.url)
        text_url_params(&t);
    else
        text_classic_params(&t);
    text_options(&t);
}

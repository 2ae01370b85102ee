/* SPDX-License-Identifier: MIT
 *
 * The parameters of an address: what stands between the name and the options, by what the kind
 * takes. Hosts are not looked up here.
 */
#include "core/address.h"
#include "core/plan_parts.h"
#include "util/err.h"
#include <string.h>

struct params {
    struct plug_plan *p;
    struct plug_step *base;
    const struct plug_kind *kind;
    const struct plug__address *a;
    struct plug_err *reterr;
    int optional;
};

static int params_usage(const struct params *m, const struct plug__piece *at, const char *what)
{
    const struct plug_step *s = m->base;
    int place = at && at->text;
    const char *usage = m->kind->usage ? m->kind->usage : "";

    plug__usage(m->reterr, place ? at->column : s->column,
                place ? (at->width ? at->width : 1) : s->width, NULL, "%s %s", m->kind->name, what);
    if (m->kind->example)
        plug__err_hint(m->reterr, "usage: %s:%s, such as %s", m->kind->name, usage,
                       m->kind->example);
    else
        plug__err_hint(m->reterr, "usage: %s:%s", m->kind->name, usage);
    return PLUG_EUSAGE;
}

/* ---- hosts and ports ---- */

static int params_service(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.+";
    return text[0] != '-' && text[strspn(text, allowed)] == '\0';
}

/* A number from 0 to 65535, or a service's name, which is looked up when the address is opened. */
static int params_port(const struct params *m, const struct plug__piece *port)
{
    size_t n = strlen(port->text), comma = strcspn(port->text, ",&");
    long value = 0;

    if (m->a->url && comma < n)
        return plug__usage(m->reterr, port->column + (int)comma, port->width - (int)comma,
                           "write # there: tcp://HOST:PORT#option,option",
                           "options of a URL follow a #");
    if (strspn(port->text, "0123456789") != n) {
        if (params_service(port->text))
            return 0;
        return plug__usage(m->reterr, port->column, port->width,
                           "a number from 0 to 65535 or a service's name",
                           "\"%.60s\" is not a port", port->text);
    }
    for (size_t i = 0; i < n && value <= 65535; i++)
        value = value * 10 + (port->text[i] - '0');
    if (value > 65535)
        return plug__usage(m->reterr, port->column, port->width, "ports end at 65535",
                           "\"%.60s\" is not a port", port->text);
    if (value == 0 && (m->kind->params & ~PLUG_PARAM_OPTIONAL) == PLUG_PARAM_HOST_PORT)
        return plug__usage(m->reterr, port->column, port->width, "name the port of the peer",
                           "port 0 cannot be connected to");
    return 0;
}

static int params_host(const struct params *m, const struct plug__piece *host)
{
    size_t bad = strcspn(host->text, " \t\r\n/\"\\#?@[]");

    if (bad && !host->text[bad])
        return 0;
    return plug__usage(m->reterr, host->column, host->width,
                       "such as example.net, 192.0.2.1 or [2001:db8::1]", "\"%.60s\" is not a host",
                       host->text);
}

/* Brackets around an IPv6 address are taken off: "[::1]". */
static int params_unwrap(const struct params *m, struct plug__piece *host)
{
    size_t n = strlen(host->text);
    char *copy;

    if (host->text[0] != '[' || host->text[n - 1] != ']')
        return 0;
    copy = plug__plan_strdup(m->p, host->text + 1);
    if (!copy)
        return plug__plan_nomem(m->reterr);
    copy[n - 2] = '\0';
    host->text = copy;
    return 0;
}

static int params_take(const struct params *m, struct plug__piece host, struct plug__piece port)
{
    int result = 0;

    if (host.text)
        result = params_unwrap(m, &host);
    if (!result && host.text)
        result = params_host(m, &host);
    if (!result && port.text)
        result = params_port(m, &port);
    if (result)
        return result;
    m->base->host = host.text && *host.text ? host.text : NULL;
    m->base->port = port.text && *port.text ? port.text : NULL;
    m->p->port_column = port.column;
    m->p->port_width = port.width;
    return 0;
}

static int params_host_port(const struct params *m)
{
    const struct plug__address *a = m->a;
    struct plug__piece host = a->url ? a->host : a->params[0];
    struct plug__piece port = a->url ? a->port : a->params[1];

    if (!a->url && a->nparams > 2)
        return params_usage(m, &a->rest,
                            "takes a host and a port; an IPv6 address stands in brackets");
    if (!host.text || !*host.text)
        return params_usage(m, a->url ? NULL : &a->rest, "needs a host and a port");
    if (!port.text || !*port.text)
        return params_usage(m, &host, "needs a port behind the host");
    return params_take(m, host, port);
}

static int params_listen_port(const struct params *m)
{
    const struct plug__address *a = m->a;
    struct plug__piece none = {0}, host = a->host;

    if (!a->url) {
        if (a->nparams > 1)
            return plug__usage(m->reterr, a->rest.column, a->rest.width,
                               "the address to listen on is option bind=HOST, or use the URL",
                               "%s takes a port only", m->kind->name);
        if (!a->nparams || !*a->rest.text)
            return params_usage(m, a->nparams ? &a->rest : NULL, "needs a port");
        return params_take(m, none, a->rest);
    }
    if (!a->port.text || !*a->port.text) {
        plug__usage(m->reterr, host.text ? host.column : m->base->column,
                    host.text ? host.width : m->base->width, NULL, "%s needs a port",
                    m->kind->name);
        if (host.text && *host.text && !host.text[strspn(host.text, "0123456789")])
            plug__err_hint(m->reterr, "such as %s://:%.40s", m->kind->name, host.text);
        else
            plug__err_hint(m->reterr, "such as %s://%.60s:8080", m->kind->name,
                           host.text ? host.text : "");
        return PLUG_EUSAGE;
    }
    if (host.text && strcmp(host.text, "::") == 0 &&
        !(m->kind->preset && strstr(m->kind->preset, "pf=ip6")))
        host.text = "*"; /* both families, as everywhere else */
    return params_take(m, host, a->port);
}

/* ---- one text ---- */

static int params_number(const struct params *m, const struct plug__piece *v)
{
    size_t n = strlen(v->text);

    if (strspn(v->text, "0123456789") != n || n > 9)
        return plug__usage(m->reterr, v->column, v->width ? v->width : 1, "such as fd:3",
                           "\"%.60s\" is not a number", v->text);
    return 0;
}

static int params_text(const struct params *m, int type)
{
    const struct plug__piece *v = m->a->url ? &m->a->path : &m->a->rest;
    int empty_is_fine = m->optional || type == PLUG_PARAM_TEXT;

    if ((!v->text || !*v->text) && !empty_is_fine)
        return params_usage(m, v, "needs a parameter");
    if (type == PLUG_PARAM_NUMBER && v->text && *v->text && params_number(m, v))
        return PLUG_EUSAGE;
    m->base->path = v->text && *v->text ? v->text : type == PLUG_PARAM_TEXT ? "" : NULL;
    return 0;
}

/* ---- the URL's form ---- */

static int params_url(const struct params *m)
{
    const struct plug__address *a = m->a;

    if (m->kind->flags & PLUG_KIND_URL_PATH) {
        const struct plug__piece *wrong = a->host.text ? &a->host : &a->port;
        if (!wrong->text)
            return 0;
        plug__usage(m->reterr, wrong->column, wrong->width ? wrong->width : 1, NULL,
                    "%s:// takes a path and no host", m->kind->name);
        plug__err_hint(m->reterr, "three slashes: %s:///PATH", m->kind->name);
        return PLUG_EUSAGE;
    }
    if (!(m->kind->flags & PLUG_KIND_URL)) {
        plug__usage(m->reterr, m->base->column, m->base->width, NULL, "%s has no URL form",
                    m->kind->name);
        plug__err_hint(m->reterr, "write %s:%s", m->kind->name,
                       m->kind->usage ? m->kind->usage : "");
        return PLUG_EUSAGE;
    }
    if (a->path.text && strcmp(a->path.text, "/") != 0)
        return plug__usage(m->reterr, a->path.column, a->path.width,
                           "leave it out; options follow a #", "%s takes no path", m->kind->name);
    return 0;
}

int plug__plan_params(struct plug_plan *p, const struct plug__address *a, struct plug_err *reterr)
{
    struct params m = {.p = p, .base = &p->steps[0], .a = a, .reterr = reterr};
    int type;

    m.kind = m.base->kind;
    m.optional = (m.kind->params & PLUG_PARAM_OPTIONAL) != 0;
    type = m.kind->params & ~PLUG_PARAM_OPTIONAL;
    if (a->url && a->nnames && params_url(&m))
        return PLUG_EUSAGE;
    switch (type) {
    case PLUG_PARAM_NONE:
        if (a->rest.text && *a->rest.text)
            return params_usage(&m, &a->rest, "takes no parameter");
        return 0;
    case PLUG_PARAM_HOST_PORT:
        return params_host_port(&m);
    case PLUG_PARAM_PORT:
        return params_listen_port(&m);
    default:
        return params_text(&m, type);
    }
}

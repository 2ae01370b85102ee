/* SPDX-License-Identifier: MIT
 *
 * `plug explain A [B]`: what an address, or a pair of them, will do, before anything is opened. It
 * resolves no names and tries nothing.
 */
#include "cli/describe.h"
#include "cli/verbs.h"
#include "relay/relay.h"
#include <string.h>

enum { EXPLAIN_WARNINGS = 8 };

struct explain {
    int json;
    unsigned n; /* addresses */
    const char *text[2];
    struct plug_plan *plan[2];
    char warnings[EXPLAIN_WARNINGS][200];
    unsigned nwarnings;
    struct plug__str out;
};

static const char *explain_step_name(const struct plug_step *s)
{
    return s->kind ? s->kind->name : s->ops->name;
}

/* ---- how the side ends ---- */

/* As the relay sees it: the top layer says for all below it. */
static int explain_half_closes(const struct plug_plan *p)
{
    return (p->steps[p->nsteps - 1].flags & PLUG_HALFCLOSE) && !p->common.shut_none &&
           !p->common.shut_close;
}

static void explain_grace(struct plug__str *out, plug_time grace)
{
    if (grace == PLUG_FOREVER)
        plug__str_add(out, "without limit");
    else
        plug__str_printf(out, "for %.3g s", (double)grace / (double)PLUG_SECOND);
}

static void explain_end(struct plug__str *out, const struct plug_plan *p)
{
    if (explain_half_closes(p)) {
        plug__str_add(out, "half-close: the peer is told and may go on sending");
        return;
    }
    plug__str_add(out, "no half-close: stays open until silent ");
    explain_grace(out, p->common.grace);
    plug__str_add(out, " (grace=)");
}

/* ---- one address ---- */

static void explain_role(struct plug__str *out, const struct plug_plan *p)
{
    const struct plug_step *base = &p->steps[0];

    if (base->role != PLUG_LISTENER) {
        plug__str_add(out,
                      p->common.server ? "client whose layers take the server's part" : "client");
        return;
    }
    plug__str_printf(out, "listener, %s",
                     p->common.once ? "serves one connection (once)" : "serves every connection");
    if ((base->kind->params & ~PLUG_PARAM_OPTIONAL) != PLUG_PARAM_PORT)
        return;
    if (!base->host)
        plug__str_add(out, "; binds loopback, IPv4 and IPv6");
    else if (strcmp(base->host, "*") == 0)
        plug__str_add(out, "; binds every address");
}

static void explain_step(struct plug__str *out, const struct plug_step *s, const char *what)
{
    size_t from = out->len;

    plug__str_printf(out, "  %-9s %s", what, explain_step_name(s));
    if (s->kind && strcmp(s->kind->name, s->ops->name) != 0)
        plug__str_printf(out, " (layer %s)", s->ops->name);
    while (out->len - from < 36 && !out->failed)
        plug__str_add(out, " ");
    plug__str_printf(out, " %s",
                     s->flags & PLUG_ANYTYPE && !s->mate ? "takes the other side's type"
                                                         : plug__type_name(s->offers));
    if (s->limit)
        plug__str_printf(out, ", records up to %zu bytes", s->limit);
    plug__str_add(out, "\n");
}

static void explain_option(struct plug__str *out, const struct plug_optval *v, const char *layer,
                           int *first)
{
    size_t from = out->len;

    plug__str_printf(out, "  %-9s %s", *first ? "options" : "", v->option->name);
    *first = 0;
    if (v->text)
        plug__str_printf(out, "=%s", v->text);
    while (out->len - from < 36 && !out->failed)
        plug__str_add(out, " ");
    plug__str_add(out, " ");
    plug__describe_place(out, v->option, layer);
    plug__str_add(out, "\n");
}

static void explain_options(struct plug__str *out, const struct plug_plan *p)
{
    int first = 1;

    for (unsigned i = p->nsteps; i-- > 0;) {
        for (unsigned k = 0; k < p->steps[i].nopts; k++)
            explain_option(out, &p->steps[i].opts[k], p->steps[i].ops->name, &first);
    }
    for (unsigned k = 0; k < p->nopts; k++)
        explain_option(out, &p->opts[k], NULL, &first);
}

/* The layers of a stack, or of one half of A!!B. */
static void explain_layers(struct plug__str *out, const struct plug_plan *p, const char *what)
{
    for (unsigned i = p->nsteps; i-- > 0;)
        explain_step(out, &p->steps[i], i + 1 == p->nsteps ? what : "");
}

static void explain_address(struct plug__str *out, const struct plug_plan *p)
{
    plug__plan_text(p, out);
    plug__str_add(out, "\n  role      ");
    explain_role(out, p);
    plug__str_add(out, "\n");
    explain_layers(out, p, "stack");
    for (int i = 0; i < 2 && p->half[i]; i++) {
        explain_layers(out, p->half[i], i ? "written" : "read");
        explain_options(out, p->half[i]);
    }
    explain_options(out, p);
    plug__str_add(out, "  at end    ");
    explain_end(out, p);
    plug__str_add(out, "\n");
}

/* ---- the pair ---- */

static const struct plug_step *explain_top(const struct plug_plan *p)
{
    return &p->steps[p->nsteps - 1];
}

static int explain_records(const struct plug_plan *p)
{
    int type = explain_top(p)->offers;
    return type == PLUG_DGRAM || type == PLUG_RAW || type == PLUG_SEQPACKET;
}

/* "kept", "lost" or "none": what becomes of record boundaries between the two. */
static const char *explain_edges(const struct explain *e)
{
    int a = explain_records(e->plan[0]), b = explain_records(e->plan[1]);

    return a && b ? "kept" : a || b ? "lost" : "none";
}

static void explain_pair(struct explain *e)
{
    const char *edges = explain_edges(e);

    plug__str_add(&e->out, "together\n  records   ");
    if (strcmp(edges, "kept") == 0)
        plug__str_add(&e->out, "kept: both sides carry records\n");
    else if (strcmp(edges, "none") == 0)
        plug__str_add(&e->out, "none: bytes on both sides\n");
    else
        plug__str_add(&e->out, "boundaries end at the byte side, where each read is one record;\n"
                               "            frame=len16 there (and at its peer) keeps them\n");
    for (unsigned i = 0; i < e->nwarnings; i++)
        plug__str_printf(&e->out, "  warning   %s\n", e->warnings[i]);
}

/* ---- JSON ---- */

static void explain_json_text(struct plug__str *out, const char *name, const char *value)
{
    plug__str_printf(out, ",\"%s\":", name);
    if (value)
        plug__str_json(out, value);
    else
        plug__str_add(out, "null");
}

static void explain_json_stack(struct plug__str *out, const struct plug_plan *p)
{
    plug__str_add(out, ",\"stack\":[");
    for (unsigned i = p->nsteps; i-- > 0;) {
        const struct plug_step *s = &p->steps[i];
        int open = s->flags & PLUG_ANYTYPE && !s->mate;
        plug__str_add(out, i + 1 < p->nsteps ? ",{\"layer\":" : "{\"layer\":");
        plug__str_json(out, s->ops->name);
        explain_json_text(out, "kind", s->kind ? s->kind->name : NULL);
        explain_json_text(out, "role", plug__describe_role(s->role));
        explain_json_text(out, "offers", open ? "any" : plug__type_name(s->offers));
        plug__str_printf(out, ",\"limit\":%zu}", s->limit);
    }
    plug__str_add(out, "]");
}

static void explain_json_option(struct plug__str *out, const struct plug_optval *v,
                                const char *layer, int *first)
{
    struct plug__str place = {0};

    plug__describe_place(&place, v->option, layer);
    plug__str_add(out, *first ? "{\"name\":" : ",{\"name\":");
    *first = 0;
    plug__str_json(out, v->option->name);
    explain_json_text(out, "value", v->text);
    explain_json_text(out, "acts", place.text);
    plug__str_add(out, "}");
    plug__str_drop(&place);
}

static void explain_json_options(struct plug__str *out, const struct plug_plan *p)
{
    int first = 1;

    plug__str_add(out, ",\"options\":[");
    for (unsigned i = p->nsteps; i-- > 0;) {
        for (unsigned k = 0; k < p->steps[i].nopts; k++)
            explain_json_option(out, &p->steps[i].opts[k], p->steps[i].ops->name, &first);
    }
    for (unsigned k = 0; k < p->nopts; k++)
        explain_json_option(out, &p->opts[k], NULL, &first);
    plug__str_add(out, "]");
}

static void explain_json_address(struct plug__str *out, const struct plug_plan *p)
{
    const struct plug_step *base = &p->steps[0];
    struct plug__str text = {0};

    plug__str_add(out, "{\"address\":");
    plug__str_json(out, p->text);
    plug__plan_text(p, &text);
    explain_json_text(out, "canonical", text.text);
    plug__str_drop(&text);
    explain_json_text(out, "role", plug__describe_role(base->role));
    plug__str_printf(out, ",\"once\":%s", p->common.once ? "true" : "false");
    explain_json_text(out, "host", base->host);
    explain_json_text(out, "port", base->port);
    explain_json_text(out, "path", base->path);
    explain_json_text(out, "offers", plug__type_name(explain_top(p)->offers));
    plug__str_printf(out, ",\"limit\":%zu", explain_top(p)->limit);
    explain_json_text(out, "end", explain_half_closes(p) ? "half-close" : "grace");
    explain_json_stack(out, p);
    explain_json_options(out, p);
    plug__str_add(out, "}");
}

static void explain_json(struct explain *e)
{
    plug__str_add(&e->out, "{\"addresses\":[");
    for (unsigned i = 0; i < e->n; i++) {
        plug__str_add(&e->out, i ? ",\n" : "");
        explain_json_address(&e->out, e->plan[i]);
    }
    plug__str_add(&e->out, "]");
    if (e->n == 2) {
        explain_json_text(&e->out, "records", explain_edges(e));
        plug__str_add(&e->out, ",\"warnings\":[");
        for (unsigned i = 0; i < e->nwarnings; i++) {
            plug__str_add(&e->out, i ? "," : "");
            plug__str_json(&e->out, e->warnings[i]);
        }
        plug__str_add(&e->out, "]");
    }
    plug__str_add(&e->out, "}\n");
}

/* ---- the verb ---- */

static void explain_warn(void *arg, const char *text)
{
    struct explain *e = arg;

    if (e->nwarnings < EXPLAIN_WARNINGS)
        plug__strcpy(e->warnings[e->nwarnings++], text, sizeof e->warnings[0]);
}

/* Returns 0, or a code with *side the address that is wrong. */
static int explain_read(struct explain *e, int *side, struct plug_err *err)
{
    int result = 0;

    for (unsigned i = 0; i < e->n && result >= 0; i++) {
        *side = (int)i;
        result = plug__plan_parse(&e->plan[i], e->text[i], NULL, err);
    }
    if (result >= 0 && e->n == 1)
        result = plug__plan_check(e->plan[0], 0, 0, err);
    else if (result >= 0)
        result = plug__relay_check(e->plan[0], e->plan[1], 0, 0, side, explain_warn, e, err);
    return result;
}

int plug__cli_explain(int argc, char **argv)
{
    struct explain e = {.json = plug__describe_json_flag(&argc, argv)};
    struct plug_err err = {0};
    int side = 0, status;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "plug: %s\n    usage: plug explain [--json] ADDRESS [ADDRESS]\n",
                argc < 2 ? "explain which address?" : "explain takes one address or two");
        return 2;
    }
    e.n = (unsigned)argc - 1;
    e.text[0] = argv[1];
    e.text[1] = argv[2];
    if (explain_read(&e, &side, &err) < 0) {
        plug__cli_error(stderr, e.text[side], &err);
        status = plug__exit_code(err.code);
    } else {
        for (unsigned i = 0; i < e.n && !e.json; i++)
            explain_address(&e.out, e.plan[i]);
        if (e.json)
            explain_json(&e);
        else if (e.n == 2)
            explain_pair(&e);
        status = plug__describe_print(&e.out);
    }
    plug__plan_drop(e.plan[0]);
    plug__plan_drop(e.plan[1]);
    return status;
}

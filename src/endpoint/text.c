/* SPDX-License-Identifier: MIT
 *
 * Literal bytes to read, then the end; what is sent to it is written to standard output, as socat's
 * TEXT does it. A probe and a test tool, not a file.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include <string.h>

struct text_layer {
    struct plug__duplex d;
    size_t at; /* bytes given so far */
    int gone;  /* the last of them was given */
};

static const struct plug_kind text_kinds[] = {
    {
        .name = "text",
        .params = PLUG_PARAM_TEXT,
        .usage = "STRING",
        .help = "these bytes, then the end; what comes back goes to standard output",
        .example = "plug 'text:GET / HTTP/1.0\\r\\n\\r\\n' tcp://example.org:80",
    },
    {0},
};

static int text_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = step->mate ? step->mate : PLUG_STREAM;
    return 0;
}

static int text_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

static int text_open(struct plug_layer *l)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    int os = 0, r = plug__port_take(&d->out, 1, PLUG_OUT, 1, &os);
    if (r < 0) { /* closed standard output matters only to who writes to it */
        d->denied = (int16_t)r;
        d->denied_os = os;
    }
    r = plug__duplex_start(d);
    plug_ready(l, d->denied ? PLUG_IN | PLUG_OUT : PLUG_IN);
    return r;
}

/* One record where the other side keeps them; a piece without EOR is not its end. */
static int text_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct text_layer *t = (struct text_layer *)l;
    const char *text = t->d.step->path ? t->d.step->path : "";
    size_t len = strlen(text);
    int stream = t->d.step->offers == PLUG_STREAM;
    (void)flags;
    if (n == 0)
        return 0;
    if (t->gone || (t->d.ended & PLUG_IN) || (stream && len == 0))
        return PLUG_EOF;
    v->len = v->flags = 0;
    v->controllen = 0;
    if (v->name)
        v->name->len = 0;
    for (unsigned i = 0; i < v->niov && t->at < len; i++) {
        size_t part = len - t->at < v->iov[i].len ? len - t->at : v->iov[i].len;
        memcpy(v->iov[i].base, text + t->at, part);
        t->at += part;
        v->len += part;
    }
    t->gone = t->at == len;
    if (t->gone && !stream)
        v->flags = PLUG_MSG_EOR;
    return 1;
}

const struct plug_ops plug__text_ops = {
    .name = "text",
    .size = sizeof(struct text_layer),
    .conf = 0,
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_ANYTYPE | PLUG_SPLITS,
    .kinds = text_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = text_plan,
    .init = text_init,
    .open = text_open,
    .accept = plug_pass_accept,
    .recv = text_recv,
    .send = plug__duplex_send,
    .shut = plug__duplex_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug__duplex_getopt,
    .setopt = plug_no_setopt,
    .tick = plug_no_tick,
    .close = plug__duplex_close,
};

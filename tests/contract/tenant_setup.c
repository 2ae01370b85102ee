/* SPDX-License-Identifier: MIT
 *
 * `leave`: a greeting by lines, then it is gone and what it read too far is given back.
 * `named`: the client's first line names a route, the listener decides, and a line answers it.
 */
#include "tenants.h"

#include "util/list.h"
#include <string.h>

enum { LINE = 64 };

struct line_talk {
    struct plug_layer layer;
    uint8_t server, step, decided;
    uint8_t out_at, out_len, in_len;
    int verdict;
    char out[LINE], in[LINE], name[LINE];
};

static struct line_talk *talk_of(struct plug_layer *l)
{
    return plug__of(l, struct line_talk, layer);
}

static int talk_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = PLUG_STREAM;
    step->flags |= step[-1].flags & (PLUG_RELIABLE | PLUG_HALFCLOSE);
    return step->under == PLUG_STREAM ? 0 : PLUG_EUSAGE;
}

static int talk_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    const char *const *path = step->conf;
    struct line_talk *t = talk_of(l);
    (void)reterr;
    t->server = step->role != PLUG_CLIENT;
    if (step->ops == &named_ops && *path)
        strncpy(t->name, *path, sizeof(t->name) - 1);
    return 0;
}

static void talk_say(struct line_talk *t, const char *a, const char *b)
{
    size_t n = strlen(a), k = strlen(b);
    memcpy(t->out, a, n);
    memcpy(t->out + n, b, k);
    t->out[n + k] = '\n';
    t->out_len = (uint8_t)(n + k + 1);
    t->out_at = 0;
}

static int talk_flush(struct line_talk *t)
{
    while (t->out_at < t->out_len) {
        struct plug_iov iov = {t->out + t->out_at, (size_t)(t->out_len - t->out_at)};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        int r = plug_layer_send(t->layer.below, &m, 1, 0);
        if (r < 0)
            return r;
        t->out_at = (uint8_t)(t->out_at + m.len);
    }
    return 0;
}

/* Reads up to and including a newline; what is behind it goes back. Returns 1 with the line in
 * t->in, ended by NUL. */
static int talk_line(struct line_talk *t)
{
    for (;;) {
        struct plug_iov iov = {t->in + t->in_len, (size_t)(LINE - t->in_len)};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        if (!iov.len)
            return PLUG_EPROTO;
        int r = plug_layer_recv(t->layer.below, &m, 1, 0);
        if (r < 0)
            return r == PLUG_EOF ? PLUG_ECONNRESET : r;
        t->in_len = (uint8_t)(t->in_len + m.len);
        char *end = memchr(t->in, '\n', t->in_len);
        if (!end)
            continue;
        size_t rest = (size_t)(t->in + t->in_len - end - 1);
        r = plug_unread(t->layer.below, end + 1, rest);
        if (r < 0)
            return r;
        *end = 0;
        t->in_len = 0;
        return 1;
    }
}

/* ---- leave ---- */

static int leave_client(struct line_talk *t)
{
    int r = 0;
    if (t->step == 0) {
        talk_say(t, "CONNECT", "");
        t->step = 1;
    }
    r = talk_flush(t);
    if (r >= 0)
        r = talk_line(t);
    if (r < 0)
        return r;
    return strcmp(t->in, "OK") == 0 ? PLUG_GONE : PLUG_ECONNREFUSED;
}

static int leave_server(struct line_talk *t)
{
    if (t->step == 0) {
        int r = talk_line(t);
        if (r < 0)
            return r;
        talk_say(t, strcmp(t->in, "CONNECT") == 0 ? "OK" : "NO", "");
        t->step = t->out[0] == 'O' ? 1 : 2;
    }
    int r = talk_flush(t);
    if (r < 0)
        return r;
    return t->step == 1 ? PLUG_GONE : PLUG_EPROTO;
}

static int leave_open(struct plug_layer *l)
{
    struct line_talk *t = talk_of(l);
    return t->server ? leave_server(t) : leave_client(t);
}

/* ---- named ---- */

static int named_client(struct line_talk *t)
{
    if (t->step == 0) {
        talk_say(t, "ROUTE ", t->name);
        t->step = 1;
    }
    int r = talk_flush(t);
    if (r >= 0)
        r = talk_line(t);
    if (r < 0)
        return r;
    if (strcmp(t->in, "404") == 0)
        return PLUG_ENOROUTE;
    return strcmp(t->in, "OK") == 0 ? 0 : PLUG_ECONNREFUSED;
}

static int named_server(struct line_talk *t)
{
    if (t->step == 0) {
        int r = talk_line(t);
        if (r < 0)
            return r;
        if (strncmp(t->in, "ROUTE ", 6) != 0)
            return PLUG_EPROTO;
        memcpy(t->name, t->in + 6, sizeof(t->name) - 6);
        t->step = 1;
    }
    if (!t->decided)
        return PLUG_DECIDE;
    if (t->step == 1) {
        talk_say(t, t->verdict == 0 ? "OK" : t->verdict == PLUG_ENOROUTE ? "404" : "502", "");
        t->step = 2;
    }
    int r = talk_flush(t);
    return r < 0 ? r : t->verdict;
}

static int named_open(struct plug_layer *l)
{
    struct line_talk *t = talk_of(l);
    return t->server ? named_server(t) : named_client(t);
}

static int named_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    struct line_talk *t = talk_of(l);
    size_t n = strlen(t->name);
    if (level != PLUG_LEVEL_ROUTE)
        return plug_pass_getopt(l, level, name, val, len);
    if (name != PLUG_ROUTE_PATH || n > *len)
        return PLUG_EINVAL;
    memcpy(val, t->name, n);
    *len = n;
    return 0;
}

static int named_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    struct line_talk *t = talk_of(l);
    if (level != PLUG_LEVEL_ROUTE)
        return plug_pass_setopt(l, level, name, val, len);
    if (name != PLUG_ROUTE_VERDICT || len != sizeof(int))
        return PLUG_EINVAL;
    t->verdict = *(const int *)val;
    t->decided = 1;
    return 0;
}

static unsigned talk_want(struct plug_layer *l, unsigned want)
{
    const struct line_talk *t = talk_of(l);
    return t->out_at < t->out_len ? want | PLUG_OUT : want;
}

static int named_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    int r = talk_flush(talk_of(l));
    return r < 0 ? r : plug_layer_send(l->below, v, n, flags);
}

static const struct plug_kind leave_kinds[] = {
    {.name = "leave", .role = PLUG_CLIENT, .flags = PLUG_KIND_LAYER},
    {0},
};

static const struct plug_kind named_kinds[] = {
    {.name = "named", .role = PLUG_CLIENT, .flags = PLUG_KIND_LAYER},
    {0},
};

static const struct plug_option named_options[] = {
    {.name = "route", .type = PLUG_OPT_STRING, .value = "NAME"},
    {0},
};

const struct plug_ops leave_ops = {
    .name = "leave",
    .size = sizeof(struct line_talk),
    .conf = 0,
    .flags = PLUG_SETUP,
    .kinds = leave_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = talk_plan,
    .init = talk_init,
    .open = leave_open,
    .accept = plug_pass_accept,
    .recv = plug_pass_recv,
    .send = plug_pass_send,
    .shut = plug_pass_shut,
    .want = talk_want,
    .bypass = plug_no_bypass,
    .getopt = plug_pass_getopt,
    .setopt = plug_pass_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};

const struct plug_ops named_ops = {
    .name = "named",
    .size = sizeof(struct line_talk),
    .conf = sizeof(const char *),
    .flags = PLUG_ROUTES,
    .kinds = named_kinds,
    .options = named_options,
    .defaults = NULL,
    .plan = talk_plan,
    .init = talk_init,
    .open = named_open,
    .accept = plug_pass_accept,
    .recv = plug_pass_recv,
    .send = named_send,
    .shut = plug_pass_shut,
    .want = talk_want,
    .bypass = plug_no_bypass,
    .getopt = named_getopt,
    .setopt = named_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};

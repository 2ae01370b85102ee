/* SPDX-License-Identifier: MIT
 *
 * plug_getsockopt and plug_setsockopt: which layer is asked, and what waits until there is a
 * descriptor. What the options mean is the layers' and the system's.
 */
#include "core/serve.h"
#include "core/sock.h"
#include <stdio.h>
#include <string.h>

enum { SOCKOPT_KEPT = 256 }; /* longest value of an option that waits for its descriptor */

static int sockopt_put_int(void *val, size_t *len, int n)
{
    if (*len < sizeof(n))
        return PLUG_EINVAL;
    memcpy(val, &n, sizeof(n));
    *len = sizeof(n);
    return 0;
}

int plug_getsockopt(struct plug_sock *s, int level, int name, void *val, size_t *len)
{
    int r = plug__sock_mine(s);
    if (r < 0 || !val || !len)
        return r < 0 ? r : PLUG_EINVAL;
    if (level == PLUG_LEVEL_SOCK && name == PLUG_SO_TYPE)
        return sockopt_put_int(val, len, plug__sock_step(s)->offers);
    if (level == PLUG_LEVEL_SOCK && name == PLUG_SO_LIMIT) {
        if (*len < sizeof(size_t))
            return PLUG_EINVAL;
        memcpy(val, &plug__sock_step(s)->limit, sizeof(size_t));
        *len = sizeof(size_t);
        return 0;
    }
    (void)plug__sock_begin(s); /* what cannot begin has no descriptor to ask: the layer says so */
    return s->top->ops->getopt(s->top, level, name, val, len);
}

/* There is no descriptor yet: kept as the option of an address that sets any by its number.
 * ENOTSUP: the base is no socket. */
static int sockopt_keep(struct plug_plan *p, int level, int name, const unsigned char *val,
                        size_t len)
{
    static const char row[] = "setsockopt-bin", digits[] = "0123456789abcdef";
    struct plug_step *base = &p->steps[0];
    struct plug_optval *opts;
    uint32_t offset;
    const struct plug_option *o =
        plug__option_find(base->ops->options, row, sizeof(row) - 1, &offset);
    char *text;
    int at;
    if (!o || len == 0 || len > SOCKOPT_KEPT)
        return o ? PLUG_EINVAL : PLUG_ENOTSUP;
    opts = plug__plan_alloc(p, (base->nopts + 1) * sizeof(*opts));
    text = plug__plan_alloc(p, 2 * len + 32);
    if (!opts || !text)
        return PLUG_ENOMEM;
    at = snprintf(text, 32, "%d:%d:x", level, name);
    for (size_t i = 0; i < len; i++) {
        text[at++] = digits[val[i] >> 4];
        text[at++] = digits[val[i] & 15];
    }
    text[at] = '\0';
    if (base->nopts)
        memcpy(opts, base->opts, base->nopts * sizeof(*opts));
    opts[base->nopts] = (struct plug_optval){.option = o, .text = text};
    base->opts = opts;
    base->nopts++;
    return 0;
}

int plug_setsockopt(struct plug_sock *s, int level, int name, const void *val, size_t len)
{
    int r = plug__sock_mine(s);
    if (r < 0 || (!val && len) || (level == PLUG_LEVEL_SOCK && name == PLUG__SO_MOVE))
        return r < 0 ? r : PLUG_EINVAL;
    if (!(s->flags & PLUG__SOCK_STARTED) && level >= 0 && name >= 0 && level < PLUG_LEVEL_SOCK) {
        r = sockopt_keep(s->plan, level, name, val, len);
        if (r != PLUG_ENOTSUP)
            return r;
    }
    return s->top->ops->setopt(s->top, level, name, val, len);
}

/* SPDX-License-Identifier: MIT
 *
 * Where a listener of IP listens: from the texts of an address to bound handles, all on one port.
 * It makes no socket itself; tcp and udp do, each in its way.
 */
#include "core/resolve.h"
#include "socket/common.h"
#include "util/alloc.h"
#include <string.h>

enum { LOCAL_TRIES = 16 }; /* for a port that is free on all, when the system chooses it */

/* ---- which addresses ---- */

/* bind= goes before what stands behind the name of the kind. */
static int local_target(const struct plug_step *step, const char *protocol, char *host,
                        uint16_t *ret_port)
{
    const char *bind = plug__socket_bind_text(step), *from = step->host ? step->host : "";
    char port[PLUG__BIND] = "";
    *host = '\0';
    *ret_port = 0;
    if (bind && plug__socket_bind_split(bind, host, port) < 0)
        return PLUG_EINVAL;
    if (!*host) {
        if (strlen(from) >= PLUG__BIND)
            return PLUG_ENOHOST;
        memcpy(host, from, strlen(from) + 1);
    }
    if (*port)
        return plug__parse_port(port, protocol, ret_port);
    return step->port && *step->port ? plug__parse_port(step->port, protocol, ret_port) : 0;
}

static void local_add(struct plug__local *w, int family, int loopback, uint16_t port)
{
    if (plug__os_addr_any(&w->addrs[w->n], family, loopback, port) >= 0)
        w->n++;
}

static void local_loopback(struct plug__local *w, int family, uint16_t port)
{
    if (family != PLUG__FAMILY_6)
        local_add(w, AF_INET, 1, port);
    if (family != PLUG__FAMILY_4)
        local_add(w, AF_INET6, 1, port);
}

static void local_any(struct plug__local *w, int family, uint16_t port)
{
    w->dual = family == PLUG__FAMILY_ANY;
    local_add(w, family == PLUG__FAMILY_4 ? AF_INET : AF_INET6, 0, port);
}

static void local_changed(void *arg)
{
    struct plug__local *w = arg;
    plug_ready(w->layer, 0);
}

/* A name, or an address that is neither loopback nor any. EAGAIN while the answer is out. */
static int local_ask(struct plug__local *w, const struct plug_step *step, const char *host,
                     uint16_t port)
{
    const struct plug__answer *answer;
    struct plug__answer *now = NULL;
    int r = 0;
    if (!w->resolve) {
        now = plug__calloc(1, sizeof(*now));
        if (!now)
            return PLUG_ENOMEM;
        r = plug__lookup(&w->resolve, w->layer, step, host, port, now, local_changed, w);
    }
    answer = w->resolve ? plug__resolve_answer(w->resolve) : now;
    if (r >= 0 && answer->waiting)
        r = PLUG_EAGAIN;
    if (r >= 0 && answer->n == 0)
        r = answer->code ? answer->code : PLUG_ENOHOST;
    for (unsigned i = 0; r >= 0 && i < answer->n && w->n < PLUG__LOCALS; i++)
        w->addrs[w->n++] = answer->addrs[i];
    plug__free(now);
    return r;
}

/* In socat's form no host means every address, in a URL it means the loopback. */
static int local_means_any(const char *host, int url, int family)
{
    if (!*host)
        return !url;
    return strcmp(host, "*") == 0 || (family != PLUG__FAMILY_4 && strcmp(host, "::") == 0);
}

int plug__local_find(struct plug__local *w, struct plug_layer *l, const struct plug_step *step,
                     const char *protocol)
{
    const int passive = plug__lookup_passive(step);
    const int url = passive >= 0 ? !passive : step->plan->url && !plug__socket_bind_text(step);
    const int family = plug__socket_family(step);
    char host[PLUG__BIND];
    uint16_t port;
    int r = local_target(step, protocol, host, &port);
    if (r < 0)
        return r;
    w->layer = l;
    if (!passive && !step->plan->url && !plug__socket_bind_text(step))
        *host = '\0'; /* it was put in for the spelling */
    if (local_means_any(host, url, family))
        local_any(w, family, port);
    else if (!*host || strcmp(host, "localhost") == 0)
        local_loopback(w, family, port);
    else
        return local_ask(w, step, host, port);
    return w->n ? 0 : PLUG_EAFNOSUPPORT;
}

int plug__local_is_any(const struct plug_addr *a)
{
    struct plug_addr any;
    return plug__os_addr_any(&any, a->family, 0, plug__os_addr_port(a)) >= 0 && any.len == a->len &&
           memcmp(any.u.sa, a->u.sa, a->len) == 0;
}

/* ---- binding them ---- */

static int local_lacks(int code)
{
    return code == PLUG_EAFNOSUPPORT || code == PLUG_EADDRNOTAVAIL;
}

/* The port that the system chose for the first is everybody's. */
static void local_same_port(const struct plug__local *w, const struct plug__local_ops *ops,
                            struct plug_addr *a)
{
    plug_handle h = ops->first(w->layer);
    struct plug_addr first;
    if (plug__os_addr_port(a) == 0 && h != PLUG_NO_HANDLE &&
        plug__os_sockname(h, &first, NULL) >= 0)
        plug__os_addr_set_port(a, plug__os_addr_port(&first));
}

static int local_all(const struct plug__local *w, const struct plug__local_ops *ops, int *reterr_os)
{
    int lacking = 0;
    for (unsigned i = 0; i < w->n; i++) {
        struct plug_addr a = w->addrs[i];
        int os = 0, r;
        local_same_port(w, ops, &a);
        r = ops->one(w->layer, &a, w->dual, &os);
        if (r >= 0)
            continue;
        *reterr_os = os;
        lacking = r;
        if (!local_lacks(r)) {
            ops->undo(w->layer);
            return r;
        }
    }
    return ops->first(w->layer) != PLUG_NO_HANDLE ? 0 : lacking;
}

int plug__local_bind(struct plug__local *w, const struct plug__local_ops *ops, int *reterr_os)
{
    const uint16_t port = plug__os_addr_port(&w->addrs[0]);
    int r = PLUG_EADDRINUSE;
    for (int i = 0; i < (port ? 1 : LOCAL_TRIES) && r == PLUG_EADDRINUSE; i++)
        r = local_all(w, ops, reterr_os);
    if (w->dual && local_lacks(r)) { /* a machine without IPv6 */
        w->n = 0;
        local_any(w, PLUG__FAMILY_4, port);
        r = local_all(w, ops, reterr_os);
    }
    return r;
}

void plug__local_drop(struct plug__local *w)
{
    plug__resolve_close(w->resolve);
    w->resolve = NULL;
}

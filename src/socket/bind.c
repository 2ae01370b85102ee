/* SPDX-License-Identifier: MIT
 *
 * Local addresses: the text of bind= and sourceport, and what of an address can be checked before
 * anything is opened. It asks no name service.
 */
#include "socket/common.h"

#include "core/resolve.h"
#include "util/err.h"
#include <string.h>

enum { BIND_LOWEST = 640 }; /* of lowport: below stand too many services */

const char *plug__socket_bind_text(const struct plug_step *step)
{
    const struct plug__socket_conf *conf = step->conf;
    return step->bind ? step->bind : conf->bind;
}

int plug__socket_bind_split(const char *text, char *host, char *port)
{
    if (strlen(text) >= PLUG__BIND)
        return PLUG_EINVAL;
    return plug__split_hostport(text, host, port);
}

static int bind_port(const struct plug_step *step, const char *port, const char *protocol,
                     uint16_t *ret)
{
    const struct plug__socket_conf *conf = step->conf;
    *ret = plug__socket_hears(step) ? 0 : (uint16_t)conf->sourceport;
    return *port ? plug__parse_port(port, protocol, ret) : 0;
}

static int bind_host(const char *host, int family, uint16_t port, struct plug_addr *ret)
{
    if (!*host || strcmp(host, "*") == 0)
        return plug__os_addr_any(ret, family, 0, port);
    if (strcmp(host, "localhost") == 0)
        return plug__os_addr_any(ret, family, 1, port);
    if (plug__os_addr_ip(ret, host, port) < 0)
        return PLUG_EINVAL;
    return ret->family == family ? 0 : PLUG_EAFNOSUPPORT;
}

/* The local address that a client of this family is to have. Returns 1 with *ret, 0: any. */
static int bind_local(const struct plug_step *step, int family, const char *protocol,
                      struct plug_addr *ret)
{
    const struct plug__socket_conf *conf = step->conf;
    const char *text = plug__socket_bind_text(step);
    char host[PLUG__BIND] = "", port[PLUG__BIND] = "";
    uint16_t number;
    int r;
    /* of who hears strangers, sourceport and lowport are about these */
    if (!text && (plug__socket_hears(step) || (!conf->sourceport && !conf->lowport)))
        return 0;
    if (text && plug__socket_bind_split(text, host, port) < 0)
        return PLUG_EINVAL;
    if (bind_port(step, port, protocol, &number) < 0)
        return PLUG_EINVAL;
    r = bind_host(host, family, number, ret);
    return r < 0 ? r : 1;
}

static int bind_low(plug_handle h, struct plug_addr *local, int *reterr_os)
{
    int r = PLUG_EADDRINUSE;
    for (int port = PLUG__LOWPORTS - 1; port >= BIND_LOWEST && r == PLUG_EADDRINUSE; port--) {
        plug__os_addr_set_port(local, (uint16_t)port);
        r = plug__os_bind(h, local, reterr_os);
    }
    return r;
}

int plug__socket_bind(plug_handle h, const struct plug_step *step, int family, int type,
                      int *reterr_os)
{
    const struct plug__socket_conf *conf = step->conf;
    const int stream = type == SOCK_STREAM;
    struct plug_addr local;
    int on = 1;
    int r = bind_local(step, family, stream ? "tcp" : "udp", &local);
    if (r <= 0)
        return r;
    if (conf->lowport && plug__os_addr_port(&local) == 0 && !plug__socket_hears(step))
        return bind_low(h, &local, reterr_os);
    /* A port of our choice may still be held by its last connection, or by the attempt beside. */
    if (stream && plug__os_addr_port(&local))
        (void)plug__os_setsockopt(h, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on), NULL);
    return plug__os_bind(h, &local, reterr_os);
}

/* Points to the option of a step, or to its name when the option is not there. */
static void bind_place(const struct plug_step *step, const char *name, struct plug_err *reterr)
{
    plug__err_at(reterr, step->column, step->width);
    for (unsigned i = 0; i < step->nopts; i++)
        if (strcmp(step->opts[i].option->name, name) == 0)
            plug__err_at(reterr, step->opts[i].column, step->opts[i].width);
}

static void bind_bad(const struct plug_step *step, const char *name, struct plug_err *reterr,
                     const char *what, const char *text)
{
    plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "%s \"%.80s\"", what, text);
    bind_place(step, name, reterr);
}

int plug__socket_check_type(const struct plug_step *step, int type, const char *hint,
                            struct plug_err *reterr)
{
    const struct plug__socket_conf *conf = step->conf;
    if (!conf->type || conf->type == type)
        return 0;
    plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "a socket of %s has type %d, not %d",
              step->kind ? step->kind->name : step->ops->name, type, (int)conf->type);
    plug__err_hint(reterr, "%s", hint);
    bind_place(step, "so-type", reterr);
    return PLUG_EUSAGE;
}

/* Points to the port itself where the address still has it as it was written. */
static void bind_port_place(const struct plug_step *step, struct plug_err *reterr)
{
    const char *text = step->plan ? step->plan->text : NULL;
    const char *at = text ? strstr(text + step->column, step->port) : NULL;
    if (at)
        plug__err_at(reterr, (int)(at - text), (int)strlen(step->port));
}

static int bind_check(const struct plug_step *step, const char *protocol, struct plug_err *reterr)
{
    const char *text = plug__socket_bind_text(step);
    struct plug_addr a;
    int four, six;
    if (!text || step->role == PLUG_LISTENER)
        return 0;
    four = bind_local(step, AF_INET, protocol, &a);
    six = bind_local(step, AF_INET6, protocol, &a);
    if (four >= 0 || six >= 0)
        return 0;
    bind_bad(step, "bind", reterr, "bad local address", text);
    plug__err_hint(reterr, "give an IP address of this machine, with or without a port: "
                           "bind=127.0.0.1, bind=[::1]:4000");
    return PLUG_EUSAGE;
}

int plug__socket_hears(const struct plug_step *step)
{
    const char *name = step->kind ? step->kind->name : "";
    return step->role == PLUG_LISTENER || strstr(name, "-recv") || strstr(name, "-datagram");
}

/* Options that say whom to hear are for those who hear strangers. */
static int bind_check_peers(const struct plug_step *step, struct plug_err *reterr)
{
    static const char names[] = "range allow deny tcpwrap allow-table deny-table tcpwrap-etc";
    for (unsigned i = 0; i < step->nopts && !plug__socket_hears(step); i++) {
        const struct plug_optval *v = &step->opts[i];
        if (!plug__word_in(names, v->option->name, strlen(v->option->name)))
            continue;
        plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name,
                  "option \"%s\" is for listeners; %s does not listen", v->option->name,
                  step->kind ? step->kind->name : step->ops->name);
        plug__err_hint(reterr, "leave it out, or use a kind that ends in -listen");
        plug__err_at(reterr, v->column, v->width);
        return PLUG_EUSAGE;
    }
    return 0;
}

int plug__socket_check(const struct plug_step *step, const char *protocol, struct plug_err *reterr)
{
    uint16_t port;
    if (step->port && *step->port && plug__parse_port(step->port, protocol, &port) < 0) {
        bind_bad(step, "", reterr, "no such port or service:", step->port);
        if (step->plan && step->plan->port_width)
            plug__err_at(reterr, step->plan->port_column, step->plan->port_width);
        bind_port_place(step, reterr);
        plug__err_hint(reterr, "a port is a number from 0 to 65535 or a name such as \"http\"");
        return PLUG_EUSAGE;
    }
    return bind_check_peers(step, reterr) ? PLUG_EUSAGE : bind_check(step, protocol, reterr);
}

/* SPDX-License-Identifier: MIT
 *
 * The options that say how a name is looked up: ai-*, res-* and a name server of one's own. The
 * looking up is core/resolve's.
 */
#include "socket/common.h"

#include "core/resolve.h"
#include "util/attr.h"
#include "util/err.h"
#include <string.h>

#ifdef PLUG_HAVE_RES_N
#define LOOKUP_RES 0
#else
#define LOOKUP_RES PLUG_OPT_UNSUPPORTED
#endif
/* Where the parser stores a flag that is read from the options as they were given. */
#define LOOKUP_UNREAD offsetof(struct plug__socket_conf, unread)
#define AI(n, a, h)                                                                               \
    {                                                                                             \
        .name = (n), .aliases = (a), .type = PLUG_OPT_FLAG, .offset = LOOKUP_UNREAD, .help = (h), \
    }
#define RES(n, a, h)                                                                              \
    {                                                                                             \
        .name = (n), .aliases = (a), .type = PLUG_OPT_FLAG, .offset = LOOKUP_UNREAD, .help = (h), \
        .flags = LOOKUP_RES                                                                       \
    }

static int lookup_server(const char *text, struct plug_addr *ret)
{
    char host[PLUG__BIND], port[PLUG__BIND];
    uint16_t number = 53;
    if (strlen(text) >= PLUG__BIND || plug__split_hostport(text, host, port) < 0 ||
        (*port && plug__parse_port(port, "udp", &number) < 0) ||
        plug__os_addr_ip(ret, host, number) < 0)
        return PLUG_EUSAGE;
    return ret->family == AF_INET ? 0 : PLUG_EUSAGE;
}

static int lookup_check_server(const char *value)
{
    struct plug_addr a;
    return lookup_server(value, &a);
}

const struct plug_option plug__lookup_options[] = {
    AI("ai-addrconfig", "addrconfig", "ask only for families that this machine has an address of"),
    AI("ai-passive", "passive", "a listener without a host: 1 any address, 0 loopback"),
    AI("ai-v4mapped", "v4mapped", "with pf=ip6: IPv4 addresses as IPv6 where there are no others"),
    AI("ai-all", NULL, "with ai-v4mapped: IPv4 addresses as IPv6 beside the others"),
    {.name = "res-nsaddr",
     .aliases = "dns nameserver nsaddr",
     .type = PLUG_OPT_STRING,
     .offset = offsetof(struct plug__socket_conf, name_server),
     .flags = LOOKUP_RES,
     .value = "IPV4[:PORT]",
     .form = "the IPv4 address of a name server, 192.0.2.53 or 192.0.2.53:5353",
     .check = lookup_check_server,
     .help = "ask this name server, and neither the hosts file nor a cache"},
    RES("res-usevc", "usevc", "ask name servers by TCP"),
    RES("res-igntc", "igntc", "take an answer that was cut short"),
    RES("res-recurse", "recurse", "let the name server ask others; default 1"),
    RES("res-defnames", "defnames", "add the default domain to a name without dots; default 1"),
    RES("res-stayopen", "stayopen", "keep the TCP connection for the next question of a name"),
    RES("res-dnsrch", "dnsrch", "look in the parent domains too; default 1"),
    {.name = NULL},
};

static const struct {
    const char *name;
    unsigned ai, res;
} lookup_bits[] = {
    {"ai-addrconfig", PLUG__AI_ADDRCONFIG, 0},
    {"ai-v4mapped", PLUG__AI_V4MAPPED, 0},
    {"ai-all", PLUG__AI_ALL, 0},
    {"res-usevc", 0, PLUG__RES_USEVC},
    {"res-igntc", 0, PLUG__RES_IGNTC},
    {"res-recurse", 0, PLUG__RES_RECURSE},
    {"res-defnames", 0, PLUG__RES_DEFNAMES},
    {"res-stayopen", 0, PLUG__RES_STAYOPEN},
    {"res-dnsrch", 0, PLUG__RES_DNSRCH},
};

static void lookup_bit(struct plug__lookup *how, const struct plug_optval *v)
{
    for (size_t i = 0; i < PLUG__COUNT(lookup_bits); i++) {
        if (strcmp(lookup_bits[i].name, v->option->name) != 0)
            continue;
        how->flags &= ~lookup_bits[i].ai;
        how->flags |= v->number ? lookup_bits[i].ai : 0;
        *(v->number ? &how->res_on : &how->res_off) |= lookup_bits[i].res;
    }
}

/* Returns 1 when the address asks for a way of its own. */
static int lookup_how(const struct plug_step *step, struct plug__lookup *ret)
{
    const struct plug__socket_conf *conf = step->conf;
    *ret = (struct plug__lookup){0};
    for (unsigned i = 0; i < step->nopts; i++)
        if (step->opts[i].option->offset == LOOKUP_UNREAD)
            lookup_bit(ret, &step->opts[i]);
    if (conf->name_server)
        (void)lookup_server(conf->name_server, &ret->server);
    return ret->flags || ret->res_on || ret->res_off || conf->name_server;
}

int plug__lookup_passive(const struct plug_step *step)
{
    int passive = -1;
    for (unsigned i = 0; i < step->nopts; i++)
        if (strcmp(step->opts[i].option->name, "ai-passive") == 0)
            passive = step->opts[i].number != 0;
    return passive;
}

int plug__lookup(struct plug__resolve **ret, struct plug_layer *l, const struct plug_step *step,
                 const char *host, uint16_t port, struct plug__answer *now,
                 void (*changed)(void *arg), void *arg)
{
    struct plug_loop *loop = l->sock->loop;
    const int family = plug__socket_family(step);
    struct plug__lookup how;
    if (!lookup_how(step, &how))
        return plug__resolve(ret, loop, host, port, family, now, changed, arg);
    return plug__resolve_by(ret, loop, host, port, family, &how, now, changed, arg);
}

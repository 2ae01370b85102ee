/* SPDX-License-Identifier: MIT
 *
 * Socket addresses as text and back, and the blocking look-up of names, for every system.
 * It deliberately knows nothing of "host:port" texts: splitting them is core's.
 */
#include "os/dns.h"
#include "util/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include "os/win/win.h"
#else
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#endif

#ifndef EAI_NODATA
#define EAI_NODATA EAI_NONAME
#endif
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY EAI_FAMILY
#endif

static void addr_in(struct plug_addr *ret, const struct in_addr *ip, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = *ip};
    *ret = (struct plug_addr){.family = AF_INET, .len = sizeof in};
    memcpy(ret->u.sa, &in, sizeof in);
}

static void addr_in6(struct plug_addr *ret, const struct in6_addr *ip, uint16_t port, uint32_t zone)
{
    struct sockaddr_in6 in = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *ip, .sin6_scope_id = zone};
    *ret = (struct plug_addr){.family = AF_INET6, .len = sizeof in};
    memcpy(ret->u.sa, &in, sizeof in);
}

/* A zone is an interface's name or number; 0 is no zone. */
static uint32_t addr_zone(const char *s)
{
    unsigned n = if_nametoindex(s);
    char *end = NULL;
    if (n != 0 || *s < '0' || *s > '9')
        return n;
    unsigned long long x = strtoull(s, &end, 10);
    return *end == '\0' && x <= UINT32_MAX ? (uint32_t)x : 0;
}

int plug__os_addr_ip(struct plug_addr *ret, const char *literal, uint16_t port)
{
    struct in_addr v4;
    struct in6_addr v6;
    char host[INET6_ADDRSTRLEN];
    uint32_t zone = 0;
    if (inet_pton(AF_INET, literal, &v4) == 1) {
        addr_in(ret, &v4, port);
        return 0;
    }
    const char *percent = strchr(literal, '%');
    size_t len = percent ? (size_t)(percent - literal) : strlen(literal);
    if (len >= sizeof host)
        return PLUG_EINVAL;
    memcpy(host, literal, len);
    host[len] = '\0';
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return PLUG_EINVAL;
    if (percent && (zone = addr_zone(percent + 1)) == 0)
        return PLUG_EINVAL;
    addr_in6(ret, &v6, port, zone);
    return 0;
}

/* Without `tight` an abstract name is filled up with zeros to the whole of sun_path, as programs do
 * that pass sizeof(struct sockaddr_un): to the kernel that is another name. */
int plug__os_addr_unix(struct plug_addr *ret, const char *path, int abstract, int tight)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof un.sun_path)
        return PLUG_ENAMETOOLONG;
    memcpy(un.sun_path + (abstract ? 1 : 0), path, len);
    size_t used = offsetof(struct sockaddr_un, sun_path) + len + 1;
    *ret = (struct plug_addr){.family = AF_UNIX};
    ret->len = (uint16_t)(abstract && !tight ? sizeof un : used);
    memcpy(ret->u.sa, &un, sizeof un);
    return 0;
}

static int addr_fits(int n, size_t len)
{
    return n < 0 || (size_t)n >= len ? PLUG_EINVAL : n;
}

static int addr_text_in(const struct plug_addr *a, char *buf, size_t len)
{
    struct sockaddr_in in;
    char host[INET_ADDRSTRLEN];
    memcpy(&in, a->u.sa, sizeof in);
    if (!inet_ntop(AF_INET, &in.sin_addr, host, sizeof host))
        return PLUG_EINVAL;
    return addr_fits(snprintf(buf, len, "%s:%u", host, ntohs(in.sin_port)), len);
}

static int addr_text_in6(const struct plug_addr *a, char *buf, size_t len)
{
    struct sockaddr_in6 in;
    char host[INET6_ADDRSTRLEN], zone[IF_NAMESIZE + 1] = "";
    memcpy(&in, a->u.sa, sizeof in);
    if (!inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof host))
        return PLUG_EINVAL;
    if (in.sin6_scope_id != 0) {
        zone[0] = '%';
        if (!if_indextoname(in.sin6_scope_id, zone + 1))
            (void)snprintf(zone + 1, sizeof zone - 1, "%u", (unsigned)in.sin6_scope_id);
    }
    return addr_fits(snprintf(buf, len, "[%s%s]:%u", host, zone, ntohs(in.sin6_port)), len);
}

/* The peer chooses an abstract name: what could steer a terminal is shown as '?'. */
static int addr_text_unix(const struct plug_addr *a, char *buf, size_t len)
{
    struct sockaddr_un un = {0};
    size_t head = offsetof(struct sockaddr_un, sun_path), n = 0;
    memcpy(&un, a->u.sa, a->len < sizeof un ? a->len : sizeof un);
    size_t room = a->len > head ? a->len - head : 0;
    if (room > sizeof un.sun_path)
        room = sizeof un.sun_path;
    int abstract = room > 0 && un.sun_path[0] == '\0';
    while (abstract && room > 1 && un.sun_path[room - 1] == '\0')
        room--;
    while (n < room && (un.sun_path[n] != '\0' || abstract))
        n++;
    if (abstract && n <= 1)
        n = 0;
    if (n >= len)
        return PLUG_EINVAL;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)un.sun_path[i];
        buf[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (abstract && n > 0)
        buf[0] = '@';
    buf[n] = '\0';
    return (int)n;
}

int plug__os_addr_text(const struct plug_addr *a, char *buf, size_t len)
{
    if (a->len > sizeof a->u.sa || len == 0)
        return PLUG_EINVAL;
    if (a->family == AF_INET && a->len >= sizeof(struct sockaddr_in))
        return addr_text_in(a, buf, len);
    if (a->family == AF_INET6 && a->len >= sizeof(struct sockaddr_in6))
        return addr_text_in6(a, buf, len);
    if (a->family == AF_UNIX)
        return addr_text_unix(a, buf, len);
    if (a->family != AF_UNSPEC)
        return PLUG_EINVAL;
    buf[0] = '\0';
    return 0;
}

/* The port stands at the same place in both families. */
_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
               "port's place");

static int addr_has_port(const struct plug_addr *a)
{
    return a->family == AF_INET || a->family == AF_INET6;
}

uint16_t plug__os_addr_port(const struct plug_addr *a)
{
    uint16_t port = 0;
    if (addr_has_port(a))
        memcpy(&port, a->u.sa + offsetof(struct sockaddr_in, sin_port), sizeof port);
    return ntohs(port);
}

void plug__os_addr_set_port(struct plug_addr *a, uint16_t port)
{
    uint16_t net = htons(port);
    if (addr_has_port(a))
        memcpy(a->u.sa + offsetof(struct sockaddr_in, sin_port), &net, sizeof net);
}

int plug__os_addr_any(struct plug_addr *ret, int family, int loopback, uint16_t port)
{
    const struct in_addr v4 = {.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY)};
    if (family == AF_INET)
        addr_in(ret, &v4, port);
    else if (family == AF_INET6)
        addr_in6(ret, loopback ? &in6addr_loopback : &in6addr_any, port, 0);
    else
        return PLUG_EAFNOSUPPORT;
    return 0;
}

static int addr_lookup_error(int rc, int *reterr_os)
{
    if (rc == EAI_NONAME || rc == EAI_NODATA || rc == EAI_FAMILY || rc == EAI_ADDRFAMILY)
        return PLUG_ENOHOST;
    if (rc == EAI_MEMORY)
        return PLUG_ENOMEM;
#ifdef EAI_SYSTEM
    if (rc == EAI_SYSTEM && errno != 0 && reterr_os)
        *reterr_os = errno;
#else
    (void)reterr_os;
#endif
    return PLUG_EDNS;
}

static int addr_lookup(const char *host, int family, int flags, uint16_t port,
                       struct plug_addr *ret, unsigned max, int *reterr_os)
{
    const struct addrinfo hints = {
        .ai_family = family, .ai_flags = flags, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    unsigned n = 0;
    int rc = getaddrinfo(host, NULL, &hints, &list);
    if (rc != 0)
        return addr_lookup_error(rc, reterr_os);
    for (const struct addrinfo *i = list; i && n < max; i = i->ai_next) {
        if (i->ai_addrlen > sizeof ret->u.sa)
            continue;
        ret[n] =
            (struct plug_addr){.family = (uint16_t)i->ai_family, .len = (uint16_t)i->ai_addrlen};
        memcpy(ret[n].u.sa, i->ai_addr, i->ai_addrlen);
        plug__os_addr_set_port(&ret[n++], port);
    }
    freeaddrinfo(list);
    return n > 0 ? (int)n : PLUG_ENOHOST;
}

/* AI_ADDRCONFIG stays off: it hides ::1 on a machine whose only IPv6 address is loopback's. */
int plug__os_lookup(const char *host, int family, uint16_t port, struct plug_addr *ret,
                    unsigned max, int *reterr_os)
{
    return addr_lookup(host, family, 0, port, ret, max, reterr_os);
}

int plug__os_lookup_by(const struct plug__lookup *how, const char *host, int family, uint16_t port,
                       struct plug_addr *ret, unsigned max, int *reterr_os)
{
    int flags = how->flags & PLUG__AI_ADDRCONFIG ? AI_ADDRCONFIG : 0;
    if (how->server.len || how->res_on || how->res_off)
        return plug__os_dns(how, host, family, port, ret, max);
    if (family == AF_INET6 && (how->flags & PLUG__AI_V4MAPPED))
        flags |= AI_V4MAPPED;
    if (family == AF_INET6 && (how->flags & PLUG__AI_ALL))
        flags |= AI_ALL;
    return addr_lookup(host, family, flags, port, ret, max, reterr_os);
}

int plug__os_service(const char *name, const char *protocol, uint16_t *ret)
{
    /* getservbyname has one static answer for all threads; getaddrinfo reads the same table. */
    struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    hints.ai_socktype = protocol && strcmp(protocol, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
    if (getaddrinfo(NULL, name, &hints, &list) != 0)
        return PLUG_ENOENT;
    struct plug_addr a = {.family = AF_INET, .len = sizeof(struct sockaddr_in)};
    memcpy(a.u.sa, list->ai_addr, sizeof(struct sockaddr_in));
    *ret = plug__os_addr_port(&a);
    freeaddrinfo(list);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Joining multicast groups and choosing the interface of what is sent to one, by RFC 3678 where it
 * serves. It leaves no group: the system does when the socket closes.
 */
#include "os/sockopt.h"

#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include "os/win/win.h"
#include <iphlpapi.h>
#else
#include <net/if.h>
#endif

static int multicast_level(int family)
{
    return family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

int plug__os_interface(const char *name, uint32_t *ret)
{
    char *end;
    unsigned long long n;
    *ret = if_nametoindex(name);
    if (*ret)
        return 0;
    n = strtoull(name, &end, 10);
    if (*name < '0' || *name > '9' || *end || n > UINT32_MAX)
        return PLUG_ENXIO;
    *ret = (uint32_t)n;
    return 0;
}

static void multicast_put(struct sockaddr_storage *to, const struct plug_addr *a)
{
    memset(to, 0, sizeof *to);
    memcpy(to, a->u.sa, a->len);
}

static struct in_addr multicast_v4(const struct plug_addr *a)
{
    struct sockaddr_in in;
    memcpy(&in, a->u.sa, sizeof in);
    return in.sin_addr;
}

/* IPv4 names an interface by its address as well. */
static int multicast_join_at(plug_handle h, const struct plug__join *j, int *reterr_os)
{
    if (j->source) {
        struct ip_mreq_source r = {0};
        r.imr_multiaddr = multicast_v4(j->group);
        r.imr_interface = multicast_v4(j->at);
        r.imr_sourceaddr = multicast_v4(j->source);
        return plug__os_setsockopt(h, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &r, sizeof r,
                                   reterr_os);
    }
    const struct ip_mreq r = {.imr_multiaddr = multicast_v4(j->group),
                              .imr_interface = multicast_v4(j->at)};
    return plug__os_setsockopt(h, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof r, reterr_os);
}

int plug__os_join(plug_handle h, const struct plug__join *j, int *reterr_os)
{
    const int level = multicast_level(j->group->family);
    uint32_t index = 0;
    if (j->at)
        return multicast_join_at(h, j, reterr_os);
    if (j->ifname && plug__os_interface(j->ifname, &index) < 0)
        return PLUG_ENXIO;
    if (j->source) {
        struct group_source_req r = {.gsr_interface = index};
        multicast_put(&r.gsr_group, j->group);
        multicast_put(&r.gsr_source, j->source);
        return plug__os_setsockopt(h, level, MCAST_JOIN_SOURCE_GROUP, &r, sizeof r, reterr_os);
    }
    struct group_req r = {.gr_interface = index};
    multicast_put(&r.gr_group, j->group);
    return plug__os_setsockopt(h, level, MCAST_JOIN_GROUP, &r, sizeof r, reterr_os);
}

static int multicast_if_v4(plug_handle h, const struct plug_addr *at, uint32_t index,
                           int *reterr_os)
{
    if (at) {
        struct in_addr a = multicast_v4(at);
        return plug__os_setsockopt(h, IPPROTO_IP, IP_MULTICAST_IF, &a, sizeof a, reterr_os);
    }
#ifdef __linux__
    const struct ip_mreqn r = {.imr_ifindex = (int)index};
#else
    const struct in_addr r = {.s_addr = htonl(index)};
#endif
    return plug__os_setsockopt(h, IPPROTO_IP, IP_MULTICAST_IF, &r, sizeof r, reterr_os);
}

int plug__os_multicast_if(plug_handle h, int family, const struct plug_addr *at, const char *ifname,
                          int *reterr_os)
{
    uint32_t index = 0;
    if (!at && plug__os_interface(ifname, &index) < 0)
        return PLUG_ENXIO;
    if (family != AF_INET6)
        return multicast_if_v4(h, at, index, reterr_os);
    (void)multicast_if_v4(h, at, index, NULL); /* for IPv4 peers of a dual-stack socket */
    if (at)
        return 0;
    return plug__os_setsockopt(h, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index, reterr_os);
}

int plug__os_is_multicast(const struct plug_addr *a)
{
    struct sockaddr_in6 in6;
    if (a->family == AF_INET)
        return (ntohl(multicast_v4(a).s_addr) >> 28) == 0xe;
    if (a->family != AF_INET6)
        return 0;
    memcpy(&in6, a->u.sa, sizeof in6);
    return IN6_IS_ADDR_MULTICAST(&in6.sin6_addr) != 0;
}

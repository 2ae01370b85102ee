/* SPDX-License-Identifier: MIT
 *
 * Socket calls whose data has a form of the system's own: times, packet information.
 * Automatic names of Unix sockets do not exist here: ENOTSUP.
 */
#include "os/win/win.h"

#include "os/sockopt.h"

/* The header's WSA_CMSG_* round up by an int's complement. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

/* Milliseconds; 0 would mean "for ever". */
int plug__os_socktime(plug_handle h, int level, int name, plug_time t, int *reterr_os)
{
    plug_time left = t == PLUG_FOREVER ? 0 : (t + PLUG_MS - 1) / PLUG_MS;
    DWORD ms = left > INT32_MAX ? INT32_MAX : (DWORD)left;
    return plug__os_setsockopt(h, level, name, &ms, sizeof ms, reterr_os);
}

int plug__os_tcp_md5(plug_handle h, int family, const char *key, int *reterr_os)
{
    (void)h;
    (void)family;
    (void)key;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_peer_uid(plug_handle h, int64_t *ret, int *reterr_os)
{
    (void)h;
    (void)ret;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_user_id(const char *name, int64_t *ret)
{
    (void)name;
    (void)ret;
    return PLUG_ENOTSUP;
}

int plug__os_autobind(plug_handle h, int *reterr_os)
{
    (void)h;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_pktinfo_on(plug_handle h, int family, int *reterr_os)
{
    const DWORD on = 1;
    if (family == AF_INET6)
        return plug__os_setsockopt(h, IPPROTO_IPV6, IPV6_PKTINFO, &on, sizeof on, reterr_os);
    return plug__os_setsockopt(h, IPPROTO_IP, IP_PKTINFO, &on, sizeof on, reterr_os);
}

static void pktinfo_v4(const WSACMSGHDR *c, struct plug_addr *ret)
{
    IN_PKTINFO info;
    struct sockaddr_in in = {.sin_family = AF_INET};
    memcpy(&info, WSA_CMSG_DATA(c), sizeof info);
    in.sin_addr = info.ipi_addr;
    *ret = (struct plug_addr){.family = AF_INET, .len = sizeof in};
    memcpy(ret->u.sa, &in, sizeof in);
}

/* A multicast group cannot be the source of the answer. */
static int pktinfo_v6(const WSACMSGHDR *c, struct plug_addr *ret)
{
    IN6_PKTINFO info;
    struct sockaddr_in6 in = {.sin6_family = AF_INET6};
    memcpy(&info, WSA_CMSG_DATA(c), sizeof info);
    in.sin6_addr = info.ipi6_addr;
    if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
        return PLUG_ENOENT;
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
        in.sin6_scope_id = info.ipi6_ifindex;
    *ret = (struct plug_addr){.family = AF_INET6, .len = sizeof in};
    memcpy(ret->u.sa, &in, sizeof in);
    return 0;
}

static int pktinfo_is(const WSACMSGHDR *c, int level, int type, size_t len)
{
    return c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len >= WSA_CMSG_LEN(len);
}

int plug__os_pktinfo_get(const struct plug_msg *m, struct plug_addr *ret_local)
{
    WSAMSG head = {.Control = {(ULONG)m->controllen, m->control}};
    for (WSACMSGHDR *c = WSA_CMSG_FIRSTHDR(&head); c; c = WSA_CMSG_NXTHDR(&head, c)) {
        if (pktinfo_is(c, IPPROTO_IP, IP_PKTINFO, sizeof(IN_PKTINFO))) {
            pktinfo_v4(c, ret_local);
            return 0;
        }
        if (pktinfo_is(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(IN6_PKTINFO)))
            return pktinfo_v6(c, ret_local);
    }
    return PLUG_ENOENT;
}

static size_t pktinfo_write(void *control, int level, int type, const void *info, size_t len)
{
    WSACMSGHDR *c = control;
    memset(control, 0, WSA_CMSG_SPACE(len));
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = WSA_CMSG_LEN(len);
    memcpy(WSA_CMSG_DATA(c), info, len);
    return WSA_CMSG_SPACE(len);
}

_Static_assert(WSA_CMSG_SPACE(sizeof(IN6_PKTINFO)) <= PLUG__PKTINFO, "PLUG__PKTINFO");

size_t plug__os_pktinfo_put(const struct plug_addr *local, void *control)
{
    if (local->family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, local->u.sa, sizeof in);
        const IN_PKTINFO info = {.ipi_addr = in.sin_addr};
        return pktinfo_write(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    if (local->family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, local->u.sa, sizeof in);
        const IN6_PKTINFO info = {.ipi6_addr = in.sin6_addr, .ipi6_ifindex = in.sin6_scope_id};
        return pktinfo_write(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
    return 0;
}

/* Winsock tells of addresses only, and those are asked for by plug itself. */
size_t plug__os_control_text(const struct plug_msg *m, char *buf, size_t len)
{
    (void)m;
    if (len)
        buf[0] = '\0';
    return 0;
}

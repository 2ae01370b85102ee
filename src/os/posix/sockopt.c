/* SPDX-License-Identifier: MIT
 *
 * Socket calls whose data has a form of the system's own: times, packet information, automatic
 * names. It deliberately decides nothing about when they are used.
 */
#include "os/sockopt.h"

#include "os/posix/posix.h"
#include "util/alloc.h"
#include <string.h>
#include <sys/time.h>

int plug__os_socktime(plug_handle h, int level, int name, plug_time t, int *reterr_os)
{
    struct timeval tv = {0};
    if (t != PLUG_FOREVER) {
        tv.tv_sec = (time_t)(t / PLUG_SECOND);
        tv.tv_usec = (suseconds_t)(t % PLUG_SECOND / 1000);
    }
    return plug__os_setsockopt(h, level, name, &tv, sizeof tv, reterr_os);
}

int plug__os_tcp_md5(plug_handle h, int family, const char *key, int *reterr_os)
{
#ifdef TCP_MD5SIG_FLAG_PREFIX
    struct tcp_md5sig sig = {.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX}; /* a prefix of no bits: all */
    size_t n = strlen(key);
    if (n == 0 || n > TCP_MD5SIG_MAXKEYLEN)
        return PLUG_EINVAL;
    sig.tcpm_addr.ss_family = (sa_family_t)family;
    sig.tcpm_keylen = (uint16_t)n;
    memcpy(sig.tcpm_key, key, n);
    return plug__os_setsockopt(h, IPPROTO_TCP, TCP_MD5SIG_EXT, &sig, sizeof sig, reterr_os);
#else
    (void)h;
    (void)family;
    (void)key;
    (void)reterr_os;
    return PLUG_ENOTSUP;
#endif
}

int plug__os_peer_uid(plug_handle h, int64_t *ret, int *reterr_os)
{
#ifdef SO_PEERCRED
    struct ucred c;
    size_t len = sizeof c;
    int r = plug__os_getsockopt(h, SOL_SOCKET, SO_PEERCRED, &c, &len, reterr_os);
    if (r >= 0)
        *ret = c.uid;
    return r;
#else
    (void)h;
    (void)ret;
    (void)reterr_os;
    return PLUG_ENOTSUP;
#endif
}

int plug__os_user_id(const char *name, int64_t *ret)
{
    char *buf = plug__malloc(PLUG__NAMES);
    if (!buf)
        return PLUG_ENOMEM;
    *ret = plug__posix_user(name, buf);
    plug__free(buf);
    return *ret < 0 ? PLUG_ENOENT : 0;
}

int plug__os_autobind(plug_handle h, int *reterr_os)
{
#ifdef __linux__
    struct plug_addr a = {.family = AF_UNIX, .len = sizeof(sa_family_t)};
    const sa_family_t family = AF_UNIX;
    memcpy(a.u.sa, &family, sizeof family);
    return plug__os_bind(h, &a, reterr_os);
#else
    (void)h;
    (void)reterr_os;
    return PLUG_ENOTSUP;
#endif
}

#ifdef IP_PKTINFO

int plug__os_pktinfo_on(plug_handle h, int family, int *reterr_os)
{
    int on = 1;
    if (family == AF_INET6)
        return plug__os_setsockopt(h, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on, reterr_os);
    return plug__os_setsockopt(h, IPPROTO_IP, IP_PKTINFO, &on, sizeof on, reterr_os);
}

static void pktinfo_v4(const struct cmsghdr *c, struct plug_addr *ret)
{
    struct in_pktinfo info;
    struct sockaddr_in in = {.sin_family = AF_INET};
    memcpy(&info, CMSG_DATA(c), sizeof info);
    in.sin_addr = info.ipi_spec_dst; /* for a broadcast: the interface's own address */
    *ret = (struct plug_addr){.family = AF_INET, .len = sizeof in};
    memcpy(ret->u.sa, &in, sizeof in);
}

/* A multicast group cannot be the source of the answer. */
static int pktinfo_v6(const struct cmsghdr *c, struct plug_addr *ret)
{
    struct in6_pktinfo info;
    struct sockaddr_in6 in = {.sin6_family = AF_INET6};
    memcpy(&info, CMSG_DATA(c), sizeof info);
    in.sin6_addr = info.ipi6_addr;
    if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
        return PLUG_ENOENT;
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
        in.sin6_scope_id = (uint32_t)info.ipi6_ifindex;
    *ret = (struct plug_addr){.family = AF_INET6, .len = sizeof in};
    memcpy(ret->u.sa, &in, sizeof in);
    return 0;
}

/* CMSG_NXTHDR in the C library compares signed with unsigned; the walk is written out. */
static struct cmsghdr *pktinfo_next(struct msghdr *head, struct cmsghdr *c)
{
    return c ? CMSG_NXTHDR(head, c) : CMSG_FIRSTHDR(head);
}

int plug__os_pktinfo_get(const struct plug_msg *m, struct plug_addr *ret_local)
{
    struct msghdr head = {.msg_control = m->control, .msg_controllen = m->controllen};
    for (struct cmsghdr *c = pktinfo_next(&head, NULL); c; c = pktinfo_next(&head, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
            c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
            pktinfo_v4(c, ret_local);
            return 0;
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
            c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
            return pktinfo_v6(c, ret_local);
        }
    }
    return PLUG_ENOENT;
}

static size_t pktinfo_write(void *control, int level, int type, const void *info, size_t len)
{
    struct msghdr head = {.msg_control = control, .msg_controllen = CMSG_SPACE(len)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&head);
    memset(control, 0, CMSG_SPACE(len));
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), info, len);
    return CMSG_SPACE(len);
}

_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) <= PLUG__PKTINFO, "PLUG__PKTINFO");

size_t plug__os_pktinfo_put(const struct plug_addr *local, void *control)
{
    if (local->family == AF_INET) {
        struct sockaddr_in in;
        struct in_pktinfo info = {0};
        memcpy(&in, local->u.sa, sizeof in);
        info.ipi_spec_dst = in.sin_addr;
        return pktinfo_write(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    if (local->family == AF_INET6) {
        struct sockaddr_in6 in;
        struct in6_pktinfo info = {0};
        memcpy(&in, local->u.sa, sizeof in);
        info.ipi6_addr = in.sin6_addr;
        info.ipi6_ifindex = in.sin6_scope_id;
        return pktinfo_write(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
    return 0;
}

#else

int plug__os_pktinfo_on(plug_handle h, int family, int *reterr_os)
{
    (void)h;
    (void)family;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_pktinfo_get(const struct plug_msg *m, struct plug_addr *ret_local)
{
    (void)m;
    (void)ret_local;
    return PLUG_ENOENT;
}

size_t plug__os_pktinfo_put(const struct plug_addr *local, void *control)
{
    (void)local;
    (void)control;
    return 0;
}

#endif

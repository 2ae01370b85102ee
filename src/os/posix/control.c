/* SPDX-License-Identifier: MIT
 *
 * What came with a datagram, as text: where to, how far, of what service, when. It only reads what
 * the options of the socket asked for.
 */
#include "os/sockopt.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

struct control_text {
    char *buf;
    size_t len, room;
};

static void control_add(struct control_text *t, const char *name, const char *value)
{
    int n = snprintf(t->buf + t->len, t->room - t->len, "%s%s=%s", t->len ? " " : "", name, value);
    if (n > 0 && (size_t)n < t->room - t->len)
        t->len += (size_t)n;
    t->buf[t->len] = '\0';
}

static void control_number(struct control_text *t, const char *name, const struct cmsghdr *c)
{
    char text[16];
    int n = 0;
    if (c->cmsg_len == CMSG_LEN(1)) /* IP_TOS */
        n = *CMSG_DATA(c);
    else if (c->cmsg_len >= CMSG_LEN(sizeof n))
        memcpy(&n, CMSG_DATA(c), sizeof n);
    (void)snprintf(text, sizeof text, "%d", n);
    control_add(t, name, text);
}

static void control_to(struct control_text *t, const char *address, unsigned index)
{
    char name[IF_NAMESIZE];
    control_add(t, "to", address);
    if (if_indextoname(index, name))
        control_add(t, "by", name);
}

static void control_pktinfo(struct control_text *t, const struct cmsghdr *c)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
        struct in_pktinfo v4;
        memcpy(&v4, CMSG_DATA(c), sizeof v4);
        (void)inet_ntop(AF_INET, &v4.ipi_addr, text, sizeof text);
        control_to(t, text, (unsigned)v4.ipi_ifindex);
    } else if (c->cmsg_level == IPPROTO_IPV6 &&
               c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
        struct in6_pktinfo v6;
        memcpy(&v6, CMSG_DATA(c), sizeof v6);
        (void)inet_ntop(AF_INET6, &v6.ipi6_addr, text, sizeof text);
        control_to(t, text, (unsigned)v6.ipi6_ifindex);
    }
}

static void control_time(struct control_text *t, const struct cmsghdr *c)
{
    struct timeval tv;
    char text[40];
    if (c->cmsg_len < CMSG_LEN(sizeof tv))
        return;
    memcpy(&tv, CMSG_DATA(c), sizeof tv);
    (void)snprintf(text, sizeof text, "%lld.%06lld", (long long)tv.tv_sec, (long long)tv.tv_usec);
    control_add(t, "at", text);
}

static void control_options(struct control_text *t, const struct cmsghdr *c)
{
    char text[3 * 40 + 1] = "";
    size_t n = c->cmsg_len - CMSG_LEN(0);
    for (size_t i = 0; i < n && i < 40; i++)
        (void)snprintf(text + 2 * i, sizeof text - 2 * i, "%02x", CMSG_DATA(c)[i]);
    control_add(t, "options", text);
}

static void control_one(struct control_text *t, const struct cmsghdr *c)
{
    static const struct {
        int level, type;
        const char *name;
        void (*text)(struct control_text *t, const struct cmsghdr *c);
    } known[] = {
        {IPPROTO_IP, IP_TTL, "ttl", NULL},
        {IPPROTO_IPV6, IPV6_HOPLIMIT, "ttl", NULL},
        {IPPROTO_IP, IP_TOS, "tos", NULL},
        {IPPROTO_IPV6, IPV6_TCLASS, "tos", NULL},
        {IPPROTO_IP, IP_PKTINFO, NULL, control_pktinfo},
        {IPPROTO_IPV6, IPV6_PKTINFO, NULL, control_pktinfo},
        {IPPROTO_IP, IP_RECVOPTS, NULL, control_options},
        {IPPROTO_IP, IP_RETOPTS, NULL, control_options},
        {SOL_SOCKET, SCM_TIMESTAMP, NULL, control_time},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (c->cmsg_level != known[i].level || c->cmsg_type != known[i].type)
            continue;
        if (known[i].text)
            known[i].text(t, c);
        else
            control_number(t, known[i].name, c);
        return;
    }
}

/* CMSG_NXTHDR in the C library compares signed with unsigned; the walk is written out. */
static struct cmsghdr *control_next(struct msghdr *head, struct cmsghdr *c)
{
    return c ? CMSG_NXTHDR(head, c) : CMSG_FIRSTHDR(head);
}

size_t plug__os_control_text(const struct plug_msg *m, char *buf, size_t len)
{
    struct control_text t = {buf, 0, len};
    struct msghdr head = {.msg_control = m->control, .msg_controllen = m->controllen};
    buf[0] = '\0';
    if (!m->control || !m->controllen)
        return 0;
    for (struct cmsghdr *c = control_next(&head, NULL); c; c = control_next(&head, c))
        if (c->cmsg_len >= CMSG_LEN(1))
            control_one(&t, c);
    return t.len;
}

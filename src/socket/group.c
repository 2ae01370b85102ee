/* SPDX-License-Identifier: MIT
 *
 * Multicast: the texts of memberships and interfaces, in socat's forms, and setting them. It asks
 * no name service: a group is a number.
 */
#include "socket/common.h"

#include <string.h>

enum { GROUP_PARTS = 3, GROUP_ROOM = 80 };

/* GROUP, GROUP:INTERFACE, GROUP:ADDRESS:INTERFACE, and with a source GROUP:INTERFACE:SOURCE. */
struct group_text {
    char part[GROUP_PARTS][GROUP_ROOM];
    unsigned n;
    struct plug_addr group, source, at;
    const char *ifname;
    int has_at;
};

/* One part up to the next colon; an IPv6 address stands in brackets. */
static const char *group_part(const char *text, char *ret)
{
    const char *end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":");
    size_t n;
    if (!end)
        return NULL;
    text += *text == '[';
    n = (size_t)(end - text);
    if (n >= GROUP_ROOM || (*end == ']' && end[1] && end[1] != ':'))
        return NULL;
    memcpy(ret, text, n);
    ret[n] = '\0';
    return end + (*end == ']');
}

static int group_split(const char *text, struct group_text *g)
{
    for (g->n = 0; g->n < GROUP_PARTS; text++) {
        text = group_part(text, g->part[g->n]);
        if (!text || !*g->part[g->n])
            return PLUG_EUSAGE;
        g->n++;
        if (!*text)
            return 0;
    }
    return PLUG_EUSAGE;
}

/* An address names the interface of IPv4 by itself; a name that follows goes before it. */
static void group_interface(struct group_text *g, const char *text)
{
    struct plug_addr a;
    if (g->group.family == AF_INET && plug__os_addr_ip(&a, text, 0) >= 0 && a.family == AF_INET) {
        g->at = a;
        g->has_at = 1;
    } else {
        g->ifname = text;
        g->has_at = 0;
    }
}

static int group_read(const char *text, int sourced, struct group_text *g)
{
    *g = (struct group_text){0};
    if (group_split(text, g) || plug__os_addr_ip(&g->group, g->part[0], 0) < 0 ||
        !plug__os_is_multicast(&g->group))
        return PLUG_EUSAGE;
    if (g->n > 1)
        group_interface(g, g->part[1]);
    if (!sourced) {
        if (g->n > 2)
            group_interface(g, g->part[2]);
        return 0;
    }
    if (g->n != GROUP_PARTS || plug__os_addr_ip(&g->source, g->part[2], 0) < 0 ||
        g->source.family != g->group.family || plug__os_is_multicast(&g->source))
        return PLUG_EUSAGE;
    return 0;
}

int plug__group_check(const char *value)
{
    struct group_text g;
    return group_read(value, 0, &g);
}

int plug__group_check_source(const char *value)
{
    struct group_text g;
    return group_read(value, 1, &g);
}

static int group_join(plug_handle h, const char *value, int sourced, int family, int *reterr_os)
{
    struct group_text g;
    struct plug__join j = {.group = &g.group};
    if (group_read(value, sourced, &g))
        return PLUG_EINVAL;
    if (g.group.family == AF_INET6 && family != AF_INET6)
        return 0; /* the IPv6 socket beside this one hears it */
    j.source = sourced ? &g.source : NULL;
    j.at = g.has_at ? &g.at : NULL;
    j.ifname = g.ifname;
    return plug__os_join(h, &j, reterr_os);
}

int plug__group_set(plug_handle h, const char *value, int family, int *reterr_os)
{
    return group_join(h, value, 0, family, reterr_os);
}

int plug__group_set_source(plug_handle h, const char *value, int family, int *reterr_os)
{
    return group_join(h, value, 1, family, reterr_os);
}

int plug__group_check_if(const char *value)
{
    size_t n = strlen(value);
    return n && n < GROUP_ROOM && !strpbrk(value, "/ \t") ? 0 : PLUG_EUSAGE;
}

int plug__group_set_if(plug_handle h, const char *value, int family, int *reterr_os)
{
    struct plug_addr at;
    const int by_address = plug__os_addr_ip(&at, value, 0) >= 0 && at.family == AF_INET;
    return plug__os_multicast_if(h, family, by_address ? &at : NULL, value, reterr_os);
}

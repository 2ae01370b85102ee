/* SPDX-License-Identifier: MIT
 *
 * Whom a listener hears: range=, sourceport and lowport against a peer's address. It is a filter of
 * addresses and knows no names and no files of rules.
 */
#include "socket/common.h"

#include "util/err.h"
#include <stdlib.h>
#include <string.h>

/* A range as bytes. */
struct peer_range {
    unsigned char bytes[16], mask[16];
    size_t len; /* 4 or 16 */
};

/* The address itself; that of an IPv4 peer of a dual-stack socket is its four bytes. Returns their
 * number, 0 for other families. */
static size_t peer_bytes(const struct plug_addr *a, unsigned char *ret)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (a->family == AF_INET) {
        memcpy(&in, a->u.sa, sizeof(in));
        memcpy(ret, &in.sin_addr, 4);
        return 4;
    }
    if (a->family != AF_INET6)
        return 0;
    memcpy(&in6, a->u.sa, sizeof(in6));
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        memcpy(ret, (const unsigned char *)&in6.sin6_addr + 12, 4);
        return 4;
    }
    memcpy(ret, &in6.sin6_addr, 16);
    return 16;
}

static int peer_bits(const char *text, struct peer_range *r)
{
    char *end;
    unsigned long bits = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || bits > 8 * r->len)
        return PLUG_EINVAL;
    for (size_t i = 0; i < bits; i++)
        r->mask[i / 8] |= (unsigned char)(0x80u >> i % 8);
    return 0;
}

static int peer_mask(const char *text, struct peer_range *r)
{
    struct plug_addr a;
    if (plug__os_addr_ip(&a, text, 0) < 0 || peer_bytes(&a, r->mask) != r->len)
        return PLUG_EINVAL;
    return 0;
}

/* Takes the address before `end` out of the text, without brackets. */
static int peer_host(const char *text, const char *end, char *host, size_t room)
{
    if (*text == '[' && end > text + 1 && end[-1] == ']') {
        text++;
        end--;
    }
    if ((size_t)(end - text) >= room)
        return PLUG_EINVAL;
    memcpy(host, text, (size_t)(end - text));
    host[end - text] = '\0';
    return 0;
}

/* ADDRESS, ADDRESS/BITS or, as socat has it, ADDRESS:MASK of IPv4. */
static int peer_parse(const char *text, struct peer_range *ret)
{
    const char *cut = strchr(text, '/');
    struct plug_addr a;
    char host[64];
    *ret = (struct peer_range){0};
    if (!cut && strchr(text, '.') && *text != '[')
        cut = strchr(text, ':');
    if (!cut)
        cut = text + strlen(text);
    if (peer_host(text, cut, host, sizeof(host)) < 0 || plug__os_addr_ip(&a, host, 0) < 0)
        return PLUG_EINVAL;
    ret->len = peer_bytes(&a, ret->bytes);
    if (*cut == '/')
        return peer_bits(cut + 1, ret);
    if (*cut == ':')
        return peer_mask(cut + 1, ret);
    memset(ret->mask, 0xff, ret->len);
    return 0;
}

static int peer_in(const struct peer_range *r, const struct plug_addr *peer)
{
    unsigned char bytes[16];
    if (peer_bytes(peer, bytes) != r->len)
        return 0;
    for (size_t i = 0; i < r->len; i++)
        if ((bytes[i] ^ r->bytes[i]) & r->mask[i])
            return 0;
    return 1;
}

int plug__socket_filters(const struct plug_step *step)
{
    const struct plug__socket_conf *conf = step->conf;
    return conf->range || conf->sourceport || conf->lowport;
}

int plug__socket_welcome(const struct plug_step *step, const struct plug_addr *peer)
{
    const struct plug__socket_conf *conf = step->conf;
    struct peer_range range;
    if (conf->sourceport && plug__os_addr_port(peer) != conf->sourceport)
        return 0;
    if (conf->lowport && plug__os_addr_port(peer) >= PLUG__LOWPORTS)
        return 0;
    return !conf->range || (peer_parse(conf->range, &range) >= 0 && peer_in(&range, peer));
}

int plug__socket_check_range(const char *value)
{
    struct peer_range range;
    return peer_parse(value, &range) < 0 ? PLUG_EUSAGE : 0;
}

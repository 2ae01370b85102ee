/* SPDX-License-Identifier: MIT
 *
 * Whom a listener hears: range=, sourceport and lowport against a peer's address. It is a filter of
 * addresses and knows no names and no files of rules.
 */
#include "socket/common.h"

#include "util/err.h"
#include <stdlib.h>
#include <string.h>

enum {
    PEER_ITEM = 128, /* longest item of a list */
    PEER_MAPPED = 96 /* bits before the IPv4 address in an IPv6 one */
};

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

/* before: bits that stand in front of the bytes that are looked at. */
static int peer_bits(const char *text, unsigned long before, struct peer_range *r)
{
    char *end;
    unsigned long bits = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || bits < before || bits - before > 8 * r->len)
        return PLUG_EINVAL;
    bits -= before;
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
    if (!cut && *text != '[' && strcspn(text, ".") < strcspn(text, ":"))
        cut = strchr(text, ':');
    if (!cut)
        cut = text + strlen(text);
    if (peer_host(text, cut, host, sizeof(host)) < 0 || plug__os_addr_ip(&a, host, 0) < 0)
        return PLUG_EINVAL;
    ret->len = peer_bytes(&a, ret->bytes);
    if (*cut == '/')
        return peer_bits(cut + 1, ret->len == 4 && a.family == AF_INET6 ? PEER_MAPPED : 0, ret);
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

/* ---- lists ---- */

/* The next of a list; what parts them is blanks, commas, semicolons or plus signs. Returns its
 * length, 0 at the end. */
static size_t peer_item(const char **list)
{
    static const char between[] = " \t,;+";
    *list += strspn(*list, between);
    return strcspn(*list, between);
}

static int peer_copy(const char *from, size_t n, char *to, size_t room)
{
    if (n >= room)
        return PLUG_EINVAL;
    memcpy(to, from, n);
    to[n] = '\0';
    return 0;
}

static int peer_listed(const char *list, const struct plug_addr *peer)
{
    struct peer_range range;
    char item[PEER_ITEM];
    size_t n;
    for (; (n = peer_item(&list)) > 0; list += n)
        if (peer_copy(list, n, item, sizeof(item)) >= 0 && peer_parse(item, &range) >= 0 &&
            peer_in(&range, peer))
            return 1;
    return 0;
}

int plug__socket_check_range(const char *value)
{
    struct peer_range range;
    char item[PEER_ITEM];
    int some = 0;
    size_t n;
    for (; (n = peer_item(&value)) > 0; value += n, some = 1)
        if (peer_copy(value, n, item, sizeof(item)) < 0 || peer_parse(item, &range) < 0)
            return PLUG_EUSAGE;
    return some ? 0 : PLUG_EUSAGE;
}

int plug__socket_range_has(const char *range, const struct plug_addr *peer)
{
    struct peer_range r;
    return peer_parse(range, &r) >= 0 && peer_in(&r, peer);
}

/* ---- users, of Unix sockets ---- */

static int peer_user_listed(const char *list, int64_t uid)
{
    char item[PEER_ITEM];
    int64_t id;
    size_t n;
    for (; (n = peer_item(&list)) > 0; list += n)
        if (peer_copy(list, n, item, sizeof(item)) >= 0 && plug__os_user_id(item, &id) >= 0 &&
            id == uid)
            return 1;
    return 0;
}

int plug__socket_check_users(const char *value)
{
    char item[PEER_ITEM];
    int some = 0;
    int64_t id;
    size_t n;
    for (; (n = peer_item(&value)) > 0; value += n, some = 1)
        if (peer_copy(value, n, item, sizeof(item)) < 0 || plug__os_user_id(item, &id) < 0)
            return PLUG_EUSAGE;
    return some ? 0 : PLUG_EUSAGE;
}

/* ---- the whole ---- */

int plug__socket_filters(const struct plug_step *step)
{
    const struct plug__socket_conf *conf = step->conf;
    return conf->range || conf->allow || conf->deny || conf->wrap || conf->sourceport ||
           conf->lowport;
}

struct peer_asked {
    const struct plug_addr *peer;
    int64_t uid; /* -1: of IP */
};

static int peer_matches(const struct peer_asked *a, const char *list)
{
    return a->uid < 0 ? peer_listed(list, a->peer) : peer_user_listed(list, a->uid);
}

/* Each of these options may stand more than once: who is on one list of those let in is let in,
 * but for those who are on one of the others. Returns NULL, or by which option not. */
static const char *peer_lists(const struct plug_step *step, const struct peer_asked *a)
{
    const char *missed = NULL;
    int found = 0;
    for (unsigned i = 0; i < step->nopts; i++) {
        const struct plug_optval *v = &step->opts[i];
        if (strcmp(v->option->name, "deny") == 0 && peer_matches(a, v->text))
            return "deny";
        if (strcmp(v->option->name, "range") != 0 && strcmp(v->option->name, "allow") != 0)
            continue;
        found |= peer_matches(a, v->text);
        missed = v->option->name;
    }
    return found ? NULL : missed;
}

const char *plug__socket_unwelcome(const struct plug_step *step, const struct plug_addr *peer)
{
    const struct plug__socket_conf *conf = step->conf;
    const struct peer_asked asked = {.peer = peer, .uid = -1};
    const char *why;
    if (conf->sourceport && plug__os_addr_port(peer) != conf->sourceport)
        return "sourceport";
    if (conf->lowport && plug__os_addr_port(peer) >= PLUG__LOWPORTS)
        return "lowport";
    why = peer_lists(step, &asked);
    if (!why && conf->wrap && !plug__wrap_admits(conf, peer))
        return "tcpwrap";
    return why;
}

const char *plug__socket_unwelcome_user(const struct plug_step *step, plug_handle h)
{
    struct peer_asked asked = {.peer = NULL};
    if (plug__os_peer_uid(h, &asked.uid, NULL) < 0)
        return "allow";
    return peer_lists(step, &asked);
}

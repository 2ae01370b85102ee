/* SPDX-License-Identifier: MIT
 *
 * Name servers asked directly by the C library's res_n* calls, where it has them: no hosts file, no
 * cache, and a server of one's own choice. It keeps no state between two questions.
 */
#include "os/dns.h"

#ifdef PLUG_HAVE_RES_N

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

enum {
    DNS_ANSWER = 4096, /* bytes of an answer */
    DNS_WAIT = 2,      /* seconds until a server is asked again */
    DNS_TRIES = 2
};

static const struct {
    unsigned ours;
    unsigned long theirs;
} dns_flags[] = {
    {PLUG__RES_USEVC, RES_USEVC},       {PLUG__RES_IGNTC, RES_IGNTC},
    {PLUG__RES_RECURSE, RES_RECURSE},   {PLUG__RES_DEFNAMES, RES_DEFNAMES},
    {PLUG__RES_STAYOPEN, RES_STAYOPEN}, {PLUG__RES_DNSRCH, RES_DNSRCH},
};

static int dns_setup(struct __res_state *st, const struct plug__lookup *how)
{
    if (res_ninit(st) < 0)
        return PLUG_EDNS;
    st->retrans = DNS_WAIT;
    st->retry = DNS_TRIES;
    for (size_t i = 0; i < sizeof dns_flags / sizeof dns_flags[0]; i++) {
        if (how->res_on & dns_flags[i].ours)
            st->options |= dns_flags[i].theirs;
        if (how->res_off & dns_flags[i].ours)
            st->options &= ~dns_flags[i].theirs;
    }
    if (how->server.len) {
        memcpy(&st->nsaddr_list[0], how->server.u.sa, sizeof st->nsaddr_list[0]);
        st->nscount = 1;
    }
    return 0;
}

/* ---- the answer (RFC 1035 §4), read here: the C library's own reader wants libresolv ---- */

struct dns_reader {
    const unsigned char *at, *end;
};

/* Returns 0 with the number, or -1 where the answer ends before it. */
static int dns_number(struct dns_reader *r, unsigned *ret)
{
    if (r->end - r->at < 2)
        return -1;
    *ret = (unsigned)r->at[0] << 8 | r->at[1];
    r->at += 2;
    return 0;
}

static int dns_skip(struct dns_reader *r, size_t n)
{
    if ((size_t)(r->end - r->at) < n)
        return -1;
    r->at += n;
    return 0;
}

/* Labels up to the root or to a pointer, which ends a name. */
static int dns_skip_name(struct dns_reader *r)
{
    while (r->at < r->end && *r->at && *r->at < 0xc0)
        if (dns_skip(r, (size_t)*r->at + 1))
            return -1;
    return r->at == r->end ? -1 : dns_skip(r, *r->at ? 2 : 1);
}

/* The other records of the answer say by which names it was found. Returns 1 for an address. */
static int dns_addr(const unsigned char *data, unsigned type, unsigned len, uint16_t port,
                    struct plug_addr *ret)
{
    if (type == ns_t_aaaa && len == 16) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&in6.sin6_addr, data, 16);
        *ret = (struct plug_addr){.family = AF_INET6, .len = sizeof in6};
        memcpy(ret->u.sa, &in6, sizeof in6);
        return 1;
    }
    if (type == ns_t_a && len == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&in.sin_addr, data, 4);
        *ret = (struct plug_addr){.family = AF_INET, .len = sizeof in};
        memcpy(ret->u.sa, &in, sizeof in);
        return 1;
    }
    return 0;
}

/* One record; *n grows when it is an address of that type. */
static int dns_record(struct dns_reader *r, unsigned want, uint16_t port, struct plug_addr *ret,
                      unsigned *n)
{
    const unsigned char *data;
    unsigned type, class, len;
    if (dns_skip_name(r) || dns_number(r, &type) || dns_number(r, &class) || dns_skip(r, 4) ||
        dns_number(r, &len))
        return -1;
    data = r->at;
    if (dns_skip(r, len))
        return -1;
    if (type == want && class == ns_c_in)
        *n += (unsigned)dns_addr(data, type, len, port, &ret[*n]);
    return 0;
}

static int dns_read(const unsigned char *answer, size_t len, unsigned want, uint16_t port,
                    struct plug_addr *ret, unsigned max)
{
    struct dns_reader r = {answer, answer + len};
    unsigned questions, records, n = 0;
    if (dns_skip(&r, 4) || dns_number(&r, &questions) || dns_number(&r, &records) ||
        dns_skip(&r, 4))
        return PLUG_EDNS;
    for (; questions; questions--)
        if (dns_skip_name(&r) || dns_skip(&r, 4))
            return PLUG_EDNS;
    for (; records && n < max; records--)
        if (dns_record(&r, want, port, ret, &n))
            return PLUG_EDNS;
    return n ? (int)n : PLUG_ENOHOST;
}

int plug__os_dns(const struct plug__lookup *how, const char *host, int family, uint16_t port,
                 struct plug_addr *ret, unsigned max)
{
    struct __res_state st;
    unsigned char answer[DNS_ANSWER];
    const int want = family == AF_INET6 ? ns_t_aaaa : ns_t_a;
    int len, r;
    memset(&st, 0, sizeof st); /* it ends in unions that no initialiser clears */
    r = dns_setup(&st, how);
    if (r < 0)
        return r;
    len = res_nsearch(&st, host, ns_c_in, want, answer, sizeof answer);
    if (len >= 0)
        r = dns_read(answer, (size_t)(len < DNS_ANSWER ? len : DNS_ANSWER), (unsigned)want, port,
                     ret, max);
    else
        r = st.res_h_errno == HOST_NOT_FOUND || st.res_h_errno == NO_DATA ? PLUG_ENOHOST
                                                                          : PLUG_EDNS;
    res_nclose(&st);
    return r;
}

int plug__os_has_dns(void)
{
    return 1;
}

#else

int plug__os_dns(const struct plug__lookup *how, const char *host, int family, uint16_t port,
                 struct plug_addr *ret, unsigned max)
{
    (void)how;
    (void)host;
    (void)family;
    (void)port;
    (void)ret;
    (void)max;
    return PLUG_ENOTSUP;
}

int plug__os_has_dns(void)
{
    return 0;
}

#endif

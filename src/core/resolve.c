/* SPDX-License-Identifier: MIT
 *
 * Questions to the name service as two helper jobs, one a family, and their answers interleaved.
 * It keeps no cache: the system's resolver has one, or was set up to have none.
 */
#include "core/resolve.h"

#include "util/alloc.h"
#include "util/str.h"
#include <string.h>

enum { RESOLVE_6, RESOLVE_4, RESOLVE_FAMILIES }; /* the order of RFC 8305 §4 */
enum { RESOLVE_HOST = 1024 };                    /* longest name that is asked for (NI_MAXHOST) */

/* One family's question. `owner` belongs to the loop's thread, the rest to whoever has the job. */
struct resolve_job {
    struct plug__job job;
    struct plug__resolve *owner;
    int index, code, os;
    unsigned n;
    uint16_t port;
    uint16_t family; /* the system's number */
    uint16_t by;     /* look up as `how` says */
    struct plug__lookup how;
    struct plug_addr addrs[PLUG__ADDRS];
    char host[];
};

struct plug__resolve {
    struct plug__answer answer;
    struct resolve_job *jobs[RESOLVE_FAMILIES]; /* kept until the whole is closed */
    int codes[RESOLVE_FAMILIES];
    void (*changed)(void *arg);
    void *arg;
};

/* ---- text ---- */

static int split_bracketed(const char *text, char *host, char *port)
{
    const char *end = strchr(text, ']');
    size_t n;
    if (!end || end == text + 1 || (end[1] && end[1] != ':'))
        return PLUG_EINVAL;
    n = (size_t)(end - text) - 1;
    memcpy(host, text + 1, n);
    host[n] = '\0';
    end += end[1] ? 2 : 1;
    memcpy(port, end, strlen(end) + 1);
    return 0;
}

int plug__split_hostport(const char *text, char *host, char *port)
{
    const char *colon = strchr(text, ':');
    struct plug_addr v6;
    size_t n;
    if (!*text)
        return PLUG_EINVAL;
    if (*text == '[')
        return split_bracketed(text, host, port);
    if (colon &&
        strchr(colon + 1, ':')) { /* a bare IPv6 address, which leaves no place for a port */
        if (plug__os_addr_ip(&v6, text, 0) < 0)
            return PLUG_EINVAL;
        colon = NULL;
    }
    n = colon ? (size_t)(colon - text) : strlen(text);
    memcpy(host, text, n);
    host[n] = '\0';
    text = colon ? colon + 1 : "";
    memcpy(port, text, strlen(text) + 1);
    return 0;
}

int plug__parse_port(const char *text, const char *protocol, uint16_t *ret)
{
    unsigned value = 0;
    size_t n = strspn(text, "0123456789");
    if (!*text || strchr(" \t\n+-", *text))
        return PLUG_EINVAL; /* getaddrinfo would take " 1" and "-1" for numbers */
    if (text[n])
        return plug__os_service(text, protocol, ret) < 0 ? PLUG_EINVAL : 0;
    for (size_t i = 0; i < n; i++) {
        value = value * 10 + (unsigned)(text[i] - '0');
        if (value > UINT16_MAX)
            return PLUG_EINVAL;
    }
    *ret = (uint16_t)value;
    return 0;
}

/* ---- answers that need no question ---- */

/* RFC 6761 §6.3: localhost and what ends in it is the loopback, whatever a name server says. */
static int resolve_is_local(const char *host)
{
    size_t len = strlen(host);
    if (len && host[len - 1] == '.')
        len--;
    if (len < 9 || plug__casecmpn(host + len - 9, "localhost", 9))
        return 0;
    return len == 9 || host[len - 10] == '.';
}

static void resolve_add(struct plug__answer *a, const char *literal, uint16_t port)
{
    if (plug__os_addr_ip(&a->addrs[a->n], literal, port) == 0)
        a->n++;
}

/* Returns 1 when the host is a literal or localhost; then *now is filled. */
static int resolve_at_once(const char *host, uint16_t port, int family, struct plug__answer *now)
{
    const int local = resolve_is_local(host), v6 = strchr(host, ':') != NULL;
    now->n = 0;
    now->waiting = 0;
    now->code = 0;
    if (local && family != PLUG__FAMILY_4)
        resolve_add(now, "::1", port);
    if (local && family != PLUG__FAMILY_6)
        resolve_add(now, "127.0.0.1", port);
    if (!local)
        resolve_add(now, host, port);
    if (!now->n)
        return 0;
    if (!local && family == (v6 ? PLUG__FAMILY_4 : PLUG__FAMILY_6)) {
        now->n = 0;
        now->code = PLUG_ENOHOST;
    }
    return 1;
}

/* ---- the jobs ---- */

static void resolve_work(struct plug__job *job)
{
    struct resolve_job *j = plug__of(job, struct resolve_job, job);
    int n = j->by ? plug__os_lookup_by(&j->how, j->host, j->family, j->port, j->addrs, PLUG__ADDRS,
                                       &j->os)
                  : plug__os_lookup(j->host, j->family, j->port, j->addrs, PLUG__ADDRS, &j->os);
    if (n < 0)
        j->code = n;
    else
        j->n = (unsigned)n;
}

static void resolve_drop(struct plug__job *job)
{
    plug__free(plug__of(job, struct resolve_job, job));
}

/* Families alternate, IPv6 first; what is left of the longer list follows. */
static void resolve_merge(struct plug__resolve *r)
{
    struct plug__answer *a = &r->answer;
    a->n = 0;
    for (unsigned i = 0; i < PLUG__ADDRS; i++)
        for (int f = 0; f < RESOLVE_FAMILIES; f++)
            if (r->jobs[f] && !(a->waiting & 1 << f) && i < r->jobs[f]->n)
                a->addrs[a->n++] = r->jobs[f]->addrs[i];
}

/* "No such host" only when every family says so: a server that failed for one may have known. */
static int resolve_code(const struct plug__resolve *r)
{
    int code = 0;
    if (r->answer.n || r->answer.waiting)
        return 0;
    for (int f = 0; f < RESOLVE_FAMILIES; f++)
        if (r->codes[f] && (!code || code == PLUG_ENOHOST))
            code = r->codes[f];
    return code ? code : PLUG_ENOHOST;
}

static void resolve_done(struct plug__job *job)
{
    struct resolve_job *j = plug__of(job, struct resolve_job, job);
    struct plug__resolve *r = j->owner;
    r->answer.waiting &= ~(1 << j->index);
    r->codes[j->index] = j->code;
    resolve_merge(r);
    r->answer.code = resolve_code(r);
    r->changed(r->arg); /* may close r: touch nothing after it */
}

static int resolve_ask(struct plug__resolve *r, struct plug_loop *loop, int index, const char *host,
                       uint16_t port, const struct plug__lookup *how)
{
    static const char *const loopback[RESOLVE_FAMILIES] = {"::1", "127.0.0.1"};
    struct resolve_job *j;
    struct plug_addr sample;
    size_t len = strlen(host) + 1;
    int rc = plug__os_addr_ip(&sample, loopback[index], 0); /* for the system's family number */
    if (rc < 0)
        return 0; /* a system without the family has no addresses of it */
    j = plug__calloc(1, sizeof *j + len);
    if (!j)
        return PLUG_ENOMEM;
    j->job = (struct plug__job){.work = resolve_work, .done = resolve_done, .drop = resolve_drop};
    j->owner = r;
    j->index = index;
    j->port = port;
    j->family = sample.family;
    if (how) {
        j->by = 1;
        j->how = *how;
    }
    memcpy(j->host, host, len);
    rc = plug__helper_submit(loop, &j->job);
    if (rc < 0) {
        plug__free(j);
        return rc;
    }
    r->jobs[index] = j;
    r->answer.waiting |= 1 << index;
    return 0;
}

int plug__resolve(struct plug__resolve **ret, struct plug_loop *loop, const char *host,
                  uint16_t port, int family, struct plug__answer *now, void (*changed)(void *arg),
                  void *arg)
{
    return plug__resolve_by(ret, loop, host, port, family, NULL, now, changed, arg);
}

int plug__resolve_by(struct plug__resolve **ret, struct plug_loop *loop, const char *host,
                     uint16_t port, int family, const struct plug__lookup *how,
                     struct plug__answer *now, void (*changed)(void *arg), void *arg)
{
    struct plug__resolve *r;
    int rc = 0;
    *ret = NULL;
    if (strlen(host) >= RESOLVE_HOST)
        return PLUG_ENOHOST;
    if (resolve_at_once(host, port, family, now))
        return now->code;
    r = plug__calloc(1, sizeof *r);
    if (!r)
        return PLUG_ENOMEM;
    r->changed = changed;
    r->arg = arg;
    if (family != PLUG__FAMILY_4)
        rc = resolve_ask(r, loop, RESOLVE_6, host, port, how);
    if (rc == 0 && family != PLUG__FAMILY_6)
        rc = resolve_ask(r, loop, RESOLVE_4, host, port, how);
    if (rc == 0 && !r->answer.waiting)
        rc = PLUG_ENOHOST; /* a system without that family */
    if (rc < 0) {
        plug__resolve_close(r);
        return rc;
    }
    *ret = r;
    return 0;
}

const struct plug__answer *plug__resolve_answer(const struct plug__resolve *r)
{
    return &r->answer;
}

void plug__resolve_close(struct plug__resolve *r)
{
    if (!r)
        return;
    for (int f = 0; f < RESOLVE_FAMILIES; f++)
        if (r->answer.waiting & 1 << f)
            plug__helper_cancel(&r->jobs[f]->job);
        else
            plug__free(r->jobs[f]);
    plug__free(r);
}

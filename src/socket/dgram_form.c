/* SPDX-License-Identifier: MIT
 *
 * Datagram sockets that are not connected: they send to the one address that was named and hear
 * whom their form lets. Sessions of listeners are dgram.c's.
 */
#include "socket/dgram.h"

#include "util/alloc.h"
#include <string.h>

enum {
    FORM_BATCH = 32, /* most records of one sendmmsg */
    FORM_TRIES = 64  /* records thrown away in a row before others have their turn */
};

enum plug__dgram_form plug__dgram_form(const struct plug_step *step)
{
    static const struct {
        const char *end;
        enum plug__dgram_form form;
    } forms[] = {{"-sendto", PLUG__DGRAM_SENDTO},
                 {"-recvfrom", PLUG__DGRAM_RECVFROM},
                 {"-recv", PLUG__DGRAM_RECV},
                 {"-datagram", PLUG__DGRAM_DATAGRAM}};
    const char *name = step->kind ? step->kind->name : "";
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t n = strlen(name), end = strlen(forms[i].end);
        if (n > end && strcmp(name + n - end, forms[i].end) == 0)
            return forms[i].form;
    }
    return step->role == PLUG_LISTENER ? PLUG__DGRAM_LISTEN : PLUG__DGRAM_CONNECT;
}

int plug__dgram_brings(const struct plug_step *step)
{
    static const char names[] = "pktinfo recvttl recvtos recvopts retopts recvdstopts recvhopopts "
                                "recvrthdr recvpathmtu so-timestamp";
    for (unsigned i = 0; i < step->nopts; i++) {
        const char *name = step->opts[i].option->name;
        if (step->opts[i].number && plug__word_in(names, name, strlen(name)))
            return 1;
    }
    return 0;
}

void plug__dgram_plan_form(struct plug_step *step)
{
    if (plug__dgram_form(step) == PLUG__DGRAM_RECV)
        step->flags |= PLUG_NOWRITE;
}

int plug__dgram_loose(struct plug__dgram *d, plug_handle h, const struct plug_addr *to,
                      int *reterr_os)
{
    const enum plug__dgram_form form = plug__dgram_form(d->s.step);
    d->loose = plug__calloc(1, sizeof(*d->loose));
    if (!d->loose) {
        plug__os_close(h);
        return PLUG_ENOMEM;
    }
    d->loose->form = form;
    d->loose->looks = form == PLUG__DGRAM_SENDTO || plug__socket_filters(d->s.step);
    if (to)
        d->loose->to = *to;
    d->s.flags &= (uint16_t)~PLUG__SOCKET_BYPASS;
    return plug__socket_watch(&d->s, h, 0, reterr_os);
}

/* ---- receiving ---- */

/* Whether a record comes from the one peer there is. */
static int form_is_peer(const struct plug_addr *want, const struct plug_addr *from)
{
    const size_t head = offsetof(struct sockaddr_in6, sin6_addr);
    const size_t used = head + sizeof(struct in6_addr);
    if (want->family != from->family)
        return 0;
    if (want->family == AF_UNIX)
        return want->len == from->len && memcmp(want->u.sa, from->u.sa, want->len) == 0;
    if (want->family == AF_INET6) /* neither flow label nor zone */
        return plug__os_addr_port(want) == plug__os_addr_port(from) &&
               memcmp(want->u.sa + head, from->u.sa + head, used - head) == 0;
    return want->len == from->len && plug__os_addr_port(want) == plug__os_addr_port(from) &&
           memcmp(want->u.sa + offsetof(struct sockaddr_in, sin_addr),
                  from->u.sa + offsetof(struct sockaddr_in, sin_addr), sizeof(struct in_addr)) == 0;
}

static int form_hears(const struct plug__dgram *d, const struct plug_addr *from)
{
    if (d->loose->form == PLUG__DGRAM_SENDTO)
        return form_is_peer(&d->loose->to, from);
    return from->family == AF_UNIX || !plug__socket_unwelcome(d->s.step, from);
}

/* One record, of which the sender is looked at. */
static int form_recv_one(struct plug__dgram *d, struct plug_msg *m, unsigned flags)
{
    struct plug_addr from, *asked = m->name;
    const size_t room = m->controllen;
    int r, tries = FORM_TRIES;
    do {
        from = (struct plug_addr){0};
        m->name = &from;
        m->controllen = room;
        r = plug__socket_recv(&d->s.l, m, 1, flags);
        if (r <= 0 || form_hears(d, &from))
            break;
        d->loose->refused++;
        r = 0;
    } while (--tries);
    m->name = asked;
    if (asked && r > 0)
        *asked = from;
    if (r == 0)
        plug_ready(&d->s.l, PLUG_IN); /* more may wait behind those */
    return r ? r : PLUG_EAGAIN;
}

int plug__dgram_loose_recv(struct plug__dgram *d, struct plug_msg *v, unsigned n, unsigned flags)
{
    if (n == 0 || !d->loose->looks)
        return plug__socket_recv(&d->s.l, v, n, flags);
    return form_recv_one(d, v, flags);
}

/* ---- sending ---- */

int plug__dgram_loose_send(struct plug__dgram *d, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct plug_msg out[FORM_BATCH];
    int r;
    if (n == 0)
        return 0;
    if (n > FORM_BATCH)
        n = FORM_BATCH;
    for (unsigned i = 0; i < n; i++) {
        out[i] = v[i];
        if (out[i].name)
            continue; /* plug_sendto names another */
        if (d->loose->to.len == 0)
            return i ? (int)i : PLUG_ENOTCONN;
        out[i].name = &d->loose->to;
    }
    r = plug__socket_send(&d->s.l, out, n, flags);
    for (int i = 0; i < r; i++)
        v[i].len = out[i].len;
    return r;
}

void plug__dgram_loose_drop(struct plug__dgram *d)
{
    plug__free(d->loose);
    d->loose = NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * How the relays of a set begin together: while the gate is shut listeners only bind, and nothing
 * else is opened, so that a port in use fails the whole before anybody was served. What a relay
 * does once it serves is listen.c's and session.c's.
 */
#include "relay/session.h"

/* Does every listener of this relay stand, or that of the relay it shares one with? */
static int gate_stands(const struct plug__relay *r)
{
    for (int i = 0; i < 2; i++) {
        if ((r->listens & (1 << i)) && !r->host && !(r->stands & (1 << i)))
            return 0;
    }
    return 1;
}

int plug__relay_set_stands(const struct plug__relay_set *set)
{
    int all = 1;
    for (struct plug__list *n = set->relays.next; n && n != &set->relays; n = n->next) {
        const struct plug__relay *r = plug__of(n, struct plug__relay, node);
        if (r->status)
            return PLUG_ECANCELED;
        all &= gate_stands(r);
    }
    return all;
}

int plug__relay_set_go(struct plug__relay_set *set, struct plug_err *reterr)
{
    set->gate = 0;
    for (struct plug__list *n = set->relays.next; n && n != &set->relays; n = n->next)
        plug__relay_serve(plug__of(n, struct plug__relay, node));
    for (struct plug__list *n = set->relays.next; n && n != &set->relays; n = n->next) {
        struct plug__relay *r = plug__of(n, struct plug__relay, node);
        int e = r->waits ? plug__relay_dial(r, reterr) : 0;
        if (e < 0)
            return e;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Names to addresses on helper threads, A and AAAA asked apart, sorted as RFC 8305 §4 says
 * (families alternate, IPv6 first). Literals are answered at once. It makes no connection: that is
 * the tcp base's.
 */
#ifndef PLUG_CORE_RESOLVE_H
#define PLUG_CORE_RESOLVE_H

#include "loop/loop.h"
#include "os/os.h"

enum { PLUG__ADDRS = 16 }; /* most addresses kept of one name and family */

struct plug__resolve; /* a question under way */

struct plug__answer {
    struct plug_addr addrs[2 * PLUG__ADDRS];
    unsigned n;
    int waiting; /* bits: 1 AAAA is still out, 2 A is still out */
    int code;    /* 0, or why nothing came: ENOHOST, EDNS */
};

enum { PLUG__FAMILY_ANY = 0, PLUG__FAMILY_4 = 4, PLUG__FAMILY_6 = 6 };

/* Splits "host:port", "[v6]:port", "host", ":port", "*:port". Copies into the caller's buffers,
 * which are as long as text. Returns 0 or EINVAL. */
int plug__split_hostport(const char *text, char *host, char *port);

/* A port number or a service name ("http"). Returns 0 or EINVAL. */
int plug__parse_port(const char *text, const char *protocol, uint16_t *ret);

/* Asks. `changed` is called on the loop's thread after each part of the answer, never from inside
 * this call; it is not called when the answer was had at once (literal): then *ret is NULL and *now
 * is filled. family: PLUG__FAMILY_*. Returns 0, ENOHOST (literal of the wrong family), ENOMEM. */
int plug__resolve(struct plug__resolve **ret, struct plug_loop *loop, const char *host,
                  uint16_t port, int family, struct plug__answer *now, void (*changed)(void *arg),
                  void *arg);
/* The same, looked up in a way of one's own. how is copied. */
int plug__resolve_by(struct plug__resolve **ret, struct plug_loop *loop, const char *host,
                     uint16_t port, int family, const struct plug__lookup *how,
                     struct plug__answer *now, void (*changed)(void *arg), void *arg);
const struct plug__answer *plug__resolve_answer(const struct plug__resolve *r);
void plug__resolve_close(struct plug__resolve *r); /* cancels; NULL is allowed */

#endif

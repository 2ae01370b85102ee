/* SPDX-License-Identifier: MIT
 *
 * The key of a datagram session: the handle it came in by, the peer, and the local address that was
 * asked. Packed, so that hashing is short.
 */
#ifndef PLUG_SOCKET_DGRAM_KEY_H
#define PLUG_SOCKET_DGRAM_KEY_H

#include <plug/plug.h>
#include <string.h>

enum { PLUG__DGRAM_KEY = 288 };

static inline size_t plug__dgram_key_put(unsigned char *at, const struct plug_addr *a)
{
    memcpy(at, &a->family, sizeof(a->family));
    at[2] = (unsigned char)a->len;
    memcpy(at + 3, a->u.sa, a->len);
    return 3u + a->len;
}

static inline size_t plug__dgram_key_get(const unsigned char *at, struct plug_addr *ret)
{
    *ret = (struct plug_addr){.len = at[2]};
    memcpy(&ret->family, at, sizeof(ret->family));
    memcpy(ret->u.sa, at + 3, ret->len);
    return 3u + ret->len;
}

/* local.len 0: not told. Returns the key's length. */
static inline size_t plug__dgram_key(unsigned char *key, unsigned end, const struct plug_addr *peer,
                                     const struct plug_addr *local)
{
    size_t n = 1;
    key[0] = (unsigned char)end;
    n += plug__dgram_key_put(key + n, peer);
    n += plug__dgram_key_put(key + n, local);
    return n;
}

/* Returns the handle's index. */
static inline unsigned plug__dgram_unkey(const unsigned char *key, struct plug_addr *ret_peer,
                                         struct plug_addr *ret_local)
{
    size_t n = 1 + plug__dgram_key_get(key + 1, ret_peer);
    plug__dgram_key_get(key + n, ret_local);
    return key[0];
}

#endif

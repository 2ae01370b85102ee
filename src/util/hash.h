/* SPDX-License-Identifier: MIT
 *
 * An intrusive hash table of byte keys, seeded, so that a peer cannot choose collisions. One
 * thread.
 */
#ifndef PLUG_UTIL_HASH_H
#define PLUG_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

struct plug__hash_node {
    struct plug__hash_node *next;
    uint32_t hash;
    uint32_t keylen;
    const void *key; /* borrowed while in the table */
};

struct plug__hash {
    struct plug__hash_node **v;
    size_t n, slots; /* slots: power of two, 0 before the first insert */
    uint64_t seed;
};

void plug__hash_init(struct plug__hash *h, uint64_t seed);
struct plug__hash_node *plug__hash_find(const struct plug__hash *h, const void *key, size_t len);
/* Takes node->key and keylen as set by the caller. Returns 0 or ENOMEM. */
int plug__hash_add(struct plug__hash *h, struct plug__hash_node *node);
void plug__hash_remove(struct plug__hash *h, struct plug__hash_node *node);
void plug__hash_drop(struct plug__hash *h); /* the array only */

#endif

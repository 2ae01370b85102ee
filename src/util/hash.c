/* SPDX-License-Identifier: MIT
 *
 * Chains of nodes behind a keyed hash (SipHash-1-3, Aumasson and Bernstein 2012).
 * When the array cannot grow the chains get longer instead; only the first insert can fail.
 */
#include "util/hash.h"

#include "util/alloc.h"
#include <plug/plug.h>
#include <string.h>

enum { HASH_FIRST = 8 };

static uint64_t hash_rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void hash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = hash_rotate(v[1], 13) ^ v[0];
    v[0] = hash_rotate(v[0], 32);
    v[2] += v[3];
    v[3] = hash_rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = hash_rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = hash_rotate(v[1], 17) ^ v[2];
    v[2] = hash_rotate(v[2], 32);
}

static void hash_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    hash_round(v);
    v[0] ^= word;
}

static uint32_t hash_key(uint64_t seed, const void *key, size_t len)
{
    const uint64_t other = seed * 0x9E3779B97F4A7C15u + 1;
    const unsigned char *p = key;
    uint64_t v[4] = {seed ^ 0x736F6D6570736575u, other ^ 0x646F72616E646F6Du,
                     seed ^ 0x6C7967656E657261u, other ^ 0x7465646279746573u};
    uint64_t word = (uint64_t)len << 56, part;
    size_t left = len;
    for (; left >= 8; left -= 8, p += 8) {
        memcpy(&part, p, 8);
        hash_word(v, part);
    }
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)p[i] << (8 * i);
    hash_word(v, word);
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        hash_round(v);
    part = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t)(part ^ part >> 32);
}

void plug__hash_init(struct plug__hash *h, uint64_t seed)
{
    *h = (struct plug__hash){.seed = seed};
}

struct plug__hash_node *plug__hash_find(const struct plug__hash *h, const void *key, size_t len)
{
    uint32_t hash;
    if (!h->n)
        return NULL;
    hash = hash_key(h->seed, key, len);
    for (struct plug__hash_node *node = h->v[hash & (h->slots - 1)]; node; node = node->next)
        if (node->hash == hash && node->keylen == len && !memcmp(node->key, key, len))
            return node;
    return NULL;
}

static void hash_link(struct plug__hash_node **v, size_t slots, struct plug__hash_node *node)
{
    struct plug__hash_node **slot = &v[node->hash & (slots - 1)];
    node->next = *slot;
    *slot = node;
}

static int hash_grow(struct plug__hash *h)
{
    size_t slots = h->slots ? h->slots * 2 : HASH_FIRST;
    struct plug__hash_node **v = plug__calloc(slots, sizeof *v);
    if (!v)
        return PLUG_ENOMEM;
    for (size_t i = 0; i < h->slots; i++) {
        struct plug__hash_node *node = h->v[i];
        while (node) {
            struct plug__hash_node *next = node->next;
            hash_link(v, slots, node);
            node = next;
        }
    }
    plug__free(h->v);
    h->v = v;
    h->slots = slots;
    return 0;
}

int plug__hash_add(struct plug__hash *h, struct plug__hash_node *node)
{
    if (h->n >= h->slots && hash_grow(h) < 0 && !h->slots)
        return PLUG_ENOMEM;
    node->hash = hash_key(h->seed, node->key, node->keylen);
    hash_link(h->v, h->slots, node);
    h->n++;
    return 0;
}

void plug__hash_remove(struct plug__hash *h, struct plug__hash_node *node)
{
    struct plug__hash_node **at;
    if (!h->slots)
        return;
    for (at = &h->v[node->hash & (h->slots - 1)]; *at; at = &(*at)->next) {
        if (*at != node)
            continue;
        *at = node->next;
        node->next = NULL;
        h->n--;
        return;
    }
}

void plug__hash_drop(struct plug__hash *h)
{
    plug__free(h->v);
    h->v = NULL;
    h->n = h->slots = 0;
}

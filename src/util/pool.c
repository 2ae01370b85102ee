/* SPDX-License-Identifier: MIT
 *
 * The pool of chunks: a short free list in front of malloc.
 * It does not sort by size: nearly all chunks of a loop are as large as each other.
 */
#include "util/pool.h"

#include "util/alloc.h"
#include <stdint.h>

enum {
    POOL_KEEP_SIZE = 64 * 1024, /* larger chunks are given back at once */
    POOL_ALIGN = 16
};

void plug__pool_init(struct plug__pool *p, size_t most_kept, size_t most_out)
{
    *p = (struct plug__pool){.most_kept = most_kept, .most_out = most_out};
}

static struct plug__chunk *pool_reuse(struct plug__pool *p, size_t size)
{
    for (struct plug__chunk **at = &p->free; *at; at = &(*at)->next) {
        struct plug__chunk *c = *at;
        if (c->size < size)
            continue;
        *at = c->next;
        p->kept--;
        return c;
    }
    return NULL;
}

static struct plug__chunk *pool_make(size_t size)
{
    const size_t head = (sizeof(struct plug__chunk) + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
    struct plug__chunk *c;
    if (size > SIZE_MAX - head)
        return NULL;
    c = plug__malloc(head + size);
    if (!c)
        return NULL;
    c->size = size;
    c->data = (unsigned char *)c + head;
    return c;
}

struct plug__chunk *plug__pool_get(struct plug__pool *p, size_t size)
{
    struct plug__chunk *c;
    if (p->out >= p->most_out)
        return NULL;
    c = pool_reuse(p, size);
    if (!c)
        c = pool_make(size);
    if (!c)
        return NULL;
    c->next = NULL;
    c->from = c->to = 0;
    p->out++;
    return c;
}

void plug__pool_put(struct plug__pool *p, struct plug__chunk *c)
{
    if (!c)
        return;
    p->out--;
    if (p->kept >= p->most_kept || c->size > POOL_KEEP_SIZE) {
        plug__free(c);
        return;
    }
    c->next = p->free;
    p->free = c;
    p->kept++;
}

void plug__pool_drop(struct plug__pool *p)
{
    while (p->free) {
        struct plug__chunk *c = p->free;
        p->free = c->next;
        plug__free(c);
    }
    p->kept = 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Chunks of memory lent out and kept for the next borrower, with a cap on how many are out at once:
 * the cap becomes backpressure. One thread.
 */
#ifndef PLUG_UTIL_POOL_H
#define PLUG_UTIL_POOL_H

#include <stddef.h>

struct plug__chunk {
    struct plug__chunk *next;
    size_t from, to, size; /* data[from..to) is valid, data[..size) is room */
    unsigned char *data;
};

struct plug__pool {
    struct plug__chunk *free;
    size_t kept, out, most_kept, most_out; /* chunks */
};

void plug__pool_init(struct plug__pool *p, size_t most_kept, size_t most_out);
/* A chunk with at least `size` bytes of room; NULL: out of memory or the cap is reached. */
struct plug__chunk *plug__pool_get(struct plug__pool *p, size_t size);
void plug__pool_put(struct plug__pool *p, struct plug__chunk *c); /* NULL is allowed */
void plug__pool_drop(struct plug__pool *p);

#endif

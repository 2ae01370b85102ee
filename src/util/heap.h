/* SPDX-License-Identifier: MIT
 *
 * A binary heap of times: the least is on top, any entry can be moved or removed by its own index.
 * It borrows its entries and owns only the array.
 */
#ifndef PLUG_UTIL_HEAP_H
#define PLUG_UTIL_HEAP_H

#include <plug/plug.h>

struct plug__heap_node {
    plug_time when;
    uint32_t index; /* place in the array + 1; 0: not in a heap */
};

struct plug__heap {
    struct plug__heap_node **v;
    uint32_t n, room;
};

/* Makes room so that the next `n` inserts in all cannot fail. Returns 0 or ENOMEM. */
int plug__heap_reserve(struct plug__heap *h, uint32_t n);

/* Inserts or moves. Returns 0 or ENOMEM (only when it was not in the heap and no room was
 * reserved). */
int plug__heap_set(struct plug__heap *h, struct plug__heap_node *node, plug_time when);
void plug__heap_remove(struct plug__heap *h, struct plug__heap_node *node); /* not in: nothing */
struct plug__heap_node *plug__heap_top(const struct plug__heap *h);         /* NULL when empty */
void plug__heap_drop(struct plug__heap *h);

#endif

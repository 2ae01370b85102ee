/* SPDX-License-Identifier: MIT
 *
 * The heap of times: sift up, sift down and the index that each entry keeps of itself.
 * It never gives memory back before it is dropped, because a loop's timers come and go.
 */
#include "util/heap.h"

#include "util/alloc.h"

enum { HEAP_FIRST = 4, HEAP_MOST = 1 << 26 /* entries; far beyond any descriptor limit */ };

static void heap_put(struct plug__heap *h, uint32_t at, struct plug__heap_node *node)
{
    h->v[at] = node;
    node->index = at + 1;
}

static uint32_t heap_up(struct plug__heap *h, uint32_t at, struct plug__heap_node *node)
{
    while (at > 0 && h->v[(at - 1) / 2]->when > node->when) {
        heap_put(h, at, h->v[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(h, at, node);
    return at;
}

static void heap_down(struct plug__heap *h, uint32_t at, struct plug__heap_node *node)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->v[child + 1]->when < h->v[child]->when)
            child++;
        if (h->v[child]->when >= node->when)
            break;
        heap_put(h, at, h->v[child]);
        at = child;
    }
    heap_put(h, at, node);
}

int plug__heap_reserve(struct plug__heap *h, uint32_t n)
{
    uint32_t room = h->room ? h->room : HEAP_FIRST;
    struct plug__heap_node **v;
    if (n <= h->room)
        return 0;
    if (n > HEAP_MOST)
        return PLUG_ENOMEM;
    while (room < n)
        room *= 2;
    v = plug__realloc(h->v, room * sizeof *v);
    if (!v)
        return PLUG_ENOMEM;
    h->v = v;
    h->room = room;
    return 0;
}

int plug__heap_set(struct plug__heap *h, struct plug__heap_node *node, plug_time when)
{
    if (!node->index) {
        if (h->n == h->room && plug__heap_reserve(h, h->n + 1) < 0)
            return PLUG_ENOMEM;
        node->when = when;
        (void)heap_up(h, h->n++, node);
        return 0;
    }
    node->when = when;
    heap_down(h, heap_up(h, node->index - 1, node), node);
    return 0;
}

void plug__heap_remove(struct plug__heap *h, struct plug__heap_node *node)
{
    uint32_t at = node->index;
    struct plug__heap_node *last;
    if (!at--)
        return;
    node->index = 0;
    last = h->v[--h->n];
    if (last != node)
        heap_down(h, heap_up(h, at, last), last);
}

struct plug__heap_node *plug__heap_top(const struct plug__heap *h)
{
    return h->n ? h->v[0] : NULL;
}

void plug__heap_drop(struct plug__heap *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        h->v[i]->index = 0;
    plug__free(h->v);
    *h = (struct plug__heap){0};
}

/* SPDX-License-Identifier: MIT
 *
 * The arena: a list of blocks, the newest of which is filled from the front.
 * A piece larger than a quarter block gets a block of its own, so that little room is wasted.
 */
#include "util/arena.h"

#include "util/alloc.h"
#include <stdint.h>
#include <string.h>

enum { ARENA_BLOCK = 2048 };

union arena_unit {
    max_align_t align;
    struct {
        union arena_unit *next; /* older block */
    } head;
};

struct plug__arena {
    union arena_unit *blocks;
    unsigned char *at, *end; /* free room of the block under filling */
};

struct plug__arena *plug__arena_new(void)
{
    return plug__calloc(1, sizeof(struct plug__arena));
}

static unsigned char *arena_block(struct plug__arena *a, size_t size)
{
    union arena_unit *block = plug__calloc(1, sizeof *block + size);
    if (!block)
        return NULL;
    block->head.next = a->blocks;
    a->blocks = block;
    return (unsigned char *)(block + 1);
}

void *plug__arena_alloc(struct plug__arena *a, size_t size)
{
    unsigned char *piece;
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (size > ARENA_BLOCK / 4)
        return arena_block(a, size);
    if (size > (size_t)(a->end - a->at)) {
        piece = arena_block(a, ARENA_BLOCK);
        if (!piece)
            return NULL;
        a->at = piece;
        a->end = piece + ARENA_BLOCK;
    }
    piece = a->at;
    a->at += size;
    return piece;
}

char *plug__arena_strdup(struct plug__arena *a, const char *s)
{
    size_t len = strlen(s) + 1;
    char *copy = plug__arena_alloc(a, len);
    if (copy)
        memcpy(copy, s, len);
    return copy;
}

void plug__arena_drop(struct plug__arena *a)
{
    if (!a)
        return;
    while (a->blocks) {
        union arena_unit *block = a->blocks;
        a->blocks = block->head.next;
        plug__free(block);
    }
    plug__free(a);
}

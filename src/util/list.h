/* SPDX-License-Identifier: MIT
 *
 * An intrusive doubly linked list: a node is a member of what it links, so nothing is allocated.
 * A zeroed node is in no list; a head must be initialised.
 */
#ifndef PLUG_UTIL_LIST_H
#define PLUG_UTIL_LIST_H

#include "util/attr.h"
#include <stddef.h>

struct plug__list {
    struct plug__list *next, *prev;
};

/* The struct of `type` whose `member` is at `ptr`. */
#define plug__of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void plug__list_init(struct plug__list *head)
{
    head->next = head->prev = head;
}

static inline int plug__list_empty(const struct plug__list *head)
{
    return head->next == head || head->next == NULL;
}

static inline int plug__list_linked(const struct plug__list *node)
{
    return node->next != NULL;
}

static inline void plug__list_push(struct plug__list *head, struct plug__list *node)
{
    PLUG_ASSERT(head->prev);
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Unlinks a node; one that is in no list is left alone. */
static inline void plug__list_remove(struct plug__list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

static inline struct plug__list *plug__list_pop(struct plug__list *head)
{
    struct plug__list *node = head->next;
    if (plug__list_empty(head))
        return NULL;
    plug__list_remove(node);
    return node;
}

/* Moves all of `from` to the end of `to`. */
static inline void plug__list_move(struct plug__list *to, struct plug__list *from)
{
    if (plug__list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    plug__list_init(from);
}

#endif

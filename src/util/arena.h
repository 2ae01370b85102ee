/* SPDX-License-Identifier: MIT
 *
 * Memory that is given up all at once: many small pieces of one life, such as everything in a plan.
 * Single pieces are never freed. One thread at a time.
 */
#ifndef PLUG_UTIL_ARENA_H
#define PLUG_UTIL_ARENA_H

#include <stddef.h>

struct plug__arena;

struct plug__arena *plug__arena_new(void); /* NULL: out of memory */
/* Zeroed and aligned for any type; lives until the drop. NULL: out of memory. */
void *plug__arena_alloc(struct plug__arena *a, size_t size);
char *plug__arena_strdup(struct plug__arena *a, const char *s);
void plug__arena_drop(struct plug__arena *a); /* NULL is allowed */

#endif

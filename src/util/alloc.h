/* SPDX-License-Identifier: MIT
 *
 * The only door to malloc, so that a test can make every allocation fail in turn.
 * It is not an allocator: without a hook it is the C library's.
 */
#ifndef PLUG_UTIL_ALLOC_H
#define PLUG_UTIL_ALLOC_H

#include <stddef.h>

void *plug__malloc(size_t size);
void *plug__calloc(size_t n, size_t size); /* NULL on overflow */
void *plug__realloc(void *p, size_t size); /* the old piece stays on failure */
void plug__free(void *p);
char *plug__strdup(const char *s);

/* Tests only, before any other thread runs: deny is asked before each allocation; non-zero makes it
 * fail. */
void plug__alloc_hook(int (*deny)(void *arg, size_t size), void *arg);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The door to malloc and the hook by which tests close it.
 * The hook is the one mutable global of the library: it is set before threads start and never in
 * use outside tests.
 */
#include "util/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
    int (*deny)(void *arg, size_t size);
    void *arg;
} alloc_hook;

static int alloc_denied(size_t size)
{
    return alloc_hook.deny && alloc_hook.deny(alloc_hook.arg, size);
}

void *plug__malloc(size_t size)
{
    return alloc_denied(size) ? NULL : malloc(size ? size : 1);
}

void *plug__calloc(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    return alloc_denied(n * size) ? NULL : calloc(n ? n : 1, size ? size : 1);
}

void *plug__realloc(void *p, size_t size)
{
    return alloc_denied(size) ? NULL : realloc(p, size ? size : 1);
}

void plug__free(void *p)
{
    free(p);
}

char *plug__strdup(const char *s)
{
    size_t len = strlen(s) + 1;
    char *copy = plug__malloc(len);
    if (copy)
        memcpy(copy, s, len);
    return copy;
}

void plug__alloc_hook(int (*deny)(void *arg, size_t size), void *arg)
{
    alloc_hook.deny = deny;
    alloc_hook.arg = arg;
}

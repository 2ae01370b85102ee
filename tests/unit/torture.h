/* SPDX-License-Identifier: MIT
 *
 * Making the n-th allocation fail. Not for tests in which helper threads run.
 */
#ifndef PLUG_TESTS_TORTURE_H
#define PLUG_TESTS_TORTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/alloc.h"

struct torture {
    unsigned left; /* allocations that still succeed */
    int hit;       /* one was denied */
    size_t bytes;  /* asked for in all */
};

static inline int torture_deny(void *arg, size_t size)
{
    struct torture *t = arg;
    t->bytes += size;
    if (t->left-- > 0)
        return 0;
    t->left = 0; /* and all after it */
    t->hit = 1;
    return 1;
}

/* Denies every allocation after the first n. */
static inline void torture_start(struct torture *t, unsigned n)
{
    *t = (struct torture){.left = n};
    plug__alloc_hook(torture_deny, t);
}

static inline void torture_stop(void)
{
    plug__alloc_hook(NULL, NULL);
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Whether the table of kinds is whole: a kind of the registry without a row fails here, so that
 * nobody forgets the matrix. It joins nothing.
 */
#include "matrix.h"

#include "core/plan.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A name stands in an address as a word of its own: tcp in "len32+tcp://…", len32 in
 * "#frame=len32".
 */
static int table_names(const char *address, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = address; *at; at++) {
        int begins = at == address || at[-1] == '+' || at[-1] == '=';
        int ends = begins && strncasecmp(at, name, n) == 0;
        if (ends && !isalnum((unsigned char)at[n]) && at[n] != '-' && at[n] != '/')
            return 1;
    }
    return 0;
}

static int table_has(const char *name)
{
    for (unsigned i = 0; i < nkinds; i++)
        if (table_names(kinds[i].relay, name))
            return 1;
    for (unsigned i = 0; i < nstdio_kinds; i++)
        if (table_names(stdio_kinds[i].relay, name))
            return 1;
    for (unsigned i = 0; kinds_exempt[i]; i++)
        if (strcmp(kinds_exempt[i], name) == 0)
            return 1;
    return 0;
}

int table_complete(void)
{
    int whole = 1;
    for (unsigned i = 0; plug__layers[i]; i++) {
        const struct plug_kind *k = plug__layers[i]->kinds;
        for (; k && k->name; k++) {
            if ((k->flags & PLUG_KIND_HIDDEN) || table_has(k->name))
                continue;
            printf("FAIL %s is a kind without a row in tests/relay/kinds.c\n", k->name);
            whole = 0;
        }
    }
    return whole;
}

/* SPDX-License-Identifier: MIT
 *
 * Any text as an address, in both spellings: it is refused with a place inside it and a hint, or
 * its canonical text reads back as the same plan. It opens nothing.
 */
#include "core/plan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* what libFuzzer calls */

static void fuzz_broken(const char *what, const char *one, const char *two)
{
    fprintf(stderr, "%s\n  %s\n  %s\n", what, one, two);
    abort();
}

static int fuzz_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void fuzz_refused(const char *text, int result, const struct plug_err *err)
{
    size_t len = strlen(text);

    if (err->code != result || !err->text[0] || !err->hint[0])
        fuzz_broken("a refusal without text or hint", text, err->text);
    if (err->column < 0 || err->width < 0 || (size_t)err->column > len ||
        (size_t)(err->column + err->width) > len + 1)
        fuzz_broken("a place outside the address", text, err->text);
}

static void fuzz_compare(const struct plug_plan *a, const struct plug_plan *b, const char *text)
{
    if (a->nsteps != b->nsteps || a->common.once != b->common.once)
        fuzz_broken("another stack or listener", a->text, text);
    for (unsigned i = 0; i < a->nsteps; i++) {
        const struct plug_step *x = &a->steps[i], *y = &b->steps[i];
        if (x->kind != y->kind || x->role != y->role || !fuzz_same(x->host, y->host) ||
            !fuzz_same(x->port, y->port) || !fuzz_same(x->path, y->path))
            fuzz_broken("other parameters", a->text, text);
    }
}

static void fuzz_round(const struct plug_plan *p)
{
    struct plug__str first = {0}, second = {0};
    struct plug_plan *again = NULL;
    struct plug_err err = {0};

    plug__plan_text(p, &first);
    if (plug__plan_parse(&again, first.text, NULL, &err))
        fuzz_broken(err.text, p->text, first.text);
    fuzz_compare(p, again, first.text);
    plug__plan_text(again, &second);
    if (strcmp(first.text, second.text) != 0)
        fuzz_broken("the text moves", first.text, second.text);
    plug__str_drop(&first);
    plug__str_drop(&second);
    plug__plan_drop(again);
}

static void fuzz_types(struct plug_plan *p, const char *text)
{
    struct plug_err err = {0};
    int result = plug__plan_check(p, 0, 0, &err);

    if (result < 0)
        fuzz_refused(text, result, &err);
    else
        (void)plug__plan_check(p, PLUG_DGRAM, 1500, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct plug_plan *p = NULL;
    struct plug_err err = {0};
    int result;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    result = plug__plan_parse(&p, text, NULL, &err);
    if (result) {
        fuzz_refused(text, result, &err);
    } else {
        fuzz_round(p);
        fuzz_types(p, text);
    }
    plug__plan_drop(p);
    free(text);
    return 0;
}

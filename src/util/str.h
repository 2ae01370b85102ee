/* SPDX-License-Identifier: MIT
 *
 * Text in a buffer that grows or is fixed, and comparisons without the locale.
 */
#ifndef PLUG_UTIL_STR_H
#define PLUG_UTIL_STR_H

#include "util/attr.h"
#include <stddef.h>

struct plug__str {
    char *text; /* NUL-ended once anything was added; NULL before */
    size_t len, room;
    int failed; /* out of memory once: all later calls do nothing */
};

void plug__str_add(struct plug__str *s, const char *text);
void plug__str_addn(struct plug__str *s, const char *bytes, size_t n);
void plug__str_printf(struct plug__str *s, const char *fmt, ...) PLUG__PRINTF(2, 3);
void plug__str_json(struct plug__str *s,
                    const char *text); /* quoted and escaped; bad UTF-8 as U+FFFD */
void plug__str_drop(struct plug__str *s);

int plug__casecmp(const char *a, const char *b); /* ASCII */
int plug__casecmpn(const char *a, const char *b, size_t n);
/* 1 when `word` (n bytes, any case) is among the blank-separated `words`. NULL words: 0. */
int plug__word_in(const char *words, const char *word, size_t n);
/* Edit distance of at most `most` + 1, for "did you mean"; ASCII, case ignored. Words of more than
 * 64 bytes are far from everything. */
unsigned plug__distance(const char *a, const char *b, unsigned most);
/* Copies with truncation, always NUL-ended; returns strlen(src). */
size_t plug__strcpy(char *dst, const char *src, size_t room);

#endif

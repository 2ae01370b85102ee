/* SPDX-License-Identifier: MIT
 *
 * Text that grows, and ASCII comparisons.
 * Nothing here asks the locale, and a failed append is remembered instead of reported each time.
 */
#include "util/str.h"

#include "util/alloc.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { STR_FIRST = 64, STR_WORD = 64 };

/* Makes room for n more bytes and the NUL. Returns 1 when there is room. */
static int str_grow(struct plug__str *s, size_t n)
{
    size_t room = s->room ? s->room : STR_FIRST;
    char *text;
    if (s->failed)
        return 0;
    if (s->text && n < s->room - s->len)
        return 1;
    if (n >= SIZE_MAX / 2 - s->len) {
        s->failed = 1;
        return 0;
    }
    while (room <= s->len + n)
        room *= 2;
    text = plug__realloc(s->text, room);
    if (!text) {
        s->failed = 1;
        return 0;
    }
    s->text = text;
    s->room = room;
    return 1;
}

void plug__str_addn(struct plug__str *s, const char *bytes, size_t n)
{
    if (!str_grow(s, n))
        return;
    if (n)
        memcpy(s->text + s->len, bytes, n);
    s->len += n;
    s->text[s->len] = '\0';
}

void plug__str_add(struct plug__str *s, const char *text)
{
    plug__str_addn(s, text, strlen(text));
}

void plug__str_printf(struct plug__str *s, const char *fmt, ...)
{
    va_list args, again;
    int n;
    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0)
        s->failed = 1;
    else if (str_grow(s, (size_t)n)) {
        (void)vsnprintf(s->text + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

/* Length of the well-formed UTF-8 sequence at p, 0 when it is broken (RFC 3629 §4). */
static size_t str_utf8(const unsigned char *p)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t n;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] == 0xE0)
        low = 0xA0; /* shorter forms exist */
    if (p[0] == 0xED)
        high = 0x9F; /* surrogates */
    if (p[0] == 0xF0)
        low = 0x90;
    if (p[0] == 0xF4)
        high = 0x8F; /* beyond U+10FFFF */
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

static void str_json_ascii(struct plug__str *s, char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *at = strchr(plain, c);
    char pair[2] = {'\\', 0};
    if (at) {
        pair[1] = letter[at - plain];
        plug__str_addn(s, pair, 2);
    } else if ((unsigned char)c < 0x20 || c == 0x7F) {
        plug__str_printf(s, "\\u%04x", (unsigned)(unsigned char)c);
    } else {
        plug__str_addn(s, &c, 1);
    }
}

void plug__str_json(struct plug__str *s, const char *text)
{
    plug__str_addn(s, "\"", 1);
    while (*text) {
        size_t n = str_utf8((const unsigned char *)text);
        if (n == 1)
            str_json_ascii(s, *text);
        else if (n)
            plug__str_addn(s, text, n);
        else
            plug__str_addn(s, "\xEF\xBF\xBD", 3);
        text += n ? n : 1;
    }
    plug__str_addn(s, "\"", 1);
}

void plug__str_drop(struct plug__str *s)
{
    plug__free(s->text);
    *s = (struct plug__str){0};
}

static int str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

int plug__casecmpn(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int diff = str_lower(a[i]) - str_lower(b[i]);
        if (diff || !a[i])
            return diff;
    }
    return 0;
}

int plug__casecmp(const char *a, const char *b)
{
    return plug__casecmpn(a, b, SIZE_MAX);
}

int plug__word_in(const char *words, const char *word, size_t n)
{
    while (words && n) {
        size_t len;
        words += strspn(words, " ");
        len = strcspn(words, " ");
        if (!len)
            return 0;
        if (len == n && !plug__casecmpn(words, word, n))
            return 1;
        words += len;
    }
    return 0;
}

/* One row of the table of distances becomes the next, for the i-th letter of a. */
static unsigned str_distance_row(unsigned *row, char letter, unsigned i, const char *b, size_t nb)
{
    unsigned corner = row[0], least;
    row[0] = least = i;
    for (size_t j = 1; j <= nb; j++) {
        unsigned best = corner + (str_lower(letter) != str_lower(b[j - 1]));
        corner = row[j];
        if (row[j] + 1 < best)
            best = row[j] + 1;
        if (row[j - 1] + 1 < best)
            best = row[j - 1] + 1;
        row[j] = best;
        if (best < least)
            least = best;
    }
    return least;
}

unsigned plug__distance(const char *a, const char *b, unsigned most)
{
    unsigned row[STR_WORD + 1];
    size_t na = strlen(a), nb = strlen(b);
    if (na > STR_WORD || nb > STR_WORD)
        return most + 1;
    for (unsigned j = 0; j <= nb; j++)
        row[j] = j;
    for (unsigned i = 1; i <= na; i++)
        if (str_distance_row(row, a[i - 1], i, b, nb) > most)
            return most + 1;
    return row[nb] > most ? most + 1 : row[nb];
}

size_t plug__strcpy(char *dst, const char *src, size_t room)
{
    size_t len = strlen(src), n = len;
    if (!room)
        return len;
    if (n >= room)
        n = room - 1;
    memcpy(dst, src, n);
    dst[n] = '\0';
    return len;
}

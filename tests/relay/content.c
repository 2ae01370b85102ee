/* SPDX-License-Identifier: MIT
 *
 * What the ends send: bytes and record lengths that follow from a seed and a place, and the test's
 * own framings, written apart from the library's. It deliberately does no input or output.
 */
#include "matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTENT_BLOCK = 4096, CONTENT_STARTS = 65536 };

static unsigned char content_bytes[CONTENT_STARTS + CONTENT_BLOCK];
static unsigned char content_letters[CONTENT_STARTS + CONTENT_BLOCK];

uint64_t content_mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u + b + 1;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void content_init(uint64_t seed)
{
    for (size_t i = 0; i < sizeof(content_bytes); i++) {
        content_bytes[i] = (unsigned char)content_mix(seed, i);
        content_letters[i] = (unsigned char)('a' + content_mix(seed, i) % 26);
    }
}

/* Each block begins at another place of the table, so that a shifted byte never looks right. */
static const unsigned char *content_block(const struct content *c, uint64_t at, size_t *ret_len)
{
    const unsigned char *table = c->letters ? content_letters : content_bytes;
    size_t inside = (size_t)(at % CONTENT_BLOCK);
    *ret_len = CONTENT_BLOCK - inside;
    return table + content_mix(c->seed, at / CONTENT_BLOCK) % CONTENT_STARTS + inside;
}

void content_fill(const struct content *c, uint64_t at, unsigned char *to, size_t len)
{
    while (len) {
        size_t n;
        const unsigned char *from = content_block(c, at, &n);
        n = n < len ? n : len;
        memcpy(to, from, n);
        to += n;
        at += n;
        len -= n;
    }
}

int64_t content_check(const struct content *c, uint64_t at, const unsigned char *is, size_t len)
{
    while (len) {
        size_t n;
        const unsigned char *want = content_block(c, at, &n);
        n = n < len ? n : len;
        for (size_t i = 0; memcmp(is, want, n) != 0 && i < n; i++) {
            if (is[i] != want[i])
                return (int64_t)(at + i);
        }
        is += n;
        at += n;
        len -= n;
    }
    return -1;
}

/* Small ones, empty ones, a few large ones, and the longest that can be. */
size_t content_record(const struct content *c, uint64_t i, uint64_t at)
{
    uint64_t r = content_mix(c->seed ^ 0x5eed, i), wide = c->size > 100000 ? 16384 : 3000;
    size_t left = (at < c->mark ? c->mark : c->size) - (size_t)at, len;
    if (c->whole)
        return c->size;
    if (i == 1 && left >= c->most)
        return c->most;
    if (r % 8 == 0)
        len = c->empties ? 0 : 1;
    else
        len = (size_t)(1 + (r >> 8) % (r % 8 < 4 ? 600 : wide));
    if (i > 40 && !len)
        len = 1;
    len = len < c->most ? len : c->most;
    return len < left ? len : left;
}

int content_over(const struct content *c, uint64_t i, uint64_t at)
{
    return at >= c->size && (c->size || !c->empties || i > 0);
}

/* ---- framings ---- */

static size_t cobs_put(const unsigned char *rec, size_t len, unsigned char *to)
{
    size_t code = 0, n = 1;
    unsigned run = 1;
    for (size_t i = 0; i < len; i++) {
        if (rec[i]) {
            to[n++] = rec[i];
            run++;
        }
        if (!rec[i] || (run == 255 && i + 1 < len)) {
            to[code] = (unsigned char)run;
            code = n++;
            run = 1;
        }
    }
    to[code] = (unsigned char)run;
    to[n++] = 0;
    return n;
}

size_t wire_put(enum framing f, const unsigned char *rec, size_t len, unsigned char *to)
{
    size_t n = 0;
    if (f == FRAMING_COBS)
        return cobs_put(rec, len, to);
    if (f == FRAMING_LEN32)
        for (int shift = 24; shift >= 16; shift -= 8)
            to[n++] = (unsigned char)(len >> shift);
    if (f == FRAMING_LEN32 || f == FRAMING_LEN16)
        for (int shift = 8; shift >= 0; shift -= 8)
            to[n++] = (unsigned char)(len >> shift);
    if (f == FRAMING_NET)
        n = (size_t)snprintf((char *)to, WIRE_HEAD, "%zu:", len);
    memcpy(to + n, rec, len);
    n += len;
    if (f == FRAMING_LINE)
        to[n++] = '\n';
    if (f == FRAMING_NET)
        to[n++] = ',';
    return n;
}

static int64_t cobs_get(unsigned char *at, size_t wire, size_t *ret_len)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < wire;) {
        size_t run = at[i];
        if (!run || i + run > wire)
            return -1;
        memmove(at + n, at + i + 1, run - 1);
        n += run - 1;
        i += run;
        if (run < 255 && i + 1 < wire)
            at[n++] = 0;
    }
    *ret_len = n;
    return (int64_t)wire;
}

static int64_t net_get(unsigned char *at, size_t len, unsigned char **ret_rec, size_t *ret_len)
{
    const unsigned char *colon = memchr(at, ':', len < 12 ? len : 12);
    size_t head, n;
    if (!colon)
        return len < 12 ? 0 : -1;
    head = (size_t)(colon - at) + 1;
    n = (size_t)strtoul((const char *)at, NULL, 10);
    if (len < head + n + 1)
        return 0;
    *ret_rec = at + head;
    *ret_len = n;
    return at[head + n] == ',' ? (int64_t)(head + n + 1) : -1;
}

int64_t wire_get(enum framing f, unsigned char *at, size_t len, unsigned char **ret_rec,
                 size_t *ret_len)
{
    size_t head = f == FRAMING_LEN32 ? 4 : 2, n = 0;
    *ret_rec = at;
    if (f == FRAMING_LINE || f == FRAMING_COBS) {
        const unsigned char *end = memchr(at, f == FRAMING_LINE ? '\n' : 0, len);
        if (!end)
            return 0;
        *ret_len = (size_t)(end - at);
        return f == FRAMING_LINE ? (int64_t)*ret_len + 1 : cobs_get(at, *ret_len + 1, ret_len);
    }
    if (f == FRAMING_NET)
        return net_get(at, len, ret_rec, ret_len);
    if (len < head)
        return 0;
    for (size_t i = 0; i < head; i++)
        n = n << 8 | at[i];
    *ret_rec = at + head;
    *ret_len = n;
    return len < head + n ? 0 : (int64_t)(head + n);
}

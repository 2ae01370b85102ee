/* SPDX-License-Identifier: MIT
 *
 * Integers in network order, read and written between a cursor and an explicit end.
 * It never reads a struct over the bytes and never passes the end.
 *
 * Readers return 0 and move the cursor, or PLUG_EAGAIN when fewer bytes are there than asked for;
 * writers return 0, or PLUG_ENOBUFS when there is no room. On failure nothing has moved.
 */
#ifndef PLUG_UTIL_WIRE_H
#define PLUG_UTIL_WIRE_H

#include <plug/plug.h>

static inline int plug__get_be(const unsigned char **p, const unsigned char *end, size_t n,
                               uint64_t *ret)
{
    uint64_t v = 0;
    if ((size_t)(end - *p) < n)
        return PLUG_EAGAIN;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | (*p)[i];
    *p += n;
    *ret = v;
    return 0;
}

static inline int plug__get_u8(const unsigned char **p, const unsigned char *end, uint8_t *ret)
{
    if (*p == end)
        return PLUG_EAGAIN;
    *ret = *(*p)++;
    return 0;
}

static inline int plug__get_u16be(const unsigned char **p, const unsigned char *end, uint16_t *ret)
{
    uint64_t v;
    if (plug__get_be(p, end, 2, &v) < 0)
        return PLUG_EAGAIN;
    *ret = (uint16_t)v;
    return 0;
}

static inline int plug__get_u32be(const unsigned char **p, const unsigned char *end, uint32_t *ret)
{
    uint64_t v;
    if (plug__get_be(p, end, 4, &v) < 0)
        return PLUG_EAGAIN;
    *ret = (uint32_t)v;
    return 0;
}

static inline int plug__get_u64be(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
    return plug__get_be(p, end, 8, ret);
}

static inline int plug__put_be(unsigned char **p, const unsigned char *end, size_t n, uint64_t v)
{
    if ((size_t)(end - *p) < n)
        return PLUG_ENOBUFS;
    for (size_t i = 0; i < n; i++)
        (*p)[i] = (unsigned char)(v >> (8 * (n - 1 - i)));
    *p += n;
    return 0;
}

static inline int plug__put_u8(unsigned char **p, const unsigned char *end, uint8_t v)
{
    return plug__put_be(p, end, 1, v);
}

static inline int plug__put_u16be(unsigned char **p, const unsigned char *end, uint16_t v)
{
    return plug__put_be(p, end, 2, v);
}

static inline int plug__put_u32be(unsigned char **p, const unsigned char *end, uint32_t v)
{
    return plug__put_be(p, end, 4, v);
}

static inline int plug__put_u64be(unsigned char **p, const unsigned char *end, uint64_t v)
{
    return plug__put_be(p, end, 8, v);
}

#endif

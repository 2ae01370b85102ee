/* SPDX-License-Identifier: MIT
 *
 * setsockopt= and its kin: an option by level and number, its value in the forms that socat has
 * for data. It knows none of these options by name.
 */
#include "socket/common.h"

#include "util/err.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 256 }; /* longest value in bytes */

struct number_data {
    unsigned char bytes[NUMBER_BYTES];
    size_t n;
};

static int number_add(struct number_data *d, const void *from, size_t n)
{
    if (n > sizeof(d->bytes) - d->n)
        return PLUG_EUSAGE;
    memcpy(d->bytes + d->n, from, n);
    d->n += n;
    return 0;
}

static int number_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of hexadecimal digits up to the first other character. */
static int number_hex(struct number_data *d, const char **p)
{
    const char *from = *p;
    for (int high = number_digit(**p); high >= 0; high = number_digit(**p)) {
        int low = number_digit((*p)[1]);
        unsigned char byte = (unsigned char)((unsigned)high << 4 | (unsigned)low);
        if (low < 0 || number_add(d, &byte, 1))
            return PLUG_EUSAGE;
        *p += 2;
    }
    return *p == from ? PLUG_EUSAGE : 0;
}

static int number_quoted(struct number_data *d, const char **p, char quote)
{
    for (; **p && **p != quote; (*p)++) {
        if (**p == '\\' && (*p)[1])
            (*p)++;
        if (number_add(d, *p, 1))
            return PLUG_EUSAGE;
    }
    if (**p != quote)
        return PLUG_EUSAGE;
    (*p)++;
    return 0;
}

/* An integer of the width that its letter says, in this machine's order. */
static int number_integer(struct number_data *d, const char **p, char letter)
{
    char *end;
    long long n = strtoll(*p, &end, 0);
    const long l = (long)n;
    const int i = (int)n;
    const short s = (short)n;
    const signed char b = (signed char)n;
    if (end == *p)
        return PLUG_EUSAGE;
    *p = end;
    switch (letter | 0x20) {
    case 'l':
        return number_add(d, &l, sizeof(l));
    case 's':
        return number_add(d, &s, sizeof(s));
    case 'b':
        return number_add(d, &b, sizeof(b));
    default:
        return n < INT_MIN || n > UINT_MAX ? PLUG_EUSAGE : number_add(d, &i, sizeof(i));
    }
}

static int number_item(struct number_data *d, const char **p)
{
    char c = **p;
    if ((c >= '0' && c <= '9') || c == '-' || c == '+')
        return number_integer(d, p, 'i');
    (*p)++;
    if (c == 'x')
        return number_hex(d, p);
    if (c == '"' || c == '\'')
        return number_quoted(d, p, c);
    return strchr("iIlLsSbB", c) ? number_integer(d, p, c) : PLUG_EUSAGE;
}

/* "x0a00 i5 s-1 b3 "text"", one after the other. */
static int number_parse(const char *text, struct number_data *ret)
{
    int r = *text ? 0 : PLUG_EUSAGE;
    ret->n = 0;
    while (!r && *text) {
        r = number_item(ret, &text);
        text += strspn(text, " \t");
    }
    return r;
}

/* Cuts LEVEL:NAME: off; the rest is the value. */
static int number_head(const char *text, int *ret_level, int *ret_name, const char **ret_value)
{
    char *end;
    long level = strtol(text, &end, 0), name;
    if (end == text || *end != ':' || level < 0 || level > INT_MAX)
        return PLUG_EUSAGE;
    text = end + 1;
    name = strtol(text, &end, 0);
    if (end == text || *end != ':' || name < 0 || name > INT_MAX || !end[1])
        return PLUG_EUSAGE;
    *ret_level = (int)level;
    *ret_name = (int)name;
    *ret_value = end + 1;
    return 0;
}

int plug__number_check(const char *value)
{
    int level, name;
    return number_head(value, &level, &name, &value);
}

static int number_read(const char *text, int *ret_level, int *ret_name, struct number_data *ret)
{
    const char *value;
    int r = number_head(text, ret_level, ret_name, &value);
    return r ? r : number_parse(value, ret);
}

int plug__number_check_bin(const char *value)
{
    struct number_data d;
    int level, name;
    return number_read(value, &level, &name, &d);
}

int plug__number_check_int(const char *value)
{
    int level, name;
    const char *p;
    char *end;
    long long n;
    if (number_head(value, &level, &name, &p))
        return PLUG_EUSAGE;
    n = strtoll(p, &end, 0);
    return end == p || *end || n < INT_MIN || n > UINT_MAX ? PLUG_EUSAGE : 0;
}

int plug__number_check_data(const char *value)
{
    struct number_data d;
    return number_parse(value, &d);
}

int plug__number_set_bin(plug_handle h, const char *value, int family, int *reterr_os)
{
    struct number_data d;
    int level, name;
    (void)family;
    if (number_read(value, &level, &name, &d))
        return PLUG_EINVAL;
    return plug__os_setsockopt(h, level, name, d.bytes, d.n, reterr_os);
}

int plug__number_set_string(plug_handle h, const char *value, int family, int *reterr_os)
{
    int level, name;
    (void)family;
    if (number_head(value, &level, &name, &value))
        return PLUG_EINVAL;
    return plug__os_setsockopt(h, level, name, value, strlen(value), reterr_os);
}

/* What is no data is text: 6:13:reno. */
int plug__number_set(plug_handle h, const char *value, int family, int *reterr_os)
{
    return plug__number_check_bin(value) ? plug__number_set_string(h, value, family, reterr_os)
                                         : plug__number_set_bin(h, value, family, reterr_os);
}

int plug__number_set_ip_options(plug_handle h, const char *value, int family, int *reterr_os)
{
    struct number_data d;
    (void)family;
    if (number_parse(value, &d))
        return PLUG_EINVAL;
    return plug__os_setsockopt(h, IPPROTO_IP, IP_OPTIONS, d.bytes, d.n, reterr_os);
}

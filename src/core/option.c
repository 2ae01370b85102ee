/* SPDX-License-Identifier: MIT
 *
 * Options: walking a table with its groups, and turning a value's text into what the table says.
 * It sets no socket option itself; layers do that at their phase.
 */
#include "core/address.h"
#include "core/plan.h"
#include "util/err.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int option_walk(const struct plug_option *table, uint32_t offset, plug__option_fn fn,
                       void *arg)
{
    int result;

    for (; table && table->name; table++) {
        if (table->type == PLUG_OPT_GROUP)
            result = option_walk(table->group, offset + table->offset, fn, arg);
        else
            result = fn(table, offset + table->offset, arg);
        if (result)
            return result;
    }
    return 0;
}

int plug__options_each(const struct plug_option *table, plug__option_fn fn, void *arg)
{
    return option_walk(table, 0, fn, arg);
}

/* Digits of base into *ret; *end behind them. Returns 0, or EUSAGE when none stand there or it is
 * too big. */
static int option_digits(const char *text, int64_t base, int64_t *ret, const char **end)
{
    int64_t sum = 0;
    const char *p = text;

    for (;; p++) {
        int digit = 99;
        if (*p >= '0' && *p <= '9')
            digit = *p - '0';
        else if (*p >= 'a' && *p <= 'f')
            digit = *p - 'a' + 10;
        else if (*p >= 'A' && *p <= 'F')
            digit = *p - 'A' + 10;
        if (digit >= base)
            break;
        if (sum > (INT64_MAX - digit) / base)
            return PLUG_EUSAGE;
        sum = sum * base + digit;
    }
    *ret = sum;
    *end = p;
    return p == text ? PLUG_EUSAGE : 0;
}

/* A whole number, decimal or 0x, with a sign. */
static int option_number(const char *text, int64_t *ret, const char **end)
{
    int minus = *text == '-';
    int64_t n, base = 10;
    int result;

    if (*text == '-' || *text == '+')
        text++;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        base = 16;
    }
    result = option_digits(text, base, &n, end);
    if (!result)
        *ret = minus ? -n : n;
    return result;
}

static int option_int(const char *text, int64_t *ret)
{
    const char *end;
    int64_t n;

    if (option_number(text, &n, &end) || *end)
        return PLUG_EUSAGE;
    *ret = n;
    return 0;
}

int plug__parse_size(const char *text, int64_t *ret)
{
    static const char units[] = "kmgt";
    const char *end, *unit;
    int64_t n, factor = 1;

    if (option_number(text, &n, &end) || n < 0)
        return PLUG_EUSAGE;
    if (*end) {
        unit = strchr(units, *end | 0x20);
        if (!unit || end[1])
            return PLUG_EUSAGE;
        factor = (int64_t)1 << (10 * (unit - units + 1));
    }
    if (n > INT64_MAX / factor)
        return PLUG_EUSAGE;
    *ret = n * factor;
    return 0;
}

static int64_t option_time_unit(const char *unit)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"", 1000000000},  {"ns", 1},          {"us", 1000},        {"ms", 1000000},
                 {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};

    for (size_t i = 0; i < PLUG__COUNT(units); i++) {
        if (strcmp(units[i].name, unit) == 0)
            return units[i].ns;
    }
    return 0;
}

int plug__parse_time(const char *text, plug_time *ret)
{
    int64_t whole = 0, fraction = 0, scale = 1, ns;
    const char *p = text;

    if (plug__casecmp(text, "inf") == 0) {
        *ret = PLUG_FOREVER;
        return 0;
    }
    if (*p != '.' && option_digits(p, 10, &whole, &p))
        return PLUG_EUSAGE;
    if (*p == '.') {
        if (!(p[1] >= '0' && p[1] <= '9'))
            return PLUG_EUSAGE;
        for (p++; *p >= '0' && *p <= '9'; p++) {
            if (scale < 1000000000) { /* finer than a nanosecond of a second is dropped */
                fraction = fraction * 10 + (*p - '0');
                scale *= 10;
            }
        }
    }
    ns = option_time_unit(p);
    if (!ns || whole > (INT64_MAX - 3600000000000) / ns)
        return PLUG_EUSAGE;
    /* fraction < 1e9 and ns <= 3.6e12: the product stays below 2^63. */
    *ret = whole * ns + fraction * (ns / scale) + fraction * (ns % scale) / scale;
    return 0;
}

static int option_flag(const char *text, int64_t *ret)
{
    if (plug__word_in("1 yes on true", text, strlen(text)))
        *ret = 1;
    else if (plug__word_in("0 no off false", text, strlen(text)))
        *ret = 0;
    else
        return PLUG_EUSAGE;
    return 0;
}

static int option_byte(const char *text, int64_t *ret)
{
    size_t n = strlen(text);

    if (n == 3 && text[0] == '\'' && text[2] == '\'')
        *ret = (unsigned char)text[1];
    else if (n == 1 && !(text[0] >= '0' && text[0] <= '9'))
        *ret = (unsigned char)text[0]; /* the quotes were socat's and are gone */
    else if (option_int(text, ret) || *ret < 0 || *ret > 255)
        return PLUG_EUSAGE;
    return 0;
}

static int option_enum(const char *choices, const char *text, int64_t *ret)
{
    const char *p = choices;

    for (int64_t i = 0; *p; i++) {
        size_t n = strcspn(p, " ");
        if (strlen(text) == n && plug__casecmpn(p, text, n) == 0) {
            *ret = i;
            return 0;
        }
        p += n;
        while (*p == ' ')
            p++;
    }
    return PLUG_EUSAGE;
}

static int option_mode(const char *text, int64_t *ret)
{
    const char *end;
    int64_t n;

    if (option_digits(text, 8, &n, &end) || *end || n > 07777)
        return PLUG_EUSAGE;
    *ret = n;
    return 0;
}

/* level:name:value, the first two numbers; the layer reads them again. */
static int option_any(const char *text, int64_t *ret)
{
    const char *end;
    int64_t n;

    if (option_number(text, &n, &end) || *end != ':' || option_number(end + 1, &n, &end) ||
        *end != ':' || !end[1])
        return PLUG_EUSAGE;
    *ret = 0;
    return 0;
}

static int option_unit_time(const char *text, int64_t unit, int64_t *ret)
{
    plug_time t;

    if (plug__parse_time(text, &t) || t == PLUG_FOREVER || t / unit > INT_MAX)
        return PLUG_EUSAGE;
    *ret = t / unit;
    if (t && !*ret)
        *ret = 1; /* 0 often means "off"; a short time is not that */
    return 0;
}

/* A socket option that counts bytes takes k, m and g as well. */
static int option_is_bytes(const struct plug_option *o)
{
    return o->value && strcmp(o->value, "BYTES") == 0;
}

static int option_value(const struct plug_option *o, const char *value, int64_t *ret)
{
    if (o->check) {
        *ret = 0;
        return o->check(value);
    }
    switch ((enum plug_option_type)o->type) {
    case PLUG_OPT_FLAG:
    case PLUG_OPT_SOCKFLAG:
        return option_flag(value, ret);
    case PLUG_OPT_INT:
        return option_int(value, ret);
    case PLUG_OPT_SOCKINT:
        if (option_int(value, ret) && (!option_is_bytes(o) || plug__parse_size(value, ret)))
            return PLUG_EUSAGE;
        return *ret < INT_MIN || *ret > UINT_MAX ? PLUG_EUSAGE : 0;
    case PLUG_OPT_SIZE:
        return plug__parse_size(value, ret);
    case PLUG_OPT_TIME:
    case PLUG_OPT_SOCKTIMEVAL:
        return plug__parse_time(value, ret);
    case PLUG_OPT_ENUM:
        return option_enum(o->choices, value, ret);
    case PLUG_OPT_MODE:
        return option_mode(value, ret);
    case PLUG_OPT_BYTE:
        return option_byte(value, ret);
    case PLUG_OPT_SOCKSECS:
    case PLUG_OPT_SOCKLINGER:
        return option_unit_time(value, PLUG_SECOND, ret);
    case PLUG_OPT_SOCKMS:
        return option_unit_time(value, PLUG_MS, ret);
    case PLUG_OPT_SOCKANY:
        return option_any(value, ret);
    case PLUG_OPT_STRING:
    case PLUG_OPT_SOCKSTRING:
    case PLUG_OPT_GROUP:
        break;
    }
    *ret = 0;
    return 0;
}

static const char *option_expects(const struct plug_option *o, char *buf, size_t room)
{
    if (o->form)
        return o->form;
    switch ((enum plug_option_type)o->type) {
    case PLUG_OPT_FLAG:
    case PLUG_OPT_SOCKFLAG:
        return "give nothing, 1 or 0";
    case PLUG_OPT_ENUM:
        (void)snprintf(buf, room, "one of: %s", o->choices);
        return buf;
    case PLUG_OPT_SIZE:
        return "a number of bytes, also with k, m or g: 64k";
    case PLUG_OPT_TIME:
        return "seconds, or a number with ns us ms s m h, or inf: 2.5, 500ms";
    case PLUG_OPT_SOCKTIMEVAL:
    case PLUG_OPT_SOCKSECS:
    case PLUG_OPT_SOCKMS:
        return "seconds, or a number with ms s m h: 2.5, 500ms";
    case PLUG_OPT_SOCKLINGER:
        return "whole seconds: 5";
    case PLUG_OPT_MODE:
        return "an octal mode: 0644";
    case PLUG_OPT_BYTE:
        return "a byte as 0..255, 0x1d or one character";
    case PLUG_OPT_SOCKANY:
        return "LEVEL:NAME:VALUE, the first two as numbers";
    case PLUG_OPT_STRING:
    case PLUG_OPT_SOCKSTRING:
        return "give a text";
    case PLUG_OPT_INT:
    case PLUG_OPT_SOCKINT:
    case PLUG_OPT_GROUP:
        break;
    }
    if (o->min || o->max) {
        (void)snprintf(buf, room, "a whole number, %lld to %lld", (long long)o->min,
                       (long long)o->max);
        return buf;
    }
    return "a whole number, such as 5 or 0x10";
}

static int option_bad(const struct plug_option *o, const char *value, struct plug_err *reterr)
{
    char expects[sizeof reterr->hint];
    const char *hint = option_expects(o, expects, sizeof expects);

    if (!value)
        return plug__usage(reterr, 0, 0, hint, "option \"%s\" needs a value: %s=%s", o->name,
                           o->name, o->value ? o->value : "VALUE");
    return plug__usage(reterr, 0, 0, hint, "\"%.60s\" is not a value for option \"%s\"", value,
                       o->name);
}

static void option_store(const struct plug_option *o, void *at, int64_t number, const char *text)
{
    int flag = (int)number;

    switch ((enum plug_option_type)o->type) {
    case PLUG_OPT_FLAG:
        if (o->flags & PLUG_OPT_NEGATED)
            flag = !flag;
        memcpy(at, &flag, sizeof flag);
        break;
    case PLUG_OPT_ENUM:
        memcpy(at, &flag, sizeof flag);
        break;
    case PLUG_OPT_INT:
    case PLUG_OPT_SIZE:
    case PLUG_OPT_TIME:
    case PLUG_OPT_MODE:
    case PLUG_OPT_BYTE:
        memcpy(at, &number, sizeof number);
        break;
    case PLUG_OPT_STRING:
        memcpy(at, &text, sizeof text);
        break;
    default:
        break; /* set at its phase from the step's opts */
    }
}

int plug__option_set(const struct plug_option *o, uint32_t offset, void *conf, const char *value,
                     struct plug_optval *ret, struct plug_err *reterr)
{
    int flag = o->type == PLUG_OPT_FLAG || o->type == PLUG_OPT_SOCKFLAG;
    int64_t number = 1;

    if (o->flags & PLUG_OPT_UNSUPPORTED) {
        plug__err(reterr, PLUG_ENOTSUP, 0, NULL, "this system has no \"%s\"", o->name);
        plug__err_hint(reterr, "leave the option out");
        return PLUG_ENOTSUP;
    }
    if (!value && !flag && !(o->flags & PLUG_OPT_EMPTY))
        return option_bad(o, NULL, reterr);
    if (!value && !flag)
        value = "";
    if (value && option_value(o, value, &number))
        return option_bad(o, value, reterr);
    if ((o->min || o->max) && (number < o->min || number > o->max))
        return option_bad(o, value, reterr);
    if (conf && !(o->flags & PLUG_OPT_PUSH))
        option_store(o, (char *)conf + offset, number, value);
    *ret = (struct plug_optval){.option = o, .number = number, .text = value};
    return 0;
}

struct option_search {
    const char *name;
    size_t n;
    const struct plug_option *found;
    uint32_t offset;
    const char *nearest;
    unsigned distance;
};

static int option_match(const struct plug_option *o, uint32_t offset, void *arg)
{
    struct option_search *s = arg;

    if (!plug__word_in(o->name, s->name, s->n) && !plug__word_in(o->aliases, s->name, s->n))
        return 0;
    s->found = o;
    s->offset = offset;
    return 1;
}

const struct plug_option *plug__option_find(const struct plug_option *table, const char *name,
                                            size_t n, uint32_t *ret_offset)
{
    struct option_search s = {.name = name, .n = n};

    if (plug__options_each(table, option_match, &s))
        *ret_offset = s.offset;
    return s.found;
}

static int option_near(const struct plug_option *o, uint32_t offset, void *arg)
{
    struct option_search *s = arg;
    unsigned d = plug__distance(o->name, s->name, s->distance);

    (void)offset;
    if (d < s->distance) {
        s->distance = d;
        s->nearest = o->name;
    }
    return 0;
}

const char *plug__option_nearest(const struct plug_option *table, const char *name,
                                 unsigned *distance)
{
    struct option_search s = {.name = name, .distance = *distance};

    (void)plug__options_each(table, option_near, &s);
    *distance = s.distance;
    return s.nearest;
}

/* SPDX-License-Identifier: MIT
 *
 * What the two spellings of an address share: which one it is, the names before the parameters,
 * and quoting. It gives no piece a meaning.
 */
#include "core/address.h"
#include "util/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int address_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

int plug__usage(struct plug_err *reterr, int column, int width, const char *hint, const char *fmt,
                ...)
{
    char text[sizeof reterr->text];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    plug__err(reterr, PLUG_EUSAGE, 0, NULL, "%s", text);
    plug__err_at(reterr, column, width);
    plug__err_hint(reterr, "%s", hint ? hint : "");
    return PLUG_EUSAGE;
}

int plug__address_is_url(const char *text)
{
    size_t n = 0;

    while (address_name_char(text[n]) || text[n] == '+')
        n++;
    return n > 0 && strncmp(text + n, "://", 3) == 0;
}

size_t plug__address_room(const char *text)
{
    /* The parameters are kept twice, whole and split; each piece ends with a NUL that mostly takes
     * its separator's place. */
    return 2 * strlen(text) + (size_t)4 * PLUG__ADDRESS_NAMES;
}

int plug__address_split(struct plug__address *ret, const char *text, char *room,
                        struct plug_err *reterr)
{
    *ret = (struct plug__address){0};
    if (!*text)
        return plug__usage(reterr, 0, 0, "such as tcp:HOST:PORT or - ; list them: plug list",
                           "the address is empty");
    if (strlen(text) > PLUG__ADDRESS_MOST)
        return plug__usage(reterr, 0, 0, "shorten it", "the address is longer than %d bytes",
                           (int)PLUG__ADDRESS_MOST);
    if (plug__address_is_url(text))
        return plug__address_split_url(ret, text, room, reterr);
    return plug__address_split_classic(ret, text, room, reterr);
}

static int address_add_name(struct plug__address *ret, const char *text, size_t from, size_t to,
                            char **room, struct plug_err *reterr)
{
    int column = (int)from, width = (int)(to - from);

    if (from == to)
        return plug__usage(reterr, column, 1, "a name comes first: tcp:HOST:PORT",
                           "a name is missing");
    if (ret->nnames == PLUG__ADDRESS_NAMES)
        return plug__usage(reterr, column, width, "use fewer", "more than %d layers",
                           (int)PLUG__ADDRESS_NAMES);
    ret->names[ret->nnames++] = (struct plug__piece){*room, column, width};
    memcpy(*room, text + from, to - from);
    (*room)[to - from] = '\0';
    *room += to - from + 1;
    return 0;
}

int plug__address_names(struct plug__address *ret, const char *text, size_t from, size_t to,
                        char **room, struct plug_err *reterr)
{
    size_t at = from;

    for (;;) {
        size_t end = at;
        while (end < to && text[end] != '+')
            end++;
        if (address_add_name(ret, text, at, end, room, reterr))
            return PLUG_EUSAGE;
        if (end == to)
            return 0;
        at = end + 1;
    }
}

void plug__address_quote_url(struct plug__str *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c == 127 || strchr("%#,&?\"'\\", c))
            plug__str_printf(out, "%%%02X", c);
        else
            plug__str_addn(out, text, 1);
    }
}

/* The letter that stands for a control character behind a backslash, or 0. */
static char address_escape(char c)
{
    static const char plain[] = "\a\b\t\n\v\f\r", letters[] = "abtnvfr";
    const char *at = c ? strchr(plain, c) : NULL;
    return at ? letters[at - plain] : '\0';
}

void plug__address_quote_classic(struct plug__str *out, const char *text)
{
    int quote = strpbrk(text, ",\"'()[]{}\\!\a\b\t\n\v\f\r") != NULL;

    if (quote)
        plug__str_add(out, "\"");
    for (; *text; text++) {
        char letter = address_escape(*text);
        if (letter)
            plug__str_printf(out, "\\%c", letter);
        else if (*text == '"' || *text == '\\')
            plug__str_printf(out, "\\%c", *text);
        else
            plug__str_addn(out, text, 1);
    }
    if (quote)
        plug__str_add(out, "\"");
}

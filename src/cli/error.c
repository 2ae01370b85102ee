/* SPDX-License-Identifier: MIT
 *
 * Shows what is wrong with an address: what, where, what to do. It decides nothing.
 */
#include "cli/verbs.h"
#include <string.h>

enum { ERROR_WIDTH = 90, ERROR_BEFORE = 30, ERROR_INDENT = 4 };

static int error_continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Part of the address, kept to one line of one terminal: control characters become '?'. */
static void error_show(FILE *out, const char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)text[i];
        fputc(c < ' ' || c == 127 ? '?' : c, out);
    }
}

/* A character of several bytes takes one column. */
static void error_fill(FILE *out, const char *text, size_t from, size_t to, char fill)
{
    for (size_t i = from; i < to; i++) {
        if (!error_continues(text[i]))
            fputc(fill, out);
    }
}

static void error_place(FILE *out, const char *address, const struct plug_err *err)
{
    size_t len = strlen(address), from = 0, to = len;
    size_t at = err->column < 0 ? 0 : (size_t)err->column;
    size_t end = at + (size_t)(err->width > 0 ? err->width : 1);

    if (at > len)
        at = len;
    if (len > ERROR_WIDTH && at > ERROR_BEFORE)
        from = at - ERROR_BEFORE;
    while (from && error_continues(address[from]))
        from--;
    if (len - from > ERROR_WIDTH)
        to = from + ERROR_WIDTH;
    while (to < len && error_continues(address[to]))
        to++;
    fprintf(out, "%*s%s", ERROR_INDENT, "", from ? "..." : "");
    error_show(out, address, from, to);
    fprintf(out, "%s\n", to < len ? "..." : "");
    if (err->width <= 0) /* the address as a whole */
        return;
    fprintf(out, "%*s", ERROR_INDENT + (from ? 3 : 0), "");
    error_fill(out, address, from, at, ' ');
    if (end <= len)
        error_fill(out, address, at, end < to ? end : to, '^');
    else
        fputc('^', out); /* what is missing stands behind the end */
    fputc('\n', out);
}

static void error_hint(FILE *out, const char *hint)
{
    while (*hint) {
        size_t n = strcspn(hint, "\n");
        fprintf(out, "%*s", ERROR_INDENT, "");
        error_show(out, hint, 0, n);
        fputc('\n', out);
        hint += hint[n] ? n + 1 : n;
    }
}

void plug__cli_error(FILE *out, const char *address, const struct plug_err *err)
{
    const char *text = err->text[0] ? err->text : plug_strerror(err->code);

    fputs("plug: ", out);
    error_show(out, text, 0, strlen(text));
    fputc('\n', out);
    if (address && (*address || err->width > 0))
        error_place(out, address, err);
    error_hint(out, err->hint);
}

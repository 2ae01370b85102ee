/* SPDX-License-Identifier: MIT
 *
 * Filling a caller's struct plug_err: the printed cause, the hint and the place.
 * It cuts what is too long and keeps nothing.
 */
#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>

int plug__err(struct plug_err *reterr, int code, int os, const char *layer, const char *fmt, ...)
{
    va_list args;
    if (!reterr)
        return code;
    reterr->code = code;
    reterr->os = os;
    reterr->layer = layer;
    reterr->column = reterr->width = 0;
    reterr->hint[0] = '\0';
    va_start(args, fmt);
    (void)vsnprintf(reterr->text, sizeof reterr->text, fmt, args);
    va_end(args);
    return code;
}

void plug__err_hint(struct plug_err *reterr, const char *fmt, ...)
{
    va_list args;
    if (!reterr)
        return;
    va_start(args, fmt);
    (void)vsnprintf(reterr->hint, sizeof reterr->hint, fmt, args);
    va_end(args);
}

void plug__err_at(struct plug_err *reterr, int column, int width)
{
    if (!reterr)
        return;
    reterr->column = column;
    reterr->width = width;
}

const char *plug_strerror(int code)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {
#define ERR_TEXT(name, value, text) {PLUG_##name, text},
        PLUG_ERRORS(ERR_TEXT)
#undef ERR_TEXT
    };
    for (size_t i = 0; i < PLUG__COUNT(texts); i++)
        if (texts[i].code == code)
            return texts[i].text;
    return code >= 0 ? "no error" : "unknown error";
}

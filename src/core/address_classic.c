/* SPDX-License-Identifier: MIT
 *
 * socat's spelling, `name:parameter:parameter,option=value`, with its quotes, backslashes and
 * brackets. It splits only; which names exist is plan's matter.
 */
#include "core/address.h"
#include <string.h>

/* Brackets within brackets that are followed. */
enum { CLASSIC_DEPTH = 32 };

struct classic {
    const char *text;
    size_t at;
    char *room;
    struct plug_err *reterr;
    char close[CLASSIC_DEPTH]; /* what ends each open bracket or, inside one, quote */
    size_t open[CLASSIC_DEPTH];
    unsigned depth;
    char quote; /* the open quote outside brackets, or 0 */
    size_t quoted_at;
};

static int classic_backslash(struct classic *c)
{
    static const char letters[] = "abtnvfr", plain[] = "\a\b\t\n\v\f\r";
    char next = c->text[c->at + 1];
    const char *found;

    if (!next)
        return plug__usage(c->reterr, (int)c->at, 1, "write \\\\ for a backslash",
                           "the address ends behind a backslash");
    if (next == '0')
        return plug__usage(c->reterr, (int)c->at, 2, "leave it out; a file can hold it",
                           "a zero byte cannot be part of an address");
    found = strchr(letters, next);
    *c->room++ = found ? plain[found - letters] : next;
    c->at += 2;
    return 0;
}

static char classic_partner(char c)
{
    switch (c) {
    case '(':
        return ')';
    case '[':
        return ']';
    case '{':
        return '}';
    case '"':
    case '\'':
        return c;
    default:
        return '\0';
    }
}

/* Inside a bracket all is kept as written, quotes too, so that the kind may split it again. */
static int classic_nested(struct classic *c, char ch)
{
    char partner = classic_partner(ch);
    char close = c->depth ? c->close[c->depth - 1] : '\0';

    if (c->depth && ch == close) {
        c->depth--;
    } else if (partner && close != '"' && close != '\'') {
        if (c->depth == CLASSIC_DEPTH)
            return plug__usage(c->reterr, (int)c->at, 1, "put the part in quotes",
                               "brackets deeper than %d", (int)CLASSIC_DEPTH);
        c->close[c->depth] = partner;
        c->open[c->depth++] = c->at;
    }
    *c->room++ = ch;
    c->at++;
    return 0;
}

static int classic_char(struct classic *c)
{
    char ch = c->text[c->at];

    if (ch == '\\')
        return classic_backslash(c);
    if (c->quote) {
        if (ch == c->quote)
            c->quote = '\0';
        else
            *c->room++ = ch;
        c->at++;
        return 0;
    }
    if (c->depth == 0 && (ch == '"' || ch == '\'')) {
        c->quote = ch;
        c->quoted_at = c->at++;
        return 0;
    }
    if (c->depth == 0 && ch == '!' && c->text[c->at + 1] == '!')
        return plug__usage(c->reterr, (int)c->at, 2, "quote the \"!!\" where it is text",
                           "A!!B joins what is read and what is written, not three");
    return classic_nested(c, ch);
}

static int classic_closed(struct classic *c)
{
    if (c->quote)
        return plug__usage(c->reterr, (int)c->quoted_at, 1, "close it, or write \\ before it",
                           "the quote %c is not closed", c->quote);
    if (c->depth)
        return plug__usage(c->reterr, (int)c->open[c->depth - 1], 1,
                           "close it, or write \\ before it", "%c is not closed",
                           c->text[c->open[c->depth - 1]]);
    return 0;
}

/* Reads up to one of `ends` that is neither quoted nor in brackets. */
static int classic_piece(struct classic *c, const char *ends, struct plug__piece *ret)
{
    char *start = c->room;
    size_t from = c->at;

    while (c->text[c->at] && (c->quote || c->depth || !strchr(ends, c->text[c->at]))) {
        if (classic_char(c))
            return PLUG_EUSAGE;
    }
    if (classic_closed(c))
        return PLUG_EUSAGE;
    *c->room++ = '\0';
    *ret = (struct plug__piece){start, (int)from, (int)(c->at - from)};
    return 0;
}

static int classic_params(struct classic *c, struct plug__address *ret)
{
    size_t start = ++c->at;

    if (classic_piece(c, ",", &ret->rest))
        return PLUG_EUSAGE;
    c->at = start;
    for (;;) {
        if (ret->nparams == PLUG__ADDRESS_PARAMS) {
            /* Kinds with one parameter take `rest`, where colons mean nothing. */
            c->at = start + (size_t)ret->rest.width;
            return 0;
        }
        if (classic_piece(c, ":,", &ret->params[ret->nparams++]))
            return PLUG_EUSAGE;
        if (c->text[c->at] != ':')
            return 0;
        c->at++;
    }
}

static int classic_option(struct classic *c, struct plug__address *ret)
{
    struct plug__address_option o = {0};

    if (classic_piece(c, "=,", &o.name))
        return PLUG_EUSAGE;
    if (c->text[c->at] == '=') {
        c->at++;
        if (classic_piece(c, ",", &o.value))
            return PLUG_EUSAGE;
    }
    if (!o.name.width && !o.value.text)
        return 0; /* socat lets an empty one pass: "a,,b" */
    if (ret->nopts == PLUG__ADDRESS_OPTIONS)
        return plug__usage(c->reterr, o.name.column, o.name.width, "use fewer",
                           "more than %d options", (int)PLUG__ADDRESS_OPTIONS);
    ret->opts[ret->nopts++] = o;
    return 0;
}

static int classic_is_number(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n && (!text[n] || text[n] == ',');
}

/* A word alone: a path is gopen's, a number is a descriptor's. Its colons mean nothing. */
static int classic_bare(struct classic *c, struct plug__address *ret, const char *kind)
{
    if (classic_piece(c, ",", &ret->rest))
        return PLUG_EUSAGE;
    ret->names[0] = (struct plug__piece){kind, 0, ret->rest.width};
    ret->nnames = 1;
    ret->params[0] = ret->rest;
    ret->nparams = 1;
    return 0;
}

static int classic_name(struct classic *c, struct plug__address *ret)
{
    const char *text = c->text;
    const char *dual = strstr(text, "!!");
    size_t end = strcspn(text, ":,");

    if (memchr(text, '/', end) || classic_is_number(text))
        return classic_bare(c, ret, classic_is_number(text) ? "fd" : "gopen");
    if (dual && dual < text + end) {
        c->at = (size_t)(dual - text);
        return classic_char(c);
    }
    c->at = end;
    return plug__address_names(ret, text, 0, end, &c->room, c->reterr);
}

int plug__address_split_classic(struct plug__address *ret, const char *text, char *room,
                                struct plug_err *reterr)
{
    struct classic c = {.text = text, .room = room, .reterr = reterr};

    if (classic_name(&c, ret))
        return PLUG_EUSAGE;
    if (text[c.at] == ':' && classic_params(&c, ret))
        return PLUG_EUSAGE;
    while (text[c.at] == ',') {
        c.at++;
        if (classic_option(&c, ret))
            return PLUG_EUSAGE;
    }
    return 0;
}

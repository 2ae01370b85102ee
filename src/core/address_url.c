/* SPDX-License-Identifier: MIT
 *
 * The URL spelling, `name+name://host:port/path#option=value,option`, with percent-escapes. It
 * splits only; which names exist is plan's matter.
 */
#include "core/address.h"
#include <string.h>

struct url {
    const char *text;
    size_t at;
    char *room;
    struct plug_err *reterr;
};

static int url_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Copies the character at `at`, a percent-escape as the byte it stands for. */
static int url_char(struct url *u)
{
    const char *p = u->text + u->at;
    int high, low;

    if (*p != '%') {
        *u->room++ = *p;
        u->at++;
        return 0;
    }
    high = url_hex(p[1]);
    low = high < 0 ? -1 : url_hex(p[2]);
    if (low < 0)
        return plug__usage(u->reterr, (int)u->at, 1, "write %25 for a percent sign",
                           "%% needs two hexadecimal digits");
    if (high == 0 && low == 0)
        return plug__usage(u->reterr, (int)u->at, 3, "leave it out; a file can hold it",
                           "a zero byte cannot be part of an address");
    *u->room++ = (char)(high * 16 + low);
    u->at += 3;
    return 0;
}

static void url_end(struct url *u, struct plug__piece *ret, char *start, size_t from, size_t to)
{
    *u->room++ = '\0';
    *ret = (struct plug__piece){start, (int)from, (int)(to - from)};
}

static int url_piece(struct url *u, const char *ends, struct plug__piece *ret)
{
    char *start = u->room;
    size_t from = u->at;

    while (u->text[u->at] && !strchr(ends, u->text[u->at])) {
        if (url_char(u))
            return PLUG_EUSAGE;
    }
    url_end(u, ret, start, from, u->at);
    return 0;
}

/* [v6%zone]: a bare percent is taken as it stands, since zones are written so everywhere. */
static int url_brackets(struct url *u, struct plug__piece *ret)
{
    char *start = u->room;
    size_t from = u->at++;

    while (u->text[u->at] && !strchr("]/?#", u->text[u->at])) {
        *u->room++ = u->text[u->at];
        u->at += strncmp(u->text + u->at, "%25", 3) == 0 ? 3 : 1;
    }
    if (u->text[u->at] != ']')
        return plug__usage(u->reterr, (int)from, 1, "such as tcp://[::1]:80", "[ is not closed");
    u->at++;
    url_end(u, ret, start, from, u->at);
    return 0;
}

static int url_port(struct url *u, struct plug__address *ret, size_t from)
{
    if (u->text[u->at] == ':') {
        u->at++;
        if (url_piece(u, ":@/?#", &ret->port))
            return PLUG_EUSAGE;
    }
    if (!u->text[u->at] || strchr("/?#", u->text[u->at]))
        return 0;
    if (u->text[u->at] == ':')
        return plug__usage(u->reterr, (int)from, (int)(u->at - from + 1),
                           "an IPv6 address stands in brackets: tcp://[::1]:80",
                           "more than one colon in host and port");
    return plug__usage(u->reterr, (int)u->at, 1, "such as tcp://HOST:PORT",
                       "\"%c\" cannot stand in host and port", u->text[u->at]);
}

static int url_authority(struct url *u, struct plug__address *ret)
{
    size_t from = u->at;

    if (u->text[u->at] == '[') {
        if (url_brackets(u, &ret->host))
            return PLUG_EUSAGE;
    } else if (u->text[u->at] && !strchr(":/?#", u->text[u->at])) {
        if (url_piece(u, ":@[]/?#", &ret->host))
            return PLUG_EUSAGE;
    }
    return url_port(u, ret, from);
}

/* A value may stand in quotes, which are dropped; there a separator means nothing. */
static int url_value(struct url *u, struct plug__piece *ret)
{
    char *start = u->room, quote = '\0';
    size_t from = u->at, quoted = 0;

    for (; u->text[u->at] && (quote || !strchr(",&#", u->text[u->at]));) {
        char c = u->text[u->at];
        if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? '\0' : c;
            quoted = u->at++;
        } else if (url_char(u)) {
            return PLUG_EUSAGE;
        }
    }
    if (quote)
        return plug__usage(u->reterr, (int)quoted, 1, "close it, or write it as %22 or %27",
                           "the quote %c is not closed", quote);
    url_end(u, ret, start, from, u->at);
    return 0;
}

static int url_option(struct url *u, struct plug__address *ret)
{
    struct plug__address_option o = {0};

    if (url_piece(u, "=,&#", &o.name))
        return PLUG_EUSAGE;
    if (u->text[u->at] == '=') {
        u->at++;
        if (url_value(u, &o.value))
            return PLUG_EUSAGE;
    }
    if (!o.name.width && !o.value.text)
        return 0;
    if (ret->nopts == PLUG__ADDRESS_OPTIONS)
        return plug__usage(u->reterr, o.name.column, o.name.width, "use fewer",
                           "more than %d options", (int)PLUG__ADDRESS_OPTIONS);
    ret->opts[ret->nopts++] = o;
    return 0;
}

/* `?` begins options as `#` does: no kind so far has a resource that goes to the peer. */
static int url_options(struct url *u, struct plug__address *ret)
{
    int fragment = 0;

    while (u->text[u->at]) {
        char c = u->text[u->at];
        if (c == '#' && fragment++)
            return plug__usage(u->reterr, (int)u->at, 1, "write %23 for a # in a value",
                               "a second # in the address");
        u->at++;
        if (url_option(u, ret))
            return PLUG_EUSAGE;
    }
    return 0;
}

int plug__address_split_url(struct plug__address *ret, const char *text, char *room,
                            struct plug_err *reterr)
{
    struct url u = {.text = text, .room = room, .reterr = reterr};
    size_t names = strcspn(text, ":");

    ret->url = 1;
    if (plug__address_names(ret, text, 0, names, &u.room, reterr))
        return PLUG_EUSAGE;
    u.at = names + 3;
    if (url_authority(&u, ret))
        return PLUG_EUSAGE;
    if (text[u.at] == '/' && url_piece(&u, "?#", &ret->path))
        return PLUG_EUSAGE;
    return url_options(&u, ret);
}

int plug__address_hostport(struct plug__address *ret, const char *text, char *room,
                           struct plug_err *reterr)
{
    struct url u = {.text = text, .room = room, .reterr = reterr};

    *ret = (struct plug__address){0};
    if (url_authority(&u, ret))
        return PLUG_EUSAGE;
    if (text[u.at])
        return plug__usage(reterr, (int)u.at, 1, "such as example.net:80 or [::1]:80",
                           "\"%c\" cannot stand in host and port", text[u.at]);
    return 0;
}

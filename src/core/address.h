/* SPDX-License-Identifier: MIT
 *
 * Splits an address into its pieces, in either spelling, and quotes pieces back into one. It is
 * pure: it knows no kinds, no options and no types; plan gives the pieces their meaning.
 */
#ifndef PLUG_CORE_ADDRESS_H
#define PLUG_CORE_ADDRESS_H

#include "util/str.h"
#include <plug/plug.h>

enum {
    PLUG__ADDRESS_NAMES = 16,   /* most layers joined by + */
    PLUG__ADDRESS_PARAMS = 8,   /* most parameters between colons */
    PLUG__ADDRESS_OPTIONS = 64, /* most options of one address */
    PLUG__ADDRESS_MOST = 65536  /* longest address in bytes */
};

/* Unquoted text and where it stood, quotes included. text NULL: absent. */
struct plug__piece {
    const char *text;
    int column, width;
};

struct plug__address_option {
    struct plug__piece name, value;
};

struct plug__address {
    int url;
    unsigned nnames, nparams, nopts;
    struct plug__piece names[PLUG__ADDRESS_NAMES];   /* upper first */
    struct plug__piece params[PLUG__ADDRESS_PARAMS]; /* classic: split at each colon */
    struct plug__piece rest;                         /* classic: the same, colons kept */
    struct plug__piece host, port, path;             /* URL; host without brackets */
    struct plug__address_option opts[PLUG__ADDRESS_OPTIONS];
};

/* 1 when text begins `name://`, which alone makes it a URL. */
int plug__address_is_url(const char *text);

/* Bytes of room that splitting `text` needs. */
size_t plug__address_room(const char *text);

/* Splits; the pieces live in `room` (plug__address_room bytes, the caller's). Returns 0 or EUSAGE
 * with column and hint. */
int plug__address_split(struct plug__address *ret, const char *text, char *room,
                        struct plug_err *reterr);

/* The two spellings; called by plug__address_split. */
int plug__address_split_url(struct plug__address *ret, const char *text, char *room,
                            struct plug_err *reterr);
int plug__address_split_classic(struct plug__address *ret, const char *text, char *room,
                                struct plug_err *reterr);

/* Splits "host:port", "[v6]:port", "host" or ":port"; room as above. Returns 0 or EUSAGE. */
int plug__address_hostport(struct plug__address *ret, const char *text, char *room,
                           struct plug_err *reterr);

/* Splits text[from..to) at each '+' into ret->names. */
int plug__address_names(struct plug__address *ret, const char *text, size_t from, size_t to,
                        char **room, struct plug_err *reterr);

/* Adds a piece so that splitting gives it back. */
void plug__address_quote_url(struct plug__str *out, const char *text);
void plug__address_quote_classic(struct plug__str *out, const char *text);

/* Sets EUSAGE with a text, its place and what to do. Returns EUSAGE. */
int plug__usage(struct plug_err *reterr, int column, int width, const char *hint, const char *fmt,
                ...) PLUG__PRINTF(5, 6);

#endif

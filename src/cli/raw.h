/* SPDX-License-Identifier: MIT
 *
 * The files of -r and -R: the bytes of one direction each, as they passed and nothing else.
 * It deliberately takes no part in the transfer: the dump filter shows it what passes.
 */
#ifndef PLUG_CLI_RAW_H
#define PLUG_CLI_RAW_H

#include "cli/log.h"

/* Names and, where they are the same for all sessions, the open files. Zero: none. */
struct plug__raw {
    const char *name[2]; /* forth, back; NULL: none */
    plug_handle h[2];
    int open;        /* bit per direction: h is */
    unsigned serial; /* of the last session */
    struct plug__log *log;
    uint64_t lost; /* bytes that a file did not take */
};

/* One session's files. */
struct plug__raw_files {
    struct plug__raw *raw;
    plug_handle h[2];
    int open, own; /* bit per direction */
};

/* Opens what is no session's own. Returns 0, or the error with *ret_name. */
int plug__raw_open(struct plug__raw *raw, const char **ret_name, struct plug_err *err);
void plug__raw_close(struct plug__raw *raw);

/* A session begins and ends. A file that cannot be opened is told and left out. */
void plug__raw_begin(struct plug__raw_files *f, struct plug__raw *raw);
void plug__raw_write(struct plug__raw_files *f, int back, const void *bytes, size_t len);
void plug__raw_end(struct plug__raw_files *f);

/* $PROGNAME $TIMESTAMP $MICROS $SERIALNUM $PID put in. Returns 0, or ENAMETOOLONG. */
int plug__raw_name(const char *name, unsigned serial, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What the command line says: options, then the addresses of one or several relays.
 * It deliberately knows nothing of what an address means: that is the plan's.
 */
#ifndef PLUG_CLI_ARGS_H
#define PLUG_CLI_ARGS_H

#include <plug/plug.h>

/* The addresses of one relay. */
struct plug__pair {
    const char *a, *b;
};

/* What the command is asked to do. */
enum plug__action {
    PLUG__ACTION_RUN,
    PLUG__ACTION_HELP,
    PLUG__ACTION_VERSION,
    PLUG__ACTION_VERB /* `verb` is the index of explain, list, help or tour in argv */
};

/* How the traffic is shown (-v, -x, both). */
enum { PLUG__DUMP_TEXT = 1, PLUG__DUMP_HEX = 2 };

struct plug__args {
    enum plug__action action;
    int verb;
    int level;    /* enum plug__level: 1 unless -d says otherwise */
    int dump;     /* PLUG__DUMP_* */
    int only;     /* 1: A to B (-u), 2: B to A (-U) */
    int family;   /* 4, 6, or 0: both */
    size_t block; /* 0: the default */
    plug_time half_wait, idle, drain;
    int statistics, json, log_json, child_code, movers;
    int ready_fd;             /* -1: none */
    struct plug__pair *pairs; /* npairs of them, freed by plug__args_drop */
    unsigned npairs;
    const char *lock;   /* -L, -W: NULL none */
    int wait_lock;      /* -W */
    const char *raw[2]; /* -r, -R: NULL none */
    int progress;       /* 1: on a terminal, 2: always */
    int64_t size;       /* --size: 0 not known */
};

/* Reads argv. On failure *ret_text is the argument that the place in reterr points into.
 * Returns 0, EUSAGE, ENOMEM. */
int plug__args_parse(struct plug__args *ret, int argc, char **argv, const char **ret_text,
                     struct plug_err *reterr);
void plug__args_drop(struct plug__args *args);

/* The i-th option and verb, for help, the manual and completion. help NULL: another spelling of
 * the row before. 0, NULL: no more. */
struct plug__args_row {
    const char *name, *value, *help;
};
int plug__args_option(unsigned i, struct plug__args_row *ret);
const char *plug__args_verb(unsigned i);

#endif

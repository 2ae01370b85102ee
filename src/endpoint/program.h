/* SPDX-License-Identifier: MIT
 *
 * What exec's kinds run and on what: their names, options and words, checked. Nothing is started
 * here; that is exec.c's, and process.c's what the program becomes.
 */
#ifndef PLUG_ENDPOINT_PROGRAM_H
#define PLUG_ENDPOINT_PROGRAM_H

#include "endpoint/process.h"
#include "endpoint/pty.h"

struct plug__program_conf {
    int pipes, stderr_too, setsid, setpgid, pty, ctty;
    int64_t fdin, fdout;
    const char *chdir;
    struct plug__process_conf process;
    struct plug__pty_conf terminal;
    const char *const *argv; /* not an option: the words, by plan */
};
extern const struct plug__program_conf plug__program_defaults;
extern const struct plug_option plug__program_options[];
extern const struct plug_kind plug__program_kinds[];

/* The slot of exec. Returns 0, or EUSAGE with its place. */
int plug__program_plan(struct plug_step *step, struct plug_err *reterr);

/* How it is started with these as its input and output; process.c adds what it becomes. */
struct plug__spawn plug__program_how(const struct plug_step *step, plug_handle in, plug_handle out);

#endif

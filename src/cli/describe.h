/* SPDX-License-Identifier: MIT
 *
 * Kinds and options put into words and into JSON, for explain, list and help alike. It reads the
 * tables and knows no kind by name.
 */
#ifndef PLUG_CLI_DESCRIBE_H
#define PLUG_CLI_DESCRIBE_H

#include "core/plan.h"
#include <stdio.h>

/* "tcp:HOST:PORT", or "len32+ADDRESS" for a layer. */
void plug__describe_form(struct plug__str *out, const struct plug_kind *k);

/* A line: form, what it is. */
void plug__describe_kind(struct plug__str *out, const struct plug_kind *k);
void plug__describe_kind_json(struct plug__str *out, const struct plug_ops *ops,
                              const struct plug_kind *k);

/* A line: "name=VALUE  help". role: leave out what is not for it; -1: all. Returns lines written.
 */
int plug__describe_options(struct plug__str *out, const struct plug_option *table, int role);
int plug__describe_options_json(struct plug__str *out, const struct plug_option *table, int role,
                                int first);

/* Where an option acts: "setsockopt(IPPROTO_TCP, 1) before connect". layer: whose it is. */
void plug__describe_place(struct plug__str *out, const struct plug_option *o, const char *layer);

const char *plug__describe_role(int role); /* "client", "server", "listener" */

/* Prints what was gathered, or complains that there was no memory. Returns the exit code. */
int plug__describe_print(struct plug__str *text);

/* Takes `--json` out of the arguments. Returns 1 when it was there. */
int plug__describe_json_flag(int *argc, char **argv);

#endif

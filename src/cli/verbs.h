/* SPDX-License-Identifier: MIT
 *
 * The verbs that open nothing: explain, list and help, all from the tables that the parser uses;
 * and how a wrong address is shown. It does not run relays.
 */
#ifndef PLUG_CLI_VERBS_H
#define PLUG_CLI_VERBS_H

#include <plug/plug.h>
#include <stdio.h>

/* argv[0] is the verb. They print on stdout, complain on stderr and return the exit code. */
int plug__cli_explain(int argc, char **argv);
int plug__cli_list(int argc, char **argv);
int plug__cli_help(int argc, char **argv);

/* What --help shows: at most 24 lines. */
void plug__cli_usage(FILE *out);

/* The error's line, then the address with a caret line under the place, then what to do. address
 * NULL: only line and hint. */
void plug__cli_error(FILE *out, const char *address, const struct plug_err *err);

#endif

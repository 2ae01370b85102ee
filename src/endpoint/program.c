/* SPDX-License-Identifier: MIT
 *
 * The kinds and options of programs, their words, and whether all of it can stand. It starts
 * nothing and looks at no process.
 */
#include "endpoint/program.h"

#include "endpoint/words.h"
#include "util/err.h"
#include <stddef.h>
#include <string.h>

const struct plug__program_conf plug__program_defaults = {
    .fdout = 1, .process = PLUG__PROCESS_NONE, .terminal = PLUG__PTY_NONE};

#define PROGRAM_AT(field) offsetof(struct plug__program_conf, field)

const struct plug_option plug__program_options[] = {
    {.name = "pipes",
     .type = PLUG_OPT_FLAG,
     .offset = PROGRAM_AT(pipes),
     .help = "two pipes instead of a socket pair"},
    {.name = "stderr",
     .type = PLUG_OPT_FLAG,
     .offset = PROGRAM_AT(stderr_too),
     .help = "its standard error comes with its output"},
    {.name = "fdin",
     .type = PLUG_OPT_INT,
     .offset = PROGRAM_AT(fdin),
     .min = 0,
     .max = 1023,
     .value = "N",
     .help = "the descriptor it reads from (0)"},
    {.name = "fdout",
     .type = PLUG_OPT_INT,
     .offset = PROGRAM_AT(fdout),
     .min = 1,
     .max = 1023,
     .value = "N",
     .help = "the descriptor it writes to (1)"},
    {.name = "chdir",
     .aliases = "cd",
     .type = PLUG_OPT_STRING,
     .offset = PROGRAM_AT(chdir),
     .value = "DIR",
     .help = "starts it in this directory"},
    {.name = "setsid",
     .aliases = "sid",
     .type = PLUG_OPT_FLAG,
     .offset = PROGRAM_AT(setsid),
     .help = "in a session of its own"},
    {.name = "setpgid",
     .aliases = "pgid",
     .type = PLUG_OPT_FLAG,
     .offset = PROGRAM_AT(setpgid),
     .help = "in a process group of its own"},
    {.name = "pty",
     .aliases = "openpty ptmx",
     .type = PLUG_OPT_FLAG,
     .offset = PROGRAM_AT(pty),
     .help = "on a terminal of its own instead of a socket pair"},
    {.name = "ctty",
     .aliases = "tiocsctty",
     .type = PLUG_OPT_FLAG,
     .offset = PROGRAM_AT(ctty),
     .help = "that terminal controls it: job control, ^C; with setsid"},
    {.name = "process",
     .type = PLUG_OPT_GROUP,
     .offset = PROGRAM_AT(process),
     .group = plug__process_options},
    {.name = "terminal",
     .type = PLUG_OPT_GROUP,
     .offset = PROGRAM_AT(terminal),
     .group = plug__pty_options},
    {0},
};

const struct plug_kind plug__program_kinds[] = {
    {
        .name = "exec",
        .params = PLUG_PARAM_COMMAND,
        .usage = "COMMAND",
        .help = "a program, its words split at blanks",
        .example = "plug tcp-listen://:7013 exec:date",
    },
    {
        .name = "system",
        .params = PLUG_PARAM_COMMAND,
        .usage = "COMMAND",
        .help = "a command of the shell",
        .example = "plug tcp-listen://:7013 'system:who | wc -l'",
    },
    {
        .name = "shell",
        .params = PLUG_PARAM_COMMAND | PLUG_PARAM_OPTIONAL,
        .usage = "[COMMAND]",
        .help = "a command of $SHELL; without one, $SHELL itself on a terminal",
        .example = "plug unix-listen:/tmp/sh.sock,mode=600 shell:",
    },
    {0},
};

/* ---- planning ---- */

static int program_shell(struct plug_plan *plan, const char *command, const char *const **ret,
                         struct plug_err *reterr)
{
    const char **words = plug__plan_alloc(plan, 4 * sizeof(*words));
    char *shell = plug__plan_strdup(plan, plug__os_shell());
    if (!words || !shell)
        return plug__err(reterr, PLUG_ENOMEM, 0, NULL, "out of memory");
    words[0] = shell;
    words[1] = words[2] = words[3] = NULL;
    if (command[strspn(command, " \t\n")]) {
        words[1] = "-c";
        words[2] = command;
    }
    *ret = words;
    return 0;
}

static int program_refuse(const struct plug_step *step, const struct plug_optval *v,
                          const char *why, const char *hint, struct plug_err *reterr)
{
    plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "%s %s", v->option->name, why);
    plug__err_hint(reterr, "%s", hint);
    plug__err_at(reterr, v->column, v->width);
    return PLUG_EUSAGE;
}

/* Options of a terminal that others open: a program has its own from the start. */
static int program_waits(const char *name)
{
    return strcmp(name, "wait-slave") == 0 || strcmp(name, "pty-interval") == 0 ||
           strcmp(name, "sitout-eio") == 0;
}

static int program_terminal(const struct plug_step *step, int pty, int pipes,
                            struct plug_err *reterr)
{
    for (unsigned i = 0; i < step->nopts; i++) {
        const struct plug_optval *v = &step->opts[i];
        const char *name = v->option->name;
        uint32_t offset;
        int of_terminal = strcmp(name, "ctty") == 0 ||
                          plug__option_find(plug__pty_options, name, strlen(name), &offset);
        if (pty && program_waits(name))
            return program_refuse(step, v, "is for a terminal that others open",
                                  "leave it out: the program has it open from the start", reterr);
        if (pty && pipes && strcmp(name, "pipes") == 0)
            return program_refuse(step, v, "contradicts pty",
                                  "a terminal is one object both ways: leave pipes out", reterr);
        if (of_terminal && !pty)
            return program_refuse(step, v, "is for a terminal, which the program does not get",
                                  "add pty, and setsid,ctty for job control", reterr);
    }
    return 0;
}

static int program_nofork(const struct plug_step *step, int relayed, struct plug_err *reterr)
{
    for (unsigned i = 0; relayed && i < step->nopts; i++)
        if (strcmp(step->opts[i].option->name, "nofork") == 0 && step->opts[i].number)
            return program_refuse(step, &step->opts[i], "leaves nobody to relay",
                                  "leave out pty, pipes or nofork", reterr);
    return 0;
}

static int program_by_shell(const struct plug_step *step)
{
    return step->kind && strcmp(step->kind->name, "system") == 0;
}

/* What is run, and on what. */
static int program_words(struct plug_step *step, struct plug__program_conf *c,
                         struct plug_err *reterr)
{
    const char *kind = step->kind ? step->kind->name : "exec";
    const char *command = step->path ? step->path : "";
    int empty = !command[strspn(command, " \t\n")];
    if (strcmp(kind, "pty") == 0 || (strcmp(kind, "shell") == 0 && empty && !c->pipes))
        c->pty = c->ctty = c->stderr_too = 1;
    if (strcmp(kind, "shell") == 0)
        return c->argv ? 0 : program_shell(step->plan, command, &c->argv, reterr);
    if (empty)
        return plug__err(reterr, PLUG_EUSAGE, 0, "exec", "there is no command");
    if (program_by_shell(step) || c->argv)
        return 0;
    return plug__words(step->plan, command, &c->argv, reterr);
}

int plug__program_plan(struct plug_step *step, struct plug_err *reterr)
{
    struct plug__program_conf *c = step->conf;
    int r = step->plan->unaimed ? 0 : program_words(step, c, reterr);
    step->offers = PLUG_STREAM;
    if (r >= 0)
        r = plug__process_check(step, &c->process, c->argv ? c->argv[0] : "sh", reterr);
    if (r >= 0)
        r = program_terminal(step, c->pty, c->pipes, reterr);
    if (r >= 0)
        r = program_nofork(step, c->pty || c->pipes, reterr);
    if (r < 0 || !c->pty)
        return r;
    c->setsid |= c->ctty;
    step->flags &= ~(unsigned)PLUG_HALFCLOSE; /* one object: its end can only be said by ^D */
    step->flags |= PLUG_TELLS;
    return plug__tty_check(step, &c->terminal.tty, reterr);
}

/* ---- starting ---- */

struct plug__spawn plug__program_how(const struct plug_step *step, plug_handle in, plug_handle out)
{
    const struct plug__program_conf *c = step->conf;
    struct plug__spawn how = {
        .argv = c->argv,
        .in = in,
        .out = out,
        .err = c->stderr_too ? out : PLUG_NO_HANDLE,
        .in_fd = (int)c->fdin,
        .out_fd = (int)c->fdout,
        .chdir = c->chdir,
        .setsid = c->setsid,
        .new_group = c->setpgid,
        .ctty = c->ctty,
    };
    if (program_by_shell(step)) {
        how.argv = NULL;
        how.shell = step->path;
    }
    return how;
}

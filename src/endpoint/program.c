/* SPDX-License-Identifier: MIT
 *
 * The words of $SHELL, and whether options of a terminal can stand. The rest of starting a program
 * is exec.c's and process.c's.
 */
#include "endpoint/program.h"

#include "endpoint/pty.h"
#include "util/err.h"
#include <string.h>

int plug__program_shell(struct plug_plan *plan, const char *command, const char *const **ret,
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

int plug__program_terminal(const struct plug_step *step, int pty, int pipes,
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

int plug__program_nofork(const struct plug_step *step, int relayed, struct plug_err *reterr)
{
    for (unsigned i = 0; relayed && i < step->nopts; i++)
        if (strcmp(step->opts[i].option->name, "nofork") == 0 && step->opts[i].number)
            return program_refuse(step, &step->opts[i], "leaves nobody to relay",
                                  "leave out pty, pipes or nofork", reterr);
    return 0;
}

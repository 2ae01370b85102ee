/* SPDX-License-Identifier: MIT
 *
 * The command `plug`: reads the command line and hands over to what it asks for.
 * It deliberately does nothing else.
 */
#include "cli/args.h"
#include "cli/log.h"
#include "cli/run.h"
#include "cli/tour.h"
#include "cli/verbs.h"
#include "core/plan.h"
#include "os/os.h"
#include "relay/relay.h"
#include <plug/loop.h>
#include <stdio.h>
#include <string.h>

static void main_backends(void)
{
    static const char *const names[] = {"epoll", "poll"};

    fputs("loops:", stdout);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct plug_loop *loop = NULL;
        if (plug_loop_new(&loop, names[i], NULL) >= 0)
            printf(" %s", names[i]);
        plug_loop_free(loop);
    }
    putchar('\n');
}

static int main_version(void)
{
    printf("plug %s on %s\n", plug_version(), plug__os_name());
    main_backends();
    fputs("layers:", stdout);
    for (const struct plug_ops *const *ops = plug__layers; *ops; ops++)
        printf(" %s", (*ops)->name);
    puts("\nMIT licence; no warranty");
    return 0;
}

struct main_verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the verb */
};

static const struct main_verb main_verbs[] = {
    {"explain", plug__cli_explain},
    {"list", plug__cli_list},
    {"help", plug__cli_help},
    {"tour", plug__tour_main},
};

/* argv[0] is the verb. --json may stand before it as well as behind it. */
static int main_verb(int argc, char **argv, int json)
{
    static char flag[] = "--json";

    if (json) { /* so an option stood before the verb, and its place is free */
        argv[-1] = argv[0];
        argv[0] = flag;
        argv--;
        argc++;
    }
    for (size_t i = 0; i < PLUG__COUNT(main_verbs); i++)
        if (strcmp(argv[0], main_verbs[i].name) == 0)
            return main_verbs[i].run(argc, argv);
    return 2; /* args.c names the same verbs */
}

/* Asked for, it goes to standard output; without any argument it is the answer to a mistake. */
static int main_usage(int asked)
{
    plug__cli_usage(asked ? stdout : stderr);
    return asked ? 0 : plug__exit_code(PLUG_EUSAGE);
}

/* What is wrong with the command line, as JSON when that was asked for before. */
static int main_wrong(const struct plug__args *args, const char *text, const struct plug_err *err)
{
    struct plug__log log;

    plug__log_init(&log, args->level, args->log_json);
    if (args->log_json)
        plug__log_error(&log, err);
    else
        plug__cli_error(stderr, text, err);
    return plug__exit_code(err->code);
}

int main(int argc, char **argv)
{
    struct plug__args args;
    struct plug_err err = {0};
    const char *text = NULL;
    int status;

    (void)plug__os_init();
    if (plug__args_parse(&args, argc, argv, &text, &err) < 0) {
        status = main_wrong(&args, text, &err);
    } else if (args.action == PLUG__ACTION_VERSION) {
        status = main_version();
    } else if (args.action == PLUG__ACTION_HELP) {
        status = main_usage(argc > 1);
    } else if (args.action == PLUG__ACTION_VERB) {
        status = main_verb(argc - args.verb, argv + args.verb, args.json);
    } else {
        status = plug__run(&args);
    }
    plug__args_drop(&args);
    return status;
}

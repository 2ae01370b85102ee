/* SPDX-License-Identifier: MIT
 *
 * The command `plug`: reads the command line and hands over to what it asks for.
 * It deliberately does nothing else.
 */
#include "cli/args.h"
#include "cli/run.h"
#include "cli/tour.h"
#include "cli/verbs.h"
#include "core/plan.h"
#include "os/os.h"
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

static int main_verb(const struct plug__args *args, int argc, char **argv)
{
    const char *verb = argv[args->verb];

    if (strcmp(verb, "tour") == 0)
        return plug__tour_main(argc - args->verb - 1, argv + args->verb + 1);
    return 2;
}

int main(int argc, char **argv)
{
    struct plug__args args;
    struct plug_err err = {0};
    const char *text = NULL;
    int status;

    (void)plug__os_init();
    if (plug__args_parse(&args, argc, argv, &text, &err) < 0) {
        plug__cli_error(text, &err);
        status = plug__exit_code(err.code);
    } else if (args.action == PLUG__ACTION_VERSION) {
        status = main_version();
    } else if (args.action == PLUG__ACTION_HELP) {
        status = plug__cli_usage(argc, argv);
    } else if (args.action == PLUG__ACTION_VERB) {
        status = main_verb(&args, argc, argv);
    } else {
        status = plug__run(&args);
    }
    plug__args_drop(&args);
    return status;
}

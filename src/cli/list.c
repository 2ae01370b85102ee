/* SPDX-License-Identifier: MIT
 *
 * `plug list`: the kinds of addresses of this build; `plug list options KIND`: what one takes. It
 * holds no text of its own about them.
 */
#include "cli/describe.h"
#include "cli/verbs.h"
#include <string.h>

static int list_kinds(void)
{
    struct plug__str out = {0};

    for (int layers = 0; layers < 2; layers++) {
        plug__str_add(&out, layers ? "\nlayers, put before an address with +\n" : "addresses\n");
        for (const struct plug_ops *const *ops = plug__layers; *ops; ops++) {
            for (const struct plug_kind *k = (*ops)->kinds; k && k->name; k++) {
                int layer = (k->flags & PLUG_KIND_LAYER) != 0;
                if (layer == layers && !(k->flags & PLUG_KIND_HIDDEN))
                    plug__describe_kind(&out, k);
            }
        }
    }
    plug__str_add(&out, "\nmore of one: plug help KIND; its options: plug list options KIND\n");
    return plug__describe_print(&out);
}

static int list_kinds_json(void)
{
    struct plug__str out = {0};
    int first = 1;

    plug__str_add(&out, "{\"kinds\":[");
    for (const struct plug_ops *const *ops = plug__layers; *ops; ops++) {
        for (const struct plug_kind *k = (*ops)->kinds; k && k->name; k++) {
            if (k->flags & PLUG_KIND_HIDDEN)
                continue;
            if (!first)
                plug__str_add(&out, ",\n");
            plug__describe_kind_json(&out, *ops, k);
            first = 0;
        }
    }
    plug__str_add(&out, "]}\n");
    return plug__describe_print(&out);
}

static int list_options(const struct plug_ops *ops, const struct plug_kind *k)
{
    struct plug__str out = {0};
    int role = k ? k->role : -1;

    if (k && ops->options) {
        plug__str_printf(&out, "options of %s\n", k->name);
        plug__describe_options(&out, ops->options, role);
        plug__str_add(&out, "\n");
    }
    plug__str_add(&out, "options of any address\n");
    plug__describe_options(&out, plug__common_options, role);
    return plug__describe_print(&out);
}

static int list_options_json(const struct plug_ops *ops, const struct plug_kind *k)
{
    struct plug__str out = {0};
    int role = k ? k->role : -1;

    plug__str_add(&out, "{\"kind\":");
    if (k)
        plug__str_json(&out, k->name);
    else
        plug__str_add(&out, "null");
    plug__str_add(&out, ",\"options\":[");
    if (k)
        plug__describe_options_json(&out, ops->options, role, 1);
    plug__str_add(&out, "],\"common\":[");
    plug__describe_options_json(&out, plug__common_options, role, 1);
    plug__str_add(&out, "]}\n");
    return plug__describe_print(&out);
}

static int list_unknown(const char *name)
{
    struct plug_err err = {.code = PLUG_EUSAGE};
    const char *near = plug__nearest_kind(name, strlen(name), NULL);

    if (near)
        (void)snprintf(err.text, sizeof err.text,
                       "kind \"%.60s\" is not known (did you mean \"%s\"?)", name, near);
    else
        (void)snprintf(err.text, sizeof err.text, "kind \"%.60s\" is not known", name);
    plug__strcpy(err.hint, "list them: plug list", sizeof err.hint);
    plug__cli_error(stderr, NULL, &err);
    return 2;
}

int plug__cli_list(int argc, char **argv)
{
    int json = plug__describe_json_flag(&argc, argv);
    const struct plug_kind *k = NULL;
    const struct plug_ops *ops = NULL;

    if (argc < 2 || strcmp(argv[1], "kinds") == 0)
        return json ? list_kinds_json() : list_kinds();
    if (strcmp(argv[1], "options") != 0 || argc > 3) {
        fprintf(stderr, "plug: list takes nothing, or \"options\" and one kind\n"
                        "    usage: plug list [--json], plug list options [KIND]; of one kind: "
                        "plug help KIND\n");
        return 2;
    }
    if (argc == 3) {
        ops = plug__find_kind(argv[2], strlen(argv[2]), NULL, &k);
        if (!ops)
            return list_unknown(argv[2]);
    }
    return json ? list_options_json(ops, k) : list_options(ops, k);
}

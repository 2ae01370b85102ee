/* SPDX-License-Identifier: MIT
 *
 * `--help` and `plug help KIND|OPTION`. What kinds and options are comes from their tables; only
 * the first page is written here.
 */
#include "cli/describe.h"
#include "cli/verbs.h"
#include <string.h>

void plug__cli_usage(FILE *out)
{
    fputs("usage: plug [OPTION]... ADDRESS ADDRESS [-- ADDRESS ADDRESS]...\n"
          "       plug explain|list|help|tour [...]\n"
          "\n"
          "  plug tcp-listen://:8080 echo:                 a TCP echo service on loopback\n"
          "  plug - tcp:localhost:8080                     talk to it\n"
          "  plug tcp-listen://:8081 tcp:localhost:8080    hand every connection on\n"
          "  plug unix-listen:/tmp/s,fork exec:date        a command for each connection\n"
          "  plug udp-listen://:5353 udp:127.0.0.53:53     UDP, a session for each peer\n"
          "  plug -u open:/etc/hosts -                     a file to standard output\n"
          "\n"
          "  -d, -d0..-d4     say more, or how much        -v  -x       text, hex of data\n"
          "  -u  -U           only forth, only back        -4  -6       one family of IP\n"
          "  -b BYTES         block size                   -t SECONDS   wait after one end\n"
          "  -T SECONDS       end when silent so long      -V           version\n"
          "  --statistics     count at the end (USR1)      --log=json   events as JSON\n"
          "  --ready-fd=N     tell where it listens        --drain=SECONDS  at a signal\n"
          "  --exit-code=child  that of a program          --no-splice  copy in user space\n"
          "\n"
          "An address is a URL, name://HOST:PORT#option,option=value, or socat's form.\n"
          "plug list                 the kinds of addresses\n"
          "plug help KIND|OPTION     one of them            plug explain ADDRESS [ADDRESS]\n"
          "exit: 2 usage, 3 resolve, 4 refused, 5 timeout, 7 permission, 8 lost, 9 child\n",
          out);
}

/* ---- kinds ---- */

static void help_urls(struct plug__str *out, const struct plug_kind *k)
{
    if (k->flags & PLUG_KIND_URL_PATH)
        plug__str_printf(out, "or:      %s:///PATH\n", k->name);
    else if ((k->flags & PLUG_KIND_URL) && !(k->flags & PLUG_KIND_LAYER))
        plug__str_printf(out, "or:      %s://%s\n", k->name,
                         k->role == PLUG_LISTENER ? "[HOST]:PORT" : "HOST:PORT");
}

static int help_kind(const struct plug_ops *ops, const struct plug_kind *k)
{
    struct plug__str out = {0};

    plug__str_printf(&out, "%s: %s\n", k->name, k->help ? k->help : ops->name);
    plug__str_add(&out, "usage:   ");
    plug__describe_form(&out, k);
    plug__str_add(&out, "\n");
    help_urls(&out, k);
    if (k->example)
        plug__str_printf(&out, "example: %s\n", k->example);
    if (k->aliases)
        plug__str_printf(&out, "also:    %s\n", k->aliases);
    if (k->preset)
        plug__str_printf(&out, "sets:    %s\n", k->preset);
    if (ops->options) {
        plug__str_add(&out, "options:\n");
        plug__describe_options(&out, ops->options, k->role);
    }
    plug__str_printf(&out, "more options, of any address: plug list options %s\n", k->name);
    return plug__describe_print(&out);
}

/* ---- options ---- */

static void help_option_text(struct plug__str *out, const struct plug_option *o, const char *layer)
{
    plug__str_printf(out, "%s", o->name);
    if (o->value)
        plug__str_printf(out, "=%s", o->value);
    plug__str_printf(out, ": %s\n", o->help ? o->help : "");
    if (o->aliases)
        plug__str_printf(out, "  also:  %s\n", o->aliases);
    if (o->type == PLUG_OPT_ENUM)
        plug__str_printf(out, "  one of %s\n", o->choices);
    plug__str_add(out, "  acts:  ");
    plug__describe_place(out, o, layer);
    plug__str_add(out, "\n  of:   ");
}

static void help_kinds_of(struct plug__str *out, const struct plug_ops *ops)
{
    for (const struct plug_kind *k = ops->kinds; k && k->name; k++)
        plug__str_printf(out, " %s", k->name);
}

/* The same option of several layers (a group they share) is told once. */
static int help_option(const char *name)
{
    const struct plug_option *last = NULL, *o;
    struct plug__str out = {0};
    size_t n = strlen(name);
    uint32_t offset;

    o = plug__option_find(plug__common_options, name, n, &offset);
    if (o) {
        help_option_text(&out, o, NULL);
        plug__str_add(&out, " any address");
    }
    for (const struct plug_ops *const *ops = plug__layers; *ops; ops++) {
        const struct plug_option *own = plug__option_find((*ops)->options, name, n, &offset);
        if (!own || !(*ops)->kinds || !(*ops)->kinds->name)
            continue;
        if (own != last) {
            plug__str_add(&out, out.len ? "\n" : "");
            help_option_text(&out, own, (*ops)->name);
        }
        help_kinds_of(&out, *ops);
        last = own;
    }
    if (!out.len) {
        plug__str_drop(&out);
        return -1;
    }
    plug__str_add(&out, "\n");
    return plug__describe_print(&out);
}

static const char *help_nearest(const char *name)
{
    unsigned distance = 3;
    const char *best = plug__nearest_kind(name, strlen(name), NULL);
    const char *option = plug__option_nearest(plug__common_options, name, &distance);

    for (const struct plug_ops *const *ops = plug__layers; *ops; ops++) {
        const char *own = plug__option_nearest((*ops)->options, name, &distance);
        option = own ? own : option;
    }
    return best ? best : option;
}

static int help_unknown(const char *name)
{
    struct plug_err err = {.code = PLUG_EUSAGE};
    const char *near = help_nearest(name);

    if (near)
        (void)snprintf(err.text, sizeof err.text,
                       "no kind or option \"%.60s\" (did you mean \"%s\"?)", name, near);
    else
        (void)snprintf(err.text, sizeof err.text, "no kind or option \"%.60s\"", name);
    plug__strcpy(err.hint, "list them: plug list, plug list options", sizeof err.hint);
    plug__cli_error(stderr, NULL, &err);
    return 2;
}

/* What the first page tells all about: an option of the command, or one of its verbs. */
static int help_is_command(const char *name)
{
    static const char *const verbs[] = {"explain", "list", "help", "tour"};

    for (size_t i = 0; i < PLUG__COUNT(verbs); i++)
        if (strcmp(name, verbs[i]) == 0)
            return 1;
    return name[0] == '-' && name[1];
}

int plug__cli_help(int argc, char **argv)
{
    const struct plug_kind *k = NULL;
    const struct plug_ops *ops;
    int found;

    if (argc < 2 || help_is_command(argv[1])) {
        plug__cli_usage(stdout);
        return 0;
    }
    ops = plug__find_kind(argv[1], strlen(argv[1]), NULL, &k);
    if (ops)
        return help_kind(ops, k);
    found = help_option(argv[1]);
    return found >= 0 ? found : help_unknown(argv[1]);
}

/* SPDX-License-Identifier: MIT
 *
 * `--help` and `plug help ADDRESS|OPTION|TOPIC`. What kinds and options are comes from their
 * tables, what topics say from theirs; only the first page is written here.
 */
#include "cli/args.h"
#include "cli/describe.h"
#include "cli/topics.h"
#include "cli/verbs.h"
#include <string.h>

static const char help_usage[] =
    "usage: plug [OPTION]... ADDRESS [ADDRESS] [-- ADDRESS ADDRESS]...\n"
    "       plug explain|list|help|tour [...]\n"
    "\n";

static const char help_examples[] =
    "  plug tcp-listen://:8080 echo:                 a TCP echo service on loopback\n"
    "  plug - tcp:localhost:8080                     talk to it\n"
    "  plug tcp-listen://:8081 tcp:localhost:8080    hand every connection on\n"
    "  plug unix-listen:/tmp/s,fork exec:date        a command for each connection\n"
    "  plug udp-listen://:5353 udp:127.0.0.53:53     UDP, a session for each peer\n"
    "  plug -u open:/etc/hosts -                     a file to standard output\n";

static const char help_rest[] =
    "\n"
    "  -d, -d0..-d4     say more, or how much        -v  -x       text, hex of data\n"
    "  -u  -U           only forth, only back        -4  -6       one family of IP\n"
    "  -b BYTES         block size                   -t SECONDS   wait after one end\n"
    "  -T SECONDS       end when silent so long      -V           version\n"
    "  --statistics     count at the end (USR1)      --log=json   events as JSON\n"
    "  --ready-fd=N     tell where it listens        --drain=SECONDS  at a signal\n"
    "  --exit-code=child  that of a program          plug help --  all of them\n"
    "\n"
    "An address is a URL, name://HOST:PORT#option,option=value, or socat's form.\n"
    "plug list                 the kinds of addresses; plug help NAME tells of one\n"
    "plug help addresses|options|ends|records|listen|exit|socat|library|examples\n"
    "exit: 2 usage, 3 resolve, 4 refused, 5 timeout, 7 permission, 8 lost, 9 child\n";

void plug__cli_usage(FILE *out)
{
    fputs(help_usage, out);
    fputs(help_examples, out);
    fputs(help_rest, out);
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

/* ---- options of the command ---- */

static void help_row(struct plug__str *out, const struct plug__args_row *row)
{
    size_t from = out->len;
    plug__str_printf(out, "  %s%s%s", row->name,
                     !row->value           ? ""
                     : row->name[1] == '-' ? "="
                                           : " ",
                     row->value ? row->value : "");
    while (out->len - from < 22 && !out->failed)
        plug__str_add(out, " ");
    plug__str_printf(out, "  %s\n", row->help);
}

/* All of them, or the one that `name` spells. Returns how many. */
static int help_rows(struct plug__str *out, const char *name)
{
    struct plug__args_row row, shown = {0};
    int n = 0;
    for (unsigned i = 0; plug__args_option(i, &row); i++) {
        if (row.help)
            shown = row;
        if (name ? strcmp(row.name, name) != 0 : !row.help)
            continue;
        help_row(out, &shown);
        n++;
    }
    return n;
}

static int help_command(const char *name)
{
    struct plug__str out = {0};
    char word[32];
    size_t n = strcspn(name, "=");
    plug__strcpy(word, name, n < sizeof word ? n + 1 : sizeof word);
    if (help_rows(&out, strcmp(name, "--") == 0 ? NULL : word))
        return plug__describe_print(&out);
    plug__str_drop(&out);
    return -1;
}

/* ---- topics ---- */

static int help_topic(const struct plug__topic *t)
{
    struct plug__str out = {0};
    plug__str_printf(&out, "%s: %s\n\n%s", t->name, t->title, t->text);
    return plug__describe_print(&out);
}

/* ---- as data ---- */

static void help_member(struct plug__str *out, const char *before, const char *name,
                        const char *value)
{
    plug__str_printf(out, "%s\"%s\":", before, name);
    if (value)
        plug__str_json(out, value);
    else
        plug__str_add(out, "null");
}

/* What the manual and the completions are made of, beside `plug list --json`. */
static int help_json(void)
{
    struct plug__str out = {0};
    struct plug__args_row row;
    help_member(&out, "{", "examples", help_examples);
    plug__str_add(&out, ",\n\"verbs\":[");
    for (unsigned i = 0; plug__args_verb(i); i++) {
        plug__str_add(&out, i ? "," : "");
        plug__str_json(&out, plug__args_verb(i));
    }
    plug__str_add(&out, "],\n\"options\":[");
    for (unsigned i = 0; plug__args_option(i, &row); i++) {
        help_member(&out, i ? ",\n{" : "{", "name", row.name);
        help_member(&out, ",", "value", row.value);
        help_member(&out, ",", "help", row.help);
        plug__str_add(&out, "}");
    }
    plug__str_add(&out, "],\n\"topics\":[");
    for (const struct plug__topic *t = plug__topics; t->name; t++) {
        help_member(&out, t == plug__topics ? "{" : ",\n{", "name", t->name);
        help_member(&out, ",", "title", t->title);
        help_member(&out, ",", "text", t->text);
        plug__str_add(&out, "}");
    }
    plug__str_add(&out, "]}\n");
    return plug__describe_print(&out);
}

/* ---- what is not known ---- */

static const char *help_nearest(const char *name)
{
    const char *best = plug__nearest_kind(name, strlen(name), NULL), *other;
    unsigned distance = best ? plug__distance(name, best, 3) : 3;

    other = plug__topic_nearest(name, &distance);
    best = other ? other : best;
    other = plug__option_nearest(plug__common_options, name, &distance);
    best = other ? other : best;
    for (const struct plug_ops *const *ops = plug__layers; *ops; ops++) {
        other = plug__option_nearest((*ops)->options, name, &distance);
        best = other ? other : best;
    }
    return best;
}

static const char *help_nearest_row(const char *name)
{
    struct plug__args_row row;
    const char *best = NULL;
    unsigned distance = 3;
    for (unsigned i = 0; plug__args_option(i, &row); i++) {
        unsigned d = row.name[1] == '-' ? plug__distance(name, row.name, distance) : distance;
        if (d < distance) {
            distance = d;
            best = row.name;
        }
    }
    return best;
}

static int help_unknown(const char *name)
{
    struct plug_err err = {.code = PLUG_EUSAGE};
    const char *near = name[0] == '-' ? help_nearest_row(name) : help_nearest(name);

    if (near)
        (void)snprintf(err.text, sizeof err.text,
                       "no kind, option or topic \"%.60s\" (did you mean \"%s\"?)", name, near);
    else
        (void)snprintf(err.text, sizeof err.text, "no kind, option or topic \"%.60s\"", name);
    plug__strcpy(err.hint, "list them: plug list, plug list options, plug help --, plug help",
                 sizeof err.hint);
    plug__cli_error(stderr, NULL, &err);
    return 2;
}

/* The first page tells of the verbs. */
static int help_is_verb(const char *name)
{
    for (unsigned i = 0; plug__args_verb(i); i++)
        if (strcmp(name, plug__args_verb(i)) == 0)
            return 1;
    return 0;
}

/* The kind that a name, or a whole address, begins with: its lowest layer. */
static const struct plug_ops *help_find(const char *text, const struct plug_kind **ret)
{
    size_t n = strcspn(text, ":,#");
    const char *from = text;
    for (const char *p = text; p < text + n; p++)
        if (*p == '+')
            from = p + 1;
    return plug__find_kind(from, n - (size_t)(from - text), NULL, ret);
}

static int help_name(const char *name)
{
    const struct plug_kind *k = NULL;
    const struct plug_ops *ops = help_find(name, &k);
    const struct plug__topic *t = plug__topic_find(name);
    int found;

    if (ops && strcmp(name, "-") != 0)
        return help_kind(ops, k) || help_option(name) > 0; /* echo is a terminal's option as well */
    if (t)
        return help_topic(t);
    found = name[0] == '-' && name[1] ? help_command(name) : -1;
    if (found < 0)
        found = ops ? help_kind(ops, k) : help_option(name);
    return found >= 0 ? found : help_unknown(name);
}

int plug__cli_help(int argc, char **argv)
{
    int json = plug__describe_json_flag(&argc, argv);

    if (json)
        return help_json();
    if (argc < 2 || help_is_verb(argv[1])) {
        plug__cli_usage(stdout);
        return 0;
    }
    return help_name(argv[1]);
}

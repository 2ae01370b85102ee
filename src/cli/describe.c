/* SPDX-License-Identifier: MIT
 *
 * Kinds and options put into words and into JSON. It decides nothing: all comes from the tables.
 */
#include "cli/describe.h"
#include <string.h>

enum { DESCRIBE_FORM = 32, DESCRIBE_NAME = 26 };

static void describe_pad(struct plug__str *out, size_t from, size_t width)
{
    plug__str_add(out, "  ");
    while (out->len - from < width && !out->failed)
        plug__str_add(out, " ");
}

const char *plug__describe_role(int role)
{
    return role == PLUG_LISTENER ? "listener" : role == PLUG_SERVER ? "server" : "client";
}

/* ---- kinds ---- */

static const char *describe_usage(const struct plug_kind *k)
{
    if ((k->params & ~PLUG_PARAM_OPTIONAL) == PLUG_PARAM_PORT)
        return "PORT"; /* the host is the URL's, or bind= */
    if (k->usage)
        return k->usage;
    switch (k->params & ~PLUG_PARAM_OPTIONAL) {
    case PLUG_PARAM_HOST_PORT:
        return "HOST:PORT";
    case PLUG_PARAM_PORT:
        return "PORT";
    case PLUG_PARAM_PATH:
        return "PATH";
    case PLUG_PARAM_NUMBER:
        return "N";
    case PLUG_PARAM_NAME:
        return "NAME";
    case PLUG_PARAM_TEXT:
        return "TEXT";
    case PLUG_PARAM_COMMAND:
        return "COMMAND";
    default:
        return "";
    }
}

void plug__describe_form(struct plug__str *out, const struct plug_kind *k)
{
    const char *usage = describe_usage(k);
    int optional = (k->params & PLUG_PARAM_OPTIONAL) != 0;

    plug__str_add(out, k->name);
    if (k->flags & PLUG_KIND_LAYER)
        plug__str_add(out, "+ADDRESS");
    else if (*usage)
        plug__str_printf(out, optional && *usage != '[' ? "[:%s]" : ":%s", usage);
}

void plug__describe_kind(struct plug__str *out, const struct plug_kind *k)
{
    size_t from = out->len;

    plug__str_add(out, "  ");
    plug__describe_form(out, k);
    describe_pad(out, from, DESCRIBE_FORM);
    plug__str_add(out, k->help ? k->help : "");
    plug__str_add(out, "\n");
}

static void describe_member(struct plug__str *out, const char *name, const char *value)
{
    plug__str_printf(out, ",\"%s\":", name);
    if (value)
        plug__str_json(out, value);
    else
        plug__str_add(out, "null");
}

/* "a b" as ["a","b"]. */
static void describe_words(struct plug__str *out, const char *name, const char *words)
{
    int first = 1;

    plug__str_printf(out, ",\"%s\":[", name);
    for (words = words ? words : ""; *words;) {
        size_t n = strcspn(words, " ");
        if (n)
            plug__str_printf(out, "%s\"%.*s\"", first ? "" : ",", (int)n, words);
        first = first && !n;
        words += words[n] ? n + 1 : n;
    }
    plug__str_add(out, "]");
}

void plug__describe_kind_json(struct plug__str *out, const struct plug_ops *ops,
                              const struct plug_kind *k)
{
    int url = (k->flags & (PLUG_KIND_URL | PLUG_KIND_URL_PATH)) != 0;

    plug__str_add(out, "{\"name\":");
    plug__str_json(out, k->name);
    describe_words(out, "aliases", k->aliases);
    describe_member(out, "layer", ops->name);
    describe_member(out, "role", plug__describe_role(k->role));
    plug__str_printf(out, ",\"base\":%s,\"url\":%s", k->flags & PLUG_KIND_LAYER ? "false" : "true",
                     url ? "true" : "false");
    describe_member(out, "usage", describe_usage(k));
    describe_member(out, "help", k->help);
    describe_member(out, "example", k->example);
    plug__str_add(out, "}");
}

/* ---- options ---- */

struct describe_walk {
    struct plug__str *out;
    int role, first, n;
};

static int describe_wanted(const struct plug_option *o, int role)
{
    if (role < 0)
        return 1;
    if (o->flags & PLUG_OPT_LISTENER)
        return role == PLUG_LISTENER;
    return !(o->flags & PLUG_OPT_CLIENT) || role != PLUG_LISTENER;
}

static const char *describe_value(const struct plug_option *o)
{
    if (o->value)
        return o->value;
    switch ((enum plug_option_type)o->type) {
    case PLUG_OPT_FLAG:
    case PLUG_OPT_SOCKFLAG:
        return NULL;
    case PLUG_OPT_SIZE:
        return "BYTES";
    case PLUG_OPT_TIME:
    case PLUG_OPT_SOCKSECS:
    case PLUG_OPT_SOCKMS:
    case PLUG_OPT_SOCKTIMEVAL:
    case PLUG_OPT_SOCKLINGER:
        return "SECONDS";
    case PLUG_OPT_MODE:
        return "MODE";
    case PLUG_OPT_BYTE:
        return "BYTE";
    case PLUG_OPT_SOCKANY:
        return "LEVEL:NAME:VALUE";
    case PLUG_OPT_INT:
    case PLUG_OPT_SOCKINT:
        return "N";
    default:
        return "TEXT";
    }
}

static int describe_option(const struct plug_option *o, uint32_t offset, void *arg)
{
    struct describe_walk *w = arg;
    const char *value = describe_value(o);
    size_t from = w->out->len;

    (void)offset;
    if (!describe_wanted(o, w->role))
        return 0;
    w->n++;
    plug__str_printf(w->out, "  %s%s%s", o->name, value ? "=" : "", value ? value : "");
    describe_pad(w->out, from, DESCRIBE_NAME);
    plug__str_add(w->out, o->help ? o->help : "");
    if (o->flags & PLUG_OPT_UNSUPPORTED)
        plug__str_add(w->out, " (not on this system)");
    plug__str_add(w->out, "\n");
    return w->out->failed;
}

int plug__describe_options(struct plug__str *out, const struct plug_option *table, int role)
{
    struct describe_walk w = {.out = out, .role = role};

    (void)plug__options_each(table, describe_option, &w);
    return w.n;
}

static const char *describe_type(const struct plug_option *o)
{
    static const char *const names[] = {
        [PLUG_OPT_FLAG] = "flag",        [PLUG_OPT_INT] = "integer",
        [PLUG_OPT_SIZE] = "size",        [PLUG_OPT_TIME] = "time",
        [PLUG_OPT_STRING] = "text",      [PLUG_OPT_ENUM] = "choice",
        [PLUG_OPT_MODE] = "mode",        [PLUG_OPT_BYTE] = "byte",
        [PLUG_OPT_SOCKINT] = "integer",  [PLUG_OPT_SOCKFLAG] = "flag",
        [PLUG_OPT_SOCKSECS] = "time",    [PLUG_OPT_SOCKMS] = "time",
        [PLUG_OPT_SOCKSTRING] = "text",  [PLUG_OPT_SOCKLINGER] = "time",
        [PLUG_OPT_SOCKTIMEVAL] = "time", [PLUG_OPT_SOCKANY] = "text",
    };
    return o->type < PLUG__COUNT(names) && names[o->type] ? names[o->type] : "group";
}

static int describe_option_json(const struct plug_option *o, uint32_t offset, void *arg)
{
    struct describe_walk *w = arg;

    (void)offset;
    if (!describe_wanted(o, w->role))
        return 0;
    plug__str_add(w->out, w->first && !w->n ? "{\"name\":" : ",{\"name\":");
    w->n++;
    plug__str_json(w->out, o->name);
    describe_words(w->out, "aliases", o->aliases);
    describe_member(w->out, "type", describe_type(o));
    if (o->type == PLUG_OPT_ENUM)
        describe_words(w->out, "choices", o->choices);
    describe_member(w->out, "value", describe_value(o));
    describe_member(w->out, "help", o->help);
    plug__str_printf(w->out, ",\"supported\":%s}",
                     o->flags & PLUG_OPT_UNSUPPORTED ? "false" : "true");
    return w->out->failed;
}

int plug__describe_options_json(struct plug__str *out, const struct plug_option *table, int role,
                                int first)
{
    struct describe_walk w = {.out = out, .role = role, .first = first};

    (void)plug__options_each(table, describe_option_json, &w);
    return w.n;
}

/* ---- where an option acts ---- */

/* Levels whose number is that of the protocol are the same on every system. */
static void describe_level(struct plug__str *out, int level)
{
    switch (level) {
    case 0:
        plug__str_add(out, "IPPROTO_IP");
        return;
    case 6:
        plug__str_add(out, "IPPROTO_TCP");
        return;
    case 17:
        plug__str_add(out, "IPPROTO_UDP");
        return;
    case 41:
        plug__str_add(out, "IPPROTO_IPV6");
        return;
    case 1:
    case 0xffff:
        plug__str_add(out, "SOL_SOCKET");
        return;
    default:
        plug__str_printf(out, "level %d", level);
    }
}

static const char *describe_phase(int phase)
{
    switch (phase) {
    case PLUG_PHASE_BIND:
        return "before bind";
    case PLUG_PHASE_LISTEN:
        return "before listen";
    case PLUG_PHASE_CONNECTED:
        return "when connected";
    default:
        return "when the socket is made";
    }
}

void plug__describe_place(struct plug__str *out, const struct plug_option *o, const char *layer)
{
    if (o->flags & PLUG_OPT_PUSH) {
        plug__str_add(out, "puts a layer on top");
    } else if (o->type == PLUG_OPT_SOCKANY) {
        plug__str_printf(out, "setsockopt as given, %s", describe_phase(o->phase));
    } else if (o->type >= PLUG_OPT_SOCKINT && o->type <= PLUG_OPT_SOCKTIMEVAL) {
        plug__str_add(out, "setsockopt(");
        describe_level(out, o->level);
        plug__str_printf(out, ", %d) %s", o->opt, describe_phase(o->phase));
    } else if (layer) {
        plug__str_printf(out, "layer %s", layer);
    } else {
        plug__str_add(out, "the session");
    }
}

/* ---- printing ---- */

int plug__describe_print(struct plug__str *text)
{
    int failed = text->failed;

    if (failed)
        fputs("plug: out of memory\n", stderr);
    else if (text->len && fwrite(text->text, 1, text->len, stdout) != text->len)
        failed = 1;
    if (!failed && fflush(stdout) != 0)
        failed = 1;
    plug__str_drop(text);
    return failed;
}

int plug__describe_json_flag(int *argc, char **argv)
{
    int found = 0, n = 0;

    for (int i = 0; i < *argc; i++) {
        if (i && strcmp(argv[i], "--json") == 0)
            found = 1;
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    return found;
}

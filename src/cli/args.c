/* SPDX-License-Identifier: MIT
 *
 * Reads the command line by one table of options.
 * It deliberately has no getopt: options end at the first address, and a wrong one is answered with
 * the nearest name.
 */
#include "cli/args.h"
#include "cli/log.h"
#include "core/plan.h"
#include "util/alloc.h"
#include "util/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum args_id {
    ARGS_DEBUG,
    ARGS_TEXT,
    ARGS_HEX,
    ARGS_BLOCK,
    ARGS_WAIT,
    ARGS_IDLE,
    ARGS_FORTH,
    ARGS_BACK,
    ARGS_IP4,
    ARGS_IP6,
    ARGS_VERSION,
    ARGS_HELP,
    ARGS_STATISTICS,
    ARGS_JSON,
    ARGS_LOG,
    ARGS_READY_FD,
    ARGS_DRAIN,
    ARGS_EXIT_CODE,
    ARGS_NO_SPLICE,
    ARGS_LOCK,
    ARGS_WAIT_LOCK,
    ARGS_RAW_FORTH,
    ARGS_RAW_BACK,
    ARGS_PROGRESS,
    ARGS_PROGRESS_ALWAYS,
    ARGS_SIZE
};

struct args_option {
    const char *name;
    const char *value; /* what follows, for messages; NULL: nothing */
    enum args_id id;
    const char *help; /* one line; NULL: another spelling of a row before it */
};

static const struct args_option args_options[] = {
    {"-d", NULL, ARGS_DEBUG,
     "say more: notices, -dd what is opened and closed, -ddd all; -d0 errors only, -d1 warnings "
     "too"},
    {"-v", NULL, ARGS_TEXT, "show the data that passes as text, on standard error"},
    {"-x", NULL, ARGS_HEX, "show the data that passes in hexadecimal, on standard error"},
    {"-r", "FILE", ARGS_RAW_FORTH, "add the bytes that go forth to this file"},
    {"-R", "FILE", ARGS_RAW_BACK, "add the bytes that come back to this file"},
    {"-b", "BYTES", ARGS_BLOCK, "size of one read of a stream that becomes a record (8192)"},
    {"-t", "SECONDS", ARGS_WAIT,
     "how long a side is waited for after the other has ended, instead of its own rule"},
    {"-T", "SECONDS", ARGS_IDLE, "end a session that is silent for so long"},
    {"-u", NULL, ARGS_FORTH, "only from the first address to the second"},
    {"-U", NULL, ARGS_BACK, "only from the second address to the first"},
    {"-4", NULL, ARGS_IP4, "prefer IPv4: only that family where nothing else is said"},
    {"-6", NULL, ARGS_IP6, "prefer IPv6: only that family where nothing else is said"},
    {"-V", NULL, ARGS_VERSION, "tell the version and what is built in"},
    {"--version", NULL, ARGS_VERSION, NULL},
    {"-h", NULL, ARGS_HELP, "this page"},
    {"-hh", NULL, ARGS_HELP, NULL},
    {"-hhh", NULL, ARGS_HELP, NULL},
    {"-?", NULL, ARGS_HELP, NULL},
    {"-??", NULL, ARGS_HELP, NULL},
    {"-???", NULL, ARGS_HELP, NULL},
    {"--help", NULL, ARGS_HELP, NULL},
    {"--statistics", NULL, ARGS_STATISTICS, "count what passed at the end, and at the signal USR1"},
    {"--progress=always", NULL, ARGS_PROGRESS_ALWAYS, "the same where nobody may be looking"},
    {"--progress", NULL, ARGS_PROGRESS,
     "say twice a second on a terminal how much has passed and how fast"},
    {"--size", "BYTES", ARGS_SIZE, "how much will pass: --progress tells how long it takes"},
    {"--json", NULL, ARGS_JSON, "answers of explain and list, and events, as JSON"},
    {"--log", "text|json", ARGS_LOG, "events as lines of text or as one JSON object a line"},
    {"--ready-fd", "N", ARGS_READY_FD, "write where it listens to this descriptor, then close it"},
    {"--drain", "SECONDS", ARGS_DRAIN, "how long sessions go on after INT or TERM (5)"},
    {"--exit-code", "child", ARGS_EXIT_CODE, "end with the status of the child program"},
    {"--no-splice", NULL, ARGS_NO_SPLICE,
     "copy in user space, also where the kernel could do it alone"},
    {"-L", "FILE", ARGS_LOCK, "make this lock file for the whole run; fail when it exists"},
    {"-W", "FILE", ARGS_WAIT_LOCK, "the same, but wait until it is gone"},
};

static const char *const args_verbs[] = {"explain", "list", "help", "tour"};

/* One argument under reading. */
struct args_reader {
    int argc, at; /* at: the next argument to read */
    char **argv;
    const char *text; /* the argument that errors point into */
    size_t value_at;  /* where its value stands in it; 0: the value is an argument of its own */
    struct plug__args *args;
    struct plug_err *err;
};

/* Notes a usage error at a place of the argument under reading. */
static int args_fail(struct args_reader *r, size_t from, size_t width, const char *hint,
                     const char *fmt, ...) PLUG__PRINTF(5, 6);

static int args_fail(struct args_reader *r, size_t from, size_t width, const char *hint,
                     const char *fmt, ...)
{
    char text[sizeof(r->err->text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    plug__err(r->err, PLUG_EUSAGE, 0, NULL, "%s", text);
    if (hint)
        plug__err_hint(r->err, "%s", hint);
    plug__err_at(r->err, (int)from, (int)(width ? width : 1));
    return PLUG_EUSAGE;
}

/* What a value may be. */
static const char *args_hint(const struct args_option *o)
{
    switch (o->id) {
    case ARGS_BLOCK:
        return "from 1 to 1g: 8192, 64k";
    case ARGS_SIZE:
        return "bytes, or a number with k m g: 700m";
    case ARGS_READY_FD:
        return "the number of an open descriptor: --ready-fd=3 3>FILE";
    case ARGS_LOG:
    case ARGS_EXIT_CODE:
        return "all options: plug --help";
    case ARGS_RAW_FORTH:
    case ARGS_RAW_BACK:
        return "a file; $TIMESTAMP $MICROS $SERIALNUM $PID $PROGNAME: one for each session";
    case ARGS_LOCK:
    case ARGS_WAIT_LOCK:
        return "a file that plug makes and removes at its end: -L /run/lock/mine";
    default:
        return "seconds, or a number with ns us ms s m h, or inf: 2.5, 500ms";
    }
}

static int args_bad_value(struct args_reader *r, const struct args_option *o, const char *value)
{
    size_t width = strlen(value);

    plug__err(r->err, PLUG_EUSAGE, 0, NULL, "%s wants %s, not \"%s\"", o->name, o->value, value);
    plug__err_hint(r->err, "%s", args_hint(o));
    if (!r->value_at)
        r->text = value;
    plug__err_at(r->err, (int)r->value_at, (int)(width ? width : 1));
    return PLUG_EUSAGE;
}

static int args_time(struct args_reader *r, const struct args_option *o, const char *value,
                     plug_time *ret)
{
    if (plug__parse_time(value, ret) < 0)
        return args_bad_value(r, o, value);
    return 0;
}

static int args_number(struct args_reader *r, const struct args_option *o, const char *value,
                       int64_t min, int64_t max, int64_t *ret)
{
    int64_t n;

    if (plug__parse_size(value, &n) < 0 || n < min || n > max)
        return args_bad_value(r, o, value);
    *ret = n;
    return 0;
}

/* -d -d, -dd and -d2 as socat has them; -d0 leaves errors only. */
static int args_debug(struct args_reader *r, const char *rest)
{
    int level = r->args->level;
    size_t n = strspn(rest, "d");

    if (*rest >= '0' && *rest <= '4' && !rest[1]) {
        r->args->level = *rest - '0';
        return 0;
    }
    if (rest[n])
        return args_fail(r, n + 2, strlen(rest + n), NULL,
                         "\"%s\" is no level: -d, -dd, -ddd, -d0 to -d4", rest);
    level += 1 + (int)n;
    r->args->level = level > PLUG__LEVEL_DEBUG ? PLUG__LEVEL_DEBUG : level;
    return 0;
}

static int args_direction(struct args_reader *r, int only)
{
    if (r->args->only && r->args->only != only)
        return args_fail(r, 0, 2, "leave both away for both directions",
                         "-u and -U exclude each other");
    r->args->only = only;
    return 0;
}

static int args_log(struct args_reader *r, const struct args_option *o, const char *value)
{
    if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
        return args_bad_value(r, o, value);
    r->args->log_json = strcmp(value, "json") == 0;
    return 0;
}

static int args_lock(struct args_reader *r, const struct args_option *o, const char *value)
{
    if (!*value)
        return args_bad_value(r, o, value);
    if (r->args->lock)
        return args_fail(r, 0, 2, "leave one of them out", "-L fails where -W waits");
    r->args->lock = value;
    r->args->wait_lock = o->id == ARGS_WAIT_LOCK;
    return 0;
}

static int args_valued(struct args_reader *r, const struct args_option *o, const char *value)
{
    struct plug__args *a = r->args;
    int64_t n = 0;
    int rc = 0;

    switch (o->id) {
    case ARGS_BLOCK:
        rc = args_number(r, o, value, 1, (int64_t)1 << 30, &n);
        a->block = (size_t)n;
        return rc;
    case ARGS_WAIT:
        return args_time(r, o, value, &a->half_wait);
    case ARGS_IDLE:
        rc = args_time(r, o, value, &a->idle);
        if (a->idle == 0)
            a->idle = PLUG_FOREVER; /* socat's -T 0 */
        return rc;
    case ARGS_DRAIN:
        return args_time(r, o, value, &a->drain);
    case ARGS_SIZE:
        return args_number(r, o, value, 1, INT64_MAX, &a->size);
    case ARGS_READY_FD:
        rc = args_number(r, o, value, 0, 1 << 20, &n);
        a->ready_fd = rc < 0 ? -1 : (int)n;
        return rc;
    case ARGS_LOG:
        return args_log(r, o, value);
    case ARGS_RAW_FORTH:
    case ARGS_RAW_BACK:
        if (!*value)
            return args_bad_value(r, o, value);
        a->raw[o->id == ARGS_RAW_BACK] = value;
        return 0;
    case ARGS_LOCK:
    case ARGS_WAIT_LOCK:
        return args_lock(r, o, value);
    default: /* ARGS_EXIT_CODE */
        if (strcmp(value, "child") != 0)
            return args_bad_value(r, o, value);
        a->child_code = 1;
        return 0;
    }
}

static int args_plain(struct args_reader *r, const struct args_option *o)
{
    struct plug__args *a = r->args;

    switch (o->id) {
    case ARGS_DEBUG:
        return args_debug(r, r->text + 2);
    case ARGS_TEXT:
        a->dump |= PLUG__DUMP_TEXT;
        return 0;
    case ARGS_HEX:
        a->dump |= PLUG__DUMP_HEX;
        return 0;
    case ARGS_FORTH:
        return args_direction(r, 1);
    case ARGS_BACK:
        return args_direction(r, 2);
    case ARGS_IP4:
        a->family = 4;
        return 0;
    case ARGS_IP6:
        a->family = 6;
        return 0;
    case ARGS_VERSION:
        a->action = PLUG__ACTION_VERSION;
        return 0;
    case ARGS_HELP:
        a->action = PLUG__ACTION_HELP;
        return 0;
    case ARGS_STATISTICS:
        a->statistics = 1;
        return 0;
    case ARGS_PROGRESS:
    case ARGS_PROGRESS_ALWAYS:
        a->progress = o->id == ARGS_PROGRESS_ALWAYS ? 2 : 1;
        return 0;
    case ARGS_JSON:
        a->json = 1;
        return 0;
    default: /* ARGS_NO_SPLICE */
        a->movers = 0;
        return 0;
    }
}

static const char *args_nearest(const char *arg, size_t n)
{
    char name[32];
    const char *best = NULL;
    unsigned least = 4;

    plug__strcpy(name, arg, n + 1 < sizeof(name) ? n + 1 : sizeof(name));
    for (size_t i = 0; i < PLUG__COUNT(args_options); i++) {
        unsigned d = plug__distance(name, args_options[i].name, 3);
        if (args_options[i].name[1] == '-' && d < least) {
            least = d;
            best = args_options[i].name;
        }
    }
    return best;
}

static int args_unknown(struct args_reader *r)
{
    size_t n = strcspn(r->text, "=");
    const char *near = r->text[1] == '-' ? args_nearest(r->text, n) : NULL;

    plug__err(r->err, PLUG_EUSAGE, 0, NULL, "option \"%.*s\" is not known", (int)(n < 60 ? n : 60),
              r->text);
    if (near)
        plug__err(r->err, PLUG_EUSAGE, 0, NULL,
                  "option \"%.*s\" is not known (did you mean \"%s\"?)", (int)(n < 60 ? n : 60),
                  r->text, near);
    plug__err_hint(r->err, "all options: plug --help");
    plug__err_at(r->err, 0, (int)n);
    return PLUG_EUSAGE;
}

/* The option that an argument begins with; *ret_value is what stands behind it, or NULL. Short ones
 * take their value with or without a blank (-b8192), long ones after = or as the next argument. */
static const struct args_option *args_find(const char *arg, const char **ret_value)
{
    size_t n = strcspn(arg, "=");

    *ret_value = NULL;
    for (size_t i = 0; i < PLUG__COUNT(args_options); i++) {
        const struct args_option *o = &args_options[i];
        size_t len = strlen(o->name);
        if (strcmp(arg, o->name) == 0 || (o->id == ARGS_DEBUG && strncmp(arg, "-d", 2) == 0))
            return o;
        if (arg[1] == '-' && len == n && strncmp(arg, o->name, n) == 0) {
            *ret_value = arg + n + 1;
            return o;
        }
        if (o->value && arg[1] != '-' && strncmp(arg, o->name, 2) == 0) {
            *ret_value = arg + 2;
            return o;
        }
    }
    return NULL;
}

static int args_option(struct args_reader *r)
{
    const char *value;
    const struct args_option *o;

    r->text = r->argv[r->at++];
    o = args_find(r->text, &value);
    if (!o)
        return args_unknown(r);
    if (!o->value && value)
        return args_fail(r, (size_t)(value - r->text), strlen(value), NULL, "%s takes no value",
                         o->name);
    if (!o->value)
        return args_plain(r, o);
    r->value_at = value ? (size_t)(value - r->text) : 0;
    if (!value && r->at < r->argc)
        value = r->argv[r->at++];
    if (!value) {
        plug__err(r->err, PLUG_EUSAGE, 0, NULL, "%s wants %s", o->name, o->value);
        plug__err_hint(r->err, "%s", args_hint(o));
        plug__err_at(r->err, (int)strlen(r->text), 1);
        return PLUG_EUSAGE;
    }
    return args_valued(r, o, value);
}

/* "-", "-,ignoreeof" and "-!!B" are addresses: standard input and output. */
static int args_is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0' && arg[1] != ',' && arg[1] != '!';
}

/* The addresses of one relay: one or two, up to `--` or the end. */
static int args_relay(struct args_reader *r, struct plug__pair *ret)
{
    const char *v[2] = {NULL, NULL};
    int n = 0;

    for (; r->at < r->argc && strcmp(r->argv[r->at], "--") != 0; r->at++) {
        r->text = r->argv[r->at];
        if (args_is_option(r->text))
            return args_fail(r, 0, strlen(r->text),
                             "options stand before the addresses: plug [options] A B",
                             "option \"%s\" stands behind an address", r->text);
        if (n == 2)
            return args_fail(r, 0, strlen(r->text),
                             "several relays are told apart by --: plug A B -- C D",
                             "a relay has two addresses, \"%s\" is a third", r->text);
        v[n++] = r->text;
    }
    if (n == 0) {
        r->text = "--";
        return args_fail(r, 0, 2, "plug A B -- C D", "an address is missing beside \"--\"");
    }
    ret->a = n == 1 ? "-" : v[0];
    ret->b = n == 1 ? v[0] : v[1];
    return 0;
}

static int args_addresses(struct args_reader *r)
{
    unsigned room = 1;
    int rc;

    for (int i = r->at; i < r->argc; i++)
        room += strcmp(r->argv[i], "--") == 0;
    r->args->pairs = plug__calloc(room, sizeof(*r->args->pairs));
    if (!r->args->pairs)
        return plug__err(r->err, PLUG_ENOMEM, 0, NULL, "out of memory");
    for (;;) {
        rc = args_relay(r, &r->args->pairs[r->args->npairs]);
        if (rc < 0)
            return rc;
        r->args->npairs++;
        if (r->at == r->argc)
            return 0;
        r->at++; /* the -- */
    }
}

static int args_is_verb(const char *arg)
{
    for (size_t i = 0; i < PLUG__COUNT(args_verbs); i++)
        if (strcmp(arg, args_verbs[i]) == 0)
            return 1;
    return 0;
}

/* The verb that a word without a place in an address may have been meant for, or NULL. */
static const char *args_near_verb(const char *arg)
{
    const struct plug_kind *k;

    if (strpbrk(arg, ":/,+=") || plug__find_kind(arg, strlen(arg), NULL, &k))
        return NULL;
    for (size_t i = 0; i < PLUG__COUNT(args_verbs); i++)
        if (plug__distance(arg, args_verbs[i], 2) < 3)
            return args_verbs[i];
    return NULL;
}

static int args_first(struct args_reader *r)
{
    const char *arg = r->argv[r->at], *verb = args_near_verb(arg);

    if (args_is_verb(arg)) {
        r->args->action = PLUG__ACTION_VERB;
        r->args->verb = r->at;
        return 0;
    }
    r->text = arg;
    if (verb)
        return args_fail(r, 0, strlen(arg), "commands: explain, list, help, tour; kinds: plug list",
                         "\"%.60s\" is no address (did you mean \"plug %s\"?)", arg, verb);
    return args_addresses(r);
}

int plug__args_parse(struct plug__args *ret, int argc, char **argv, const char **ret_text,
                     struct plug_err *reterr)
{
    struct args_reader r = {.argc = argc, .at = 1, .argv = argv, .args = ret, .err = reterr};
    int rc = 0;

    *ret = (struct plug__args){.level = PLUG__LEVEL_WARNING,
                               .half_wait = PLUG_FOREVER,
                               .idle = PLUG_FOREVER,
                               .drain = 5 * PLUG_SECOND,
                               .movers = 1,
                               .ready_fd = -1};
    while (rc >= 0 && r.at < argc && args_is_option(argv[r.at]) && strcmp(argv[r.at], "--") != 0)
        rc = args_option(&r);
    if (rc >= 0 && ret->action == PLUG__ACTION_RUN) {
        if (r.at < argc && strcmp(argv[r.at], "--") == 0)
            r.at++;
        if (r.at == argc) {
            ret->action = PLUG__ACTION_HELP;
            if (!r.text)
                r.text = "--";
            rc = argc > 1 ? args_fail(&r, strlen(r.text), 1,
                                      "plug A B joins two addresses; more: plug --help",
                                      "no address is given")
                          : 0;
        } else {
            rc = args_first(&r);
        }
    }
    *ret_text = r.text;
    return rc;
}

void plug__args_drop(struct plug__args *args)
{
    plug__free(args->pairs);
    args->pairs = NULL;
    args->npairs = 0;
}

int plug__args_option(unsigned i, struct plug__args_row *ret)
{
    if (i >= PLUG__COUNT(args_options))
        return 0;
    *ret =
        (struct plug__args_row){args_options[i].name, args_options[i].value, args_options[i].help};
    return 1;
}

const char *plug__args_verb(unsigned i)
{
    return i < PLUG__COUNT(args_verbs) ? args_verbs[i] : NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * Turns events into lines: what failed, why, and what to do about it.
 * It deliberately decides nothing: levels and exit codes come with the events.
 */
#include "cli/log.h"
#include "os/os.h"
#include "util/str.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a user can do about a code; a row with a layer goes before one without. The layer matches
 * from its start, so that "unix" covers unix-listen. */
struct log_hint {
    int code;
    const char *layer, *text;
};

static const struct log_hint log_hints[] = {
    {PLUG_ECONNREFUSED, "tcp", "nothing listens there: is the service started, is the port right?"},
    {PLUG_ECONNREFUSED, "udp", "no program has this port open: is the service started?"},
    {PLUG_ECONNREFUSED, "unix", "the socket file is there, but nobody listens: start the service"},
    {PLUG_ECONNREFUSED, NULL, "nothing listens there"},
    {PLUG_EACCES, "tcp",
     "ports below 1024 need CAP_NET_BIND_SERVICE: take a higher port, or "
     "setcap cap_net_bind_service+ep on the program"},
    {PLUG_EACCES, "udp",
     "ports below 1024 need CAP_NET_BIND_SERVICE, broadcasts the option "
     "broadcast"},
    {PLUG_EACCES, NULL, "look at owner and mode of the file and of every folder above: namei -l"},
    {PLUG_EPERM, NULL, "this needs a privilege that the process lacks"},
    {PLUG_EADDRINUSE, "unix", "another program listens there: ss -xlp names it"},
    {PLUG_EADDRINUSE, "udp", "another program has it: ss -lunp names it"},
    {PLUG_EADDRINUSE, NULL, "another program has it: ss -ltnp names it; port 0 takes a free one"},
    {PLUG_EADDRNOTAVAIL, NULL, "no interface of this machine has the address: ip addr shows them"},
    {PLUG_EMFILE, NULL, "raise the limit on open files (ulimit -n) or set max-sessions="},
    {PLUG_ENOHOST, NULL,
     "is the name spelled right, has it an address of the family asked for? getent ahosts NAME"},
    {PLUG_EDNS, NULL, "the name server does not answer: look at /etc/resolv.conf"},
    {PLUG_ETIMEDOUT, NULL,
     "no answer in time: a firewall may drop it; connect-timeout= and user-timeout= say how long"},
    {PLUG_EHOSTUNREACH, NULL, "no way to that host: ip route get ADDRESS shows what is tried"},
    {PLUG_ENETUNREACH, NULL, "no route to that network: ip route shows the table"},
    {PLUG_ENETDOWN, NULL, "the interface is down: ip link shows its state"},
    {PLUG_ENOENT, "exec", "no such program in PATH: give its full path"},
    {PLUG_ENOENT, "unix",
     "no socket file has this name: is the service started, is the path right?"},
    {PLUG_ENOENT, NULL, "is the path right? create: makes a new file in a folder that exists"},
    {PLUG_EEXIST, "unix", "the file there is no socket: remove it, or take another path"},
    {PLUG_EEXIST, "pipe", "the file there is no FIFO: remove it, or open it by file:"},
    {PLUG_EEXIST, NULL, "remove it first, or leave excl away"},
    {PLUG_EISDIR, NULL, "a folder is no endpoint: name a file in it"},
    {PLUG_ENOTDIR, NULL, "a part of the path is a file"},
    {PLUG_ENOSPC, NULL, "df shows what is full"},
    {PLUG_EROFS, NULL, "it is mounted read-only"},
    {PLUG_EFBIG, NULL, "the file system or ulimit -f allows no more"},
    {PLUG_ENAMETOOLONG, "unix", "a socket's path has 107 bytes at most: use a shorter folder"},
    {PLUG_EAFNOSUPPORT, NULL, "this system lacks the address family"},
    {PLUG_EPROTONOSUPPORT, NULL, "this kernel lacks the protocol"},
    {PLUG_EMSGSIZE, NULL, "a record does not fit on one side: smaller records, or -b"},
    {PLUG_ENXIO, NULL, "nobody has the other end open"},
    {PLUG_ELOOP, NULL, "the symbolic links go round"},
    {PLUG_ENOMEM, NULL, "the machine or the process's limit has no memory left"},
    {PLUG_ENOBUFS, NULL, "the kernel has no buffer left: fewer sessions, or smaller sndbuf="},
    {PLUG_ECHILD, NULL, "--exit-code=child hands its exit status on"},
};

static const char *const log_levels[] = {"error", "warning", "notice", "info", "debug"};
static const char *const log_events[] = {
    [PLUG__EV_LISTENING] = "listening", [PLUG__EV_OPENED] = "opened",
    [PLUG__EV_ENDED] = "ended",         [PLUG__EV_FAILED] = "failed",
    [PLUG__EV_LOST] = "lost",           [PLUG__EV_WARNING] = "warning",
    [PLUG__EV_NOTICE] = "notice",       [PLUG__EV_DEBUG] = "debug",
};

const char *plug__log_hint(int code, const char *layer)
{
    for (size_t i = 0; i < PLUG__COUNT(log_hints); i++) {
        const struct log_hint *h = &log_hints[i];
        if (h->code != code)
            continue;
        if (!h->layer || (layer && strncmp(layer, h->layer, strlen(h->layer)) == 0))
            return h->text;
    }
    return NULL;
}

const char *plug__log_code(int code)
{
#define LOG_CODE(name, value, text) {value, #name},
    static const struct {
        int code;
        const char *name;
    } names[] = {PLUG_ERRORS(LOG_CODE)};
#undef LOG_CODE

    for (size_t i = 0; i < PLUG__COUNT(names); i++)
        if (names[i].code == code)
            return names[i].name;
    return "";
}

/* Adds the microseconds of a wall time to a text of n bytes. */
static void log_micros(char *buf, size_t room, size_t n, int64_t ns, const char *end)
{
    snprintf(buf + n, room - n, ".%06d%s", (int)(ns % PLUG_SECOND / 1000), end);
}

void plug__log_time(char *buf, size_t room)
{
    int64_t ns = plug__os_walltime();
    time_t s = (time_t)(ns / PLUG_SECOND);
    const struct tm *tm = gmtime(&s);

    log_micros(buf, room, tm ? strftime(buf, room, "%Y-%m-%dT%H:%M:%S", tm) : 0, ns, "Z");
}

void plug__log_localtime(char *buf, size_t room)
{
    int64_t ns = plug__os_walltime();
    time_t s = (time_t)(ns / PLUG_SECOND);
    const struct tm *tm = localtime(&s);

    log_micros(buf, room, tm ? strftime(buf, room, "%Y/%m/%d %H:%M:%S", tm) : 0, ns, "");
}

void plug__log_init(struct plug__log *log, int level, int json)
{
    *log = (struct plug__log){.level = level, .json = json};
}

void plug__log_ready_done(struct plug__log *log)
{
    if (log->ready_open)
        plug__os_close(log->ready);
    log->ready_open = 0;
}

/* Lines go out whole, by one write each, past any buffer. */
static void log_write(plug_handle to, struct plug__str *line)
{
    size_t at = 0;

    while (!line->failed && at < line->len) {
        struct plug_iov v = {line->text + at, line->len - at};
        int64_t n = plug__os_write(to, &v, 1, NULL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
}

static void log_stderr(const struct plug__log *log, struct plug__str *line)
{
    plug_handle to;
    struct plug__str clear = {0};

    plug__str_add(line, "\n");
    if (plug__os_stdio(2, &to, NULL) >= 0) {
        if (log->painted && *log->painted) {
            plug__str_add(&clear, "\r\033[K");
            log_write(to, &clear);
            *log->painted = 0;
        }
        log_write(to, line);
    }
    plug__str_drop(&clear);
    plug__str_drop(line);
}

/* Looked at for each coloured line, so that a start without one costs no system call. */
static int log_coloured(void)
{
    const char *no = getenv("NO_COLOR");
    plug_handle err;

    return !(no && *no) && plug__os_stdio(2, &err, NULL) >= 0 && plug__os_isatty(err);
}

static const char *log_paint(enum plug__level level)
{
    if (level > PLUG__LEVEL_WARNING || !log_coloured())
        return "";
    return level == PLUG__LEVEL_ERROR ? "\033[31m" : "\033[33m";
}

static void log_head(enum plug__level level, struct plug__str *line)
{
    const char *paint = log_paint(level);

    plug__str_printf(line, "%splug:%s ", paint, *paint ? "\033[0m" : "");
}

/* What stands in an address or came from a peer must not steer the terminal. */
static void log_tame(struct plug__str *text, size_t from)
{
    for (size_t i = from; !text->failed && i < text->len; i++) {
        unsigned char c = (unsigned char)text->text[i];
        if (c < ' ' || c == 127)
            text->text[i] = '?';
    }
}

/* A hint may hold one newline; each of its lines is indented. */
static void log_add_hint(struct plug__str *line, const char *hint)
{
    while (hint && *hint) {
        size_t n = strcspn(hint, "\n"), at;
        plug__str_add(line, "\n    ");
        at = line->len;
        plug__str_addn(line, hint, n);
        log_tame(line, at);
        hint += n + (hint[n] == '\n');
    }
}

static const char *log_err_text(const struct plug_err *err)
{
    return err->text[0] ? err->text : plug_strerror(err->code);
}

static const char *log_err_hint(const struct plug_err *err)
{
    return err->hint[0] ? err->hint : plug__log_hint(err->code, err->layer);
}

static int log_is_cut(const struct plug__event *ev)
{
    return ev->err.code == PLUG_ECANCELED;
}

static enum plug__level log_level(const struct plug__event *ev)
{
    switch (ev->kind) {
    case PLUG__EV_FAILED:
    case PLUG__EV_LOST:
    case PLUG__EV_LISTENING: /* wanted by everybody who starts a listener, so never hidden */
        return PLUG__LEVEL_ERROR;
    case PLUG__EV_WARNING:
        return PLUG__LEVEL_WARNING;
    case PLUG__EV_DEBUG:
        return PLUG__LEVEL_DEBUG;
    case PLUG__EV_ENDED: /* orderly, or cut with nothing on its way; but a child may have failed */
        return ev->err.code && !log_is_cut(ev) ? PLUG__LEVEL_ERROR : PLUG__LEVEL_NOTICE;
    default:
        return PLUG__LEVEL_NOTICE;
    }
}

static void log_flows(struct plug__str *line, const struct plug__session_stats *st)
{
    plug__str_printf(line, "%" PRIu64 " bytes forth, %" PRIu64 " back, %.3f s", st->flow[0].bytes,
                     st->flow[1].bytes, (double)(st->ended - st->opened) / (double)PLUG_SECOND);
}

/* What a lossy end says behind its cause. */
static void log_loss(struct plug__str *line, const struct plug__event *ev)
{
    if (ev->accepted < 0)
        return;
    plug__str_printf(line, "; %" PRId64 " bytes accepted", ev->accepted);
    if (ev->unsent > 0)
        plug__str_printf(line, ", %" PRId64 " of them not acknowledged", ev->unsent);
    else if (ev->unsent < 0)
        plug__str_add(line, ", how many were acknowledged is not known");
}

/* A listener serves many: the line says whose session it was. */
static void log_who(struct plug__str *line, const struct plug__event *ev)
{
    if (!ev->peer)
        return;
    if (ev->session)
        plug__str_printf(line, " (session %" PRIu64 ", from %s)", ev->session, ev->peer);
    else
        plug__str_printf(line, " (from %s)", ev->peer);
}

/* The message of an event, without head, place and hint. */
static void log_message(struct plug__str *line, const struct plug__event *ev)
{
    const char *name = ev->name ? ev->name : "";

    switch (ev->kind) {
    case PLUG__EV_LISTENING:
        plug__str_printf(line, "listening on %s", name);
        return;
    case PLUG__EV_OPENED:
        plug__str_printf(line, "session %" PRIu64 " opened%s%s", ev->session, *name ? ": " : "",
                         name);
        return;
    case PLUG__EV_ENDED:
        if (ev->err.code && !log_is_cut(ev))
            break;
        plug__str_printf(line, "session %" PRIu64 " %s%s", ev->session,
                         log_is_cut(ev) ? "was cut short" : "ended", ev->stats ? ": " : "");
        if (ev->stats)
            log_flows(line, ev->stats);
        return;
    default:
        break;
    }
    if (ev->kind == PLUG__EV_DEBUG && ev->session)
        plug__str_printf(line, "session %" PRIu64 " ", ev->session);
    plug__str_printf(line, "%s%s%s", name, *name ? ": " : "", log_err_text(&ev->err));
    if (ev->kind == PLUG__EV_LOST)
        log_loss(line, ev);
    log_who(line, ev);
}

static void log_json_pair(struct plug__str *line, const char *key, const char *value)
{
    plug__str_printf(line, "\"%s\":", key);
    plug__str_json(line, value);
    plug__str_add(line, ",");
}

static void log_json_head(struct plug__str *line, enum plug__level level)
{
    char ts[PLUG__TIME_ROOM];

    plug__log_time(ts, sizeof(ts));
    plug__str_add(line, "{");
    log_json_pair(line, "ts", ts);
    log_json_pair(line, "level", log_levels[level]);
}

static void log_json_tail(struct plug__str *line, const struct plug_err *err, const char *message)
{
    if (err && err->code) {
        const char *hint = log_err_hint(err);
        log_json_pair(line, "code", plug__log_code(err->code));
        plug__str_printf(line, "\"os\":%d,", err->os);
        if (err->layer)
            log_json_pair(line, "layer", err->layer);
        if (hint)
            log_json_pair(line, "hint", hint);
    }
    plug__str_add(line, "\"msg\":");
    plug__str_json(line, message ? message : "");
    plug__str_add(line, "}");
}

static void log_json_event(struct plug__str *line, enum plug__level level, unsigned relay,
                           const struct plug__event *ev, const char *message)
{
    /* The listening line is an error by level only so that nothing hides it. */
    log_json_head(line, ev->kind == PLUG__EV_LISTENING ? PLUG__LEVEL_NOTICE : level);
    plug__str_printf(line, "\"relay\":%u,", relay);
    if (ev->session)
        plug__str_printf(line, "\"session\":%" PRIu64 ",", ev->session);
    log_json_pair(line, "event", log_events[ev->kind]);
    if (ev->name)
        log_json_pair(line, "peer", ev->name);
    if (ev->peer)
        log_json_pair(line, "client", ev->peer);
    if (ev->stats)
        plug__str_printf(
            line, "\"bytes\":%" PRIu64 ",\"bytes_forth\":%" PRIu64 ",\"bytes_back\":%" PRIu64 ",",
            ev->stats->flow[0].bytes + ev->stats->flow[1].bytes, ev->stats->flow[0].bytes,
            ev->stats->flow[1].bytes);
    if (ev->kind == PLUG__EV_LOST)
        plug__str_printf(line, "\"accepted\":%" PRId64 ",\"unsent\":%" PRId64 ",", ev->accepted,
                         ev->unsent);
    log_json_tail(line, &ev->err, message);
}

static void log_ready(const struct plug__log *log, const struct plug__event *ev)
{
    struct plug__str line = {0};

    if (!log->ready_open || ev->kind != PLUG__EV_LISTENING)
        return;
    plug__str_printf(&line, "plug: listening on %s\n", ev->name ? ev->name : "");
    log_write(log->ready, &line);
    plug__str_drop(&line);
}

/* Children of a listener may fail by the hundred: what --exit-code does is said once. */
static int log_wants_hint(struct plug__log *log, const struct plug__event *ev)
{
    int seen = log->child_hinted;

    if (ev->err.code != PLUG_ECHILD)
        return ev->err.code;
    log->child_hinted = 1;
    return !seen;
}

static void log_show(struct plug__log *log, enum plug__level level, unsigned relay,
                     const struct plug__event *ev)
{
    struct plug__str line = {0}, message = {0};

    log_message(&message, ev);
    if (log->json) {
        log_json_event(&line, level, relay, ev, message.text);
    } else {
        log_tame(&message, 0);
        log_head(ev->kind == PLUG__EV_LISTENING ? PLUG__LEVEL_NOTICE : level, &line);
        plug__str_add(&line, message.text ? message.text : "");
        if (log_wants_hint(log, ev))
            log_add_hint(&line, log_err_hint(&ev->err));
    }
    log_stderr(log, &line);
    plug__str_drop(&message);
}

/* Who waits at the ready descriptor finds the line on stderr as well. */
void plug__log_event(struct plug__log *log, unsigned relay, const struct plug__event *ev)
{
    int level = (int)log_level(ev) + ev->quiet;

    if (level > PLUG__LEVEL_DEBUG)
        level = PLUG__LEVEL_DEBUG;
    if (level <= log->level)
        log_show(log, (enum plug__level)level, relay, ev);
    log_ready(log, ev);
}

void plug__log_say(const struct plug__log *log, enum plug__level level, const char *fmt, ...)
{
    struct plug__str line = {0};
    char text[512];
    va_list ap;

    if ((int)level > log->level)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (log->json) {
        log_json_head(&line, level);
        log_json_tail(&line, NULL, text);
    } else {
        log_head(level, &line);
        plug__str_add(&line, text);
    }
    log_stderr(log, &line);
}

void plug__log_error(const struct plug__log *log, const struct plug_err *err)
{
    struct plug__str line = {0}, message = {0};

    if (log->json) {
        log_json_head(&line, PLUG__LEVEL_ERROR);
        log_json_tail(&line, err, log_err_text(err));
    } else {
        plug__str_add(&message, log_err_text(err));
        log_tame(&message, 0);
        log_head(PLUG__LEVEL_ERROR, &line);
        plug__str_add(&line, message.text ? message.text : "");
        plug__str_drop(&message);
        log_add_hint(&line, log_err_hint(err));
    }
    log_stderr(log, &line);
}

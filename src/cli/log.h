/* SPDX-License-Identifier: MIT
 *
 * What the command says on stderr: events of the relays as text lines or as JSON, one a line.
 * It deliberately keeps no history and writes to no file: that is the shell's or the service's.
 */
#ifndef PLUG_CLI_LOG_H
#define PLUG_CLI_LOG_H

#include "relay/relay.h"

/* As socat counts them: -d adds one, -d0 to -d4 set it. */
enum plug__level {
    PLUG__LEVEL_ERROR,
    PLUG__LEVEL_WARNING,
    PLUG__LEVEL_NOTICE,
    PLUG__LEVEL_INFO,
    PLUG__LEVEL_DEBUG
};

struct plug__log {
    int level; /* enum plug__level: what is above is not shown */
    int json;
    int ready_open; /* `ready` is open: the listening lines go there as well */
    plug_handle ready;
    int *painted;     /* a line of --progress stands there unended; or NULL */
    int child_hinted; /* the hint about a child's status was given */
};

/* Errors and warnings are coloured on a terminal, and not with NO_COLOR. */
void plug__log_init(struct plug__log *log, int level, int json);

/* All listening lines are out: closes the ready descriptor. */
void plug__log_ready_done(struct plug__log *log);

/* One event of relay number `relay` (from 1). */
void plug__log_event(struct plug__log *log, unsigned relay, const struct plug__event *ev);

/* A line of the command's own. */
void plug__log_say(const struct plug__log *log, enum plug__level level, const char *fmt, ...)
    PLUG__PRINTF(3, 4);

/* An error of the command's own (no loop, no memory): cause and hint. */
void plug__log_error(const struct plug__log *log, const struct plug_err *err);

/* What to do about an error code; NULL when there is nothing to say. layer may be NULL. */
const char *plug__log_hint(int code, const char *layer);

/* The name of a code without its prefix: "ECONNREFUSED". */
const char *plug__log_code(int code);

/* The wall time as RFC 3339 in UTC with microseconds, or as socat's dumps show it (local). */
enum { PLUG__TIME_ROOM = 40 };
void plug__log_time(char *buf, size_t room);
void plug__log_localtime(char *buf, size_t room);

#endif

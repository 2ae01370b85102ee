/* SPDX-License-Identifier: MIT
 *
 * Layers that only plan, with every sort of kind and option, so that the tests of addresses do not
 * depend on which real layers a build has.
 */
#ifndef PLUG_TESTS_CORE_TOYS_H
#define PLUG_TESTS_CORE_TOYS_H

#include "core/plan.h"
#include "util/err.h"
#include <stddef.h>
#include <string.h>

struct toy_conf {
    int flag, negated, choice;
    int64_t number, size, mode, byte;
    plug_time time;
    const char *text, *bind;
    int64_t grouped;
};

static const struct plug_option toy_group[] = {
    {.name = "grouped",
     .type = PLUG_OPT_INT,
     .offset = offsetof(struct toy_conf, number) - offsetof(struct toy_conf, number),
     .min = -5,
     .max = 5},
    {0},
};

static const struct plug_option toy_options[] = {
    {.name = "toyflag", .type = PLUG_OPT_FLAG, .offset = offsetof(struct toy_conf, flag)},
    {.name = "toynot",
     .type = PLUG_OPT_FLAG,
     .flags = PLUG_OPT_NEGATED,
     .offset = offsetof(struct toy_conf, negated)},
    {.name = "toyfamily",
     .aliases = "tf toyfam",
     .type = PLUG_OPT_ENUM,
     .offset = offsetof(struct toy_conf, choice),
     .choices = "any ip4 ip6"},
    {.name = "toynumber",
     .type = PLUG_OPT_INT,
     .offset = offsetof(struct toy_conf, number),
     .min = 1,
     .max = 100},
    {.name = "toysize", .type = PLUG_OPT_SIZE, .offset = offsetof(struct toy_conf, size)},
    {.name = "toymode", .type = PLUG_OPT_MODE, .offset = offsetof(struct toy_conf, mode)},
    {.name = "toybyte", .type = PLUG_OPT_BYTE, .offset = offsetof(struct toy_conf, byte)},
    {.name = "toytime", .type = PLUG_OPT_TIME, .offset = offsetof(struct toy_conf, time)},
    {.name = "toytext", .type = PLUG_OPT_STRING, .offset = offsetof(struct toy_conf, text)},
    {.name = "bind", .type = PLUG_OPT_STRING, .offset = offsetof(struct toy_conf, bind)},
    {.name = "toysock", .type = PLUG_OPT_SOCKINT, .level = 6, .opt = 1},
    {.name = "toysockflag", .type = PLUG_OPT_SOCKFLAG, .level = 1, .opt = 2},
    {.name = "toysecs", .type = PLUG_OPT_SOCKSECS},
    {.name = "toyms", .type = PLUG_OPT_SOCKMS},
    {.name = "toylinger", .type = PLUG_OPT_SOCKLINGER},
    {.name = "toytimeval", .type = PLUG_OPT_SOCKTIMEVAL},
    {.name = "toyany", .type = PLUG_OPT_SOCKANY},
    {.name = "toysockstr", .type = PLUG_OPT_SOCKSTRING},
    {.name = "toylacks", .type = PLUG_OPT_SOCKINT, .flags = PLUG_OPT_UNSUPPORTED},
    {.type = PLUG_OPT_GROUP,
     .name = "",
     .group = toy_group,
     .offset = offsetof(struct toy_conf, grouped)},
    {0},
};

static const struct toy_conf toy_defaults = {.number = 7, .negated = 0};

static int toy_plan_stream(struct plug_step *s, struct plug_err *reterr)
{
    (void)reterr;
    s->offers = PLUG_STREAM;
    return 0;
}

static int toy_plan_dgram(struct plug_step *s, struct plug_err *reterr)
{
    (void)reterr;
    s->offers = PLUG_DGRAM;
    s->limit = 1500;
    return 0;
}

static int toy_plan_any(struct plug_step *s, struct plug_err *reterr)
{
    (void)reterr;
    s->offers = s->mate ? s->mate : PLUG_STREAM;
    s->limit = (size_t)s->mate_limit;
    return 0;
}

/* Becomes a toystream for an even number, a toydgram for an odd one; complains about 13. */
static int toy_plan_become(struct plug_step *s, struct plug_err *reterr)
{
    char last = s->path && *s->path ? s->path[strlen(s->path) - 1] : '0';

    if (s->path && strcmp(s->path, "13") == 0)
        return plug__err(reterr, PLUG_EUSAGE, 0, "toyfd", "descriptor 13 is not open");
    if (s->path && strcmp(s->path, "14") == 0)
        return PLUG_EINVAL;
    s->become = s->path && strcmp(s->path, "99") == 0 ? "nosuch"
                : (last - '0') % 2                    ? "toydgram"
                                                      : "toystream";
    s->adopt = 3;
    return 0;
}

/* As framing: makes records of bytes. */
static int toy_plan_frame(struct plug_step *s, struct plug_err *reterr)
{
    if (s->under != PLUG_STREAM) {
        plug__err(reterr, PLUG_EUSAGE, 0, "toyframe", "toyframe needs bytes below it");
        return PLUG_EUSAGE;
    }
    s->offers = PLUG_SEQPACKET;
    s->limit = 65535;
    return 0;
}

static int toy_plan_same(struct plug_step *s, struct plug_err *reterr)
{
    (void)reterr;
    s->offers = s->under;
    return 0;
}

static const struct plug_kind toy_stream_kinds[] = {
    {.name = "toystream",
     .aliases = "toys toystream-connect",
     .params = PLUG_PARAM_HOST_PORT,
     .flags = PLUG_KIND_URL,
     .usage = "HOST:PORT",
     .help = "a stream",
     .example = "toystream:h:1"},
    {.name = "toystream-listen",
     .aliases = "toystream-l",
     .params = PLUG_PARAM_PORT,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL,
     .usage = "PORT"},
    {.name = "toystream4-listen",
     .params = PLUG_PARAM_PORT,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL,
     .preset = "toyfamily=ip4,toyflag,pf=ip4"},
    {.name = "toypath", .params = PLUG_PARAM_PATH, .flags = PLUG_KIND_URL_PATH, .usage = "PATH"},
    {.name = "toypath-listen",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH"},
    {0},
};
static const struct plug_kind toy_dgram_kinds[] = {
    {.name = "toydgram", .params = PLUG_PARAM_HOST_PORT, .flags = PLUG_KIND_URL},
    {0},
};
static const struct plug_kind toy_echo_kinds[] = {
    {.name = "toyecho"},
    {.name = "toytext", .params = PLUG_PARAM_TEXT, .usage = "TEXT"},
    {.name = "toyexec", .params = PLUG_PARAM_COMMAND, .usage = "COMMAND"},
    {.name = "toypipe", .params = PLUG_PARAM_PATH | PLUG_PARAM_OPTIONAL},
    {0},
};
static const struct plug_kind toy_fd_kinds[] = {
    {.name = "toyfd", .params = PLUG_PARAM_NUMBER, .usage = "N"},
    {0},
};
static const struct plug_kind toy_frame_kinds[] = {
    {.name = "toyframe", .flags = PLUG_KIND_LAYER | PLUG_KIND_URL},
    {0},
};

static const struct plug_option toy_frame_options[] = {
    {.name = "toylimit", .type = PLUG_OPT_SIZE, .offset = 0},
    {.name = "toytext", .type = PLUG_OPT_STRING, .offset = 8},
    {0},
};
static const struct plug_option toy_pf_options[] = {
    {.name = "pf", .type = PLUG_OPT_STRING, .offset = 0},
    {.type = PLUG_OPT_GROUP, .name = "", .group = toy_options, .offset = 8},
    {0},
};
static const struct plug_option toy_filter_options[] = {
    {.name = "escape", .type = PLUG_OPT_BYTE, .offset = 0},
    {0},
};
struct toy_stream_conf {
    const char *pf;
    struct toy_conf c;
};
static const struct toy_stream_conf toy_stream_defaults = {.c = {.number = 7}};

static const struct plug_ops toy_stream = {.name = "toystream",
                                           .conf = sizeof(struct toy_stream_conf),
                                           .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_LISTENS,
                                           .kinds = toy_stream_kinds,
                                           .options = toy_pf_options,
                                           .defaults = &toy_stream_defaults,
                                           .plan = toy_plan_stream};
static const struct plug_ops toy_dgram = {.name = "toydgram",
                                          .conf = sizeof(struct toy_conf),
                                          .flags = PLUG_BASE,
                                          .kinds = toy_dgram_kinds,
                                          .options = toy_options,
                                          .defaults = &toy_defaults,
                                          .plan = toy_plan_dgram};
static const struct plug_ops toy_echo = {.name = "toyecho",
                                         .flags = PLUG_BASE | PLUG_ANYTYPE,
                                         .kinds = toy_echo_kinds,
                                         .plan = toy_plan_any};
static const struct plug_ops toy_fd = {
    .name = "toyfd", .flags = PLUG_BASE, .kinds = toy_fd_kinds, .plan = toy_plan_become};
static const struct plug_ops toy_frame = {.name = "toyframe",
                                          .conf = 16,
                                          .kinds = toy_frame_kinds,
                                          .options = toy_frame_options,
                                          .plan = toy_plan_frame};
/* These two take the place of the real layers of these names. */
static const struct plug_ops toy_len32 = {.name = "len32",
                                          .conf = 16,
                                          .kinds = plug__no_kinds,
                                          .options = toy_frame_options,
                                          .plan = toy_plan_frame};
static const struct plug_ops toy_escape = {.name = "escape",
                                           .conf = 8,
                                           .flags = PLUG_FILTER,
                                           .kinds = plug__no_kinds,
                                           .options = toy_filter_options,
                                           .plan = toy_plan_same};

static const struct plug_ops *const toys[] = {&toy_stream, &toy_dgram, &toy_echo,   &toy_fd,
                                              &toy_frame,  &toy_len32, &toy_escape, NULL};

#endif

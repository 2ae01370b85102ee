/* SPDX-License-Identifier: MIT
 *
 * Options of what a program becomes before it runs, and their check before anything is opened. The
 * process of plug itself is never changed by them.
 */
#include "endpoint/process.h"

#include "util/err.h"
#include <stddef.h>
#include <string.h>

#define PROCESS_AT(field) offsetof(struct plug__process_conf, field)

const struct plug_option plug__process_options[] = {
    {.name = "su",
     .aliases = "substuser",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(su),
     .value = "USER",
     .help = "as this user, with its groups, HOME, USER, LOGNAME and SHELL"},
    {.name = "su-d",
     .aliases = "substuser-delayed su-e substuser-early",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(su_d),
     .value = "USER",
     .help = "the same: users are always looked up before the root changes"},
    {.name = "setuid",
     .aliases = "setuid-early",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(setuid),
     .value = "USER",
     .help = "with this user's id and no further groups"},
    {.name = "setgid",
     .aliases = "setgid-early",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(setgid),
     .value = "GROUP",
     .help = "with this group's id and no further groups"},
    {.name = "chroot",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(chroot),
     .value = "DIR",
     .help = "with this directory as its root"},
    {.name = "chroot-early",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(chroot_early),
     .value = "DIR",
     .help = "the same, before chroot and all but the namespace"},
    {.name = "umask",
     .type = PLUG_OPT_MODE,
     .offset = PROCESS_AT(umask),
     .min = 0,
     .max = 0777,
     .value = "MASK",
     .help = "with this mask for the files it makes, octal"},
    {.name = "netns",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(netns),
     .value = "NAME",
     .help = "in this network namespace (of `ip netns`, or a path)"},
    {.name = "path",
     .type = PLUG_OPT_STRING,
     .offset = PROCESS_AT(path),
     .value = "DIRS",
     .help = "its PATH, where it is searched too"},
    {.name = "login",
     .aliases = "dash",
     .type = PLUG_OPT_FLAG,
     .offset = PROCESS_AT(login),
     .help = "its name begins with -, as a login shell's"},
    {.name = "nofork",
     .type = PLUG_OPT_FLAG,
     .offset = PROCESS_AT(nofork),
     .help = "the program takes plug's place: one session, no relaying"},
    {.name = "sighup",
     .aliases = "hup",
     .type = PLUG_OPT_FLAG,
     .offset = PROCESS_AT(hup),
     .help = "HUP goes on to it and does not end plug"},
    {.name = "sigint",
     .type = PLUG_OPT_FLAG,
     .offset = PROCESS_AT(intr),
     .help = "INT goes on to it and does not end plug"},
    {.name = "sigquit",
     .type = PLUG_OPT_FLAG,
     .offset = PROCESS_AT(quit),
     .help = "QUIT goes on to it and does not end plug"},
    {0},
};

/* Points at an option of the address; always fails. */
static int process_at(const struct plug_step *step, const char *name, struct plug_err *reterr,
                      int code)
{
    for (unsigned i = 0; i < step->nopts; i++)
        if (strcmp(step->opts[i].option->name, name) == 0)
            plug__err_at(reterr, step->opts[i].column, step->opts[i].width);
    return code;
}

static int process_name(const struct plug_step *step, const char *option, const char *name,
                        int (*known)(const char *), struct plug_err *reterr)
{
    int r = name ? known(name) : 0;
    if (r >= 0)
        return 0;
    if (r == PLUG_ENOTSUP) {
        plug__err(reterr, r, 0, step->ops->name, "this system has no \"%s\"", option);
        plug__err_hint(reterr, "leave the option out");
    } else {
        plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "%s=%.60s: this system knows no such %s",
                  option, name, known == plug__os_group_known ? "group" : "user");
        plug__err_hint(reterr, "a name of /etc/%s, or a number",
                       known == plug__os_group_known ? "group" : "passwd");
    }
    return process_at(step, option, reterr, r == PLUG_ENOTSUP ? r : PLUG_EUSAGE);
}

static int process_contradicts(const struct plug_step *step, const struct plug__process_conf *c,
                               struct plug_err *reterr)
{
    if (c->su && c->su_d) {
        plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "su and su-d both name a user");
        plug__err_hint(reterr, "leave one of them out");
        return process_at(step, "su-d", reterr, PLUG_EUSAGE);
    }
    if ((c->su || c->su_d) && c->setuid) {
        plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "su and setuid both name a user");
        plug__err_hint(reterr, "su=USER takes the user's groups as well, setuid=USER does not");
        return process_at(step, "setuid", reterr, PLUG_EUSAGE);
    }
    return 0;
}

static int process_dash(const struct plug_step *step, struct plug__process_conf *c,
                        const char *program, struct plug_err *reterr)
{
    const char *slash = strrchr(program, '/'), *base = slash ? slash + 1 : program;
    size_t room = strlen(base) + 2;
    char *dash;
    if (!c->login || c->dash)
        return 0;
    dash = plug__plan_alloc(step->plan, room);
    if (!dash)
        return plug__err(reterr, PLUG_ENOMEM, 0, NULL, "out of memory");
    dash[0] = '-';
    memcpy(dash + 1, base, room - 1);
    c->dash = dash;
    return 0;
}

int plug__process_check(const struct plug_step *step, struct plug__process_conf *c,
                        const char *program, struct plug_err *reterr)
{
    int r = process_contradicts(step, c, reterr);
    if (r >= 0)
        r = process_name(step, "su", c->su, plug__os_user_known, reterr);
    if (r >= 0)
        r = process_name(step, "su-d", c->su_d, plug__os_user_known, reterr);
    if (r >= 0)
        r = process_name(step, "setuid", c->setuid, plug__os_user_known, reterr);
    if (r >= 0)
        r = process_name(step, "setgid", c->setgid, plug__os_group_known, reterr);
    if (r >= 0)
        r = process_dash(step, c, program, reterr);
    c->become = (struct plug__become){.chroot_early = c->chroot_early,
                                      .chroot = c->chroot,
                                      .netns = c->netns,
                                      .user = c->su ? c->su : c->su_d,
                                      .uid = c->setuid,
                                      .gid = c->setgid,
                                      .path = c->path,
                                      .umask = c->umask + 1};
    return r;
}

/* ---- one child ---- */

void plug__process_how(const struct plug__process_conf *c, struct plug__spawn *how)
{
    const struct plug__become *b = &c->become;
    how->dash = c->dash;
    if (b->chroot_early || b->chroot || b->netns || b->user || b->uid || b->gid || b->path ||
        b->umask)
        how->become = b;
}

static void process_take(struct plug__taker *t, int sig)
{
    const struct plug__process *p = plug__of(t, struct plug__process, taker);
    (void)plug__os_kill(p->child, sig); /* ESRCH: it has just ended */
}

int plug__process_spawn(struct plug__process *p, const struct plug__process_conf *c,
                        struct plug_loop *loop, struct plug__spawn *how, struct plug__child *child,
                        int *reterr_os)
{
    int r;
    plug__process_how(c, how);
    how->reterr_step = &p->step;
    r = plug__os_spawn(how, child, reterr_os);
    if (r < 0)
        return r;
    p->child = child;
    p->taker.take = process_take;
    p->taker.signals = (c->hup ? 1u << PLUG__SIGNAL_HUP : 0u) |
                       (c->intr ? 1u << PLUG__SIGNAL_INT : 0u) |
                       (c->quit ? 1u << PLUG__SIGNAL_QUIT : 0u);
    if (p->taker.signals)
        plug__loop_take(loop, &p->taker);
    return 0;
}

int plug__process_cause(const struct plug__process *p, void *val, size_t *len)
{
    if (!p->step)
        return PLUG_ENOTSUP;
    plug__strcpy(val, p->step, *len);
    return 0;
}

void plug__process_drop(struct plug__process *p, struct plug_loop *loop)
{
    plug__loop_untake(loop, &p->taker);
}

/* SPDX-License-Identifier: MIT
 *
 * Opens a relay as the command does, without the command.
 */
#include "sim/sim_relay.h"

static void relay_event(void *arg, const struct plug__event *ev)
{
    struct sim_relay *r = arg;
    r->opened += ev->kind == PLUG__EV_OPENED;
    r->ended += ev->kind == PLUG__EV_ENDED;
    r->failed += ev->kind == PLUG__EV_FAILED;
    r->lost += ev->kind == PLUG__EV_LOST;
    r->warnings += ev->kind == PLUG__EV_WARNING;
    if (ev->kind == PLUG__EV_FAILED || ev->kind == PLUG__EV_LOST)
        r->err = ev->err;
    if (ev->kind == PLUG__EV_LOST) {
        r->accepted = ev->accepted;
        r->unsent = ev->unsent;
    }
    if (ev->stats)
        r->stats = *ev->stats;
}

int sim_relay_open(struct sim_relay *r, struct sim_world *w, const char *a, const char *b)
{
    struct plug__relay_conf conf = r->conf;
    int side = 0, e;
    r->world = w;
    conf.event = relay_event;
    conf.arg = r;
    conf.half_wait = conf.half_wait ? conf.half_wait : PLUG_FOREVER;
    conf.idle = conf.idle ? conf.idle : PLUG_FOREVER;
    e = plug__plan_parse(&conf.a, a, w->layers, &r->err);
    if (e >= 0)
        e = plug__plan_parse(&conf.b, b, w->layers, &r->err);
    if (e >= 0)
        e = plug__relay_check(conf.a, conf.b, conf.block, conf.only, &side, NULL, NULL, &r->err);
    if (e >= 0)
        return plug__relay_new(&r->relay, w->loop, &conf, &r->err);
    plug__plan_drop(conf.a);
    plug__plan_drop(conf.b);
    return e;
}

void sim_relay_close(struct sim_relay *r)
{
    plug__relay_free(r->relay);
    r->relay = NULL;
}

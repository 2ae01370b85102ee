/* SPDX-License-Identifier: MIT
 *
 * A relay in a simulated world: its events are counted, its ends are struct sim_end.
 */
#ifndef TESTS_SIM_RELAY_H
#define TESTS_SIM_RELAY_H

#include "relay/relay.h"
#include "sim/sim.h"

struct sim_relay {
    struct sim_world *world;
    struct plug__relay *relay;
    unsigned opened, ended, failed, lost, warnings;
    struct plug_err err;              /* of the last failure or loss */
    struct plug__session_stats stats; /* of the last session that ended */
    int64_t accepted, unsent;         /* of the last loss */
    struct plug__relay_conf conf;     /* set before sim_relay_open; zeros are the defaults */
};

/* Returns 0 or why it cannot be (r->err says it). */
int sim_relay_open(struct sim_relay *r, struct sim_world *w, const char *a, const char *b);
void sim_relay_close(struct sim_relay *r);

#endif

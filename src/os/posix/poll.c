/* SPDX-License-Identifier: MIT
 *
 * Waiting for several descriptors by ppoll, with nanoseconds.
 * It deliberately remembers nothing between calls; registering is the loop backends' work.
 */
#include "os/posix/posix.h"
#include "util/alloc.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

enum { POLL_NEAR = 64 }; /* so many need no allocation */

static short poll_events(unsigned want)
{
    int e = 0;
    if (want & PLUG_IN)
        e |= POLLIN;
    if (want & PLUG_OUT)
        e |= POLLOUT;
    if (want & PLUG__PRI)
        e |= POLLPRI;
    if (want & PLUG__HUP)
        e |= POLLRDHUP;
    return (short)e;
}

static unsigned poll_bits(short revents)
{
    unsigned got = 0;
    if (revents & POLLIN)
        got |= PLUG_IN;
    if (revents & POLLOUT)
        got |= PLUG_OUT;
    if (revents & POLLPRI)
        got |= PLUG__PRI;
    if (revents & (POLLHUP | POLLRDHUP))
        got |= PLUG__HUP;
    if (revents & (POLLERR | POLLNVAL))
        got |= PLUG_ERR;
    return got;
}

static int poll_call(struct pollfd *p, unsigned n, plug_time timeout, int *reterr_os)
{
    struct timespec t = {0};
    if (timeout > 0) {
        t.tv_sec = (time_t)(timeout / PLUG_SECOND);
        t.tv_nsec = (long)(timeout % PLUG_SECOND);
    }
    int rc = ppoll(p, n, timeout < 0 ? NULL : &t, NULL);
    if (rc < 0 && errno == EINTR)
        return 0;
    return rc < 0 ? plug__posix_fail(reterr_os) : rc;
}

int plug__os_poll(struct plug__pollfd *v, unsigned n, plug_time timeout, int *reterr_os)
{
    struct pollfd near[POLL_NEAR];
    struct pollfd *p = near;
    if (n > POLL_NEAR) {
        p = plug__calloc(n, sizeof *p);
        if (!p)
            return PLUG_ENOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        /* A row that wants nothing is left out: POLLHUP cannot be masked and would spin. */
        p[i].fd = v[i].want ? (int)v[i].handle : -1;
        p[i].events = poll_events(v[i].want);
        p[i].revents = 0;
    }
    int rc = poll_call(p, n, timeout, reterr_os);
    for (unsigned i = 0; i < n; i++)
        v[i].got = rc > 0 ? poll_bits(p[i].revents) : 0;
    if (p != near)
        plug__free(p);
    return rc;
}

/* SPDX-License-Identifier: MIT
 *
 * Ends and waits for a child whose endpoint is closed. It runs apart from every loop, because a
 * private loop ends with its endpoint.
 */
#include "endpoint/reap.h"

#include "util/alloc.h"

enum { REAP_ASK_MS = 20 }; /* where there is no handle to poll */

static int reap_ended(const struct plug__child *c)
{
    int status;
    return plug__os_wait(c, &status) != PLUG_EAGAIN;
}

/* Waits until the child has ended, at most `timeout` ns (< 0: for ever). */
static int reap_wait(const struct plug__child *c, plug_time timeout)
{
    plug_time end = timeout < 0 ? PLUG_FOREVER : plug__os_now() + timeout;
    struct plug__pollfd fd = {.handle = c->handle, .want = PLUG_IN};
    while (!reap_ended(c)) {
        plug_time now = plug__os_now(), nap = REAP_ASK_MS * PLUG_MS;
        if (now >= end)
            return 0;
        if (c->handle != PLUG_NO_HANDLE)
            nap = end == PLUG_FOREVER ? -1 : end - now;
        (void)plug__os_poll(&fd, c->handle != PLUG_NO_HANDLE ? 1 : 0, nap, NULL);
    }
    return 1;
}

static void reap_thread(void *arg)
{
    struct plug__child *c = arg;
    if (!reap_wait(c, PLUG__KILL_AFTER_MS * PLUG_MS)) {
        (void)plug__os_kill(c, PLUG__SIGNAL_KILL);
        (void)reap_wait(c, -1);
    }
    if (c->handle != PLUG_NO_HANDLE)
        plug__os_close(c->handle);
    plug__free(c);
}

void plug__reap(const struct plug__child *c)
{
    struct plug__child *copy;
    if (reap_ended(c)) {
        if (c->handle != PLUG_NO_HANDLE)
            plug__os_close(c->handle);
        return;
    }
    (void)plug__os_kill(c, 0);
    copy = plug__malloc(sizeof(*copy));
    if (copy) {
        *copy = *c;
        if (plug__thread_start(reap_thread, copy, NULL) >= 0)
            return;
    }
    /* No thread, so no grace; what is left of it goes with this process. */
    plug__free(copy);
    (void)plug__os_kill(c, PLUG__SIGNAL_KILL);
    (void)reap_ended(c);
    if (c->handle != PLUG_NO_HANDLE)
        plug__os_close(c->handle);
}

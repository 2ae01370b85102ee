/* SPDX-License-Identifier: MIT
 *
 * Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES (sd_listen_fds(3)). What was meant for another
 * process is none of ours: a child inherits the variables but not the task.
 */
#include "endpoint/listen_fds.h"

#include "os/os.h"
#include "util/err.h"
#include <stdlib.h>
#include <string.h>

enum { LISTEN_FDS_FIRST = 3, LISTEN_FDS_MOST = 4096 };

/* A decimal number, or -1. */
static int64_t listen_number(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    long long n;
    if (!text || *text < '0' || *text > '9')
        return -1;
    n = strtoll(text, &end, 10);
    return *end ? -1 : n;
}

static int listen_none(struct plug_err *reterr, const char *why)
{
    plug__err(reterr, PLUG_EUSAGE, 0, "accept-fd", "no descriptor was handed over: %s", why);
    plug__err_hint(reterr, "a number says which: accept-fd:3");
    return PLUG_EUSAGE;
}

/* The number of descriptors, which begin at 3. */
static int listen_count(struct plug_err *reterr)
{
    int64_t pid = listen_number("LISTEN_PID"), n = listen_number("LISTEN_FDS");
    if (pid < 0)
        return listen_none(reterr, "LISTEN_PID is not set");
    if (pid != plug__os_pid())
        return listen_none(reterr, "LISTEN_PID names another process");
    if (n < 1 || n > LISTEN_FDS_MOST)
        return listen_none(reterr, "LISTEN_FDS counts none");
    return (int)n;
}

/* How many of the names are this one, and the number of the first. */
static int listen_find(const char *names, const char *name, int n, int *ret)
{
    size_t want = strlen(name);
    int found = 0;
    for (int i = 0; i < n && *names; i++) {
        size_t len = strcspn(names, ":");
        if (len == want && memcmp(names, name, len) == 0 && found++ == 0)
            *ret = LISTEN_FDS_FIRST + i;
        names += len + (names[len] == ':');
    }
    return found;
}

int plug__listen_fds(const char *name, int *ret, struct plug_err *reterr)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int n = listen_count(reterr), found = n;
    if (n < 0)
        return n;
    *ret = LISTEN_FDS_FIRST;
    if (name && *name)
        found = listen_find(names ? names : "", name, n, ret);
    if (found == 1)
        return 0;
    if (name && *name)
        plug__err(reterr, PLUG_EUSAGE, 0, "accept-fd",
                  found ? "%d descriptors are called \"%.60s\"" : "%d descriptors, none \"%.60s\"",
                  found ? found : n, name);
    else
        plug__err(reterr, PLUG_EUSAGE, 0, "accept-fd", "%d descriptors were handed over", n);
    plug__err_hint(reterr, "a number from %d to %d says which%s%.80s", LISTEN_FDS_FIRST,
                   LISTEN_FDS_FIRST + n - 1, names ? ", or a name: " : "", names ? names : "");
    return PLUG_EUSAGE;
}

/* SPDX-License-Identifier: MIT
 *
 * Waiting for several handles: WSAPoll for sockets; the others are looked at in short turns.
 * It is made for private loops with a few handles; a shared loop deserves a completion port.
 */
#include "os/win/win.h"
#include "util/alloc.h"

enum {
    POLL_NEAR = 64,     /* so many need no allocation */
    POLL_TURN_MS = 10,  /* how long a pipe or a process may wait to be seen */
    POLL_OTHER = 0x4000 /* in `got`, while waiting: not a socket */
};

static SHORT poll_events(unsigned want)
{
    int e = 0;
    if (want & PLUG_IN)
        e |= POLLRDNORM;
    if (want & PLUG_OUT)
        e |= POLLWRNORM;
    if (want & PLUG__PRI)
        e |= POLLRDBAND;
    return (SHORT)e;
}

static unsigned poll_bits(SHORT revents)
{
    unsigned got = 0;
    if (revents & POLLRDNORM)
        got |= PLUG_IN;
    if (revents & POLLWRNORM)
        got |= PLUG_OUT;
    if (revents & POLLRDBAND)
        got |= PLUG__PRI;
    if (revents & POLLHUP)
        got |= PLUG__HUP;
    if (revents & (POLLERR | POLLNVAL))
        got |= PLUG_ERR;
    return got;
}

static unsigned poll_pipe(HANDLE h)
{
    DWORD bytes = 0;
    if (PeekNamedPipe(h, NULL, 0, NULL, &bytes, NULL))
        return bytes > 0 ? PLUG_IN | PLUG_OUT : PLUG_OUT;
    if (GetLastError() == ERROR_BROKEN_PIPE)
        return PLUG_IN | PLUG__HUP;
    return PLUG_OUT; /* a write end cannot be peeked */
}

/* What a file, a pipe, a console or a process is ready for now. */
static unsigned poll_other(plug_handle handle)
{
    HANDLE h = plug__win_handle(handle);
    switch (GetFileType(h)) {
    case FILE_TYPE_DISK:
        return PLUG_IN | PLUG_OUT;
    case FILE_TYPE_PIPE:
        return poll_pipe(h);
    case FILE_TYPE_CHAR:
        return PLUG_OUT | (WaitForSingleObject(h, 0) == WAIT_OBJECT_0 ? PLUG_IN : 0U);
    default:
        return WaitForSingleObject(h, 0) == WAIT_OBJECT_0 ? PLUG_IN : 0U;
    }
}

static int poll_is_other(const struct plug__pollfd *row)
{
    return (row->got & POLL_OTHER) != 0;
}

static int poll_left_out(const struct plug__pollfd *row)
{
    return row->want == 0 || row->handle == PLUG_NO_HANDLE;
}

/* Sorts the rows into sockets (into p) and others. Returns how many sockets. */
static unsigned poll_sort(struct plug__pollfd *v, unsigned n, WSAPOLLFD *p, unsigned *ret_others)
{
    unsigned sockets = 0;
    *ret_others = 0;
    for (unsigned i = 0; i < n; i++) {
        v[i].got = 0;
        if (poll_left_out(&v[i]))
            continue;
        if (plug__win_is_socket(v[i].handle)) {
            p[sockets++] = (WSAPOLLFD){plug__win_socket(v[i].handle), poll_events(v[i].want), 0};
        } else {
            v[i].got = POLL_OTHER;
            ++*ret_others;
        }
    }
    return sockets;
}

static unsigned poll_others(struct plug__pollfd *v, unsigned n)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!poll_is_other(&v[i]))
            continue;
        unsigned got = poll_other(v[i].handle) & (v[i].want | PLUG__HUP);
        v[i].got = POLL_OTHER | got;
        ready += got != 0;
    }
    return ready;
}

static int poll_sockets(WSAPOLLFD *p, unsigned n, int ms, int *reterr_os)
{
    if (n == 0) {
        if (ms != 0)
            Sleep(ms < 0 ? INFINITE : (DWORD)ms);
        return 0;
    }
    int rc = WSAPoll(p, n, ms);
    return rc == SOCKET_ERROR ? plug__win_wsa(reterr_os) : rc;
}

static int poll_ms(plug_time end, int others)
{
    plug_time left = end == PLUG_FOREVER ? PLUG_FOREVER : end - plug__os_now();
    if (left <= 0)
        return 0;
    plug_time ms = left == PLUG_FOREVER ? -1 : (left + PLUG_MS - 1) / PLUG_MS;
    if (others && (ms < 0 || ms > POLL_TURN_MS))
        return POLL_TURN_MS;
    return ms > 1000000 ? 1000000 : (int)ms;
}

static int poll_wait(struct plug__pollfd *v, unsigned n, WSAPOLLFD *p, plug_time end,
                     int *reterr_os)
{
    unsigned others, sockets = poll_sort(v, n, p, &others);
    for (;;) {
        unsigned ready = others ? poll_others(v, n) : 0;
        int ms = ready ? 0 : poll_ms(end, others > 0);
        int rc = poll_sockets(p, sockets, ms, reterr_os);
        if (rc < 0 || rc > 0 || ready)
            return rc < 0 ? rc : rc + (int)ready;
        if (ms == 0)
            return 0;
    }
}

static void poll_give(struct plug__pollfd *v, unsigned n, const WSAPOLLFD *p)
{
    for (unsigned i = 0; i < n; i++) {
        if (poll_left_out(&v[i]))
            continue;
        if (poll_is_other(&v[i]))
            v[i].got &= ~(unsigned)POLL_OTHER;
        else
            v[i].got = poll_bits((p++)->revents);
    }
}

int plug__os_poll(struct plug__pollfd *v, unsigned n, plug_time timeout, int *reterr_os)
{
    WSAPOLLFD near_[POLL_NEAR];
    WSAPOLLFD *p = near_;
    plug_time end = PLUG_FOREVER, now = plug__os_now();
    if (timeout >= 0 && timeout < PLUG_FOREVER - now)
        end = now + timeout;
    if (n > POLL_NEAR) {
        p = plug__calloc(n, sizeof *p);
        if (!p)
            return PLUG_ENOMEM;
    }
    int rc = poll_wait(v, n, p, end, reterr_os);
    poll_give(v, n, p);
    if (p != near_)
        plug__free(p);
    return rc;
}

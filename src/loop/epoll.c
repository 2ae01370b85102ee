/* SPDX-License-Identifier: MIT
 *
 * Linux epoll, edge-triggered: a handle is registered once and never changed.
 * It keeps no state of interest; who clears a ready bit waits for the kernel's next edge.
 */
#include "loop/loop.h"

#include "util/alloc.h"
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>

struct epoll_state {
    int fd;
    struct epoll_event events[PLUG__EVENTS];
};

static int epoll_fail(int os, int *reterr_os)
{
    if (reterr_os)
        *reterr_os = os;
    return plug__os_code(os);
}

static int epoll_init(struct plug_loop *loop, int *reterr_os)
{
    struct epoll_state *st = plug__calloc(1, sizeof *st);
    if (!st)
        return PLUG_ENOMEM;
    st->fd = epoll_create1(EPOLL_CLOEXEC);
    if (st->fd < 0) {
        int os = errno;
        plug__free(st);
        return epoll_fail(os, reterr_os);
    }
    loop->state = st;
    return 0;
}

static void epoll_drop(struct plug_loop *loop)
{
    struct epoll_state *st = loop->state;
    plug__os_close(st->fd);
    plug__free(st);
}

static uint32_t epoll_bits(unsigned armed)
{
    uint32_t bits = EPOLLET;
    if (!armed)
        return bits | EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI;
    if (armed & PLUG_IN)
        bits |= EPOLLIN | EPOLLRDHUP;
    if (armed & PLUG_OUT)
        bits |= EPOLLOUT;
    if (armed & PLUG__PRI)
        bits |= EPOLLPRI;
    return bits;
}

/* EPERM is the kernel's answer for regular files and directories: they are always ready. */
static int epoll_add(struct plug_loop *loop, struct plug_io *io, int *reterr_os)
{
    struct epoll_state *st = loop->state;
    struct epoll_event ev = {.events = epoll_bits(io->armed), .data = {.ptr = io}};
    if (epoll_ctl(st->fd, EPOLL_CTL_ADD, (int)io->handle, &ev) < 0)
        return epoll_fail(errno, reterr_os);
    io->slot = 1;
    return 0;
}

/* Also when the descriptor is closed right away: the registration lives as long as the open file
 * description, of which a child that has not yet called exec, or whoever gave us fd:N, may hold
 * another descriptor. It would go on to report a pointer that is freed. */
static void epoll_del(struct plug_loop *loop, struct plug_io *io)
{
    struct epoll_state *st = loop->state;
    (void)epoll_ctl(st->fd, EPOLL_CTL_DEL, (int)io->handle, NULL);
}

static void epoll_arm(struct plug_loop *loop, struct plug_io *io, unsigned bits)
{
    (void)loop;
    (void)io;
    (void)bits;
}

static unsigned epoll_ready(uint32_t events)
{
    unsigned bits = 0;
    if (events & EPOLLIN)
        bits |= PLUG_IN;
    if (events & EPOLLOUT)
        bits |= PLUG_OUT;
    if (events & EPOLLPRI)
        bits |= PLUG__PRI;
    if (events & EPOLLRDHUP)
        bits |= PLUG_IN | PLUG__HUP;
    if (events & EPOLLHUP)
        bits |= PLUG_IN | PLUG_OUT | PLUG__HUP;
    if (events & EPOLLERR)
        bits |= PLUG_IN | PLUG_OUT | PLUG_ERR; /* the next call meets the error */
    return bits;
}

/* Whole milliseconds, rounded up so that a timer is due when the wait is over. */
static int epoll_timeout(const struct plug_loop *loop, plug_time until)
{
    plug_time ns = plug__loop_timeout(loop, until);
    if (ns < 0)
        return -1;
    if (ns / PLUG_MS >= INT_MAX)
        return INT_MAX;
    return (int)(ns / PLUG_MS) + (ns % PLUG_MS != 0);
}

static int epoll_wait_events(struct plug_loop *loop, plug_time until, int *reterr_os)
{
    struct epoll_state *st = loop->state;
    unsigned room = loop->room - loop->nevents;
    /* epoll_wait refuses a batch of none; a loop without handles only waits for time. */
    int n = epoll_wait(st->fd, st->events, room ? (int)room : 1, epoll_timeout(loop, until));
    if (n < 0)
        return errno == EINTR ? 0 : epoll_fail(errno, reterr_os);
    for (int i = 0; i < n; i++)
        plug__loop_event(loop, st->events[i].data.ptr, epoll_ready(st->events[i].events));
    return 0;
}

static int epoll_fd(const struct plug_loop *loop)
{
    const struct epoll_state *st = loop->state;
    return st->fd;
}

const struct plug__backend plug__epoll_backend = {
    .name = "epoll",
    .init = epoll_init,
    .drop = epoll_drop,
    .add = epoll_add,
    .del = epoll_del,
    .arm = epoll_arm,
    .wait = epoll_wait_events,
    .fd = epoll_fd,
    .now = NULL, /* the system's */
};

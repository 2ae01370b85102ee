/* SPDX-License-Identifier: MIT
 *
 * Sockets on a loop of each backend and on private loops, by the same calls. A test gets its loop
 * (NULL: private ones) as its state.
 */
#ifndef PLUG_TESTS_SOCKET_RIG_H
#define PLUG_TESTS_SOCKET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/sock.h"
#include "os/sockopt.h"
#include <plug/loop.h>
#include <stdio.h>
#include <string.h>

#define RIG_WAIT (20 * PLUG_SECOND)

static inline int rig_setup(void **state)
{
    const char *backend = *state;
    struct plug_loop *loop = NULL;
    if (backend && plug_loop_new(&loop, backend, NULL) < 0)
        return -1;
    *state = loop;
    return 0;
}

static inline int rig_teardown(void **state)
{
    plug_loop_free(*state);
    return 0;
}

#define RIG_ON(f, backend, name)                                          \
    {                                                                     \
#f name, f, rig_setup, rig_teardown, (void *)(uintptr_t)(backend) \
    }
#define RIG(f) RIG_ON(f, "epoll", " (epoll)"), RIG_ON(f, "poll", " (poll)"), RIG_ON(f, NULL, "")

static inline plug_time rig_until(void)
{
    return plug_now() + RIG_WAIT;
}

/* Opens to the end; the outcome's code. */
static inline int rig_try(struct plug_loop *loop, const char *address, struct plug_sock **ret)
{
    plug_time until = rig_until();
    struct plug_err err = {0};
    int r;
    *ret = NULL;
    if (!loop)
        return plug_open(ret, address, until, &err);
    r = plug_open_on(ret, loop, address, &err);
    if (r < 0)
        return r;
    while ((r = plug_state(*ret)) == PLUG_EAGAIN && plug_now() < until)
        plug_loop_turn(loop, until);
    if (r < 0) {
        plug_close(*ret);
        *ret = NULL;
    }
    return r;
}

static inline struct plug_sock *rig_open(struct plug_loop *loop, const char *address)
{
    struct plug_sock *s;
    int r = rig_try(loop, address, &s);
    if (r < 0)
        fail_msg("%s: %s", address, plug_strerror(r));
    return s;
}

/* Once more after a turn of the loop? */
static inline int rig_again(struct plug_loop *loop, int64_t r, plug_time until)
{
    if (r != PLUG_EAGAIN || !loop || plug_now() >= until)
        return 0;
    plug_loop_turn(loop, until);
    return 1;
}

static inline struct plug_sock *rig_accept(struct plug_loop *loop, struct plug_sock *l)
{
    struct plug_sock *s = NULL;
    plug_time until = rig_until();
    int r;
    do
        r = plug_accept(l, &s, loop ? 0 : until);
    while (rig_again(loop, r, until));
    if (r < 0)
        fail_msg("accept: %s", plug_strerror(r));
    return s;
}

static inline int64_t rig_recv(struct plug_loop *loop, struct plug_sock *s, void *buf, size_t len)
{
    plug_time until = rig_until();
    int64_t r;
    do
        r = plug_recv(s, buf, len, 0, loop ? 0 : until);
    while (rig_again(loop, r, until));
    return r;
}

static inline int64_t rig_send(struct plug_loop *loop, struct plug_sock *s, const void *buf,
                               size_t len)
{
    plug_time until = rig_until();
    int64_t r;
    do
        r = plug_send(s, buf, len, 0, loop ? 0 : until);
    while (rig_again(loop, r, until));
    return r;
}

static inline int rig_shut(struct plug_loop *loop, struct plug_sock *s, int how)
{
    plug_time until = rig_until();
    int r;
    do
        r = plug_shutdown(s, how, loop ? 0 : until);
    while (rig_again(loop, r, until));
    return r;
}

/* Sends a text one way and finds it at the other end. */
static inline void rig_says(struct plug_loop *loop, struct plug_sock *from, struct plug_sock *to,
                            const char *text)
{
    char buf[256];
    size_t len = strlen(text), got = 0;
    assert_int_equal(rig_send(loop, from, text, len), len);
    while (got < len) {
        int64_t r = rig_recv(loop, to, buf + got, sizeof(buf) - got);
        if (r <= 0)
            fail_msg("recv: %s", plug_strerror((int)r));
        got += (size_t)r;
    }
    assert_int_equal(got, len);
    assert_memory_equal(buf, text, len);
}

static inline struct plug_addr rig_addr(struct plug_sock *s, int which)
{
    struct plug_addr a = {0};
    size_t len = sizeof(a);
    int r = plug_getsockopt(s, PLUG_LEVEL_SOCK, which, &a, &len);
    if (r < 0)
        fail_msg("address: %s", plug_strerror(r));
    return a;
}

static inline unsigned rig_port(struct plug_sock *s)
{
    struct plug_addr a = rig_addr(s, PLUG_SO_NAME);
    return plug__os_addr_port(&a);
}

static inline const char *rig_text(struct plug_sock *s, int which, char *buf, size_t len)
{
    struct plug_addr a = rig_addr(s, which);
    assert_true(plug_addr_text(&a, buf, len) >= 0);
    return buf;
}

static inline int rig_int(struct plug_sock *s, int level, int name)
{
    int v = -1;
    size_t len = sizeof(v);
    assert_int_equal(plug_getsockopt(s, level, name, &v, &len), 0);
    return v;
}

/* Whether this machine has ::1. */
static inline int rig_has_ip6(void)
{
    struct plug_addr a;
    plug_handle h;
    int r;
    if (plug__os_socket(&h, AF_INET6, SOCK_STREAM, 0, NULL) < 0)
        return 0;
    plug__os_addr_any(&a, AF_INET6, 1, 0);
    r = plug__os_bind(h, &a, NULL);
    plug__os_close(h);
    return r >= 0;
}

/* The number that the next descriptor will have: equal before and after, none was left open. */
static inline plug_handle rig_next_handle(void)
{
    plug_handle h;
    assert_true(plug__os_socket(&h, AF_UNIX, SOCK_STREAM, 0, NULL) >= 0);
    plug__os_close(h);
    return h;
}

/* A bound address nobody listens on, held by *ret so that nobody else gets it. */
static inline unsigned rig_closed_port(int type, plug_handle *ret)
{
    struct plug_addr a;
    plug__os_addr_any(&a, AF_INET, 1, 0);
    assert_true(plug__os_socket(ret, AF_INET, type, 0, NULL) >= 0);
    assert_true(plug__os_bind(*ret, &a, NULL) >= 0);
    assert_true(plug__os_sockname(*ret, &a, NULL) >= 0);
    return plug__os_addr_port(&a);
}

/* A listener whose queue is full: a SYN to it is never answered. */
struct rig_hole {
    plug_handle h[4];
    unsigned port;
};

static inline void rig_hole_open(struct rig_hole *hole)
{
    struct plug_addr a;
    plug__os_addr_any(&a, AF_INET, 1, 0);
    assert_true(plug__os_socket(&hole->h[0], AF_INET, SOCK_STREAM, 0, NULL) >= 0);
    assert_true(plug__os_bind(hole->h[0], &a, NULL) >= 0);
    assert_true(plug__os_listen(hole->h[0], 0, NULL) >= 0);
    assert_true(plug__os_sockname(hole->h[0], &a, NULL) >= 0);
    hole->port = plug__os_addr_port(&a);
    for (int i = 1; i < 4; i++) {
        assert_true(plug__os_socket(&hole->h[i], AF_INET, SOCK_STREAM, 0, NULL) >= 0);
        (void)plug__os_connect(hole->h[i], &a, NULL);
    }
}

static inline void rig_hole_close(struct rig_hole *hole)
{
    for (int i = 3; i >= 0; i--)
        plug__os_close(hole->h[i]);
}

#endif

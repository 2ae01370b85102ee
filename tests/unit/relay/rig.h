/* SPDX-License-Identifier: MIT
 *
 * Relays on a loop of either backend, their events counted. What stands at their ends is the
 * test's: plain sockets, files, pairs.
 */
#ifndef PLUG_TESTS_RELAY_RIG_H
#define PLUG_TESTS_RELAY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/sockopt.h"
#include "relay/relay.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RIG_WAIT (20 * PLUG_SECOND)
enum { RIG_KINDS = PLUG__EV_DEBUG + 1 };

struct rig {
    struct plug_loop *loop;
    struct plug__relay_set set;
    unsigned seen[RIG_KINDS];
    struct plug_err err;              /* of the last event that had one */
    char name[200];                   /* of the last LISTENING or OPENED */
    char at[2][200];                  /* of LISTENING, by side */
    int side;                         /* of the last event */
    int64_t accepted, unsent;         /* of the last LOST */
    struct plug__session_stats stats; /* of the last session that ended */
    struct plug__relay_conf conf;     /* for rig_relay; plans are set there */
    char dir[64];
};

static inline void rig_event(void *arg, const struct plug__event *ev)
{
    struct rig *t = arg;
    t->seen[ev->kind]++;
    t->side = ev->side;
    if (ev->err.code)
        t->err = ev->err;
    if (getenv("RIG_SHOW"))
        fprintf(stderr, "event %d side %d %s: %s\n", (int)ev->kind, ev->side,
                ev->name ? ev->name : "", ev->err.text);
    if (ev->name && (ev->kind == PLUG__EV_LISTENING || ev->kind == PLUG__EV_OPENED))
        snprintf(t->name, sizeof(t->name), "%s", ev->name);
    if (ev->kind == PLUG__EV_LISTENING)
        snprintf(t->at[ev->side], sizeof(t->at[0]), "%s", ev->name);
    if (ev->stats)
        t->stats = *ev->stats;
    if (ev->kind == PLUG__EV_LOST) {
        t->accepted = ev->accepted;
        t->unsent = ev->unsent;
    }
}

static inline int rig_setup(void **state)
{
    const char *backend = *state;
    struct rig *t = calloc(1, sizeof(*t));
    if (!t || plug_loop_new(&t->loop, backend, NULL) < 0)
        return -1;
    t->conf.half_wait = PLUG_FOREVER;
    t->conf.idle = PLUG_FOREVER;
    t->conf.movers = 1;
    t->conf.event = rig_event;
    t->conf.arg = t;
    t->conf.set = &t->set;
    snprintf(t->dir, sizeof(t->dir), "/tmp/plug-relay-XXXXXX");
    if (!mkdtemp(t->dir))
        return -1;
    *state = t;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *t = *state;
    plug_loop_free(t->loop);
    (void)rmdir(t->dir);
    free(t);
    return 0;
}

#define RIG_ON(f, backend)                                                            \
    {                                                                                 \
#f " (" backend ")", f, rig_setup, rig_teardown, (void *)(uintptr_t)(backend) \
    }
#define RIG(f) RIG_ON(f, "epoll"), RIG_ON(f, "poll")

static inline void rig_plan(struct plug_plan **ret, const char *address)
{
    struct plug_err err = {0};
    if (plug__plan_parse(ret, address, NULL, &err) < 0)
        fail_msg("%s: %s", address, err.text);
}

/* Parses, checks and starts. */
static inline struct plug__relay *rig_relay(struct rig *t, const char *a, const char *b)
{
    struct plug__relay *r = NULL;
    struct plug_err err = {0};
    int side;
    rig_plan(&t->conf.a, a);
    rig_plan(&t->conf.b, b);
    if (plug__relay_check(t->conf.a, t->conf.b, t->conf.block, t->conf.only, &side, NULL, NULL,
                          &err) < 0 ||
        plug__relay_new(&r, t->loop, &t->conf, &err) < 0)
        fail_msg("%s %s: %s", a, b, err.text);
    return r;
}

static inline void rig_turn(struct rig *t)
{
    plug_time soon = plug_now() + 5 * PLUG_MS; /* the test's own sockets are not in the loop */
    assert_true(plug_loop_turn(t->loop, soon) >= 0);
}

static inline void rig_until_seen(struct rig *t, int kind, unsigned n)
{
    plug_time end = plug_now() + RIG_WAIT;
    while (t->seen[kind] < n) {
        if (plug_now() > end)
            fail_msg("event %d was seen %u times, not %u; error: %s", kind, t->seen[kind], n,
                     t->err.text);
        rig_turn(t);
    }
}

/* Runs the relay to its end; its status. */
static inline int rig_end(struct rig *t, struct plug__relay *r)
{
    plug_time end = plug_now() + RIG_WAIT;
    int status;
    while (!plug__relay_done(r)) {
        if (plug_now() > end)
            fail_msg("the relay goes on");
        rig_turn(t);
    }
    status = plug__relay_status(r);
    plug__relay_free(r);
    return status;
}

/* The port behind the last colon of a side's listening line. */
static inline unsigned rig_port_of(struct rig *t, int side)
{
    const char *colon = strrchr(t->at[side], ':');
    assert_non_null(colon);
    return (unsigned)strtoul(colon + 1, NULL, 10);
}

static inline unsigned rig_port(struct rig *t)
{
    return rig_port_of(t, t->at[0][0] ? 0 : 1);
}

static inline plug_handle rig_socket(int type)
{
    plug_handle h;
    assert_true(plug__os_socket(&h, AF_INET, type, 0, NULL) >= 0);
    return h;
}

static inline plug_handle rig_connect(unsigned port, int type)
{
    plug_handle h = rig_socket(type);
    struct plug_addr a;
    int r;
    plug__os_addr_any(&a, AF_INET, 1, (uint16_t)port);
    r = plug__os_connect(h, &a, NULL);
    assert_true(r >= 0 || r == PLUG_EINPROGRESS);
    return h;
}

/* A TCP port that nobody listens on, held so that nobody else gets it. */
static inline plug_handle rig_dead(char *address, size_t room)
{
    plug_handle h = rig_socket(SOCK_STREAM);
    struct plug_addr a;
    plug__os_addr_any(&a, AF_INET, 1, 0);
    assert_true(plug__os_bind(h, &a, NULL) >= 0);
    assert_true(plug__os_sockname(h, &a, NULL) >= 0);
    snprintf(address, room, "tcp://127.0.0.1:%u", plug__os_addr_port(&a));
    return h;
}

/* A socket of the test's own on a port of the system's choice; listening if it is a stream. */
static inline plug_handle rig_server(int type, char *address, size_t room, const char *kind)
{
    plug_handle h = rig_socket(type);
    struct plug_addr a;
    plug__os_addr_any(&a, AF_INET, 1, 0);
    assert_true(plug__os_bind(h, &a, NULL) >= 0);
    if (type == SOCK_STREAM)
        assert_true(plug__os_listen(h, 16, NULL) >= 0);
    assert_true(plug__os_sockname(h, &a, NULL) >= 0);
    snprintf(address, room, "%s://127.0.0.1:%u", kind, plug__os_addr_port(&a));
    return h;
}

static inline plug_handle rig_accept(struct rig *t, plug_handle server)
{
    plug_time end = plug_now() + RIG_WAIT;
    plug_handle h;
    while (plug__os_accept(server, &h, NULL, NULL) < 0) {
        assert_true(plug_now() < end);
        rig_turn(t);
    }
    return h;
}

/* One read when something came: bytes, or PLUG_EOF, or an error. */
static inline int64_t rig_read(struct rig *t, plug_handle h, void *buf, size_t len)
{
    plug_time end = plug_now() + RIG_WAIT;
    struct plug_iov iov = {buf, len};
    int64_t r;
    while ((r = plug__os_read(h, &iov, 1, NULL)) == PLUG_EAGAIN || r == PLUG_ENOTCONN) {
        assert_true(plug_now() < end);
        rig_turn(t);
    }
    return r;
}

static inline void rig_write(struct rig *t, plug_handle h, const void *buf, size_t len)
{
    plug_time end = plug_now() + RIG_WAIT;
    struct plug_iov iov = {(void *)(uintptr_t)buf, len};
    while (iov.len) {
        int64_t r = plug__os_write(h, &iov, 1, NULL);
        if (r > 0) {
            iov.base = (char *)iov.base + r;
            iov.len -= (size_t)r;
            continue;
        }
        assert_true(r == PLUG_EAGAIN || r == PLUG_ENOTCONN || r == PLUG_EINPROGRESS);
        assert_true(plug_now() < end);
        rig_turn(t);
    }
}

static inline void rig_expect(struct rig *t, plug_handle h, const char *text)
{
    char buf[512];
    size_t got = 0, len = strlen(text);
    while (got < len) {
        int64_t r = rig_read(t, h, buf + got, len - got);
        if (r <= 0)
            fail_msg("read: %s", plug_strerror((int)r));
        got += (size_t)r;
    }
    assert_memory_equal(buf, text, len);
}

#endif

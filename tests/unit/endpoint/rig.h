/* SPDX-License-Identifier: MIT
 *
 * Opening, sending and receiving by the public calls on each kind of loop: a private one, a shared
 * one on poll, a shared one on epoll. It hides how one waits there and nothing else.
 */
#ifndef PLUG_TESTS_ENDPOINT_RIG_H
#define PLUG_TESTS_ENDPOINT_RIG_H

#include "unit/torture.h"

#include "core/sock.h"
#include <fcntl.h>
#include <plug/plug.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig {
    struct plug_loop *loop; /* NULL: private loops */
    struct plug_err err;    /* of the last failed open */
    char dir[64];           /* an empty directory of this test */
};

static inline plug_time rig_deadline(void)
{
    return plug_now() + 20 * PLUG_SECOND;
}

static inline int rig_setup(void **state, const char *backend)
{
    struct rig *t = calloc(1, sizeof(*t));
    if (!t)
        return -1;
    if (backend && plug_loop_new(&t->loop, backend, NULL) < 0)
        return -1;
    snprintf(t->dir, sizeof(t->dir), "/tmp/plug-test-XXXXXX");
    if (!mkdtemp(t->dir))
        return -1;
    *state = t;
    return 0;
}

static inline int rig_private(void **state)
{
    return rig_setup(state, NULL);
}

static inline int rig_poll(void **state)
{
    return rig_setup(state, "poll");
}

static inline int rig_epoll(void **state)
{
    return rig_setup(state, "epoll");
}

static inline int rig_teardown(void **state)
{
    struct rig *t = *state;
    plug_loop_free(t->loop);
    (void)rmdir(t->dir);
    free(t);
    return 0;
}

#define RIG_PRIVATE(f)                                      \
    {                                                       \
#f " (private)", f, rig_private, rig_teardown, NULL \
    }
#define RIG_SHARED(f)                                   \
    {#f " (poll)", f, rig_poll, rig_teardown, NULL},    \
    {                                                   \
#f " (epoll)", f, rig_epoll, rig_teardown, NULL \
    }
#define RIG_ALL(f) RIG_PRIVATE(f), RIG_SHARED(f)

/* The path of a name in the test's directory; one at a time. */
static inline const char *rig_path(struct rig *t, const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", t->dir, name);
    return path;
}

/* Makes an address: `fmt` with the directory for its one %s. */
static inline const char *rig_at(struct rig *t, const char *before, const char *name,
                                 const char *after)
{
    static char address[256];
    snprintf(address, sizeof(address), "%s:%s/%s%s", before, t->dir, name, after);
    return address;
}

static inline void rig_turn(struct rig *t)
{
    assert_true(plug_loop_turn(t->loop, rig_deadline()) >= 0);
}

static inline int rig_open(struct rig *t, struct plug_sock **ret, const char *address)
{
    int r;
    *ret = NULL;
    if (!t->loop)
        return plug_open(ret, address, rig_deadline(), &t->err);
    r = plug_open_on(ret, t->loop, address, &t->err);
    while (r >= 0 && (r = plug_state(*ret)) == PLUG_EAGAIN) {
        rig_turn(t);
        r = 0;
    }
    if (r < 0 && *ret) {
        plug_error(*ret, &t->err);
        plug_close(*ret);
        *ret = NULL;
    }
    return r;
}

static inline struct plug_sock *rig_must(struct rig *t, const char *address)
{
    struct plug_sock *s;
    int r = rig_open(t, &s, address);
    if (r < 0)
        print_error("%s: %s (%d)\n", address, t->err.text, r);
    assert_int_equal(r, 0);
    return s;
}

static inline int64_t rig_recv(struct rig *t, struct plug_sock *s, void *buf, size_t len)
{
    int64_t r;
    if (!t->loop)
        return plug_recv(s, buf, len, 0, rig_deadline());
    while ((r = plug_recv(s, buf, len, 0, 0)) == PLUG_EAGAIN)
        rig_turn(t);
    return r;
}

static inline int64_t rig_send(struct rig *t, struct plug_sock *s, const void *buf, size_t len)
{
    int64_t r;
    if (!t->loop)
        return plug_send(s, buf, len, 0, rig_deadline());
    while ((r = plug_send(s, buf, len, 0, 0)) == PLUG_EAGAIN)
        rig_turn(t);
    return r;
}

static inline int rig_shut(struct rig *t, struct plug_sock *s, int how)
{
    int r;
    if (!t->loop)
        return plug_shutdown(s, how, rig_deadline());
    while ((r = plug_shutdown(s, how, 0)) == PLUG_EAGAIN)
        rig_turn(t);
    return r;
}

/* Receives up to the end; the text is NUL-ended. Returns its length. */
static inline size_t rig_slurp(struct rig *t, struct plug_sock *s, char *buf, size_t room)
{
    size_t n = 0;
    int64_t r;
    while ((r = rig_recv(t, s, buf + n, room - 1 - n)) >= 0)
        n += (size_t)r;
    assert_int_equal(r, PLUG_EOF);
    buf[n] = '\0';
    return n;
}

static inline void rig_send_all(struct rig *t, struct plug_sock *s, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        int64_t r = rig_send(t, s, text, n);
        assert_true(r > 0);
        text += r;
        n -= (size_t)r;
    }
}

static inline void rig_write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline void rig_expect_file(const char *path, const char *text)
{
    char buf[256] = {0};
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(buf, 1, sizeof(buf) - 1, f) == strlen(text));
    assert_int_equal(fclose(f), 0);
    assert_string_equal(buf, text);
}

#endif

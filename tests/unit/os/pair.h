/* SPDX-License-Identifier: MIT
 *
 * Connected handles for the tests of src/os, and waiting for them.
 * Everything is on loopback with the kernel's choice of port.
 */
#ifndef TEST_OS_PAIR_H
#define TEST_OS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/os.h"
#include <string.h>
#include <sys/socket.h>

enum { PAIR_WAIT = 10 }; /* seconds until a test gives up */

static inline unsigned pair_wait(plug_handle h, unsigned want)
{
    struct plug__pollfd p = {.handle = h, .want = want};
    plug_time end = plug__os_now() + PAIR_WAIT * PLUG_SECOND;
    while (plug__os_now() < end)
        if (plug__os_poll(&p, 1, end - plug__os_now(), NULL) > 0)
            return p.got;
    fail_msg("nothing came");
    return 0;
}

static inline plug_handle pair_bound(int family, int type, struct plug_addr *ret)
{
    plug_handle h = PLUG_NO_HANDLE;
    struct plug_addr a;
    assert_int_equal(plug__os_addr_any(&a, family, 1, 0), 0);
    assert_int_equal(plug__os_socket(&h, family, type, 0, NULL), 0);
    assert_int_equal(plug__os_bind(h, &a, NULL), 0);
    assert_int_equal(plug__os_sockname(h, ret, NULL), 0);
    return h;
}

/* [0] connected, [1] accepted. */
static inline void pair_tcp(plug_handle ret[2])
{
    struct plug_addr a;
    plug_handle l = pair_bound(AF_INET, SOCK_STREAM, &a);
    assert_int_equal(plug__os_listen(l, 8, NULL), 0);
    assert_int_equal(plug__os_socket(&ret[0], AF_INET, SOCK_STREAM, 0, NULL), 0);
    int rc = plug__os_connect(ret[0], &a, NULL);
    assert_true(rc == 0 || rc == PLUG_EINPROGRESS);
    pair_wait(l, PLUG_IN);
    assert_int_equal(plug__os_accept(l, &ret[1], NULL, NULL), 0);
    pair_wait(ret[0], PLUG_OUT);
    plug__os_close(l);
}

static inline void pair_close(plug_handle h[2])
{
    plug__os_close(h[0]);
    plug__os_close(h[1]);
}

static inline int pair_send(plug_handle h, const char *text)
{
    char copy[256];
    struct plug_iov v = {copy, strlen(text)};
    struct plug_msg m = {.iov = &v, .niov = 1};
    memcpy(copy, text, v.len);
    int rc = plug__os_send(h, &m, 1, 0, NULL);
    return rc == 1 ? (int)m.len : rc;
}

/* Bytes, or the error. */
static inline int pair_recv(plug_handle h, char *buf, size_t len, int stream, unsigned *ret_flags)
{
    struct plug_iov v = {buf, len};
    struct plug_msg m = {.iov = &v, .niov = 1};
    int rc = plug__os_recv(h, &m, 1, stream, NULL);
    if (ret_flags)
        *ret_flags = m.flags;
    return rc == 1 ? (int)m.len : rc;
}

#endif

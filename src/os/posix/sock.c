/* SPDX-License-Identifier: MIT
 *
 * The calls on a socket that every Unix has alike.
 * Making sockets and moving messages is each system's own (sock.c and msg.c beside os/SYSTEM).
 */
#include "os/posix/posix.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static const struct sockaddr *sock_addr(const struct plug_addr *a)
{
    return (const struct sockaddr *)(const void *)a->u.sa;
}

int plug__os_bind(plug_handle h, const struct plug_addr *a, int *reterr_os)
{
    return plug__posix_check(bind((int)h, sock_addr(a), a->len), reterr_os);
}

int plug__os_listen(plug_handle h, int backlog, int *reterr_os)
{
    return plug__posix_check(listen((int)h, backlog), reterr_os);
}

int plug__os_connect(plug_handle h, const struct plug_addr *a, int *reterr_os)
{
    return plug__posix_check(connect((int)h, sock_addr(a), a->len), reterr_os);
}

int plug__os_disconnect(plug_handle h, int *reterr_os)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    int rc = connect((int)h, &none, sizeof none);
    if (rc < 0 && errno == EAFNOSUPPORT)
        rc = 0; /* the BSDs take the association away and say so */
    return plug__posix_check(rc, reterr_os);
}

int plug__os_shutdown(plug_handle h, int how, int *reterr_os)
{
    static const int hows[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
    if (how < PLUG_SHUT_RD || how > PLUG_SHUT_RDWR)
        return PLUG_EINVAL;
    return plug__posix_check(shutdown((int)h, hows[how]), reterr_os);
}

int plug__os_linger(plug_handle h, int seconds, int *reterr_os)
{
    const struct linger l = {.l_onoff = seconds >= 0, .l_linger = seconds >= 0 ? seconds : 0};
    return plug__os_setsockopt(h, SOL_SOCKET, SO_LINGER, &l, sizeof l, reterr_os);
}

int plug__os_reset(plug_handle h)
{
    return plug__os_linger(h, 0, NULL);
}

int plug__os_sockerr(plug_handle h, int *reterr_os)
{
    int os = 0;
    socklen_t len = sizeof os;
    if (getsockopt((int)h, SOL_SOCKET, SO_ERROR, &os, &len) < 0)
        return plug__posix_fail(reterr_os);
    if (os != 0 && reterr_os)
        *reterr_os = os;
    return plug__os_code(os);
}

int plug__os_setsockopt(plug_handle h, int level, int name, const void *v, size_t len,
                        int *reterr_os)
{
    if (len > INT32_MAX)
        return PLUG_EINVAL;
    return plug__posix_check(setsockopt((int)h, level, name, v, (socklen_t)len), reterr_os);
}

int plug__os_getsockopt(plug_handle h, int level, int name, void *v, size_t *len, int *reterr_os)
{
    socklen_t n = *len > INT32_MAX ? INT32_MAX : (socklen_t)*len;
    if (getsockopt((int)h, level, name, v, &n) < 0)
        return plug__posix_fail(reterr_os);
    *len = n;
    return 0;
}

typedef int (*sock_name_fn)(int, struct sockaddr *, socklen_t *);

static int sock_name(plug_handle h, sock_name_fn fn, struct plug_addr *ret, int *reterr_os)
{
    struct plug_addr a = {0};
    socklen_t len = sizeof a.u.sa;
    if (fn((int)h, (struct sockaddr *)(void *)a.u.sa, &len) < 0)
        return plug__posix_fail(reterr_os);
    a.len = (uint16_t)(len < sizeof a.u.sa ? len : sizeof a.u.sa);
    a.family = sock_addr(&a)->sa_family;
    *ret = a;
    return 0;
}

int plug__os_sockname(plug_handle h, struct plug_addr *ret, int *reterr_os)
{
    return sock_name(h, getsockname, ret, reterr_os);
}

int plug__os_peername(plug_handle h, struct plug_addr *ret, int *reterr_os)
{
    return sock_name(h, getpeername, ret, reterr_os);
}

int64_t plug__os_unread(plug_handle h)
{
    int n = 0;
    return ioctl((int)h, FIONREAD, &n) < 0 ? -1 : n;
}

int plug__os_listening(plug_handle h)
{
    int on = 0;
    size_t len = sizeof on;
    return plug__os_getsockopt(h, SOL_SOCKET, SO_ACCEPTCONN, &on, &len, NULL) == 0 && on != 0;
}

void plug__os_close(plug_handle h)
{
    if (h != PLUG_NO_HANDLE)
        plug__posix_close((int)h);
}

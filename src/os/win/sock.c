/* SPDX-License-Identifier: MIT
 *
 * Sockets by Winsock, non-blocking and not inherited from birth.
 * Messages are msg.c's.
 */
#include "os/win/win.h"

static const struct sockaddr *sock_addr(const struct plug_addr *a)
{
    return (const struct sockaddr *)(const void *)a->u.sa;
}

static int sock_nonblock(SOCKET s, u_long on, int *reterr_os)
{
    return plug__win_check(ioctlsocket(s, (long)FIONBIO, &on), reterr_os);
}

int plug__os_socket(plug_handle *ret, int family, int type, int protocol, int *reterr_os)
{
    const DWORD flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    SOCKET s = WSASocketW(family, type, protocol, NULL, 0, flags);
    if (s == INVALID_SOCKET)
        return plug__win_wsa(reterr_os);
    int rc = sock_nonblock(s, 1, reterr_os);
    if (rc < 0) {
        (void)closesocket(s);
        return rc;
    }
    *ret = (plug_handle)s;
    return 0;
}

static int sock_bound(plug_handle *ret, int type, struct plug_addr *ret_addr, int *reterr_os)
{
    struct plug_addr any;
    (void)plug__os_addr_any(&any, AF_INET, 1, 0);
    int rc = plug__os_socket(ret, AF_INET, type, 0, reterr_os);
    if (rc == 0)
        rc = plug__os_bind(*ret, &any, reterr_os);
    if (rc == 0)
        rc = plug__os_sockname(*ret, ret_addr, reterr_os);
    return rc;
}

static int sock_same(const struct plug_addr *a, const struct plug_addr *b)
{
    return a->len == b->len && memcmp(a->u.sa, b->u.sa, a->len) == 0;
}

static int sock_wait(plug_handle h, unsigned want, int *reterr_os)
{
    struct plug__pollfd p = {.handle = h, .want = want};
    int rc = plug__os_poll(&p, 1, 5 * PLUG_SECOND, reterr_os);
    return rc < 0 ? rc : rc == 0 ? PLUG_ETIMEDOUT : 0;
}

/* Another program could connect to the port first: only our own end is taken. */
static int sock_take(plug_handle listener, plug_handle ours, plug_handle *ret, int *reterr_os)
{
    struct plug_addr own, peer;
    int rc = plug__os_sockname(ours, &own, reterr_os);
    while (rc == 0) {
        rc = sock_wait(listener, PLUG_IN, reterr_os);
        if (rc == 0)
            rc = plug__os_accept(listener, ret, &peer, reterr_os);
        if (rc == 0 && sock_same(&own, &peer))
            break;
        if (rc == 0)
            plug__os_close(*ret);
    }
    if (rc < 0)
        *ret = PLUG_NO_HANDLE;
    return rc;
}

static int sock_stream_pair(plug_handle h[2], int *reterr_os)
{
    plug_handle listener = PLUG_NO_HANDLE;
    struct plug_addr at, own;
    int rc = sock_bound(&listener, SOCK_STREAM, &at, reterr_os);
    if (rc == 0)
        rc = plug__os_listen(listener, 1, reterr_os);
    if (rc == 0)
        rc = sock_bound(&h[0], SOCK_STREAM, &own, reterr_os);
    if (rc == 0)
        rc = plug__os_connect(h[0], &at, reterr_os);
    if (rc == PLUG_EINPROGRESS)
        rc = sock_wait(h[0], PLUG_OUT, reterr_os);
    if (rc == 0)
        rc = sock_take(listener, h[0], &h[1], reterr_os);
    plug__os_close(listener);
    return rc;
}

static int sock_dgram_pair(plug_handle h[2], int *reterr_os)
{
    struct plug_addr a, b;
    int rc = sock_bound(&h[0], SOCK_DGRAM, &a, reterr_os);
    if (rc == 0)
        rc = sock_bound(&h[1], SOCK_DGRAM, &b, reterr_os);
    if (rc == 0)
        rc = plug__os_connect(h[0], &b, reterr_os);
    if (rc == 0)
        rc = plug__os_connect(h[1], &a, reterr_os);
    return rc;
}

/* Windows has no socketpair: two ends on loopback stand in for it. */
int plug__os_socketpair(plug_handle ret[2], int type, int *reterr_os)
{
    plug_handle h[2] = {PLUG_NO_HANDLE, PLUG_NO_HANDLE};
    int rc = PLUG_ENOTSUP;
    if (type == SOCK_STREAM)
        rc = sock_stream_pair(h, reterr_os);
    else if (type == SOCK_DGRAM)
        rc = sock_dgram_pair(h, reterr_os);
    if (rc < 0) {
        plug__os_close(h[0]);
        plug__os_close(h[1]);
        return rc;
    }
    ret[0] = h[0];
    ret[1] = h[1];
    return 0;
}

int plug__os_bind(plug_handle h, const struct plug_addr *a, int *reterr_os)
{
    return plug__win_check(bind(plug__win_socket(h), sock_addr(a), a->len), reterr_os);
}

int plug__os_listen(plug_handle h, int backlog, int *reterr_os)
{
    return plug__win_check(listen(plug__win_socket(h), backlog), reterr_os);
}

int plug__os_accept(plug_handle h, plug_handle *ret, struct plug_addr *ret_peer, int *reterr_os)
{
    struct plug_addr peer = {0};
    int len = sizeof peer.u.sa;
    SOCKET s = accept(plug__win_socket(h), (struct sockaddr *)(void *)peer.u.sa, &len);
    if (s == INVALID_SOCKET) {
        int rc = plug__win_wsa(reterr_os);
        return rc == PLUG_ECONNRESET ? PLUG_ECONNABORTED : rc; /* it died in the queue */
    }
    (void)SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0);
    int rc = sock_nonblock(s, 1, reterr_os);
    if (rc < 0) {
        (void)closesocket(s);
        return rc;
    }
    peer.len = (uint16_t)len;
    peer.family = sock_addr(&peer)->sa_family;
    *ret = (plug_handle)s;
    if (ret_peer)
        *ret_peer = peer;
    return 0;
}

int plug__os_connect(plug_handle h, const struct plug_addr *a, int *reterr_os)
{
    int rc = plug__win_check(connect(plug__win_socket(h), sock_addr(a), a->len), reterr_os);
    return rc == PLUG_EAGAIN ? PLUG_EINPROGRESS : rc;
}

int plug__os_disconnect(plug_handle h, int *reterr_os)
{
    const struct sockaddr_in none = {.sin_family = AF_UNSPEC};
    const struct sockaddr *sa = (const struct sockaddr *)(const void *)&none;
    return plug__win_check(connect(plug__win_socket(h), sa, sizeof none), reterr_os);
}

int plug__os_shutdown(plug_handle h, int how, int *reterr_os)
{
    static const int hows[] = {SD_RECEIVE, SD_SEND, SD_BOTH};
    if (how < PLUG_SHUT_RD || how > PLUG_SHUT_RDWR)
        return PLUG_EINVAL;
    return plug__win_check(shutdown(plug__win_socket(h), hows[how]), reterr_os);
}

int plug__os_linger(plug_handle h, int seconds, int *reterr_os)
{
    const struct linger l = {(u_short)(seconds >= 0), (u_short)(seconds < 0        ? 0
                                                                : seconds > 0xffff ? 0xffff
                                                                                   : seconds)};
    return plug__os_setsockopt(h, SOL_SOCKET, SO_LINGER, &l, sizeof l, reterr_os);
}

int plug__os_reset(plug_handle h)
{
    return plug__os_linger(h, 0, NULL);
}

int plug__os_sockerr(plug_handle h, int *reterr_os)
{
    int os = 0;
    size_t len = sizeof os;
    int rc = plug__os_getsockopt(h, SOL_SOCKET, SO_ERROR, &os, &len, reterr_os);
    if (rc < 0)
        return rc;
    return os == 0 ? 0 : plug__win_error(os, reterr_os);
}

int plug__os_setsockopt(plug_handle h, int level, int name, const void *v, size_t len,
                        int *reterr_os)
{
    if (len > INT32_MAX)
        return PLUG_EINVAL;
    return plug__win_check(setsockopt(plug__win_socket(h), level, name, v, (int)len), reterr_os);
}

int plug__os_getsockopt(plug_handle h, int level, int name, void *v, size_t *len, int *reterr_os)
{
    int n = *len > INT32_MAX ? INT32_MAX : (int)*len;
    if (getsockopt(plug__win_socket(h), level, name, v, &n) == SOCKET_ERROR)
        return plug__win_wsa(reterr_os);
    *len = (size_t)n;
    return 0;
}

int plug__win_is_socket(plug_handle h)
{
    int type = 0;
    size_t len = sizeof type;
    return plug__os_getsockopt(h, SOL_SOCKET, SO_TYPE, &type, &len, NULL) == 0;
}

typedef int(WSAAPI *sock_name_fn)(SOCKET, struct sockaddr *, int *);

static int sock_name(plug_handle h, sock_name_fn fn, struct plug_addr *ret, int *reterr_os)
{
    struct plug_addr a = {0};
    int len = sizeof a.u.sa;
    if (fn(plug__win_socket(h), (struct sockaddr *)(void *)a.u.sa, &len) == SOCKET_ERROR)
        return plug__win_wsa(reterr_os);
    a.len = (uint16_t)len;
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

/* SIO_TCP_INFO tells what is in flight, but not what the send buffer still holds. */
int64_t plug__os_unsent(plug_handle h)
{
    (void)h;
    return -1;
}

int64_t plug__os_unread(plug_handle h)
{
    u_long n = 0;
    DWORD bytes = 0;
    if (ioctlsocket(plug__win_socket(h), (long)FIONREAD, &n) == 0)
        return n;
    return PeekNamedPipe(plug__win_handle(h), NULL, 0, NULL, &bytes, NULL) ? (int64_t)bytes : -1;
}

int plug__os_refuse_rights(plug_handle h)
{
    (void)h;
    return PLUG_ENOTSUP;
}

int plug__os_listening(plug_handle h)
{
    int on = 0;
    size_t len = sizeof on;
    return plug__os_getsockopt(h, SOL_SOCKET, SO_ACCEPTCONN, &on, &len, NULL) == 0 && on != 0;
}

/* closesocket refuses what is no socket, without touching it. */
void plug__os_close(plug_handle h)
{
    if (h == PLUG_NO_HANDLE)
        return;
    if (closesocket(plug__win_socket(h)) == SOCKET_ERROR && WSAGetLastError() == WSAENOTSOCK)
        (void)CloseHandle(plug__win_handle(h));
}

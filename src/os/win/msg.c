/* SPDX-License-Identifier: MIT
 *
 * Receiving and sending messages by Winsock, one call a message.
 * Handles must be non-blocking: Winsock has no MSG_DONTWAIT.
 */
#include "os/win/win.h"

enum { MSG_IOV = 64 }; /* pieces of a message that one call takes */

/* Returns pieces. A stream may be cut after MSG_IOV pieces, a record may not. */
static int msg_bufs(WSABUF *ret, const struct plug_msg *m, int stream)
{
    unsigned n = m->niov < MSG_IOV ? m->niov : MSG_IOV;
    if (m->niov > MSG_IOV && !stream)
        return PLUG_EMSGSIZE;
    for (unsigned i = 0; i < n; i++) {
        size_t len = m->iov[i].len < INT32_MAX ? m->iov[i].len : INT32_MAX;
        ret[i] = (WSABUF){(ULONG)len, m->iov[i].base};
    }
    return (int)n;
}

static int msg_is_stream(plug_handle h)
{
    int type = 0;
    size_t len = sizeof type;
    return plug__os_getsockopt(h, SOL_SOCKET, SO_TYPE, &type, &len, NULL) == 0 &&
           type == SOCK_STREAM;
}

/* A datagram socket says "reset" where the peer's port is closed. */
static int msg_code(int code, int stream)
{
    return code == PLUG_ECONNRESET && !stream ? PLUG_ECONNREFUSED : code;
}

static void msg_named(struct plug_msg *m, int len)
{
    if (!m->name)
        return;
    m->name->len = (uint16_t)len;
    m->name->family = AF_UNSPEC;
    if (len > 0)
        m->name->family = ((const struct sockaddr *)(const void *)m->name->u.sa)->sa_family;
}

static int msg_recv_plain(plug_handle h, struct plug_msg *m, WSABUF *bufs, DWORD nbufs, DWORD *got,
                          DWORD *flags)
{
    struct sockaddr *sa = m->name ? (struct sockaddr *)(void *)m->name->u.sa : NULL;
    int len = m->name ? (int)sizeof m->name->u.sa : 0;
    int rc =
        WSARecvFrom(plug__win_socket(h), bufs, nbufs, got, flags, sa, sa ? &len : NULL, NULL, NULL);
    if (rc == 0 || WSAGetLastError() == WSAEMSGSIZE)
        msg_named(m, sa ? len : 0);
    return rc;
}

/* WSARecvMsg has no name to link to: the socket is asked for it. */
static int msg_recv_control(plug_handle h, struct plug_msg *m, WSABUF *bufs, DWORD nbufs,
                            DWORD *got, DWORD *flags)
{
    GUID id = WSAID_WSARECVMSG;
    LPFN_WSARECVMSG fn = NULL;
    DWORD bytes = 0;
    if (WSAIoctl(plug__win_socket(h), SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &fn,
                 sizeof fn, &bytes, NULL, NULL) == SOCKET_ERROR)
        return SOCKET_ERROR;
    WSAMSG msg = {.lpBuffers = bufs, .dwBufferCount = nbufs};
    msg.name = m->name ? (struct sockaddr *)(void *)m->name->u.sa : NULL;
    msg.namelen = m->name ? (int)sizeof m->name->u.sa : 0;
    msg.Control = (WSABUF){(ULONG)m->controllen, m->control};
    int rc = fn(plug__win_socket(h), &msg, got, NULL, NULL);
    *flags = msg.dwFlags;
    if (rc == 0 || WSAGetLastError() == WSAEMSGSIZE) {
        m->controllen = msg.Control.len;
        msg_named(m, msg.namelen);
    }
    return rc;
}

static int msg_recv_one(plug_handle h, struct plug_msg *m, int stream, int *reterr_os)
{
    WSABUF bufs[MSG_IOV];
    DWORD got = 0, flags = 0;
    int cut = 0, nbufs = msg_bufs(bufs, m, stream);
    if (nbufs < 0)
        return nbufs;
    int rc = m->control && !stream ? msg_recv_control(h, m, bufs, (DWORD)nbufs, &got, &flags)
                                   : msg_recv_plain(h, m, bufs, (DWORD)nbufs, &got, &flags);
    if (rc == SOCKET_ERROR) {
        cut = WSAGetLastError() == WSAEMSGSIZE;
        if (!cut)
            return msg_code(plug__win_wsa(reterr_os), stream);
    }
    m->len = cut ? plug_msg_size(m) : got;
    if (stream && got == 0 && plug_msg_size(m) > 0)
        return PLUG_EOF;
    m->flags = stream ? 0 : PLUG_MSG_EOR;
    if (cut || (flags & MSG_TRUNC))
        m->flags |= PLUG_MSG_TRUNC;
    if (flags & MSG_OOB)
        m->flags |= PLUG_MSG_OOB;
    return 1;
}

int plug__os_recv(plug_handle h, struct plug_msg *v, unsigned n, int stream, int *reterr_os)
{
    unsigned i = 0;
    if (n == 0)
        return PLUG_EINVAL;
    for (; i < (stream ? 1 : n); i++) {
        int os = 0, rc = msg_recv_one(h, &v[i], stream, &os);
        if (rc < 0 && i == 0 && reterr_os)
            *reterr_os = os;
        if (rc < 0)
            return i > 0 ? (int)i : rc;
    }
    return (int)i;
}

static int msg_send_one(plug_handle h, struct plug_msg *m, DWORD flags, int *reterr_os)
{
    WSABUF bufs[MSG_IOV];
    DWORD put = 0;
    int rc, nbufs = msg_bufs(bufs, m, m->niov > MSG_IOV && msg_is_stream(h));
    struct sockaddr *sa =
        m->name && m->name->len > 0 ? (struct sockaddr *)(void *)m->name->u.sa : NULL;
    if (nbufs < 0)
        return nbufs;
    if (m->control && m->controllen > 0) {
        WSAMSG msg = {.name = sa, .lpBuffers = bufs, .dwBufferCount = (DWORD)nbufs};
        msg.namelen = sa ? m->name->len : 0;
        msg.Control = (WSABUF){(ULONG)m->controllen, m->control};
        rc = WSASendMsg(plug__win_socket(h), &msg, flags, &put, NULL, NULL);
    } else {
        rc = WSASendTo(plug__win_socket(h), bufs, (DWORD)nbufs, &put, flags, sa,
                       sa ? m->name->len : 0, NULL, NULL);
    }
    if (rc == SOCKET_ERROR)
        return plug__win_wsa(reterr_os);
    m->len = put;
    return 1;
}

int plug__os_send(plug_handle h, struct plug_msg *v, unsigned n, unsigned flags, int *reterr_os)
{
    DWORD os_flags = flags & PLUG_MSG_OOB ? MSG_OOB : 0;
    unsigned i = 0;
    if (n == 0)
        return PLUG_EINVAL;
    for (; i < n; i++) {
        int os = 0, rc = msg_send_one(h, &v[i], os_flags, &os);
        if (rc < 0 && i > 0)
            break; /* its error comes with the next call */
        if (rc < 0) {
            if (reterr_os)
                *reterr_os = os;
            return rc;
        }
        if (v[i].len < plug_msg_size(&v[i]))
            return (int)i + 1; /* the buffer is full: a stream took a part */
    }
    return (int)i;
}

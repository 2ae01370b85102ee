/* SPDX-License-Identifier: MIT
 *
 * Making sockets on Linux: non-blocking and not inherited from birth.
 * It deliberately sets no option that the contract does not ask for, but one (see sock_mark).
 */
#include "os/posix/posix.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { SOCK_BIRTH = SOCK_NONBLOCK | SOCK_CLOEXEC };

/* A Unix seqpacket socket reads 0 bytes for an empty record and at the end alike (no MSG_EOR is
 * told, seen on 6.18). With SO_TIMESTAMP each record comes with ancillary data and the end does
 * not: see msg.c. For this family it costs nothing and starts no clock in the network code. */
static void sock_mark(plug_handle h)
{
    int on = 1;
    (void)plug__os_setsockopt(h, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on, NULL);
}

int plug__os_socket(plug_handle *ret, int family, int type, int protocol, int *reterr_os)
{
    int fd = socket(family, type | SOCK_BIRTH, protocol);
    if (fd < 0)
        return plug__posix_fail(reterr_os);
    if (family == AF_UNIX && type == SOCK_SEQPACKET)
        sock_mark(fd);
    *ret = fd;
    return 0;
}

int plug__os_socketpair(plug_handle ret[2], int type, int *reterr_os)
{
    int fd[2];
    if (socketpair(AF_UNIX, type | SOCK_BIRTH, 0, fd) < 0)
        return plug__posix_fail(reterr_os);
    for (int i = 0; i < 2; i++) {
        if (type == SOCK_SEQPACKET)
            sock_mark(fd[i]);
        ret[i] = fd[i];
    }
    return 0;
}

/* Linux hands the errors of a connection that died in the queue to accept (man accept): they say
 * nothing about the listener. */
static int sock_accept_code(int code)
{
    switch (code) {
    case PLUG_ENETDOWN:
    case PLUG_EPROTO:
    case PLUG_EHOSTUNREACH:
    case PLUG_ENETUNREACH:
    case PLUG_ECONNRESET:
    case PLUG_ETIMEDOUT:
        return PLUG_ECONNABORTED;
    default:
        return code;
    }
}

static int sock_is(plug_handle h, int type)
{
    int have = 0;
    size_t len = sizeof have;
    return plug__os_getsockopt(h, SOL_SOCKET, SO_TYPE, &have, &len, NULL) == 0 && have == type;
}

int plug__os_accept(plug_handle h, plug_handle *ret, struct plug_addr *ret_peer, int *reterr_os)
{
    struct plug_addr peer = {0};
    struct sockaddr *sa = (struct sockaddr *)(void *)peer.u.sa;
    socklen_t len = sizeof peer.u.sa;
    int fd = accept4((int)h, sa, &len, SOCK_BIRTH);
    if (fd < 0)
        return sock_accept_code(plug__posix_fail(reterr_os));
    peer.len = (uint16_t)(len < sizeof peer.u.sa ? len : sizeof peer.u.sa);
    peer.family = sa->sa_family;
    if (peer.family == AF_UNIX && sock_is(fd, SOCK_SEQPACKET))
        sock_mark(fd);
    *ret = fd;
    if (ret_peer)
        *ret_peer = peer;
    return 0;
}

/* Only TCP counts bytes here; others count buffer memory, of which only "none" can be told. */
int64_t plug__os_unsent(plug_handle h)
{
    struct plug_addr name;
    int n = 0;
    if (ioctl((int)h, SIOCOUTQ, &n) < 0)
        return -1;
    if (n == 0)
        return 0;
    if (plug__os_sockname(h, &name, NULL) < 0 || !sock_is(h, SOCK_STREAM))
        return -1;
    return name.family == AF_INET || name.family == AF_INET6 ? n : -1;
}

/* Of a number that older headers lack; machines with numbers of their own do without. */
#if !defined(SO_PASSRIGHTS) && SO_SNDBUF == 7
#define SO_PASSRIGHTS 83
#endif

int plug__os_refuse_rights(plug_handle h)
{
#ifdef SO_PASSRIGHTS
    int off = 0, r = plug__os_setsockopt(h, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off, NULL);
    return r < 0 ? PLUG_ENOTSUP : 0;
#else
    (void)h;
    return PLUG_ENOTSUP;
#endif
}

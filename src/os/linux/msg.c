/* SPDX-License-Identifier: MIT
 *
 * Receiving and sending messages on Linux: one recvmsg or recvmmsg, one sendmsg or sendmmsg.
 * It deliberately keeps no buffer: everything is the caller's or on the stack.
 */
#include "os/posix/posix.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum {
    MSG_VECTOR = 64, /* most messages of one call */
    MSG_MARK = 64    /* room for the time stamp that marks a record (sock.c) */
};

struct msg_mark {
    _Alignas(struct cmsghdr) char space[MSG_MARK];
};

static void msg_head(struct msghdr *head, const struct plug_msg *m)
{
    *head = (struct msghdr){.msg_iov = plug__posix_iov(m->iov), .msg_iovlen = m->niov};
    head->msg_control = m->control;
    head->msg_controllen = m->control ? m->controllen : 0;
}

static void msg_head_in(struct msghdr *head, struct plug_msg *m, struct msg_mark *mark)
{
    msg_head(head, m);
    if (m->name) {
        head->msg_name = m->name->u.sa;
        head->msg_namelen = sizeof m->name->u.sa;
    }
    if (mark && !m->control) {
        head->msg_control = mark->space;
        head->msg_controllen = sizeof mark->space;
    }
}

/* Descriptors that came into our own room, where nobody would ever close them. Returns 1 when there
 * were any. */
static int msg_close_rights(struct msghdr *head)
{
    int found = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c; c = CMSG_NXTHDR(head, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
            plug__posix_close(fd);
        }
        found = 1;
    }
    return found;
}

static void msg_got(struct plug_msg *m, struct msghdr *head, size_t len, int stream)
{
    m->len = len;
    m->flags = stream ? 0 : PLUG_MSG_EOR;
    if (head->msg_flags & MSG_TRUNC)
        m->flags |= PLUG_MSG_TRUNC;
    if (head->msg_flags & MSG_OOB)
        m->flags |= PLUG_MSG_OOB;
    if ((!m->control && msg_close_rights(head)) || (head->msg_flags & MSG_CTRUNC))
        m->flags |= PLUG_MSG_CTRUNC;
    m->controllen = m->control ? head->msg_controllen : 0;
    if (!m->name)
        return;
    socklen_t n = head->msg_namelen;
    m->name->len = (uint16_t)(n < sizeof m->name->u.sa ? n : sizeof m->name->u.sa);
    m->name->family = n > 0 ? ((struct sockaddr *)head->msg_name)->sa_family : AF_UNSPEC;
}

static int msg_option(plug_handle h, int name)
{
    int v = 0;
    size_t len = sizeof v;
    return plug__os_getsockopt(h, SOL_SOCKET, name, &v, &len, NULL) == 0 ? v : 0;
}

/* Whether 0 bytes without any mark were the end of a seqpacket socket. A socket that came from
 * elsewhere (fd:N) gets its time stamps at its first empty record; that one is an end if the peer
 * has hung up and nothing more waits. */
static int msg_is_end(plug_handle h)
{
    if (msg_option(h, SO_TYPE) != SOCK_SEQPACKET)
        return 0;
    if (msg_option(h, SO_TIMESTAMP))
        return 1;
    int on = 1;
    struct pollfd p = {.fd = (int)h, .events = POLLRDHUP};
    (void)plug__os_setsockopt(h, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on, NULL);
    return poll(&p, 1, 0) > 0 && plug__os_unread(h) <= 0;
}

static int msg_end(plug_handle h, const struct msghdr *head, size_t len)
{
    if (len > 0 || (head->msg_flags & (MSG_EOR | MSG_TRUNC | MSG_CTRUNC)))
        return 0;
    return head->msg_controllen == 0 && msg_is_end(h);
}

static int msg_recv_one(plug_handle h, struct plug_msg *m, int stream, int *reterr_os)
{
    struct msg_mark mark;
    struct msghdr head;
    ssize_t got;
    msg_head_in(&head, m, stream ? NULL : &mark);
    do {
        got = recvmsg((int)h, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return plug__posix_fail(reterr_os);
    if (stream ? got == 0 && plug_msg_size(m) > 0 : msg_end(h, &head, (size_t)got))
        return PLUG_EOF;
    msg_got(m, &head, (size_t)got, stream);
    return 1;
}

static int msg_recv_many(plug_handle h, struct plug_msg *v, unsigned n, int *reterr_os)
{
    struct mmsghdr heads[MSG_VECTOR];
    struct msg_mark marks[MSG_VECTOR];
    int got;
    for (unsigned i = 0; i < n; i++)
        msg_head_in(&heads[i].msg_hdr, &v[i], &marks[i]);
    do {
        got = recvmmsg((int)h, heads, n, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return plug__posix_fail(reterr_os);
    for (int i = 0; i < got; i++) {
        if (msg_end(h, &heads[i].msg_hdr, heads[i].msg_len))
            return i > 0 ? i : PLUG_EOF; /* the kernel says it again at the next call */
        msg_got(&v[i], &heads[i].msg_hdr, heads[i].msg_len, 0);
    }
    return got;
}

int plug__os_recv(plug_handle h, struct plug_msg *v, unsigned n, int stream, int *reterr_os)
{
    if (n == 0)
        return PLUG_EINVAL;
    if (n == 1 || stream)
        return msg_recv_one(h, v, stream, reterr_os);
    return msg_recv_many(h, v, n < MSG_VECTOR ? n : MSG_VECTOR, reterr_os);
}

static void msg_head_out(struct msghdr *head, const struct plug_msg *m)
{
    msg_head(head, m);
    if (m->name && m->name->len > 0) {
        head->msg_name = m->name->u.sa;
        head->msg_namelen = m->name->len;
    }
}

static int msg_send_many(int fd, struct plug_msg *v, unsigned n, int flags, int *reterr_os)
{
    struct mmsghdr heads[MSG_VECTOR];
    int put;
    for (unsigned i = 0; i < n; i++)
        msg_head_out(&heads[i].msg_hdr, &v[i]);
    do {
        put = sendmmsg(fd, heads, n, flags);
    } while (put < 0 && errno == EINTR);
    if (put < 0)
        return plug__posix_fail(reterr_os);
    for (int i = 0; i < put; i++)
        v[i].len = heads[i].msg_len;
    return put;
}

static int msg_send_one(int fd, struct plug_msg *m, int flags, int *reterr_os)
{
    struct msghdr head;
    ssize_t put;
    msg_head_out(&head, m);
    do {
        put = sendmsg(fd, &head, flags);
    } while (put < 0 && errno == EINTR);
    if (put < 0)
        return plug__posix_fail(reterr_os);
    m->len = (size_t)put;
    return 1;
}

int plug__os_send(plug_handle h, struct plug_msg *v, unsigned n, unsigned flags, int *reterr_os)
{
    int os = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (flags & PLUG_MSG_MORE)
        os |= MSG_MORE;
    if (flags & PLUG_MSG_OOB)
        os |= MSG_OOB;
    if (n == 0)
        return PLUG_EINVAL;
    if (n == 1)
        return msg_send_one((int)h, v, os, reterr_os);
    return msg_send_many((int)h, v, n < MSG_VECTOR ? n : MSG_VECTOR, os, reterr_os);
}

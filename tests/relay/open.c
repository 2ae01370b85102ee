/* SPDX-License-Identifier: MIT
 *
 * How the test's own ends are opened, half-closed and closed: by plain system calls but for the
 * ends of an in-process pair. It moves no content.
 */
#include "matrix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union any_addr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_un un;
};

static int open_fail(struct pair *p, const struct end *e, const char *what)
{
    return pair_fail(p, "the test's end of %s: %s: %s", e->kind->name, what, strerror(errno));
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static int nonblock(int fd)
{
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* ---- addresses ---- */

static void end_path(const struct pair *p, const struct end *e, char letter, char *buf, size_t len)
{
    (void)snprintf(buf, len, "%s/%c%u", p->dir, letter, e->number);
}

static socklen_t end_addr(const struct pair *p, const struct end *e, char letter, unsigned port,
                          union any_addr *ret)
{
    *ret = (union any_addr){0};
    if (e->kind->family == AF_INET) {
        ret->in.sin_family = AF_INET;
        ret->in.sin_port = htons((uint16_t)port);
        ret->in.sin_addr.s_addr = htonl(letter == 'b' ? 0x7f000002 : INADDR_LOOPBACK);
        return sizeof(ret->in);
    }
    ret->un.sun_family = AF_UNIX;
    end_path(p, e, letter, ret->un.sun_path, sizeof(ret->un.sun_path));
    return sizeof(ret->un);
}

/* The literal bytes of a `text:` address. */
static void put_text(const struct pair *p, int i, char *to, size_t room)
{
    size_t len = p->flow[i].content.size;
    len = len < room ? len : room - 1;
    content_fill(&p->flow[i].content, 0, (unsigned char *)to, len);
    to[len] = '\0';
}

static void put_value(const struct pair *p, int i, const char *key, size_t n, char *to, size_t room)
{
    const struct end *e = &p->end[i];
    *to = '\0';
    if (strncmp(key, "dir", n) == 0)
        (void)snprintf(to, room, "%s", p->dir);
    else if (strncmp(key, "n", n) == 0)
        (void)snprintf(to, room, "%u", e->number);
    else if (strncmp(key, "port", n) == 0)
        (void)snprintf(to, room, "%u", e->port);
    else if (strncmp(key, "fd", n) == 0)
        (void)snprintf(to, room, "%d", e->given[0]);
    else if (strncmp(key, "fd2", n) == 0)
        (void)snprintf(to, room, "%d", e->given[1]);
    else if (strncmp(key, "tty", n) == 0)
        (void)snprintf(to, room, "%s", e->tty);
    else if (strncmp(key, "grace", n) == 0)
        (void)snprintf(to, room, "%d", p->child ? 2 : 40);
    else if (strncmp(key, "text", n) == 0)
        put_text(p, i, to, room);
}

static void end_address(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    const char *from = e->kind->relay;
    size_t at = 0, room = sizeof(e->address);
    while (*from && at + 1 < room) {
        size_t n = strcspn(from + 1, "}");
        if (*from != '{') {
            e->address[at++] = *from++;
            continue;
        }
        put_value(p, i, from + 1, n, e->address + at, room - at);
        at += strlen(e->address + at);
        from += n + 2;
    }
    e->address[at] = '\0';
}

/* ---- sockets ---- */

static int end_socket(struct pair *p, struct end *e)
{
    int s = socket(e->kind->family, e->kind->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return s < 0 ? open_fail(p, e, "socket") : s;
}

/* Bound, and listening where there are connections. */
static int open_listener(struct pair *p, struct end *e)
{
    union any_addr a;
    socklen_t len = end_addr(p, e, 'u', 0, &a);
    e->listener = end_socket(p, e);
    if (e->listener < 0)
        return -1;
    if (bind(e->listener, &a.sa, len) < 0 ||
        (e->kind->type != SOCK_DGRAM && listen(e->listener, 8) < 0))
        return open_fail(p, e, "bind");
    len = sizeof(a);
    if (getsockname(e->listener, &a.sa, &len) < 0)
        return open_fail(p, e, "getsockname");
    e->port = e->kind->family == AF_INET ? ntohs(a.in.sin_port) : 0;
    return 0;
}

/* The same, for plug to have. */
static int open_handed(struct pair *p, struct end *e)
{
    if (open_listener(p, e) < 0)
        return -1;
    e->given[0] = e->given[1] = e->listener;
    e->listener = -1;
    return 0;
}

static int meet_called(struct pair *p, struct end *e)
{
    union any_addr a;
    socklen_t len;
    int s;
    if (e->kind->type != SOCK_DGRAM) {
        s = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (s < 0)
            return errno == EAGAIN ? 0 : open_fail(p, e, "accept");
        close_fd(&e->listener);
        e->in = e->out = s;
        return 1;
    }
    if (!p->opened)
        return 0;
    len = end_addr(p, e, 'b', e->port, &a);
    if (p->flow[e == &p->end[1]].on && connect(e->listener, &a.sa, len) < 0)
        return p->child && errno == ENOENT ? 0 : open_fail(p, e, "connect to plug's own name");
    e->in = e->out = e->listener;
    e->listener = -1;
    return 1;
}

static int meet_calls(struct pair *p, struct end *e)
{
    union any_addr a;
    socklen_t len;
    int s;
    if (!e->listening)
        return 0;
    s = end_socket(p, e);
    if (s < 0)
        return -1;
    e->in = e->out = s;
    if (e->kind->family == AF_UNIX && e->kind->type == SOCK_DGRAM) {
        len = end_addr(p, e, 'b', 0, &a); /* a name, for the answers */
        if (bind(s, &a.sa, len) < 0)
            return open_fail(p, e, "bind");
    }
    len = end_addr(p, e, 'u', e->port, &a);
    if (connect(s, &a.sa, len) < 0 && errno != EINPROGRESS)
        return open_fail(p, e, "connect");
    return 1;
}

/* ---- descriptors ---- */

/* One; or one for plug to read and one to write. */
static int open_socketpair(struct pair *p, struct end *e)
{
    int fds[2];
    if (socketpair(AF_UNIX, e->kind->type | SOCK_CLOEXEC, 0, fds) < 0)
        return open_fail(p, e, "socketpair");
    e->given[0] = e->given[1] = fds[0];
    e->in = e->out = fds[1];
    if (nonblock(fds[1]) < 0 || !(e->kind->flags & KIND_SPLIT))
        return 0;
    if (socketpair(AF_UNIX, e->kind->type | SOCK_CLOEXEC, 0, fds) < 0)
        return open_fail(p, e, "socketpair");
    e->given[1] = fds[0];
    e->in = fds[1];
    return nonblock(fds[1]);
}

/* One for plug to read; for stdio and the like one to write as well. */
static int open_fds(struct pair *p, struct end *e)
{
    int fds[2];
    if (e->kind->type)
        return open_socketpair(p, e);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return open_fail(p, e, "pipe");
    e->given[0] = fds[0];
    e->out = fds[1];
    if (nonblock(fds[1]) < 0 || (e->kind->how != HOW_STDIO && !(e->kind->flags & KIND_SPLIT)))
        return 0;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return open_fail(p, e, "pipe");
    e->given[1] = fds[1];
    e->in = fds[0];
    return nonblock(fds[0]);
}

static int open_lent(struct pair *p, struct end *e)
{
    union any_addr a = {.un = {.sun_family = AF_UNIX}};
    end_path(p, e, 'l', a.un.sun_path, sizeof(a.un.sun_path));
    e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (e->listener < 0 || bind(e->listener, &a.sa, sizeof(a.un)) < 0 || listen(e->listener, 1) < 0)
        return open_fail(p, e, "listen for the child");
    return 0;
}

static int meet_lent(struct pair *p, struct end *e)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    int fds[2];
    if (e->control < 0)
        e->control = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (e->control < 0)
        return errno == EAGAIN ? 0 : open_fail(p, e, "accept");
    if (recvmsg(e->control, &m, MSG_CMSG_CLOEXEC) != 1)
        return errno == EAGAIN ? 0 : open_fail(p, e, "recvmsg");
    if (!CMSG_FIRSTHDR(&m))
        return open_fail(p, e, "no descriptors came");
    memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fds));
    close_fd(&e->listener);
    e->in = fds[0];
    e->out = fds[1];
    (void)nonblock(e->in);
    (void)nonblock(e->out);
    return 1;
}

static int open_fifo(struct pair *p, struct end *e)
{
    char path[128];
    end_path(p, e, 'f', path, sizeof(path));
    if (mkfifo(path, 0600) < 0)
        return open_fail(p, e, "mkfifo");
    if (!(e->kind->flags & KIND_HEARS))
        return 0;
    e->in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return e->in < 0 ? open_fail(p, e, "open to read") : 0;
}

static int meet_fifo(struct pair *p, struct end *e)
{
    char path[128];
    if (!p->opened || (e->kind->flags & KIND_HEARS))
        return p->opened;
    end_path(p, e, 'f', path, sizeof(path));
    e->out = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (e->out < 0)
        return p->child && errno == ENXIO ? 0 : open_fail(p, e, "open to write");
    return 1;
}

/* ---- terminals ---- */

/* Two descriptors, so that nobody takes it for a socket. */
static int tty_twice(struct pair *p, struct end *e)
{
    e->out = fcntl(e->in, F_DUPFD_CLOEXEC, 0);
    return e->out < 0 ? open_fail(p, e, "dup") : 1;
}

static int meet_pty(struct pair *p, struct end *e)
{
    char path[128];
    end_path(p, e, 'y', path, sizeof(path));
    e->in = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (e->in < 0)
        return errno == ENOENT ? 0 : open_fail(p, e, "open the terminal");
    return tty_twice(p, e);
}

static int open_tty(struct pair *p, struct end *e)
{
    e->in = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (e->in < 0 || grantpt(e->in) < 0 || unlockpt(e->in) < 0 ||
        ptsname_r(e->in, e->tty, sizeof(e->tty)) != 0)
        return open_fail(p, e, "a new terminal");
    return tty_twice(p, e);
}

/* ---- files, the library's own ---- */

static int open_source(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    const struct content *c = &p->flow[i].content;
    unsigned char buf[8192];
    char path[128];
    FILE *f;
    int ok;
    end_path(p, e, 's', path, sizeof(path));
    f = fopen(path, "we");
    ok = f != NULL;
    for (uint64_t at = 0; ok && at < c->size;) {
        size_t n = c->size - at < sizeof(buf) ? (size_t)(c->size - at) : sizeof(buf);
        content_fill(c, at, buf, n);
        ok = fwrite(buf, 1, n, f) == n;
        at += n;
    }
    if (f)
        ok = fclose(f) == 0 && ok;
    return ok ? 0 : open_fail(p, e, "cannot be written");
}

static int meet_sink(struct pair *p, struct end *e)
{
    char path[128];
    if (!p->opened)
        return 0;
    end_path(p, e, 's', path, sizeof(path));
    e->in = open(path, O_RDONLY | O_CLOEXEC);
    if (e->in < 0)
        return p->child && errno == ENOENT ? 0 : open_fail(p, e, "open to check");
    return 1;
}

static void pair_watch(struct plug_sock *s, void *arg)
{
    (void)s; /* looked at after every turn */
    (void)arg;
}

static int open_pair(struct pair *p, struct end *e)
{
    struct plug_err err = {0};
    if (plug_open_on(&e->sock, p->loop, e->address, &err) < 0)
        return pair_fail(p, "the test's end of %s: %s", e->kind->name, err.text);
    plug_watch(e->sock, pair_watch, NULL);
    return 0;
}

/* ---- all kinds ---- */

int end_prepare(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    int r = 0;
    switch (e->kind->how) {
    case HOW_CALLED:
        r = open_listener(p, e);
        break;
    case HOW_HANDED:
        r = open_handed(p, e);
        break;
    case HOW_FDS:
    case HOW_STDIO:
        r = open_fds(p, e);
        break;
    case HOW_LENT:
        r = open_lent(p, e);
        break;
    case HOW_FIFO:
        r = open_fifo(p, e);
        break;
    case HOW_TTY:
        r = open_tty(p, e);
        break;
    case HOW_SOURCE:
        r = open_source(p, i);
        break;
    case HOW_CALLS:
    case HOW_PAIR:
    case HOW_PTY:
    case HOW_SINK:
    case HOW_ECHO:
        break;
    }
    end_address(p, i);
    return r >= 0 && e->kind->how == HOW_PAIR ? open_pair(p, e) : r;
}

static int meet(struct pair *p, struct end *e)
{
    switch (e->kind->how) {
    case HOW_CALLED:
        return meet_called(p, e);
    case HOW_CALLS:
    case HOW_HANDED:
        return meet_calls(p, e);
    case HOW_LENT:
        return meet_lent(p, e);
    case HOW_FIFO:
        return meet_fifo(p, e);
    case HOW_PTY:
        return meet_pty(p, e);
    case HOW_TTY:
        return p->opened; /* it has the settings that plug gave it */
    case HOW_SINK:
        return meet_sink(p, e);
    case HOW_PAIR:
        return plug_state(e->sock) == 0;
    case HOW_FDS:
    case HOW_STDIO:
    case HOW_SOURCE:
    case HOW_ECHO:
        break;
    }
    return 1;
}

int end_meet(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    int r = e->open ? 0 : meet(p, e);
    if (r > 0)
        e->open = 1;
    return r;
}

int end_shut(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    int r = 0;
    if (e->shut || !(e->kind->flags & KIND_ENDS))
        return 0;
    if (e->sock) {
        r = plug_shutdown(e->sock, PLUG_SHUT_WR, 0);
        if (r == PLUG_EAGAIN)
            return 0;
        if (r < 0)
            return pair_fail(p, "the test's end of %s: shutdown: %s", e->kind->name,
                             plug_strerror(r));
    } else if (e->out >= 0 && shutdown(e->out, SHUT_WR) < 0) {
        if (errno != ENOTSOCK)
            return open_fail(p, e, "shutdown");
        close_fd(&e->out);
    }
    e->shut = 1;
    return 1;
}

void end_hangup(struct end *e)
{
    if (e->out != e->in)
        close_fd(&e->out);
    close_fd(&e->in);
    e->out = -1;
    close_fd(&e->control);
    close_fd(&e->listener);
    plug_close(e->sock);
    e->sock = NULL;
}

void end_keep_none(struct end *e)
{
    if (e->given[1] != e->given[0])
        close_fd(&e->given[1]);
    close_fd(&e->given[0]);
    e->given[1] = -1;
}

void end_drop(struct end *e)
{
    end_hangup(e);
    end_keep_none(e);
    free(e->wire);
    free(e->raw);
    e->wire = e->raw = NULL;
}

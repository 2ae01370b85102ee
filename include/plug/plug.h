/* SPDX-License-Identifier: MIT
 *
 * The sockets library: every endpoint is opened by an address and used by the calls of BSD sockets.
 * This header is the manual. It deliberately holds no protocol's own types: those are in layer.h
 * and in the codec headers.
 */
#ifndef PLUG_PLUG_H
#define PLUG_PLUG_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(PLUG_SHARED)
#ifdef PLUG_BUILDING
#define PLUG_API __declspec(dllexport)
#else
#define PLUG_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define PLUG_API __attribute__((visibility("default")))
#else
#define PLUG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Absolute monotonic time in nanoseconds (plug_now). 0 as a deadline: try once. */
typedef int64_t plug_time;
#define PLUG_FOREVER INT64_MAX
#define PLUG_MS ((plug_time)1000000)
#define PLUG_SECOND ((plug_time)1000000000)

/* What an endpoint carries; the numbers of SOCK_*. */
enum plug_type { PLUG_STREAM = 1, PLUG_DGRAM = 2, PLUG_RAW = 3, PLUG_SEQPACKET = 5 };

/* Readiness bits. NOW: bytes wait inside a layer, try at once whatever the kernel says. */
enum { PLUG_IN = 1, PLUG_OUT = 2, PLUG_ERR = 4, PLUG_NOW = 8 };

/* plug_shutdown's `how`. RESET never waits and throws away what is queued. */
enum { PLUG_SHUT_RD = 0, PLUG_SHUT_WR = 1, PLUG_SHUT_RDWR = 2, PLUG_SHUT_RESET = 3 };

/* Flags of a record, of plug_send and of plug_recv. */
enum {
    PLUG_MSG_EOR = 1,   /* the end of a record stands behind these bytes */
    PLUG_MSG_TEXT = 2,  /* a text record (WebSocket); on others no meaning */
    PLUG_MSG_TRUNC = 4, /* received: the record was longer than the buffer, its rest is lost */
    PLUG_MSG_OOB = 8,   /* urgent or attention data */
    PLUG_MSG_EOM = 16,  /* SPP: end of message */
    PLUG_MSG_MORE = 32, /* send: more follows at once, a layer may wait for it */
    PLUG_MSG_CTRUNC =
        64 /* received: descriptors or other control data found no room, and are gone */
};

/* Every error code: name, value, text. The same numbers on every system. */
#define PLUG_ERRORS(X)                                                             \
    X(EOF, -1, "end of data")                                                      \
    X(EAGAIN, -2, "not ready yet")                                                 \
    X(DECIDE, -3, "waits for a route")                                             \
    X(GONE, -4, "layer has left the stack")                                        \
    X(EINVAL, -5, "invalid argument")                                              \
    X(ENOMEM, -6, "out of memory")                                                 \
    X(ENOTSUP, -7, "not supported")                                                \
    X(EMSGSIZE, -8, "record too long")                                             \
    X(EACCES, -9, "permission denied")                                             \
    X(EPERM, -10, "operation not permitted")                                       \
    X(ENOENT, -11, "no such file or directory")                                    \
    X(EEXIST, -12, "already exists")                                               \
    X(EISDIR, -13, "is a directory")                                               \
    X(ENOTDIR, -14, "not a directory")                                             \
    X(EMFILE, -15, "too many open descriptors")                                    \
    X(ENOBUFS, -16, "no buffer space")                                             \
    X(EADDRINUSE, -17, "address already in use")                                   \
    X(EADDRNOTAVAIL, -18, "address not available on this machine")                 \
    X(ECONNREFUSED, -19, "connection refused")                                     \
    X(ECONNRESET, -20, "connection reset by peer")                                 \
    X(ECONNABORTED, -21, "connection aborted")                                     \
    X(EPIPE, -22, "the other end no longer reads")                                 \
    X(ETIMEDOUT, -23, "timed out")                                                 \
    X(EHOSTUNREACH, -24, "host unreachable")                                       \
    X(ENETUNREACH, -25, "network unreachable")                                     \
    X(ENETDOWN, -26, "network is down")                                            \
    X(ENOTCONN, -27, "not connected")                                              \
    X(EISCONN, -28, "already connected")                                           \
    X(EINPROGRESS, -29, "in progress")                                             \
    X(ENOSPC, -30, "no space left on device")                                      \
    X(EFBIG, -31, "file too large")                                                \
    X(EIO, -32, "input/output error")                                              \
    X(EBUSY, -33, "busy")                                                          \
    X(EDEADLK, -34, "would block for ever: the endpoint belongs to a shared loop") \
    X(ECANCELED, -35, "canceled")                                                  \
    X(EPROTO, -36, "the peer broke the protocol")                                  \
    X(ENOHOST, -37, "no such host")                                                \
    X(EDNS, -38, "name service failed")                                            \
    X(ENOROUTE, -39, "no such path")                                               \
    X(ECHILD, -40, "child process failed")                                         \
    X(EROFS, -41, "read-only file system")                                         \
    X(ENXIO, -42, "no such device or nobody at the other end")                     \
    X(EAFNOSUPPORT, -43, "address family not supported")                           \
    X(EPROTONOSUPPORT, -44, "protocol not supported")                              \
    X(EUSAGE, -45, "wrong address or option")                                      \
    X(ELIMIT, -46, "a limit was reached")                                          \
    X(ENOTSOCK, -47, "not a socket")                                               \
    X(ESRCH, -48, "no such process")                                               \
    X(ELOOP, -49, "too many symbolic links")                                       \
    X(ENAMETOOLONG, -50, "name too long")                                          \
    X(ECERT, -51, "certificate check failed")                                      \
    X(EOTHER, -52, "unexpected system error")

#define PLUG_ERROR_ENUM(name, value, text) PLUG_##name = (value),
enum plug_error { PLUG_ERRORS(PLUG_ERROR_ENUM) };

/* An error told in full; owned by the caller. column and width point into the address (0, 0:
 * nowhere). */
struct plug_err {
    int code;          /* PLUG_E* */
    int os;            /* the system's own number, 0 if there was none */
    const char *layer; /* static name of the layer that failed, or NULL */
    int column, width; /* zero-based byte place in the address; width 0 when no place is known */
    char text[160];    /* what failed and why, one line without a full stop */
    char hint[200];    /* what to do about it; may be empty, may hold one newline */
};

struct plug_iov {
    void *base;
    size_t len;
};

/* A socket address in the system's own form (struct sockaddr_* in u.sa). */
struct plug_addr {
    uint16_t family, len;
    union {
        uint64_t align;
        uint8_t sa[126];
    } u;
};

/* One record, or a piece of a stream. */
struct plug_msg {
    struct plug_iov *iov; /* borrowed until the call returns */
    unsigned niov, flags; /* PLUG_MSG_* */
    size_t len;           /* out: bytes received or taken */
    struct plug_addr *name;
    void *control; /* ancillary data in the system's form, or NULL */
    size_t controllen;
};

struct plug_sock;
struct plug_loop;

/* One row of plug_select. */
struct plug_selection {
    struct plug_sock *sock;
    unsigned want;  /* PLUG_IN | PLUG_OUT */
    unsigned ready; /* out; PLUG_ERR may be set without being wanted */
};

/* setsockopt/getsockopt levels beside the system's own (SOL_SOCKET, IPPROTO_TCP …). */
enum {
    PLUG_LEVEL_SOCK = 0x10000, /* PLUG_SO_* below, any endpoint */
    PLUG_LEVEL_ROUTE,          /* PLUG_ROUTE_*, layers that answer DECIDE */
    PLUG_LEVEL_FILTER,         /* PLUG_FILTER_*, data filters */
    PLUG_LEVEL_CHILD           /* PLUG_CHILD_*, endpoints that run a process */
};
/* UNSENT: int64_t, bytes that the peer has not acknowledged. DROPPED: int64_t, records that came
 * and found no room. STRIPPED: int64_t, messages whose descriptors were dropped. */
enum {
    PLUG_SO_TYPE = 1,
    PLUG_SO_LIMIT,
    PLUG_SO_UNSENT,
    PLUG_SO_NAME,
    PLUG_SO_PEER,
    PLUG_SO_DROPPED,
    PLUG_SO_STRIPPED
};
enum { PLUG_ROUTE_PATH = 1, PLUG_ROUTE_HOST, PLUG_ROUTE_SNI, PLUG_ROUTE_VERDICT };
/* Both int. STATUS: the exit status as a shell tells it, 128 + n for signal n; EAGAIN while it
 * runs. */
enum { PLUG_CHILD_PID = 1, PLUG_CHILD_STATUS };
#define PLUG_CHILD_KILLED(status) ((status) > 128 && (status) <= 128 + 64)

/* The current monotonic time. Any thread. Returns nanoseconds since some point in the past. */
PLUG_API plug_time plug_now(void);

/* Tells a PLUG_E* code in words. Any thread. Returns a static text, never NULL. */
PLUG_API const char *plug_strerror(int code);

/* Tells the version of the library that runs. Returns "1.2.3", static. */
PLUG_API const char *plug_version(void);

/* Makes an unconnected endpoint of a stack such as "tcp" or "len32+tcp". `loop` NULL gives it a
 * private loop: calls then block until their deadline. *ret is the caller's, to be closed by
 * plug_close. Kinds that are nothing without their parameter (fd, gopen) are made by plug_open
 * only. Returns 0; EUSAGE (the stack cannot be; reterr says why); EINVAL (ret or stack is NULL);
 * EMFILE, ENOMEM. */
PLUG_API int plug_socket(struct plug_sock **ret, struct plug_loop *loop, const char *stack,
                         struct plug_err *reterr);

/* Opens any address to the end: resolved, connected (or bound and listening), handshakes done. It
 * has a private loop and blocks until the deadline. reterr tells the cause.
 * Returns 0; EUSAGE (the address is wrong); EINVAL; ENOHOST, EDNS; ECONNREFUSED, EHOSTUNREACH,
 * ENETUNREACH; ETIMEDOUT; EADDRINUSE, EACCES, ENOENT and whatever else the system says; ENOMEM. */
PLUG_API int plug_open(struct plug_sock **ret, const char *address, plug_time deadline,
                       struct plug_err *reterr);

/* Opens any address on a shared loop. It never blocks: the endpoint is up when its watch is called
 * and plug_state is 0.
 * Returns 0 (under way); EUSAGE (the address is wrong); EINVAL; ENOMEM. */
PLUG_API int plug_open_on(struct plug_sock **ret, struct plug_loop *loop, const char *address,
                          struct plug_err *reterr);

/* Sets the local address ("[::1]:0", "/run/x"), before connect or listen. What is wrong with it is
 * told by these.
 * Returns 0; EISCONN (in use already, a listener too); EINVAL; EBUSY (given away by plug_fd);
 * ENOMEM. */
PLUG_API int plug_bind(struct plug_sock *s, const char *address);

/* Connects: "host:80", "[::1]:80", a path, as the kind wants it. connect-timeout of the address
 * holds beside the deadline.
 * Returns 0; EAGAIN (under way: a shared loop, or a deadline of 0); ETIMEDOUT; EINPROGRESS (begun
 * before); EISCONN (up, or a listener); EUSAGE (the address is wrong); EINVAL; EBUSY (given away by
 * plug_fd); ENOHOST, EDNS; ECONNREFUSED, ENOENT and whatever else the system says. */
PLUG_API int plug_connect(struct plug_sock *s, const char *address, plug_time deadline);

/* Connects to an address in the system's form, such as plug_gethostbyname or plug_recvfrom give.
 * Returns as plug_connect; EINVAL (the address is empty). */
PLUG_API int plug_connect_addr(struct plug_sock *s, const struct plug_addr *address,
                               plug_time deadline);

/* Binds and listens; backlog 0 takes the default. A datagram endpoint listens too: each peer is a
 * connection. Without plug_bind it is on loopback and the system chooses the port.
 * Returns 0; EISCONN (begun before); ENOTSUP (a kind that never listens); EINVAL (a backlog below
 * 0, a Unix socket without a name); EADDRINUSE, EADDRNOTAVAIL, EACCES; EAGAIN (a name is looked
 * up); EUSAGE; EBUSY (given away by plug_fd); ENOMEM. */
PLUG_API int plug_listen(struct plug_sock *s, int backlog);

/* Gives the next connection whose handshakes are done. Failed ones are counted, never returned. A
 * child of a private loop's kernel listener gets a private loop of its own, so that another thread
 * may use it; a datagram listener's child shares its listener's.
 * Returns 0; EAGAIN (none yet, deadline 0); ETIMEDOUT; EDEADLK (a deadline on a shared loop);
 * EINVAL (no listener); EBUSY (given away by plug_fd); EMFILE, ENOMEM. */
PLUG_API int plug_accept(struct plug_sock *s, struct plug_sock **ret, plug_time deadline);

/* Tells how far opening is.
 * Returns 0 (up); EAGAIN (opening, or never begun); the error that ended it; EBUSY (given away by
 * plug_fd); EINVAL (NULL). */
PLUG_API int plug_state(const struct plug_sock *s);

/* Sends; flags are PLUG_MSG_*. A stream takes a part; a record goes whole, its end is implied
 * unless PLUG_MSG_MORE is given. Blocks until at least one byte (record) was taken. A datagram
 * endpoint that was never connected opens at this call. Returns the bytes taken; EAGAIN (no room,
 * deadline 0); ETIMEDOUT; EDEADLK (a deadline on a shared loop); ENOTCONN (not connected, or a
 * datagram without a destination); EPIPE (after PLUG_SHUT_WR, or nobody reads any more);
 * ECONNRESET; EMSGSIZE (a record too long for the kind); EINVAL (a listener, or no buffer); EBUSY
 * (given away by plug_fd); ENOSPC, EIO and whatever else the system says. */
PLUG_API int64_t plug_send(struct plug_sock *s, const void *buf, size_t len, unsigned flags,
                           plug_time deadline);

/* Sends a datagram to that address. One endpoint may send to any number of peers; unless it was
 * bound to an IPv6 address or made of "udp6" it is of IPv4.
 * Returns as plug_send; EISCONN (a destination for what is connected: streams and seqpackets). */
PLUG_API int64_t plug_sendto(struct plug_sock *s, const void *buf, size_t len, unsigned flags,
                             const struct plug_addr *to, plug_time deadline);

/* Receives. A record longer than the buffer loses its rest, as with recv(2); plug_recvmmsg tells of
 * it by PLUG_MSG_TRUNC.
 * Returns the bytes received (0 is an empty record); EOF (the end of data, then at each call);
 * EAGAIN (nothing yet, deadline 0); ETIMEDOUT; EDEADLK (a deadline on a shared loop); ENOTCONN;
 * ECONNRESET; EINVAL (a listener, or no buffer); EBUSY (given away by plug_fd); EPROTO, EIO and
 * whatever else the layers say. */
PLUG_API int64_t plug_recv(struct plug_sock *s, void *buf, size_t len, unsigned flags,
                           plug_time deadline);

/* Receives and names the sender in *from, where the kind knows one (datagrams); else it is left as
 * it was. from may be NULL.
 * Returns as plug_recv. */
PLUG_API int64_t plug_recvfrom(struct plug_sock *s, void *buf, size_t len, unsigned flags,
                               struct plug_addr *from, plug_time deadline);

/* Sends many records at once, each with a name of its own if need be. Blocks until the first.
 * Returns how many were touched: all but the last whole, the last one's `len` says how much; or as
 * plug_send. */
PLUG_API int plug_sendmmsg(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags,
                           plug_time deadline);

/* Receives many records at once. Blocks until the first.
 * Returns how many were touched: all but the last whole, the last one's `len` says how much; or as
 * plug_recv. */
PLUG_API int plug_recvmmsg(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags,
                           plug_time deadline);

/* Reads an option of the layer that owns the level: PLUG_LEVEL_*, or the system's own (SOL_SOCKET,
 * IPPROTO_TCP). *len is in and out.
 * Returns 0; ENOTSUP (no layer of this endpoint has it); ENOTCONN (there is no descriptor to ask
 * yet, or no peer); EINVAL (*len is too small); EAGAIN (a child still runs); EBUSY (given away by
 * plug_fd). */
PLUG_API int plug_getsockopt(struct plug_sock *s, int level, int name, void *val, size_t *len);

/* Sets an option of the layer that owns the level. Before connect or listen the system's own
 * options of a socket are kept and set when it is made; what is wrong with them is told then.
 * Returns 0; ENOTSUP (no layer of this endpoint has it); ENOTCONN (not connected yet, and the layer
 * cannot wait); EINVAL; EPERM, EACCES; EBUSY (given away by plug_fd); ENOMEM. */
PLUG_API int plug_setsockopt(struct plug_sock *s, int level, int name, const void *val, size_t len);

/* Waits until one of n endpoints is ready. They may be of any kind, each on its private loop, or
 * all on one shared loop (then deadline must be 0). One that failed or was never connected is ready
 * with PLUG_ERR.
 * Returns the number ready; 0 (the deadline has come); EINVAL (a NULL, two shared loops, shared and
 * private ones, or a deadline on a shared one); EBUSY (one is given away by plug_fd); ENOMEM. */
PLUG_API int plug_select(struct plug_selection *v, unsigned n, plug_time deadline);

/* Looks a host up in both families, IPv6 and IPv4 in the order of RFC 8305 §4. `port` goes into the
 * addresses. At the deadline the question is dropped, however long the system's resolver goes on;
 * who must be able to cancel earlier opens by plug_open_on and closes.
 * Returns how many of at most max were written; ENOHOST; EDNS (the name service failed); ETIMEDOUT;
 * EINVAL; EMFILE, ENOMEM. */
PLUG_API int plug_gethostbyname(const char *host, uint16_t port, struct plug_addr *ret,
                                unsigned max, plug_time deadline, struct plug_err *reterr);

/* Writes "127.0.0.1:80", "[::1]:80", "/run/x" or "@abstract".
 * Returns the length; EINVAL (no room, or no address that has a text). */
PLUG_API int plug_addr_text(const struct plug_addr *addr, char *buf, size_t len);

/* The orderly end of a direction: each layer's farewell, then the base's. PLUG_SHUT_RDWR waits
 * until the peer's kernel has all, or the child has ended. A kind that cannot half-close answers 0
 * and tells nobody. Returns 0 (it is out); EAGAIN (not yet, deadline 0); ETIMEDOUT; EDEADLK (a
 * deadline on a shared loop); ENOTCONN; ECHILD (the child failed); ECONNRESET; EINVAL (a listener,
 * or how); EBUSY (given away by plug_fd). */
PLUG_API int plug_shutdown(struct plug_sock *s, int how, plug_time deadline);

/* Gives the endpoint as an ordinary descriptor, the caller's own to close: for poll(2), for read(2)
 * and write(2), as the standard input of a child. A bare endpoint (no layer above its kernel
 * object) gives a duplicate of the base's own descriptor, which does not block; the endpoint can
 * still be used. Any other gives one end of a socketpair, a seqpacket one where records are carried
 * (an empty record then reads like the end), which blocks and is closed in programs that are
 * started. Its other end is served by the endpoint's loop, or by a helper thread where that is
 * private: until both directions have ended every call but plug_close answers EBUSY, then
 * plug_error tells how it went.
 * Returns the descriptor; EINVAL (a listener); ENOTCONN; EBUSY (it
 * was given already); ENOTSUP (its private loop serves others too, as a udp listener's does);
 * EMFILE, ENOMEM. */
PLUG_API int plug_fd(struct plug_sock *s);

/* Tells the sticky error in full. reterr may be NULL.
 * Returns its code; 0 (there is none); EBUSY (given away by plug_fd); EINVAL (NULL). */
PLUG_API int plug_error(const struct plug_sock *s, struct plug_err *reterr);

/* Ends the endpoint at once and frees it; never blocks. What is not out yet may be lost:
 * plug_shutdown comes first where that matters. NULL is allowed. */
PLUG_API void plug_close(struct plug_sock *s);

#ifdef __cplusplus
}
#endif
#endif

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
    PLUG_MSG_MORE = 32  /* send: more follows at once, a layer may wait for it */
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
 * and found no room. */
enum {
    PLUG_SO_TYPE = 1,
    PLUG_SO_LIMIT,
    PLUG_SO_UNSENT,
    PLUG_SO_NAME,
    PLUG_SO_PEER,
    PLUG_SO_DROPPED
};
enum { PLUG_ROUTE_PATH = 1, PLUG_ROUTE_HOST, PLUG_ROUTE_SNI, PLUG_ROUTE_VERDICT };
/* Both int. STATUS: the exit status as a shell tells it, 128 + n for signal n; EAGAIN while it
 * runs. */
enum { PLUG_CHILD_PID = 1, PLUG_CHILD_STATUS };
#define PLUG_CHILD_KILLED(status) ((status) > 128 && (status) <= 128 + 64)

/* The current monotonic time. Any thread. */
PLUG_API plug_time plug_now(void);

/* The text of a PLUG_E* code; static. Never NULL. Any thread. */
PLUG_API const char *plug_strerror(int code);

/* "1.2.3" */
PLUG_API const char *plug_version(void);

/* Makes an unconnected endpoint of a stack such as "tcp" or "len32+tcp".
 * `loop` NULL gives it a private loop: calls then block until their deadline. *ret is the caller's,
 * to be closed by plug_close. Returns 0, PLUG_EUSAGE (the stack cannot be; reterr says why),
 * PLUG_ENOMEM. */
PLUG_API int plug_socket(struct plug_sock **ret, struct plug_loop *loop, const char *stack,
                         struct plug_err *reterr);

/* Opens any address to the end: resolved, connected (or bound and listening), handshakes done.
 * On a private loop it blocks until the deadline. Returns 0 or a PLUG_E*; reterr tells the cause.
 */
PLUG_API int plug_open(struct plug_sock **ret, const char *address, plug_time deadline,
                       struct plug_err *reterr);

/* The same on a loop; does not block: the endpoint is up when its watch is called with plug_state
 * 0. */
PLUG_API int plug_open_on(struct plug_sock **ret, struct plug_loop *loop, const char *address,
                          struct plug_err *reterr);

/* Sets the local address ("[::1]:0", "/run/x"). Before connect or listen. Returns 0, EINVAL,
 * EISCONN. */
PLUG_API int plug_bind(struct plug_sock *s, const char *address);

/* Connects. Returns 0; PLUG_EAGAIN on a shared loop (under way); ETIMEDOUT; or why it failed. */
PLUG_API int plug_connect(struct plug_sock *s, const char *address, plug_time deadline);
PLUG_API int plug_connect_addr(struct plug_sock *s, const struct plug_addr *address,
                               plug_time deadline);

/* Binds and listens. backlog 0 takes the default. Returns 0, EADDRINUSE, EACCES, EINVAL … */
PLUG_API int plug_listen(struct plug_sock *s, int backlog);

/* Gives the next connection whose handshakes are done. Failed ones are counted, never returned. A
 * child of a private loop's kernel listener gets a private loop of its own; a mux's child shares
 * its listener's. */
PLUG_API int plug_accept(struct plug_sock *s, struct plug_sock **ret, plug_time deadline);

/* 0 when up, PLUG_EAGAIN while opening, or the error that ended it. */
PLUG_API int plug_state(const struct plug_sock *s);

/* Sends; flags are PLUG_MSG_*. A stream takes a part, a record goes whole (EOR is implied by
 * plug_send on record endpoints). Blocks until at least one byte (record) was taken. Returns bytes
 * taken, or a PLUG_E*. */
PLUG_API int64_t plug_send(struct plug_sock *s, const void *buf, size_t len, unsigned flags,
                           plug_time deadline);
PLUG_API int64_t plug_sendto(struct plug_sock *s, const void *buf, size_t len, unsigned flags,
                             const struct plug_addr *to, plug_time deadline);

/* Receives. Returns bytes (0 is an empty record), PLUG_EOF at the end of data, or a PLUG_E*. */
PLUG_API int64_t plug_recv(struct plug_sock *s, void *buf, size_t len, unsigned flags,
                           plug_time deadline);
PLUG_API int64_t plug_recvfrom(struct plug_sock *s, void *buf, size_t len, unsigned flags,
                               struct plug_addr *from, plug_time deadline);

/* Many records at once. Returns how many were touched: all but the last whole, the last one's `len`
 * says how much. Blocks until the first. */
PLUG_API int plug_sendmmsg(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags,
                           plug_time deadline);
PLUG_API int plug_recvmmsg(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags,
                           plug_time deadline);

/* Reach the layer that owns the level. *len is in and out. Return 0, EINVAL, ENOTSUP. */
PLUG_API int plug_getsockopt(struct plug_sock *s, int level, int name, void *val, size_t *len);
PLUG_API int plug_setsockopt(struct plug_sock *s, int level, int name, const void *val, size_t len);

/* Waits until one of n endpoints is ready. They may be of any kind, each on its private loop, or
 * all on one shared loop (then deadline must be 0). Returns the number ready, 0 at the deadline,
 * EINVAL. */
PLUG_API int plug_select(struct plug_selection *v, unsigned n, plug_time deadline);

/* Looks a host up in both families, IPv6 and IPv4 in the order of RFC 8305 §4. `port` goes into the
 * addresses. Returns how many of at most max were written, ENOHOST, EDNS, ETIMEDOUT. */
PLUG_API int plug_gethostbyname(const char *host, uint16_t port, struct plug_addr *ret,
                                unsigned max, plug_time deadline, struct plug_err *reterr);

/* Writes "127.0.0.1:80", "[::1]:80", "/run/x" or "@abstract". Returns the length, or EINVAL. */
PLUG_API int plug_addr_text(const struct plug_addr *addr, char *buf, size_t len);

/* The orderly end of a direction: each layer's farewell, then the base's. Returns 0 when it is out.
 */
PLUG_API int plug_shutdown(struct plug_sock *s, int how, plug_time deadline);

/* Gives the endpoint as an ordinary descriptor, the caller's own to close: for poll(2), for read(2)
 * and write(2), as the standard input of a child. A bare endpoint (no layer above its kernel
 * object) gives a duplicate of the base's own descriptor, which does not block; the endpoint can
 * still be used. Any other gives one end of a socketpair, a seqpacket one where records are carried
 * (an empty record then reads like the end), which blocks and is closed in programs that are
 * started. Its other end is served by the endpoint's loop, or by a helper thread where that is
 * private: until both directions have ended every call but plug_close answers EBUSY, then
 * plug_error tells how it went. Returns the descriptor; EINVAL (a listener); ENOTCONN; EBUSY (it
 * was given already); ENOTSUP (its private loop serves others too, as a udp listener's does);
 * EMFILE, ENOMEM. */
PLUG_API int plug_fd(struct plug_sock *s);

/* The sticky error in full. Returns its code, 0 if there is none. */
PLUG_API int plug_error(const struct plug_sock *s, struct plug_err *reterr);

/* Ends the endpoint at once and frees it. Never blocks. NULL is allowed. */
PLUG_API void plug_close(struct plug_sock *s);

#ifdef __cplusplus
}
#endif
#endif

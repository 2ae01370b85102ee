/* SPDX-License-Identifier: MIT
 *
 * The contract that each system fills: every call to an operating system goes through here.
 * It hides spelling, not meaning: nothing here knows of layers or loops.
 *
 * Unless said otherwise a call returns >= 0, or a PLUG_E* with the system's own number in
 * *reterr_os (which may be NULL). Nothing here blocks unless its comment says so, raises SIGPIPE,
 * or prints.
 */
#ifndef PLUG_OS_H
#define PLUG_OS_H

#include <plug/layer.h>

/* ---- time, randomness, errors (os/SYSTEM/base.c) ---- */
plug_time plug__os_now(void);
int64_t plug__os_walltime(void); /* ns since 1970 */
int plug__os_random(void *buf, size_t len);
int plug__os_code(int os);                                /* errno / WSAGetLastError -> PLUG_E* */
const char *plug__os_text(int os, char *buf, size_t len); /* the system's text for its number */
int plug__os_init(void);                                  /* idempotent; WSAStartup */
const char *plug__os_name(void);                          /* "Linux" */

/* ---- threads (thread.c) ---- */
struct plug__mutex {
    union {
        uint64_t align;
        unsigned char space[64];
    } u;
};
struct plug__cond {
    union {
        uint64_t align;
        unsigned char space[64];
    } u;
};
int plug__mutex_init(struct plug__mutex *m);
void plug__mutex_lock(struct plug__mutex *m);
void plug__mutex_unlock(struct plug__mutex *m);
void plug__mutex_drop(struct plug__mutex *m);
int plug__cond_init(struct plug__cond *c);
void plug__cond_wait(struct plug__cond *c, struct plug__mutex *m);
void plug__cond_signal(struct plug__cond *c);
void plug__cond_broadcast(struct plug__cond *c);
void plug__cond_drop(struct plug__cond *c);
/* Starts a detached thread with every signal blocked. */
int plug__thread_start(void (*fn)(void *), void *arg, int *reterr_os);

/* ---- polling (poll.c) and waking (wake.c) ---- */
struct plug__pollfd {
    plug_handle handle;
    unsigned want, got; /* PLUG_IN | OUT | ERR | PLUG__HUP | PLUG__PRI */
};
enum { PLUG__HUP = PLUG_HUP, PLUG__PRI = PLUG_PRI };
/* Blocks until one is ready or `timeout` ns passed (< 0: for ever). Returns how many. EINTR counts
 * as 0. */
int plug__os_poll(struct plug__pollfd *v, unsigned n, plug_time timeout, int *reterr_os);
int plug__os_wake_open(plug_handle ret[2],
                       int *reterr_os); /* [0] is polled for IN, [1] is signalled */
void plug__os_wake_signal(plug_handle h[2]);
void plug__os_wake_drain(plug_handle h[2]);
void plug__os_wake_close(plug_handle h[2]);

/* ---- sockets (sock.c); every socket made here is non-blocking and not inherited ---- */
int plug__os_socket(plug_handle *ret, int family, int type, int protocol, int *reterr_os);
int plug__os_socketpair(plug_handle ret[2], int type, int *reterr_os);
int plug__os_bind(plug_handle h, const struct plug_addr *a, int *reterr_os);
int plug__os_listen(plug_handle h, int backlog, int *reterr_os);
int plug__os_accept(plug_handle h, plug_handle *ret, struct plug_addr *ret_peer, int *reterr_os);
int plug__os_connect(plug_handle h, const struct plug_addr *a,
                     int *reterr_os);                   /* EINPROGRESS: wait for OUT */
int plug__os_disconnect(plug_handle h, int *reterr_os); /* AF_UNSPEC connect */
/* recvmsg (n = 1) or recvmmsg, of at most 64. Fills v[i].len, .flags (EOR on record sockets, TRUNC,
 * OOB), .name, .controllen. Returns messages, or PLUG_EOF: `stream` says that 0 bytes mean it (only
 * v[0] is used then); a seqpacket's end is told from an empty record by itself. Never blocks, even
 * on a handle that does. */
int plug__os_recv(plug_handle h, struct plug_msg *v, unsigned n, int stream, int *reterr_os);
/* sendmsg or sendmmsg without SIGPIPE. flags: PLUG_MSG_MORE, OOB. Returns messages, v[i].len bytes
 * each. */
int plug__os_send(plug_handle h, struct plug_msg *v, unsigned n, unsigned flags, int *reterr_os);
int plug__os_shutdown(plug_handle h, int how, int *reterr_os); /* PLUG_SHUT_RD WR RDWR */
int plug__os_reset(plug_handle h);                   /* linger 0, so that close sends RST */
int plug__os_sockerr(plug_handle h, int *reterr_os); /* SO_ERROR: 0 or PLUG_E* */
int plug__os_setsockopt(plug_handle h, int level, int name, const void *v, size_t len,
                        int *reterr_os);
int plug__os_getsockopt(plug_handle h, int level, int name, void *v, size_t *len, int *reterr_os);
int plug__os_linger(plug_handle h, int seconds, int *reterr_os); /* < 0: off */
int plug__os_sockname(plug_handle h, struct plug_addr *ret, int *reterr_os);
int plug__os_peername(plug_handle h, struct plug_addr *ret, int *reterr_os);
int64_t
plug__os_unsent(plug_handle h); /* bytes the peer has not acknowledged (SIOCOUTQ); -1 unknown */
int64_t plug__os_unread(plug_handle h); /* bytes that wait to be read (FIONREAD); -1 unknown */
/* Has the kernel refuse descriptors that are sent to this socket: their sender gets EPERM. ENOTSUP
 * where it cannot (Linux before 6.16; sockets that take none). */
int plug__os_refuse_rights(plug_handle h);
int plug__os_listening(plug_handle h); /* 1 if it is a listening socket */
void plug__os_close(plug_handle h);    /* sockets and descriptors alike on Unix */

/* ---- addresses (addr.c) ---- */
int plug__os_addr_ip(struct plug_addr *ret, const char *literal,
                     uint16_t port); /* "::1%lo" too; EINVAL */
int plug__os_addr_unix(struct plug_addr *ret, const char *path, int abstract,
                       int tight); /* ENAMETOOLONG */
int plug__os_addr_text(const struct plug_addr *a, char *buf, size_t len);
uint16_t plug__os_addr_port(const struct plug_addr *a);
void plug__os_addr_set_port(struct plug_addr *a, uint16_t port);
int plug__os_addr_any(struct plug_addr *ret, int family, int loopback, uint16_t port);
/* BLOCKS. getaddrinfo of one family; port already a number. Returns count, ENOHOST, EDNS. */
int plug__os_lookup(const char *host, int family, uint16_t port, struct plug_addr *ret,
                    unsigned max, int *reterr_os);
/* How a name is looked up. Zero: as the system does. */
struct plug__lookup {
    unsigned flags;           /* PLUG__AI_* */
    unsigned res_on, res_off; /* PLUG__RES_*; any of them, or a server: past files and caches */
    struct plug_addr server;  /* the name server to ask, IPv4; len 0: the system's */
};
enum { PLUG__AI_ADDRCONFIG = 1, PLUG__AI_V4MAPPED = 2, PLUG__AI_ALL = 4 };
enum {
    PLUG__RES_USEVC = 1,
    PLUG__RES_IGNTC = 2,
    PLUG__RES_RECURSE = 4,
    PLUG__RES_DEFNAMES = 8,
    PLUG__RES_STAYOPEN = 16,
    PLUG__RES_DNSRCH = 32
};
/* The same, looked up so. ENOTSUP: the C library has no such resolver. */
int plug__os_lookup_by(const struct plug__lookup *how, const char *host, int family, uint16_t port,
                       struct plug_addr *ret, unsigned max, int *reterr_os);
int plug__os_has_dns(void); /* 1 when server and PLUG__RES_* can be had */
int plug__os_service(const char *name, const char *protocol,
                     uint16_t *ret); /* "http" -> 80; ENOENT */

/* ---- descriptors (fd.c) ---- */
enum plug__kind {
    PLUG__KIND_FILE = 1,
    PLUG__KIND_PIPE,
    PLUG__KIND_SOCKET,
    PLUG__KIND_TTY,
    PLUG__KIND_CHAR,
    PLUG__KIND_BLOCK,
    PLUG__KIND_DIR
};
struct plug__stat {
    enum plug__kind kind;
    int64_t size;
    int family, type;       /* sockets: AF_*, SOCK_* */
    int readable, writable; /* as opened */
    int nonblock;           /* O_NONBLOCK is set on the description */
    uint64_t device, inode; /* equal for two handles of one object */
};
int plug__os_fstat(plug_handle h, struct plug__stat *ret, int *reterr_os);
int plug__os_stat(const char *path, struct plug__stat *ret,
                  int *reterr_os); /* kind, size; sockets: type 0 */
/* Type of the Unix socket that is bound there (PLUG_STREAM, _DGRAM, _SEQPACKET), asked without a
 * connection that anybody would see. 0: it cannot be told. */
int plug__os_unix_type(const char *path);
int plug__os_stdio(int n, plug_handle *ret, int *reterr_os); /* 0, 1, 2 */
enum {
    PLUG__O_READ = 1,
    PLUG__O_WRITE = 2,
    PLUG__O_CREATE = 4,
    PLUG__O_EXCL = 8,
    PLUG__O_TRUNC = 16,
    PLUG__O_APPEND = 32,
    PLUG__O_NONBLOCK = 64,
    PLUG__O_SYNC = 128,
    PLUG__O_NOFOLLOW = 256,
    PLUG__O_NOCTTY = 512,
    PLUG__O_DSYNC = 1024,
    PLUG__O_RSYNC = 2048,
    PLUG__O_NOATIME = 4096
};
/* ENOTSUP: this system lacks one of the flags. */
int plug__os_open(plug_handle *ret, const char *path, unsigned flags, unsigned mode,
                  int *reterr_os);
/* One readv/writev on any descriptor. EOF as PLUG_EOF. No SIGPIPE. */
int64_t plug__os_read(plug_handle h, const struct plug_iov *v, unsigned n, int *reterr_os);
int64_t plug__os_write(plug_handle h, const struct plug_iov *v, unsigned n, int *reterr_os);
int plug__os_pipe(plug_handle ret[2], int nonblock, int *reterr_os);
int plug__os_mkfifo(const char *path, unsigned mode, int *reterr_os);
int plug__os_unlink(const char *path, int *reterr_os);
int64_t plug__os_seek(plug_handle h, int64_t to, int whence,
                      int *reterr_os); /* whence 0 set, 1 current, 2 end */
int plug__os_truncate(plug_handle h, int64_t size, int *reterr_os);
int plug__os_lock(plug_handle h, int exclusive, int wait, int *reterr_os); /* flock; wait BLOCKS */
/* A lock of fcntl's kind on the whole file, EBUSY when another holds one; where the system can it
 * belongs to the description, so that two of this process exclude each other too. Never waits. */
int plug__os_lock_record(plug_handle h, int exclusive, int *reterr_os);
/* What an open handle names; ENOTSUP where the system has no such rights. */
int plug__os_fchmod(plug_handle h, unsigned mode, int *reterr_os);
int plug__os_fchown(plug_handle h, const char *user, const char *group, int *reterr_os);
/* Of the process: what new files are made without. Gives the old one. */
int plug__os_umask(unsigned mask, unsigned *ret_old);
int plug__os_chmod(const char *path, unsigned mode, int *reterr_os);
int plug__os_chown(const char *path, const char *user, const char *group, int *reterr_os);
int plug__os_dup(plug_handle h, plug_handle *ret, int *reterr_os); /* not inherited */
/* Programs started from now on do not get this number; 0, 1 and 2 stay theirs. */
void plug__os_not_inherited(plug_handle h);
int plug__os_nonblock(plug_handle h, int on, int *reterr_os);
int plug__os_fd_limit(void); /* soft limit on descriptors; raised to the hard one by the command */
int plug__os_raise_fd_limit(void);

/* ---- moving without copying (splice.c); no SIGPIPE ---- */
/* Bytes moved; 0 is the end of `from`. EAGAIN of either side. EINVAL, ENOTSUP: copy instead. */
int64_t plug__os_splice(plug_handle from, plug_handle to, size_t len, int more, int *reterr_os);
int plug__os_pipe_size(plug_handle pipe, size_t want); /* returns the size it has now */
int64_t plug__os_sendfile(plug_handle file, plug_handle to, size_t len, int *reterr_os);

/* ---- processes (proc.c) ---- */
/* What a child becomes before its program starts; zero changes nothing. Users and groups are names
 * or numbers, looked up before the root changes. */
struct plug__become {
    const char *chroot_early, *chroot; /* after it "/" is the current directory */
    const char *netns;                 /* of `ip netns`, or a path */
    const char *user;      /* with its groups; HOME, USER, LOGNAME, SHELL are set (su=) */
    const char *uid, *gid; /* alone, without further groups (setuid=, setgid=) */
    const char *path;      /* PATH: the program is searched there, and the child has it */
    int64_t umask;         /* the mask + 1; 0: unchanged */
};
struct plug__spawn {
    const char *const *argv;  /* NULL-ended; searched in PATH */
    const char *shell;        /* instead of argv: given to the system's shell */
    plug_handle in, out, err; /* become 0, 1, 2; PLUG_NO_HANDLE inherits */
    int in_fd, out_fd;        /* other numbers than 0 and 1 (fdin=, fdout=); 0 means the default */
    const char *const *env;   /* "NAME=value" added to the environment; or NULL */
    const char *chdir;        /* or NULL */
    int setsid, new_group;
    int ctty;         /* `in`, a terminal, becomes the controlling one of its new session */
    const char *dash; /* argv[0] to show (login shells), or NULL */
    const struct plug__become *become; /* or NULL */
    const char **reterr_step; /* or NULL: which of all this failed ("chdir", "su"); static */
};
struct plug__child {
    int64_t pid;
    plug_handle
        handle; /* readable (PLUG_IN) when it has ended; PLUG_NO_HANDLE: ask by wait in ticks */
};
/* Default signal dispositions and an empty mask in the child. ENOENT when the program is not found.
 */
int plug__os_spawn(const struct plug__spawn *how, struct plug__child *ret, int *reterr_os);
/* The same without a child: this process becomes the program. Returns only why it could not;
 * signals and descriptors are the program's by then. */
int plug__os_exec(const struct plug__spawn *how, int *reterr_os);
const char *plug__os_shell(void); /* the user's shell by the environment, else the system's */
/* Known at all: 0, ENOENT. May read files; a name service may BLOCK. */
int plug__os_user_known(const char *name);
int plug__os_group_known(const char *name);
/* *ret_status and 0 (it exited) or 1 (a signal ended it: 128 + the signal); EAGAIN while it runs.
 */
int plug__os_wait(const struct plug__child *c, int *ret_status);
/* The same on every Unix, but for WINCH, which is turned into this; Windows knows KILL only. */
enum {
    PLUG__SIGNAL_HUP = 1,
    PLUG__SIGNAL_INT = 2,
    PLUG__SIGNAL_QUIT = 3,
    PLUG__SIGNAL_KILL = 9,
    PLUG__SIGNAL_WINCH = 28
};
/* sig: the number of the system; 0 TERM. ESRCH when it was waited for; without a handle the number
 * may be another's by then. */
int plug__os_kill(const struct plug__child *c, int sig);
int64_t plug__os_pid(void);

/* ---- terminals (tty.c) ---- */
/* A terminal's settings in the system's own form. */
struct plug__tty {
    union {
        uint64_t align;
        unsigned char space[64];
    } u;
};
struct plug__winsize {
    unsigned short rows, cols;
};
/* ENOTSUP: no terminal. A pseudo-terminal's settings are the same at both its ends. */
int plug__os_tty_get(plug_handle h, struct plug__tty *ret, int *reterr_os);
/* At once. `always`: also from the background, where the system stops who changes settings. */
int plug__os_tty_set(plug_handle h, const struct plug__tty *t, int always, int *reterr_os);
/* Changes one setting by its name in stty: flags ("echo": 0 or 1), choices ("cs8"), speeds
 * ("b9600", "ispeed", "ospeed"), characters ("intr": a byte), "raw" and its like. ENOTSUP: no such
 * here; EINVAL: not that value. */
int plug__os_tty_option(struct plug__tty *t, const char *name, int64_t value);
int plug__os_tty_flag(const struct plug__tty *t, const char *name); /* 1 on, 0 off or unknown */
int plug__os_tty_char(const struct plug__tty *t, const char *name); /* a byte, -1: none */
int plug__os_tty_size(plug_handle h, struct plug__winsize *ret, int *reterr_os);
int plug__os_tty_resize(plug_handle h, const struct plug__winsize *size, int *reterr_os);
/* Raises and drops what a serial line tells a modem. */
enum { PLUG__LINE_DTR = 1, PLUG__LINE_RTS = 2 };
int plug__os_tty_lines(plug_handle h, unsigned on, unsigned off, int *reterr_os);
/* 1 when a path names a terminal; it is not opened for that. */
int plug__os_tty_path(const char *path);
/* The master's end of a new pseudo-terminal, non-blocking, and the name of the other end. */
int plug__os_pty_open(plug_handle *ret, char *name, size_t len, int *reterr_os);
int plug__os_pty_used(plug_handle master); /* 1: the other end is open */
int plug__os_symlink(const char *target, const char *path, int *reterr_os);
/* Where a symbolic link leads; the length. EINVAL: no link. */
int plug__os_readlink(const char *path, char *buf, size_t len, int *reterr_os);

/* ---- for the command only (signal.c) ---- */
/* Routes INT, TERM, HUP, QUIT, USR1, WINCH (and Windows' console events) to a handle that polls IN;
 * SIGPIPE ignored. */
int plug__os_signals_open(plug_handle *ret, int *reterr_os);
int plug__os_signals_next(plug_handle h); /* the next signal's number, 0 when none waits */
void plug__os_signals_close(plug_handle h);
void plug__os_die_by(int sig); /* restores the default and raises it */
int plug__os_isatty(plug_handle h);
int plug__os_columns(plug_handle h); /* terminal width, 80 when unknown */

#endif

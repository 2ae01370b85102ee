/* SPDX-License-Identifier: MIT
 *
 * Descriptors that are not sockets: opening, reading, writing, looking at them.
 * Paths without a descriptor are path.c's.
 */
#include "os/posix/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

void plug__posix_close(int fd)
{
    int saved = errno;
    (void)close(fd); /* never again on EINTR: Linux has freed the number by then */
    errno = saved;
}

static int fd_kind(mode_t mode, int tty)
{
    switch (mode & S_IFMT) {
    case S_IFIFO:
        return PLUG__KIND_PIPE;
    case S_IFSOCK:
        return PLUG__KIND_SOCKET;
    case S_IFCHR:
        return tty ? PLUG__KIND_TTY : PLUG__KIND_CHAR;
    case S_IFBLK:
        return PLUG__KIND_BLOCK;
    case S_IFDIR:
        return PLUG__KIND_DIR;
    default:
        return PLUG__KIND_FILE;
    }
}

static void fd_stat_socket(plug_handle h, struct plug__stat *st)
{
    struct plug_addr a = {0};
    size_t len = sizeof st->type;
    if (plug__os_sockname(h, &a, NULL) == 0)
        st->family = a.family;
    if (plug__os_getsockopt(h, SOL_SOCKET, SO_TYPE, &st->type, &len, NULL) < 0)
        st->type = 0;
}

int plug__os_fstat(plug_handle h, struct plug__stat *ret, int *reterr_os)
{
    struct plug__stat st = {0};
    struct stat s;
    int flags = fcntl((int)h, F_GETFL);
    if (flags < 0 || fstat((int)h, &s) < 0)
        return plug__posix_fail(reterr_os);
    st.kind = (enum plug__kind)fd_kind(s.st_mode, S_ISCHR(s.st_mode) && isatty((int)h));
    st.size = s.st_size;
    st.readable = (flags & O_ACCMODE) != O_WRONLY;
    st.writable = (flags & O_ACCMODE) != O_RDONLY;
    st.nonblock = (flags & O_NONBLOCK) != 0;
    st.device = (uint64_t)s.st_dev;
    st.inode = (uint64_t)s.st_ino;
    if (st.kind == PLUG__KIND_SOCKET)
        fd_stat_socket(h, &st);
    *ret = st;
    return 0;
}

int plug__os_stat(const char *path, struct plug__stat *ret, int *reterr_os)
{
    struct stat s;
    if (stat(path, &s) < 0)
        return plug__posix_fail(reterr_os);
    *ret = (struct plug__stat){.kind = (enum plug__kind)fd_kind(s.st_mode, 0), .size = s.st_size};
    ret->device = (uint64_t)s.st_dev;
    ret->inode = (uint64_t)s.st_ino;
    return 0;
}

int plug__os_stdio(int n, plug_handle *ret, int *reterr_os)
{
    if (n < 0 || n > 2)
        return PLUG_EINVAL;
    if (fcntl(n, F_GETFD) < 0)
        return plug__posix_fail(reterr_os);
    *ret = n;
    return 0;
}

/* Flags of open that not every Unix has; 0: this one does not. */
#ifdef O_NOATIME
#define FD_NOATIME O_NOATIME
#else
#define FD_NOATIME 0
#endif
#ifdef O_RSYNC
#define FD_RSYNC O_RSYNC
#else
#define FD_RSYNC 0
#endif

/* The system's flags, or ENOTSUP. */
static int fd_open_flags(unsigned flags)
{
    static const struct {
        unsigned flag;
        int os;
    } map[] = {
        {PLUG__O_CREATE, O_CREAT},  {PLUG__O_EXCL, O_EXCL},         {PLUG__O_TRUNC, O_TRUNC},
        {PLUG__O_APPEND, O_APPEND}, {PLUG__O_NONBLOCK, O_NONBLOCK}, {PLUG__O_SYNC, O_SYNC},
        {PLUG__O_NOCTTY, O_NOCTTY}, {PLUG__O_NOFOLLOW, O_NOFOLLOW}, {PLUG__O_DSYNC, O_DSYNC},
        {PLUG__O_RSYNC, FD_RSYNC},  {PLUG__O_NOATIME, FD_NOATIME},
    };
    int os = O_CLOEXEC;
    if ((flags & PLUG__O_READ) && (flags & PLUG__O_WRITE))
        os |= O_RDWR;
    else
        os |= (flags & PLUG__O_WRITE) ? O_WRONLY : O_RDONLY;
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        if ((flags & map[i].flag) && !map[i].os)
            return PLUG_ENOTSUP;
        if (flags & map[i].flag)
            os |= map[i].os;
    }
    return os;
}

int plug__os_open(plug_handle *ret, const char *path, unsigned flags, unsigned mode, int *reterr_os)
{
    int fd, how = fd_open_flags(flags);
    if (how < 0)
        return how;
    do {
        fd = open(path, how, (mode_t)mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return plug__posix_fail(reterr_os);
    *ret = fd;
    return 0;
}

static int fd_count(unsigned n)
{
    return n > IOV_MAX ? IOV_MAX : (int)n;
}

int64_t plug__os_read(plug_handle h, const struct plug_iov *v, unsigned n, int *reterr_os)
{
    ssize_t got;
    do {
        got = readv((int)h, plug__posix_civ(v), fd_count(n));
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    if (got < 0)
        return plug__posix_fail(reterr_os);
    for (unsigned i = 0; i < n; i++)
        if (v[i].len > 0)
            return PLUG_EOF;
    return 0; /* nothing was asked for */
}

int64_t plug__os_write(plug_handle h, const struct plug_iov *v, unsigned n, int *reterr_os)
{
    ssize_t put = plug__posix_writev((int)h, plug__posix_civ(v), fd_count(n));
    return put < 0 ? plug__posix_fail(reterr_os) : put;
}

int64_t plug__os_seek(plug_handle h, int64_t to, int whence, int *reterr_os)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    if (whence < 0 || whence > 2)
        return PLUG_EINVAL;
    off_t at = lseek((int)h, (off_t)to, whences[whence]);
    return at < 0 ? plug__posix_fail(reterr_os) : at;
}

int plug__os_truncate(plug_handle h, int64_t size, int *reterr_os)
{
    return plug__posix_check(ftruncate((int)h, (off_t)size), reterr_os);
}

int plug__os_lock(plug_handle h, int exclusive, int wait, int *reterr_os)
{
    int op = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
    int rc;
    do {
        rc = flock((int)h, op);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0 && errno == EWOULDBLOCK) {
        if (reterr_os)
            *reterr_os = EWOULDBLOCK;
        return PLUG_EBUSY; /* another holds it: trying again when readable would never end */
    }
    return plug__posix_check(rc, reterr_os);
}

int plug__os_lock_record(plug_handle h, int exclusive, int *reterr_os)
{
#ifdef F_OFD_SETLK
    const int how = F_OFD_SETLK;
#else
    const int how = F_SETLK;
#endif
    struct flock lock = {.l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
    int rc;
    do {
        rc = fcntl((int)h, how, &lock);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0 && (errno == EAGAIN || errno == EACCES)) {
        if (reterr_os)
            *reterr_os = errno;
        return PLUG_EBUSY;
    }
    return plug__posix_check(rc, reterr_os);
}

int plug__os_dup(plug_handle h, plug_handle *ret, int *reterr_os)
{
    int fd = fcntl((int)h, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return plug__posix_fail(reterr_os);
    *ret = fd;
    return 0;
}

void plug__os_not_inherited(plug_handle h)
{
    int flags = h > 2 ? fcntl((int)h, F_GETFD) : -1;
    if (flags >= 0)
        (void)fcntl((int)h, F_SETFD, flags | FD_CLOEXEC);
}

int plug__os_nonblock(plug_handle h, int on, int *reterr_os)
{
    int flags = fcntl((int)h, F_GETFL);
    if (flags < 0)
        return plug__posix_fail(reterr_os);
    int want = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (want == flags)
        return 0;
    return plug__posix_check(fcntl((int)h, F_SETFL, want), reterr_os);
}

static int fd_limit(rlim_t n)
{
    return n > INT_MAX ? INT_MAX : (int)n; /* RLIM_INFINITY too */
}

int plug__os_fd_limit(void)
{
    struct rlimit r;
    return getrlimit(RLIMIT_NOFILE, &r) < 0 ? 1024 : fd_limit(r.rlim_cur);
}

int plug__os_raise_fd_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return plug__posix_fail(NULL);
    if (r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &r) < 0)
            return plug__posix_fail(NULL);
    }
    return fd_limit(r.rlim_cur);
}

int plug__os_isatty(plug_handle h)
{
    return isatty((int)h);
}

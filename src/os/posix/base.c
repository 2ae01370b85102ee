/* SPDX-License-Identifier: MIT
 *
 * Clocks, randomness and the translation of errno.
 * It deliberately keeps no state: plug__os_init has nothing to do on a Unix.
 */
#include "os/posix/posix.h"
#include "util/attr.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct plug_iov) == sizeof(struct iovec), "plug_iov is iovec");
_Static_assert(offsetof(struct plug_iov, base) == offsetof(struct iovec, iov_base), "iov_base");
_Static_assert(offsetof(struct plug_iov, len) == offsetof(struct iovec, iov_len), "iov_len");

static plug_time base_clock(clockid_t id)
{
    struct timespec t = {0};
    (void)clock_gettime(id, &t);
    return (plug_time)t.tv_sec * PLUG_SECOND + (plug_time)t.tv_nsec;
}

plug_time plug__os_now(void)
{
    return base_clock(CLOCK_MONOTONIC);
}

int64_t plug__os_walltime(void)
{
    return base_clock(CLOCK_REALTIME);
}

int plug__os_random(void *buf, size_t len)
{
    unsigned char *p = buf;
    while (len > 0) {
        size_t part = len < 256 ? len : 256; /* getentropy's own limit */
        if (getentropy(p, part) < 0)
            return plug__posix_fail(NULL);
        p += part;
        len -= part;
    }
    return 0;
}

static const struct {
    int os, code;
} base_codes[] = {
    {EAGAIN, PLUG_EAGAIN},
    {EINPROGRESS, PLUG_EINPROGRESS},
    {EALREADY, PLUG_EINPROGRESS},
    {EPIPE, PLUG_EPIPE},
    {ECONNRESET, PLUG_ECONNRESET},
    {ECONNREFUSED, PLUG_ECONNREFUSED},
    {ECONNABORTED, PLUG_ECONNABORTED},
    {ETIMEDOUT, PLUG_ETIMEDOUT},
    {EHOSTUNREACH, PLUG_EHOSTUNREACH},
    {EHOSTDOWN, PLUG_EHOSTUNREACH},
    {ENETUNREACH, PLUG_ENETUNREACH},
    {ENETDOWN, PLUG_ENETDOWN},
    {ENETRESET, PLUG_ECONNRESET},
    {ENOTCONN, PLUG_ENOTCONN},
    {EDESTADDRREQ, PLUG_ENOTCONN},
    {EISCONN, PLUG_EISCONN},
    {ESHUTDOWN, PLUG_EPIPE},
    {EINVAL, PLUG_EINVAL},
    {EBADF, PLUG_EINVAL},
    {EDOM, PLUG_EINVAL},
    {ESPIPE, PLUG_EINVAL},
    {ENOMEM, PLUG_ENOMEM},
    {EOPNOTSUPP, PLUG_ENOTSUP},
    {ENOSYS, PLUG_ENOTSUP},
    {ENOPROTOOPT, PLUG_ENOTSUP},
    {ENOTTY, PLUG_ENOTSUP},
    {EMSGSIZE, PLUG_EMSGSIZE},
    {EACCES, PLUG_EACCES},
    {EPERM, PLUG_EPERM},
    {ENOENT, PLUG_ENOENT},
    {EEXIST, PLUG_EEXIST},
    {ENOTEMPTY, PLUG_EEXIST},
    {EISDIR, PLUG_EISDIR},
    {ENOTDIR, PLUG_ENOTDIR},
    {EMFILE, PLUG_EMFILE},
    {ENFILE, PLUG_EMFILE},
    {ENOBUFS, PLUG_ENOBUFS},
    {EADDRINUSE, PLUG_EADDRINUSE},
    {EADDRNOTAVAIL, PLUG_EADDRNOTAVAIL},
    {ENOSPC, PLUG_ENOSPC},
    {EDQUOT, PLUG_ENOSPC},
    {EFBIG, PLUG_EFBIG},
    {EIO, PLUG_EIO},
    {EBUSY, PLUG_EBUSY},
    {ETXTBSY, PLUG_EBUSY},
    {EDEADLK, PLUG_EBUSY},
    {ECANCELED, PLUG_ECANCELED},
    {EPROTO, PLUG_EPROTO},
    {ECHILD, PLUG_ECHILD},
    {EROFS, PLUG_EROFS},
    {ENXIO, PLUG_ENXIO},
    {ENODEV, PLUG_ENXIO},
    {EAFNOSUPPORT, PLUG_EAFNOSUPPORT},
    {EPFNOSUPPORT, PLUG_EAFNOSUPPORT},
    {EPROTONOSUPPORT, PLUG_EPROTONOSUPPORT},
    {ESOCKTNOSUPPORT, PLUG_EPROTONOSUPPORT},
    {EPROTOTYPE, PLUG_EPROTONOSUPPORT},
    {ENOTSOCK, PLUG_ENOTSOCK},
    {ESRCH, PLUG_ESRCH},
    {ELOOP, PLUG_ELOOP},
    {ENAMETOOLONG, PLUG_ENAMETOOLONG},
};

int plug__os_code(int os)
{
    if (os == 0)
        return 0;
    if (os == EWOULDBLOCK)
        return PLUG_EAGAIN;
    if (os == ENOTSUP)
        return PLUG_ENOTSUP;
    for (size_t i = 0; i < PLUG__COUNT(base_codes); i++)
        if (base_codes[i].os == os)
            return base_codes[i].code;
    return PLUG_EOTHER;
}

int plug__posix_fail(int *reterr_os)
{
    int os = errno;
    if (reterr_os)
        *reterr_os = os;
    return plug__os_code(os);
}

int plug__posix_check(int rc, int *reterr_os)
{
    return rc < 0 ? plug__posix_fail(reterr_os) : 0;
}

/* strerror_r has two shapes: GNU's gives the text, POSIX's fills the buffer. */
static const char *base_text_gnu(const char *text, const char *buf)
{
    (void)buf;
    return text;
}

static const char *base_text_xsi(int rc, const char *buf)
{
    return rc == 0 ? buf : "unknown error";
}

const char *plug__os_text(int os, char *buf, size_t len)
{
    return _Generic(strerror_r(os, buf, len), int
                    : base_text_xsi, default
                    : base_text_gnu)(strerror_r(os, buf, len), buf);
}

int plug__os_init(void)
{
    return 0;
}

const char *plug__os_name(void)
{
#if defined(__linux__)
    return "Linux";
#elif defined(__APPLE__)
    return "Darwin";
#else
    return "BSD";
#endif
}

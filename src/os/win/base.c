/* SPDX-License-Identifier: MIT
 *
 * Clocks, randomness, and the translation of both kinds of error numbers (Winsock's and Win32's).
 * It deliberately never calls WSACleanup: WSAStartup counts, and the process's end undoes it.
 */
#include "os/win/win.h"
#include "util/attr.h"

#include <bcrypt.h>

plug_time plug__os_now(void)
{
    LARGE_INTEGER freq, count;
    QueryPerformanceFrequency(&freq);
    QueryPerformanceCounter(&count);
    int64_t whole = count.QuadPart / freq.QuadPart, rest = count.QuadPart % freq.QuadPart;
    return whole * PLUG_SECOND + rest * PLUG_SECOND / freq.QuadPart;
}

int64_t plug__os_walltime(void)
{
    const int64_t epoch = INT64_C(116444736000000000); /* 1601 to 1970, in 100 ns */
    FILETIME t;
    GetSystemTimePreciseAsFileTime(&t);
    return (((int64_t)t.dwHighDateTime << 32 | t.dwLowDateTime) - epoch) * 100;
}

int plug__os_random(void *buf, size_t len)
{
    unsigned char *p = buf;
    while (len > 0) {
        ULONG part = len < 65536 ? (ULONG)len : 65536;
        if (BCryptGenRandom(NULL, p, part, BCRYPT_USE_SYSTEM_PREFERRED_RNG) < 0)
            return PLUG_EIO;
        p += part;
        len -= part;
    }
    return 0;
}

static const struct {
    int os, code;
} base_codes[] = {
    {WSAEWOULDBLOCK, PLUG_EAGAIN},
    {WSAEINPROGRESS, PLUG_EINPROGRESS},
    {WSAEALREADY, PLUG_EINPROGRESS},
    {WSAECONNRESET, PLUG_ECONNRESET},
    {WSAENETRESET, PLUG_ECONNRESET},
    {WSAECONNREFUSED, PLUG_ECONNREFUSED},
    {WSAECONNABORTED, PLUG_ECONNABORTED},
    {WSAESHUTDOWN, PLUG_EPIPE},
    {WSAETIMEDOUT, PLUG_ETIMEDOUT},
    {WSAEHOSTUNREACH, PLUG_EHOSTUNREACH},
    {WSAEHOSTDOWN, PLUG_EHOSTUNREACH},
    {WSAENETUNREACH, PLUG_ENETUNREACH},
    {WSAENETDOWN, PLUG_ENETDOWN},
    {WSAENOTCONN, PLUG_ENOTCONN},
    {WSAEDESTADDRREQ, PLUG_ENOTCONN},
    {WSAEISCONN, PLUG_EISCONN},
    {WSAEINVAL, PLUG_EINVAL},
    {WSAEFAULT, PLUG_EINVAL},
    {WSAEBADF, PLUG_EINVAL},
    {WSAEOPNOTSUPP, PLUG_ENOTSUP},
    {WSAENOPROTOOPT, PLUG_ENOTSUP},
    {WSAEMSGSIZE, PLUG_EMSGSIZE},
    {WSAEACCES, PLUG_EACCES},
    {WSAEMFILE, PLUG_EMFILE},
    {WSAENOBUFS, PLUG_ENOBUFS},
    {WSAEADDRINUSE, PLUG_EADDRINUSE},
    {WSAEADDRNOTAVAIL, PLUG_EADDRNOTAVAIL},
    {WSAEAFNOSUPPORT, PLUG_EAFNOSUPPORT},
    {WSAEPFNOSUPPORT, PLUG_EAFNOSUPPORT},
    {WSAEPROTONOSUPPORT, PLUG_EPROTONOSUPPORT},
    {WSAESOCKTNOSUPPORT, PLUG_EPROTONOSUPPORT},
    {WSAEPROTOTYPE, PLUG_EPROTONOSUPPORT},
    {WSAENOTSOCK, PLUG_ENOTSOCK},
    {WSAELOOP, PLUG_ELOOP},
    {WSAENAMETOOLONG, PLUG_ENAMETOOLONG},
    {WSAHOST_NOT_FOUND, PLUG_ENOHOST},
    {WSANO_DATA, PLUG_ENOHOST},
    {WSATRY_AGAIN, PLUG_EDNS},
    {WSANO_RECOVERY, PLUG_EDNS},
    {ERROR_FILE_NOT_FOUND, PLUG_ENOENT},
    {ERROR_PATH_NOT_FOUND, PLUG_ENOENT},
    {ERROR_INVALID_DRIVE, PLUG_ENOENT},
    {ERROR_BAD_NETPATH, PLUG_ENOENT},
    {ERROR_INVALID_NAME, PLUG_EINVAL},
    {ERROR_DIRECTORY, PLUG_ENOTDIR},
    {ERROR_TOO_MANY_OPEN_FILES, PLUG_EMFILE},
    {ERROR_ACCESS_DENIED, PLUG_EACCES},
    {ERROR_PRIVILEGE_NOT_HELD, PLUG_EPERM},
    {ERROR_INVALID_HANDLE, PLUG_EINVAL},
    {ERROR_INVALID_PARAMETER, PLUG_EINVAL},
    {ERROR_NEGATIVE_SEEK, PLUG_EINVAL},
    {ERROR_NOT_ENOUGH_MEMORY, PLUG_ENOMEM},
    {ERROR_OUTOFMEMORY, PLUG_ENOMEM},
    {ERROR_WRITE_PROTECT, PLUG_EROFS},
    {ERROR_SHARING_VIOLATION, PLUG_EBUSY},
    {ERROR_LOCK_VIOLATION, PLUG_EBUSY},
    {ERROR_BUSY, PLUG_EBUSY},
    {ERROR_PIPE_BUSY, PLUG_EBUSY},
    {ERROR_HANDLE_EOF, PLUG_EOF},
    {ERROR_BROKEN_PIPE, PLUG_EPIPE},
    {ERROR_NO_DATA, PLUG_EPIPE},
    {ERROR_PIPE_NOT_CONNECTED, PLUG_EPIPE},
    {ERROR_HANDLE_DISK_FULL, PLUG_ENOSPC},
    {ERROR_DISK_FULL, PLUG_ENOSPC},
    {ERROR_FILE_TOO_LARGE, PLUG_EFBIG},
    {ERROR_FILE_EXISTS, PLUG_EEXIST},
    {ERROR_ALREADY_EXISTS, PLUG_EEXIST},
    {ERROR_DIR_NOT_EMPTY, PLUG_EEXIST},
    {ERROR_NOT_SUPPORTED, PLUG_ENOTSUP},
    {ERROR_CALL_NOT_IMPLEMENTED, PLUG_ENOTSUP},
    {ERROR_INVALID_FUNCTION, PLUG_ENOTSUP},
    {ERROR_BAD_EXE_FORMAT, PLUG_EACCES},
    {ERROR_OPERATION_ABORTED, PLUG_ECANCELED},
    {ERROR_IO_DEVICE, PLUG_EIO},
    {ERROR_CRC, PLUG_EIO},
    {ERROR_GEN_FAILURE, PLUG_EIO},
    {ERROR_DEV_NOT_EXIST, PLUG_ENXIO},
    {ERROR_NOT_READY, PLUG_ENXIO},
    {ERROR_FILENAME_EXCED_RANGE, PLUG_ENAMETOOLONG},
    {ERROR_CANT_RESOLVE_FILENAME, PLUG_ELOOP},
    {ERROR_SEM_TIMEOUT, PLUG_ETIMEDOUT},
};

int plug__os_code(int os)
{
    if (os == 0)
        return 0;
    for (size_t i = 0; i < PLUG__COUNT(base_codes); i++)
        if (base_codes[i].os == os)
            return base_codes[i].code;
    return PLUG_EOTHER;
}

int plug__win_error(int os, int *reterr_os)
{
    if (reterr_os)
        *reterr_os = os;
    return os == 0 ? PLUG_EOTHER : plug__os_code(os);
}

int plug__win_wsa(int *reterr_os)
{
    return plug__win_error(WSAGetLastError(), reterr_os);
}

int plug__win_last(int *reterr_os)
{
    return plug__win_error((int)GetLastError(), reterr_os);
}

int plug__win_check(int rc, int *reterr_os)
{
    return rc == SOCKET_ERROR ? plug__win_wsa(reterr_os) : 0;
}

int plug__win_wide(const char *text, wchar_t *ret, int room)
{
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, ret, room);
    if (n > 0)
        return n;
    return GetLastError() == ERROR_INSUFFICIENT_BUFFER ? PLUG_ENAMETOOLONG : PLUG_EINVAL;
}

/* The system ends its texts with a full stop and a line end. */
static void base_trim(char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r' || s[n - 1] == '.' || s[n - 1] == ' '))
        s[--n] = '\0';
}

const char *plug__os_text(int os, char *buf, size_t len)
{
    const DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
    wchar_t wide[256];
    if (len == 0 || len > INT32_MAX || os < 0)
        return "unknown error";
    if (FormatMessageW(flags, NULL, (DWORD)os, 0, wide, 256, NULL) == 0)
        return "unknown error";
    if (WideCharToMultiByte(CP_UTF8, 0, wide, -1, buf, (int)len, NULL, NULL) <= 0)
        return "unknown error";
    base_trim(buf);
    return buf;
}

int plug__os_init(void)
{
    WSADATA data;
    int rc = WSAStartup(MAKEWORD(2, 2), &data);
    return rc == 0 ? 0 : plug__os_code(rc);
}

const char *plug__os_name(void)
{
    return "Windows";
}

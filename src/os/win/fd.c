/* SPDX-License-Identifier: MIT
 *
 * Handles that are not sockets: opening, reading, writing, looking at them.
 * It deliberately does no overlapped work: pipes are asked first, so that nothing blocks.
 */
#include "os/win/win.h"

#include <limits.h>

enum { FD_PIPE = 64 * 1024, FD_LIMIT = 1 << 20 };

static void fd_stat_socket(plug_handle h, struct plug__stat *st)
{
    WSAPROTOCOL_INFOW info;
    size_t len = sizeof info;
    st->kind = PLUG__KIND_SOCKET;
    st->readable = st->writable = 1;
    if (plug__os_getsockopt(h, SOL_SOCKET, SO_PROTOCOL_INFOW, &info, &len, NULL) == 0) {
        st->family = info.iAddressFamily;
        st->type = info.iSocketType;
    }
}

/* A transfer of nothing tells whether the handle was opened for it. */
static void fd_stat_disk(HANDLE h, struct plug__stat *st)
{
    BY_HANDLE_FILE_INFORMATION info;
    DWORD n;
    char none = 0;
    st->kind = PLUG__KIND_FILE;
    st->readable = ReadFile(h, &none, 0, &n, NULL) != 0;
    st->writable = WriteFile(h, &none, 0, &n, NULL) != 0;
    if (!GetFileInformationByHandle(h, &info))
        return;
    st->size = (int64_t)((uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow);
    if (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
        st->kind = PLUG__KIND_DIR;
}

static void fd_stat_pipe(HANDLE h, struct plug__stat *st)
{
    DWORD mode = 0;
    st->kind = PLUG__KIND_PIPE;
    st->readable =
        PeekNamedPipe(h, NULL, 0, NULL, NULL, NULL) || GetLastError() == ERROR_BROKEN_PIPE;
    st->writable = !st->readable; /* unnamed pipes go one way */
    if (GetNamedPipeHandleStateW(h, &mode, NULL, NULL, NULL, NULL, 0))
        st->nonblock = (mode & PIPE_NOWAIT) != 0;
}

static void fd_stat_char(HANDLE h, struct plug__stat *st)
{
    DWORD mode, events;
    st->kind = GetConsoleMode(h, &mode) ? PLUG__KIND_TTY : PLUG__KIND_CHAR;
    st->readable = st->kind == PLUG__KIND_CHAR || GetNumberOfConsoleInputEvents(h, &events);
    st->writable = st->kind == PLUG__KIND_CHAR || !st->readable;
}

int plug__os_fstat(plug_handle h, struct plug__stat *ret, int *reterr_os)
{
    struct plug__stat st = {0};
    HANDLE handle = plug__win_handle(h);
    if (plug__win_is_socket(h)) {
        fd_stat_socket(h, &st);
        *ret = st;
        return 0;
    }
    switch (GetFileType(handle)) {
    case FILE_TYPE_DISK:
        fd_stat_disk(handle, &st);
        break;
    case FILE_TYPE_PIPE:
        fd_stat_pipe(handle, &st);
        break;
    case FILE_TYPE_CHAR:
        fd_stat_char(handle, &st);
        break;
    default:
        return plug__win_last(reterr_os);
    }
    *ret = st;
    return 0;
}

int plug__os_stdio(int n, plug_handle *ret, int *reterr_os)
{
    static const DWORD ids[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    if (n < 0 || n > 2)
        return PLUG_EINVAL;
    HANDLE h = GetStdHandle(ids[n]);
    if (h == INVALID_HANDLE_VALUE)
        return plug__win_last(reterr_os);
    if (!h)
        return PLUG_EINVAL; /* a program without a console */
    *ret = (plug_handle)h;
    return 0;
}

static DWORD fd_access(unsigned flags)
{
    DWORD access = 0;
    if (flags & PLUG__O_READ)
        access |= GENERIC_READ;
    if (flags & PLUG__O_APPEND)
        access |=
            FILE_APPEND_DATA | SYNCHRONIZE; /* without WRITE_DATA each write goes to the end */
    else if (flags & PLUG__O_WRITE)
        access |= GENERIC_WRITE;
    return access ? access : GENERIC_READ;
}

static DWORD fd_disposition(unsigned flags)
{
    if (flags & PLUG__O_CREATE) {
        if (flags & PLUG__O_EXCL)
            return CREATE_NEW;
        return flags & PLUG__O_TRUNC ? CREATE_ALWAYS : OPEN_ALWAYS;
    }
    return flags & PLUG__O_TRUNC ? TRUNCATE_EXISTING : OPEN_EXISTING;
}

static int fd_open_failed(const wchar_t *path, int *reterr_os)
{
    int code = plug__win_last(reterr_os);
    DWORD attr = GetFileAttributesW(path);
    if (code == PLUG_EACCES && attr != INVALID_FILE_ATTRIBUTES && (attr & FILE_ATTRIBUTE_DIRECTORY))
        return PLUG_EISDIR;
    return code;
}

static int fd_is_link(HANDLE h)
{
    BY_HANDLE_FILE_INFORMATION info;
    return GetFileInformationByHandle(h, &info) &&
           (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT);
}

int plug__os_open(plug_handle *ret, const char *path, unsigned flags, unsigned mode, int *reterr_os)
{
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    wchar_t wide[PLUG__WIN_PATH];
    DWORD attr = FILE_ATTRIBUTE_NORMAL;
    int rc = flags & PLUG__O_NOATIME ? PLUG_ENOTSUP : plug__win_wide(path, wide, PLUG__WIN_PATH);
    if (rc < 0)
        return rc;
    if ((flags & PLUG__O_CREATE) && !(mode & 0200))
        attr = FILE_ATTRIBUTE_READONLY;
    if (flags & (PLUG__O_SYNC | PLUG__O_DSYNC | PLUG__O_RSYNC))
        attr |= FILE_FLAG_WRITE_THROUGH;
    if (flags & PLUG__O_NOFOLLOW)
        attr |= FILE_FLAG_OPEN_REPARSE_POINT;
    HANDLE h = CreateFileW(wide, fd_access(flags), share, NULL, fd_disposition(flags), attr, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return fd_open_failed(wide, reterr_os);
    if ((flags & PLUG__O_NOFOLLOW) && fd_is_link(h)) {
        (void)CloseHandle(h);
        return PLUG_ELOOP;
    }
    *ret = (plug_handle)h;
    return 0;
}

/* The first piece that is not empty: ReadFile and WriteFile take one. NULL when all are empty. */
static const struct plug_iov *fd_piece(const struct plug_iov *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (v[i].len > 0)
            return &v[i];
    return NULL;
}

static DWORD fd_len(size_t len)
{
    return len < INT_MAX ? (DWORD)len : INT_MAX;
}

/* 0 when a read would not block. */
static int fd_readable(HANDLE h)
{
    DWORD bytes = 0;
    switch (GetFileType(h)) {
    case FILE_TYPE_PIPE:
        if (PeekNamedPipe(h, NULL, 0, NULL, &bytes, NULL))
            return bytes > 0 ? 0 : PLUG_EAGAIN;
        return GetLastError() == ERROR_BROKEN_PIPE ? PLUG_EOF : 0;
    case FILE_TYPE_CHAR:
        return WaitForSingleObject(h, 0) == WAIT_TIMEOUT ? PLUG_EAGAIN : 0;
    default:
        return 0;
    }
}

static int64_t fd_read_file(HANDLE h, const struct plug_iov *piece, int *reterr_os)
{
    DWORD got = 0;
    int rc = fd_readable(h);
    if (rc < 0)
        return rc;
    if (ReadFile(h, piece->base, fd_len(piece->len), &got, NULL))
        return got > 0 ? (int64_t)got : PLUG_EOF;
    if (GetLastError() == ERROR_NO_DATA)
        return PLUG_EAGAIN; /* an empty pipe in no-wait mode */
    rc = plug__win_last(reterr_os);
    return rc == PLUG_EPIPE ? PLUG_EOF : rc;
}

int64_t plug__os_read(plug_handle h, const struct plug_iov *v, unsigned n, int *reterr_os)
{
    const struct plug_iov *piece = fd_piece(v, n);
    if (!piece)
        return 0;
    if (!plug__win_is_socket(h))
        return fd_read_file(plug__win_handle(h), piece, reterr_os);
    struct plug_iov one = *piece;
    struct plug_msg m = {.iov = &one, .niov = 1};
    int rc = plug__os_recv(h, &m, 1, 1, reterr_os);
    return rc < 0 ? rc : (int64_t)m.len;
}

int64_t plug__os_write(plug_handle h, const struct plug_iov *v, unsigned n, int *reterr_os)
{
    const struct plug_iov *piece = fd_piece(v, n);
    DWORD put = 0;
    if (!piece)
        return 0;
    if (plug__win_is_socket(h)) {
        struct plug_iov one = *piece;
        struct plug_msg m = {.iov = &one, .niov = 1};
        int rc = plug__os_send(h, &m, 1, 0, reterr_os);
        return rc < 0 ? rc : (int64_t)m.len;
    }
    if (!WriteFile(plug__win_handle(h), piece->base, fd_len(piece->len), &put, NULL))
        return plug__win_last(reterr_os);
    return put > 0 ? (int64_t)put : PLUG_EAGAIN; /* a full pipe in no-wait mode takes nothing */
}

int plug__os_pipe(plug_handle ret[2], int nonblock, int *reterr_os)
{
    HANDLE in, out;
    if (!CreatePipe(&in, &out, NULL, FD_PIPE))
        return plug__win_last(reterr_os);
    int rc = nonblock ? plug__os_nonblock((plug_handle)in, 1, reterr_os) : 0;
    if (rc == 0 && nonblock)
        rc = plug__os_nonblock((plug_handle)out, 1, reterr_os);
    if (rc < 0) {
        (void)CloseHandle(in);
        (void)CloseHandle(out);
        return rc;
    }
    ret[0] = (plug_handle)in;
    ret[1] = (plug_handle)out;
    return 0;
}

int64_t plug__os_seek(plug_handle h, int64_t to, int whence, int *reterr_os)
{
    static const DWORD whences[] = {FILE_BEGIN, FILE_CURRENT, FILE_END};
    LARGE_INTEGER where = {.QuadPart = to}, now;
    if (whence < 0 || whence > 2)
        return PLUG_EINVAL;
    if (!SetFilePointerEx(plug__win_handle(h), where, &now, whences[whence]))
        return plug__win_last(reterr_os);
    return now.QuadPart;
}

int plug__os_truncate(plug_handle h, int64_t size, int *reterr_os)
{
    FILE_END_OF_FILE_INFO info = {.EndOfFile = {.QuadPart = size}};
    if (!SetFileInformationByHandle(plug__win_handle(h), FileEndOfFileInfo, &info, sizeof info))
        return plug__win_last(reterr_os);
    return 0;
}

int plug__os_lock(plug_handle h, int exclusive, int wait, int *reterr_os)
{
    OVERLAPPED at = {0};
    DWORD flags = (exclusive ? (DWORD)LOCKFILE_EXCLUSIVE_LOCK : 0) |
                  (wait ? 0 : (DWORD)LOCKFILE_FAIL_IMMEDIATELY);
    if (LockFileEx(plug__win_handle(h), flags, 0, MAXDWORD, MAXDWORD, &at))
        return 0;
    int held = GetLastError() == ERROR_IO_PENDING;
    int code = plug__win_last(reterr_os);
    return held ? PLUG_EBUSY : code;
}

/* Windows has one kind of lock, which is of this kind. */
int plug__os_lock_record(plug_handle h, int exclusive, int *reterr_os)
{
    return plug__os_lock(h, exclusive, 0, reterr_os);
}

static int fd_dup_socket(plug_handle h, plug_handle *ret, int *reterr_os)
{
    const DWORD flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    WSAPROTOCOL_INFOW info;
    if (WSADuplicateSocketW(plug__win_socket(h), GetCurrentProcessId(), &info) == SOCKET_ERROR)
        return plug__win_wsa(reterr_os);
    SOCKET s =
        WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, flags);
    if (s == INVALID_SOCKET)
        return plug__win_wsa(reterr_os);
    *ret = (plug_handle)s;
    return 0;
}

int plug__os_dup(plug_handle h, plug_handle *ret, int *reterr_os)
{
    HANDLE self = GetCurrentProcess(), copy;
    if (plug__win_is_socket(h))
        return fd_dup_socket(h, ret, reterr_os);
    if (!DuplicateHandle(self, plug__win_handle(h), self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return plug__win_last(reterr_os);
    *ret = (plug_handle)copy;
    return 0;
}

void plug__os_not_inherited(plug_handle h)
{
    (void)SetHandleInformation(plug__win_handle(h), HANDLE_FLAG_INHERIT, 0);
}

int plug__os_nonblock(plug_handle h, int on, int *reterr_os)
{
    u_long flag = on != 0;
    DWORD mode = PIPE_READMODE_BYTE | (on ? PIPE_NOWAIT : PIPE_WAIT);
    if (plug__win_is_socket(h))
        return plug__win_check(ioctlsocket(plug__win_socket(h), (long)FIONBIO, &flag), reterr_os);
    if (GetFileType(plug__win_handle(h)) != FILE_TYPE_PIPE)
        return PLUG_ENOTSUP;
    if (!SetNamedPipeHandleState(plug__win_handle(h), &mode, NULL, NULL))
        return plug__win_last(reterr_os);
    return 0;
}

/* Handles are limited by memory only; this is what the defaults reckon with. */
int plug__os_fd_limit(void)
{
    return FD_LIMIT;
}

int plug__os_raise_fd_limit(void)
{
    return FD_LIMIT;
}

int plug__os_isatty(plug_handle h)
{
    DWORD mode;
    return GetConsoleMode(plug__win_handle(h), &mode) != 0;
}

int plug__os_columns(plug_handle h)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!GetConsoleScreenBufferInfo(plug__win_handle(h), &info))
        return 80;
    int n = info.srWindow.Right - info.srWindow.Left + 1;
    return n > 0 ? n : 80;
}

/* SPDX-License-Identifier: MIT
 *
 * What is done to a name in the file system without opening it.
 * Owners and named pipes as files do not exist here: ENOTSUP.
 */
#include "os/win/win.h"

#define PATH_TAG_AF_UNIX 0x80000023u /* IO_REPARSE_TAG_AF_UNIX */

static enum plug__kind path_kind(const WIN32_FIND_DATAW *found)
{
    if ((found->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
        found->dwReserved0 == PATH_TAG_AF_UNIX)
        return PLUG__KIND_SOCKET;
    return found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? PLUG__KIND_DIR : PLUG__KIND_FILE;
}

int plug__os_stat(const char *path, struct plug__stat *ret, int *reterr_os)
{
    wchar_t wide[PLUG__WIN_PATH];
    WIN32_FIND_DATAW found;
    int rc = plug__win_wide(path, wide, PLUG__WIN_PATH);
    if (rc < 0)
        return rc;
    if (wcspbrk(wide, L"*?"))
        return PLUG_ENOENT; /* a pattern to FindFirstFile, and never a name */
    HANDLE h = FindFirstFileW(wide, &found);
    if (h == INVALID_HANDLE_VALUE)
        return plug__win_last(reterr_os);
    (void)FindClose(h);
    *ret = (struct plug__stat){
        .kind = path_kind(&found),
        .size = (int64_t)((uint64_t)found.nFileSizeHigh << 32 | found.nFileSizeLow)};
    return 0;
}

/* There are only stream sockets. */
int plug__os_unix_type(const char *path)
{
    struct plug__stat st;
    return plug__os_stat(path, &st, NULL) >= 0 && st.kind == PLUG__KIND_SOCKET ? PLUG_STREAM : 0;
}

int plug__os_mkfifo(const char *path, unsigned mode, int *reterr_os)
{
    (void)path;
    (void)mode;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_unlink(const char *path, int *reterr_os)
{
    wchar_t wide[PLUG__WIN_PATH];
    int rc = plug__win_wide(path, wide, PLUG__WIN_PATH);
    if (rc < 0)
        return rc;
    return DeleteFileW(wide) ? 0 : plug__win_last(reterr_os);
}

/* Windows knows one of the bits: whether the owner may write. */
int plug__os_chmod(const char *path, unsigned mode, int *reterr_os)
{
    wchar_t wide[PLUG__WIN_PATH];
    int rc = plug__win_wide(path, wide, PLUG__WIN_PATH);
    if (rc < 0)
        return rc;
    DWORD attr = GetFileAttributesW(wide);
    if (attr == INVALID_FILE_ATTRIBUTES)
        return plug__win_last(reterr_os);
    attr = mode & 0200 ? attr & ~(DWORD)FILE_ATTRIBUTE_READONLY : attr | FILE_ATTRIBUTE_READONLY;
    return SetFileAttributesW(wide, attr) ? 0 : plug__win_last(reterr_os);
}

int plug__os_fchmod(plug_handle h, unsigned mode, int *reterr_os)
{
    (void)h;
    (void)mode;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_fchown(plug_handle h, const char *user, const char *group, int *reterr_os)
{
    (void)h;
    (void)user;
    (void)group;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_umask(unsigned mask, unsigned *ret_old)
{
    (void)mask;
    (void)ret_old;
    return PLUG_ENOTSUP;
}

int plug__os_chown(const char *path, const char *user, const char *group, int *reterr_os)
{
    (void)path;
    (void)user;
    (void)group;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

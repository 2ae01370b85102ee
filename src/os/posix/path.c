/* SPDX-License-Identifier: MIT
 *
 * What is done to a name in the file system without opening it.
 * Descriptors are fd.c's.
 */
#include "os/posix/posix.h"
#include "util/alloc.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int plug__os_mkfifo(const char *path, unsigned mode, int *reterr_os)
{
    return plug__posix_check(mkfifo(path, (mode_t)mode), reterr_os);
}

int plug__os_unlink(const char *path, int *reterr_os)
{
    return plug__posix_check(unlink(path), reterr_os);
}

int plug__os_chmod(const char *path, unsigned mode, int *reterr_os)
{
    return plug__posix_check(chmod(path, (mode_t)mode), reterr_os);
}

/* A decimal id, or -1. */
static int64_t path_number(const char *s)
{
    char *end = NULL;
    if (*s < '0' || *s > '9')
        return -1;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 10);
    return errno != 0 || *end != '\0' || n >= UINT32_MAX ? -1 : (int64_t)n;
}

int64_t plug__posix_user(const char *name, char *buf)
{
    struct passwd pw, *found = NULL;
    int64_t id = path_number(name);
    if (id < 0 && getpwnam_r(name, &pw, buf, PLUG__NAMES, &found) == 0 && found)
        id = found->pw_uid;
    return id;
}

int64_t plug__posix_group(const char *name, char *buf)
{
    struct group gr, *found = NULL;
    int64_t id = path_number(name);
    if (id < 0 && getgrnam_r(name, &gr, buf, PLUG__NAMES, &found) == 0 && found)
        id = found->gr_gid;
    return id;
}

/* An id of -1 leaves the owner as it is. */
static int path_ids(const char *user, const char *group, uid_t *ret_uid, gid_t *ret_gid)
{
    char *buf = plug__malloc(PLUG__NAMES);
    if (!buf)
        return PLUG_ENOMEM;
    int64_t uid = user ? plug__posix_user(user, buf) : -1;
    int64_t gid = group ? plug__posix_group(group, buf) : -1;
    plug__free(buf);
    *ret_uid = (uid_t)uid;
    *ret_gid = (gid_t)gid;
    return (user && uid < 0) || (group && gid < 0) ? PLUG_ENOENT : 0;
}

int plug__os_chown(const char *path, const char *user, const char *group, int *reterr_os)
{
    uid_t uid;
    gid_t gid;
    int r = path_ids(user, group, &uid, &gid);
    return r < 0 ? r : plug__posix_check(chown(path, uid, gid), reterr_os);
}

int plug__os_fchown(plug_handle h, const char *user, const char *group, int *reterr_os)
{
    uid_t uid;
    gid_t gid;
    int r = path_ids(user, group, &uid, &gid);
    return r < 0 ? r : plug__posix_check(fchown((int)h, uid, gid), reterr_os);
}

int plug__os_fchmod(plug_handle h, unsigned mode, int *reterr_os)
{
    return plug__posix_check(fchmod((int)h, (mode_t)mode), reterr_os);
}

int plug__os_umask(unsigned mask, unsigned *ret_old)
{
    *ret_old = (unsigned)umask((mode_t)mask);
    return 0;
}

int plug__os_symlink(const char *target, const char *path, int *reterr_os)
{
    return plug__posix_check(symlink(target, path), reterr_os);
}

int plug__os_readlink(const char *path, char *buf, size_t len, int *reterr_os)
{
    ssize_t n = len > 0 ? readlink(path, buf, len - 1) : -1;
    if (n < 0)
        return plug__posix_fail(reterr_os);
    buf[n] = '\0';
    return (int)n;
}

int plug__os_columns(plug_handle h)
{
    struct winsize w = {0};
    return ioctl((int)h, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

/* SPDX-License-Identifier: MIT
 *
 * Terminals and serial lines: this system has other ones, which plug does not drive yet.
 * Every call says so.
 */
#include "os/win/win.h"

int plug__os_tty_get(plug_handle h, struct plug__tty *ret, int *reterr_os)
{
    (void)h;
    (void)ret;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_tty_set(plug_handle h, const struct plug__tty *t, int always, int *reterr_os)
{
    (void)h;
    (void)t;
    (void)always;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_tty_option(struct plug__tty *t, const char *name, int64_t value)
{
    (void)t;
    (void)name;
    (void)value;
    return PLUG_ENOTSUP;
}

int plug__os_tty_flag(const struct plug__tty *t, const char *name)
{
    (void)t;
    (void)name;
    return 0;
}

int plug__os_tty_char(const struct plug__tty *t, const char *name)
{
    (void)t;
    (void)name;
    return -1;
}

int plug__os_tty_size(plug_handle h, struct plug__winsize *ret, int *reterr_os)
{
    (void)h;
    (void)ret;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_tty_resize(plug_handle h, const struct plug__winsize *size, int *reterr_os)
{
    (void)h;
    (void)size;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_tty_lines(plug_handle h, unsigned on, unsigned off, int *reterr_os)
{
    (void)h;
    (void)on;
    (void)off;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_tty_path(const char *path)
{
    (void)path;
    return 0;
}

int plug__os_pty_open(plug_handle *ret, char *name, size_t len, int *reterr_os)
{
    (void)ret;
    (void)name;
    (void)len;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_pty_used(plug_handle master)
{
    (void)master;
    return 0;
}

int plug__os_symlink(const char *target, const char *path, int *reterr_os)
{
    (void)target;
    (void)path;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

int plug__os_readlink(const char *path, char *buf, size_t len, int *reterr_os)
{
    (void)path;
    (void)buf;
    (void)len;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

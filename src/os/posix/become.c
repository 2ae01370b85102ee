/* SPDX-License-Identifier: MIT
 *
 * What a child becomes before its program starts: namespace, root, folder, mask, groups, user. The
 * parent looks everything up, the child only does it; nothing here changes the parent.
 */
#include "os/posix/posix.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BECOME_GROUPS = 65536 }; /* the kernel's own limit of further groups */

static int become_fail(const char **reterr_step, const char *step, int os)
{
    if (reterr_step)
        *reterr_step = step;
    return os;
}

/* ---- in the parent ---- */

static int become_env(struct plug__becoming *b, const char *name, const char *value)
{
    size_t i = 0, room = strlen(name) + strlen(value) + 2;
    while (b->env[i])
        i++;
    char *text = plug__malloc(room);
    if (!text)
        return ENOMEM;
    (void)snprintf(text, room, "%s=%s", name, value);
    b->env[i] = text;
    return 0;
}

static int become_user_env(struct plug__becoming *b, const struct passwd *pw)
{
    int rc = become_env(b, "HOME", pw->pw_dir);
    if (rc == 0)
        rc = become_env(b, "USER", pw->pw_name);
    if (rc == 0)
        rc = become_env(b, "LOGNAME", pw->pw_name);
    if (rc == 0)
        rc = become_env(b, "SHELL", pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh");
    return rc;
}

/* The user's groups, as a login gives them. */
static int become_groups(struct plug__becoming *b, const struct passwd *pw)
{
    int n = 64;
    for (;;) {
        gid_t *list = plug__calloc((size_t)n, sizeof *list);
        int got = n;
        if (!list)
            return ENOMEM;
        if (getgrouplist(pw->pw_name, pw->pw_gid, list, &got) >= 0) {
            b->groups = list;
            b->ngroups = got;
            return 0;
        }
        plug__free(list);
        n = got > n ? got : n * 2;
        if (n > BECOME_GROUPS)
            return EINVAL;
    }
}

static int become_find_user(struct plug__becoming *b, const char *name, char *buf)
{
    struct passwd pw, *found = NULL;
    int64_t id = plug__posix_user(name, buf);
    if (id < 0 || getpwuid_r((uid_t)id, &pw, buf, PLUG__NAMES, &found) != 0 || !found)
        return ENOENT;
    b->uid = pw.pw_uid;
    b->gid = pw.pw_gid;
    b->set_uid = b->set_gid = b->set_groups = 1;
    b->user_step = "su";
    int rc = become_groups(b, &pw);
    return rc ? rc : become_user_env(b, &pw);
}

/* An id alone: without its groups, for those of the parent would be too much. */
static int become_find_ids(struct plug__becoming *b, const struct plug__become *how, char *buf,
                           const char **step)
{
    int64_t id;
    if (how->gid) {
        *step = "setgid";
        if ((id = plug__posix_group(how->gid, buf)) < 0)
            return ENOENT;
        b->gid = (gid_t)id;
        b->set_gid = b->set_groups = 1;
    }
    if (how->uid) {
        *step = "setuid";
        if ((id = plug__posix_user(how->uid, buf)) < 0)
            return ENOENT;
        b->uid = (uid_t)id;
        b->set_uid = b->set_groups = 1;
        b->user_step = "setuid";
    }
    return 0;
}

/* As `ip netns` keeps them. */
static int become_find_netns(struct plug__becoming *b, const char *name)
{
    char path[256];
    int n = snprintf(path, sizeof path, "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
    if (n < 0 || (size_t)n >= sizeof path)
        return ENAMETOOLONG;
    b->netns = open(path, O_RDONLY | O_CLOEXEC);
    return b->netns < 0 ? errno : 0;
}

static int become_find(struct plug__becoming *b, const struct plug__become *how, char *buf,
                       const char **step)
{
    int rc = 0;
    *step = "netns";
    if (how->netns)
        rc = become_find_netns(b, how->netns);
    if (rc == 0 && how->user) {
        *step = "su";
        rc = become_find_user(b, how->user, buf);
    }
    if (rc == 0)
        rc = become_find_ids(b, how, buf, step);
    if (rc == 0 && how->path) {
        *step = "path";
        rc = become_env(b, "PATH", how->path);
    }
    return rc;
}

int plug__becoming_find(struct plug__becoming *b, const struct plug__spawn *how,
                        const char **reterr_step)
{
    const char *step = NULL;
    *b = (struct plug__becoming){.how = how, .netns = -1};
    if (!how->become)
        return 0;
    char *buf = plug__malloc(PLUG__NAMES);
    int rc = buf ? become_find(b, how->become, buf, &step) : ENOMEM;
    plug__free(buf);
    return rc ? become_fail(reterr_step, step, rc) : 0;
}

void plug__becoming_drop(struct plug__becoming *b)
{
    if (b->netns >= 0)
        plug__posix_close(b->netns);
    plug__free(b->groups);
    for (int i = 0; i < PLUG__BECOME_ENV && b->env[i]; i++)
        plug__free((void *)(uintptr_t)b->env[i]);
    *b = (struct plug__becoming){.netns = -1};
}

static int become_known(int64_t (*find)(const char *, char *), const char *name)
{
    char *buf = plug__malloc(PLUG__NAMES);
    if (!buf)
        return PLUG_ENOMEM;
    int64_t id = find(name, buf);
    plug__free(buf);
    return id < 0 ? PLUG_ENOENT : 0;
}

int plug__os_user_known(const char *name)
{
    return become_known(plug__posix_user, name);
}

int plug__os_group_known(const char *name)
{
    return become_known(plug__posix_group, name);
}

/* ---- in the child ---- */

static int become_root(const char *path, const char *step, const char **reterr_step)
{
    if (path && (chroot(path) < 0 || chdir("/") < 0))
        return become_fail(reterr_step, step, errno);
    return 0;
}

static int become_place(const struct plug__becoming *b, const char **reterr_step)
{
    static const struct plug__become nothing;
    const struct plug__become *how = b->how->become ? b->how->become : &nothing;
    int rc;
    if (b->netns >= 0 && plug__child_netns(b->netns) < 0)
        return become_fail(reterr_step, "netns", errno);
    if ((rc = become_root(how->chroot_early, "chroot-early", reterr_step)) != 0)
        return rc;
    if (how->umask > 0)
        (void)umask((mode_t)(how->umask - 1));
    if ((rc = become_root(how->chroot, "chroot", reterr_step)) != 0)
        return rc;
    if (b->how->chdir && chdir(b->how->chdir) < 0)
        return become_fail(reterr_step, "chdir", errno);
    return 0;
}

static int become_session(const struct plug__spawn *how, const char **reterr_step)
{
    if (how->setsid && setsid() < 0)
        return become_fail(reterr_step, "setsid", errno);
    if (!how->setsid && how->new_group && setpgid(0, 0) < 0)
        return become_fail(reterr_step, "setpgid", errno);
    if (how->ctty && ioctl((int)(how->in >= 0 ? how->in : how->out), TIOCSCTTY, 0) < 0)
        return become_fail(reterr_step, "ctty", errno);
    return 0;
}

/* Who changes nothing may keep the groups it has, which it has no right to put down. */
static int become_keeps(const struct plug__becoming *b)
{
    return errno == EPERM && (!b->set_uid || b->uid == getuid()) &&
           (!b->set_gid || b->gid == getgid());
}

static int become_user(const struct plug__becoming *b, const char **reterr_step)
{
    const char *step = b->user_step ? b->user_step : "setgid";
    if (b->set_groups && setgroups((size_t)b->ngroups, b->groups) < 0 && !become_keeps(b))
        return become_fail(reterr_step, step, errno);
    if (b->set_gid && setgid(b->gid) < 0)
        return become_fail(reterr_step, b->how->become->gid ? "setgid" : step, errno);
    if (b->set_uid && setuid(b->uid) < 0)
        return become_fail(reterr_step, step, errno);
    return 0;
}

int plug__becoming_do(const struct plug__becoming *b, const char **reterr_step)
{
    int rc = become_place(b, reterr_step);
    if (rc == 0)
        rc = become_session(b->how, reterr_step);
    return rc ? rc : become_user(b, reterr_step);
}

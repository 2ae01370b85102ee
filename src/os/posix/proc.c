/* SPDX-License-Identifier: MIT
 *
 * Child processes by posix_spawn, which tells a failed exec in the parent.
 * It deliberately installs no SIGCHLD handler: an end is seen by a handle or by asking.
 */
#include "os/posix/posix.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Everything that a spawn holds until it is over. */
struct proc_plan {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    char **argv, **env;
    int moved[3]; /* handles that lay among the child's numbers, copied out of the way */
};

static size_t proc_count(const char *const *v)
{
    size_t n = 0;
    while (v && v[n])
        n++;
    return n;
}

/* execve promises not to write to the strings; only its type says otherwise. */
static char *proc_str(const char *s)
{
    union {
        const char *in;
        char *out;
    } u = {.in = s};
    return u.out;
}

static char **proc_argv(const struct plug__spawn *how)
{
    const char *const shell[] = {"sh", "-c", how->shell, NULL};
    const char *const *from = how->shell ? shell : how->argv;
    size_t n = proc_count(from);
    char **argv = plug__calloc(n + 1, sizeof *argv);
    if (!argv)
        return NULL;
    for (size_t i = 0; i < n; i++)
        argv[i] = proc_str(from[i]);
    if (how->dash)
        argv[0] = proc_str(how->dash);
    return argv;
}

static int proc_same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

static int proc_replaced(const char *old, const char *const *added)
{
    for (; *added; added++)
        if (proc_same_name(*added, old))
            return 1;
    return 0;
}

static char **proc_env(const char *const *added)
{
    size_t have = 0, n = 0;
    while (environ && environ[have])
        have++;
    char **env = plug__calloc(have + proc_count(added) + 1, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < have; i++)
        if (!proc_replaced(environ[i], added))
            env[n++] = environ[i];
    while (*added)
        env[n++] = proc_str(*added++);
    return env;
}

/* dup2 one after another would overwrite a handle that a later one still needs, so handles that lie
 * among the child's numbers are first copied above them. */
static int proc_files(struct proc_plan *p, const struct plug__spawn *how)
{
    const plug_handle from[3] = {how->in, how->out, how->err};
    const int to[3] = {how->in_fd > 0 ? how->in_fd : 0, how->out_fd > 0 ? how->out_fd : 1, 2};
    int top = 3;
    for (int i = 0; i < 3; i++)
        if (to[i] >= top)
            top = to[i] + 1;
    for (int i = 0; i < 3; i++) {
        int fd = (int)from[i];
        if (from[i] == PLUG_NO_HANDLE)
            continue;
        if (fd < top && (p->moved[i] = fd = fcntl(fd, F_DUPFD_CLOEXEC, top)) < 0)
            return errno;
        int rc = posix_spawn_file_actions_adddup2(&p->files, fd, to[i]);
        if (rc != 0)
            return rc;
    }
    return how->chdir ? posix_spawn_file_actions_addchdir_np(&p->files, how->chdir) : 0;
}

static int proc_attr(struct proc_plan *p, const struct plug__spawn *how)
{
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    if (how->setsid)
        flags |= POSIX_SPAWN_SETSID;
    else if (how->new_group)
        flags |= POSIX_SPAWN_SETPGROUP;
    (void)posix_spawnattr_setsigdefault(&p->attr, &all);
    (void)posix_spawnattr_setsigmask(&p->attr, &none);
    (void)posix_spawnattr_setpgroup(&p->attr, 0);
    return posix_spawnattr_setflags(&p->attr, flags);
}

static int proc_start(struct proc_plan *p, const struct plug__spawn *how, pid_t *ret)
{
    const char *file = how->shell ? "/bin/sh" : how->argv[0];
    int rc = proc_files(p, how);
    if (rc == 0)
        rc = proc_attr(p, how);
    if (rc == 0)
        rc = posix_spawnp(ret, file, &p->files, &p->attr, p->argv, p->env ? p->env : environ);
    return rc;
}

static int proc_run(struct proc_plan *p, const struct plug__spawn *how, pid_t *ret)
{
    int rc = posix_spawn_file_actions_init(&p->files);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&p->attr);
    if (rc == 0) {
        rc = proc_start(p, how, ret);
        (void)posix_spawnattr_destroy(&p->attr);
    }
    (void)posix_spawn_file_actions_destroy(&p->files);
    for (int i = 0; i < 3; i++)
        if (p->moved[i] >= 0)
            plug__posix_close(p->moved[i]);
    return rc;
}

int plug__os_spawn(const struct plug__spawn *how, struct plug__child *ret, int *reterr_os)
{
    struct proc_plan p = {.moved = {-1, -1, -1}};
    pid_t pid = 0;
    int rc = ENOMEM;
    if (!how->shell && (!how->argv || !how->argv[0]))
        return PLUG_EINVAL;
    p.argv = proc_argv(how);
    if (!p.argv || (how->env && !(p.env = proc_env(how->env))))
        goto cleanup;
    rc = proc_run(&p, how, &pid);
cleanup:
    plug__free(p.argv);
    plug__free(p.env);
    if (rc != 0) {
        if (reterr_os)
            *reterr_os = rc;
        return rc == EAGAIN ? PLUG_ELIMIT : plug__os_code(rc); /* EAGAIN: too many processes */
    }
    *ret = (struct plug__child){.pid = pid};
    plug__child_watch(ret);
    return 0;
}

int plug__os_wait(const struct plug__child *c, int *ret_status)
{
    int status = 0;
    pid_t got;
    do {
        got = waitpid((pid_t)c->pid, &status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return PLUG_EAGAIN;
    if (got < 0)
        return plug__posix_fail(NULL);
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

int plug__os_kill(const struct plug__child *c, int sig)
{
    return plug__posix_check(plug__child_kill(c, sig ? sig : SIGTERM), NULL);
}

int64_t plug__os_pid(void)
{
    return getpid();
}

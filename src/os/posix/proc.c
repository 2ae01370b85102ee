/* SPDX-License-Identifier: MIT
 *
 * Child processes: by posix_spawn, or by fork where the child has to become something first. Both
 * tell a failed exec in the parent.
 * It deliberately installs no SIGCHLD handler: an end is seen by a handle or by asking.
 */
#include "os/posix/posix.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Everything that a spawn holds until it is over. */
struct proc_plan {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    char **argv, **env;
    int from[3], to[3]; /* the child's numbers and what they are copied from; -1: inherited */
    int moved[3];       /* handles that lay among the child's numbers, copied out of the way */
    int top;            /* no number of the child's is as high */
    struct plug__becoming becoming;
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
    for (; added && *added; added++)
        if (proc_same_name(*added, old))
            return 1;
    return 0;
}

/* Ours, but for what is added: by the caller, then by what the child becomes. */
static char **proc_env(const char *const *added, const char *const *more)
{
    size_t have = 0, n = 0;
    while (environ && environ[have])
        have++;
    char **env = plug__calloc(have + proc_count(added) + proc_count(more) + 1, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < have; i++)
        if (!proc_replaced(environ[i], added) && !proc_replaced(environ[i], more))
            env[n++] = environ[i];
    for (; added && *added; added++)
        if (!proc_replaced(*added, more))
            env[n++] = proc_str(*added);
    while (*more)
        env[n++] = proc_str(*more++);
    return env;
}

/* dup2 one after another would overwrite a handle that a later one still needs, so handles that lie
 * among the child's numbers are first copied above them. */
static int proc_files(struct proc_plan *p, const struct plug__spawn *how)
{
    const plug_handle from[3] = {how->in, how->out, how->err};
    const int to[3] = {how->in_fd > 0 ? how->in_fd : 0, how->out_fd > 0 ? how->out_fd : 1, 2};
    p->top = 3;
    for (int i = 0; i < 3; i++)
        if ((p->to[i] = to[i]) >= p->top)
            p->top = to[i] + 1;
    for (int i = 0; i < 3; i++) {
        p->from[i] = from[i] == PLUG_NO_HANDLE ? -1 : (int)from[i];
        if (p->from[i] < 0 || p->from[i] >= p->top)
            continue;
        p->from[i] = p->moved[i] = fcntl(p->from[i], F_DUPFD_CLOEXEC, p->top);
        if (p->moved[i] < 0)
            return errno;
    }
    return 0;
}

/* ---- by posix_spawn ---- */

static int proc_actions(struct proc_plan *p)
{
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        if (p->from[i] >= 0)
            rc = posix_spawn_file_actions_adddup2(&p->files, p->from[i], p->to[i]);
    return rc;
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

static const char *proc_program(const struct plug__spawn *how)
{
    return how->shell ? "/bin/sh" : how->argv[0];
}

static int proc_start(struct proc_plan *p, const struct plug__spawn *how, pid_t *ret)
{
    int rc = proc_actions(p);
    if (rc == 0)
        rc = proc_attr(p, how);
    if (rc == 0)
        rc = posix_spawnp(ret, proc_program(how), &p->files, &p->attr, p->argv,
                          p->env ? p->env : environ);
    return rc;
}

static int proc_spawn(struct proc_plan *p, const struct plug__spawn *how, pid_t *ret)
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
    return rc;
}

/* ---- by fork ---- */

/* What the child says when it could not become what it should. The step is a literal of the one
 * program that both still are. */
struct proc_report {
    int os;
    const char *step;
};

static void proc_signals_as_new(void)
{
    const struct sigaction normal = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int sig = 1; sig < NSIG; sig++)
        (void)sigaction(sig, &normal, NULL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* By a pointer: a coverage build writes its files before each exec that it sees, and here that
 * would be in another root and as another user. */
static int (*const volatile proc_exec)(const char *, char *const[]) = execvp;

static int proc_become(const struct proc_plan *p, const struct plug__spawn *how, const char **step)
{
    int rc = plug__becoming_do(&p->becoming, step);
    if (rc != 0)
        return rc;
    for (int i = 0; i < 3; i++)
        if (p->from[i] >= 0 && dup2(p->from[i], p->to[i]) < 0)
            return errno;
    if (p->env)
        environ = p->env; /* where execvp looks for PATH */
    (void)proc_exec(proc_program(how), p->argv);
    return errno;
}

/* Others may hold locks of the parent for ever: nothing but system calls from here on. */
static void proc_child(const struct proc_plan *p, const struct plug__spawn *how, int tell)
{
    struct proc_report report = {0};
    proc_signals_as_new();
    report.os = proc_become(p, how, &report.step);
    ssize_t put = write(tell, &report, sizeof report);
    _exit(put == (ssize_t)sizeof report ? 127 : 126);
}

/* Nothing comes when the program runs: the pipe is closed by exec. */
static int proc_outcome(int from, pid_t pid, const char **reterr_step)
{
    struct proc_report report;
    ssize_t got;
    do {
        got = read(from, &report, sizeof report);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof report)
        return 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (reterr_step && report.step)
        *reterr_step = report.step;
    return report.os;
}

/* No handler of the parent's program may run in the child. */
static pid_t proc_fork_quietly(const struct proc_plan *p, const struct plug__spawn *how, int tell)
{
    sigset_t all, old;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        proc_child(p, how, tell);
    int saved = errno;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return pid;
}

static int proc_fork(struct proc_plan *p, const struct plug__spawn *how, pid_t *ret)
{
    int tell[2], rc = 0;
    if (pipe2(tell, O_CLOEXEC) < 0)
        return errno;
    int above = fcntl(tell[1], F_DUPFD_CLOEXEC, p->top); /* not among the child's numbers */
    *ret = above < 0 ? -1 : proc_fork_quietly(p, how, above);
    if (*ret < 0)
        rc = errno;
    if (above >= 0)
        plug__posix_close(above);
    plug__posix_close(tell[1]);
    if (rc == 0)
        rc = proc_outcome(tell[0], *ret, how->reterr_step);
    plug__posix_close(tell[0]);
    return rc;
}

/* ---- the call ---- */

static int proc_prepare(struct proc_plan *p, const struct plug__spawn *how)
{
    int rc = plug__becoming_find(&p->becoming, how, how->reterr_step);
    if (rc != 0)
        return rc;
    p->argv = proc_argv(how);
    if (!p->argv)
        return ENOMEM;
    if ((how->env || p->becoming.env[0]) && !(p->env = proc_env(how->env, p->becoming.env)))
        return ENOMEM;
    return proc_files(p, how);
}

static int proc_run(struct proc_plan *p, const struct plug__spawn *how, pid_t *ret)
{
    int rc = proc_prepare(p, how);
    if (rc != 0)
        return rc;
    return how->become || how->chdir || how->ctty ? proc_fork(p, how, ret)
                                                  : proc_spawn(p, how, ret);
}

static void proc_drop(struct proc_plan *p)
{
    for (int i = 0; i < 3; i++)
        if (p->moved[i] >= 0)
            plug__posix_close(p->moved[i]);
    plug__becoming_drop(&p->becoming);
    plug__free(p->argv);
    plug__free(p->env);
}

static int proc_failed(int os, int *reterr_os)
{
    if (reterr_os)
        *reterr_os = os;
    return os == EAGAIN ? PLUG_ELIMIT : plug__os_code(os); /* EAGAIN: too many processes */
}

int plug__os_exec(const struct plug__spawn *how, int *reterr_os)
{
    struct proc_plan p = {.moved = {-1, -1, -1}, .becoming = {.netns = -1}};
    const char *step = NULL;
    char **env = environ;
    if (!how->shell && (!how->argv || !how->argv[0]))
        return PLUG_EINVAL;
    int rc = proc_prepare(&p, how);
    if (rc == 0) {
        proc_signals_as_new();
        rc = proc_become(&p, how, &step);
        environ = env;
        if (how->reterr_step && step)
            *how->reterr_step = step;
    }
    proc_drop(&p);
    return proc_failed(rc, reterr_os);
}

int plug__os_spawn(const struct plug__spawn *how, struct plug__child *ret, int *reterr_os)
{
    struct proc_plan p = {.moved = {-1, -1, -1}, .becoming = {.netns = -1}};
    pid_t pid = 0;
    if (!how->shell && (!how->argv || !how->argv[0]))
        return PLUG_EINVAL;
    int rc = proc_run(&p, how, &pid);
    proc_drop(&p);
    if (rc != 0)
        return proc_failed(rc, reterr_os);
    *ret = (struct plug__child){.pid = pid};
    plug__child_watch(ret);
    return 0;
}

const char *plug__os_shell(void)
{
    const char *shell = getenv("SHELL");
    return shell && *shell ? shell : "/bin/sh";
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
    return WIFSIGNALED(status) ? 1 : 0;
}

int plug__os_kill(const struct plug__child *c, int sig)
{
    return plug__posix_check(plug__child_kill(c, sig ? sig : SIGTERM), NULL);
}

int64_t plug__os_pid(void)
{
    return getpid();
}

/* SPDX-License-Identifier: MIT
 *
 * The command's signals as something to poll: signalfd.
 * The library never calls this; a program's signals are its own.
 */
#include "os/posix/posix.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void signal_add(sigset_t *set, int sig)
{
    struct sigaction old;
    /* nohup and a shell's `&` ignore HUP, INT and QUIT for their children: that is a wish. */
    if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
        return;
    sigaddset(set, sig);
}

/* SIGPIPE is ignored and blocked as well: with it blocked, a splice needs one call less (quiet.c).
 * An ignored SIGCHLD, which exec hands on, would have the kernel throw exit codes away. Nothing of
 * this reaches children: plug__os_spawn clears it. */
int plug__os_signals_open(plug_handle *ret, int *reterr_os)
{
    static const int caught[] = {SIGHUP, SIGINT, SIGQUIT};
    const struct sigaction ignore = {.sa_handler = SIG_IGN}, normal = {.sa_handler = SIG_DFL};
    sigset_t set, block;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        signal_add(&set, caught[i]);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGWINCH);
    block = set;
    sigaddset(&block, SIGPIPE);
    if (sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGCHLD, &normal, NULL) < 0 ||
        pthread_sigmask(SIG_BLOCK, &block, NULL) != 0)
        return plug__posix_fail(reterr_os);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return plug__posix_fail(reterr_os);
    *ret = fd;
    return 0;
}

int plug__os_signals_next(plug_handle h)
{
    struct signalfd_siginfo info;
    ssize_t n = read((int)h, &info, sizeof info);
    if (n != (ssize_t)sizeof info)
        return 0;
    return info.ssi_signo == SIGWINCH ? PLUG__SIGNAL_WINCH : (int)info.ssi_signo;
}

/* The signals stay blocked: one that waits now must not end a program that is ending anyway. */
void plug__os_signals_close(plug_handle h)
{
    plug__os_close(h);
}

void plug__os_die_by(int sig)
{
    const struct sigaction normal = {.sa_handler = SIG_DFL};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    (void)sigaction(sig, &normal, NULL);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(sig);
    _exit(128 + sig); /* a signal that does not end a process */
}

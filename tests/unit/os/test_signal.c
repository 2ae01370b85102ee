/* SPDX-License-Identifier: MIT
 *
 * The command's signals. Each case runs in a process of its own, since dispositions are the
 * process's.
 */
#include "pair.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int signal_in_child(int (*fn)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int signal_next(plug_handle h)
{
    struct plug__pollfd p = {.handle = h, .want = PLUG_IN};
    return plug__os_poll(&p, 1, PLUG_SECOND, NULL) == 1 ? plug__os_signals_next(h) : -1;
}

static int signal_told(void)
{
    plug_handle h;
    if (plug__os_signals_open(&h, NULL) < 0 || plug__os_signals_next(h) != 0)
        return 1;
    (void)raise(SIGTERM);
    (void)raise(SIGUSR1);
    int a = signal_next(h), b = signal_next(h);
    if (!((a == SIGTERM && b == SIGUSR1) || (a == SIGUSR1 && b == SIGTERM)))
        return 2;
    (void)raise(SIGPIPE);
    if (plug__os_signals_next(h) != 0)
        return 3;
    plug__os_signals_close(h);
    return 42;
}

static void test_signal__each_is_told_once(void **state)
{
    (void)state;
    assert_int_equal(signal_in_child(signal_told), 42);
}

static int signal_nohup(void)
{
    plug_handle h;
    (void)signal(SIGHUP, SIG_IGN);
    if (plug__os_signals_open(&h, NULL) < 0)
        return 1;
    (void)raise(SIGHUP);
    return plug__os_signals_next(h) == 0 ? 42 : 2;
}

static void test_signal__nohup_is_kept(void **state)
{
    (void)state;
    assert_int_equal(signal_in_child(signal_nohup), 42);
}

static int signal_die(void)
{
    plug_handle h;
    if (plug__os_signals_open(&h, NULL) < 0)
        return 1;
    plug__os_die_by(SIGINT);
    return 2;
}

static void test_signal__die_by_is_seen_by_the_parent(void **state)
{
    (void)state;
    assert_int_equal(signal_in_child(signal_die), 128 + SIGINT);
}

static int signal_child_codes(void)
{
    plug_handle h;
    struct plug__child c;
    struct plug__spawn how = {
        .shell = "exit 5", .in = PLUG_NO_HANDLE, .out = PLUG_NO_HANDLE, .err = PLUG_NO_HANDLE};
    int status = 0;
    (void)signal(SIGCHLD, SIG_IGN);
    if (plug__os_signals_open(&h, NULL) < 0 || plug__os_spawn(&how, &c, NULL) < 0)
        return 1;
    struct plug__pollfd p = {.handle = c.handle, .want = PLUG_IN};
    for (int i = 0; i < 10000 && plug__os_wait(&c, &status) == PLUG_EAGAIN; i++)
        (void)plug__os_poll(&p, 1, PLUG_MS, NULL);
    return status == 5 ? 42 : 3;
}

/* A parent that ignores SIGCHLD hands that on by exec; the kernel then drops exit codes. */
static void test_signal__ignored_sigchld_is_undone(void **state)
{
    (void)state;
    assert_int_equal(signal_in_child(signal_child_codes), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal__each_is_told_once),
        cmocka_unit_test(test_signal__nohup_is_kept),
        cmocka_unit_test(test_signal__die_by_is_seen_by_the_parent),
        cmocka_unit_test(test_signal__ignored_sigchld_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

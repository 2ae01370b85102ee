/* SPDX-License-Identifier: MIT
 *
 * Children: how they start, what they are given and how they end.
 * The children are small shell scripts.
 */
#include "pair.h"

#include "util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROC_OUT = 1024 };

static const struct plug__spawn proc_default = {
    .in = PLUG_NO_HANDLE, .out = PLUG_NO_HANDLE, .err = PLUG_NO_HANDLE};

/* Without a handle (older kernels, emulators, valgrind) one asks again and again. */
static int proc_status(const struct plug__child *c)
{
    struct plug__pollfd p = {.handle = c->handle, .want = PLUG_IN};
    plug_time end = plug__os_now() + PAIR_WAIT * PLUG_SECOND;
    int status = -1, rc;
    if (c->handle != PLUG_NO_HANDLE)
        pair_wait(c->handle, PLUG_IN);
    while ((rc = plug__os_wait(c, &status)) == PLUG_EAGAIN && c->handle == PLUG_NO_HANDLE) {
        assert_true(plug__os_now() < end);
        (void)plug__os_poll(&p, 1, PLUG_MS, NULL);
    }
    assert_int_equal(rc, status > 128); /* no test here exits with such a status itself */
    plug__os_close(c->handle);
    return status;
}

/* Runs it to the end, its output in out. Returns its status. */
static int proc_output(struct plug__spawn how, char out[PROC_OUT])
{
    plug_handle p[2];
    struct plug__child c;
    size_t n = 0;
    int64_t got;
    assert_int_equal(plug__os_pipe(p, 0, NULL), 0);
    how.out = p[1];
    assert_int_equal(plug__os_spawn(&how, &c, NULL), 0);
    plug__os_close(p[1]);
    do {
        struct plug_iov v = {out + n, PROC_OUT - 1 - n};
        got = plug__os_read(p[0], &v, 1, NULL);
        n += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    out[n] = '\0';
    plug__os_close(p[0]);
    return proc_status(&c);
}

static int proc_shell(const char *script, char out[PROC_OUT])
{
    struct plug__spawn how = proc_default;
    how.shell = script;
    return proc_output(how, out);
}

static void test_proc__exit_status(void **state)
{
    (void)state;
    char out[PROC_OUT];
    assert_int_equal(proc_shell("echo hi; exit 7", out), 7);
    assert_string_equal(out, "hi\n");
}

static void test_proc__program_from_path_with_arguments(void **state)
{
    (void)state;
    const char *argv[] = {"printf", "%s-%s", "a b", "*", NULL};
    struct plug__spawn how = proc_default;
    char out[PROC_OUT];
    how.argv = argv;
    assert_int_equal(proc_output(how, out), 0);
    assert_string_equal(out, "a b-*");
}

static void test_proc__program_that_is_not_there(void **state)
{
    (void)state;
    const char *argv[] = {"no-such-program-here", NULL};
    struct plug__spawn how = proc_default;
    struct plug__child c;
    int os = 0;
    how.argv = argv;
    assert_int_equal(plug__os_spawn(&how, &c, &os), PLUG_ENOENT);
    assert_int_equal(os, ENOENT);
    argv[0] = "/";
    assert_int_equal(plug__os_spawn(&how, &c, NULL), PLUG_EACCES);
    how.argv = NULL;
    assert_int_equal(plug__os_spawn(&how, &c, NULL), PLUG_EINVAL);
}

static void test_proc__wait_while_it_runs_then_kill(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    struct plug__child c;
    plug_handle p[2];
    int status;
    assert_int_equal(plug__os_pipe(p, 0, NULL), 0);
    how.shell = "read x";
    how.in = p[0];
    assert_int_equal(plug__os_spawn(&how, &c, NULL), 0);
    assert_int_equal(plug__os_wait(&c, &status), PLUG_EAGAIN);
    assert_int_equal(plug__os_kill(&c, 0), 0);
    assert_int_equal(proc_status(&c), 128 + SIGTERM);
    assert_int_equal(plug__os_wait(&c, &status), PLUG_ECHILD);
    pair_close(p);
}

static uint64_t proc_signals(const char *name)
{
    char script[64], out[PROC_OUT];
    (void)snprintf(script, sizeof script, "grep %s: /proc/self/status | cut -f2", name);
    assert_int_equal(proc_shell(script, out), 0);
    return strtoull(out, NULL, 16);
}

/* The child must not see what the parent's thread blocks or its program ignores. glibc's
 * posix_spawn leaves its own two (32, 33) ignored, which are no program's. */
static void test_proc__signals_are_as_new(void **state)
{
    (void)state;
    sigset_t all, old;
    (void)signal(SIGPIPE, SIG_IGN);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    uint64_t blocked = proc_signals("SigBlk"), ignored = proc_signals("SigIgn");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & ~(UINT64_C(3) << 31), 0);
}

static void test_proc__nothing_else_is_inherited(void **state)
{
    (void)state;
    plug_handle s[2], p[2], w[2];
    char out[PROC_OUT];
    pair_tcp(s);
    assert_int_equal(plug__os_pipe(p, 0, NULL), 0);
    assert_int_equal(plug__os_wake_open(w, NULL), 0);
    /* The runner's own files may be open above 2: ours are counted by what they are. */
    assert_int_equal(proc_shell("ls -l /proc/self/fd | grep -cE 'socket|eventfd'; :", out), 0);
    assert_string_equal(out, "0\n");
    pair_close(s);
    pair_close(p);
    plug__os_wake_close(w);
}

static void test_proc__environment_is_added_and_replaced(void **state)
{
    (void)state;
    const char *env[] = {"PLUG_A=new", "PLUG_B=b=c", NULL};
    struct plug__spawn how = proc_default;
    char out[PROC_OUT];
    assert_int_equal(setenv("PLUG_A", "old", 1), 0);
    assert_int_equal(setenv("PLUG_AA", "kept", 1), 0);
    how.shell = "echo $PLUG_A $PLUG_B $PLUG_AA; env | grep -c '^PLUG_A='";
    how.env = env;
    assert_int_equal(proc_output(how, out), 0);
    assert_string_equal(out, "new b=c kept\n1\n");
}

static void test_proc__folder_session_and_name(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    char out[PROC_OUT];
    how.shell = "pwd; echo $0; cut -d' ' -f6 /proc/$$/stat; echo $$";
    how.chdir = "/usr";
    how.dash = "-sh";
    how.setsid = 1;
    assert_int_equal(proc_output(how, out), 0);
    assert_memory_equal(out, "/usr\n-sh\n", 9);
    char *session = out + 9, *pid = strchr(session, '\n') + 1;
    assert_int_equal(strtol(session, NULL, 10), strtol(pid, NULL, 10));
}

static void test_proc__new_group(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    char out[PROC_OUT];
    how.shell = "cut -d' ' -f5 /proc/$$/stat; echo $$";
    how.new_group = 1;
    assert_int_equal(proc_output(how, out), 0);
    assert_int_equal(strtol(out, NULL, 10), strtol(strchr(out, '\n') + 1, NULL, 10));
}

static void test_proc__folder_that_is_not_there(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    struct plug__child c;
    how.shell = "true";
    how.chdir = "/no/such/folder";
    assert_int_equal(plug__os_spawn(&how, &c, NULL), PLUG_ENOENT);
}

static void test_proc__other_descriptor_numbers(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    plug_handle in[2];
    char out[PROC_OUT], bytes[] = "ping\n";
    struct plug_iov v = {bytes, 5};
    assert_int_equal(plug__os_pipe(in, 0, NULL), 0);
    assert_int_equal(plug__os_write(in[1], &v, 1, NULL), 5);
    how.shell = "read x <&5; echo got $x >&6";
    how.in = in[0];
    how.in_fd = 5;
    how.out_fd = 6;
    assert_int_equal(proc_output(how, out), 0);
    assert_string_equal(out, "got ping\n");
    pair_close(in);
}

/* The child's 0 is our 1 and its 1 our 0: dup2 one after the other would lose one of them. */
static void test_proc__crossed_numbers(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    struct plug__child c;
    plug_handle s[2], p[2];
    char buf[8];
    assert_int_equal(plug__os_pipe(s, 0, NULL), 0);
    assert_int_equal(plug__os_pipe(p, 0, NULL), 0);
    int keep0 = fcntl(0, F_DUPFD_CLOEXEC, 10), keep1 = fcntl(1, F_DUPFD_CLOEXEC, 10);
    assert_true(dup3((int)s[0], 1, O_CLOEXEC) == 1 && dup3((int)p[1], 0, O_CLOEXEC) == 0);
    how.shell = "read x; echo $x";
    how.in = 1;
    how.out = 0;
    ssize_t put = write((int)s[1], "ab\n", 3);
    int rc = plug__os_spawn(&how, &c, NULL);
    (void)(keep0 >= 0 ? dup2(keep0, 0) : close(0));
    (void)(keep1 >= 0 ? dup2(keep1, 1) : close(1));
    assert_int_equal(put, 3);
    assert_int_equal(rc, 0);
    assert_int_equal(proc_status(&c), 0);
    assert_int_equal(read((int)p[0], buf, sizeof buf), 3);
    pair_close(s);
    pair_close(p);
    (void)close(keep0);
    (void)close(keep1);
}

static void test_proc__errors_stream(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    struct plug__child c;
    plug_handle p[2];
    char buf[8];
    assert_int_equal(plug__os_pipe(p, 0, NULL), 0);
    how.shell = "echo oops >&2";
    how.err = p[1];
    assert_int_equal(plug__os_spawn(&how, &c, NULL), 0);
    assert_int_equal(proc_status(&c), 0);
    assert_int_equal(read((int)p[0], buf, sizeof buf), 5);
    pair_close(p);
}

static int proc_deny(void *arg, size_t size)
{
    (void)size;
    return --*(int *)arg == 0;
}

static void test_proc__no_memory_at_each_place(void **state)
{
    (void)state;
    const char *env[] = {"A=b", NULL};
    struct plug__spawn how = proc_default;
    struct plug__child c;
    how.shell = "true";
    how.env = env;
    for (int n = 1; n <= 2; n++) {
        int left = n;
        plug__alloc_hook(proc_deny, &left);
        int rc = plug__os_spawn(&how, &c, NULL);
        plug__alloc_hook(NULL, NULL);
        assert_int_equal(rc, PLUG_ENOMEM);
    }
}

/* By then its number may be another process's. */
static void test_proc__kill_after_wait_hits_nobody(void **state)
{
    (void)state;
    struct plug__spawn how = proc_default;
    struct plug__child c;
    int status = -1;
    how.shell = "true";
    assert_int_equal(plug__os_spawn(&how, &c, NULL), 0);
    if (c.handle == PLUG_NO_HANDLE) {
        assert_int_equal(proc_status(&c), 0);
        skip();
    }
    pair_wait(c.handle, PLUG_IN);
    assert_int_equal(plug__os_wait(&c, &status), 0);
    assert_int_equal(plug__os_kill(&c, 0), PLUG_ESRCH);
    plug__os_close(c.handle);
}

/* ---- what it becomes ---- */

static int proc_as(const struct plug__become *become, const char *script, char out[PROC_OUT])
{
    struct plug__spawn how = proc_default;
    how.shell = script;
    how.become = become;
    return proc_output(how, out);
}

static void test_proc__mask_is_the_childs_alone(void **state)
{
    (void)state;
    char out[PROC_OUT];
    mode_t mine = umask(022);
    assert_int_equal(proc_as(&(struct plug__become){.umask = 1 + 0137}, "umask", out), 0);
    assert_string_equal(out, "0137\n");
    assert_int_equal(umask(mine), 022);
}

static void test_proc__path_finds_and_is_given(void **state)
{
    (void)state;
    const struct plug__become become = {.path = "/nowhere:/bin"};
    const char *argv[] = {"sh", "-c", "echo $PATH$A", NULL}, *env[] = {"PATH=/lost", "A=b", NULL};
    struct plug__spawn how = proc_default;
    char out[PROC_OUT];
    how.argv = argv;
    how.env = env;
    how.become = &become;
    assert_int_equal(proc_output(how, out), 0);
    assert_string_equal(out, "/nowhere:/binb\n");
}

/* Signals, descriptors and the status are as in a child that becomes nothing. */
static void test_proc__is_as_new_all_the_same(void **state)
{
    (void)state;
    const struct plug__become become = {.umask = 1 + 022};
    char out[PROC_OUT];
    plug_handle w[2];
    assert_int_equal(plug__os_wake_open(w, NULL), 0);
    (void)signal(SIGHUP, SIG_IGN);
    int rc = proc_as(&become,
                     "for set in $(grep -e SigBlk -e SigIgn /proc/self/status | cut -f2); do "
                     "echo $((0x$set & ~0x180000000)); done;" /* those two are the C library's */
                     "ls -l /proc/self/fd | grep -c eventfd; exit 5",
                     out);
    (void)signal(SIGHUP, SIG_DFL);
    plug__os_wake_close(w);
    assert_int_equal(rc, 5);
    assert_string_equal(out, "0\n0\n0\n");
}

static void test_proc__failed_step_is_named(void **state)
{
    (void)state;
    static const struct {
        struct plug__become become;
        const char *chdir, *step;
        int code;
    } rows[] = {
        {{.user = "no-such-user"}, NULL, "su", PLUG_ENOENT},
        {{.uid = "no-such-user"}, NULL, "setuid", PLUG_ENOENT},
        {{.gid = "no-such-group"}, NULL, "setgid", PLUG_ENOENT},
        {{.netns = "/no/such"}, NULL, "netns", PLUG_ENOENT},
        {{.umask = 1}, "/no/such", "chdir", PLUG_ENOENT},
        {{0}, "/no/such", "chdir", PLUG_ENOENT},
        {{.umask = 1}, NULL, NULL, PLUG_ENOENT}, /* the program itself */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *argv[] = {"/no/such/program", NULL}, *step = NULL;
        struct plug__spawn how = proc_default;
        struct plug__child c;
        how.argv = argv;
        how.become = &rows[i].become;
        how.chdir = rows[i].chdir;
        how.reterr_step = &step;
        assert_int_equal(plug__os_spawn(&how, &c, NULL), rows[i].code);
        if (rows[i].step)
            assert_string_equal(step, rows[i].step);
        else
            assert_null(step);
    }
}

static void test_proc__ids_and_groups(void **state)
{
    (void)state;
    char out[PROC_OUT];
    if (geteuid() != 0)
        skip();
    const char *groups = "grep -e ^Groups /proc/self/status | cut -f2 | tr -d ' '; id -u; id -g";
    assert_int_equal(proc_as(&(struct plug__become){.uid = "4711", .gid = "4712"}, groups, out), 0);
    assert_string_equal(out, "\n4711\n4712\n");
    assert_int_equal(proc_as(&(struct plug__become){.user = "daemon"}, "id -un; echo $HOME", out),
                     0);
    assert_string_equal(out, "daemon\n/usr/sbin\n");
    assert_int_equal(getuid(), 0);
}

static void test_proc__names_are_known_or_not(void **state)
{
    (void)state;
    assert_int_equal(plug__os_user_known("root"), 0);
    assert_int_equal(plug__os_user_known("12345"), 0);
    assert_int_equal(plug__os_user_known("no-such-user"), PLUG_ENOENT);
    assert_int_equal(plug__os_group_known("root"), 0);
    assert_int_equal(plug__os_group_known(""), PLUG_ENOENT);
}

static void test_proc__no_memory_while_becoming(void **state)
{
    (void)state;
    const struct plug__become become = {.user = "root", .gid = "0", .path = "/bin"};
    struct plug__spawn how = proc_default;
    struct plug__child c = {0};
    how.shell = "true";
    how.become = &become;
    for (int n = 1;; n++) {
        int left = n;
        plug__alloc_hook(proc_deny, &left);
        int rc = plug__os_spawn(&how, &c, NULL);
        plug__alloc_hook(NULL, NULL);
        assert_true(n < 20);
        if (left > 0) {
            assert_true(n > 6);
            if (rc == 0)
                assert_int_equal(proc_status(&c), 0);
            return; /* all of them had their turn */
        }
        assert_int_equal(rc, PLUG_ENOMEM);
    }
}

static void test_proc__pid_is_ours(void **state)
{
    (void)state;
    assert_int_equal(plug__os_pid(), getpid());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proc__exit_status),
        cmocka_unit_test(test_proc__program_from_path_with_arguments),
        cmocka_unit_test(test_proc__program_that_is_not_there),
        cmocka_unit_test(test_proc__wait_while_it_runs_then_kill),
        cmocka_unit_test(test_proc__signals_are_as_new),
        cmocka_unit_test(test_proc__nothing_else_is_inherited),
        cmocka_unit_test(test_proc__environment_is_added_and_replaced),
        cmocka_unit_test(test_proc__folder_session_and_name),
        cmocka_unit_test(test_proc__new_group),
        cmocka_unit_test(test_proc__folder_that_is_not_there),
        cmocka_unit_test(test_proc__other_descriptor_numbers),
        cmocka_unit_test(test_proc__crossed_numbers),
        cmocka_unit_test(test_proc__errors_stream),
        cmocka_unit_test(test_proc__no_memory_at_each_place),
        cmocka_unit_test(test_proc__kill_after_wait_hits_nobody),
        cmocka_unit_test(test_proc__mask_is_the_childs_alone),
        cmocka_unit_test(test_proc__path_finds_and_is_given),
        cmocka_unit_test(test_proc__is_as_new_all_the_same),
        cmocka_unit_test(test_proc__failed_step_is_named),
        cmocka_unit_test(test_proc__ids_and_groups),
        cmocka_unit_test(test_proc__names_are_known_or_not),
        cmocka_unit_test(test_proc__no_memory_while_becoming),
        cmocka_unit_test(test_proc__pid_is_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

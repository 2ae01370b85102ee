/* SPDX-License-Identifier: MIT
 *
 * Files by name: reading, writing, what is made and what is refused.
 */
#include "unit/endpoint/rig.h"
#include <sys/file.h>
#include <sys/wait.h>

static void test_file__is_read_to_its_end(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[64];
    rig_write_file(rig_path(t, "f"), "one\ntwo\n");
    s = rig_must(t, rig_at(t, "file", "f", ""));
    assert_int_equal(rig_slurp(t, s, buf, sizeof(buf)), 8);
    assert_string_equal(buf, "one\ntwo\n");
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF); /* it stays the end */
    plug_close(s);
    unlink(rig_path(t, "f"));
}

static void test_file__missing_is_not_made(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, rig_at(t, "file", "no", "")), PLUG_ENOENT);
    assert_string_equal(t->err.layer, "file");
    assert_int_not_equal(access(rig_path(t, "no"), F_OK), 0);
    assert_int_equal(rig_open(t, &s, rig_at(t, "file", "no", ",rdonly")), PLUG_ENOENT);
    assert_int_not_equal(access(rig_path(t, "no"), F_OK), 0);
}

static void test_file__read_only_side_makes_nothing(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, rig_at(t, "file", "no", ",rdonly,creat")), PLUG_EUSAGE);
    assert_int_not_equal(access(rig_path(t, "no"), F_OK), 0);
}

static void test_file__directory_is_refused(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, rig_at(t, "file", "", "")), PLUG_EISDIR);
    assert_int_equal(rig_open(t, &s, rig_at(t, "file", "", ",rdonly")), PLUG_EISDIR);
    assert_int_equal(rig_open(t, &s, rig_at(t, "create", "", "")), PLUG_EISDIR);
}

static void test_create__empties_and_writes(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[8];
    rig_write_file(rig_path(t, "f"), "a longer old text");
    s = rig_must(t, rig_at(t, "create", "f", ""));
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF);
    rig_send_all(t, s, "new");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_EPIPE);
    plug_close(s);
    rig_expect_file(rig_path(t, "f"), "new");
    unlink(rig_path(t, "f"));
}

static void test_file__append_and_excl(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    rig_write_file(rig_path(t, "f"), "old ");
    s = rig_must(t, rig_at(t, "file", "f", ",append"));
    rig_send_all(t, s, "new");
    plug_close(s);
    rig_expect_file(rig_path(t, "f"), "old new");
    assert_int_equal(rig_open(t, &s, rig_at(t, "file", "f", ",creat,excl")), PLUG_EEXIST);
    rig_expect_file(rig_path(t, "f"), "old new");
    unlink(rig_path(t, "f"));
}

static void test_file__mode_is_set(void **state)
{
    struct rig *t = *state;
    struct stat st;
    plug_close(rig_must(t, rig_at(t, "create", "f", ",mode=640")));
    assert_int_equal(stat(rig_path(t, "f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    unlink(rig_path(t, "f"));
}

static void test_file__seek_and_length(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[16];
    rig_write_file(rig_path(t, "f"), "0123456789");
    s = rig_must(t, rig_at(t, "file", "f", ",seek=4,ftruncate-len=8"));
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "4567");
    plug_close(s);
    s = rig_must(t, rig_at(t, "file", "f", ",seek-end=-2"));
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "67");
    plug_close(s);
    unlink(rig_path(t, "f"));
}

static void test_file__unlink_at_the_end(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, rig_at(t, "create", "f", ",unlink-close"));
    assert_int_equal(access(rig_path(t, "f"), F_OK), 0);
    plug_close(s);
    assert_int_not_equal(access(rig_path(t, "f"), F_OK), 0);
}

static void test_file__lock_is_waited_for(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s, *other;
    rig_write_file(rig_path(t, "f"), "x");
    s = rig_must(t, rig_at(t, "file", "f", ",flock-ex"));
    assert_int_equal(rig_open(t, &other, rig_at(t, "file", "f", ",flock-ex-nb")), PLUG_EBUSY);
    plug_close(s);
    other = rig_must(t, rig_at(t, "file", "f", ",flock-ex-nb"));
    plug_close(other);
    unlink(rig_path(t, "f"));
}

/* A shared loop goes on while one of its files waits for its lock. */
static void test_file__lock_does_not_hold_the_loop(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[8];
    int fd;
    rig_write_file(rig_path(t, "f"), "x");
    fd = open(rig_path(t, "f"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(plug_open_on(&s, t->loop, rig_at(t, "file", "f", ",flock-ex"), &t->err), 0);
    for (int i = 0; i < 3; i++)
        rig_turn(t);
    assert_int_equal(plug_state(s), PLUG_EAGAIN);
    close(fd);
    while (plug_state(s) == PLUG_EAGAIN)
        rig_turn(t);
    assert_int_equal(plug_state(s), 0);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 1);
    plug_close(s);
    unlink(rig_path(t, "f"));
}

static void test_file__full_disk_is_told_and_stays(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "create:/dev/full");
    struct plug_err err;
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_ENOSPC);
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_ENOSPC);
    assert_int_equal(plug_error(s, &err), PLUG_ENOSPC);
    assert_string_equal(err.layer, "file");
    plug_close(s);
}

static void test_file__null_is_both_ways(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "file:/dev/null");
    char buf[4];
    assert_int_equal(rig_send(t, s, "gone", 4), 4);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF);
    plug_close(s);
}

/* As somebody who may not write: reading works, the first write tells why not. */
static int unprivileged_write(struct rig *t, const char *address)
{
    struct plug_sock *s;
    char buf[8];
    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 1;
    if (plug_open(&s, address, rig_deadline(), &t->err) < 0)
        return 2;
    if (plug_recv(s, buf, sizeof(buf), 0, rig_deadline()) != 1)
        return 3;
    return plug_send(s, "x", 1, 0, rig_deadline()) == PLUG_EACCES ? 0 : 4;
}

static void test_file__write_right_matters_at_the_first_write(void **state)
{
    struct rig *t = *state;
    const char *address;
    int status;
    pid_t pid;
    if (geteuid() != 0)
        skip(); /* who is not root already meets this everywhere */
    rig_write_file(rig_path(t, "f"), "x");
    assert_int_equal(chmod(rig_path(t, "f"), 0444), 0);
    assert_int_equal(chmod(t->dir, 0755), 0);
    address = rig_at(t, "file", "f", "");
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(unprivileged_write(t, address));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    unlink(rig_path(t, "f"));
}

static void test_file__contradictions_are_refused(void **state)
{
    static const char *const bad[] = {",rdonly,wronly", ",rdonly,append", ",rdonly,trunc", ",excl"};
    struct rig *t = *state;
    struct plug_sock *s;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(rig_open(t, &s, rig_at(t, "file", "f", bad[i])), PLUG_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_file__is_read_to_its_end),
        RIG_ALL(test_file__missing_is_not_made),
        RIG_PRIVATE(test_file__read_only_side_makes_nothing),
        RIG_ALL(test_file__directory_is_refused),
        RIG_ALL(test_create__empties_and_writes),
        RIG_ALL(test_file__append_and_excl),
        RIG_PRIVATE(test_file__mode_is_set),
        RIG_ALL(test_file__seek_and_length),
        RIG_PRIVATE(test_file__unlink_at_the_end),
        RIG_ALL(test_file__lock_is_waited_for),
        RIG_SHARED(test_file__lock_does_not_hold_the_loop),
        RIG_ALL(test_file__full_disk_is_told_and_stays),
        RIG_ALL(test_file__null_is_both_ways),
        RIG_PRIVATE(test_file__write_right_matters_at_the_first_write),
        RIG_PRIVATE(test_file__contradictions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

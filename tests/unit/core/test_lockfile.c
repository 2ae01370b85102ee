/* SPDX-License-Identifier: MIT
 *
 * Lock files of addresses: made before the base is opened, gone with the endpoint, waited for
 * without an end of their own.
 */
#include "unit/endpoint/rig.h"

#include "core/lockfile.h"

static const char *lock_address(struct rig *t, const char *option)
{
    static char address[256];
    snprintf(address, sizeof(address), "create:%s/f,%s=%s/lock", t->dir, option, t->dir);
    return address;
}

static void test_lockfile__lives_as_long_as_the_endpoint(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s, *other;
    char text[32];
    s = rig_must(t, lock_address(t, "lockfile"));
    snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    rig_expect_file(rig_path(t, "lock"), text);
    assert_int_equal(rig_open(t, &other, lock_address(t, "lockfile")), PLUG_EBUSY);
    assert_string_equal(t->err.layer, "lockfile");
    assert_non_null(strstr(t->err.text, "/lock: another has it"));
    assert_int_equal(access(rig_path(t, "lock"), F_OK), 0); /* who failed did not take it away */
    plug_close(s);
    assert_int_not_equal(access(rig_path(t, "lock"), F_OK), 0);
    unlink(rig_path(t, "f"));
}

static void test_lockfile__that_cannot_be_made_is_told(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, "echo:,lockfile=/no/such/lock"), PLUG_ENOENT);
    assert_string_equal(t->err.text, "lock file /no/such/lock: no such file or directory");
}

static void test_lockfile__is_waited_for(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    rig_write_file(rig_path(t, "lock"), "1\n");
    assert_int_equal(plug_open_on(&s, t->loop, lock_address(t, "waitlock"), &t->err), 0);
    for (int i = 0; i < 3; i++)
        rig_turn(t);
    assert_int_equal(plug_state(s), PLUG_EAGAIN);
    assert_int_not_equal(access(rig_path(t, "f"), F_OK), 0);
    unlink(rig_path(t, "lock"));
    while (plug_state(s) == PLUG_EAGAIN)
        rig_turn(t);
    assert_int_equal(plug_state(s), 0);
    assert_int_equal(access(rig_path(t, "lock"), F_OK), 0);
    plug_close(s);
    assert_int_not_equal(access(rig_path(t, "lock"), F_OK), 0);
    unlink(rig_path(t, "f"));
}

/* A blocking open gives up at its own deadline, and leaves what is another's. */
static void test_lockfile__deadline_of_the_caller_holds(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = NULL;
    rig_write_file(rig_path(t, "lock"), "1\n");
    assert_int_equal(plug_open(&s, lock_address(t, "waitlock"), plug_now() + 30 * PLUG_MS, &t->err),
                     PLUG_ETIMEDOUT);
    assert_int_equal(access(rig_path(t, "lock"), F_OK), 0);
    unlink(rig_path(t, "lock"));
}

static void test_lockfile__umask_is_put_back(void **state)
{
    struct rig *t = *state;
    mode_t old = umask(022);
    struct stat st;
    char address[256];
    snprintf(address, sizeof(address), "create:%s/f,umask=077", t->dir);
    plug_close(rig_must(t, address));
    assert_int_equal(umask(old), 022);
    assert_int_equal(stat(rig_path(t, "f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unlink(rig_path(t, "f"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_lockfile__lives_as_long_as_the_endpoint),
        RIG_ALL(test_lockfile__that_cannot_be_made_is_told),
        RIG_SHARED(test_lockfile__is_waited_for),
        RIG_PRIVATE(test_lockfile__deadline_of_the_caller_holds),
        RIG_ALL(test_lockfile__umask_is_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * A!!B by the public calls on each kind of loop: who is read, who is written, how each half's end
 * and failure is seen.
 */
#include "unit/endpoint/rig.h"

#include "core/dual.h"

static const char *dual_files(struct rig *t, const char *options)
{
    static char address[256];
    snprintf(address, sizeof(address), "file:%s/a!!create:%s/b%s", t->dir, t->dir, options);
    return address;
}

static void dual_clean(struct rig *t)
{
    unlink(rig_path(t, "a"));
    unlink(rig_path(t, "b"));
}

static void test_dual__each_half_has_its_part(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[16];
    rig_write_file(rig_path(t, "a"), "from a");
    s = rig_must(t, dual_files(t, ""));
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "from a");
    rig_send_all(t, s, "to b");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_EPIPE);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
    rig_expect_file(rig_path(t, "b"), "to b");
    rig_expect_file(rig_path(t, "a"), "from a");
    dual_clean(t);
}

/* A fifo is read and written at its two ends by one endpoint, which so talks to itself. */
static void test_dual__waits_for_its_halves(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char address[256], buf[8];
    snprintf(address, sizeof(address), "pipe:%s/a!!pipe:%s/a", t->dir, t->dir);
    s = rig_must(t, address);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    rig_send_all(t, s, "abc");
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), PLUG_EOF);
    plug_close(s);
    dual_clean(t);
}

static void test_dual__a_half_that_fails_fails_both(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    assert_int_equal(rig_open(t, &s, dual_files(t, "")), PLUG_ENOENT);
    assert_int_not_equal(access(rig_path(t, "b"), F_OK), 0);
    rig_write_file(rig_path(t, "a"), "x");
    assert_true(rig_open(t, &s, dual_files(t, "/no/such")) < 0);
    assert_null(s);
    dual_clean(t);
}

static void test_dual__full_disk_is_told(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "text:abc!!create:/dev/full");
    char buf[8];
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_ENOSPC);
    assert_int_equal(rig_recv(t, s, buf, sizeof(buf)), 3);
    plug_close(s);
}

/* What any-type halves offer follows the half that knows its own. */
static void test_dual__types_agree(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "len32+exec:cat!!echo:");
    int type = 0;
    size_t len = sizeof(type);
    assert_int_equal(plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, &type, &len), 0);
    assert_int_equal(type, PLUG_SEQPACKET);
    plug_close(s);
}

static void test_dual__is_found_outside_quotes(void **state)
{
    static const struct {
        const char *text;
        int at;
    } rows[] = {{"-!!x", 1},         {"a", -1},      {"'a!!b'!!c", 6}, {"\"!!\"", -1},
                {"(a!!b)!!c", 6},    {"a\\!!b", -1}, {"[{(!!)}]", -1}, {"('!!)')!!", 7},
                {"a!b!!", 3},        {"\\'!!x", 2},  {"", -1},         {"(", -1},
                {"text:'x\\'!!", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(plug__address_dual(rows[i].text), rows[i].at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_dual__each_half_has_its_part),
        RIG_ALL(test_dual__waits_for_its_halves),
        RIG_ALL(test_dual__a_half_that_fails_fails_both),
        RIG_ALL(test_dual__full_disk_is_told),
        RIG_ALL(test_dual__types_agree),
        cmocka_unit_test(test_dual__is_found_outside_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

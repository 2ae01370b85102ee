/* SPDX-License-Identifier: MIT
 *
 * plug_select tells what is so: who was told "readable" does not wait in recv.
 */
#include "../socket/rig.h"

static int ready_now(struct plug_sock *s, unsigned want)
{
    struct plug_selection v = {.sock = s, .want = want};
    int r = plug_select(&v, 1, plug_now() + 20 * PLUG_MS);
    assert_true(r >= 0);
    return (int)v.ready;
}

/* A buffer that was just full leaves the layer with its bit set. */
static void test_select__all_that_came_was_read(void **state)
{
    static const char *const listeners[] = {"tcp-listen://127.0.0.1:0",
                                            "abstract-listen:plug-test-select"};
    char buf[8], to[64];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct plug_sock *l = rig_open(NULL, listeners[i]), *c, *s;
        if (i == 0)
            (void)snprintf(to, sizeof(to), "tcp://127.0.0.1:%u", rig_port(l));
        c = rig_open(NULL, i ? "abstract:plug-test-select" : to);
        s = rig_accept(NULL, l);
        assert_int_equal(rig_send(NULL, c, "12345678", 8), 8);
        assert_int_equal(ready_now(s, PLUG_IN), PLUG_IN);
        assert_int_equal(rig_recv(NULL, s, buf, 4), 4);
        assert_int_equal(ready_now(s, PLUG_IN), PLUG_IN);
        assert_int_equal(rig_recv(NULL, s, buf, 4), 4);
        assert_int_equal(ready_now(s, PLUG_IN), 0);
        assert_int_equal(rig_send(NULL, c, "1", 1), 1);
        assert_int_equal(ready_now(s, PLUG_IN), PLUG_IN);
        assert_int_equal(rig_recv(NULL, s, buf, 1), 1);
        plug_close(c);
        assert_int_equal(ready_now(s, PLUG_IN), PLUG_IN);
        assert_int_equal(rig_recv(NULL, s, buf, 1), PLUG_EOF);
        assert_int_equal(ready_now(s, PLUG_IN), PLUG_IN); /* the end stays */
        plug_close(s);
        plug_close(l);
    }
}

/* The same below a framing. */
static void test_select__below_a_framing(void **state)
{
    struct plug_sock *l = rig_open(NULL, "len16+tcp-listen://127.0.0.1:0"), *c, *s;
    char buf[8], to[64];
    (void)state;
    (void)snprintf(to, sizeof(to), "len16+tcp://127.0.0.1:%u", rig_port(l));
    c = rig_open(NULL, to);
    s = rig_accept(NULL, l);
    assert_int_equal(ready_now(s, PLUG_IN), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_send(NULL, c, "12345678", 8), 8);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ready_now(s, PLUG_IN), PLUG_IN);
        assert_int_equal(rig_recv(NULL, s, buf, sizeof(buf)), 8);
    }
    assert_int_equal(ready_now(s, PLUG_IN), 0);
    plug_close(c);
    assert_int_equal(ready_now(s, PLUG_IN), PLUG_IN);
    assert_int_equal(rig_recv(NULL, s, buf, sizeof(buf)), PLUG_EOF);
    plug_close(s);
    plug_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select__all_that_came_was_read),
        cmocka_unit_test(test_select__below_a_framing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

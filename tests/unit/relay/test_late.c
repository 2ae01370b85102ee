/* SPDX-License-Identifier: MIT
 *
 * What comes after the end: counted, never silently gone.
 */
#include "rig.h"

/* The records behind an empty one may lie in the same batch. */
static void test_late__records_behind_null_eof(void **state)
{
    struct rig *t = *state;
    struct plug__relay *r;
    plug_handle c;
    t->conf.only = 1;
    r = rig_relay(t, "udp-listen://127.0.0.1:0#null-eof,once", "open:/dev/null");
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    c = rig_connect(rig_port(t), SOCK_DGRAM);
    rig_write(t, c, "one", 3);
    assert_int_equal(write((int)c, "", 0), 0);
    rig_write(t, c, "two!", 4);
    rig_write(t, c, "three", 5);
    assert_int_equal(rig_end(t, r), 0);
    assert_int_equal(t->stats.flow[0].bytes, 3);
    assert_int_equal(t->stats.flow[0].late, 9);
    plug__os_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_late__records_behind_null_eof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* Records of a peer that is faster than the other side are dropped, and counted. */
static void test_late__records_without_room(void **state)
{
    enum { BATCHES = 40, BATCH = 16, SIZE = 1024 };
    struct rig *t = *state;
    static char record[SIZE];
    struct plug__relay *r = rig_relay(t, "udp-listen://127.0.0.1:0", "stall:");
    plug_handle c;
    rig_until_seen(t, PLUG__EV_LISTENING, 1);
    c = rig_connect(rig_port(t), SOCK_DGRAM);
    for (int i = 0; i < BATCHES; i++) { /* no more at once than the kernel keeps */
        for (int k = 0; k < BATCH; k++)
            rig_write(t, c, record, SIZE);
        rig_turn(t);
    }
    plug__relay_free(r);
    assert_in_range(t->stats.flow[0].dropped, BATCHES * BATCH / 4, BATCHES * BATCH);
    plug__os_close(c);
}

static plug_handle late_unix_server(char *address, size_t room)
{
    struct plug_addr a;
    plug_handle h;
    char name[64];
    (void)snprintf(name, sizeof(name), "plug-test-late-%lld", (long long)plug__os_pid());
    assert_true(plug__os_addr_unix(&a, name, 1, 1) >= 0);
    assert_true(plug__os_socket(&h, a.family, SOCK_STREAM, 0, NULL) >= 0);
    assert_true(plug__os_bind(h, &a, NULL) >= 0);
    assert_true(plug__os_listen(h, 4, NULL) >= 0);
    (void)snprintf(address, room, "abstract:%s,close-timeout=0.2", name);
    return h;
}

/* One side resets while the other keeps the close waiting: the reset is told, not forgotten. */
static void test_late__a_reset_outlives_the_close_timeout(void **state)
{
    struct rig *t = *state;
    static char much[100000];
    char tcp[96], un[96];
    const int small = 4096;
    plug_handle st = rig_server(SOCK_STREAM, tcp, sizeof(tcp) - 20, "tcp"), a;
    plug_handle su = late_unix_server(un, sizeof(un)), b;
    struct plug__relay *r;
    assert_true(plug__os_setsockopt(st, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small), NULL) >= 0);
    (void)snprintf(tcp + strlen(tcp), 20, "#close-timeout=0.2");
    r = rig_relay(t, tcp, un);
    a = rig_accept(t, st);
    b = rig_accept(t, su);
    rig_write(t, a, "for the other", 13);
    rig_write(t, b, much, sizeof(much)); /* more than its kernel takes */
    assert_true(plug__os_shutdown(a, PLUG_SHUT_WR, NULL) >= 0);
    assert_true(plug__os_shutdown(b, PLUG_SHUT_WR, NULL) >= 0);
    while (plug__os_unread(b) < 13 || plug__os_unsent(b) > 0)
        rig_turn(t);
    for (int i = 0; i < 3; i++)
        rig_turn(t);
    plug__os_close(a); /* unread: a reset */
    assert_int_equal(rig_end(t, r), 8);
    assert_int_equal(t->seen[PLUG__EV_LOST], 1);
    assert_int_equal(t->err.code, PLUG_ECONNRESET);
    plug__os_close(b);
    plug__os_close(st);
    plug__os_close(su);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_late__records_behind_null_eof),
        RIG(test_late__records_without_room),
        RIG(test_late__a_reset_outlives_the_close_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Whom a listener hears: ranges and lists of them, tables of hosts, users of Unix sockets; peer by
 * peer, without a connection.
 */
#include "rig.h"

#include "core/listener.h"
#include "core/plan.h"
#include "socket/common.h"
#include <stdlib.h>
#include <unistd.h>

/* The option that turns the peer away, or "". */
static const char *turned_away(const char *options, const char *peer)
{
    char address[512];
    struct plug_err err = {0};
    struct plug_plan *p = NULL;
    struct plug_addr a;
    const char *why;
    (void)snprintf(address, sizeof(address), "tcp-listen:1,%s", options);
    if (plug__plan_parse(&p, address, NULL, &err) < 0 || plug__plan_check(p, 0, 0, &err) < 0)
        fail_msg("%s: %s", address, err.text);
    assert_true(plug__os_addr_ip(&a, peer, 5000) >= 0);
    why = plug__socket_unwelcome(&p->steps[0], &a);
    plug__plan_drop(p);
    return why ? why : "";
}

static void test_peer__lists(void **state)
{
    static const struct {
        const char *options, *peer, *why;
    } rows[] = {
        {"range=10.0.0.0/8", "10.1.2.3", ""},
        {"range=10.0.0.0/8", "11.1.2.3", "range"},
        {"range=10.0.0.0:255.0.0.0", "10.1.2.3", ""},
        {"range=10.0.0.0/8", "::ffff:10.1.2.3", ""}, /* an IPv4 peer of a dual-stack socket */
        {"range=10.0.0.0/8", "::ffff:11.1.2.3", "range"},
        {"range=::ffff:10.0.0.0", "10.0.0.0", ""},
        {"range=[::ffff:10.0.0.0]/104", "10.1.2.3", ""},
        {"range=[::ffff:10.0.0.0]/104", "11.1.2.3", "range"},
        {"range=10.0.0.0/8", "2001:db8::1", "range"},
        {"range=[2001:db8::]/32", "2001:db8::1", ""},
        {"range=[2001:db8::]/32", "2001:db9::1", "range"},
        {"range=[::]/0", "10.1.2.3", "range"},
        {"range=0.0.0.0/0", "10.1.2.3", ""},
        {"range=10.0.0.0/8+192.0.2.7;192.0.2.8", "192.0.2.7", ""},
        {"range=10.0.0.0/8+192.0.2.7;192.0.2.8", "192.0.2.8", ""},
        {"range=10.0.0.0/8+192.0.2.7;192.0.2.8", "192.0.2.9", "range"},
        {"allow='10.0.0.0/8, 192.0.2.7'", "192.0.2.7", ""},
        {"allow=10.0.0.0/8,allow=192.0.2.7", "192.0.2.7", ""},
        {"allow=10.0.0.0/8,range=192.0.2.7", "10.0.0.1", ""},
        {"allow=10.0.0.0/8,allow=192.0.2.7", "192.0.2.8", "allow"},
        {"deny=10.0.0.0/8", "10.0.0.1", "deny"},
        {"deny=10.0.0.0/8", "192.0.2.1", ""},
        {"deny=10.9.0.0/16,allow=10.0.0.0/8", "10.9.0.1", "deny"},
        {"allow=10.0.0.0/8,deny=10.9.0.0/16", "10.8.0.1", ""},
        {"allow=10.0.0.0/8,deny=10.9.0.0/16+10.8.0.1", "10.8.0.1", "deny"},
        {"sourceport=5000", "10.8.0.1", ""},
        {"sourceport=5001", "10.8.0.1", "sourceport"},
        {"lowport", "10.8.0.1", "lowport"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = turned_away(rows[i].options, rows[i].peer);
        if (strcmp(why, rows[i].why) != 0)
            fail_msg("%s, %s: \"%s\" instead of \"%s\"", rows[i].options, rows[i].peer, why,
                     rows[i].why);
    }
}

/* ---- tables of hosts ---- */

static char folder[] = "/tmp/plug-test-peer-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[64];
    FILE *f;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path);
    if (!text)
        return;
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

struct tables {
    const char *allow, *deny, *options, *peer;
    int admitted;
};

static void look(const struct tables *t)
{
    char options[256];
    const char *why;
    put("hosts.allow", t->allow);
    put("hosts.deny", t->deny);
    (void)snprintf(options, sizeof(options), "tcpwrap%s,tcpwrap-etc=%s", t->options, folder);
    why = turned_away(options, t->peer);
    if (strcmp(why, t->admitted ? "" : "tcpwrap") != 0)
        fail_msg("allow \"%s\", deny \"%s\", %s: \"%s\"", t->allow ? t->allow : "-",
                 t->deny ? t->deny : "-", t->peer, why);
}

static void test_peer__tables_of_hosts(void **state)
{
    static const struct tables rows[] = {
        {NULL, NULL, "", "10.0.0.1", 1},
        {NULL, "ALL: ALL\n", "", "10.0.0.1", 0},
        {"ALL: 10.\n", "ALL: ALL\n", "", "10.0.0.1", 1},
        {"ALL: 10.\n", "ALL: ALL\n", "", "100.0.0.1", 0},
        {"ALL: 10.0.0.1\n", "ALL: ALL\n", "", "::ffff:10.0.0.1", 1},
        {"ALL: 10.\n", "ALL: ALL\n", "", "::ffff:10.0.0.1", 1},
        {"# comment\n\nplug: 10.0.0.0/255.0.0.0\n", "ALL: ALL", "", "10.0.0.1", 1},
        {"plug: 10.0.0.0/8\n", "ALL: ALL", "", "11.0.0.1", 0},
        {"socat: 10.0.0.0/8\n", "ALL: ALL", "", "10.0.0.1", 1},
        {"other: 10.0.0.0/8\n", "ALL: ALL", "", "10.0.0.1", 0},
        {"other: 10.0.0.0/8\n", "ALL: ALL", "=other", "10.0.0.1", 1},
        {"plug: 10.0.0.0/8\n", "ALL: ALL", "=other", "10.0.0.1", 0},
        {"ftp, plug: 192.0.2.1, 10.0.0.1\n", "ALL: ALL", "", "10.0.0.1", 1},
        {"plug: \\\n 10.0.0.1\n", "ALL: ALL", "", "10.0.0.1", 1},
        {"ALL: [2001:db8::]/32\n", "ALL: ALL", "", "2001:db8::5", 1},
        {"ALL: [2001:db8::]/32\n", "ALL: ALL", "", "2001:db9::5", 0},
        {"ALL: ALL EXCEPT 10.0.0.1\n", "ALL: ALL", "", "10.0.0.1", 0},
        {"ALL: ALL EXCEPT 10.0.0.1\n", "ALL: ALL", "", "10.0.0.2", 1},
        {"ALL: ALL EXCEPT 10. EXCEPT 10.0.0.1\n", "ALL: ALL", "", "10.0.0.1", 1},
        {"ALL: ALL EXCEPT 10. EXCEPT 10.0.0.1\n", "ALL: ALL", "", "10.0.0.2", 0},
        {"ALL: ALL EXCEPT 10. EXCEPT 10.0.0.1\n", "ALL: ALL", "", "11.0.0.2", 1},
        {"ALL EXCEPT plug: ALL\n", "ALL: ALL", "", "10.0.0.1", 0},
        {"ALL: 10. : DENY\n", NULL, "", "10.0.0.1", 0},
        {NULL, "ALL: 10. : ALLOW\n", "", "10.0.0.1", 1},
        /* names are not looked up: they admit nobody, and turn everybody away */
        {"ALL: friend.example\n", "ALL: ALL", "", "10.0.0.1", 0},
        {NULL, "ALL: .foe.example\n", "", "10.0.0.1", 0},
        {"ALL: ALL EXCEPT .foe.example\n", "ALL: ALL", "", "10.0.0.1", 0},
        {NULL, "ALL: ALL EXCEPT friend.example\n", "", "10.0.0.1", 0},
        {NULL, "no line at all\n", "", "10.0.0.1", 1},
        {NULL, "ALL: ALL", ",allow-table=/nonexistent/x", "10.0.0.1", 0},
    };
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        look(&rows[i]);
    put("hosts.allow", NULL);
    put("hosts.deny", NULL);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- counted ---- */

static uint64_t refused(struct plug_sock *l, uint64_t want)
{
    struct plug_sock *none = NULL;
    plug_time until = rig_until();
    while (l->listener->stats.refused < want && plug_now() < until)
        assert_int_equal(plug_accept(l, &none, plug_now() + 10 * PLUG_MS), PLUG_ETIMEDOUT);
    return l->listener->stats.refused;
}

static void test_peer__refused_are_counted(void **state)
{
    static const char *const rows[] = {"tcp-listen://127.0.0.1:0#deny=127.0.0.1",
                                       "udp-listen://127.0.0.1:0#allow=10.0.0.0/8"};
    char address[64];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct plug_sock *l = rig_open(NULL, rows[i]), *c[2];
        for (unsigned k = 0; k < 2; k++) {
            (void)snprintf(address, sizeof(address), "%s://127.0.0.1:%u", i ? "udp" : "tcp",
                           rig_port(l));
            c[k] = rig_open(NULL, address);
            if (i)
                assert_int_equal(rig_send(NULL, c[k], "x", 1), 1);
        }
        assert_int_equal(refused(l, 2), 2);
        plug_close(c[0]);
        plug_close(c[1]);
        plug_close(l);
    }
}

static void test_peer__users_of_a_unix_socket(void **state)
{
    char address[96];
    struct plug_sock *l, *c, *s;
    unsigned me = (unsigned)getuid();
    (void)state;
    (void)snprintf(address, sizeof(address), "abstract-listen:plug-test-peer,fork,allow=%u", me);
    l = rig_open(NULL, address);
    c = rig_open(NULL, "abstract-connect:plug-test-peer");
    s = rig_accept(NULL, l);
    rig_says(NULL, c, s, "let in");
    plug_close(s);
    plug_close(c);
    plug_close(l);
    (void)snprintf(address, sizeof(address), "abstract-listen:plug-test-peer,fork,deny=%u+4711",
                   me);
    l = rig_open(NULL, address);
    c = rig_open(NULL, "abstract-connect:plug-test-peer");
    assert_int_equal(refused(l, 1), 1);
    plug_close(c);
    plug_close(l);
    assert_int_equal(rig_try(NULL, "abstract-listen:x,allow=no-such-user", &s), PLUG_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer__lists),
        cmocka_unit_test(test_peer__tables_of_hosts),
        cmocka_unit_test(test_peer__refused_are_counted),
        cmocka_unit_test(test_peer__users_of_a_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The resolver without a name server: the linker puts test_lookup in the place of the blocking call
 * (--wrap=plug__os_lookup), so that each family's answer comes when the test says so.
 */
#include "unit/torture.h"

#include "core/resolve.h"
#include "util/str.h"
#include <string.h>

/* What the name service knows, by family: [0] IPv6, [1] IPv4. */
static struct {
    struct plug__mutex lock;
    struct plug__cond changed;
    const char *addrs[2][PLUG__ADDRS + 1];
    int code[2], open[2], asked[2];
    int inside; /* lookups under way, those of loops that have gone too */
} server;

/* The linker's names. */
int __wrap_plug__os_lookup(const char *host, int family, uint16_t port, struct plug_addr *ret,
                           unsigned max, int *reterr_os);

int __wrap_plug__os_lookup(const char *host, int family, uint16_t port, struct plug_addr *ret,
                           unsigned max, int *reterr_os)
{
    struct plug_addr v4;
    unsigned n = 0;
    int f, code;
    (void)reterr_os;
    assert_string_equal(host, "host.example");
    assert_int_equal(plug__os_addr_ip(&v4, "127.0.0.1", 0), 0);
    f = family == v4.family;
    plug__mutex_lock(&server.lock);
    server.asked[f]++;
    server.inside++;
    plug__cond_broadcast(&server.changed);
    while (!server.open[f])
        plug__cond_wait(&server.changed, &server.lock);
    code = server.code[f];
    for (; !code && n < max && server.addrs[f][n]; n++)
        assert_int_equal(plug__os_addr_ip(&ret[n], server.addrs[f][n], port), 0);
    server.inside--;
    plug__cond_broadcast(&server.changed);
    plug__mutex_unlock(&server.lock);
    return code ? code : (int)n;
}

static void server_open(int f, int open)
{
    plug__mutex_lock(&server.lock);
    server.open[f] = open;
    plug__cond_broadcast(&server.changed);
    plug__mutex_unlock(&server.lock);
}

static int test_setup(void **state)
{
    plug__mutex_lock(&server.lock);
    memset(server.addrs, 0, sizeof server.addrs);
    memset(server.code, 0, sizeof server.code);
    memset(server.open, 0, sizeof server.open);
    memset(server.asked, 0, sizeof server.asked);
    plug__mutex_unlock(&server.lock);
    return plug_loop_new((struct plug_loop **)state, NULL, NULL);
}

static int test_teardown(void **state)
{
    plug_loop_free(*state);
    plug__mutex_lock(&server.lock); /* a helper outlives its loop: what it asks is still ours */
    server.open[0] = server.open[1] = 1;
    plug__cond_broadcast(&server.changed);
    while (server.inside)
        plug__cond_wait(&server.changed, &server.lock);
    plug__mutex_unlock(&server.lock);
    return 0;
}

/* ---- text ---- */

static void test_resolve__splits_host_and_port(void **state)
{
    static const struct {
        const char *text, *host, *port;
    } v[] = {
        {"a.example:80", "a.example", "80"},
        {"a.example", "a.example", ""},
        {"a:", "a", ""},
        {":http", "", "http"},
        {"*:80", "*", "80"},
        {"[::1]:80", "::1", "80"},
        {"[::1]", "::1", ""},
        {"[::1]:", "::1", ""},
        {"[fe80::1%lo]:1", "fe80::1%lo", "1"},
        {"::1", "::1", ""},
        {"127.0.0.1:0", "127.0.0.1", "0"},
    };
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(v); i++) {
        char host[32], port[32];
        assert_int_equal(plug__split_hostport(v[i].text, host, port), 0);
        assert_string_equal(host, v[i].host);
        assert_string_equal(port, v[i].port);
    }
}

static void test_resolve__refuses_what_cannot_be_split(void **state)
{
    static const char *const v[] = {"", "[", "[]", "[]:80", "[::1", "[::1]80", "a:b:c", "1:2:80"};
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(v); i++) {
        char host[32], port[32];
        assert_int_equal(plug__split_hostport(v[i], host, port), PLUG_EINVAL);
    }
}

static void test_resolve__ports(void **state)
{
    static const char *const bad[] = {
        "", "65536", "99999999999999999999", "-1", "8x", "no-such-serv!", " 1"};
    uint16_t port;
    (void)state;
    assert_int_equal(plug__parse_port("0", "tcp", &port), 0);
    assert_int_equal(port, 0);
    assert_int_equal(plug__parse_port("65535", "tcp", &port), 0);
    assert_int_equal(port, 65535);
    assert_int_equal(plug__parse_port("0080", "tcp", &port), 0);
    assert_int_equal(port, 80);
    for (size_t i = 0; i < PLUG__COUNT(bad); i++)
        assert_int_equal(plug__parse_port(bad[i], "tcp", &port), PLUG_EINVAL);
}

/* ---- answers ---- */

struct asked {
    struct plug__resolve *r;
    struct plug__answer now;
    int changes, close;
};

static void asked_changed(void *arg)
{
    struct asked *a = arg;
    a->changes++;
    if (!a->close)
        return;
    plug__resolve_close(a->r);
    a->r = NULL;
}

static int test_ask(struct asked *a, struct plug_loop *loop, const char *host, int family)
{
    *a = (struct asked){0};
    return plug__resolve(&a->r, loop, host, 7, family, &a->now, asked_changed, a);
}

static void test_await(struct plug_loop *loop, const struct asked *a, int changes)
{
    while (a->changes < changes)
        assert_true(plug__loop_poll(loop, PLUG_FOREVER) >= 0);
}

static void test_texts(const struct plug__answer *a, const char *expected)
{
    struct plug__str all = {0};
    char one[64];
    for (unsigned i = 0; i < a->n; i++) {
        assert_true(plug__os_addr_text(&a->addrs[i], one, sizeof one) > 0);
        plug__str_printf(&all, "%s%s", i ? " " : "", one);
    }
    assert_string_equal(all.text, expected);
    plug__str_drop(&all);
}

static void test_resolve__literals_are_answered_at_once(void **state)
{
    static const struct {
        const char *host;
        int family;
        const char *expected;
    } v[] = {
        {"192.0.2.1", PLUG__FAMILY_ANY, "192.0.2.1:7"},
        {"192.0.2.1", PLUG__FAMILY_4, "192.0.2.1:7"},
        {"2001:db8::1", PLUG__FAMILY_ANY, "[2001:db8::1]:7"},
        {"2001:db8::1", PLUG__FAMILY_6, "[2001:db8::1]:7"},
        {"localhost", PLUG__FAMILY_ANY, "[::1]:7 127.0.0.1:7"},
        {"LOCALHOST.", PLUG__FAMILY_ANY, "[::1]:7 127.0.0.1:7"},
        {"a.localhost", PLUG__FAMILY_4, "127.0.0.1:7"},
        {"localhost", PLUG__FAMILY_6, "[::1]:7"},
    };
    for (size_t i = 0; i < PLUG__COUNT(v); i++) {
        struct asked a;
        assert_int_equal(test_ask(&a, *state, v[i].host, v[i].family), 0);
        assert_null(a.r);
        assert_int_equal(a.now.waiting, 0);
        test_texts(&a.now, v[i].expected);
    }
    assert_null(((struct plug_loop *)*state)->helpers);
}

static void test_resolve__literal_of_the_other_family(void **state)
{
    struct asked a;
    assert_int_equal(test_ask(&a, *state, "192.0.2.1", PLUG__FAMILY_6), PLUG_ENOHOST);
    assert_int_equal(test_ask(&a, *state, "::1", PLUG__FAMILY_4), PLUG_ENOHOST);
    assert_null(a.r);
    plug__resolve_close(a.r);
}

static void test_resolve__a_name_too_long_is_no_host(void **state)
{
    char host[2000];
    struct asked a;
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    assert_int_equal(test_ask(&a, *state, host, PLUG__FAMILY_ANY), PLUG_ENOHOST);
}

static void test_resolve__families_alternate_v6_first(void **state)
{
    struct asked a;
    const struct plug__answer *answer;
    server.addrs[0][0] = "2001:db8::1";
    server.addrs[1][0] = "192.0.2.1";
    server.addrs[1][1] = "192.0.2.2";
    server.addrs[1][2] = "192.0.2.3";
    assert_int_equal(test_ask(&a, *state, "host.example", PLUG__FAMILY_ANY), 0);
    answer = plug__resolve_answer(a.r);
    assert_int_equal(answer->waiting, 3);
    assert_int_equal(a.changes, 0);
    server_open(1, 1);
    test_await(*state, &a, 1);
    assert_int_equal(answer->waiting, 1);
    test_texts(answer, "192.0.2.1:7 192.0.2.2:7 192.0.2.3:7");
    server_open(0, 1);
    test_await(*state, &a, 2);
    assert_int_equal(answer->waiting, 0);
    test_texts(answer, "[2001:db8::1]:7 192.0.2.1:7 192.0.2.2:7 192.0.2.3:7");
    assert_int_equal(answer->code, 0);
    plug__resolve_close(a.r);
}

static void test_resolve__one_family_asks_once(void **state)
{
    struct asked a;
    server.addrs[0][0] = "2001:db8::1";
    server_open(0, 1);
    assert_int_equal(test_ask(&a, *state, "host.example", PLUG__FAMILY_6), 0);
    assert_int_equal(plug__resolve_answer(a.r)->waiting, 1);
    test_await(*state, &a, 1);
    test_texts(plug__resolve_answer(a.r), "[2001:db8::1]:7");
    assert_int_equal(server.asked[1], 0);
    plug__resolve_close(a.r);
}

static void test_resolve__one_familys_failure_is_no_error(void **state)
{
    struct asked a;
    server.code[0] = PLUG_EDNS;
    server.addrs[1][0] = "192.0.2.1";
    server_open(0, 1);
    server_open(1, 1);
    assert_int_equal(test_ask(&a, *state, "host.example", PLUG__FAMILY_ANY), 0);
    test_await(*state, &a, 2);
    assert_int_equal(plug__resolve_answer(a.r)->code, 0);
    assert_int_equal(plug__resolve_answer(a.r)->n, 1);
    plug__resolve_close(a.r);
}

static void test_failure(struct plug_loop *loop, int six, int four, int expected)
{
    struct asked a;
    server.code[0] = six;
    server.code[1] = four;
    server_open(0, 1);
    server_open(1, 1);
    assert_int_equal(test_ask(&a, loop, "host.example", PLUG__FAMILY_ANY), 0);
    test_await(loop, &a, 2);
    assert_int_equal(plug__resolve_answer(a.r)->n, 0);
    assert_int_equal(plug__resolve_answer(a.r)->code, expected);
    plug__resolve_close(a.r);
}

static void test_resolve__no_such_host_only_if_both_say_so(void **state)
{
    test_failure(*state, PLUG_ENOHOST, PLUG_ENOHOST, PLUG_ENOHOST);
    test_failure(*state, PLUG_ENOHOST, PLUG_EDNS, PLUG_EDNS);
    test_failure(*state, PLUG_EDNS, PLUG_ENOHOST, PLUG_EDNS);
}

static void test_resolve__may_be_closed_from_its_callback(void **state)
{
    struct asked a;
    server.addrs[1][0] = "192.0.2.1";
    assert_int_equal(test_ask(&a, *state, "host.example", PLUG__FAMILY_ANY), 0);
    a.close = 1;
    server_open(1, 1);
    test_await(*state, &a, 1);
    assert_null(a.r);
    server_open(0, 1);
    assert_true(plug__loop_poll(*state, 0) >= 0);
    assert_int_equal(a.changes, 1);
}

static void test_resolve__closing_waits_for_no_answer(void **state)
{
    struct asked a;
    assert_int_equal(test_ask(&a, *state, "host.example", PLUG__FAMILY_ANY), 0);
    plug__resolve_close(a.r);
    assert_int_equal(a.changes, 0);
    server_open(0, 1);
    server_open(1, 1);
}

static void test_resolve__without_memory(void **state)
{
    struct asked a;
    int failed = 0;
    server.addrs[1][0] = "192.0.2.1";
    server_open(0, 1);
    for (unsigned n = 0;; n++) {
        struct torture t;
        int rc;
        torture_start(&t, n);
        rc = test_ask(&a, *state, "host.example", PLUG__FAMILY_4);
        torture_stop();
        if (rc == 0)
            break;
        failed++;
        assert_int_equal(rc, PLUG_ENOMEM);
        assert_null(a.r);
    }
    assert_true(failed >= 3);
    server_open(1, 1);
    test_await(*state, &a, 1);
    test_texts(plug__resolve_answer(a.r), "192.0.2.1:7");
    plug__resolve_close(a.r);
}

#define LOOPED(test) cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve__splits_host_and_port),
        cmocka_unit_test(test_resolve__refuses_what_cannot_be_split),
        cmocka_unit_test(test_resolve__ports),
        LOOPED(test_resolve__literals_are_answered_at_once),
        LOOPED(test_resolve__literal_of_the_other_family),
        LOOPED(test_resolve__a_name_too_long_is_no_host),
        LOOPED(test_resolve__families_alternate_v6_first),
        LOOPED(test_resolve__one_family_asks_once),
        LOOPED(test_resolve__one_familys_failure_is_no_error),
        LOOPED(test_resolve__no_such_host_only_if_both_say_so),
        LOOPED(test_resolve__may_be_closed_from_its_callback),
        LOOPED(test_resolve__closing_waits_for_no_answer),
        LOOPED(test_resolve__without_memory),
    };
    if (plug__mutex_init(&server.lock) < 0 || plug__cond_init(&server.changed) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

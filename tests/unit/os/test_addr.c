/* SPDX-License-Identifier: MIT
 *
 * Addresses as text and back, and names of this machine.
 * No name service is asked: only what the machine itself knows.
 */
#include "pair.h"

#include <sys/un.h>

static void addr_check(const struct plug_addr *a, const char *want)
{
    char buf[128], small[128];
    size_t len = strlen(want);
    assert_int_equal(plug__os_addr_text(a, buf, sizeof buf), len);
    assert_string_equal(buf, want);
    assert_int_equal(plug__os_addr_text(a, small, len + 1), len);
    assert_int_equal(plug__os_addr_text(a, small, len), PLUG_EINVAL);
}

static void addr_check_ip(const char *literal, uint16_t port, const char *want)
{
    struct plug_addr a;
    assert_int_equal(plug__os_addr_ip(&a, literal, port), 0);
    assert_int_equal(plug__os_addr_port(&a), port);
    addr_check(&a, want);
}

static void test_addr__ip_literals(void **state)
{
    (void)state;
    addr_check_ip("127.0.0.1", 80, "127.0.0.1:80");
    addr_check_ip("::1", 80, "[::1]:80");
    addr_check_ip("fe80::1%lo", 65535, "[fe80::1%lo]:65535");
    addr_check_ip("::ffff:1.2.3.4", 0, "[::ffff:1.2.3.4]:0");
}

static void test_addr__zone_by_number(void **state)
{
    (void)state;
    addr_check_ip("fe80::1%4000000000", 1, "[fe80::1%4000000000]:1"); /* no such interface */
}

static void test_addr__what_is_no_literal(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "localhost",
        "1.2.3",      "1.2.3.4.5",
        "256.1.1.1",  "[::1]",
        "::1%",       ":::",
        "1.2.3.4%lo", "fe80::1%nosuch",
        "::1 ",       "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff"};
    struct plug_addr a;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(plug__os_addr_ip(&a, bad[i], 1), PLUG_EINVAL);
}

static void test_addr__unix_paths(void **state)
{
    (void)state;
    struct plug_addr a;
    assert_int_equal(plug__os_addr_unix(&a, "/run/x", 0, 0), 0);
    addr_check(&a, "/run/x");
    assert_int_equal(plug__os_addr_unix(&a, "name", 1, 1), 0);
    addr_check(&a, "@name");
    assert_int_equal(a.len, offsetof(struct sockaddr_un, sun_path) + 5);
    assert_int_equal(plug__os_addr_unix(&a, "name", 1, 0), 0);
    addr_check(&a, "@name");
    assert_int_equal(a.len, sizeof(struct sockaddr_un));
}

static void test_addr__unix_path_too_long(void **state)
{
    (void)state;
    char path[120] = "";
    struct plug_addr a;
    memset(path, 'x', 107);
    assert_int_equal(plug__os_addr_unix(&a, path, 0, 0), 0);
    addr_check(&a, path);
    path[107] = 'x';
    assert_int_equal(plug__os_addr_unix(&a, path, 0, 0), PLUG_ENAMETOOLONG);
}

static void test_addr__unnamed_is_empty(void **state)
{
    (void)state;
    struct plug_addr a;
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, SOCK_STREAM, NULL), 0);
    assert_int_equal(plug__os_sockname(h[0], &a, NULL), 0);
    addr_check(&a, "");
    pair_close(h);
}

/* A peer chooses its abstract name; it must not steer the terminal that shows a log. */
static void test_addr__control_bytes_are_not_shown(void **state)
{
    (void)state;
    struct plug_addr a;
    assert_int_equal(plug__os_addr_unix(&a, "a\033[2J\nb", 1, 1), 0);
    addr_check(&a, "@a?[2J?b");
}

static void test_addr__broken_lengths(void **state)
{
    (void)state;
    char buf[64];
    struct plug_addr a = {.family = AF_INET, .len = 3};
    assert_int_equal(plug__os_addr_text(&a, buf, sizeof buf), PLUG_EINVAL);
    a = (struct plug_addr){.family = AF_UNIX, .len = 9999};
    assert_int_equal(plug__os_addr_text(&a, buf, sizeof buf), PLUG_EINVAL);
    a = (struct plug_addr){.family = 99, .len = 16};
    assert_int_equal(plug__os_addr_text(&a, buf, sizeof buf), PLUG_EINVAL);
}

static void test_addr__any_and_port(void **state)
{
    (void)state;
    struct plug_addr a;
    assert_int_equal(plug__os_addr_any(&a, AF_INET, 0, 7), 0);
    addr_check(&a, "0.0.0.0:7");
    assert_int_equal(plug__os_addr_any(&a, AF_INET6, 1, 7), 0);
    plug__os_addr_set_port(&a, 8);
    addr_check(&a, "[::1]:8");
    assert_int_equal(plug__os_addr_any(&a, AF_UNIX, 0, 7), PLUG_EAFNOSUPPORT);
}

static void test_addr__port_of_a_unix_address_is_0(void **state)
{
    (void)state;
    struct plug_addr a;
    assert_int_equal(plug__os_addr_unix(&a, "/run/x", 0, 0), 0);
    plug__os_addr_set_port(&a, 8);
    assert_int_equal(plug__os_addr_port(&a), 0);
    addr_check(&a, "/run/x");
}

static void test_addr__lookup_of_localhost(void **state)
{
    (void)state;
    struct plug_addr a[4];
    assert_true(plug__os_lookup("localhost", AF_INET, 81, a, 4, NULL) >= 1);
    addr_check(&a[0], "127.0.0.1:81");
}

static void test_addr__lookup_of_a_literal_of_the_other_family(void **state)
{
    (void)state;
    struct plug_addr a[4];
    assert_int_equal(plug__os_lookup("::1", AF_INET, 81, a, 4, NULL), PLUG_ENOHOST);
}

static void test_addr__unknown_service(void **state)
{
    (void)state;
    uint16_t port = 5;
    assert_int_equal(plug__os_service("no-such-service", "tcp", &port), PLUG_ENOENT);
    assert_int_equal(port, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addr__ip_literals),
        cmocka_unit_test(test_addr__zone_by_number),
        cmocka_unit_test(test_addr__what_is_no_literal),
        cmocka_unit_test(test_addr__unix_paths),
        cmocka_unit_test(test_addr__unix_path_too_long),
        cmocka_unit_test(test_addr__unnamed_is_empty),
        cmocka_unit_test(test_addr__control_bytes_are_not_shown),
        cmocka_unit_test(test_addr__broken_lengths),
        cmocka_unit_test(test_addr__any_and_port),
        cmocka_unit_test(test_addr__port_of_a_unix_address_is_0),
        cmocka_unit_test(test_addr__lookup_of_localhost),
        cmocka_unit_test(test_addr__lookup_of_a_literal_of_the_other_family),
        cmocka_unit_test(test_addr__unknown_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

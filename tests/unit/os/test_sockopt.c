/* SPDX-License-Identifier: MIT
 *
 * Packet information, times and automatic names.
 */
#include "os/sockopt.h"
#include "pair.h"

#include <sys/time.h>

static void sockopt_pktinfo(int family, const char *want)
{
    _Alignas(struct cmsghdr) char control[PLUG__PKTINFO];
    _Alignas(struct cmsghdr) char reply[PLUG__PKTINFO];
    struct plug_addr a, b, local;
    char byte[1] = "x", text[64];
    struct plug_iov v = {byte, 1};
    plug_handle to = pair_bound(family, SOCK_DGRAM, &a), from = pair_bound(family, SOCK_DGRAM, &b);
    struct plug_msg m = {.iov = &v, .niov = 1, .name = &a};
    assert_int_equal(plug__os_pktinfo_on(to, family, NULL), 0);
    assert_int_equal(plug__os_send(from, &m, 1, 0, NULL), 1);
    pair_wait(to, PLUG_IN);
    m = (struct plug_msg){.iov = &v, .niov = 1, .control = control, .controllen = sizeof control};
    assert_int_equal(plug__os_recv(to, &m, 1, 0, NULL), 1);
    assert_int_equal(plug__os_pktinfo_get(&m, &local), 0);
    assert_true(plug__os_addr_text(&local, text, sizeof text) > 0);
    assert_string_equal(text, want);
    m = (struct plug_msg){.iov = &v, .niov = 1, .name = &b, .control = reply};
    m.controllen = plug__os_pktinfo_put(&local, reply);
    assert_true(m.controllen > 0);
    assert_int_equal(plug__os_send(to, &m, 1, 0, NULL), 1);
    pair_wait(from, PLUG_IN);
    plug__os_close(to);
    plug__os_close(from);
}

static void test_sockopt__pktinfo_goes_there_and_back(void **state)
{
    (void)state;
    sockopt_pktinfo(AF_INET, "127.0.0.1:0");
    sockopt_pktinfo(AF_INET6, "[::1]:0");
}

static void test_sockopt__pktinfo_absent(void **state)
{
    (void)state;
    _Alignas(struct cmsghdr) char control[PLUG__PKTINFO];
    const struct plug_msg m = {.control = control, .controllen = 0};
    struct plug_addr local, un;
    assert_int_equal(plug__os_pktinfo_get(&m, &local), PLUG_ENOENT);
    assert_int_equal(plug__os_addr_unix(&un, "/run/x", 0, 0), 0);
    assert_int_equal(plug__os_pktinfo_put(&un, control), 0);
}

static void test_sockopt__time_in_the_systems_form(void **state)
{
    (void)state;
    struct plug_addr a;
    struct timeval tv = {0};
    size_t len = sizeof tv;
    plug_handle h = pair_bound(AF_INET, SOCK_DGRAM, &a);
    plug_time t = 2 * PLUG_SECOND + 500 * PLUG_MS;
    assert_int_equal(plug__os_socktime(h, SOL_SOCKET, SO_RCVTIMEO, t, NULL), 0);
    assert_int_equal(plug__os_getsockopt(h, SOL_SOCKET, SO_RCVTIMEO, &tv, &len, NULL), 0);
    assert_int_equal(tv.tv_sec, 2);
    assert_true(tv.tv_usec >= 490000 && tv.tv_usec <= 510000); /* rounded to the kernel's ticks */
    plug__os_close(h);
}

static void test_sockopt__autobind_gives_a_name(void **state)
{
    (void)state;
    struct plug_addr a;
    plug_handle h;
    char text[128];
    assert_int_equal(plug__os_socket(&h, AF_UNIX, SOCK_DGRAM, 0, NULL), 0);
    assert_int_equal(plug__os_autobind(h, NULL), 0);
    assert_int_equal(plug__os_sockname(h, &a, NULL), 0);
    assert_true(plug__os_addr_text(&a, text, sizeof text) > 1);
    assert_int_equal(text[0], '@');
    plug__os_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockopt__pktinfo_goes_there_and_back),
        cmocka_unit_test(test_sockopt__pktinfo_absent),
        cmocka_unit_test(test_sockopt__time_in_the_systems_form),
        cmocka_unit_test(test_sockopt__autobind_gives_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

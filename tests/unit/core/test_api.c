/* SPDX-License-Identifier: MIT
 *
 * The calls of plug.h as a caller uses them: arguments, deadlines, private and shared loops, errors
 * told. What each kind of endpoint does is tested beside its code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/sock.h"
#include <plug/loop.h>
#include <plug/version.h>
#include <string.h>

static plug_time in_ms(int ms)
{
    return plug_now() + ms * PLUG_MS;
}

static struct plug_sock *must_open(const char *address)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    int r = plug_open(&s, address, in_ms(5000), &err);
    if (r < 0)
        fail_msg("%s: %s", address, err.text);
    return s;
}

static void test_api__names_its_version(void **state)
{
    (void)state;
    assert_string_equal(plug_version(), PLUG_VERSION);
}

static void test_api__refuses_bad_arguments(void **state)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    char buf[4];
    size_t len = 1;
    (void)state;
    assert_int_equal(plug_socket(NULL, NULL, "tcp", &err), PLUG_EINVAL);
    assert_int_equal(plug_socket(&s, NULL, NULL, &err), PLUG_EINVAL);
    assert_int_equal(plug_open(&s, NULL, 0, &err), PLUG_EINVAL);
    assert_int_equal(plug_open(NULL, "echo:", 0, &err), PLUG_EINVAL);
    assert_int_equal(plug_open_on(&s, NULL, "echo:", &err), PLUG_EINVAL);
    assert_true(err.text[0] != 0);
    assert_int_equal(plug_bind(NULL, "x"), PLUG_EINVAL);
    assert_int_equal(plug_connect(NULL, "x", 0), PLUG_EINVAL);
    assert_int_equal(plug_connect_addr(NULL, NULL, 0), PLUG_EINVAL);
    assert_int_equal(plug_listen(NULL, 0), PLUG_EINVAL);
    assert_int_equal(plug_accept(NULL, &s, 0), PLUG_EINVAL);
    assert_int_equal(plug_send(NULL, "x", 1, 0, 0), PLUG_EINVAL);
    assert_int_equal(plug_recv(NULL, buf, 1, 0, 0), PLUG_EINVAL);
    assert_int_equal(plug_getsockopt(NULL, 0, 0, buf, &len), PLUG_EINVAL);
    assert_int_equal(plug_setsockopt(NULL, 0, 0, buf, 1), PLUG_EINVAL);
    assert_int_equal(plug_select(NULL, 1, 0), PLUG_EINVAL);
    assert_int_equal(plug_gethostbyname(NULL, 0, NULL, 0, 0, &err), PLUG_EINVAL);
    assert_int_equal(plug_addr_text(NULL, buf, 4), PLUG_EINVAL);
    plug_close(NULL);
    assert_null(s);
}

static void test_api__refuses_what_an_endpoint_cannot(void **state)
{
    struct plug_sock *s = must_open("echo:"), *child;
    (void)state;
    assert_int_equal(plug_accept(s, &child, 0), PLUG_EINVAL);
    assert_int_equal(plug_listen(s, 0), PLUG_EISCONN);
    assert_int_equal(plug_bind(s, "x"), PLUG_EISCONN);
    assert_int_equal(plug_connect(s, "x", 0), PLUG_EISCONN);
    assert_int_equal(plug_shutdown(s, 9, 0), PLUG_EINVAL);
    assert_int_equal(plug_send(s, NULL, 3, 0, 0), PLUG_EINVAL);
    assert_int_equal(plug_sendmmsg(s, NULL, 1, 0, 0), PLUG_EINVAL);
    assert_int_equal(plug_recvmmsg(s, NULL, 1, 0, 0), PLUG_EINVAL);
    plug_close(s);
}

static void test_api__tells_where_an_address_is_wrong(void **state)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    (void)state;
    assert_int_equal(plug_open(&s, "ehco:", 0, &err), PLUG_EUSAGE);
    assert_int_equal(err.column, 0);
    assert_int_equal(err.width, 4);
    assert_non_null(strstr(err.text, "echo"));
    assert_null(s);
    assert_int_equal(plug_socket(&s, NULL, "nonsense", &err), PLUG_EUSAGE);
    assert_null(s);
}

static void test_api__echo_gives_back_what_was_sent(void **state)
{
    struct plug_sock *s = must_open("echo:");
    char buf[16];
    (void)state;
    assert_int_equal(plug_state(s), 0);
    assert_int_equal(plug_send(s, "hello", 5, 0, in_ms(1000)), 5);
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, in_ms(1000)), 5);
    assert_memory_equal(buf, "hello", 5);
    plug_close(s);
}

static void test_api__a_deadline_ends_a_wait(void **state)
{
    struct plug_sock *s = must_open("stall:");
    plug_time start = plug_now();
    char buf[16];
    (void)state;
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, in_ms(30)), PLUG_ETIMEDOUT);
    assert_true(plug_now() - start >= 30 * PLUG_MS);
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, 0), PLUG_EAGAIN);
    assert_int_equal(plug_send(s, "x", 1, 0, 0), PLUG_EAGAIN);
    plug_close(s);
}

static void test_api__a_shared_loop_never_blocks(void **state)
{
    struct plug_loop *loop;
    struct plug_sock *s;
    struct plug_err err;
    char buf[16];
    (void)state;
    assert_int_equal(plug_loop_new(&loop, NULL, &err), 0);
    assert_int_equal(plug_open_on(&s, loop, "stall:", &err), 0);
    while (plug_state(s) == PLUG_EAGAIN)
        assert_true(plug_loop_turn(loop, in_ms(1000)) >= 0);
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, 0), PLUG_EAGAIN);
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, in_ms(1000)), PLUG_EDEADLK);
    plug_close(s);
    plug_loop_free(loop);
}

static void count_calls(struct plug_sock *s, void *arg)
{
    (void)s;
    ++*(int *)arg;
}

static void test_api__a_watch_hears_of_news(void **state)
{
    struct plug_loop *loop;
    struct plug_sock *s;
    struct plug_err err;
    char buf[8];
    int calls = 0;
    (void)state;
    assert_int_equal(plug_loop_new(&loop, "poll", &err), 0);
    assert_int_equal(plug_open_on(&s, loop, "exec:cat", &err), 0);
    plug_watch(s, count_calls, &calls);
    while (!calls)
        assert_true(plug_loop_turn(loop, in_ms(5000)) >= 0);
    assert_int_equal(plug_send(s, "x", 1, 0, 0), 1);
    while (plug_recv(s, buf, sizeof buf, 0, 0) == PLUG_EAGAIN)
        assert_true(plug_loop_turn(loop, in_ms(5000)) > 0);
    assert_true(calls > 1);
    plug_watch(s, NULL, NULL);
    plug_close(s);
    plug_loop_free(loop);
}

static void close_in_watch(struct plug_sock *s, void *arg)
{
    plug_close(s);
    *(int *)arg = 1;
}

static void test_api__a_sock_may_be_closed_in_its_own_watch(void **state)
{
    struct plug_loop *loop;
    struct plug_sock *s;
    struct plug_err err;
    int closed = 0;
    (void)state;
    assert_int_equal(plug_loop_new(&loop, NULL, &err), 0);
    assert_int_equal(plug_open_on(&s, loop, "exec:cat", &err), 0);
    plug_watch(s, close_in_watch, &closed);
    while (!closed)
        assert_true(plug_loop_turn(loop, in_ms(5000)) >= 0);
    plug_loop_free(loop);
}

static void test_api__options_tell_type_and_limit(void **state)
{
    struct plug_sock *s = must_open("exec:cat");
    int type = 0;
    size_t limit = 7, len = sizeof type;
    (void)state;
    assert_int_equal(plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, &type, &len), 0);
    assert_int_equal(type, PLUG_STREAM);
    len = 1;
    assert_int_equal(plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_TYPE, &type, &len), PLUG_EINVAL);
    len = sizeof limit;
    assert_int_equal(plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_LIMIT, &limit, &len), 0);
    assert_int_equal(limit, 0);
    assert_int_equal(plug_setsockopt(s, PLUG_LEVEL_SOCK, PLUG__SO_MOVE, &len, sizeof len),
                     PLUG_EINVAL);
    plug_close(s);
}

static void test_api__the_error_of_a_failed_open_is_told(void **state)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    (void)state;
    assert_int_equal(plug_open(&s, "file:/no/such/file", in_ms(1000), &err), PLUG_ENOENT);
    assert_int_equal(err.code, PLUG_ENOENT);
    assert_non_null(strstr(err.text, "no such file"));
    assert_null(s);
}

static void test_api__shutdown_is_the_peers_end(void **state)
{
    struct plug_sock *s = must_open("exec:cat");
    char buf[8];
    (void)state;
    assert_int_equal(plug_send(s, "ab", 2, 0, in_ms(1000)), 2);
    assert_int_equal(plug_shutdown(s, PLUG_SHUT_WR, in_ms(1000)), 0);
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, in_ms(5000)), 2);
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, in_ms(5000)), PLUG_EOF);
    assert_int_equal(plug_recv(s, buf, sizeof buf, 0, in_ms(5000)), PLUG_EOF);
    plug_close(s);
}

static void test_select__tells_ready_ones_of_any_kind(void **state)
{
    struct plug_sock *cat = must_open("exec:cat"), *stall = must_open("stall:");
    struct plug_selection v[2] = {{.sock = cat, .want = PLUG_IN}, {.sock = stall, .want = PLUG_IN}};
    char buf[8];
    (void)state;
    assert_int_equal(plug_select(v, 2, in_ms(20)), 0);
    assert_int_equal(plug_send(cat, "x", 1, 0, in_ms(1000)), 1);
    assert_int_equal(plug_select(v, 2, in_ms(5000)), 1);
    assert_int_equal(v[0].ready, PLUG_IN);
    assert_int_equal(v[1].ready, 0);
    assert_int_equal(plug_recv(cat, buf, sizeof buf, 0, 0), 1);
    v[0].want = PLUG_OUT;
    assert_int_equal(plug_select(v, 2, in_ms(1000)), 1);
    assert_int_equal(v[0].ready, PLUG_OUT);
    plug_close(cat);
    plug_close(stall);
}

static void test_select__wants_one_loop_or_private_ones(void **state)
{
    struct plug_loop *a, *b;
    struct plug_sock *x, *y, *z = must_open("echo:");
    struct plug_err err;
    (void)state;
    assert_int_equal(plug_loop_new(&a, "poll", &err), 0);
    assert_int_equal(plug_loop_new(&b, "poll", &err), 0);
    assert_int_equal(plug_open_on(&x, a, "echo:", &err), 0);
    assert_int_equal(plug_open_on(&y, b, "echo:", &err), 0);
    struct plug_selection two[2] = {{.sock = x, .want = PLUG_OUT}, {.sock = y, .want = PLUG_OUT}};
    assert_int_equal(plug_select(two, 2, 0), PLUG_EINVAL);
    two[1].sock = z;
    assert_int_equal(plug_select(two, 2, 0), PLUG_EINVAL);
    two[1].sock = NULL;
    assert_int_equal(plug_select(two, 2, 0), PLUG_EINVAL);
    assert_int_equal(plug_select(two, 1, in_ms(10)), PLUG_EINVAL);
    assert_int_equal(plug_select(two, 1, 0), 1);
    assert_int_equal(two[0].ready, PLUG_OUT);
    plug_close(x);
    plug_close(y);
    plug_close(z);
    plug_loop_free(a);
    plug_loop_free(b);
}

static void test_gethostbyname__answers_literals_and_names(void **state)
{
    struct plug_addr v[8];
    struct plug_err err;
    char text[64];
    int n;
    (void)state;
    assert_int_equal(plug_gethostbyname("127.0.0.1", 80, v, 8, in_ms(1000), &err), 1);
    assert_true(plug_addr_text(&v[0], text, sizeof text) > 0);
    assert_string_equal(text, "127.0.0.1:80");
    assert_int_equal(plug_gethostbyname("::1", 80, v, 8, in_ms(1000), &err), 1);
    n = plug_gethostbyname("localhost", 80, v, 8, in_ms(5000), &err);
    assert_true(n >= 1);
    n = plug_gethostbyname("no-such-host.invalid", 80, v, 8, in_ms(20000), &err);
    assert_true(n == PLUG_ENOHOST || n == PLUG_EDNS);
    assert_non_null(strstr(err.text, "no-such-host.invalid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api__names_its_version),
        cmocka_unit_test(test_api__refuses_bad_arguments),
        cmocka_unit_test(test_api__refuses_what_an_endpoint_cannot),
        cmocka_unit_test(test_api__tells_where_an_address_is_wrong),
        cmocka_unit_test(test_api__echo_gives_back_what_was_sent),
        cmocka_unit_test(test_api__a_deadline_ends_a_wait),
        cmocka_unit_test(test_api__a_shared_loop_never_blocks),
        cmocka_unit_test(test_api__a_watch_hears_of_news),
        cmocka_unit_test(test_api__a_sock_may_be_closed_in_its_own_watch),
        cmocka_unit_test(test_api__options_tell_type_and_limit),
        cmocka_unit_test(test_api__the_error_of_a_failed_open_is_told),
        cmocka_unit_test(test_api__shutdown_is_the_peers_end),
        cmocka_unit_test(test_select__tells_ready_ones_of_any_kind),
        cmocka_unit_test(test_select__wants_one_loop_or_private_ones),
        cmocka_unit_test(test_gethostbyname__answers_literals_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

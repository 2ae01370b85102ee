/* SPDX-License-Identifier: MIT
 *
 * plug_fd where something is missing: memory, descriptors; and its ends on a shared loop. What it
 * does for programs is tested in tests/contract/calls.
 */
#include "unit/torture.h"

#include "core/serve.h"
#include <fcntl.h>
#include <plug/loop.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
    return plug_loop_new((struct plug_loop **)state, NULL, NULL);
}

static int teardown(void **state)
{
    plug_loop_free(*state);
    return 0;
}

static struct plug_sock *must_open(struct plug_loop *loop, const char *address)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    if (plug_open_on(&s, loop, address, &err) < 0)
        fail_msg("%s: %s", address, err.text);
    for (int i = 0; i < 100 && plug_state(s) == PLUG_EAGAIN; i++)
        assert_true(plug_loop_turn(loop, plug_now() + 10 * PLUG_MS) >= 0);
    assert_int_equal(plug_state(s), 0);
    return s;
}

static int lowest_free(void)
{
    int fd = dup(2);
    close(fd);
    return fd;
}

static void test_serve__without_memory_nothing_has_happened(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s = must_open(loop, "echo:");
    const int before = lowest_free();
    struct torture mem;
    int fd, tries = 0;
    char b;
    do {
        torture_start(&mem, (unsigned)tries++);
        fd = plug_fd(s);
        torture_stop();
        if (mem.hit) {
            assert_int_equal(fd, PLUG_ENOMEM);
            assert_int_equal(lowest_free(), before);
            assert_int_equal(plug_send(s, "x", 1, 0, 0), 1); /* it is still the caller's */
            assert_int_equal(plug_recv(s, &b, 1, 0, 0), 1);
        }
    } while (mem.hit);
    assert_true(fd >= 0 && tries > 3);
    close(fd);
    plug_close(s);
}

static void test_serve__without_descriptors_nothing_has_happened(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s = must_open(loop, "echo:");
    struct plug_sock *own = NULL;
    struct rlimit old, none;
    assert_int_equal(plug_open(&own, "echo:", plug_now() + PLUG_SECOND, NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = (rlim_t)lowest_free() + 1; /* one, and a pair needs two */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(plug_fd(s), PLUG_EMFILE);
    assert_int_equal(plug_fd(own), PLUG_EMFILE);
    none.rlim_cur += 1; /* the pair, but nothing to call the thread by */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(plug_fd(own), PLUG_EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(plug_send(own, "x", 1, 0, 0), 1);
    plug_close(s);
    plug_close(own);
}

static void test_serve__records_stay_records(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s = must_open(loop, "echo:,type=seqpacket");
    char buf[8];
    int fd = plug_fd(s);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "one", 3), 3);
    assert_int_equal(write(fd, "three", 5), 5);
    for (int i = 0; i < 20; i++)
        assert_true(plug_loop_turn(loop, 0) >= 0);
    assert_int_equal(recv(fd, buf, sizeof buf, MSG_DONTWAIT), 3);
    assert_int_equal(recv(fd, buf, sizeof buf, MSG_DONTWAIT), 5);
    close(fd);
    plug_close(s);
}

static void test_serve__who_goes_away_ends_it(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s = must_open(loop, "pair:a"), *peer = must_open(loop, "pair:a");
    char buf[8];
    int fd = plug_fd(s);
    assert_true(fd >= 0);
    assert_int_equal(plug__served_busy(s), 1);
    assert_int_equal(plug_send(peer, "unread", 6, 0, 0), 6);
    for (int i = 0; i < 5; i++)
        assert_true(plug_loop_turn(loop, 0) >= 0);
    close(fd); /* with data in it: a reset for our end */
    for (int i = 0; i < 5; i++)
        assert_true(plug_loop_turn(loop, 0) >= 0);
    assert_int_equal(plug_recv(peer, buf, sizeof buf, 0, 0), PLUG_EOF);
    assert_int_equal(plug_send(peer, "more", 4, 0, 0), 4);
    for (int i = 0; i < 5; i++)
        assert_true(plug_loop_turn(loop, 0) >= 0);
    assert_int_equal(plug__served_busy(s), 0);
    plug_close(s);
    plug_close(peer);
}

static void test_serve__backpressure_loses_nothing(void **state)
{
    enum { BIG = 1 << 20 };
    static char block[65536];
    struct plug_loop *loop = *state;
    struct plug_sock *s = must_open(loop, "pair:b"), *peer = must_open(loop, "pair:b");
    size_t sent = 0, got = 0;
    int fd = plug_fd(s);
    assert_true(fd >= 0);
    while (sent < BIG) {
        int64_t n = plug_send(peer, block, sizeof block, 0, 0);
        sent += n > 0 ? (size_t)n : 0;
        if (n <= 0)
            break; /* nobody reads: it must stop by itself */
        assert_true(plug_loop_turn(loop, 0) >= 0);
    }
    assert_true(sent < BIG);
    for (int i = 0; i < 10000 && got < sent; i++) {
        ssize_t n = recv(fd, block, sizeof block, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
        assert_true(plug_loop_turn(loop, 0) >= 0);
    }
    assert_int_equal(got, sent);
    close(fd);
    plug_close(s);
    plug_close(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_serve__without_memory_nothing_has_happened, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_serve__without_descriptors_nothing_has_happened, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_serve__records_stay_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_serve__who_goes_away_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_serve__backpressure_loses_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

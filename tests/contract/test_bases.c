/* SPDX-License-Identifier: MIT
 *
 * The contract suite over the base layers and over stacks on them: real descriptors, once on each
 * loop backend. Both ends are plug's; other programs' sockets meet it in tests/e2e.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive.h"
#include "tenants.h"
#include "util/alloc.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct row rows[] = {
    {"tcp", "tcp-listen://127.0.0.1:0", "tcp://%s", ROW_LISTENS, 0},
    {"tcp, IPv6 and IPv4", "tcp-listen://:0", "tcp://%s", ROW_LISTENS, 0},
    {"unix", "unix-listen:s1", "unix:s1", ROW_LISTENS, 0},
    {"unix, abstract", "abstract-listen:plug-contract", "abstract-connect:plug-contract",
     ROW_LISTENS, 0},
    {"unix-seqpacket", "unix-seqpacket-listen:s2", "unix-seqpacket:s2", ROW_LISTENS | ROW_RECORDS,
     0},
    {"unix-dgram", "unix-dgram-listen:s3", "unix-dgram:s3,bind=s4",
     ROW_LISTENS | ROW_RECORDS | ROW_LOSSY, 0},
    {"udp", "udp-listen://127.0.0.1:0", "udp://%s", ROW_LISTENS | ROW_RECORDS | ROW_LOSSY, 1200},
    {"udp-sendto", "udp-listen://127.0.0.1:0", "udp-sendto://%s",
     ROW_LISTENS | ROW_RECORDS | ROW_LOSSY, 1200},
    {"udp-datagram", "udp-listen://127.0.0.1:0", "udp-datagram://%s",
     ROW_LISTENS | ROW_RECORDS | ROW_LOSSY, 1200},
    {"unix-sendto", "unix-dgram-listen:s8", "unix-sendto:s8,bind=s9",
     ROW_LISTENS | ROW_RECORDS | ROW_LOSSY, 0},
    {"unix-recv", "unix-sendto:s10", "unix-recv:s10", ROW_ONEWAY | ROW_RECORDS | ROW_LOSSY, 0},
    {"unix-client", "unix-listen:s11", "unix-client:s11", ROW_LISTENS, 0},
    {"gopen", "unix-seqpacket-listen:s12", "gopen:s12", ROW_LISTENS | ROW_RECORDS, 0},
    {"pair", "pair:x", "pair:x", 0, 0},
    {"pair of records", "pair:x", "pair:x", ROW_RECORDS, 0},
    {"echo", "echo:", NULL, ROW_ECHO, 0},
    {"echo of records", "echo:", NULL, ROW_ECHO | ROW_RECORDS, 0},
    {"exec", "exec:cat", NULL, ROW_ECHO, 0},
    {"exec over pipes", "exec:cat,pipes", NULL, ROW_ECHO, 0},
    {"system", "system:cat", NULL, ROW_ECHO, 0},
    {"program on a terminal", "pty:cat,rawer", NULL, ROW_ECHO | ROW_NOHALF, 0},
    {"terminal and serial line", "pty:,link=t1,rawer", "serial:t1", ROW_NOHALF, 0},
    {"shell", "shell:cat", NULL, ROW_ECHO, 0},
    {"exec on a terminal", "pty:cat,rawer", NULL, ROW_ECHO | ROW_NOHALF, 0},
    {"pty and serial", "pty:,rawer,link=t1", "serial:t1", ROW_NOHALF, 0},
    {"pipe", "pipe:p1,wronly", "pipe:p1,rdonly", ROW_ONEWAY, 0},
    {"unnamed pipe", "pipe:", NULL, ROW_ECHO | ROW_NOHALF, 0},
    {"two FIFOs as one", "pipe:p2!!pipe:p3", "pipe:p3!!pipe:p2", 0, 0},
    {"stream socketpair", "socketpair,type=stream", NULL, ROW_ECHO | ROW_NOHALF, 0},
    {"dgram socketpair", "socketpair", NULL, ROW_ECHO | ROW_RECORDS | ROW_NOHALF, 0},
    {"seqpacket socketpair", "socketpair,type=seqpacket", NULL, ROW_ECHO | ROW_RECORDS | ROW_NOHALF,
     0},
    {"len32 on tcp", "len32+tcp-listen://127.0.0.1:0", "len32+tcp://%s", ROW_LISTENS | ROW_RECORDS,
     0},
    {"line on unix", "line+unix-listen:s5", "line+unix:s5", ROW_LISTENS | ROW_RECORDS | ROW_TEXT,
     0},
    {"cobs on exec", "cobs+exec:cat", NULL, ROW_ECHO | ROW_RECORDS, 0},
    {"netstring on pair", "netstring+pair:x,type=stream", "netstring+pair:x,type=stream",
     ROW_RECORDS, 0},
    {"turns on tcp", "turns+tcp-listen://127.0.0.1:0", "turns+tcp://%s", ROW_LISTENS, 0},
    {"leave on tcp", "leave+tcp-listen://127.0.0.1:0", "leave+tcp://%s", ROW_LISTENS, 0},
    {"beat on unix", "beat+unix-listen:s6", "beat+unix:s6", ROW_LISTENS | ROW_RECORDS | ROW_NOHALF,
     0},
    {"named on tcp", "named+tcp-listen://127.0.0.1:0", "named+tcp://%s#route=x", ROW_LISTENS, 0},
    {"cr on tcp", "tcp-listen://127.0.0.1:0#cr", "tcp://%s#cr", ROW_LISTENS | ROW_TEXT, 0},
    {"cr on seqpacket", "unix-seqpacket-listen:s7,cr", "unix-seqpacket:s7,cr",
     ROW_LISTENS | ROW_RECORDS | ROW_TEXT, 0},
    {"crnl on tcp", "tcp-listen://127.0.0.1:0#crnl", "tcp://%s#crnl", ROW_LISTENS, 0},
};

static const char *const backends[] = {"epoll", "poll"};

static struct plug_loop *new_loop(const char *backend)
{
    struct plug_loop *loop = NULL;
    if (plug_loop_new(&loop, backend, NULL) < 0)
        return NULL;
    loop->layers = tenants;
    return loop;
}

static int open_handles(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static int handles_at_begin;

/* A child that was killed is waited for beside the loop, with a descriptor of its own: it gets some
 * time. */
static void check_handles(void)
{
    plug_time until = plug_now() + 10 * PLUG_SECOND;
    while (open_handles() != handles_at_begin && plug_now() < until)
        (void)plug__os_poll(NULL, 0, 5 * PLUG_MS, NULL);
    assert_int_equal(open_handles(), handles_at_begin);
}

static int try_one(const struct row *row, const char *backend, size_t total, size_t piece,
                   size_t room)
{
    struct plug_loop *loop = new_loop(backend);
    struct drive d;
    int r = drive_open(&d, row, NULL, loop);
    for (int i = 0; i < 2; i++) {
        d.flow[i].total = total;
        d.flow[i].piece = piece;
        d.flow[i].recv_room = room;
    }
    if (r >= 0)
        r = drive_run(&d);
    if (r < 0)
        print_error("%s, %s, %zu in %zu: %s (%d)\n", row->name, backend, total, piece, d.why, r);
    drive_close(&d);
    plug_loop_free(loop);
    return r;
}

static void run_one(const struct row *row, const char *backend, size_t total, size_t piece,
                    size_t room)
{
    assert_int_equal(try_one(row, backend, total, piece, room), 0);
}

static void test_bases__move_all_on_each_backend(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(rows); i++) {
        for (size_t k = 0; k < PLUG__COUNT(backends); k++) {
            run_one(&rows[i], backends[k], 9000, 1460, 0);
            if (rows[i].flags & ROW_RECORDS)
                continue;
            run_one(&rows[i], backends[k], 200, 1, 1);
            run_one(&rows[i], backends[k], 600000, 65000, 65536);
        }
    }
}

/* ---- closing in each state ---- */

static void close_after(const struct row *row, const char *backend, int turns, int how)
{
    struct plug_loop *loop = new_loop(backend);
    struct drive d;
    char buf[400] = "";
    struct plug_iov iov = {buf, sizeof(buf)};
    struct plug_msg m = {.iov = &iov, .niov = 1, .flags = PLUG_MSG_EOR};
    memset(buf, 'x', sizeof(buf));
    assert_int_equal(drive_open(&d, row, NULL, loop), 0);
    for (int i = 0; i < turns; i++)
        (void)plug_loop_turn(loop, plug_now() + PLUG_MS);
    if (how >= 0 && drive_until_up(&d) >= 0) {
        struct plug_sock *s = d.s[row->flags & ROW_LISTENS ? 1 : 0];
        (void)plug__sock_send(s, &m, 1, 0);
        if (how <= PLUG_SHUT_RESET)
            (void)plug__sock_shut(s, how);
        (void)plug_loop_turn(loop, plug_now() + PLUG_MS);
    }
    drive_close(&d);
    plug_loop_free(loop);
}

static void test_bases__may_be_closed_in_each_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(rows); i++) {
        for (size_t k = 0; k < PLUG__COUNT(backends); k++) {
            for (int turns = 0; turns < 4; turns++)
                close_after(&rows[i], backends[k], turns, -1);
            for (int how = 0; how <= PLUG_SHUT_RESET + 1; how++)
                close_after(&rows[i], backends[k], 2, how);
        }
    }
    check_handles();
}

/* ---- a reset is one ---- */

static void test_bases__a_reset_reaches_the_peer_as_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(rows); i++) {
        struct plug_loop *loop;
        struct drive d;
        char buf[64];
        struct plug_iov iov = {buf, sizeof(buf)};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        int r = PLUG_EAGAIN;
        if (strncmp(rows[i].name, "tcp", 3) != 0 && strncmp(rows[i].name, "pair", 4) != 0)
            continue;
        loop = new_loop("epoll");
        assert_int_equal(drive_open(&d, &rows[i], NULL, loop), 0);
        assert_int_equal(drive_until_up(&d), 0);
        (void)plug__sock_shut(d.s[0], PLUG_SHUT_RESET);
        plug_close(d.s[0]);
        d.s[0] = NULL;
        while (r == PLUG_EAGAIN || r > 0) {
            r = plug__sock_recv(d.s[1], &m, 1, 0);
            if (r == PLUG_EAGAIN && drive_turn(&d) < 0)
                break;
        }
        if (r != PLUG_ECONNRESET)
            print_error("%s: %d\n", rows[i].name, r);
        assert_int_equal(r, PLUG_ECONNRESET);
        drive_close(&d);
        plug_loop_free(loop);
    }
}

/* ---- n = 0 moves nothing ---- */

static void test_bases__calls_for_nothing_move_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(rows); i++) {
        struct plug_loop *loop = new_loop("epoll");
        struct drive d;
        assert_int_equal(drive_open(&d, &rows[i], NULL, loop), 0);
        if (!(rows[i].flags & ROW_LOSSY))
            assert_int_equal(drive_until_up(&d), 0);
        for (int k = 0; k < 2; k++) {
            struct plug_sock *s = d.s[k];
            if (!s || plug_state(s) < 0)
                continue;
            for (int n = 0; n < 3; n++) {
                int r = plug__sock_send(s, NULL, 0, 0);
                assert_true(r == 0 || r == PLUG_EAGAIN);
                r = plug__sock_recv(s, NULL, 0, 0);
                assert_true(r == 0 || r == PLUG_EAGAIN);
            }
        }
        d.flow[0].total = d.flow[1].total = 500;
        int r = drive_run(&d);
        if (r < 0)
            print_error("%s: %s (%d)\n", rows[i].name, d.why, r);
        assert_int_equal(r, 0);
        drive_close(&d);
        plug_loop_free(loop);
    }
}

/* ---- no memory ---- */

struct denial {
    long at, n;
    int denied;
};

static int deny(void *arg, size_t size)
{
    struct denial *d = arg;
    (void)size;
    if (d->n++ != d->at)
        return 0;
    d->denied = 1;
    return 1;
}

/* A datagram that found no memory is lost, and a listener that finds none drops a connection: then
 * all that is asked is that nothing leaks and nothing hangs for ever. */
static int starve(const struct row *row, const char *backend, struct denial *denial)
{
    struct drive d = {0};
    int r = PLUG_ENOMEM;
    plug__alloc_hook(deny, denial);
    struct plug_loop *loop = new_loop(backend);
    if (loop) {
        r = drive_open(&d, row, NULL, loop);
        d.flow[0].total = d.flow[1].total = 700;
        d.memory_fails = 1;
        d.patience = PLUG_SECOND / 5;
        if (r >= 0)
            r = drive_run(&d);
        drive_close(&d);
        plug_loop_free(loop);
    }
    plug__alloc_hook(NULL, NULL);
    return r;
}

static int starved_well(const struct row *row, const struct denial *denial, int r)
{
    if (r == 0)
        return 1;
    if (!denial->denied)
        return 0;
    if (row->flags & ROW_LOSSY)
        return 1;
    if (row->flags & ROW_LISTENS) /* the other end may meet what came of it */
        return r == PLUG_ENOMEM || r == PLUG_ECONNRESET || r == PLUG_ETIMEDOUT || r == PLUG_EPIPE ||
               r == PLUG_ECONNREFUSED;
    return r == PLUG_ENOMEM;
}

static void test_bases__survive_each_failing_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(rows); i++) {
        for (long at = 0;; at++) {
            struct denial denial = {.at = at};
            int r = starve(&rows[i], backends[at & 1], &denial);
            if (!starved_well(&rows[i], &denial, r))
                print_error("%s, allocation %ld: %d\n", rows[i].name, at, r);
            assert_true(starved_well(&rows[i], &denial, r));
            assert_true(at < 1000);
            if (!denial.denied)
                break;
        }
    }
    check_handles();
}

/* ---- ends that are no pair ---- */

static void read_all(struct plug_loop *loop, const char *address, const char *want)
{
    struct row row = {.name = address, .a = address, .flags = ROW_SOURCE};
    struct drive d;
    char buf[256];
    size_t got = 0;
    int r = drive_open(&d, &row, NULL, loop);
    if (r < 0)
        print_error("%s\n", d.why);
    assert_int_equal(r, 0);
    assert_int_equal(drive_until_up(&d), 0);
    for (;;) {
        struct plug_iov iov = {buf + got, 3};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        r = plug__sock_recv(d.s[0], &m, 1, 0);
        if (r == PLUG_EAGAIN && drive_turn(&d) >= 0)
            continue;
        if (r < 0)
            break;
        got += m.len;
    }
    assert_int_equal(r, PLUG_EOF);
    assert_int_equal(got, strlen(want));
    assert_memory_equal(buf, want, got);
    drive_close(&d);
}

static void write_all(struct plug_loop *loop, const char *address, char *text)
{
    struct row row = {.name = address, .a = address, .flags = ROW_SOURCE};
    struct drive d;
    size_t len = strlen(text), at = 0;
    assert_int_equal(drive_open(&d, &row, NULL, loop), 0);
    assert_int_equal(drive_until_up(&d), 0);
    while (at < len) {
        struct plug_iov iov = {text + at, len - at};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        int r = plug__sock_send(d.s[0], &m, 1, 0);
        assert_true(r == 1 || (r == PLUG_EAGAIN && drive_turn(&d) >= 0));
        at += r == 1 ? m.len : 0;
    }
    assert_int_equal(plug__sock_shut(d.s[0], PLUG_SHUT_WR), 0);
    drive_close(&d);
}

static void test_bases__files_and_texts(void **state)
{
    char text[] = "twelve bytes";
    (void)state;
    for (size_t k = 0; k < PLUG__COUNT(backends); k++) {
        struct plug_loop *loop = new_loop(backends[k]);
        write_all(loop, "create:file1", text);
        read_all(loop, "file:file1", text);
        read_all(loop, "file:file1,readbytes=6", "twelve");
        read_all(loop, "file:file1,escape=32", "twelve");
        write_all(loop, "file:file1,append,wronly", text);
        read_all(loop, "file:file1,rdonly", "twelve bytestwelve bytes");
        read_all(loop, "text:hello", "hello");
        read_all(loop, "exec:echo hello", "hello\n");
        plug_loop_free(loop);
    }
}

/* fd: takes over descriptors of every kind; both ends of a socket pair and of a pipe. */
static void test_bases__open_descriptors(void **state)
{
    (void)state;
    for (size_t k = 0; k < PLUG__COUNT(backends); k++) {
        plug_handle pair[2], ends[2];
        char a[32], b[32];
        assert_int_equal(plug__os_socketpair(pair, PLUG_STREAM, NULL), 0);
        (void)snprintf(a, sizeof(a), "fd:%d", (int)pair[0]);
        (void)snprintf(b, sizeof(b), "fd:%d", (int)pair[1]);
        run_one(&(struct row){"fd of a socket pair", a, b, 0, 0}, backends[k], 200000, 5000, 0);
        assert_int_equal(plug__os_pipe(ends, 0, NULL), 0);
        (void)snprintf(a, sizeof(a), "fd:%d", (int)ends[1]);
        (void)snprintf(b, sizeof(b), "fd:%d", (int)ends[0]);
        run_one(&(struct row){"fd of a pipe", a, b, ROW_ONEWAY, 0}, backends[k], 200000, 5000, 0);
    }
}

/* A!!B of four ends of pipes; a listening socket that others made. */
static void test_bases__descriptors_of_two_and_that_listen(void **state)
{
    (void)state;
    for (size_t k = 0; k < PLUG__COUNT(backends); k++) {
        plug_handle forth[2], back[2];
        char a[64], b[64];
        int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "s13"};
        assert_int_equal(plug__os_pipe(forth, 0, NULL), 0);
        assert_int_equal(plug__os_pipe(back, 0, NULL), 0);
        (void)snprintf(a, sizeof(a), "fd:%d!!fd:%d", (int)back[0], (int)forth[1]);
        (void)snprintf(b, sizeof(b), "fd:%d!!fd:%d", (int)forth[0], (int)back[1]);
        run_one(&(struct row){"A!!B of pipes", a, b, 0, 0}, backends[k], 200000, 5000, 0);
        assert_true(s >= 0);
        assert_int_equal(bind(s, (const struct sockaddr *)&un, sizeof(un)), 0);
        assert_int_equal(listen(s, 4), 0);
        (void)snprintf(a, sizeof(a), "accept-fd:%d", s);
        run_one(&(struct row){"accept-fd", a, "unix-seqpacket:s13", ROW_LISTENS | ROW_RECORDS, 0},
                backends[k], 9000, 1460, 0);
        (void)unlink("s13");
    }
    check_handles();
}

/* stdio reads 0 and writes 1: both are lent to one end of a socket pair for the time of the test.
 */
static void test_bases__standard_input_and_output(void **state)
{
    (void)state;
    for (size_t k = 0; k < PLUG__COUNT(backends); k++) {
        plug_handle pair[2];
        char b[32];
        int in = dup(0), out = dup(1), r;
        assert_true(in >= 0 && out >= 0);
        assert_int_equal(plug__os_socketpair(pair, PLUG_STREAM, NULL), 0);
        (void)snprintf(b, sizeof(b), "fd:%d", (int)pair[1]);
        (void)fflush(stdout);
        (void)dup2((int)pair[0], 0);
        (void)dup2((int)pair[0], 1);
        plug__os_close(pair[0]);
        r = try_one(&(struct row){"stdio", "stdio", b, ROW_NOHALF, 0}, backends[k], 200000, 5000,
                    0);
        (void)fflush(stdout);
        (void)dup2(in, 0);
        (void)dup2(out, 1);
        (void)close(in);
        (void)close(out);
        assert_int_equal(r, 0);
    }
}

/* stall neither gives nor takes, and has no end. */
static void test_bases__stall(void **state)
{
    struct plug_loop *loop = new_loop("epoll");
    struct row row = {.name = "stall", .a = "stall:", .flags = ROW_SOURCE};
    struct drive d;
    char buf[8] = "";
    struct plug_iov iov = {buf, sizeof(buf)};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    (void)state;
    assert_int_equal(drive_open(&d, &row, NULL, loop), 0);
    assert_int_equal(drive_until_up(&d), 0);
    assert_int_equal(plug__sock_recv(d.s[0], &m, 1, 0), PLUG_EAGAIN);
    assert_int_equal(plug__sock_send(d.s[0], &m, 1, 0), PLUG_EAGAIN);
    drive_close(&d);
    plug_loop_free(loop);
}

static char place[] = "/tmp/plug-contract-XXXXXX";

static int go(void **state)
{
    (void)state;
    handles_at_begin = open_handles();
    return mkdtemp(place) && chdir(place) == 0 ? 0 : -1;
}

static int back(void **state)
{
    static const char *const left[] = {"s1", "s2", "s3", "s4", "s5", "s6", "p1", "file1"};
    (void)state;
    for (size_t i = 0; i < PLUG__COUNT(left); i++)
        (void)unlink(left[i]);
    return chdir("/") == 0 && rmdir(place) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases__move_all_on_each_backend),
        cmocka_unit_test(test_bases__may_be_closed_in_each_state),
        cmocka_unit_test(test_bases__a_reset_reaches_the_peer_as_one),
        cmocka_unit_test(test_bases__calls_for_nothing_move_nothing),
        cmocka_unit_test(test_bases__survive_each_failing_allocation),
        cmocka_unit_test(test_bases__files_and_texts),
        cmocka_unit_test(test_bases__open_descriptors),
        cmocka_unit_test(test_bases__descriptors_of_two_and_that_listen),
        cmocka_unit_test(test_bases__standard_input_and_output),
        cmocka_unit_test(test_bases__stall),
    };
    return cmocka_run_group_tests(tests, go, back);
}

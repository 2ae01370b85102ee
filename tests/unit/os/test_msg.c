/* SPDX-License-Identifier: MIT
 *
 * Messages: streams, records, batches, and where each ends.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_msg__stream_end_is_eof(void **state)
{
    (void)state;
    plug_handle h[2];
    char buf[8];
    unsigned flags = 99;
    pair_tcp(h);
    assert_int_equal(pair_send(h[0], "abc"), 3);
    assert_int_equal(plug__os_shutdown(h[0], PLUG_SHUT_WR, NULL), 0);
    pair_wait(h[1], PLUG__HUP);
    assert_int_equal(pair_recv(h[1], buf, sizeof buf, 1, &flags), 3);
    assert_int_equal(flags, 0);
    assert_int_equal(pair_recv(h[1], buf, sizeof buf, 1, NULL), PLUG_EOF);
    assert_int_equal(pair_recv(h[1], buf, sizeof buf, 1, NULL), PLUG_EOF);
    pair_close(h);
}

static void test_msg__empty_buffer_on_a_stream_is_not_eof(void **state)
{
    (void)state;
    plug_handle h[2];
    char buf[1];
    pair_tcp(h);
    assert_int_equal(pair_send(h[0], "abc"), 3);
    pair_wait(h[1], PLUG_IN);
    assert_int_equal(pair_recv(h[1], buf, 0, 1, NULL), 0);
    pair_close(h);
}

static void test_msg__nothing_there_is_eagain_on_a_blocking_socket_too(void **state)
{
    (void)state;
    plug_handle h[2];
    char buf[8];
    assert_int_equal(plug__os_socketpair(h, SOCK_STREAM, NULL), 0);
    assert_int_equal(plug__os_nonblock(h[0], 0, NULL), 0);
    assert_int_equal(pair_recv(h[0], buf, sizeof buf, 1, NULL), PLUG_EAGAIN);
    pair_close(h);
}

static void test_msg__datagram_has_eor_and_its_sender(void **state)
{
    (void)state;
    struct plug_addr a, from = {0}, own;
    plug_handle h = pair_bound(AF_INET, SOCK_DGRAM, &a);
    plug_handle c = pair_bound(AF_INET, SOCK_DGRAM, &own);
    char out[] = "ping", in[16];
    struct plug_iov v = {out, 4}, w = {in, sizeof in};
    struct plug_msg m = {.iov = &v, .niov = 1, .name = &a};
    struct plug_msg r = {.iov = &w, .niov = 1, .name = &from};
    assert_int_equal(plug__os_send(c, &m, 1, 0, NULL), 1);
    pair_wait(h, PLUG_IN);
    assert_int_equal(plug__os_recv(h, &r, 1, 0, NULL), 1);
    assert_int_equal(r.len, 4);
    assert_int_equal(r.flags, PLUG_MSG_EOR);
    assert_int_equal(plug__os_addr_port(&from), plug__os_addr_port(&own));
    plug__os_close(h);
    plug__os_close(c);
}

static void test_msg__empty_datagram_is_data(void **state)
{
    (void)state;
    struct plug_addr a;
    plug_handle h = pair_bound(AF_INET, SOCK_DGRAM, &a), c;
    char buf[8];
    unsigned flags = 0;
    assert_int_equal(plug__os_socket(&c, AF_INET, SOCK_DGRAM, 0, NULL), 0);
    assert_int_equal(plug__os_connect(c, &a, NULL), 0);
    assert_int_equal(pair_send(c, ""), 0);
    pair_wait(h, PLUG_IN);
    assert_int_equal(pair_recv(h, buf, sizeof buf, 0, &flags), 0);
    assert_int_equal(flags, PLUG_MSG_EOR);
    plug__os_close(h);
    plug__os_close(c);
}

static void test_msg__cut_datagram_is_marked(void **state)
{
    (void)state;
    plug_handle h[2];
    char buf[4];
    unsigned flags = 0;
    assert_int_equal(plug__os_socketpair(h, SOCK_DGRAM, NULL), 0);
    assert_int_equal(pair_send(h[0], "longer"), 6);
    assert_int_equal(pair_recv(h[1], buf, sizeof buf, 0, &flags), 4);
    assert_int_equal(flags, PLUG_MSG_EOR | PLUG_MSG_TRUNC);
    pair_close(h);
}

static void msg_batch(struct plug_msg *m, struct plug_iov *v, char *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        v[i] = (struct plug_iov){bytes + 16 * i, 16};
        m[i] = (struct plug_msg){.iov = &v[i], .niov = 1};
    }
}

static void test_msg__batches_keep_every_record(void **state)
{
    (void)state;
    char out[8 * 16], in[8 * 16];
    struct plug_iov v[8], w[8];
    struct plug_msg m[8], r[8];
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, SOCK_DGRAM, NULL), 0);
    msg_batch(m, v, out, 8);
    msg_batch(r, w, in, 8);
    for (unsigned i = 0; i < 8; i++) {
        memset(v[i].base, 'a' + (int)i, 16);
        v[i].len = i; /* the first is empty */
    }
    assert_int_equal(plug__os_send(h[0], m, 8, 0, NULL), 8);
    assert_int_equal(plug__os_recv(h[1], r, 8, 0, NULL), 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(m[i].len, i);
        assert_int_equal(r[i].len, i);
        assert_int_equal(r[i].flags, PLUG_MSG_EOR);
        assert_memory_equal(w[i].base, v[i].base, i);
    }
    pair_close(h);
}

/* The second record finds no reader: the first is told, its error comes with the next call. */
static void test_msg__batch_that_fails_in_the_middle(void **state)
{
    (void)state;
    struct plug_addr good, bad = {0};
    char out[2 * 16] = "";
    struct plug_iov v[2];
    struct plug_msg m[2];
    plug_handle h = pair_bound(AF_INET, SOCK_DGRAM, &good), c;
    assert_int_equal(plug__os_addr_ip(&bad, "255.255.255.255", 9),
                     0); /* broadcast is not allowed */
    assert_int_equal(plug__os_socket(&c, AF_INET, SOCK_DGRAM, 0, NULL), 0);
    msg_batch(m, v, out, 2);
    m[0].name = &good;
    m[1].name = &bad;
    assert_int_equal(plug__os_send(c, m, 2, 0, NULL), 1);
    assert_int_equal(m[0].len, 16);
    assert_true(plug__os_send(c, m + 1, 1, 0, NULL) < 0);
    plug__os_close(h);
    plug__os_close(c);
}

static void test_msg__refused_datagram_is_told_once(void **state)
{
    (void)state;
    struct plug_addr a;
    plug_handle gone = pair_bound(AF_INET, SOCK_DGRAM, &a), c;
    char buf[8];
    assert_int_equal(plug__os_socket(&c, AF_INET, SOCK_DGRAM, 0, NULL), 0);
    assert_int_equal(plug__os_connect(c, &a, NULL), 0);
    plug__os_close(gone);
    assert_int_equal(pair_send(c, "x"), 1);
    pair_wait(c, PLUG_IN | PLUG_OUT);
    assert_int_equal(pair_recv(c, buf, sizeof buf, 0, NULL), PLUG_ECONNREFUSED);
    assert_int_equal(pair_recv(c, buf, sizeof buf, 0, NULL), PLUG_EAGAIN);
    plug__os_close(c);
}

static void msg_check_seqpacket(plug_handle from, plug_handle to)
{
    char buf[8];
    unsigned flags = 0;
    assert_int_equal(pair_send(from, "abc"), 3);
    assert_int_equal(pair_send(from, ""), 0);
    assert_int_equal(pair_recv(to, buf, sizeof buf, 0, &flags), 3);
    assert_int_equal(flags, PLUG_MSG_EOR);
    assert_int_equal(pair_recv(to, buf, sizeof buf, 0, &flags), 0);
    assert_int_equal(flags, PLUG_MSG_EOR);
    assert_int_equal(pair_recv(to, buf, sizeof buf, 0, NULL), PLUG_EAGAIN);
    assert_int_equal(pair_send(from, ""), 0);
    assert_int_equal(plug__os_shutdown(from, PLUG_SHUT_WR, NULL), 0);
    assert_int_equal(pair_recv(to, buf, sizeof buf, 0, NULL), 0);
    assert_int_equal(pair_recv(to, buf, sizeof buf, 0, NULL), PLUG_EOF);
    assert_int_equal(pair_recv(to, buf, sizeof buf, 0, NULL), PLUG_EOF);
}

/* An empty record just before the end is still a record: recv says 0 for both. */
static void test_msg__seqpacket_tells_an_empty_record_from_the_end(void **state)
{
    (void)state;
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, SOCK_SEQPACKET, NULL), 0);
    msg_check_seqpacket(h[0], h[1]);
    pair_close(h);
}

static void test_msg__seqpacket_accepted(void **state)
{
    (void)state;
    struct plug_addr a;
    plug_handle l, c, got;
    char name[32];
    (void)snprintf(name, sizeof name, "plug-test-msg-%d", (int)getpid());
    assert_int_equal(plug__os_addr_unix(&a, name, 1, 1), 0);
    assert_int_equal(plug__os_socket(&l, AF_UNIX, SOCK_SEQPACKET, 0, NULL), 0);
    assert_int_equal(plug__os_bind(l, &a, NULL), 0);
    assert_int_equal(plug__os_listen(l, 1, NULL), 0);
    assert_int_equal(plug__os_socket(&c, AF_UNIX, SOCK_SEQPACKET, 0, NULL), 0);
    assert_int_equal(plug__os_connect(c, &a, NULL), 0);
    assert_int_equal(plug__os_accept(l, &got, NULL, NULL), 0);
    msg_check_seqpacket(c, got);
    plug__os_close(c);
    plug__os_close(got);
    plug__os_close(l);
}

/* A socket that plug did not make (fd:N) learns it at its first empty record. */
static void test_msg__seqpacket_from_elsewhere(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
    msg_check_seqpacket(fd[0], fd[1]);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

static void test_msg__seqpacket_end_inside_a_batch(void **state)
{
    (void)state;
    char in[8 * 16];
    struct plug_iov w[8];
    struct plug_msg r[8];
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, SOCK_SEQPACKET, NULL), 0);
    assert_int_equal(pair_send(h[0], "abc"), 3);
    assert_int_equal(pair_send(h[0], ""), 0);
    plug__os_close(h[0]);
    msg_batch(r, w, in, 8);
    assert_int_equal(plug__os_recv(h[1], r, 8, 0, NULL), 2);
    assert_int_equal(r[1].len, 0);
    assert_int_equal(plug__os_recv(h[1], r, 8, 0, NULL), PLUG_EOF);
    plug__os_close(h[1]);
}

static void test_msg__ancillary_descriptor_is_not_inherited(void **state)
{
    (void)state;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } out = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                      .cmsg_level = SOL_SOCKET,
                      .cmsg_type = SCM_RIGHTS}},
      in = {.head = {0}};
    char byte[1] = "x";
    struct plug_iov v = {byte, 1};
    struct plug_msg m = {
        .iov = &v, .niov = 1, .control = out.space, .controllen = sizeof out.space};
    plug_handle h[2];
    int fd = 1;
    memcpy(CMSG_DATA(&out.head), &fd, sizeof fd);
    assert_int_equal(plug__os_socketpair(h, SOCK_STREAM, NULL), 0);
    assert_int_equal(plug__os_send(h[0], &m, 1, 0, NULL), 1);
    m.control = in.space;
    m.controllen = sizeof in.space;
    assert_int_equal(plug__os_recv(h[1], &m, 1, 1, NULL), 1);
    assert_int_equal(m.controllen, CMSG_LEN(sizeof(int)) + sizeof(int));
    memcpy(&fd, CMSG_DATA(&in.head), sizeof fd);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    (void)close(fd);
    pair_close(h);
}

static void test_msg__urgent_byte(void **state)
{
    (void)state;
    plug_handle h[2];
    char byte[1] = "!";
    struct plug_iov v = {byte, 1};
    struct plug_msg m = {.iov = &v, .niov = 1};
    pair_tcp(h);
    assert_int_equal(plug__os_send(h[0], &m, 1, PLUG_MSG_OOB, NULL), 1);
    assert_int_equal(pair_wait(h[1], PLUG__PRI), PLUG__PRI);
    pair_close(h);
}

/* Sends `fd` three times along with a byte. */
static void send_rights(plug_handle h, int fd)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(3 * sizeof(int))];
    } room = {0};
    char c = 'x';
    struct plug_iov iov = {&c, 1};
    struct plug_msg m = {
        .iov = &iov, .niov = 1, .control = &room, .controllen = sizeof(room.space)};
    int fds[3] = {fd, fd, fd};
    room.align.cmsg_level = SOL_SOCKET;
    room.align.cmsg_type = SCM_RIGHTS;
    room.align.cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(&room.align), fds, sizeof(fds));
    assert_int_equal(plug__os_send(h, &m, 1, 0, NULL), 1);
}

/* One at a time and in batches; what nobody asked for must not stay open. */
static void test_msg__descriptors_nobody_asked_for_are_closed(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        plug_handle h[2];
        int stream = types[i] == SOCK_STREAM, lowest, r;
        struct plug_msg v[2] = {0};
        struct plug_iov iov[2];
        char buf[2][8];
        assert_int_equal(plug__os_socketpair(h, types[i], NULL), 0);
        lowest = dup(2);
        close(lowest);
        send_rights(h[0], 2);
        send_rights(h[0], 2);
        for (int k = 0; k < 2; k++) {
            iov[k] = (struct plug_iov){buf[k], sizeof(buf[k])};
            v[k] = (struct plug_msg){.iov = &iov[k], .niov = 1};
        }
        r = plug__os_recv(h[1], v, 2, stream, NULL);
        assert_int_equal(r, stream ? 1 : 2);
        for (int k = 0; k < r; k++) {
            assert_int_equal(v[k].len, 1);
            assert_true(v[k].flags & PLUG_MSG_CTRUNC);
        }
        r = dup(2);
        close(r);
        assert_int_equal(r, lowest);
        pair_close(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msg__stream_end_is_eof),
        cmocka_unit_test(test_msg__empty_buffer_on_a_stream_is_not_eof),
        cmocka_unit_test(test_msg__nothing_there_is_eagain_on_a_blocking_socket_too),
        cmocka_unit_test(test_msg__datagram_has_eor_and_its_sender),
        cmocka_unit_test(test_msg__empty_datagram_is_data),
        cmocka_unit_test(test_msg__cut_datagram_is_marked),
        cmocka_unit_test(test_msg__batches_keep_every_record),
        cmocka_unit_test(test_msg__batch_that_fails_in_the_middle),
        cmocka_unit_test(test_msg__refused_datagram_is_told_once),
        cmocka_unit_test(test_msg__seqpacket_tells_an_empty_record_from_the_end),
        cmocka_unit_test(test_msg__seqpacket_accepted),
        cmocka_unit_test(test_msg__seqpacket_from_elsewhere),
        cmocka_unit_test(test_msg__seqpacket_end_inside_a_batch),
        cmocka_unit_test(test_msg__ancillary_descriptor_is_not_inherited),
        cmocka_unit_test(test_msg__urgent_byte),
        cmocka_unit_test(test_msg__descriptors_nobody_asked_for_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

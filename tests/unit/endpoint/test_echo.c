/* SPDX-License-Identifier: MIT
 *
 * echo, text and stall: the endpoints that need nobody else.
 */
#include "unit/endpoint/rig.h"

static void test_echo__gives_bytes_back_then_ends(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "echo:");
    char buf[16];
    assert_int_equal(plug_recv(s, buf, sizeof(buf), 0, 0), PLUG_EAGAIN);
    rig_send_all(t, s, "abc");
    rig_send_all(t, s, "def");
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_send(t, s, "x", 1), PLUG_EPIPE);
    rig_slurp(t, s, buf, sizeof(buf));
    assert_string_equal(buf, "abcdef");
    plug_close(s);
}

static void test_echo__keeps_records(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "echo:,type=dgram");
    char buf[3][8];
    struct plug_iov iov[3] = {{buf[0], 8}, {buf[1], 8}, {buf[2], 8}};
    struct plug_msg m[3] = {
        {.iov = &iov[0], .niov = 1}, {.iov = &iov[1], .niov = 1}, {.iov = &iov[2], .niov = 1}};
    assert_int_equal(plug_send(s, "one", 3, PLUG_MSG_TEXT, 0), 3);
    assert_int_equal(plug_send(s, "", 0, 0, 0), 0);
    assert_int_equal(plug_recvmmsg(s, m, 3, 0, 0), 2);
    assert_int_equal(m[0].len, 3);
    assert_int_equal(m[0].flags, PLUG_MSG_EOR | PLUG_MSG_TEXT);
    assert_int_equal(m[1].len, 0);
    assert_int_equal(m[1].flags, PLUG_MSG_EOR);
    plug_close(s);
}

static void test_echo__makes_the_sender_wait(void **state)
{
    static char block[70000];
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "echo:");
    int64_t r, in = 0, out = 0;
    while ((r = plug_send(s, block, sizeof(block), 0, 0)) > 0)
        in += r;
    assert_int_equal(r, PLUG_EAGAIN);
    assert_int_equal(in, 256 * 1024);
    while (out < in) {
        r = rig_recv(t, s, block, sizeof(block));
        assert_true(r > 0);
        out += r;
    }
    assert_int_equal(rig_send(t, s, "x", 1), 1);
    plug_close(s);
}

/* Empty records take room too: a sender of nothing cannot fill the memory. */
static void test_echo__empty_records_are_bounded(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "echo:,type=seqpacket");
    int64_t r;
    int n = 0;
    while ((r = plug_send(s, "", 0, 0, 0)) == 0)
        n++;
    assert_int_equal(r, PLUG_EAGAIN);
    assert_in_range(n, 1000, 256 * 1024);
    plug_close(s);
}

static void test_echo__record_longer_than_the_queue(void **state)
{
    static char block[300 * 1024];
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "echo:,type=seqpacket");
    struct plug_iov v = {block, sizeof(block)};
    struct plug_msg m = {.iov = &v, .niov = 1, .flags = PLUG_MSG_EOR};
    size_t sent;
    assert_int_equal(plug_sendmmsg(s, &m, 1, 0, 0), 1);
    sent = m.len;
    assert_true(sent < sizeof(block)); /* a part, and no end behind it */
    assert_int_equal(plug_recvmmsg(s, &m, 1, 0, 0), 1);
    assert_int_equal(m.len, sent);
    assert_int_equal(m.flags, 0);
    v = (struct plug_iov){block + sent, sizeof(block) - sent};
    m = (struct plug_msg){.iov = &v, .niov = 1, .flags = PLUG_MSG_EOR};
    assert_int_equal(plug_sendmmsg(s, &m, 1, 0, 0), 1);
    assert_int_equal(m.len, sizeof(block) - sent);
    assert_int_equal(plug_recvmmsg(s, &m, 1, 0, 0), 1);
    assert_int_equal(m.flags, PLUG_MSG_EOR);
    plug_close(s);
}

static void test_text__is_read_then_ends(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "text:some\\nwords");
    char buf[4], rest[32];
    assert_int_equal(rig_recv(t, s, buf, 4), 4);
    assert_memory_equal(buf, "some", 4);
    rig_slurp(t, s, rest, sizeof(rest));
    assert_string_equal(rest, "\nwords");
    plug_close(s);
    s = rig_must(t, "text:");
    assert_int_equal(rig_recv(t, s, buf, 4), PLUG_EOF);
    plug_close(s);
}

static void test_text__what_is_sent_goes_to_standard_output(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s;
    char buf[8];
    int p[2], saved = dup(1), open_still;
    int64_t put, got;
    fflush(stdout);
    assert_int_equal(pipe(p), 0);
    dup2(p[1], 1);
    s = rig_must(t, "text:x");
    put = rig_send(t, s, "answer", 6);
    (void)rig_shut(t, s, PLUG_SHUT_RDWR);
    plug_close(s);
    open_still = write(1, "!", 1) == 1; /* it is not text's to close */
    dup2(saved, 1);
    close(saved);
    close(p[1]);
    got = read(p[0], buf, sizeof(buf));
    close(p[0]);
    assert_int_equal(put, 6);
    assert_true(open_still);
    assert_int_equal(got, 7);
    assert_memory_equal(buf, "answer!", 7);
}

static void test_stall__is_never_ready(void **state)
{
    struct rig *t = *state;
    struct plug_sock *s = rig_must(t, "stall:");
    char c;
    assert_int_equal(plug_recv(s, &c, 1, 0, 0), PLUG_EAGAIN);
    assert_int_equal(plug_send(s, "x", 1, 0, 0), PLUG_EAGAIN);
    assert_int_equal(rig_shut(t, s, PLUG_SHUT_RDWR), 0);
    plug_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_echo__gives_bytes_back_then_ends),
        RIG_ALL(test_echo__keeps_records),
        RIG_ALL(test_echo__makes_the_sender_wait),
        RIG_PRIVATE(test_echo__empty_records_are_bounded),
        RIG_ALL(test_echo__record_longer_than_the_queue),
        RIG_ALL(test_text__is_read_then_ends),
        RIG_ALL(test_text__what_is_sent_goes_to_standard_output),
        RIG_ALL(test_stall__is_never_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

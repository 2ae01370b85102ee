/* SPDX-License-Identifier: MIT
 *
 * Unix sockets through the public calls: streams, records, datagrams; names that are stale, live,
 * abstract or not sockets at all.
 */
#include "rig.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of its own for each test. */
static char dir[64];

/* The text with each '@' replaced by the directory. */
static const char *in_dir(const char *text)
{
    static char room[4][256];
    static int turn;
    char *to = room[turn++ % 4], *out = to;
    for (; *text; text++) {
        int n = snprintf(to, sizeof(room[0]) - (size_t)(to - out), "%.*s", *text == '@' ? 64 : 1,
                         *text == '@' ? dir : text);
        to += n;
    }
    return out;
}

static int setup(void **state)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/plug-test-XXXXXX");
    return mkdtemp(dir) ? rig_setup(state) : -1;
}

static int teardown(void **state)
{
    (void)unlink(in_dir("@/s"));
    (void)unlink(in_dir("@/c"));
    if (rmdir(dir) != 0)
        return -1;
    return rig_teardown(state);
}

#define IN_DIR_ON(f, backend, name)                               \
    {                                                             \
#f name, f, setup, teardown, (void *)(uintptr_t)(backend) \
    }
#define IN_DIR(f) \
    IN_DIR_ON(f, "epoll", " (epoll)"), IN_DIR_ON(f, "poll", " (poll)"), IN_DIR_ON(f, NULL, "")

static int there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* ---- streams ---- */

static void talk(struct plug_loop *loop, const char *listen, const char *connect)
{
    struct plug_sock *l = rig_open(loop, listen), *c = rig_open(loop, connect);
    struct plug_sock *s = rig_accept(loop, l);
    char b[8];
    rig_says(loop, c, s, "there");
    rig_says(loop, s, c, "and back");
    assert_int_equal(rig_shut(loop, c, PLUG_SHUT_WR), 0);
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), PLUG_EOF);
    rig_says(loop, s, c, "late");
    assert_int_equal(rig_shut(loop, s, PLUG_SHUT_RDWR), 0);
    assert_int_equal(rig_recv(loop, c, b, sizeof(b)), PLUG_EOF);
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

static void test_unix__stream_carries_both_ways(void **state)
{
    talk(*state, in_dir("unix-listen:@/s"), in_dir("unix:@/s"));
    assert_false(there(in_dir("@/s")));
}

static void test_unix__url_form(void **state)
{
    talk(*state, in_dir("unix-listen://@/s"), in_dir("unix://@/s"));
}

static void test_unix__abstract_name(void **state)
{
    char a[96], b[96];
    (void)snprintf(a, sizeof(a), "abstract-listen:%s", dir);
    (void)snprintf(b, sizeof(b), "abstract-connect:%s", dir);
    talk(*state, a, b);
}

static void test_unix__nobody_there_is_told(void **state)
{
    struct plug_sock *s;
    assert_int_equal(rig_try(*state, in_dir("unix:@/s"), &s), PLUG_ENOENT);
}

static void test_unix__long_name_is_a_usage_error(void **state)
{
    struct plug_sock *s;
    struct plug_err err = {0};
    char text[256] = "unix:/tmp/";
    (void)state;
    memset(text + 10, 'x', 150);
    assert_int_equal(plug_open(&s, text, 0, &err), PLUG_EUSAGE);
    assert_true(err.hint[0]);
}

/* The listener's queue is full: connect says EAGAIN and the kernel never calls back. */
static void test_unix__full_backlog_is_waited_for(void **state)
{
    enum { MANY = 6 };
    struct plug_loop *loop = *state;
    struct plug_sock *l, *c[MANY], *s[MANY];
    l = rig_open(loop, in_dir("unix-listen:@/s,backlog=1,fork"));
    plug__loop_unqueue(&l->task);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(plug_open_on(&c[i], loop, in_dir("unix:@/s"), NULL), 0);
    for (int i = 0; i < MANY; i++)
        s[i] = rig_accept(loop, l);
    for (int i = 0; i < MANY; i++) {
        while (plug_state(c[i]) == PLUG_EAGAIN)
            plug_loop_turn(loop, rig_until());
        assert_int_equal(plug_state(c[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        plug_close(c[i]);
        plug_close(s[i]);
    }
    plug_close(l);
}

static void test_unix__peer_that_did_not_read_is_told(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, in_dir("unix-listen:@/s"));
    struct plug_sock *c = rig_open(loop, in_dir("unix:@/s")), *s = rig_accept(loop, l);
    assert_int_equal(rig_send(loop, c, "lost", 4), 4);
    plug_close(s);
    assert_int_equal(rig_shut(loop, c, PLUG_SHUT_RDWR), PLUG_ECONNRESET);
    plug_close(c);
    plug_close(l);
}

/* ---- seqpacket ---- */

static void test_unix__seqpacket_keeps_records(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, in_dir("unix-seqpacket-listen:@/s"));
    struct plug_sock *c = rig_open(loop, in_dir("unix-seqpacket:@/s"));
    struct plug_sock *s = rig_accept(loop, l);
    char b[16];
    assert_int_equal(rig_send(loop, c, "one", 3), 3);
    assert_int_equal(rig_send(loop, c, "", 0), 0);
    assert_int_equal(rig_send(loop, c, "three", 5), 5);
    plug_close(c);
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), 3);
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), 0);
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), 5);
    assert_memory_equal(b, "three", 5);
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), PLUG_EOF);
    plug_close(s);
    plug_close(l);
}

static void test_unix__seqpacket_half_closes(void **state)
{
    talk(*state, in_dir("unix-seqpacket-listen:@/s"), in_dir("unix-seqpacket:@/s"));
}

/* ---- datagrams ---- */

static struct plug_sock *session_of(struct plug_loop *loop, struct plug_sock *l,
                                    struct plug_sock *c, const char *text)
{
    struct plug_sock *s;
    char b[64];
    assert_int_equal(rig_send(loop, c, text, strlen(text)), strlen(text));
    s = rig_accept(loop, l);
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), strlen(text));
    assert_memory_equal(b, text, strlen(text));
    return s;
}

static void dgram_talk(struct plug_loop *loop, const char *listen, const char *connect)
{
    struct plug_sock *l = rig_open(loop, listen);
    struct plug_sock *a = rig_open(loop, connect), *b = rig_open(loop, connect);
    struct plug_sock *sa = session_of(loop, l, a, "first"), *sb = session_of(loop, l, b, "second");
    rig_says(loop, sa, a, "to the first");
    rig_says(loop, sb, b, "to the second");
    rig_says(loop, a, sa, "on");
    plug_close(a);
    plug_close(b);
    plug_close(sa);
    plug_close(sb);
    plug_close(l);
}

static void test_unix__datagram_peers_have_sessions(void **state)
{
    dgram_talk(*state, in_dir("unix-dgram-listen:@/s"), in_dir("unix-dgram:@/s"));
    assert_false(there(in_dir("@/s")));
}

static void test_unix__datagram_client_with_a_temporary_file(void **state)
{
    dgram_talk(*state, in_dir("unix-dgram-listen:@/s"), in_dir("unix-dgram:@/s,bind-tempname"));
}

static void test_unix__datagram_client_with_a_name(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, in_dir("unix-dgram-listen:@/s"));
    struct plug_sock *c = rig_open(loop, in_dir("unix-dgram:@/s,bind=@/c"));
    struct plug_sock *s = session_of(loop, l, c, "named");
    char text[128];
    assert_string_equal(rig_text(s, PLUG_SO_PEER, text, sizeof(text)), in_dir("@/c"));
    plug_close(c);
    assert_false(there(in_dir("@/c")));
    plug_close(s);
    plug_close(l);
}

/* Whoever has no name cannot be answered: they share one session, which only receives. */
static void test_unix__nameless_peers_share_a_session(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, in_dir("unix-dgram-listen:@/s")), *s;
    struct plug_addr to;
    plug_handle h[2];
    char b[8];
    assert_true(plug__os_addr_unix(&to, in_dir("@/s"), 0, 1) >= 0);
    for (int i = 0; i < 2; i++) {
        struct plug_iov iov = {b, 1};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        b[0] = (char)('a' + i);
        assert_true(plug__os_socket(&h[i], AF_UNIX, SOCK_DGRAM, 0, NULL) >= 0);
        assert_true(plug__os_connect(h[i], &to, NULL) >= 0);
        assert_int_equal(plug__os_send(h[i], &m, 1, 0, NULL), 1);
    }
    s = rig_accept(loop, l);
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), 1);
    assert_int_equal(b[0], 'a');
    assert_int_equal(rig_recv(loop, s, b, sizeof(b)), 1);
    assert_int_equal(b[0], 'b');
    assert_int_equal(rig_send(loop, s, "x", 1), PLUG_ENOTCONN);
    plug__os_close(h[0]);
    plug__os_close(h[1]);
    plug_close(s);
    plug_close(l);
}

static void test_unix__datagrams_up_to_the_limit(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, in_dir("unix-dgram-listen:@/s"));
    struct plug_sock *c = rig_open(loop, in_dir("unix-dgram:@/s"));
    struct plug_sock *s = session_of(loop, l, c, "x");
    static char out[300 * 1024], in[300 * 1024];
    size_t limit = 0, len = sizeof(limit);
    assert_int_equal(plug_getsockopt(c, PLUG_LEVEL_SOCK, PLUG_SO_LIMIT, &limit, &len), 0);
    assert_true(limit > 65536 && limit < sizeof(out));
    memset(out, 'd', sizeof(out));
    assert_int_equal(rig_send(loop, c, out, limit), limit);
    assert_int_equal(rig_recv(loop, s, in, sizeof(in)), limit);
    assert_memory_equal(in, out, limit);
    assert_int_equal(rig_send(loop, c, out, sizeof(out)), PLUG_EMSGSIZE);
    rig_says(loop, c, s, "on");
    plug_close(c);
    plug_close(s);
    plug_close(l);
}

/* ---- names ---- */

/* A socket file whose socket is gone. */
static void leave_stale(int type)
{
    struct plug_addr a;
    plug_handle h;
    assert_true(plug__os_addr_unix(&a, in_dir("@/s"), 0, 1) >= 0);
    assert_true(plug__os_socket(&h, AF_UNIX, type, 0, NULL) >= 0);
    assert_true(plug__os_bind(h, &a, NULL) >= 0);
    plug__os_close(h);
    assert_true(there(in_dir("@/s")));
}

static void test_unix__stale_socket_is_replaced(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        leave_stale(types[i]);
        talk(*state, in_dir("unix-listen:@/s"), in_dir("unix:@/s"));
        leave_stale(types[i]);
        dgram_talk(*state, in_dir("unix-dgram-listen:@/s"), in_dir("unix-dgram:@/s"));
    }
}

static void test_unix__live_socket_never_is(void **state)
{
    static const char *const kinds[] = {"unix-listen:@/s", "unix-seqpacket-listen:@/s",
                                        "unix-dgram-listen:@/s"};
    struct plug_loop *loop = *state;
    for (int i = 0; i < 9; i++) {
        struct plug_sock *l = rig_open(loop, in_dir(kinds[i / 3])), *s;
        assert_int_equal(rig_try(loop, in_dir(kinds[i % 3]), &s), PLUG_EADDRINUSE);
        assert_true(there(in_dir("@/s")));
        if (loop)
            plug_loop_turn(loop, 0);
        if (i < 6) /* the probe was no connection */
            assert_int_equal(plug_accept(l, &s, 0), PLUG_EAGAIN);
        plug_close(l);
    }
}

/* Bound and not yet listening: a stream's connect would be refused as if it were stale. */
static void test_unix__bound_socket_is_live(void **state)
{
    struct plug_addr a;
    struct plug_sock *s;
    plug_handle h;
    assert_true(plug__os_addr_unix(&a, in_dir("@/s"), 0, 1) >= 0);
    assert_true(plug__os_socket(&h, AF_UNIX, SOCK_STREAM, 0, NULL) >= 0);
    assert_true(plug__os_bind(h, &a, NULL) >= 0);
    assert_int_equal(rig_try(*state, in_dir("unix-listen:@/s"), &s), PLUG_EADDRINUSE);
    plug__os_close(h);
}

static void test_unix__other_files_are_never_removed(void **state)
{
    static const char *const more[] = {"unix-listen:@/s", "unix-listen:@/s,unlink-early",
                                       "unix-dgram-listen:@/s,unlink-early"};
    FILE *f = fopen(in_dir("@/s"), "w");
    struct plug_sock *s;
    assert_non_null(f);
    (void)fclose(f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_try(*state, in_dir(more[i]), &s), PLUG_EEXIST);
        assert_true(there(in_dir("@/s")));
    }
}

static void test_unix__unlink_close_0_leaves_the_file(void **state)
{
    plug_close(rig_open(*state, in_dir("unix-listen:@/s,unlink-close=0")));
    assert_true(there(in_dir("@/s")));
}

/* What somebody else put there meanwhile is not ours to remove. */
static void test_unix__anothers_socket_is_left_at_close(void **state)
{
    struct plug_sock *l = rig_open(*state, in_dir("unix-listen:@/s"));
    assert_int_equal(rename(in_dir("@/s"), in_dir("@/c")), 0);
    leave_stale(SOCK_STREAM);
    plug_close(l);
    assert_true(there(in_dir("@/s")));
}

static void test_unix__mode_is_set(void **state)
{
    static const char *const kinds[] = {"unix-listen:@/s,mode=0620",
                                        "unix-dgram-listen:@/s,perm=620"};
    for (int i = 0; i < 2; i++) {
        struct plug_sock *l = rig_open(*state, in_dir(kinds[i]));
        struct stat st;
        assert_int_equal(stat(in_dir("@/s"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0620);
        plug_close(l);
    }
}

static void test_unix__unknown_user_fails_and_cleans_up(void **state)
{
    struct plug_sock *s;
    plug_handle next = rig_next_handle();
    assert_true(rig_try(*state, in_dir("unix-listen:@/s,user=nosuchuserhere"), &s) < 0);
    assert_false(there(in_dir("@/s")));
    assert_int_equal(rig_next_handle(), next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(test_unix__stream_carries_both_ways),
        IN_DIR(test_unix__url_form),
        IN_DIR(test_unix__abstract_name),
        IN_DIR(test_unix__nobody_there_is_told),
        IN_DIR(test_unix__long_name_is_a_usage_error),
        IN_DIR_ON(test_unix__full_backlog_is_waited_for, "epoll", " (epoll)"),
        IN_DIR_ON(test_unix__full_backlog_is_waited_for, "poll", " (poll)"),
        IN_DIR(test_unix__peer_that_did_not_read_is_told),
        IN_DIR(test_unix__seqpacket_keeps_records),
        IN_DIR(test_unix__seqpacket_half_closes),
        IN_DIR(test_unix__datagram_peers_have_sessions),
        IN_DIR(test_unix__datagram_client_with_a_temporary_file),
        IN_DIR(test_unix__datagram_client_with_a_name),
        IN_DIR(test_unix__nameless_peers_share_a_session),
        IN_DIR(test_unix__datagrams_up_to_the_limit),
        IN_DIR(test_unix__stale_socket_is_replaced),
        IN_DIR(test_unix__live_socket_never_is),
        IN_DIR(test_unix__bound_socket_is_live),
        IN_DIR(test_unix__other_files_are_never_removed),
        IN_DIR(test_unix__unlink_close_0_leaves_the_file),
        IN_DIR(test_unix__anothers_socket_is_left_at_close),
        IN_DIR(test_unix__mode_is_set),
        IN_DIR(test_unix__unknown_user_fails_and_cleans_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

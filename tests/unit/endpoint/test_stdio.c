/* SPDX-License-Identifier: MIT
 *
 * Standard input and output, put on pipes and files of the test's own while it runs. What others
 * share must be as it was.
 */
#include "unit/endpoint/rig.h"
#include <poll.h>
#include <sys/socket.h>

/* 0 and 1 are saved and lent to a test. */
struct lent {
    int saved[2];
    int in, out; /* the test's ends of the pipes */
};

static void lend_one(int n, int fd)
{
    assert_int_equal(dup2(fd, n), n);
    close(fd);
}

static struct lent lend_pipes(void)
{
    struct lent l;
    int p[2];
    fflush(stdout);
    l.saved[0] = dup(0);
    l.saved[1] = dup(1);
    assert_int_equal(pipe(p), 0);
    lend_one(0, p[0]);
    l.in = p[1];
    assert_int_equal(pipe(p), 0);
    lend_one(1, p[1]);
    l.out = p[0];
    return l;
}

static void lend_end(struct lent *l)
{
    lend_one(0, l->saved[0]);
    lend_one(1, l->saved[1]);
    if (l->in >= 0)
        close(l->in);
    if (l->out >= 0)
        close(l->out);
}

static int lend_blocks(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/* Without the expectations inside: these would print to a lent descriptor. */
static void test_stdio__joins_both(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s = rig_must(t, "-");
    char in[16] = {0}, out[16] = {0};
    int64_t got, put, eof;
    int blocked = lend_blocks(0) && lend_blocks(1), wrote, read_n, shut, end;
    wrote = (int)write(l.in, "hello", 5);
    got = rig_recv(t, s, in, sizeof(in));
    put = rig_send(t, s, "world", 5);
    read_n = (int)read(l.out, out, sizeof(out));
    close(l.in);
    l.in = -1;
    eof = rig_recv(t, s, in + 8, 1);
    shut = rig_shut(t, s, PLUG_SHUT_WR);
    end = (int)read(l.out, out + 8, 1); /* the reader of our output sees its end */
    plug_close(s);
    lend_end(&l);
    assert_true(blocked);
    assert_int_equal(wrote, 5);
    assert_int_equal(got, 5);
    assert_string_equal(in, "hello");
    assert_int_equal(put, 5);
    assert_int_equal(read_n, 5);
    assert_string_equal(out, "world");
    assert_int_equal(eof, PLUG_EOF);
    assert_int_equal(shut, 0);
    assert_int_equal(end, 0);
}

/* A free number 1 would become the next socket, and get what is printed. */
static void test_stdio__numbers_stay_taken(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s = rig_must(t, "-");
    int taken[2];
    (void)rig_shut(t, s, PLUG_SHUT_RDWR);
    plug_close(s);
    taken[0] = fcntl(0, F_GETFD) >= 0;
    taken[1] = fcntl(1, F_GETFD) >= 0;
    lend_end(&l);
    assert_true(taken[0]);
    assert_true(taken[1]);
}

/* Two endpoints on it: the end of one must not close what the number has become. */
static void test_stdio__twice(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *a = rig_must(t, "-"), *b = rig_must(t, "-");
    char buf[8] = {0};
    int64_t got, put;
    int other[2], alive, end;
    assert_int_equal(write(l.in, "x", 1), 1);
    got = rig_recv(t, a, buf, sizeof(buf));
    put = rig_send(t, b, "y", 1);
    (void)rig_shut(t, b, PLUG_SHUT_RDWR);
    plug_close(b);
    assert_int_equal(pipe(other), 0);
    dup2(other[1], 1); /* somebody takes number 1 for a thing of its own */
    plug_close(a);
    alive = fcntl(1, F_GETFD) >= 0 && write(1, "z", 1) == 1;
    end = (int)read(l.out, buf + 1, 2); /* "y", and then no writer is left */
    end += (int)read(l.out, buf + 2, 2);
    close(other[0]);
    close(other[1]);
    lend_end(&l);
    assert_int_equal(got, 1);
    assert_int_equal(put, 1);
    assert_true(alive);
    assert_int_equal(end, 1);
}

static void test_stdio__reader_gone_is_noticed_while_idle(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s = rig_must(t, "stdout");
    int code;
    close(l.out);
    l.out = -1;
    while ((code = plug_error(s, NULL)) == 0)
        rig_turn(t);
    plug_close(s);
    lend_end(&l);
    assert_int_equal(code, PLUG_EPIPE);
}

/* `echo hi | plug -`: the writer has left before it is opened. */
static void test_stdio__writer_already_gone(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s;
    char buf[8];
    int64_t got, eof;
    assert_int_equal(write(l.in, "hi", 2), 2);
    close(l.in);
    l.in = -1;
    s = rig_must(t, "stdin");
    got = rig_recv(t, s, buf, sizeof(buf));
    eof = rig_recv(t, s, buf, sizeof(buf));
    plug_close(s);
    lend_end(&l);
    assert_int_equal(got, 2);
    assert_int_equal(eof, PLUG_EOF);
}

/* `plug - <fifo` whose writers have come and gone without a byte. */
static void test_stdio__fifo_writer_already_gone(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s;
    char c;
    int64_t eof;
    int fd;
    assert_int_equal(mkfifo(rig_path(t, "p"), 0600), 0);
    lend_one(0, open(rig_path(t, "p"), O_RDONLY | O_NONBLOCK));
    assert_int_equal(fcntl(0, F_SETFL, 0), 0); /* as the shell opens it */
    fd = open(rig_path(t, "p"), O_WRONLY | O_CLOEXEC);
    close(fd);
    s = rig_must(t, "-");
    eof = rig_recv(t, s, &c, 1);
    plug_close(s);
    lend_end(&l);
    unlink(rig_path(t, "p"));
    assert_int_equal(eof, PLUG_EOF);
}

static void test_stdio__files(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s;
    char buf[16];
    int64_t put;
    rig_write_file(rig_path(t, "in"), "from a file");
    lend_one(0, open(rig_path(t, "in"), O_RDONLY));
    lend_one(1, open(rig_path(t, "out"), O_WRONLY | O_CREAT, 0600));
    s = rig_must(t, "stdio");
    rig_slurp(t, s, buf, sizeof(buf));
    put = rig_send(t, s, "to a file", 9);
    (void)rig_shut(t, s, PLUG_SHUT_RDWR);
    plug_close(s);
    lend_end(&l);
    assert_string_equal(buf, "from a file");
    assert_int_equal(put, 9);
    rig_expect_file(rig_path(t, "out"), "to a file");
    unlink(rig_path(t, "in"));
    unlink(rig_path(t, "out"));
}

/* Input a socket, output a pipe: no layer of sockets takes both. */
static void test_stdio__socket_and_pipe(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s;
    char buf[8];
    int64_t got, again, eof;
    int sp[2], blocks;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
    lend_one(0, sp[0]);
    s = rig_must(t, "-");
    assert_int_equal(write(sp[1], "abc", 3), 3);
    got = rig_recv(t, s, buf, sizeof(buf));
    again = plug_recv(s, buf, sizeof(buf), 0, 0);
    blocks = lend_blocks(0);
    close(sp[1]);
    eof = rig_recv(t, s, buf, sizeof(buf));
    plug_close(s);
    lend_end(&l);
    assert_int_equal(got, 3);
    assert_int_equal(again, PLUG_EAGAIN);
    assert_true(blocks);
    assert_int_equal(eof, PLUG_EOF);
}

static void test_stdio__closed_number_is_told(void **state)
{
    struct rig *t = *state;
    struct lent l = lend_pipes();
    struct plug_sock *s;
    int r;
    close(0);
    r = rig_open(t, &s, "stdin");
    lend_end(&l);
    assert_int_equal(r, PLUG_EUSAGE);
    assert_string_equal(t->err.text, "standard input is not open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ALL(test_stdio__joins_both),
        RIG_ALL(test_stdio__numbers_stay_taken),
        RIG_ALL(test_stdio__twice),
        RIG_SHARED(test_stdio__reader_gone_is_noticed_while_idle),
        RIG_ALL(test_stdio__writer_already_gone),
        RIG_ALL(test_stdio__fifo_writer_already_gone),
        RIG_ALL(test_stdio__files),
        RIG_ALL(test_stdio__socket_and_pipe),
        RIG_PRIVATE(test_stdio__closed_number_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * One bulk session beside 63 small ones of the same relay: the bulk is whole at the end, and no
 * small one waited for it. Waits are counted in turns of the loop, which no load on the machine
 * changes.
 */
#include "matrix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SESSIONS = 64, /* number 0 is the bulk */
    BULK = 64 * 1024 * 1024,
    PIECE = 32 * 1024,
    QUESTION = 64,
    LEAST_ROUNDS = 8, /* of a small one while the bulk ran */
    MOST_TURNS = 24   /* of the loop for one round */
};
#define BULK_WAIT (60 * PLUG_SECOND)

struct row {
    const char *name, *relay[2]; /* %s: the folder, %u: the test's port */
    int family[2], type[2];
    const char *beside[2]; /* a relay of its own is the bulk: its ends never wait */
};

#define ROW_TCP_FRONT "tcp-listen://127.0.0.1:0"
static const struct row rows[] = {
    {.name = "tcp",
     .relay = {ROW_TCP_FRONT, "tcp://127.0.0.1:%u"},
     .family = {AF_INET, AF_INET},
     .type = {SOCK_STREAM, SOCK_STREAM}},
    {.name = "unix",
     .relay = {"unix-listen://%s/front", "unix://%s/back"},
     .family = {AF_UNIX, AF_UNIX},
     .type = {SOCK_STREAM, SOCK_STREAM}},
    {.name = "tcp to unix",
     .relay = {ROW_TCP_FRONT, "unix://%s/back"},
     .family = {AF_INET, AF_UNIX},
     .type = {SOCK_STREAM, SOCK_STREAM}},
    {.name = "seqpacket",
     .relay = {"unix-seqpacket-listen://%s/front", "unix-seqpacket://%s/back"},
     .family = {AF_UNIX, AF_UNIX},
     .type = {SOCK_SEQPACKET, SOCK_SEQPACKET}},
    {.name = "seqpacket to tcp",
     .relay = {"unix-seqpacket-listen://%s/front", "tcp://127.0.0.1:%u"},
     .family = {AF_UNIX, AF_INET},
     .type = {SOCK_SEQPACKET, SOCK_STREAM}},
    {.name = "tcp beside a file",
     .relay = {ROW_TCP_FRONT, "tcp://127.0.0.1:%u"},
     .family = {AF_INET, AF_INET},
     .type = {SOCK_STREAM, SOCK_STREAM},
     .beside = {"file:%s/big,rdonly", "file:/dev/null,wronly"}},
};

struct session {
    int client, server;      /* -1: not there */
    uint64_t sent, got;      /* of the round; of the bulk in all */
    uint64_t back, answered; /* what the server sent of its answer; what came of it */
    unsigned rounds, before; /* before: when the bulk began */
    unsigned since;          /* turn when the round began */
    int shut, over;
};

struct bulk {
    const struct row *row;
    const struct tally *tally;
    struct plug_loop *loop;
    struct plug__relay *relay, *beside;
    int listener;
    unsigned port[2]; /* where plug listens; where the test does */
    int listening, began;
    unsigned turn, worst;
    struct content content[SESSIONS];
    struct session s[SESSIONS];
    char why[300];
    const char *backend;
};

static unsigned char bulk_buf[256 * 1024], bulk_want[QUESTION];

static int bulk_fail(struct bulk *b, unsigned i, const char *what, long long n)
{
    if (!b->why[0])
        (void)snprintf(b->why, sizeof(b->why), "session %u: %s (%lld)", i, what, n);
    return -1;
}

/* ---- addresses ---- */

union bulk_addr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_un un;
};

static socklen_t bulk_addr(const struct bulk *b, int side, union bulk_addr *a)
{
    *a = (union bulk_addr){0};
    a->sa.sa_family = (sa_family_t)b->row->family[side];
    if (b->row->family[side] == AF_INET) {
        a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a->in.sin_port = htons((uint16_t)b->port[side]);
        return sizeof(a->in);
    }
    (void)snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s/%s", b->tally->dir,
                   side ? "back" : "front");
    return sizeof(a->un);
}

static int bulk_listen(struct bulk *b)
{
    union bulk_addr a;
    socklen_t len = bulk_addr(b, 1, &a);
    b->listener = socket(b->row->family[1], b->row->type[1] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (b->listener < 0 || bind(b->listener, &a.sa, len) < 0 || listen(b->listener, 128) < 0)
        return bulk_fail(b, 0, strerror(errno), 0);
    len = sizeof(a);
    if (getsockname(b->listener, &a.sa, &len) < 0)
        return bulk_fail(b, 0, strerror(errno), 0);
    b->port[1] = b->row->family[1] == AF_INET ? ntohs(a.in.sin_port) : 0;
    return 0;
}

static int bulk_call(struct bulk *b, unsigned i)
{
    union bulk_addr a;
    socklen_t len = bulk_addr(b, 0, &a);
    int c = socket(b->row->family[0], b->row->type[0] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    b->s[i].client = c;
    if (c < 0)
        return bulk_fail(b, i, strerror(errno), 0);
    if (connect(c, &a.sa, len) == 0 || errno == EINPROGRESS)
        return 0;
    if (errno != EAGAIN) /* a Unix listener's backlog is full */
        return bulk_fail(b, i, strerror(errno), 0);
    (void)close(c);
    b->s[i].client = -1;
    return 0;
}

/* ---- the relay ---- */

static void bulk_event(void *arg, const struct plug__event *ev)
{
    struct bulk *b = arg;
    const char *colon = ev->name ? strrchr(ev->name, ':') : NULL;
    if (ev->kind == PLUG__EV_LISTENING) {
        b->listening = 1;
        b->port[0] = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    }
    if (ev->kind == PLUG__EV_FAILED || ev->kind == PLUG__EV_LOST)
        (void)bulk_fail(b, (unsigned)ev->session, ev->err.text, ev->err.code);
}

static int bulk_plan(struct bulk *b, const char *form, struct plug_plan **ret)
{
    char address[256];
    struct plug_err err = {0};
    const char *hole = strchr(form, '%');
    size_t head = hole ? (size_t)(hole - form) : strlen(form);
    if (!hole)
        (void)snprintf(address, sizeof(address), "%s", form);
    else if (hole[1] == 'u')
        (void)snprintf(address, sizeof(address), "%.*s%u", (int)head, form, b->port[1]);
    else
        (void)snprintf(address, sizeof(address), "%.*s%s%s", (int)head, form, b->tally->dir,
                       hole + 2);
    return plug__plan_parse(ret, address, NULL, &err) < 0 ? bulk_fail(b, 0, err.text, 0) : 0;
}

static int bulk_relay(struct bulk *b, const char *const form[2], struct plug__relay **ret)
{
    struct plug__relay_conf conf = {.half_wait = PLUG_FOREVER,
                                    .idle = PLUG_FOREVER,
                                    .movers = 1,
                                    .event = bulk_event,
                                    .arg = b};
    struct plug_err err = {0};
    int side, r = bulk_plan(b, form[0], &conf.a);
    if (r >= 0)
        r = bulk_plan(b, form[1], &conf.b);
    if (r >= 0)
        r = plug__relay_check(conf.a, conf.b, 0, 0, &side, NULL, NULL, &err);
    if (r >= 0)
        return plug__relay_new(ret, b->loop, &conf, &err) < 0 ? bulk_fail(b, 0, err.text, 0) : 0;
    plug__plan_drop(conf.a);
    plug__plan_drop(conf.b);
    return bulk_fail(b, 0, err.text, 0);
}

/* ---- sessions: the server finds out whose a connection is by its first byte ---- */

static int bulk_accept(struct bulk *b)
{
    static int nameless[SESSIONS]; /* accepted, nothing read yet: + 1 */
    unsigned char id;
    int c = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    unsigned n = 0;
    while (n < SESSIONS && nameless[n])
        n++;
    if (c >= 0 && n == SESSIONS)
        return bulk_fail(b, 0, "too many connections", c);
    if (c >= 0)
        nameless[n] = c + 1;
    for (unsigned i = 0; i < SESSIONS; i++) {
        if (!nameless[i] || recv(nameless[i] - 1, &id, 1, MSG_PEEK) != 1)
            continue;
        if (id >= SESSIONS || b->s[id].server >= 0)
            return bulk_fail(b, id, "comes twice", 0);
        b->s[id].server = nameless[i] - 1;
        nameless[i] = 0;
    }
    return 0;
}

static int64_t bulk_send(struct bulk *b, unsigned i, int fd, uint64_t at, uint64_t size)
{
    size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;
    ssize_t n;
    content_fill(&b->content[i], at, bulk_buf, len);
    if (at == 0)
        bulk_buf[0] = (unsigned char)i;
    n = send(fd, bulk_buf, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
        return bulk_fail(b, i, strerror(errno), (long long)at);
    return n < 0 ? 0 : n;
}

static int64_t bulk_receive(struct bulk *b, unsigned i, int fd, uint64_t at)
{
    ssize_t n = recv(fd, bulk_buf, sizeof(bulk_buf), 0);
    int64_t bad;
    if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
        return bulk_fail(b, i, strerror(errno), (long long)at);
    if (n <= 0)
        return n == 0 ? INT64_MIN : 0;
    if (at == 0) {
        content_fill(&b->content[i], 0, bulk_want, 1);
        if (bulk_buf[0] != i)
            return bulk_fail(b, i, "begins with another's number", bulk_buf[0]);
        bulk_buf[0] = bulk_want[0];
    }
    bad = content_check(&b->content[i], at, bulk_buf, (size_t)n);
    return bad >= 0 ? bulk_fail(b, i, "wrong byte", (long long)bad) : n;
}

static int step_bulk(struct bulk *b)
{
    struct session *s = &b->s[0];
    int64_t n;
    for (int k = 0; k < 32 && s->client >= 0 && s->sent < BULK; k++) {
        n = bulk_send(b, 0, s->client, s->sent, BULK);
        if (n <= 0)
            break;
        s->sent += (uint64_t)n;
    }
    if (s->sent == BULK && !s->shut)
        s->shut = shutdown(s->client, SHUT_WR) == 0;
    for (int k = 0; k < 32 && s->server >= 0 && !s->over; k++) {
        n = bulk_receive(b, 0, s->server, s->got);
        if (n == 0)
            break;
        if (n == INT64_MIN)
            s->over = s->got == BULK ? 1 : bulk_fail(b, 0, "ends early", (long long)s->got);
        else if (n > 0)
            s->got += (uint64_t)n;
        if (b->why[0])
            return -1;
    }
    return b->why[0] ? -1 : 0;
}

/* A question, its answer, the next question; and how many turns that took. */
static int round_over(struct bulk *b, unsigned i)
{
    struct session *s = &b->s[i];
    unsigned turns = b->turn - s->since;
    if (s->answered < QUESTION)
        return 0;
    if (s->rounds && turns > b->worst) /* the first one includes opening */
        b->worst = turns;
    s->rounds++;
    s->sent = s->got = s->back = s->answered = 0;
    s->since = b->turn;
    return 1;
}

static int step_small(struct bulk *b, unsigned i)
{
    struct session *s = &b->s[i];
    int64_t n[4] = {0};
    if (s->client < 0)
        return bulk_call(b, i);
    if (s->sent < QUESTION)
        n[0] = bulk_send(b, i, s->client, s->sent, QUESTION);
    if (s->server >= 0 && s->got < QUESTION)
        n[1] = bulk_receive(b, i, s->server, s->got);
    if (s->got == QUESTION && s->back < QUESTION)
        n[2] = bulk_send(b, i, s->server, s->back, QUESTION);
    if (s->server >= 0)
        n[3] = bulk_receive(b, i, s->client, s->answered);
    for (int k = 0; k < 4; k++)
        if (n[k] == INT64_MIN)
            return bulk_fail(b, i, "ends early", s->rounds);
    if (b->why[0])
        return -1;
    s->sent += (uint64_t)n[0];
    s->got += (uint64_t)n[1];
    s->back += (uint64_t)n[2];
    s->answered += (uint64_t)n[3];
    (void)round_over(b, i);
    return 0;
}

static int bulk_turn(struct bulk *b)
{
    if (plug__loop_poll(b->loop, plug_now() + PLUG_MS) < 0)
        return bulk_fail(b, 0, "the loop failed", 0);
    b->turn++;
    return b->why[0] ? -1 : 0;
}

/* All small ones are up and have had an answer before the bulk begins. */
static int bulk_ready(const struct bulk *b)
{
    for (unsigned i = 1; i < SESSIONS; i++)
        if (b->s[i].rounds < 2)
            return 0;
    return 1;
}

static int bulk_file(struct bulk *b)
{
    char path[128];
    int fd;
    (void)snprintf(path, sizeof(path), "%s/big", b->tally->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, BULK) < 0)
        (void)bulk_fail(b, 0, strerror(errno), 0);
    if (fd >= 0)
        (void)close(fd);
    return b->why[0] ? -1 : bulk_relay(b, b->row->beside, &b->beside);
}

static int bulk_begin(struct bulk *b)
{
    b->worst = 0;
    for (unsigned i = 1; i < SESSIONS; i++)
        b->s[i].before = b->s[i].rounds;
    b->began = 1;
    return b->row->beside[0] ? bulk_file(b) : bulk_call(b, 0);
}

static int bulk_over(const struct bulk *b)
{
    return b->beside ? plug__relay_done(b->beside) : b->s[0].over;
}

static int bulk_step(struct bulk *b)
{
    if (bulk_turn(b) < 0 || bulk_accept(b) < 0)
        return -1;
    if (!b->began && bulk_ready(b) && bulk_begin(b) < 0)
        return -1;
    if (b->began && !b->beside && step_bulk(b) < 0)
        return -1;
    for (unsigned i = 1; b->listening && i < SESSIONS; i++)
        if (step_small(b, i) < 0)
            return -1;
    return 0;
}

static int bulk_drive(struct bulk *b)
{
    plug_time until = plug_now() + BULK_WAIT;
    struct plug__relay_totals totals;
    unsigned least = UINT32_MAX;
    while (!b->began || !bulk_over(b)) {
        if (plug_now() > until)
            return bulk_fail(b, 0, "stuck", (long long)b->s[0].got);
        if (bulk_step(b) < 0)
            return -1;
    }
    if (b->beside) {
        plug__relay_totals(b->beside, &totals);
        if (totals.flow[0].bytes != BULK)
            return bulk_fail(b, 0, "the file is not whole", (long long)totals.flow[0].bytes);
    }
    for (unsigned i = 1; i < SESSIONS; i++)
        least = b->s[i].rounds - b->s[i].before < least ? b->s[i].rounds - b->s[i].before : least;
    if (least < LEAST_ROUNDS)
        return bulk_fail(b, 0, "a small session had few rounds beside the bulk", least);
    return b->worst > MOST_TURNS ? bulk_fail(b, 0, "turns for a small round", b->worst) : 0;
}

/* ---- all of it ---- */

static void bulk_close(struct bulk *b)
{
    plug__relay_free(b->relay);
    plug__relay_free(b->beside);
    for (unsigned i = 0; i < SESSIONS; i++) {
        if (b->s[i].client >= 0)
            (void)close(b->s[i].client);
        if (b->s[i].server >= 0)
            (void)close(b->s[i].server);
    }
    if (b->listener >= 0)
        (void)close(b->listener);
    (void)plug__loop_poll(b->loop, 0);
    plug_loop_free(b->loop);
}

static int bulk_row(struct tally *t, const struct row *row, const char *backend)
{
    struct bulk *b = calloc(1, sizeof(*b));
    int r;
    if (!b)
        return -1;
    *b = (struct bulk){.row = row, .tally = t, .listener = -1, .backend = backend};
    for (unsigned i = 0; i < SESSIONS; i++) {
        b->s[i] = (struct session){.client = -1, .server = -1};
        b->content[i] = (struct content){.seed = i, .size = BULK};
    }
    r = plug_loop_new(&b->loop, backend, NULL);
    if (r >= 0)
        r = bulk_listen(b) < 0 || bulk_relay(b, row->relay, &b->relay) < 0 || bulk_drive(b) < 0;
    t->ran++;
    t->failed += r != 0;
    printf("%s %s, %s: %u turns, a small round took %u at most %s\n", r ? "FAIL" : "bulk",
           row->name, backend, b->turn, b->worst, b->why);
    if (b->loop)
        bulk_close(b);
    free(b);
    batch_clean(t);
    return 0;
}

int bulk_run(struct tally *t)
{
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bulk_row(t, &rows[i], "epoll") < 0 || bulk_row(t, &rows[i], "poll") < 0)
            return -1;
    }
    return 0;
}

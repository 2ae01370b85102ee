/* SPDX-License-Identifier: MIT
 *
 * Happy Eyeballs with answers that the test gives instead of a name service: which address wins,
 * when the next is tried, what is told when all fail. plug__resolve is replaced by the linker.
 */
#include "rig.h"

#include "core/resolve.h"

/* What the replaced resolver answers: `first` at once, `later` after `delay`. */
static struct {
    struct plug__answer first, later;
    void (*changed)(void *arg);
    void *arg;
    plug_time at; /* when `later` came; 0: not yet */
    int closed;
} names;

int __wrap_plug__resolve(struct plug__resolve **ret, struct plug_loop *loop, const char *host,
                         uint16_t port, int family, struct plug__answer *now,
                         void (*changed)(void *arg), void *arg);
int __real_plug__resolve(struct plug__resolve **ret, struct plug_loop *loop, const char *host,
                         uint16_t port, int family, struct plug__answer *now,
                         void (*changed)(void *arg), void *arg);
const struct plug__answer *__wrap_plug__resolve_answer(const struct plug__resolve *r);
void __wrap_plug__resolve_close(struct plug__resolve *r);

int __wrap_plug__resolve(struct plug__resolve **ret, struct plug_loop *loop, const char *host,
                         uint16_t port, int family, struct plug__answer *now,
                         void (*changed)(void *arg), void *arg)
{
    if (strcmp(host, "name.example") != 0)
        return __real_plug__resolve(ret, loop, host, port, family, now, changed, arg);
    names.changed = changed;
    names.arg = arg;
    *ret = (struct plug__resolve *)(void *)&names;
    return 0;
}

const struct plug__answer *__wrap_plug__resolve_answer(const struct plug__resolve *r)
{
    (void)r;
    return names.at ? &names.later : &names.first;
}

void __wrap_plug__resolve_close(struct plug__resolve *r)
{
    if (r)
        names.closed++;
}

static int reset(void **state)
{
    memset(&names, 0, sizeof(names));
    return rig_setup(state);
}

static void add(struct plug__answer *a, const char *ip, unsigned port)
{
    assert_true(plug__os_addr_ip(&a->addrs[a->n++], ip, (uint16_t)port) >= 0);
}

/* Connects; *ret_took is how long it needed. */
static int try_name(struct plug_loop *loop, const char *more, struct plug_sock **ret,
                    plug_time *ret_took)
{
    plug_time begun = plug_now();
    char text[96];
    int r;
    (void)snprintf(text, sizeof(text), "tcp://name.example:1%s", more);
    r = rig_try(loop, text, ret);
    *ret_took = plug_now() - begun;
    return r;
}

static struct plug_sock *listen_on(struct plug_loop *loop, const char *host)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "tcp-listen://%s:0", host);
    return rig_open(loop, text);
}

static void peer_is(struct plug_sock *s, const char *host)
{
    char text[80];
    rig_text(s, PLUG_SO_PEER, text, sizeof(text));
    if (strncmp(text, host, strlen(host)))
        fail_msg("connected to %s, not to %s", text, host);
}

static void test_connect__refused_goes_on_at_once(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = listen_on(loop, "127.0.0.2"), *s;
    plug_time took;
    plug_handle held;
    add(&names.first, "127.0.0.1", rig_closed_port(SOCK_STREAM, &held));
    add(&names.first, "127.0.0.2", rig_port(l));
    assert_int_equal(try_name(loop, "", &s, &took), 0);
    peer_is(s, "127.0.0.2:");
    assert_true(took < 240 * PLUG_MS);
    assert_int_equal(names.closed, 1);
    plug_close(s);
    plug_close(l);
    plug__os_close(held);
}

static void test_connect__silence_is_overtaken_after_the_attempt_delay(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = listen_on(loop, "127.0.0.2"), *s;
    struct rig_hole hole;
    plug_time took;
    rig_hole_open(&hole);
    add(&names.first, "127.0.0.1", hole.port);
    add(&names.first, "127.0.0.2", rig_port(l));
    assert_int_equal(try_name(loop, "", &s, &took), 0);
    peer_is(s, "127.0.0.2:");
    assert_true(took >= 250 * PLUG_MS);
    assert_true(took < 5 * PLUG_SECOND);
    plug_close(s);
    plug_close(l);
    rig_hole_close(&hole);
}

/* The winner beside the first moves to the layer's own place; it must go on to work there. */
static void test_connect__winner_of_a_later_attempt_works(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = listen_on(loop, "127.0.0.2"), *s, *child;
    plug_handle before;
    struct rig_hole hole;
    plug_time took;
    rig_hole_open(&hole);
    before = rig_next_handle();
    add(&names.first, "127.0.0.1", hole.port);
    add(&names.first, "127.0.0.2", rig_port(l));
    assert_int_equal(try_name(loop, "", &s, &took), 0);
    child = rig_accept(loop, l);
    rig_says(loop, s, child, "ping");
    rig_says(loop, child, s, "pong");
    plug_close(child);
    plug_close(s);
    plug_close(l);
    assert_true(rig_next_handle() <= before); /* the losers are closed */
    rig_hole_close(&hole);
}

static void test_connect__no_attempt_after_the_first_won(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *a = listen_on(loop, "127.0.0.1"), *b = listen_on(loop, "127.0.0.2"), *s, *c;
    plug_time took;
    add(&names.first, "127.0.0.1", rig_port(a));
    add(&names.first, "127.0.0.2", rig_port(b));
    assert_int_equal(try_name(loop, "", &s, &took), 0);
    peer_is(s, "127.0.0.1:");
    if (loop)
        plug_loop_turn(loop, plug_now());
    assert_int_equal(plug_accept(b, &c, 0), PLUG_EAGAIN);
    plug_close(s);
    plug_close(a);
    plug_close(b);
}

static void test_connect__families_alternate(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *four, *s;
    plug_handle held;
    plug_time took;
    unsigned dead = rig_closed_port(SOCK_STREAM, &held);
    if (!rig_has_ip6())
        skip();
    four = listen_on(loop, "127.0.0.1");
    add(&names.first, "::1", dead);
    add(&names.first, "::1", dead + 1); /* tried after the IPv4 one, thus not at all */
    add(&names.first, "127.0.0.1", rig_port(four));
    assert_int_equal(try_name(loop, "", &s, &took), 0);
    peer_is(s, "127.0.0.1:");
    plug_close(s);
    plug_close(four);
    plug__os_close(held);
}

static void test_connect__a_waits_a_little_for_aaaa(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = listen_on(loop, "127.0.0.1"), *s;
    plug_time took;
    add(&names.first, "127.0.0.1", rig_port(l));
    names.first.waiting = 1;
    assert_int_equal(try_name(loop, "", &s, &took), 0);
    assert_true(took >= 50 * PLUG_MS);
    assert_true(took < 5 * PLUG_SECOND);
    plug_close(s);
    plug_close(l);
}

/* Brings the second half of the answer from a task, as a helper's answer comes. */
static struct plug__task later_task;

static void later_run(struct plug__task *t)
{
    (void)t;
    names.at = plug_now();
    names.changed(names.arg);
}

static void test_connect__aaaa_that_comes_in_time_goes_first(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l, *s;
    char text[64];
    if (!rig_has_ip6())
        skip();
    l = listen_on(loop, "[::1]");
    add(&names.first, "127.0.0.1", rig_port(l));
    names.first.waiting = 1;
    add(&names.later, "::1", rig_port(l));
    add(&names.later, "127.0.0.1", rig_port(l));
    assert_int_equal(plug_open_on(&s, loop, "tcp://name.example:1", NULL), 0);
    plug_loop_turn(loop, 0);
    assert_int_equal(plug_state(s), PLUG_EAGAIN);
    later_task.run = later_run;
    plug__loop_queue(loop, &later_task);
    while (plug_state(s) == PLUG_EAGAIN)
        plug_loop_turn(loop, rig_until());
    assert_int_equal(plug_state(s), 0);
    assert_non_null(strstr(rig_text(s, PLUG_SO_PEER, text, sizeof(text)), "[::1]:"));
    plug_close(s);
    plug_close(l);
}

/* ---- the same names for others ---- */

/* A name's whole answer is waited for, brought by a task. */
static struct plug_sock *open_name(struct plug_loop *loop, const char *address)
{
    struct plug_sock *s;
    names.first.waiting = 3;
    assert_int_equal(plug_open_on(&s, loop, address, NULL), 0);
    plug_loop_turn(loop, 0);
    assert_int_equal(plug_state(s), PLUG_EAGAIN);
    later_task.run = later_run;
    plug__loop_queue(loop, &later_task);
    while (plug_state(s) == PLUG_EAGAIN)
        plug_loop_turn(loop, rig_until());
    return s;
}

static void test_connect__listeners_listen_on_all_of_a_name(void **state)
{
    static const char *const kinds[] = {"tcp", "udp"};
    struct plug_loop *loop = *state;
    for (int i = 0; i < 2; i++) {
        struct plug_sock *l, *c, *s;
        char text[64];
        memset(&names, 0, sizeof(names));
        add(&names.later, "127.0.0.3", 0);
        add(&names.later, "127.0.0.4", 0);
        (void)snprintf(text, sizeof(text), "%s-listen://name.example:0", kinds[i]);
        l = open_name(loop, text);
        assert_int_equal(plug_state(l), 0);
        for (int host = 3; host < 5; host++) {
            (void)snprintf(text, sizeof(text), "%s://127.0.0.%d:%u", kinds[i], host, rig_port(l));
            c = rig_open(loop, text);
            assert_int_equal(rig_send(loop, c, "x", 1), 1);
            s = rig_accept(loop, l);
            rig_says(loop, s, c, "heard");
            plug_close(s);
            plug_close(c);
        }
        plug_close(l);
    }
}

static void test_connect__listener_of_an_unknown_name_fails(void **state)
{
    struct plug_sock *l;
    names.later.code = PLUG_ENOHOST;
    l = open_name(*state, "tcp-listen://name.example:0");
    assert_int_equal(plug_state(l), PLUG_ENOHOST);
    plug_close(l);
}

static void test_connect__udp_takes_the_first_that_connects(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *l = rig_open(loop, "udp-listen://127.0.0.2:0"), *c, *s;
    add(&names.later, "::1", rig_port(l)); /* bind= is of the other family */
    add(&names.later, "127.0.0.2", rig_port(l));
    c = open_name(loop, "udp://name.example:1#bind=127.0.0.1");
    assert_int_equal(plug_state(c), 0);
    assert_int_equal(rig_send(loop, c, "x", 1), 1);
    s = rig_accept(loop, l);
    rig_says(loop, s, c, "heard");
    plug_close(s);
    plug_close(c);
    plug_close(l);
}

/* What the peer said tells more than what this machine lacks, in any order. */
static void test_connect__tells_the_most_telling_failure(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s;
    plug_handle held;
    plug_time took;
    unsigned dead = rig_closed_port(SOCK_STREAM, &held);
    add(&names.first, "127.0.0.1", dead);
    add(&names.first, "::1", dead); /* bind= is of the other family */
    assert_int_equal(try_name(loop, "#bind=127.0.0.1", &s, &took), PLUG_ECONNREFUSED);
    memset(&names, 0, sizeof(names));
    add(&names.first, "::1", dead);
    add(&names.first, "127.0.0.1", dead);
    assert_int_equal(try_name(loop, "#bind=127.0.0.1", &s, &took), PLUG_ECONNREFUSED);
    plug__os_close(held);
}

static void test_connect__no_address_is_the_resolvers_error(void **state)
{
    struct plug_loop *loop = *state;
    struct plug_sock *s;
    plug_time took;
    names.first.code = PLUG_EDNS;
    assert_int_equal(try_name(loop, "", &s, &took), PLUG_EDNS);
    assert_int_equal(names.closed, 1);
}

static void test_connect__closing_halfway_leaves_nothing(void **state)
{
    struct plug_loop *loop = *state;
    plug_handle before;
    struct plug_sock *s;
    struct rig_hole hole;
    rig_hole_open(&hole);
    before = rig_next_handle();
    for (unsigned i = 0; i < 12; i++)
        add(&names.first, "127.0.0.1", hole.port);
    names.first.addrs[1].u.sa[7] = 2; /* 127.0.0.2: refused at once */
    assert_int_equal(plug_open_on(&s, loop, "tcp://name.example:1", NULL), 0);
    plug_loop_turn(loop, plug_now() + 10 * PLUG_MS);
    plug_close(s);
    plug_loop_turn(loop, 0);
    assert_int_equal(names.closed, 1);
    assert_int_equal(rig_next_handle(), before);
    rig_hole_close(&hole);
}

#define HE_ON(f, backend, name)                                       \
    {                                                                 \
#f name, f, reset, rig_teardown, (void *)(uintptr_t)(backend) \
    }
#define HE(f) HE_ON(f, "epoll", " (epoll)"), HE_ON(f, "poll", " (poll)"), HE_ON(f, NULL, "")

int main(void)
{
    const struct CMUnitTest tests[] = {
        HE(test_connect__refused_goes_on_at_once),
        HE(test_connect__silence_is_overtaken_after_the_attempt_delay),
        HE(test_connect__winner_of_a_later_attempt_works),
        HE(test_connect__no_attempt_after_the_first_won),
        HE(test_connect__families_alternate),
        HE(test_connect__a_waits_a_little_for_aaaa),
        HE_ON(test_connect__aaaa_that_comes_in_time_goes_first, "epoll", " (epoll)"),
        HE_ON(test_connect__aaaa_that_comes_in_time_goes_first, "poll", " (poll)"),
        HE_ON(test_connect__listeners_listen_on_all_of_a_name, "epoll", " (epoll)"),
        HE_ON(test_connect__listeners_listen_on_all_of_a_name, "poll", " (poll)"),
        HE_ON(test_connect__listener_of_an_unknown_name_fails, "epoll", ""),
        HE_ON(test_connect__udp_takes_the_first_that_connects, "epoll", ""),
        HE(test_connect__tells_the_most_telling_failure),
        HE(test_connect__no_address_is_the_resolvers_error),
        HE_ON(test_connect__closing_halfway_leaves_nothing, "epoll", " (epoll)"),
        HE_ON(test_connect__closing_halfway_leaves_nothing, "poll", " (poll)"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

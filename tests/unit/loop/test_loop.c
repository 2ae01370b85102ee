/* SPDX-License-Identifier: MIT
 *
 * The turn: events, tasks, timers, frees and waking, on every backend of this system.
 */
#include "unit/torture.h"

#include "loop/loop.h"
#include <string.h>

/* One end of a socket pair on a loop, and what was reported of it. */
struct watched {
    struct plug_io io;
    struct plug_loop *loop;
    plug_handle other;
    unsigned bits; /* all that were reported */
    int calls;
    struct watched *kill; /* to be taken off the loop in the callback */
};

static void watched_ready(struct plug_io *io, unsigned bits)
{
    struct watched *w = plug__of(io, struct watched, io);
    w->bits |= bits;
    w->calls++;
    if (w->kill)
        plug__loop_del(w->loop, &w->kill->io);
}

static void watched_open(struct watched *w, struct plug_loop *loop)
{
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, PLUG_STREAM, NULL), 0);
    *w = (struct watched){
        .io = {.handle = h[0], .ready = watched_ready}, .loop = loop, .other = h[1]};
    assert_int_equal(plug__loop_add(loop, &w->io, NULL), 0);
}

static void watched_close(struct watched *w)
{
    plug__loop_del(w->loop, &w->io);
    plug__os_close(w->io.handle);
    if (w->other != PLUG_NO_HANDLE)
        plug__os_close(w->other);
}

static void test_write(plug_handle h)
{
    char x = 'x';
    struct plug_iov iov = {.base = &x, .len = 1};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    assert_int_equal(plug__os_send(h, &m, 1, 0, NULL), 1);
}

static int test_read(plug_handle h)
{
    char buf[64];
    struct plug_iov iov = {.base = buf, .len = sizeof buf};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int rc = plug__os_recv(h, &m, 1, 1, NULL);
    return rc < 0 ? rc : (int)m.len;
}

/* Everything that is there now. */
static void test_settle(struct plug_loop *loop)
{
    for (int i = 0; i < 3; i++)
        assert_true(plug__loop_poll(loop, 0) >= 0);
}

static int test_setup(void **state, const char *backend)
{
    return plug_loop_new((struct plug_loop **)state, backend, NULL);
}

static int test_setup_epoll(void **state)
{
    return test_setup(state, "epoll");
}

static int test_setup_poll(void **state)
{
    return test_setup(state, "poll");
}

static int test_teardown(void **state)
{
    plug_loop_free(*state);
    return 0;
}

/* ---- events ---- */

static void test_loop__reports_once_until_armed(void **state)
{
    struct plug_loop *loop = *state;
    struct watched w;
    watched_open(&w, loop);
    test_settle(loop);
    assert_int_equal(w.bits, PLUG_OUT);
    w.bits = 0;
    w.calls = 0;
    test_write(w.other);
    test_settle(loop);
    assert_true(w.bits & PLUG_IN);
    assert_int_equal(w.calls, 1);
    assert_int_equal(test_read(w.io.handle), 1);
    assert_int_equal(test_read(w.io.handle), PLUG_EAGAIN);
    plug__loop_arm(loop, &w.io, PLUG_IN);
    w.bits = 0;
    test_settle(loop);
    assert_false(w.bits & PLUG_IN);
    test_write(w.other);
    test_settle(loop);
    assert_true(w.bits & PLUG_IN);
    watched_close(&w);
}

static void test_loop__a_hangup_is_in_and_hup(void **state)
{
    struct plug_loop *loop = *state;
    struct watched w;
    watched_open(&w, loop);
    plug__os_close(w.other);
    w.other = PLUG_NO_HANDLE;
    test_settle(loop);
    assert_int_equal(w.bits & (PLUG_IN | PLUG_OUT | PLUG__HUP), PLUG_IN | PLUG_OUT | PLUG__HUP);
    /* Nobody arms it again, and poll cannot mask a hang-up: it must not be reported for ever. */
    w.calls = 0;
    test_settle(loop);
    assert_int_equal(w.calls, 0);
    watched_close(&w);
}

static void test_loop__a_half_close_is_in(void **state)
{
    struct plug_loop *loop = *state;
    struct watched w;
    watched_open(&w, loop);
    assert_int_equal(plug__os_shutdown(w.other, PLUG_SHUT_WR, NULL), 0);
    test_settle(loop);
    assert_true(w.bits & PLUG_IN);
    assert_int_equal(test_read(w.io.handle), PLUG_EOF);
    watched_close(&w);
}

/* Only what was asked for before the add. */
static void test_loop__narrow_interest_is_kept(void **state)
{
    struct plug_loop *loop = *state;
    struct watched w = {.loop = loop};
    plug_handle h[2];
    assert_int_equal(plug__os_socketpair(h, PLUG_STREAM, NULL), 0);
    w.io = (struct plug_io){.handle = h[0], .ready = watched_ready, .armed = PLUG_IN};
    w.other = h[1];
    assert_int_equal(plug__loop_add(loop, &w.io, NULL), 0);
    test_settle(loop);
    assert_int_equal(w.calls, 0);
    test_write(w.other);
    test_settle(loop);
    assert_int_equal(w.bits, PLUG_IN);
    watched_close(&w);
}

static void test_loop__del_drops_undelivered_events(void **state)
{
    struct plug_loop *loop = *state;
    struct watched a, b;
    watched_open(&a, loop);
    watched_open(&b, loop);
    a.kill = &b;
    b.kill = &a;
    test_settle(loop);
    assert_int_equal(a.calls + b.calls, 1);
    watched_close(&a);
    watched_close(&b);
}

static void test_loop__add_and_del_are_idempotent(void **state)
{
    struct plug_loop *loop = *state;
    struct watched w;
    unsigned before = loop->nios;
    watched_open(&w, loop);
    assert_int_equal(plug__loop_add(loop, &w.io, NULL), 0);
    assert_int_equal(loop->nios, before + 1);
    plug__loop_del(loop, &w.io);
    plug__loop_del(loop, &w.io);
    plug__loop_arm(loop, &w.io, PLUG_IN);
    assert_int_equal(loop->nios, before);
    test_settle(loop);
    assert_int_equal(w.calls, 0);
    assert_int_equal(plug__loop_add(loop, &w.io, NULL), 0);
    test_settle(loop);
    assert_int_equal(w.bits, PLUG_OUT);
    watched_close(&w);
}

static void test_loop__no_handle_is_refused(void **state)
{
    struct plug_io io = {.handle = PLUG_NO_HANDLE, .ready = watched_ready};
    int os = 0;
    assert_int_equal(plug__loop_add(*state, &io, &os), PLUG_EINVAL);
    assert_int_equal(io.slot, 0);
}

/* The kernel's registration belongs to the description, which a duplicate keeps alive: closing the
 * descriptor alone would leave a freed pointer behind. */
static void test_loop__a_duplicate_reports_nothing_after_del(void **state)
{
    struct plug_loop *loop = *state;
    struct watched w;
    plug_handle dup;
    watched_open(&w, loop);
    test_settle(loop);
    assert_int_equal(plug__os_dup(w.io.handle, &dup, NULL), 0);
    plug__loop_del(loop, &w.io);
    plug__os_close(w.io.handle);
    w.calls = 0;
    test_write(w.other);
    test_settle(loop);
    assert_int_equal(w.calls, 0);
    plug__os_close(dup);
    plug__os_close(w.other);
}

static void test_loop__more_ready_than_a_batch_holds(void **state)
{
    enum { MANY = PLUG__EVENTS + 40 };
    static struct watched w[MANY];
    struct plug_loop *loop = *state;
    for (int i = 0; i < MANY; i++)
        watched_open(&w[i], loop);
    test_settle(loop);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(w[i].bits, PLUG_OUT);
    for (int i = 0; i < MANY; i++)
        watched_close(&w[i]);
}

static void test_loop__regular_files(void **state)
{
    struct plug_loop *loop = *state;
    struct watched w = {.loop = loop, .other = PLUG_NO_HANDLE};
    int rc;
    w.io.ready = watched_ready;
    assert_int_equal(plug__os_open(&w.io.handle, "/proc/self/exe", PLUG__O_READ, 0, NULL), 0);
    rc = plug__loop_add(loop, &w.io, NULL);
    if (strcmp(loop->backend->name, "epoll") == 0) {
        assert_int_equal(rc, PLUG_EPERM);
        assert_int_equal(w.io.slot, 0);
    } else {
        assert_int_equal(rc, 0);
        test_settle(loop);
        assert_true(w.bits & PLUG_IN);
    }
    watched_close(&w);
}

/* ---- tasks ---- */

struct job {
    struct plug__task task;
    struct plug_loop *loop;
    int runs, again;
    struct plug__task *kill;
    int nested; /* result of plug_loop_turn from inside, if tried */
};

static void job_run(struct plug__task *t)
{
    struct job *j = plug__of(t, struct job, task);
    j->runs++;
    if (j->kill)
        plug__loop_unqueue(j->kill);
    if (j->again)
        plug__loop_queue(j->loop, t);
}

static struct job test_job(struct plug_loop *loop)
{
    return (struct job){.task = {.run = job_run}, .loop = loop};
}

static void test_loop__queued_twice_runs_once(void **state)
{
    struct job j = test_job(*state);
    plug__loop_queue(j.loop, &j.task);
    plug__loop_queue(j.loop, &j.task);
    assert_int_equal(plug_loop_next(j.loop), 0);
    assert_int_equal(plug_loop_turn(j.loop, PLUG_FOREVER), 1);
    assert_int_equal(j.runs, 1);
    assert_int_equal(plug_loop_next(j.loop), PLUG_FOREVER);
}

static void test_loop__requeued_waits_for_the_next_pass(void **state)
{
    struct job j = test_job(*state);
    j.again = 1;
    plug__loop_queue(j.loop, &j.task);
    assert_int_equal(plug_loop_turn(j.loop, PLUG_FOREVER), 1);
    assert_int_equal(j.runs, 1);
    assert_int_equal(plug_loop_turn(j.loop, PLUG_FOREVER), 1);
    assert_int_equal(j.runs, 2);
    plug__loop_unqueue(&j.task);
}

static void test_loop__a_task_may_unqueue_another(void **state)
{
    struct job a = test_job(*state), b = test_job(*state);
    a.kill = &b.task;
    plug__loop_queue(a.loop, &a.task);
    plug__loop_queue(a.loop, &b.task);
    assert_int_equal(plug_loop_turn(a.loop, 0), 1);
    assert_int_equal(b.runs, 0);
}

static void job_turn(struct plug__task *t)
{
    struct job *j = plug__of(t, struct job, task);
    j->runs++;
    j->nested = plug_loop_turn(j->loop, 0);
}

static void test_loop__turn_inside_a_turn_is_refused(void **state)
{
    struct job j = test_job(*state);
    j.task.run = job_turn;
    plug__loop_queue(j.loop, &j.task);
    assert_int_equal(plug_loop_turn(j.loop, 0), 1);
    assert_int_equal(j.nested, PLUG_EINVAL);
}

static void job_poll(struct plug__task *t)
{
    struct job *j = plug__of(t, struct job, task);
    j->runs++;
    j->nested = plug__loop_poll(j->loop, 0);
}

/* A blocking call made by a task turns the loop: what stands behind it must not starve. */
static void test_loop__an_inner_pass_takes_the_rest(void **state)
{
    struct job a = test_job(*state), b = test_job(*state), c = test_job(*state);
    a.task.run = job_poll;
    c.again = 1;
    plug__loop_queue(a.loop, &a.task);
    plug__loop_queue(a.loop, &b.task);
    plug__loop_queue(a.loop, &c.task);
    assert_int_equal(plug__loop_poll(a.loop, 0), 1);
    assert_int_equal(a.nested, 2);
    assert_int_equal(b.runs, 1);
    assert_int_equal(c.runs, 1);
    plug__loop_unqueue(&c.task);
}

/* ---- timers ---- */

struct alarm {
    struct plug__timer timer;
    struct plug_loop *loop;
    int fired, order;
    int *clock;
    int again;
};

static void alarm_fire(struct plug__timer *t, plug_time now)
{
    struct alarm *a = plug__of(t, struct alarm, timer);
    a->fired++;
    a->order = ++*a->clock;
    if (a->again)
        assert_int_equal(plug__loop_timer(a->loop, t, now), 0);
}

static void test_loop__timers_fire_in_their_order(void **state)
{
    struct plug_loop *loop = *state;
    plug_time past = plug_now();
    struct alarm v[5];
    int clock = 0;
    for (int i = 0; i < 5; i++) {
        v[i] = (struct alarm){.timer = {.fire = alarm_fire}, .clock = &clock};
        assert_int_equal(plug__loop_timer(loop, &v[i].timer, past - i), 0);
    }
    assert_int_equal(plug__loop_timer(loop, &v[4].timer, PLUG_FOREVER), 0);
    assert_int_equal(plug_loop_turn(loop, 0), 0);
    assert_int_equal(v[4].fired, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(v[i].fired, 1);
        assert_int_equal(v[i].order, 4 - i);
    }
}

static void test_loop__a_timer_into_the_past_waits_for_the_next_turn(void **state)
{
    struct plug_loop *loop = *state;
    int clock = 0;
    struct alarm a = {.timer = {.fire = alarm_fire}, .loop = loop, .clock = &clock, .again = 1};
    assert_int_equal(plug__loop_timer(loop, &a.timer, 1), 0);
    assert_int_equal(plug_loop_turn(loop, 0), 0);
    assert_int_equal(a.fired, 1);
    assert_int_equal(plug_loop_turn(loop, 0), 0);
    assert_int_equal(a.fired, 2);
    assert_int_equal(plug__loop_timer(loop, &a.timer, PLUG_FOREVER), 0);
}

static void test_loop__a_wait_ends_when_the_timer_is_due(void **state)
{
    struct plug_loop *loop = *state;
    int clock = 0;
    struct alarm a = {.timer = {.fire = alarm_fire}, .loop = loop, .clock = &clock};
    plug_time due = plug_now() + 5 * PLUG_MS;
    assert_int_equal(plug__loop_timer(loop, &a.timer, due), 0);
    assert_int_equal(plug_loop_next(loop), due);
    while (!a.fired)
        assert_int_equal(plug__loop_poll(loop, PLUG_FOREVER), 0);
    assert_true(plug_now() >= due);
    assert_int_equal(plug_loop_next(loop), PLUG_FOREVER);
}

static void test_loop__the_deadline_ends_a_turn(void **state)
{
    plug_time deadline = plug_now() + 3 * PLUG_MS;
    assert_int_equal(plug_loop_turn(*state, deadline), 0);
    assert_true(plug_now() >= deadline);
}

/* ---- frees ---- */

struct corpse {
    struct plug__grave grave;
    struct plug__task task;
    struct plug_loop *loop;
    int buried, buried_in_turn;
};

static void corpse_bury(struct plug__grave *g)
{
    plug__of(g, struct corpse, grave)->buried++;
}

static void corpse_run(struct plug__task *t)
{
    struct corpse *c = plug__of(t, struct corpse, task);
    plug__loop_bury(c->loop, &c->grave);
    c->buried_in_turn = c->buried;
}

static void test_loop__buries_at_once_outside_a_turn(void **state)
{
    struct corpse c = {.grave = {.bury = corpse_bury}};
    plug__loop_bury(*state, &c.grave);
    assert_int_equal(c.buried, 1);
}

static void test_loop__buries_at_the_end_of_a_turn(void **state)
{
    struct corpse v[3];
    for (int i = 0; i < 3; i++) {
        v[i] = (struct corpse){
            .grave = {.bury = corpse_bury}, .task = {.run = corpse_run}, .loop = *state};
        plug__loop_queue(*state, &v[i].task);
    }
    assert_int_equal(plug_loop_turn(*state, 0), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(v[i].buried_in_turn, 0);
        assert_int_equal(v[i].buried, 1);
    }
}

/* ---- waking, descriptors ---- */

static void test_loop__a_wake_before_the_turn_ends_it(void **state)
{
    plug_loop_wake(*state);
    assert_int_equal(plug_loop_next(*state), 0);
    assert_int_equal(plug_loop_turn(*state, PLUG_FOREVER), 0);
    assert_int_equal(plug_loop_next(*state), PLUG_FOREVER);
}

static void wake_thread(void *arg)
{
    plug_loop_wake(arg);
}

static void test_loop__a_wake_from_a_thread_ends_the_turn(void **state)
{
    for (int i = 0; i < 20; i++) {
        assert_int_equal(plug__thread_start(wake_thread, *state, NULL), 0);
        assert_int_equal(plug_loop_turn(*state, PLUG_FOREVER), 0);
    }
}

static void test_loop__fd_tells_a_callers_poll(void **state)
{
    struct plug_loop *loop = *state;
    struct plug__pollfd p = {.want = PLUG_IN};
    struct watched w;
    if (strcmp(loop->backend->name, "poll") == 0) {
        assert_int_equal(plug_loop_fd(loop), PLUG_ENOTSUP);
        return;
    }
    watched_open(&w, loop);
    test_settle(loop);
    p.handle = plug_loop_fd(loop);
    assert_int_equal(plug__os_poll(&p, 1, 0, NULL), 0);
    test_write(w.other);
    assert_int_equal(plug__os_poll(&p, 1, PLUG_SECOND, NULL), 1);
    test_settle(loop);
    assert_true(w.bits & PLUG_IN);
    assert_int_equal(plug__os_poll(&p, 1, 0, NULL), 0);
    watched_close(&w);
}

static void test_loop__scratch_is_made_once(void **state)
{
    void *p = plug__loop_scratch(*state);
    assert_non_null(p);
    memset(p, 1, PLUG__SCRATCH);
    assert_ptr_equal(plug__loop_scratch(*state), p);
}

static void test_loop__add_without_memory_leaves_nothing(void **state)
{
    struct plug_loop *loop = *state;
    struct watched v[7]; /* and the wake handle: all arrays are full */
    struct torture t;
    plug_handle h[2];
    int failed = 0;
    for (int i = 0; i < 7; i++)
        watched_open(&v[i], loop);
    assert_int_equal(plug__os_socketpair(h, PLUG_STREAM, NULL), 0);
    for (unsigned n = 0;; n++) {
        struct plug_io io = {.handle = h[0], .ready = watched_ready};
        int rc;
        torture_start(&t, n);
        rc = plug__loop_add(loop, &io, NULL);
        torture_stop();
        plug__loop_del(loop, &io);
        if (rc == 0)
            break;
        failed++;
        assert_int_equal(rc, PLUG_ENOMEM);
        assert_int_equal(io.slot, 0);
    }
    assert_true(failed > 0);
    test_settle(loop);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(v[i].bits, PLUG_OUT);
        watched_close(&v[i]);
    }
    plug__os_close(h[0]);
    plug__os_close(h[1]);
}

/* ---- not of one backend ---- */

static void test_loop__new_without_memory(void **state)
{
    static const char *const names[] = {"epoll", "poll"};
    (void)state;
    for (int i = 0; i < 2; i++)
        for (unsigned n = 0;; n++) {
            struct plug_loop *loop = NULL;
            struct plug_err err = {0};
            struct torture t;
            int rc;
            torture_start(&t, n);
            rc = plug_loop_new(&loop, names[i], &err);
            torture_stop();
            if (rc == 0) {
                assert_true(n >= 2);
                plug_loop_free(loop);
                break;
            }
            assert_int_equal(rc, PLUG_ENOMEM);
            assert_int_equal(err.code, PLUG_ENOMEM);
            assert_null(loop);
        }
}

static void test_loop__unknown_backend_is_named(void **state)
{
    struct plug_loop *loop = NULL;
    struct plug_err err = {0};
    (void)state;
    assert_int_equal(plug_loop_new(&loop, "quantum", &err), PLUG_ENOTSUP);
    assert_non_null(strstr(err.text, "quantum"));
    plug_loop_free(NULL);
}

static void test_loop__the_best_backend_is_the_default(void **state)
{
    struct plug_loop *loop;
    (void)state;
    assert_int_equal(plug_loop_new(&loop, NULL, NULL), 0);
    assert_string_equal(loop->backend->name, "epoll");
    plug_loop_free(loop);
}

static void test_loop__a_private_loop_is_small(void **state)
{
    struct plug_loop *loop;
    struct torture t;
    struct watched w;
    (void)state;
    torture_start(&t, 1000);
    assert_int_equal(plug__loop_make(&loop, &plug__poll_backend, NULL), 0);
    loop->private_ = 1;
    watched_open(&w, loop);
    test_settle(loop);
    torture_stop();
    assert_true(t.bytes < 1024);
    assert_int_equal(w.bits, PLUG_OUT);
    plug_loop_wake(loop); /* has nothing to be woken by */
    assert_int_equal(loop->wake[0], PLUG_NO_HANDLE);
    watched_close(&w);
    plug_loop_free(loop);
}

static void test_loop__select_gathers_and_scatters(void **state)
{
    struct plug_loop *loop;
    struct plug__pollfd fds[3];
    struct watched v[3];
    (void)state;
    assert_int_equal(plug__loop_make(&loop, &plug__poll_backend, NULL), 0);
    for (int i = 0; i < 3; i++)
        watched_open(&v[i], loop);
    test_settle(loop);
    assert_int_equal(plug__poll_gather(loop, fds, 2), 3);
    for (int i = 0; i < 3; i++)
        v[i].bits = 0;
    test_write(v[1].other);
    assert_int_equal(plug__poll_gather(loop, fds, 3), 3);
    assert_int_equal(plug__os_poll(fds, 3, PLUG_SECOND, NULL), 1);
    plug__poll_scatter(loop, fds, 3);
    assert_int_equal(plug_loop_next(loop), 0);
    assert_int_equal(v[1].calls, 1); /* the first OUT: nothing is called by scatter */
    assert_int_equal(plug__loop_poll(loop, PLUG_FOREVER), 0);
    assert_int_equal(v[0].bits | v[2].bits, 0);
    assert_int_equal(v[1].bits, PLUG_IN);
    for (int i = 0; i < 3; i++)
        watched_close(&v[i]);
    assert_int_equal(plug__poll_gather(loop, fds, 3), 0);
    plug_loop_free(loop);
}

/* A backend whose time a test moves. */
struct fake {
    plug_time now, waited_until;
};

static int fake_init(struct plug_loop *loop, int *reterr_os)
{
    (void)loop;
    (void)reterr_os;
    return 0;
}

static void fake_drop(struct plug_loop *loop)
{
    (void)loop;
}

static int fake_wait(struct plug_loop *loop, plug_time until, int *reterr_os)
{
    struct fake *f = loop->user;
    (void)reterr_os;
    f->waited_until = until;
    if (until != PLUG_FOREVER && until > f->now)
        f->now = until;
    return 0;
}

static plug_time fake_now(const struct plug_loop *loop)
{
    const struct fake *f = loop->user;
    return f ? f->now : 0;
}

static const struct plug__backend fake_backend = {
    .name = "fake", .init = fake_init, .drop = fake_drop, .wait = fake_wait, .now = fake_now};

static void test_loop__time_may_be_a_tests_own(void **state)
{
    struct fake f = {.now = 100};
    struct plug_loop *loop;
    int clock = 0;
    struct alarm a = {.timer = {.fire = alarm_fire}, .clock = &clock};
    (void)state;
    assert_int_equal(plug__loop_make(&loop, &fake_backend, NULL), 0);
    loop->user = &f;
    assert_int_equal(plug__loop_timer(loop, &a.timer, 3600 * PLUG_SECOND), 0);
    assert_int_equal(plug_loop_turn(loop, 50 * PLUG_SECOND), 0);
    assert_int_equal(a.fired, 0);
    assert_int_equal(f.waited_until, 50 * PLUG_SECOND);
    assert_int_equal(plug__loop_poll(loop, PLUG_FOREVER), 0);
    assert_int_equal(a.fired, 1);
    assert_int_equal(loop->now, 3600 * PLUG_SECOND);
    assert_int_equal(plug_loop_fd(loop), PLUG_ENOTSUP);
    plug_loop_free(loop);
}

#define BOTH(test)                                                   \
    {#test " (epoll)", test, test_setup_epoll, test_teardown, NULL}, \
    {                                                                \
#test " (poll)", test, test_setup_poll, test_teardown, NULL  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_loop__reports_once_until_armed),
        BOTH(test_loop__a_hangup_is_in_and_hup),
        BOTH(test_loop__a_half_close_is_in),
        BOTH(test_loop__narrow_interest_is_kept),
        BOTH(test_loop__del_drops_undelivered_events),
        BOTH(test_loop__add_and_del_are_idempotent),
        BOTH(test_loop__no_handle_is_refused),
        BOTH(test_loop__a_duplicate_reports_nothing_after_del),
        BOTH(test_loop__more_ready_than_a_batch_holds),
        BOTH(test_loop__regular_files),
        BOTH(test_loop__queued_twice_runs_once),
        BOTH(test_loop__requeued_waits_for_the_next_pass),
        BOTH(test_loop__a_task_may_unqueue_another),
        BOTH(test_loop__turn_inside_a_turn_is_refused),
        BOTH(test_loop__an_inner_pass_takes_the_rest),
        BOTH(test_loop__timers_fire_in_their_order),
        BOTH(test_loop__a_timer_into_the_past_waits_for_the_next_turn),
        BOTH(test_loop__a_wait_ends_when_the_timer_is_due),
        BOTH(test_loop__the_deadline_ends_a_turn),
        BOTH(test_loop__buries_at_once_outside_a_turn),
        BOTH(test_loop__buries_at_the_end_of_a_turn),
        BOTH(test_loop__a_wake_before_the_turn_ends_it),
        BOTH(test_loop__a_wake_from_a_thread_ends_the_turn),
        BOTH(test_loop__fd_tells_a_callers_poll),
        BOTH(test_loop__scratch_is_made_once),
        BOTH(test_loop__add_without_memory_leaves_nothing),
        cmocka_unit_test(test_loop__new_without_memory),
        cmocka_unit_test(test_loop__unknown_backend_is_named),
        cmocka_unit_test(test_loop__the_best_backend_is_the_default),
        cmocka_unit_test(test_loop__a_private_loop_is_small),
        cmocka_unit_test(test_loop__select_gathers_and_scatters),
        cmocka_unit_test(test_loop__time_may_be_a_tests_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

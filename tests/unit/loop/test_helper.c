/* SPDX-License-Identifier: MIT
 *
 * Helper threads: answers come on the loop's thread, cancelling and freeing never wait.
 * Run it under ThreadSanitizer too.
 */
#include "unit/torture.h"

#include "loop/loop.h"
#include <stdlib.h>

/* A door at which work stands until the test opens it, and a counter of those at it. */
struct gate {
    struct plug__mutex lock;
    struct plug__cond changed;
    int open, inside, most, dropped, worked;
};

struct errand {
    struct plug__job job;
    struct gate *gate;
    int *answers;
    struct errand *kill; /* cancelled from this one's done */
};

static void gate_init(struct gate *g)
{
    *g = (struct gate){0};
    assert_int_equal(plug__mutex_init(&g->lock), 0);
    assert_int_equal(plug__cond_init(&g->changed), 0);
}

static void gate_drop(struct gate *g)
{
    plug__cond_drop(&g->changed);
    plug__mutex_drop(&g->lock);
}

static void gate_open(struct gate *g)
{
    plug__mutex_lock(&g->lock);
    g->open = 1;
    plug__cond_broadcast(&g->changed);
    plug__mutex_unlock(&g->lock);
}

/* Waits until *count, one of the gate's, is n. */
static void gate_await(struct gate *g, const int *count, int n)
{
    plug__mutex_lock(&g->lock);
    while (*count < n)
        plug__cond_wait(&g->changed, &g->lock);
    plug__mutex_unlock(&g->lock);
}

static void errand_work(struct plug__job *j)
{
    struct gate *g = plug__of(j, struct errand, job)->gate;
    plug__mutex_lock(&g->lock);
    g->worked++;
    if (++g->inside > g->most)
        g->most = g->inside;
    plug__cond_broadcast(&g->changed);
    while (!g->open)
        plug__cond_wait(&g->changed, &g->lock);
    g->inside--;
    plug__mutex_unlock(&g->lock);
}

static void errand_done(struct plug__job *j)
{
    struct errand *e = plug__of(j, struct errand, job);
    ++*e->answers;
    if (e->kill)
        plug__helper_cancel(&e->kill->job);
    free(e);
}

static void errand_drop(struct plug__job *j)
{
    struct errand *e = plug__of(j, struct errand, job);
    struct gate *g = e->gate;
    free(e);
    plug__mutex_lock(&g->lock);
    g->dropped++;
    plug__cond_broadcast(&g->changed);
    plug__mutex_unlock(&g->lock);
}

static struct errand *errand_new(struct gate *g, int *answers)
{
    struct errand *e = calloc(1, sizeof *e);
    assert_non_null(e);
    e->job = (struct plug__job){.work = errand_work, .done = errand_done, .drop = errand_drop};
    e->gate = g;
    e->answers = answers;
    return e;
}

static struct errand *errand_send(struct plug_loop *loop, struct gate *g, int *answers)
{
    struct errand *e = errand_new(g, answers);
    assert_int_equal(plug__helper_submit(loop, &e->job), 0);
    return e;
}

static void test_await(struct plug_loop *loop, const int *answers, int n)
{
    while (*answers < n)
        assert_true(plug__loop_poll(loop, PLUG_FOREVER) >= 0);
}

static struct plug_loop *test_loop(void)
{
    struct plug_loop *loop = NULL;
    assert_int_equal(plug_loop_new(&loop, NULL, NULL), 0);
    return loop;
}

static void test_helper__answers_all_with_four_threads(void **state)
{
    struct plug_loop *loop = test_loop();
    struct gate g;
    int answers = 0;
    (void)state;
    gate_init(&g);
    for (int i = 0; i < 20; i++)
        (void)errand_send(loop, &g, &answers);
    gate_await(&g, &g.inside, PLUG__HELPER_THREADS);
    gate_open(&g);
    test_await(loop, &answers, 20);
    assert_int_equal(g.most, PLUG__HELPER_THREADS);
    plug_loop_free(loop);
    assert_int_equal(g.dropped, 0);
    gate_drop(&g);
}

static void test_helper__idle_threads_work_again(void **state)
{
    struct plug_loop *loop = test_loop();
    struct gate g;
    int answers = 0;
    (void)state;
    gate_init(&g);
    gate_open(&g);
    for (int i = 1; i <= 50; i++) {
        (void)errand_send(loop, &g, &answers);
        test_await(loop, &answers, i);
    }
    plug_loop_free(loop);
    gate_drop(&g);
}

static void test_helper__a_queued_job_is_cancelled_unworked(void **state)
{
    struct plug_loop *loop = test_loop();
    struct gate g;
    struct errand *last = NULL;
    int answers = 0;
    (void)state;
    gate_init(&g);
    for (int i = 0; i < PLUG__HELPER_THREADS; i++)
        (void)errand_send(loop, &g, &answers);
    gate_await(&g, &g.inside, PLUG__HELPER_THREADS);
    last = errand_send(loop, &g, &answers);
    plug__helper_cancel(&last->job);
    assert_int_equal(g.dropped, 1);
    gate_open(&g);
    test_await(loop, &answers, PLUG__HELPER_THREADS);
    assert_int_equal(g.worked, PLUG__HELPER_THREADS);
    plug_loop_free(loop);
    gate_drop(&g);
}

static void test_helper__a_working_job_is_dropped_by_its_thread(void **state)
{
    struct plug_loop *loop = test_loop();
    struct gate g;
    struct errand *e;
    int answers = 0;
    (void)state;
    gate_init(&g);
    e = errand_send(loop, &g, &answers);
    gate_await(&g, &g.inside, 1);
    plug__helper_cancel(&e->job);
    gate_open(&g);
    gate_await(&g, &g.dropped, 1);
    (void)errand_send(loop, &g, &answers);
    test_await(loop, &answers, 1);
    assert_int_equal(answers, 1);
    plug_loop_free(loop);
    gate_drop(&g);
}

/* Both answers are in when the first is told; it takes the second back. */
static void test_helper__an_answer_may_cancel_another(void **state)
{
    struct plug_loop *loop = test_loop();
    struct gate g;
    struct errand *a, *b;
    int answers = 0;
    (void)state;
    gate_init(&g);
    a = errand_send(loop, &g, &answers);
    b = errand_send(loop, &g, &answers);
    gate_await(&g, &g.inside, 2);
    a->kill = b;
    b->kill = a;
    gate_open(&g);
    test_await(loop, &answers, 1);
    gate_await(&g, &g.dropped, 1);
    assert_int_equal(plug__loop_poll(loop, 0), 0);
    assert_int_equal(answers, 1);
    plug_loop_free(loop);
    gate_drop(&g);
}

static void test_helper__freeing_the_loop_waits_for_nobody(void **state)
{
    struct plug_loop *loop = test_loop();
    struct gate g;
    int answers = 0;
    (void)state;
    gate_init(&g);
    for (int i = 0; i < PLUG__HELPER_THREADS + 3; i++)
        (void)errand_send(loop, &g, &answers);
    gate_await(&g, &g.inside, PLUG__HELPER_THREADS);
    plug_loop_free(loop);
    assert_int_equal(g.dropped, 3);
    gate_open(&g);
    gate_await(&g, &g.dropped, PLUG__HELPER_THREADS + 3);
    assert_int_equal(answers, 0);
    /* The threads still hold the gate's lock for a moment: it stays, as the stack does not move. */
    plug__mutex_lock(&g.lock);
    plug__mutex_unlock(&g.lock);
    gate_drop(&g);
}

static void test_helper__answers_nobody_took_are_dropped(void **state)
{
    struct plug_loop *loop = test_loop();
    struct plug__pollfd p = {.handle = loop->wake[0], .want = PLUG_IN};
    struct gate g;
    int answers = 0;
    (void)state;
    gate_init(&g);
    gate_open(&g);
    (void)errand_send(loop, &g, &answers);
    assert_int_equal(plug__os_poll(&p, 1, 10 * PLUG_SECOND, NULL), 1);
    plug_loop_free(loop);
    assert_int_equal(g.dropped, 1);
    assert_int_equal(answers, 0);
    gate_drop(&g);
}

static void test_helper__a_private_loop_has_a_descriptor_only_while_owed(void **state)
{
    struct plug_loop *loop;
    struct gate g;
    int answers = 0;
    (void)state;
    gate_init(&g);
    gate_open(&g);
    assert_int_equal(plug__loop_make(&loop, &plug__poll_backend, NULL), 0);
    loop->private_ = 1;
    for (int i = 1; i < 20; i++) {
        assert_int_equal(loop->wake[0], PLUG_NO_HANDLE);
        (void)errand_send(loop, &g, &answers);
        assert_int_not_equal(loop->wake[0], PLUG_NO_HANDLE);
        test_await(loop, &answers, i);
    }
    plug__helper_cancel(&errand_send(loop, &g, &answers)->job);
    assert_int_equal(loop->wake[0], PLUG_NO_HANDLE);
    gate_await(&g, &g.dropped, 1);
    plug_loop_free(loop);
    gate_drop(&g);
}

static void test_helper__without_memory_the_job_stays_the_callers(void **state)
{
    struct gate g;
    int answers = 0, failed = 0;
    (void)state;
    gate_init(&g);
    gate_open(&g);
    for (unsigned n = 0; !answers; n++) {
        struct plug_loop *loop;
        struct torture t;
        struct errand *e = errand_new(&g, &answers);
        int rc;
        assert_int_equal(plug__loop_make(&loop, &plug__poll_backend, NULL), 0);
        torture_start(&t, n);
        rc = plug__helper_submit(loop, &e->job);
        torture_stop();
        if (rc == 0) {
            test_await(loop, &answers, 1);
        } else {
            assert_int_equal(rc, PLUG_ENOMEM);
            assert_int_equal(e->job.state, 0);
            free(e);
            failed++;
        }
        plug_loop_free(loop);
    }
    assert_true(failed >= 4); /* the loop's three arrays, the helpers, the thread's start */
    assert_int_equal(g.worked, 1);
    gate_drop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_helper__answers_all_with_four_threads),
        cmocka_unit_test(test_helper__idle_threads_work_again),
        cmocka_unit_test(test_helper__a_queued_job_is_cancelled_unworked),
        cmocka_unit_test(test_helper__a_working_job_is_dropped_by_its_thread),
        cmocka_unit_test(test_helper__an_answer_may_cancel_another),
        cmocka_unit_test(test_helper__freeing_the_loop_waits_for_nobody),
        cmocka_unit_test(test_helper__answers_nobody_took_are_dropped),
        cmocka_unit_test(test_helper__a_private_loop_has_a_descriptor_only_while_owed),
        cmocka_unit_test(test_helper__without_memory_the_job_stays_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

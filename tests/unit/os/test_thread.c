/* SPDX-License-Identifier: MIT
 *
 * Threads, and what they share.
 */
#include "pair.h"

#include "util/alloc.h"
#include <pthread.h>
#include <signal.h>

struct thread_case {
    struct plug__mutex lock;
    struct plug__cond changed;
    int started, go, done;
    int masked;
};

static void thread_fn(void *arg)
{
    struct thread_case *c = arg;
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    plug__mutex_lock(&c->lock);
    c->masked += sigismember(&mask, SIGPIPE) && sigismember(&mask, SIGTERM);
    c->started++;
    plug__cond_broadcast(&c->changed);
    while (!c->go)
        plug__cond_wait(&c->changed, &c->lock);
    c->done++;
    plug__cond_signal(&c->changed);
    plug__mutex_unlock(&c->lock);
}

static void thread_run(struct thread_case *c, int n)
{
    assert_int_equal(plug__mutex_init(&c->lock), 0);
    assert_int_equal(plug__cond_init(&c->changed), 0);
    for (int i = 0; i < n; i++)
        assert_int_equal(plug__thread_start(thread_fn, c, NULL), 0);
    plug__mutex_lock(&c->lock);
    while (c->started < n)
        plug__cond_wait(&c->changed, &c->lock);
    c->go = 1;
    plug__cond_broadcast(&c->changed);
    while (c->done < n)
        plug__cond_wait(&c->changed, &c->lock);
    plug__mutex_unlock(&c->lock);
}

static void test_thread__broadcast_wakes_all(void **state)
{
    (void)state;
    static struct thread_case c;
    thread_run(&c, 4);
    assert_int_equal(c.done, 4);
}

static void test_thread__signals_are_blocked(void **state)
{
    (void)state;
    static struct thread_case c;
    sigset_t mask;
    thread_run(&c, 1);
    assert_int_equal(c.masked, 1);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM)); /* the starter's own mask is as before */
}

static int thread_deny(void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return 1;
}

static void test_thread__no_memory(void **state)
{
    (void)state;
    plug__alloc_hook(thread_deny, NULL);
    int rc = plug__thread_start(thread_fn, NULL, NULL);
    plug__alloc_hook(NULL, NULL);
    assert_int_equal(rc, PLUG_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread__broadcast_wakes_all),
        cmocka_unit_test(test_thread__signals_are_blocked),
        cmocka_unit_test(test_thread__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

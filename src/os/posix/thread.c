/* SPDX-License-Identifier: MIT
 *
 * Mutexes, condition variables and detached threads by POSIX threads.
 * It deliberately offers no join: helper threads answer through their loop's queue.
 */
#include "os/posix/posix.h"
#include "util/alloc.h"

#include <errno.h>
#include <pthread.h>

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct plug__mutex), "mutex fits");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(struct plug__cond), "cond fits");
_Static_assert(_Alignof(pthread_mutex_t) <= _Alignof(struct plug__mutex), "mutex aligned");
_Static_assert(_Alignof(pthread_cond_t) <= _Alignof(struct plug__cond), "cond aligned");

static pthread_mutex_t *thread_mutex(struct plug__mutex *m)
{
    return (pthread_mutex_t *)(void *)m->u.space;
}

static pthread_cond_t *thread_cond(struct plug__cond *c)
{
    return (pthread_cond_t *)(void *)c->u.space;
}

int plug__mutex_init(struct plug__mutex *m)
{
    return plug__os_code(pthread_mutex_init(thread_mutex(m), NULL));
}

void plug__mutex_lock(struct plug__mutex *m)
{
    (void)pthread_mutex_lock(thread_mutex(m));
}

void plug__mutex_unlock(struct plug__mutex *m)
{
    (void)pthread_mutex_unlock(thread_mutex(m));
}

void plug__mutex_drop(struct plug__mutex *m)
{
    (void)pthread_mutex_destroy(thread_mutex(m));
}

int plug__cond_init(struct plug__cond *c)
{
    return plug__os_code(pthread_cond_init(thread_cond(c), NULL));
}

void plug__cond_wait(struct plug__cond *c, struct plug__mutex *m)
{
    (void)pthread_cond_wait(thread_cond(c), thread_mutex(m));
}

void plug__cond_signal(struct plug__cond *c)
{
    (void)pthread_cond_signal(thread_cond(c));
}

void plug__cond_broadcast(struct plug__cond *c)
{
    (void)pthread_cond_broadcast(thread_cond(c));
}

void plug__cond_drop(struct plug__cond *c)
{
    (void)pthread_cond_destroy(thread_cond(c));
}

struct thread_start {
    void (*fn)(void *);
    void *arg;
};

static void *thread_main(void *p)
{
    struct thread_start start = *(struct thread_start *)p;
    plug__free(p);
    start.fn(start.arg);
    return NULL;
}

/* The mask is inherited from the starter, so that no signal can meet the thread before it blocks
 * them itself. */
static int thread_create(struct thread_start *start)
{
    pthread_attr_t attr;
    pthread_t id;
    sigset_t all, old;
    int rc = pthread_attr_init(&attr);
    if (rc != 0)
        return rc;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&id, &attr, thread_main, start);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    return rc;
}

int plug__thread_start(void (*fn)(void *), void *arg, int *reterr_os)
{
    struct thread_start *start = plug__malloc(sizeof *start);
    if (!start)
        return PLUG_ENOMEM;
    *start = (struct thread_start){fn, arg};
    int rc = thread_create(start);
    if (rc == 0)
        return 0;
    plug__free(start);
    if (reterr_os)
        *reterr_os = rc;
    /* EAGAIN means "no more threads" here, and must not be taken for "not ready yet". */
    return rc == EAGAIN ? PLUG_ELIMIT : plug__os_code(rc);
}

/* SPDX-License-Identifier: MIT
 *
 * Mutexes and condition variables by slim locks, and detached threads.
 * It deliberately offers no join: helper threads answer through their loop's queue.
 */
#include "os/win/win.h"
#include "util/alloc.h"

#include <process.h>

_Static_assert(sizeof(SRWLOCK) <= sizeof(struct plug__mutex), "mutex fits");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(struct plug__cond), "cond fits");

static SRWLOCK *thread_mutex(struct plug__mutex *m)
{
    return (SRWLOCK *)(void *)m->u.space;
}

static CONDITION_VARIABLE *thread_cond(struct plug__cond *c)
{
    return (CONDITION_VARIABLE *)(void *)c->u.space;
}

int plug__mutex_init(struct plug__mutex *m)
{
    InitializeSRWLock(thread_mutex(m));
    return 0;
}

void plug__mutex_lock(struct plug__mutex *m)
{
    AcquireSRWLockExclusive(thread_mutex(m));
}

void plug__mutex_unlock(struct plug__mutex *m)
{
    ReleaseSRWLockExclusive(thread_mutex(m));
}

void plug__mutex_drop(struct plug__mutex *m)
{
    (void)m; /* slim locks own nothing */
}

int plug__cond_init(struct plug__cond *c)
{
    InitializeConditionVariable(thread_cond(c));
    return 0;
}

void plug__cond_wait(struct plug__cond *c, struct plug__mutex *m)
{
    (void)SleepConditionVariableSRW(thread_cond(c), thread_mutex(m), INFINITE, 0);
}

void plug__cond_signal(struct plug__cond *c)
{
    WakeConditionVariable(thread_cond(c));
}

void plug__cond_broadcast(struct plug__cond *c)
{
    WakeAllConditionVariable(thread_cond(c));
}

void plug__cond_drop(struct plug__cond *c)
{
    (void)c; /* as above */
}

struct thread_start {
    void (*fn)(void *);
    void *arg;
};

static unsigned __stdcall thread_main(void *p)
{
    struct thread_start start = *(struct thread_start *)p;
    plug__free(p);
    start.fn(start.arg);
    return 0;
}

int plug__thread_start(void (*fn)(void *), void *arg, int *reterr_os)
{
    struct thread_start *start = plug__malloc(sizeof *start);
    if (!start)
        return PLUG_ENOMEM;
    *start = (struct thread_start){fn, arg};
    uintptr_t h = _beginthreadex(NULL, 0, thread_main, start, 0, NULL);
    if (h != 0) {
        (void)CloseHandle((HANDLE)h);
        return 0;
    }
    int code = plug__win_last(reterr_os);
    plug__free(start);
    return code;
}

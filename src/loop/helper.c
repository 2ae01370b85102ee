/* SPDX-License-Identifier: MIT
 *
 * Threads for calls that block (getaddrinfo), started on demand and never waited for.
 * Their state is counted, so that a loop can go while a lookup is stuck; jobs go to and fro by one
 * lock, and no other data is shared.
 */
#include "loop/loop.h"

#include "util/alloc.h"
#include "util/attr.h"

enum { JOB_IDLE, JOB_QUEUED, JOB_WORKING, JOB_DONE, JOB_CANCELED };

struct plug__helpers {
    struct plug__mutex lock;
    struct plug__cond more;
    struct plug__list queue, working, done;
    unsigned queued, idle, threads;
    unsigned refs; /* the loop and each thread */
    int closed;    /* the loop is gone */
    int brief;     /* a private loop's: threads end when there is nothing to do */
    plug_handle wake[2];
    unsigned owed; /* answers to come; the loop's thread only */
};

static struct plug__helpers *helper_new(int brief)
{
    struct plug__helpers *h = plug__calloc(1, sizeof *h);
    if (!h)
        return NULL;
    if (plug__mutex_init(&h->lock) < 0)
        goto no_lock;
    if (plug__cond_init(&h->more) < 0)
        goto no_cond;
    plug__list_init(&h->queue);
    plug__list_init(&h->working);
    plug__list_init(&h->done);
    h->refs = 1;
    h->brief = brief;
    h->wake[0] = h->wake[1] = PLUG_NO_HANDLE;
    return h;
no_cond:
    plug__mutex_drop(&h->lock);
no_lock:
    plug__free(h);
    return NULL;
}

/* Called with the lock held; gives it up. */
static void helper_unref(struct plug__helpers *h)
{
    int last = --h->refs == 0;
    plug__mutex_unlock(&h->lock);
    if (!last)
        return;
    plug__cond_drop(&h->more);
    plug__mutex_drop(&h->lock);
    plug__free(h);
}

static struct plug__job *helper_job(struct plug__list *node)
{
    return node ? plug__of(node, struct plug__job, node) : NULL;
}

/* ---- a helper's thread; the lock is held except in work and drop ---- */

static struct plug__job *helper_next(struct plug__helpers *h)
{
    for (;;) {
        struct plug__job *j = helper_job(plug__list_pop(&h->queue));
        if (j) {
            h->queued--;
            return j;
        }
        if (h->closed || h->brief)
            return NULL;
        h->idle++;
        plug__cond_wait(&h->more, &h->lock);
        h->idle--;
    }
}

static void helper_run(struct plug__helpers *h, struct plug__job *j)
{
    j->state = JOB_WORKING;
    plug__list_push(&h->working, &j->node);
    plug__mutex_unlock(&h->lock);
    j->work(j);
    plug__mutex_lock(&h->lock);
    plug__list_remove(&j->node);
    if (j->state == JOB_CANCELED) {
        plug__mutex_unlock(&h->lock);
        j->drop(j);
        plug__mutex_lock(&h->lock);
        return;
    }
    j->state = JOB_DONE;
    plug__list_push(&h->done, &j->node);
    plug__os_wake_signal(h->wake); /* open: only the loop closes it, when nothing is owed */
}

static void helper_thread(void *arg)
{
    struct plug__helpers *h = arg;
    struct plug__job *j;
    plug__mutex_lock(&h->lock);
    while ((j = helper_next(h)) != NULL)
        helper_run(h, j);
    h->threads--;
    helper_unref(h);
}

/* ---- the loop's side ---- */

/* With the lock held. Fails only when no thread at all is there to do the work. */
static int helper_staff(struct plug__helpers *h)
{
    int rc;
    if (h->queued <= h->idle) {
        plug__cond_signal(&h->more);
        return 0;
    }
    if (h->threads == PLUG__HELPER_THREADS)
        return 0;
    h->threads++;
    h->refs++;
    rc = plug__thread_start(helper_thread, h, NULL);
    if (rc == 0)
        return 0;
    h->threads--;
    h->refs--;
    return h->threads ? 0 : rc;
}

int plug__helper_submit(struct plug_loop *loop, struct plug__job *j)
{
    struct plug__helpers *h = loop->helpers;
    int rc = plug__loop_wakeable(loop, NULL);
    if (rc < 0)
        return rc;
    if (!h)
        h = loop->helpers = helper_new(loop->private_);
    if (!h)
        return PLUG_ENOMEM;
    plug__mutex_lock(&h->lock);
    h->wake[0] = loop->wake[0];
    h->wake[1] = loop->wake[1];
    j->loop = loop;
    j->state = JOB_QUEUED;
    plug__list_push(&h->queue, &j->node);
    h->queued++;
    rc = helper_staff(h);
    if (rc < 0) {
        plug__list_remove(&j->node);
        h->queued--;
        j->state = JOB_IDLE;
    } else {
        h->owed++;
    }
    plug__mutex_unlock(&h->lock);
    return rc;
}

/* A private loop has a descriptor only while an answer is to come. */
static void helper_rest(struct plug_loop *loop)
{
    if (loop->private_ && !loop->helpers->owed)
        plug__loop_unwakeable(loop);
}

void plug__helpers_collect(struct plug_loop *loop)
{
    struct plug__helpers *h = loop->helpers;
    struct plug__job *j;
    unsigned most = h->owed; /* answers to questions of this turn wait for the next */
    while (most--) {
        plug__mutex_lock(&h->lock);
        j = helper_job(plug__list_pop(&h->done));
        if (j)
            j->state = JOB_IDLE;
        plug__mutex_unlock(&h->lock);
        if (!j)
            break;
        h->owed--;
        j->done(j);
    }
    helper_rest(loop);
}

void plug__helper_cancel(struct plug__job *j)
{
    struct plug_loop *loop = j->loop;
    struct plug__helpers *h = loop ? loop->helpers : NULL;
    int state = JOB_IDLE;
    if (h) {
        plug__mutex_lock(&h->lock);
        state = j->state;
        if (state == JOB_QUEUED)
            h->queued--;
        if (state == JOB_WORKING)
            j->state = JOB_CANCELED;
        else
            plug__list_remove(&j->node);
        plug__mutex_unlock(&h->lock);
    }
    if (state != JOB_WORKING)
        j->drop(j);
    if (state == JOB_IDLE)
        return;
    h->owed--;
    helper_rest(loop);
}

void plug__helpers_drop(struct plug_loop *loop)
{
    struct plug__helpers *h = loop->helpers;
    struct plug__list left = {0};
    struct plug__job *j;
    if (!h)
        return;
    loop->helpers = NULL;
    plug__list_init(&left);
    plug__mutex_lock(&h->lock);
    plug__list_move(&left, &h->queue);
    plug__list_move(&left, &h->done);
    for (struct plug__list *at = h->working.next; at != &h->working; at = at->next)
        helper_job(at)->state = JOB_CANCELED;
    h->queued = 0;
    h->closed = 1;
    plug__cond_broadcast(&h->more);
    helper_unref(h);
    while ((j = helper_job(plug__list_pop(&left))) != NULL)
        j->drop(j);
}

/* SPDX-License-Identifier: MIT
 *
 * Many pairs at a time on one loop. Time is the loop's own clock, which runs as the real one does
 * and is moved on where all pairs of a batch wait for nothing else.
 */
#include "matrix.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRACE (40 * PLUG_SECOND) /* as in the addresses; below the idle-timeout of udp */
#define IDLE (60 * PLUG_SECOND)
#define REAP_WAIT (5 * PLUG_SECOND)

plug_time clock_now(const struct plug_loop *loop)
{
    const plug_time *ahead = loop->user;
    return plug_now() + (ahead ? *ahead : 0);
}

struct plug_loop *clock_loop(const struct plug__backend *base, plug_time *ahead)
{
    struct plug_loop *loop = NULL;
    if (plug__loop_make(&loop, base, NULL) < 0)
        return NULL;
    loop->user = ahead;
    (void)plug__loop_poll(loop, 0);
    return loop;
}

/* ---- what a batch is at ---- */

static int batch_has(const struct pair *v, size_t n, enum phase phase)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].phase == phase)
            return 1;
    return 0;
}

static int batch_over(const struct pair *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].phase != PHASE_OVER)
            return 0;
    return 1;
}

static int batch_at_rest(const struct pair *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!pair_rests(&v[i]))
            return 0;
    return 1;
}

static void batch_turn(struct plug_loop *loop, struct pair *v, size_t n)
{
    int moved = 0;
    for (size_t i = 0; i < n; i++)
        moved |= pair_step(&v[i]);
    (void)plug__loop_poll(loop, moved ? 0 : clock_now(loop) + PLUG_MS);
}

/* What a moment sets off, timers included. */
static void batch_settle(struct plug_loop *loop, struct pair *v, size_t n)
{
    for (int i = 0; i < 6; i++)
        batch_turn(loop, v, n);
}

static void batch_release(struct pair *v, size_t n, enum phase phase)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].phase == phase)
            pair_release(&v[i]);
}

/* All wait for time: gives the least that somebody waits for. */
static void batch_time(const struct tally *t, struct plug_loop *loop, plug_time *ahead,
                       struct pair *v, size_t n)
{
    plug_time until = plug_now() + t->pause;
    if (batch_has(v, n, PHASE_PAUSE)) {
        while (t->pause && plug_now() < until)
            batch_turn(loop, v, n);
        *ahead += t->pause ? 0 : GRACE / 2;
        batch_settle(loop, v, n);
        batch_release(v, n, PHASE_PAUSE);
    } else if (batch_has(v, n, PHASE_ALIVE)) {
        *ahead += GRACE / 4 * 3;
        batch_settle(loop, v, n); /* pair_step fails what ended */
        batch_release(v, n, PHASE_ALIVE);
    } else if (batch_has(v, n, PHASE_TIME)) {
        *ahead += GRACE / 2;
        batch_release(v, n, PHASE_TIME);
    } else {
        *ahead += IDLE;
        batch_release(v, n, PHASE_IDLE);
    }
}

/* ---- before and after ---- */

/* All but the lender's name. */
void batch_clean(const struct tally *t)
{
    DIR *d = opendir(t->dir);
    const struct dirent *e;
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.' && strcmp(e->d_name, "lend") != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        (void)closedir(d);
}

static unsigned count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        (void)closedir(d);
    return n;
}

/* Nothing is left open. A helper thread may still wait for a child: it gets time. */
static void check_descriptors(struct tally *t, const char *backend, unsigned before)
{
    plug_time until = plug_now() + REAP_WAIT;
    unsigned after;
    while ((after = count_descriptors()) != before && plug_now() < until)
        (void)usleep(1000);
    if (after == before)
        return;
    printf("FAIL batch %u (%s): %u descriptors before it, %u after it\n", t->batches, backend,
           before, after);
    t->failed++;
}

static void batch_begin(struct tally *t, struct plug_loop *loop, const char *backend,
                        struct pair *p, const struct job *j)
{
    static const size_t blocks[] = {0, 0, 0, 1000, 0, 0, 20000, 0};
    *p = (struct pair){.loop = loop,
                       .dir = t->dir,
                       .size = j->size,
                       .asked = j->closing,
                       .backend = backend,
                       .hurried = t->failed != 0,
                       .pauses = 1};
    if (j->a->how == HOW_STDIO || j->b->how == HOW_STDIO) {
        p->child = calloc(1, sizeof(*p->child));
        p->backend = "command";
    } else {
        p->block = blocks[content_mix(j->seed, 3) % 8];
        p->copies = content_mix(j->seed, 4) % 4 == 0;
    }
    if (pair_begin(p, j->a, j->b, j->seed, &t->number) < 0)
        p->phase = PHASE_OVER;
}

static void batch_report(struct tally *t, struct pair *v, size_t n)
{
    char name[256];
    for (size_t i = 0; i < n; i++) {
        t->ran++;
        t->failed += v[i].failed != 0;
        if (v[i].failed)
            printf("FAIL %s: %s\n", pair_name(&v[i], name, sizeof(name)), v[i].why);
        pair_drop(&v[i]);
    }
    (void)fflush(stdout);
}

static const struct plug__backend *batch_backend(const struct tally *t)
{
    int poll = t->backend ? strcmp(t->backend, "poll") == 0 : t->batches % 3 == 2;
    return poll ? &plug__poll_backend : &plug__epoll_backend;
}

int batch_run(struct tally *t, const struct job *jobs, size_t n)
{
    const struct plug__backend *base = batch_backend(t);
    struct plug__backend backend = *base;
    unsigned before = count_descriptors();
    plug_time ahead = 0;
    struct pair *v = calloc(n, sizeof(*v));
    struct plug_loop *loop;
    backend.now = clock_now;
    loop = v ? clock_loop(&backend, &ahead) : NULL;
    t->batches++;
    if (!loop) {
        free(v);
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        batch_begin(t, loop, base->name, &v[i], &jobs[i]);
    while (!batch_over(v, n)) {
        batch_turn(loop, v, n);
        if (!batch_over(v, n) && batch_at_rest(v, n))
            batch_time(t, loop, &ahead, v, n);
    }
    batch_report(t, v, n);
    (void)plug__loop_poll(loop, 0); /* buries what was closed */
    plug_loop_free(loop);
    free(v);
    batch_clean(t);
    check_descriptors(t, base->name, before);
    return 0;
}

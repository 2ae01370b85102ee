/* SPDX-License-Identifier: MIT
 *
 * The pair matrix: every kind to every other, in sizes from nothing to 64 MiB, half-closed from
 * either side, many pairs at a time on one loop of either backend.
 *
 * Time is the loop's own clock, which the test moves on where only a wait is left.
 */
#include "matrix.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BATCH = 48 };
#define GRACE (20 * PLUG_SECOND) /* as in the table */
#define IDLE (60 * PLUG_SECOND)

struct clock {
    plug_time ahead;
};

struct job {
    const struct kind *a, *b;
    size_t size;
    enum closing closing;
    uint64_t seed;
};

struct matrix {
    struct job *jobs;
    size_t njobs, room;
    struct pair pairs[BATCH];
    char dir[64];
    unsigned number, failed, ran, batches;
    plug_time pause; /* real time of PHASE_PAUSE; 0: half of grace, virtual */
    const char *only_a, *only_b, *backend;
};

static plug_time clock_now(const struct plug_loop *loop)
{
    const struct clock *c = loop->user;
    return plug_now() + (c ? c->ahead : 0);
}

/* ---- a batch ---- */

static int batch_at_rest(const struct pair *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].phase != PHASE_PAUSE && v[i].phase != PHASE_ALIVE && v[i].phase != PHASE_TIME &&
            v[i].phase != PHASE_IDLE && v[i].phase != PHASE_OVER)
            return 0;
    return 1;
}

static int batch_over(const struct pair *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].phase != PHASE_OVER)
            return 0;
    return 1;
}

static int batch_has(const struct pair *v, size_t n, enum phase phase)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].phase == phase)
            return 1;
    return 0;
}

static int batch_step(struct pair *v, size_t n)
{
    int moved = 0;
    for (size_t i = 0; i < n; i++)
        moved |= pair_step(&v[i]);
    return moved;
}

static void batch_turn(struct plug_loop *loop, struct pair *v, size_t n)
{
    int moved = batch_step(v, n);
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
static void batch_time(struct matrix *m, struct plug_loop *loop, struct pair *v, size_t n)
{
    struct clock *c = loop->user;
    plug_time until = plug_now() + m->pause;
    if (batch_has(v, n, PHASE_PAUSE)) {
        while (m->pause && plug_now() < until)
            batch_turn(loop, v, n);
        c->ahead += m->pause ? 0 : GRACE / 2;
        batch_settle(loop, v, n);
        batch_release(v, n, PHASE_PAUSE);
    } else if (batch_has(v, n, PHASE_ALIVE)) {
        c->ahead += GRACE / 4 * 3;
        batch_settle(loop, v, n); /* pair_step fails what ended */
        batch_release(v, n, PHASE_ALIVE);
    } else if (batch_has(v, n, PHASE_TIME)) {
        c->ahead += GRACE / 2;
        batch_release(v, n, PHASE_TIME);
    } else {
        c->ahead += IDLE;
        batch_release(v, n, PHASE_IDLE);
    }
}

static void batch_report(struct matrix *m, struct pair *v, size_t n)
{
    char name[256];
    for (size_t i = 0; i < n; i++) {
        m->ran++;
        m->failed += v[i].failed != 0;
        if (v[i].failed)
            printf("FAIL %s: %s\n", pair_name(&v[i], name, sizeof(name)), v[i].why);
        pair_drop(&v[i]);
    }
    (void)fflush(stdout);
}

/* All but the lender's name. */
static void clean_dir(const struct matrix *m)
{
    DIR *d = opendir(m->dir);
    struct dirent *e;
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

static int batch_run(struct matrix *m, const struct job *jobs, size_t n)
{
    const struct plug__backend *base =
        m->backend ? (strcmp(m->backend, "poll") ? &plug__epoll_backend : &plug__poll_backend)
        : m->batches % 3 == 2 ? &plug__poll_backend
                              : &plug__epoll_backend;
    struct plug__backend backend = *base;
    struct clock c = {0};
    struct plug_loop *loop = NULL;
    struct pair *v = m->pairs;
    unsigned before = count_descriptors(), after;
    m->batches++;
    backend.now = clock_now;
    if (plug__loop_make(&loop, &backend, NULL) < 0)
        return -1;
    loop->user = &c;
    (void)plug__loop_poll(loop, 0);
    memset(v, 0, sizeof(m->pairs));
    for (size_t i = 0; i < n; i++) {
        v[i] = (struct pair){.loop = loop,
                             .dir = m->dir,
                             .size = jobs[i].size,
                             .asked = jobs[i].closing,
                             .backend = base->name,
                             .pauses = 1};
        if (pair_begin(&v[i], jobs[i].a, jobs[i].b, jobs[i].seed, &m->number) < 0)
            v[i].phase = PHASE_OVER;
    }
    while (!batch_over(v, n)) {
        batch_turn(loop, v, n);
        if (!batch_over(v, n) && batch_at_rest(v, n))
            batch_time(m, loop, v, n);
    }
    batch_report(m, v, n);
    (void)plug__loop_poll(loop, 0); /* buries what was closed */
    plug_loop_free(loop);
    clean_dir(m);
    after = count_descriptors();
    if (after != before)
        printf("FAIL batch %u (%s): %u descriptors before it, %u after it\n", m->batches,
               base->name, before, after);
    m->failed += after != before;
    return 0;
}

/* ---- the table of cases ---- */

static void add_job(struct matrix *m, const struct kind *a, const struct kind *b, size_t size,
                    enum closing closing)
{
    if ((m->only_a && strcmp(m->only_a, a->name)) || (m->only_b && strcmp(m->only_b, b->name)))
        return;
    if (m->njobs == m->room) {
        m->room = m->room ? 2 * m->room : 1024;
        m->jobs = realloc(m->jobs, m->room * sizeof(*m->jobs));
        if (!m->jobs)
            abort();
    }
    m->jobs[m->njobs] = (struct job){.a = a, .b = b, .size = size, .closing = closing};
    m->jobs[m->njobs].seed = content_mix(m->njobs, size);
    m->njobs++;
}

static void add_pair(struct matrix *m, const struct kind *a, const struct kind *b, unsigned turn)
{
    static const size_t sizes[] = {0, 1, 1021, 65537, 1024 * 1024};
    if (!pair_joins(a, b))
        return;
    for (unsigned i = 0; i < 5; i++) {
        int all = !a->dear && !b->dear && i != 1 && i != 4;
        for (unsigned k = 0; k < 3; k++)
            if (all || k == (turn + i) % 3)
                add_job(m, a, b, sizes[i], (enum closing)k);
    }
}

static void add_all(struct matrix *m)
{
    for (unsigned i = 0; i < nkinds; i++)
        for (unsigned k = 0; k < nkinds; k++)
            add_pair(m, &kinds[i], &kinds[k], i + k);
}

static int run_jobs(struct matrix *m, unsigned part, unsigned parts)
{
    struct job batch[BATCH];
    size_t n = 0;
    for (size_t i = 0; i < m->njobs; i++) {
        if (i / 7 % parts != part)
            continue;
        batch[n++] = m->jobs[i];
        if (n == BATCH) {
            if (batch_run(m, batch, n) < 0)
                return -1;
            n = 0;
        }
    }
    return n ? batch_run(m, batch, n) : 0;
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return otherwise;
}

static int link_lender(const struct matrix *m, const char *self)
{
    char to[512], at[128];
    ssize_t n = readlink("/proc/self/exe", to, sizeof(to) - 16);
    char *slash;
    (void)self;
    if (n < 0)
        return -1;
    to[n] = '\0';
    slash = strrchr(to, '/');
    (void)snprintf(slash + 1, 16, "relay_lender");
    (void)snprintf(at, sizeof(at), "%s/lend", m->dir);
    return symlink(to, at);
}

static void remove_dir(const struct matrix *m)
{
    char at[128];
    clean_dir(m);
    (void)snprintf(at, sizeof(at), "%s/lend", m->dir);
    (void)unlink(at);
    (void)rmdir(m->dir);
}

static void many_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

int main(int argc, char **argv)
{
    static struct matrix m;
    unsigned part = 1, parts = 1;
    plug_time start = plug_now();
    int r;
    many_descriptors();
    (void)sscanf(option(argc, argv, "--part", "1/1"), "%u/%u", &part, &parts);
    m.only_a = option(argc, argv, "-a", NULL);
    m.only_b = option(argc, argv, "-b", NULL);
    m.backend = option(argc, argv, "--loop", NULL);
    (void)snprintf(m.dir, sizeof(m.dir), "/tmp/plug-matrix-XXXXXX");
    if (!mkdtemp(m.dir) || link_lender(&m, argv[0]) < 0)
        return 1;
    content_init(1);
    add_all(&m);
    r = run_jobs(&m, part - 1, parts);
    remove_dir(&m);
    printf("%u of %u cases passed in %.1f s\n", m.ran - m.failed, m.ran,
           (double)(plug_now() - start) / 1e9);
    free(m.jobs);
    return r < 0 || m.failed || !m.ran;
}

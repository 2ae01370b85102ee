/* SPDX-License-Identifier: MIT
 *
 * The pair matrix: every kind to every other. A part of it is chosen by the first argument:
 *   cases K/N   all pairs, nothing to 1 MiB, half-closed from either side; part K of N
 *   big K/N     64 MiB through pairs of the kernel's streams
 *   reply       a reply 2 s after half-close, all pairs that half-close at once
 *   stdio       standard input and output of the command with all other kinds
 *   bulk        one bulk session beside 63 small ones
 *   table       whether the table has all kinds
 * -a KIND and -b KIND choose rows, --loop BACKEND the backend, --plug PATH the command.
 */
#include "matrix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BATCH = 48, BIG_BATCH = 3, BIG = 64 * 1024 * 1024 };

struct matrix {
    struct tally tally;
    struct job *jobs;
    size_t njobs, room;
    const char *mode, *only_a, *only_b;
    unsigned part, parts;
};

/* ---- the table of cases ---- */

static void add_job(struct matrix *m, const struct kind *a, const struct kind *b, size_t size,
                    enum closing closing)
{
    struct job *j;
    if ((m->only_a && strcmp(m->only_a, a->name) != 0) ||
        (m->only_b && strcmp(m->only_b, b->name) != 0))
        return;
    if (m->njobs == m->room) {
        m->room = m->room ? 2 * m->room : 1024;
        m->jobs = realloc(m->jobs, m->room * sizeof(*m->jobs));
        if (!m->jobs)
            abort();
    }
    j = &m->jobs[m->njobs++];
    *j = (struct job){.a = a, .b = b, .size = size, .closing = closing};
    j->seed = content_mix(m->njobs, size);
}

static void add_cases(struct matrix *m, const struct kind *a, const struct kind *b)
{
    static const size_t sizes[] = {0, 1, 1021, 65537, (size_t)1024 * 1024};
    int few = ((a->flags | b->flags) & KIND_FEW) != 0;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (unsigned k = CLOSE_A, one = (unsigned)(m->njobs % 3); k <= CLOSE_BOTH; k++)
            if (!few || k == one)
                add_job(m, a, b, sizes[i], (enum closing)k);
}

static void add_big(struct matrix *m, const struct kind *a, const struct kind *b)
{
    if (a->flags & b->flags & KIND_BIG)
        add_job(m, a, b, BIG, (enum closing)(m->njobs % 3));
}

static void add_reply(struct matrix *m, const struct kind *a, const struct kind *b)
{
    const unsigned all = KIND_TALKS | KIND_HEARS | KIND_ENDS;
    if ((a->flags & b->flags & all) != all)
        return;
    for (unsigned k = CLOSE_A; k <= CLOSE_B; k++)
        add_job(m, a, b, 1021, (enum closing)k);
}

static void add_stdio(struct matrix *m, const struct kind *a, const struct kind *b)
{
    const struct kind *other = a->how == HOW_STDIO ? b : a, *stdio = other == a ? b : a;
    if (other->how == HOW_FDS || other->how == HOW_PAIR || other->how == HOW_HANDED)
        return; /* not in another process */
    if (!(other->flags & KIND_ENDS) && !(stdio->flags & KIND_TALKS))
        return; /* would never end */
    add_job(m, a, b, 1021, (enum closing)(m->njobs % 2));
    add_job(m, a, b, 65537, (enum closing)(m->njobs % 3));
}

static void add_all(struct matrix *m,
                    void (*add)(struct matrix *m, const struct kind *a, const struct kind *b))
{
    for (unsigned i = 0; i < nkinds; i++)
        for (unsigned k = 0; k < nkinds; k++)
            if (pair_joins(&kinds[i], &kinds[k]))
                add(m, &kinds[i], &kinds[k]);
}

static void add_all_stdio(struct matrix *m)
{
    for (unsigned i = 0; i < nkinds; i++)
        for (unsigned k = 0; k < nstdio_kinds; k++) {
            if (pair_joins(&kinds[i], &stdio_kinds[k])) {
                add_stdio(m, &kinds[i], &stdio_kinds[k]);
                add_stdio(m, &stdio_kinds[k], &kinds[i]);
            }
        }
}

/* ---- running ---- */

/* Neighbours in the table go to different parts, so that all parts take about as long. */
static int run_jobs(struct matrix *m, size_t size)
{
    size_t n = 0, most = size && size < m->njobs ? size : m->njobs;
    struct job *batch = calloc(most + 1, sizeof(*batch));
    int r = batch ? 0 : -1;
    for (size_t i = 0; r >= 0 && i < m->njobs; i++) {
        if (i / 7 % m->parts + 1 == m->part)
            batch[n++] = m->jobs[i];
        if (n == most || (n && i + 1 == m->njobs)) {
            r = batch_run(&m->tally, batch, n);
            n = 0;
        }
    }
    free(batch);
    return r;
}

static int run(struct matrix *m)
{
    size_t size = BATCH;
    if (strcmp(m->mode, "cases") == 0) {
        add_all(m, add_cases);
    } else if (strcmp(m->mode, "big") == 0) {
        add_all(m, add_big);
        size = BIG_BATCH;
    } else if (strcmp(m->mode, "reply") == 0) {
        add_all(m, add_reply);
        m->tally.pause = 2 * PLUG_SECOND;
        size = 0;
    } else if (strcmp(m->mode, "stdio") == 0) {
        add_all_stdio(m);
    } else if (strcmp(m->mode, "table") == 0) {
        m->tally.ran = 1;
        return table_complete() ? 0 : -1;
    } else if (strcmp(m->mode, "bulk") == 0) {
        return bulk_run(&m->tally);
    } else {
        return -1;
    }
    return run_jobs(m, size);
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return otherwise;
}

/* The lender under a name without blanks, whatever the build folder is called. */
static int link_lender(const struct matrix *m)
{
    char to[512], at[128];
    ssize_t n = readlink("/proc/self/exe", to, sizeof(to) - 16);
    char *slash;
    if (n < 0)
        return -1;
    to[n] = '\0';
    slash = strrchr(to, '/');
    (void)snprintf(slash + 1, 16, "relay_lender");
    (void)snprintf(at, sizeof(at), "%s/lend", m->tally.dir);
    return symlink(to, at);
}

static void remove_dir(const struct matrix *m)
{
    char at[128];
    batch_clean(&m->tally);
    (void)snprintf(at, sizeof(at), "%s/lend", m->tally.dir);
    (void)unlink(at);
    (void)rmdir(m->tally.dir);
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
    struct matrix m = {.mode = argc > 1 ? argv[1] : "", .part = 1, .parts = 1};
    plug_time start = plug_now();
    int r;
    many_descriptors();
    (void)signal(SIGPIPE, SIG_IGN); /* then it is a failure with a name */
    if (argc > 2)
        (void)sscanf(argv[2], "%u/%u", &m.part, &m.parts);
    m.only_a = option(argc, argv, "-a", NULL);
    m.only_b = option(argc, argv, "-b", NULL);
    m.tally.backend = option(argc, argv, "--loop", NULL);
    command_path = option(argc, argv, "--plug", "plug");
    (void)snprintf(m.tally.dir, sizeof(m.tally.dir), "/tmp/plug-matrix-XXXXXX");
    if (!mkdtemp(m.tally.dir) || link_lender(&m) < 0)
        return 1;
    content_init(1);
    r = run(&m);
    remove_dir(&m);
    printf("%u of %u cases passed in %.1f s\n", m.tally.ran - m.tally.failed, m.tally.ran,
           (double)(plug_now() - start) / 1e9);
    free(m.jobs);
    return r < 0 || m.tally.failed || !m.tally.ran;
}

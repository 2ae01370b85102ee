/* SPDX-License-Identifier: MIT
 *
 * `plug tour`: goes through all pairs of kinds and shows a row for each kind as it comes, with what
 * passed and how fast.
 * It deliberately moves no bytes: tour_pair.c does.
 */
#include "cli/tour.h"
#include "util/alloc.h"
#include "util/str.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOUR_KINDS = 64, TOUR_BAR = 20, TOUR_NAME = 22 };

struct tour_failure {
    const char *a, *b;
    char why[240];
};

struct tour_show {
    struct plug__tour tour;
    const struct plug__tour_kind *kinds[TOUR_KINDS]; /* those that are present */
    unsigned nkinds, npairs, done, nfailed;
    struct tour_failure *failures; /* npairs */
    plug_handle signals;
    int ended_by; /* a signal */
    int tty, colour;
    plug_time started;
    uint64_t bytes;
    /* the row under way */
    char marks[TOUR_KINDS + 1];
    unsigned passed, tried;
    uint64_t row_bytes;
    plug_time row_took;
};

static void tour_paint(const struct tour_show *t, const char *code)
{
    if (t->colour)
        fputs(code, stdout);
}

static double tour_rate(uint64_t bytes, plug_time took)
{
    return took > 0 ? (double)bytes / (1024.0 * 1024.0) / ((double)took / (double)PLUG_SECOND) : 0;
}

static void tour_bar(const struct tour_show *t)
{
    unsigned full = t->npairs ? t->done * TOUR_BAR / t->npairs : TOUR_BAR;

    fputs("  [", stdout);
    for (unsigned i = 0; i < TOUR_BAR; i++)
        putchar(i < full ? '#' : '.');
    printf("] %u/%u", t->done, t->npairs);
}

static void tour_marks(const struct tour_show *t)
{
    for (const char *m = t->marks; *m; m++) {
        tour_paint(t, *m == '+' ? "\033[32m" : *m == 'X' ? "\033[31m" : "\033[2m");
        putchar(*m);
        tour_paint(t, "\033[0m");
    }
    for (size_t n = strlen(t->marks); n < t->nkinds; n++)
        putchar(' ');
}

/* The row as it stands; on a terminal it is drawn anew after each pair, with the bar behind it. */
static void tour_row(const struct tour_show *t, const struct plug__tour_kind *a, int last)
{
    if (!t->tty && !last)
        return;
    if (t->tty)
        fputs("\r\033[K", stdout);
    printf("%-*s ", TOUR_NAME, a->name);
    tour_marks(t);
    printf(" %3u/%-3u %8.1f MiB/s", t->passed, t->tried, tour_rate(t->row_bytes, t->row_took));
    if (last)
        putchar('\n');
    else
        tour_bar(t);
    fflush(stdout);
}

static void tour_count(struct tour_show *t, const struct plug__tour_kind *a,
                       const struct plug__tour_kind *b, const struct plug__tour_result *r)
{
    t->done++;
    t->tried++;
    t->bytes += r->bytes;
    t->row_bytes += r->bytes;
    t->row_took += r->took;
    if (r->ok) {
        t->passed++;
    } else {
        struct tour_failure *f = &t->failures[t->nfailed++];
        f->a = a->name;
        f->b = b->name;
        plug__strcpy(f->why, r->why, sizeof(f->why));
    }
}

static void tour_kind(struct tour_show *t, const struct plug__tour_kind *a)
{
    t->passed = t->tried = 0;
    t->row_bytes = 0;
    t->row_took = 0;
    memset(t->marks, 0, sizeof(t->marks));
    for (unsigned i = 0; i < t->nkinds && !t->ended_by; i++) {
        struct plug__tour_result r;
        const struct plug__tour_kind *b = t->kinds[i];
        t->marks[i] = '.';
        if (!plug__tour_joins(a, b))
            continue;
        tour_row(t, a, 0);
        plug__tour_pair(&t->tour, a, b, &r);
        t->marks[i] = r.ok ? '+' : 'X';
        tour_count(t, a, b, &r);
        t->ended_by = plug__os_signals_next(t->signals);
    }
    if (t->tried || t->ended_by)
        tour_row(t, a, 1);
}

static int tour_summary(const struct tour_show *t)
{
    double seconds = (double)(plug_now() - t->started) / (double)PLUG_SECOND;

    for (unsigned i = 0; i < t->nfailed; i++)
        printf("FAILED  %s -> %s: %s\n", t->failures[i].a, t->failures[i].b, t->failures[i].why);
    tour_paint(t, t->nfailed ? "\033[31m" : "\033[32m");
    printf("%u of %u pairs passed", t->done - t->nfailed, t->done);
    tour_paint(t, "\033[0m");
    printf(", %.1f MiB checked byte by byte in %.1f s\n", (double)t->bytes / (1024.0 * 1024.0),
           seconds);
    return t->ended_by ? 128 + t->ended_by : t->nfailed ? 1 : 0;
}

/* Kinds in this build; with names given, only these. */
static int tour_choose(struct tour_show *t, int argc, char **argv)
{
    for (const struct plug__tour_kind *k = plug__tour_kinds; k->name; k++) {
        int chosen = argc == 0;
        for (int i = 0; i < argc; i++)
            chosen |= strcmp(argv[i], k->name) == 0;
        if (chosen && t->nkinds < TOUR_KINDS && plug__tour_present(k))
            t->kinds[t->nkinds++] = k;
    }
    for (unsigned i = 0; i < t->nkinds; i++)
        for (unsigned j = 0; j < t->nkinds; j++)
            t->npairs += plug__tour_joins(t->kinds[i], t->kinds[j]) != 0;
    t->failures = plug__calloc(t->npairs ? t->npairs : 1, sizeof(*t->failures));
    return t->failures && t->npairs ? 0 : -1;
}

static int tour_knows(const char *name)
{
    for (const struct plug__tour_kind *k = plug__tour_kinds; k->name; k++)
        if (strcmp(name, k->name) == 0)
            return 1;
    return 0;
}

/* Answers a word that is no kind of the tour. Returns 1 when there is one. */
static int tour_wrong(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (tour_knows(argv[i]))
            continue;
        if (argv[i][0] != '-')
            fprintf(stderr, "plug: the tour has no kind \"%.60s\"\n", argv[i]);
        fputs("    usage: plug tour [KIND]..., of:", stderr);
        for (const struct plug__tour_kind *k = plug__tour_kinds; k->name; k++)
            fprintf(stderr, " %s", k->name);
        fputc('\n', stderr);
        return 1;
    }
    return 0;
}

static int tour_folder(struct tour_show *t)
{
    const char *base = getenv("TMPDIR");

    snprintf(t->tour.dir, sizeof(t->tour.dir), "%.40s/plug-tour-XXXXXX",
             base && *base && strlen(base) <= 40 ? base : "/tmp");
    return mkdtemp(t->tour.dir) ? 0 : -1;
}

static void tour_remove(const struct tour_show *t)
{
    DIR *dir = opendir(t->tour.dir);
    const struct dirent *entry;
    char path[512];

    while (dir && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", t->tour.dir, entry->d_name);
        if (entry->d_name[0] != '.')
            (void)unlink(path);
    }
    if (dir)
        closedir(dir);
    (void)rmdir(t->tour.dir);
}

static int tour_all(struct tour_show *t)
{
    t->started = plug_now();
    printf("plug tour: %u kinds, %u pairs; the columns are the same kinds from left to right\n",
           t->nkinds, t->npairs);
    for (unsigned i = 0; i < t->nkinds && !t->ended_by; i++)
        tour_kind(t, t->kinds[i]);
    return tour_summary(t);
}

int plug__tour_main(int argc, char **argv)
{
    struct tour_show t = {.signals = PLUG_NO_HANDLE};
    struct plug_err err = {0};
    const char *no = getenv("NO_COLOR");
    plug_handle out;
    int status = 1;

    t.tty = plug__os_stdio(1, &out, NULL) >= 0 && plug__os_isatty(out);
    t.colour = t.tty && !(no && *no);
    if (tour_wrong(argc - 1, argv + 1))
        return 2;
    if (tour_choose(&t, argc - 1, argv + 1) < 0) {
        fputs("plug: these kinds make no pair on this system\n", stderr);
        status = 2;
    } else if (tour_folder(&t) < 0) {
        fprintf(stderr, "plug: no temporary folder can be made (TMPDIR)\n");
    } else {
        if (plug__os_signals_open(&t.signals, NULL) < 0 ||
            plug_loop_new(&t.tour.loop, getenv("PLUG_LOOP"), &err) < 0)
            fprintf(stderr, "plug: %s\n", err.text[0] ? err.text : "signals cannot be watched");
        else
            status = tour_all(&t);
        plug_loop_free(t.tour.loop);
        if (t.signals != PLUG_NO_HANDLE)
            plug__os_signals_close(t.signals);
        tour_remove(&t);
    }
    plug__free(t.failures);
    return status;
}

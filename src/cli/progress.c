/* SPDX-License-Identifier: MIT
 *
 * Paints the line of --progress twice a second, as pv does. Who else writes to stderr clears it
 * first, by log.c.
 */
#include "cli/progress.h"
#include "os/os.h"
#include <inttypes.h>
#include <stdio.h>

#define PROGRESS_EACH (500 * PLUG_MS)

/* 1536 is "1.50 KiB" */
static void progress_amount(struct plug__str *out, double n, const char *unit)
{
    static const char *const prefix[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    size_t i = 0;

    while (n >= 1024 && i + 1 < sizeof(prefix) / sizeof(prefix[0])) {
        n /= 1024;
        i++;
    }
    plug__str_printf(out, i ? "%.2f %s%s" : "%.0f %s%s", n, prefix[i], unit);
}

static void progress_clock(struct plug__str *out, plug_time t)
{
    int64_t s = t / PLUG_SECOND;

    plug__str_printf(out, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
}

static void progress_way(struct plug__str *out, const char *way, uint64_t before, uint64_t now,
                         double seconds)
{
    progress_amount(out, (double)now, "B");
    plug__str_printf(out, " %s (", way);
    progress_amount(out, seconds > 0 ? (double)(now - before) / seconds : 0, "B/s");
    plug__str_add(out, ")");
}

/* By the average since the start: what a burst says of the rest is wrong. */
static void progress_eta(struct plug__str *out, uint64_t done, int64_t size, plug_time whole)
{
    double part = (double)done / (double)size;

    plug__str_printf(out, ", %.0f%%", part > 1 ? 100 : 100 * part);
    if (done == 0 || part >= 1)
        return;
    plug__str_add(out, ", ETA ");
    progress_clock(out, (plug_time)((double)whole * (1 - part) / part));
}

void plug__progress_line(struct plug__str *out, const struct plug__progress_sum *last,
                         const struct plug__progress_sum *now, plug_time since, plug_time whole,
                         int64_t size)
{
    double seconds = (double)since / (double)PLUG_SECOND;
    uint64_t records = now->records[0] + now->records[1];

    progress_way(out, "forth", last->bytes[0], now->bytes[0], seconds);
    plug__str_add(out, ", ");
    progress_way(out, "back", last->bytes[1], now->bytes[1], seconds);
    if (records) {
        uint64_t before = last->records[0] + last->records[1];
        plug__str_printf(out, ", %" PRIu64 " records (%.0f/s)", records,
                         seconds > 0 ? (double)(records - before) / seconds : 0);
    }
    plug__str_add(out, ", ");
    progress_clock(out, whole);
    if (size > 0)
        progress_eta(out, now->bytes[now->bytes[1] > now->bytes[0]], size, whole);
}

static void progress_paint(struct plug__progress *p, const struct plug__progress_sum *last,
                           plug_time since, int ends)
{
    struct plug__progress_sum now = {{0}, {0}};
    struct plug__str line = {0};

    p->sum(p->arg, &now);
    if (p->terminal)
        plug__str_add(&line, "\r\033[K");
    plug__progress_line(&line, last, &now, since, plug_now() - p->begun, p->size);
    if (ends || !p->terminal)
        plug__str_add(&line, "\n");
    if (!line.failed)
        (void)fwrite(line.text, 1, line.len, stderr);
    (void)fflush(stderr);
    p->painted = p->terminal && !ends;
    p->last = now;
    p->at = plug_now();
    plug__str_drop(&line);
}

static void progress_fire(struct plug__timer *t, plug_time now)
{
    struct plug__progress *p = plug__of(t, struct plug__progress, timer);

    progress_paint(p, &p->last, plug_now() - p->at, 0);
    (void)plug__loop_timer(p->loop, &p->timer, now + PROGRESS_EACH);
}

int plug__progress_begin(struct plug__progress *p, struct plug_loop *loop, int always)
{
    plug_handle err;
    int r;

    p->terminal = plug__os_stdio(2, &err, NULL) >= 0 && plug__os_isatty(err);
    if (!p->terminal && !always)
        return 0;
    p->loop = loop;
    p->timer.fire = progress_fire;
    p->begun = p->at = plug_now();
    r = plug__loop_timer(loop, &p->timer, p->begun + PROGRESS_EACH);
    p->running = r >= 0;
    return r < 0 ? r : 0;
}

/* The last line tells of the whole: its rates are averages. */
void plug__progress_end(struct plug__progress *p)
{
    const struct plug__progress_sum none = {{0}, {0}};

    if (!p->running)
        return;
    p->running = 0;
    (void)plug__loop_timer(p->loop, &p->timer, PLUG_FOREVER);
    progress_paint(p, &none, plug_now() - p->begun, 1);
}

/* SPDX-License-Identifier: MIT
 *
 * Writes a relay's counters as two lines of text, one a direction, or as a JSON object.
 * It deliberately counts nothing itself: the relays do.
 */
#include "cli/stats.h"
#include "os/os.h"
#include "util/str.h"
#include <inttypes.h>
#include <stdio.h>

static void stats_text_flow(struct plug__str *s, unsigned number, const char *way,
                            const struct plug__flow *f)
{
    plug__str_printf(s, "plug: STATISTICS: relay %u %s: %" PRIu64 " bytes, %" PRIu64 " records, ",
                     number, way, f->bytes, f->records);
    plug__str_printf(s, "%" PRIu64 " calls, %" PRIu64 " bytes spliced", f->calls, f->spliced);
    if (f->dropped)
        plug__str_printf(s, ", %" PRIu64 " records dropped", f->dropped);
    if (f->late)
        plug__str_printf(s, ", %" PRIu64 " bytes after the end", f->late);
    plug__str_add(s, "\n");
}

static void stats_text(struct plug__str *s, unsigned number, const struct plug__relay_totals *t)
{
    plug__str_printf(s, "plug: STATISTICS: relay %u: %" PRIu64 " sessions, %" PRIu64 " live, ",
                     number, t->sessions, t->live);
    plug__str_printf(s, "%" PRIu64 " failed", t->failed);
    if (t->refused)
        plug__str_printf(s, ", %" PRIu64 " not let in", t->refused);
    if (t->unheard)
        plug__str_printf(s, ", %" PRIu64 " records that no session took", t->unheard);
    plug__str_add(s, "\n");
    stats_text_flow(s, number, "forth", &t->flow[0]);
    stats_text_flow(s, number, "back", &t->flow[1]);
}

static void stats_json_flow(struct plug__str *s, const char *way, const struct plug__flow *f)
{
    plug__str_printf(s, ",\"%s\":{\"bytes\":%" PRIu64 ",\"records\":%" PRIu64, way, f->bytes,
                     f->records);
    plug__str_printf(s, ",\"calls\":%" PRIu64 ",\"spliced\":%" PRIu64, f->calls, f->spliced);
    plug__str_printf(s, ",\"dropped\":%" PRIu64 ",\"late\":%" PRIu64 "}", f->dropped, f->late);
}

static void stats_json(struct plug__str *s, unsigned number, const struct plug__relay_totals *t)
{
    char ts[PLUG__TIME_ROOM];

    plug__log_time(ts, sizeof(ts));
    plug__str_printf(s, "{\"event\":\"statistics\",\"ts\":\"%s\",\"relay\":%u", ts, number);
    plug__str_printf(s, ",\"sessions\":%" PRIu64 ",\"live\":%" PRIu64 ",\"failed\":%" PRIu64,
                     t->sessions, t->live, t->failed);
    plug__str_printf(s, ",\"refused\":%" PRIu64 ",\"unheard\":%" PRIu64, t->refused, t->unheard);
    stats_json_flow(s, "forth", &t->flow[0]);
    stats_json_flow(s, "back", &t->flow[1]);
    plug__str_add(s, "}\n");
}

void plug__stats_show(const struct plug__relay *r, unsigned number, int json)
{
    struct plug__relay_totals totals;
    struct plug__str s = {0};

    plug__relay_totals(r, &totals);
    (json ? stats_json : stats_text)(&s, number, &totals);
    if (!s.failed)
        fwrite(s.text, 1, s.len, stderr);
    plug__str_drop(&s);
}

/* SPDX-License-Identifier: MIT
 *
 * Lays out passing bytes as socat does: a head with time, length and place, then text or hex;
 * the files of -r and -R are filled beside it.
 * It deliberately takes no part in the transfer: the dump filter shows it what passes.
 */
#include "cli/dump.h"
#include "cli/args.h"
#include "cli/log.h"
#include "proto/filter/filter.h"
#include "util/alloc.h"
#include <inttypes.h>
#include <stdio.h>

enum { DUMP_WIDTH = 16 };

static char dump_printable(unsigned char c)
{
    return (char)(c >= 0x20 && c < 0x7f ? c : '.');
}

/* Control bytes by their C names; tabs and newlines as they are; the rest of the unprintable as
 * dots. */
static void dump_text(struct plug__str *out, const unsigned char *p, size_t len)
{
    static const char names[] = "ab\t\nvfr"; /* 7 to 13 */

    for (size_t i = 0; i < len; i++) {
        char two[2] = {'\\', dump_printable(p[i])};
        if (p[i] == '\t' || p[i] == '\n') {
            plug__str_addn(out, (const char *)&p[i], 1);
        } else if (p[i] >= '\a' && p[i] <= '\r') {
            two[1] = names[p[i] - '\a'];
            plug__str_addn(out, two, 2);
        } else if (p[i] == '\\') {
            plug__str_add(out, "\\\\");
        } else {
            plug__str_addn(out, two + 1, 1);
        }
    }
}

static void dump_hex(struct plug__str *out, const unsigned char *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        char three[3] = {' ', digits[p[i] >> 4], digits[p[i] & 15]};
        plug__str_addn(out, three, sizeof(three));
    }
}

/* Lines of at most 16 bytes, ended early by a newline: hex, then what is printable. */
static void dump_both(struct plug__str *out, const unsigned char *p, size_t len)
{
    static const char blanks[3 * DUMP_WIDTH + 3] =
        "                                                  ";

    while (len > 0) {
        size_t n = 1;
        while (n < len && n < DUMP_WIDTH && p[n - 1] != '\n')
            n++;
        dump_hex(out, p, n);
        plug__str_addn(out, blanks, sizeof(blanks) - 1 - 3 * n);
        for (size_t i = 0; i < n; i++) {
            char c = dump_printable(p[i]);
            plug__str_addn(out, &c, 1);
        }
        plug__str_add(out, "\n");
        p += n;
        len -= n;
    }
    plug__str_add(out, "--\n");
}

void plug__dump_block(struct plug__str *out, int how, int back, uint64_t from, const char *time,
                      const void *bytes, size_t len)
{
    uint64_t to = from + len - (len > 0);

    plug__str_printf(out, "%c %s  length=%zu from=%" PRIu64 " to=%" PRIu64 "\n", back ? '<' : '>',
                     time, len, from, to);
    if (how == (PLUG__DUMP_TEXT | PLUG__DUMP_HEX)) {
        dump_both(out, bytes, len);
    } else if (how & PLUG__DUMP_HEX) {
        dump_hex(out, bytes, len);
        plug__str_add(out, "\n");
    } else {
        dump_text(out, bytes, len);
    }
}

/* What one session's filter is given. */
struct dump_session {
    int how;
    struct plug__raw_files files;
};

static void dump_show(int how, int out, uint64_t at, const void *bytes, size_t len)
{
    struct plug__str s = {0};
    char time[PLUG__TIME_ROOM];

    plug__log_localtime(time, sizeof(time));
    plug__dump_block(&s, how, out, at, time, bytes, len);
    if (!s.failed)
        fwrite(s.text, 1, s.len, stderr);
    plug__str_drop(&s);
}

static void dump_bytes(void *arg, int out, uint64_t at, const void *bytes, size_t len,
                       unsigned flags)
{
    struct dump_session *d = arg;

    (void)flags;
    if (d->how)
        dump_show(d->how, out, at, bytes, len);
    plug__raw_write(&d->files, out, bytes, len);
}

static void dump_about(void *arg, const char *text)
{
    const struct dump_session *d = arg;

    if (d->how)
        fprintf(stderr, "< %s\n", text);
}

static void dump_closed(void *arg)
{
    struct dump_session *d = arg;

    plug__raw_end(&d->files);
    plug__free(d);
}

void plug__dump_attach(struct plug_sock *s, int how, struct plug__raw *raw)
{
    struct plug__filter_sink sink = {
        .bytes = dump_bytes, .about = dump_about, .closed = dump_closed};
    struct dump_session *d = plug__calloc(1, sizeof(*d));

    if (!d) {
        plug__log_say(raw->log, PLUG__LEVEL_ERROR, "no memory to show what passes");
        return;
    }
    d->how = how;
    plug__raw_begin(&d->files, raw);
    sink.arg = d;
    if (plug_setsockopt(s, PLUG_LEVEL_FILTER, PLUG__FILTER_SINK, &sink, sizeof(sink)) < 0)
        dump_closed(d);
}

/* SPDX-License-Identifier: MIT
 *
 * Opens and writes the files of -r and -R. A name with variables is one file a session, any other
 * is one file for all.
 */
#include "cli/raw.h"
#include "os/os.h"
#include "util/err.h"
#include "util/str.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RAW_NAME = 4096, RAW_MODE = 0664 };

/* Both as socat has them: local time without separators, and the microseconds of it. */
static void raw_time(char *stamp, size_t room, char *micros)
{
    char text[PLUG__TIME_ROOM];
    size_t n = 0;

    plug__log_localtime(text, sizeof(text)); /* 2026/01/31 23:59:59.123456 */
    for (const char *p = text; *p && *p != '.' && n + 1 < room; p++) {
        if (*p != '/' && *p != ':')
            stamp[n++] = *p == ' ' ? 'T' : *p;
    }
    stamp[n] = '\0';
    plug__strcpy(micros, strchr(text, '.') ? strchr(text, '.') + 1 : "", 8);
}

/* The value of the variable that begins at `name`; *ret_len: how long its name is. NULL: none. */
static const char *raw_variable(const char *name, unsigned serial, size_t *ret_len, char *buf,
                                size_t size)
{
    char stamp[PLUG__TIME_ROOM], micros[8], number[16], pid[24];
    raw_time(stamp, sizeof(stamp), micros);
    (void)snprintf(number, sizeof(number), "%u", serial);
    (void)snprintf(pid, sizeof(pid), "%" PRId64, plug__os_pid());
    const struct {
        const char *name, *value;
    } known[] = {
        {"PROGNAME", "plug"},  {"TIMESTAMP", stamp}, {"MICROS", micros},
        {"SERIALNUM", number}, {"PID", pid},
    };
    for (size_t i = 0; i < PLUG__COUNT(known); i++) {
        *ret_len = strlen(known[i].name);
        if (strncmp(name, known[i].name, *ret_len) == 0) {
            plug__strcpy(buf, known[i].value, size);
            return buf;
        }
    }
    return NULL;
}

int plug__raw_name(const char *name, unsigned serial, char *buf, size_t size)
{
    char value[PLUG__TIME_ROOM];
    size_t n = 0, len;

    while (*name) {
        const char *v =
            *name == '$' ? raw_variable(name + 1, serial, &len, value, sizeof(value)) : NULL;
        size_t add = v ? strlen(v) : 1;
        if (n + add >= size)
            return PLUG_ENAMETOOLONG;
        memcpy(buf + n, v ? v : name, add);
        n += add;
        name += v ? len + 1 : 1;
    }
    buf[n] = '\0';
    return 0;
}

/* Never waits: a FIFO that nobody reads is an error, one that is full loses bytes, and tells. */
static int raw_file(const char *name, unsigned serial, plug_handle *ret, int *os)
{
    char path[RAW_NAME];
    int r = plug__raw_name(name, serial, path, sizeof(path));

    if (r < 0)
        return r;
    return plug__os_open(ret, path,
                         PLUG__O_WRITE | PLUG__O_CREATE | PLUG__O_APPEND | PLUG__O_NONBLOCK |
                             PLUG__O_NOCTTY,
                         RAW_MODE, os);
}

static int raw_is_shared(const char *name)
{
    return name && !strchr(name, '$');
}

int plug__raw_open(struct plug__raw *raw, const char **ret_name, struct plug_err *err)
{
    for (int i = 0; i < 2; i++) {
        int os = 0, r;
        if (!raw_is_shared(raw->name[i]))
            continue;
        r = raw_file(raw->name[i], 0, &raw->h[i], &os);
        *ret_name = raw->name[i];
        if (r < 0)
            return plug__err(err, r, os, "file", "%s: %s", i ? "-R" : "-r", plug_strerror(r));
        raw->open |= 1 << i;
    }
    return 0;
}

void plug__raw_close(struct plug__raw *raw)
{
    for (int i = 0; i < 2; i++)
        if (raw->open & (1 << i))
            plug__os_close(raw->h[i]);
    raw->open = 0;
}

static void raw_cannot(struct plug__raw *raw, int i, int code)
{
    plug__log_say(raw->log, PLUG__LEVEL_WARNING, "%s %.200s: %s", i ? "-R" : "-r", raw->name[i],
                  plug_strerror(code));
}

void plug__raw_begin(struct plug__raw_files *f, struct plug__raw *raw)
{
    *f = (struct plug__raw_files){.raw = raw, .h = {raw->h[0], raw->h[1]}, .open = raw->open};
    raw->serial++;
    for (int i = 0; i < 2; i++) {
        int r;
        if (!raw->name[i] || raw_is_shared(raw->name[i]))
            continue;
        r = raw_file(raw->name[i], raw->serial, &f->h[i], NULL);
        if (r < 0) {
            raw_cannot(raw, i, r);
            continue;
        }
        f->open |= 1 << i;
        f->own |= 1 << i;
    }
}

void plug__raw_write(struct plug__raw_files *f, int back, const void *bytes, size_t len)
{
    struct plug_iov v = {(void *)(uintptr_t)bytes, len};

    if (!(f->open & (1 << back)))
        return;
    while (v.len) {
        int64_t n = plug__os_write(f->h[back], &v, 1, NULL);
        if (n <= 0) {
            if (!f->raw->lost)
                raw_cannot(f->raw, back, n ? (int)n : PLUG_ENOSPC);
            f->raw->lost += v.len;
            return;
        }
        v.base = (char *)v.base + n;
        v.len -= (size_t)n;
    }
}

void plug__raw_end(struct plug__raw_files *f)
{
    for (int i = 0; i < 2; i++)
        if (f->own & (1 << i))
            plug__os_close(f->h[i]);
    f->open = f->own = 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The tables of hosts that tcpwrap asks, in the form of hosts_access(5), read anew for each peer so
 * that edits count at once. It looks no names up and runs no commands: a pattern that is a name
 * never admits anybody, and turns everybody away.
 */
#include "socket/common.h"

#include "util/alloc.h"
#include "util/str.h"
#include <stdio.h>
#include <string.h>

enum { WRAP_TABLE = 64 * 1024, WRAP_PATH = 1024, WRAP_WORD = 256 };

struct wrap_asked {
    const char *service; /* "": plug's own names */
    const struct plug_addr *peer;
    char text[64]; /* the address without port and brackets */
    int deny;      /* the table of those who are turned away */
    int doubt;     /* what a pattern says that cannot be understood */
};

/* ---- one pattern ---- */

static int wrap_cut(const char **at, char *word)
{
    static const char between[] = " \t,\r\n";
    size_t n;
    *at += strspn(*at, between);
    n = strcspn(*at, between);
    if (n == 0 || n >= WRAP_WORD)
        return 0;
    memcpy(word, *at, n);
    word[n] = '\0';
    *at += n;
    return 1;
}

/* "192.0.2." and "[2001:db8:" are beginnings of addresses. */
static int wrap_begins(const char *pattern, const char *address)
{
    size_t n = strlen(pattern);
    return strncmp(pattern, address, n) == 0;
}

/* ADDRESS/MASK of IPv4 is written ADDRESS:MASK elsewhere in this folder. */
static int wrap_in_range(const char *pattern, const struct plug_addr *peer)
{
    char range[WRAP_WORD];
    char *slash;
    (void)snprintf(range, sizeof(range), "%s", pattern);
    slash = strchr(range, '/');
    if (slash && strchr(slash, '.'))
        *slash = ':';
    return plug__socket_range_has(range, peer);
}

static int wrap_is_address(const char *p)
{
    return p[strspn(p, "0123456789abcdefABCDEF.:/[]")] == '\0' && strpbrk(p, ".:") != NULL;
}

static int wrap_host(const struct wrap_asked *a, const char *p)
{
    size_t n = strlen(p);
    if (plug__casecmp(p, "ALL") == 0)
        return 1;
    if (!wrap_is_address(p))
        return a->doubt; /* a name, KNOWN, LOCAL, a file: see the head */
    return p[n - 1] == '.' ? wrap_begins(p, a->text) : wrap_in_range(p, a->peer);
}

static int wrap_service(const struct wrap_asked *a, const char *p)
{
    if (plug__casecmp(p, "ALL") == 0)
        return 1;
    if (*a->service)
        return plug__casecmp(p, a->service) == 0;
    return plug__casecmp(p, "plug") == 0 || plug__casecmp(p, "socat") == 0;
}

/* ---- one line ---- */

typedef int (*wrap_match)(const struct wrap_asked *a, const char *pattern);

/* "a b EXCEPT c EXCEPT d": a or b, but not (c, but not d). */
static int wrap_list(struct wrap_asked *a, const char *list, wrap_match match)
{
    char word[WRAP_WORD];
    int depth = 0, part = 0;
    a->doubt = a->deny;
    while (wrap_cut(&list, word)) {
        if (plug__casecmp(word, "EXCEPT") != 0) {
            part |= match(a, word);
            continue;
        }
        if (!part) /* what follows only takes away from this */
            break;
        depth++;
        part = 0;
        a->doubt = !a->doubt;
    }
    return part ? depth % 2 == 0 : depth % 2 == 1;
}

/* The colon that ends a list; those of an IPv6 address stand in brackets. */
static char *wrap_colon(char *at)
{
    int inside = 0;
    for (; *at; at++) {
        inside += *at == '[' ? 1 : *at == ']' ? -1 : 0;
        if (*at == ':' && inside <= 0)
            return at;
    }
    return NULL;
}

/* Returns 1 when the line is about this peer and service; *ret_admit then says what of it. */
static int wrap_line(struct wrap_asked *a, char *line, int *ret_admit)
{
    char *hosts = wrap_colon(line), *options, word[WRAP_WORD];
    const char *at;
    if (!hosts)
        return 0;
    *hosts++ = '\0';
    options = wrap_colon(hosts);
    if (options)
        *options++ = '\0';
    if (!wrap_list(a, line, wrap_service) || !wrap_list(a, hosts, wrap_host))
        return 0;
    *ret_admit = !a->deny;
    for (at = options ? options : ""; wrap_cut(&at, word);) {
        if (plug__casecmp(word, "ALLOW") == 0)
            *ret_admit = 1;
        else if (plug__casecmp(word, "DENY") == 0)
            *ret_admit = 0;
    }
    return 1;
}

/* ---- a table ---- */

/* A backslash at its end joins a line to the next. */
static void wrap_join_lines(char *text)
{
    for (char *p = text; (p = strstr(p, "\\\n")) != NULL;)
        p[0] = p[1] = ' ';
}

static int wrap_lines(struct wrap_asked *a, char *text, int *ret_admit)
{
    wrap_join_lines(text);
    while (*text) {
        size_t n = strcspn(text, "\n");
        char *next = text + n + (text[n] == '\n');
        text[n] = '\0';
        if (*text != '#' && wrap_line(a, text, ret_admit))
            return 1;
        text = next;
    }
    return 0;
}

/* Returns bytes read, ENOENT when there is no table, or why it cannot be read whole. */
static int64_t wrap_read(const char *path, char *text)
{
    plug_handle h;
    int64_t n = 0, r = plug__os_open(&h, path, PLUG__O_READ, 0, NULL);
    if (r < 0)
        return r;
    do {
        const struct plug_iov v = {text + n, (size_t)(WRAP_TABLE - n)};
        r = v.len ? plug__os_read(h, &v, 1, NULL) : PLUG_EFBIG;
        n += r > 0 ? r : 0;
    } while (r > 0);
    plug__os_close(h);
    return r == PLUG_EOF ? n : r;
}

/* Returns 1 when the table decides. A default table that is not there says nothing; one that was
 * named, or cannot be read, admits nobody. */
static int wrap_table(struct wrap_asked *a, const char *path, int named, int *ret_admit)
{
    char *text = plug__malloc(WRAP_TABLE + 1);
    int64_t n = text ? wrap_read(path, text) : PLUG_ENOMEM;
    int decided = 1;
    *ret_admit = 0;
    if (n == PLUG_ENOENT && !named)
        decided = 0;
    if (n >= 0) {
        text[n] = '\0';
        decided = wrap_lines(a, text, ret_admit);
    }
    plug__free(text);
    return decided;
}

/* The address as the tables write it: an IPv4 peer of a dual-stack socket is one of IPv4. */
static void wrap_text(const struct plug_addr *peer, char *buf, size_t room)
{
    char text[80], *end;
    const char *from = text;
    if (plug__os_addr_text(peer, text, sizeof(text)) < 0)
        text[0] = '\0';
    end = strrchr(text, ':');
    if (end)
        *end = '\0';
    if (*from == '[') {
        from++;
        text[strcspn(text, "]%")] = '\0';
    }
    if (strncmp(from, "::ffff:", 7) == 0 && strchr(from, '.'))
        from += 7;
    (void)snprintf(buf, room, "%.*s", (int)room - 1, from);
}

int plug__wrap_admits(const struct plug__socket_conf *conf, const struct plug_addr *peer)
{
    struct wrap_asked a = {.service = conf->wrap, .peer = peer};
    const char *dir = conf->wrap_dir ? conf->wrap_dir : "/etc";
    char path[WRAP_PATH];
    int admit;
    wrap_text(peer, a.text, sizeof(a.text));
    (void)snprintf(path, sizeof(path), "%s/hosts.allow", dir);
    if (wrap_table(&a, conf->wrap_allow ? conf->wrap_allow : path, conf->wrap_allow != NULL,
                   &admit))
        return admit;
    a.deny = 1;
    (void)snprintf(path, sizeof(path), "%s/hosts.deny", dir);
    if (wrap_table(&a, conf->wrap_deny ? conf->wrap_deny : path, conf->wrap_deny != NULL, &admit))
        return admit;
    return 1;
}

/* SPDX-License-Identifier: MIT
 *
 * What a program that serves a session is told by its environment: who plug is, who called and
 * where, under socat's names and under plug's own. It starts nothing: exec does.
 */
#include "relay/session.h"

#include "util/alloc.h"
#include "util/str.h"
#include <stdio.h>
#include <string.h>

enum {
    ENVIRON_VARS = 8,
    ENVIRON_NAME = 32,  /* "SOCAT_SOCKADDR=" and more */
    ENVIRON_VALUE = 160 /* a socket's path */
};

/* Under construction: pointers first, their texts behind them. */
struct environ_block {
    const char *vars[2 * ENVIRON_VARS + 1];
    unsigned n;
    char text[2 * ENVIRON_VARS][ENVIRON_NAME + ENVIRON_VALUE];
};

static void environ_one(struct environ_block *b, const char *prefix, const char *name,
                        const char *value)
{
    char *text = b->text[b->n];
    (void)snprintf(text, sizeof(b->text[0]), "%s_%s=%s", prefix, name, value);
    b->vars[b->n++] = text;
}

static void environ_both(struct environ_block *b, const char *name, const char *value)
{
    environ_one(b, "SOCAT", name, value);
    environ_one(b, "PLUG", name, value);
}

/* socat writes IPv6 with all its digits, between brackets: "[0000:…:0001]". Its scripts cut that.
 */
static void environ_long(const struct plug_addr *a, char *buf, size_t size)
{
    static const size_t at = 8; /* of the address in a sockaddr_in6, on every system */
    size_t n = 0;
    for (size_t i = 0; i < 16 && n + 6 < size; i += 2)
        n += (size_t)snprintf(buf + n, size - n, "%c%02x%02x", i ? ':' : '[', a->u.sa[at + i],
                              a->u.sa[at + i + 1]);
    plug__strcpy(buf + n, "]", size - n);
}

/* An address and its port; a path has none. */
static void environ_addr(struct environ_block *b, const char *which, const struct plug_addr *a)
{
    char text[ENVIRON_VALUE] = "", name[16], number[8];
    char *colon;
    uint16_t port = plug__os_addr_port(a);
    (void)plug__os_addr_text(a, text, sizeof(text));
    colon = port ? strrchr(text, ':') : NULL;
    if (colon)
        *colon = '\0';
    (void)snprintf(name, sizeof(name), "%sADDR", which);
    environ_one(b, "PLUG", name, text);
    if (text[0] == '[')
        environ_long(a, text, sizeof(text));
    environ_one(b, "SOCAT", name, text);
    if (!port)
        return;
    (void)snprintf(name, sizeof(name), "%sPORT", which);
    (void)snprintf(number, sizeof(number), "%u", port);
    environ_both(b, name, number);
}

static void environ_socket(struct environ_block *b, struct plug_sock *sock)
{
    struct plug_addr a = {0};
    size_t len = sizeof(a);
    if (plug_getsockopt(sock, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &a, &len) >= 0)
        environ_addr(b, "SOCK", &a);
    a = (struct plug_addr){0};
    len = sizeof(a);
    if (plug_getsockopt(sock, PLUG_LEVEL_SOCK, PLUG_SO_PEER, &a, &len) >= 0)
        environ_addr(b, "PEER", &a);
}

const char *const *plug__session_environ(const struct plug__session *s, int side)
{
    const char *base = plug__session_plan(s, side)->steps[0].ops->name;
    struct environ_block *b;
    char number[24];
    if (strcmp(base, "exec") != 0)
        return NULL;
    b = plug__calloc(1, sizeof(*b));
    if (!b) /* the program runs without */
        return NULL;
    environ_both(b, "VERSION", plug_version());
    (void)snprintf(number, sizeof(number), "%lld", (long long)plug__os_pid());
    environ_both(b, "PID", number);
    environ_both(b, "PPID", number); /* socat's is that of the listener: the same process here */
    (void)snprintf(number, sizeof(number), "%u", s->id);
    environ_one(b, "PLUG", "SESSION", number);
    if (s->side[!side])
        environ_socket(b, s->side[!side]);
    return b->vars;
}

/* SPDX-License-Identifier: MIT
 *
 * Talking in lines, as FTP, SMTP and POP3 do: what their examples share. It knows no protocol; a
 * reply of three digits is the one thing that two of them have in common.
 */
#ifndef EXAMPLE_LINE_H
#define EXAMPLE_LINE_H

#include <plug/plug.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line_peer {
    struct plug_sock *sock;
    const char *name; /* of the program, for complaints */
    size_t at, have;
    char in[4096];
};

static inline plug_time line_deadline(void)
{
    return plug_now() + 30 * PLUG_SECOND;
}

/* Complains and ends the program: an example has nobody to hand an error to. */
static inline void line_die(const struct line_peer *p, const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", p->name, what, why);
    plug_close(p->sock);
    exit(1);
}

static inline void line_open(struct line_peer *p, const char *name, const char *address)
{
    struct plug_err err;
    *p = (struct line_peer){.name = name};
    if (plug_open(&p->sock, address, line_deadline(), &err) < 0)
        line_die(p, address, err.text);
}

/* The next byte. The server's end before its farewell is an error here. */
static inline unsigned char line_byte(struct line_peer *p)
{
    if (p->at == p->have) {
        int64_t n = plug_recv(p->sock, p->in, sizeof p->in, 0, line_deadline());
        if (n < 0)
            line_die(p, "receive", plug_strerror((int)n));
        p->at = 0;
        p->have = (size_t)n;
    }
    return (unsigned char)p->in[p->at++];
}

/* A line without its end; what does not fit is left out. */
static inline void line_get(struct line_peer *p, char *line, size_t room)
{
    size_t n = 0;
    for (unsigned char c = line_byte(p); c != '\n'; c = line_byte(p))
        if (n + 1 < room)
            line[n++] = (char)c;
    if (n && line[n - 1] == '\r')
        n--;
    line[n] = '\0';
}

/* All of it, however little the kernel takes at once. */
static inline void line_send(struct line_peer *p, const char *bytes, size_t len)
{
    while (len) {
        int64_t n = plug_send(p->sock, bytes, len, 0, line_deadline());
        if (n < 0)
            line_die(p, "send", plug_strerror((int)n));
        bytes += n;
        len -= (size_t)n;
    }
}

/* Sends "VERB" or "VERB argument". A line end inside the argument would be a second command. */
static inline void line_say(struct line_peer *p, const char *verb, const char *argument)
{
    char line[1024];
    int n = snprintf(line, sizeof line, argument ? "%s%s\r\n" : "%s\r\n", verb, argument);
    if (n < 0 || (size_t)n >= sizeof line || (argument && strpbrk(argument, "\r\n")))
        line_die(p, verb, "the argument is too long or holds a line end");
    line_send(p, line, (size_t)n);
}

/* A reply "250 text", or "250-text" lines up to it. Returns its number; the last line in `line`. */
static inline int line_reply(struct line_peer *p, char *line, size_t room)
{
    char end[5];
    line_get(p, line, room);
    (void)snprintf(end, sizeof end, "%.3s ", line);
    if (strlen(line) > 3 && line[3] == '-')
        do
            line_get(p, line, room);
        while (strncmp(line, end, 4) != 0);
    return (int)strtol(line, NULL, 10);
}

/* Says it and wants a reply of this class: 2 done, 3 go on. */
static inline int line_ask(struct line_peer *p, const char *verb, const char *argument, int wanted)
{
    char line[1024];
    int code;
    line_say(p, verb, argument);
    code = line_reply(p, line, sizeof line);
    if (code / 100 != wanted)
        line_die(p, verb, line);
    return code;
}

#endif

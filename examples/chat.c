/* SPDX-License-Identifier: MIT
 *
 * chat LISTENER...: what one member says, all others hear, over any kinds at once:
 *   chat line+tcp-listen://:4000 unix-seqpacket-listen:///tmp/chat
 * One thread, one plug_select. It keeps nothing: who does not read is put out.
 */
#include <plug/plug.h>
#include <stdio.h>

enum { CHAT_LISTENERS = 4, CHAT_ROWS = 64, CHAT_SAYING = 4096 };

struct chat {
    struct plug_selection row[CHAT_ROWS]; /* listeners first, then members */
    unsigned listeners, n;
};

static void chat_leave(struct chat *c, unsigned i)
{
    plug_close(c->row[i].sock);
    c->row[i] = c->row[--c->n];
}

static void chat_enter(struct chat *c, unsigned i)
{
    struct plug_sock *s;
    if (plug_accept(c->row[i].sock, &s, 0) < 0)
        return;
    if (c->n == CHAT_ROWS) {
        (void)plug_send(s, "full", 4, 0, 0);
        plug_close(s);
        return;
    }
    c->row[c->n++] = (struct plug_selection){.sock = s, .want = PLUG_IN};
}

/* From the last to the first, so that one who leaves does not move one yet to be told. */
static void chat_tell(struct chat *c, unsigned from, const char *saying, size_t len)
{
    struct plug_sock *speaker = c->row[from].sock;
    for (unsigned i = c->n; i-- > c->listeners;)
        if (c->row[i].sock != speaker &&
            plug_send(c->row[i].sock, saying, len, 0, 0) != (int64_t)len)
            chat_leave(c, i);
}

/* A record is a saying: a line over TCP, a packet over the Unix socket. */
static void chat_hear(struct chat *c, unsigned i)
{
    char saying[CHAT_SAYING];
    int64_t n = plug_recv(c->row[i].sock, saying, sizeof saying, 0, 0);
    if (n >= 0)
        chat_tell(c, i, saying, (size_t)n);
    else if (n != PLUG_EAGAIN)
        chat_leave(c, i);
}

/* Back to front again: members who leave are replaced by ones that were looked at. */
static int chat_run(struct chat *c)
{
    for (;;) {
        int r = plug_select(c->row, c->n, PLUG_FOREVER);
        if (r < 0)
            return r;
        for (unsigned i = c->n; i-- > 0;) {
            if (i >= c->n || !c->row[i].ready)
                continue;
            c->row[i].ready = 0;
            if (i < c->listeners)
                chat_enter(c, i);
            else
                chat_hear(c, i);
        }
    }
}

static int chat_listen(struct chat *c, const char *address)
{
    struct plug_sock *s;
    struct plug_addr name;
    struct plug_err err;
    size_t len = sizeof name;
    char text[160];
    if (plug_open(&s, address, plug_now() + 10 * PLUG_SECOND, &err) < 0) {
        fprintf(stderr, "%s: %s\n", address, err.text);
        return -1;
    }
    c->row[c->n++] = (struct plug_selection){.sock = s, .want = PLUG_IN};
    c->listeners = c->n;
    if (plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &name, &len) >= 0 &&
        plug_addr_text(&name, text, sizeof text) >= 0)
        printf("%s\n", text);
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    struct chat c = {.n = 0};
    int r = argc > 1 && argc <= CHAT_LISTENERS + 1 ? 0 : -1;
    if (r < 0)
        fprintf(stderr, "usage: %s LISTENER... (at most %d)\n", argv[0], CHAT_LISTENERS);
    for (int i = 1; i < argc && r >= 0; i++)
        r = chat_listen(&c, argv[i]);
    if (r >= 0) {
        r = chat_run(&c);
        fprintf(stderr, "select: %s\n", plug_strerror(r));
    }
    while (c.n)
        plug_close(c.row[--c.n].sock);
    return 1;
}

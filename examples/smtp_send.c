/* SPDX-License-Identifier: MIT
 *
 * smtp_send ADDRESS FROM TO < message: hands one message to an SMTP server (RFC 5321). It neither
 * writes header fields nor logs in: the message goes as it stands, its lines ended by CR LF.
 */
#include "line.h"

struct smtp_body {
    struct line_peer *peer;
    size_t n;
    char out[8192];
};

static void smtp_put(struct smtp_body *b, int c)
{
    if (b->n == sizeof b->out) {
        line_send(b->peer, b->out, b->n);
        b->n = 0;
    }
    b->out[b->n++] = (char)c;
}

/* A dot that begins a line is doubled (§4.5.2): a single one would end the message. */
static void smtp_message(struct line_peer *peer, FILE *in)
{
    static struct smtp_body body;
    int last = '\n';
    body.peer = peer;
    for (int c = getc(in); c != EOF; last = c, c = getc(in)) {
        if (last == '\n' && c == '.')
            smtp_put(&body, '.');
        if (c == '\n' && last != '\r')
            smtp_put(&body, '\r');
        smtp_put(&body, c);
    }
    if (ferror(in))
        line_die(peer, "message", "cannot be read");
    for (const char *end = last == '\n' ? ".\r\n" : "\r\n.\r\n"; *end; end++)
        smtp_put(&body, *end);
    line_send(peer, body.out, body.n);
}

/* EHLO, or HELO to a server that does not know it. */
static void smtp_hello(struct line_peer *peer)
{
    char line[1024];
    if (line_reply(peer, line, sizeof line) != 220)
        line_die(peer, "greeting", line);
    line_say(peer, "EHLO localhost", NULL);
    if (line_reply(peer, line, sizeof line) != 250)
        line_ask(peer, "HELO localhost", NULL, 2);
}

static void smtp_path(struct line_peer *peer, const char *verb, const char *mailbox)
{
    char path[512];
    int n = snprintf(path, sizeof path, "<%s>", mailbox);
    if (n < 0 || (size_t)n >= sizeof path)
        line_die(peer, verb, "the mailbox is too long");
    line_ask(peer, verb, path, 2);
}

int main(int argc, char **argv)
{
    struct line_peer peer;
    char line[1024];
    if (argc != 4) {
        fprintf(stderr,
                "usage: %s ADDRESS FROM TO < message\n"
                "  such as: %s tcp://localhost:25 me@example.org you@example.org < mail\n",
                argv[0], argv[0]);
        return 2;
    }
    line_open(&peer, argv[0], argv[1]);
    smtp_hello(&peer);
    smtp_path(&peer, "MAIL FROM:", argv[2]);
    smtp_path(&peer, "RCPT TO:", argv[3]);
    line_ask(&peer, "DATA", NULL, 3);
    smtp_message(&peer, stdin);
    if (line_reply(&peer, line, sizeof line) != 250) /* from here on the server answers for it */
        line_die(&peer, "message", line);
    line_ask(&peer, "QUIT", NULL, 2);
    plug_close(peer.sock);
    return 0;
}

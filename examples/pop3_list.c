/* SPDX-License-Identifier: MIT
 *
 * pop3_list ADDRESS USER PASSWORD [N]: the messages of a mailbox and their sizes, or message N
 * (RFC 1939). It never deletes; lines are printed with the line end of this system.
 */
#include "line.h"

static void pop3_ask(struct line_peer *peer, const char *verb, const char *argument)
{
    char line[1024];
    if (verb)
        line_say(peer, verb, argument);
    line_get(peer, line, sizeof line);
    if (strncmp(line, "+OK", 3) != 0)
        line_die(peer, verb ? verb : "greeting", line);
}

/* Up to a line of one dot; a dot that begins another line was put there by the server. Lines may
 * be of any length, so this goes byte by byte. */
static void pop3_print(struct line_peer *peer)
{
    for (;;) {
        unsigned char c = line_byte(peer), next;
        if (c == '.') {
            c = line_byte(peer);
            if (c == '\r') {
                (void)line_byte(peer); /* its line feed */
                return;
            }
        }
        for (; c != '\n'; c = next) {
            next = line_byte(peer);
            if (c != '\r' || next != '\n')
                putchar(c);
        }
        putchar('\n');
    }
}

int main(int argc, char **argv)
{
    struct line_peer peer;
    if (argc != 4 && argc != 5) {
        fprintf(stderr,
                "usage: %s ADDRESS USER PASSWORD [N]\n"
                "  such as: %s tcp://localhost:110 me secret 1\n",
                argv[0], argv[0]);
        return 2;
    }
    line_open(&peer, argv[0], argv[1]);
    pop3_ask(&peer, NULL, NULL);
    pop3_ask(&peer, "USER ", argv[2]);
    pop3_ask(&peer, "PASS ", argv[3]);
    if (argc == 5)
        pop3_ask(&peer, "RETR ", argv[4]);
    else
        pop3_ask(&peer, "LIST", NULL);
    pop3_print(&peer);
    pop3_ask(&peer, "QUIT", NULL);
    plug_close(peer.sock);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: standard output takes no more\n", argv[0]);
        return 1;
    }
    return 0;
}

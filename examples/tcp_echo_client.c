/* SPDX-License-Identifier: MIT
 *
 * tcp_echo_client HOST:PORT [STACK]: socket, connect, send, recv, close. Each line of standard
 * input is sent, and what comes back printed; it does not type ahead.
 */
#include <plug/plug.h>
#include <stdio.h>
#include <string.h>

/* A stream gives back in pieces what went out at once. */
static int echo_round(struct plug_sock *s, const char *line, size_t len)
{
    const plug_time deadline = plug_now() + 10 * PLUG_SECOND;
    char back[4096];
    for (size_t sent = 0; sent < len;) {
        int64_t n = plug_send(s, line + sent, len - sent, 0, deadline);
        if (n < 0)
            return (int)n;
        sent += (size_t)n;
    }
    while (len) {
        int64_t n = plug_recv(s, back, len < sizeof back ? len : sizeof back, 0, deadline);
        if (n < 0)
            return (int)n;
        (void)fwrite(back, 1, (size_t)n, stdout);
        len -= (size_t)n;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *stack = argc > 2 ? argv[2] : "tcp";
    struct plug_sock *s;
    struct plug_err err;
    char line[4096];
    int r;
    if (argc < 2) {
        fprintf(stderr, "usage: %s HOST:PORT [STACK]\n", argv[0]);
        return 2;
    }
    if (plug_socket(&s, NULL, stack, &err) < 0) {
        fprintf(stderr, "%s: %s\n", stack, err.text);
        return 1;
    }
    r = plug_connect(s, argv[1], plug_now() + 10 * PLUG_SECOND);
    while (r >= 0 && fgets(line, sizeof line, stdin))
        r = echo_round(s, line, strlen(line));
    if (r >= 0) /* the orderly end: the server sees the end of data, then closes */
        r = plug_shutdown(s, PLUG_SHUT_WR, plug_now() + 10 * PLUG_SECOND);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", argv[1], plug_strerror(r));
    plug_close(s);
    return r < 0;
}

/* SPDX-License-Identifier: MIT
 *
 * tcp_echo_server [STACK [HOST:PORT]]: socket, bind, listen, accept, recv, send, close, in the
 * order of every book. One connection at a time; poll_loop.c shows how many are served at once.
 */
#include <plug/plug.h>
#include <stdio.h>

/* Gives back what comes in until the client has said its last. */
static void echo_serve(struct plug_sock *c)
{
    char buf[4096];
    int64_t n;
    while ((n = plug_recv(c, buf, sizeof buf, 0, PLUG_FOREVER)) >= 0) {
        for (int64_t done = 0; done < n;) {
            int64_t m = plug_send(c, buf + done, (size_t)(n - done), 0, PLUG_FOREVER);
            if (m < 0) {
                fprintf(stderr, "send: %s\n", plug_strerror((int)m));
                return;
            }
            done += m;
        }
    }
    if (n != PLUG_EOF)
        fprintf(stderr, "recv: %s\n", plug_strerror((int)n));
    plug_shutdown(c, PLUG_SHUT_WR, plug_now() + 5 * PLUG_SECOND);
}

/* Where it listens, on standard output: the port may have been chosen by the system. */
static void echo_tell(struct plug_sock *s)
{
    struct plug_addr name;
    size_t len = sizeof name;
    char text[160];
    if (plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &name, &len) >= 0 &&
        plug_addr_text(&name, text, sizeof text) >= 0)
        printf("%s\n", text);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *stack = argc > 1 ? argv[1] : "tcp", *where = argc > 2 ? argv[2] : "127.0.0.1:0";
    struct plug_sock *s, *c;
    struct plug_err err;
    int r;
    if (plug_socket(&s, NULL, stack, &err) < 0) {
        fprintf(stderr, "%s: %s\n", stack, err.text);
        return 1;
    }
    r = plug_bind(s, where);
    if (r >= 0)
        r = plug_listen(s, 0);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", where, plug_strerror(r));
        plug_close(s);
        return 1;
    }
    echo_tell(s);
    while ((r = plug_accept(s, &c, PLUG_FOREVER)) >= 0) {
        echo_serve(c);
        plug_close(c);
    }
    fprintf(stderr, "accept: %s\n", plug_strerror(r));
    plug_close(s);
    return 1;
}

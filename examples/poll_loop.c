/* SPDX-License-Identifier: MIT
 *
 * poll_loop LISTENER: plug as a guest in a program's own poll loop, which also reads standard
 * input: "count" tells how many connections there are, its end ends the program. Every connection
 * gets back what it sends; none has a thread, none keeps another waiting.
 */
#include <errno.h>
#include <plug/loop.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct guest {
    struct plug_sock *sock;
    struct guest *next, **link;
    size_t at, have; /* what of `buf` the peer has not taken yet */
    char buf[4096];
};

static void guest_end(struct guest *g)
{
    plug_close(g->sock); /* allowed inside its own watch */
    *g->link = g->next;
    if (g->next)
        g->next->link = g->link;
    free(g);
}

/* Called when the endpoint may be able to go on. Edge-triggered: on until EAGAIN. */
static void guest_watch(struct plug_sock *s, void *arg)
{
    struct guest *g = arg;
    for (;;) {
        int64_t n;
        if (g->at == g->have) {
            n = plug_recv(s, g->buf, sizeof g->buf, 0, 0);
            g->at = 0;
            g->have = n > 0 ? (size_t)n : 0;
        } else {
            n = plug_send(s, g->buf + g->at, g->have - g->at, 0, 0);
            g->at += n > 0 ? (size_t)n : 0;
        }
        if (n == PLUG_EAGAIN)
            return;
        if (n < 0) {
            guest_end(g);
            return;
        }
    }
}

static void listener_watch(struct plug_sock *s, void *arg)
{
    struct guest **all = arg;
    struct plug_sock *c;
    while (plug_accept(s, &c, 0) >= 0) {
        struct guest *g = calloc(1, sizeof *g);
        if (!g) {
            plug_close(c);
            return;
        }
        *g = (struct guest){.sock = c, .next = *all, .link = all};
        if (g->next)
            g->next->link = &g->next;
        *all = g;
        plug_watch(c, guest_watch, g);
    }
}

/* poll(2) takes milliseconds; rounded up, so that it does not wake too early over and over. */
static int timeout_of(plug_time next)
{
    plug_time left = next - plug_now();
    if (next == PLUG_FOREVER)
        return -1;
    return left <= 0 ? 0 : left > 60 * PLUG_SECOND ? 60000 : (int)((left + PLUG_MS - 1) / PLUG_MS);
}

/* The program's own work beside plug's. Returns 0 at the end of standard input. */
static int read_command(const struct guest *all)
{
    char word[64];
    ssize_t n = read(STDIN_FILENO, word, sizeof word);
    unsigned count = 0;
    for (const struct guest *g = all; g; g = g->next)
        count++;
    if (n >= 5 && memcmp(word, "count", 5) == 0) {
        printf("%u\n", count);
        (void)fflush(stdout);
    }
    return n > 0;
}

static int serve(struct plug_loop *loop, struct guest **all)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = plug_loop_fd(loop), .events = POLLIN}};
    for (;;) {
        int r = poll(fds, 2, timeout_of(plug_loop_next(loop)));
        if (r < 0 && errno != EINTR)
            return 1;
        if (fds[0].revents && !read_command(*all))
            return 0;
        r = plug_loop_turn(loop, 0); /* does what is due and never waits */
        if (r < 0) {
            fprintf(stderr, "loop: %s\n", plug_strerror(r));
            return 1;
        }
    }
}

int main(int argc, char **argv)
{
    struct plug_loop *loop;
    struct plug_sock *s;
    struct plug_err err;
    struct plug_addr name;
    struct guest *all = NULL;
    size_t len = sizeof name;
    char text[160];
    int status;
    if (plug_loop_new(&loop, NULL, &err) < 0 ||
        plug_open_on(&s, loop, argc > 1 ? argv[1] : "tcp-listen://:0", &err) < 0 ||
        plug_loop_turn(loop, 0) < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], err.text);
        return 1;
    }
    plug_watch(s, listener_watch, &all);
    if (plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &name, &len) >= 0 &&
        plug_addr_text(&name, text, sizeof text) >= 0)
        printf("%s\n", text);
    (void)fflush(stdout);
    status = serve(loop, &all);
    while (all)
        guest_end(all);
    plug_close(s);
    plug_loop_free(loop);
    return status;
}

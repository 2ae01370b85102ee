/* SPDX-License-Identifier: MIT
 *
 * The peer program's life, and short forms of the calls for the tests beside it.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

enum { CALLS_MOST = 32 };

static void peer_spawn(struct peer *p, const char **argv)
{
    posix_spawn_file_actions_t actions;
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in[0], 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], 1), 0);
    assert_int_equal(posix_spawn(&p->pid, PEER, &actions, NULL, (char **)(uintptr_t)argv, environ),
                     0);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    p->in = fdopen(in[1], "w");
    p->out = fdopen(out[0], "r");
    assert_non_null(p->in);
    assert_non_null(p->out);
    (void)setvbuf(p->out, NULL, _IONBF, 0); /* so that poll sees all that was not read */
}

void peer_start(struct peer *p, ...)
{
    const char *argv[CALLS_MOST] = {"peer"};
    int n = 1;
    va_list ap;
    va_start(ap, p);
    for (const char *call = va_arg(ap, const char *); call && n < CALLS_MOST - 1;
         call = va_arg(ap, const char *))
        argv[n++] = call;
    va_end(ap);
    peer_spawn(p, argv);
}

const char *peer_hear(struct peer *p, const char *call)
{
    struct pollfd fd = {.fd = fileno(p->out), .events = POLLIN};
    size_t n = strlen(call);
    if (poll(&fd, 1, (int)(CALLS_PATIENCE / PLUG_MS)) != 1)
        fail_msg("the peer says nothing, \"%s\" was awaited", call);
    if (!fgets(p->line, sizeof p->line, p->out))
        fail_msg("the peer has ended, \"%s\" was awaited", call);
    p->line[strcspn(p->line, "\n")] = '\0';
    if (strncmp(p->line, call, n) != 0 || (p->line[n] && p->line[n] != ' '))
        fail_msg("the peer says \"%s\", \"%s\" was awaited", p->line, call);
    return p->line + n + (p->line[n] == ' ');
}

void peer_go(struct peer *p)
{
    assert_true(fputc('\n', p->in) != EOF);
    assert_int_equal(fflush(p->in), 0);
}

void peer_end(struct peer *p)
{
    int status = -1;
    (void)fclose(p->in);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    (void)fclose(p->out);
    assert_int_equal(status, 0);
}

/* ---- folders ---- */

static char calls_dir[64];

int calls_folder(void **state)
{
    (void)state;
    (void)snprintf(calls_dir, sizeof calls_dir, "/tmp/plug-calls-XXXXXX");
    return mkdtemp(calls_dir) ? 0 : -1;
}

int calls_folder_drop(void **state)
{
    (void)state;
    return rmdir(calls_dir); /* every test removes what it made */
}

const char *calls_path(const char *name)
{
    static char path[4][128];
    static int i;
    i = (i + 1) % 4;
    (void)snprintf(path[i], sizeof path[i], "%s/%s", calls_dir, name);
    return path[i];
}

/* ---- codes ---- */

const char *calls_name(int64_t code)
{
    static char number[4][24];
    static int i;
#define CALLS_CASE(name, value, text) \
    if (code == (value))              \
        return #name;
    PLUG_ERRORS(CALLS_CASE)
    i = (i + 1) % 4;
    (void)snprintf(number[i], sizeof number[i], "%lld", (long long)code);
    return number[i];
}

void calls_expect(const char *what, int64_t got, int64_t wanted)
{
    if (got != wanted)
        fail_msg("%s: %s, not %s", what, calls_name(got), calls_name(wanted));
}

/* ---- short forms ---- */

struct plug_sock *calls_open(const char *address)
{
    struct plug_sock *s = NULL;
    struct plug_err err;
    if (plug_open(&s, address, soon(), &err) < 0)
        fail_msg("%s: %s", address, err.text);
    return s;
}

const char *calls_where(struct plug_sock *s)
{
    static char text[160];
    struct plug_addr a;
    size_t len = sizeof a;
    calls_expect("getsockopt NAME", plug_getsockopt(s, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &a, &len), 0);
    assert_true(plug_addr_text(&a, text, sizeof text) > 0);
    return text;
}

void calls_send(struct plug_sock *s, const char *text)
{
    calls_expect("send", plug_send(s, text, strlen(text), 0, soon()), (int64_t)strlen(text));
}

void calls_recv(struct plug_sock *s, const char *text)
{
    char buf[4096];
    size_t have = 0, len = strlen(text);
    while (have < len) {
        int64_t n = plug_recv(s, buf + have, len - have, 0, soon());
        if (n <= 0)
            fail_msg("recv of \"%s\": %s", text, calls_name(n));
        have += (size_t)n;
    }
    assert_int_equal(have, len);
    assert_memory_equal(buf, text, len);
}

/* SPDX-License-Identifier: MIT
 *
 * The command as the relay of a pair, for what only it has: standard input and output. Where it
 * listens it says on a descriptor; how it ended is its exit status.
 */
#include "matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
const char *command_path;

/* The pipe whose end the command gets as descriptor `as`. */
static int command_pipe(posix_spawn_file_actions_t *files, int as, int *ret_read)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    (void)posix_spawn_file_actions_adddup2(files, fds[1], as);
    *ret_read = fds[0];
    return fds[1];
}

static int command_spawn(struct pair *p, const struct end *e)
{
    struct child *c = p->child;
    int n = 2;
    char ready[] = "--ready-fd=3", way[] = "-u", path[256], *argv[6];
    posix_spawn_file_actions_t files;
    int r = -1, said[2];
    (void)snprintf(path, sizeof(path), "%s", command_path);
    argv[0] = path;
    argv[1] = ready;
    for (int i = 0; i < 2; i++)
        if (p->end[i].kind->flags & KIND_ONE_WAY) {
            way[1] = i ? 'U' : 'u';
            argv[n++] = way;
        }
    argv[n++] = p->end[0].address;
    argv[n++] = p->end[1].address;
    argv[n] = NULL;
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_adddup2(&files, e->given[0], 0);
    (void)posix_spawn_file_actions_adddup2(&files, e->given[1], 1);
    said[0] = command_pipe(&files, 2, &c->errors);
    said[1] = command_pipe(&files, 3, &c->ready);
    if (said[0] >= 0 && said[1] >= 0)
        r = posix_spawn(&c->pid, path, &files, NULL, argv, environ);
    for (int i = 0; i < 2; i++)
        if (said[i] >= 0)
            (void)close(said[i]);
    (void)posix_spawn_file_actions_destroy(&files);
    return r ? pair_fail(p, "%s cannot be started: %s", path, strerror(r > 0 ? r : errno)) : 0;
}

int command_start(struct pair *p)
{
    struct end *e = &p->end[p->end[1].kind->how == HOW_STDIO];
    int r;
    p->opened = 1;
    p->child->ready = p->child->errors = -1;
    r = command_spawn(p, e);
    end_keep_none(e);
    return r;
}

static void command_ready(struct pair *p)
{
    struct end *e = &p->end[p->end[0].kind->how == HOW_STDIO];
    char line[400];
    const char *colon;
    ssize_t n = read(p->child->ready, line, sizeof(line) - 1);
    if (n <= 0)
        return;
    line[n] = '\0';
    colon = strrchr(line, ':');
    e->listening = 1;
    e->port = colon && e->kind->family == AF_INET ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

int command_look(struct pair *p)
{
    struct child *c = p->child;
    ssize_t n;
    if (!c->pid)
        return 0;
    command_ready(p);
    n = read(c->errors, c->text + c->len, sizeof(c->text) - 1 - c->len);
    c->len += n > 0 ? (size_t)n : 0;
    if (c->over || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
        return 0;
    c->over = 1;
    c->status = WIFEXITED(c->status) ? WEXITSTATUS(c->status) : 128 + WTERMSIG(c->status);
    return 0;
}

void command_drop(struct pair *p)
{
    struct child *c = p->child;
    if (!c)
        return;
    if (c->pid && !c->over) {
        (void)kill(c->pid, SIGKILL);
        (void)waitpid(c->pid, NULL, 0);
    }
    if (c->ready >= 0)
        (void)close(c->ready);
    if (c->errors >= 0)
        (void)close(c->errors);
    free(c);
    p->child = NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * What the tests of the calls share: a peer program that is started with a script, its answers
 * line by line, folders, deadlines. It holds no expectations.
 */
#ifndef TESTS_CONTRACT_CALLS_H
#define TESTS_CONTRACT_CALLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <plug/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS_PATIENCE (20 * PLUG_SECOND)

static inline plug_time soon(void)
{
    return plug_now() + CALLS_PATIENCE;
}

struct peer {
    pid_t pid;
    FILE *in, *out; /* its standard input and output */
    char line[5000];
};

/* Starts the peer with these calls, ended by NULL. */
void peer_start(struct peer *p, ...);

/* Its next line, which must begin with `call`; returns what follows the blank. */
const char *peer_hear(struct peer *p, const char *call);

/* Lets its "wait" go on. */
void peer_go(struct peer *p);

/* Waits for its end; its status must be 0. */
void peer_end(struct peer *p);

/* A path in the test's own folder, which calls_folder_drop removes. */
const char *calls_path(const char *name);
int calls_folder(void **state);
int calls_folder_drop(void **state);

/* The name of a code, or its number. */
const char *calls_name(int64_t code);

/* Fails the test with both names. */
void calls_expect(const char *what, int64_t got, int64_t wanted);

/* Opens by plug_open or fails the test. */
struct plug_sock *calls_open(const char *address);

/* PLUG_SO_NAME as text; static. */
const char *calls_where(struct plug_sock *s);

/* Sends and receives all of a text. */
void calls_send(struct plug_sock *s, const char *text);
void calls_recv(struct plug_sock *s, const char *text);

#endif

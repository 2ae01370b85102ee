/* SPDX-License-Identifier: MIT
 *
 * One line a question, for test_names.py, which makes the name service that is asked:
 *   names MS HOST...      plug_gethostbyname with a deadline; prints the addresses or the code
 *   names cancel HOST...  begins to connect by name and closes before the answer
 */
#include "calls.h"

static void names_ask(const char *host, int ms)
{
    struct plug_addr v[8];
    struct plug_err err = {0};
    const plug_time begin = plug_now();
    int n = plug_gethostbyname(host, 80, v, 8, begin + ms * PLUG_MS, &err);
    printf("%s", n < 0 ? calls_name(n) : "");
    for (int i = 0; i < n; i++) {
        char text[160];
        (void)plug_addr_text(&v[i], text, sizeof text);
        printf("%s%s", i ? " " : "", text);
    }
    printf(" after %d ms%s%s\n", (int)((plug_now() - begin) / PLUG_MS), n < 0 ? ": " : "",
           err.text);
}

static int names_cancel(const char *host)
{
    struct plug_loop *loop;
    struct plug_sock *s;
    struct plug_err err;
    char address[300];
    const plug_time begin = plug_now();
    (void)snprintf(address, sizeof address, "tcp://%s:80", host);
    if (plug_loop_new(&loop, NULL, &err) < 0 || plug_open_on(&s, loop, address, &err) < 0 ||
        plug_loop_turn(loop, plug_now() + 50 * PLUG_MS) < 0)
        return 1;
    printf("%s", calls_name(plug_state(s)));
    plug_close(s);
    plug_loop_free(loop);
    printf(" after %d ms\n", (int)((plug_now() - begin) / PLUG_MS));
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[1], "cancel") == 0)
            failed |= names_cancel(argv[i]);
        else
            names_ask(argv[i], (int)strtol(argv[1], NULL, 10));
    }
    return failed;
}

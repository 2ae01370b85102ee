/* SPDX-License-Identifier: MIT
 *
 * Every allocation of opening and using each kind fails in turn: an error, no crash, no leak of
 * memory or descriptors.
 */
#include "unit/endpoint/rig.h"

/* Opens, sends and receives a byte; the first error, or 0. */
static int use(struct rig *t, const char *address, struct plug_sock **s)
{
    char c;
    int64_t r = plug_open_on(s, t->loop, address, NULL);
    if (r < 0)
        return (int)r;
    for (int i = 0; i < 50 && (r = plug_state(*s)) == PLUG_EAGAIN; i++)
        r = plug_loop_turn(t->loop, 0);
    if (r >= 0)
        r = plug_send(*s, "x", 1, 0, 0);
    if (r == PLUG_EAGAIN || r == PLUG_EPIPE || r > 0)
        r = plug_recv(*s, &c, 1, 0, 0);
    return r == PLUG_EAGAIN || r == PLUG_EOF || r > 0 ? 0 : (int)r;
}

static int lowest_free(void)
{
    int fd = dup(2);
    close(fd);
    return fd;
}

static void test_memory__failing_at_each_place(void **state)
{
    static const char *const addresses[] = {"echo:",
                                            "echo:,type=seqpacket",
                                            "pair:x",
                                            "pair:x,type=raw",
                                            "text:ab",
                                            "stall:",
                                            "pipe",
                                            "file:/dev/null",
                                            "exec:cat",
                                            "exec:cat,pipes",
                                            "exec:cat,pty,rawer,umask=022,login",
                                            "exec:cat,path=/bin",
                                            "pty:,rawer,winsize=9x9",
                                            "stdin",
                                            "socketpair",
                                            "text:ab!!create:/dev/null",
                                            "gopen:/dev/null"};
    struct rig *t = *state;
    struct torture mem;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        int fd = lowest_free(), hit = 1, r;
        for (unsigned n = 0; hit; n++) {
            struct plug_sock *s = NULL;
            torture_start(&mem, n);
            r = use(t, addresses[i], &s);
            plug__alloc_hook(NULL, NULL);
            hit = mem.hit;
            /* Some do without: a loop that cannot grow its list of timers, a thread's argument. */
            assert_true(hit ? r == PLUG_ENOMEM || r == 0 : r == 0);
            plug_close(s);
            (void)plug_loop_turn(t->loop, 0);
        }
        if (strncmp(addresses[i], "exec", 4) != 0) /* these are waited for by a thread */
            assert_int_equal(lowest_free(), fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_SHARED(test_memory__failing_at_each_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

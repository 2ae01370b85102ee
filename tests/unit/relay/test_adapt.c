/* SPDX-License-Identifier: MIT
 *
 * Two addresses against each other: types taken, directions that cannot be, the warning about
 * records beside bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/relay.h"
#include "util/attr.h"
#include <string.h>

struct adapt_row {
    const char *a, *b;
    int only;
    int result, side; /* side: whose address is wrong */
    int warns;
    int type[2]; /* offered in the end */
};

static const struct adapt_row adapt_rows[] = {
    {"tcp://h:1", "unix:/tmp/x", 0, 0, 0, 0, {PLUG_STREAM, PLUG_STREAM}},
    {"udp://h:1", "udp-listen://:1", 0, 0, 0, 0, {PLUG_DGRAM, PLUG_DGRAM}},
    /* takes the other's type, on either side */
    {"udp://h:1", "echo:", 0, 0, 0, 0, {PLUG_DGRAM, PLUG_DGRAM}},
    {"echo:", "unix-seqpacket:/tmp/x", 0, 0, 0, 0, {PLUG_SEQPACKET, PLUG_SEQPACKET}},
    {"echo:", "tcp://h:1", 0, 0, 0, 0, {PLUG_STREAM, PLUG_STREAM}},
    {"pair:a", "echo:", 0, 0, 0, 0, {PLUG_STREAM, PLUG_STREAM}},
    {"len32+tcp://h:1", "echo:", 0, 0, 0, 0, {PLUG_SEQPACKET, PLUG_SEQPACKET}},
    /* bounds can be lost */
    {"tcp://h:1", "udp://h:1", 0, 0, 0, 1, {PLUG_STREAM, PLUG_DGRAM}},
    {"udp://h:1", "tcp://h:1", 0, 0, 0, 1, {PLUG_DGRAM, PLUG_STREAM}},
    {"unix-seqpacket:/tmp/x", "exec:cat", 0, 0, 0, 1, {PLUG_SEQPACKET, PLUG_STREAM}},
    /* frame= makes records of the byte side */
    {"tcp://h:1#frame=len32", "udp://h:1", 0, 0, 0, 0, {PLUG_SEQPACKET, PLUG_DGRAM}},
    {"udp://h:1", "tcp://h:1#frame=netstring", 0, 0, 0, 0, {PLUG_DGRAM, PLUG_SEQPACKET}},
    {"tcp://h:1#frame=chunk", "udp://h:1", 0, 0, 0, 1, {PLUG_STREAM, PLUG_DGRAM}},
    {"udp://h:1#frame=line", "tcp://h:1", 0, PLUG_EUSAGE, 0, 0, {0, 0}},
    {"tcp://h:1", "udp://h:1#frame=line", 0, PLUG_EUSAGE, 1, 0, {0, 0}},
    /* directions */
    {"tcp://h:1", "create:/tmp/x", 0, 0, 0, 0, {PLUG_STREAM, PLUG_STREAM}},
    {"tcp://h:1", "create:/tmp/x", 1, 0, 0, 0, {PLUG_STREAM, PLUG_STREAM}},
    {"tcp://h:1", "create:/tmp/x", 2, PLUG_EUSAGE, 1, 0, {0, 0}},
    {"create:/tmp/x", "tcp://h:1", 1, PLUG_EUSAGE, 0, 0, {0, 0}},
    {"create:/tmp/x", "create:/tmp/y", 0, PLUG_EUSAGE, 1, 0, {0, 0}},
    {"stdin", "stdin", 0, PLUG_EUSAGE, 1, 0, {0, 0}},
    {"tcp://h:1", "stdin", 1, PLUG_EUSAGE, 1, 0, {0, 0}},
};

static void adapt_count(void *arg, const char *text)
{
    assert_true(strlen(text) > 0);
    ++*(int *)arg;
}

static void adapt_try(const struct adapt_row *row)
{
    struct plug_plan *a = NULL, *b = NULL;
    struct plug_err err = {0};
    int side = -1, warned = 0, r;
    if (plug__plan_parse(&a, row->a, NULL, &err) < 0 ||
        plug__plan_parse(&b, row->b, NULL, &err) < 0)
        fail_msg("%s %s: %s", row->a, row->b, err.text);
    r = plug__relay_check(a, b, 0, row->only, &side, adapt_count, &warned, &err);
    if (r != row->result || (r < 0 && side != row->side) || warned != row->warns)
        fail_msg("%s %s: %d side %d warned %d: %s", row->a, row->b, r, side, warned, err.text);
    if (r < 0) {
        assert_int_equal(err.code, PLUG_EUSAGE);
        assert_true(err.width > 0);
    } else {
        assert_int_equal(plug__plan_top(a)->offers, row->type[0]);
        assert_int_equal(plug__plan_top(b)->offers, row->type[1]);
    }
    plug__plan_drop(a);
    plug__plan_drop(b);
}

static void test_adapt__table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PLUG__COUNT(adapt_rows); i++)
        adapt_try(&adapt_rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adapt__table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The hash table: finding, growing, and going on when it cannot grow.
 */
#include "unit/torture.h"

#include "util/hash.h"
#include <plug/plug.h>
#include <stdio.h>
#include <string.h>

enum { KEYS = 500 };

struct entry {
    struct plug__hash_node node;
    char key[40];
};

static void test_fill(struct entry *e, int i)
{
    /* Lengths of 5 to 20, so that whole words and every rest of a word are hashed. */
    int n = snprintf(e->key, sizeof e->key, "%0*d", 5 + i % 16, i);
    e->node = (struct plug__hash_node){.key = e->key, .keylen = (uint32_t)n};
}

static void test_hash__finds_what_was_added_and_nothing_else(void **state)
{
    static struct entry v[KEYS];
    struct plug__hash h;
    (void)state;
    plug__hash_init(&h, 42);
    assert_null(plug__hash_find(&h, "x", 1));
    for (int i = 0; i < KEYS; i++) {
        test_fill(&v[i], i);
        assert_int_equal(plug__hash_add(&h, &v[i].node), 0);
    }
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(plug__hash_find(&h, v[i].key, v[i].node.keylen), &v[i].node);
        assert_null(plug__hash_find(&h, "0000x0000000000000000", v[i].node.keylen));
    }
    for (int i = 0; i < KEYS; i += 2)
        plug__hash_remove(&h, &v[i].node);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(plug__hash_find(&h, v[i].key, v[i].node.keylen) != NULL, i % 2);
    assert_int_equal(h.n, KEYS / 2);
    plug__hash_drop(&h);
}

static void test_hash__remove_of_a_stranger_is_nothing(void **state)
{
    struct entry in, out;
    struct plug__hash h;
    (void)state;
    plug__hash_init(&h, 1);
    test_fill(&in, 1);
    test_fill(&out, 2);
    plug__hash_remove(&h, &out.node);
    assert_int_equal(plug__hash_add(&h, &in.node), 0);
    plug__hash_remove(&h, &out.node);
    assert_int_equal(h.n, 1);
    plug__hash_drop(&h);
}

static void test_hash__empty_key_and_zero_bytes(void **state)
{
    struct plug__hash h;
    struct plug__hash_node none = {.key = "", .keylen = 0}, zero = {.key = "\0", .keylen = 1};
    (void)state;
    plug__hash_init(&h, 9);
    assert_int_equal(plug__hash_add(&h, &none), 0);
    assert_int_equal(plug__hash_add(&h, &zero), 0);
    assert_ptr_equal(plug__hash_find(&h, "", 0), &none);
    assert_ptr_equal(plug__hash_find(&h, "\0", 1), &zero);
    assert_null(plug__hash_find(&h, "\0\0", 2));
    plug__hash_drop(&h);
}

static void test_hash__seed_changes_the_places(void **state)
{
    struct plug__hash a, b;
    struct entry v[32], w[32];
    int same = 0;
    (void)state;
    plug__hash_init(&a, 1);
    plug__hash_init(&b, 2);
    for (int i = 0; i < 32; i++) {
        test_fill(&v[i], i);
        test_fill(&w[i], i);
        assert_int_equal(plug__hash_add(&a, &v[i].node), 0);
        assert_int_equal(plug__hash_add(&b, &w[i].node), 0);
        same += v[i].node.hash == w[i].node.hash;
    }
    assert_true(same < 4);
    plug__hash_drop(&a);
    plug__hash_drop(&b);
}

static void test_hash__only_the_first_insert_can_fail(void **state)
{
    static struct entry v[KEYS];
    struct plug__hash h;
    struct torture t;
    (void)state;
    plug__hash_init(&h, 3);
    for (int i = 0; i < KEYS; i++)
        test_fill(&v[i], i);
    torture_start(&t, 0);
    assert_int_equal(plug__hash_add(&h, &v[0].node), PLUG_ENOMEM);
    torture_start(&t, 1);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(plug__hash_add(&h, &v[i].node), 0);
    torture_stop();
    assert_true(t.hit);
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(plug__hash_find(&h, v[i].key, v[i].node.keylen), &v[i].node);
    plug__hash_drop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash__finds_what_was_added_and_nothing_else),
        cmocka_unit_test(test_hash__remove_of_a_stranger_is_nothing),
        cmocka_unit_test(test_hash__empty_key_and_zero_bytes),
        cmocka_unit_test(test_hash__seed_changes_the_places),
        cmocka_unit_test(test_hash__only_the_first_insert_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

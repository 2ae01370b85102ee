/* SPDX-License-Identifier: MIT
 *
 * The heap of times against what a sorted list would say.
 */
#include "unit/torture.h"

#include "util/heap.h"

enum { NODES = 200 };

static uint32_t test_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static plug_time test_least(const struct plug__heap_node *v, unsigned n)
{
    plug_time least = PLUG_FOREVER;
    for (unsigned i = 0; i < n; i++)
        if (v[i].index && v[i].when < least)
            least = v[i].when;
    return least;
}

static void test_heap__top_is_always_the_least(void **state)
{
    static struct plug__heap_node v[NODES];
    struct plug__heap h = {0};
    uint32_t seed = 7;
    (void)state;
    for (int step = 0; step < 20000; step++) {
        struct plug__heap_node *node = &v[test_random(&seed) % NODES];
        if (test_random(&seed) % 3)
            assert_int_equal(plug__heap_set(&h, node, test_random(&seed) % 1000), 0);
        else
            plug__heap_remove(&h, node);
        if (h.n)
            assert_int_equal(plug__heap_top(&h)->when, test_least(v, NODES));
        else
            assert_null(plug__heap_top(&h));
    }
    plug__heap_drop(&h);
    for (int i = 0; i < NODES; i++)
        assert_int_equal(v[i].index, 0);
}

static void test_heap__remove_of_a_stranger_is_nothing(void **state)
{
    struct plug__heap h = {0};
    struct plug__heap_node node = {0};
    (void)state;
    plug__heap_remove(&h, &node);
    assert_null(plug__heap_top(&h));
}

static void test_heap__reserve_makes_inserts_infallible(void **state)
{
    struct plug__heap h = {0};
    struct plug__heap_node v[NODES] = {{0}};
    struct torture t;
    (void)state;
    assert_int_equal(plug__heap_reserve(&h, NODES), 0);
    torture_start(&t, 0);
    for (int i = 0; i < NODES; i++)
        assert_int_equal(plug__heap_set(&h, &v[i], NODES - i), 0);
    torture_stop();
    assert_false(t.hit);
    assert_int_equal(plug__heap_top(&h)->when, 1);
    plug__heap_drop(&h);
}

static void test_heap__without_memory_nothing_changes(void **state)
{
    struct plug__heap h = {0};
    struct plug__heap_node node = {0};
    struct torture t;
    (void)state;
    torture_start(&t, 0);
    assert_int_equal(plug__heap_set(&h, &node, 5), PLUG_ENOMEM);
    assert_int_equal(plug__heap_reserve(&h, UINT32_MAX), PLUG_ENOMEM);
    torture_stop();
    assert_int_equal(node.index, 0);
    assert_null(plug__heap_top(&h));
    assert_int_equal(plug__heap_set(&h, &node, 5), 0);
    plug__heap_drop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap__top_is_always_the_least),
        cmocka_unit_test(test_heap__remove_of_a_stranger_is_nothing),
        cmocka_unit_test(test_heap__reserve_makes_inserts_infallible),
        cmocka_unit_test(test_heap__without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

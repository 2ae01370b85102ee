/* SPDX-License-Identifier: MIT
 *
 * The pool of chunks: reuse, the cap, and no memory. The list it could be made of is tried here
 * too.
 */
#include "unit/torture.h"

#include "util/list.h"
#include "util/pool.h"
#include <string.h>

static void test_pool__gives_room_and_takes_it_again(void **state)
{
    struct plug__pool p;
    struct plug__chunk *c, *again;
    (void)state;
    plug__pool_init(&p, 2, 10);
    c = plug__pool_get(&p, 1000);
    assert_non_null(c);
    assert_true(c->size >= 1000);
    memset(c->data, 0xAA, c->size);
    c->from = 5;
    c->to = 10;
    plug__pool_put(&p, c);
    again = plug__pool_get(&p, 500);
    assert_ptr_equal(again, c);
    assert_int_equal(again->from, 0);
    assert_int_equal(again->to, 0);
    plug__pool_put(&p, again);
    plug__pool_put(&p, NULL);
    plug__pool_drop(&p);
}

static void test_pool__a_small_one_is_not_lent_for_a_large_wish(void **state)
{
    struct plug__pool p;
    struct plug__chunk *small, *large;
    (void)state;
    plug__pool_init(&p, 2, 10);
    small = plug__pool_get(&p, 100);
    plug__pool_put(&p, small);
    large = plug__pool_get(&p, 5000);
    assert_true(large->size >= 5000);
    plug__pool_put(&p, large);
    assert_int_equal(p.kept, 2);
    plug__pool_drop(&p);
}

static void test_pool__the_cap_is_kept_and_gives_way(void **state)
{
    struct plug__pool p;
    struct plug__chunk *a, *b;
    (void)state;
    plug__pool_init(&p, 1, 2);
    a = plug__pool_get(&p, 10);
    b = plug__pool_get(&p, 10);
    assert_non_null(b);
    assert_null(plug__pool_get(&p, 10));
    plug__pool_put(&p, a);
    a = plug__pool_get(&p, 10);
    assert_non_null(a);
    plug__pool_put(&p, a);
    plug__pool_put(&p, b);
    assert_int_equal(p.kept, 1);
    assert_int_equal(p.out, 0);
    plug__pool_drop(&p);
}

static void test_pool__large_ones_are_not_kept(void **state)
{
    struct plug__pool p;
    (void)state;
    plug__pool_init(&p, 4, 4);
    plug__pool_put(&p, plug__pool_get(&p, 1024 * 1024));
    assert_int_equal(p.kept, 0);
    plug__pool_drop(&p);
}

static void test_pool__without_memory_nothing_is_out(void **state)
{
    struct plug__pool p;
    struct torture t;
    (void)state;
    plug__pool_init(&p, 4, 4);
    torture_start(&t, 0);
    assert_null(plug__pool_get(&p, 10));
    torture_stop();
    assert_null(plug__pool_get(&p, SIZE_MAX));
    assert_int_equal(p.out, 0);
    plug__pool_drop(&p);
}

static void test_list__pops_in_order_and_moves_whole(void **state)
{
    struct plug__list a, b, v[4] = {{0}};
    (void)state;
    plug__list_init(&a);
    plug__list_init(&b);
    assert_null(plug__list_pop(&a));
    for (int i = 0; i < 4; i++)
        plug__list_push(i < 2 ? &a : &b, &v[i]);
    plug__list_move(&a, &b);
    assert_true(plug__list_empty(&b));
    plug__list_remove(&v[1]);
    plug__list_remove(&v[1]);
    assert_false(plug__list_linked(&v[1]));
    assert_ptr_equal(plug__list_pop(&a), &v[0]);
    assert_ptr_equal(plug__list_pop(&a), &v[2]);
    assert_ptr_equal(plug__list_pop(&a), &v[3]);
    assert_null(plug__list_pop(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool__gives_room_and_takes_it_again),
        cmocka_unit_test(test_pool__a_small_one_is_not_lent_for_a_large_wish),
        cmocka_unit_test(test_pool__the_cap_is_kept_and_gives_way),
        cmocka_unit_test(test_pool__large_ones_are_not_kept),
        cmocka_unit_test(test_pool__without_memory_nothing_is_out),
        cmocka_unit_test(test_list__pops_in_order_and_moves_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

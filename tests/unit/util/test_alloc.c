/* SPDX-License-Identifier: MIT
 *
 * The door to malloc and the arena behind it.
 */
#include "unit/torture.h"

#include "util/arena.h"
#include <string.h>

static void test_alloc__calloc_refuses_overflow(void **state)
{
    (void)state;
    assert_null(plug__calloc(SIZE_MAX / 2, 3));
}

static void test_alloc__zero_bytes_is_a_piece(void **state)
{
    void *p = plug__malloc(0), *q = plug__calloc(0, 8);
    (void)state;
    assert_non_null(p);
    assert_non_null(q);
    plug__free(p);
    plug__free(q);
}

static void test_alloc__hook_denies_every_door(void **state)
{
    struct torture t;
    char *old = plug__strdup("kept");
    (void)state;
    torture_start(&t, 0);
    assert_null(plug__malloc(1));
    assert_null(plug__calloc(1, 1));
    assert_null(plug__realloc(old, 100));
    assert_null(plug__strdup("x"));
    torture_stop();
    assert_true(t.hit);
    assert_string_equal(old, "kept");
    plug__free(old);
}

static void test_arena__pieces_are_zeroed_aligned_and_apart(void **state)
{
    struct plug__arena *a = plug__arena_new();
    unsigned char *piece[200];
    (void)state;
    assert_non_null(a);
    for (size_t i = 0; i < 200; i++) {
        size_t size = 1 + i * 7;
        piece[i] = plug__arena_alloc(a, size);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(piece[i][k], 0);
        memset(piece[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < 1 + i * 7; k++)
            assert_int_equal(piece[i][k], (unsigned char)i);
    plug__arena_drop(a);
}

static void test_arena__strdup_copies(void **state)
{
    struct plug__arena *a = plug__arena_new();
    char word[] = "word", *copy;
    (void)state;
    copy = plug__arena_strdup(a, word);
    word[0] = 'x';
    assert_string_equal(copy, "word");
    plug__arena_drop(a);
    plug__arena_drop(NULL);
}

static void test_arena__fails_without_memory_and_still_drops(void **state)
{
    struct torture t;
    struct plug__arena *a;
    (void)state;
    torture_start(&t, 0);
    assert_null(plug__arena_new());
    torture_start(&t, 1);
    a = plug__arena_new();
    assert_non_null(a);
    assert_null(plug__arena_alloc(a, 1));
    assert_null(plug__arena_alloc(a, 100000));
    assert_null(plug__arena_strdup(a, "x"));
    assert_null(plug__arena_alloc(a, SIZE_MAX));
    torture_stop();
    assert_non_null(plug__arena_alloc(a, 1));
    plug__arena_drop(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc__calloc_refuses_overflow),
        cmocka_unit_test(test_alloc__zero_bytes_is_a_piece),
        cmocka_unit_test(test_alloc__hook_denies_every_door),
        cmocka_unit_test(test_arena__pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_arena__strdup_copies),
        cmocka_unit_test(test_arena__fails_without_memory_and_still_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

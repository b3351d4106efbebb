/* SPDX-License-Identifier: MIT */
/* Answers kept by the bytes of their questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "umd/umd_query_cache.h"

static void test_answers(void **state)
{
    struct umd_query_cache *cache = umd_query_cache_create();
    uint32_t answer = 0, wide[2];
    VkResult result = VK_SUCCESS;

    (void)state;
    assert_non_null(cache);
    assert_false(umd_query_cache_find(cache, "abcd", 4, &result, &answer, 4));
    answer = 7;
    umd_query_cache_add(cache, "abcd", 4, VK_ERROR_FORMAT_NOT_SUPPORTED, &answer, 4);
    answer = 8;
    umd_query_cache_add(cache, "abce", 4, VK_SUCCESS, &answer, 4);
    umd_query_cache_add(cache, "abcd", 4, VK_SUCCESS, &answer, 4); /* the first one stands */
    assert_true(umd_query_cache_find(cache, "abcd", 4, &result, &answer, 4));
    assert_int_equal(result, VK_ERROR_FORMAT_NOT_SUPPORTED);
    assert_int_equal(answer, 7);
    assert_true(umd_query_cache_find(cache, "abce", 4, &result, &answer, 4));
    assert_int_equal(result, VK_SUCCESS);
    assert_int_equal(answer, 8);
    assert_false(umd_query_cache_find(cache, "abcd", 3, &result, &answer, 4));
    assert_false(umd_query_cache_find(cache, "abcd", 4, &result, wide, 8));
    umd_query_cache_destroy(cache);
}

/* However many questions there are, so many answers are kept; the last is there. */
static void test_bounds(void **state)
{
    struct umd_query_cache *cache = umd_query_cache_create();
    uint32_t answer, kept = 0;
    VkResult result;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        umd_query_cache_add(cache, &i, sizeof(i), VK_SUCCESS, &i, sizeof(i));
        assert_true(umd_query_cache_find(cache, &i, sizeof(i), &result, &answer, sizeof(answer)));
        assert_int_equal(answer, i);
    }
    for (uint32_t i = 0; i < 20000; i++)
        kept += umd_query_cache_find(cache, &i, sizeof(i), &result, &answer, sizeof(answer));
    assert_in_range(kept, 1, 4096);
    umd_query_cache_destroy(cache);
}

static void test_large(void **state)
{
    struct umd_query_cache *cache = umd_query_cache_create();
    size_t size = 1u << 20;
    char *key = calloc(1, size);
    uint32_t answer = 1;
    VkResult result;

    (void)state;
    assert_non_null(key);
    umd_query_cache_add(cache, key, size, VK_SUCCESS, &answer, sizeof(answer));
    assert_false(umd_query_cache_find(cache, key, size, &result, &answer, sizeof(answer)));
    free(key);
    umd_query_cache_destroy(cache);
}

static void *use(void *data)
{
    uintptr_t wrong = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t key = i % 5000, answer = 0;
        VkResult result;

        if (!umd_query_cache_find(data, &key, sizeof(key), &result, &answer, sizeof(answer)))
            umd_query_cache_add(data, &key, sizeof(key), VK_SUCCESS, &key, sizeof(key));
        else
            wrong += answer != key;
    }
    return (void *)wrong;
}

static void test_threads(void **state)
{
    struct umd_query_cache *cache = umd_query_cache_create();
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, cache), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    umd_query_cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("query cache", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Dividing a block into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "umd/umd_buddy.h"

#define ORDER 16u
#define MIN 12u
#define PAGES (1u << (ORDER - MIN))

static void orders_of_sizes(void **state)
{
    (void)state;
    struct umd_buddy buddy;
    assert_true(umd_buddy_init(&buddy, ORDER, MIN));
    assert_int_equal(umd_buddy_order(&buddy, 1), 12);
    assert_int_equal(umd_buddy_order(&buddy, 4096), 12);
    assert_int_equal(umd_buddy_order(&buddy, 4097), 13);
    assert_int_equal(umd_buddy_order(&buddy, 65536), 16);
    assert_int_equal(umd_buddy_order(&buddy, 65537), 64);
    assert_int_equal(umd_buddy_order(&buddy, UINT64_MAX), 64);
    uint64_t offset;
    assert_false(umd_buddy_take(&buddy, 64, &offset));
    umd_buddy_finish(&buddy);
}

static void all_of_it_can_be_taken(void **state)
{
    (void)state;
    struct umd_buddy buddy;
    bool seen[PAGES] = {false};
    uint64_t offset;
    assert_true(umd_buddy_init(&buddy, ORDER, MIN));
    for (uint32_t i = 0; i < PAGES; i++) {
        assert_false(umd_buddy_is_full(&buddy));
        assert_true(umd_buddy_take(&buddy, MIN, &offset));
        assert_int_equal(offset % 4096, 0);
        assert_true(offset / 4096 < PAGES && !seen[offset / 4096]);
        seen[offset / 4096] = true;
    }
    assert_true(umd_buddy_is_full(&buddy));
    assert_false(umd_buddy_take(&buddy, MIN, &offset));
    for (uint32_t i = 0; i < PAGES; i++)
        umd_buddy_give(&buddy, (uint64_t)i * 4096, MIN);
    assert_true(umd_buddy_take(&buddy, ORDER, &offset));
    assert_int_equal(offset, 0);
    assert_true(umd_buddy_is_full(&buddy));
    umd_buddy_finish(&buddy);
}

/* Small pieces go where there is least room, so that large ones still fit. */
static void large_pieces_stay_whole(void **state)
{
    (void)state;
    struct umd_buddy buddy;
    uint64_t small, large, other;
    assert_true(umd_buddy_init(&buddy, ORDER, MIN));
    assert_true(umd_buddy_take(&buddy, MIN, &small));
    assert_true(umd_buddy_take(&buddy, ORDER - 1, &large));
    assert_true(umd_buddy_take(&buddy, MIN, &other));
    assert_int_equal(small / 32768, other / 32768);
    assert_int_not_equal(small / 32768, large / 32768);
    umd_buddy_finish(&buddy);
}

/* Against a map of the pages. */
static void random_pieces_never_overlap(void **state)
{
    (void)state;
    struct umd_buddy buddy;
    bool taken[PAGES] = {false};
    struct {
        uint64_t offset;
        uint8_t order;
    } pieces[PAGES];
    uint32_t count = 0, random = 1;
    assert_true(umd_buddy_init(&buddy, ORDER, MIN));
    for (uint32_t round = 0; round < 20000; round++) {
        random = random * 1664525u + 1013904223u;
        uint8_t order = (uint8_t)(MIN + random / 65536 % 4);
        uint64_t offset;
        if (random >> 31 && count) {
            uint32_t at = random / 7 % count;
            for (uint64_t i = 0; i < 1u << (pieces[at].order - MIN); i++)
                taken[pieces[at].offset / 4096 + i] = false;
            umd_buddy_give(&buddy, pieces[at].offset, pieces[at].order);
            pieces[at] = pieces[--count];
        } else if (umd_buddy_take(&buddy, order, &offset)) {
            assert_int_equal(offset & ((1u << order) - 1), 0);
            for (uint64_t i = 0; i < 1u << (order - MIN); i++) {
                assert_false(taken[offset / 4096 + i]);
                taken[offset / 4096 + i] = true;
            }
            pieces[count].offset = offset;
            pieces[count++].order = order;
        } else { /* no aligned run of that length is free */
            uint32_t pages = 1u << (order - MIN);
            for (uint32_t i = 0; i < PAGES; i += pages) {
                bool any = false;
                for (uint32_t j = 0; j < pages; j++)
                    any = any || taken[i + j];
                assert_true(any);
            }
        }
    }
    umd_buddy_finish(&buddy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_of_sizes),
        cmocka_unit_test(all_of_it_can_be_taken),
        cmocka_unit_test(large_pieces_stay_whole),
        cmocka_unit_test(random_pieces_never_overlap),
    };
    return cmocka_run_group_tests_name("umd-buddy", tests, NULL, NULL);
}

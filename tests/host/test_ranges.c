/* SPDX-License-Identifier: MIT */
/* Ranges of pages: against a plain map of all pages. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "host/ranges.h"

#define PAGES 4096

static void all_is_taken_and_given_back(void **state)
{
    (void)state;
    struct ranges ranges;
    struct range *taken[3], *none;
    assert_int_equal(ranges_init(&ranges, 10), 0);
    assert_int_equal(ranges_take(&ranges, 11, &none), -ENOSPC);
    assert_int_equal(ranges_take(&ranges, 3, &taken[0]), 0);
    assert_int_equal(ranges_take(&ranges, 3, &taken[1]), 0);
    assert_int_equal(ranges_take(&ranges, 4, &taken[2]), 0);
    assert_int_equal(ranges_take(&ranges, 1, &none), -ENOSPC);
    assert_int_equal(ranges.used, 10);
    ranges_give_back(&ranges, taken[0]);
    ranges_give_back(&ranges, taken[2]);
    assert_int_equal(ranges_take(&ranges, 7, &none), -ENOSPC);
    ranges_give_back(&ranges, taken[1]);
    assert_int_equal(ranges_take(&ranges, 10, &taken[0]), 0);
    assert_int_equal(taken[0]->first, 0);
    ranges_finish(&ranges);
}

/* The largest free range is found whenever it is large enough by a bin's step. */
static void nothing_overlaps_in_any_order(void **state)
{
    (void)state;
    static uint8_t pages[PAGES];
    static struct range *taken[PAGES];
    struct ranges ranges;
    size_t count = 0;
    unsigned seed = 1;
    memset(pages, 0, sizeof(pages));
    assert_int_equal(ranges_init(&ranges, PAGES), 0);
    for (int round = 0; round < 200000; round++) {
        bool take = !count || rand_r(&seed) % 5 < 3;
        if (take) {
            uint64_t wanted = (uint64_t)(rand_r(&seed) % 60 + 1);
            struct range *range;
            if (ranges_take(&ranges, wanted, &range))
                continue;
            assert_int_equal(range->count, wanted);
            assert_true(range->first + wanted <= PAGES);
            for (uint64_t i = 0; i < wanted; i++)
                assert_int_equal(pages[range->first + i]++, 0);
            taken[count++] = range;
        } else {
            size_t at = (size_t)rand_r(&seed) % count;
            for (uint64_t i = 0; i < taken[at]->count; i++)
                pages[taken[at]->first + i]--;
            ranges_give_back(&ranges, taken[at]);
            taken[at] = taken[--count];
        }
    }
    while (count)
        ranges_give_back(&ranges, taken[--count]);
    assert_int_equal(ranges.used, 0);
    assert_null(ranges.lowest->after);
    assert_int_equal(ranges.lowest->count, PAGES);
    ranges_finish(&ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_taken_and_given_back),
        cmocka_unit_test(nothing_overlaps_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/mirror.h"

/* Memory of one side. */
struct side {
    uint8_t memory[STREAM_PAGE_SIZE], shadow[STREAM_PAGE_SIZE];
};

static _Alignas(8) uint8_t packed[MIRROR_MAX_PAGE + 8];

/* What `from` has changed goes to `to`, from byte `at` on. Gives the packed size. */
static size_t pass(struct side *from, struct side *to, uint32_t at, uint32_t size)
{
    struct stream_page page = {.offset = 0x10000 + at, .range = 7};
    memset(packed, 0xee, sizeof(packed));
    size_t used = mirror_pack(&page, from->memory + at, from->shadow + at, size, packed);
    assert_true(used % 8 == 0 && used <= MIRROR_MAX_PAGE);
    assert_memory_equal(packed + used, "\xee\xee\xee\xee\xee\xee\xee\xee", 8);
    if (!used)
        return 0;
    const uint8_t *data = packed;
    size_t left = used;
    struct mirror_change change;
    assert_int_equal(mirror_take(&data, &left, &change), 0);
    assert_int_equal(left, 0);
    assert_int_equal(change.page.range, 7);
    assert_true(change.page.offset >= 0x10000 + at);
    uint32_t place = (uint32_t)(change.page.offset - 0x10000);
    assert_true(place + change.page.size <= at + size);
    mirror_apply(&change, to->memory + place, to->shadow + place);
    return used;
}

static void what_is_the_same_takes_nothing(void **state)
{
    (void)state;
    static struct side a, b;
    memset(&a, 5, sizeof(a));
    assert_int_equal(pass(&a, &b, 0, STREAM_PAGE_SIZE), 0);
    assert_int_equal(pass(&a, &b, 77, 1), 0);
}

static void few_bytes_are_packed_small(void **state)
{
    (void)state;
    static struct side a, b;
    a.memory[2000] = 1;
    assert_int_equal(pass(&a, &b, 0, STREAM_PAGE_SIZE), sizeof(struct stream_page) + 16);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void the_whole_page_is_packed(void **state)
{
    (void)state;
    static struct side a, b;
    memset(a.memory, 0xa5, sizeof(a.memory));
    assert_int_equal(pass(&a, &b, 0, STREAM_PAGE_SIZE), MIRROR_MAX_PAGE);
    assert_memory_equal(&a, &b, sizeof(a));
}

/* Both sides write, each other bytes, also neighbours: nothing is lost, and both agree. */
static void both_sides_write_at_once(void **state)
{
    (void)state;
    static struct side a, b;
    uint8_t expected[STREAM_PAGE_SIZE] = {0};
    srand(1);
    for (int round = 0; round < 2000; round++) {
        uint32_t at = (uint32_t)rand() % STREAM_PAGE_SIZE;
        uint32_t size = 1 + (uint32_t)rand() % (STREAM_PAGE_SIZE - at);
        uint32_t writes = (uint32_t)rand() % 40;
        for (uint32_t i = 0; i < writes; i++) {
            uint32_t place = at + (uint32_t)rand() % size;
            expected[place] = (uint8_t)rand();
            (place % 3 ? &a : &b)->memory[place] = expected[place];
        }
        if (round % 2) {
            pass(&a, &b, at, size);
            pass(&b, &a, at, size);
        } else {
            pass(&b, &a, at, size);
            pass(&a, &b, at, size);
        }
        assert_memory_equal(a.memory, expected, sizeof(expected));
        assert_memory_equal(b.memory, expected, sizeof(expected));
        assert_memory_equal(a.shadow, expected, sizeof(expected));
        assert_memory_equal(b.shadow, expected, sizeof(expected));
    }
}

/* A byte that one side changes back is a change, too. */
static void old_values_come_back(void **state)
{
    (void)state;
    static struct side a, b;
    a.memory[9] = 3;
    pass(&a, &b, 0, 64);
    b.memory[9] = 0;
    pass(&b, &a, 0, 64);
    assert_int_equal(a.memory[9], 0);
}

static void pages_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static struct side a;
    memset(a.memory, 1, sizeof(a.memory));
    struct stream_page page = {.offset = 0};
    size_t used = mirror_pack(&page, a.memory, a.shadow, 100, packed);
    struct mirror_change change;
    for (size_t size = 0; size < used; size++) {
        uint8_t *cut = malloc(size + 1);
        assert_non_null(cut);
        memcpy(cut, packed, size);
        const uint8_t *data = cut;
        size_t left = size;
        assert_int_equal(mirror_take(&data, &left, &change), -EPROTO);
        free(cut);
    }
    static const uint32_t sizes[] = {0, STREAM_PAGE_SIZE + 1, UINT32_MAX, UINT32_MAX - 7};
    for (uint32_t i = 0; i < 4; i++) {
        page.size = sizes[i];
        memcpy(packed, &page, sizeof(page));
        const uint8_t *data = packed;
        size_t left = sizeof(packed);
        assert_int_equal(mirror_take(&data, &left, &change), -EPROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same_takes_nothing),
        cmocka_unit_test(few_bytes_are_packed_small),
        cmocka_unit_test(the_whole_page_is_packed),
        cmocka_unit_test(both_sides_write_at_once),
        cmocka_unit_test(old_values_come_back),
        cmocka_unit_test(pages_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

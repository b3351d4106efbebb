/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "wire/handle_table.h"

static int objects[70000];

static struct handle_table *make(uint32_t limit)
{
    struct handle_table *table = NULL;
    assert_int_equal(handle_table_create(limit, &table), 0);
    return table;
}

static void limits_are_checked(void **state)
{
    (void)state;
    struct handle_table *table;
    assert_int_equal(handle_table_create(0, &table), -EINVAL);
    assert_int_equal(handle_table_create(65537, &table), -EINVAL);
    handle_table_destroy(NULL);
}

static void a_handle_names_its_object(void **state)
{
    (void)state;
    struct handle_table *table = make(100);
    uint32_t handle = 0;
    assert_int_equal(handle_table_add(table, 3, &objects[0], &handle), 0);
    assert_int_not_equal(handle, 0);
    assert_int_not_equal(handle >> 16, 0); /* no small integer is a handle */
    assert_ptr_equal(handle_table_get(table, handle, 3), &objects[0]);
    assert_ptr_equal(handle_table_get(table, handle, 0), &objects[0]);
    assert_null(handle_table_get(table, handle, 4));
    assert_null(handle_table_get(table, handle + 1, 0));
    assert_null(handle_table_get(table, handle ^ 0x10000, 0));
    assert_null(handle_table_get(table, 0, 0));
    assert_null(handle_table_get(table, UINT32_MAX, 0));
    assert_null(handle_table_remove(table, handle, 4));
    assert_int_equal(handle_table_count(table), 1);
    handle_table_destroy(table);
}

static void a_stale_handle_is_recognised(void **state)
{
    (void)state;
    struct handle_table *table = make(1);
    uint32_t stale, fresh;
    assert_int_equal(handle_table_add(table, 1, &objects[0], &stale), 0);
    assert_ptr_equal(handle_table_remove(table, stale, 1), &objects[0]);
    assert_null(handle_table_get(table, stale, 0));
    assert_null(handle_table_remove(table, stale, 0));
    assert_int_equal(handle_table_add(table, 1, &objects[1], &fresh), 0);
    assert_int_equal(stale & 0xffff, fresh & 0xffff); /* the one slot there is */
    assert_int_not_equal(stale, fresh);
    assert_null(handle_table_get(table, stale, 0));
    assert_ptr_equal(handle_table_get(table, fresh, 1), &objects[1]);
    handle_table_destroy(table);
}

static void the_generation_wraps_without_becoming_zero(void **state)
{
    (void)state;
    struct handle_table *table = make(1);
    uint32_t handle, last = 0;
    for (int i = 0; i < 140000; i++) {
        assert_int_equal(handle_table_add(table, 1, &objects[0], &handle), 0);
        assert_int_not_equal(handle >> 16, 0);
        assert_int_not_equal(handle, last);
        last = handle;
        assert_non_null(handle_table_remove(table, handle, 1));
    }
    handle_table_destroy(table);
}

static void freed_slots_wait_their_turn(void **state)
{
    (void)state;
    struct handle_table *table = make(64);
    uint32_t handles[16], again;
    for (int i = 0; i < 16; i++)
        assert_int_equal(handle_table_add(table, 1, &objects[i], &handles[i]), 0);
    assert_non_null(handle_table_remove(table, handles[5], 1));
    assert_non_null(handle_table_remove(table, handles[2], 1));
    assert_int_equal(handle_table_add(table, 1, &objects[0], &again), 0);
    assert_int_equal(again & 0xffff, handles[5] & 0xffff);
    assert_int_equal(handle_table_add(table, 1, &objects[0], &again), 0);
    assert_int_equal(again & 0xffff, handles[2] & 0xffff);
    handle_table_destroy(table);
}

static void the_limit_holds(void **state)
{
    (void)state;
    enum { LIMIT = 65536 };
    struct handle_table *table = make(LIMIT);
    uint32_t *handles = calloc(LIMIT, sizeof(*handles));
    uint32_t extra;
    for (uint32_t i = 0; i < LIMIT; i++)
        assert_int_equal(handle_table_add(table, 1 + i % 3, &objects[i], &handles[i]), 0);
    assert_int_equal(handle_table_add(table, 1, &objects[0], &extra), -ENOSPC);
    assert_int_equal(handle_table_count(table), LIMIT);
    for (uint32_t i = 0; i < LIMIT; i++)
        assert_ptr_equal(handle_table_get(table, handles[i], 1 + i % 3), &objects[i]);
    assert_non_null(handle_table_remove(table, handles[77], 0));
    assert_int_equal(handle_table_add(table, 1, &objects[0], &extra), 0);
    free(handles);
    handle_table_destroy(table);

    table = make(3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(handle_table_add(table, 1, &objects[i], &extra), 0);
    assert_int_equal(handle_table_add(table, 1, &objects[0], &extra), -ENOSPC);
    handle_table_destroy(table);
}

static void a_walk_sees_each_and_may_remove(void **state)
{
    (void)state;
    struct handle_table *table = make(1000);
    uint32_t handles[50];
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(handle_table_add(table, 1 + i % 2, &objects[i], &handles[i]), 0);
    uint32_t position = 0, handle, type, seen = 0;
    void *object;
    while (handle_table_next(table, &position, &handle, &type, &object)) {
        ptrdiff_t index = (int *)object - objects;
        assert_in_range(index, 0, 49);
        assert_int_equal(handles[index], handle);
        assert_int_equal(type, 1 + index % 2);
        assert_ptr_equal(handle_table_remove(table, handle, type), object);
        seen++;
    }
    assert_int_equal(seen, 50);
    assert_int_equal(handle_table_count(table), 0);
    assert_false(handle_table_next(table, &position, &handle, &type, &object));
    handle_table_destroy(table);
}

/* Handles of one table mean nothing in another, but for chance; many tables show the chance. */
static void tables_differ(void **state)
{
    (void)state;
    struct handle_table *one = make(1), *other;
    uint32_t handle, foreign;
    int equal = 0;
    assert_int_equal(handle_table_add(one, 1, &objects[0], &handle), 0);
    for (int i = 0; i < 100; i++) {
        other = make(1);
        assert_int_equal(handle_table_add(other, 1, &objects[1], &foreign), 0);
        equal += handle_table_get(other, handle, 1) != NULL;
        handle_table_destroy(other);
    }
    assert_true(equal < 10);
    handle_table_destroy(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_checked),
        cmocka_unit_test(a_handle_names_its_object),
        cmocka_unit_test(a_stale_handle_is_recognised),
        cmocka_unit_test(the_generation_wraps_without_becoming_zero),
        cmocka_unit_test(freed_slots_wait_their_turn),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(a_walk_sees_each_and_may_remove),
        cmocka_unit_test(tables_differ),
    };
    return cmocka_run_group_tests_name("handle_table", tests, NULL, NULL);
}

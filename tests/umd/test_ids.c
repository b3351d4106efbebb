/* SPDX-License-Identifier: MIT */
/* The guest's table of ids, also under threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "umd/umd.h"

#define FIRST 3u

static int setup(void **state)
{
    struct umd_ids *ids = malloc(sizeof(*ids));
    if (!ids || umd_ids_init(ids, FIRST))
        return -1;
    *state = ids;
    return 0;
}

static int teardown(void **state)
{
    umd_ids_finish(*state);
    free(*state);
    return 0;
}

static void slots_are_reused_last_first(void **state)
{
    struct umd_ids *ids = *state;
    int objects[3];
    uint64_t first = umd_id_create(ids, 5, &objects[0]);
    uint64_t second = umd_id_create(ids, 6, &objects[1]);
    assert_int_equal(STREAM_ID_SLOT(first), FIRST);
    assert_int_equal(STREAM_ID_SLOT(second), FIRST + 1);
    assert_int_equal(STREAM_ID_TYPE(second), 6);
    assert_ptr_equal(umd_id_object(ids, first), &objects[0]);
    umd_id_free(ids, first);
    umd_id_free(ids, second);
    uint64_t third = umd_id_create(ids, 7, &objects[2]);
    assert_int_equal(STREAM_ID_SLOT(third), FIRST + 1);
    assert_int_not_equal(STREAM_ID_GENERATION(third), STREAM_ID_GENERATION(second));
    assert_ptr_equal(umd_id_object(ids, third), &objects[2]);
}

static void objects_of_a_type_are_found(void **state)
{
    struct umd_ids *ids = *state;
    int objects[4];
    uint32_t slot = 0;
    assert_null(umd_id_next(ids, 5, &slot));
    umd_id_create(ids, 5, &objects[0]);
    umd_id_create(ids, 6, &objects[1]);
    uint64_t freed = umd_id_create(ids, 5, &objects[2]);
    for (uint32_t i = 0; i < 2 * UMD_ID_PAGE; i++)
        umd_id_create(ids, 7, NULL);
    umd_id_create(ids, 5, &objects[3]);
    umd_id_free(ids, freed);
    slot = 0;
    assert_ptr_equal(umd_id_next(ids, 5, &slot), &objects[0]);
    assert_ptr_equal(umd_id_next(ids, 5, &slot), &objects[3]);
    assert_null(umd_id_next(ids, 5, &slot));
    slot = 0;
    assert_ptr_equal(umd_id_next(ids, 6, &slot), &objects[1]);
}

static void stale_and_strange_ids_are_nothing(void **state)
{
    struct umd_ids *ids = *state;
    int object;
    uint64_t id = umd_id_create(ids, 5, &object);
    assert_true(umd_id_live(ids, id, 5));
    assert_false(umd_id_live(ids, id, 6));
    umd_id_free(ids, id);
    assert_null(umd_id_object(ids, id));
    assert_false(umd_id_live(ids, id, 5));
    umd_id_free(ids, id); /* twice: nothing happens */
    uint64_t next = umd_id_create(ids, 5, &object), other = umd_id_create(ids, 5, &object);
    assert_int_not_equal(STREAM_ID_SLOT(next), STREAM_ID_SLOT(other));
    umd_id_free(ids, next);
    /* What a free slot's entry holds must not pass for an id. */
    uint64_t marker = STREAM_ID(STREAM_ID_SLOT(next), STREAM_ID_GENERATION(next), 0);
    assert_null(umd_id_object(ids, marker));
    assert_false(umd_id_live(ids, marker, 0));
    assert_null(umd_id_object(ids, 0));
    assert_null(umd_id_object(ids, UINT64_MAX));
    assert_null(umd_id_object(ids, 0xdeadbeef12345678u));
    umd_id_free(ids, UINT64_MAX);
    umd_id_free(ids, marker);
    umd_id_free(ids, 0);
}

static void generations_start_anew(void **state)
{
    struct umd_ids *ids = *state;
    uint64_t id = umd_id_create(ids, 1, NULL);
    for (uint32_t i = 0; i < 0xffffff; i++) {
        umd_id_free(ids, id);
        id = umd_id_create(ids, 1, NULL);
        assert_int_not_equal(STREAM_ID_GENERATION(id), 0);
    }
    assert_int_equal(STREAM_ID_GENERATION(id), 1);
}

static void all_slots_can_be_used(void **state)
{
    struct umd_ids *ids = *state;
    const uint32_t count = STREAM_MAX_SLOTS - FIRST;
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        last = umd_id_create(ids, 1, ids);
        assert_true(last != 0);
    }
    assert_int_equal(umd_id_create(ids, 1, ids), 0);
    umd_id_free(ids, last);
    assert_true(umd_id_create(ids, 1, ids) != 0);
}

/* --- Threads --- */

#define THREADS 4
#define ROUNDS 20000
#define HELD 64

/* NULL when all went well. */
static void *create_and_free(void *data)
{
    struct umd_ids *ids = data;
    int objects[HELD];
    uint64_t held[HELD] = {0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t at = i * 2654435761u % HELD;
        if (held[at]) {
            if (umd_id_object(ids, held[at]) != &objects[at])
                return data; /* an object is not found */
            umd_id_free(ids, held[at]);
            if (umd_id_object(ids, held[at]))
                return data; /* a stale id is found */
        }
        held[at] = umd_id_create(ids, 9, &objects[at]);
        if (!held[at])
            return data;
    }
    for (uint32_t i = 0; i < HELD; i++)
        umd_id_free(ids, held[i]);
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, create_and_free, *state), 0);
    for (int i = 0; i < THREADS; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slots_are_reused_last_first, setup, teardown),
        cmocka_unit_test_setup_teardown(objects_of_a_type_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(stale_and_strange_ids_are_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(generations_start_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(all_slots_can_be_used, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_do_not_disturb_each_other, setup, teardown),
    };
    return cmocka_run_group_tests_name("umd-ids", tests, NULL, NULL);
}

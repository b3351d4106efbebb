/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "host/worker/stream.h"
#include "vkwire.h"

#define POOL VKWIRE_OBJECT_COMMAND_POOL
#define BUFFER VKWIRE_OBJECT_COMMAND_BUFFER

/* A stream that has shared memory for being lost, and nothing else. */
struct fixture {
    struct stream stream;
    struct stream_shared shared;
    struct wire_fence_cell fence;
    unsigned forgotten;
};

static struct fixture *f;

static int set_up(void **state)
{
    (void)state;
    f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);
    assert_non_null(f);
    memset(f, 0, sizeof(*f));
    f->stream.io.shared = &f->shared;
    f->stream.io.fence = &f->fence;
    f->stream.exec.io = &f->stream.io;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    exec_objects_destroy(&f->stream.exec);
    assert_int_equal(f->stream.exec.objects.count, 0);
    free(f);
    return 0;
}

static struct exec *x(void)
{
    return &f->stream.exec;
}

static uint64_t id_of(uint32_t slot, uint32_t generation, uint8_t type)
{
    return STREAM_ID(slot, generation, type);
}

static void forget(struct exec *exec, struct exec_object *object)
{
    (void)exec;
    free(object->aux);
    f->forgotten++;
}

static void add_aux(uint64_t id, uint8_t type)
{
    struct exec_aux *aux = malloc(sizeof(*aux));
    assert_non_null(aux);
    aux->forget = forget;
    exec_object_find(x(), id, type)->aux = aux;
}

static void an_id_finds_its_object_and_no_other(void **state)
{
    (void)state;
    uint64_t id = id_of(300, 5, POOL);
    assert_true(exec_object_add(x(), id, POOL, 77));
    assert_int_equal(exec_object_get(x(), id, POOL)->handle[0], 77);
    assert_null(exec_object_find(x(), 0, POOL));
    assert_null(exec_object_find(x(), id, BUFFER));
    assert_null(exec_object_find(x(), id_of(300, 4, POOL), POOL));
    assert_null(exec_object_find(x(), id_of(300, 5, BUFFER), BUFFER));
    assert_null(exec_object_find(x(), id_of(301, 5, POOL), POOL));
    assert_null(exec_object_find(x(), id_of(UINT32_MAX, 5, POOL), POOL));
    assert_int_equal(x()->lost, STREAM_ALIVE);
    assert_null(exec_object_get(x(), id_of(300, 6, POOL), POOL));
    assert_int_equal(x()->lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(f->shared.lost, STREAM_LOST_PROTOCOL);
}

static void bad_new_ids_lose_the_stream(void **state)
{
    (void)state;
    const uint64_t bad[] = {0,
                            id_of(0, 1, POOL),
                            id_of(STREAM_MAX_SLOTS, 1, POOL),
                            id_of(UINT32_MAX, 1, POOL),
                            id_of(1, 0, POOL),
                            id_of(1, 1, BUFFER)};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        x()->lost = STREAM_ALIVE;
        assert_false(exec_object_add(x(), bad[i], POOL, 1));
        assert_int_equal(x()->lost, STREAM_LOST_PROTOCOL);
    }
    x()->lost = STREAM_ALIVE;
    assert_true(exec_object_add(x(), id_of(STREAM_MAX_SLOTS - 1, 1, POOL), POOL, 1));
    assert_false(exec_object_add(x(), id_of(STREAM_MAX_SLOTS - 1, 2, POOL), POOL, 1));
    assert_int_equal(x()->lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(x()->objects.count, 1);
}

static void children_go_with_their_parent(void **state)
{
    (void)state;
    uint64_t pool = id_of(1, 1, POOL);
    assert_true(exec_object_add(x(), pool, POOL, 1));
    struct exec_object *parent = exec_object_get(x(), pool, POOL);
    for (uint32_t i = 2; i < 12; i++) {
        assert_true(exec_object_add_child(x(), id_of(i, 1, BUFFER), BUFFER, i, parent));
        add_aux(id_of(i, 1, BUFFER), BUFFER);
    }
    /* The last one taken, the first one taken, one between. */
    static const uint32_t removed[] = {11, 2, 6};
    for (size_t i = 0; i < 3; i++)
        exec_object_remove(x(), exec_object_get(x(), id_of(removed[i], 1, BUFFER), BUFFER));
    assert_int_equal(f->forgotten, 3);
    assert_int_equal(x()->objects.count, 8);
    assert_true(exec_object_add_child(x(), id_of(6, 2, BUFFER), BUFFER, 6, parent));
    exec_object_remove_children(x(), parent);
    assert_int_equal(x()->objects.count, 1);
    assert_int_equal(f->forgotten, 10);
    assert_null(exec_object_find(x(), id_of(3, 1, BUFFER), BUFFER));
    assert_true(exec_object_add_child(x(), id_of(3, 2, BUFFER), BUFFER, 3, parent));
    exec_object_remove(x(), parent);
    assert_int_equal(x()->objects.count, 0);
    assert_null(exec_object_find(x(), id_of(3, 2, BUFFER), BUFFER));
}

static void what_is_left_is_forgotten_once(void **state)
{
    (void)state;
    static const uint8_t types[] = {POOL, VKWIRE_OBJECT_BUFFER, VKWIRE_OBJECT_IMAGE_VIEW,
                                    VKWIRE_OBJECT_DEVICE_MEMORY};
    for (uint32_t i = 0; i < 2000; i++) {
        uint64_t id = id_of(1 + i * 2000, 1, types[i % 4]);
        assert_true(exec_object_add(x(), id, types[i % 4], 1));
        add_aux(id, types[i % 4]);
    }
    exec_objects_destroy(x());
    assert_int_equal(f->forgotten, 2000);
    assert_int_equal(x()->objects.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_id_finds_its_object_and_no_other),
        TEST(bad_new_ids_lose_the_stream),
        TEST(children_go_with_their_parent),
        TEST(what_is_left_is_forgotten_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Semaphores of acquired images in the worker, with a driver that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/worker/exec_acquired.h"
#include "tests/worker/queue_fixture.h"

static VkSemaphore semaphore(uint64_t id)
{
    return (VkSemaphore)(uintptr_t)id;
}

static void acquire(struct fixture *f, uint64_t id)
{
    const struct stream_object command = {.id = id};
    exec_signal_acquired(&f->exec, &command);
}

static void assert_waits(const uint64_t *ids, uint32_t count)
{
    assert_int_equal(driver.wait_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(driver.waits_for[i] == semaphore(ids[i]));
}

/* Waits for 0x50 to 0x53, with values 10… for the first `values` and device indices 20…. */
static void submit_waits(struct fixture *f, uint32_t values, uint32_t indices)
{
    VkSemaphore waits[] = {semaphore(0x50), semaphore(0x51), semaphore(0x52), semaphore(0x53)};
    VkPipelineStageFlags stages[] = {1, 2, 4, 8};
    uint64_t numbers[] = {10, 11, 12, 13};
    uint32_t devices[] = {20, 21, 22, 23};
    VkDeviceGroupSubmitInfo group = {VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO,
                                     .waitSemaphoreCount = indices,
                                     .pWaitSemaphoreDeviceIndices = devices};
    VkTimelineSemaphoreSubmitInfo timeline = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                              &group, .waitSemaphoreValueCount = values,
                                              .pWaitSemaphoreValues = numbers};
    VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO, &timeline, .waitSemaphoreCount = 4,
                         .pWaitSemaphores = waits, .pWaitDstStageMask = stages};
    struct args_QueueSubmit args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .submitCount = 1, .pSubmits = &info};
    exec_QueueSubmit(&f->exec, &args);
    arena_reset(&f->exec.arena);
}

static void acquired_images_are_not_waited_for(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0x50);
    acquire(f, 0x52);
    acquire(f, 0x99);
    submit_waits(f, 4, 4);
    const uint64_t left[] = {0x51, 0x53}, values[] = {11, 13}, stages[] = {2, 8};
    const uint32_t indices[] = {21, 23};
    assert_waits(left, 2);
    assert_int_equal(driver.wait_value_count, 2);
    assert_memory_equal(driver.wait_values, values, sizeof(values));
    assert_memory_equal(driver.wait_stages, stages, sizeof(stages));
    assert_int_equal(driver.wait_index_count, 2);
    assert_memory_equal(driver.wait_indices, indices, sizeof(indices));
    /* Once each. */
    const uint64_t all[] = {0x50, 0x51, 0x52, 0x53};
    submit_waits(f, 4, 4);
    assert_waits(all, 4);
    assert_int_equal(f->exec.acquired.count, 1);
}

static void fewer_values_than_waits(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0x51);
    acquire(f, 0x53);
    submit_waits(f, 2, 0);
    const uint64_t left[] = {0x50, 0x52}, stages[] = {1, 4};
    assert_waits(left, 2);
    assert_int_equal(driver.wait_value_count, 1);
    assert_int_equal(driver.wait_values[0], 10);
    assert_int_equal(driver.wait_index_count, 0);
    assert_memory_equal(driver.wait_stages, stages, sizeof(stages));
}

static void the_last_wait_goes(void **state)
{
    struct fixture *f = *state;
    for (uint64_t id = 0x50; id <= 0x53; id++)
        acquire(f, id);
    submit_waits(f, 4, 4);
    assert_int_equal(driver.wait_count + driver.wait_value_count + driver.wait_index_count, 0);
    assert_int_equal(f->exec.acquired.count, 0);
    assert_int_equal(f->exec.lost, STREAM_ALIVE);
}

static void acquired_images_in_the_second_form(void **state)
{
    struct fixture *f = *state;
    VkSemaphoreSubmitInfo waits[3] = {0};
    for (uint64_t i = 0; i < 3; i++)
        waits[i] = (VkSemaphoreSubmitInfo){VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                           .semaphore = semaphore(0x50 + i), .value = 30 + i,
                                           .stageMask = 1u << i};
    VkSubmitInfo2 info = {VK_STRUCTURE_TYPE_SUBMIT_INFO_2, .waitSemaphoreInfoCount = 3,
                          .pWaitSemaphoreInfos = waits};
    struct args_QueueSubmit2 args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .submitCount = 1, .pSubmits = &info};
    acquire(f, 0x51);
    exec_QueueSubmit2(&f->exec, &args);
    const uint64_t left[] = {0x50, 0x52}, values[] = {30, 32}, stages[] = {1, 4};
    assert_waits(left, 2);
    assert_memory_equal(driver.wait_values, values, sizeof(values));
    assert_memory_equal(driver.wait_stages, stages, sizeof(stages));
}

static void acquired_images_in_sparse_binding(void **state)
{
    struct fixture *f = *state;
    VkSemaphore waits[] = {semaphore(0x50), semaphore(0x51)};
    uint64_t numbers[] = {10, 11};
    VkTimelineSemaphoreSubmitInfo timeline = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                              .waitSemaphoreValueCount = 2,
                                              .pWaitSemaphoreValues = numbers};
    VkBindSparseInfo info = {VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, &timeline, .waitSemaphoreCount = 2,
                             .pWaitSemaphores = waits};
    struct args_QueueBindSparse args = {
        .queue_id = STREAM_ID(1, 1, VKWIRE_OBJECT_QUEUE), .bindInfoCount = 1, .pBindInfo = &info};
    acquire(f, 0x50);
    exec_QueueBindSparse(&f->exec, &args);
    const uint64_t left[] = {0x51};
    assert_waits(left, 1);
    assert_int_equal(driver.wait_value_count, 1);
    assert_int_equal(driver.wait_values[0], 11);
}

static void a_destroyed_semaphore_is_forgotten(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0x50);
    acquire(f, 0x51);
    destroy(f); /* 0x50 */
    assert_int_equal(f->exec.acquired.count, 1);
    submit_waits(f, 0, 0); /* another one with the same handle */
    const uint64_t left[] = {0x50, 0x52, 0x53};
    assert_waits(left, 3);
}

static void too_many_acquired_images(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 0; i < EXEC_MOST_ACQUIRED; i++)
        acquire(f, 1 + i);
    for (uint64_t i = 0; i < 1000; i++) /* one that is signalled already */
        acquire(f, 7);
    assert_int_equal(f->exec.lost, STREAM_ALIVE);
    assert_int_equal(f->exec.acquired.count, EXEC_MOST_ACQUIRED);
    acquire(f, 1 + EXEC_MOST_ACQUIRED);
    assert_int_equal(f->exec.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(f->exec.acquired.count, EXEC_MOST_ACQUIRED);
}

static void an_acquired_image_for_no_semaphore(void **state)
{
    struct fixture *f = *state;
    acquire(f, 0);
    assert_int_equal(f->exec.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(f->exec.acquired.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(acquired_images_are_not_waited_for),
        TEST(fewer_values_than_waits),
        TEST(the_last_wait_goes),
        TEST(acquired_images_in_the_second_form),
        TEST(acquired_images_in_sparse_binding),
        TEST(a_destroyed_semaphore_is_forgotten),
        TEST(too_many_acquired_images),
        TEST(an_acquired_image_for_no_semaphore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

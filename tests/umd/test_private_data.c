/* SPDX-License-Identifier: MIT */
/* Private data: values by slot and object, of objects that come and go, from several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "umd/umd_private_data.h"
#include "umd_commands.h"
#include "vkwire.h"

static struct umd_device device;
static struct umd_queue queues[2];
static _Atomic size_t largest; /* allocation since the test began */

static VKAPI_ATTR void *VKAPI_CALL allocate(void *data, size_t size, size_t alignment,
                                            VkSystemAllocationScope scope)
{
    (void)data;
    (void)scope;
    if (size > largest)
        largest = size;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static VKAPI_ATTR void VKAPI_CALL release(void *data, void *memory)
{
    (void)data;
    free(memory);
}

static int set_up(void **state)
{
    (void)state;
    memset(&device, 0, sizeof(device));
    largest = 0;
    device.allocator = (VkAllocationCallbacks){.pfnAllocation = allocate, .pfnFree = release};
    for (uint32_t i = 0; i < 2; i++)
        queues[i] =
            (struct umd_queue){.device = &device, .id = STREAM_ID(1 + i, 1, VKWIRE_OBJECT_QUEUE)};
    if (umd_ids_init(&device.ids, 3) < 0)
        return -1;
    return umd_private_data_init(&device) == VK_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    umd_private_data_finish(&device);
    umd_ids_finish(&device.ids);
    return 0;
}

static VkPrivateDataSlot make_slot(void)
{
    const VkPrivateDataSlotCreateInfo info = {.sType =
                                                  VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO};
    VkPrivateDataSlot slot = VK_NULL_HANDLE;

    assert_int_equal(umd_CreatePrivateDataSlot((VkDevice)&device, &info, NULL, &slot), VK_SUCCESS);
    return slot;
}

static void destroy_slot(VkPrivateDataSlot slot)
{
    umd_DestroyPrivateDataSlot((VkDevice)&device, slot, NULL);
}

static void set(VkObjectType type, uint64_t object, VkPrivateDataSlot slot, uint64_t value)
{
    assert_int_equal(umd_SetPrivateData((VkDevice)&device, type, object, slot, value), VK_SUCCESS);
}

static uint64_t get(VkObjectType type, uint64_t object, VkPrivateDataSlot slot)
{
    uint64_t value = 42;

    umd_GetPrivateData((VkDevice)&device, type, object, slot, &value);
    return value;
}

static uint64_t make_object(void)
{
    uint64_t id = umd_id_create(&device.ids, VKWIRE_OBJECT_BUFFER, NULL);

    assert_int_not_equal(id, 0);
    return id;
}

static void test_values(void **state)
{
    VkPrivateDataSlot a = make_slot(), b = make_slot();
    uint64_t objects[100];

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        objects[i] = make_object();
        assert_int_equal(get(VK_OBJECT_TYPE_BUFFER, objects[i], a), 0);
        set(VK_OBJECT_TYPE_BUFFER, objects[i], a, i + 1);
        set(VK_OBJECT_TYPE_BUFFER, objects[i], b, 1000 + i);
    }
    set(VK_OBJECT_TYPE_BUFFER, objects[7], a, 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(get(VK_OBJECT_TYPE_BUFFER, objects[i], a), i == 7 ? 0 : i + 1);
        assert_int_equal(get(VK_OBJECT_TYPE_BUFFER, objects[i], b), 1000 + i);
    }
    destroy_slot(a);
    assert_int_equal(get(VK_OBJECT_TYPE_BUFFER, objects[3], b), 1003);
    destroy_slot(b);
}

static void test_dispatchable(void **state)
{
    VkPrivateDataSlot slot = make_slot();
    struct umd_command_buffer buffer = {.device = &device};
    uint64_t handle = (uint64_t)(uintptr_t)&buffer;

    (void)state;
    set(VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)&device, slot, 1);
    set(VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)&queues[0], slot, 2);
    set(VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)&queues[1], slot, 3);
    buffer.id = umd_id_create(&device.ids, VKWIRE_OBJECT_COMMAND_BUFFER, &buffer);
    set(VK_OBJECT_TYPE_COMMAND_BUFFER, handle, slot, 4);
    assert_int_equal(get(VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)&device, slot), 1);
    assert_int_equal(get(VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)&queues[0], slot), 2);
    assert_int_equal(get(VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)&queues[1], slot), 3);
    assert_int_equal(get(VK_OBJECT_TYPE_COMMAND_BUFFER, handle, slot), 4);
    /* Another command buffer at the same address. */
    umd_id_free(&device.ids, buffer.id);
    buffer.id = umd_id_create(&device.ids, VKWIRE_OBJECT_COMMAND_BUFFER, &buffer);
    assert_int_equal(get(VK_OBJECT_TYPE_COMMAND_BUFFER, handle, slot), 0);
    destroy_slot(slot);
}

/* A program that gives data to ever new objects does not use ever more memory, and what lives keeps
 * its data. */
static void test_objects_that_go(void **state)
{
    VkPrivateDataSlot slot = make_slot();
    uint64_t kept = make_object();

    (void)state;
    set(VK_OBJECT_TYPE_BUFFER, kept, slot, 7);
    set(VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)&queues[1], slot, 8);
    set(VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)&device, slot, 9);
    for (uint32_t i = 0; i < 100000; i++) {
        uint64_t object = make_object();

        assert_int_equal(get(VK_OBJECT_TYPE_BUFFER, object, slot), 0);
        set(VK_OBJECT_TYPE_BUFFER, object, slot, i + 1);
        umd_id_free(&device.ids, object);
    }
    assert_true(largest < 4096);
    assert_int_equal(get(VK_OBJECT_TYPE_BUFFER, kept, slot), 7);
    assert_int_equal(get(VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)&queues[1], slot), 8);
    assert_int_equal(get(VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)&device, slot), 9);
    destroy_slot(slot);
}

static void test_left_over(void **state)
{
    uint64_t object = make_object();

    (void)state;
    make_slot(); /* freed with the device: the leak checkers see it */
    set(VK_OBJECT_TYPE_BUFFER, object, make_slot(), 1);
}

struct work {
    pthread_t thread;
    VkPrivateDataSlot slot;
    bool good;
};

static void *use(void *data)
{
    struct work *work = data;
    uint64_t objects[64];

    work->good = true;
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < 64; i++) {
            objects[i] = umd_id_create(&device.ids, VKWIRE_OBJECT_IMAGE, NULL);
            umd_SetPrivateData((VkDevice)&device, VK_OBJECT_TYPE_IMAGE, objects[i], work->slot,
                               objects[i] ^ 5);
        }
        for (uint32_t i = 0; i < 64; i++) {
            uint64_t value = 0;

            umd_GetPrivateData((VkDevice)&device, VK_OBJECT_TYPE_IMAGE, objects[i], work->slot,
                               &value);
            work->good = work->good && value == (objects[i] ^ 5);
            umd_id_free(&device.ids, objects[i]);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct work work[4];
    VkPrivateDataSlot slot = make_slot();

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        work[i].slot = slot;
        assert_int_equal(pthread_create(&work[i].thread, NULL, use, &work[i]), 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        pthread_join(work[i].thread, NULL);
        assert_true(work[i].good);
    }
    destroy_slot(slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dispatchable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects_that_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_left_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("private data", tests, NULL, NULL);
}

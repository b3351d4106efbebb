/* SPDX-License-Identifier: MIT */
/* Physical devices and devices of several drivers behind one VkInstance. */
#include "icd_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "gpupv/ntstatus.h"

/* --- Physical devices --- */

/* In the order of the adapters, whatever driver each has; equal devices go to equal adapters. */
static void test_two_drivers(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;

    (void)state;
    add_a();
    add_b()->physical_adapters = 3;
    add_a();
    instance = create_with(NULL);
    assert_int_equal(enumerate(instance, devices), 3);
    assert_int_equal(state_of(&a)->instances, 1);
    assert_int_equal(state_of(&b)->instances, 1);
    check_device(instance, devices[0], 0xfa01, LOW, 1);
    check_device(instance, devices[1], 0xfa02, LOW + 1, 7);
    check_device(instance, devices[2], 0xfa01, LOW + 2, 1);
    assert_ptr_not_equal(icd_physical_device_from(devices[0])->real,
                         icd_physical_device_from(devices[2])->real);
    destroy(instance);
}

static void test_list_in_two_calls(void **state)
{
    VkPhysicalDevice devices[2] = {VK_NULL_HANDLE}, again[2];
    VkInstance instance;
    uint32_t count = 7;

    (void)state;
    add_a();
    add_b();
    instance = create_with(NULL);
    assert_int_equal(LOOK_UP(instance, vkEnumeratePhysicalDevices)(instance, &count, NULL),
                     VK_SUCCESS);
    assert_int_equal(count, 2);
    count = 1;
    assert_int_equal(LOOK_UP(instance, vkEnumeratePhysicalDevices)(instance, &count, devices),
                     VK_INCOMPLETE);
    assert_int_equal(count, 1);
    assert_null(devices[1]);
    count = 2;
    assert_int_equal(LOOK_UP(instance, vkEnumeratePhysicalDevices)(instance, &count, again),
                     VK_SUCCESS);
    assert_ptr_equal(devices[0], again[0]);
    destroy(instance);
}

/* A driver's device that no adapter stands for is hidden, and an adapter that the driver has no
 * device for is not offered. */
static void test_devices_without_partner(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;

    (void)state;
    add_adapter(&a, 0xfa01, 0x77);
    add_b();
    instance = create_with(NULL);
    assert_int_equal(enumerate(instance, devices), 1);
    check_device(instance, devices[0], 0xfa02, LOW + 1, 1);
    destroy(instance);
}

/* A driver that knows gpupv is told its adapters: which device is whose does not follow from the
 * ids, and an adapter that it cannot serve is left out. */
static void test_driver_with_adapters(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;

    (void)state;
    add_adapter(&p, 1, 1)->physical_adapters = 2;
    add_a();
    add_adapter(&p, 2, 2)->physical_adapters = 3;
    instance = create_with(NULL);
    assert_int_equal(enumerate(instance, devices), 3);
    check_device(instance, devices[0], 0xfa06, LOW, 3);
    check_device(instance, devices[1], 0xfa01, LOW + 1, 1);
    check_device(instance, devices[2], 0xfa06, LOW + 2, 7);
    assert_int_equal(state_of(&p)->open_adapters, 2);
    assert_int_equal(state_of(&p)->node_mask, 7);
    assert_int_equal(icd_physical_device_from(devices[2])->adapter->node_count, 3);
    assert_int_equal(icd_physical_device_from(devices[2])->adapter->cross_node_sharing_tier, 2);
    assert_int_equal(icd_physical_device_from(devices[1])->adapter->node_count, 1);
    destroy(instance);

    state_of(&p)->unserved_luid = LOW;
    instance = create_with(NULL);
    assert_int_equal(enumerate(instance, devices), 2);
    check_device(instance, devices[0], 0xfa01, LOW + 1, 1);
    check_device(instance, devices[1], 0xfa06, LOW + 2, 7);
    destroy(instance);
}

/* It closes its adapters when they are found anew, and one that it does not take has no driver. */
static void test_adapters_close(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;

    (void)state;
    add_adapter(&p, 1, 1);
    add_adapter(&p, 1, 1);
    destroy(create_with(NULL));
    assert_int_equal(state_of(&p)->open_adapters, 2);
    fake_host_reset();
    add_adapter(&p, 1, 1);
    instance = create_with(NULL);
    assert_int_equal(state_of(&p)->open_adapters, 1);
    assert_int_equal(enumerate(instance, devices), 1);
    destroy(instance);

    fake_host_reset();
    state_of(&p)->open_adapter_status = STATUS_REVISION_MISMATCH;
    add_adapter(&p, 1, 1);
    add_b();
    instance = create_with(NULL);
    assert_int_equal(enumerate(instance, devices), 1);
    check_device(instance, devices[0], 0xfa02, LOW + 1, 1);
    assert_int_equal(state_of(&p)->open_adapters, 0);
    destroy(instance);
}

static void test_groups(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkPhysicalDeviceGroupProperties groups[4] = {
        {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES},
        {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES},
    };
    VkInstance instance;
    uint32_t count = 4;

    (void)state;
    add_a();
    add_b();
    add_a();
    instance = create_with(NULL);
    enumerate(instance, devices);
    assert_int_equal(LOOK_UP(instance, vkEnumeratePhysicalDeviceGroups)(instance, &count, groups),
                     VK_SUCCESS);
    assert_int_equal(count, 2);
    assert_int_equal(groups[0].physicalDeviceCount, 2); /* the third device of A is hidden */
    assert_ptr_equal(groups[0].physicalDevices[0], devices[0]);
    assert_ptr_equal(groups[0].physicalDevices[1], devices[2]);
    assert_int_equal(groups[0].subsetAllocation, VK_TRUE);
    assert_int_equal(groups[1].physicalDeviceCount, 1);
    assert_ptr_equal(groups[1].physicalDevices[0], devices[1]);
    destroy(instance);
}

/* --- Devices --- */

static void use_device(VkInstance instance, VkPhysicalDevice physical, struct driver *driver)
{
    VkDevice device = create_device(instance, physical, NULL, NULL);
    PFN_vkGetDeviceProcAddr own = LOOK_UP(instance, vkGetDeviceProcAddr), real;
    PFN_vkDeviceWaitIdle wait = (PFN_vkDeviceWaitIdle)own(device, "vkDeviceWaitIdle");
    PFN_vkGetDeviceQueue get_queue = (PFN_vkGetDeviceQueue)own(device, "vkGetDeviceQueue");
    VkQueue queue = VK_NULL_HANDLE;
    int before = state_of(driver)->wait_idle_calls;

    assert_non_null(wait);
    assert_int_equal(wait(device), VK_SUCCESS);
    assert_int_equal(state_of(driver)->wait_idle_calls, before + 1);
    get_queue(device, 0, 0, &queue);
    assert_non_null(queue);

    /* A device-level function is the driver's own: a call through the shim costs nothing. */
    real = (PFN_vkGetDeviceProcAddr)icd_device_find(device)->get_device_proc_addr;
    assert_ptr_equal(wait, real(device, "vkDeviceWaitIdle"));
    assert_ptr_equal(get_queue, real(device, "vkGetDeviceQueue"));
    assert_ptr_equal(own(device, "vkGetDeviceProcAddr"), own);
    assert_ptr_not_equal(own(device, "vkDestroyDevice"), real(device, "vkDestroyDevice"));
    assert_null(own(device, "vkEnumeratePhysicalDevices"));
    assert_null(own(device, "vkCreateSwapchainKHR")); /* not enabled */
    assert_null(own(device, "vkNoSuchFunction"));
    ((PFN_vkDestroyDevice)own(device, "vkDestroyDevice"))(device, NULL);
    assert_null(icd_device_find(device));
}

static void test_a_device_of_each_driver(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;

    (void)state;
    add_a();
    add_b();
    instance = create_with(NULL);
    enumerate(instance, devices);
    use_device(instance, devices[0], &a);
    use_device(instance, devices[1], &b);
    destroy(instance);
}

/* A program that forgets a device does not leave a dangling entry behind. */
static void test_forgotten_device(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;
    VkDevice device;
    PFN_vkDestroyDevice real;

    (void)state;
    add_a();
    instance = create_with(NULL);
    enumerate(instance, devices);
    device = create_device(instance, devices[0], NULL, NULL);
    real = icd_device_find(device)->destroy;
    destroy(instance);
    assert_null(icd_device_find(device));
    real(device, NULL); /* so that the test leaks nothing */
}

#define THREADS 4
#define ROUNDS 200

struct worker {
    pthread_t thread;
    VkInstance instance;
    bool failed;
};

/* Asserts must stay in the test's own thread. */
static void *make_and_destroy(void *data)
{
    struct worker *worker = data;
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    uint32_t count = FAKE_MAX_ADAPTERS;

    worker->failed = LOOK_UP(worker->instance, vkEnumeratePhysicalDevices)(worker->instance, &count,
                                                                           devices) != VK_SUCCESS ||
                     count != 2;
    for (int i = 0; i < ROUNDS && !worker->failed; i++) {
        const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
        PFN_vkDeviceWaitIdle wait;
        VkDevice device;

        worker->failed = icd_CreateDevice(devices[i % 2], &info, NULL, &device) != VK_SUCCESS;
        if (worker->failed)
            break;
        wait = (PFN_vkDeviceWaitIdle)icd_GetDeviceProcAddr(device, "vkDeviceWaitIdle");
        worker->failed = !wait || wait(device) != VK_SUCCESS;
        icd_DestroyDevice(device, NULL);
    }
    return NULL;
}

static void test_devices_of_several_threads(void **state)
{
    struct worker workers[THREADS];
    VkInstance instance;

    (void)state;
    add_a();
    add_b();
    instance = create_with(NULL);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.instance = instance};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, make_and_destroy, &workers[i]),
                         0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_false(workers[i].failed);
    }
    assert_int_equal(state_of(&a)->wait_idle_calls, THREADS * ROUNDS / 2);
    assert_int_equal(state_of(&b)->wait_idle_calls, THREADS * ROUNDS / 2);
    destroy(instance);
}

static void test_device_group(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;
    VkDevice device;

    (void)state;
    add_a();
    add_a();
    instance = create_with(NULL);
    enumerate(instance, devices);
    const VkPhysicalDeviceMultiviewFeatures last = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES,
    };
    const VkDeviceGroupDeviceCreateInfo group = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_DEVICE_CREATE_INFO,
        .pNext = &last,
        .physicalDeviceCount = 2,
        .pPhysicalDevices = devices,
    };
    const struct {
        VkStructureType type;
        const void *next;
    } unknown = {(VkStructureType)0x7ffffff0, &group};
    const VkPhysicalDeviceFeatures2 first = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = (void *)&unknown,
    };

    /* The driver checks that the physical devices are its own. */
    device = create_device(instance, devices[0], &first, NULL);
    assert_int_equal(state_of(&a)->group_size, 2);
    assert_int_equal(state_of(&a)->chain_length, 3); /* without the one of unknown size */
    assert_ptr_equal(first.pNext, &unknown);         /* the program's chain is as it was */
    destroy_device(instance, device);
    destroy(instance);
}

static void test_device_group_of_two_drivers(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;
    VkDevice device;

    (void)state;
    add_a();
    add_b();
    instance = create_with(NULL);
    enumerate(instance, devices);
    const VkDeviceGroupDeviceCreateInfo group = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_DEVICE_CREATE_INFO,
        .physicalDeviceCount = 2,
        .pPhysicalDevices = devices,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &group,
    };
    assert_int_equal(LOOK_UP(instance, vkCreateDevice)(devices[0], &info, NULL, &device),
                     VK_ERROR_INITIALIZATION_FAILED);
    destroy(instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_two_drivers),
        TEST(test_list_in_two_calls),
        TEST(test_devices_without_partner),
        TEST(test_driver_with_adapters),
        TEST(test_adapters_close),
        TEST(test_groups),
        TEST(test_a_device_of_each_driver),
        TEST(test_forgotten_device),
        TEST(test_devices_of_several_threads),
        TEST(test_device_group),
        TEST(test_device_group_of_two_drivers),
    };

    return cmocka_run_group_tests_name("icd devices", tests, set_up_group, tear_down_group);
}

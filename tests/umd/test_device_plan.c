/* SPDX-License-Identifier: MIT */
/* What of a VkDeviceCreateInfo goes to the host, and what is refused before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "facts_message.h"
#include "umd/umd_device_plan.h"
#include "umd/umd_facts.h"
#include "vkwire_extensions.h"

static struct umd_facts *facts;
static bool *enabled;

/* A device with VK_KHR_maintenance1, VK_KHR_swapchain and a feature of Vulkan 1.2. */
static int set_up(void **state)
{
    static struct facts_message message;
    VkPhysicalDeviceVulkan12Features features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .timelineSemaphore = VK_TRUE};
    struct facts_extension extensions[2];
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < vkwire_extension_count; i++)
        if (!strcmp(vkwire_extensions[i].name, "VK_KHR_maintenance1") ||
            !strcmp(vkwire_extensions[i].name, "VK_KHR_swapchain"))
            extensions[count++] = (struct facts_extension){.index = i, .spec_version = 2};
    facts_message_begin(&message);
    facts_message_device(&message);
    facts_message_structure(&message, &features);
    facts_message_record(&message, FACTS_RECORD_EXTENSIONS, 0, count, extensions,
                         sizeof(extensions));
    facts_message_end(&message);
    enabled = calloc(vkwire_extension_count, sizeof(*enabled));
    return enabled && umd_facts_create(message.data, message.size, &facts) == VK_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    umd_facts_destroy(facts);
    free(enabled);
    return 0;
}

static VkResult plan(const VkDeviceCreateInfo *info, struct umd_device_plan *result)
{
    struct umd_device_plan own;
    VkResult code = umd_device_plan_init(&own, facts, info, enabled);

    if (result)
        *result = own;
    else
        umd_device_plan_finish(&own);
    return code;
}

static const float priorities[128];

static VkResult plan_queues(uint32_t family, uint32_t count)
{
    const VkDeviceQueueCreateInfo queues = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                            .queueFamilyIndex = family,
                                            .queueCount = count,
                                            .pQueuePriorities = priorities};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queues};

    return plan(&info, NULL);
}

static void test_queues(void **state)
{
    VkDeviceQueueCreateInfo many[30];
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .queueCreateInfoCount = 30,
                                     .pQueueCreateInfos = many};

    (void)state;
    assert_int_equal(plan_queues(0, 3), VK_SUCCESS);
    assert_int_equal(plan_queues(0, 4), VK_ERROR_INITIALIZATION_FAILED);
    assert_int_equal(plan_queues(0, 0), VK_ERROR_INITIALIZATION_FAILED);
    assert_int_equal(plan_queues(1, 1), VK_ERROR_INITIALIZATION_FAILED);
    assert_int_equal(plan_queues(UINT32_MAX, 1), VK_ERROR_INITIALIZATION_FAILED);
    for (uint32_t i = 0; i < 30; i++)
        many[i] = (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                            .queueCount = 3,
                                            .pQueuePriorities = priorities};
    assert_int_equal(plan(&info, NULL), VK_ERROR_TOO_MANY_OBJECTS); /* 90, and 64 are possible */
}

static void test_extensions(void **state)
{
    const char *const names[] = {"VK_KHR_maintenance1", "VK_KHR_maintenance2"};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .enabledExtensionCount = 1,
                               .ppEnabledExtensionNames = names};

    (void)state;
    assert_int_equal(plan(&info, NULL), VK_SUCCESS);
    assert_true(enabled[vkwire_extension_find(names[0])]);
    info.enabledExtensionCount = 2;
    assert_int_equal(plan(&info, NULL), VK_ERROR_EXTENSION_NOT_PRESENT);
}

/* The host's device gets the swapchain, whose image layout there is, and nothing more of windows. */
static void test_windows(void **state)
{
    const char *const names[] = {"VK_KHR_present_id", "VK_KHR_swapchain", "VK_KHR_present_wait",
                                 "VK_KHR_maintenance1"};
    VkPhysicalDevicePresentIdFeaturesKHR id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR, .presentId = VK_TRUE};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &id,
                                     .enabledExtensionCount = 4,
                                     .ppEnabledExtensionNames = names};
    struct umd_device_plan own;

    (void)state;
    assert_int_equal(plan(&info, &own), VK_SUCCESS);
    for (size_t i = 0; i < 4; i++)
        assert_true(enabled[vkwire_extension_find(names[i])]);
    assert_int_equal(own.info.enabledExtensionCount, 2);
    assert_string_equal(own.info.ppEnabledExtensionNames[0], "VK_KHR_swapchain");
    assert_string_equal(own.info.ppEnabledExtensionNames[1], "VK_KHR_maintenance1");
    for (const VkBaseInStructure *next = own.info.pNext; next; next = next->pNext)
        assert_int_not_equal(next->sType, id.sType);
    assert_int_equal(info.enabledExtensionCount, 4);
    umd_device_plan_finish(&own);
}

static void test_features(void **state)
{
    VkPhysicalDeviceVulkan12Features features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .timelineSemaphore = VK_TRUE};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &features};

    (void)state;
    assert_int_equal(plan(&info, NULL), VK_SUCCESS);
    features.hostQueryReset = VK_TRUE;
    assert_int_equal(plan(&info, NULL), VK_ERROR_FEATURE_NOT_PRESENT);
}

/* The program's chain stays as it is; the copy has what the host knows, once and in its order. */
static void test_chain(void **state)
{
    VkPhysicalDeviceVulkan12Features again = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceVulkan13Features untold = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES, .pNext = &again};
    VkPhysicalDeviceVulkan12Features features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .pNext = &untold,
        .timelineSemaphore = VK_TRUE};
    VkDevicePrivateDataCreateInfo guests = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_PRIVATE_DATA_CREATE_INFO, .pNext = &features};
    VkBaseOutStructure loaders = {.sType = VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO,
                                  .pNext = (void *)&guests};
    VkPhysicalDeviceFeatures2 first = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                       .pNext = &loaders,
                                       .features = {.geometryShader = VK_TRUE}};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &first};
    const VkPhysicalDeviceFeatures2 *copy;
    const VkPhysicalDeviceVulkan12Features *next;
    struct umd_device_plan own;

    (void)state;
    assert_int_equal(plan(&info, &own), VK_SUCCESS);
    copy = own.info.pNext;
    assert_non_null(copy);
    assert_ptr_not_equal(copy, &first);
    assert_int_equal(copy->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
    assert_true(copy->features.geometryShader);
    next = copy->pNext;
    assert_non_null(next);
    assert_int_equal(next->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    assert_true(next->timelineSemaphore);
    assert_null(next->pNext);
    assert_ptr_equal(first.pNext, &loaders);
    assert_ptr_equal(features.pNext, &untold);
    umd_device_plan_finish(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_queues, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_extensions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_windows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_features, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_chain, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("device plan", tests, NULL, NULL);
}

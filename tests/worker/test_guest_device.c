/* SPDX-License-Identifier: MIT */
/*
 * The driver's instance, physical device and device against a worker's streams and executor in the
 * same process, on the host's own driver: what the guest is told is what the host says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpupv/ntstatus.h"
#include "tests/worker/pair.h"
#include "umd/umd.h"
#include "umd/umd_facts.h"
#include "umd_commands.h"
#include "vkwire_exec.h"
#include "wire/facts.h"

struct pair_notes pair_notes;

NTSTATUS APIENTRY gpupv_umd_open_adapter(const struct gpupv_umd_adapter *adapter,
                                         struct gpupv_umd_info *info, void **adapter_context);
void APIENTRY gpupv_umd_close_adapter(void *adapter_context);

static struct pair pair;
static void *context;
static VkInstance guest;
static VkPhysicalDevice guest_device, host_device;
/* Never destroyed: what the host's driver keeps while it is loaded is then no leak. */
static VkInstance host_instance;

/* --- The host --- */

static NTSTATUS no_memory_info(D3DKMT_QUERYVIDEOMEMORYINFO *args)
{
    (void)args;
    return STATUS_NOT_SUPPORTED;
}

/* The driver that this host's Vulkan loader finds first. */
static bool name_first_device(char *name, size_t size)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_3};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pApplicationInfo = &application};
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
    VkPhysicalDevice device;
    uint32_t count = 1;
    size_t used = 0;

    setenv("GPUPV_ICD_DISABLE", "1", 1);
    if (vkCreateInstance(&info, NULL, &host_instance) != VK_SUCCESS ||
        vkEnumeratePhysicalDevices(host_instance, &count, &device) < 0 || !count)
        return false;
    vkGetPhysicalDeviceProperties2(device, &properties);
    for (size_t i = 0; i < VK_UUID_SIZE; i++)
        used += (size_t)snprintf(name + used, size - used, "%02x", id.deviceUUID[i]);
    snprintf(name + used, size - used, "@");
    return properties.properties.apiVersion >= VK_API_VERSION_1_1;
}

static int set_up(void **state)
{
    struct gpupv_umd_info info = {.size = sizeof(info)};
    struct error err;
    char name[64];

    (void)state;
    if (!name_first_device(name, sizeof(name)))
        return -1;
    pair_init(&pair);
    pair.callbacks.QueryVideoMemoryInfo = no_memory_info;
    pair.adapter.luid = (LUID){.LowPart = 0x11223344, .HighPart = 0x55667788};
    pair.worker.adapters = NULL;
    pair.worker.adapter_count = 0;
    if (worker_add_adapter(&pair.worker, name, &err) < 0 ||
        worker_vulkan_start(&pair.worker, false, MEMORY_WAY_AUTO, &err) < 0)
        return -1;
    host_device = pair.worker.adapters[0].physical_devices[0];
    return gpupv_umd_open_adapter(&pair.adapter, &info, &context) == STATUS_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    gpupv_umd_close_adapter(context);
    pair_finish(&pair);
    worker_vulkan_finish(&pair.worker);
    return 0;
}

/* --- The guest --- */

static VkResult create_instance(int32_t *served)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_3};
    const struct gpupv_umd_instance_adapters adapters = {
        .sType = GPUPV_STRUCTURE_TYPE_UMD_INSTANCE_ADAPTERS,
        .adapter_count = 1,
        .adapter_contexts = &context,
        .results = served};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pNext = &adapters,
                                       .pApplicationInfo = &application};

    return umd_CreateInstance(&info, NULL, &guest);
}

static int begin(void **state)
{
    int32_t served = -1;
    uint32_t count = 1;

    (void)state;
    if (create_instance(&served) != VK_SUCCESS || served != VK_SUCCESS)
        return -1;
    return umd_EnumeratePhysicalDevices(guest, &count, &guest_device) == VK_SUCCESS && count == 1
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    umd_DestroyInstance(guest, NULL);
    return 0;
}

/* --- Facts --- */

static const struct umd_facts *facts(void)
{
    return umd_physical_device_from(guest_device)->facts;
}

static void test_properties(void **state)
{
    VkPhysicalDeviceProperties mine, host;

    (void)state;
    umd_GetPhysicalDeviceProperties(guest_device, &mine);
    vkGetPhysicalDeviceProperties(host_device, &host);
    mine.apiVersion = host.apiVersion; /* capped */
    assert_string_equal(mine.deviceName, host.deviceName);
    assert_memory_equal(&mine.limits, &host.limits, sizeof(mine.limits));
    assert_int_equal(mine.driverVersion, host.driverVersion);
}

/* Each structure of properties and features, asked for alone. */
static void test_structures(void **state)
{
    uint32_t compared = 0;

    (void)state;
    for (uint32_t i = 0; i < facts_structure_count; i++) {
        const struct facts_structure *kind = &facts_structures[i];
        _Alignas(16) uint8_t mine[4096] = {0}, host[4096] = {0};
        VkBaseOutStructure *a = (void *)mine, *b = (void *)host;
        VkPhysicalDeviceProperties2 properties = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
        VkPhysicalDeviceFeatures2 features = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};

        if (!facts()->structures[i] || kind->is_root || kind->chain > FACTS_FEATURES ||
            kind->type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES ||
            kind->type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES)
            continue;
        a->sType = b->sType = kind->type;
        properties.pNext = features.pNext = a;
        umd_GetPhysicalDeviceProperties2(guest_device, &properties);
        umd_GetPhysicalDeviceFeatures2(guest_device, &features);
        properties.pNext = features.pNext = b;
        if (kind->chain == FACTS_PROPERTIES)
            vkGetPhysicalDeviceProperties2(host_device, &properties);
        else
            vkGetPhysicalDeviceFeatures2(host_device, &features);
        if (kind->type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR ||
            kind->type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR) {
            /* Of the guest's window system, whatever the host has. */
            assert_true(
                ((const VkPhysicalDevicePresentIdFeaturesKHR *)(const void *)mine)->presentId);
            continue;
        }
        assert_memory_equal(mine, host, kind->size);
        compared++;
    }
    assert_true(compared > 40);
}

static void test_identity(void **state)
{
    static const uint8_t luid[VK_LUID_SIZE] = {0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55};
    VkPhysicalDeviceIDProperties mine = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceIDProperties host = mine;
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &mine};

    (void)state;
    umd_GetPhysicalDeviceProperties2(guest_device, &properties);
    properties.pNext = &host;
    vkGetPhysicalDeviceProperties2(host_device, &properties);
    assert_memory_equal(mine.deviceUUID, host.deviceUUID, VK_UUID_SIZE);
    assert_memory_equal(mine.deviceLUID, luid, VK_LUID_SIZE);
    assert_int_equal(mine.deviceNodeMask, 1);
    assert_true(mine.deviceLUIDValid);
}

static void test_formats(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < facts_format_count; i++) {
        VkFormatProperties3 mine3 = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3};
        VkFormatProperties3 host3 = mine3;
        VkFormatProperties2 mine = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
                                    .pNext = &mine3};
        VkFormatProperties2 host = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
                                    .pNext = &host3};

        umd_GetPhysicalDeviceFormatProperties2(guest_device, facts_formats[i].format, &mine);
        vkGetPhysicalDeviceFormatProperties2(host_device, facts_formats[i].format, &host);
        assert_memory_equal(&mine.formatProperties, &host.formatProperties,
                            sizeof(VkFormatProperties));
        assert_memory_equal(&mine3, &host3, sizeof(mine3));
    }
}

/* A format that the facts do not tell of; the second answer is the first one's. */
static void test_format_of_extension(void **state)
{
    const VkFormat format = VK_FORMAT_PVRTC1_2BPP_UNORM_BLOCK_IMG;
    VkFormatProperties mine, host;

    (void)state;
    vkGetPhysicalDeviceFormatProperties(host_device, format, &host);
    for (int i = 0; i < 2; i++) {
        memset(&mine, 0xff, sizeof(mine));
        umd_GetPhysicalDeviceFormatProperties(guest_device, format, &mine);
        assert_memory_equal(&mine, &host, sizeof(mine));
    }
}

static void test_image_formats(void **state)
{
    static const VkFormat formats[] = {VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D32_SFLOAT,
                                       VK_FORMAT_R64_SFLOAT, VK_FORMAT_BC1_RGB_UNORM_BLOCK};

    (void)state;
    for (uint32_t i = 0; i < 4 * 4; i++) { /* each four times: from the host, then from the cache */
        VkFormat view = formats[i % 4];
        VkImageFormatListCreateInfo views = {.sType =
                                                 VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
                                             .viewFormatCount = i / 8,
                                             .pViewFormats = &view};
        VkPhysicalDeviceImageFormatInfo2 info = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
            .pNext = i / 8 ? &views : NULL,
            .format = formats[i % 4],
            .type = VK_IMAGE_TYPE_2D,
            .usage = VK_IMAGE_USAGE_SAMPLED_BIT};
        VkSamplerYcbcrConversionImageFormatProperties mine_ycbcr = {
            .sType = VK_STRUCTURE_TYPE_SAMPLER_YCBCR_CONVERSION_IMAGE_FORMAT_PROPERTIES};
        VkSamplerYcbcrConversionImageFormatProperties host_ycbcr = mine_ycbcr;
        VkImageFormatProperties2 mine = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
                                         .pNext = &mine_ycbcr};
        VkImageFormatProperties2 host = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
                                         .pNext = &host_ycbcr};
        VkResult expected = vkGetPhysicalDeviceImageFormatProperties2(host_device, &info, &host);

        assert_int_equal(umd_GetPhysicalDeviceImageFormatProperties2(guest_device, &info, &mine),
                         expected);
        if (expected != VK_SUCCESS)
            continue;
        assert_memory_equal(&mine.imageFormatProperties, &host.imageFormatProperties,
                            sizeof(mine.imageFormatProperties));
        assert_memory_equal(&mine_ycbcr, &host_ycbcr, sizeof(mine_ycbcr));
    }
}

static void test_sparse_formats(void **state)
{
    uint32_t expected = 0, count = 0;

    (void)state;
    vkGetPhysicalDeviceSparseImageFormatProperties(
        host_device, VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D, VK_SAMPLE_COUNT_1_BIT,
        VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_TILING_OPTIMAL, &expected, NULL);
    umd_GetPhysicalDeviceSparseImageFormatProperties(
        guest_device, VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D, VK_SAMPLE_COUNT_1_BIT,
        VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_TILING_OPTIMAL, &count, NULL);
    assert_int_equal(count, expected);
}

/* Memory that the guest cannot have is not promised to it. */
static void test_memory(void **state)
{
    VkPhysicalDeviceMemoryProperties mine, host = {0};
    bool visible = false;

    (void)state;
    umd_GetPhysicalDeviceMemoryProperties(guest_device, &mine);
    vkGetPhysicalDeviceMemoryProperties(host_device, &host);
    assert_int_equal(mine.memoryTypeCount, host.memoryTypeCount);
    for (uint32_t i = 0; i < mine.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = mine.memoryTypes[i].propertyFlags;

        assert_int_equal(flags & ~host.memoryTypes[i].propertyFlags, 0);
        if (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)
            assert_true(flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
        visible |= (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    }
    assert_true(visible);
    assert_memory_equal(mine.memoryHeaps, host.memoryHeaps, sizeof(mine.memoryHeaps));
}

/* The second instance asks the host for nothing. */
static void test_second_instance(void **state)
{
    VkInstance first = guest;
    uint32_t streams = pair.stream_count;
    int32_t served = -1;

    (void)state;
    assert_int_equal(create_instance(&served), VK_SUCCESS);
    assert_int_equal(served, VK_SUCCESS);
    umd_DestroyInstance(guest, NULL);
    assert_int_equal(pair.stream_count, streams);
    guest = first;
}

/* --- Devices --- */

static VkResult create_device(const void *chain, const char *const *extensions, uint32_t count,
                              VkDevice *device)
{
    const float priority = 0.5f;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = chain,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue,
                                     .enabledExtensionCount = count,
                                     .ppEnabledExtensionNames = extensions};

    return umd_CreateDevice(guest_device, &info, NULL, device);
}

static void check_and_destroy(VkDevice device)
{
    VkQueue queue = VK_NULL_HANDLE, none = (VkQueue)1;

    umd_GetDeviceQueue(device, 0, 0, &queue);
    assert_non_null(queue);
    umd_GetDeviceQueue(device, 0, 1, &none);
    assert_null(none);
    umd_DestroyDevice(device, NULL);
}

static void test_device(void **state)
{
    VkDevice device;

    (void)state;
    assert_int_equal(create_device(NULL, NULL, 0, &device), VK_SUCCESS);
    check_and_destroy(device);
}

/* Everything that the device has, at once. */
static void test_device_with_everything(void **state)
{
    VkExtensionProperties properties[512];
    const char *names[512];
    uint32_t count = 512;
    VkPhysicalDeviceVulkan13Features newer = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
    VkPhysicalDeviceVulkan12Features middle = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &newer};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &middle};
    VkDevice device;

    (void)state;
    assert_int_equal(umd_EnumerateDeviceExtensionProperties(guest_device, NULL, &count, properties),
                     VK_SUCCESS);
    for (uint32_t i = 0; i < count; i++)
        names[i] = properties[i].extensionName;
    umd_GetPhysicalDeviceFeatures2(guest_device, &features);
    assert_int_equal(create_device(&features, names, count, &device), VK_SUCCESS);
    check_and_destroy(device);
}

static void test_device_refused(void **state)
{
    static const char *const unknown[] = {"VK_KHR_no_such_thing"};
    static const char *const refused[] = {"VK_EXT_external_memory_host"};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkBool32 *each = &features.features.robustBufferAccess, *missing = NULL;
    VkDevice device;

    (void)state;
    assert_int_equal(create_device(NULL, unknown, 1, &device), VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(create_device(NULL, refused, 1, &device), VK_ERROR_EXTENSION_NOT_PRESENT);
    umd_GetPhysicalDeviceFeatures2(guest_device, &features);
    for (size_t i = 0; i < sizeof(features.features) / sizeof(VkBool32) && !missing; i++)
        missing = each[i] ? NULL : &each[i];
    if (!missing)
        skip(); /* a driver with all features */
    *missing = VK_TRUE;
    assert_int_equal(create_device(&features, NULL, 0, &device), VK_ERROR_FEATURE_NOT_PRESENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_properties),
        TEST(test_structures),
        TEST(test_identity),
        TEST(test_formats),
        TEST(test_format_of_extension),
        TEST(test_image_formats),
        TEST(test_sparse_formats),
        TEST(test_memory),
        TEST(test_second_instance),
        TEST(test_device),
        TEST(test_device_with_everything),
        TEST(test_device_refused),
    };
    return cmocka_run_group_tests_name("guest device", tests, set_up, tear_down);
}

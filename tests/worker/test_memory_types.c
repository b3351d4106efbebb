/* SPDX-License-Identifier: MIT */
/* How the guest's CPU sees the memory of drivers that can import it, and of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/worker/memory_types.h"
#include "vkwire.h"
#include "vkwire_exec.h"

#define VISIBLE VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define COHERENT VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define CACHED VK_MEMORY_PROPERTY_HOST_CACHED_BIT
#define LOCAL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT

static const VkPhysicalDeviceMemoryProperties host = {
    .memoryTypeCount = 4,
    .memoryTypes = {{.propertyFlags = LOCAL},
                    {.propertyFlags = VISIBLE | COHERENT},
                    {.propertyFlags = VISIBLE | CACHED},
                    {.propertyFlags = LOCAL | VISIBLE | COHERENT | CACHED}},
    .memoryHeapCount = 1,
    .memoryHeaps = {{.size = 1 << 30}},
};

static void assert_flags(const struct memory_types *types, VkMemoryPropertyFlags one,
                         VkMemoryPropertyFlags three)
{
    assert_int_equal(types->guest.memoryTypes[0].propertyFlags, LOCAL);
    assert_int_equal(types->guest.memoryTypes[1].propertyFlags, one);
    assert_int_equal(types->guest.memoryTypes[2].propertyFlags, 0); /* all must be coherent */
    assert_int_equal(types->guest.memoryTypes[3].propertyFlags, three);
    assert_memory_equal(&types->host, &host, sizeof(host));
}

static void imported_types_alone_are_visible(void **state)
{
    (void)state;
    static const enum memory_way ways[] = {MEMORY_WAY_AUTO, MEMORY_WAY_IMPORT};
    for (size_t i = 0; i < 2; i++) {
        struct memory_types types;
        const struct memory_abilities abilities = {
            .importable = 0x7,
            .import_alignment = 4096,
            .exportable = 0xf,
            .export_type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};
        memory_types_classify(&host, ways[i], &abilities, &types);
        assert_int_equal(types.visible, 0x2);
        assert_int_equal(types.import_alignment, 4096);
        assert_int_equal(types.export_type, 0);
        assert_false(types.mirrored);
        assert_flags(&types, VISIBLE | COHERENT, LOCAL);
    }
}

static void exported_types_alone_are_visible(void **state)
{
    (void)state;
    static const enum memory_way ways[] = {MEMORY_WAY_AUTO, MEMORY_WAY_EXPORT};
    for (size_t i = 0; i < 2; i++) {
        struct memory_types types;
        const struct memory_abilities abilities = {
            .exportable = 0xc,
            .export_type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
            .export_offset = 8192};
        memory_types_classify(&host, ways[i], &abilities, &types);
        assert_int_equal(types.visible, 0x8);
        assert_int_equal(types.import_alignment, 0);
        assert_int_equal(types.export_type, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
        assert_int_equal(types.export_offset, 8192);
        assert_false(types.mirrored);
        assert_flags(&types, 0, LOCAL | VISIBLE | COHERENT | CACHED);
    }
}

static void messages_take_all_coherent_types(void **state)
{
    (void)state;
    struct memory_types types;
    memory_types_classify(&host, MEMORY_WAY_MESSAGES, &(struct memory_abilities){0}, &types);
    assert_int_equal(types.visible, 0xa);
    assert_int_equal(types.import_alignment, 0);
    assert_true(types.mirrored);
    assert_flags(&types, VISIBLE | COHERENT, LOCAL | VISIBLE | COHERENT | CACHED);
}

/* --- A driver --- */

static const char *extension;
static int devices;

static void get_memory(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *properties)
{
    (void)device;
    *properties = host;
}

static VkResult list_extensions(VkPhysicalDevice device, const char *layer, uint32_t *count,
                                VkExtensionProperties *properties)
{
    (void)device, (void)layer;
    *count = extension != NULL;
    if (extension)
        strcpy(properties->extensionName, extension);
    return VK_SUCCESS;
}

static void get_properties(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *properties)
{
    (void)device;
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT *import = properties->pNext;
    import->minImportedHostPointerAlignment = 4096;
}

static VkResult no_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                          const VkAllocationCallbacks *allocator, VkDevice *device)
{
    (void)physical, (void)info, (void)allocator, (void)device;
    devices++;
    return VK_ERROR_INITIALIZATION_FAILED;
}

static const struct vkwire_instance_dispatch driver = {
    .GetPhysicalDeviceMemoryProperties = get_memory,
    .EnumerateDeviceExtensionProperties = list_extensions,
    .GetPhysicalDeviceProperties2 = get_properties,
    .CreateDevice = no_device,
};

static void ask(const char *name, enum memory_way way, struct memory_types *types)
{
    extension = name;
    devices = 0;
    memory_types_probe(&driver, VK_NULL_HANDLE, way, types);
}

static void a_driver_that_imports_nothing_is_served_by_messages(void **state)
{
    (void)state;
    struct memory_types types;
    ask(NULL, MEMORY_WAY_AUTO, &types);
    assert_int_equal(devices, 0);
    assert_true(types.mirrored);
    assert_int_equal(types.visible, 0xa);
    /* Also one that says it could. */
    ask("VK_EXT_external_memory_host", MEMORY_WAY_AUTO, &types);
    assert_int_equal(devices, 1);
    assert_true(types.mirrored);
    assert_int_equal(types.import_alignment, 0);
    /* It is not asked what is not wanted. */
    ask("VK_EXT_external_memory_host", MEMORY_WAY_MESSAGES, &types);
    assert_int_equal(devices, 0);
    assert_true(types.mirrored);
    ask(NULL, MEMORY_WAY_IMPORT, &types);
    assert_false(types.mirrored);
    assert_int_equal(types.visible, 0);
    assert_flags(&types, 0, LOCAL);
}

static void words_of_ways(void **state)
{
    (void)state;
    enum memory_way way = MEMORY_WAY_IMPORT;
    assert_int_equal(memory_way_parse("auto", &way), 0);
    assert_int_equal(way, MEMORY_WAY_AUTO);
    assert_int_equal(memory_way_parse("import", &way), 0);
    assert_int_equal(way, MEMORY_WAY_IMPORT);
    assert_int_equal(memory_way_parse("export", &way), 0);
    assert_int_equal(way, MEMORY_WAY_EXPORT);
    assert_int_equal(memory_way_parse("messages", &way), 0);
    assert_int_equal(way, MEMORY_WAY_MESSAGES);
    assert_true(memory_way_parse("Auto", &way) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imported_types_alone_are_visible),
        cmocka_unit_test(exported_types_alone_are_visible),
        cmocka_unit_test(messages_take_all_coherent_types),
        cmocka_unit_test(a_driver_that_imports_nothing_is_served_by_messages),
        cmocka_unit_test(words_of_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

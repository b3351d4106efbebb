/* SPDX-License-Identifier: MIT */
/* Instance and device, with every feature of vt_features and every extension of a list that the
 * driver has. */
#include <stdio.h>
#include <stdlib.h>

#include "vt.h"

static const char *const wanted_extensions[] = {
    "VK_EXT_calibrated_timestamps",
    "VK_EXT_color_write_enable",
    "VK_EXT_conditional_rendering",
    "VK_EXT_custom_border_color",
    "VK_EXT_extended_dynamic_state2",
    "VK_EXT_extended_dynamic_state3",
    "VK_EXT_graphics_pipeline_library",
    "VK_EXT_index_type_uint8",
    "VK_EXT_line_rasterization",
    "VK_EXT_multi_draw",
    "VK_EXT_primitives_generated_query",
    "VK_EXT_provoking_vertex",
    "VK_EXT_transform_feedback",
    "VK_EXT_vertex_attribute_divisor",
    "VK_EXT_vertex_input_dynamic_state",
    "VK_KHR_pipeline_library",
    "VK_KHR_push_descriptor",
};

/* Enabled where the instance has the last of window_extensions, and so all. */
static const char *const swapchain_extensions[] = {
    "VK_KHR_incremental_present",      "VK_KHR_present_id", "VK_KHR_present_wait",
    "VK_KHR_swapchain_mutable_format", "VK_KHR_swapchain",
};
static const char *const window_extensions[] = {
    VK_KHR_SURFACE_EXTENSION_NAME,
    VK_KHR_GET_SURFACE_CAPABILITIES_2_EXTENSION_NAME,
    VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME,
};

static VkExtensionProperties *list_extensions(struct vt *vt, uint32_t *count)
{
    VT_CHECK(vt, vkEnumerateDeviceExtensionProperties(vt->physical, NULL, count, NULL));
    VkExtensionProperties *list = calloc(*count + 1, sizeof(*list));
    VT_CHECK(vt, vkEnumerateDeviceExtensionProperties(vt->physical, NULL, count, list));
    return list;
}

static bool is_listed(const VkExtensionProperties *list, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(list[i].extensionName, name))
            return true;
    return false;
}

bool vt_has_extension(struct vt *vt, const char *name)
{
    uint32_t count;
    VkExtensionProperties *list = list_extensions(vt, &count);
    bool has = is_listed(list, count, name);
    free(list);
    return has;
}

static void chain(void **end, void *structure, VkStructureType type)
{
    VkBaseOutStructure *base = structure;
    base->sType = type;
    ((VkBaseOutStructure *)*end)->pNext = base;
    *end = base;
}

static void query_features(struct vt *vt)
{
    struct vt_features *features = &vt->features;
    uint32_t count;
    VkExtensionProperties *list = list_extensions(vt, &count);
    void *end = &features->core;

    *features = (struct vt_features){
        .core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
    };
    chain(&end, &features->v11, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
    chain(&end, &features->v12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    chain(&end, &features->v13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
#define CHAIN(extension, field, type)                                                              \
    if (is_listed(list, count, extension))                                                         \
    chain(&end, &features->field, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##type##_FEATURES_EXT)
    if (vt->windows && is_listed(list, count, "VK_KHR_present_wait")) {
        chain(&end, &features->present_id,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR);
        chain(&end, &features->present_wait,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR);
    }
    CHAIN("VK_EXT_transform_feedback", transform_feedback, TRANSFORM_FEEDBACK);
    CHAIN("VK_EXT_multi_draw", multi_draw, MULTI_DRAW);
    CHAIN("VK_EXT_graphics_pipeline_library", pipeline_library, GRAPHICS_PIPELINE_LIBRARY);
    CHAIN("VK_EXT_conditional_rendering", conditional, CONDITIONAL_RENDERING);
    CHAIN("VK_EXT_vertex_input_dynamic_state", vertex_input, VERTEX_INPUT_DYNAMIC_STATE);
    CHAIN("VK_EXT_vertex_attribute_divisor", divisor, VERTEX_ATTRIBUTE_DIVISOR);
    CHAIN("VK_EXT_extended_dynamic_state2", dynamic2, EXTENDED_DYNAMIC_STATE_2);
    CHAIN("VK_EXT_extended_dynamic_state3", dynamic3, EXTENDED_DYNAMIC_STATE_3);
    CHAIN("VK_EXT_color_write_enable", color_write, COLOR_WRITE_ENABLE);
    CHAIN("VK_EXT_custom_border_color", border_color, CUSTOM_BORDER_COLOR);
    CHAIN("VK_EXT_index_type_uint8", index8, INDEX_TYPE_UINT8);
    CHAIN("VK_EXT_primitives_generated_query", primitives_generated, PRIMITIVES_GENERATED_QUERY);
    CHAIN("VK_EXT_provoking_vertex", provoking_vertex, PROVOKING_VERTEX);
    CHAIN("VK_EXT_line_rasterization", lines, LINE_RASTERIZATION);
#undef CHAIN
    free(list);
    vkGetPhysicalDeviceFeatures2(vt->physical, &features->core);
    features->core.features.robustBufferAccess = VK_FALSE;
}

/* One queue of each family, and a second of a family that has more. The one with graphics comes
 * first. */
static void get_queues(struct vt *vt, const VkQueueFamilyProperties *families, uint32_t count)
{
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t family = 0; family < count && vt->queue_count < VT_MAX_QUEUES; family++) {
            if (pass >= families[family].queueCount)
                continue;
            struct vt_queue *queue = &vt->queues[vt->queue_count++];
            *queue = (struct vt_queue){.family = family,
                                       .flags = families[family].queueFlags,
                                       .timestamp_bits = families[family].timestampValidBits};
            vkGetDeviceQueue(vt->device, family, pass, &queue->handle);
        }
    }
    for (uint32_t i = 0; i < vt->queue_count; i++) {
        if (!(vt->queues[i].flags & VK_QUEUE_GRAPHICS_BIT))
            continue;
        struct vt_queue first = vt->queues[i];
        vt->queues[i] = vt->queues[0];
        vt->queues[0] = first;
        break;
    }
    vt->queue = vt->queues[0].handle;
}

static void create_device(struct vt *vt)
{
    static const float priorities[2] = {1.0f, 1.0f};
    VkQueueFamilyProperties families[VT_MAX_QUEUES];
    VkDeviceQueueCreateInfo queues[VT_MAX_QUEUES];
    const char *names[VT_COUNT(wanted_extensions) + VT_COUNT(swapchain_extensions)];
    uint32_t family_count = VT_MAX_QUEUES, name_count = 0, extension_count;

    vkGetPhysicalDeviceQueueFamilyProperties(vt->physical, &family_count, families);
    for (uint32_t i = 0; i < family_count; i++)
        queues[i] = (VkDeviceQueueCreateInfo){
            .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
            .queueFamilyIndex = i,
            .queueCount = families[i].queueCount > 1 ? 2 : 1,
            .pQueuePriorities = priorities,
        };
    VkExtensionProperties *list = list_extensions(vt, &extension_count);
    for (uint32_t i = 0; i < VT_COUNT(wanted_extensions); i++)
        if (is_listed(list, extension_count, wanted_extensions[i]))
            names[name_count++] = wanted_extensions[i];
    for (uint32_t i = 0; vt->windows && i < VT_COUNT(swapchain_extensions); i++)
        if (is_listed(list, extension_count, swapchain_extensions[i]))
            names[name_count++] = swapchain_extensions[i];
    free(list);
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &vt->features.core,
        .queueCreateInfoCount = family_count,
        .pQueueCreateInfos = queues,
        .enabledExtensionCount = name_count,
        .ppEnabledExtensionNames = names,
    };
    VT_CHECK(vt, vkCreateDevice(vt->physical, &info, NULL, &vt->device));
    get_queues(vt, families, family_count);
}

static bool instance_has(struct vt *vt, const char *name)
{
    uint32_t count;
    VT_CHECK(vt, vkEnumerateInstanceExtensionProperties(NULL, &count, NULL));
    VkExtensionProperties *list = calloc(count + 1, sizeof(*list));
    VT_CHECK(vt, vkEnumerateInstanceExtensionProperties(NULL, &count, list));
    bool has = is_listed(list, count, name);
    free(list);
    return has;
}

void vt_open(struct vt *vt)
{
    const char *extensions[1 + VT_COUNT(window_extensions)] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "gpupv tests",
        .apiVersion = VK_API_VERSION_1_3,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &application,
        .enabledExtensionCount = 1,
        .ppEnabledExtensionNames = extensions,
    };
    vt->windows = instance_has(vt, window_extensions[VT_COUNT(window_extensions) - 1]);
    for (uint32_t i = 0; vt->windows && i < VT_COUNT(window_extensions); i++)
        extensions[info.enabledExtensionCount++] = window_extensions[i];
    VT_CHECK(vt, vkCreateInstance(&info, NULL, &vt->instance));
    uint32_t count = 1;
    VkResult result = vkEnumeratePhysicalDevices(vt->instance, &count, &vt->physical);
    if ((result != VK_SUCCESS && result != VK_INCOMPLETE) || count == 0)
        vt_fail(vt, "no physical device");
    vkGetPhysicalDeviceProperties(vt->physical, &vt->properties);
    vkGetPhysicalDeviceMemoryProperties(vt->physical, &vt->memory);
    query_features(vt);
    create_device(vt);
}

void vt_close(struct vt *vt)
{
    vkDestroyDevice(vt->device, NULL);
    vkDestroyInstance(vt->instance, NULL);
    *vt = (struct vt){.run = vt->run};
}

void vt_open_device(struct vt *vt, struct vt *other)
{
    *other = *vt;
    other->device = VK_NULL_HANDLE;
    other->queue_count = 0;
    query_features(other); /* its chain points into itself */
    create_device(other);
    vt_own(other, VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)other->device);
    other->pool = vt_pool(other, other->queues[0].family, 0);
}

PFN_vkVoidFunction vt_load(struct vt *vt, const char *name)
{
    PFN_vkVoidFunction function = vkGetDeviceProcAddr(vt->device, name);
    if (!function)
        vt_fail(vt, "no %s", name);
    return function;
}

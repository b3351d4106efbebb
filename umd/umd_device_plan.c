/* SPDX-License-Identifier: MIT */
#include "umd/umd_device_plan.h"

#include <stdlib.h>
#include <string.h>

#include "umd/umd_facts.h"
#include "umd/umd_instance.h"
#include "vkwire_extensions.h"

static bool device_offers(uint32_t index, const void *data)
{
    return umd_facts_has_extension(data, index);
}

static VkResult check_queues(struct umd_device_plan *plan, const struct umd_facts *facts)
{
    for (uint32_t i = 0; i < plan->info.queueCreateInfoCount; i++) {
        const VkDeviceQueueCreateInfo *queues = &plan->info.pQueueCreateInfos[i];
        VkQueueFamilyProperties2 family = {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2};

        if (!umd_facts_fill(facts, queues->queueFamilyIndex, (VkBaseOutStructure *)&family) ||
            !queues->queueCount || queues->queueCount > family.queueFamilyProperties.queueCount)
            return VK_ERROR_INITIALIZATION_FAILED;
        plan->queue_count += queues->queueCount;
        if (plan->queue_count > STREAM_MAX_QUEUES)
            return VK_ERROR_TOO_MANY_OBJECTS;
    }
    return VK_SUCCESS;
}

/* Whether it belongs to the guest's window system alone. */
static bool is_of_window(const struct facts_structure *kind)
{
    bool of_window = false;

    if (kind->core)
        return false;
    for (const char *const *name = kind->extensions; name && *name; name++) {
        int index = vkwire_extension_find(*name);

        if (index < 0 || !vkwire_extensions[index].window)
            return false;
        of_window = true;
    }
    return of_window;
}

/* The size of a structure that the host gets, 0 for the others: those that stay in the guest, that
 * the device does not know, that come a second time, and the Vulkan loader's. */
static size_t passed_size(const struct umd_facts *facts, const VkBaseInStructure *s)
{
    const struct facts_structure *kind = facts_structure_find(s->sType);

    switch ((int)s->sType) {
    case VK_STRUCTURE_TYPE_DEVICE_MEMORY_OVERALLOCATION_CREATE_INFO_AMD:
        return sizeof(VkDeviceMemoryOverallocationCreateInfoAMD);
    case VK_STRUCTURE_TYPE_DEVICE_DIAGNOSTICS_CONFIG_CREATE_INFO_NV:
        return sizeof(VkDeviceDiagnosticsConfigCreateInfoNV);
    default:
        if (!kind || kind->chain != FACTS_FEATURES || !facts->structures[kind - facts_structures] ||
            is_of_window(kind))
            return 0;
        return kind->size;
    }
}

static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

static bool came_before(const VkBaseInStructure *first, const VkBaseInStructure *s)
{
    for (; first != s; first = first->pNext)
        if (first->sType == s->sType)
            return true;
    return false;
}

static VkResult copy_chain(struct umd_device_plan *plan, const struct umd_facts *facts)
{
    const VkBaseInStructure *first = plan->info.pNext;
    VkBaseOutStructure *last = NULL;
    uint8_t *at;
    size_t size = 0;

    for (const VkBaseInStructure *s = first; s; s = s->pNext)
        size += rounded(passed_size(facts, s));
    at = malloc(size ? size : 1);
    if (!at)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    plan->chain = at;
    plan->info.pNext = NULL;
    for (const VkBaseInStructure *s = first; s; s = s->pNext) {
        VkBaseOutStructure *copy = (void *)at;

        size = passed_size(facts, s);
        if (!size || came_before(first, s))
            continue;
        memcpy(copy, s, size);
        copy->pNext = NULL;
        if (last)
            last->pNext = copy;
        else
            plan->info.pNext = copy;
        last = copy;
        at += rounded(size);
    }
    return VK_SUCCESS;
}

/* The host's device does not get those of the guest's window system. */
static VkResult copy_extensions(struct umd_device_plan *plan)
{
    uint32_t count = 0;

    if (!plan->info.enabledExtensionCount)
        return VK_SUCCESS;
    plan->extensions = malloc(plan->info.enabledExtensionCount * sizeof(*plan->extensions));
    if (!plan->extensions)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < plan->info.enabledExtensionCount; i++) {
        const char *name = plan->info.ppEnabledExtensionNames[i];

        if (!vkwire_extensions[vkwire_extension_find(name)].window)
            plan->extensions[count++] = name;
    }
    plan->info.enabledExtensionCount = count;
    plan->info.ppEnabledExtensionNames = plan->extensions;
    return VK_SUCCESS;
}

VkResult umd_device_plan_init(struct umd_device_plan *plan, const struct umd_facts *facts,
                              const VkDeviceCreateInfo *info, bool *enabled)
{
    VkResult result;

    *plan = (struct umd_device_plan){.info = *info};
    plan->info.enabledLayerCount = 0;
    plan->info.ppEnabledLayerNames = NULL;
    result = umd_enable_extensions(info->ppEnabledExtensionNames, info->enabledExtensionCount,
                                   device_offers, facts, enabled);
    if (result == VK_SUCCESS && !umd_facts_have_features(facts, info))
        result = VK_ERROR_FEATURE_NOT_PRESENT;
    if (result == VK_SUCCESS)
        result = check_queues(plan, facts);
    if (result == VK_SUCCESS)
        result = copy_extensions(plan);
    if (result == VK_SUCCESS)
        result = copy_chain(plan, facts);
    return result;
}

void umd_device_plan_finish(struct umd_device_plan *plan)
{
    free(plan->extensions);
    free(plan->chain);
}

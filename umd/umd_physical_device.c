/* SPDX-License-Identifier: MIT */
/* What a physical device answers from its facts. */
#include "umd/umd_physical_device.h"

#include <stdlib.h>
#include <string.h>

#include "gpupv/ntstatus.h"
#include "umd/umd_adapter.h"
#include "umd/umd_facts.h"
#include "umd_commands.h"

/* The stream is lost: another one, of another worker, takes its place. Other threads may still be
 * asking by the old one, which goes with the instance. */
static void retire_stream(struct umd_physical_device *physical)
{
    struct umd_retired_stream *retired = malloc(sizeof(*retired));
    if (!retired)
        return;
    *retired = (struct umd_retired_stream){physical->retired, physical->stream};
    physical->retired = retired;
    physical->stream = NULL;
}

struct umd_stream *umd_physical_device_stream(struct umd_physical_device *physical)
{
    struct umd_stream *stream;

    pthread_mutex_lock(&physical->stream_lock);
    if (physical->stream && umd_stream_status(physical->stream) != VK_SUCCESS)
        retire_stream(physical);
    if (!physical->stream &&
        umd_stream_create(&physical->adapter->shim, &physical->stream) != VK_SUCCESS)
        physical->stream = NULL;
    stream = physical->stream;
    pthread_mutex_unlock(&physical->stream_lock);
    return stream;
}

static struct umd_stream *open_stream(void *data)
{
    return umd_physical_device_stream(data);
}

VkResult umd_physical_device_init(struct umd_physical_device *physical,
                                  struct umd_instance *instance, struct umd_adapter *adapter,
                                  uint32_t index)
{
    VkResult result;

    memset(physical, 0, sizeof(*physical));
    set_loader_magic_value(physical);
    physical->instance = instance;
    physical->adapter = adapter;
    physical->index = index;
    pthread_mutex_init(&physical->stream_lock, NULL);
    result = umd_adapter_facts(adapter, open_stream, physical, &physical->facts);
    if (result != VK_SUCCESS)
        umd_physical_device_finish(physical);
    return result;
}

void umd_physical_device_finish(struct umd_physical_device *physical)
{
    umd_stream_destroy(physical->stream);
    while (physical->retired) {
        struct umd_retired_stream *retired = physical->retired;
        physical->retired = retired->next;
        umd_stream_destroy(retired->stream);
        free(retired);
    }
    pthread_mutex_destroy(&physical->stream_lock);
}

static const struct umd_facts *facts_of(VkPhysicalDevice device)
{
    return umd_physical_device_from(device)->facts;
}

/* --- Properties --- */

/* The host's device has another identity in the guest. */
static void write_identity(const struct umd_adapter *adapter, uint8_t luid[VK_LUID_SIZE],
                           uint32_t *node_mask, VkBool32 *valid)
{
    memcpy(luid, &adapter->shim.luid.LowPart, 4);
    memcpy(luid + 4, &adapter->shim.luid.HighPart, 4);
    *node_mask = adapter->shim.node_mask;
    *valid = VK_TRUE;
}

static void patch_identity(const struct umd_adapter *adapter, VkBaseOutStructure *chain)
{
    for (VkBaseOutStructure *s = chain; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES) {
            VkPhysicalDeviceIDProperties *id = (void *)s;

            write_identity(adapter, id->deviceLUID, &id->deviceNodeMask, &id->deviceLUIDValid);
        } else if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES) {
            VkPhysicalDeviceVulkan11Properties *core = (void *)s;

            write_identity(adapter, core->deviceLUID, &core->deviceNodeMask,
                           &core->deviceLUIDValid);
        }
    }
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceProperties(VkPhysicalDevice physicalDevice,
                                                           VkPhysicalDeviceProperties *pProperties)
{
    *pProperties = facts_of(physicalDevice)->properties;
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceProperties2(
    VkPhysicalDevice physicalDevice, VkPhysicalDeviceProperties2 *pProperties)
{
    const struct umd_physical_device *physical = umd_physical_device_from(physicalDevice);

    umd_facts_fill_chain(physical->facts, FACTS_PROPERTIES, 0, pProperties);
    patch_identity(physical->adapter, pProperties->pNext);
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceFeatures(VkPhysicalDevice physicalDevice,
                                                         VkPhysicalDeviceFeatures *pFeatures)
{
    *pFeatures = facts_of(physicalDevice)->features;
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceFeatures2(VkPhysicalDevice physicalDevice,
                                                          VkPhysicalDeviceFeatures2 *pFeatures)
{
    umd_facts_fill_chain(facts_of(physicalDevice), FACTS_FEATURES, 0, pFeatures);
}

/* --- Queue families --- */

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceQueueFamilyProperties2(
    VkPhysicalDevice physicalDevice, uint32_t *pQueueFamilyPropertyCount,
    VkQueueFamilyProperties2 *pQueueFamilyProperties)
{
    const struct umd_facts *facts = facts_of(physicalDevice);

    if (!pQueueFamilyProperties || *pQueueFamilyPropertyCount > facts->queue_family_count)
        *pQueueFamilyPropertyCount = facts->queue_family_count;
    for (uint32_t i = 0; pQueueFamilyProperties && i < *pQueueFamilyPropertyCount; i++)
        umd_facts_fill_chain(facts, FACTS_QUEUE_FAMILY, i, &pQueueFamilyProperties[i]);
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceQueueFamilyProperties(
    VkPhysicalDevice physicalDevice, uint32_t *pQueueFamilyPropertyCount,
    VkQueueFamilyProperties *pQueueFamilyProperties)
{
    const struct umd_facts *facts = facts_of(physicalDevice);

    if (!pQueueFamilyProperties || *pQueueFamilyPropertyCount > facts->queue_family_count)
        *pQueueFamilyPropertyCount = facts->queue_family_count;
    for (uint32_t i = 0; pQueueFamilyProperties && i < *pQueueFamilyPropertyCount; i++) {
        VkQueueFamilyProperties2 one = {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2};

        umd_facts_fill(facts, i, (VkBaseOutStructure *)&one);
        pQueueFamilyProperties[i] = one.queueFamilyProperties;
    }
}

/* --- Memory --- */

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceMemoryProperties(
    VkPhysicalDevice physicalDevice, VkPhysicalDeviceMemoryProperties *pMemoryProperties)
{
    *pMemoryProperties = facts_of(physicalDevice)->memory;
}

/* The budget of one kind of memory; false where the host does not tell. */
static bool query_budget(const struct umd_adapter *adapter, D3DKMT_MEMORY_SEGMENT_GROUP group,
                         VkDeviceSize *budget, VkDeviceSize *usage)
{
    D3DKMT_QUERYVIDEOMEMORYINFO args = {.hAdapter = adapter->shim.handle,
                                        .MemorySegmentGroup = group};

    if (!NT_SUCCESS(adapter->shim.callbacks->QueryVideoMemoryInfo(&args)))
        return false;
    *budget = args.Budget;
    *usage = args.CurrentUsage;
    return true;
}

/* What the VM's share leaves to this process, not what the host's driver would give to the worker.
 */
static void fill_budget(const struct umd_physical_device *physical,
                        VkPhysicalDeviceMemoryBudgetPropertiesEXT *properties)
{
    const VkPhysicalDeviceMemoryProperties *memory = &physical->facts->memory;
    VkDeviceSize budget = 0, usage = 0;
    bool known =
        query_budget(physical->adapter, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, &budget, &usage);

    for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; i++) {
        properties->heapBudget[i] = 0;
        properties->heapUsage[i] = 0;
        if (i >= memory->memoryHeapCount)
            continue;
        properties->heapBudget[i] = memory->memoryHeaps[i].size;
        if (!known)
            continue;
        if (budget < properties->heapBudget[i])
            properties->heapBudget[i] = budget;
        /* The host counts a process' memory, not in which heap it lies. */
        if (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            properties->heapUsage[i] = usage;
    }
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceMemoryProperties2(
    VkPhysicalDevice physicalDevice, VkPhysicalDeviceMemoryProperties2 *pMemoryProperties)
{
    const struct umd_physical_device *physical = umd_physical_device_from(physicalDevice);

    umd_facts_fill_chain(physical->facts, FACTS_MEMORY, 0, pMemoryProperties);
    for (VkBaseOutStructure *s = pMemoryProperties->pNext; s; s = s->pNext)
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT &&
            umd_facts_fill(physical->facts, 0, s))
            fill_budget(physical, (void *)s);
}

/* --- Tools --- */

/* Tools that look at the host's driver do not see the guest's program. */
VKAPI_ATTR VkResult VKAPI_CALL
umd_GetPhysicalDeviceToolProperties(VkPhysicalDevice physicalDevice, uint32_t *pToolCount,
                                    VkPhysicalDeviceToolProperties *pToolProperties)
{
    (void)physicalDevice;
    (void)pToolProperties;
    *pToolCount = 0;
    return VK_SUCCESS;
}

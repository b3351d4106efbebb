/* SPDX-License-Identifier: MIT */
/* VkInstance: one physical device for each adapter that the shim names. */
#include "umd/umd_instance.h"

#include "umd/umd_chain.h"
#include "umd/umd_debug.h"
#include "umd/umd_physical_device.h"
#include "umd_commands.h"
#include "vkwire_extensions.h"

static bool instance_offers(uint32_t index, const void *data)
{
    (void)data;
    return umd_instance_extension_offered(index);
}

/* An adapter whose device cannot be described is left out; when all are, the first failure counts.
 */
static VkResult add_physical_devices(struct umd_instance *instance,
                                     const struct gpupv_umd_instance_adapters *adapters)
{
    VkResult first = VK_SUCCESS;

    for (uint32_t i = 0; i < adapters->adapter_count; i++) {
        struct umd_adapter *adapter = adapters->adapter_contexts[i];
        struct umd_physical_device *physical =
            &instance->physical_devices[instance->physical_device_count];
        VkResult result =
            umd_physical_device_init(physical, instance, adapter, instance->physical_device_count);

        adapters->results[i] = result;
        if (result == VK_SUCCESS) {
            instance->physical_device_count++;
            continue;
        }
        if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
            return result;
        umd_error("the adapter with LUID %08x-%08x is not offered: the host does not tell what it "
                  "is (VkResult %d)",
                  (unsigned)adapter->shim.luid.HighPart, (unsigned)adapter->shim.luid.LowPart,
                  (int)result);
        if (first == VK_SUCCESS)
            first = result;
    }
    if (instance->physical_device_count || first == VK_SUCCESS)
        return VK_SUCCESS;
    return VK_ERROR_INITIALIZATION_FAILED;
}

static void destroy(struct umd_instance *instance, const VkAllocationCallbacks *allocator)
{
    VkAllocationCallbacks own = instance->allocator;

    if (!allocator)
        allocator = &own;
    for (uint32_t i = 0; i < instance->physical_device_count; i++)
        umd_physical_device_finish(&instance->physical_devices[i]);
    umd_free(allocator, NULL, instance->physical_devices);
    umd_debug_destroy(instance->debug, allocator);
    umd_free(allocator, NULL, instance->extensions);
    umd_free(allocator, NULL, instance);
}

static VkResult init(struct umd_instance *instance, const VkInstanceCreateInfo *info,
                     const struct gpupv_umd_instance_adapters *adapters)
{
    const VkAllocationCallbacks *allocator = &instance->allocator;
    uint32_t asked = info->pApplicationInfo ? info->pApplicationInfo->apiVersion : 0;
    VkResult result;

    instance->api_version = asked ? umd_minor_version(asked) : VK_API_VERSION_1_0;
    instance->extensions = umd_alloc(allocator, NULL, vkwire_extension_count * sizeof(bool),
                                     VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
    instance->physical_devices = umd_alloc(
        allocator, NULL, (adapters->adapter_count + 1) * sizeof(struct umd_physical_device),
        VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
    if (!instance->extensions || !instance->physical_devices)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    result = umd_enable_extensions(info->ppEnabledExtensionNames, info->enabledExtensionCount,
                                   instance_offers, NULL, instance->extensions);
    if (result == VK_SUCCESS)
        result = umd_debug_create(allocator, &instance->debug);
    if (result == VK_SUCCESS)
        result = add_physical_devices(instance, adapters);
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateInstance(const VkInstanceCreateInfo *pCreateInfo,
                                                  const VkAllocationCallbacks *pAllocator,
                                                  VkInstance *pInstance)
{
    const struct gpupv_umd_instance_adapters *adapters = umd_chain_find(
        pCreateInfo->pNext, (VkStructureType)GPUPV_STRUCTURE_TYPE_UMD_INSTANCE_ADAPTERS);
    struct umd_instance *instance;
    VkResult result;

    if (pCreateInfo->enabledLayerCount)
        return VK_ERROR_LAYER_NOT_PRESENT;
    if (!adapters) /* loaded by something else than gpupv's shim: there is no way to the host */
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    instance = umd_alloc(pAllocator, NULL, sizeof(*instance), VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
    if (!instance)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    set_loader_magic_value(instance);
    if (pAllocator)
        instance->allocator = *pAllocator;
    result = init(instance, pCreateInfo, adapters);
    if (result != VK_SUCCESS)
        destroy(instance, pAllocator);
    else
        *pInstance = (VkInstance)instance;
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyInstance(VkInstance instance,
                                               const VkAllocationCallbacks *pAllocator)
{
    if (instance)
        destroy(umd_instance_from(instance), pAllocator);
}

/* --- Physical devices --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_EnumeratePhysicalDevices(VkInstance instance,
                                                            uint32_t *pPhysicalDeviceCount,
                                                            VkPhysicalDevice *pPhysicalDevices)
{
    struct umd_instance *own = umd_instance_from(instance);
    uint32_t room = *pPhysicalDeviceCount;

    *pPhysicalDeviceCount = own->physical_device_count;
    if (!pPhysicalDevices)
        return VK_SUCCESS;
    if (room < own->physical_device_count)
        *pPhysicalDeviceCount = room;
    for (uint32_t i = 0; i < *pPhysicalDeviceCount; i++)
        pPhysicalDevices[i] = (VkPhysicalDevice)&own->physical_devices[i];
    return room < own->physical_device_count ? VK_INCOMPLETE : VK_SUCCESS;
}

/* Groups of one. */
VKAPI_ATTR VkResult VKAPI_CALL
umd_EnumeratePhysicalDeviceGroups(VkInstance instance, uint32_t *pPhysicalDeviceGroupCount,
                                  VkPhysicalDeviceGroupProperties *pPhysicalDeviceGroupProperties)
{
    struct umd_instance *own = umd_instance_from(instance);
    uint32_t room = *pPhysicalDeviceGroupCount;

    *pPhysicalDeviceGroupCount = own->physical_device_count;
    if (!pPhysicalDeviceGroupProperties)
        return VK_SUCCESS;
    if (room < own->physical_device_count)
        *pPhysicalDeviceGroupCount = room;
    for (uint32_t i = 0; i < *pPhysicalDeviceGroupCount; i++) {
        VkPhysicalDeviceGroupProperties *group = &pPhysicalDeviceGroupProperties[i];

        group->physicalDeviceCount = 1;
        for (uint32_t j = 0; j < VK_MAX_DEVICE_GROUP_SIZE; j++)
            group->physicalDevices[j] = VK_NULL_HANDLE;
        group->physicalDevices[0] = (VkPhysicalDevice)&own->physical_devices[i];
        group->subsetAllocation = VK_FALSE;
    }
    return room < own->physical_device_count ? VK_INCOMPLETE : VK_SUCCESS;
}

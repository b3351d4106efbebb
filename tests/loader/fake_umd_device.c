/* SPDX-License-Identifier: MIT */
#include "fake_umd_parts.h"

#include <stdlib.h>
#include <string.h>

static VKAPI_ATTR VkResult VKAPI_CALL CreateDevice(VkPhysicalDevice physical,
                                                   const VkDeviceCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator,
                                                   VkDevice *to)
{
    struct fake_device *device = calloc(1, sizeof(*device));

    (void)allocator;
    check(physical, PHYSICAL_DEVICE);
    if (!device)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    uint32_t group_size = 0, chain_length = 0;
    for (const VkBaseInStructure *s = info->pNext; s; s = s->pNext) {
        const VkDeviceGroupDeviceCreateInfo *group = (const void *)s;

        chain_length++;
        if (s->sType != VK_STRUCTURE_TYPE_DEVICE_GROUP_DEVICE_CREATE_INFO)
            continue;
        group_size = group->physicalDeviceCount;
        for (uint32_t i = 0; i < group->physicalDeviceCount; i++)
            check(group->pPhysicalDevices[i], PHYSICAL_DEVICE);
    }
    __atomic_store_n(&fake_umd_state.group_size, group_size, __ATOMIC_RELAXED);
    __atomic_store_n(&fake_umd_state.chain_length, chain_length, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        device->swapchain |=
            !strcmp(info->ppEnabledExtensionNames[i], VK_KHR_SWAPCHAIN_EXTENSION_NAME);
    init(&device->base, DEVICE);
    init(&device->queue, QUEUE);
    __atomic_add_fetch(&fake_umd_state.devices, 1, __ATOMIC_RELAXED);
    *to = (VkDevice)device;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL DestroyDevice(VkDevice device,
                                                const VkAllocationCallbacks *allocator)
{
    (void)allocator;
    free(check(device, DEVICE));
    __atomic_sub_fetch(&fake_umd_state.devices, 1, __ATOMIC_RELAXED);
}

static VKAPI_ATTR void VKAPI_CALL GetDeviceQueue(VkDevice device, uint32_t family, uint32_t index,
                                                 VkQueue *to)
{
    struct fake_device *own = check(device, DEVICE);

    (void)family;
    (void)index;
    *to = (VkQueue)&own->queue;
}

static VKAPI_ATTR VkResult VKAPI_CALL DeviceWaitIdle(VkDevice device)
{
    check(device, DEVICE);
    __atomic_add_fetch(&fake_umd_state.wait_idle_calls, 1, __ATOMIC_RELAXED);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL QueueWaitIdle(VkQueue queue)
{
    check(queue, QUEUE);
    __atomic_add_fetch(&fake_umd_state.wait_idle_calls, 1, __ATOMIC_RELAXED);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL CreateSwapchainKHR(VkDevice device,
                                                         const VkSwapchainCreateInfoKHR *info,
                                                         const VkAllocationCallbacks *allocator,
                                                         VkSwapchainKHR *to)
{
    (void)allocator;
    check(device, DEVICE);
    check((void *)(uintptr_t)info->surface, SURFACE);
    fake_umd_state.swapchains++;
    *to = (VkSwapchainKHR)(uintptr_t)device;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL DestroySwapchainKHR(VkDevice device, VkSwapchainKHR swapchain,
                                                      const VkAllocationCallbacks *allocator)
{
    (void)swapchain;
    (void)allocator;
    check(device, DEVICE);
    fake_umd_state.swapchains--;
}

static VKAPI_ATTR VkResult VKAPI_CALL
SetDebugUtilsObjectNameEXT(VkDevice device, const VkDebugUtilsObjectNameInfoEXT *info)
{
    static const struct {
        VkObjectType type;
        enum kind kind;
    } kinds[] = {
        {VK_OBJECT_TYPE_INSTANCE, INSTANCE},   {VK_OBJECT_TYPE_PHYSICAL_DEVICE, PHYSICAL_DEVICE},
        {VK_OBJECT_TYPE_DEVICE, DEVICE},       {VK_OBJECT_TYPE_QUEUE, QUEUE},
        {VK_OBJECT_TYPE_SURFACE_KHR, SURFACE},
    };

    check(device, DEVICE);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].type == info->objectType)
            check((void *)(uintptr_t)info->objectHandle, kinds[i].kind);
    fake_umd_state.named_objects++;
    fake_umd_state.last_object = info->objectHandle;
    return VK_SUCCESS;
}

static const struct function functions[] = {
    F(PHYSICAL_DEVICE, ALWAYS, CreateDevice),
    F(DEVICE, ALWAYS, DestroyDevice),
    F(DEVICE, ALWAYS, GetDeviceQueue),
    F(DEVICE, ALWAYS, DeviceWaitIdle),
    F(DEVICE, ALWAYS, QueueWaitIdle),
    F(DEVICE, WITH_SWAPCHAIN, CreateSwapchainKHR),
    F(DEVICE, WITH_SWAPCHAIN, DestroySwapchainKHR),
    F(DEVICE, WITH_DEBUG, SetDebugUtilsObjectNameEXT),
};
const struct functions fake_device_functions = FUNCTIONS(functions);

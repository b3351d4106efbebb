/* SPDX-License-Identifier: MIT */
/* What the library exports to whoever loads a Vulkan driver. */
#include <string.h>

#include "umd/umd_proc_addr.h"
#include "umd_commands.h"

#define API __attribute__((visibility("default")))
#define OLDEST_INTERFACE 5u /* before it the driver checks versions that it cannot know */
#define NEWEST_INTERFACE 7u

API VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *pVersion);
API VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
                                                                       const char *pName);
API VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance,
                                                                             const char *pName);

API VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *pVersion)
{
    if (*pVersion < OLDEST_INTERFACE)
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    if (*pVersion > NEWEST_INTERFACE)
        *pVersion = NEWEST_INTERFACE;
    return VK_SUCCESS;
}

/* From interface 7 on these may be asked for by their names, too. */
static PFN_vkVoidFunction interface_function(const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } functions[] = {
        {"vk_icdNegotiateLoaderICDInterfaceVersion",
         (PFN_vkVoidFunction)vk_icdNegotiateLoaderICDInterfaceVersion},
        {"vk_icdGetInstanceProcAddr", (PFN_vkVoidFunction)vk_icdGetInstanceProcAddr},
        {"vk_icdGetPhysicalDeviceProcAddr", (PFN_vkVoidFunction)vk_icdGetPhysicalDeviceProcAddr},
    };

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (!strcmp(functions[i].name, name))
            return functions[i].function;
    return NULL;
}

API VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
                                                                       const char *pName)
{
    if (!pName)
        return NULL;
    if (!strncmp(pName, "vk_icd", 6))
        return interface_function(pName);
    return umd_GetInstanceProcAddr(instance, pName);
}

API VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance,
                                                                             const char *pName)
{
    return instance && pName ? umd_physical_device_proc(umd_instance_from(instance), pName) : NULL;
}

/* SPDX-License-Identifier: MIT */
/* The only functions that the library exports: the Vulkan loader's interface with a driver. */
#include "icd/icd.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *pVersion)
{
    return icd_NegotiateLoaderICDInterfaceVersion(pVersion);
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
                                                                          const char *pName)
{
    return icd_GetInstanceProcAddr(instance, pName);
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance,
                                                                                const char *pName)
{
    return icd_GetPhysicalDeviceProcAddr(instance, pName);
}

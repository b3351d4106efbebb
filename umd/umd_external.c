/* SPDX-License-Identifier: MIT */
/* Sharing with other drivers and processes: no handle of the host's means anything in the guest, so
 * nothing can be exported or imported. */
#include "umd/umd.h"
#include "umd_commands.h"

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceExternalBufferProperties(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceExternalBufferInfo *pExternalBufferInfo,
    VkExternalBufferProperties *pExternalBufferProperties)
{
    (void)physicalDevice;
    pExternalBufferProperties->externalMemoryProperties =
        (VkExternalMemoryProperties){.compatibleHandleTypes = pExternalBufferInfo->handleType};
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceExternalFenceProperties(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceExternalFenceInfo *pExternalFenceInfo,
    VkExternalFenceProperties *pExternalFenceProperties)
{
    (void)physicalDevice;
    (void)pExternalFenceInfo;
    pExternalFenceProperties->exportFromImportedHandleTypes = 0;
    pExternalFenceProperties->compatibleHandleTypes = 0;
    pExternalFenceProperties->externalFenceFeatures = 0;
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceExternalSemaphoreProperties(
    VkPhysicalDevice physicalDevice,
    const VkPhysicalDeviceExternalSemaphoreInfo *pExternalSemaphoreInfo,
    VkExternalSemaphoreProperties *pExternalSemaphoreProperties)
{
    (void)physicalDevice;
    (void)pExternalSemaphoreInfo;
    pExternalSemaphoreProperties->exportFromImportedHandleTypes = 0;
    pExternalSemaphoreProperties->compatibleHandleTypes = 0;
    pExternalSemaphoreProperties->externalSemaphoreFeatures = 0;
}

/* SPDX-License-Identifier: MIT */
#include "host/offer.h"

/* VK_MAKE_API_VERSION(0, 1, 1, 0) */
#define VULKAN_1_1 (1u << 22 | 1u << 12)

const char *offer_refusal(const struct host_device *device, const struct settings *settings)
{
    uint32_t flags = settings->gpu_virtualization_flags;
    if (device->type == HOST_DEVICE_CPU)
        return flags & GPU_VIRTUALIZATION_OFFER_SOFTWARE
                   ? NULL
                   : "it is a software renderer; set bit 0x2 of GpuVirtualizationFlags in the "
                     "registry, or name it in an [adapter:NAME] section";
    if (device->api_version >= VULKAN_1_1 || flags & GPU_VIRTUALIZATION_FORCE_HARDWARE)
        return NULL;
    return "its driver speaks Vulkan 1.0 alone; set bit 0x1 of GpuVirtualizationFlags in the "
           "registry, or name it in an [adapter:NAME] section";
}

static const char *device_refusal(const struct host_device *device, const struct settings *settings,
                                  bool secure_vm)
{
    const struct host_isolation *isolation = &device->isolation;
    if (device->type == HOST_DEVICE_CPU)
        return NULL;
    if (secure_vm && !isolation->unique_rid && !(settings->iommu_flags & IOMMU_NOT_REQUIRED))
        return "a secure VM needs a GPU in an IOMMU group, and this one is in none; switch the "
               "IOMMU on, or set IoMmuFlags to 8 in the registry";
    if (settings->require_supported_assignment && !isolation->unique_rid)
        return "RequireSupportedDeviceAssignment is set in the registry, and the GPU is in no "
               "IOMMU group";
    if (settings->require_secure_assignment && !isolation->acs_capable)
        return "RequireSecureDeviceAssignment is set in the registry, and the GPU has no IOMMU "
               "group without other devices";
    return NULL;
}

const char *assignment_refusal(const struct adapter *adapter, const struct settings *settings,
                               bool secure_vm)
{
    const char *refusal = NULL;
    for (size_t i = 0; i < adapter->physical_count && !refusal; i++)
        refusal = device_refusal(adapter->devices[i], settings, secure_vm);
    return refusal;
}

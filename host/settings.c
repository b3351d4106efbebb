/* SPDX-License-Identifier: MIT */
#include "host/settings.h"

#include <errno.h>

#include "host/adapters.h"
#include "util/log.h"

#define HYPERV_POLICIES "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\HyperV"

#define ALL_VIRTUALIZATION_FLAGS                                                                   \
    (GPU_VIRTUALIZATION_FORCE_HARDWARE | GPU_VIRTUALIZATION_OFFER_SOFTWARE |                       \
     GPU_VIRTUALIZATION_FORCE_SECURE_VM | GPU_VIRTUALIZATION_PAIR_WITH_DISPLAY)

static uint32_t read_dword(const struct reg_hive *hive, const char *path, const char *name,
                           uint32_t otherwise)
{
    const struct reg_key *key = reg_hive_find(hive, path);
    uint32_t number = otherwise;
    if (key && reg_key_dword(key, name, &number) == -EINVAL)
        log_warning("service", "the registry's %s\\%s is no REG_DWORD; taken for %u", path, name,
                    otherwise);
    return number;
}

static uint32_t read_flags(const struct reg_hive *hive, const char *name, uint32_t known)
{
    uint32_t flags = read_dword(hive, ADAPTER_GRAPHICS_DRIVERS_KEY, name, 0);
    if (flags & ~known)
        log_warning("service",
                    "the registry's " ADAPTER_GRAPHICS_DRIVERS_KEY
                    "\\%s: the bits 0x%x are ignored",
                    name, flags & ~known);
    return flags & known;
}

void settings_read(const struct reg_hive *hive, struct settings *settings)
{
    *settings = (struct settings){
        .gpu_virtualization_flags =
            read_flags(hive, "GpuVirtualizationFlags", ALL_VIRTUALIZATION_FLAGS),
        .virtual_functions = read_dword(hive, ADAPTER_GRAPHICS_DRIVERS_KEY, "NumVirtualFunctions",
                                        DEFAULT_VIRTUAL_FUNCTIONS),
        .iommu_flags = read_flags(hive, "IoMmuFlags", IOMMU_NOT_REQUIRED),
        .guest_io_space_mb =
            read_dword(hive, ADAPTER_GRAPHICS_DRIVERS_KEY "\\Paravirtualization",
                       "GuestIoSpaceSizeInMb", DEFAULT_GUEST_IO_SPACE_MB),
        .require_secure_assignment =
            read_dword(hive, HYPERV_POLICIES, "RequireSecureDeviceAssignment", 0) != 0,
        .require_supported_assignment =
            read_dword(hive, HYPERV_POLICIES, "RequireSupportedDeviceAssignment", 0) != 0,
    };
}

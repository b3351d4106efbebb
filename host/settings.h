/* SPDX-License-Identifier: MIT */
/*
 * The machine-wide settings that the registry holds, under the paths that WDDM gives them.
 * docs/configuration.md, "Settings in the registry", says what each one changes.
 */
#ifndef GPUPV_HOST_SETTINGS_H
#define GPUPV_HOST_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/registry.h"

/* Bits of GraphicsDrivers\GpuVirtualizationFlags. */
#define GPU_VIRTUALIZATION_FORCE_HARDWARE 0x1u
#define GPU_VIRTUALIZATION_OFFER_SOFTWARE 0x2u
#define GPU_VIRTUALIZATION_FORCE_SECURE_VM 0x4u
#define GPU_VIRTUALIZATION_PAIR_WITH_DISPLAY 0x8u /* the guest's; this service ignores it */

/* Of GraphicsDrivers\IoMmuFlags: secure VMs are given adapters without an IOMMU, too. */
#define IOMMU_NOT_REQUIRED 0x8u

#define DEFAULT_VIRTUAL_FUNCTIONS 32u
#define DEFAULT_GUEST_IO_SPACE_MB 1000u

struct settings {
    uint32_t gpu_virtualization_flags;
    uint32_t virtual_functions; /* VMs that an adapter may be open in at a time */
    uint32_t iommu_flags;
    uint32_t guest_io_space_mb; /* of a guest process; 0: none has an aperture */
    bool require_secure_assignment, require_supported_assignment;
};

/* A value that is missing has its default. So has one that is no REG_DWORD, with a log line; bits
 * without a meaning are logged, too. */
void settings_read(const struct reg_hive *hive, struct settings *settings);

#endif

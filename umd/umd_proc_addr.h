/* SPDX-License-Identifier: MIT */
/* Which commands a program is given, by Vulkan's rules. */
#ifndef GPUPV_UMD_PROC_ADDR_H
#define GPUPV_UMD_PROC_ADDR_H

#include "umd/umd.h"

/* Commands of no instance. */
PFN_vkVoidFunction umd_global_proc(const char *name);
/* What an instance gives: its own commands as far as its version and extensions have them, those of
 * devices as far as any device might. */
PFN_vkVoidFunction umd_instance_proc(const struct umd_instance *instance, const char *name);
/* The same, but commands that a physical device dispatches alone. */
PFN_vkVoidFunction umd_physical_device_proc(const struct umd_instance *instance, const char *name);
/* What a device gives: commands of devices, as far as its version and its enabled extensions, or
 * the instance's, have them. */
PFN_vkVoidFunction umd_device_proc(const struct umd_device *device, const char *name);

#endif

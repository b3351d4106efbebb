/* SPDX-License-Identifier: MIT */
/*
 * Finds and loads the user-mode driver (UMD) of each adapter that the host offers. The steps: the
 * host answers and lists adapters; VulkanDriverName is read from the adapter key (REG_MULTI_SZ,
 * then REG_SZ; TranslatePath); the manifest is parsed; the package is verified against its catalog,
 * and the catalog's signature against the keys that this guest trusts; dlopen (RTLD_LOCAL); the
 * driver interface is negotiated.
 *
 * Nothing of the guest's own drivers is ever tried. Each adapter keeps the step that it reached and
 * the reason when it stopped, which `gpupv doctor` and the log tell; the log once in a process.
 *
 * UMD libraries stay loaded until the process ends: drivers do not survive dlclose reliably. A
 * library and a verified package are shared by all loaders of the process. A loader is created and
 * destroyed by one thread; several threads may have one each, and read one together.
 */
#ifndef GPUPV_LOADER_LOADER_H
#define GPUPV_LOADER_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vk_icd.h>
#include <vulkan/vulkan_core.h>

#include "gpupv/d3dkmthk.h"
#include "gpupv/umd.h"
#include "hoststore/trust.h"
#include "util/error.h"

enum loader_step {
    LOADER_STEP_ENUMERATE,   /* the host answers and lists adapters */
    LOADER_STEP_DRIVER_NAME, /* the adapter key has VulkanDriverName */
    LOADER_STEP_MANIFEST,
    LOADER_STEP_PACKAGE,   /* the package is whole and unaltered */
    LOADER_STEP_SIGNATURE, /* this guest accepts who signed it, or that nobody did */
    LOADER_STEP_LIBRARY,   /* dlopen */
    LOADER_STEP_NEGOTIATE,
    LOADER_STEP_DONE,
};

const char *loader_step_name(enum loader_step step);

/* The oldest and newest driver interface that we speak with a UMD (LoaderDriverInterface.md). */
#define LOADER_MIN_INTERFACE 2u
#define LOADER_MAX_INTERFACE 7u

/* A loaded driver library. Lives until the process ends; shared by adapters of one manifest. */
struct loader_umd {
    char *manifest_path, *library_path;
    uint32_t interface_version; /* negotiated */
    uint32_t api_version;       /* the manifest's */
    PFN_vk_icdGetInstanceProcAddr get_instance_proc_addr;
    PFN_vk_icdGetPhysicalDeviceProcAddr get_physical_device_proc_addr; /* may be NULL */
    /* NULL, both: a plain Vulkan driver, which does not know that it runs in a guest. */
    PFN_gpupv_umd_open_adapter open_adapter;
    PFN_gpupv_umd_close_adapter close_adapter;
};

struct loader_adapter {
    D3DKMT_HANDLE handle; /* open while the loader lives */
    LUID luid;
    char *description; /* UTF-8 */
    D3DKMT_DEVICE_IDS device_ids;
    uint32_t physical_adapter_count;
    uint32_t node_mask;               /* a bit for each physical adapter */
    char *store_path;                 /* the guest's path of the package, or NULL */
    char *manifest_path;              /* or NULL */
    const struct loader_umd *umd;     /* NULL unless step is LOADER_STEP_DONE */
    enum loader_step step;            /* the step that failed, or LOADER_STEP_DONE */
    void *context;                    /* the driver's own, of open_adapter */
    uint32_t node_count;              /* as the driver says: 1 for a plain one */
    uint32_t cross_node_sharing_tier; /* 0 NOT_SUPPORTED … 4 */
    struct error error;               /* why */
    /* How the package's signatures stand to the keys that this guest trusts. */
    bool signature_known; /* false: the loader did not come to look */
    struct trust_result signature;
};

struct loader {
    struct loader_adapter *adapters;
    size_t adapter_count;
};

/* Asks the host and loads what can be loaded. Fails only when the host cannot be asked at all (*err
 * says why) or memory is short; an adapter without a UMD is in the list with its reason. */
int loader_create(struct loader **loader, struct error *err);
void loader_destroy(struct loader *loader);

#endif

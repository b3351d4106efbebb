/* SPDX-License-Identifier: MIT */
/*
 * The interface between gpupv's Vulkan shim and a user-mode driver (UMD) that knows it runs in a
 * guest. Beside the functions of every Vulkan driver (vk_icdNegotiateLoaderICDInterfaceVersion,
 * vk_icdGetInstanceProcAddr …) such a UMD exports gpupv_umd_open_adapter; one without it is a plain
 * Vulkan driver with one node.
 *
 * The shim calls gpupv_umd_open_adapter for each adapter that names the UMD, and puts struct
 * gpupv_umd_instance_adapters into the pNext chain of VkInstanceCreateInfo. That instance offers
 * one physical device for each of them, in their order, and no other. C and C++.
 *
 * Source: D3DDDI_ADAPTERCALLBACKS and pfnOpenAdapter of WDDM, whose place this takes.
 */
#ifndef GPUPV_UMD_H
#define GPUPV_UMD_H

#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GPUPV_UMD_INTERFACE_VERSION 1u

enum gpupv_umd_log_level {
    GPUPV_UMD_LOG_ERROR = 0,
    GPUPV_UMD_LOG_WARNING = 1,
    GPUPV_UMD_LOG_INFO = 2,
    GPUPV_UMD_LOG_DEBUG = 3,
};

/* What the shim lends to the UMD. All functions are thread-safe and valid for the process' life.
 * The table only grows: `size` says how much of it there is. The thunks are those of
 * gpupv/d3dkmthk.h. */
struct gpupv_umd_callbacks {
    uint32_t size; /* bytes of this structure */
    uint32_t reserved;
    PFND3DKMT_QUERYADAPTERINFO QueryAdapterInfo; /* the counterpart of pfnQueryAdapterInfoCb2 */
    PFND3DKMT_ESCAPE Escape;
    PFND3DKMT_CREATEDEVICE CreateDevice;
    PFND3DKMT_DESTROYDEVICE DestroyDevice;
    PFND3DKMT_CREATECONTEXTVIRTUAL CreateContextVirtual;
    PFND3DKMT_DESTROYCONTEXT DestroyContext;
    PFND3DKMT_CREATEALLOCATION2 CreateAllocation2;
    PFND3DKMT_DESTROYALLOCATION2 DestroyAllocation2;
    PFND3DKMT_LOCK2 Lock2;
    PFND3DKMT_UNLOCK2 Unlock2;
    PFND3DKMT_CREATEHWQUEUE CreateHwQueue;
    PFND3DKMT_DESTROYHWQUEUE DestroyHwQueue;
    PFND3DKMT_SUBMITCOMMANDTOHWQUEUE SubmitCommandToHwQueue;
    PFND3DKMT_QUERYVIDEOMEMORYINFO QueryVideoMemoryInfo;
    /* Sleeps until *word is not `seen`, at most `timeout` nanoseconds (UINT64_MAX: for ever), and
     * maybe for no reason. `word` lies in memory shared with the host. */
    void (*Wait)(const uint32_t *word, uint32_t seen, uint64_t timeout);
    /* Wakes all that sleep on a word, on both sides. */
    void (*Wake)(uint32_t *word);
    /* One line, without its newline, to gpupv's log. `message` is UTF-8. */
    void (*Log)(enum gpupv_umd_log_level level, const char *message);
    /* gpupv_kmt_guard of gpupv/kmt.h, with its results: 0 while GPUPV_GUARD is not "strict", 1 for
     * what may cross. */
    int (*Guard)(const void *data, size_t size, int with_handles, size_t *offset);
    /* Opens a library of the guest by its soname: a window system's. NULL when there is none. It stays
     * open until the process ends. */
    void *(*OpenLibrary)(const char *name);
    /* A symbol of it, or NULL. */
    void *(*LibrarySymbol)(void *library, const char *name);
    /* Starts a thread with all signals blocked, which runs run(data). NULL when it cannot be had. */
    void *(*CreateThread)(void (*run)(void *data), void *data);
    /* Waits until it has ended, and frees it. */
    void (*JoinThread)(void *thread);
    /* Memory of an allocation that D3DKMTLock2 has mapped, as a descriptor: *fd is the caller's, the
     * `size` bytes at `address` lie at *offset of *file_size bytes. STATUS_NOT_SUPPORTED: it is not
     * memory that others can map. */
    NTSTATUS (*ShareMemory)(const void *address, size_t size, int *fd, uint64_t *offset,
                            uint64_t *file_size);
};

/* An adapter as the shim opened it. Valid for the process' life. */
struct gpupv_umd_adapter {
    uint32_t interface_version; /* GPUPV_UMD_INTERFACE_VERSION of the shim */
    D3DKMT_HANDLE handle;       /* stays open until gpupv_umd_close_adapter */
    LUID luid;
    uint32_t physical_adapters; /* linked adapters: 1 or more */
    uint32_t node_mask;
    const struct gpupv_umd_callbacks *callbacks;
};

/* What the UMD answers. The shim fills `size` before. */
struct gpupv_umd_info {
    uint32_t size; /* bytes of this structure */
    uint32_t interface_version;
    uint64_t driver_version;          /* a.b.c.d, 16 bits each */
    uint32_t node_count;              /* nodes that it makes of the physical adapters: 1 or more */
    uint32_t cross_node_sharing_tier; /* D3DDDI_CROSSNODERESOURCE_TIER: 0 NOT_SUPPORTED … 4 */
};

/* Takes the adapter for the UMD; *adapter is copied. `adapter_context` gets a cookie, not NULL.
 * STATUS_REVISION_MISMATCH: the shim is older than the UMD needs; STATUS_NO_MEMORY. Thread-safe. */
typedef NTSTATUS(APIENTRY *PFN_gpupv_umd_open_adapter)(const struct gpupv_umd_adapter *adapter,
                                                       struct gpupv_umd_info *info,
                                                       void **adapter_context);
/* Gives it back; no instance that has it is used after. */
typedef void(APIENTRY *PFN_gpupv_umd_close_adapter)(void *adapter_context);

/* In the pNext chain of VkInstanceCreateInfo; laid out as Vulkan's structures are. The UMD writes
 * for each adapter a VkResult: one that it cannot serve now has none of the physical devices, and
 * vkCreateInstance fails only when all do. */
#define GPUPV_STRUCTURE_TYPE_UMD_INSTANCE_ADAPTERS 0x47505500u /* VkStructureType sType */
struct gpupv_umd_instance_adapters {
    uint32_t sType;
    const void *pNext;
    uint32_t adapter_count;
    void *const *adapter_contexts; /* of gpupv_umd_open_adapter */
    int32_t *results;              /* out */
};

#ifdef __cplusplus
}
#endif

#endif

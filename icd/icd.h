/* SPDX-License-Identifier: MIT */
/*
 * The shim's objects. One shim VkInstance stands before one real VkInstance for each distinct
 * driver (UMD) that the adapters name; a shim VkPhysicalDevice stands before one real one. Objects
 * that are made for a whole instance (surfaces, debug messengers) are wrapped with one real handle
 * for each driver. Everything below VkDevice is the driver's own. docs/icd.md says more.
 *
 * Vulkan's rules for external synchronisation are what protects these objects; what a program may
 * call from several threads at once has its lock beside it.
 */
#ifndef GPUPV_ICD_ICD_H
#define GPUPV_ICD_ICD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vk_icd.h>
#include <vulkan/vulkan_core.h>

#include "icd/discovery.h"
#include "icd/unknown.h"
#include "icd_commands.h"
#include "loader/loader.h"

/* Non-dispatchable handles are pointers on 64-bit machines and integers on others. Dispatchable
 * ones are pointers everywhere. */
#define ICD_ADDRESS(handle) ((uint64_t)(uintptr_t)(handle))
#if defined(VK_USE_64_BIT_PTR_DEFINES) && VK_USE_64_BIT_PTR_DEFINES == 1
#define ICD_NUMBER(handle) ((uint64_t)(uintptr_t)(handle))
#define ICD_HANDLE(type, number) ((type)(uintptr_t)(number))
#else
#define ICD_NUMBER(handle) ((uint64_t)(handle))
#define ICD_HANDLE(type, number) ((type)(number))
#endif

/* A driver in an instance. Owned by the instance. */
struct icd_umd {
    const struct loader_umd *driver;
    uint32_t index;       /* in icd_instance.umds */
    uint32_t api_version; /* that its instance was created with */
    VkInstance instance;
    struct icd_commands commands;
    struct unknown_table unknown;
    /* Of a driver that knows gpupv: the adapters of its physical devices, in the devices' order.
     * NULL for a plain driver. */
    const struct loader_adapter **adapters;
    uint32_t adapter_count;
};

/* Dispatchable: the Vulkan loader writes the first member. Lives as long as its instance. The first
 * three members are laid out as unknown.c's machine code expects. */
struct icd_physical_device {
    VK_LOADER_DATA loader_data;
    VkPhysicalDevice real;
    const struct unknown_table *unknown; /* the driver's */
    struct icd_instance *owner;
    const struct icd_umd *umd;
    const struct loader_adapter *adapter;
};

struct icd_instance {
    VK_LOADER_DATA loader_data;
    VkAllocationCallbacks allocator; /* pfnAllocation NULL: the C library's */
    struct discovery *discovery;     /* a reference: adapters live as long as the instance */
    bool paired; /* with the guest's display: physical devices may be able to present */
    struct icd_umd *umds;
    uint32_t umd_count;

    pthread_mutex_t lock; /* for the physical devices, which are listed once, on first demand */
    bool listed;
    struct icd_physical_device *devices;
    uint32_t device_count;
};

/* An object made by an instance-level command: real[i] is driver i's handle, 0 for none. */
struct icd_object {
    uint32_t count;
    uint64_t real[];
};

/* A device of a driver. Found by the driver's own handle. */
struct icd_device {
    struct icd_device *next;
    VkDevice handle;
    const struct icd_instance *owner;
    const struct icd_umd *umd;
    PFN_vkGetDeviceProcAddr get_device_proc_addr;
    PFN_vkDestroyDevice destroy;
    struct icd_device_commands commands;
};

static inline struct icd_instance *icd_instance_from(VkInstance instance)
{
    return (struct icd_instance *)instance;
}

static inline const struct icd_physical_device *icd_physical_device_from(VkPhysicalDevice device)
{
    return (const struct icd_physical_device *)device;
}

/* --- memory.c: the program's allocator, the instance's, or the C library's --- */

/* Zeroed. `allocator` may be NULL; `fallback` is the instance's own, or NULL. */
void *icd_allocate(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *fallback,
                   size_t size, VkSystemAllocationScope scope);
void icd_free(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *fallback,
              void *memory);

/* --- object.c: wrapped handles --- */

struct icd_object *icd_object_create(struct icd_instance *instance,
                                     const VkAllocationCallbacks *allocator);
void icd_object_destroy(struct icd_instance *instance, struct icd_object *object,
                        const VkAllocationCallbacks *allocator);
static inline struct icd_object *icd_object_from(uint64_t number)
{
    return (struct icd_object *)(uintptr_t)number;
}

/* Records what one driver answered to a create command. `*result` becomes VK_SUCCESS with the first
 * driver that made the object; until then it holds the first failure. */
void icd_object_created(const struct icd_umd *umd, struct icd_object *object, const char *command,
                        VkResult one, uint64_t real, VkResult *result);

/* The driver's handle of a wrapped object. True for 0 (no object) as well; false when the driver
 * has none for it. */
bool icd_object_real(const struct icd_umd *umd, uint64_t number, uint64_t *real);

static inline uint64_t icd_physical_device_real_number(uint64_t number)
{
    const struct icd_physical_device *device = (const void *)(uintptr_t)number;

    return device ? (uint64_t)(uintptr_t)device->real : 0;
}

/* --- Commands written by hand, in the file of their subject --- */

VKAPI_ATTR VkResult VKAPI_CALL icd_CreateInstance(const VkInstanceCreateInfo *pCreateInfo,
                                                  const VkAllocationCallbacks *pAllocator,
                                                  VkInstance *pInstance);
VKAPI_ATTR void VKAPI_CALL icd_DestroyInstance(VkInstance instance,
                                               const VkAllocationCallbacks *pAllocator);
VKAPI_ATTR VkResult VKAPI_CALL icd_EnumerateInstanceVersion(uint32_t *pApiVersion);
VKAPI_ATTR VkResult VKAPI_CALL icd_EnumerateInstanceExtensionProperties(
    const char *pLayerName, uint32_t *pPropertyCount, VkExtensionProperties *pProperties);
VKAPI_ATTR VkResult VKAPI_CALL icd_EnumerateInstanceLayerProperties(uint32_t *pPropertyCount,
                                                                    VkLayerProperties *pProperties);
VKAPI_ATTR VkResult VKAPI_CALL icd_EnumeratePhysicalDevices(VkInstance instance,
                                                            uint32_t *pPhysicalDeviceCount,
                                                            VkPhysicalDevice *pPhysicalDevices);
VKAPI_ATTR VkResult VKAPI_CALL
icd_EnumeratePhysicalDeviceGroups(VkInstance instance, uint32_t *pPhysicalDeviceGroupCount,
                                  VkPhysicalDeviceGroupProperties *pPhysicalDeviceGroupProperties);
VKAPI_ATTR VkResult VKAPI_CALL icd_EnumerateDeviceExtensionProperties(
    VkPhysicalDevice physicalDevice, const char *pLayerName, uint32_t *pPropertyCount,
    VkExtensionProperties *pProperties);
VKAPI_ATTR VkResult VKAPI_CALL icd_CreateDevice(VkPhysicalDevice physicalDevice,
                                                const VkDeviceCreateInfo *pCreateInfo,
                                                const VkAllocationCallbacks *pAllocator,
                                                VkDevice *pDevice);
VKAPI_ATTR void VKAPI_CALL icd_DestroyDevice(VkDevice device,
                                             const VkAllocationCallbacks *pAllocator);
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL icd_GetInstanceProcAddr(VkInstance instance,
                                                                 const char *pName);
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL icd_GetPhysicalDeviceProcAddr(VkInstance instance,
                                                                       const char *pName);
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL icd_GetDeviceProcAddr(VkDevice device, const char *pName);
VKAPI_ATTR VkResult VKAPI_CALL icd_NegotiateLoaderICDInterfaceVersion(uint32_t *pVersion);

/* --- negotiate.c --- */

/* The interface version that the Vulkan loader and the shim agreed on. */
uint32_t icd_negotiated_version(void);

/* Whether the program may make surfaces through the shim: interface 3 lets a driver own them. */
bool icd_surfaces_offered(void);

/* --- extensions.c --- */

/* The extensions of one driver's instance, malloc'ed. */
VkResult icd_umd_extensions(const struct loader_umd *driver, VkExtensionProperties **properties,
                            uint32_t *count);
/* The Vulkan version that one driver's instance has. */
uint32_t icd_umd_version(const struct loader_umd *driver);
/* Whether the shim passes this instance extension on to this driver. */
bool icd_extension_passed(const struct loader_umd *driver, const char *name);

/* --- physical_device.c --- */

/* Lists the physical devices if that has not been done. VK_SUCCESS or out of memory. */
VkResult icd_list_physical_devices(struct icd_instance *instance);
/* The shim's object for a driver's physical device, or NULL for one that no adapter offers. */
struct icd_physical_device *icd_find_physical_device(struct icd_instance *instance,
                                                     const struct icd_umd *umd,
                                                     VkPhysicalDevice real);
/* Writes the adapter's LUID and node mask into the chain. */
void icd_patch_identity(const struct icd_physical_device *device,
                        VkPhysicalDeviceProperties2 *properties);

/* --- device.c --- */

/* The entry of a device that the shim created; NULL for another handle. It stays valid until the
 * device is destroyed. */
const struct icd_device *icd_device_find(VkDevice device);
/* Forgets what is left of an instance's devices. */
void icd_devices_forget(const struct icd_instance *instance);

/* --- fallback.c: newer queries by older commands, for a driver of Vulkan 1.0 --- */

void icd_fallback_queue_families(const struct icd_physical_device *device, uint32_t *count,
                                 VkQueueFamilyProperties2 *properties);
VkResult icd_fallback_image_format(const struct icd_physical_device *device,
                                   const VkPhysicalDeviceImageFormatInfo2 *info,
                                   VkImageFormatProperties2 *properties);

#endif

/* SPDX-License-Identifier: MIT */
/* Which physical device of which driver stands for which adapter. */
#include <stdlib.h>
#include <string.h>

#include "icd/icd.h"
#include "util/log.h"

/* A driver's physical device while adapters look for theirs. */
struct candidate {
    const struct icd_umd *umd;
    VkPhysicalDevice real;
    VkPhysicalDeviceProperties properties;
    const struct loader_adapter *adapter; /* where the driver says which; or NULL */
    bool taken;
};

struct candidates {
    struct candidate *items;
    uint32_t count;
};

static VkResult enumerate_real(const struct icd_umd *umd, VkPhysicalDevice **devices,
                               uint32_t *count)
{
    VkResult result;

    *devices = NULL;
    do {
        result = umd->commands.EnumeratePhysicalDevices(umd->instance, count, NULL);
        if (result != VK_SUCCESS || !*count)
            break;
        void *grown = realloc(*devices, *count * sizeof(**devices));
        if (!grown) {
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
            break;
        }
        *devices = grown;
        result = umd->commands.EnumeratePhysicalDevices(umd->instance, count, *devices);
    } while (result == VK_INCOMPLETE);
    if (result != VK_SUCCESS) {
        free(*devices);
        *devices = NULL;
        *count = 0;
    }
    return result;
}

static VkResult add_candidates(struct candidates *list, const struct icd_umd *umd)
{
    VkPhysicalDevice *devices;
    uint32_t count;
    VkResult result = enumerate_real(umd, &devices, &count);
    struct candidate *grown;

    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return result;
    if (result != VK_SUCCESS)
        log_warning("icd", "the driver %s does not list its physical devices: VkResult %d",
                    umd->driver->library_path, (int)result);
    if (!count) {
        free(devices);
        return VK_SUCCESS;
    }
    grown = realloc(list->items, (list->count + (size_t)count) * sizeof(*grown));
    if (!grown) {
        free(devices);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    list->items = grown;
    for (uint32_t i = 0; i < count; i++) {
        struct candidate *one = &list->items[list->count++];

        *one = (struct candidate){.umd = umd, .real = devices[i]};
        if (i < umd->adapter_count)
            one->adapter = umd->adapters[i];
        umd->commands.GetPhysicalDeviceProperties(devices[i], &one->properties);
    }
    free(devices);
    return VK_SUCCESS;
}

/* A plain driver does not know adapters: its devices are told by their ids. */
static bool fits(const struct candidate *one, const struct loader_adapter *adapter)
{
    if (one->umd->adapters)
        return one->adapter == adapter;
    return one->properties.vendorID == adapter->device_ids.VendorID &&
           one->properties.deviceID == adapter->device_ids.DeviceID;
}

/* Equal devices of one driver go to equal adapters in order. */
static struct candidate *take(struct candidates *list, const struct loader_adapter *adapter)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct candidate *one = &list->items[i];

        if (one->taken || one->umd->driver != adapter->umd || !fits(one, adapter))
            continue;
        one->taken = true;
        return one;
    }
    return NULL;
}

static bool has_driver(const struct icd_instance *instance, const struct loader_umd *driver)
{
    for (uint32_t i = 0; i < instance->umd_count; i++)
        if (instance->umds[i].driver == driver)
            return true;
    return false;
}

static void match(struct icd_instance *instance, const struct loader *loader,
                  struct candidates *list)
{
    for (size_t i = 0; i < loader->adapter_count; i++) {
        const struct loader_adapter *adapter = &loader->adapters[i];
        struct icd_physical_device *device = &instance->devices[instance->device_count];
        struct candidate *found;

        if (adapter->step != LOADER_STEP_DONE || !has_driver(instance, adapter->umd))
            continue;
        found = take(list, adapter);
        if (!found && adapter->umd->open_adapter) {
            log_warning("icd",
                        "adapter \"%s\" is not offered: its driver %s does not reach the host's "
                        "device; the lines before and the host's log say why",
                        adapter->description, adapter->umd->library_path);
            continue;
        }
        if (!found) {
            log_warning("icd",
                        "adapter \"%s\" (%04x:%04x) is not offered: its driver %s has no such "
                        "device; was another driver put into the store than the host runs?",
                        adapter->description, adapter->device_ids.VendorID,
                        adapter->device_ids.DeviceID, adapter->umd->library_path);
            continue;
        }
        set_loader_magic_value(device);
        device->owner = instance;
        device->umd = found->umd;
        device->unknown = &found->umd->unknown;
        device->adapter = adapter;
        device->real = found->real;
        instance->device_count++;
    }
    for (uint32_t i = 0; i < list->count; i++)
        if (!list->items[i].taken)
            log_info("icd",
                     "the driver's device \"%s\" (%04x:%04x) is hidden: no adapter of the "
                     "host stands for it",
                     list->items[i].properties.deviceName, list->items[i].properties.vendorID,
                     list->items[i].properties.deviceID);
}

static VkResult list_locked(struct icd_instance *instance)
{
    const struct loader *loader =
        instance->discovery ? discovery_loader(instance->discovery) : NULL;
    struct candidates list = {0};
    VkResult result = VK_SUCCESS;

    if (!loader || !loader->adapter_count)
        return VK_SUCCESS;
    for (uint32_t i = 0; i < instance->umd_count && result == VK_SUCCESS; i++)
        result = add_candidates(&list, &instance->umds[i]);
    if (result == VK_SUCCESS) {
        instance->devices = icd_allocate(&instance->allocator, NULL,
                                         loader->adapter_count * sizeof(*instance->devices),
                                         VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
        if (instance->devices)
            match(instance, loader, &list);
        else
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    free(list.items);
    return result;
}

VkResult icd_list_physical_devices(struct icd_instance *instance)
{
    VkResult result = VK_SUCCESS;

    pthread_mutex_lock(&instance->lock);
    if (!instance->listed) {
        result = list_locked(instance);
        instance->listed = result == VK_SUCCESS;
    }
    pthread_mutex_unlock(&instance->lock);
    return result;
}

struct icd_physical_device *icd_find_physical_device(struct icd_instance *instance,
                                                     const struct icd_umd *umd,
                                                     VkPhysicalDevice real)
{
    for (uint32_t i = 0; i < instance->device_count; i++)
        if (instance->devices[i].umd == umd && instance->devices[i].real == real)
            return &instance->devices[i];
    return NULL;
}

VKAPI_ATTR VkResult VKAPI_CALL icd_EnumeratePhysicalDevices(VkInstance instance,
                                                            uint32_t *pPhysicalDeviceCount,
                                                            VkPhysicalDevice *pPhysicalDevices)
{
    struct icd_instance *shim = icd_instance_from(instance);
    VkResult result = icd_list_physical_devices(shim);
    uint32_t room = *pPhysicalDeviceCount;

    if (result != VK_SUCCESS)
        return result;
    *pPhysicalDeviceCount = shim->device_count;
    if (!pPhysicalDevices)
        return VK_SUCCESS;
    if (room < shim->device_count)
        *pPhysicalDeviceCount = room;
    for (uint32_t i = 0; i < *pPhysicalDeviceCount; i++)
        pPhysicalDevices[i] = (VkPhysicalDevice)&shim->devices[i];
    return room < shim->device_count ? VK_INCOMPLETE : VK_SUCCESS;
}

/* The bytes of a LUID as Windows lays it out: LowPart, then HighPart. */
static void write_identity(const struct loader_adapter *adapter, uint8_t luid[VK_LUID_SIZE],
                           uint32_t *node_mask, VkBool32 *valid)
{
    memcpy(luid, &adapter->luid.LowPart, 4);
    memcpy(luid + 4, &adapter->luid.HighPart, 4);
    *node_mask = adapter->node_mask;
    *valid = VK_TRUE;
}

void icd_patch_identity(const struct icd_physical_device *device,
                        VkPhysicalDeviceProperties2 *properties)
{
    for (VkBaseOutStructure *s = properties->pNext; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES) {
            VkPhysicalDeviceIDProperties *id = (void *)s;
            write_identity(device->adapter, id->deviceLUID, &id->deviceNodeMask,
                           &id->deviceLUIDValid);
        } else if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES) {
            VkPhysicalDeviceVulkan11Properties *core = (void *)s;
            write_identity(device->adapter, core->deviceLUID, &core->deviceNodeMask,
                           &core->deviceLUIDValid);
        }
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Devices belong to their driver entirely. What the shim keeps is which driver a handle belongs to,
 * so that vkGetDeviceProcAddr can give the driver's own pointers: a device-level call costs
 * nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "icd/device_chain.h"
#include "icd/icd.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct icd_device *devices; /* of all instances; a program has few */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void after_fork_in_child(void)
{
    pthread_mutex_init(&lock, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

static void remember(struct icd_device *entry)
{
    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&lock);
    entry->next = devices;
    devices = entry;
    pthread_mutex_unlock(&lock);
}

static struct icd_device *forget(VkDevice handle)
{
    struct icd_device *found = NULL;

    pthread_mutex_lock(&lock);
    for (struct icd_device **link = &devices; *link; link = &(*link)->next) {
        if ((*link)->handle == handle) {
            found = *link;
            *link = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

const struct icd_device *icd_device_find(VkDevice device)
{
    const struct icd_device *entry;

    pthread_mutex_lock(&lock);
    for (entry = devices; entry && entry->handle != device; entry = entry->next)
        ;
    pthread_mutex_unlock(&lock);
    return entry;
}

void icd_devices_forget(const struct icd_instance *instance)
{
    pthread_mutex_lock(&lock);
    for (struct icd_device **link = &devices; *link;) {
        struct icd_device *entry = *link;

        if (entry->owner != instance) {
            link = &entry->next;
            continue;
        }
        *link = entry->next;
        free(entry);
    }
    pthread_mutex_unlock(&lock);
}

/* The driver's functions that every device has. */
static VkResult load_commands(struct icd_device *entry, VkInstance instance)
{
    entry->get_device_proc_addr =
        (PFN_vkGetDeviceProcAddr)entry->umd->driver->get_instance_proc_addr(instance,
                                                                            "vkGetDeviceProcAddr");
    if (!entry->get_device_proc_addr)
        return VK_ERROR_INITIALIZATION_FAILED;
    entry->destroy =
        (PFN_vkDestroyDevice)entry->get_device_proc_addr(entry->handle, "vkDestroyDevice");
    if (!entry->destroy)
        return VK_ERROR_INITIALIZATION_FAILED;
    icd_device_commands_load(&entry->commands, entry->get_device_proc_addr, entry->handle);
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL icd_CreateDevice(VkPhysicalDevice physicalDevice,
                                                const VkDeviceCreateInfo *pCreateInfo,
                                                const VkAllocationCallbacks *pAllocator,
                                                VkDevice *pDevice)
{
    const struct icd_physical_device *device = icd_physical_device_from(physicalDevice);
    const struct icd_umd *umd = device->umd;
    VkDeviceCreateInfo own = *pCreateInfo;
    struct device_chain chain;
    /* A list entry, not a Vulkan object of the program: from the C library. */
    struct icd_device *entry = calloc(1, sizeof(*entry));
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;

    if (!entry)
        return result;
    result = device_chain_unwrap(&chain, device, &own);
    if (result != VK_SUCCESS)
        goto free_entry;
    entry->owner = device->owner;
    entry->umd = umd;
    result = umd->commands.CreateDevice(device->real, &own, pAllocator, &entry->handle);
    device_chain_finish(&chain);
    if (result != VK_SUCCESS)
        goto free_entry;
    result = load_commands(entry, umd->instance);
    if (result != VK_SUCCESS)
        goto destroy_device;
    remember(entry);
    *pDevice = entry->handle;
    return VK_SUCCESS;

destroy_device:
    if (entry->destroy)
        entry->destroy(entry->handle, pAllocator);
free_entry:
    free(entry);
    return result;
}

VKAPI_ATTR void VKAPI_CALL icd_DestroyDevice(VkDevice device,
                                             const VkAllocationCallbacks *pAllocator)
{
    /* Forgotten first: once destroyed, the driver may give the same handle to another thread. */
    struct icd_device *entry = device ? forget(device) : NULL;

    if (!entry)
        return;
    entry->destroy(device, pAllocator);
    free(entry);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL icd_GetDeviceProcAddr(VkDevice device, const char *pName)
{
    const struct icd_device *entry = icd_device_find(device);
    const struct icd_command *own;
    PFN_vkVoidFunction real;

    if (!entry || !pName)
        return NULL;
    real = entry->get_device_proc_addr(device, pName);
    if (!real)
        return NULL;
    own = icd_command_find(pName);
    if (!own)
        return real;
    return own->level == ICD_LEVEL_DEVICE ? own->function : NULL;
}

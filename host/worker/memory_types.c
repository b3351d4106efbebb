/* SPDX-License-Identifier: MIT */
#include "host/worker/memory_types.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/worker/memory_export.h"
#include "util/log.h"
#include "vkwire_exec.h"

int memory_way_parse(const char *text, enum memory_way *way)
{
    static const char *const words[] = {"auto", "import", "export", "messages"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!strcmp(text, words[i])) {
            *way = (enum memory_way)i;
            return 0;
        }
    }
    return -EINVAL;
}

void memory_types_classify(const VkPhysicalDeviceMemoryProperties *host, enum memory_way way,
                           const struct memory_abilities *abilities, struct memory_types *types)
{
    const VkMemoryPropertyFlags needed =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    uint32_t coherent = 0;

    *types = (struct memory_types){.host = *host, .guest = *host};
    for (uint32_t i = 0; i < host->memoryTypeCount; i++)
        if ((host->memoryTypes[i].propertyFlags & needed) == needed)
            coherent |= 1u << i;
    if (abilities->import_alignment && (coherent & abilities->importable)) {
        types->visible = coherent & abilities->importable;
        types->import_alignment = abilities->import_alignment;
    } else if (abilities->export_type && (coherent & abilities->exportable)) {
        types->visible = coherent & abilities->exportable;
        types->export_type = abilities->export_type;
        types->export_offset = abilities->export_offset;
    } else if (way == MEMORY_WAY_AUTO || way == MEMORY_WAY_MESSAGES) {
        types->visible = coherent;
        types->mirrored = true;
    }
    for (uint32_t i = 0; i < host->memoryTypeCount; i++)
        if (!(types->visible >> i & 1))
            types->guest.memoryTypes[i].propertyFlags &=
                ~(VkMemoryPropertyFlags)MEMORY_TYPES_CPU_FLAGS;
}

/* --- A device for a moment --- */

static bool has_extension(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device,
                          const char *name)
{
    VkExtensionProperties all[512];
    uint32_t count = sizeof(all) / sizeof(all[0]);
    VkResult result = vki->EnumerateDeviceExtensionProperties(device, NULL, &count, all);

    for (uint32_t i = 0; i < count && (result == VK_SUCCESS || result == VK_INCOMPLETE); i++)
        if (!strcmp(all[i].extensionName, name))
            return true;
    return false;
}

VkDevice memory_types_create_device(const struct vkwire_instance_dispatch *vki,
                                    VkPhysicalDevice physical, const char *const *extensions,
                                    uint32_t extension_count)
{
    const float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue,
                               .enabledExtensionCount = extension_count,
                               .ppEnabledExtensionNames = extensions};
    VkDevice device;
    VkResult result;

    for (uint32_t i = 0; i < extension_count; i++)
        if (!has_extension(vki, physical, extensions[i]))
            return VK_NULL_HANDLE;
    result = vki->CreateDevice(physical, &info, NULL, &device);
    if (result == VK_SUCCESS)
        return device;
    log_warning("worker", "vkCreateDevice fails with VkResult %d", (int)result);
    return VK_NULL_HANDLE;
}

/* --- What may be imported --- */

static uint32_t alignment_of(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device)
{
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &host};

    vki->GetPhysicalDeviceProperties2(device, &properties);
    return (uint32_t)host.minImportedHostPointerAlignment;
}

/* Shared memory, as the aperture is. NULL when there is none. */
static void *shared_pages(size_t size)
{
    int fd = memfd_create("gpupv-probe", MFD_CLOEXEC);
    void *pages = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return pages == MAP_FAILED ? NULL : pages;
}

static uint32_t ask(const struct vkwire_instance_dispatch *vki, VkDevice device, size_t size)
{
    PFN_vkGetMemoryHostPointerPropertiesEXT get =
        (PFN_vkGetMemoryHostPointerPropertiesEXT)vki->GetDeviceProcAddr(
            device, "vkGetMemoryHostPointerPropertiesEXT");
    VkMemoryHostPointerPropertiesEXT properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
    void *pages = get ? shared_pages(size) : NULL;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;

    if (!pages)
        return 0;
    result =
        get(device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, pages, &properties);
    munmap(pages, size);
    return result == VK_SUCCESS ? properties.memoryTypeBits : 0;
}

static void ask_import(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice physical,
                       struct memory_abilities *abilities)
{
    static const char *const extensions[] = {VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME};
    uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), alignment;
    PFN_vkDestroyDevice destroy;
    VkDevice device = VK_NULL_HANDLE;

    if (vki->GetPhysicalDeviceProperties2)
        device = memory_types_create_device(vki, physical, extensions, 1);
    if (!device)
        return;
    alignment = alignment_of(vki, physical);
    if (alignment) {
        abilities->import_alignment = alignment;
        abilities->importable = ask(vki, device, alignment > page ? alignment : page);
    }
    destroy = (PFN_vkDestroyDevice)vki->GetDeviceProcAddr(device, "vkDestroyDevice");
    if (destroy)
        destroy(device, NULL);
}

static void warn(const struct memory_types *types, enum memory_way way)
{
    if (types->mirrored && way == MEMORY_WAY_AUTO)
        log_warning("worker", "no memory of this device can be shared with guests: its driver "
                              "neither imports it by VK_EXT_external_memory_host nor exports it as "
                              "DMA-BUF; what it holds travels in messages");
    else if (!types->visible)
        log_warning("worker", "guests' programs see no memory of this device: its driver cannot do "
                              "what worker-memory asks for");
}

void memory_types_probe(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device,
                        enum memory_way way, struct memory_types *types)
{
    VkPhysicalDeviceMemoryProperties host = {0}; /* what the driver leaves is told to guests */
    struct memory_abilities abilities = {0};

    vki->GetPhysicalDeviceMemoryProperties(device, &host);
    if (way == MEMORY_WAY_AUTO || way == MEMORY_WAY_IMPORT)
        ask_import(vki, device, &abilities);
    if (way == MEMORY_WAY_EXPORT || (way == MEMORY_WAY_AUTO && !abilities.importable))
        memory_export_probe(vki, device, &host, way == MEMORY_WAY_EXPORT, &abilities);
    memory_types_classify(&host, way, &abilities, types);
    warn(types, way);
}

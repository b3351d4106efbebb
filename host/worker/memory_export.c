/* SPDX-License-Identifier: MIT */
#include "host/worker/memory_export.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vkwire_exec.h"

#define FILE_PAGE 4096u
#define NOWHERE UINT64_MAX

/* A device for a moment. */
struct trial {
    struct vkwire_device_dispatch vk;
    VkDevice device;
    PFN_vkGetMemoryFdKHR get_file;
    VkExternalMemoryHandleTypeFlagBits type;
};

uint32_t memory_export_extensions(VkExternalMemoryHandleTypeFlagBits type, const char *names[2])
{
    names[0] = VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME;
    names[1] = VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME;
    return type == VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT ? 2 : 1;
}

/* --- One memory --- */

static void fill(uint64_t *words, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size / sizeof(*words); i++)
        words[i] = seed ^ i * UINT64_C(0x9e3779b97f4a7c15);
}

/* Where the file has what the memory has, and the other way round. */
static uint64_t find(uint8_t *file, size_t file_size, uint64_t *memory, size_t size)
{
    fill(memory, size, UINT64_C(0x6770757665787031));
    for (size_t at = 0; at + size <= file_size; at += FILE_PAGE) {
        if (memcmp(file + at, memory, size) != 0)
            continue;
        fill((uint64_t *)(void *)(file + at), size, UINT64_C(0x6770757665787032));
        return memcmp(file + at, memory, size) ? NOWHERE : at;
    }
    return NOWHERE;
}

static uint64_t look_into(int fd, uint64_t *memory, size_t size)
{
    off_t file_size = lseek(fd, 0, SEEK_END);
    if (file_size < (off_t)size)
        return NOWHERE;
    void *file = mmap(NULL, (size_t)file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        return NOWHERE;
    uint64_t offset = find(file, (size_t)file_size, memory, size);
    munmap(file, (size_t)file_size);
    return offset;
}

static uint64_t look_at(struct trial *trial, VkDeviceMemory memory, size_t size)
{
    const VkMemoryGetFdInfoKHR info = {.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                                       .memory = memory,
                                       .handleType = trial->type};
    void *at;
    int fd;
    if (trial->vk.MapMemory(trial->device, memory, 0, VK_WHOLE_SIZE, 0, &at) != VK_SUCCESS ||
        trial->get_file(trial->device, &info, &fd) != VK_SUCCESS)
        return NOWHERE;
    uint64_t offset = look_into(fd, at, size);
    close(fd);
    return offset;
}

static uint64_t try_size(struct trial *trial, uint32_t type, size_t size)
{
    const VkExportMemoryAllocateInfo export = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO, .handleTypes = trial->type};
    const VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                       .pNext = &export,
                                       .allocationSize = size,
                                       .memoryTypeIndex = type};
    VkDeviceMemory memory;
    if (trial->vk.AllocateMemory(trial->device, &info, NULL, &memory) != VK_SUCCESS)
        return NOWHERE;
    uint64_t offset = look_at(trial, memory, size);
    trial->vk.FreeMemory(trial->device, memory, NULL);
    return offset;
}

/* The same of all sizes. */
static uint64_t try_type(struct trial *trial, uint32_t type)
{
    static const size_t others[] = {16 * FILE_PAGE, 513 * FILE_PAGE};
    uint64_t offset = try_size(trial, type, FILE_PAGE);
    for (size_t i = 0; i < 2 && offset != NOWHERE; i++) {
        if (try_size(trial, type, others[i]) != offset)
            return NOWHERE;
    }
    return offset;
}

/* --- All of them --- */

static void try_types(struct trial *trial, const VkPhysicalDeviceMemoryProperties *host,
                      struct memory_abilities *abilities)
{
    const VkMemoryPropertyFlags needed =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    for (uint32_t i = 0; i < host->memoryTypeCount; i++) {
        if ((host->memoryTypes[i].propertyFlags & needed) != needed)
            continue;
        uint64_t offset = try_type(trial, i);
        if (offset == NOWHERE || (abilities->exportable && offset != abilities->export_offset))
            continue;
        abilities->exportable |= 1u << i;
        abilities->export_offset = offset;
    }
    if (abilities->exportable)
        abilities->export_type = trial->type;
}

static void probe(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice physical,
                  const VkPhysicalDeviceMemoryProperties *host,
                  VkExternalMemoryHandleTypeFlagBits type, struct memory_abilities *abilities)
{
    const char *names[2];
    uint32_t count = memory_export_extensions(type, names);
    struct trial trial = {.device = memory_types_create_device(vki, physical, names, count),
                          .type = type};
    if (!trial.device)
        return;
    vkwire_device_dispatch_load(&trial.vk, trial.device, vki->GetDeviceProcAddr);
    trial.get_file = (PFN_vkGetMemoryFdKHR)vki->GetDeviceProcAddr(trial.device, "vkGetMemoryFdKHR");
    if (trial.get_file)
        try_types(&trial, host, abilities);
    trial.vk.DestroyDevice(trial.device, NULL);
}

void memory_export_probe(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice physical,
                         const VkPhysicalDeviceMemoryProperties *host, bool opaque,
                         struct memory_abilities *abilities)
{
    probe(vki, physical, host, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT, abilities);
    if (!abilities->exportable && opaque)
        probe(vki, physical, host, VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT, abilities);
}

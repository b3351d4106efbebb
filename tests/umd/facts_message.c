/* SPDX-License-Identifier: MIT */
#include "facts_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct facts_header *header_of(struct facts_message *message)
{
    return (struct facts_header *)(void *)message->data;
}

void facts_message_begin(struct facts_message *message)
{
    memset(message, 0, sizeof(*message));
    message->size = sizeof(struct facts_header);
}

void facts_message_record(struct facts_message *message, uint32_t kind, uint32_t id, uint32_t count,
                          const void *data, size_t size)
{
    const struct facts_record record = {kind, id, count, (uint32_t)size};
    size_t padded = (size + 7) & ~(size_t)7;

    assert_true(message->size + sizeof(record) + padded <= sizeof(message->data));
    memcpy(message->data + message->size, &record, sizeof(record));
    message->size += sizeof(record);
    if (size)
        memcpy(message->data + message->size, data, size);
    message->size += padded;
    header_of(message)->record_count++;
}

void facts_message_structure(struct facts_message *message, const void *structure)
{
    const struct facts_structure *kind =
        facts_structure_find(((const VkBaseInStructure *)structure)->sType);
    uint8_t packed[4096];

    assert_non_null(kind);
    assert_true(kind->packed_size <= sizeof(packed));
    facts_pack(kind, structure, packed);
    facts_message_record(message, FACTS_RECORD_STRUCTURE, (uint32_t)kind->type, 1, packed,
                         kind->packed_size);
}

void facts_message_device(struct facts_message *message)
{
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .properties = {.apiVersion = VK_API_VERSION_1_3,
                       .deviceName = "Made up",
                       .limits = {.minMemoryMapAlignment = 64, .maxImageDimension2D = 16384}}};
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .features = {.robustBufferAccess = VK_TRUE, .geometryShader = VK_TRUE}};
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
        .memoryProperties = {.memoryTypeCount = 2,
                             .memoryTypes = {{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
                                             {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                                  VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                              0}},
                             .memoryHeapCount = 1,
                             .memoryHeaps = {{1ull << 33, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}}};
    VkQueueFamilyProperties2 family = {
        .sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2,
        .queueFamilyProperties = {.queueFlags = VK_QUEUE_GRAPHICS_BIT, .queueCount = 3}};

    facts_message_structure(message, &properties);
    facts_message_structure(message, &features);
    facts_message_structure(message, &memory);
    facts_message_structure(message, &family);
}

void facts_message_end(struct facts_message *message)
{
    header_of(message)->magic = FACTS_MAGIC;
    header_of(message)->size = (uint32_t)message->size;
    header_of(message)->memory = FACTS_MEMORY_APERTURE;
}

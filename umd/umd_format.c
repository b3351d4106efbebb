/* SPDX-License-Identifier: MIT */
/*
 * Queries about formats and images. Core formats are among the facts; other questions go to the
 * host once and are answered from the adapter's cache after. The key of a question is its encoded
 * form and the types of the structures that are to be filled.
 */
#include <string.h>

#include "umd/umd_chain.h"
#include "umd/umd_facts.h"
#include "umd/umd_physical_device.h"
#include "umd/umd_query_cache.h"
#include "umd_commands.h"
#include "vkwire_encode.h"
#include "vkwire_extensions.h"

enum question { QUESTION_FORMAT = 1, QUESTION_IMAGE_FORMAT, QUESTION_SPARSE };

static void put_word(struct wire_encoder *key, uint64_t word)
{
    void *at = wire_put(key, sizeof(word));

    if (at)
        memcpy(at, &word, sizeof(word));
}

/* Whether the device can fill a structure at all. */
static bool provided(const struct umd_facts *facts, const struct facts_structure *kind)
{
    if (kind->core && kind->core <= facts->properties.apiVersion)
        return true;
    for (const char *const *name = kind->extensions; name && *name; name++) {
        int index = vkwire_extension_find(*name);

        if (index >= 0 && umd_facts_has_extension(facts, (uint32_t)index))
            return true;
    }
    return false;
}

static const struct facts_structure *
output_kind(const struct umd_facts *facts, enum facts_chain chain, const VkBaseOutStructure *s)
{
    const struct facts_structure *kind = facts_structure_find(s->sType);

    return kind && kind->chain == chain && provided(facts, kind) ? kind : NULL;
}

/* --- Answers: the structures of a chain that the device fills, packed --- */

#define MAX_ANSWER 512u

struct answer {
    size_t size;
    uint8_t bytes[MAX_ANSWER];
};

/* Puts the types into the key. False when the answer would be too large to keep. */
static bool measure_answer(const struct umd_facts *facts, enum facts_chain chain,
                           const VkBaseOutStructure *outputs, struct wire_encoder *key,
                           struct answer *answer)
{
    answer->size = 0;
    for (const VkBaseOutStructure *s = outputs; s; s = s->pNext) {
        const struct facts_structure *kind = output_kind(facts, chain, s);

        if (!kind)
            continue;
        put_word(key, (uint64_t)s->sType);
        answer->size += kind->packed_size;
    }
    return answer->size <= MAX_ANSWER && !key->failed;
}

static void pack_answer(const struct umd_facts *facts, enum facts_chain chain,
                        const VkBaseOutStructure *outputs, struct answer *answer)
{
    uint8_t *at = answer->bytes;

    for (const VkBaseOutStructure *s = outputs; s; s = s->pNext) {
        const struct facts_structure *kind = output_kind(facts, chain, s);

        if (!kind)
            continue;
        facts_pack(kind, s, at);
        at += kind->packed_size;
    }
}

static void unpack_answer(const struct umd_facts *facts, enum facts_chain chain,
                          VkBaseOutStructure *outputs, const struct answer *answer)
{
    const uint8_t *at = answer->bytes;

    for (VkBaseOutStructure *s = outputs; s; s = s->pNext) {
        const struct facts_structure *kind = output_kind(facts, chain, s);

        if (!kind)
            continue;
        facts_unpack(kind, at, s);
        at += kind->packed_size;
    }
}

/* --- Formats --- */

static VkResult ask_format(struct umd_physical_device *physical, VkFormat format,
                           VkFormatProperties2 *properties)
{
    struct umd_stream *stream = umd_physical_device_stream(physical);

    if (!stream)
        return VK_ERROR_DEVICE_LOST;
    return umd_call_GetPhysicalDeviceFormatProperties2(stream, format, properties);
}

/* A question that the facts do not answer. */
static void query_format(struct umd_physical_device *physical, VkFormat format,
                         VkFormatProperties2 *properties)
{
    const struct umd_facts *facts = physical->facts;
    struct umd_query_cache *cache = physical->adapter->queries;
    VkBaseOutStructure *outputs = (VkBaseOutStructure *)properties;
    struct wire_encoder key;
    struct answer answer;
    VkResult result;

    wire_encoder_init(&key);
    put_word(&key, QUESTION_FORMAT);
    put_word(&key, (uint64_t)format);
    if (!measure_answer(facts, FACTS_FORMAT, outputs, &key, &answer)) {
        ask_format(physical, format, properties);
    } else if (umd_query_cache_find(cache, key.data, key.used, &result, answer.bytes,
                                    answer.size)) {
        unpack_answer(facts, FACTS_FORMAT, outputs, &answer);
    } else if (ask_format(physical, format, properties) == VK_SUCCESS) {
        pack_answer(facts, FACTS_FORMAT, outputs, &answer);
        umd_query_cache_add(cache, key.data, key.used, VK_SUCCESS, answer.bytes, answer.size);
    }
    wire_encoder_finish(&key);
}

static bool is_told(const struct umd_facts *facts, const VkBaseOutStructure *outputs)
{
    for (const VkBaseOutStructure *s = outputs; s; s = s->pNext)
        if (s->sType != VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2 &&
            s->sType != VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3 &&
            output_kind(facts, FACTS_FORMAT, s))
            return false;
    return true;
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceFormatProperties2(
    VkPhysicalDevice physicalDevice, VkFormat format, VkFormatProperties2 *pFormatProperties)
{
    struct umd_physical_device *physical = umd_physical_device_from(physicalDevice);
    const struct facts_format *told = umd_facts_format(physical->facts, format);

    memset(&pFormatProperties->formatProperties, 0, sizeof(pFormatProperties->formatProperties));
    if (format == VK_FORMAT_UNDEFINED)
        return;
    if (!told || !is_told(physical->facts, (const VkBaseOutStructure *)pFormatProperties)) {
        query_format(physical, format, pFormatProperties);
        return;
    }
    pFormatProperties->formatProperties =
        (VkFormatProperties){told->linear, told->optimal, told->buffer};
    for (VkBaseOutStructure *s = pFormatProperties->pNext; s; s = s->pNext) {
        VkFormatProperties3 *newer = (void *)s;

        if (s->sType != VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3 ||
            !output_kind(physical->facts, FACTS_FORMAT, s))
            continue;
        newer->linearTilingFeatures = told->linear3;
        newer->optimalTilingFeatures = told->optimal3;
        newer->bufferFeatures = told->buffer3;
    }
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceFormatProperties(
    VkPhysicalDevice physicalDevice, VkFormat format, VkFormatProperties *pFormatProperties)
{
    VkFormatProperties2 newer = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2};

    umd_GetPhysicalDeviceFormatProperties2(physicalDevice, format, &newer);
    *pFormatProperties = newer.formatProperties;
}

/* --- Images --- */

static VkResult ask_image_format(struct umd_physical_device *physical,
                                 const VkPhysicalDeviceImageFormatInfo2 *info,
                                 VkImageFormatProperties2 *properties)
{
    struct umd_stream *stream = umd_physical_device_stream(physical);

    if (!stream)
        return VK_ERROR_DEVICE_LOST;
    return umd_call_GetPhysicalDeviceImageFormatProperties2(stream, info, properties);
}

static VkResult query_image_format(struct umd_physical_device *physical,
                                   const VkPhysicalDeviceImageFormatInfo2 *info,
                                   VkImageFormatProperties2 *properties)
{
    const struct umd_facts *facts = physical->facts;
    struct umd_query_cache *cache = physical->adapter->queries;
    VkBaseOutStructure *outputs = (VkBaseOutStructure *)properties;
    struct wire_encoder key;
    struct answer answer;
    VkResult result;

    wire_encoder_init(&key);
    put_word(&key, QUESTION_IMAGE_FORMAT);
    wire_put_VkPhysicalDeviceImageFormatInfo2(&key, info);
    if (!measure_answer(facts, FACTS_IMAGE_FORMAT, outputs, &key, &answer)) {
        result = ask_image_format(physical, info, properties);
    } else if (umd_query_cache_find(cache, key.data, key.used, &result, answer.bytes,
                                    answer.size)) {
        if (result == VK_SUCCESS)
            unpack_answer(facts, FACTS_IMAGE_FORMAT, outputs, &answer);
    } else {
        result = ask_image_format(physical, info, properties);
        if (result == VK_SUCCESS)
            pack_answer(facts, FACTS_IMAGE_FORMAT, outputs, &answer);
        else
            memset(answer.bytes, 0, answer.size);
        if (result == VK_SUCCESS || result == VK_ERROR_FORMAT_NOT_SUPPORTED)
            umd_query_cache_add(cache, key.data, key.used, result, answer.bytes, answer.size);
    }
    wire_encoder_finish(&key);
    return result;
}

/* Memory of an image that other drivers or processes share: there is no such handle in the guest.
 */
static bool is_shared(const VkPhysicalDeviceImageFormatInfo2 *info)
{
    const VkPhysicalDeviceExternalImageFormatInfo *external =
        umd_chain_find(info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);

    return external && external->handleType;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceImageFormatProperties2(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceImageFormatInfo2 *pImageFormatInfo,
    VkImageFormatProperties2 *pImageFormatProperties)
{
    VkResult result = VK_ERROR_FORMAT_NOT_SUPPORTED;

    if (!is_shared(pImageFormatInfo))
        result = query_image_format(umd_physical_device_from(physicalDevice), pImageFormatInfo,
                                    pImageFormatProperties);
    if (result != VK_SUCCESS)
        memset(&pImageFormatProperties->imageFormatProperties, 0,
               sizeof(pImageFormatProperties->imageFormatProperties));
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceImageFormatProperties(
    VkPhysicalDevice physicalDevice, VkFormat format, VkImageType type, VkImageTiling tiling,
    VkImageUsageFlags usage, VkImageCreateFlags flags,
    VkImageFormatProperties *pImageFormatProperties)
{
    const VkPhysicalDeviceImageFormatInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
        .format = format,
        .type = type,
        .tiling = tiling,
        .usage = usage,
        .flags = flags};
    VkImageFormatProperties2 newer = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2};
    VkResult result = umd_GetPhysicalDeviceImageFormatProperties2(physicalDevice, &info, &newer);

    *pImageFormatProperties = newer.imageFormatProperties;
    return result;
}

/* --- Sparse images --- */

/* One for each aspect, and room to spare. */
#define MAX_SPARSE 8u

struct sparse_answer {
    uint32_t count;
    VkSparseImageFormatProperties properties[MAX_SPARSE];
};

static bool ask_sparse(struct umd_physical_device *physical,
                       const VkPhysicalDeviceSparseImageFormatInfo2 *info,
                       struct sparse_answer *answer)
{
    struct umd_stream *stream = umd_physical_device_stream(physical);
    VkSparseImageFormatProperties2 properties[MAX_SPARSE] = {0};

    memset(answer, 0, sizeof(*answer));
    if (!stream)
        return false;
    for (uint32_t i = 0; i < MAX_SPARSE; i++)
        properties[i].sType = VK_STRUCTURE_TYPE_SPARSE_IMAGE_FORMAT_PROPERTIES_2;
    answer->count = MAX_SPARSE;
    if (umd_call_GetPhysicalDeviceSparseImageFormatProperties2(stream, info, &answer->count,
                                                               properties) != VK_SUCCESS ||
        answer->count > MAX_SPARSE) {
        answer->count = 0;
        return false;
    }
    for (uint32_t i = 0; i < answer->count; i++)
        answer->properties[i] = properties[i].properties;
    return true;
}

static void query_sparse(struct umd_physical_device *physical,
                         const VkPhysicalDeviceSparseImageFormatInfo2 *info,
                         struct sparse_answer *answer)
{
    struct umd_query_cache *cache = physical->adapter->queries;
    struct wire_encoder key;
    VkResult result;

    wire_encoder_init(&key);
    put_word(&key, QUESTION_SPARSE);
    wire_put_VkPhysicalDeviceSparseImageFormatInfo2(&key, info);
    if (key.failed)
        ask_sparse(physical, info, answer);
    else if (!umd_query_cache_find(cache, key.data, key.used, &result, answer, sizeof(*answer)) &&
             ask_sparse(physical, info, answer))
        umd_query_cache_add(cache, key.data, key.used, VK_SUCCESS, answer, sizeof(*answer));
    wire_encoder_finish(&key);
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceSparseImageFormatProperties2(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSparseImageFormatInfo2 *pFormatInfo,
    uint32_t *pPropertyCount, VkSparseImageFormatProperties2 *pProperties)
{
    struct sparse_answer answer;

    query_sparse(umd_physical_device_from(physicalDevice), pFormatInfo, &answer);
    if (!pProperties || *pPropertyCount > answer.count)
        *pPropertyCount = answer.count;
    for (uint32_t i = 0; pProperties && i < *pPropertyCount; i++)
        pProperties[i].properties = answer.properties[i];
}

VKAPI_ATTR void VKAPI_CALL umd_GetPhysicalDeviceSparseImageFormatProperties(
    VkPhysicalDevice physicalDevice, VkFormat format, VkImageType type,
    VkSampleCountFlagBits samples, VkImageUsageFlags usage, VkImageTiling tiling,
    uint32_t *pPropertyCount, VkSparseImageFormatProperties *pProperties)
{
    const VkPhysicalDeviceSparseImageFormatInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SPARSE_IMAGE_FORMAT_INFO_2,
        .format = format,
        .type = type,
        .samples = samples,
        .usage = usage,
        .tiling = tiling};
    struct sparse_answer answer;

    query_sparse(umd_physical_device_from(physicalDevice), &info, &answer);
    if (!pProperties || *pPropertyCount > answer.count)
        *pPropertyCount = answer.count;
    for (uint32_t i = 0; pProperties && i < *pPropertyCount; i++)
        pProperties[i] = answer.properties[i];
}

/* SPDX-License-Identifier: MIT */
#include "umd/umd_facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "umd/umd.h"
#include "vkwire_extensions.h"

/* --- Parsing: the host is not believed more than it must be --- */

struct parser {
    struct umd_facts *facts;
    const uint8_t *at, *end;
    const char *what; /* is wrong, or NULL */
};

static bool wrong(struct parser *parser, const char *what)
{
    if (!parser->what)
        parser->what = what;
    return false;
}

/* `size` bytes and what pads them to 8. */
static const uint8_t *take(struct parser *parser, size_t size)
{
    const uint8_t *bytes = parser->at;
    size_t left = (size_t)(parser->end - parser->at), padded = (size + 7) & ~(size_t)7;

    if (size > left || padded > left) {
        wrong(parser, "it is cut off");
        return NULL;
    }
    parser->at += padded;
    return bytes;
}

static bool parse_structure(struct parser *parser, const struct facts_record *record,
                            const uint8_t *bytes)
{
    const struct facts_structure *kind = facts_structure_find((VkStructureType)record->id);
    struct umd_facts *facts = parser->facts;

    if (!kind || kind->chain > FACTS_MEMORY)
        return wrong(parser, "it has an unknown structure");
    if (record->size != (uint64_t)record->count * kind->packed_size)
        return wrong(parser, "a structure has another size");
    if (kind->chain != FACTS_QUEUE_FAMILY) {
        if (record->count != 1)
            return wrong(parser, "a structure comes several times");
    } else if (kind->is_root) {
        if (!record->count || record->count > FACTS_MAX_QUEUE_FAMILIES)
            return wrong(parser, "the number of queue families cannot be");
        facts->queue_family_count = record->count;
    } else if (record->count != facts->queue_family_count) {
        return wrong(parser, "queue families are described in part");
    }
    if (facts->structures[kind - facts_structures])
        return wrong(parser, "a structure comes several times");
    facts->structures[kind - facts_structures] = bytes;
    return true;
}

/* With a swapchain of the host's there are the extensions of the guest's window system. */
static bool add_extensions(struct parser *parser, const struct facts_extension *from,
                           uint32_t count)
{
    struct umd_facts *facts = parser->facts;
    bool windows = false;
    for (uint32_t i = 0; i < count; i++)
        windows |= from[i].index == VKWIRE_EXT_KHR_SWAPCHAIN;
    facts->extensions = malloc(vkwire_extension_count * sizeof(*facts->extensions));
    if (!facts->extensions)
        return wrong(parser, "there is no memory for it");
    for (uint32_t index = 0; index < vkwire_extension_count; index++) {
        const struct vkwire_extension *extension = &vkwire_extensions[index];
        if (count && from->index == index) {
            facts->extensions[facts->extension_count++] = *from++;
            count--;
        } else if (windows && extension->window && extension->device && !extension->refused) {
            facts->extensions[facts->extension_count++] =
                (struct facts_extension){index, extension->spec_version};
        }
    }
    return true;
}

static bool parse_extensions(struct parser *parser, const struct facts_record *record,
                             const uint8_t *bytes)
{
    const struct facts_extension *extensions = (const void *)bytes;

    if (parser->facts->extensions)
        return wrong(parser, "extensions come several times");
    if (record->size != (uint64_t)record->count * sizeof(*extensions))
        return wrong(parser, "the list of extensions has another size");
    for (uint32_t i = 0; i < record->count; i++) {
        uint32_t index = extensions[i].index;

        if (index >= vkwire_extension_count || !vkwire_extensions[index].device ||
            vkwire_extensions[index].refused || vkwire_extensions[index].window ||
            (i && index <= extensions[i - 1].index))
            return wrong(parser, "an extension cannot be offered");
    }
    return add_extensions(parser, extensions, record->count);
}

static bool parse_formats(struct parser *parser, const struct facts_record *record,
                          const uint8_t *bytes)
{
    const struct facts_format *formats = (const void *)bytes;

    if (parser->facts->formats)
        return wrong(parser, "formats come several times");
    if (record->size != (uint64_t)record->count * sizeof(*formats))
        return wrong(parser, "the list of formats has another size");
    for (uint32_t i = 1; i < record->count; i++)
        if (formats[i].format <= formats[i - 1].format)
            return wrong(parser, "formats are not in order");
    parser->facts->formats = formats;
    parser->facts->format_count = record->count;
    return true;
}

static bool parse_record(struct parser *parser)
{
    struct facts_record record;
    const uint8_t *bytes = take(parser, sizeof(record));

    if (!bytes)
        return false;
    memcpy(&record, bytes, sizeof(record));
    bytes = take(parser, record.size);
    if (!bytes)
        return false;
    switch (record.kind) {
    case FACTS_RECORD_STRUCTURE:
        return parse_structure(parser, &record, bytes);
    case FACTS_RECORD_EXTENSIONS:
        return parse_extensions(parser, &record, bytes);
    case FACTS_RECORD_FORMATS:
        return parse_formats(parser, &record, bytes);
    default:
        return wrong(parser, "it has an unknown record");
    }
}

static const uint8_t *packed_of(const struct umd_facts *facts, const struct facts_structure *kind)
{
    return kind ? facts->structures[kind - facts_structures] : NULL;
}

/* What every device has, unpacked. */
static bool unpack_roots(struct parser *parser)
{
    struct umd_facts *facts = parser->facts;
    VkPhysicalDeviceProperties2 properties = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};

    if (!facts->queue_family_count ||
        !umd_facts_fill(facts, 0, (VkBaseOutStructure *)&properties) ||
        !umd_facts_fill(facts, 0, (VkBaseOutStructure *)&features) ||
        !umd_facts_fill(facts, 0, (VkBaseOutStructure *)&memory))
        return wrong(parser, "it leaves out what every device has");
    facts->properties = properties.properties;
    facts->properties.deviceName[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE - 1] = '\0';
    facts->features = features.features;
    facts->memory = memory.memoryProperties;
    if (facts->memory.memoryTypeCount > VK_MAX_MEMORY_TYPES ||
        facts->memory.memoryHeapCount > VK_MAX_MEMORY_HEAPS)
        return wrong(parser, "it has too many memory types or heaps");
    for (uint32_t i = 0; i < facts->memory.memoryTypeCount; i++)
        if (facts->memory.memoryTypes[i].heapIndex >= facts->memory.memoryHeapCount)
            return wrong(parser, "a memory type has no heap");
    return true;
}

/* Features of the extensions that the guest's window system adds. */
static void add_window_features(struct umd_facts *facts)
{
    static const VkBool32 on = VK_TRUE; /* packed, such a structure is its one feature */
    static const VkStructureType types[] = {
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
    };
    if (!umd_facts_has_extension(facts, VKWIRE_EXT_KHR_SWAPCHAIN))
        return;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct facts_structure *kind = facts_structure_find(types[i]);
        if (kind && kind->packed_size == sizeof(on))
            facts->structures[kind - facts_structures] = (const uint8_t *)&on;
    }
}

static bool parse(struct parser *parser, size_t size)
{
    struct facts_header header;
    const uint8_t *bytes = take(parser, sizeof(header));

    if (!bytes)
        return false;
    memcpy(&header, bytes, sizeof(header));
    if (header.magic != FACTS_MAGIC || header.size != size)
        return wrong(parser, "it is none");
    if (header.memory < FACTS_MEMORY_APERTURE || header.memory > FACTS_MEMORY_EXPORTED)
        return wrong(parser, "it has memory of an unknown kind");
    parser->facts->cpu_memory = (enum facts_memory)header.memory;
    for (uint32_t i = 0; i < header.record_count; i++)
        if (!parse_record(parser))
            return false;
    if (parser->at != parser->end)
        return wrong(parser, "something follows it");
    add_window_features(parser->facts);
    return unpack_roots(parser);
}

VkResult umd_facts_create(const void *data, size_t size, struct umd_facts **result)
{
    struct umd_facts *facts;
    struct parser parser = {0};

    if (size > FACTS_MAX_SIZE) {
        umd_error("the description of a physical device has %zu bytes", size);
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    facts = calloc(1, sizeof(*facts));
    if (facts) {
        facts->structures = calloc(facts_structure_count, sizeof(*facts->structures));
        facts->data = malloc(size ? size : 1);
    }
    if (!facts || !facts->structures || !facts->data) {
        umd_facts_destroy(facts);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    if (size)
        memcpy(facts->data, data, size);
    parser = (struct parser){facts, facts->data, facts->data + size, NULL};
    if (!parse(&parser, size)) {
        umd_error("the host's description of a physical device is not used: %s", parser.what);
        umd_facts_destroy(facts);
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    *result = facts;
    return VK_SUCCESS;
}

void umd_facts_destroy(struct umd_facts *facts)
{
    if (!facts)
        return;
    free(facts->structures);
    free(facts->extensions);
    free(facts->data);
    free(facts);
}

/* --- Answers --- */

bool umd_facts_has_extension(const struct umd_facts *facts, uint32_t index)
{
    uint32_t low = 0, high = facts->extension_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (facts->extensions[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < facts->extension_count && facts->extensions[low].index == index;
}

bool umd_facts_fill(const struct umd_facts *facts, uint32_t element, VkBaseOutStructure *structure)
{
    const struct facts_structure *kind = facts_structure_find(structure->sType);
    const uint8_t *packed = packed_of(facts, kind);

    if (!packed)
        return false;
    if (kind->chain == FACTS_QUEUE_FAMILY) {
        if (element >= facts->queue_family_count)
            return false;
        packed += (size_t)element * kind->packed_size;
    }
    facts_unpack(kind, packed, structure);
    return true;
}

void umd_facts_fill_chain(const struct umd_facts *facts, enum facts_chain chain, uint32_t element,
                          void *structures)
{
    for (VkBaseOutStructure *s = structures; s; s = s->pNext) {
        const struct facts_structure *kind = facts_structure_find(s->sType);

        if (kind && kind->chain == chain)
            umd_facts_fill(facts, element, s);
    }
}

const struct facts_format *umd_facts_format(const struct umd_facts *facts, VkFormat format)
{
    uint32_t low = 0, high = facts->format_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (facts->formats[middle].format < (uint32_t)format)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == facts->format_count || facts->formats[low].format != (uint32_t)format)
        return NULL;
    return &facts->formats[low];
}

/* --- Features --- */

static bool have_features(const struct umd_facts *facts, const struct facts_structure *kind,
                          const void *wanted)
{
    int missing = facts_missing_feature(kind, packed_of(facts, kind), wanted);

    if (missing >= 0)
        umd_debug("vkCreateDevice: feature %d of %s is not there", missing, kind->name);
    return missing < 0;
}

bool umd_facts_have_features(const struct umd_facts *facts, const VkDeviceCreateInfo *info)
{
    if (info->pEnabledFeatures) {
        VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                              .features = *info->pEnabledFeatures};

        if (!have_features(facts, facts_structure_find(features.sType), &features))
            return false;
    }
    for (const VkBaseInStructure *s = info->pNext; s; s = s->pNext) {
        const struct facts_structure *kind = facts_structure_find(s->sType);

        if (kind && kind->chain == FACTS_FEATURES && !have_features(facts, kind, s))
            return false;
    }
    return true;
}

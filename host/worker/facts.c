/* SPDX-License-Identifier: MIT */
#include "host/worker/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vkwire.h"
#include "vkwire_exec.h"
#include "vkwire_extensions.h"
#include "wire/facts.h"

struct collection {
    const struct vkwire_instance_dispatch *vki;
    VkPhysicalDevice device;
    const struct memory_types *types;
    uint32_t api_version;    /* that the guest gets */
    uint32_t *spec_versions; /* by index in vkwire_extensions; 0: not offered */
    uint32_t queue_families;
    uint8_t *data; /* the message */
    size_t used, capacity;
    uint32_t records;
    bool short_of_memory;
};

/* --- The message --- */

/* Zeroed room at the message's end, padded to 8 bytes. */
static void *append(struct collection *c, size_t size)
{
    size_t padded = (size + 7) & ~(size_t)7;
    void *at;

    if (c->used + padded > c->capacity) {
        size_t capacity = 2 * (c->capacity + padded);
        uint8_t *grown = realloc(c->data, capacity);

        if (!grown) {
            c->short_of_memory = true;
            return NULL;
        }
        c->data = grown;
        c->capacity = capacity;
    }
    at = c->data + c->used;
    memset(at, 0, padded);
    c->used += padded;
    return at;
}

static void *append_record(struct collection *c, enum facts_record_kind kind, uint32_t id,
                           uint32_t count, size_t size)
{
    struct facts_record *record = append(c, sizeof(*record));

    if (!record)
        return NULL;
    *record = (struct facts_record){kind, id, count, (uint32_t)size};
    c->records++;
    return append(c, size);
}

/* --- Extensions --- */

static int list_extensions(struct collection *c)
{
    VkExtensionProperties *all = NULL;
    uint32_t count = 0;
    VkResult result;

    do {
        result = c->vki->EnumerateDeviceExtensionProperties(c->device, NULL, &count, NULL);
        if (result != VK_SUCCESS)
            break;
        free(all);
        all = calloc(count ? count : 1, sizeof(*all));
        if (!all)
            return -ENOMEM;
        result = c->vki->EnumerateDeviceExtensionProperties(c->device, NULL, &count, all);
    } while (result == VK_INCOMPLETE);
    for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++) {
        int index = vkwire_extension_find(all[i].extensionName);

        if (index < 0 || !vkwire_extensions[index].device || vkwire_extensions[index].refused ||
            vkwire_extensions[index].window)
            continue;
        c->spec_versions[index] = all[i].specVersion < vkwire_extensions[index].spec_version
                                      ? all[i].specVersion
                                      : vkwire_extensions[index].spec_version;
    }
    free(all);
    return result == VK_SUCCESS ? 0 : -EIO;
}

static bool offered(const struct collection *c, const char *extension)
{
    int index = vkwire_extension_find(extension);

    return index >= 0 && c->spec_versions[index];
}

static void append_extensions(struct collection *c)
{
    struct facts_extension *extension;
    uint32_t count = 0;

    for (uint32_t i = 0; i < vkwire_extension_count; i++)
        count += c->spec_versions[i] != 0;
    extension = append_record(c, FACTS_RECORD_EXTENSIONS, 0, count, count * sizeof(*extension));
    for (uint32_t i = 0; extension && i < vkwire_extension_count; i++)
        if (c->spec_versions[i])
            *extension++ = (struct facts_extension){i, c->spec_versions[i]};
}

/* --- Structures --- */

static bool available(const struct collection *c, const struct facts_structure *kind)
{
    if (kind->is_root || (kind->core && kind->core <= c->api_version))
        return true;
    for (const char *const *name = kind->extensions; name && *name; name++)
        if (offered(c, *name))
            return true;
    return false;
}

/* All structures of a chain that the driver knows, the root first, linked: malloc'ed, `elements`
 * times. */
struct chain {
    uint8_t *data;
    size_t stride; /* of one element */
    uint32_t elements;
};

static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

/* Calls for the root, then for the others that are there. */
static void for_each(const struct collection *c, enum facts_chain chain,
                     void (*visit)(const struct facts_structure *kind, void *data), void *data)
{
    for (int roots = 1; roots >= 0; roots--) {
        for (uint32_t i = 0; i < facts_structure_count; i++) {
            const struct facts_structure *kind = &facts_structures[i];

            if (kind->chain == chain && kind->is_root == (roots != 0) && available(c, kind))
                visit(kind, data);
        }
    }
}

static void add_size(const struct facts_structure *kind, void *data)
{
    *(size_t *)data += rounded(kind->size);
}

struct linking {
    uint8_t *at;
    VkBaseOutStructure *last;
};

static void link_structure(const struct facts_structure *kind, void *data)
{
    struct linking *linking = data;
    VkBaseOutStructure *structure = (void *)linking->at;

    structure->sType = kind->type;
    if (linking->last)
        linking->last->pNext = structure;
    linking->last = structure;
    linking->at += rounded(kind->size);
}

static int chain_init(const struct collection *c, enum facts_chain which, uint32_t elements,
                      struct chain *chain)
{
    *chain = (struct chain){.elements = elements};
    for_each(c, which, add_size, &chain->stride);
    chain->data = calloc(elements, chain->stride);
    if (!chain->data)
        return -ENOMEM;
    for (uint32_t i = 0; i < elements; i++) {
        struct linking linking = {chain->data + i * chain->stride, NULL};

        for_each(c, which, link_structure, &linking);
    }
    return 0;
}

/* Appends a record for each structure of the chain, with that of all elements. */
static void append_chain(struct collection *c, const struct chain *chain)
{
    for (const VkBaseOutStructure *s = (const void *)chain->data; s; s = s->pNext) {
        const struct facts_structure *kind = facts_structure_find(s->sType);
        size_t offset = (size_t)((const uint8_t *)s - chain->data);
        uint8_t *to = append_record(c, FACTS_RECORD_STRUCTURE, (uint32_t)kind->type,
                                    chain->elements, (size_t)chain->elements * kind->packed_size);

        for (uint32_t i = 0; to && i < chain->elements; i++)
            facts_pack(kind, chain->data + i * chain->stride + offset, to + i * kind->packed_size);
    }
}

static int append_properties(struct collection *c)
{
    struct chain chain;
    int code = chain_init(c, FACTS_PROPERTIES, 1, &chain);

    if (code < 0)
        return code;
    VkPhysicalDeviceProperties2 *root = (void *)chain.data;
    c->vki->GetPhysicalDeviceProperties2(c->device, root);
    root->properties.apiVersion = c->api_version;
    append_chain(c, &chain);
    free(chain.data);
    return 0;
}

static void withhold(const struct chain *chain)
{
    for (uint32_t i = 0; i < facts_withheld_feature_count; i++)
        for (VkBaseOutStructure *s = (void *)chain->data; s; s = s->pNext)
            if (s->sType == facts_withheld_features[i].type)
                memset((uint8_t *)s + facts_withheld_features[i].offset, 0, sizeof(VkBool32));
}

static int append_features(struct collection *c)
{
    struct chain chain;
    int code = chain_init(c, FACTS_FEATURES, 1, &chain);

    if (code < 0)
        return code;
    c->vki->GetPhysicalDeviceFeatures2(c->device, (void *)chain.data);
    withhold(&chain);
    append_chain(c, &chain);
    free(chain.data);
    return 0;
}

static int append_memory(struct collection *c)
{
    struct chain chain;
    int code = chain_init(c, FACTS_MEMORY, 1, &chain);

    if (code < 0)
        return code;
    VkPhysicalDeviceMemoryProperties2 *root = (void *)chain.data;
    c->vki->GetPhysicalDeviceMemoryProperties2(c->device, root);
    root->memoryProperties = c->types->guest;
    append_chain(c, &chain);
    free(chain.data);
    return 0;
}

/* Kinds of work for which the guest has no commands. */
static VkQueueFlags unknown_work(const struct collection *c)
{
    VkQueueFlags flags =
        ~(VkQueueFlags)(VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT |
                        VK_QUEUE_SPARSE_BINDING_BIT | VK_QUEUE_PROTECTED_BIT);

    if (offered(c, "VK_NV_optical_flow"))
        flags &= ~(VkQueueFlags)VK_QUEUE_OPTICAL_FLOW_BIT_NV;
    if (offered(c, "VK_KHR_video_queue"))
        flags &= ~(VkQueueFlags)0x60; /* decode and encode */
    return flags;
}

static int append_queue_families(struct collection *c)
{
    VkQueueFamilyProperties2 *families;
    struct chain chain;
    uint32_t count = 0;
    int code;

    c->vki->GetPhysicalDeviceQueueFamilyProperties2(c->device, &count, NULL);
    if (count > FACTS_MAX_QUEUE_FAMILIES)
        count = FACTS_MAX_QUEUE_FAMILIES;
    if (!count)
        return -EIO;
    code = chain_init(c, FACTS_QUEUE_FAMILY, count, &chain);
    if (code < 0)
        return code;
    /* The driver wants the roots side by side. */
    families = calloc(count, sizeof(*families));
    if (!families) {
        free(chain.data);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++)
        memcpy(&families[i], chain.data + i * chain.stride, sizeof(families[i]));
    c->vki->GetPhysicalDeviceQueueFamilyProperties2(c->device, &count, families);
    for (uint32_t i = 0; i < chain.elements; i++) {
        families[i].queueFamilyProperties.queueFlags &= ~unknown_work(c);
        memcpy(chain.data + i * chain.stride, &families[i], sizeof(families[i]));
    }
    append_chain(c, &chain);
    free(families);
    free(chain.data);
    return 0;
}

/* --- Formats --- */

static void append_formats(struct collection *c)
{
    bool newer = c->api_version >= VK_API_VERSION_1_3 || offered(c, "VK_KHR_format_feature_flags2");
    struct facts_format *format;
    uint32_t count = 0;

    for (uint32_t i = 0; i < facts_format_count; i++)
        count += facts_formats[i].core <= c->api_version;
    format = append_record(c, FACTS_RECORD_FORMATS, 0, count, count * sizeof(*format));
    for (uint32_t i = 0; format && i < facts_format_count; i++) {
        VkFormatProperties3 flags = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3};
        VkFormatProperties2 old = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
                                   .pNext = newer ? &flags : NULL};

        if (facts_formats[i].core > c->api_version)
            continue;
        c->vki->GetPhysicalDeviceFormatProperties2(c->device, facts_formats[i].format, &old);
        if (!newer) {
            flags.linearTilingFeatures = old.formatProperties.linearTilingFeatures;
            flags.optimalTilingFeatures = old.formatProperties.optimalTilingFeatures;
            flags.bufferFeatures = old.formatProperties.bufferFeatures;
        }
        *format++ = (struct facts_format){
            .format = (uint32_t)facts_formats[i].format,
            .linear = old.formatProperties.linearTilingFeatures,
            .optimal = old.formatProperties.optimalTilingFeatures,
            .buffer = old.formatProperties.bufferFeatures,
            .linear3 = flags.linearTilingFeatures,
            .optimal3 = flags.optimalTilingFeatures,
            .buffer3 = flags.bufferFeatures,
        };
    }
}

/* --- The whole --- */

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int collect(struct collection *c)
{
    int (*const parts[])(struct collection *) = {append_properties, append_features, append_memory,
                                                 append_queue_families};
    int code = append(c, sizeof(struct facts_header)) ? list_extensions(c) : -ENOMEM;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && code == 0; i++)
        code = parts[i](c);
    if (code == 0) {
        append_extensions(c);
        append_formats(c);
    }
    return code == 0 && c->short_of_memory ? -ENOMEM : code;
}

static enum facts_memory memory_kind(const struct memory_types *types)
{
    if (types->mirrored)
        return FACTS_MEMORY_MESSAGES;
    return types->export_type ? FACTS_MEMORY_EXPORTED : FACTS_MEMORY_APERTURE;
}

int facts_collect(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device,
                  uint32_t api_version, const struct memory_types *types, void **data, size_t *size,
                  struct error *err)
{
    struct collection c = {.vki = vki, .device = device, .types = types};
    VkPhysicalDeviceProperties properties;
    int code;

    vki->GetPhysicalDeviceProperties(device, &properties);
    c.api_version = lower(properties.apiVersion, lower(api_version, VKWIRE_API_VERSION));
    c.spec_versions = calloc(vkwire_extension_count, sizeof(*c.spec_versions));
    code = c.spec_versions ? collect(&c) : -ENOMEM;
    free(c.spec_versions);
    if (code == 0 && c.used > FACTS_MAX_SIZE)
        code = -EIO;
    if (code < 0) {
        free(c.data);
        return error_set(err, code, "\"%s\" cannot be described: %s", properties.deviceName,
                         code == -ENOMEM ? "memory is short"
                                         : "its driver fails to list what it has");
    }
    *(struct facts_header *)(void *)c.data =
        (struct facts_header){FACTS_MAGIC, c.records, (uint32_t)c.used, memory_kind(types)};
    *data = c.data;
    *size = c.used;
    return 0;
}

/* --- Features of a device to be --- */

/* The packed structure of a type; NULL where there is none. The message is our own. */
static const uint8_t *find_structure(const uint8_t *data, size_t size, VkStructureType type)
{
    size_t at = sizeof(struct facts_header);

    while (at < size) {
        const struct facts_record *record = (const void *)(data + at);

        at += sizeof(*record);
        if (record->kind == FACTS_RECORD_STRUCTURE && record->id == (uint32_t)type)
            return data + at;
        at += ((size_t)record->size + 7) & ~(size_t)7;
    }
    return NULL;
}

static bool have(const void *data, size_t size, const VkBaseInStructure *wanted)
{
    const struct facts_structure *kind = facts_structure_find(wanted->sType);

    return !kind || kind->chain != FACTS_FEATURES ||
           facts_missing_feature(kind, find_structure(data, size, kind->type), wanted) < 0;
}

bool facts_have_features(const void *data, size_t size, const VkDeviceCreateInfo *info)
{
    if (info->pEnabledFeatures) {
        VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                              .features = *info->pEnabledFeatures};

        if (!have(data, size, (const VkBaseInStructure *)&features))
            return false;
    }
    for (const VkBaseInStructure *s = info->pNext; s; s = s->pNext)
        if (!have(data, size, s))
            return false;
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * What a guest is told of a physical device, in one message (STREAM_FACTS): properties, features,
 * queue families, memory, extensions, formats. The worker collects it once (host/worker/facts.c),
 * the guest answers queries from it (umd/umd_facts.c). Little-endian.
 *
 * A structure is packed: its members behind sType and pNext in their order, without padding, size_t
 * as 8 bytes. The same on all machines. The tables say how; wire/gen/facts.py makes them from
 * vk.xml.
 */
#ifndef GPUPV_WIRE_FACTS_H
#define GPUPV_WIRE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

/* --- The message: the header, then records back to back, each padded to 8 bytes --- */

#define FACTS_MAGIC 0x74636166u
#define FACTS_MAX_SIZE (1u << 20)
#define FACTS_MAX_QUEUE_FAMILIES 64u

struct facts_header {
    uint32_t magic;
    uint32_t record_count;
    uint32_t size;   /* of the whole message */
    uint32_t memory; /* enum facts_memory */
};

/* How the guest's CPU sees memory of the device. */
enum facts_memory {
    FACTS_MEMORY_APERTURE = 1, /* it lies in the aperture, where the guest has one */
    FACTS_MEMORY_MESSAGES = 2, /* its contents travel in messages in any case */
    FACTS_MEMORY_EXPORTED = 3, /* it is the driver's own, which D3DKMTLock2 maps, where the guest has
                                  an aperture */
};

enum facts_record_kind {
    FACTS_RECORD_STRUCTURE = 1,  /* id: VkStructureType; packed structures, `count` of them: one,
                                    or one for each queue family */
    FACTS_RECORD_EXTENSIONS = 2, /* struct facts_extension */
    FACTS_RECORD_FORMATS = 3,    /* struct facts_format, VkFormat ascending */
};

struct facts_record {
    uint32_t kind, id;
    uint32_t count; /* of elements */
    uint32_t size;  /* bytes that follow, without padding */
};

struct facts_extension {
    uint32_t index; /* in vkwire_extensions */
    uint32_t spec_version;
};

struct facts_format {
    uint32_t format;
    uint32_t linear, optimal, buffer;    /* VkFormatProperties */
    uint64_t linear3, optimal3, buffer3; /* VkFormatProperties3 */
};

_Static_assert(sizeof(struct facts_header) == 16, "no padding on the wire");
_Static_assert(sizeof(struct facts_record) == 16, "no padding on the wire");
_Static_assert(sizeof(struct facts_format) == 40, "no padding on the wire");

/* --- Tables (vkwire_facts.c, generated) --- */

/* What a structure is part of. */
enum facts_chain {
    FACTS_PROPERTIES,
    FACTS_FEATURES,
    FACTS_QUEUE_FAMILY,
    FACTS_MEMORY,
    FACTS_FORMAT, /* this and the following are not in the message: answers to queries */
    FACTS_IMAGE_FORMAT,
    FACTS_SPARSE_IMAGE_FORMAT,
    FACTS_EXTERNAL,
};

struct facts_field {
    uint16_t offset; /* in the structure */
    uint16_t size;   /* in the structure and packed */
    bool is_size;    /* a size_t: 8 bytes packed */
};

struct facts_structure {
    const char *name;
    VkStructureType type;
    uint8_t chain; /* enum facts_chain */
    bool is_root;  /* VkPhysicalDeviceProperties2 and the like: always there */
    uint16_t size, packed_size;
    uint16_t field_count;
    const struct facts_field *fields;
    uint32_t core;                 /* VK_API_VERSION that has it, or 0 */
    const char *const *extensions; /* of which any provides it; NULL at the end */
};

extern const struct facts_structure facts_structures[];
extern const uint32_t facts_structure_count;

/* Of a feature structure each member is a VkBool32. These are never offered, with the reason. */
struct facts_withheld_feature {
    VkStructureType type;
    uint16_t offset;
    const char *name, *reason;
};
extern const struct facts_withheld_feature facts_withheld_features[];
extern const uint32_t facts_withheld_feature_count;

/* Core formats, ascending. */
struct facts_core_format {
    VkFormat format;
    uint32_t core; /* VK_API_VERSION that has it */
};
extern const struct facts_core_format facts_formats[];
extern const uint32_t facts_format_count;

/* NULL for a structure that no table knows. */
const struct facts_structure *facts_structure_find(VkStructureType type);

/* --- Packing (facts.c) --- */

/* `packed` has packed_size bytes. sType and pNext are left out, and alone. */
void facts_pack(const struct facts_structure *kind, const void *structure, uint8_t *packed);
void facts_unpack(const struct facts_structure *kind, const uint8_t *packed, void *structure);

/* Of a feature structure: the number of the first member that is on in `wanted` and not in `packed`
 * (NULL: nothing is), or -1. */
int facts_missing_feature(const struct facts_structure *kind, const uint8_t *packed,
                          const void *wanted);

#endif

/* SPDX-License-Identifier: MIT */
/* Buffers and images that may lie in imported or exported memory: see exec_memory.h. */
#include "host/worker/exec_external.h"

#include "host/worker/worker.h"
#include "vkwire_exec.h"

/* As what memory is imported or exported. */
static VkExternalMemoryHandleTypeFlagBits handle_type(const struct exec *x)
{
    VkExternalMemoryHandleTypeFlagBits exported = x->adapter->memory_types.export_type;
    return exported ? exported : VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
}

static VkExternalMemoryFeatureFlags needed_feature(const struct exec *x)
{
    return x->adapter->memory_types.export_type ? VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT
                                                : VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
}

static uint32_t place_of(uint32_t a, uint32_t b)
{
    return (a * 0x9e3779b1u ^ b * 0x85ebca6bu) >> 16 & (EXEC_EXTERNAL_KINDS - 1);
}

static VkBaseOutStructure *find(const void *next, VkStructureType type)
{
    VkBaseOutStructure *structure = (VkBaseOutStructure *)next;
    while (structure && structure->sType != type)
        structure = structure->pNext;
    return structure;
}

/* The types of memory that is imported or exported, as a bit mask. */
static uint32_t shared_types(const struct exec *x)
{
    return x->mirrors ? 0 : x->adapter->memory_types.visible;
}

/* --- Buffers --- */

static bool ask_buffer(struct exec *x, const VkBufferCreateInfo *info)
{
    VkPhysicalDeviceExternalBufferInfo question = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
        .flags = info->flags,
        .usage = info->usage,
        .handleType = handle_type(x),
    };
    VkExternalBufferProperties answer = {.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};
    x->vki->GetPhysicalDeviceExternalBufferProperties(x->physical_device, &question, &answer);
    return answer.externalMemoryProperties.externalMemoryFeatures & needed_feature(x);
}

static bool buffer_is_importable(struct exec *x, const VkBufferCreateInfo *info)
{
    if (info->usage == 0) /* it is in a structure of the chain */
        return true;
    struct exec_external_buffer *known = &x->memory->buffers[place_of(info->flags, info->usage)];
    if (known->usage != info->usage || known->flags != info->flags)
        *known = (struct exec_external_buffer){info->flags, info->usage, ask_buffer(x, info)};
    return known->importable;
}

void exec_plan_buffer(struct exec *x, const VkBufferCreateInfo *source,
                      struct exec_buffer_plan *plan)
{
    plan->info = *source;
    plan->importable = true; /* there may be nothing to share */
    if (!shared_types(x))
        return;
    plan->importable = buffer_is_importable(x, source);
    if (!plan->importable)
        return;
    VkExternalMemoryBufferCreateInfo *external =
        (void *)find(source->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    if (external) { /* it lies in the batch's copy */
        external->handleTypes = handle_type(x);
        return;
    }
    plan->external = (VkExternalMemoryBufferCreateInfo){
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
        .pNext = source->pNext,
        .handleTypes = handle_type(x),
    };
    plan->info.pNext = &plan->external;
}

/* --- Images --- */

static VkImageFormatProperties ask_image(struct exec *x, const VkImageCreateInfo *info)
{
    const VkImageFormatListCreateInfo *list =
        (void *)find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO);
    const VkImageStencilUsageCreateInfo *stencil =
        (void *)find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO);
    VkPhysicalDeviceExternalImageFormatInfo external = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
        .handleType = handle_type(x),
    };
    const void *next = &external;
    VkImageFormatListCreateInfo list_copy;
    if (list) {
        list_copy = *list;
        list_copy.pNext = next;
        next = &list_copy;
    }
    VkImageStencilUsageCreateInfo stencil_copy;
    if (stencil) {
        stencil_copy = *stencil;
        stencil_copy.pNext = next;
        next = &stencil_copy;
    }
    VkPhysicalDeviceImageFormatInfo2 question = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
        .pNext = next,
        .format = info->format,
        .type = info->imageType,
        .tiling = info->tiling,
        .usage = info->usage,
        .flags = info->flags,
    };
    VkExternalImageFormatProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
    };
    VkImageFormatProperties2 answer = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
        .pNext = &properties,
    };
    VkResult result =
        x->vki->GetPhysicalDeviceImageFormatProperties2(x->physical_device, &question, &answer);
    if (result || !(properties.externalMemoryProperties.externalMemoryFeatures & needed_feature(x)))
        return (VkImageFormatProperties){0};
    return answer.imageFormatProperties;
}

static VkImageFormatProperties image_limits(struct exec *x, const VkImageCreateInfo *info)
{
    if (find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO) ||
        find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO) || info->format == 0)
        return ask_image(x, info);
    struct exec_external_image *known = &x->memory->images[place_of(
        (uint32_t)info->format ^ (uint32_t)info->imageType << 16 ^ (uint32_t)info->tiling << 18,
        info->usage ^ info->flags << 12)];
    if (known->format != info->format || known->type != info->imageType ||
        known->tiling != info->tiling || known->usage != info->usage || known->flags != info->flags)
        *known = (struct exec_external_image){
            info->format, info->imageType, info->tiling,
            info->usage,  info->flags,     ask_image(x, info),
        };
    return known->limits;
}

static bool image_is_importable(struct exec *x, const VkImageCreateInfo *info)
{
    if (info->initialLayout != VK_IMAGE_LAYOUT_UNDEFINED)
        return false;
    VkImageFormatProperties limits = image_limits(x, info);
    return info->extent.width <= limits.maxExtent.width &&
           info->extent.height <= limits.maxExtent.height &&
           info->extent.depth <= limits.maxExtent.depth && info->mipLevels <= limits.maxMipLevels &&
           info->arrayLayers <= limits.maxArrayLayers && (info->samples & limits.sampleCounts);
}

/* Images that the CPU does not read in place belong into the device's own memory, where they need
 * no external handle type, which may cost them their compression. */
static bool image_has_better_memory(const struct memory_types *types, const VkImageCreateInfo *info)
{
    uint32_t all = (uint32_t)((UINT64_C(1) << types->guest.memoryTypeCount) - 1);
    return info->tiling == VK_IMAGE_TILING_OPTIMAL && (all & ~types->visible);
}

void exec_plan_image(struct exec *x, const VkImageCreateInfo *source, struct exec_image_plan *plan)
{
    const struct memory_types *types = &x->adapter->memory_types;
    plan->info = *source;
    plan->importable = true;
    if (!shared_types(x))
        return;
    plan->importable = !image_has_better_memory(types, source) && image_is_importable(x, source);
    if (!plan->importable)
        return;
    VkExternalMemoryImageCreateInfo *external =
        (void *)find(source->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
    if (external) {
        external->handleTypes = handle_type(x);
        return;
    }
    plan->external = (VkExternalMemoryImageCreateInfo){
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
        .pNext = source->pNext,
        .handleTypes = handle_type(x),
    };
    plan->info.pNext = &plan->external;
}

/* --- Requirements --- */

void exec_exclude_imported(const struct exec *x, VkMemoryRequirements *requirements)
{
    uint32_t others = requirements->memoryTypeBits & ~shared_types(x);
    if (others)
        requirements->memoryTypeBits = others;
}

static void forget_nothing(struct exec *x, struct exec_object *object)
{
    (void)x;
    (void)object;
}

static struct exec_aux not_importable = {forget_nothing};

void exec_mark_not_importable(struct exec *x, uint64_t id, uint8_t type)
{
    struct exec_object *object = exec_object_find(x, id, type);
    if (object)
        object->aux = &not_importable;
}

bool exec_is_importable(const struct exec_object *object)
{
    return object->aux != &not_importable;
}

/* SPDX-License-Identifier: MIT */
/*
 * VkDeviceMemory. Each lies in one of the guest's allocations, which the service counts:
 * CPU-visible memory is imported from it, or exported as a file; other memory is of the driver.
 */
#include "host/worker/exec_memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/worker/decoder.h"
#include "host/worker/exec_external.h"
#include "host/worker/exec_mirror.h"
#include "host/worker/exec_private.h"
#include "host/worker/worker.h"
#include "vkwire.h"
#include "vkwire_decode.h"
#include "vkwire_exec.h"

#define HANDLE(type, handle) ((type)(uintptr_t)(handle))

VkResult exec_memory_init(struct exec *x)
{
    x->memory = calloc(1, sizeof(*x->memory));
    if (!x->memory)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!x->adapter->memory_types.export_type)
        return VK_SUCCESS;
    x->memory->get_file =
        (PFN_vkGetMemoryFdKHR)x->vki->GetDeviceProcAddr(x->device, "vkGetMemoryFdKHR");
    if (x->memory->get_file)
        return VK_SUCCESS;
    exec_memory_finish(x);
    return VK_ERROR_INITIALIZATION_FAILED;
}

void exec_memory_finish(struct exec *x)
{
    free(x->memory);
    x->memory = NULL;
}

struct memory_aux {
    struct exec_aux aux;
    struct memory_aux *next, **link; /* of all */
    VkDeviceMemory handle;
    uint32_t allocation;
    uint64_t size;              /* bytes that the driver has made */
    struct exec_mirror *mirror; /* or NULL */
};

static void remember_memory(struct exec_memory_state *state, struct memory_aux *memory)
{
    memory->next = state->all;
    memory->link = &state->all;
    if (state->all)
        state->all->link = &memory->next;
    state->all = memory;
}

static void forget_memory(struct exec *x, struct exec_object *object)
{
    struct memory_aux *memory = object->aux;
    *memory->link = memory->next;
    if (memory->next)
        memory->next->link = memory->link;
    x->vk->FreeMemory(x->device, memory->handle, NULL);
    worker_allocation_unmap(x->worker, memory->allocation);
    exec_mirror_destroy(memory->mirror);
    free(memory);
}

/* Of the guest and its thunks. */
#define EXPORT_PAGE 4096u

static bool exports(const struct exec *x)
{
    return !x->mirrors && x->adapter->memory_types.export_type;
}

/* New memory may hold what somebody else has left there. */
static VkResult clear_memory(struct exec *x, VkDeviceMemory memory, uint64_t size)
{
    void *at;
    if (size > SIZE_MAX)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = x->vk->MapMemory(x->device, memory, 0, VK_WHOLE_SIZE, 0, &at);
    if (result)
        return result;
    memset(at, 0, (size_t)size);
    x->vk->UnmapMemory(x->device, memory);
    return VK_SUCCESS;
}

/* Gives the service the file that the memory lies in, for the guest to map. */
static VkResult export_memory(struct exec *x, VkDeviceMemory memory, uint64_t size,
                              uint32_t allocation)
{
    const VkMemoryGetFdInfoKHR info = {.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                                       .memory = memory,
                                       .handleType = x->adapter->memory_types.export_type};
    const struct link_exported exported = {.allocation = allocation,
                                           .offset = x->adapter->memory_types.export_offset};
    int file;
    VkResult result = clear_memory(x, memory, size);
    if (!result)
        result = x->memory->get_file(x->device, &info, &file);
    if (result)
        return result;
    if (worker_send_file(x->worker, LINK_EXPORTED, &exported, sizeof(exported), file))
        result = VK_ERROR_OUT_OF_HOST_MEMORY;
    close(file);
    return result;
}

/* What the driver is asked for. */
struct plan {
    VkMemoryAllocateInfo info;
    VkImportMemoryHostPointerInfoEXT import;
    VkExportMemoryAllocateInfo export;
};

/* Memory for one buffer or image has exactly its size, as Vulkan wants it; memory that is shared
 * has whole pages. Where both cannot be, the memory is not dedicated. */
static const void *without_dedication(const void *chain)
{
    VkBaseOutStructure first = {.pNext = (void *)chain};
    for (VkBaseOutStructure *at = &first; at->pNext;) {
        if (at->pNext->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO)
            at->pNext = at->pNext->pNext;
        else
            at = at->pNext;
    }
    return first.pNext;
}

static bool round_size(struct plan *plan, uint64_t alignment, uint64_t room)
{
    uint64_t size = plan->info.allocationSize;
    uint64_t rounded = (size + alignment - 1) / alignment * alignment;
    if (rounded < size || rounded > room)
        return false;
    if (rounded != size)
        plan->info.pNext = without_dedication(plan->info.pNext);
    plan->info.allocationSize = rounded;
    return true;
}

static bool plan_export(struct exec *x, struct plan *plan, uint64_t room)
{
    if (!round_size(plan, EXPORT_PAGE, room))
        return false;
    /* One of the guest's, which exports nothing, lies in the batch's copy. */
    for (VkBaseOutStructure *at = (void *)(uintptr_t)plan->info.pNext; at; at = at->pNext) {
        if (at->sType == VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO) {
            ((VkExportMemoryAllocateInfo *)(void *)at)->handleTypes =
                x->adapter->memory_types.export_type;
            return true;
        }
    }
    plan->export = (VkExportMemoryAllocateInfo){
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .pNext = plan->info.pNext,
        .handleTypes = x->adapter->memory_types.export_type,
    };
    plan->info.pNext = &plan->export;
    return true;
}

static bool plan_import(struct exec *x, struct plan *plan, void *at, uint64_t room)
{
    uint64_t alignment = x->adapter->memory_types.import_alignment;
    if ((uintptr_t)at % alignment || !round_size(plan, alignment, room))
        return false;
    plan->import = (VkImportMemoryHostPointerInfoEXT){
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
        .pNext = plan->info.pNext,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
        .pHostPointer = at,
    };
    plan->info.pNext = &plan->import;
    return true;
}

/* The allocation is in use from then on. False: the stream failed. */
static bool take_allocation(struct exec *x, const struct stream_allocate_memory *command,
                            struct plan *plan)
{
    uint64_t room = 0;
    bool visible = memory_types_visible(&x->adapter->memory_types, command->memory_type);
    if (!worker_allocation_use(x->worker, command->allocation, &room)) {
        exec_fail(x, STREAM_LOST_PROTOCOL,
                  "memory in the allocation 0x%x, which is not there or used", command->allocation);
        return false;
    }
    bool fits = command->size <= room;
    if (fits && visible && exports(x)) {
        fits = plan_export(x, plan, room);
    } else if (fits && visible && !x->mirrors) {
        void *at = worker_allocation_map(x->worker, command->allocation, &room);
        if (at)
            worker_allocation_unmap(x->worker, command->allocation);
        fits = at && plan_import(x, plan, at, room);
    }
    if (!fits) {
        worker_allocation_unmap(x->worker, command->allocation);
        exec_fail(x, STREAM_LOST_PROTOCOL, "%llu bytes of memory in the allocation 0x%x of %llu",
                  (unsigned long long)command->size, command->allocation, (unsigned long long)room);
        return false;
    }
    return true;
}

static VkResult allocate(struct exec *x, const struct stream_allocate_memory *command,
                         const void *next)
{
    struct plan plan = {.info = {
                            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                            .pNext = next,
                            .allocationSize = command->size,
                            .memoryTypeIndex = command->memory_type,
                        }};
    if (!take_allocation(x, command, &plan))
        return VK_ERROR_DEVICE_LOST;
    VkDeviceMemory handle = VK_NULL_HANDLE;
    struct exec_mirror *mirror = NULL;
    struct memory_aux *memory = calloc(1, sizeof(*memory));
    VkResult result = memory ? x->vk->AllocateMemory(x->device, &plan.info, NULL, &handle)
                             : VK_ERROR_OUT_OF_HOST_MEMORY;
    if (result)
        goto give_back;
    bool visible = memory_types_visible(&x->adapter->memory_types, command->memory_type);
    if (visible && x->mirrors)
        result = exec_mirror_create(x, handle, command->size, &mirror);
    else if (visible && exports(x))
        result = export_memory(x, handle, plan.info.allocationSize, command->allocation);
    if (result)
        goto free_memory;
    uint64_t value = (uint64_t)(uintptr_t)handle;
    if (!exec_object_add(x, command->id, VKWIRE_OBJECT_DEVICE_MEMORY, value)) {
        result = VK_ERROR_DEVICE_LOST;
        goto free_memory;
    }
    *memory = (struct memory_aux){
        .aux = {forget_memory},
        .handle = handle,
        .allocation = command->allocation,
        .size = plan.info.allocationSize,
        .mirror = mirror,
    };
    remember_memory(x->memory, memory);
    exec_object_find(x, command->id, VKWIRE_OBJECT_DEVICE_MEMORY)->aux = memory;
    return VK_SUCCESS;
free_memory:
    exec_mirror_destroy(mirror);
    x->vk->FreeMemory(x->device, handle, NULL);
give_back:
    free(memory);
    worker_allocation_unmap(x->worker, command->allocation);
    /* The guest asked for no import. */
    return result == VK_ERROR_INVALID_EXTERNAL_HANDLE ? VK_ERROR_OUT_OF_DEVICE_MEMORY : result;
}

void exec_allocate_memory(struct exec *x, uint8_t *command, size_t size)
{
    const struct stream_allocate_memory head =
        *(const struct stream_allocate_memory *)(const void *)command;
    struct exec_decoder decoder;
    exec_decoder_init(&decoder, x, command + sizeof(head), size - sizeof(head));
    void *next = vkwire_get_chain(&decoder);
    if (!exec_decoder_done(&decoder)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkAllocateMemory: %s", decoder.why);
        return;
    }
    if (head.size == 0 || head.memory_type >= x->adapter->memory_types.guest.memoryTypeCount) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkAllocateMemory: %llu bytes of type %u",
                  (unsigned long long)head.size, head.memory_type);
        return;
    }
    exec_reply(x, head.reply, allocate(x, &head, next), NULL, 0);
}

struct exec_mirror *exec_memory_mirror(struct exec *x, uint64_t id)
{
    const struct exec_object *object = exec_object_find(x, id, VKWIRE_OBJECT_DEVICE_MEMORY);
    return object ? ((const struct memory_aux *)object->aux)->mirror : NULL;
}

uint64_t exec_memory_size(struct exec *x, uint64_t id)
{
    const struct exec_object *object = exec_object_find(x, id, VKWIRE_OBJECT_DEVICE_MEMORY);
    return object ? ((const struct memory_aux *)object->aux)->size : 0;
}

uint64_t exec_memory_size_of(const struct exec *x, VkDeviceMemory handle)
{
    for (const struct memory_aux *memory = x->memory->all; memory; memory = memory->next) {
        if (memory->handle == handle)
            return memory->size;
    }
    return 0;
}

void exec_free_memory(struct exec *x, const struct stream_object *command)
{
    struct exec_object *object = exec_object_get(x, command->id, VKWIRE_OBJECT_DEVICE_MEMORY);
    if (object)
        exec_object_remove(x, object);
}

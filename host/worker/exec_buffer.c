/* SPDX-License-Identifier: MIT */
/* Buffers: created such that they may lie in imported memory. */
#include "host/worker/exec_memory.h"
#include "vkwire.h"
#include "vkwire_exec.h"

VkResult exec_CreateBuffer(struct exec *x, const struct args_CreateBuffer *a)
{
    struct exec_buffer_plan plan;
    exec_plan_buffer(x, a->pCreateInfo, &plan);
    VkBuffer buffer;
    VkResult result = x->vk->CreateBuffer(x->device, &plan.info, NULL, &buffer);
    if (result)
        return result;
    uint64_t value = (uint64_t)(uintptr_t)buffer;
    if (!exec_object_add(x, a->pBuffer_ids[0], VKWIRE_OBJECT_BUFFER, value)) {
        x->vk->DestroyBuffer(x->device, buffer, NULL);
        return VK_SUCCESS; /* the stream has failed */
    }
    if (!plan.importable)
        exec_mark_not_importable(x, a->pBuffer_ids[0], VKWIRE_OBJECT_BUFFER);
    return VK_SUCCESS;
}

void exec_GetBufferMemoryRequirements2(struct exec *x,
                                       const struct args_GetBufferMemoryRequirements2 *a)
{
    x->vk->GetBufferMemoryRequirements2(x->device, a->pInfo, a->pMemoryRequirements);
    const struct exec_object *object =
        exec_object_find(x, a->pInfo_buffer_id, VKWIRE_OBJECT_BUFFER);
    if (object && !exec_is_importable(object))
        exec_exclude_imported(x, &a->pMemoryRequirements->memoryRequirements);
}

void exec_GetDeviceBufferMemoryRequirements(struct exec *x,
                                            const struct args_GetDeviceBufferMemoryRequirements *a)
{
    struct exec_buffer_plan plan;
    if (!x->vk->GetDeviceBufferMemoryRequirements) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkGetDeviceBufferMemoryRequirements is not there");
        return;
    }
    exec_plan_buffer(x, a->pInfo->pCreateInfo, &plan);
    VkDeviceBufferMemoryRequirements info = *a->pInfo;
    info.pCreateInfo = &plan.info;
    x->vk->GetDeviceBufferMemoryRequirements(x->device, &info, a->pMemoryRequirements);
    if (!plan.importable)
        exec_exclude_imported(x, &a->pMemoryRequirements->memoryRequirements);
}

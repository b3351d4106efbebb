/* SPDX-License-Identifier: MIT */
/* Images: created such that they may lie in imported memory. */
#include "host/worker/exec_memory.h"
#include "vkwire.h"
#include "vkwire_exec.h"

VkResult exec_CreateImage(struct exec *x, const struct args_CreateImage *a)
{
    struct exec_image_plan plan;
    exec_plan_image(x, a->pCreateInfo, &plan);
    VkImage image;
    VkResult result = x->vk->CreateImage(x->device, &plan.info, NULL, &image);
    if (result)
        return result;
    uint64_t value = (uint64_t)(uintptr_t)image;
    if (!exec_object_add(x, a->pImage_ids[0], VKWIRE_OBJECT_IMAGE, value)) {
        x->vk->DestroyImage(x->device, image, NULL);
        return VK_SUCCESS; /* the stream has failed */
    }
    if (!plan.importable)
        exec_mark_not_importable(x, a->pImage_ids[0], VKWIRE_OBJECT_IMAGE);
    return VK_SUCCESS;
}

void exec_GetImageMemoryRequirements2(struct exec *x,
                                      const struct args_GetImageMemoryRequirements2 *a)
{
    x->vk->GetImageMemoryRequirements2(x->device, a->pInfo, a->pMemoryRequirements);
    const struct exec_object *object = exec_object_find(x, a->pInfo_image_id, VKWIRE_OBJECT_IMAGE);
    if (object && !exec_is_importable(object))
        exec_exclude_imported(x, &a->pMemoryRequirements->memoryRequirements);
}

void exec_GetDeviceImageMemoryRequirements(struct exec *x,
                                           const struct args_GetDeviceImageMemoryRequirements *a)
{
    struct exec_image_plan plan;
    if (!x->vk->GetDeviceImageMemoryRequirements) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkGetDeviceImageMemoryRequirements is not there");
        return;
    }
    exec_plan_image(x, a->pInfo->pCreateInfo, &plan);
    VkDeviceImageMemoryRequirements info = *a->pInfo;
    info.pCreateInfo = &plan.info;
    x->vk->GetDeviceImageMemoryRequirements(x->device, &info, a->pMemoryRequirements);
    if (!plan.importable)
        exec_exclude_imported(x, &a->pMemoryRequirements->memoryRequirements);
}

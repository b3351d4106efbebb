/* SPDX-License-Identifier: MIT */
/*
 * Pipelines: created without waiting for the compiler. A program that asks not to compile
 * (VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT) or for feedback waits for the answer.
 */
#include <stdlib.h>
#include <string.h>

#include "umd/umd_chain.h"
#include "umd/umd_pipeline_state.h"
#include "umd/umd_render_pass.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

/* False: not all got one; those that did are freed. */
static bool create_ids(struct umd_device *device, uint32_t count, VkPipeline *pipelines)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_PIPELINE, NULL);
        if (!id) {
            while (i-- > 0)
                umd_id_free(&device->ids, UMD_ID(pipelines[i]));
            return false;
        }
        pipelines[i] = UMD_HANDLE(VkPipeline, id);
    }
    return true;
}

static void free_ids(struct umd_device *device, uint32_t count, VkPipeline *pipelines)
{
    for (uint32_t i = 0; i < count; i++) {
        umd_id_free(&device->ids, UMD_ID(pipelines[i]));
        pipelines[i] = VK_NULL_HANDLE;
    }
}

static const VkPipelineCreationFeedbackCreateInfo *feedback_of(const void *next)
{
    return umd_chain_find(next, VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO);
}

/* Whether the program learns how the creation of a pipeline ended. */
static bool is_awaited(const void *next, VkPipelineCreateFlags flags)
{
    return (umd_pipeline_flags(next, flags) &
            VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT) ||
           feedback_of(next);
}

/* --- Results --- */

static void write_feedback(VkPipelineCreationFeedback *to,
                           const struct stream_pipeline_feedback *from)
{
    *to = (VkPipelineCreationFeedback){.flags = from->flags, .duration = from->duration};
}

/* Reads the result of one pipeline. False: the reply is too short. */
static bool read_result(struct umd_call *call, size_t *at, uint32_t *there,
                        const VkPipelineCreationFeedbackCreateInfo *feedback)
{
    struct stream_pipeline_result head;
    if (call->size - *at < sizeof(head))
        return false;
    memcpy(&head, call->data + *at, sizeof(head));
    *at += sizeof(head);
    *there = head.there;
    for (uint64_t i = 0; i < 1 + (uint64_t)head.stages; i++) {
        struct stream_pipeline_feedback from;
        if (call->size - *at < sizeof(from))
            return false;
        memcpy(&from, call->data + *at, sizeof(from));
        *at += sizeof(from);
        if (feedback && i == 0)
            write_feedback(feedback->pPipelineCreationFeedback, &from);
        else if (feedback && i <= feedback->pipelineStageCreationFeedbackCount)
            write_feedback(&feedback->pPipelineStageCreationFeedbacks[i - 1], &from);
    }
    return true;
}

static void clear_feedback(const VkPipelineCreationFeedbackCreateInfo *feedback)
{
    const struct stream_pipeline_feedback none = {0};
    if (!feedback)
        return;
    write_feedback(feedback->pPipelineCreationFeedback, &none);
    for (uint32_t i = 0; i < feedback->pipelineStageCreationFeedbackCount; i++)
        write_feedback(&feedback->pPipelineStageCreationFeedbacks[i], &none);
}

/* Waits for how a creation ended; pipelines that were not made become VK_NULL_HANDLE. The chains
 * stand `stride` bytes apart, behind the sType of the create infos. */
static VkResult wait_for_results(struct umd_device *device, uint32_t count, VkPipeline *pipelines,
                                 const void *infos, size_t stride)
{
    struct umd_call call;
    struct wire_encoder *e = umd_call_begin(device->stream, &call);
    if (e) {
        size_t at = e->used;
        struct stream_pipeline_results *command =
            wire_put(e, sizeof(*command) + count * sizeof(uint64_t));
        if (command) {
            *command = (struct stream_pipeline_results){
                .head.opcode = STREAM_PIPELINE_RESULTS,
                .reply = call.word,
                .count = count,
            };
            uint64_t *ids = (uint64_t *)(void *)(command + 1);
            for (uint32_t i = 0; i < count; i++)
                ids[i] = UMD_ID(pipelines[i]);
        }
        wire_end_command(e, at);
    }
    VkResult result = umd_call_wait(&call);
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        const VkBaseInStructure *info = (const void *)((const uint8_t *)infos + i * stride);
        const VkPipelineCreationFeedbackCreateInfo *feedback = feedback_of(info->pNext);
        uint32_t there = 0;
        clear_feedback(feedback);
        if (!result && !read_result(&call, &at, &there, feedback)) {
            umd_stream_lose(device->stream, "the worker answered for too few pipelines");
            result = VK_ERROR_DEVICE_LOST;
        }
        if (result || !there)
            free_ids(device, 1, &pipelines[i]);
    }
    if (!result)
        result = call.result;
    umd_call_end(&call);
    return result;
}

/* After the command was put. */
static VkResult end_create(struct umd_device *device, bool wait, uint32_t count,
                           VkPipeline *pipelines, const void *infos, size_t stride)
{
    VkResult result = umd_stream_end(device->stream, false);
    if (result)
        free_ids(device, count, pipelines);
    else if (wait)
        result = wait_for_results(device, count, pipelines, infos, stride);
    return result;
}

/* --- Graphics --- */

static void sanitize(struct umd_device *device, const VkGraphicsPipelineCreateInfo *source,
                     VkGraphicsPipelineCreateInfo *copy, struct umd_pipeline_room *room)
{
    const struct umd_render_pass *pass = NULL;
    if (umd_id_live(&device->ids, UMD_ID(source->renderPass), VKWIRE_OBJECT_RENDER_PASS))
        pass = umd_object(device, UMD_ID(source->renderPass));
    const struct umd_subpass *subpass = NULL;
    if (pass && source->subpass < pass->subpass_count)
        subpass = &pass->subpasses[source->subpass];
    umd_sanitize_graphics_pipeline(copy, room, source, subpass);
    /* A library may have no use for these. */
    if (!pass)
        copy->renderPass = VK_NULL_HANDLE;
    if (!umd_id_live(&device->ids, UMD_ID(source->layout), VKWIRE_OBJECT_PIPELINE_LAYOUT))
        copy->layout = VK_NULL_HANDLE;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateGraphicsPipelines(
    VkDevice device_handle, VkPipelineCache pipelineCache, uint32_t createInfoCount,
    const VkGraphicsPipelineCreateInfo *pCreateInfos, const VkAllocationCallbacks *pAllocator,
    VkPipeline *pPipelines)
{
    (void)pAllocator;
    struct umd_device *device = umd_device_from(device_handle);
    memset(pPipelines, 0, createInfoCount * sizeof(*pPipelines));
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    struct umd_pipeline_room *rooms = calloc(createInfoCount, sizeof(*rooms));
    VkGraphicsPipelineCreateInfo *infos = calloc(createInfoCount, sizeof(*infos));
    if (!rooms || !infos || !create_ids(device, createInfoCount, pPipelines))
        goto out;
    bool wait = false;
    for (uint32_t i = 0; i < createInfoCount; i++) {
        sanitize(device, &pCreateInfos[i], &infos[i], &rooms[i]);
        wait = wait || is_awaited(pCreateInfos[i].pNext, pCreateInfos[i].flags);
    }
    wire_put_CreateGraphicsPipelines(umd_stream_begin(device->stream), pipelineCache,
                                     createInfoCount, infos, pPipelines);
    result =
        end_create(device, wait, createInfoCount, pPipelines, pCreateInfos, sizeof(*pCreateInfos));
out:
    free(infos);
    free(rooms);
    return result;
}

/* --- Compute and ray tracing --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateComputePipelines(
    VkDevice device_handle, VkPipelineCache pipelineCache, uint32_t createInfoCount,
    const VkComputePipelineCreateInfo *pCreateInfos, const VkAllocationCallbacks *pAllocator,
    VkPipeline *pPipelines)
{
    (void)pAllocator;
    struct umd_device *device = umd_device_from(device_handle);
    memset(pPipelines, 0, createInfoCount * sizeof(*pPipelines));
    if (!create_ids(device, createInfoCount, pPipelines))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    bool wait = false;
    for (uint32_t i = 0; i < createInfoCount; i++)
        wait = wait || is_awaited(pCreateInfos[i].pNext, pCreateInfos[i].flags);
    wire_put_CreateComputePipelines(umd_stream_begin(device->stream), pipelineCache,
                                    createInfoCount, pCreateInfos, pPipelines);
    return end_create(device, wait, createInfoCount, pPipelines, pCreateInfos,
                      sizeof(*pCreateInfos));
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateRayTracingPipelinesKHR(
    VkDevice device_handle, VkDeferredOperationKHR deferredOperation, VkPipelineCache pipelineCache,
    uint32_t createInfoCount, const VkRayTracingPipelineCreateInfoKHR *pCreateInfos,
    const VkAllocationCallbacks *pAllocator, VkPipeline *pPipelines)
{
    (void)pAllocator;
    struct umd_device *device = umd_device_from(device_handle);
    memset(pPipelines, 0, createInfoCount * sizeof(*pPipelines));
    if (!create_ids(device, createInfoCount, pPipelines))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    bool wait = false;
    for (uint32_t i = 0; i < createInfoCount; i++)
        wait = wait || is_awaited(pCreateInfos[i].pNext, pCreateInfos[i].flags);
    wire_put_CreateRayTracingPipelinesKHR(umd_stream_begin(device->stream), pipelineCache,
                                          createInfoCount, pCreateInfos, pPipelines);
    VkResult result =
        end_create(device, wait, createInfoCount, pPipelines, pCreateInfos, sizeof(*pCreateInfos));
    return result == VK_SUCCESS && deferredOperation ? VK_OPERATION_NOT_DEFERRED_KHR : result;
}

/* --- Deferred operations: there are none, everything is done at once --- */

VKAPI_ATTR VkResult VKAPI_CALL
umd_CreateDeferredOperationKHR(VkDevice device_handle, const VkAllocationCallbacks *pAllocator,
                               VkDeferredOperationKHR *pDeferredOperation)
{
    (void)pAllocator;
    struct umd_device *device = umd_device_from(device_handle);
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_DEFERRED_OPERATION_KHR, NULL);
    *pDeferredOperation = UMD_HANDLE(VkDeferredOperationKHR, id);
    return id ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyDeferredOperationKHR(VkDevice device_handle,
                                                           VkDeferredOperationKHR operation,
                                                           const VkAllocationCallbacks *pAllocator)
{
    (void)pAllocator;
    umd_id_free(&umd_device_from(device_handle)->ids, UMD_ID(operation));
}

VKAPI_ATTR VkResult VKAPI_CALL umd_DeferredOperationJoinKHR(VkDevice device,
                                                            VkDeferredOperationKHR operation)
{
    (void)device;
    (void)operation;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetDeferredOperationResultKHR(VkDevice device,
                                                                 VkDeferredOperationKHR operation)
{
    (void)device;
    (void)operation;
    return VK_SUCCESS;
}

VKAPI_ATTR uint32_t VKAPI_CALL
umd_GetDeferredOperationMaxConcurrencyKHR(VkDevice device, VkDeferredOperationKHR operation)
{
    (void)device;
    (void)operation;
    return 0;
}

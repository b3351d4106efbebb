/* SPDX-License-Identifier: MIT */
/* Pipelines: created by the compile thread (exec_compile.h), as is destroyed what they are made of.
 */
#include <stdlib.h>

#include "host/worker/decoder.h"
#include "host/worker/exec_compile.h"
#include "host/worker/exec_private.h"
#include "vkwire.h"
#include "vkwire_exec.h"

static bool may_fail(const void *next, VkPipelineCreateFlags flags)
{
#ifdef VK_KHR_maintenance5
    for (const VkBaseInStructure *in = next; in; in = in->pNext) {
        if (in->sType == VK_STRUCTURE_TYPE_PIPELINE_CREATE_FLAGS_2_CREATE_INFO_KHR)
            return ((const VkPipelineCreateFlags2CreateInfoKHR *)(const void *)in)->flags &
                   VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT;
    }
#else
    (void)next;
#endif
    return flags & VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT;
}

/* --- Feedback: asked for always, where the driver has it; told to those who ask --- */

/* Room for the feedback of pipelines with so many stages in all. NULL: there is none. */
static struct exec_pipeline_feedback *make_feedback(const struct exec *x, uint64_t count,
                                                    uint64_t stages)
{
    if (!exec_compile_has_feedback(x))
        return NULL;
    struct exec_pipeline_feedback *feedback =
        calloc(1, count * sizeof(*feedback) + stages * sizeof(VkPipelineCreationFeedback));
    if (feedback)
        feedback->stages = (VkPipelineCreationFeedback *)(void *)(feedback + count);
    return feedback;
}

/* Adds it to a create info, which lies in the job's memory; returns where the next one's stages
 * lie. */
static VkPipelineCreationFeedback *ask_feedback(struct exec_pipeline_feedback *feedback,
                                                VkPipelineCreationFeedback *stages,
                                                uint32_t stage_count, const void *create_info)
{
    VkBaseOutStructure *info = (VkBaseOutStructure *)create_info;
    feedback->stages = stages;
    feedback->stage_count = stage_count;
    feedback->info = (VkPipelineCreationFeedbackCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO,
        .pNext = info->pNext,
        .pPipelineCreationFeedback = &feedback->whole,
        .pipelineStageCreationFeedbackCount = stage_count,
        .pPipelineStageCreationFeedbacks = stages,
    };
    info->pNext = (void *)&feedback->info;
    return stages + stage_count;
}

/* --- Creation: on the compile thread --- */

static VkResult create_graphics(struct exec *x, const void *args, VkPipeline *pipelines)
{
    const struct args_CreateGraphicsPipelines *a = args;
    return x->vk->CreateGraphicsPipelines(x->device, a->pipelineCache, a->createInfoCount,
                                          a->pCreateInfos, NULL, pipelines);
}

static VkResult create_compute(struct exec *x, const void *args, VkPipeline *pipelines)
{
    const struct args_CreateComputePipelines *a = args;
    return x->vk->CreateComputePipelines(x->device, a->pipelineCache, a->createInfoCount,
                                         a->pCreateInfos, NULL, pipelines);
}

static VkResult create_ray_tracing(struct exec *x, const void *args, VkPipeline *pipelines)
{
    const struct args_CreateRayTracingPipelinesKHR *a = args;
    return x->vk->CreateRayTracingPipelinesKHR(x->device, VK_NULL_HANDLE, a->pipelineCache,
                                               a->createInfoCount, a->pCreateInfos, NULL,
                                               pipelines);
}

/* --- Creation: on the stream's thread --- */

VkResult exec_CreateGraphicsPipelines(struct exec *x, const struct args_CreateGraphicsPipelines *a)
{
    bool answer = false;
    uint64_t stages = 0;
    for (uint32_t i = 0; i < a->createInfoCount; i++) {
        answer = answer || may_fail(a->pCreateInfos[i].pNext, a->pCreateInfos[i].flags);
        stages += a->pCreateInfos[i].stageCount;
    }
    struct exec_pipeline_feedback *feedback = make_feedback(x, a->createInfoCount, stages);
    VkPipelineCreationFeedback *at = feedback ? feedback->stages : NULL;
    for (uint32_t i = 0; feedback && i < a->createInfoCount; i++)
        at = ask_feedback(&feedback[i], at, a->pCreateInfos[i].stageCount, &a->pCreateInfos[i]);
    return exec_compile_start(x, create_graphics, a, sizeof(*a), a->createInfoCount,
                              a->pPipelines_ids, answer, feedback);
}

VkResult exec_CreateComputePipelines(struct exec *x, const struct args_CreateComputePipelines *a)
{
    bool answer = false;
    uint64_t stages = 0;
    for (uint32_t i = 0; i < a->createInfoCount; i++) {
        answer = answer || may_fail(a->pCreateInfos[i].pNext, a->pCreateInfos[i].flags);
        stages += 1;
    }
    struct exec_pipeline_feedback *feedback = make_feedback(x, a->createInfoCount, stages);
    VkPipelineCreationFeedback *at = feedback ? feedback->stages : NULL;
    for (uint32_t i = 0; feedback && i < a->createInfoCount; i++)
        at = ask_feedback(&feedback[i], at, 1, &a->pCreateInfos[i]);
    return exec_compile_start(x, create_compute, a, sizeof(*a), a->createInfoCount,
                              a->pPipelines_ids, answer, feedback);
}

VkResult exec_CreateRayTracingPipelinesKHR(struct exec *x,
                                           const struct args_CreateRayTracingPipelinesKHR *a)
{
    if (!x->vk->CreateRayTracingPipelinesKHR) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkCreateRayTracingPipelinesKHR is not enabled");
        return VK_SUCCESS;
    }
    bool answer = false;
    uint64_t stages = 0;
    for (uint32_t i = 0; i < a->createInfoCount; i++) {
        answer = answer || may_fail(a->pCreateInfos[i].pNext, a->pCreateInfos[i].flags);
        stages += a->pCreateInfos[i].stageCount;
    }
    struct exec_pipeline_feedback *feedback = make_feedback(x, a->createInfoCount, stages);
    VkPipelineCreationFeedback *at = feedback ? feedback->stages : NULL;
    for (uint32_t i = 0; feedback && i < a->createInfoCount; i++)
        at = ask_feedback(&feedback[i], at, a->pCreateInfos[i].stageCount, &a->pCreateInfos[i]);
    return exec_compile_start(x, create_ray_tracing, a, sizeof(*a), a->createInfoCount,
                              a->pPipelines_ids, answer, feedback);
}

static void put_feedback(struct wire_encoder *reply, const VkPipelineCreationFeedback *from)
{
    struct stream_pipeline_feedback *to = wire_put(reply, sizeof(*to));
    if (to)
        *to = (struct stream_pipeline_feedback){.flags = from->flags, .duration = from->duration};
}

static void put_result(struct exec *x, struct wire_encoder *reply, bool there)
{
    static const struct exec_pipeline_feedback none;
    const struct exec_pipeline_feedback *feedback = exec_compile_feedback(x);
    if (!feedback)
        feedback = &none;
    struct stream_pipeline_result *to = wire_put(reply, sizeof(*to));
    if (to)
        *to = (struct stream_pipeline_result){there, feedback->stage_count};
    put_feedback(reply, &feedback->whole);
    for (uint32_t i = 0; i < feedback->stage_count; i++)
        put_feedback(reply, &feedback->stages[i]);
}

/* Finding a pipeline settles it. False: the stream failed. */
static bool put_results(struct exec *x, struct wire_encoder *reply, uint32_t count,
                        const uint64_t *ids)
{
    for (uint32_t i = 0; i < count; i++) {
        struct exec_object *object = exec_object_get(x, ids[i], VKWIRE_OBJECT_PIPELINE);
        if (!object)
            return false;
        bool there = object->handle[0] != 0;
        put_result(x, reply, there);
        if (!there)
            exec_object_remove(x, object);
    }
    if (reply->failed)
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for the results of %u pipelines", count);
    return !reply->failed;
}

void exec_pipeline_results(struct exec *x, uint8_t *command, size_t size)
{
    const struct stream_pipeline_results head =
        *(const struct stream_pipeline_results *)(const void *)command;
    struct exec_decoder d;
    exec_decoder_init(&d, x, command + sizeof(head), size - sizeof(head));
    const uint64_t *ids = exec_decoder_take(&d, head.count, sizeof(*ids));
    if (!exec_decoder_done(&d)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "the results of %u pipelines: %s", head.count, d.why);
        return;
    }
    struct wire_encoder reply;
    wire_encoder_init(&reply);
    exec_compile_take_result(x);
    if (put_results(x, &reply, head.count, ids))
        exec_reply(x, head.reply, exec_compile_take_result(x), reply.data, reply.used);
    wire_encoder_finish(&reply);
}

/* --- Destruction, of what jobs may still use --- */

static void destroy(struct exec *x, uint64_t id, uint8_t type)
{
    struct exec_object *object = id ? exec_object_get(x, id, type) : NULL;
    if (object)
        exec_compile_destroy(x, object);
}

void exec_DestroyPipeline(struct exec *x, const struct args_DestroyPipeline *a)
{
    destroy(x, a->pipeline_id, VKWIRE_OBJECT_PIPELINE);
}

void exec_DestroyShaderModule(struct exec *x, const struct args_DestroyShaderModule *a)
{
    destroy(x, a->shaderModule_id, VKWIRE_OBJECT_SHADER_MODULE);
}

void exec_DestroyPipelineLayout(struct exec *x, const struct args_DestroyPipelineLayout *a)
{
    destroy(x, a->pipelineLayout_id, VKWIRE_OBJECT_PIPELINE_LAYOUT);
}

void exec_DestroyDescriptorSetLayout(struct exec *x,
                                     const struct args_DestroyDescriptorSetLayout *a)
{
    destroy(x, a->descriptorSetLayout_id, VKWIRE_OBJECT_DESCRIPTOR_SET_LAYOUT);
}

void exec_DestroyRenderPass(struct exec *x, const struct args_DestroyRenderPass *a)
{
    destroy(x, a->renderPass_id, VKWIRE_OBJECT_RENDER_PASS);
}

void exec_DestroyPipelineCache(struct exec *x, const struct args_DestroyPipelineCache *a)
{
    destroy(x, a->pipelineCache_id, VKWIRE_OBJECT_PIPELINE_CACHE);
}

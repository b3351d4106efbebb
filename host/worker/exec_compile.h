/* SPDX-License-Identifier: MIT */
/*
 * The compile thread of a device: creates pipelines, so that what other threads of the program send
 * does not wait for the compiler. The stream's thread decodes a creation into memory of a *job* and
 * enters the pipelines as pending; whoever needs one waits for its job (exec_object_settle).
 * Objects that jobs may still use are destroyed behind them.
 *
 * The functions are the stream thread's.
 */
#ifndef GPUPV_HOST_WORKER_EXEC_COMPILE_H
#define GPUPV_HOST_WORKER_EXEC_COMPILE_H

#include "host/worker/exec.h"

/* Of vkCreateXPipelines: the arguments but for the allocator, in memory that stays. Sets all
 * handles. */
typedef VkResult (*exec_create_pipelines)(struct exec *x, const void *args, VkPipeline *pipelines);

/* What the driver tells of a creation, when it is to. */
struct exec_pipeline_feedback {
    VkPipelineCreationFeedback whole;
    uint32_t stage_count;
    VkPipelineCreationFeedback *stages;
    VkPipelineCreationFeedbackCreateInfo info; /* for the driver */
};

/* Called by exec_X while exec_compile_command decodes: enters the pipelines and leaves their
 * creation to the thread. `args` (args_size bytes) is copied. `may_fail`: a pipeline that is not
 * created is an answer, and no reason to end the stream. `feedback`: one malloc'ed block with
 * `count` of them, or NULL; taken over. */
VkResult exec_compile_start(struct exec *x, exec_create_pipelines create, const void *args,
                            size_t args_size, uint32_t count, const uint64_t *ids, bool may_fail,
                            struct exec_pipeline_feedback *feedback);

/* Whether the driver gives feedback. */
bool exec_compile_has_feedback(const struct exec *x);

/* Takes the entry away, and destroys the driver's object once no job may use it. */
void exec_compile_destroy(struct exec *x, struct exec_object *object);

/* What vkCreateXPipelines said for the last pipeline that was settled and not there; VK_SUCCESS
 * since the last call if there was none. */
VkResult exec_compile_take_result(struct exec *x);
/* Of the pipeline that was settled last; NULL if there is none. Until the next is settled. */
const struct exec_pipeline_feedback *exec_compile_feedback(const struct exec *x);

#endif

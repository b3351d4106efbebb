/* SPDX-License-Identifier: MIT */
/* The compile thread: see exec_compile.h. Jobs run in the order of their commands, one at a time.
 */
#include "host/worker/exec_compile.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vkwire.h"
#include "vkwire_exec.h"

struct job {
    struct job *next;
    _Atomic uint32_t references; /* the queue's, and of each pending pipeline */
    /* To create: all in memory of the job. */
    exec_create_pipelines create; /* NULL: to destroy */
    uint8_t *command;
    struct arena arena;
    void *args;
    uint32_t count;
    VkPipeline *pipelines;
    struct exec_pipeline_feedback *feedback;
    bool may_fail;
    /* With the state's lock. */
    bool done;
    VkResult result;
    /* To destroy. */
    struct exec_object victim;
};

struct exec_compile_state {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t thread;
    bool started;             /* the thread */
    bool stopping;            /* with lock */
    bool busy;                /* with lock: a job is being run */
    struct job *first, *last; /* with lock */
    /* The stream thread's. */
    struct job *decoding;
    VkResult last_result;
    struct job *last_settled; /* and which of its pipelines; NULL: none */
    uint32_t last_index;
    bool has_feedback;
};

static void free_arguments(struct job *job)
{
    arena_finish(&job->arena);
    free(job->command);
    free(job->args);
    job->arena = (struct arena){0};
    job->command = NULL;
    job->args = NULL;
}

static void release_job(struct job *job)
{
    if (atomic_fetch_sub_explicit(&job->references, 1, memory_order_acq_rel) != 1)
        return;
    free_arguments(job);
    free(job->pipelines);
    free(job->feedback);
    free(job);
}

/* --- The thread --- */

static void run_job(struct exec *x, struct job *job, bool stopping)
{
    if (!job->create) {
        vkwire_destroy_object(x, &job->victim);
        return;
    }
    /* Nobody will use what is not made by then. */
    job->result = stopping ? VK_ERROR_DEVICE_LOST : job->create(x, job->args, job->pipelines);
    free_arguments(job); /* its pipelines may long stay pending */
}

static void *compile_thread(void *data)
{
    struct exec *x = data;
    struct exec_compile_state *state = x->compile;
    pthread_mutex_lock(&state->lock);
    while (state->first || !state->stopping) {
        struct job *job = state->first;
        if (!job) {
            pthread_cond_wait(&state->work, &state->lock);
            continue;
        }
        state->first = job->next;
        state->busy = true;
        bool stopping = state->stopping;
        pthread_mutex_unlock(&state->lock);
        run_job(x, job, stopping);
        pthread_mutex_lock(&state->lock);
        state->busy = false;
        job->done = true;
        pthread_cond_broadcast(&state->done);
        pthread_mutex_unlock(&state->lock);
        release_job(job);
        pthread_mutex_lock(&state->lock);
    }
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

/* The queue has a reference from then on. False: there is no thread, and no memory for one. */
static bool queue_job(struct exec *x, struct job *job)
{
    struct exec_compile_state *state = x->compile;
    if (!state->started && pthread_create(&state->thread, NULL, compile_thread, x) != 0)
        return false;
    state->started = true;
    pthread_mutex_lock(&state->lock);
    if (state->first)
        state->last->next = job;
    else
        state->first = job;
    state->last = job;
    pthread_cond_signal(&state->work);
    pthread_mutex_unlock(&state->lock);
    return true;
}

static bool is_idle_locked(const struct exec_compile_state *state)
{
    return !state->first && !state->busy;
}

static void wait_until_idle(struct exec_compile_state *state)
{
    pthread_mutex_lock(&state->lock);
    while (!is_idle_locked(state))
        pthread_cond_wait(&state->done, &state->lock);
    pthread_mutex_unlock(&state->lock);
}

VkResult exec_compile_init(struct exec *x)
{
    struct exec_compile_state *state = calloc(1, sizeof(*state));
    if (!state)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (pthread_mutex_init(&state->lock, NULL) != 0)
        goto free_state;
    if (pthread_cond_init(&state->work, NULL) != 0)
        goto destroy_lock;
    if (pthread_cond_init(&state->done, NULL) != 0)
        goto destroy_work;
    VkPhysicalDeviceProperties properties;
    x->vki->GetPhysicalDeviceProperties(x->physical_device, &properties);
    state->has_feedback = properties.apiVersion >= VK_API_VERSION_1_3;
    x->compile = state;
    return VK_SUCCESS;
destroy_work:
    pthread_cond_destroy(&state->work);
destroy_lock:
    pthread_mutex_destroy(&state->lock);
free_state:
    free(state);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

void exec_compile_finish(struct exec *x)
{
    struct exec_compile_state *state = x->compile;
    if (!state)
        return;
    if (state->started) {
        pthread_mutex_lock(&state->lock);
        state->stopping = true;
        pthread_cond_signal(&state->work);
        pthread_mutex_unlock(&state->lock);
        pthread_join(state->thread, NULL);
    }
    if (state->last_settled)
        release_job(state->last_settled);
    pthread_cond_destroy(&state->done);
    pthread_cond_destroy(&state->work);
    pthread_mutex_destroy(&state->lock);
    free(state);
    x->compile = NULL;
}

/* --- Creating --- */

bool exec_compile_takes(uint16_t opcode)
{
    switch (opcode) {
    case VKWIRE_CreateGraphicsPipelines:
    case VKWIRE_CreateComputePipelines:
    case VKWIRE_CreateRayTracingPipelinesKHR:
    case VKWIRE_GetPipelineCacheData: /* these see what was compiled before */
    case VKWIRE_MergePipelineCaches:
        return true;
    default:
        return false;
    }
}

void exec_compile_command(struct exec *x, uint16_t opcode, uint8_t *command, size_t size)
{
    struct exec_compile_state *state = x->compile;
    if (!state) { /* no device: it fails */
        vkwire_run(x, opcode, command, size);
        return;
    }
    if (opcode == VKWIRE_GetPipelineCacheData || opcode == VKWIRE_MergePipelineCaches) {
        wait_until_idle(state);
        vkwire_run(x, opcode, command, size);
        return;
    }
    struct job *job = calloc(1, sizeof(*job));
    uint8_t *copy = malloc(size);
    if (!job || !copy) {
        free(job);
        free(copy);
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for a pipeline of %zu bytes", size);
        return;
    }
    memcpy(copy, command, size);
    job->command = copy;
    atomic_init(&job->references, 1);
    struct arena arena = x->arena;
    arena_init(&x->arena, arena.limit);
    state->decoding = job;
    vkwire_run(x, opcode, copy, size);
    job->arena = x->arena;
    x->arena = arena;
    state->decoding = NULL;
    if (job->create && queue_job(x, job))
        return;
    if (job->create)
        exec_fail(x, STREAM_LOST_MEMORY, "no thread for compiling");
    job->result = VK_ERROR_OUT_OF_HOST_MEMORY;
    job->done = true; /* it was refused, or is not run */
    release_job(job);
}

struct pending {
    struct exec_aux aux;
    struct job *job;
    uint32_t index;
};

static void forget_pending(struct exec *x, struct exec_object *object)
{
    (void)x;
    struct pending *pending = object->aux;
    release_job(pending->job);
    free(pending);
}

static bool add_pending(struct exec *x, struct job *job, uint64_t id, uint32_t index)
{
    struct pending *pending = malloc(sizeof(*pending));
    if (!pending) {
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for a pipeline");
        return false;
    }
    /* The entry gets its aux before it is pending: finding a pending one settles it. */
    if (!exec_object_add(x, id, VKWIRE_OBJECT_PIPELINE, 0)) {
        free(pending);
        return false;
    }
    struct exec_object *object = exec_object_find(x, id, VKWIRE_OBJECT_PIPELINE);
    *pending = (struct pending){{forget_pending}, job, index};
    atomic_fetch_add_explicit(&job->references, 1, memory_order_relaxed);
    object->aux = pending;
    object->handle[0] = EXEC_PENDING;
    return true;
}

VkResult exec_compile_start(struct exec *x, exec_create_pipelines create, const void *args,
                            size_t args_size, uint32_t count, const uint64_t *ids, bool may_fail,
                            struct exec_pipeline_feedback *feedback)
{
    struct job *job = x->compile->decoding;
    job->feedback = feedback;
    job->args = malloc(args_size);
    job->pipelines = calloc(count ? count : 1, sizeof(*job->pipelines));
    if (!job->args || !job->pipelines)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memcpy(job->args, args, args_size);
    job->count = count;
    job->may_fail = may_fail;
    job->create = create; /* so it is queued; pending pipelines must not wait for ever */
    for (uint32_t i = 0; i < count; i++) {
        if (!add_pending(x, job, ids[i], i))
            break;
    }
    return VK_SUCCESS;
}

void exec_object_settle(struct exec *x, struct exec_object *object)
{
    struct pending *pending = object->aux;
    struct job *job = pending->job;
    uint32_t index = pending->index;
    struct exec_compile_state *state = x->compile;
    if (state) { /* else the thread has ended, and has run all jobs */
        pthread_mutex_lock(&state->lock);
        while (!job->done)
            pthread_cond_wait(&state->done, &state->lock);
        pthread_mutex_unlock(&state->lock);
    }
    object->handle[0] = (uint64_t)(uintptr_t)job->pipelines[index];
    object->aux = NULL;
    if (!object->handle[0] && state) {
        state->last_result = job->result;
        if (!job->may_fail)
            exec_fail(x, STREAM_LOST_MEMORY, "the driver creates a pipeline: VkResult %d",
                      job->result);
    }
    free(pending);
    if (!state) {
        release_job(job);
        return;
    }
    if (state->last_settled)
        release_job(state->last_settled);
    state->last_settled = job; /* with the reference of the pipeline */
    state->last_index = index;
}

bool exec_compile_has_feedback(const struct exec *x)
{
    return x->compile->has_feedback;
}

const struct exec_pipeline_feedback *exec_compile_feedback(const struct exec *x)
{
    const struct job *job = x->compile->last_settled;
    return job && job->feedback ? &job->feedback[x->compile->last_index] : NULL;
}

VkResult exec_compile_take_result(struct exec *x)
{
    VkResult result = x->compile->last_result;
    x->compile->last_result = VK_SUCCESS;
    return result;
}

/* --- Destroying --- */

void exec_compile_destroy(struct exec *x, struct exec_object *object)
{
    struct exec_compile_state *state = x->compile;
    bool idle = true;
    if (state->started) {
        pthread_mutex_lock(&state->lock);
        idle = is_idle_locked(state);
        pthread_mutex_unlock(&state->lock);
    }
    struct job *job = idle ? NULL : calloc(1, sizeof(*job));
    if (!idle && !job)
        wait_until_idle(state);
    if (!job) {
        vkwire_destroy_object(x, object);
    } else {
        atomic_init(&job->references, 1);
        job->victim = *object;
        queue_job(x, job); /* the thread is there */
    }
    exec_object_remove(x, object);
}

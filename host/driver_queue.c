/* SPDX-License-Identifier: MIT */
/* The part of the host driver half for Vulkan that speaks to workers: hardware queues and escapes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/driver_vulkan_internal.h"
#include "util/log.h"

#define MAX_LOSSES 8u
#define LOSSES_USEC (60 * 1000000ull)

static NTSTATUS status_of(int code)
{
    switch (code) {
    case 0:
        return STATUS_SUCCESS;
    case -ENOMEM:
        return STATUS_NO_MEMORY;
    case -EPIPE:
        return STATUS_DEVICE_REMOVED;
    case -EMSGSIZE:
        return STATUS_INVALID_BUFFER_SIZE;
    default:
        return STATUS_INSUFFICIENT_RESOURCES;
    }
}

static uint64_t now_usec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- The process' worker --- */

static void describe(const struct vulkan_process *process, char *text, size_t size)
{
    snprintf(text, size, "process %d (%s) of the VM %s", (int)process->pid, process->name,
             process->vm ? process->vm->name : process->name);
}

static void is_ready(void *owner, struct worker_client *client)
{
    (void)owner, (void)client;
}

/* What was asked of it has been completed already. */
static void is_lost(void *owner, struct worker_client *client, const char *why)
{
    (void)client;
    struct vulkan_process *process = owner;
    uint64_t now = now_usec();
    if (!process->losses || now - process->losses_since > LOSSES_USEC) {
        process->losses = 0;
        process->losses_since = now;
    }
    process->losses++;
    vulkan_end_worker(process);
    process->driver->callbacks->process_lost(process->driver->service, process->handle, why);
}

static void has_event(void *owner, uint32_t event)
{
    struct vulkan_process *process = owner;
    process->driver->callbacks->signal_event(process->driver->service, process->handle, event);
}

/* The guest reads it in its memory, and the log has it. */
static void has_lost_stream(void *owner, uint32_t queue, uint32_t reason, const char *why)
{
    (void)owner, (void)queue, (void)reason, (void)why;
}

static bool has_exported(void *owner, uint32_t allocation, uint64_t offset, int descriptor)
{
    struct vulkan_process *process = owner;
    return process->driver->callbacks->exported(process->driver->service, process->handle,
                                                allocation, offset, descriptor);
}

static const struct worker_events process_events = {is_ready, is_lost, has_event, has_lost_stream,
                                                    has_exported};

void vulkan_hear(void *driver, void *process)
{
    (void)driver;
    struct vulkan_process *of = process;
    if (of->worker)
        worker_client_hear(pool_worker_client(of->worker));
}

void vulkan_end_worker(struct vulkan_process *process)
{
    for (struct vulkan_queue *queue = process->queues; queue; queue = queue->next) {
        queue->worker = NULL;
        queue->opening = NULL;
    }
    if (process->worker)
        worker_pool_end(process->worker);
    process->worker = NULL;
}

static void on_assigned(void *data, NTSTATUS status, const void *payload, uint32_t size)
{
    (void)payload, (void)size;
    struct vulkan_process *process = data;
    if (!NT_SUCCESS(status) && status != STATUS_DEVICE_REMOVED)
        log_error("driver", "the worker of process %d (%s) refuses its memory with status 0x%08x",
                  (int)process->pid, process->name, (uint32_t)status);
}

static int assign(struct vulkan_process *process, const struct host_process_memory *memory)
{
    bool has_aperture = memory->aperture >= 0;
    struct link_assign assign = {
        .aperture_size = has_aperture ? memory->aperture_size : 0,
        .table_entries = memory->table_entries,
        .pid = process->pid,
    };
    snprintf(assign.process, sizeof(assign.process), "%s", process->name);
    snprintf(assign.vm, sizeof(assign.vm), "%s", process->vm ? process->vm->name : "");
    struct worker_message message = {
        .header = {.message = LINK_ASSIGN},
        .head = &assign,
        .head_size = sizeof(assign),
        .descriptors = {memory->aperture, memory->allocation_table},
        .descriptor_count = 2,
    };
    struct host_completion completion = {on_assigned, process};
    struct worker_request *request;
    return worker_client_ask(pool_worker_client(process->worker), &message, &completion, &request);
}

static NTSTATUS take_worker(struct vulkan_process *process,
                            const struct host_process_memory *memory)
{
    char name[160];
    struct error err;
    describe(process, name, sizeof(name));
    if (process->losses >= MAX_LOSSES && now_usec() - process->losses_since <= LOSSES_USEC) {
        if (!process->told)
            log_warning("driver",
                        "%s has lost %u workers in a short time: it is given no other now", name,
                        process->losses);
        process->told = true;
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    int result = worker_pool_take(&process->driver->pool, &process_events, process, name,
                                  &process->worker, &err);
    if (result) {
        if (!process->told)
            log_error("driver", "no worker for %s: %s", name, err.text);
        process->told = true;
        return status_of(result);
    }
    process->told = false;
    result = assign(process, memory);
    if (result)
        vulkan_end_worker(process);
    return status_of(result);
}

/* The index of an adapter with the worker; -1: a reload has added it since the worker was started.
 */
static int find_adapter(struct vulkan_process *process, uint64_t luid)
{
    int found = worker_plan_find(pool_worker_plan(process->worker), luid);
    if (found < 0 && !process->told)
        log_warning("driver",
                    "the worker of process %d (%s) was started before the adapter %08x-%08x was "
                    "configured, and does not know it; start the program anew",
                    (int)process->pid, process->name, (uint32_t)(luid >> 32), (uint32_t)luid);
    process->told |= found < 0;
    return found;
}

/* --- Hardware queues --- */

static void on_opened(void *data, NTSTATUS status, const void *payload, uint32_t size)
{
    struct vulkan_queue *queue = data;
    queue->opening = NULL;
    queue->completion.done(queue->completion.data, status, payload, size);
}

static int open_stream(struct vulkan_queue *queue, uint32_t adapter,
                       const struct host_create_hw_queue *args)
{
    struct link_open_stream open = {.queue = args->handle,
                                    .adapter = adapter,
                                    .fence_offset = args->fence_offset,
                                    .size = args->size};
    struct worker_message message = {
        .header = {.message = LINK_OPEN_STREAM},
        .head = &open,
        .head_size = sizeof(open),
        .data = args->data,
        .data_size = args->size,
    };
    struct host_completion completion = {on_opened, queue};
    return worker_client_ask(pool_worker_client(queue->worker), &message, &completion,
                             &queue->opening);
}

NTSTATUS vulkan_create_hw_queue(void *driver, const struct host_create_hw_queue *args, void **queue)
{
    const struct vulkan_driver *self = driver;
    const struct vulkan_context *context = args->context;
    struct vulkan_process *process = context->device->process;
    if (!self->options.path)
        return STATUS_NOT_SUPPORTED;
    /* One that serves nothing, and does not know the adapter, gives way to one that does. */
    if (process->worker && !process->queues && !process->escapes &&
        worker_plan_find(pool_worker_plan(process->worker), args->luid) < 0)
        vulkan_end_worker(process);
    NTSTATUS status = process->worker ? STATUS_SUCCESS : take_worker(process, args->memory);
    if (!NT_SUCCESS(status))
        return status;
    int adapter = find_adapter(process, args->luid);
    if (adapter < 0)
        return STATUS_NOT_SUPPORTED;
    struct vulkan_queue *made = calloc(1, sizeof(*made));
    if (!made)
        return STATUS_NO_MEMORY;
    *made = (struct vulkan_queue){.process = process,
                                  .worker = process->worker,
                                  .context = context,
                                  .handle = args->handle,
                                  .completion = args->completion};
    int result = open_stream(made, (uint32_t)adapter, args);
    if (result) {
        free(made);
        return status_of(result);
    }
    made->next = process->queues;
    process->queues = made;
    *queue = made;
    return STATUS_PENDING;
}

/* A message about a queue that wants no reply. */
static int tell(const struct vulkan_queue *queue, enum link_message kind, const void *data,
                uint32_t size)
{
    static const struct host_completion none = {0};
    struct link_stream stream = {queue->handle};
    struct worker_message message = {
        .header = {.message = kind},
        .head = &stream,
        .head_size = sizeof(stream),
        .data = data,
        .data_size = size,
    };
    struct worker_request *request;
    return worker_client_ask(pool_worker_client(queue->worker), &message, &none, &request);
}

void vulkan_destroy_hw_queue(void *driver, void *queue)
{
    (void)driver;
    struct vulkan_queue *old = queue, **at = &old->process->queues;
    while (*at != old)
        at = &(*at)->next;
    *at = old->next;
    if (old->opening)
        worker_client_forget(old->opening);
    /* Without room for the message the worker keeps the stream, which nobody hears of. */
    if (old->worker && tell(old, LINK_CLOSE_STREAM, NULL, 0) == -ENOBUFS)
        log_debug("driver", "the worker of process %d (%s) does not take messages",
                  (int)old->process->pid, old->process->name);
    free(old);
}

NTSTATUS vulkan_submit_command(void *driver, void *queue, const void *data, uint32_t size)
{
    (void)driver;
    const struct vulkan_queue *to = queue;
    if (!to->worker)
        return STATUS_DEVICE_REMOVED;
    return status_of(tell(to, LINK_SUBMIT, data, size));
}

/* --- Escapes --- */

static void on_escaped(void *data, NTSTATUS status, const void *payload, uint32_t size)
{
    struct vulkan_escape *escape = data, **at = &escape->process->escapes;
    while (*at != escape)
        at = &(*at)->next;
    *at = escape->next;
    /* The guest has room for what it sent. */
    if (size && size != escape->size) {
        log_debug("driver", "an escape of process %d (%s) came back with %u bytes, not %u",
                  (int)escape->process->pid, escape->process->name, size, escape->size);
        status = STATUS_UNSUCCESSFUL;
        size = 0;
    }
    escape->completion.done(escape->completion.data, status, size ? payload : NULL, size);
    free(escape);
}

/* The queue of a context; NULL when it has none. */
static const struct vulkan_queue *queue_of(const struct vulkan_process *process,
                                           const struct vulkan_context *context)
{
    const struct vulkan_queue *queue = context ? process->queues : NULL;
    while (queue && queue->context != context)
        queue = queue->next;
    return queue;
}

NTSTATUS vulkan_escape(void *driver, struct host_escape *args)
{
    (void)driver;
    struct vulkan_process *process = args->process;
    const struct vulkan_queue *queue = queue_of(process, args->context);
    if (queue && !queue->worker)
        return STATUS_DEVICE_REMOVED;
    if (!process->worker)
        return STATUS_NOT_SUPPORTED;
    int adapter = find_adapter(process, args->luid);
    if (adapter < 0)
        return STATUS_NOT_SUPPORTED;
    struct vulkan_escape *escape = calloc(1, sizeof(*escape));
    if (!escape)
        return STATUS_NO_MEMORY;
    *escape = (struct vulkan_escape){
        .process = process, .size = args->size, .completion = args->completion};
    struct link_escape head = {.adapter = (uint32_t)adapter, .queue = queue ? queue->handle : 0};
    struct worker_message message = {
        .header = {.message = LINK_ESCAPE},
        .head = &head,
        .head_size = sizeof(head),
        .data = args->data,
        .data_size = args->size,
    };
    struct host_completion completion = {on_escaped, escape};
    int result = worker_client_ask(pool_worker_client(process->worker), &message, &completion,
                                   &escape->request);
    if (result) {
        free(escape);
        return status_of(result);
    }
    escape->next = process->escapes;
    process->escapes = escape;
    return STATUS_PENDING;
}

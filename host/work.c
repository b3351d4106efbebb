/* SPDX-License-Identifier: MIT */
#include "host/work.h"

#include <stdlib.h>
#include <string.h>

#include "host/hw_queue.h"
#include "host/sync.h"

enum work_kind { WORK_SUBMIT, WORK_WAIT, WORK_SIGNAL };

struct work {
    struct work *next;
    enum work_kind kind;
    uint32_t queue;       /* handle */
    uint64_t fence_value; /* of a submission */
    uint32_t count;       /* bytes of data, or fences */
    const void *data;     /* or struct wire_fence_value; behind the structure, once it waits */
};

/* --- One piece --- */

/* Whether all that the context's queues were given is done. */
static bool is_idle(const struct process *process, const struct opened_context *context)
{
    for (const struct hw_queue *queue = context->queues; queue; queue = queue->next) {
        const struct wire_fence_value wanted = {.value = queue->submitted,
                                                .fence = queue->progress->handle};
        if (!sync_has_reached(process, &wanted))
            return false;
    }
    return true;
}

static bool is_ready(const struct process *process, const struct opened_context *context,
                     const struct work *work)
{
    switch (work->kind) {
    case WORK_WAIT:
        return sync_have_reached(process, work->data, work->count, false);
    case WORK_SIGNAL:
        return is_idle(process, context);
    case WORK_SUBMIT:
        break;
    }
    return true;
}

static void submit(struct process *process, struct opened_context *context, const struct work *work)
{
    const struct host_core *core = process->core;
    struct hw_queue *queue = handle_table_get(process->handles, work->queue, OBJECT_HW_QUEUE);
    if (!queue)
        return; /* destroyed meanwhile, and its commands with it */
    if (work->fence_value > queue->submitted)
        queue->submitted = work->fence_value;
    NTSTATUS status = STATUS_NOT_SUPPORTED;
    if (core->driver->submit_command)
        status = core->driver->submit_command(core->driver_context, queue->driver_queue, work->data,
                                              work->count);
    if (!NT_SUCCESS(status))
        process_fail_device(process, context->device, status, "a command of a hardware queue");
}

static void perform(struct process *process, struct opened_context *context,
                    const struct work *work)
{
    const struct wire_fence_value *fences = work->data;
    if (work->kind == WORK_SUBMIT)
        submit(process, context, work);
    if (work->kind != WORK_SIGNAL)
        return;
    for (uint32_t i = 0; i < work->count; i++)
        sync_set(process, fences[i].fence, fences[i].value);
    process->pump_again = true;
}

/* Whether it is worth to look again though nothing was signalled through the service. */
static bool needs_ticks(const struct process *process, const struct work *work)
{
    const struct wire_fence_value *fences = work->data;
    bool needed = work->kind == WORK_SIGNAL;
    for (uint32_t i = 0; work->kind == WORK_WAIT && i < work->count && !needed; i++)
        needed = sync_is_progress(process, fences[i].fence);
    return needed;
}

/* --- A context's list --- */

static void block(struct process *process, struct opened_context *context)
{
    context->link_blocked = &process->blocked;
    context->next_blocked = process->blocked;
    if (context->next_blocked)
        context->next_blocked->link_blocked = &context->next_blocked;
    process->blocked = context;
    process->blocked_count++;
}

static void unblock(struct process *process, struct opened_context *context)
{
    if (!context->link_blocked)
        return;
    *context->link_blocked = context->next_blocked;
    if (context->next_blocked)
        context->next_blocked->link_blocked = context->link_blocked;
    context->link_blocked = NULL;
    process->blocked_count--;
}

static struct work *take_first(struct opened_context *context)
{
    struct work *work = context->work;
    context->work = work->next;
    context->work_count--;
    context->work_bytes -= work->count;
    return work;
}

void work_drop(struct process *process, struct opened_context *context)
{
    while (context->work)
        free(take_first(context));
    unblock(process, context);
}

static void run(struct process *process, struct opened_context *context)
{
    while (context->work && is_ready(process, context, context->work)) {
        struct work *work = take_first(context);
        perform(process, context, work);
        free(work);
    }
    if (!context->work)
        unblock(process, context);
}

void work_pump(struct process *process)
{
    if (process->pumping) {
        process->pump_again = true;
        return;
    }
    process->pumping = true;
    bool looking;
    do {
        process->pump_again = looking = false;
        struct opened_context *next;
        for (struct opened_context *context = process->blocked; context; context = next) {
            next = context->next_blocked;
            run(process, context);
            looking |= context->work && needs_ticks(process, context->work);
        }
        looking |= sync_signal_ready(process);
    } while (process->pump_again);
    process->pumping = false;
    process->ticking = looking;
    if (looking && process->core->want_ticks)
        process->core->want_ticks(process->core->ticks_context);
}

bool work_tick(struct host_core *core)
{
    bool wanted = false;
    for (struct vm *vm = core->vms; vm; vm = vm->next) {
        for (struct process *process = vm->first_process; process; process = process->next_of_vm) {
            if (process->ticking)
                work_pump(process);
            wanted |= process->ticking;
        }
    }
    return wanted;
}

/* --- New work --- */

static bool is_full(const struct process *process, const struct opened_context *context,
                    uint32_t count)
{
    return context->work_count >= CONTEXT_MAX_WORK ||
           count > CONTEXT_MAX_WORK_BYTES - context->work_bytes ||
           (!context->link_blocked && process->blocked_count >= PROCESS_MAX_BLOCKED);
}

/* Puts a copy at the end of the context's list. */
static NTSTATUS append(struct process *process, struct opened_context *context,
                       const struct work *work, size_t size)
{
    if (is_full(process, context, work->count))
        return STATUS_INSUFFICIENT_RESOURCES;
    struct work *copy = malloc(sizeof(*copy) + size);
    if (!copy)
        return STATUS_NO_MEMORY;
    *copy = *work;
    copy->data = copy + 1;
    if (size)
        memcpy(copy + 1, work->data, size);
    if (!context->work)
        context->work_end = &context->work;
    copy->next = NULL;
    *context->work_end = copy;
    context->work_end = &copy->next;
    context->work_count++;
    context->work_bytes += copy->count;
    if (!context->link_blocked)
        block(process, context);
    return STATUS_SUCCESS;
}

/* `size`: bytes of the work's data. */
static void take(struct process *process, struct opened_context *context, const struct work *work,
                 size_t size)
{
    if (process_check_device(context->device) != STATUS_SUCCESS)
        return;
    if (!context->work && is_ready(process, context, work)) {
        perform(process, context, work);
        if (work->kind != WORK_SIGNAL)
            return;
    } else {
        NTSTATUS status = append(process, context, work, size);
        if (!NT_SUCCESS(status))
            process_fail_device(process, context->device, status, "work that waits for fences");
    }
    work_pump(process);
}

void work_submit(struct process *process, struct opened_context *context, struct hw_queue *queue,
                 uint64_t fence_value, const void *data, uint32_t size)
{
    if (!queue)
        queue = context->queues;
    if (!queue) {
        process_fail_device(process, context->device, STATUS_NOT_SUPPORTED,
                            "a command of a context without a hardware queue");
        return;
    }
    const struct work work = {.kind = WORK_SUBMIT,
                              .queue = queue->handle,
                              .fence_value = fence_value,
                              .count = size,
                              .data = data};
    take(process, context, &work, size);
}

void work_wait(struct process *process, struct opened_context *context,
               const struct wire_fence_value *fences, uint32_t count)
{
    const struct work work = {.kind = WORK_WAIT, .count = count, .data = fences};
    take(process, context, &work, count * sizeof(*fences));
}

void work_signal(struct process *process, struct opened_context *context,
                 const struct wire_fence_value *fences, uint32_t count)
{
    const struct work work = {.kind = WORK_SIGNAL, .count = count, .data = fences};
    take(process, context, &work, count * sizeof(*fences));
}

/* SPDX-License-Identifier: MIT */
#include "host/driver_vulkan.h"

#include <stdlib.h>
#include <string.h>

#include "host/driver_vulkan_internal.h"
#include "host/guid.h"
#include "util/log.h"

/* Drivers on a machine where everything starts at once take their time. */
const struct worker_pool_options vulkan_driver_defaults = {
    .timing = {.start_ms = 60000, .answer_ms = 30000, .grace_ms = 2000},
    .warm_delay_ms = 0,
};

struct vulkan_driver *vulkan_driver_create(const struct worker_pool_options *options)
{
    struct vulkan_driver *driver = calloc(1, sizeof(*driver));
    if (driver)
        driver->options = *options;
    return driver;
}

void vulkan_driver_destroy(struct vulkan_driver *driver)
{
    free(driver);
}

static NTSTATUS start(void *driver, const struct host_driver_start *args)
{
    struct vulkan_driver *self = driver;
    self->callbacks = args->callbacks;
    self->service = args->service;
    self->options.single = args->single_process;
    if (self->options.path && worker_pool_init(&self->pool, args->event, &self->options))
        return STATUS_NO_MEMORY;
    return STATUS_SUCCESS;
}

static void stop(void *driver)
{
    struct vulkan_driver *self = driver;
    if (self->options.path)
        worker_pool_finish(&self->pool);
}

static void configure(void *driver, struct state *state)
{
    struct vulkan_driver *self = driver;
    if (self->options.path)
        worker_pool_configure(&self->pool, state);
}

static NTSTATUS create_process(void *driver, const struct host_create_process *args, void **process)
{
    struct vulkan_process *made = calloc(1, sizeof(*made));
    if (!made)
        return STATUS_NO_MEMORY;
    *made = (struct vulkan_process){.driver = driver,
                                    .flags = args->flags,
                                    .vm = args->worker_process,
                                    .pid = args->pid,
                                    .handle = args->handle};
    made->name = strdup(args->name);
    if (!made->name) {
        free(made);
        return STATUS_NO_MEMORY;
    }
    log_debug("driver", "process %d (%s) of the VM %s created, flags 0x%x", (int)made->pid,
              made->name, made->vm ? made->vm->name : made->name, made->flags);
    *process = made;
    return STATUS_SUCCESS;
}

static void destroy_process(void *driver, void *process)
{
    (void)driver;
    struct vulkan_process *old = process;
    log_debug("driver", "process %d (%s) destroyed", (int)old->pid, old->name);
    vulkan_end_worker(old);
    while (old->escapes) {
        struct vulkan_escape *escape = old->escapes;
        old->escapes = escape->next;
        free(escape);
    }
    free(old->name);
    free(old);
}

static NTSTATUS set_virtual_machine_data(void *driver, const struct host_virtual_machine_data *args)
{
    (void)driver;
    const struct vulkan_process *vm = args->worker_process;
    char guid[GUID_TEXT];
    guid_format(args->guid, guid);
    log_debug("driver", "the VM %s has the GUID %s%s", vm->name, guid,
              args->flags & HOST_VM_SECURE ? " and is secure" : "");
    return STATUS_SUCCESS;
}

static NTSTATUS create_device(void *driver, void *process, uint32_t adapter_index, void **device)
{
    (void)driver;
    struct vulkan_device *made = calloc(1, sizeof(*made));
    if (!made)
        return STATUS_NO_MEMORY;
    *made = (struct vulkan_device){process, adapter_index};
    made->process->devices++;
    log_debug("driver", "process %d (%s) has %u devices, the newest on adapter %u",
              (int)made->process->pid, made->process->name, made->process->devices, adapter_index);
    *device = made;
    return STATUS_SUCCESS;
}

static void destroy_device(void *driver, void *device)
{
    (void)driver;
    struct vulkan_device *old = device;
    old->process->devices--;
    free(old);
}

/* One node on each physical adapter, and no private data: what a caller meant by some cannot be
 * guessed. */
static NTSTATUS create_context(void *driver, void *device, uint32_t node_ordinal,
                               uint32_t engine_affinity, uint32_t flags, const void *data,
                               uint32_t size, void **context)
{
    (void)driver, (void)flags, (void)data;
    if (node_ordinal || size)
        return STATUS_INVALID_PARAMETER;
    struct vulkan_context *made = calloc(1, sizeof(*made));
    if (!made)
        return STATUS_NO_MEMORY;
    *made = (struct vulkan_context){device, engine_affinity ? engine_affinity : 1};
    made->device->process->contexts++;
    log_debug("driver", "process %d (%s) has %u contexts, the newest on physical adapters 0x%x",
              (int)made->device->process->pid, made->device->process->name,
              made->device->process->contexts, made->engine_affinity);
    *context = made;
    return STATUS_SUCCESS;
}

static void destroy_context(void *driver, void *context)
{
    (void)driver;
    struct vulkan_context *old = context;
    old->device->process->contexts--;
    free(old);
}

static int32_t worker_pid(void *driver, void *process)
{
    (void)driver;
    const struct vulkan_process *of = process;
    return of->worker ? worker_client_pid(pool_worker_client(of->worker)) : 0;
}

const struct host_driver vulkan_driver = {
    .name = "vulkan",
    .start = start,
    .stop = stop,
    .configure = configure,
    .create_process = create_process,
    .destroy_process = destroy_process,
    .set_virtual_machine_data = set_virtual_machine_data,
    .create_device = create_device,
    .destroy_device = destroy_device,
    .create_context = create_context,
    .destroy_context = destroy_context,
    .escape = vulkan_escape,
    .create_hw_queue = vulkan_create_hw_queue,
    .destroy_hw_queue = vulkan_destroy_hw_queue,
    .submit_command = vulkan_submit_command,
    .hear = vulkan_hear,
    .worker_pid = worker_pid,
};

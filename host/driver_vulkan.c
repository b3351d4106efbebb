/* SPDX-License-Identifier: MIT */
/*
 * A guest runs Vulkan in a driver of its own, found through the registry; what this half does for
 * it is bookkeeping. It keeps who created what, so that the log tells which process used which
 * adapter, and refuses what a driver with one engine per physical adapter cannot do. It defines no
 * private data: queries and escapes are not supported.
 */
#include "host/driver_vulkan.h"

#include <stdlib.h>
#include <string.h>

#include "host/guid.h"
#include "util/log.h"

struct vulkan_process {
    uint32_t flags;                  /* HOST_PROCESS_* */
    const struct vulkan_process *vm; /* the VM's own object; NULL for that one */
    int32_t pid;
    char *name;
    unsigned devices, contexts; /* now */
};

struct vulkan_device {
    struct vulkan_process *process;
    uint32_t adapter_index;
};

struct vulkan_context {
    struct vulkan_device *device;
    uint32_t engine_affinity;
};

static NTSTATUS create_process(void *driver, const struct host_create_process *args, void **process)
{
    (void)driver;
    struct vulkan_process *made = calloc(1, sizeof(*made));
    if (!made)
        return STATUS_NO_MEMORY;
    *made =
        (struct vulkan_process){.flags = args->flags, .vm = args->worker_process, .pid = args->pid};
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

const struct host_driver vulkan_driver = {
    .name = "vulkan",
    .create_process = create_process,
    .destroy_process = destroy_process,
    .set_virtual_machine_data = set_virtual_machine_data,
    .create_device = create_device,
    .destroy_device = destroy_device,
    .create_context = create_context,
    .destroy_context = destroy_context,
};

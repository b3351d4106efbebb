/* SPDX-License-Identifier: MIT */
#include "host/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "host/guid.h"
#include "host/offer.h"
#include "util/log.h"

struct vm_adapter {
    uint64_t luid;
    unsigned opens;
    bool told;        /* that it was refused */
    uint64_t charged; /* bytes of its memory */
};

/* --- Life --- */

static void derive_guid(struct vm *vm)
{
    static const char purpose[] = "gpupv vm guid";
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof(vm->guid));
    crypto_generichash_update(&state, (const uint8_t *)purpose, sizeof(purpose));
    crypto_generichash_update(&state, (const uint8_t *)vm->name, strlen(vm->name));
    crypto_generichash_final(&state, vm->guid, sizeof(vm->guid));
    guid_mark(vm->guid);
}

int vm_create(struct host_core *core, struct config *config, const struct config_vm *settings,
              struct vm **vm)
{
    struct vm *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->name = strdup(settings->name);
    if (!made->name) {
        free(made);
        return -ENOMEM;
    }
    made->refs = 1;
    made->core = core;
    made->config = config_ref(config);
    made->settings = settings;
    derive_guid(made);
    struct vm **at = &core->vms;
    while (*at)
        at = &(*at)->next;
    *at = made;
    *vm = made;
    return 0;
}

struct vm *vm_ref(struct vm *vm)
{
    vm->refs++;
    return vm;
}

void vm_unref(struct vm *vm)
{
    if (!vm || --vm->refs)
        return;
    struct vm **at = &vm->core->vms;
    while (*at != vm)
        at = &(*at)->next;
    *at = vm->next;
    config_unref(vm->config);
    free(vm->adapters);
    free(vm->name);
    free(vm);
}

struct vm *vm_find(const struct host_core *core, const char *name)
{
    struct vm *vm = core->vms;
    while (vm && strcmp(vm->name, name))
        vm = vm->next;
    return vm;
}

/* --- Settings --- */

void vm_configure(struct vm *vm, struct config *config, const struct config_vm *settings)
{
    config_ref(config);
    config_unref(vm->config);
    vm->config = config;
    vm->settings = settings;
}

bool vm_is_secure(const struct vm *vm)
{
    uint32_t flags = vm->core->state->settings.gpu_virtualization_flags;
    return vm->settings->secure || flags & GPU_VIRTUALIZATION_FORCE_SECURE_VM;
}

bool vm_allows_escapes(const struct vm *vm)
{
    return vm->settings->escapes && !vm_is_secure(vm);
}

/* --- The driver's object --- */

/* Guests speak a protocol that only Linux guests have. */
static NTSTATUS tell_driver(struct vm *vm)
{
    const struct host_core *core = vm->core;
    struct host_virtual_machine_data data = {
        .worker_process = vm->worker_process,
        .flags = HOST_VM_LINUX | (vm_is_secure(vm) ? HOST_VM_SECURE : 0),
    };
    memcpy(data.guid, vm->guid, sizeof(data.guid));
    vm->driver_flags = data.flags;
    return core->driver->set_virtual_machine_data
               ? core->driver->set_virtual_machine_data(core->driver_context, &data)
               : STATUS_SUCCESS;
}

void vm_update_driver(struct vm *vm)
{
    bool told = vm->driver_flags & HOST_VM_SECURE;
    if (!vm->processes || told == vm_is_secure(vm))
        return;
    NTSTATUS status = tell_driver(vm);
    if (!NT_SUCCESS(status))
        log_error("service",
                  "the driver \"%s\" did not take that the VM %s is%s secure now: status 0x%08x",
                  vm->core->driver->name, vm->name, told ? " not" : "", (uint32_t)status);
}

static void destroy_worker(struct vm *vm)
{
    const struct host_core *core = vm->core;
    if (core->driver->destroy_process)
        core->driver->destroy_process(core->driver_context, vm->worker_process);
    vm->worker_process = NULL;
}

static NTSTATUS create_worker(struct vm *vm)
{
    const struct host_core *core = vm->core;
    struct host_create_process args = {
        .flags = HOST_PROCESS_VIRTUAL_MACHINE_WORKER, .pid = getpid(), .name = vm->name};
    NTSTATUS status = STATUS_SUCCESS;
    if (core->driver->create_process)
        status = core->driver->create_process(core->driver_context, &args, &vm->worker_process);
    if (!NT_SUCCESS(status))
        return status;
    status = tell_driver(vm);
    if (!NT_SUCCESS(status))
        destroy_worker(vm);
    return status;
}

NTSTATUS vm_enter(struct vm *vm)
{
    NTSTATUS status = vm->processes ? STATUS_SUCCESS : create_worker(vm);
    if (NT_SUCCESS(status))
        vm->processes++;
    return status;
}

void vm_leave(struct vm *vm)
{
    if (!--vm->processes)
        destroy_worker(vm);
}

/* --- Adapters --- */

static struct vm_adapter *find_adapter(const struct vm *vm, uint64_t luid)
{
    for (size_t i = 0; i < vm->adapter_count; i++) {
        if (vm->adapters[i].luid == luid)
            return &vm->adapters[i];
    }
    return NULL;
}

/* NULL when memory is short. */
static struct vm_adapter *note_adapter(struct vm *vm, uint64_t luid)
{
    struct vm_adapter *known = find_adapter(vm, luid);
    if (known)
        return known;
    struct vm_adapter *larger =
        realloc(vm->adapters, (vm->adapter_count + 1) * sizeof(*vm->adapters));
    if (!larger)
        return NULL;
    vm->adapters = larger;
    known = &larger[vm->adapter_count++];
    *known = (struct vm_adapter){.luid = luid};
    return known;
}

unsigned vm_count_with_adapter(const struct host_core *core, uint64_t luid)
{
    unsigned count = 0;
    for (const struct vm *vm = core->vms; vm; vm = vm->next) {
        const struct vm_adapter *adapter = find_adapter(vm, luid);
        count += adapter && adapter->opens;
    }
    return count;
}

static void tell_refusal(const struct vm *vm, struct vm_adapter *noted,
                         const struct adapter *adapter, const char *why)
{
    if (!noted->told)
        log_warning("service", "the VM %s is not given the adapter %s: %s", vm->name, adapter->name,
                    why);
    noted->told = true;
}

NTSTATUS vm_check_adapter(struct vm *vm, const struct adapter *adapter)
{
    const struct settings *settings = &vm->core->state->settings;
    struct vm_adapter *noted = note_adapter(vm, adapter->luid);
    if (!noted)
        return STATUS_NO_MEMORY;
    const char *refusal = assignment_refusal(adapter, settings, vm_is_secure(vm));
    if (refusal) {
        tell_refusal(vm, noted, adapter, refusal);
        return STATUS_ACCESS_DENIED;
    }
    if (!noted->opens &&
        vm_count_with_adapter(vm->core, adapter->luid) >= settings->virtual_functions) {
        tell_refusal(vm, noted, adapter,
                     "as many VMs as NumVirtualFunctions allows in the registry use it");
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
}

NTSTATUS vm_open_adapter(struct vm *vm, const struct adapter *adapter)
{
    NTSTATUS status = vm_check_adapter(vm, adapter);
    struct vm_adapter *noted = find_adapter(vm, adapter->luid);
    if (!NT_SUCCESS(status) || !noted)
        return status;
    noted->opens++;
    noted->told = false;
    return STATUS_SUCCESS;
}

void vm_close_adapter(struct vm *vm, uint64_t luid)
{
    struct vm_adapter *noted = find_adapter(vm, luid);
    if (noted && noted->opens)
        noted->opens--;
}

/* --- Memory --- */

static uint64_t total_memory(const struct adapter *adapter)
{
    uint64_t total = 0;
    for (size_t i = 0; i < adapter->physical_count; i++)
        total += adapter->devices[i]->local_bytes;
    return total ? total : UINT64_MAX;
}

uint64_t vm_charged(const struct vm *vm, uint64_t luid)
{
    const struct vm_adapter *noted = find_adapter(vm, luid);
    return noted ? noted->charged : 0;
}

uint64_t vm_budget(const struct vm *vm, const struct adapter *adapter)
{
    uint64_t others = 0, total = total_memory(adapter);
    for (const struct vm *other = vm->core->vms; other; other = other->next)
        others += other == vm ? 0 : vm_charged(other, adapter->luid);
    uint64_t left = total == UINT64_MAX ? total : total > others ? total - others : 0;
    uint64_t share = vm->settings->video_memory;
    return share && share < left ? share : left;
}

NTSTATUS vm_charge(struct vm *vm, const struct adapter *adapter, uint64_t bytes)
{
    struct vm_adapter *noted = note_adapter(vm, adapter->luid);
    if (!noted)
        return STATUS_NO_MEMORY;
    uint64_t budget = vm_budget(vm, adapter);
    if (noted->charged > budget || bytes > budget - noted->charged)
        return STATUS_NO_VIDEO_MEMORY;
    noted->charged += bytes;
    return STATUS_SUCCESS;
}

void vm_uncharge(struct vm *vm, uint64_t luid, uint64_t bytes)
{
    struct vm_adapter *noted = find_adapter(vm, luid);
    if (noted)
        noted->charged -= bytes;
}

/* SPDX-License-Identifier: MIT */
/*
 * A VM, container or sandbox: what guests come to through one socket. While a guest process of it
 * is connected, the driver has a process object for the VM itself (WDDM's "VM worker process"),
 * which the objects of its guest processes refer to. An adapter that any of them has open takes one
 * of the adapter's NumVirtualFunctions.
 *
 * A VM that a newer configuration no longer has goes with its last guest, and keeps the settings
 * that it had. Used by the service's thread alone.
 */
#ifndef GPUPV_HOST_VM_H
#define GPUPV_HOST_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"
#include "host/adapters.h"
#include "host/config.h"
#include "host/core.h"

struct vm_adapter;
struct process;

struct vm {
    struct vm *next; /* in core->vms */
    struct host_core *core;
    unsigned refs;
    char *name;
    uint8_t guid[16]; /* host/guid.h; follows from the name */
    struct config *config;
    const struct config_vm *settings; /* of `config` */
    unsigned clients;                 /* connections that count against max-clients */
    unsigned processes;
    struct process *first_process; /* guest processes, linked by next_of_vm */
    void *worker_process;          /* the driver's context, while there are processes */
    uint32_t driver_flags;         /* HOST_VM_*, as the driver was told */
    struct vm_adapter *adapters;
    size_t adapter_count;
};

/* Puts it into core->vms with one reference. -ENOMEM. */
int vm_create(struct host_core *core, struct config *config, const struct config_vm *settings,
              struct vm **vm);
struct vm *vm_ref(struct vm *vm);
void vm_unref(struct vm *vm);
struct vm *vm_find(const struct host_core *core, const char *name);

/* Gives it the settings of a newer configuration. */
void vm_configure(struct vm *vm, struct config *config, const struct config_vm *settings);
/* Tells the driver what configuration and registry have changed for it. */
void vm_update_driver(struct vm *vm);

/* Secure by its own setting or by GpuVirtualizationFlags. */
bool vm_is_secure(const struct vm *vm);
/* Whether escapes other than known ones are let through. */
bool vm_allows_escapes(const struct vm *vm);

/* A guest process comes, or goes. The first one makes the worker process. */
NTSTATUS vm_enter(struct vm *vm);
void vm_leave(struct vm *vm);

/* STATUS_SUCCESS when a process of the VM may open the adapter. STATUS_ACCESS_DENIED: it is not
 * isolated as the settings want it; STATUS_INSUFFICIENT_RESOURCES: as many other VMs as may have it
 * open have it. Either is logged once, until the VM gets it. */
NTSTATUS vm_check_adapter(struct vm *vm, const struct adapter *adapter);
/* One open adapter more, or less. Opening asks vm_check_adapter first. */
NTSTATUS vm_open_adapter(struct vm *vm, const struct adapter *adapter);
void vm_close_adapter(struct vm *vm, uint64_t luid);
/* The ledger of an adapter's memory. A VM has what its `video-memory` says, and all VMs together
 * what the adapter has; an adapter that does not tell how much that is has no such limit. */
/* STATUS_NO_VIDEO_MEMORY; STATUS_NO_MEMORY. */
NTSTATUS vm_charge(struct vm *vm, const struct adapter *adapter, uint64_t bytes);
void vm_uncharge(struct vm *vm, uint64_t luid, uint64_t bytes);
/* Bytes that the VM uses, and that it may use as long as no other VM uses more. */
uint64_t vm_charged(const struct vm *vm, uint64_t luid);
uint64_t vm_budget(const struct vm *vm, const struct adapter *adapter);

/* VMs that have it open. */
unsigned vm_count_with_adapter(const struct host_core *core, uint64_t luid);

#endif

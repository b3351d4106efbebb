/* SPDX-License-Identifier: MIT */
/*
 * A guest process and what it has open: adapters, devices, contexts. Each connection has one
 * process; when the peer is gone, destroying the process frees all of it.
 *
 * Lifetimes, as in WDDM: a context belongs to its device and goes with it. A device belongs to
 * the process; it keeps what it needs of the adapter, so that it outlives the adapter's handle.
 */
#ifndef GPUPV_HOST_PROCESS_H
#define GPUPV_HOST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/core.h"
#include "host/vm.h"
#include "wire/handle_table.h"

#define PROCESS_MAX_HANDLES 4096
#define PROCESS_MAX_REFUSED_VALUES 64

enum object_type {
    OBJECT_ADAPTER = 1,
    OBJECT_DEVICE = 2,
    OBJECT_CONTEXT = 3,
    OBJECT_ALLOCATION = 4,
    OBJECT_RESOURCE = 5,
};

struct process {
    struct host_core *core;
    struct vm *vm;
    pid_t pid;        /* SO_PEERCRED */
    char name[64];    /* printable UTF-8 */
    unsigned version; /* of the protocol, as agreed on */
    struct handle_table *handles;
    struct store_reader *reader; /* the file of the store that it copies, or NULL */
    void *driver_process;
    uint64_t requests;
    unsigned adapters, devices, contexts;
    /* Registry values that were refused and logged, each once: digests of their names. */
    uint64_t refused_values[PROCESS_MAX_REFUSED_VALUES];
    unsigned refused_value_count;
};

/* An adapter that is open, shared by its handle and the devices on it. */
struct opened_adapter {
    unsigned users;
    uint64_t luid;
    struct state *state; /* the newest snapshot that has the adapter */
    struct hold_set holds;
};

struct opened_context;

struct opened_device {
    struct opened_adapter *adapter;
    void *driver_device;
    struct opened_context *contexts;
};

struct opened_context {
    struct opened_context *next;
    struct opened_device *device;
    uint32_t handle;
    void *driver_context;
};

/* Introduces the process of a VM, which is kept, to the driver. `name` is `size` bytes of a peer's,
 * NUL-padded or not. */
NTSTATUS process_create(struct vm *vm, pid_t pid, const char *name, size_t size,
                        struct process **process);
/* NULL is accepted. */
void process_destroy(struct process *process);

/* STATUS_ACCESS_DENIED, STATUS_INSUFFICIENT_RESOURCES: the VM may not have it (host/vm.h). */
NTSTATUS process_open_adapter(struct process *process, const struct adapter *adapter,
                              uint32_t *handle);
NTSTATUS process_close_adapter(struct process *process, uint32_t handle);

/* The adapter's description in the current snapshot, or, if it is no longer offered, in the last
 * one that had it: a process that uses an adapter is not disturbed by its removal from the
 * configuration. Also holds the packages that a newer snapshot names. NULL when memory is short. */
const struct adapter *process_resolve(struct process *process, struct opened_adapter *opened);

NTSTATUS process_create_device(struct process *process, struct opened_adapter *adapter,
                               uint32_t *handle);
NTSTATUS process_destroy_device(struct process *process, uint32_t handle);

struct context_request {
    uint32_t node_ordinal, engine_affinity, flags;
    const void *data;
    uint32_t size;
};
NTSTATUS process_create_context(struct process *process, struct opened_device *device,
                                const struct context_request *request, uint32_t *handle);
NTSTATUS process_destroy_context(struct process *process, uint32_t handle);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A guest process and what it has open: adapters, devices, contexts; and what those have, which is
 * in files of its own: allocations, hardware queues, synchronization objects. Each connection has
 * one process; when the peer is gone, destroying the process frees all of it.
 *
 * Lifetimes, as in WDDM: a hardware queue belongs to its context, and a context, an allocation or a
 * synchronization object to its device, and goes with it. A device belongs to the process; it keeps
 * what it needs of the adapter, so that it outlives the adapter's handle.
 */
#ifndef GPUPV_HOST_PROCESS_H
#define GPUPV_HOST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/core.h"
#include "host/vm.h"
#include "wire/handle_table.h"

#define PROCESS_MAX_HANDLES 65536
#define PROCESS_MAX_OBJECTS 4096 /* adapters, devices, contexts and queues, which cost most */
#define PROCESS_MAX_REFUSED_VALUES 64

enum object_type {
    OBJECT_ADAPTER = 1,
    OBJECT_DEVICE = 2,
    OBJECT_CONTEXT = 3,
    OBJECT_ALLOCATION = 4,
    OBJECT_RESOURCE = 5,
    OBJECT_RETIRED = 6, /* an allocation that the guest has destroyed and its worker still uses */
    OBJECT_HW_QUEUE = 7,
    OBJECT_SYNC = 8,
};

struct process;
struct memory;
struct event_wait;
struct allocation;
struct resource;
struct hw_queue;
struct sync_object;
struct work;
struct opened_context;

/* Makes a status of the driver's, and the private data that it gives back, the guest's; on success
 * fills pending.head. */
typedef NTSTATUS pending_finish(struct process *process, NTSTATUS status, const void **payload,
                                uint32_t *size);

/* A request that the driver answers later. One at a time: until then the connection takes nothing
 * from the process. */
struct pending_call {
    pending_finish *finish; /* NULL: none is pending */
    struct hw_queue *queue; /* that is being created, or NULL */
    void *sent;             /* malloc'ed: the guest's private data */
    uint32_t size;
    uint8_t head[32]; /* the reply's structure */
    uint32_t head_size;
};

struct process {
    struct host_core *core;
    struct vm *vm;
    struct process *next_of_vm, **link_of_vm;
    pid_t pid;        /* SO_PEERCRED */
    char name[64];    /* printable UTF-8 */
    unsigned version; /* of the protocol, as agreed on */
    struct handle_table *handles;
    struct store_reader *reader; /* the file of the store that it copies, or NULL */
    void *driver_process;
    uint64_t requests;
    bool descriptors; /* its stream passes them */
    unsigned exports; /* that the driver has given and the guest has not asked for */
    unsigned adapters, devices, contexts;
    unsigned allocations, hw_queues, syncs; /* allocations: those that are retired, too */
    struct memory *memory;                  /* or NULL: none was needed (host/memory.h) */
    struct event_wait *event_waits;
    unsigned events;                /* descriptors of the guest's that it keeps */
    struct opened_context *blocked; /* contexts with work that waits (host/work.h) */
    unsigned blocked_count;
    bool pumping, pump_again, ticking; /* host/work.h */
    bool ending;                       /* all of it goes */
    struct pending_call pending;
    /* Told how a pending request ends: the reply's structure, then its private data. */
    void (*answered)(void *context, NTSTATUS status, const void *head, size_t head_size,
                     const void *payload, size_t size);
    void *answered_context;
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

struct opened_device {
    struct opened_adapter *adapter;
    void *driver_device;
    NTSTATUS error; /* of asynchronous work that failed, else STATUS_SUCCESS */
    struct opened_context *contexts;
    struct allocation *allocations;
    struct resource *resources;
    struct sync_object *syncs;
};

struct opened_context {
    struct opened_context *next, **link;
    struct opened_device *device;
    uint32_t handle;
    void *driver_context;
    struct hw_queue *queues; /* the oldest first */
    unsigned queue_count;
    /* Work that waits, in order. */
    struct work *work, **work_end;
    unsigned work_count;
    size_t work_bytes;
    struct opened_context *next_blocked, **link_blocked; /* link NULL: not in the list */
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

/* Gives an object a handle. STATUS_INSUFFICIENT_RESOURCES; STATUS_NO_MEMORY. */
NTSTATUS process_name(struct process *process, enum object_type type, void *object,
                      uint32_t *handle);

/* Asynchronous work on the device failed, and `what` it was: from now on process_check_device says
 * so. The first failure counts, and is logged. */
void process_fail_device(struct process *process, struct opened_device *device, NTSTATUS status,
                         const char *what);
/* STATUS_SUCCESS, or the failure. */
static inline NTSTATUS process_check_device(const struct opened_device *device)
{
    return device->error;
}

/* Ends the pending request: finishes it and tells `answered`. For struct host_completion, with the
 * process as `data`. */
void process_complete(void *process, NTSTATUS status, const void *payload, uint32_t size);

/* What the driver tells (struct host_driver_callbacks): the process' worker is gone; an event of
 * the process, a CPU notification's handle, is to be signalled. */
void process_lost(struct process *process, const char *why);
void process_signal_event(struct process *process, uint32_t event);

#endif

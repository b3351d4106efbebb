/* SPDX-License-Identifier: MIT */
/*
 * The host driver half: what WDDM calls the kernel-mode driver is this table of functions, which
 * the service calls. The service owns processes, handles and the registry ("Dxgkrnl"); the driver
 * sees its own context pointers only. The names follow the DDI (DxgkDdiCreateProcess →
 * create_process).
 *
 * All functions are called from the service's thread. Results are NTSTATUS. A NULL function means
 * that the driver has no use for the call: creations then succeed with a NULL context, queries and
 * escapes give STATUS_NOT_SUPPORTED. Private data was checked by the guard before, and is checked
 * again after.
 */
#ifndef GPUPV_HOST_DRIVER_H
#define GPUPV_HOST_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"

struct host_driver_callbacks;
struct sd_event;
struct state; /* host/state.h */

/* DxgkDdiStartDevice: the service's loop is about to run. All of it stays until `stop`. */
struct host_driver_start {
    struct sd_event *event;
    const struct host_driver_callbacks *callbacks;
    void *service;       /* first argument of the callbacks */
    bool single_process; /* one guest process is served, and the service ends with it */
};

/* DXGK_CREATEPROCESSFLAGS */
#define HOST_PROCESS_VIRTUAL_MACHINE 0x1u        /* a guest process */
#define HOST_PROCESS_VIRTUAL_MACHINE_WORKER 0x2u /* a VM's own object */

struct host_create_process {
    uint32_t flags;
    void *worker_process; /* hKmdVmWorkerProcess: of the VM that the process runs in, or NULL */
    int32_t pid;
    const char *name; /* pProcessName, UTF-8; valid during the call */
    void *handle;     /* hDxgkProcess: names the process in callbacks */
};

/* DXGK_VIRTUALMACHINEDATAFLAGS */
#define HOST_VM_SECURE 0x1u /* SecureVirtualMachine */
#define HOST_VM_LINUX 0x2u  /* LinuxVirtualMachine */

struct host_virtual_machine_data {
    void *worker_process; /* the driver's context of the VM's own process */
    uint8_t guid[16];     /* in the order of its text */
    uint32_t flags;
};

/* How a call that was answered with STATUS_PENDING ends: called once, from the service's thread,
 * never from within the call itself. `payload` is valid during the call. None comes for what was
 * destroyed meanwhile: the queue, or the guest process. */
struct host_completion {
    void (*done)(void *data, NTSTATUS status, const void *payload, uint32_t size);
    void *data;
};

/* DXGKARG_QUERYADAPTERINFO and DXGKARG_ESCAPE share these. */
#define HOST_CALL_VIRTUAL_MACHINE_DATA 0x1u /* the call comes from a guest */
#define HOST_CALL_SECURE_VIRTUAL_MACHINE 0x2u

struct host_escape {
    uint32_t adapter_index;           /* in the service's list */
    uint64_t luid;                    /* of the adapter: the same in every snapshot */
    void *process, *device, *context; /* the driver's contexts; device and context may be NULL */
    uint32_t call_flags;
    D3DDDI_ESCAPEFLAGS flags; /* VirtualMachineData set by the service */
    void *data;               /* in and out; valid during the call */
    uint32_t size;
    struct host_completion completion; /* its payload: the data back, `size` bytes, or none */
};

struct host_query_adapter_info { /* KMTQAITYPE_UMDRIVERPRIVATE */
    uint32_t adapter_index;
    void *process;
    uint32_t call_flags;
    void *data; /* in and out */
    uint32_t size;
};

/* What a guest process has that the driver's half in the worker needs; the service owns it. */
struct host_process_memory {
    int aperture; /* memfd, or -1: there is none */
    uint64_t aperture_size;
    int allocation_table; /* memfd of struct link_allocation[] (host/worker/link.h) */
    uint32_t table_entries;
};

struct host_create_hw_queue {
    uint32_t adapter_index;
    uint64_t luid;
    void *context;
    uint32_t handle;       /* D3DKMT_HANDLE of the new queue */
    uint64_t fence_offset; /* of its progress fence in the aperture; UINT64_MAX without one */
    const struct host_process_memory *memory; /* valid while the process lives */
    const void *data;                         /* the guest's private data, guarded */
    uint32_t size;
    struct host_completion completion;
};

struct host_driver {
    const char *name;
    /* Before anything else is called, and after everything. */
    NTSTATUS (*start)(void *driver, const struct host_driver_start *args);
    void (*stop)(void *driver);
    /* A snapshot is the current one now; the driver takes a reference if it keeps it. */
    void (*configure)(void *driver, struct state *state);
    NTSTATUS (*create_process)
    (void *driver, const struct host_create_process *args, void **process);
    void (*destroy_process)(void *driver, void *process);
    /* After the VM's worker process was created, before any guest process of it is; and again when
     * the flags change. */
    NTSTATUS (*set_virtual_machine_data)
    (void *driver, const struct host_virtual_machine_data *args);
    NTSTATUS (*query_adapter_info)(void *driver, struct host_query_adapter_info *args);
    /* May give STATUS_PENDING. */
    NTSTATUS (*escape)(void *driver, struct host_escape *args);
    NTSTATUS (*create_device)(void *driver, void *process, uint32_t adapter_index, void **device);
    void (*destroy_device)(void *driver, void *device);
    NTSTATUS (*create_context)
    (void *driver, void *device, uint32_t node_ordinal, uint32_t engine_affinity, uint32_t flags,
     const void *data, uint32_t size, void **context);
    void (*destroy_context)(void *driver, void *context);
    /* A hardware queue: a stream to the guest process' worker. May give STATUS_PENDING; *queue is
     * set before it returns. destroy_hw_queue is called also while a completion is awaited. */
    NTSTATUS (*create_hw_queue)
    (void *driver, const struct host_create_hw_queue *args, void **queue);
    void (*destroy_hw_queue)(void *driver, void *queue);
    /* SubmitCommandToHwQueue: asynchronous; a failure puts the device into its error state. */
    NTSTATUS (*submit_command)(void *driver, void *queue, const void *data, uint32_t size);
    /* Takes now what the process' worker has said already: its events come before this returns. */
    void (*hear)(void *driver, void *process);
    /* For reports: the process on the host that runs a guest process' commands, or 0. */
    int32_t (*worker_pid)(void *driver, void *process);
};

/* What the driver tells the service, from the service's thread, never from within one of the calls
 * above but `hear`. `process` is host_create_process.handle. */
struct host_driver_callbacks {
    /* The process' worker is gone: its fences become UINT64_MAX, its devices are lost, nothing of
     * the allocation table is in use. Awaited completions have come before. `why` is for the log
     * and for events. */
    void (*process_lost)(void *service, void *process, const char *why);
    /* DxgkCbSignalEvent: an event that the guest process created. */
    void (*signal_event)(void *service, void *process, uint32_t event);
    /* The memory of an allocation with WIRE_ALLOCATION_EXPORTED: from `offset` of a file on, whole
     * pages. Takes the descriptor. False: there is no such allocation that waits for it, and it is
     * closed. */
    bool (*exported)(void *service, void *process, uint32_t allocation, uint64_t offset,
                     int descriptor);
};

#endif

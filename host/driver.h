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

#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"

/* DXGK_CREATEPROCESSFLAGS */
#define HOST_PROCESS_VIRTUAL_MACHINE 0x1u        /* a guest process */
#define HOST_PROCESS_VIRTUAL_MACHINE_WORKER 0x2u /* a VM's own object */

struct host_create_process {
    uint32_t flags;
    void *worker_process; /* hKmdVmWorkerProcess: of the VM that the process runs in, or NULL */
    int32_t pid;
    const char *name; /* pProcessName, UTF-8; valid during the call */
};

/* DXGK_VIRTUALMACHINEDATAFLAGS */
#define HOST_VM_SECURE 0x1u /* SecureVirtualMachine */
#define HOST_VM_LINUX 0x2u  /* LinuxVirtualMachine */

struct host_virtual_machine_data {
    void *worker_process; /* the driver's context of the VM's own process */
    uint8_t guid[16];     /* in the order of its text */
    uint32_t flags;
};

/* DXGKARG_QUERYADAPTERINFO and DXGKARG_ESCAPE share these. */
#define HOST_CALL_VIRTUAL_MACHINE_DATA 0x1u /* the call comes from a guest */
#define HOST_CALL_SECURE_VIRTUAL_MACHINE 0x2u

struct host_escape {
    uint32_t adapter_index;           /* in the service's list */
    void *process, *device, *context; /* the driver's contexts; device and context may be NULL */
    uint32_t call_flags;
    D3DDDI_ESCAPEFLAGS flags; /* VirtualMachineData set by the service */
    void *data;               /* in and out */
    uint32_t size;
};

struct host_query_adapter_info { /* KMTQAITYPE_UMDRIVERPRIVATE */
    uint32_t adapter_index;
    void *process;
    uint32_t call_flags;
    void *data; /* in and out */
    uint32_t size;
};

struct host_driver {
    const char *name;
    NTSTATUS (*create_process)(void *driver, const struct host_create_process *args,
                               void **process);
    void (*destroy_process)(void *driver, void *process);
    /* After the VM's worker process was created, before any guest process of it is; and again when
     * the flags change. */
    NTSTATUS (*set_virtual_machine_data)(void *driver,
                                         const struct host_virtual_machine_data *args);
    NTSTATUS (*query_adapter_info)(void *driver, struct host_query_adapter_info *args);
    NTSTATUS (*escape)(void *driver, struct host_escape *args);
    NTSTATUS (*create_device)(void *driver, void *process, uint32_t adapter_index, void **device);
    void (*destroy_device)(void *driver, void *device);
    NTSTATUS (*create_context)(void *driver, void *device, uint32_t node_ordinal,
                               uint32_t engine_affinity, uint32_t flags, const void *data,
                               uint32_t size, void **context);
    void (*destroy_context)(void *driver, void *context);
};

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Allocations of a guest process, and the resources that they make up. What a guest sees of one is
 * a range of the aperture, or nothing; what its worker sees is an entry of the allocation table.
 * Each counts against the VM's share of its adapter's memory until it is given back, which is when
 * the guest has destroyed it and the worker has no more host objects in it. Service's thread.
 */
#ifndef GPUPV_HOST_ALLOCATION_H
#define GPUPV_HOST_ALLOCATION_H

#include <stdint.h>

#include "host/process.h"

struct resource {
    struct resource *next, **link; /* of the device's */
    struct opened_device *device;
    uint32_t handle;
    struct allocation *allocations;
};

struct allocation {
    struct allocation *next, **link; /* of the device's; of those that are retired */
    struct allocation *next_of_resource, **link_of_resource; /* link NULL: of no resource */
    struct opened_device *device;
    uint32_t handle;
    uint64_t luid;
    uint64_t size;           /* whole pages */
    struct range *range;     /* in the aperture, or NULL */
    uint32_t property_flags; /* D3DDDI_UPDATEALLOCPROPERTY_FLAGS */
    uint32_t segment_set, preferred_segment;
    /* With WIRE_ALLOCATION_EXPORTED: where its memory lies, between the driver's word and the
     * guest's question. */
    enum { EXPORT_NONE, EXPORT_AWAITED, EXPORT_HELD, EXPORT_GIVEN } export;
    int export_file;
    uint64_t export_offset;
};

/* Adds to `resource`, unless it is NULL, an allocation of `size` bytes. STATUS_NOT_SUPPORTED: it is
 * to be CPU-visible, and there is no aperture; STATUS_NO_VIDEO_MEMORY; STATUS_NO_MEMORY;
 * STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS allocation_create(struct process *process, struct opened_device *device,
                           struct resource *resource, uint64_t size, uint32_t wire_flags,
                           struct allocation **allocation);
/* The driver has exported the memory of an allocation of the process. Takes the descriptor. False:
 * none waits for it, or the process has too many that it does not ask for. */
bool allocation_take_export(struct process *process, uint32_t handle, uint64_t offset,
                            int descriptor);
/* Gives the descriptor to the caller. False: there is none. */
bool allocation_give_export(struct process *process, struct allocation *allocation,
                            uint64_t *offset, int *descriptor);
void allocation_destroy(struct process *process, struct allocation *allocation);
uint64_t allocation_offset(const struct allocation *allocation);

NTSTATUS resource_create(struct process *process, struct opened_device *device,
                         struct resource **resource);
/* With its allocations. */
void resource_destroy(struct process *process, struct resource *resource);

/* A device goes. */
void allocation_destroy_all(struct process *process, struct opened_device *device);

/* Looks at no more than `limit` destroyed allocations and gives back those that are free now. */
void allocation_collect(struct process *process, unsigned limit);
/* Gives all of them back: the process ends, or its worker is gone. */
void allocation_collect_all(struct process *process);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a guest process has of memory: its aperture, the table of its allocations that its worker
 * reads (host/worker/link.h), the cells of its fences, and how much it uses of which adapter. Made
 * when the process first needs any of it. Service's thread.
 */
#ifndef GPUPV_HOST_MEMORY_H
#define GPUPV_HOST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "host/aperture.h"
#include "host/process.h"

/* A fence's place in the aperture. */
struct fence_cell {
    uint32_t page, slot;
};

struct fence_page {
    struct range *range;
    void *mapped; /* only to wake who sleeps on it: never read or written */
    uint64_t used;
};

struct memory_usage {
    uint64_t luid, bytes;
};

struct memory {
    struct host_process_memory shared;
    struct aperture *aperture; /* or NULL: memory_aperture_size says 0 */
    uint64_t visible;          /* bytes of CPU-visible allocations */
    struct fence_page *pages;
    uint32_t page_count, page_with_room; /* none below has room */
    struct memory_usage *usage;
    size_t usage_count;
    /* Destroyed allocations that the worker still uses. */
    struct allocation *retired, *last_retired;
};

/* What the aperture of a process that has none would have: 0 when it passes no descriptors, or its VM
 * is not to share memory. */
uint64_t memory_aperture_size(const struct process *process);
/* The process' memory, made if there is none. STATUS_NO_MEMORY. */
NTSTATUS memory_of(struct process *process, struct memory **memory);
/* All allocations and fences are gone. NULL is accepted. */
void memory_destroy(struct memory *memory);

/* The table's entry of an allocation: all but `used`, which is the worker's. */
NTSTATUS memory_publish(struct memory *memory, uint32_t handle, uint64_t offset, uint64_t size);
void memory_withdraw(struct memory *memory, uint32_t handle);
/* Whether the worker has host objects in it. */
bool memory_is_used(const struct memory *memory, uint32_t handle);
/* The worker is gone: nothing has. */
void memory_forget_use(struct memory *memory, uint32_t handle);

/* How many batches the worker says to have given to queues. */
uint64_t memory_submissions(const struct memory *memory);

/* Counts `bytes` of an adapter more, or less, for the process. False when memory is short. */
bool memory_count(struct memory *memory, uint64_t luid, uint64_t bytes);
void memory_uncount(struct memory *memory, uint64_t luid, uint64_t bytes);
uint64_t memory_counted(const struct memory *memory, uint64_t luid);

/* A cell with that value. STATUS_NOT_SUPPORTED without an aperture; STATUS_NO_MEMORY. */
NTSTATUS fence_cell_take(struct memory *memory, uint64_t value, struct fence_cell *cell);
void fence_cell_give_back(struct memory *memory, const struct fence_cell *cell);
uint64_t fence_cell_offset(const struct memory *memory, const struct fence_cell *cell);
/* As the worker has written it; UINT64_MAX when it cannot be read. */
uint64_t fence_cell_read(const struct memory *memory, const struct fence_cell *cell);
/* Writes the value and wakes who waits for it, on both sides. */
void fence_cell_write(struct memory *memory, const struct fence_cell *cell, uint64_t value);

#endif

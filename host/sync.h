/* SPDX-License-Identifier: MIT */
/*
 * Synchronization objects of a guest process: monitored fences, the progress fences of hardware
 * queues, and CPU notifications (events of the guest's).
 *
 * A monitored fence's value is the service's; the aperture shows it. All changes come through the
 * service, so that what waits for one goes on at once. A progress fence is written by the worker,
 * in the aperture alone: while something on the service's side waits for one, the service looks
 * every millisecond (host/fence_timer.c). Service's thread.
 */
#ifndef GPUPV_HOST_SYNC_H
#define GPUPV_HOST_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "host/memory.h"
#include "host/process.h"
#include "wire/protocol.h"

#define PROCESS_MAX_EVENTS 64 /* descriptors that a process may leave with the service */

enum sync_kind { SYNC_FENCE, SYNC_PROGRESS, SYNC_NOTIFICATION };

struct sync_object {
    struct sync_object *next, **link; /* of the device's; link NULL: a queue's */
    enum sync_kind kind;
    uint32_t handle;
    uint32_t flags; /* D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS */
    uint64_t value; /* of a fence */
    bool in_aperture;
    struct fence_cell cell;
    int event; /* of a notification */
};

/* STATUS_NOT_SUPPORTED: there is no aperture. */
NTSTATUS sync_create_fence(struct process *process, struct opened_device *device, uint32_t flags,
                           uint64_t value, struct sync_object **sync);
/* The descriptor is the object's on success. STATUS_INVALID_PARAMETER: it is no eventfd. */
NTSTATUS sync_create_notification(struct process *process, struct opened_device *device,
                                  uint32_t flags, int event, struct sync_object **sync);
/* For a queue, which destroys it. Without an aperture its value is always 0. */
NTSTATUS sync_create_progress(struct process *process, struct sync_object **sync);
void sync_destroy(struct process *process, struct sync_object *sync);
void sync_destroy_all(struct process *process, struct opened_device *device);

/* In the aperture, or WIRE_NO_OFFSET. */
uint64_t sync_offset(const struct process *process, const struct sync_object *sync);

/* A process' fence to be waited for, or to be signalled, from now on; else
 * STATUS_INVALID_PARAMETER. */
NTSTATUS sync_check_wait(const struct process *process, uint32_t handle);
NTSTATUS sync_check_signal(const struct process *process, uint32_t handle, uint64_t value,
                           bool rewind);

/* Whether only the worker changes the fence. */
bool sync_is_progress(const struct process *process, uint32_t handle);

/* Whether the fence has the value; one that is gone has every value. */
bool sync_has_reached(const struct process *process, const struct wire_fence_value *wanted);
/* All of them, or with `any` one. */
bool sync_have_reached(const struct process *process, const struct wire_fence_value *wanted,
                       uint32_t count, bool any);
/* Sets a monitored fence's value; what waits for it goes on when work_pump is called. */
void sync_set(struct process *process, uint32_t handle, uint64_t value);

/* Signals the event, which becomes the service's on success, once the fences have their values.
 * STATUS_INVALID_PARAMETER: it is no eventfd; STATUS_INSUFFICIENT_RESOURCES: too many are waiting.
 */
NTSTATUS sync_wait_with_event(struct process *process, const struct wire_fence_value *wanted,
                              uint32_t count, bool any, int event);
/* Signals what is ready. True when something still waits for a progress fence. */
bool sync_signal_ready(struct process *process);
/* The process ends: its events are closed. */
void sync_drop_waits(struct process *process);

bool sync_is_notification(const struct process *process, uint32_t handle);
/* Signals its event. Another object is passed over. */
void sync_signal_notification(struct process *process, uint32_t handle);

/* The worker is gone: all fences of the process are UINT64_MAX. */
void sync_lose_all(struct process *process);

#endif

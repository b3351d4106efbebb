/* SPDX-License-Identifier: MIT */
/* The objects of the host driver half for Vulkan: driver_vulkan.c has their lives, driver_queue.c
 * what goes to workers. */
#ifndef GPUPV_HOST_DRIVER_VULKAN_INTERNAL_H
#define GPUPV_HOST_DRIVER_VULKAN_INTERNAL_H

#include "host/driver_vulkan.h"

struct vulkan_driver {
    struct worker_pool_options options;
    struct worker_pool pool; /* between start and stop */
    const struct host_driver_callbacks *callbacks;
    void *service;
};

struct vulkan_process {
    struct vulkan_driver *driver;
    uint32_t flags;                  /* HOST_PROCESS_* */
    const struct vulkan_process *vm; /* the VM's own object; NULL for that one */
    int32_t pid;
    char *name;
    void *handle;               /* the service's */
    unsigned devices, contexts; /* now */
    struct pool_worker *worker; /* NULL: none yet, or it was lost */
    struct vulkan_queue *queues;
    struct vulkan_escape *escapes;
    /* Workers that it has lost lately: one that keeps crashing its worker is made to wait. */
    unsigned losses;
    uint64_t losses_since; /* usec */
    bool told;             /* why it got no worker, or not the adapter: logged once */
};

struct vulkan_device {
    struct vulkan_process *process;
    uint32_t adapter_index;
};

struct vulkan_context {
    struct vulkan_device *device;
    uint32_t engine_affinity;
};

/* A stream. */
struct vulkan_queue {
    struct vulkan_queue *next; /* of the process */
    struct vulkan_process *process;
    struct pool_worker *worker; /* NULL: it is lost */
    const struct vulkan_context *context;
    uint32_t handle;
    struct worker_request *opening; /* until the worker has answered */
    struct host_completion completion;
};

/* An escape that the worker has not answered. */
struct vulkan_escape {
    struct vulkan_escape *next; /* of the process */
    struct vulkan_process *process;
    struct worker_request *request;
    uint32_t size;
    struct host_completion completion;
};

NTSTATUS vulkan_create_hw_queue(void *driver, const struct host_create_hw_queue *args,
                                void **queue);
void vulkan_destroy_hw_queue(void *driver, void *queue);
NTSTATUS vulkan_submit_command(void *driver, void *queue, const void *data, uint32_t size);
void vulkan_hear(void *driver, void *process);
NTSTATUS vulkan_escape(void *driver, struct host_escape *args);

/* Ends the worker that a process has, without an event. */
void vulkan_end_worker(struct vulkan_process *process);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the streams of a worker process share: the Vulkan instance, the adapters, the guest process'
 * aperture and allocation table. Made once by the main thread, before any stream; constant from
 * then on, except where said. The functions may be called from any thread.
 */
#ifndef GPUPV_HOST_WORKER_WORKER_H
#define GPUPV_HOST_WORKER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "host/worker/exec.h"
#include "host/worker/link.h"
#include "host/worker/memory_types.h"
#include "util/error.h"

#define WORKER_MAX_ADAPTERS 64

/* A host device that an adapter stands for, as the service names it. */
struct worker_device_name {
    uint8_t uuid[VK_UUID_SIZE];
    char *icd; /* manifest; "": the installed drivers */
};

struct worker_adapter {
    struct worker_device_name names[EXEC_MAX_NODES];
    uint32_t node_count; /* linked devices */
    VkPhysicalDevice physical_devices[EXEC_MAX_NODES];
    struct memory_types memory_types; /* of the first */
    void *facts;                      /* of the first: what STREAM_FACTS answers */
    size_t facts_size;
    bool unusable; /* the driver lacks what is needed: no stream is opened */
};

struct worker_vulkan; /* worker_vulkan.c: instance and messenger */

struct worker {
    int link;         /* to the service; -1 without one */
    int stream_ended; /* eventfd, of worker_serve: a stream's thread is through */
    struct worker_adapter *adapters;
    uint32_t adapter_count;
    struct worker_vulkan *vulkan;
    VkInstance instance;
    uint32_t api_version; /* of the instance */
    const struct vkwire_instance_dispatch *vki;
    /* After LINK_ASSIGN. */
    uint8_t *aperture; /* NULL: there is none */
    uint64_t aperture_size;
    struct link_allocation *table; /* shared with the service, which is believed */
    uint32_t table_entries;
    struct link_counters *counters; /* behind the table */
    char process[80], vm[80]; /* for logs: "NAME (PID)" */
};

/* --- Vulkan (worker_vulkan.c) --- */

/* Adds the adapter "UUID@ICD[,UUID@ICD…]". -EINVAL, -ENOMEM. */
int worker_add_adapter(struct worker *worker, const char *devices, struct error *err);
/* Loads the adapters' drivers, and no other: makes the instance, finds the devices, asks for all
 * that guests will want to know. An adapter whose driver cannot do what is needed is logged, and
 * not usable; the others are. -ENODEV (no driver at all), -ENOMEM. */
int worker_vulkan_start(struct worker *worker, bool validation, enum memory_way way,
                        struct error *err);
void worker_vulkan_finish(struct worker *worker);

/* --- Memory of the guest (worker_memory.c) --- */

/* Maps what LINK_ASSIGN brought; the descriptors stay the caller's. `aperture` is -1 where there is
 * none. -EINVAL (sizes that do not fit the files), -ENOMEM. */
int worker_memory_map(struct worker *worker, const struct link_assign *assign, int aperture,
                      int table, struct error *err);
void worker_memory_unmap(struct worker *worker);

/* Memory of an allocation, by its D3DKMT handle. It stays until worker_allocation_unmap was called
 * as often. NULL: the guest process has no such allocation, or it is not CPU-visible. The guest may
 * write there at any time. */
void *worker_allocation_map(struct worker *worker, uint32_t handle, uint64_t *size);
/* The same for any allocation, without its memory, and for one user alone: what is allocated once
 * is to be used once. False: there is none, or it is in use. */
bool worker_allocation_use(struct worker *worker, uint32_t handle, uint64_t *size);
void worker_allocation_unmap(struct worker *worker, uint32_t handle);

/* --- Messages to the service (link.c) --- */

/* -EPIPE and others when the service is gone; the main thread notices it too. */
int worker_send(struct worker *worker, uint32_t message, uint32_t sequence, const void *fixed,
                size_t fixed_size, const void *data, size_t size);
/* With a descriptor, which stays the caller's. */
int worker_send_file(struct worker *worker, uint32_t message, const void *fixed, size_t fixed_size,
                     int descriptor);

#endif

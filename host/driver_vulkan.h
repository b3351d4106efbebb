/* SPDX-License-Identifier: MIT */
/*
 * The host driver half for Vulkan: host/driver.h explains the functions. A guest process that makes
 * a hardware queue is given a worker process (host/worker_pool.h), which runs its commands; each
 * hardware queue is a stream to it. Guests whose driver does not ask for one cost bookkeeping
 * alone.
 */
#ifndef GPUPV_HOST_DRIVER_VULKAN_H
#define GPUPV_HOST_DRIVER_VULKAN_H

#include "host/driver.h"
#include "host/worker_pool.h"

struct vulkan_driver;

/* Borrows the worker's path. With the path NULL there are no workers, and hardware queues fail with
 * STATUS_NOT_SUPPORTED. NULL when memory is short. */
struct vulkan_driver *vulkan_driver_create(const struct worker_pool_options *options);
/* After the service that used it. NULL is accepted. */
void vulkan_driver_destroy(struct vulkan_driver *driver);

/* Time limits that suit drivers on a busy machine. */
extern const struct worker_pool_options vulkan_driver_defaults;

/* The first argument of its functions is a struct vulkan_driver. */
extern const struct host_driver vulkan_driver;

#endif

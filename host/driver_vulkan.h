/* SPDX-License-Identifier: MIT */
/* The host driver half for Vulkan: host/driver.h explains the functions. */
#ifndef GPUPV_HOST_DRIVER_VULKAN_H
#define GPUPV_HOST_DRIVER_VULKAN_H

#include "host/driver.h"

/* The first argument of its functions is not used: it keeps nothing of its own beside the
 * processes, devices and contexts. */
extern const struct host_driver vulkan_driver;

#endif

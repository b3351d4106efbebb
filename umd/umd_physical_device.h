/* SPDX-License-Identifier: MIT */
/* The physical devices of an instance. */
#ifndef GPUPV_UMD_PHYSICAL_DEVICE_H
#define GPUPV_UMD_PHYSICAL_DEVICE_H

#include "umd/umd.h"

/* Asks the host what the adapter's device is, unless another instance has. On failure there is
 * nothing to finish. */
VkResult umd_physical_device_init(struct umd_physical_device *physical,
                                  struct umd_instance *instance, struct umd_adapter *adapter,
                                  uint32_t index);
void umd_physical_device_finish(struct umd_physical_device *physical);

/* The stream for queries that the facts do not answer, opened on first need; lives as long as the
 * instance. NULL when the host cannot be asked. Thread-safe. */
struct umd_stream *umd_physical_device_stream(struct umd_physical_device *physical);

#endif

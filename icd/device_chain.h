/* SPDX-License-Identifier: MIT */
/* The pNext chain of vkCreateDevice, where a device group names physical devices. */
#ifndef GPUPV_ICD_DEVICE_CHAIN_H
#define GPUPV_ICD_DEVICE_CHAIN_H

#include "icd/icd.h"

/* Copies of the structures up to the device group's, which gets the driver's physical devices. */
struct device_chain {
    void *copies; /* NULL when the chain needs no change */
};

/* Sets info->pNext, a copy of the program's structure. The program's chain is not written to.
 * VK_ERROR_INITIALIZATION_FAILED for a group of two drivers, VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult device_chain_unwrap(struct device_chain *chain, const struct icd_physical_device *device,
                             VkDeviceCreateInfo *info);
void device_chain_finish(struct device_chain *chain);

#endif

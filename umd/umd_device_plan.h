/* SPDX-License-Identifier: MIT */
/* What of a program's VkDeviceCreateInfo goes to the host. */
#ifndef GPUPV_UMD_DEVICE_PLAN_H
#define GPUPV_UMD_DEVICE_PLAN_H

#include "umd/umd.h"

struct umd_device_plan {
    VkDeviceCreateInfo info; /* its chain and its list of extensions are the plan's own */
    void *chain;             /* malloc'ed */
    const char **extensions; /* malloc'ed */
    uint32_t queue_count;
};

/* Checks the creation against what the device has: VK_ERROR_EXTENSION_NOT_PRESENT (which turns the
 * extensions on in `enabled`, too), VK_ERROR_FEATURE_NOT_PRESENT, VK_ERROR_INITIALIZATION_FAILED
 * for queues that are not there, VK_ERROR_TOO_MANY_OBJECTS, VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult umd_device_plan_init(struct umd_device_plan *plan, const struct umd_facts *facts,
                              const VkDeviceCreateInfo *info, bool *enabled);
void umd_device_plan_finish(struct umd_device_plan *plan);

#endif

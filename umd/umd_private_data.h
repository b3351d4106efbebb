/* SPDX-License-Identifier: MIT */
/* VK_EXT_private_data, wholly in the guest: for each slot, a value of any object of a device. */
#ifndef GPUPV_UMD_PRIVATE_DATA_H
#define GPUPV_UMD_PRIVATE_DATA_H

#include "umd/umd.h"

VkResult umd_private_data_init(struct umd_device *device);
void umd_private_data_finish(struct umd_device *device);

#endif

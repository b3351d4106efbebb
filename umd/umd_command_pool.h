/* SPDX-License-Identifier: MIT */
/*
 * Command pools of the guest. A pool's buffers share the memory in which commands gather: only
 * those that record have some. Vulkan has the program synchronise a pool and all its buffers.
 */
#ifndef GPUPV_UMD_COMMAND_POOL_H
#define GPUPV_UMD_COMMAND_POOL_H

#include "umd/umd.h"

#define UMD_SPARE_ENCODERS 8u

struct umd_command_pool {
    struct umd_device *device;
    uint64_t id;
    VkAllocationCallbacks allocator; /* as given at its creation; pfnAllocation NULL: none */
    struct umd_command_buffer *buffers;
    struct wire_encoder spare[UMD_SPARE_ENCODERS];
    uint32_t spare_count;
};

/* Gives the buffer memory to record in; without any, its encoder will fail. */
void umd_command_pool_lend(struct umd_command_buffer *command_buffer);
/* Takes it back, and whatever commands are there with it. */
void umd_command_pool_take_back(struct umd_command_buffer *command_buffer);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * CPU-visible memory that the guest does not share (exec.mirrors): the driver's own memory, mapped
 * here, and what the guest is known to have of it. On the stream's thread.
 */
#ifndef GPUPV_HOST_WORKER_EXEC_MIRROR_H
#define GPUPV_HOST_WORKER_EXEC_MIRROR_H

#include "host/worker/exec.h"

struct exec_mirror;

/* Maps new memory, which is zero then. Memory and mirror are the caller's; freeing the memory
 * unmaps it. VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_MEMORY_MAP_FAILED. */
VkResult exec_mirror_create(struct exec *x, VkDeviceMemory memory, uint64_t size,
                            struct exec_mirror **mirror);
/* NULL is accepted. */
void exec_mirror_destroy(struct exec_mirror *mirror);

#endif

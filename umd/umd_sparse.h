/* SPDX-License-Identifier: MIT */
/* Sparse bindings as the host must see them. */
#ifndef GPUPV_UMD_SPARSE_H
#define GPUPV_UMD_SPARSE_H

#include "umd/umd.h"

/* A copy of `count` structures in which memory is named as the host knows it (umd_memory.h);
 * semaphores and chains are those of the source. To be freed with free(). NULL when memory is
 * short. */
VkBindSparseInfo *umd_sparse_resolve(const struct umd_device *device, uint32_t count,
                                     const VkBindSparseInfo *source);

#endif

/* SPDX-License-Identifier: MIT */
/* A device's memory, and what the driver has said of buffers and images in imported memory: asked
 * once for each kind. */
#ifndef GPUPV_HOST_WORKER_EXEC_EXTERNAL_H
#define GPUPV_HOST_WORKER_EXEC_EXTERNAL_H

#include "host/worker/exec_memory.h"

#define EXEC_EXTERNAL_KINDS 64u

struct exec_external_buffer {
    VkBufferCreateFlags flags;
    VkBufferUsageFlags usage; /* 0: an empty place */
    bool importable;
};

struct exec_external_image {
    VkFormat format; /* 0: an empty place */
    VkImageType type;
    VkImageTiling tiling;
    VkImageUsageFlags usage;
    VkImageCreateFlags flags;
    VkImageFormatProperties limits; /* maxExtent 0: not importable */
};

struct memory_aux;

struct exec_memory_state {
    struct memory_aux *all;        /* a list */
    PFN_vkGetMemoryFdKHR get_file; /* where memory is exported */
    struct exec_external_buffer buffers[EXEC_EXTERNAL_KINDS];
    struct exec_external_image images[EXEC_EXTERNAL_KINDS];
};

#endif

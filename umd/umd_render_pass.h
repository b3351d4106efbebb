/* SPDX-License-Identifier: MIT */
/* What the guest keeps of render passes: which subpasses draw to what. It decides which parts of a
 * graphics pipeline's create info Vulkan ignores. */
#ifndef GPUPV_UMD_RENDER_PASS_H
#define GPUPV_UMD_RENDER_PASS_H

#include "umd/umd.h"

struct umd_subpass {
    bool color, depth_stencil; /* has such attachments */
};

struct umd_render_pass {
    uint32_t subpass_count;
    struct umd_subpass subpasses[];
};

/* The begin info with what Vulkan ignores cleared: the inheritance of a primary command buffer, and
 * the render pass of a secondary one that is not executed within one. `inheritance` is room for a
 * copy. */
void umd_sanitize_begin(VkCommandBufferBeginInfo *copy, VkCommandBufferInheritanceInfo *inheritance,
                        const VkCommandBufferBeginInfo *source, VkCommandBufferLevel level);

#endif

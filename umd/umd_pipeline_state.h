/* SPDX-License-Identifier: MIT */
/* Which parts of a graphics pipeline's create info Vulkan ignores. */
#ifndef GPUPV_UMD_PIPELINE_STATE_H
#define GPUPV_UMD_PIPELINE_STATE_H

#include <vulkan/vulkan_core.h>

#include "umd/umd_render_pass.h"

/* Copies of what a create info points to. */
struct umd_pipeline_room {
    VkPipelineViewportStateCreateInfo viewport;
    VkPipelineMultisampleStateCreateInfo multisample;
    VkPipelineColorBlendStateCreateInfo color_blend;
};

/* *copy becomes a copy of *source without what is ignored; it points into *room and to what *source
 * points to. `subpass` is that of source->renderPass; NULL when there is none, or it is not known.
 * Handles that are ignored may remain. */
void umd_sanitize_graphics_pipeline(VkGraphicsPipelineCreateInfo *copy,
                                    struct umd_pipeline_room *room,
                                    const VkGraphicsPipelineCreateInfo *source,
                                    const struct umd_subpass *subpass);

/* VkPipelineCreateFlags of a chain and the member `flags`, which it may replace. */
uint64_t umd_pipeline_flags(const void *next, VkPipelineCreateFlags flags);

#endif

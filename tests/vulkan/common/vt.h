/* SPDX-License-Identifier: MIT */
/*
 * What the headless Vulkan programs share. A program is a table of cases; vt_main runs those that
 * the command line names (default: all) and prints a line for each:
 *
 *   case NAME ok DIGEST        the digest covers everything that the case gave to vt_put…
 *   case NAME skipped REASON   the driver lacks what the case needs
 *   case NAME failed REASON
 *
 * The lines depend on the driver alone, so that two runs, or a run on the host and one in a guest,
 * can be compared byte by byte. Options: --list, --picture FILE (the last picture that was read
 * back),
 * --pictures FOLDER (all of them). Exit status: 0, 1 when a case failed, 2 for a bad command line.
 *
 * Functions that can fail end the case; what a case made through them (or gave to VT_OWN) is
 * destroyed when it ends, the newest first. Functions are for the thread that runs the case, except
 * those that say otherwise.
 */
#ifndef GPUPV_TESTS_VULKAN_VT_H
#define GPUPV_TESTS_VULKAN_VT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <vulkan/vulkan.h>

#define VT_COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))
#define VT_MAX_QUEUES 8
#define VT_WHITE 1.0f, 1.0f, 1.0f, 1.0f

struct vt_run; /* the case that runs: vt_case.c */

struct vt_features {
    VkPhysicalDeviceFeatures2 core;
    VkPhysicalDeviceVulkan11Features v11;
    VkPhysicalDeviceVulkan12Features v12;
    VkPhysicalDeviceVulkan13Features v13;
    VkPhysicalDeviceTransformFeedbackFeaturesEXT transform_feedback;
    VkPhysicalDeviceMultiDrawFeaturesEXT multi_draw;
    VkPhysicalDeviceGraphicsPipelineLibraryFeaturesEXT pipeline_library;
    VkPhysicalDeviceConditionalRenderingFeaturesEXT conditional;
    VkPhysicalDeviceVertexInputDynamicStateFeaturesEXT vertex_input;
    VkPhysicalDeviceVertexAttributeDivisorFeaturesEXT divisor;
    VkPhysicalDeviceExtendedDynamicState2FeaturesEXT dynamic2;
    VkPhysicalDeviceExtendedDynamicState3FeaturesEXT dynamic3;
    VkPhysicalDeviceColorWriteEnableFeaturesEXT color_write;
    VkPhysicalDeviceCustomBorderColorFeaturesEXT border_color;
    VkPhysicalDeviceIndexTypeUint8FeaturesEXT index8;
    VkPhysicalDevicePrimitivesGeneratedQueryFeaturesEXT primitives_generated;
    VkPhysicalDeviceProvokingVertexFeaturesEXT provoking_vertex;
    VkPhysicalDeviceLineRasterizationFeaturesEXT lines;
    VkPhysicalDevicePresentIdFeaturesKHR present_id;
    VkPhysicalDevicePresentWaitFeaturesKHR present_wait;
};

struct vt_queue {
    VkQueue handle;
    uint32_t family;
    VkQueueFlags flags;
    uint32_t timestamp_bits;
};

struct vt {
    VkInstance instance;
    bool windows; /* VK_EXT_headless_surface, and what swapchains need, is there and enabled */
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    struct vt_features features; /* all that the driver has are on, but robust buffer access */
    VkDevice device;
    struct vt_queue queues[VT_MAX_QUEUES]; /* one per family, and a second where there is one */
    uint32_t queue_count;
    VkQueue queue;      /* queues[0], with graphics and compute */
    VkCommandPool pool; /* of queues[0], for this case */
    struct vt_run *run;
};

/* --- Cases (vt_case.c) --- */

struct vt_case {
    const char *name;
    void (*run)(struct vt *vt);
};

int vt_main(int argc, char **argv, const struct vt_case *cases, size_t count);

/* Ends the case as failed. From another thread than the case's: ends the program. */
_Noreturn void vt_fail(struct vt *vt, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void vt_check_result(struct vt *vt, VkResult result, VkResult wanted, const char *what,
                     const char *file, int line);
#define VT_CHECK(vt, call) vt_check_result(vt, call, VK_SUCCESS, #call, __FILE__, __LINE__)
#define VT_RESULT(vt, call, wanted) vt_check_result(vt, call, wanted, #call, __FILE__, __LINE__)
void vt_expect_true(struct vt *vt, bool condition, const char *what, const char *file, int line);
#define VT_EXPECT(vt, condition) vt_expect_true(vt, condition, #condition, __FILE__, __LINE__)

/* Ends the case as skipped, if the condition does not hold. */
void vt_need(struct vt *vt, bool condition, const char *what);
void vt_need_extension(struct vt *vt, const char *name);
bool vt_has_extension(struct vt *vt, const char *name);

/* Adds to the case's digest. */
void vt_put(struct vt *vt, const void *data, size_t size);
void vt_put_number(struct vt *vt, uint64_t value);

/* The object is destroyed when the case ends. Any thread. */
void vt_own(struct vt *vt, VkObjectType type, uint64_t handle);
#define VT_OWN(vt, type, handle) vt_own(vt, VK_OBJECT_TYPE_##type, (uint64_t)(handle))

/* For vt_image.c: a picture of 4 bytes a pixel, RGBA. */
void vt_picture(struct vt *vt, const uint8_t *pixels, uint32_t width, uint32_t height);

/* --- Instance and device (vt_device.c) --- */

void vt_open(struct vt *vt);
void vt_close(struct vt *vt);
/* A second device of the same physical device, with the same features; it ends with the case. */
void vt_open_device(struct vt *vt, struct vt *other);
PFN_vkVoidFunction vt_load(struct vt *vt, const char *name);
#define VT_LOAD(vt, name) ((PFN_##name)vt_load(vt, #name))

/* --- Memory (vt_memory.c) --- */

struct vt_buffer {
    VkBuffer handle;
    VkDeviceMemory memory;
    VkDeviceSize size;
    void *data;              /* mapped, coherent */
    VkDeviceAddress address; /* where the usage asks for it */
};

uint32_t vt_memory_type(struct vt *vt, uint32_t bits, VkMemoryPropertyFlags flags);
VkDeviceMemory vt_allocate(struct vt *vt, const VkMemoryRequirements *requirements,
                           VkMemoryPropertyFlags flags);
/* Adds size, alignment and types, without the structure's padding. */
void vt_put_requirements(struct vt *vt, const VkMemoryRequirements *requirements);
/* In host-visible memory, zeroed. The usages of a transfer come with every buffer. */
struct vt_buffer vt_buffer(struct vt *vt, VkDeviceSize size, VkBufferUsageFlags usage);
struct vt_buffer vt_buffer_of(struct vt *vt, const void *data, VkDeviceSize size,
                              VkBufferUsageFlags usage);
void vt_put_buffer(struct vt *vt, const struct vt_buffer *buffer);

/* --- Images (vt_image.c) --- */

struct vt_image {
    VkImage handle;
    VkDeviceMemory memory;
    VkImageView view; /* of everything; VK_NULL_HANDLE for pure transfer images */
    VkFormat format;
    VkImageAspectFlags aspect;
    VkExtent3D extent;
    uint32_t levels, layers;
    VkSampleCountFlagBits samples;
    VkImageLayout layout; /* that vt_layout has brought it to */
};

/* Zero fields of `info` get defaults: 2D, one level, layer and sample, optimal tiling; the usages
 * of a transfer come with every single-sampled image. */
struct vt_image vt_image_create(struct vt *vt, const VkImageCreateInfo *info, VkImageViewType view);
struct vt_image vt_image(struct vt *vt, VkFormat format, uint32_t width, uint32_t height,
                         VkImageUsageFlags usage);
VkImageView vt_view(struct vt *vt, const struct vt_image *image, VkImageViewType type,
                    VkImageSubresourceRange range);
VkImageSubresourceRange vt_range(const struct vt_image *image);
/* Records a barrier of everything; the contents are kept unless the layout was UNDEFINED. */
void vt_layout(VkCommandBuffer cmd, struct vt_image *image, VkImageLayout layout);
/* Fills the first level's first layer from `data`, leaving it in this layout. */
void vt_upload(struct vt *vt, struct vt_image *image, const void *data, size_t size,
               VkImageLayout layout);
/* A picture for textures: a checkerboard with a gradient, 4 bytes a pixel. */
void vt_fill_pattern(uint8_t *pixels, uint32_t width, uint32_t height, uint32_t seed);
struct vt_image vt_texture(struct vt *vt, uint32_t width, uint32_t height, uint32_t seed);
VkSampler vt_sampler(struct vt *vt, VkFilter filter, VkSamplerAddressMode mode);
/* Digests all levels and layers, every aspect. The image has TRANSFER_SRC usage and one sample. */
void vt_put_image(struct vt *vt, struct vt_image *image);
/* Bytes of a texel (or of a block of 4x4) of an aspect. */
uint32_t vt_texel_size(VkFormat format, VkImageAspectFlags aspect);

/* --- Commands (vt_command.c) --- */

/* vt_pool and vt_begin_in: any thread. */
VkCommandPool vt_pool(struct vt *vt, uint32_t family, VkCommandPoolCreateFlags flags);
VkCommandBuffer vt_begin_in(struct vt *vt, VkCommandPool pool, VkCommandBufferLevel level,
                            const VkCommandBufferInheritanceInfo *inheritance,
                            VkCommandBufferUsageFlags flags);
VkCommandBuffer vt_begin(struct vt *vt);
VkCommandBuffer vt_begin_secondary(struct vt *vt, const VkCommandBufferInheritanceInfo *inheritance,
                                   VkCommandBufferUsageFlags flags);
/* Ends, submits to vt->queue and waits. */
void vt_finish(struct vt *vt, VkCommandBuffer cmd);
void vt_submit(struct vt *vt, VkCommandBuffer cmd, VkFence fence);
/* Everything before it, before everything after it; also for the host. */
void vt_barrier(VkCommandBuffer cmd);
VkFence vt_fence(struct vt *vt, bool signalled);
VkSemaphore vt_semaphore(struct vt *vt);
VkSemaphore vt_timeline(struct vt *vt, uint64_t value);
VkQueryPool vt_queries(struct vt *vt, VkQueryType type, uint32_t count,
                       VkQueryPipelineStatisticFlags statistics);

/* --- Shaders, descriptors and pipelines (vt_pipeline.c) --- */

/* A shader by the name of its source in shaders/. */
const uint32_t *vt_code(struct vt *vt, const char *name, size_t *size);
VkShaderModule vt_shader(struct vt *vt, const char *name);

struct vt_binding {
    VkDescriptorType type;
    VkShaderStageFlags stages; /* 0: all */
    const struct vt_buffer *buffer;
    VkDeviceSize offset, range; /* of the buffer; range 0: the rest */
    const struct vt_image *image;
    VkImageLayout layout; /* 0: GENERAL */
    VkSampler sampler;
    VkBufferView texels;
};

struct vt_set {
    VkDescriptorSetLayout layout;
    VkDescriptorPool pool;
    VkDescriptorSet set;
};

/* One set with bindings 0…, each of one descriptor, written. */
struct vt_set vt_set(struct vt *vt, const struct vt_binding *bindings, uint32_t count);
VkDescriptorSetLayout vt_set_layout(struct vt *vt, const struct vt_binding *bindings,
                                    uint32_t count, VkDescriptorSetLayoutCreateFlags flags);
VkPipelineLayout vt_pipeline_layout(struct vt *vt, const VkDescriptorSetLayout *sets,
                                    uint32_t count, uint32_t push_size);

struct vt_pipeline {
    VkPipeline handle;
    VkPipelineLayout layout;
};

/* `set` and `constants` may be NULL. */
struct vt_pipeline vt_compute(struct vt *vt, const char *shader, const struct vt_set *set,
                              uint32_t push_size, const VkSpecializationInfo *constants);
void vt_bind(VkCommandBuffer cmd, VkPipelineBindPoint point, const struct vt_pipeline *pipeline,
             const struct vt_set *set);
/* A pipeline, one set, one dispatch, done when it returns. */
void vt_run_compute(struct vt *vt, const char *shader, const struct vt_binding *bindings,
                    uint32_t count, uint32_t x, uint32_t y);

/* --- Drawing (vt_graphics.c) --- */

struct vt_target {
    struct vt_image color, depth, resolve; /* depth and resolve: if asked for */
    VkRenderPass pass;
    VkFramebuffer framebuffer;
    VkExtent2D extent;
};

/* A render pass that clears its attachments and leaves colour (or, with more than one sample, the
 * resolved one) in TRANSFER_SRC. `depth` may be UNDEFINED. */
struct vt_target vt_target(struct vt *vt, VkFormat color, VkFormat depth, uint32_t width,
                           uint32_t height, VkSampleCountFlagBits samples);
void vt_begin_target(VkCommandBuffer cmd, struct vt_target *target, VkSubpassContents contents);
void vt_end_target(VkCommandBuffer cmd, struct vt_target *target);
void vt_set_viewport(VkCommandBuffer cmd, uint32_t width, uint32_t height);

/* Everything that a graphics pipeline is made of; vt_graphics_init gives the usual: no vertex
 * input, triangle list, viewport and scissor dynamic, no culling, no depth, no blending, one
 * attachment. */
struct vt_graphics {
    const char *shaders[5]; /* by the end of their names: .vert .tesc .tese .geom .frag */
    const VkSpecializationInfo *constants;
    VkVertexInputBindingDescription vertex_bindings[4];
    VkVertexInputAttributeDescription attributes[8];
    VkPipelineVertexInputStateCreateInfo vertex_input;
    VkPipelineInputAssemblyStateCreateInfo assembly;
    VkPipelineTessellationStateCreateInfo tessellation;
    VkPipelineViewportStateCreateInfo viewport;
    VkPipelineRasterizationStateCreateInfo raster;
    VkPipelineMultisampleStateCreateInfo samples;
    VkPipelineDepthStencilStateCreateInfo depth;
    VkPipelineColorBlendAttachmentState attachments[4];
    VkPipelineColorBlendStateCreateInfo blend;
    VkDynamicState dynamic_states[40];
    VkPipelineDynamicStateCreateInfo dynamic;
    VkGraphicsPipelineCreateInfo info;
    VkPipelineShaderStageCreateInfo stages[5];
};

void vt_graphics_init(struct vt_graphics *graphics, const char *vertex, const char *fragment);
/* Attributes 0… of these formats, packed, from binding 0. */
void vt_graphics_vertices(struct vt_graphics *graphics, const VkFormat *formats, uint32_t count);
void vt_graphics_dynamic(struct vt_graphics *graphics, VkDynamicState state);
/* Fills in stages and pointers; the structure must stay where it is. */
void vt_graphics_prepare(struct vt *vt, struct vt_graphics *graphics, VkPipelineLayout layout,
                         VkRenderPass pass);
struct vt_pipeline vt_graphics_create(struct vt *vt, struct vt_graphics *graphics,
                                      const struct vt_set *set, uint32_t push_size,
                                      VkRenderPass pass);

/* --- Threads (vt_case.c) --- */

/* Runs `body` in so many threads at once, with numbers from 0, and waits for all of them. */
void vt_threads(struct vt *vt, uint32_t count,
                void (*body)(struct vt *vt, uint32_t number, void *data), void *data);

#endif

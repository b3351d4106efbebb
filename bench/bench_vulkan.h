/* SPDX-License-Identifier: MIT */
/* The parts of bench_vulkan. A failure ends the program. */
#ifndef GPUPV_BENCH_VULKAN_H
#define GPUPV_BENCH_VULKAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan.h>

struct bench {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    VkCommandPool pool;
    uint32_t host_type; /* a memory type that is host-visible and coherent */
    /* Things to draw and dispatch with. */
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline draw, step;
    VkShaderModule vertex, fragment, compute;
    VkRenderPass pass;
    VkFramebuffer framebuffer;
    VkImage target;
    VkImageView target_view;
    VkDeviceMemory target_memory;
    VkBuffer buffer; /* 1 MiB, mapped */
    VkDeviceMemory memory;
    void *data;
    VkDescriptorPool descriptor_pool;
    VkDescriptorSet set;
};

/* --- bench_vulkan.c --- */
double bench_now(void); /* seconds */
void bench_check(VkResult result, const char *what);
#define BENCH_CHECK(call) bench_check(call, #call)
void bench_print(const char *name, double value, const char *unit);
double bench_quantile(double *values, size_t count, double quantile);

/* --- bench_vulkan_setup.c: start-up, measured, and the things of struct bench --- */
void bench_start(struct bench *bench);
void bench_finish(struct bench *bench); /* prints the process' peak of memory, too */
VkPipeline bench_create_pipeline(struct bench *bench, VkPrimitiveTopology topology, uint32_t mask);
VkCommandBuffer bench_begin(struct bench *bench);
void bench_submit_and_wait(struct bench *bench, VkCommandBuffer cmd);
void bench_begin_pass(struct bench *bench, VkCommandBuffer cmd);

/* --- The groups --- */
void bench_record(struct bench *bench);
void bench_objects(struct bench *bench);
void bench_memory(struct bench *bench);
void bench_submit(struct bench *bench);
void bench_work(struct bench *bench);
void bench_pipelines(struct bench *bench);

#endif

/* SPDX-License-Identifier: MIT */
/* Compute: buffers, images, atomics, constants, indirect dispatches, sizes of numbers. */
#include <stdlib.h>

#include "common/vt.h"

#define STORAGE VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
#define COMPUTE VK_PIPELINE_BIND_POINT_COMPUTE

static struct vt_buffer storage(struct vt *vt, VkDeviceSize size)
{
    return vt_buffer(vt, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
}

static void fill(struct vt_buffer *buffer, uint32_t seed)
{
    uint32_t *words = buffer->data;
    for (size_t i = 0; i < buffer->size / 4; i++)
        words[i] = seed = seed * 1664525u + 1013904223u;
}

static void storage_buffer(struct vt *vt)
{
    enum { COUNT = 16384 };
    struct vt_buffer in = storage(vt, COUNT * 4), out = storage(vt, COUNT * 4);
    fill(&in, 1);
    struct vt_binding bindings[] = {{STORAGE, .buffer = &in}, {STORAGE, .buffer = &out}};
    vt_run_compute(vt, "scale.comp", bindings, 2, COUNT / 64, 1);
    const uint32_t *a = in.data, *b = out.data;
    for (uint32_t i = 0; i < COUNT; i++)
        VT_EXPECT(vt, b[i] == a[i] * 2654435761u + i);
    vt_put_buffer(vt, &out);
}

static void atomics(struct vt *vt)
{
    struct vt_buffer data = storage(vt, 8 * 4 + 256 * 4);
    uint32_t *words = data.data;
    words[1] = UINT32_MAX;
    words[4] = UINT32_MAX;
    words[6] = 5000; /* swapped once, by invocation 5000 */
    vt_run_compute(vt, "atomics.comp", (struct vt_binding[]){{STORAGE, .buffer = &data}}, 1, 128,
                   1);
    uint32_t total = 0;
    for (uint32_t i = 8; i < 264; i++)
        total += words[i];
    VT_EXPECT(vt, total == 8192);
    /* How many swaps there were depends on the order of the invocations. */
    VT_EXPECT(vt, words[6] > 5000);
    words[0] = words[6] = 0;
    vt_put_buffer(vt, &data);
}

static void push_constants(struct vt *vt)
{
    struct vt_buffer out = storage(vt, 3 * 128);
    struct vt_set set = vt_set(vt, (struct vt_binding[]){{STORAGE, .buffer = &out}}, 1);
    struct vt_pipeline pipeline = vt_compute(vt, "push.comp", &set, 128, NULL);
    uint32_t words[32];
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, COMPUTE, &pipeline, &set);
    for (uint32_t i = 0; i < 32; i++)
        words[i] = i * 0x01010101u;
    vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 128, words);
    vkCmdDispatch(cmd, 8, 1, 1);
    vt_barrier(cmd);
    vkCmdCopyBuffer(cmd, out.handle, out.handle, 1, &(VkBufferCopy){0, 128, 128});
    vt_barrier(cmd);
    /* A part of them changes, what was pushed before stays. */
    words[0] = 0xfeedu;
    vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 60, 4, words);
    vkCmdDispatch(cmd, 8, 1, 1);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    const uint32_t *data = out.data;
    VT_EXPECT(vt, data[15] == 0xfeedu && data[14] == 14 * 0x01010101u);
    VT_EXPECT(vt, data[32 + 15] == 15 * 0x01010101u);
    vt_put_buffer(vt, &out);
}

static void specialization(struct vt *vt)
{
    struct vt_buffer out = storage(vt, 64 * 4);
    struct {
        uint32_t size, count;
        float factor;
        VkBool32 negative;
        int32_t addend;
    } values = {16, 10, 0.5f, VK_TRUE, -3};
    VkSpecializationMapEntry entries[] = {{0, 0, 4},  {1, 4, 4},  {2, 8, 4},
                                          {3, 12, 4}, {4, 16, 4}, {99, 0, 4}};
    VkSpecializationInfo constants = {VT_COUNT(entries), entries, sizeof(values), &values};
    struct vt_set set = vt_set(vt, (struct vt_binding[]){{STORAGE, .buffer = &out}}, 1);
    struct vt_pipeline pipeline = vt_compute(vt, "specialized.comp", &set, 0, &constants);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, COMPUTE, &pipeline, &set);
    vkCmdDispatch(cmd, 4, 1, 1);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    const float *data = out.data;
    VT_EXPECT(vt, data[63] == -(77.0f + 22.5f - 30.0f) + 16.0f);
    vt_put_buffer(vt, &out);
}

static void dispatch_indirect(struct vt *vt)
{
    struct vt_buffer out = storage(vt, 32 * 8 * 8 * 16);
    struct vt_buffer args =
        vt_buffer(vt, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT);
    struct vt_set write = vt_set(vt, (struct vt_binding[]){{STORAGE, .buffer = &args}}, 1);
    struct vt_set read = vt_set(vt, (struct vt_binding[]){{STORAGE, .buffer = &out}}, 1);
    struct vt_pipeline writer = vt_compute(vt, "args.comp", &write, 32, NULL);
    struct vt_pipeline ids = vt_compute(vt, "ids.comp", &read, 0, NULL);
    const uint32_t words[8] = {99, 99, 99, 99, 8, 4, 3, 99};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, COMPUTE, &writer, &write);
    vkCmdPushConstants(cmd, writer.layout, VK_SHADER_STAGE_ALL, 0, 32, words);
    vkCmdDispatch(cmd, 1, 1, 1);
    vt_barrier(cmd);
    vt_bind(cmd, COMPUTE, &ids, &read);
    vkCmdDispatchIndirect(cmd, args.handle, 16);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    vt_put_buffer(vt, &out);
}

static void dispatch_base(struct vt *vt)
{
    struct vt_buffer out = storage(vt, 32 * 8 * 8 * 16);
    struct vt_set set = vt_set(vt, (struct vt_binding[]){{STORAGE, .buffer = &out}}, 1);
    VkPipelineLayout layout = vt_pipeline_layout(vt, &set.layout, 1, 0);
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = vt_shader(vt, "ids.comp"),
                  .pName = "main"},
        .layout = layout,
    };
    struct vt_pipeline pipeline = {.layout = layout};
    VT_CHECK(
        vt, vkCreateComputePipelines(vt->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline.handle));
    VT_OWN(vt, PIPELINE, pipeline.handle);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, COMPUTE, &pipeline, &set);
    vkCmdDispatchBase(cmd, 2, 1, 1, 5, 2, 3);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    vt_put_buffer(vt, &out);
}

static void shared_memory(struct vt *vt)
{
    struct vt_buffer data = storage(vt, 4096 * 4);
    uint32_t *words = data.data;
    for (uint32_t i = 0; i < 4096; i++)
        words[i] = i % 256;
    vt_run_compute(vt, "prefix.comp", (struct vt_binding[]){{STORAGE, .buffer = &data}}, 1, 16, 1);
    VT_EXPECT(vt, words[255] == 255 * 128 && words[4095] == 255 * 128);
    vt_put_buffer(vt, &data);
}

static void storage_images(struct vt *vt)
{
    const VkImageUsageFlags usage = VK_IMAGE_USAGE_STORAGE_BIT;
    struct vt_image from = vt_image(vt, VK_FORMAT_R8G8B8A8_UNORM, 64, 64, usage);
    struct vt_image to = vt_image(vt, VK_FORMAT_R8G8B8A8_UNORM, 64, 64, usage);
    struct vt_image counts = vt_image(vt, VK_FORMAT_R32_UINT, 8, 8, usage);
    uint8_t pixels[64 * 64 * 4];
    vt_fill_pattern(pixels, 64, 64, 3);
    vt_upload(vt, &from, pixels, sizeof(pixels), VK_IMAGE_LAYOUT_GENERAL);
    vt_upload(vt, &counts, (uint32_t[64]){1, 2, 3}, 256, VK_IMAGE_LAYOUT_GENERAL);
    vt_upload(vt, &to, pixels, sizeof(pixels), VK_IMAGE_LAYOUT_GENERAL);
    struct vt_binding bindings[] = {
        {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, .image = &from},
        {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, .image = &to},
        {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, .image = &counts},
    };
    vt_run_compute(vt, "image.comp", bindings, 3, 8, 8);
    vt_put_image(vt, &to);
    vt_put_image(vt, &counts);
}

static VkBufferView texel_view(struct vt *vt, const struct vt_buffer *buffer, VkFormat format,
                               VkDeviceSize offset, VkDeviceSize range)
{
    VkBufferViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = buffer->handle,
        .format = format,
        .offset = offset,
        .range = range,
    };
    VkBufferView view;
    VT_CHECK(vt, vkCreateBufferView(vt->device, &info, NULL, &view));
    VT_OWN(vt, BUFFER_VIEW, view);
    return view;
}

static void texel_buffers(struct vt *vt)
{
    struct vt_buffer in = vt_buffer(vt, 1024, VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT);
    struct vt_buffer out = vt_buffer(vt, 256 * 16, VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT);
    fill(&in, 7);
    struct vt_binding bindings[] = {
        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
         .texels = texel_view(vt, &in, VK_FORMAT_R8G8B8A8_UNORM, 256, 512)},
        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER,
         .texels = texel_view(vt, &out, VK_FORMAT_R32G32B32A32_SFLOAT, 0, VK_WHOLE_SIZE)},
    };
    vt_run_compute(vt, "texels.comp", bindings, 2, 2, 1);
    vt_put_buffer(vt, &out);
}

static void buffer_device_address(struct vt *vt)
{
    vt_need(vt, vt->features.v12.bufferDeviceAddress, "bufferDeviceAddress");
    struct node {
        uint32_t value, pad;
        VkDeviceAddress next;
    };
    struct vt_buffer nodes =
        vt_buffer(vt, 32 * sizeof(struct node),
                  VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT);
    struct vt_buffer out = storage(vt, 32 * 4);
    struct node *list = nodes.data;
    for (uint32_t i = 0; i < 32; i++) {
        list[i].value = i * i;
        list[i].next = nodes.address + (i + 7) % 32 * sizeof(struct node);
    }
    struct vt_set set = vt_set(vt, (struct vt_binding[]){{STORAGE, .buffer = &out}}, 1);
    struct vt_pipeline pipeline = vt_compute(vt, "address.comp", &set, 8, NULL);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, COMPUTE, &pipeline, &set);
    vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8, &nodes.address);
    vkCmdDispatch(cmd, 1, 1, 1);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    VT_EXPECT(vt, ((uint32_t *)out.data)[1] == 49);
    for (uint32_t i = 0; i < 32; i++)
        vt_put_number(vt, list[i].value);
    /* May be asked for by who cannot replay it, too. */
    const VkDeviceMemoryOpaqueCaptureAddressInfo memory = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_MEMORY_OPAQUE_CAPTURE_ADDRESS_INFO,
        .memory = nodes.memory};
    vt_put_number(vt, vkGetDeviceMemoryOpaqueCaptureAddress(vt->device, &memory) != 0);
    vt_put_buffer(vt, &out);
}

static void wide_numbers(struct vt *vt)
{
    const VkPhysicalDeviceFeatures *features = &vt->features.core.features;
    vt_need(vt, features->shaderInt64 && features->shaderFloat64, "shaderInt64 and shaderFloat64");
    struct vt_buffer out = storage(vt, 1024);
    vt_run_compute(vt, "wide.comp", (struct vt_binding[]){{STORAGE, .buffer = &out}}, 1, 1, 1);
    vt_put_buffer(vt, &out);
}

static void narrow_numbers(struct vt *vt)
{
    vt_need(vt,
            vt->features.v12.storageBuffer8BitAccess && vt->features.v11.storageBuffer16BitAccess,
            "8 and 16 bit storage");
    struct vt_buffer bytes = storage(vt, 256), halves = storage(vt, 512);
    fill(&bytes, 9);
    struct vt_binding bindings[] = {{STORAGE, .buffer = &bytes}, {STORAGE, .buffer = &halves}};
    vt_run_compute(vt, "narrow.comp", bindings, 2, 4, 1);
    vt_put_buffer(vt, &bytes);
    vt_put_buffer(vt, &halves);
}

static void subgroups(struct vt *vt)
{
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &subgroup};
    const VkSubgroupFeatureFlags wanted = VK_SUBGROUP_FEATURE_BALLOT_BIT |
                                          VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
                                          VK_SUBGROUP_FEATURE_VOTE_BIT;
    vkGetPhysicalDeviceProperties2(vt->physical, &properties);
    vt_need(vt, (subgroup.supportedOperations & wanted) == wanted, "subgroup operations");
    struct vt_buffer out = storage(vt, 256 * 16);
    vt_run_compute(vt, "subgroup.comp", (struct vt_binding[]){{STORAGE, .buffer = &out}}, 1, 4, 1);
    vt_put_number(vt, subgroup.subgroupSize);
    vt_put_buffer(vt, &out);
}

/* 500 dispatches with a barrier after each: the order shows in the result. */
static void many_dispatches(struct vt *vt)
{
    struct vt_buffer data = storage(vt, 64 * 4);
    fill(&data, 4);
    struct vt_set set = vt_set(vt, (struct vt_binding[]){{STORAGE, .buffer = &data}}, 1);
    struct vt_pipeline pipeline = vt_compute(vt, "step.comp", &set, 8, NULL);
    uint32_t expected = *(uint32_t *)data.data;
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, COMPUTE, &pipeline, &set);
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t words[2] = {i * 2 + 3, i * 7};
        expected = expected * words[0] + words[1];
        vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8, words);
        vkCmdDispatch(cmd, 1, 1, 1);
        vt_barrier(cmd);
    }
    vt_finish(vt, cmd);
    VT_EXPECT(vt, *(uint32_t *)data.data == expected);
    vt_put_buffer(vt, &data);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"storage-buffer", storage_buffer},
        {"atomics", atomics},
        {"push-constants", push_constants},
        {"specialization", specialization},
        {"dispatch-indirect", dispatch_indirect},
        {"dispatch-base", dispatch_base},
        {"shared-memory", shared_memory},
        {"storage-images", storage_images},
        {"texel-buffers", texel_buffers},
        {"buffer-device-address", buffer_device_address},
        {"wide-numbers", wide_numbers},
        {"narrow-numbers", narrow_numbers},
        {"subgroups", subgroups},
        {"many-dispatches", many_dispatches},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}

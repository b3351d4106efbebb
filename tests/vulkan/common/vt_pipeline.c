/* SPDX-License-Identifier: MIT */
/* Shaders, descriptor sets and compute pipelines. */
#include <stdio.h>

#include "vt.h"
#include "vt_shaders.h"

const uint32_t *vt_code(struct vt *vt, const char *name, size_t *size)
{
    for (size_t i = 0; i < vt_shader_count; i++) {
        if (!strcmp(vt_shaders[i].name, name)) {
            *size = vt_shaders[i].size;
            return vt_shaders[i].code;
        }
    }
    vt_fail(vt, "no shader %s", name);
}

VkShaderModule vt_shader(struct vt *vt, const char *name)
{
    VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    VkShaderModule module;
    info.pCode = vt_code(vt, name, &info.codeSize);
    VT_CHECK(vt, vkCreateShaderModule(vt->device, &info, NULL, &module));
    VT_OWN(vt, SHADER_MODULE, module);
    return module;
}

VkDescriptorSetLayout vt_set_layout(struct vt *vt, const struct vt_binding *bindings,
                                    uint32_t count, VkDescriptorSetLayoutCreateFlags flags)
{
    VkDescriptorSetLayoutBinding list[16];
    VT_EXPECT(vt, count <= VT_COUNT(list));
    for (uint32_t i = 0; i < count; i++)
        list[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = bindings[i].type,
            .descriptorCount = 1,
            .stageFlags = bindings[i].stages ? bindings[i].stages : VK_SHADER_STAGE_ALL,
        };
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .flags = flags,
        .bindingCount = count,
        .pBindings = list,
    };
    VkDescriptorSetLayout layout;
    VT_CHECK(vt, vkCreateDescriptorSetLayout(vt->device, &info, NULL, &layout));
    VT_OWN(vt, DESCRIPTOR_SET_LAYOUT, layout);
    return layout;
}

static void write_binding(struct vt *vt, VkDescriptorSet set, uint32_t number,
                          const struct vt_binding *binding)
{
    VkDescriptorBufferInfo buffer = {
        .buffer = binding->buffer ? binding->buffer->handle : VK_NULL_HANDLE,
        .offset = binding->offset,
        .range = binding->range ? binding->range : VK_WHOLE_SIZE,
    };
    VkDescriptorImageInfo image = {
        .sampler = binding->sampler,
        .imageView = binding->image ? binding->image->view : VK_NULL_HANDLE,
        .imageLayout = binding->layout ? binding->layout : VK_IMAGE_LAYOUT_GENERAL,
    };
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = set,
        .dstBinding = number,
        .descriptorCount = 1,
        .descriptorType = binding->type,
        .pBufferInfo = binding->buffer ? &buffer : NULL,
        .pImageInfo = binding->image || binding->sampler ? &image : NULL,
        .pTexelBufferView = binding->texels ? &binding->texels : NULL,
    };
    vkUpdateDescriptorSets(vt->device, 1, &write, 0, NULL);
}

struct vt_set vt_set(struct vt *vt, const struct vt_binding *bindings, uint32_t count)
{
    struct vt_set set = {.layout = vt_set_layout(vt, bindings, count, 0)};
    VkDescriptorPoolSize sizes[16];
    for (uint32_t i = 0; i < count; i++)
        sizes[i] = (VkDescriptorPoolSize){bindings[i].type, 1};
    VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = count,
        .pPoolSizes = sizes,
    };
    VT_CHECK(vt, vkCreateDescriptorPool(vt->device, &pool, NULL, &set.pool));
    VT_OWN(vt, DESCRIPTOR_POOL, set.pool);
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = set.pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &set.layout,
    };
    VT_CHECK(vt, vkAllocateDescriptorSets(vt->device, &info, &set.set));
    for (uint32_t i = 0; i < count; i++)
        write_binding(vt, set.set, i, &bindings[i]);
    return set;
}

VkPipelineLayout vt_pipeline_layout(struct vt *vt, const VkDescriptorSetLayout *sets,
                                    uint32_t count, uint32_t push_size)
{
    VkPushConstantRange range = {VK_SHADER_STAGE_ALL, 0, push_size};
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = count,
        .pSetLayouts = sets,
        .pushConstantRangeCount = push_size ? 1 : 0,
        .pPushConstantRanges = &range,
    };
    VkPipelineLayout layout;
    VT_CHECK(vt, vkCreatePipelineLayout(vt->device, &info, NULL, &layout));
    VT_OWN(vt, PIPELINE_LAYOUT, layout);
    return layout;
}

struct vt_pipeline vt_compute(struct vt *vt, const char *shader, const struct vt_set *set,
                              uint32_t push_size, const VkSpecializationInfo *constants)
{
    struct vt_pipeline pipeline = {
        .layout = vt_pipeline_layout(vt, set ? &set->layout : NULL, set ? 1 : 0, push_size)};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = vt_shader(vt, shader),
                  .pName = "main",
                  .pSpecializationInfo = constants},
        .layout = pipeline.layout,
    };
    VT_CHECK(
        vt, vkCreateComputePipelines(vt->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline.handle));
    VT_OWN(vt, PIPELINE, pipeline.handle);
    return pipeline;
}

void vt_bind(VkCommandBuffer cmd, VkPipelineBindPoint point, const struct vt_pipeline *pipeline,
             const struct vt_set *set)
{
    vkCmdBindPipeline(cmd, point, pipeline->handle);
    if (set)
        vkCmdBindDescriptorSets(cmd, point, pipeline->layout, 0, 1, &set->set, 0, NULL);
}

void vt_run_compute(struct vt *vt, const char *shader, const struct vt_binding *bindings,
                    uint32_t count, uint32_t x, uint32_t y)
{
    struct vt_set set = vt_set(vt, bindings, count);
    struct vt_pipeline pipeline = vt_compute(vt, shader, &set, 0, NULL);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, &pipeline, &set);
    vkCmdDispatch(cmd, x, y, 1);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
}

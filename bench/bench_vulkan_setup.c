/* SPDX-License-Identifier: MIT */
/* Start-up of a Vulkan program, step by step, and what the measurements draw and dispatch with. */
#include "bench_vulkan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench_step.comp.h"
#include "bench_draw.vert.h"
#include "bench_draw.frag.h"

static void open_device(struct bench *bench)
{
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .apiVersion = VK_API_VERSION_1_3,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &application,
    };
    const float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkDeviceCreateInfo device = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    uint32_t count = 1;
    double start = bench_now();
    BENCH_CHECK(vkCreateInstance(&info, NULL, &bench->instance));
    double instance = bench_now();
    VkResult result = vkEnumeratePhysicalDevices(bench->instance, &count, &bench->physical);
    if ((result != VK_SUCCESS && result != VK_INCOMPLETE) || !count) {
        fprintf(stderr, "bench_vulkan: no physical device\n");
        exit(1);
    }
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(bench->physical, &properties);
    double enumerated = bench_now();
    BENCH_CHECK(vkCreateDevice(bench->physical, &device, NULL, &bench->device));
    vkGetDeviceQueue(bench->device, 0, 0, &bench->queue);
    double opened = bench_now();
    bench_print("start.instance", (instance - start) * 1e3, "ms");
    bench_print("start.enumerate", (enumerated - instance) * 1e3, "ms");
    bench_print("start.device", (opened - enumerated) * 1e3, "ms");
    bench_print("start.all", (opened - start) * 1e3, "ms");
}

static void make_memory(struct bench *bench)
{
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(bench->physical, &memory);
    const VkMemoryPropertyFlags wanted =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    while (bench->host_type < memory.memoryTypeCount &&
           (memory.memoryTypes[bench->host_type].propertyFlags & wanted) != wanted)
        bench->host_type++;
    VkBufferCreateInfo buffer = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = 1 << 20,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    VkMemoryRequirements needs;
    BENCH_CHECK(vkCreateBuffer(bench->device, &buffer, NULL, &bench->buffer));
    vkGetBufferMemoryRequirements(bench->device, bench->buffer, &needs);
    VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = bench->host_type,
    };
    BENCH_CHECK(vkAllocateMemory(bench->device, &allocate, NULL, &bench->memory));
    BENCH_CHECK(vkBindBufferMemory(bench->device, bench->buffer, bench->memory, 0));
    BENCH_CHECK(vkMapMemory(bench->device, bench->memory, 0, VK_WHOLE_SIZE, 0, &bench->data));
    memset(bench->data, 0, 1 << 20);
}

static void make_target(struct bench *bench)
{
    VkImageCreateInfo image = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {256, 256, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT,
    };
    VkMemoryRequirements needs;
    BENCH_CHECK(vkCreateImage(bench->device, &image, NULL, &bench->target));
    vkGetImageMemoryRequirements(bench->device, bench->target, &needs);
    VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = (uint32_t)__builtin_ctz(needs.memoryTypeBits),
    };
    BENCH_CHECK(vkAllocateMemory(bench->device, &allocate, NULL, &bench->target_memory));
    BENCH_CHECK(vkBindImageMemory(bench->device, bench->target, bench->target_memory, 0));
    VkImageViewCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = bench->target,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = image.format,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    BENCH_CHECK(vkCreateImageView(bench->device, &view, NULL, &bench->target_view));
    VkAttachmentDescription attachment = {
        .format = image.format,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .finalLayout = VK_IMAGE_LAYOUT_GENERAL,
    };
    VkAttachmentReference reference = {0, VK_IMAGE_LAYOUT_GENERAL};
    VkSubpassDescription subpass = {.colorAttachmentCount = 1, .pColorAttachments = &reference};
    VkRenderPassCreateInfo pass = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &attachment,
        .subpassCount = 1,
        .pSubpasses = &subpass,
    };
    BENCH_CHECK(vkCreateRenderPass(bench->device, &pass, NULL, &bench->pass));
    VkFramebufferCreateInfo framebuffer = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .renderPass = bench->pass,
        .attachmentCount = 1,
        .pAttachments = &bench->target_view,
        .width = 256,
        .height = 256,
        .layers = 1,
    };
    BENCH_CHECK(vkCreateFramebuffer(bench->device, &framebuffer, NULL, &bench->framebuffer));
}

static VkShaderModule make_shader(struct bench *bench, const uint32_t *code, size_t size)
{
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = size,
        .pCode = code,
    };
    VkShaderModule module;
    BENCH_CHECK(vkCreateShaderModule(bench->device, &info, NULL, &module));
    return module;
}

static void make_set(struct bench *bench)
{
    VkDescriptorSetLayoutBinding binding = {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                                            VK_SHADER_STAGE_ALL, NULL};
    VkDescriptorSetLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 1,
        .pBindings = &binding,
    };
    BENCH_CHECK(vkCreateDescriptorSetLayout(bench->device, &layout, NULL, &bench->set_layout));
    VkPushConstantRange range = {VK_SHADER_STAGE_ALL, 0, 16};
    VkPipelineLayoutCreateInfo pipeline_layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &bench->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    BENCH_CHECK(vkCreatePipelineLayout(bench->device, &pipeline_layout, NULL, &bench->layout));
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1};
    VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    BENCH_CHECK(vkCreateDescriptorPool(bench->device, &pool, NULL, &bench->descriptor_pool));
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = bench->descriptor_pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &bench->set_layout,
    };
    BENCH_CHECK(vkAllocateDescriptorSets(bench->device, &allocate, &bench->set));
    VkDescriptorBufferInfo info = {bench->buffer, 0, VK_WHOLE_SIZE};
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = bench->set,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &info,
    };
    vkUpdateDescriptorSets(bench->device, 1, &write, 0, NULL);
}

static void stage(VkPipelineShaderStageCreateInfo *info, VkShaderStageFlagBits bit,
                  VkShaderModule module)
{
    *info = (VkPipelineShaderStageCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .stage = bit,
        .module = module,
        .pName = "main",
    };
}

VkPipeline bench_create_pipeline(struct bench *bench, VkPrimitiveTopology topology, uint32_t mask)
{
    VkPipelineShaderStageCreateInfo stages[2];
    stage(&stages[0], VK_SHADER_STAGE_VERTEX_BIT, bench->vertex);
    stage(&stages[1], VK_SHADER_STAGE_FRAGMENT_BIT, bench->fragment);
    VkSpecializationMapEntry entry = {0, 0, 4};
    VkSpecializationInfo constants = {1, &entry, 4, &mask};
    stages[1].pSpecializationInfo = &constants; /* a shader of its own for each mask */
    VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = topology,
    };
    VkViewport area = {.width = 256, .height = 256, .maxDepth = 1};
    VkRect2D scissor = {.extent = {256, 256}};
    VkPipelineViewportStateCreateInfo viewport = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .pViewports = &area,
        .scissorCount = 1,
        .pScissors = &scissor,
    };
    VkPipelineRasterizationStateCreateInfo raster = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1};
    VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
    };
    VkPipelineColorBlendAttachmentState attachment = {.colorWriteMask = 15};
    VkPipelineColorBlendStateCreateInfo blend = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &attachment,
    };
    VkGraphicsPipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .stageCount = 2,
        .pStages = stages,
        .pVertexInputState = &input,
        .pInputAssemblyState = &assembly,
        .pViewportState = &viewport,
        .pRasterizationState = &raster,
        .pMultisampleState = &samples,
        .pColorBlendState = &blend,
        .layout = bench->layout,
        .renderPass = bench->pass,
    };
    VkPipeline pipeline;
    BENCH_CHECK(
        vkCreateGraphicsPipelines(bench->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
    return pipeline;
}

static void make_pipelines(struct bench *bench)
{
    bench->vertex = make_shader(bench, bench_draw_vert, sizeof(bench_draw_vert));
    bench->fragment = make_shader(bench, bench_draw_frag, sizeof(bench_draw_frag));
    bench->compute = make_shader(bench, bench_step_comp, sizeof(bench_step_comp));
    bench->draw = bench_create_pipeline(bench, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 1);
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .layout = bench->layout,
    };
    stage(&info.stage, VK_SHADER_STAGE_COMPUTE_BIT, bench->compute);
    BENCH_CHECK(
        vkCreateComputePipelines(bench->device, VK_NULL_HANDLE, 1, &info, NULL, &bench->step));
}

void bench_start(struct bench *bench)
{
    open_device(bench);
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
    };
    BENCH_CHECK(vkCreateCommandPool(bench->device, &pool, NULL, &bench->pool));
    make_memory(bench);
    make_target(bench);
    make_set(bench);
    make_pipelines(bench);
}

void bench_finish(struct bench *bench)
{
    struct rusage usage;
    BENCH_CHECK(vkDeviceWaitIdle(bench->device));
    getrusage(RUSAGE_SELF, &usage);
    bench_print("peak.process", (double)usage.ru_maxrss / 1024.0, "MiB");
    vkDestroyPipeline(bench->device, bench->draw, NULL);
    vkDestroyPipeline(bench->device, bench->step, NULL);
    vkDestroyShaderModule(bench->device, bench->vertex, NULL);
    vkDestroyShaderModule(bench->device, bench->fragment, NULL);
    vkDestroyShaderModule(bench->device, bench->compute, NULL);
    vkDestroyDescriptorPool(bench->device, bench->descriptor_pool, NULL);
    vkDestroyPipelineLayout(bench->device, bench->layout, NULL);
    vkDestroyDescriptorSetLayout(bench->device, bench->set_layout, NULL);
    vkDestroyFramebuffer(bench->device, bench->framebuffer, NULL);
    vkDestroyRenderPass(bench->device, bench->pass, NULL);
    vkDestroyImageView(bench->device, bench->target_view, NULL);
    vkDestroyImage(bench->device, bench->target, NULL);
    vkFreeMemory(bench->device, bench->target_memory, NULL);
    vkDestroyBuffer(bench->device, bench->buffer, NULL);
    vkFreeMemory(bench->device, bench->memory, NULL);
    vkDestroyCommandPool(bench->device, bench->pool, NULL);
    vkDestroyDevice(bench->device, NULL);
    vkDestroyInstance(bench->instance, NULL);
}

VkCommandBuffer bench_begin(struct bench *bench)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = bench->pool,
        .commandBufferCount = 1,
    };
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkCommandBuffer cmd;
    BENCH_CHECK(vkAllocateCommandBuffers(bench->device, &info, &cmd));
    BENCH_CHECK(vkBeginCommandBuffer(cmd, &begin));
    return cmd;
}

void bench_submit_and_wait(struct bench *bench, VkCommandBuffer cmd)
{
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = cmd ? 1 : 0,
        .pCommandBuffers = &cmd,
    };
    VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence;
    BENCH_CHECK(vkCreateFence(bench->device, &fence_info, NULL, &fence));
    BENCH_CHECK(vkQueueSubmit(bench->queue, 1, &info, fence));
    BENCH_CHECK(vkWaitForFences(bench->device, 1, &fence, VK_TRUE, UINT64_MAX));
    vkDestroyFence(bench->device, fence, NULL);
}

void bench_begin_pass(struct bench *bench, VkCommandBuffer cmd)
{
    VkClearValue clear = {0};
    VkRenderPassBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderPass = bench->pass,
        .framebuffer = bench->framebuffer,
        .renderArea = {.extent = {256, 256}},
        .clearValueCount = 1,
        .pClearValues = &clear,
    };
    vkCmdBeginRenderPass(cmd, &info, VK_SUBPASS_CONTENTS_INLINE);
}

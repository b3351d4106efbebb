/* SPDX-License-Identifier: MIT */
/* Pipelines: caches, libraries, derivatives, large shaders, many at once. */
#include <stdlib.h>

#include "common/vt.h"

#define RGBA VK_FORMAT_R8G8B8A8_UNORM
#define GRAPHICS VK_PIPELINE_BIND_POINT_GRAPHICS

static VkPipelineCache create_cache(struct vt *vt, const void *data, size_t size)
{
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                      .initialDataSize = size,
                                      .pInitialData = data};
    VkPipelineCache cache;
    VT_CHECK(vt, vkCreatePipelineCache(vt->device, &info, NULL, &cache));
    VT_OWN(vt, PIPELINE_CACHE, cache);
    return cache;
}

static VkPipeline compute_with(struct vt *vt, VkPipelineCache cache, VkShaderModule module,
                               VkPipelineLayout layout, const void *next)
{
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .pNext = next,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main"},
        .layout = layout,
    };
    VkPipeline pipeline;
    VT_CHECK(vt, vkCreateComputePipelines(vt->device, cache, 1, &info, NULL, &pipeline));
    VT_OWN(vt, PIPELINE, pipeline);
    return pipeline;
}

/* A buffer that a shader has filled: what the pipelines under test compute. */
struct scaled {
    struct vt_buffer in, out;
    struct vt_set set;
    VkPipelineLayout layout;
};

static struct scaled scaled_of(struct vt *vt)
{
    struct scaled scaled = {.in = vt_buffer(vt, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT),
                            .out = vt_buffer(vt, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT)};
    struct vt_binding bindings[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffer = &scaled.in},
                                    {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffer = &scaled.out}};
    for (uint32_t i = 0; i < 256; i++)
        ((uint32_t *)scaled.in.data)[i] = i * i;
    scaled.set = vt_set(vt, bindings, 2);
    scaled.layout = vt_pipeline_layout(vt, &scaled.set.layout, 1, 0);
    return scaled;
}

static void run_scaled(struct vt *vt, struct scaled *scaled, VkPipeline pipeline)
{
    memset(scaled->out.data, 0, scaled->out.size);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_bind(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, &(struct vt_pipeline){pipeline, scaled->layout},
            &scaled->set);
    vkCmdDispatch(cmd, 4, 1, 1);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    VT_EXPECT(vt, ((uint32_t *)scaled->out.data)[255] == 255 * 255 * 2654435761u + 255);
    vt_put_buffer(vt, &scaled->out);
}

/* What a cache gives is taken by the next one; its header names this device. */
static void cache_round_trip(struct vt *vt)
{
    struct scaled scaled = scaled_of(vt);
    VkShaderModule module = vt_shader(vt, "scale.comp");
    VkPipelineCache caches[3] = {create_cache(vt, NULL, 0)};
    run_scaled(vt, &scaled, compute_with(vt, caches[0], module, scaled.layout, NULL));
    size_t size = 0, part;
    VT_CHECK(vt, vkGetPipelineCacheData(vt->device, caches[0], &size, NULL));
    VT_EXPECT(vt, size >= sizeof(VkPipelineCacheHeaderVersionOne));
    char *data = malloc(size);
    VT_CHECK(vt, vkGetPipelineCacheData(vt->device, caches[0], &size, data));
    VkPipelineCacheHeaderVersionOne header;
    memcpy(&header, data, sizeof(header));
    VT_EXPECT(vt, header.headerSize >= 32 && header.vendorID == vt->properties.vendorID &&
                      header.deviceID == vt->properties.deviceID);
    VT_EXPECT(vt,
              !memcmp(header.pipelineCacheUUID, vt->properties.pipelineCacheUUID, VK_UUID_SIZE));
    part = 16; /* too little for anything */
    VT_RESULT(vt, vkGetPipelineCacheData(vt->device, caches[0], &part, data), VK_INCOMPLETE);
    VT_EXPECT(vt, part <= 16);
    part = size;
    VT_CHECK(vt, vkGetPipelineCacheData(vt->device, caches[0], &part, data));
    caches[1] = create_cache(vt, data, part);
    caches[2] = create_cache(vt, NULL, 0);
    free(data);
    run_scaled(vt, &scaled, compute_with(vt, caches[1], module, scaled.layout, NULL));
    VT_CHECK(vt, vkMergePipelineCaches(vt->device, caches[2], 2, caches));
    run_scaled(vt, &scaled, compute_with(vt, caches[2], module, scaled.layout, NULL));
}

/* Cache data of 500 KiB, with a header of this device and of another: drivers ignore what they
 * cannot use. */
static void large_cache_data(struct vt *vt)
{
    const size_t size = 500 * 1024;
    struct scaled scaled = scaled_of(vt);
    VkShaderModule module = vt_shader(vt, "scale.comp");
    char *data = calloc(1, size);
    VkPipelineCacheHeaderVersionOne header = {sizeof(header),
                                              VK_PIPELINE_CACHE_HEADER_VERSION_ONE,
                                              vt->properties.vendorID,
                                              vt->properties.deviceID,
                                              {0}};
    memcpy(data, &header, sizeof(header));
    run_scaled(vt, &scaled,
               compute_with(vt, create_cache(vt, data, size), module, scaled.layout, NULL));
    header.vendorID ^= 0x5555;
    memcpy(data, &header, sizeof(header));
    run_scaled(vt, &scaled,
               compute_with(vt, create_cache(vt, data, size), module, scaled.layout, NULL));
    free(data);
}

/* A module of some hundred KiB: debug strings are put into a small one. */
static uint32_t *pad_module(const uint32_t *code, size_t size, size_t *padded)
{
    enum { STRINGS = 60, WORDS = 2002, HEADER = 5, OP_STRING = 7, OP_SOURCE = 3, OP_NAME = 5 };
    size_t count = size / 4, at = HEADER, end;
    while (at < count && (code[at] & 0xffff) != OP_SOURCE && (code[at] & 0xffff) != OP_NAME)
        at += code[at] >> 16;
    uint32_t *words = calloc(count + (size_t)STRINGS * WORDS, 4);
    memcpy(words, code, at * 4);
    end = at;
    for (uint32_t i = 0; i < STRINGS; i++) {
        words[end] = WORDS << 16 | OP_STRING;
        words[end + 1] = words[3]++; /* a new id: the bound grows */
        memset(words + end + 2, 'a' + (int)(i % 26), (WORDS - 3) * 4ul);
        end += WORDS;
    }
    memcpy(words + end, code + at, size - at * 4);
    *padded = (end + count - at) * 4;
    return words;
}

static void large_shader(struct vt *vt)
{
    struct scaled scaled = scaled_of(vt);
    size_t size;
    const uint32_t *code = vt_code(vt, "scale.comp", &size);
    VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    uint32_t *padded = pad_module(code, size, &info.codeSize);
    VkShaderModule module;
    info.pCode = padded;
    VT_EXPECT(vt, info.codeSize > 400000);
    VT_CHECK(vt, vkCreateShaderModule(vt->device, &info, NULL, &module));
    VT_OWN(vt, SHADER_MODULE, module);
    free(padded);
    run_scaled(vt, &scaled, compute_with(vt, VK_NULL_HANDLE, module, scaled.layout, NULL));
}

static void draw_each(struct vt *vt, const VkPipeline *pipelines, uint32_t count,
                      struct vt_target *target)
{
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, target, VK_SUBPASS_CONTENTS_INLINE);
    for (uint32_t i = 0; i < count; i++) {
        VkViewport viewport = {(float)(i % 4) * 32, (float)(i / 4) * 32, 32, 32, 0, 1};
        vkCmdSetViewport(cmd, 0, 1, &viewport);
        vkCmdBindPipeline(cmd, GRAPHICS, pipelines[i]);
        vkCmdDraw(cmd, 3, 1, 0, 0);
    }
    vt_end_target(cmd, target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target->color);
}

/* Several in one call; derivatives by index and by handle. */
static void derivative_pipelines(struct vt *vt)
{
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 128, 128, 1);
    VkPipelineLayout layout = vt_pipeline_layout(vt, NULL, 0, 0);
    struct vt_graphics parts[4];
    VkGraphicsPipelineCreateInfo infos[4];
    VkPipeline pipelines[5];
    for (uint32_t i = 0; i < 4; i++) {
        vt_graphics_init(&parts[i], "triangle.vert", "color.frag");
        parts[i].attachments[0].colorWriteMask = 15 - i * 2;
        vt_graphics_prepare(vt, &parts[i], layout, target.pass);
        infos[i] = parts[i].info;
        infos[i].flags =
            i ? VK_PIPELINE_CREATE_DERIVATIVE_BIT : VK_PIPELINE_CREATE_ALLOW_DERIVATIVES_BIT;
        infos[i].basePipelineIndex = i ? 0 : -1;
    }
    VT_CHECK(vt, vkCreateGraphicsPipelines(vt->device, VK_NULL_HANDLE, 4, infos, NULL, pipelines));
    infos[3].basePipelineHandle = pipelines[0];
    infos[3].basePipelineIndex = -1;
    VT_CHECK(vt, vkCreateGraphicsPipelines(vt->device, VK_NULL_HANDLE, 1, infos + 3, NULL,
                                           pipelines + 4));
    for (uint32_t i = 0; i < 5; i++)
        VT_OWN(vt, PIPELINE, pipelines[i]);
    draw_each(vt, pipelines, 5, &target);
}

static void specialized_pipelines(struct vt *vt)
{
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 128, 128, 1);
    VkPipeline pipelines[8];
    for (uint32_t i = 0; i < 8; i++) {
        struct {
            float red, green;
            uint32_t mode;
        } values = {(float)i / 8.0f, 1.0f - (float)i / 8.0f, i % 3};
        const VkSpecializationMapEntry entries[] = {{0, 0, 4}, {1, 4, 4}, {2, 8, 4}};
        VkSpecializationInfo constants = {3, entries, sizeof(values), &values};
        struct vt_graphics graphics;
        vt_graphics_init(&graphics, "triangle.vert", "specialized.frag");
        graphics.constants = &constants;
        pipelines[i] = vt_graphics_create(vt, &graphics, NULL, 0, target.pass).handle;
    }
    draw_each(vt, pipelines, 8, &target);
}

/* The four parts of a graphics pipeline made apart, then linked in two combinations. */
static void libraries(struct vt *vt)
{
    vt_need(vt, vt->features.pipeline_library.graphicsPipelineLibrary, "graphicsPipelineLibrary");
    static const VkGraphicsPipelineLibraryFlagsEXT kinds[5] = {
        VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT,
        VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT,
        VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT,
        VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT,
        VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT};
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 128, 128, 1);
    VkPipelineLayout layout = vt_pipeline_layout(vt, NULL, 0, 0);
    VkPipeline parts[5], linked[2];
    for (uint32_t i = 0; i < 5; i++) {
        struct vt_graphics graphics;
        VkGraphicsPipelineLibraryCreateInfoEXT library = {
            .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
            .flags = kinds[i]};
        vt_graphics_init(&graphics, i == 1 ? "triangle.vert" : NULL,
                         i == 3   ? "color.frag"
                         : i == 4 ? "specialized.frag"
                                  : NULL);
        if (i != 1)
            graphics.dynamic.dynamicStateCount = 0;
        vt_graphics_prepare(vt, &graphics, layout, target.pass);
        graphics.info.pNext = &library;
        graphics.info.flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR;
        VT_CHECK(vt, vkCreateGraphicsPipelines(vt->device, VK_NULL_HANDLE, 1, &graphics.info, NULL,
                                               &parts[i]));
        VT_OWN(vt, PIPELINE, parts[i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        VkPipeline list[4] = {parts[0], parts[1], parts[2], parts[3 + i]};
        VkPipelineLibraryCreateInfoKHR info = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
            .libraryCount = 4,
            .pLibraries = list};
        VkGraphicsPipelineCreateInfo pipeline = {
            .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
            .pNext = &info,
            .layout = layout};
        VT_CHECK(vt, vkCreateGraphicsPipelines(vt->device, VK_NULL_HANDLE, 1, &pipeline, NULL,
                                               &linked[i]));
        VT_OWN(vt, PIPELINE, linked[i]);
    }
    draw_each(vt, linked, 2, &target);
}

/* Creation feedback comes back; a compile that may not happen either does not or was not needed. */
static void cache_control(struct vt *vt)
{
    vt_need(vt, vt->features.v13.pipelineCreationCacheControl, "pipelineCreationCacheControl");
    struct scaled scaled = scaled_of(vt);
    VkShaderModule module = vt_shader(vt, "scale.comp");
    VkPipelineCreationFeedback whole = {0}, stage = {0};
    VkPipelineCreationFeedbackCreateInfo feedback = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO,
        .pPipelineCreationFeedback = &whole,
        .pipelineStageCreationFeedbackCount = 1,
        .pPipelineStageCreationFeedbacks = &stage};
    run_scaled(vt, &scaled, compute_with(vt, VK_NULL_HANDLE, module, scaled.layout, &feedback));
    vt_put_number(vt, whole.flags & VK_PIPELINE_CREATION_FEEDBACK_VALID_BIT);
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main"},
        .layout = scaled.layout};
    VkPipeline pipeline = VK_NULL_HANDLE;
    VkResult result =
        vkCreateComputePipelines(vt->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline);
    if (result == VK_SUCCESS) {
        VT_OWN(vt, PIPELINE, pipeline);
        run_scaled(vt, &scaled, pipeline);
    } else {
        VT_RESULT(vt, result, VK_PIPELINE_COMPILE_REQUIRED);
        VT_EXPECT(vt, pipeline == VK_NULL_HANDLE);
    }
}

/* Pipelines made by several threads at once, with one cache; each is tried afterwards. */
struct makers {
    VkPipelineCache cache;
    VkPipelineLayout layout;
    VkShaderModule module;
    VkPipeline pipelines[4][6];
};

static void maker(struct vt *vt, uint32_t number, void *data)
{
    struct makers *makers = data;
    for (uint32_t i = 0; i < 6; i++)
        makers->pipelines[number][i] =
            compute_with(vt, makers->cache, makers->module, makers->layout, NULL);
}

static void making_threads(struct vt *vt)
{
    struct scaled scaled = scaled_of(vt);
    struct makers makers = {.cache = create_cache(vt, NULL, 0),
                            .layout = scaled.layout,
                            .module = vt_shader(vt, "scale.comp")};
    vt_threads(vt, 4, maker, &makers);
    for (uint32_t i = 0; i < 24; i++)
        run_scaled(vt, &scaled, makers.pipelines[i % 4][i / 4]);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"cache-round-trip", cache_round_trip},
        {"large-cache-data", large_cache_data},
        {"large-shader", large_shader},
        {"derivative-pipelines", derivative_pipelines},
        {"specialized-pipelines", specialized_pipelines},
        {"libraries", libraries},
        {"cache-control", cache_control},
        {"making-threads", making_threads},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}

/* SPDX-License-Identifier: MIT */
/* Queries of all kinds, read by the processor and copied by the device. */
#include "common/vt.h"

#define GRAPHICS VK_PIPELINE_BIND_POINT_GRAPHICS
#define WAIT_64 (VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT)

static struct vt_target target_of(struct vt *vt)
{
    return vt_target(vt, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D32_SFLOAT, 64, 64,
                     VK_SAMPLE_COUNT_1_BIT);
}

static struct vt_pipeline quads(struct vt *vt, const struct vt_target *target)
{
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "quad.vert", "color.frag");
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    graphics.depth.depthTestEnable = graphics.depth.depthWriteEnable = VK_TRUE;
    graphics.depth.depthCompareOp = VK_COMPARE_OP_LESS;
    return vt_graphics_create(vt, &graphics, NULL, 36, target->pass);
}

static void draw(VkCommandBuffer cmd, const struct vt_pipeline *pipeline, float left, float depth)
{
    const float quad[9] = {left, -0.5f, left + 1.0f, 0.75f, VT_WHITE, depth};
    vkCmdPushConstants(cmd, pipeline->layout, VK_SHADER_STAGE_ALL, 0, 36, quad);
    vkCmdDraw(cmd, 4, 1, 0, 0);
}

static void occlusion(struct vt *vt)
{
    struct vt_target target = target_of(vt);
    struct vt_pipeline pipeline = quads(vt, &target);
    VkQueryPool pool = vt_queries(vt, VK_QUERY_TYPE_OCCLUSION, 4, 0);
    struct vt_buffer copied = vt_buffer(vt, 64, 0);
    const bool precise = vt->features.core.features.occlusionQueryPrecise;
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdResetQueryPool(cmd, pool, 0, 4);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        vkCmdBeginQuery(cmd, pool, i, precise ? VK_QUERY_CONTROL_PRECISE_BIT : 0);
        if (i != 3)
            draw(cmd, &pipeline, -0.75f + 0.5f * (float)i, 0.5f + 0.2f * (float)i);
        vkCmdEndQuery(cmd, pool, i);
    }
    vt_end_target(cmd, &target);
    vkCmdCopyQueryPoolResults(cmd, pool, 0, 4, copied.handle, 0, 16,
                              WAIT_64 | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    uint64_t wide[4][2];
    uint32_t narrow[4];
    VT_CHECK(vt, vkGetQueryPoolResults(vt->device, pool, 0, 4, sizeof(wide), wide, 16,
                                       WAIT_64 | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT));
    VT_CHECK(vt, vkGetQueryPoolResults(vt->device, pool, 1, 3, sizeof(narrow), narrow, 4,
                                       VK_QUERY_RESULT_WAIT_BIT));
    VT_EXPECT(vt, !memcmp(copied.data, wide, sizeof(wide)));
    VT_EXPECT(vt, wide[0][1] && wide[3][1] && wide[0][0] > 0 && wide[3][0] == 0);
    for (uint32_t i = 0; i < 4; i++)
        vt_put_number(vt, precise ? wide[i][0] : wide[i][0] != 0);
    VT_EXPECT(vt, narrow[0] == wide[1][0] && narrow[2] == 0);
}

static void pipeline_statistics(struct vt *vt)
{
    vt_need(vt, vt->features.core.features.pipelineStatisticsQuery, "pipelineStatisticsQuery");
    const VkQueryPipelineStatisticFlags flags =
        VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_VERTICES_BIT |
        VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_PRIMITIVES_BIT |
        VK_QUERY_PIPELINE_STATISTIC_VERTEX_SHADER_INVOCATIONS_BIT |
        VK_QUERY_PIPELINE_STATISTIC_CLIPPING_PRIMITIVES_BIT;
    struct vt_target target = target_of(vt);
    struct vt_pipeline pipeline = quads(vt, &target);
    VkQueryPool pool = vt_queries(vt, VK_QUERY_TYPE_PIPELINE_STATISTICS, 2, flags);
    uint64_t counts[2][4];
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdResetQueryPool(cmd, pool, 0, 2);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        vkCmdBeginQuery(cmd, pool, i, 0);
        for (uint32_t k = 0; k <= i * 3; k++)
            draw(cmd, &pipeline, 0.0f, 0.5f);
        vkCmdEndQuery(cmd, pool, i);
    }
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    VT_CHECK(vt,
             vkGetQueryPoolResults(vt->device, pool, 0, 2, sizeof(counts), counts, 32, WAIT_64));
    VT_EXPECT(vt, counts[0][0] == 4 && counts[1][0] == 16 && counts[1][1] == 8);
    vt_put(vt, counts, sizeof(counts));
}

static void compute_statistics(struct vt *vt)
{
    vt_need(vt, vt->features.core.features.pipelineStatisticsQuery, "pipelineStatisticsQuery");
    struct vt_buffer data = vt_buffer(vt, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    struct vt_binding binding = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffer = &data};
    struct vt_set set = vt_set(vt, &binding, 1);
    struct vt_pipeline pipeline = vt_compute(vt, "prefix.comp", &set, 0, NULL);
    VkQueryPool pool = vt_queries(vt, VK_QUERY_TYPE_PIPELINE_STATISTICS, 1,
                                  VK_QUERY_PIPELINE_STATISTIC_COMPUTE_SHADER_INVOCATIONS_BIT);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdResetQueryPool(cmd, pool, 0, 1);
    vt_bind(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, &pipeline, &set);
    vkCmdBeginQuery(cmd, pool, 0, 0);
    vkCmdDispatch(cmd, 4, 1, 1);
    vkCmdEndQuery(cmd, pool, 0);
    vt_finish(vt, cmd);
    uint64_t count;
    VT_CHECK(vt, vkGetQueryPoolResults(vt->device, pool, 0, 1, 8, &count, 8, WAIT_64));
    VT_EXPECT(vt, count == 1024);
    vt_put_number(vt, count);
}

/* Only that they do not decrease. */
static void timestamps(struct vt *vt)
{
    enum { COUNT = 32 };
    vt_need(vt, vt->queues[0].timestamp_bits > 0, "timestampValidBits");
    VkQueryPool pool = vt_queries(vt, VK_QUERY_TYPE_TIMESTAMP, COUNT, 0);
    struct vt_buffer data = vt_buffer(vt, 65536, 0);
    uint64_t times[2][COUNT];
    for (uint32_t turn = 0; turn < 2; turn++) {
        VkCommandBuffer cmd = vt_begin(vt);
        vkCmdResetQueryPool(cmd, pool, 0, COUNT);
        for (uint32_t i = 0; i < COUNT; i++) {
            if (i & 1)
                vkCmdWriteTimestamp(cmd, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, i);
            else
                vkCmdWriteTimestamp2(cmd, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, pool, i);
            vkCmdFillBuffer(cmd, data.handle, 0, VK_WHOLE_SIZE, i);
            vt_barrier(cmd);
        }
        vt_finish(vt, cmd);
        VT_CHECK(vt, vkGetQueryPoolResults(vt->device, pool, 0, COUNT, sizeof(times[turn]),
                                           times[turn], 8, WAIT_64));
        for (uint32_t i = 1; i < COUNT; i++)
            VT_EXPECT(vt, times[turn][i] >= times[turn][i - 1]);
    }
    VT_EXPECT(vt, times[1][0] >= times[0][COUNT - 1]);
    VT_EXPECT(vt, vt->properties.limits.timestampPeriod > 0.0f);
    vt_put_buffer(vt, &data);
}

/* The device's clock and the processor's go forward together. */
static void calibrated_timestamps(struct vt *vt)
{
    vt_need_extension(vt, "VK_EXT_calibrated_timestamps");
    PFN_vkGetCalibratedTimestampsEXT get = VT_LOAD(vt, vkGetCalibratedTimestampsEXT);
    VkCalibratedTimestampInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
        .timeDomain = VK_TIME_DOMAIN_DEVICE_EXT,
    };
    uint64_t first, second, deviation;
    VT_CHECK(vt, get(vt->device, 1, &info, &first, &deviation));
    VT_CHECK(vt, get(vt->device, 1, &info, &second, &deviation));
    VT_EXPECT(vt, second >= first);
    vt_put_number(vt, 1);
}

/* Not ready, partial and available results; resets by the host. */
static void states(struct vt *vt)
{
    VkQueryPool pool = vt_queries(vt, VK_QUERY_TYPE_OCCLUSION, 3, 0);
    uint64_t results[3][2];
    vkResetQueryPool(vt->device, pool, 0, 3);
    VT_RESULT(vt,
              vkGetQueryPoolResults(vt->device, pool, 0, 3, sizeof(results), results, 16,
                                    VK_QUERY_RESULT_64_BIT),
              VK_NOT_READY);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdBeginQuery(cmd, pool, 1, 0);
    vkCmdEndQuery(cmd, pool, 1);
    vt_finish(vt, cmd);
    memset(results, 0xee, sizeof(results));
    /* Drivers differ in whether this is VK_NOT_READY. */
    VkResult result =
        vkGetQueryPoolResults(vt->device, pool, 0, 3, sizeof(results), results, 16,
                              VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT |
                                  VK_QUERY_RESULT_PARTIAL_BIT);
    VT_EXPECT(vt, result == VK_SUCCESS || result == VK_NOT_READY);
    VT_EXPECT(vt, results[0][1] == 0 && results[1][1] != 0 && results[2][1] == 0);
    vt_put_number(vt, results[1][0]);
    VT_CHECK(vt, vkGetQueryPoolResults(vt->device, pool, 1, 1, 16, results, 16, WAIT_64));
    vkResetQueryPool(vt->device, pool, 1, 1);
    VT_RESULT(
        vt, vkGetQueryPoolResults(vt->device, pool, 1, 1, 16, results, 16, VK_QUERY_RESULT_64_BIT),
        VK_NOT_READY);
}

static void primitives_generated(struct vt *vt)
{
    vt_need(vt, vt->features.primitives_generated.primitivesGeneratedQuery,
            "primitivesGeneratedQuery");
    struct vt_target target = target_of(vt);
    struct vt_pipeline pipeline = quads(vt, &target);
    VkQueryPool pool = vt_queries(vt, VK_QUERY_TYPE_PRIMITIVES_GENERATED_EXT, 1, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdResetQueryPool(cmd, pool, 0, 1);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdBeginQuery(cmd, pool, 0, 0);
    for (uint32_t i = 0; i < 5; i++)
        draw(cmd, &pipeline, 0.0f, 0.5f);
    vkCmdEndQuery(cmd, pool, 0);
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    uint64_t count;
    VT_CHECK(vt, vkGetQueryPoolResults(vt->device, pool, 0, 1, 8, &count, 8, WAIT_64));
    vt_put_number(vt, count);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"occlusion", occlusion},
        {"pipeline-statistics", pipeline_statistics},
        {"compute-statistics", compute_statistics},
        {"timestamps", timestamps},
        {"calibrated-timestamps", calibrated_timestamps},
        {"query-states", states},
        {"primitives-generated", primitives_generated},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}

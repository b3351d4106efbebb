/* SPDX-License-Identifier: MIT */
/*
 * How large a query's results are, for both sides: the worker must not let the driver write more
 * than there is room for, the guest must know which bytes are results and which are not.
 *
 * Results of vkGetQueryPoolResults cross packed: query after query without gaps, as the driver
 * wrote them, then one byte for each query: enum wire_query_written.
 */
#ifndef GPUPV_WIRE_QUERY_H
#define GPUPV_WIRE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

enum wire_query_written {
    WIRE_QUERY_NOTHING = 0,
    WIRE_QUERY_STATE = 1, /* the availability or status alone */
    WIRE_QUERY_ALL = 2,
};

struct wire_query_layout {
    uint32_t values;  /* of a query, without availability and status */
    bool performance; /* each value is a VkPerformanceCounterResultKHR */
};

/* False for types of queries that are not known. */
static inline bool wire_query_layout(const VkQueryPoolCreateInfo *info,
                                     struct wire_query_layout *layout)
{
    *layout = (struct wire_query_layout){1, false};
    switch ((uint32_t)info->queryType) {
    case VK_QUERY_TYPE_OCCLUSION:
    case VK_QUERY_TYPE_TIMESTAMP:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_COMPACTED_SIZE_KHR:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_SERIALIZATION_SIZE_KHR:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_SERIALIZATION_BOTTOM_LEVEL_POINTERS_KHR:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_SIZE_KHR:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_COMPACTED_SIZE_NV:
    case VK_QUERY_TYPE_PRIMITIVES_GENERATED_EXT:
    case VK_QUERY_TYPE_MESH_PRIMITIVES_GENERATED_EXT:
    case VK_QUERY_TYPE_MICROMAP_SERIALIZATION_SIZE_EXT:
    case VK_QUERY_TYPE_MICROMAP_COMPACTED_SIZE_EXT:
        return true;
    case VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT:
        layout->values = 2;
        return true;
    case VK_QUERY_TYPE_PIPELINE_STATISTICS:
        layout->values = (uint32_t)__builtin_popcount(info->pipelineStatistics);
        return true;
    case VK_QUERY_TYPE_PERFORMANCE_QUERY_KHR:
        for (const VkBaseInStructure *next = info->pNext; next; next = next->pNext) {
            if (next->sType == VK_STRUCTURE_TYPE_QUERY_POOL_PERFORMANCE_CREATE_INFO_KHR) {
                layout->performance = true;
                layout->values =
                    ((const VkQueryPoolPerformanceCreateInfoKHR *)next)->counterIndexCount;
                return layout->values > 0 && layout->values <= 1u << 16;
            }
        }
        return false;
    default:
        return false;
    }
}

/* Bytes of a value. */
static inline uint32_t wire_query_width(const struct wire_query_layout *layout,
                                        VkQueryResultFlags flags)
{
    return layout->performance || flags & VK_QUERY_RESULT_64_BIT ? 8 : 4;
}

/* Whether a state, of availability or status, follows the values. */
static inline bool wire_query_has_state(VkQueryResultFlags flags)
{
    return flags & (VK_QUERY_RESULT_WITH_AVAILABILITY_BIT | VK_QUERY_RESULT_WITH_STATUS_BIT_KHR);
}

/* Bytes of a query's results. */
static inline uint32_t wire_query_size(const struct wire_query_layout *layout,
                                       VkQueryResultFlags flags)
{
    return wire_query_width(layout, flags) * (layout->values + wire_query_has_state(flags));
}

#endif

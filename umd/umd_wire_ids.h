/* SPDX-License-Identifier: MIT */
/* The ids of dispatchable handles, for the guest's generated code. */
#ifndef GPUPV_UMD_WIRE_IDS_H
#define GPUPV_UMD_WIRE_IDS_H

#include "umd/umd.h"
#include "wire/encoding.h"

static inline uint64_t vkwire_id_VkQueue(VkQueue queue)
{
    return queue ? umd_queue_from(queue)->id : 0;
}

static inline uint64_t vkwire_id_VkCommandBuffer(VkCommandBuffer buffer)
{
    return buffer ? umd_command_buffer_from(buffer)->id : 0;
}

static inline void vkwire_put_ids_VkCommandBuffer(struct wire_encoder *encoder,
                                                  const VkCommandBuffer *from, uint64_t count)
{
    uint8_t *to = wire_put_room(encoder, count, 8);

    for (uint64_t i = 0; to && i < count; i++) {
        uint64_t id = vkwire_id_VkCommandBuffer(from[i]);
        memcpy(to + i * 8, &id, 8);
    }
}

#endif

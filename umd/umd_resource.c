/* SPDX-License-Identifier: MIT */
/* What creating buffers and images has in common. */
#include "umd/umd_resource.h"

#include <stdlib.h>
#include <string.h>

static void key_init(struct umd_resource_key *key, const uint8_t *bytes, size_t size)
{
    key->heap = NULL;
    key->size = 0;
    if (size > UMD_KEY_MAX)
        return;
    uint8_t *to = key->bytes;
    if (size > UMD_KEY_INLINE)
        to = key->heap = malloc(size);
    if (!to)
        return;
    memcpy(to, bytes, size);
    key->size = (uint32_t)size;
}

VkResult umd_resource_end_create(struct umd_device *device, const struct wire_encoder *encoder,
                                 size_t create_info, uint64_t id, struct umd_resource_key *key)
{
    if (!encoder->failed)
        key_init(key, encoder->data + create_info, encoder->used - create_info);
    VkResult result = umd_stream_end(device->stream, false);
    if (result) {
        umd_id_free(&device->ids, id);
        umd_resource_key_finish(key);
    }
    return result;
}

void umd_resource_key_finish(struct umd_resource_key *key)
{
    free(key->heap);
}

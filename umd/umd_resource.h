/* SPDX-License-Identifier: MIT */
/* What the guest keeps of buffers and images. */
#ifndef GPUPV_UMD_RESOURCE_H
#define GPUPV_UMD_RESOURCE_H

#include "umd/umd.h"
#include "umd/umd_requirements.h"

/* The encoded create info, which names the requirements: inline when it is short. */
#define UMD_KEY_INLINE 128u
struct umd_resource_key {
    uint32_t size; /* 0: too long, or memory was short */
    uint8_t *heap;
    uint8_t bytes[UMD_KEY_INLINE];
};

/* Ends the command that creates a buffer or image: takes the key from its create info, which begins
 * at `create_info` in the encoder, and sends. `key` is all zeros before. As umd_stream_end; on
 * failure the id and the key are freed. */
VkResult umd_resource_end_create(struct umd_device *device, const struct wire_encoder *encoder,
                                 size_t create_info, uint64_t id, struct umd_resource_key *key);
void umd_resource_key_finish(struct umd_resource_key *key);
static inline struct umd_requirements_key
umd_resource_requirements_key(const struct umd_resource_key *key, uint32_t kind)
{
    return (struct umd_requirements_key){key->size, kind, key->heap ? key->heap : key->bytes};
}

struct umd_buffer {
    _Atomic VkDeviceAddress address; /* 0: not asked for yet */
    struct umd_resource_key key;
};

struct umd_layout; /* a subresource's, as the host said */

struct umd_image {
    struct umd_layout *_Atomic layouts; /* a list that only grows */
    struct umd_resource_key key;
};

#endif

/* SPDX-License-Identifier: MIT */
/* Messages of facts (wire/facts.h) that the tests make up. */
#ifndef TESTS_UMD_FACTS_MESSAGE_H
#define TESTS_UMD_FACTS_MESSAGE_H

#include <stdalign.h>

#include "wire/facts.h"

struct facts_message {
    alignas(8) uint8_t data[64 * 1024];
    size_t size;
};

void facts_message_begin(struct facts_message *message);
/* A record of any content. */
void facts_message_record(struct facts_message *message, uint32_t kind, uint32_t id, uint32_t count,
                          const void *data, size_t size);
/* A structure of a type that the tables know, from its sType on. */
void facts_message_structure(struct facts_message *message, const void *structure);
/* A device with what every device has: properties, features (robustBufferAccess, geometryShader), a
 * heap with two memory types, one queue family of three queues; Vulkan 1.3 and no extension. */
void facts_message_device(struct facts_message *message);
/* Writes the header: to be called last. */
void facts_message_end(struct facts_message *message);

#endif

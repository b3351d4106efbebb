/* SPDX-License-Identifier: MIT */
#include "host/worker/exec_private.h"

#include "host/worker/exec_acquired.h"
#include "host/worker/exec_device.h"
#include "host/worker/stream.h"

struct private_command {
    uint16_t size; /* of its structure */
    bool needs_device;
};

static const struct private_command commands[STREAM_PRIVATE_END - STREAM_PRIVATE_FIRST] = {
#define AT(opcode) [(opcode)-STREAM_PRIVATE_FIRST]
    AT(STREAM_FACTS) = {sizeof(struct stream_ask), false},
    AT(STREAM_FETCH_REPLY) = {sizeof(struct stream_fetch), false},
    AT(STREAM_CREATE_DEVICE) = {sizeof(struct stream_create_device), false},
    AT(STREAM_DESTROY_DEVICE) = {sizeof(struct stream_command), false},
    AT(STREAM_ALLOCATE_MEMORY) = {sizeof(struct stream_allocate_memory), true},
    AT(STREAM_FREE_MEMORY) = {sizeof(struct stream_object), true},
    AT(STREAM_BARRIER) = {sizeof(struct stream_ask), false},
    AT(STREAM_WRITE_DESCRIPTORS) = {sizeof(struct stream_write_descriptors), true},
    AT(STREAM_PUSH_DESCRIPTORS) = {sizeof(struct stream_push_descriptors), true},
    AT(STREAM_PIPELINE_RESULTS) = {sizeof(struct stream_pipeline_results), true},
    AT(STREAM_WRITE_MEMORY) = {sizeof(struct stream_write_memory), true},
    AT(STREAM_READ_MEMORY) = {sizeof(struct stream_read_memory), true},
    AT(STREAM_SIGNAL_ACQUIRED) = {sizeof(struct stream_object), true},
#undef AT
};

static void fetch_reply(struct exec *x, const struct stream_fetch *fetch)
{
    if (stream_io_fetch(x->io, fetch->reply, fetch->offset))
        exec_fail(x, STREAM_LOST_PROTOCOL, "the part at %u of a reply that has none",
                  fetch->offset);
}

void exec_private(struct exec *x, uint16_t opcode, uint8_t *command, size_t size)
{
    if (opcode >= STREAM_PRIVATE_END) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "the unknown command %u", opcode);
        return;
    }
    const struct private_command *known = &commands[opcode - STREAM_PRIVATE_FIRST];
    if (known->size == 0 || size < known->size) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "the command %u of only %zu bytes", opcode, size);
        return;
    }
    if (known->needs_device && !x->device) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "the command %u without a device", opcode);
        return;
    }
    const void *whole = command;
    const struct stream_ask *ask = whole;
    switch (opcode) {
    case STREAM_FACTS:
        exec_reply(x, ask->reply, VK_SUCCESS, x->adapter->facts, x->adapter->facts_size);
        break;
    case STREAM_FETCH_REPLY:
        fetch_reply(x, whole);
        break;
    case STREAM_CREATE_DEVICE:
        exec_create_device(x, command, size);
        break;
    case STREAM_DESTROY_DEVICE:
        exec_destroy_device(x);
        break;
    case STREAM_ALLOCATE_MEMORY:
        exec_allocate_memory(x, command, size);
        break;
    case STREAM_FREE_MEMORY:
        exec_free_memory(x, whole);
        break;
    case STREAM_BARRIER:
        exec_reply(x, ask->reply, VK_SUCCESS, NULL, 0);
        break;
    case STREAM_WRITE_DESCRIPTORS:
        exec_write_descriptors(x, command, size);
        break;
    case STREAM_PUSH_DESCRIPTORS:
        exec_push_descriptors(x, command, size);
        break;
    case STREAM_PIPELINE_RESULTS:
        exec_pipeline_results(x, command, size);
        break;
    case STREAM_WRITE_MEMORY:
        exec_write_memory(x, command, size);
        break;
    case STREAM_READ_MEMORY:
        exec_read_memory(x, command, size);
        break;
    case STREAM_SIGNAL_ACQUIRED:
        exec_signal_acquired(x, whole);
        break;
    }
}

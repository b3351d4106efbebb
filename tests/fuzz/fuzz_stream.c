/* SPDX-License-Identifier: MIT */
/*
 * What a guest writes into a stream's shared memory, and what it says when it opens one. Input:
 * struct stream_open as the guest sent it; the index `tail` (0: behind the rest); the ring from its
 * beginning. The ring is taken as the worker's thread takes it, with a fake executor behind.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/worker/pair.h"
#include "vkwire.h"

#define MEMORY (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct stream_open good = {.magic = STREAM_MAGIC,
                                        .ring_offset = 4096,
                                        .ring_size = RING_MIN_SIZE,
                                        .slots_offset = 4096 + RING_MIN_SIZE,
                                        .slot_size = 4096,
                                        .slot_count = 8};

struct memory {
    uint8_t *bytes;
    struct wire_fence_cell fence;
    uint8_t *batch;
};

static void set_up(struct memory *memory)
{
    static uint64_t notes[PAIR_MAX_NOTES], targets[PAIR_MAX_NOTES];
    pair_notes.notes = notes;
    pair_notes.targets = targets;
    memory->bytes = aligned_alloc(4096, MEMORY);
    memory->batch = aligned_alloc(64, STREAM_MAX_BATCH);
    if (!memory->bytes || !memory->batch)
        abort();
}

static void open_as_the_guest_says(struct memory *memory, const uint8_t *data)
{
    struct stream_open open;
    struct stream_io io;
    struct error err;
    memcpy(&open, data, sizeof(open));
    if (stream_io_init(&io, &open, memory->bytes, MEMORY, &memory->fence, &err))
        return;
    /* The bounds hold: all of it can be touched. */
    memset(memory->bytes + open.ring_offset, 1, open.ring_size);
    memset(io.slots, 2, (size_t)io.slot_size * io.slot_count);
    stream_io_finish(&io);
}

static void run(struct memory *memory, uint32_t tail, const uint8_t *ring, size_t size)
{
    static const struct worker_adapter adapter = {.facts = (void *)"facts", .facts_size = 5};
    struct error err;
    struct stream *stream = calloc(1, sizeof(*stream));
    if (!stream || stream_io_init(&stream->io, &good, memory->bytes, MEMORY, &memory->fence, &err))
        abort();
    memset(memory->bytes, 0, sizeof(struct stream_shared));
    memset(memory->bytes + good.ring_offset, 0, good.ring_size);
    if (size > good.ring_size)
        size = good.ring_size;
    memcpy(memory->bytes + good.ring_offset, ring, size);
    stream->io.shared->tail = tail ? tail : (uint32_t)size;
    stream->batch = memory->batch;
    stream->exec.io = &stream->io;
    stream->exec.adapter = &adapter;
    arena_init(&stream->exec.arena, 16u << 20);
    pair_notes.count = 0;
    if (!exec_object_add(&stream->exec, STREAM_ID(1, 1, VKWIRE_OBJECT_COMMAND_BUFFER),
                         VKWIRE_OBJECT_COMMAND_BUFFER, 0x1000))
        abort();
    while (stream_run_batch(stream) > 0)
        ;
    exec_objects_destroy(&stream->exec);
    arena_finish(&stream->exec.arena);
    stream_io_finish(&stream->io);
    free(stream->parts.data);
    free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory memory;
    uint32_t tail;
    if (!memory.bytes)
        set_up(&memory);
    if (size < sizeof(struct stream_open) + sizeof(tail))
        return 0;
    open_as_the_guest_says(&memory, data);
    memcpy(&tail, data + sizeof(struct stream_open), sizeof(tail));
    size_t skip = sizeof(struct stream_open) + sizeof(tail);
    run(&memory, tail, data + skip, size - skip);
    return 0;
}

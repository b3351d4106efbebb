/* SPDX-License-Identifier: MIT */
/*
 * What a guest that shares no memory sends of a stream, in any order. Input: struct stream_open as
 * the guest sent it, then steps, each a byte of what is done, two bytes of size, and the bytes:
 * a message as it is; the bytes behind the header of a good message; a poll; a batch of what has
 * come is run, by a fake executor. Answers must be whole.
 */
#include <stdlib.h>
#include <string.h>

#include "host/worker/stream.h"
#include "tests/worker/pair.h"
#include "vkwire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct stream_open good = {.magic = STREAM_MAGIC,
                                        .ring_offset = 4096,
                                        .ring_size = RING_MIN_SIZE,
                                        .slots_offset = 4096 + RING_MIN_SIZE,
                                        .slot_size = 4096,
                                        .slot_count = 8};

enum step { STEP_MESSAGE, STEP_GOOD_MESSAGE, STEP_POLL, STEP_RUN, STEP_COUNT };

#define SEQUENCE 7u
static size_t asked; /* bytes of the poll that is answered next; 0: it must be refused */

/* What a guest is told can be read as wire/stream.h says. */
static void check_answer(const uint8_t *data, size_t size)
{
    struct stream_poll poll;
    if (size != asked || size < sizeof(poll))
        abort();
    memcpy(&poll, data, sizeof(poll));
    if (poll.magic != STREAM_POLL_MAGIC || poll.queues > STREAM_MAX_QUEUES ||
        (size - sizeof(poll)) / 8 < poll.queues)
        abort();
    size_t at = sizeof(poll) + 8 * poll.queues;
    for (uint32_t i = 0; i < poll.replies; i++) {
        struct stream_poll_reply reply;
        if (size - at < sizeof(reply))
            abort();
        memcpy(&reply, data + at, sizeof(reply));
        at += sizeof(reply);
        uint64_t padded = ((uint64_t)reply.size + 7) / 8 * 8;
        if (reply.slot >= good.slot_count || reply.size > good.slot_size || padded > size - at)
            abort();
        at += padded;
    }
}

int worker_send(struct worker *worker, uint32_t message, uint32_t sequence, const void *fixed,
                size_t fixed_size, const void *data, size_t size)
{
    (void)worker;
    const struct link_reply *reply = fixed;
    if (message != LINK_REPLY || sequence != SEQUENCE || fixed_size != sizeof(*reply))
        abort();
    if (NT_SUCCESS(reply->status))
        check_answer(data, size);
    else if (asked >= sizeof(struct stream_poll) && asked <= 128u << 10)
        abort();
    asked = SIZE_MAX; /* answered */
    return 0;
}

static struct stream *create(struct worker *worker)
{
    static const struct worker_adapter adapter = {.facts = (void *)"facts", .facts_size = 5};
    static uint64_t notes[PAIR_MAX_NOTES], targets[PAIR_MAX_NOTES];
    struct stream *stream = calloc(1, sizeof(*stream));
    struct wire_fence_cell *fence;
    struct error err;
    void *memory;
    uint64_t size;
    if (!stream)
        abort();
    stream->worker = worker;
    stream->messages = stream_messages_create(&good, &memory, &size, &fence);
    stream->batch = aligned_alloc(64, STREAM_MAX_BATCH);
    if (!stream->messages || !stream->batch ||
        stream_io_init(&stream->io, &good, memory, size, fence, &err))
        abort();
    stream->exec.io = &stream->io;
    stream->exec.adapter = &adapter;
    arena_init(&stream->exec.arena, 16u << 20);
    pair_notes = (struct pair_notes){.notes = notes, .targets = targets};
    if (!exec_object_add(&stream->exec, STREAM_ID(1, 1, VKWIRE_OBJECT_COMMAND_BUFFER),
                         VKWIRE_OBJECT_COMMAND_BUFFER, 0x1000))
        abort();
    return stream;
}

static void destroy(struct stream *stream)
{
    exec_objects_destroy(&stream->exec);
    arena_finish(&stream->exec.arena);
    stream_io_finish(&stream->io);
    stream_messages_destroy(stream->messages);
    free(stream->parts.data);
    free(stream->batch);
    free(stream);
}

/* A description as the guest sent it: what is made of it can be touched. */
static void open_as_the_guest_says(const uint8_t *data)
{
    struct stream_open open;
    struct wire_fence_cell *fence;
    struct stream_io io;
    struct error err;
    void *memory;
    uint64_t size;
    memcpy(&open, data, sizeof(open));
    struct stream_messages *messages = stream_messages_create(&open, &memory, &size, &fence);
    if (messages && !stream_io_init(&io, &open, memory, size, fence, &err)) {
        memset((uint8_t *)memory + open.ring_offset, 1, open.ring_size);
        memset(io.slots, 2, (size_t)io.slot_size * io.slot_count);
        stream_io_finish(&io);
    }
    stream_messages_destroy(messages);
}

static void send_good_message(struct stream *stream, uint32_t *position, const uint8_t *data,
                              uint32_t size)
{
    uint8_t *message = malloc(sizeof(struct stream_message) + size);
    if (!message)
        abort();
    struct stream_message head = {STREAM_MESSAGE_MAGIC, *position, size, *position + size};
    memcpy(message, &head, sizeof(head));
    memcpy(message + sizeof(head), data, size);
    stream_messages_take(stream, message, sizeof(head) + size);
    *position += size;
    free(message);
}

/* One that is answered at once: a wait would only take time. */
static void poll(struct stream *stream, const uint8_t *data, size_t size)
{
    struct stream_poll head;
    uint8_t *question = malloc(size + 1);
    if (!question)
        abort();
    memcpy(question, data, size);
    if (size >= sizeof(head)) {
        memcpy(&head, question, sizeof(head));
        head.wait_us = 0;
        memcpy(question, &head, sizeof(head));
    }
    asked = stream_is_poll(question, (uint32_t)size) ? size : 0;
    stream_messages_poll(stream, SEQUENCE, question, size);
    if (asked != SIZE_MAX)
        abort();
    free(question);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct worker worker = {.link = -1};
    uint32_t position = 0;
    uint16_t length;
    if (size < sizeof(struct stream_open))
        return 0;
    open_as_the_guest_says(data);
    data += sizeof(struct stream_open);
    size -= sizeof(struct stream_open);
    struct stream *stream = create(&worker);
    while (size >= 1 + sizeof(length)) {
        enum step step = data[0] % STEP_COUNT;
        memcpy(&length, data + 1, sizeof(length));
        data += 1 + sizeof(length);
        size -= 1 + sizeof(length);
        if (length > size)
            length = (uint16_t)size;
        if (step == STEP_MESSAGE)
            stream_messages_take(stream, data, length);
        else if (step == STEP_GOOD_MESSAGE)
            send_good_message(stream, &position, data, length & ~7u);
        else if (step == STEP_POLL)
            poll(stream, data, length);
        else
            (void)stream_run_batch(stream);
        data += length;
        size -= length;
    }
    destroy(stream);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* The guest's end of a stream: sending. Making one is in umd_stream_create.c, replies in
 * umd_stream_call.c, waiting in umd_stream_wait.c. */
#include "umd/stream_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "umd/umd.h"

/* Commands that nobody is in a hurry for gather until they are so many bytes: showing each to the
 * worker would cost more than encoding it. */
#define GATHER 4096u
/* So many bytes that the worker has not seen wake it. */
#define UNRUNG 4096u
/* Bytes of a part of a command. */
#define PART (64u * 1024u)

_Static_assert(PART + sizeof(struct stream_batch) <= RING_MIN_SIZE / 2, "the worker tells of room");

void umd_stream_lose(struct umd_stream *stream, const char *format, ...)
{
    if (!atomic_exchange(&stream->logged, true)) {
        char text[256];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        umd_error("the device is lost: %s", text);
    }
    atomic_store(&stream->dead, true);
    umd_stream_wake(stream);
}

/* --- Into the ring; all with the lock --- */

static void publish_locked(struct umd_stream *stream, bool kick)
{
    if (__builtin_expect(stream->messages != NULL, 0)) {
        umd_stream_send_locked(stream, kick);
    } else if (!kick && atomic_load_explicit(&stream->waiting, memory_order_relaxed) == 0 &&
               ring_producer_unrung(&stream->ring) < UNRUNG) {
        ring_producer_publish(&stream->ring);
    } else if (ring_producer_unrung(&stream->ring) != 0 && ring_producer_ring(&stream->ring)) {
        atomic_store_explicit(&stream->rang, true, memory_order_relaxed);
        stream->callbacks->Wake(&stream->shared->doorbell);
    }
}

struct room {
    struct umd_stream *stream;
    uint32_t payload;
    int fits;
};

static bool has_room(void *data)
{
    struct room *room = data;
    room->fits = ring_producer_fits(&room->stream->ring, room->payload);
    return room->fits != 0;
}

static VkResult wait_for_room_locked(struct umd_stream *stream, uint32_t payload)
{
    struct room room = {.stream = stream, .payload = payload};
    if (!has_room(&room)) {
        publish_locked(stream, true);
        VkResult result =
            umd_stream_wait_for(stream, has_room, &room, UINT64_MAX, &stream->reply_time, true);
        if (result != VK_SUCCESS)
            return result;
    }
    if (room.fits < 0) {
        umd_stream_lose(stream, "the host's index into the ring jumped");
        return VK_ERROR_DEVICE_LOST;
    }
    return VK_SUCCESS;
}

static VkResult put_batch_locked(struct umd_stream *stream, enum stream_batch_kind kind,
                                 uint64_t target, const void *data, uint32_t size)
{
    VkResult result = wait_for_room_locked(stream, size);
    if (result != VK_SUCCESS)
        return result;
    struct stream_batch batch = {.size = size, .kind = (uint16_t)kind, .target = target};
    ring_producer_begin(&stream->ring, &batch);
    ring_producer_put(&stream->ring, data, size);
    return VK_SUCCESS;
}

/* One command that is larger than a batch. */
static VkResult put_parts_locked(struct umd_stream *stream, uint64_t command_buffer,
                                 const uint8_t *command, size_t size)
{
    if (size > STREAM_MAX_COMMAND)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    struct stream_part head = {.command_buffer = command_buffer};
    for (size_t at = 0; at < size;) {
        uint32_t length = size - at < PART ? (uint32_t)(size - at) : PART;
        uint32_t payload = length + (uint32_t)sizeof(head);
        VkResult result = wait_for_room_locked(stream, payload);
        if (result != VK_SUCCESS)
            return result;
        struct stream_batch batch = {
            .size = payload, .kind = STREAM_BATCH_PART, .target = at == 0 ? size : 0};
        ring_producer_begin(&stream->ring, &batch);
        ring_producer_put(&stream->ring, &head, sizeof(head));
        ring_producer_put(&stream->ring, command + at, length);
        ring_producer_publish(&stream->ring);
        at += length;
    }
    return VK_SUCCESS;
}

/* Bytes of the command at the beginning of `size` bytes. */
static size_t command_size(const uint8_t *data, size_t size)
{
    size_t own = (size_t)((const struct stream_command *)(const void *)data)->words * 8;
    return own != 0 && own < size ? own : size;
}

/* Any number of commands: cut between commands where they do not fit into one batch. */
static VkResult put_commands_locked(struct umd_stream *stream, uint64_t command_buffer,
                                    const uint8_t *data, size_t size)
{
    enum stream_batch_kind kind = command_buffer ? STREAM_BATCH_RECORDING : STREAM_BATCH_COMMANDS;
    size_t most =
        stream->ring.size / 4 < STREAM_MAX_BATCH ? stream->ring.size / 4 : STREAM_MAX_BATCH;
    while (size > 0) {
        size_t length = size;
        if (size > most) {
            length = command_size(data, size);
            while (length < size && length + command_size(data + length, size - length) <= most)
                length += command_size(data + length, size - length);
        }
        VkResult result =
            length > most ? put_parts_locked(stream, command_buffer, data, length)
                          : put_batch_locked(stream, kind, command_buffer, data, (uint32_t)length);
        if (result != VK_SUCCESS)
            return result;
        data += length;
        size -= length;
    }
    return VK_SUCCESS;
}

/* Puts an encoder's commands into the ring, and empties it. */
static VkResult put_encoder_locked(struct umd_stream *stream, uint64_t command_buffer,
                                   struct wire_encoder *encoder)
{
    bool failed = encoder->failed;
    VkResult result = VK_SUCCESS;
    if (umd_stream_is_lost(stream))
        result = VK_ERROR_DEVICE_LOST;
    else if (__builtin_expect(stream->guarded, 0) &&
             !umd_stream_guard(stream, encoder->data, encoder->used))
        result = VK_ERROR_DEVICE_LOST;
    else if (encoder->used > 0)
        result = put_commands_locked(stream, command_buffer, encoder->data, encoder->used);
    wire_encoder_reset(encoder);
    return result == VK_SUCCESS && failed ? VK_ERROR_OUT_OF_HOST_MEMORY : result;
}

VkResult umd_stream_flush_locked(struct umd_stream *stream, bool kick)
{
    VkResult result = put_encoder_locked(stream, 0, &stream->encoder);
    if (result != VK_ERROR_DEVICE_LOST)
        publish_locked(stream, kick);
    return result;
}

/* --- What the rest of the UMD calls --- */

struct wire_encoder *umd_stream_begin(struct umd_stream *stream)
{
    umd_lock_take(&stream->lock);
    return &stream->encoder;
}

VkResult umd_stream_end(struct umd_stream *stream, bool kick)
{
    VkResult result = VK_SUCCESS;
    if (kick || stream->encoder.used >= GATHER || stream->encoder.failed ||
        atomic_load_explicit(&stream->waiting, memory_order_relaxed) != 0)
        result = umd_stream_flush_locked(stream, kick);
    else
        ring_producer_prefetch(&stream->ring, (uint32_t)stream->encoder.used);
    umd_lock_release(&stream->lock);
    return result;
}

VkResult umd_stream_record(struct umd_stream *stream, uint64_t id, struct wire_encoder *recording)
{
    umd_lock_take(&stream->lock);
    VkResult before = put_encoder_locked(stream, 0, &stream->encoder);
    VkResult result = put_encoder_locked(stream, id, recording);
    if (result != VK_ERROR_DEVICE_LOST)
        publish_locked(stream, false);
    umd_lock_release(&stream->lock);
    return before != VK_SUCCESS ? before : result;
}

uint32_t umd_stream_position(struct umd_stream *stream)
{
    umd_lock_take(&stream->lock);
    (void)umd_stream_flush_locked(stream, false);
    uint32_t position = stream->ring.tail;
    umd_lock_release(&stream->lock);
    return position;
}

D3DKMT_HANDLE umd_stream_device(const struct umd_stream *stream)
{
    return stream->device;
}

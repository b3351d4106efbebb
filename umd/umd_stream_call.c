/* SPDX-License-Identifier: MIT */
/* Commands with a reply (wire/stream.h): slots, tickets, and replies larger than a slot. */
#include "umd/stream_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "umd/umd.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; where it is missing, pages come one by one */
#endif

/* --- Slots --- */

/* Slots in use lie close together: their memory stays in the cache. */
static bool take_slot(struct umd_stream *stream, uint32_t *slot)
{
    uint32_t mask = atomic_load_explicit(&stream->free_slots, memory_order_relaxed);
    while (mask != 0) {
        if (atomic_compare_exchange_weak_explicit(&stream->free_slots, &mask, mask & (mask - 1),
                                                  memory_order_acquire, memory_order_relaxed)) {
            *slot = (uint32_t)__builtin_ctz(mask);
            return true;
        }
    }
    return false;
}

struct slot_wanted {
    struct umd_stream *stream;
    uint32_t slot;
};

static bool got_slot(void *data)
{
    struct slot_wanted *wanted = data;
    return take_slot(wanted->stream, &wanted->slot);
}

static void give_slot(struct umd_stream *stream, uint32_t slot)
{
    uint32_t before =
        atomic_fetch_or_explicit(&stream->free_slots, 1u << slot, memory_order_release);
    if (before == 0)
        umd_stream_wake(stream);
}

/* A word that the slot has not had for long. */
static uint32_t new_word(struct umd_stream *stream, uint32_t slot)
{
    uint32_t ticket = (stream->tickets[slot] + 1) & 0xffffffu;
    stream->tickets[slot] = ticket ? ticket : 1;
    return STREAM_REPLY(slot, stream->tickets[slot]);
}

/* --- Replies --- */

static struct stream_reply *reply_of(const struct umd_stream *stream, uint32_t word)
{
    return (struct stream_reply *)(void *)(stream->slots +
                                           (size_t)STREAM_REPLY_SLOT(word) * stream->slot_size);
}

static bool has_reply(void *data)
{
    const struct umd_call *call = data;
    return __atomic_load_n(&reply_of(call->stream, call->word)->state, __ATOMIC_ACQUIRE) ==
           call->word;
}

/* The header, read once. */
static struct stream_reply read_header(const struct umd_call *call)
{
    struct stream_reply *shared = reply_of(call->stream, call->word);
    return (struct stream_reply){.state = call->word,
                                 .result = __atomic_load_n(&shared->result, __ATOMIC_RELAXED),
                                 .total = __atomic_load_n(&shared->total, __ATOMIC_RELAXED),
                                 .offset = __atomic_load_n(&shared->offset, __ATOMIC_RELAXED)};
}

/* Else each page of the ring costs a fault when it is written for the first time. */
static void map_ring(const struct umd_stream *stream)
{
    if (!stream->messages)
        (void)madvise(stream->ring.bytes, stream->ring.size, MADV_POPULATE_WRITE);
}

/* Sends what the encoder holds, unlocks, and waits for the reply to call->word. */
static VkResult send_and_wait(struct umd_call *call)
{
    struct umd_stream *stream = call->stream;
    VkResult result = umd_stream_flush_locked(stream, true);
    umd_lock_release(&stream->lock);
    if (result != VK_SUCCESS)
        return result;
    if (call->maps_ring)
        map_ring(stream);
    return umd_stream_wait_for(stream, has_reply, call, UINT64_MAX, &stream->reply_time, false);
}

/* Copies the part of the reply that lies in the slot; `at` bytes are there already. Gives how many
 * there are then. */
static size_t copy_part(const struct umd_call *call, uint8_t *to, size_t at)
{
    size_t room = call->stream->slot_size - sizeof(struct stream_reply);
    size_t length = call->size - at < room ? call->size - at : room;
    memcpy(to + at, reply_of(call->stream, call->word) + 1, length);
    return at + length;
}

static VkResult refuse(struct umd_call *call, const struct stream_reply *reply, size_t offset)
{
    umd_stream_lose(call->stream, "a reply of %u bytes at %u, where %zu at %zu were expected",
                    reply->total, reply->offset, call->size, offset);
    return VK_ERROR_DEVICE_LOST;
}

/* Asks for more of the slot's last reply. */
static VkResult fetch(struct umd_call *call, size_t offset)
{
    struct umd_stream *stream = call->stream;
    struct wire_encoder *encoder = umd_stream_begin(stream);
    size_t before = encoder->used;
    call->word = new_word(stream, STREAM_REPLY_SLOT(call->word));
    struct stream_fetch *command = wire_put(encoder, sizeof(*command));
    if (command)
        *command = (struct stream_fetch){.head = {.opcode = STREAM_FETCH_REPLY},
                                         .reply = call->word,
                                         .offset = (uint32_t)offset};
    wire_end_command(encoder, before);
    VkResult result = send_and_wait(call);
    if (result != VK_SUCCESS)
        return result;
    struct stream_reply reply = read_header(call);
    if (reply.offset != offset || reply.total != call->size)
        return refuse(call, &reply, offset);
    return VK_SUCCESS;
}

static VkResult take_reply(struct umd_call *call)
{
    struct stream_reply reply = read_header(call);
    if (reply.offset != 0 || reply.total > STREAM_MAX_COMMAND)
        return refuse(call, &reply, 0);
    uint8_t *to = call->inline_data;
    if (reply.total > sizeof(call->inline_data)) {
        call->heap = to = malloc(reply.total);
        if (!to)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    call->size = reply.total;
    for (size_t at = copy_part(call, to, 0); at < call->size; at = copy_part(call, to, at)) {
        VkResult result = fetch(call, at);
        if (result != VK_SUCCESS)
            return result;
    }
    call->result = (VkResult)reply.result;
    call->data = to;
    return VK_SUCCESS;
}

/* --- Calls --- */

struct wire_encoder *umd_call_begin(struct umd_stream *stream, struct umd_call *call)
{
    call->stream = stream;
    call->word = 0;
    call->result = VK_ERROR_DEVICE_LOST;
    call->data = call->inline_data;
    call->size = 0;
    call->heap = NULL;
    call->maps_ring = false;
    struct slot_wanted wanted = {.stream = stream};
    if (umd_stream_is_lost(stream) || umd_stream_wait_for(stream, got_slot, &wanted, UINT64_MAX,
                                                          &stream->reply_time, false) != VK_SUCCESS)
        return NULL;
    struct wire_encoder *encoder = umd_stream_begin(stream);
    stream->call_at = encoder->used;
    call->word = new_word(stream, wanted.slot);
    return encoder;
}

VkResult umd_call_wait(struct umd_call *call)
{
    if (call->word == 0)
        return VK_ERROR_DEVICE_LOST;
    struct umd_stream *stream = call->stream;
    /* A command that is not whole must not go. */
    if (stream->encoder.failed)
        stream->encoder.used = stream->call_at;
    VkResult result = send_and_wait(call);
    if (result == VK_SUCCESS)
        result = take_reply(call);
    if (result != VK_SUCCESS) {
        call->size = 0;
        call->result = result;
    }
    give_slot(stream, STREAM_REPLY_SLOT(call->word));
    return result;
}

void umd_call_end(struct umd_call *call)
{
    free(call->heap);
    call->heap = NULL;
    call->data = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * A stream without shared memory (wire/stream.h): ring, slots and words lie in private memory. What
 * is put into the ring is sent; what the worker writes is asked for, by one thread at a time for
 * all that wait.
 */
#include "umd/stream_internal.h"

#include <stdlib.h>
#include <string.h>

#include "umd/umd.h"

/* Nobody in a hurry: so many bytes are sent at once. */
#define GATHER (32u * 1024u)
/* The most bytes of the ring in a message. */
#define PIECE (64u * 1024u)
/* After so many messages the host is asked how far it is: it has taken them when it answers. */
#define UNANSWERED 64u
/* A poll has room for what is small; for a whole slot when the last one said so. */
#define SMALL_POLL 2048u
#define WORDS_OF_POLL (sizeof(struct stream_poll) + 8 * STREAM_MAX_QUEUES)

struct umd_stream_messages {
    struct wire_fence_cell fence;
    uint8_t *memory; /* in place of the allocation */
    D3DKMT_HANDLE adapter;

    /* With the stream's lock. */
    uint32_t sent, shown; /* of the ring, to the host */
    uint32_t unanswered;
    uint8_t *message; /* room for one */

    struct umd_lock poll_lock; /* for what follows */
    uint32_t seen;
    uint32_t most; /* bytes of `poll` */
    bool large;    /* the next one needs them */
    uint8_t *poll;
};

/* --- Sending --- */

static bool send_piece_locked(struct umd_stream *stream, uint32_t size)
{
    struct umd_stream_messages *messages = stream->messages;
    uint32_t place = messages->sent & (stream->ring.size - 1);
    if (messages->sent + size == stream->ring.tail)
        messages->shown = stream->ring.tail; /* whole batches alone are shown */
    struct stream_message head = {.magic = STREAM_MESSAGE_MAGIC,
                                  .position = messages->sent,
                                  .size = size,
                                  .tail = messages->shown};
    memcpy(messages->message, &head, sizeof(head));
    memcpy(messages->message + sizeof(head), stream->ring.bytes + place, size);
    D3DKMT_SUBMITCOMMANDTOHWQUEUE submit = {
        .hHwQueue = stream->queue,
        .pPrivateDriverData = messages->message,
        .PrivateDriverDataSize = (uint32_t)sizeof(head) + size,
    };
    NTSTATUS status = stream->callbacks->SubmitCommandToHwQueue(&submit);
    if (!NT_SUCCESS(status)) {
        umd_stream_lose(stream, "commands cannot be sent: status 0x%08x", (unsigned)status);
        return false;
    }
    messages->sent += size;
    return true;
}

void umd_stream_send_locked(struct umd_stream *stream, bool kick)
{
    struct umd_stream_messages *messages = stream->messages;
    if (!kick && stream->ring.tail - messages->sent < GATHER &&
        atomic_load_explicit(&stream->waiting, memory_order_relaxed) == 0)
        return;
    while (messages->sent != stream->ring.tail && umd_stream_status(stream) == VK_SUCCESS) {
        uint32_t size = stream->ring.tail - messages->sent;
        uint32_t to_end = stream->ring.size - (messages->sent & (stream->ring.size - 1));
        size = size < to_end ? size : to_end;
        if (messages->unanswered++ == UNANSWERED) {
            messages->unanswered = 0;
            umd_lock_take(&messages->poll_lock);
            umd_stream_ask_locked(stream, 0);
            umd_lock_release(&messages->poll_lock);
            umd_stream_wake(stream);
        }
        if (!send_piece_locked(stream, size < PIECE ? size : PIECE))
            return;
    }
    stream->ring.rung = stream->ring.tail;
}

/* --- Asking --- */

/* A counter that other threads read in halves on small machines: while it is written it looks
 * lower than it is. */
static void write_counter(uint64_t *word, const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof(value));
#if UINTPTR_MAX > UINT32_MAX
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
#else
    uint32_t *half = (uint32_t *)(void *)word;
    __atomic_store_n(&half[0], (uint32_t)value, __ATOMIC_RELEASE);
    __atomic_store_n(&half[1], (uint32_t)(value >> 32), __ATOMIC_RELEASE);
#endif
}

/* One reply, from what is left of the answer. */
static bool take_reply(struct umd_stream *stream, const uint8_t **at, size_t *left)
{
    struct stream_poll_reply head;
    struct stream_reply reply;
    if (*left < sizeof(head) + sizeof(reply))
        return false;
    memcpy(&head, *at, sizeof(head));
    memcpy(&reply, *at + sizeof(head), sizeof(reply));
    size_t padded = ((size_t)head.size + 7) & ~(size_t)7;
    if (head.slot >= stream->slot_count || head.size < sizeof(reply) ||
        head.size > stream->slot_size || padded > *left - sizeof(head))
        return false;
    uint8_t *slot = stream->slots + (size_t)head.slot * stream->slot_size;
    const uint8_t *from = *at + sizeof(head);
    memcpy(slot + sizeof(reply.state), from + sizeof(reply.state), head.size - sizeof(reply.state));
    __atomic_store_n((uint32_t *)(void *)slot, reply.state, __ATOMIC_RELEASE);
    *at += sizeof(head) + padded;
    *left -= sizeof(head) + padded;
    return true;
}

/* Takes an answer over. False when it cannot be one. */
static bool take_answer(struct umd_stream *stream, const uint8_t *data, size_t size)
{
    struct umd_stream_messages *messages = stream->messages;
    struct stream_shared *shared = stream->shared;
    struct stream_poll poll;
    memcpy(&poll, data, sizeof(poll));
    size_t left = size - sizeof(poll);
    if (poll.magic != STREAM_POLL_MAGIC || poll.queues > STREAM_MAX_QUEUES ||
        poll.queues * 8 > left || poll.room > messages->most)
        return false;
    const uint8_t *at = data + sizeof(poll);
    for (uint32_t i = 0; i < poll.queues; i++)
        write_counter(&shared->completed[i], at + (size_t)8 * i);
    at += (size_t)8 * poll.queues;
    left -= (size_t)8 * poll.queues;
    for (uint32_t i = 0; i < poll.replies; i++) {
        if (!take_reply(stream, &at, &left))
            return false;
    }
    messages->seen = poll.seen;
    messages->large = poll.room != 0;
    __atomic_store_n(&shared->head, poll.head, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->executed, poll.executed, __ATOMIC_RELEASE);
    if (poll.lost != STREAM_ALIVE)
        __atomic_store_n(&shared->lost, poll.lost, __ATOMIC_RELEASE);
    return true;
}

NTSTATUS umd_stream_ask_once_locked(struct umd_stream *stream, uint32_t wait_us)
{
    struct umd_stream_messages *messages = stream->messages;
    struct stream_poll poll = {
        .magic = STREAM_POLL_MAGIC, .seen = messages->seen, .wait_us = wait_us};
    memcpy(messages->poll, &poll, sizeof(poll));
    D3DKMT_ESCAPE escape = {
        .hAdapter = messages->adapter,
        .hContext = stream->context,
        .Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
        .pPrivateDriverData = messages->poll,
        .PrivateDriverDataSize = messages->large ? messages->most : SMALL_POLL,
    };
    NTSTATUS status = stream->callbacks->Escape(&escape);
    if (!NT_SUCCESS(status))
        return status;
    return take_answer(stream, messages->poll, escape.PrivateDriverDataSize)
               ? STATUS_SUCCESS
               : STATUS_INVALID_PARAMETER;
}

void umd_stream_ask_locked(struct umd_stream *stream, uint32_t wait_us)
{
    const struct umd_stream_messages *messages = stream->messages;
    NTSTATUS status = STATUS_SUCCESS;
    do {
        if (umd_stream_status(stream) != VK_SUCCESS)
            return;
        status = umd_stream_ask_once_locked(stream, wait_us);
        wait_us = 0;
    } while (NT_SUCCESS(status) && messages->large);
    if (status == STATUS_INVALID_PARAMETER)
        umd_stream_lose(stream, "the host says what cannot be of its progress");
    else if (!NT_SUCCESS(status))
        umd_stream_lose(stream, "the host's worker process is gone (status 0x%08x)",
                        (unsigned)status);
}

bool umd_stream_ask(struct umd_stream *stream, uint32_t wait_us)
{
    struct umd_stream_messages *messages = stream->messages;
    if (!umd_lock_try(&messages->poll_lock))
        return false;
    umd_stream_ask_locked(stream, wait_us);
    umd_lock_release(&messages->poll_lock);
    umd_stream_wake(stream); /* one of them is the next to ask */
    return true;
}

void umd_stream_refresh(struct umd_stream *stream)
{
    if (stream->messages && umd_stream_status(stream) == VK_SUCCESS)
        (void)umd_stream_ask(stream, 0);
}

bool umd_stream_shares_memory(const struct umd_stream *stream)
{
    return !stream->messages;
}

/* --- Life --- */

VkResult umd_stream_messages_create(struct umd_stream *stream, D3DKMT_HANDLE adapter, size_t size,
                                    void **memory)
{
    struct umd_stream_messages *messages = calloc(1, sizeof(*messages));
    if (!messages)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    stream->messages = messages;
    messages->adapter = adapter;
    messages->most =
        (uint32_t)(WORDS_OF_POLL + sizeof(struct stream_poll_reply)) + UMD_STREAM_MESSAGE_SLOT;
    messages->memory = calloc(1, size + 63);
    messages->message = malloc(sizeof(struct stream_message) + PIECE);
    messages->poll = calloc(1, messages->most);
    if (!messages->memory || !messages->message || !messages->poll)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    *memory = messages->memory + (-(uintptr_t)messages->memory & 63);
    stream->fence = &messages->fence;
    return VK_SUCCESS;
}

void umd_stream_messages_destroy(struct umd_stream *stream)
{
    struct umd_stream_messages *messages = stream->messages;
    if (!messages)
        return;
    free(messages->memory);
    free(messages->message);
    free(messages->poll);
    free(messages);
    stream->messages = NULL;
}

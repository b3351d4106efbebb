/* SPDX-License-Identifier: MIT */
#include "host/worker/stream.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void futex_wake_all(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* [offset, offset + size) lies in [least, limit) and begins at a multiple of 64. */
static bool range_fits(uint64_t offset, uint64_t size, uint64_t least, uint64_t limit)
{
    return offset % 64 == 0 && offset >= least && offset <= limit && size <= limit - offset;
}

int stream_io_init(struct stream_io *io, const struct stream_open *open, void *memory,
                   uint64_t size, struct wire_fence_cell *fence, struct error *err)
{
    uint64_t slots_size = (uint64_t)open->slot_size * open->slot_count;
    uint64_t ring_end = (uint64_t)open->ring_offset + open->ring_size;
    if (!ring_size_valid(open->ring_size) ||
        !range_fits(open->ring_offset, open->ring_size, sizeof(struct stream_shared), size))
        return error_set(err, -EPROTO, "a ring of %u bytes at %u does not lie in %llu bytes",
                         open->ring_size, open->ring_offset, (unsigned long long)size);
    if (open->slot_size < 64 || open->slot_size % 64 || open->slot_count == 0 ||
        open->slot_count > STREAM_MAX_REPLY_SLOTS ||
        !range_fits(open->slots_offset, slots_size, sizeof(struct stream_shared), size) ||
        (open->slots_offset < ring_end && open->slots_offset + slots_size > open->ring_offset))
        return error_set(err, -EPROTO, "%u reply slots of %u bytes at %u do not fit",
                         open->slot_count, open->slot_size, open->slots_offset);
    *io = (struct stream_io){.shared = memory,
                             .fence = fence,
                             .slots = (uint8_t *)memory + open->slots_offset,
                             .slot_size = open->slot_size,
                             .slot_count = open->slot_count};
    ring_consumer_init(&io->ring, memory, (uint8_t *)memory + open->ring_offset, open->ring_size);
    return 0;
}

void stream_io_finish(struct stream_io *io)
{
    for (uint32_t i = 0; i < STREAM_MAX_REPLY_SLOTS; i++) {
        free(io->kept[i].data);
        io->kept[i] = (struct kept_reply){0};
    }
}

/* --- Telling the guest --- */

void stream_io_notify(struct stream_io *io)
{
    __atomic_fetch_add(&io->fence->value, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&io->fence->waiters, __ATOMIC_SEQ_CST) != 0)
        futex_wake_all((uint32_t *)(void *)&io->fence->value);
}

void stream_io_complete(struct stream_io *io, uint32_t queue, uint64_t count)
{
    __atomic_store_n(&io->shared->completed[queue], count, __ATOMIC_RELEASE);
    stream_io_notify(io);
}

bool stream_io_more(struct stream_io *io)
{
    return ring_consumer_ready(&io->ring);
}

void stream_io_executed(struct stream_io *io, uint32_t position)
{
    __atomic_store_n(&io->shared->executed, position, __ATOMIC_RELEASE);
}

enum stream_lost stream_io_lost(const struct stream_io *io)
{
    return (enum stream_lost)atomic_load_explicit(&io->lost, memory_order_acquire);
}

/* The guest could write over the word that it reads, but not over this one. */
void stream_io_lose(struct stream_io *io, enum stream_lost reason)
{
    uint32_t alive = STREAM_ALIVE;
    if (!atomic_compare_exchange_strong(&io->lost, &alive, (uint32_t)reason))
        return;
    __atomic_store_n(&io->shared->lost, (uint32_t)reason, __ATOMIC_SEQ_CST);
    stream_io_notify(io);
}

/* --- Replies --- */

static void write_part(struct stream_io *io, uint32_t word, const struct kept_reply *whole,
                       uint32_t offset)
{
    uint32_t room = io->slot_size - (uint32_t)sizeof(struct stream_reply);
    size_t length = whole->size - offset < room ? whole->size - offset : room;
    uint8_t *slot = io->slots + (size_t)STREAM_REPLY_SLOT(word) * io->slot_size;
    struct stream_reply *reply = (struct stream_reply *)(void *)slot;
    reply->result = whole->result;
    reply->total = (uint32_t)whole->size;
    reply->offset = offset;
    if (length != 0)
        memcpy(reply + 1, (const uint8_t *)whole->data + offset, length);
    __atomic_store_n(&reply->state, word, __ATOMIC_RELEASE);
    stream_io_notify(io);
}

static bool word_valid(const struct stream_io *io, uint32_t word)
{
    return STREAM_REPLY_SLOT(word) < io->slot_count && word >> 8 != 0;
}

int stream_io_reply(struct stream_io *io, uint32_t word, int32_t result, const void *data,
                    size_t size)
{
    if (!word_valid(io, word) || size > UINT32_MAX)
        return -EPROTO;
    struct kept_reply *kept = &io->kept[STREAM_REPLY_SLOT(word)];
    free(kept->data);
    *kept = (struct kept_reply){0};
    struct kept_reply whole = {.data = (void *)(uintptr_t)data, .size = size, .result = result};
    if (size > io->slot_size - sizeof(struct stream_reply)) {
        void *copy = malloc(size);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, data, size);
        whole.data = copy;
        *kept = whole;
    }
    write_part(io, word, &whole, 0);
    return 0;
}

int stream_io_fetch(struct stream_io *io, uint32_t word, uint32_t offset)
{
    if (!word_valid(io, word))
        return -EPROTO;
    const struct kept_reply *kept = &io->kept[STREAM_REPLY_SLOT(word)];
    if (!kept->data || offset > kept->size)
        return -EPROTO;
    write_part(io, word, kept, offset);
    return 0;
}

/* --- Sleeping for want of work --- */

void stream_io_wake_worker(struct stream_io *io)
{
    __atomic_fetch_add(&io->shared->doorbell, 1, __ATOMIC_SEQ_CST);
    futex_wake_all(&io->shared->doorbell);
}

void stream_io_sleep(struct stream_io *io, const atomic_bool *stop)
{
    uint32_t seen;
    bool empty = ring_consumer_sleep(&io->ring, &seen);
    /* Who stops or loses the stream changes the doorbell after it has set `stop` or `lost`. */
    if (empty && !atomic_load(stop) && stream_io_lost(io) == STREAM_ALIVE)
        syscall(SYS_futex, &io->shared->doorbell, FUTEX_WAIT, seen, NULL, NULL, 0);
    ring_consumer_woken(&io->ring);
}

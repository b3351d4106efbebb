/* SPDX-License-Identifier: MIT */
#include "host/worker/stream_message.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host/worker/stream.h"
#include "util/log.h"

#define MAX_MEMORY (2u * 1024u * 1024u)
#define MAX_ANSWER (128u * 1024u)

/* A poll that waits. */
struct waiting_poll {
    struct stream *stream;
    uint32_t sequence, size, seen, wait_us;
};

struct stream_messages {
    struct wire_fence_cell fence;
    void *memory;
    uint32_t received; /* position in the ring behind all that came; the main thread's */

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    bool waits, stop;
    struct waiting_poll poll;              /* when `waits` */
    uint32_t told[STREAM_MAX_REPLY_SLOTS]; /* the word of the reply that the guest was told last */
    _Alignas(8) uint8_t answer[MAX_ANSWER];
    bool has_thread;
    pthread_t thread;
};

/* --- Messages --- */

static void refuse(struct stream *stream, const char *what)
{
    log_error("worker", "%s: the stream 0x%08x sent %s", stream->worker->process, stream->queue,
              what);
    stream_io_lose(&stream->io, STREAM_LOST_PROTOCOL);
    stream_io_wake_worker(&stream->io);
}

void stream_messages_take(struct stream *stream, const void *data, size_t size)
{
    struct stream_messages *messages = stream->messages;
    const struct stream_io *io = &stream->io;
    struct stream_shared *shared = io->shared;
    struct stream_message message;
    if (!stream_is_message(data, (uint32_t)size) || stream_io_lost(io) != STREAM_ALIVE)
        return;
    memcpy(&message, data, sizeof(message));
    uint32_t head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
    uint32_t place = message.position & (io->ring.size - 1);
    if (message.size != size - sizeof(message) || message.size == 0 || message.size % 8 ||
        message.position != messages->received || message.size > io->ring.size - place ||
        message.position - head > io->ring.size ||
        message.size > io->ring.size - (message.position - head)) {
        refuse(stream, "a message that does not fit into its ring");
        return;
    }
    uint32_t end = message.position + message.size;
    if (message.tail - shared->tail > end - shared->tail) {
        refuse(stream, "a message that shows what has not come");
        return;
    }
    /* The ring's consumer has left this part. */
    memcpy((uint8_t *)(uintptr_t)io->ring.bytes + place, (const uint8_t *)data + sizeof(message),
           message.size);
    messages->received = end;
    __atomic_store_n(&shared->tail, message.tail, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&shared->sleeping, 0, __ATOMIC_SEQ_CST))
        stream_io_wake_worker(&stream->io);
}

/* --- Answers --- */

struct answer {
    uint8_t *data;
    uint32_t size, used;
};

static void *put(struct answer *answer, uint32_t size)
{
    if (answer->size - answer->used < size)
        return NULL;
    void *at = answer->data + answer->used;
    answer->used += size;
    return at;
}

/* The slot's reply, if it is one that the guest was not told. False: there is no room, and
 * poll->room says how much there must be. */
static bool put_reply(const struct stream_io *io, uint32_t slot, uint32_t *told,
                      struct stream_poll *poll, struct answer *answer)
{
    const uint8_t *from = io->slots + (size_t)slot * io->slot_size;
    const struct stream_reply *reply = (const void *)from;
    uint32_t word = __atomic_load_n(&reply->state, __ATOMIC_ACQUIRE);
    if (word == *told)
        return true;
    uint32_t room = io->slot_size - (uint32_t)sizeof(*reply);
    uint32_t left = reply->total - reply->offset;
    uint32_t size = (uint32_t)sizeof(*reply) + (left < room ? left : room);
    uint32_t padded = (size + 7) & ~7u;
    struct stream_poll_reply *head = put(answer, (uint32_t)sizeof(*head) + padded);
    if (!head) {
        /* As the next answer's first. */
        poll->room = (uint32_t)(sizeof(*poll) + 8u * poll->queues + sizeof(*head)) + padded;
        return false;
    }
    *head = (struct stream_poll_reply){.slot = slot, .size = size};
    memset((uint8_t *)(head + 1) + size, 0, padded - size);
    memcpy(head + 1, from, size);
    *told = word;
    poll->replies++;
    return true;
}

static void put_completed(const struct stream_shared *shared, struct stream_poll *poll,
                          struct answer *answer)
{
    uint64_t completed[STREAM_MAX_QUEUES];
    for (uint32_t i = 0; i < STREAM_MAX_QUEUES; i++) {
        completed[i] = __atomic_load_n(&shared->completed[i], __ATOMIC_ACQUIRE);
        if (completed[i])
            poll->queues = i + 1;
    }
    void *at = put(answer, poll->queues * 8);
    if (at)
        memcpy(at, completed, poll->queues * 8);
    else
        poll->queues = 0; /* told when there is room; the guest's own driver gives it */
}

static uint32_t state_now(const struct stream_io *io)
{
    return (uint32_t)__atomic_load_n(&io->fence->value, __ATOMIC_SEQ_CST);
}

static void answer_locked(struct stream_messages *messages, const struct waiting_poll *asked)
{
    const struct stream_io *io = &asked->stream->io;
    const struct stream_shared *shared = io->shared;
    struct answer answer = {messages->answer, asked->size, sizeof(struct stream_poll)};
    struct stream_poll poll = {.magic = STREAM_POLL_MAGIC, .seen = state_now(io)};
    poll.lost = (uint32_t)stream_io_lost(io);
    poll.executed = __atomic_load_n(&shared->executed, __ATOMIC_ACQUIRE);
    poll.head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
    put_completed(shared, &poll, &answer);
    for (uint32_t slot = 0; slot < io->slot_count; slot++) {
        if (!put_reply(io, slot, &messages->told[slot], &poll, &answer))
            break;
    }
    memcpy(messages->answer, &poll, sizeof(poll));
    memset(messages->answer + answer.used, 0, asked->size - answer.used);
    struct link_reply reply = {.status = STATUS_SUCCESS};
    (void)worker_send(asked->stream->worker, LINK_REPLY, asked->sequence, &reply, sizeof(reply),
                      messages->answer, asked->size);
}

/* --- Polls that wait --- */

/* Until there is something new, or the time is over. */
static void sleep_while_unchanged(struct stream_messages *messages,
                                  const struct waiting_poll *asked)
{
    uint32_t *word = (uint32_t *)(void *)&messages->fence.value;
    struct timespec time = {.tv_nsec = (long)asked->wait_us * 1000};
    __atomic_fetch_add(&messages->fence.waiters, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, word, FUTEX_WAIT, asked->seen, &time, NULL, 0);
    __atomic_fetch_sub(&messages->fence.waiters, 1, __ATOMIC_SEQ_CST);
}

static void *answer_polls(void *data)
{
    struct stream_messages *messages = data;
    pthread_mutex_lock(&messages->lock);
    for (;;) {
        while (!messages->waits && !messages->stop)
            pthread_cond_wait(&messages->changed, &messages->lock);
        if (!messages->waits)
            break;
        struct waiting_poll asked = messages->poll;
        if (!messages->stop) {
            pthread_mutex_unlock(&messages->lock);
            sleep_while_unchanged(messages, &asked);
            pthread_mutex_lock(&messages->lock);
        }
        answer_locked(messages, &asked);
        messages->waits = false;
    }
    pthread_mutex_unlock(&messages->lock);
    return NULL;
}

/* True: it will be answered. */
static bool leave_to_thread_locked(struct stream_messages *messages,
                                   const struct waiting_poll *asked)
{
    if (messages->waits)
        return false; /* the guest's driver has one under way at a time */
    if (!messages->has_thread) {
        if (pthread_create(&messages->thread, NULL, answer_polls, messages))
            return false;
        messages->has_thread = true;
    }
    messages->poll = *asked;
    messages->waits = true;
    pthread_cond_signal(&messages->changed);
    return true;
}

void stream_messages_poll(struct stream *stream, uint32_t sequence, const void *data, size_t size)
{
    struct stream_messages *messages = stream->messages;
    struct stream_poll poll;
    if (!messages || size > MAX_ANSWER || !stream_is_poll(data, (uint32_t)size)) {
        struct link_reply reply = {.status = STATUS_INVALID_PARAMETER};
        (void)worker_send(stream->worker, LINK_REPLY, sequence, &reply, sizeof(reply), NULL, 0);
        return;
    }
    memcpy(&poll, data, sizeof(poll));
    struct waiting_poll asked = {
        .stream = stream,
        .sequence = sequence,
        .size = (uint32_t)size,
        .seen = poll.seen,
        .wait_us = poll.wait_us < STREAM_MAX_POLL_WAIT_US ? poll.wait_us : STREAM_MAX_POLL_WAIT_US};
    pthread_mutex_lock(&messages->lock);
    if (asked.wait_us == 0 || asked.seen != state_now(&stream->io) ||
        !leave_to_thread_locked(messages, &asked))
        answer_locked(messages, &asked);
    pthread_mutex_unlock(&messages->lock);
}

/* --- Life --- */

struct stream_messages *stream_messages_create(const struct stream_open *open, void **memory,
                                               uint64_t *size, struct wire_fence_cell **fence)
{
    uint64_t ring_end = (uint64_t)open->ring_offset + open->ring_size;
    uint64_t slots_end = open->slots_offset + (uint64_t)open->slot_size * open->slot_count;
    *size = ring_end > slots_end ? ring_end : slots_end;
    if (*size < sizeof(struct stream_shared) || *size > MAX_MEMORY)
        return NULL;
    *size = (*size + 4095) & ~UINT64_C(4095);
    struct stream_messages *messages = calloc(1, sizeof(*messages));
    if (!messages)
        return NULL;
    messages->memory = aligned_alloc(4096, (size_t)*size);
    if (!messages->memory) {
        free(messages);
        return NULL;
    }
    memset(messages->memory, 0, (size_t)*size);
    pthread_mutex_init(&messages->lock, NULL);
    pthread_cond_init(&messages->changed, NULL);
    *memory = messages->memory;
    *fence = &messages->fence;
    return messages;
}

void stream_messages_destroy(struct stream_messages *messages)
{
    if (!messages)
        return;
    pthread_mutex_lock(&messages->lock);
    messages->stop = true;
    pthread_cond_signal(&messages->changed);
    pthread_mutex_unlock(&messages->lock);
    if (messages->has_thread)
        pthread_join(messages->thread, NULL);
    pthread_cond_destroy(&messages->changed);
    pthread_mutex_destroy(&messages->lock);
    free(messages->memory);
    free(messages);
}

/* SPDX-License-Identifier: MIT */
#include "tests/worker/pair.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpupv/kmt.h"
#include "tests/worker/fake_thunks.h"
#include "umd/umd.h"
#include "vkwire.h"

static struct pair *pair; /* the thunks have no argument for it */

static void *must(void *memory)
{
    if (!memory || memory == MAP_FAILED)
        abort();
    return memory;
}

/* --- What the UMD's end and the worker call --- */

void umd_log(enum gpupv_umd_log_level level, const char *format, ...)
{
    (void)level;
    va_list args;
    va_start(args, format);
    vsnprintf(pair->logged, sizeof(pair->logged), format, args);
    va_end(args);
}

/* The answers to escapes, each in the place of its sequence. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t come;
    uint32_t next;
    struct {
        uint32_t sequence;
        bool done;
        NTSTATUS status;
        void *data;
        uint32_t size;
    } waiting[32];
} escapes = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};

static void take_answer(uint32_t sequence, const struct link_reply *reply, size_t fixed_size,
                        const void *data, size_t size)
{
    pthread_mutex_lock(&escapes.lock);
    uint32_t at = sequence % 32;
    if (escapes.waiting[at].sequence != sequence || fixed_size != sizeof(*reply) ||
        (NT_SUCCESS(reply->status) && size != escapes.waiting[at].size))
        abort();
    escapes.waiting[at].status = reply->status;
    if (NT_SUCCESS(reply->status))
        memcpy(escapes.waiting[at].data, data, size);
    escapes.waiting[at].done = true;
    pthread_cond_broadcast(&escapes.come);
    pthread_mutex_unlock(&escapes.lock);
}

int worker_send(struct worker *worker, uint32_t message, uint32_t sequence, const void *fixed,
                size_t fixed_size, const void *data, size_t size)
{
    (void)worker;
    if (message == LINK_STREAM_LOST)
        pair->losses++;
    if (message == LINK_REPLY)
        take_answer(sequence, fixed, fixed_size, data, size);
    return 0;
}

int worker_send_file(struct worker *worker, uint32_t message, const void *fixed, size_t fixed_size,
                     int descriptor)
{
    (void)worker, (void)message, (void)fixed, (void)fixed_size, (void)descriptor;
    return -ENOTCONN; /* nobody maps it */
}

/* --- Thunks --- */

static NTSTATUS create_allocation(D3DKMT_CREATEALLOCATION *args)
{
    const struct gpupv_allocation_private *private = args->pAllocationInfo2[0].pPrivateDriverData;
    uint64_t size = (private->size + 4095) / 4096 * 4096;
    if (pair->messages)
        return STATUS_NOT_SUPPORTED;
    if (pair->taken + size > PAIR_APERTURE || pair->allocations + 1 >= PAIR_ENTRIES)
        return STATUS_NO_MEMORY;
    uint32_t handle = 0x50000u | ++pair->allocations;
    pair->worker.table[pair->allocations] =
        (struct link_allocation){.handle = handle, .offset = pair->taken, .size = size};
    pair->taken += size;
    args->pAllocationInfo2[0].hAllocation = handle;
    return STATUS_SUCCESS;
}

static NTSTATUS destroy_allocation(CONST D3DKMT_DESTROYALLOCATION2 *args)
{
    __atomic_store_n(&pair->worker.table[args->phAllocationList[0] & 0xffff].handle, 0,
                     __ATOMIC_SEQ_CST);
    return STATUS_SUCCESS;
}

static NTSTATUS lock(D3DKMT_LOCK2 *args)
{
    args->pData = pair->aperture + pair->worker.table[args->hAllocation & 0xffff].offset;
    return STATUS_SUCCESS;
}

static struct stream *stream_of(D3DKMT_HANDLE queue)
{
    return pair->streams[queue - 0x70001u];
}

static NTSTATUS submit(CONST D3DKMT_SUBMITCOMMANDTOHWQUEUE *args)
{
    __atomic_fetch_add(&pair->messages_sent, 1, __ATOMIC_RELAXED);
    stream_messages_take(stream_of(args->hHwQueue), args->pPrivateDriverData,
                         args->PrivateDriverDataSize);
    return STATUS_SUCCESS;
}

/* The context is the queue's number. */
static NTSTATUS escape(CONST D3DKMT_ESCAPE *args)
{
    if (pair->refuse_escapes)
        return pair->refuse_escapes;
    pthread_mutex_lock(&escapes.lock);
    uint32_t sequence = __atomic_add_fetch(&escapes.next, 1, __ATOMIC_RELAXED);
    uint32_t at = sequence % 32;
    escapes.waiting[at].sequence = sequence;
    escapes.waiting[at].done = false;
    escapes.waiting[at].data = args->pPrivateDriverData;
    escapes.waiting[at].size = args->PrivateDriverDataSize;
    pthread_mutex_unlock(&escapes.lock);
    void *question = must(malloc(args->PrivateDriverDataSize));
    memcpy(question, args->pPrivateDriverData, args->PrivateDriverDataSize);
    stream_messages_poll(pair->streams[args->hContext - 1], sequence, question,
                         args->PrivateDriverDataSize);
    free(question);
    pthread_mutex_lock(&escapes.lock);
    while (!escapes.waiting[at].done)
        pthread_cond_wait(&escapes.come, &escapes.lock);
    NTSTATUS status = escapes.waiting[at].status;
    pthread_mutex_unlock(&escapes.lock);
    if (pair->spoil)
        pair->spoil(args->pPrivateDriverData);
    return status;
}

uint32_t pair_escapes(void)
{
    return __atomic_load_n(&escapes.next, __ATOMIC_RELAXED);
}

static NTSTATUS create_context(D3DKMT_CREATECONTEXTVIRTUAL *args)
{
    args->hContext = pair->stream_count + 1; /* the next queue is its own */
    return STATUS_SUCCESS;
}

static NTSTATUS create_queue(D3DKMT_CREATEHWQUEUE *args)
{
    if (pair->refuse)
        return pair->refuse;
    if (pair->stream_count == PAIR_STREAMS)
        return STATUS_NO_MEMORY;
    struct link_open_stream open = {.queue = 0x70001u + pair->stream_count,
                                    .fence_offset = pair->taken,
                                    .size = args->PrivateDriverDataSize};
    struct wire_fence_cell *fence = (void *)(pair->aperture + pair->taken);
    pair->taken += 4096;
    pair->worker.aperture = pair->messages ? NULL : pair->aperture;
    NTSTATUS status = stream_create(&pair->worker, &open, args->pPrivateDriverData,
                                    &pair->streams[pair->stream_count]);
    if (status != STATUS_SUCCESS)
        return status;
    pair->fences[pair->stream_count++] = fence;
    args->hHwQueue = open.queue;
    args->HwQueueProgressFenceCPUVirtualAddress = pair->messages ? NULL : fence;
    return STATUS_SUCCESS;
}

static NTSTATUS destroy_queue(CONST D3DKMT_DESTROYHWQUEUE *args)
{
    stream_stop(stream_of(args->hHwQueue));
    return STATUS_SUCCESS;
}

void pair_init(struct pair *made)
{
    *made = (struct pair){0};
    pair = made;
    made->aperture =
        must(mmap(NULL, PAIR_APERTURE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    made->worker.aperture = made->aperture;
    made->worker.aperture_size = PAIR_APERTURE;
    made->worker.table = must(calloc(PAIR_ENTRIES, sizeof(struct link_allocation)));
    made->worker.table_entries = PAIR_ENTRIES;
    made->worker.adapters = &made->host_adapter;
    made->worker.adapter_count = 1;
    made->worker.link = -1;
    made->worker.stream_ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snprintf(made->worker.process, sizeof(made->worker.process), "test (1)");
    made->host_adapter.node_count = 1;
    fake_thunks_fill(&made->callbacks);
    made->callbacks.CreateAllocation2 = create_allocation;
    made->callbacks.DestroyAllocation2 = destroy_allocation;
    made->callbacks.Lock2 = lock;
    made->callbacks.CreateContextVirtual = create_context;
    made->callbacks.CreateHwQueue = create_queue;
    made->callbacks.SubmitCommandToHwQueue = submit;
    made->callbacks.Escape = escape;
    made->callbacks.DestroyHwQueue = destroy_queue;
    made->adapter = (struct gpupv_umd_adapter){.interface_version = GPUPV_UMD_INTERFACE_VERSION,
                                               .handle = 1,
                                               .physical_adapters = 1,
                                               .node_mask = 1,
                                               .callbacks = &made->callbacks};
    pair_notes.notes = must(malloc(PAIR_MAX_NOTES * sizeof(uint64_t)));
    pair_notes.targets = must(malloc(PAIR_MAX_NOTES * sizeof(uint64_t)));
    pair_notes.count = 0;
    pair_notes.bad_bytes = 0;
}

void pair_finish(struct pair *made)
{
    for (uint32_t i = 0; i < made->stream_count; i++) {
        stream_stop(made->streams[i]);
        stream_destroy(made->streams[i]);
    }
    for (uint32_t i = 0; i < PAIR_ENTRIES; i++) {
        if (made->worker.table[i].used != 0)
            abort(); /* taken and not given back */
    }
    close(made->worker.stream_ended);
    free(made->worker.table);
    munmap(made->aperture, PAIR_APERTURE);
    free(pair_notes.notes);
    free(pair_notes.targets);
}

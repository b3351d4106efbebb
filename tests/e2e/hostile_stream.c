/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

D3DKMT_HANDLE adapter;

_Noreturn void die(const char *what, NTSTATUS status)
{
    fprintf(stderr, "hostile: %s: status 0x%08x\n", what, (unsigned)status);
    exit(2);
}

void check(const char *what, NTSTATUS status)
{
    if (!NT_SUCCESS(status))
        die(what, status);
}

/* --- A stream --- */

D3DKMT_HANDLE allocate(struct stream *s, uint64_t size)
{
    struct gpupv_allocation_private private = {
        .magic = GPUPV_ALLOCATION_MAGIC, .flags = GPUPV_ALLOCATION_CPU_VISIBLE, .size = size};
    D3DDDI_ALLOCATIONINFO2 info = {.pPrivateDriverData = &private,
                                   .PrivateDriverDataSize = sizeof(private)};
    D3DKMT_CREATEALLOCATION create = {
        .hDevice = s->device, .NumAllocations = 1, .pAllocationInfo2 = &info};
    check("an allocation", D3DKMTCreateAllocation2(&create));
    return info.hAllocation;
}

struct stream_open description(const struct stream *s)
{
    return (struct stream_open){.magic = STREAM_MAGIC,
                                .allocation = s->allocation,
                                .build = STREAM_BUILD,
                                .ring_offset = PAGE,
                                .ring_size = RING,
                                .slots_offset = PAGE + RING,
                                .slot_size = SLOT,
                                .slot_count = SLOTS};
}

NTSTATUS open_queue(struct stream *s, struct stream_open open)
{
    D3DKMT_CREATEHWQUEUE create = {.hHwContext = s->context,
                                   .pPrivateDriverData = &open,
                                   .PrivateDriverDataSize = sizeof(open)};
    NTSTATUS status = D3DKMTCreateHwQueue(&create);
    s->queue = create.hHwQueue;
    return status;
}

void open_memory(struct stream *s)
{
    *s = (struct stream){0};
    D3DKMT_CREATEDEVICE device = {.hAdapter = adapter};
    check("a device", D3DKMTCreateDevice(&device));
    s->device = device.hDevice;
    D3DKMT_CREATECONTEXTVIRTUAL context = {
        .hDevice = s->device, .EngineAffinity = 1, .ClientHint = D3DKMT_CLIENTHINT_VULKAN};
    check("a context", D3DKMTCreateContextVirtual(&context));
    s->context = context.hContext;
    s->allocation = allocate(s, SIZE);
    D3DKMT_LOCK2 lock = {.hDevice = s->device, .hAllocation = s->allocation};
    check("mapping", D3DKMTLock2(&lock));
    s->shared = lock.pData;
    s->slots = (uint8_t *)lock.pData + PAGE + RING;
    ring_producer_init(&s->ring, s->shared, (uint8_t *)lock.pData + PAGE, RING);
    wire_encoder_init(&s->encoder);
}

void open_stream(struct stream *s)
{
    open_memory(s);
    check("a queue", open_queue(s, description(s)));
}

void close_stream(struct stream *s)
{
    wire_encoder_finish(&s->encoder);
    if (s->queue)
        (void)D3DKMTDestroyHwQueue(&(D3DKMT_DESTROYHWQUEUE){s->queue});
    (void)D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE){s->device});
}

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

enum stream_lost lost(const struct stream *s)
{
    return (enum stream_lost)__atomic_load_n(&s->shared->lost, __ATOMIC_ACQUIRE);
}

/* --- Sending --- */

void *put(struct stream *s, const void *data, size_t size)
{
    size_t whole = (size + 7) & ~(size_t)7;
    uint8_t *at = wire_put(&s->encoder, whole);
    if (!at)
        die("memory", STATUS_NO_MEMORY);
    memset(at, 0, whole);
    memcpy(at, data, size);
    return at;
}

void ring_bell(struct stream *s)
{
    ring_producer_publish(&s->ring);
    if (ring_producer_ring(&s->ring))
        gpupv_kmt_wake(&s->shared->doorbell);
}

bool send_as(struct stream *s, const struct stream_batch *batch, const void *payload, uint32_t size)
{
    while (ring_producer_fits(&s->ring, size) == 0) {
        if (lost(s) != STREAM_ALIVE)
            return false;
        ring_bell(s);
        nap();
    }
    ring_producer_begin(&s->ring, batch);
    ring_producer_put(&s->ring, payload, size);
    ring_bell(s);
    return true;
}

void send_batch(struct stream *s, enum stream_batch_kind kind, uint64_t target)
{
    const struct stream_batch batch = {(uint32_t)s->encoder.used, (uint16_t)kind, 0, target};
    send_as(s, &batch, s->encoder.data, batch.size);
    wire_encoder_reset(&s->encoder);
}

void send_commands(struct stream *s)
{
    send_batch(s, STREAM_BATCH_COMMANDS, 0);
}

void send_words(struct stream *s, uint16_t opcode, uint16_t words)
{
    PUT(s, (struct stream_command){opcode, words});
    send_commands(s);
}

void end_command(struct stream *s, size_t at)
{
    wire_end_command(&s->encoder, at);
}

uint32_t new_word(struct stream *s)
{
    return STREAM_REPLY(0, ++s->ticket);
}

void send_barrier(struct stream *s, uint32_t word)
{
    PUT(s, (struct stream_ask){.head = {STREAM_BARRIER, 1}, .reply = word});
    send_commands(s);
}

bool await_reply(struct stream *s, uint32_t word, int32_t *result)
{
    const struct stream_reply *reply = (const void *)s->slots;
    for (uint64_t start = now_ms(); now_ms() - start < PATIENCE_MS; nap()) {
        if (__atomic_load_n(&reply->state, __ATOMIC_ACQUIRE) == word) {
            *result = reply->result;
            return true;
        }
        if (lost(s) != STREAM_ALIVE)
            return false;
    }
    return false;
}

bool answers(struct stream *s)
{
    struct stream_ask ask = {.head = {STREAM_BARRIER, 1}, .reply = new_word(s)};
    int32_t result;
    PUT(s, ask);
    send_commands(s);
    return await_reply(s, ask.reply, &result) && lost(s) == STREAM_ALIVE;
}

void must_answer(struct stream *s, const char *what)
{
    if (!answers(s))
        die(what, (NTSTATUS)lost(s));
}

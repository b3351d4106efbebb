/* SPDX-License-Identifier: MIT */
#include "host/worker/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "host/worker/exec_device.h"
#include "util/log.h"
#include "vkwire.h"

#define ARENA_LIMIT (512u * 1024u * 1024u)
/* What was submitted is watched at least so long before that is left to a thread which must be
 * woken. */
#define PENDING_NS 100000u
/* While batches follow each other, the guest hears of what has finished so often. */
#define PROGRESS_NS 20000u
/* And then the device is asked so often to tell of what nobody is known to wait for. */
#define SIGNAL_NS 200000u

/* --- Batches --- */

static int violation(struct stream *stream, const char *what)
{
    exec_fail(&stream->exec, STREAM_LOST_PROTOCOL, "%s", what);
    return -EPROTO;
}

/* The command buffer that recorded commands go to. */
static int set_target(struct stream *stream, uint64_t id)
{
    struct exec *x = &stream->exec;
    const struct exec_object *object = exec_object_get(x, id, VKWIRE_OBJECT_COMMAND_BUFFER);
    if (!object)
        return -EPROTO;
    x->command_buffer = (VkCommandBuffer)(uintptr_t)object->handle[0];
    return x->command_buffer ? 0
                             : violation(stream, "a command buffer that the driver did not give");
}

/* `size` is a multiple of 8. */
static int run_commands(struct stream *stream, uint8_t *data, size_t size)
{
    struct exec *x = &stream->exec;
    for (size_t at = 0; at < size;) {
        size_t length =
            (size_t)((const struct stream_command *)(const void *)(data + at))->words * 8;
        if (length == 0 || length > size - at)
            return violation(stream, "a command that is longer than its batch");
        exec_command(x, data + at, length);
        if (exec_lost(x) != STREAM_ALIVE)
            return -EPROTO;
        at += length;
    }
    return 0;
}

static int run_recording(struct stream *stream, uint64_t target, size_t size)
{
    int code = set_target(stream, target);
    if (code == 0)
        code = run_commands(stream, stream->batch, size);
    stream->exec.command_buffer = VK_NULL_HANDLE;
    return code;
}

/* --- Commands in parts --- */

static void drop_parts(struct stream *stream)
{
    free(stream->parts.data);
    stream->parts = (struct stream_parts){0};
}

static int begin_parts(struct stream *stream, uint64_t size, uint64_t command_buffer)
{
    if (size < sizeof(struct stream_command) || size % 8 || size > STREAM_MAX_COMMAND)
        return violation(stream, "the size of a command in parts");
    uint8_t *data = malloc(size);
    if (!data) {
        exec_fail(&stream->exec, STREAM_LOST_MEMORY, "no memory for a command of %llu bytes",
                  (unsigned long long)size);
        return -ENOMEM;
    }
    stream->parts =
        (struct stream_parts){.data = data, .size = size, .command_buffer = command_buffer};
    return 0;
}

static int run_parts(struct stream *stream)
{
    struct stream_parts *parts = &stream->parts;
    struct exec *x = &stream->exec;
    size_t own = (size_t)((const struct stream_command *)(const void *)parts->data)->words * 8;
    if (own != 0 && own != parts->size)
        return violation(stream, "a command in parts that tells another size");
    int code = parts->command_buffer ? set_target(stream, parts->command_buffer) : 0;
    if (code == 0)
        exec_command(x, parts->data, parts->size);
    x->command_buffer = VK_NULL_HANDLE;
    drop_parts(stream);
    return code == 0 && exec_lost(x) != STREAM_ALIVE ? -EPROTO : code;
}

static int take_part(struct stream *stream, const struct stream_batch *batch)
{
    struct stream_parts *parts = &stream->parts;
    struct stream_part head;
    if (batch->size <= sizeof(head))
        return violation(stream, "an empty part of a command");
    memcpy(&head, stream->batch, sizeof(head));
    if (!parts->data) {
        int code = begin_parts(stream, batch->target, head.command_buffer);
        if (code)
            return code;
    } else if (batch->target != 0 || head.command_buffer != parts->command_buffer) {
        return violation(stream, "a part of another command");
    }
    size_t length = batch->size - sizeof(head);
    if (length > parts->size - parts->used)
        return violation(stream, "parts that are more than the command");
    memcpy(parts->data + parts->used, stream->batch + sizeof(head), length);
    parts->used += length;
    return parts->used == parts->size ? run_parts(stream) : 0;
}

/* --- The loop --- */

static int run_batch(struct stream *stream, const struct stream_batch *batch)
{
    if (stream->parts.data && batch->kind != STREAM_BATCH_PART)
        return violation(stream, "a batch among the parts of a command");
    switch (batch->kind) {
    case STREAM_BATCH_COMMANDS:
        return run_commands(stream, stream->batch, batch->size);
    case STREAM_BATCH_RECORDING:
        return run_recording(stream, batch->target, batch->size);
    default: /* the ring has checked it */
        return take_part(stream, batch);
    }
}

int stream_run_batch(struct stream *stream)
{
    struct stream_io *io = &stream->io;
    struct stream_batch batch;
    uint32_t was_used;
    int code = ring_consumer_take(&io->ring, &batch, stream->batch, &was_used);
    if (code < 0)
        return violation(stream, "indices of the ring, or a batch's header, that cannot be");
    if (code == 0)
        return 0;
    if (was_used > io->ring.size / 2)
        stream_io_notify(io);
    code = run_batch(stream, &batch);
    if (code)
        return code;
    stream_io_executed(io, io->ring.head);
    return 1;
}

static bool goes_on(struct stream *stream)
{
    return !atomic_load_explicit(&stream->stop, memory_order_relaxed) &&
           exec_lost(&stream->exec) == STREAM_ALIVE;
}

/* Spins while the guest is likely to send more soon, and watches what it has submitted; then
 * sleeps. */
static void wait_for_batch(struct stream *stream)
{
    struct stream_io *io = &stream->io;
    uint64_t start = spin_now(), budget = spin_budget(&stream->idle_time);
    bool pending, freed;
    exec_signal_queues(&stream->exec);
    do {
        for (uint32_t look = 0; look < SPIN_LOOKS; look++) {
            if (ring_consumer_ready(&io->ring))
                goto ready;
            spin_pause();
        }
        pending = exec_sync_poll(&stream->exec);
        freed = exec_free_command_buffer(&stream->exec);
        /* The driver's own threads may need this processor to finish. */
        if (pending && !freed)
            sched_yield();
    } while ((spin_step(start) < (pending && budget < PENDING_NS ? PENDING_NS : budget) || freed) &&
             goes_on(stream));
    exec_sync_sleep(&stream->exec);
    stream_io_sleep(io, &stream->stop);
ready:
    spin_learn(&stream->idle_time, spin_now() - start);
}

static void look_at_progress(struct stream *stream)
{
    uint64_t now = spin_now();
    if (now - stream->looked_ns < PROGRESS_NS)
        return;
    stream->looked_ns = now;
    if (now - stream->signalled_ns >= SIGNAL_NS) {
        stream->signalled_ns = now;
        exec_signal_queues(&stream->exec);
    }
    (void)exec_sync_poll(&stream->exec);
}

void stream_loop(struct stream *stream)
{
    while (goes_on(stream)) {
        int code = stream_run_batch(stream);
        if (code < 0)
            break;
        if (code == 0)
            wait_for_batch(stream);
        else
            look_at_progress(stream);
        if (stream_io_lost(&stream->io) != STREAM_ALIVE)
            exec_fail(&stream->exec, stream_io_lost(&stream->io), "%s",
                      stream_io_lost(&stream->io) == STREAM_LOST_DEVICE
                          ? "the driver lost the device"
                          : "a message that cannot be");
    }
}

/* --- Life --- */

static void report_loss(struct stream *stream)
{
    struct exec *x = &stream->exec;
    log_error("worker", "%s: the stream 0x%08x is lost: %s", stream->worker->process, stream->queue,
              stream->io.why);
    struct link_stream_lost lost = {.queue = stream->queue, .reason = (uint32_t)exec_lost(x)};
    (void)worker_send(stream->worker, LINK_STREAM_LOST, 0, &lost, sizeof(lost), stream->io.why,
                      strlen(stream->io.why));
}

static void *thread_main(void *data)
{
    struct stream *stream = data;
    stream_loop(stream);
    if (exec_lost(&stream->exec) != STREAM_ALIVE)
        report_loss(stream);
    exec_destroy_device(&stream->exec);
    drop_parts(stream);
    atomic_store(&stream->ended, true);
    (void)eventfd_write(stream->worker->stream_ended, 1);
    return NULL;
}

static void free_stream(struct stream *stream)
{
    stream_io_finish(&stream->io);
    arena_finish(&stream->exec.arena);
    free(stream->batch);
    free(stream);
}

static NTSTATUS refuse(const struct worker *worker, NTSTATUS status, const char *why)
{
    log_error("worker", "%s: a stream is refused: %s", worker->process, why);
    return status;
}

static struct wire_fence_cell *fence_at(const struct worker *worker, uint64_t offset)
{
    if (!worker->aperture || offset % 8 || offset > worker->aperture_size ||
        worker->aperture_size - offset < sizeof(struct wire_fence_cell))
        return NULL;
    return (struct wire_fence_cell *)(void *)(worker->aperture + offset);
}

static void init_exec(struct stream *stream, const struct worker_adapter *adapter)
{
    struct worker *worker = stream->worker;
    struct exec *x = &stream->exec;
    x->worker = worker;
    x->adapter = adapter;
    x->instance = worker->instance;
    x->physical_device = adapter->physical_devices[0];
    x->vki = worker->vki;
    x->io = &stream->io;
    x->mirrors = stream->messages != NULL || adapter->memory_types.mirrored;
    arena_init(&x->arena, ARENA_LIMIT);
}

static NTSTATUS start_thread(struct stream *stream)
{
    if (pthread_create(&stream->thread, NULL, thread_main, stream))
        return refuse(stream->worker, STATUS_NO_MEMORY, "it cannot have a thread");
    return STATUS_SUCCESS;
}

/* What the two sides of a stream write, in the aperture or, without an allocation, here. */
struct stream_place {
    void *memory;
    uint64_t size;
    struct wire_fence_cell *fence;
};

static NTSTATUS find_place(struct stream *stream, const struct link_open_stream *args,
                           const struct stream_open *open, struct stream_place *place)
{
    struct worker *worker = stream->worker;
    if (open->allocation == 0 && !worker->aperture) {
        stream->messages =
            stream_messages_create(open, &place->memory, &place->size, &place->fence);
        if (!stream->messages)
            return refuse(worker, STATUS_NO_MEMORY, "no memory for what it does not share");
        return STATUS_SUCCESS;
    }
    place->fence = fence_at(worker, args->fence_offset);
    if (!place->fence)
        return refuse(worker, STATUS_NOT_SUPPORTED, "there is no aperture");
    place->memory = worker_allocation_map(worker, open->allocation, &place->size);
    if (!place->memory)
        return refuse(worker, STATUS_INVALID_PARAMETER, "its allocation is not one");
    return STATUS_SUCCESS;
}

static void leave_place(struct stream *stream)
{
    if (stream->allocation)
        worker_allocation_unmap(stream->worker, stream->allocation);
    stream_messages_destroy(stream->messages);
}

static NTSTATUS open_stream(struct stream *stream, const struct link_open_stream *args,
                            const struct stream_open *open)
{
    struct worker *worker = stream->worker;
    stream->batch = aligned_alloc(64, STREAM_MAX_BATCH);
    if (!stream->batch)
        return refuse(worker, STATUS_NO_MEMORY, "no memory");
    struct stream_place place;
    NTSTATUS status = find_place(stream, args, open, &place);
    if (status != STATUS_SUCCESS)
        return status;
    struct error err;
    if (stream_io_init(&stream->io, open, place.memory, place.size, place.fence, &err)) {
        leave_place(stream);
        return refuse(worker, STATUS_INVALID_PARAMETER, err.text);
    }
    init_exec(stream, &worker->adapters[args->adapter]);
    status = start_thread(stream);
    if (status != STATUS_SUCCESS)
        leave_place(stream);
    return status;
}

NTSTATUS stream_create(struct worker *worker, const struct link_open_stream *args,
                       const struct stream_open *open, struct stream **stream)
{
    if (open->magic != STREAM_MAGIC || open->reserved != 0)
        return refuse(worker, STATUS_INVALID_PARAMETER, "it is not of gpupv's driver");
    if (strncmp(open->build, STREAM_BUILD, sizeof(open->build)) != 0)
        return refuse(worker, STATUS_REVISION_MISMATCH,
                      "the guest's driver is of another build: update the package in the store");
    if (args->adapter >= worker->adapter_count)
        return refuse(worker, STATUS_INVALID_PARAMETER, "there is no such adapter");
    if (worker->adapters[args->adapter].unusable)
        return refuse(worker, STATUS_NOT_SUPPORTED,
                      "its adapter cannot be used; what the worker said when it started tells why");
    struct stream *made = calloc(1, sizeof(*made));
    if (!made)
        return refuse(worker, STATUS_NO_MEMORY, "no memory");
    made->worker = worker;
    made->queue = args->queue;
    made->allocation = open->allocation;
    NTSTATUS status = open_stream(made, args, open);
    if (status != STATUS_SUCCESS)
        free_stream(made);
    else
        *stream = made;
    return status;
}

void stream_stop(struct stream *stream)
{
    atomic_store(&stream->stop, true);
    stream_io_wake_worker(&stream->io);
}

void stream_destroy(struct stream *stream)
{
    pthread_join(stream->thread, NULL);
    leave_place(stream);
    free_stream(stream);
}

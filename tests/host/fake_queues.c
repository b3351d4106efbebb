/* SPDX-License-Identifier: MIT */
#include "host/fake_queues.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/fixture.h"
#include "host/worker/link.h"
#include "wire/handle_table.h"

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)events;
    struct fake_queues *queues = context;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) == sizeof(count)) {
        queues->function(queues, queues->context);
        sem_post(&queues->done);
    }
    return 0;
}

void fake_queues_start(struct fake_queues *queues, const struct host_driver_start *args)
{
    queues->callbacks = args->callbacks;
    queues->service = args->service;
    queues->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sem_init(&queues->done, 0, 0);
    sd_event_add_io(args->event, &queues->source, queues->wake, EPOLLIN, on_wake, queues);
}

void fake_queues_stop(struct fake_queues *queues)
{
    sd_event_source_disable_unref(queues->source);
    close(queues->wake);
    sem_destroy(&queues->done);
}

NTSTATUS fake_queues_create(struct fake_queues *queues, const struct host_create_hw_queue *args,
                            void **queue)
{
    queues->last_created_size = args->size;
    if (queues->creation == QUEUE_REFUSED)
        return STATUS_UNSUCCESSFUL;
    struct fake_queue *made = malloc(sizeof(*made));
    *made = (struct fake_queue){args->handle, args->fence_offset, *args->memory};
    *queue = made;
    queues->newest = made;
    queues->alive++;
    if (queues->creation == QUEUE_READY)
        return STATUS_SUCCESS;
    queues->awaited = args->completion;
    queues->waiting = 1;
    return STATUS_PENDING;
}

void fake_queues_destroy(struct fake_queues *queues, void *queue)
{
    if (queues->newest == queue)
        queues->newest = NULL;
    free(queue);
    queues->alive--;
}

NTSTATUS fake_queues_submit(struct fake_queues *queues, void *queue, const void *data,
                            uint32_t size)
{
    (void)queue;
    queues->last_size = size;
    memcpy(queues->last_data, data, size < sizeof(queues->last_data) ? size : 0);
    queues->submitted++;
    return queues->submission;
}

void fake_queues_run(struct fake_queues *queues,
                     void (*function)(struct fake_queues *queues, void *context), void *context)
{
    queues->function = function;
    queues->context = context;
    uint64_t one = 1;
    assert_int_equal(write(queues->wake, &one, sizeof(one)), sizeof(one));
    while (sem_wait(&queues->done))
        ;
}

struct answer {
    NTSTATUS status;
    const void *data;
    uint32_t size;
};

static void complete(struct fake_queues *queues, void *context)
{
    const struct answer *answer = context;
    queues->waiting = 0;
    if (queues->awaited.done)
        queues->awaited.done(queues->awaited.data, answer->status, answer->data, answer->size);
    queues->awaited = (struct host_completion){0};
}

void fake_queues_complete(struct fake_queues *queues, NTSTATUS status, const void *data,
                          uint32_t size)
{
    fake_queues_run(queues, complete, &(struct answer){status, data, size});
}

static void lose(struct fake_queues *queues, void *context)
{
    (void)context;
    queues->callbacks->process_lost(queues->service, queues->last_process, "a test ended it");
}

void fake_queues_lose(struct fake_queues *queues)
{
    fake_queues_run(queues, lose, NULL);
}

static void signal_event(struct fake_queues *queues, void *context)
{
    queues->callbacks->signal_event(queues->service, queues->last_process, *(uint32_t *)context);
}

void fake_queues_signal(struct fake_queues *queues, uint32_t event)
{
    fake_queues_run(queues, signal_event, &event);
}

void fake_queues_progress(struct fake_queues *queues, uint64_t value)
{
    const struct fake_queue *queue = queues->newest;
    off_t page = (off_t)(queue->fence_offset & ~UINT64_C(4095));
    uint8_t *mapped =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, queue->memory.aperture, page);
    assert_ptr_not_equal(mapped, MAP_FAILED);
    struct wire_fence_cell *cell = (void *)(mapped + (queue->fence_offset & 4095));
    __atomic_store_n(&cell->value, value, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&cell->waiters, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &cell->value, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    munmap(mapped, 4096);
}

void fake_queues_use(struct fake_queues *queues, uint32_t allocation, uint32_t used,
                     struct link_allocation *entry)
{
    int fd = queues->newest->memory.allocation_table;
    off_t at = (off_t)(handle_index(allocation) * sizeof(*entry));
    assert_int_equal(
        pwrite(fd, &used, sizeof(used), at + (off_t)offsetof(struct link_allocation, used)),
        sizeof(used));
    assert_int_equal(pread(fd, entry, sizeof(*entry), at), sizeof(*entry));
}

void fake_queues_hear(struct fake_queues *queues)
{
    if (queues->exported.file)
        queues->exported.refused = !queues->callbacks->exported(
            queues->service, queues->last_process, queues->exported.allocation,
            queues->exported.offset, fcntl(queues->exported.file, F_DUPFD_CLOEXEC, 0));
    queues->exported.file = 0;
}

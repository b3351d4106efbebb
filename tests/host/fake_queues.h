/* SPDX-License-Identifier: MIT */
/*
 * The fake driver's hardware queues. What a worker would do to the shared memory, a test does
 * through fake_queues_*; what a driver tells the service happens on the service's thread, by
 * fake_queues_run.
 */
#ifndef GPUPV_TESTS_HOST_FAKE_QUEUES_H
#define GPUPV_TESTS_HOST_FAKE_QUEUES_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <systemd/sd-event.h>

#include "host/driver.h"

struct fake_queue {
    uint32_t handle;
    uint64_t fence_offset;
    struct host_process_memory memory;
};

struct fake_queues {
    /* What the next creation does. */
    enum { QUEUE_READY, QUEUE_REFUSED, QUEUE_LATER } creation;
    _Atomic NTSTATUS submission; /* what a submission gives */
    atomic_int alive, submitted;
    uint8_t last_data[256];
    uint32_t last_size, last_created_size;
    struct fake_queue *newest;
    void *last_process; /* of the service: the newest guest process */
    /* What the worker has said when it is heard: a duplicate of the file, unless that is 0. */
    struct {
        int file;
        uint32_t allocation;
        uint64_t offset;
        bool refused; /* out */
    } exported;
    struct host_completion awaited;
    atomic_int waiting; /* 1 while it is */
    const struct host_driver_callbacks *callbacks;
    void *service;
    sd_event_source *source;
    int wake;
    sem_t done;
    void (*function)(struct fake_queues *queues, void *context);
    void *context;
};

void fake_queues_start(struct fake_queues *queues, const struct host_driver_start *args);
void fake_queues_stop(struct fake_queues *queues);
NTSTATUS fake_queues_create(struct fake_queues *queues, const struct host_create_hw_queue *args,
                            void **queue);
void fake_queues_destroy(struct fake_queues *queues, void *queue);
NTSTATUS fake_queues_submit(struct fake_queues *queues, void *queue, const void *data,
                            uint32_t size);

/* Runs a function on the service's thread and waits until it is over. */
void fake_queues_run(struct fake_queues *queues,
                     void (*function)(struct fake_queues *queues, void *context), void *context);
/* Ends what was answered with "later": the queue, or the escape. */
void fake_queues_complete(struct fake_queues *queues, NTSTATUS status, const void *data,
                          uint32_t size);
/* The newest process has lost its worker. */
void fake_queues_lose(struct fake_queues *queues);
void fake_queues_signal(struct fake_queues *queues, uint32_t event);

/* As a worker: sets the newest queue's progress fence and wakes who waits. */
void fake_queues_progress(struct fake_queues *queues, uint64_t value);
/* Sets `used` of an allocation of the newest queue's process; gives its entry of the table. */
struct link_allocation;
void fake_queues_use(struct fake_queues *queues, uint32_t allocation, uint32_t used,
                     struct link_allocation *entry);

/* host_driver.hear. */
void fake_queues_hear(struct fake_queues *queues);

#endif

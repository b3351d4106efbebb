/* SPDX-License-Identifier: MIT */
/* A stream's queues in the worker, with a driver that the test plays. */
#ifndef TESTS_WORKER_QUEUE_FIXTURE_H
#define TESTS_WORKER_QUEUE_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/worker/exec.h"
#include "vkwire.h"
#include "vkwire_exec.h"

#define QUEUES 2

/* --- The driver --- */

#define VALUES 4096u

struct queue_driver {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t values[8]; /* of the timelines, by handle */
    uint32_t timelines, destroyed, idle_waits;
    uint32_t retired;      /* by the test, and not destroyed when it ends */
    uint32_t reads, waits; /* calls */
    uint32_t vain_waits; /* for a value that nothing signals, which validation layers take amiss */
    bool comes[8][VALUES]; /* of the timelines, by handle: whether a submission signals the value */
    VkResult failure;      /* of everything, if not 0 */
    /* The last submission. */
    uint32_t batches, signal_count[4];
    VkSemaphore signals[4][4];
    uint64_t signal_values[4][4];
    uint64_t sparse_value; /* the last that the last vkQueueBindSparse signals */
    uint32_t device_indices[4];
    VkPipelineStageFlags2 stages;
    /* Its first batch's waits, and what goes along with them. */
    uint32_t wait_count, wait_value_count, wait_index_count;
    VkSemaphore waits_for[8];
    uint64_t wait_values[8], wait_stages[8];
    uint32_t wait_indices[8];
};
extern struct queue_driver driver;

/* As the driver does when submissions have finished. */
void signal_timeline(uint64_t timeline, uint64_t value);

/* --- What the guest sees --- */

struct queue_guest {
    _Atomic uint64_t completed[QUEUES];
    _Atomic int lost;
    atomic_bool went_back;
    bool more; /* it has sent more that is not taken yet */
};
extern struct queue_guest guest;

void await_completed(uint32_t queue, uint64_t count);

/* --- Fixture --- */

struct fixture {
    struct exec exec;
    struct vkwire_device_dispatch vk;
};

int set_up(void **state);
int tear_down(void **state);

/* Queue i's timeline in the driver. */
uint64_t timeline_of(const struct fixture *f, uint32_t queue);
/* So many batches of nothing. */
void submit(struct fixture *f, uint32_t queue, uint32_t count);
/* Destroys the semaphore 0x50. */
void destroy(struct fixture *f);

#endif

/* SPDX-License-Identifier: MIT */
/* A stream's executor in a worker that has no driver but the test's functions. */
#ifndef TESTS_WORKER_EXEC_FIXTURE_H
#define TESTS_WORKER_EXEC_FIXTURE_H

#include "host/worker/exec_private.h"
#include "host/worker/stream.h"
#include "vkwire.h"
#include "vkwire_encode.h"
#include "vkwire_exec.h"

#define HANDLE(type, value) ((type)(uintptr_t)(value))
#define BUFFER STREAM_ID(14, 1, VKWIRE_OBJECT_BUFFER) /* that is there, 0x1003 */
#define ALLOCATION 0x50001u                           /* the guest's only one */

struct fixture {
    struct exec x;
    struct stream_io io;
    struct vkwire_instance_dispatch vki;
    struct vkwire_device_dispatch vk;
    struct worker worker;
    struct worker_adapter adapter;
    struct wire_encoder encoder;
    struct stream_shared *shared;
    uint8_t *memory;           /* the aperture, and behind it the slots */
    struct link_exported told; /* to the service */
    int files_told;
};

/* With these functions of the driver's. */
struct fixture *fixture_create(const struct vkwire_device_dispatch *vk);
/* Nothing may be in use any more. */
void fixture_destroy(struct fixture *f);

/* Runs what was put, one command. */
void run(struct fixture *f);

#endif

/* SPDX-License-Identifier: MIT */
/* The private commands that subjects run (wire/stream.h). `size` is at least that of the command's
 * structure. On the stream's thread. */
#ifndef GPUPV_HOST_WORKER_EXEC_PRIVATE_H
#define GPUPV_HOST_WORKER_EXEC_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "host/worker/exec.h"
#include "wire/stream.h"

/* STREAM_ALLOCATE_MEMORY and STREAM_FREE_MEMORY (exec_memory.c). There is a device. */
void exec_allocate_memory(struct exec *x, uint8_t *command, size_t size);
void exec_free_memory(struct exec *x, const struct stream_object *command);
/* STREAM_WRITE_MEMORY and STREAM_READ_MEMORY (exec_mirror.c). There is a device. */
void exec_write_memory(struct exec *x, const uint8_t *command, size_t size);
void exec_read_memory(struct exec *x, const uint8_t *command, size_t size);
/* STREAM_WRITE_DESCRIPTORS and, in a recording, STREAM_PUSH_DESCRIPTORS (exec_descriptor.c). */
void exec_write_descriptors(struct exec *x, uint8_t *command, size_t size);
void exec_push_descriptors(struct exec *x, uint8_t *command, size_t size);
/* STREAM_PIPELINE_RESULTS (exec_pipeline.c). */
void exec_pipeline_results(struct exec *x, uint8_t *command, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the kernel knows of a worker: its memory, its time on processors and, where the GPU's kernel
 * driver counts them for each client (drm-usage-stats of Linux, which amdgpu, i915, xe, panfrost
 * and others have), on the GPU.
 */
#ifndef GPUPV_HOST_WORKER_USAGE_H
#define GPUPV_HOST_WORKER_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct worker_usage {
    uint64_t memory; /* bytes that it has in memory */
    uint64_t cpu_ms; /* of all its threads since its start */
    uint64_t gpu_ms; /* of all engines; more than the time that passes when several work at once */
    bool has_gpu;    /* whether anybody counts that */
};

/* `proc` is where procfs is mounted. All 0 when the process is gone. */
void worker_usage_read(const char *proc, pid_t pid, struct worker_usage *usage);

#endif

/* SPDX-License-Identifier: MIT */
/* vkCreateDevice and vkDestroyDevice of a stream. Called on the stream's thread. */
#ifndef GPUPV_HOST_WORKER_EXEC_DEVICE_H
#define GPUPV_HOST_WORKER_EXEC_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "host/worker/exec.h"

/* STREAM_CREATE_DEVICE: a whole command as exec_private gets it. Replies. */
void exec_create_device(struct exec *x, uint8_t *command, size_t size);
/* STREAM_DESTROY_DEVICE, and the end of a stream: waits until the device is idle, destroys all
 * objects that the guest has left, then the device. Does nothing where there is no device. */
void exec_destroy_device(struct exec *x);

#endif

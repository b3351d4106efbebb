/* SPDX-License-Identifier: MIT */
/* Messengers and report callbacks of an instance: messages never leave the guest. Thread-safe. */
#ifndef GPUPV_UMD_DEBUG_H
#define GPUPV_UMD_DEBUG_H

#include "umd/umd.h"

struct umd_debug;

VkResult umd_debug_create(const VkAllocationCallbacks *allocator, struct umd_debug **debug);
/* With what the program has left in it. Takes NULL. */
void umd_debug_destroy(struct umd_debug *debug, const VkAllocationCallbacks *allocator);

#endif

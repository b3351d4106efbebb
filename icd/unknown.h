/* SPDX-License-Identifier: MIT */
/*
 * Physical-device commands that are newer than the shim. A driver from the host may well have some;
 * the shim cannot know their parameters, but it knows the first: a VkPhysicalDevice. For each name
 * a few machine instructions replace that by the driver's own handle and jump to the driver's
 * function, with all other parameters where they are. (The Vulkan loader does the same.)
 *
 * Names get their places for the whole process, at most UNKNOWN_MAX; then, and on machines that
 * unknown.c has no code for, such commands are not offered. Thread-safe.
 */
#ifndef GPUPV_ICD_UNKNOWN_H
#define GPUPV_ICD_UNKNOWN_H

#include <vulkan/vk_icd.h>

#define UNKNOWN_MAX 64

struct icd_instance;

/* A driver's functions by place. */
struct unknown_table {
    PFN_vkVoidFunction functions[UNKNOWN_MAX];
};

void unknown_table_init(struct unknown_table *table);

/* A function for a name that no table of the shim has, if a driver of the instance says that it is
 * a physical-device command; else NULL. */
PFN_vkVoidFunction unknown_function(struct icd_instance *instance, const char *name);

#endif

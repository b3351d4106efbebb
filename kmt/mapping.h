/* SPDX-License-Identifier: MIT */
/*
 * What this process has mapped: locked allocations, in the aperture or in a file that the driver
 * exports, and pages of fences. Counted.
 *
 * A page of fences is mapped once. When the connection is lost, its fences become UINT64_MAX. In
 * the child of a fork, all mappings are replaced by private memory, zeros in allocations and
 * UINT64_MAX in fences, so that the child neither disturbs its parent nor stumbles.
 *
 * The functions whose names end with _locked are called with the process' lock held
 * (kmt/process.h).
 */
#ifndef GPUPV_KMT_MAPPING_H
#define GPUPV_KMT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kmt_mapping;
struct wire_fence_cell;

/* Maps an allocation, or gives another reference of the page that a fence lies in. The descriptor
 * is not kept. NULL: no memory, or no room in the address space. */
struct kmt_mapping *kmt_mapping_create_locked(uint64_t channel, int fd, uint64_t offset,
                                              uint64_t size);
struct kmt_mapping *kmt_mapping_of_export_locked(uint64_t channel, int fd, uint64_t offset,
                                                 uint64_t size);
struct kmt_mapping *kmt_mapping_of_fence_locked(uint64_t channel, int fd, uint64_t offset);
struct kmt_mapping *kmt_mapping_ref_locked(struct kmt_mapping *mapping);
/* NULL is accepted. */
void kmt_mapping_unref_locked(struct kmt_mapping *mapping);

/* What lies at an offset of the file that the mapping covers. */
void *kmt_mapping_address(const struct kmt_mapping *mapping, uint64_t offset);

/* The channel and the place in its aperture of memory that is mapped; false: it is not, is not all
 * of one mapping, or does not lie in the aperture. */
bool kmt_mapping_find_locked(const void *address, size_t size, uint64_t *channel, uint64_t *offset);

void kmt_mappings_lose_locked(uint64_t channel);
void kmt_mappings_abandon_locked(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Descriptor set layouts, pools and sets as the guest knows them. Pools are accounted here, so that
 * vkAllocateDescriptorSets knows its answer without asking; the host makes room where its driver's
 * pool has none (host/worker/exec_descriptor.c).
 */
#ifndef GPUPV_UMD_DESCRIPTOR_H
#define GPUPV_UMD_DESCRIPTOR_H

#include "umd/umd.h"

/* Descriptor types by a number of their own; UMD_DESCRIPTOR_TYPES for one that is not accounted. */
#define UMD_DESCRIPTOR_TYPES 17u
#define UMD_DESCRIPTOR_INLINE 11u /* its unit is bytes */
uint32_t umd_descriptor_type_index(VkDescriptorType type);

struct umd_descriptor_need {
    uint32_t type; /* by index */
    uint32_t count;
};

/* What sets of a layout take from a pool. Counted references: the layout's handle, and each set. */
struct umd_set_layout {
    _Atomic uint32_t references;
    uint32_t inline_bindings;
    struct umd_descriptor_need
        variable; /* the binding of variable count; its count is the greatest */
    bool has_variable;
    uint32_t need_count; /* without the variable binding: each type once */
    struct umd_descriptor_need needs[UMD_DESCRIPTOR_TYPES];
};

/* Never fails. */
void umd_set_layout_init(struct umd_set_layout *layout,
                         const VkDescriptorSetLayoutCreateInfo *info);
void umd_set_layout_release(struct umd_set_layout *layout);

/* What a pool has left. */
struct umd_pool_account {
    uint32_t sets, inline_bindings;
    uint32_t left[UMD_DESCRIPTOR_TYPES];
    bool unlimited; /* the program allowed more than it said */
};

void umd_pool_account_init(struct umd_pool_account *account,
                           const VkDescriptorPoolCreateInfo *info);
/* False, and nothing is taken: it does not suffice. */
bool umd_pool_account_take(struct umd_pool_account *account, const struct umd_set_layout *layout,
                           uint32_t variable_count);
void umd_pool_account_give(struct umd_pool_account *account, const struct umd_set_layout *layout,
                           uint32_t variable_count);

#endif

/* SPDX-License-Identifier: MIT */
/* What descriptor sets take from pools. */
#include <stdlib.h>

#include "umd/umd_chain.h"
#include "umd/umd_descriptor.h"

uint32_t umd_descriptor_type_index(VkDescriptorType type)
{
    if ((uint32_t)type <= VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT)
        return (uint32_t)type; /* 0 … 10 */
    switch (type) {
    case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK:
        return UMD_DESCRIPTOR_INLINE;
    case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR:
        return 12;
    case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_NV:
        return 13;
    case VK_DESCRIPTOR_TYPE_MUTABLE_VALVE:
        return 14;
    case VK_DESCRIPTOR_TYPE_SAMPLE_WEIGHT_IMAGE_QCOM:
        return 15;
    case VK_DESCRIPTOR_TYPE_BLOCK_MATCH_IMAGE_QCOM:
        return 16;
    default:
        return UMD_DESCRIPTOR_TYPES;
    }
}

static void add_need(struct umd_set_layout *layout, uint32_t type, uint32_t count)
{
    if (type == UMD_DESCRIPTOR_TYPES || count == 0)
        return;
    for (uint32_t i = 0; i < layout->need_count; i++) {
        if (layout->needs[i].type == type) {
            if (__builtin_add_overflow(layout->needs[i].count, count, &layout->needs[i].count))
                layout->needs[i].count = UINT32_MAX;
            return;
        }
    }
    layout->needs[layout->need_count++] = (struct umd_descriptor_need){type, count};
}

void umd_set_layout_init(struct umd_set_layout *layout, const VkDescriptorSetLayoutCreateInfo *info)
{
    const VkDescriptorSetLayoutBindingFlagsCreateInfo *flags = umd_chain_find(
        info->pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO);
    atomic_init(&layout->references, 1);
    layout->need_count = layout->inline_bindings = 0;
    layout->has_variable = false;
    for (uint32_t i = 0; i < info->bindingCount; i++) {
        const VkDescriptorSetLayoutBinding *binding = &info->pBindings[i];
        uint32_t type = umd_descriptor_type_index(binding->descriptorType);
        if (type == UMD_DESCRIPTOR_INLINE && binding->descriptorCount)
            layout->inline_bindings++;
        if (flags && i < flags->bindingCount && type != UMD_DESCRIPTOR_TYPES &&
            (flags->pBindingFlags[i] & VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT)) {
            layout->has_variable = true;
            layout->variable = (struct umd_descriptor_need){type, binding->descriptorCount};
        } else {
            add_need(layout, type, binding->descriptorCount);
        }
    }
}

void umd_set_layout_release(struct umd_set_layout *layout)
{
    if (layout && atomic_fetch_sub_explicit(&layout->references, 1, memory_order_acq_rel) == 1)
        free(layout);
}

void umd_pool_account_init(struct umd_pool_account *account, const VkDescriptorPoolCreateInfo *info)
{
    const VkDescriptorPoolInlineUniformBlockCreateInfo *inlines = umd_chain_find(
        info->pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO);
    *account = (struct umd_pool_account){
        .sets = info->maxSets,
        .inline_bindings = inlines ? inlines->maxInlineUniformBlockBindings : 0,
    };
#ifdef VK_NV_descriptor_pool_overallocation
    account->unlimited =
        info->flags & (VK_DESCRIPTOR_POOL_CREATE_ALLOW_OVERALLOCATION_SETS_BIT_NV |
                       VK_DESCRIPTOR_POOL_CREATE_ALLOW_OVERALLOCATION_POOLS_BIT_NV);
#endif
    for (uint32_t i = 0; i < info->poolSizeCount; i++) {
        uint32_t type = umd_descriptor_type_index(info->pPoolSizes[i].type);
        if (type != UMD_DESCRIPTOR_TYPES &&
            __builtin_add_overflow(account->left[type], info->pPoolSizes[i].descriptorCount,
                                   &account->left[type]))
            account->left[type] = UINT32_MAX;
    }
}

static bool suffices(const struct umd_pool_account *account, const struct umd_set_layout *layout,
                     uint32_t variable_count)
{
    if (account->sets == 0 || account->inline_bindings < layout->inline_bindings)
        return false;
    uint32_t variable_type = layout->has_variable ? layout->variable.type : UMD_DESCRIPTOR_TYPES;
    if (layout->has_variable && account->left[variable_type] < variable_count)
        return false;
    for (uint32_t i = 0; i < layout->need_count; i++) {
        const struct umd_descriptor_need *need = &layout->needs[i];
        uint32_t left = account->left[need->type];
        if (need->type == variable_type)
            left -= variable_count;
        if (left < need->count)
            return false;
    }
    return true;
}

bool umd_pool_account_take(struct umd_pool_account *account, const struct umd_set_layout *layout,
                           uint32_t variable_count)
{
    if (account->unlimited)
        return true;
    if (!suffices(account, layout, variable_count))
        return false;
    account->sets--;
    account->inline_bindings -= layout->inline_bindings;
    for (uint32_t i = 0; i < layout->need_count; i++)
        account->left[layout->needs[i].type] -= layout->needs[i].count;
    if (layout->has_variable)
        account->left[layout->variable.type] -= variable_count;
    return true;
}

void umd_pool_account_give(struct umd_pool_account *account, const struct umd_set_layout *layout,
                           uint32_t variable_count)
{
    if (account->unlimited)
        return;
    account->sets++;
    account->inline_bindings += layout->inline_bindings;
    for (uint32_t i = 0; i < layout->need_count; i++)
        account->left[layout->needs[i].type] += layout->needs[i].count;
    if (layout->has_variable)
        account->left[layout->variable.type] += variable_count;
}

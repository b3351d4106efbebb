/* SPDX-License-Identifier: MIT */
/* What descriptor sets take from pools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "umd/umd_descriptor.h"

#define BUFFER VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
#define IMAGE VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE
#define INLINE VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK

static struct umd_set_layout *
make_layout(uint32_t count, const VkDescriptorSetLayoutBinding *bindings, const void *next)
{
    struct umd_set_layout *layout = malloc(sizeof(*layout));
    assert_non_null(layout);
    VkDescriptorSetLayoutCreateInfo info = {
        .pNext = next, .bindingCount = count, .pBindings = bindings};
    umd_set_layout_init(layout, &info);
    return layout;
}

static struct umd_pool_account make_account(uint32_t sets, uint32_t count,
                                            const VkDescriptorPoolSize *sizes, const void *next)
{
    struct umd_pool_account account;
    VkDescriptorPoolCreateInfo info = {
        .pNext = next, .maxSets = sets, .poolSizeCount = count, .pPoolSizes = sizes};
    umd_pool_account_init(&account, &info);
    return account;
}

static void sets_and_types_run_out(void **state)
{
    (void)state;
    const VkDescriptorSetLayoutBinding bindings[] = {
        {0, BUFFER, 2, VK_SHADER_STAGE_ALL, NULL},
        {1, IMAGE, 1, VK_SHADER_STAGE_ALL, NULL},
        {7, BUFFER, 1, VK_SHADER_STAGE_ALL, NULL}, /* adds to the first */
        {8, IMAGE, 0, VK_SHADER_STAGE_ALL, NULL},
    };
    struct umd_set_layout *layout = make_layout(4, bindings, NULL);
    assert_int_equal(layout->need_count, 2);
    /* Sizes of one type add up. */
    const VkDescriptorPoolSize sizes[] = {{BUFFER, 4}, {IMAGE, 9}, {BUFFER, 3}};
    struct umd_pool_account account = make_account(5, 3, sizes, NULL);
    assert_true(umd_pool_account_take(&account, layout, 0));
    assert_true(umd_pool_account_take(&account, layout, 0));
    assert_false(umd_pool_account_take(&account, layout, 0)); /* one buffer is left */
    assert_int_equal(account.sets, 3);
    umd_pool_account_give(&account, layout, 0);
    assert_true(umd_pool_account_take(&account, layout, 0));
    account = make_account(1, 3, sizes, NULL);
    assert_true(umd_pool_account_take(&account, layout, 0));
    assert_false(umd_pool_account_take(&account, layout, 0)); /* no set is left */
    account = make_account(1, 1, sizes, NULL);
    assert_false(umd_pool_account_take(&account, layout, 0)); /* no images at all */
    umd_set_layout_release(layout);
}

static void a_failure_takes_nothing(void **state)
{
    (void)state;
    const VkDescriptorSetLayoutBinding bindings[] = {{0, BUFFER, 1, VK_SHADER_STAGE_ALL, NULL},
                                                     {1, IMAGE, 2, VK_SHADER_STAGE_ALL, NULL}};
    struct umd_set_layout *layout = make_layout(2, bindings, NULL);
    const VkDescriptorPoolSize sizes[] = {{BUFFER, 1}, {IMAGE, 1}};
    struct umd_pool_account account = make_account(1, 2, sizes, NULL), before = account;
    assert_false(umd_pool_account_take(&account, layout, 0));
    assert_memory_equal(&account, &before, sizeof(account));
    umd_set_layout_release(layout);
}

static void variable_counts_count_as_asked(void **state)
{
    (void)state;
    const VkDescriptorSetLayoutBinding bindings[] = {{0, IMAGE, 1, VK_SHADER_STAGE_ALL, NULL},
                                                     {1, IMAGE, 100, VK_SHADER_STAGE_ALL, NULL}};
    const VkDescriptorBindingFlags flags[] = {0,
                                              VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT};
    const VkDescriptorSetLayoutBindingFlagsCreateInfo next = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO,
        .bindingCount = 2,
        .pBindingFlags = flags,
    };
    struct umd_set_layout *layout = make_layout(2, bindings, &next);
    assert_true(layout->has_variable);
    assert_int_equal(layout->variable.count, 100);
    const VkDescriptorPoolSize sizes[] = {{IMAGE, 12}};
    struct umd_pool_account account = make_account(9, 1, sizes, NULL);
    assert_false(umd_pool_account_take(&account, layout, 12)); /* and one besides */
    assert_true(umd_pool_account_take(&account, layout, 10));
    assert_true(umd_pool_account_take(&account, layout, 0));
    assert_false(umd_pool_account_take(&account, layout, 0));
    umd_pool_account_give(&account, layout, 10);
    assert_int_equal(account.left[umd_descriptor_type_index(IMAGE)], 11);
    umd_set_layout_release(layout);
}

static void inline_uniforms_count_bytes_and_bindings(void **state)
{
    (void)state;
    const VkDescriptorSetLayoutBinding bindings[] = {{0, INLINE, 64, VK_SHADER_STAGE_ALL, NULL},
                                                     {1, INLINE, 16, VK_SHADER_STAGE_ALL, NULL}};
    struct umd_set_layout *layout = make_layout(2, bindings, NULL);
    const VkDescriptorPoolSize sizes[] = {{INLINE, 200}};
    VkDescriptorPoolInlineUniformBlockCreateInfo inlines = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO,
        .maxInlineUniformBlockBindings = 4,
    };
    struct umd_pool_account account = make_account(9, 1, sizes, &inlines);
    assert_true(umd_pool_account_take(&account, layout, 0));
    assert_true(umd_pool_account_take(&account, layout, 0));
    assert_false(umd_pool_account_take(&account, layout, 0));
    inlines.maxInlineUniformBlockBindings = 1;
    account = make_account(9, 1, sizes, &inlines);
    assert_false(umd_pool_account_take(&account, layout, 0));
    umd_set_layout_release(layout);
}

static void huge_counts_do_not_wrap(void **state)
{
    (void)state;
    const VkDescriptorSetLayoutBinding bindings[] = {
        {0, BUFFER, UINT32_MAX, VK_SHADER_STAGE_ALL, NULL},
        {1, BUFFER, 2, VK_SHADER_STAGE_ALL, NULL},
    };
    struct umd_set_layout *layout = make_layout(2, bindings, NULL);
    const VkDescriptorPoolSize sizes[] = {{BUFFER, 1000}};
    struct umd_pool_account account = make_account(9, 1, sizes, NULL);
    assert_false(umd_pool_account_take(&account, layout, 0));
    umd_set_layout_release(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_types_run_out),
        cmocka_unit_test(a_failure_takes_nothing),
        cmocka_unit_test(variable_counts_count_as_asked),
        cmocka_unit_test(inline_uniforms_count_bytes_and_bindings),
        cmocka_unit_test(huge_counts_do_not_wrap),
    };
    return cmocka_run_group_tests_name("umd-descriptor-account", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Descriptors in the worker, on a driver of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/worker/exec_fixture.h"

#define LAYOUT STREAM_ID(11, 1, VKWIRE_OBJECT_PIPELINE_LAYOUT)
#define SET_LAYOUT STREAM_ID(12, 1, VKWIRE_OBJECT_DESCRIPTOR_SET_LAYOUT)
#define POOL STREAM_ID(13, 1, VKWIRE_OBJECT_DESCRIPTOR_POOL)
#define SET(n) STREAM_ID(40 + (n), 1, VKWIRE_OBJECT_DESCRIPTOR_SET)
#define SAMPLER STREAM_ID(15, 1, VKWIRE_OBJECT_SAMPLER)

/* --- The driver --- */

static struct {
    int pools, pools_destroyed, pools_reset, full_pools; /* so many pools have no room */
    VkDescriptorPool freed_from;
    uint32_t written, written_count;
    int copied, pushed;
    VkBuffer written_buffer;
    VkImageLayout written_layout;
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL create_pool(VkDevice device,
                                                  const VkDescriptorPoolCreateInfo *info,
                                                  const VkAllocationCallbacks *allocator,
                                                  VkDescriptorPool *pool)
{
    (void)device, (void)allocator;
    assert_int_equal(info->maxSets, 8);
    assert_int_equal(info->pPoolSizes[0].descriptorCount, 9);
    *pool = HANDLE(VkDescriptorPool, 0x3000 + driver.pools++);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_pool(VkDevice device, VkDescriptorPool pool,
                                               const VkAllocationCallbacks *allocator)
{
    (void)device, (void)pool, (void)allocator;
    driver.pools_destroyed++;
}

static VKAPI_ATTR VkResult VKAPI_CALL reset_pool(VkDevice device, VkDescriptorPool pool,
                                                 VkDescriptorPoolResetFlags flags)
{
    (void)device, (void)pool, (void)flags;
    driver.pools_reset++;
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_sets(VkDevice device,
                                                    const VkDescriptorSetAllocateInfo *info,
                                                    VkDescriptorSet *sets)
{
    (void)device;
    if ((int)((uintptr_t)info->descriptorPool - 0x3000) < driver.full_pools)
        return VK_ERROR_FRAGMENTED_POOL;
    for (uint32_t i = 0; i < info->descriptorSetCount; i++)
        sets[i] = HANDLE(VkDescriptorSet, 0x4000 + i);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL free_sets(VkDevice device, VkDescriptorPool pool,
                                                uint32_t count, const VkDescriptorSet *sets)
{
    (void)device, (void)count, (void)sets;
    driver.freed_from = pool;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL update_sets(VkDevice device, uint32_t count,
                                              const VkWriteDescriptorSet *writes,
                                              uint32_t copy_count,
                                              const VkCopyDescriptorSet *copies)
{
    (void)device, (void)copies;
    driver.copied += (int)copy_count;
    driver.written += count;
    if (!count)
        return;
    driver.written_count = writes[0].descriptorCount;
    if (writes[0].pImageInfo)
        driver.written_layout = writes[0].pImageInfo[0].imageLayout;
    if (writes[0].pBufferInfo)
        driver.written_buffer = writes[0].pBufferInfo[0].buffer;
}

static VKAPI_ATTR void VKAPI_CALL push_set(VkCommandBuffer commands, VkPipelineBindPoint point,
                                           VkPipelineLayout layout, uint32_t set, uint32_t count,
                                           const VkWriteDescriptorSet *writes)
{
    (void)commands, (void)point, (void)set, (void)writes;
    assert_true(layout == HANDLE(VkPipelineLayout, 0x1001));
    driver.pushed += (int)count;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_set_layout(VkDevice device,
                                                        const VkDescriptorSetLayoutCreateInfo *info,
                                                        const VkAllocationCallbacks *allocator,
                                                        VkDescriptorSetLayout *layout)
{
    (void)device, (void)info, (void)allocator;
    *layout = HANDLE(VkDescriptorSetLayout, 0x1002);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_set_layout(VkDevice device, VkDescriptorSetLayout layout,
                                                     const VkAllocationCallbacks *allocator)
{
    (void)device, (void)layout, (void)allocator;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_layout(VkDevice device,
                                                    const VkPipelineLayoutCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator,
                                                    VkPipelineLayout *layout)
{
    (void)device, (void)info, (void)allocator;
    *layout = HANDLE(VkPipelineLayout, 0x1001);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_layout(VkDevice device, VkPipelineLayout layout,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device, (void)layout, (void)allocator;
}

/* --- Commands --- */

static void make_layouts(struct fixture *f)
{
    static const VkDescriptorSetLayoutBinding bindings[] = {
        {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2, VK_SHADER_STAGE_ALL, NULL},
        {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 3, VK_SHADER_STAGE_ALL, NULL},
        {2, VK_DESCRIPTOR_TYPE_SAMPLER, 1, VK_SHADER_STAGE_ALL, NULL},
        {5, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 9, VK_SHADER_STAGE_ALL, NULL},
    };
    static const VkDescriptorBindingFlags each[4] = {
        0, 0, 0, VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT};
    const VkDescriptorSetLayoutBindingFlagsCreateInfo flags = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO,
        .bindingCount = 4,
        .pBindingFlags = each,
    };
    const VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .pNext = &flags,
        .bindingCount = 4,
        .pBindings = bindings,
    };
    VkDescriptorSetLayout set = HANDLE(VkDescriptorSetLayout, SET_LAYOUT);
    const VkPipelineLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &set,
    };
    VkPipelineLayout layout = HANDLE(VkPipelineLayout, LAYOUT);
    wire_put_CreateDescriptorSetLayout(&f->encoder, &info, &set);
    run(f);
    wire_put_CreatePipelineLayout(&f->encoder, &layout_info, &layout);
    run(f);
}

static int setup(void **state)
{
    static const struct vkwire_device_dispatch vk = {
        .CreateDescriptorPool = create_pool,
        .DestroyDescriptorPool = destroy_pool,
        .ResetDescriptorPool = reset_pool,
        .AllocateDescriptorSets = allocate_sets,
        .FreeDescriptorSets = free_sets,
        .UpdateDescriptorSets = update_sets,
        .CmdPushDescriptorSetKHR = push_set,
        .CreateDescriptorSetLayout = create_set_layout,
        .DestroyDescriptorSetLayout = destroy_set_layout,
        .CreatePipelineLayout = create_layout,
        .DestroyPipelineLayout = destroy_layout,
    };
    memset(&driver, 0, sizeof(driver));
    struct fixture *f = fixture_create(&vk);
    make_layouts(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void make_pool(struct fixture *f, VkDescriptorPoolCreateFlags flags)
{
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 9};
    VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .flags = flags,
        .maxSets = 8,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkDescriptorPool pool = HANDLE(VkDescriptorPool, POOL);
    wire_put_CreateDescriptorPool(&f->encoder, &info, &pool);
    run(f);
}

static void make_set(struct fixture *f, uint32_t number)
{
    VkDescriptorSetLayout layout = HANDLE(VkDescriptorSetLayout, SET_LAYOUT);
    const uint32_t variable = 4;
    const VkDescriptorSetVariableDescriptorCountAllocateInfo counts = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pDescriptorCounts = &variable,
    };
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .pNext = &counts,
        .descriptorPool = HANDLE(VkDescriptorPool, POOL),
        .descriptorSetCount = 1,
        .pSetLayouts = &layout,
    };
    VkDescriptorSet set = HANDLE(VkDescriptorSet, SET(number));
    wire_put_AllocateDescriptorSets(&f->encoder, &info, &set);
    run(f);
}

static void free_set(struct fixture *f, uint32_t number)
{
    VkDescriptorSet set = HANDLE(VkDescriptorSet, SET(number));
    wire_put_FreeDescriptorSets(&f->encoder, HANDLE(VkDescriptorPool, POOL), 1, &set);
    run(f);
}

static void fragmented_pools_get_another(void **state)
{
    struct fixture *f = *state;
    make_pool(f, VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT);
    make_set(f, 0);
    assert_int_equal(driver.pools, 1);
    driver.full_pools = 1;
    make_set(f, 1);
    assert_int_equal(driver.pools, 2);
    make_set(f, 2); /* of the second, which has room */
    assert_int_equal(driver.pools, 2);
    free_set(f, 1);
    assert_true(driver.freed_from == HANDLE(VkDescriptorPool, 0x3001));
    free_set(f, 0);
    assert_true(driver.freed_from == HANDLE(VkDescriptorPool, 0x3000));
    wire_put_ResetDescriptorPool(&f->encoder, HANDLE(VkDescriptorPool, POOL), 0);
    run(f);
    assert_int_equal(driver.pools_reset, 2);
    assert_null(exec_object_find(&f->x, SET(2), VKWIRE_OBJECT_DESCRIPTOR_SET));
    wire_put_DestroyDescriptorPool(&f->encoder, HANDLE(VkDescriptorPool, POOL));
    run(f);
    assert_int_equal(driver.pools_destroyed, 2);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
}

static void sets_of_such_pools_cannot_be_freed(void **state)
{
    struct fixture *f = *state;
    make_pool(f, 0);
    make_set(f, 0);
    free_set(f, 0);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    assert_true(driver.freed_from == VK_NULL_HANDLE);
}

/* One write of `count` buffers, of which `sent` are there. */
static void write_at(struct fixture *f, const struct stream_descriptor_write *head, uint64_t buffer,
                     uint32_t sent)
{
    struct stream_write_descriptors *command = wire_put(&f->encoder, sizeof(*command));
    *command =
        (struct stream_write_descriptors){.head = {STREAM_WRITE_DESCRIPTORS, 0}, .writes = 1};
    struct stream_descriptor_write *write = wire_put(&f->encoder, sizeof(*write));
    *write = *head;
    for (uint32_t i = 0; i < sent; i++) {
        struct stream_descriptor_buffer *info = wire_put(&f->encoder, sizeof(*info));
        *info = (struct stream_descriptor_buffer){buffer, 0, VK_WHOLE_SIZE};
    }
    wire_end_command(&f->encoder, 0);
    run(f);
}

static void write_buffers(struct fixture *f, uint64_t set, uint64_t buffer, uint32_t count,
                          uint32_t sent, uint32_t type)
{
    write_at(f, &(struct stream_descriptor_write){.set = set, .count = count, .type = type}, buffer,
             sent);
}

static void copy_descriptors(struct fixture *f, const struct stream_descriptor_copy *copy)
{
    struct stream_write_descriptors *command = wire_put(&f->encoder, sizeof(*command));
    *command =
        (struct stream_write_descriptors){.head = {STREAM_WRITE_DESCRIPTORS, 0}, .copies = 1};
    *(struct stream_descriptor_copy *)wire_put(&f->encoder, sizeof(*copy)) = *copy;
    wire_end_command(&f->encoder, 0);
    run(f);
}

static void push_buffer_at(struct fixture *f, uint32_t set, uint32_t binding, uint32_t type,
                           uint32_t bind_point)
{
    struct stream_push_descriptors *command = wire_put(&f->encoder, sizeof(*command));
    *command = (struct stream_push_descriptors){.head = {STREAM_PUSH_DESCRIPTORS, 0},
                                                .layout = LAYOUT,
                                                .set = set,
                                                .bind_point = bind_point,
                                                .writes = 1};
    struct stream_descriptor_write *write = wire_put(&f->encoder, sizeof(*write));
    *write = (struct stream_descriptor_write){.binding = binding, .count = 1, .type = type};
    struct stream_descriptor_buffer *info = wire_put(&f->encoder, sizeof(*info));
    *info = (struct stream_descriptor_buffer){BUFFER, 0, VK_WHOLE_SIZE};
    wire_end_command(&f->encoder, 0);
    f->x.command_buffer = HANDLE(VkCommandBuffer, 1);
    exec_push_descriptors(&f->x, f->encoder.data, f->encoder.used);
    wire_encoder_reset(&f->encoder);
}

static void push_buffer(struct fixture *f, uint32_t set, uint32_t binding, uint32_t type)
{
    push_buffer_at(f, set, binding, type, VK_PIPELINE_BIND_POINT_COMPUTE);
}

/* The layout: bindings 1 and 0 of 2 and 3 storage buffers, 2 of a sampler, 5 of a variable number
 * of storage buffers, of which the set has 4. */
static void writes_lie_within_their_layout(void **state)
{
    struct fixture *f = *state;
    const uint32_t storage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                   uniform = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
    const struct {
        uint32_t binding, element, count, type;
        bool fits;
    } cases[] = {
        {0, 0, 3, storage, true},  {0, 2, 1, storage, true},
        {0, 2, 3, storage, true},  /* on into the next binding */
        {0, 2, 4, storage, false}, /* and on into the one behind it, of another type */
        {0, 0, 1, uniform, false}, {1, 0, 2, storage, true},
        {1, 1, 2, storage, false}, {1, UINT32_MAX, 2, storage, false},
        {2, 0, 1, storage, false}, {3, 0, 1, storage, false},
        {5, 0, 4, storage, true},  {5, 3, 2, storage, false},
        {6, 0, 1, storage, false}, {UINT32_MAX, 0, 1, storage, false},
    };
    make_pool(f, 0);
    make_set(f, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct stream_descriptor_write head = {.set = SET(0),
                                                     .binding = cases[i].binding,
                                                     .element = cases[i].element,
                                                     .count = cases[i].count,
                                                     .type = cases[i].type};
        uint32_t written = driver.written;
        write_at(f, &head, BUFFER, cases[i].count);
        assert_int_equal(f->x.lost, cases[i].fits ? STREAM_ALIVE : STREAM_LOST_PROTOCOL);
        assert_int_equal(driver.written, written + cases[i].fits);
        f->x.lost = STREAM_ALIVE;
    }
    /* The layout may be gone. */
    wire_put_DestroyDescriptorSetLayout(&f->encoder, HANDLE(VkDescriptorSetLayout, SET_LAYOUT));
    run(f);
    write_buffers(f, SET(0), BUFFER, 3, 3, storage);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    write_buffers(f, SET(0), BUFFER, 6, 6, storage);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
}

static void copies_lie_within_their_layouts(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct stream_descriptor_copy copy;
        bool fits;
    } cases[] = {
        {{.from = SET(0), .to = SET(1), .count = 3}, true},
        {{.from = SET(0), .to = SET(1), .count = 5}, true},
        {{.from = SET(0), .to = SET(1), .count = 6}, false},
        {{.from = SET(0), .to = SET(1), .to_binding = 1, .count = 2}, true},
        {{.from = SET(0), .to = SET(1), .to_binding = 1, .count = 3}, false},
        {{.from = SET(0), .to = SET(1), .to_binding = 2, .count = 1}, false},
        {{.from = SET(0), .to = SET(1), .from_binding = 7, .to_binding = 7, .count = 1}, false},
        {{.from = SET(0), .to = SET(2), .count = 1}, false},
    };
    make_pool(f, 0);
    make_set(f, 0);
    make_set(f, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int copied = driver.copied;
        copy_descriptors(f, &cases[i].copy);
        assert_int_equal(f->x.lost, cases[i].fits ? STREAM_ALIVE : STREAM_LOST_PROTOCOL);
        assert_int_equal(driver.copied, copied + cases[i].fits);
        f->x.lost = STREAM_ALIVE;
    }
}

static void what_is_pushed_lies_within_its_layout(void **state)
{
    struct fixture *f = *state;
    push_buffer(f, 0, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_int_equal(driver.pushed, 1);
    push_buffer(f, 0, 1, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    f->x.lost = STREAM_ALIVE;
    push_buffer(f, 0, 9, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    f->x.lost = STREAM_ALIVE;
    push_buffer(f, 1, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(driver.pushed, 1);
}

static void a_bind_point_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    const uint32_t storage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    push_buffer_at(f, 0, 1, storage, VK_PIPELINE_BIND_POINT_RAY_TRACING_KHR);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_int_equal(driver.pushed, 1);
    push_buffer_at(f, 0, 1, storage, 2);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(driver.pushed, 1);
}

/* Programs leave it undefined where Vulkan ignores it. */
static void a_layout_of_an_image_that_is_none_is_replaced(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint32_t sent;
        VkImageLayout written;
    } cases[] = {
        {VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
        {VK_IMAGE_LAYOUT_PRESENT_SRC_KHR, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR},
        {9, VK_IMAGE_LAYOUT_UNDEFINED},
        {0xcdcdcdcd, VK_IMAGE_LAYOUT_UNDEFINED},
    };
    assert_true(exec_object_add(&f->x, SAMPLER, VKWIRE_OBJECT_SAMPLER, 0x1005));
    make_pool(f, 0);
    make_set(f, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stream_write_descriptors *command = wire_put(&f->encoder, sizeof(*command));
        *command =
            (struct stream_write_descriptors){.head = {STREAM_WRITE_DESCRIPTORS, 0}, .writes = 1};
        struct stream_descriptor_write *write = wire_put(&f->encoder, sizeof(*write));
        *write = (struct stream_descriptor_write){
            .set = SET(0), .binding = 2, .count = 1, .type = VK_DESCRIPTOR_TYPE_SAMPLER};
        struct stream_descriptor_image *info = wire_put(&f->encoder, sizeof(*info));
        *info = (struct stream_descriptor_image){.sampler = SAMPLER, .layout = cases[i].sent};
        wire_end_command(&f->encoder, 0);
        driver.written_layout = VK_IMAGE_LAYOUT_MAX_ENUM;
        run(f);
        assert_int_equal(f->x.lost, STREAM_ALIVE);
        assert_int_equal(driver.written_layout, cases[i].written);
    }
}

static void writes_are_checked(void **state)
{
    struct fixture *f = *state;
    const uint32_t type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    static const struct {
        uint64_t set, buffer;
        uint32_t count, sent, type;
    } bad[] = {
        {SET(0), BUFFER, 2, 1, type},
        {SET(0), BUFFER, 1, 2, type},
        {SET(0), BUFFER, UINT32_MAX, 1, type},
        {SET(0), BUFFER, 0, 0, type},
        {SET(1), BUFFER, 1, 1, type},
        {0, BUFFER, 1, 1, type},
        {SET(0), LAYOUT, 1, 1, type},
        {SET(0), BUFFER + (UINT64_C(1) << 32), 1, 1, type}, /* of another generation */
        {SET(0), BUFFER, 1, 1, 0x7fffffff},
        {BUFFER, BUFFER, 1, 1, type},
    };
    make_pool(f, 0);
    make_set(f, 0);
    write_buffers(f, SET(0), BUFFER, 3, 3, type);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_int_equal(driver.written, 1);
    assert_int_equal(driver.written_count, 3);
    assert_true(driver.written_buffer == HANDLE(VkBuffer, 0x1003));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_buffers(f, bad[i].set, bad[i].buffer, bad[i].count, bad[i].sent, bad[i].type);
        assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
        assert_int_equal(driver.written, 1);
        f->x.lost = STREAM_ALIVE;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(fragmented_pools_get_another),
        TEST(sets_of_such_pools_cannot_be_freed),
        TEST(writes_are_checked),
        TEST(writes_lie_within_their_layout),
        TEST(copies_lie_within_their_layouts),
        TEST(what_is_pushed_lies_within_its_layout),
        TEST(a_bind_point_that_is_none_is_refused),
        TEST(a_layout_of_an_image_that_is_none_is_replaced),
    };
    return cmocka_run_group_tests_name("worker-exec-descriptors", tests, NULL, NULL);
}

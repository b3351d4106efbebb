/* SPDX-License-Identifier: MIT */
/* Pipelines, descriptors and memory in the worker, on a driver of the test's own. Commands are
 * those of the guest's encoders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "host/worker/exec_compile.h"
#include "host/worker/exec_external.h"
#include "host/worker/exec_private.h"
#include "host/worker/stream.h"
#include "vkwire.h"
#include "vkwire_encode.h"
#include "vkwire_exec.h"
#include "wire/handle_table.h"
#include "wire/mirror.h"

#define HANDLE(type, value) ((type)(uintptr_t)(value))
#define MODULE STREAM_ID(10, 1, VKWIRE_OBJECT_SHADER_MODULE)
#define LAYOUT STREAM_ID(11, 1, VKWIRE_OBJECT_PIPELINE_LAYOUT)
#define PIPELINE(n) STREAM_ID(20 + (n), 1, VKWIRE_OBJECT_PIPELINE)
#define SET_LAYOUT STREAM_ID(12, 1, VKWIRE_OBJECT_DESCRIPTOR_SET_LAYOUT)
#define POOL STREAM_ID(13, 1, VKWIRE_OBJECT_DESCRIPTOR_POOL)
#define SET(n) STREAM_ID(40 + (n), 1, VKWIRE_OBJECT_DESCRIPTOR_SET)
#define BUFFER STREAM_ID(14, 1, VKWIRE_OBJECT_BUFFER)
#define MEMORY(n) STREAM_ID(60 + (n), 1, VKWIRE_OBJECT_DEVICE_MEMORY)
#define ALLOCATION 0x50001u

/* --- The driver --- */

static struct {
    sem_t compile; /* posted for each creation that may go on */
    VkResult compiled;
    _Atomic int compiles, modules_destroyed, pipelines_destroyed;
    int pools, pools_destroyed, pools_reset, full_pools; /* so many pools have no room */
    VkDescriptorPool freed_from;
    uint32_t written, written_count;
    int copied, pushed;
    VkBuffer written_buffer;
    VkMemoryAllocateInfo allocated;
    VkImportMemoryHostPointerInfoEXT imported;
    int memory_freed;
    uint8_t mapped[16384]; /* memory that is not imported, as the CPU sees it */
    int unmapped;
    VkExternalMemoryHandleTypeFlags exported_as;
    VkResult export_result;
    struct link_exported told; /* to the service */
    int files_told;
} driver;

int worker_send_file(struct worker *worker, uint32_t message, const void *fixed, size_t fixed_size,
                     int descriptor)
{
    (void)worker;
    assert_int_equal(message, LINK_EXPORTED);
    assert_int_equal(fixed_size, sizeof(driver.told));
    assert_true(fcntl(descriptor, F_GETFD) >= 0);
    memcpy(&driver.told, fixed, sizeof(driver.told));
    driver.files_told++;
    return 0;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_compute(VkDevice device, VkPipelineCache cache,
                                                     uint32_t count,
                                                     const VkComputePipelineCreateInfo *infos,
                                                     const VkAllocationCallbacks *allocator,
                                                     VkPipeline *pipelines)
{
    (void)device, (void)cache, (void)allocator;
    sem_wait(&driver.compile);
    assert_int_equal(driver.modules_destroyed, 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(infos[i].stage.module == HANDLE(VkShaderModule, 0x1000));
        assert_string_equal(infos[i].stage.pName, "main");
        pipelines[i] = driver.compiled ? VK_NULL_HANDLE : HANDLE(VkPipeline, 0x2000 + i);
    }
    driver.compiles++;
    return driver.compiled;
}

static VKAPI_ATTR void VKAPI_CALL destroy_module(VkDevice device, VkShaderModule module,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device, (void)allocator;
    assert_true(module == HANDLE(VkShaderModule, 0x1000));
    driver.modules_destroyed++;
}

static VKAPI_ATTR void VKAPI_CALL destroy_pipeline(VkDevice device, VkPipeline pipeline,
                                                   const VkAllocationCallbacks *allocator)
{
    (void)device, (void)pipeline, (void)allocator;
    driver.pipelines_destroyed++;
}

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

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device,
                                                      const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkDeviceMemory *memory)
{
    (void)device, (void)allocator;
    driver.allocated = *info;
    driver.imported = (VkImportMemoryHostPointerInfoEXT){0};
    const VkBaseInStructure *next = info->pNext;
    if (next && next->sType == VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT)
        driver.imported = *(const VkImportMemoryHostPointerInfoEXT *)info->pNext;
    else if (next)
        driver.exported_as = ((const VkExportMemoryAllocateInfo *)info->pNext)->handleTypes;
    *memory = HANDLE(VkDeviceMemory, 0x5000);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL map_memory(VkDevice device, VkDeviceMemory memory,
                                                 VkDeviceSize offset, VkDeviceSize size,
                                                 VkMemoryMapFlags flags, void **data)
{
    (void)device, (void)memory, (void)flags;
    assert_true(offset == 0 && size == VK_WHOLE_SIZE);
    *data = driver.mapped;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL unmap_memory(VkDevice device, VkDeviceMemory memory)
{
    (void)device, (void)memory;
    driver.unmapped++;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_file(VkDevice device, const VkMemoryGetFdInfoKHR *info,
                                               int *file)
{
    (void)device;
    assert_true(info->memory == HANDLE(VkDeviceMemory, 0x5000));
    driver.exported_as = info->handleType;
    if (driver.export_result)
        return driver.export_result;
    *file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory memory,
                                              const VkAllocationCallbacks *allocator)
{
    (void)device, (void)memory, (void)allocator;
    driver.memory_freed++;
}

static VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice device,
                                                 VkPhysicalDeviceProperties *properties)
{
    (void)device;
    properties->apiVersion = VK_API_VERSION_1_3;
}

/* --- A stream --- */

struct fixture {
    struct exec x;
    struct stream_io io;
    struct vkwire_instance_dispatch vki;
    struct vkwire_device_dispatch vk;
    struct worker worker;
    struct worker_adapter adapter;
    struct wire_encoder encoder;
    struct stream_shared *shared;
    uint8_t *memory; /* slots, and behind them the aperture */
};

#define SLOT_SIZE 1024u
#define APERTURE_SIZE 65536u

static void run(struct fixture *f);

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
    struct fixture *f = calloc(1, sizeof(*f));
    memset(&driver, 0, sizeof(driver));
    sem_init(&driver.compile, 0, 0);
    f->shared = aligned_alloc(64, sizeof(*f->shared));
    memset(f->shared, 0, sizeof(*f->shared));
    f->memory = aligned_alloc(4096, APERTURE_SIZE + 4096);
    memset(f->memory, 0, APERTURE_SIZE + 4096);
    f->io.shared = f->shared;
    f->io.fence = calloc(1, sizeof(*f->io.fence));
    f->io.slots = f->memory + APERTURE_SIZE;
    f->io.slot_size = SLOT_SIZE;
    f->io.slot_count = 1;
    f->vki.GetPhysicalDeviceProperties = get_properties;
    f->vk.CreateComputePipelines = create_compute;
    f->vk.DestroyShaderModule = destroy_module;
    f->vk.DestroyPipeline = destroy_pipeline;
    f->vk.CreateDescriptorPool = create_pool;
    f->vk.DestroyDescriptorPool = destroy_pool;
    f->vk.ResetDescriptorPool = reset_pool;
    f->vk.AllocateDescriptorSets = allocate_sets;
    f->vk.FreeDescriptorSets = free_sets;
    f->vk.UpdateDescriptorSets = update_sets;
    f->vk.CmdPushDescriptorSetKHR = push_set;
    f->vk.CreateDescriptorSetLayout = create_set_layout;
    f->vk.DestroyDescriptorSetLayout = destroy_set_layout;
    f->vk.CreatePipelineLayout = create_layout;
    f->vk.DestroyPipelineLayout = destroy_layout;
    f->vk.AllocateMemory = allocate_memory;
    f->vk.FreeMemory = free_memory;
    f->vk.MapMemory = map_memory;
    f->vk.UnmapMemory = unmap_memory;
    f->adapter.memory_types.guest.memoryTypeCount = 2;
    f->adapter.memory_types.visible = 1;
    f->adapter.memory_types.import_alignment = 4096;
    f->worker.aperture = f->memory;
    f->worker.aperture_size = APERTURE_SIZE;
    f->worker.table_entries = handle_index(ALLOCATION) + 1;
    f->worker.table = calloc(f->worker.table_entries, sizeof(*f->worker.table));
    f->worker.table[handle_index(ALLOCATION)] =
        (struct link_allocation){.handle = ALLOCATION, .offset = 8192, .size = 16384};
    f->x = (struct exec){
        .worker = &f->worker,
        .adapter = &f->adapter,
        .vki = &f->vki,
        .vk = &f->vk,
        .device = HANDLE(VkDevice, 1),
        .io = &f->io,
    };
    arena_init(&f->x.arena, 1 << 20);
    wire_encoder_init(&f->encoder);
    exec_memory_init(&f->x);
    exec_compile_init(&f->x);
    exec_object_add(&f->x, MODULE, VKWIRE_OBJECT_SHADER_MODULE, 0x1000);
    make_layouts(f);
    exec_object_add(&f->x, BUFFER, VKWIRE_OBJECT_BUFFER, 0x1003);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    exec_compile_finish(&f->x);
    exec_objects_destroy(&f->x);
    exec_memory_finish(&f->x);
    stream_io_finish(&f->io);
    arena_finish(&f->x.arena);
    wire_encoder_finish(&f->encoder);
    assert_int_equal(f->worker.table[handle_index(ALLOCATION)].used, 0);
    free(f->worker.table);
    free(f->io.fence);
    free(f->shared);
    free(f->memory);
    free(f);
    sem_destroy(&driver.compile);
    return 0;
}

/* Runs what was put, one command. */
static void run(struct fixture *f)
{
    assert_false(f->encoder.failed);
    exec_command(&f->x, f->encoder.data, f->encoder.used);
    wire_encoder_reset(&f->encoder);
}

static void put_pipelines(struct fixture *f, uint32_t count, VkPipelineCreateFlags flags)
{
    VkComputePipelineCreateInfo infos[2];
    VkPipeline pipelines[2];
    for (uint32_t i = 0; i < count; i++) {
        infos[i] = (VkComputePipelineCreateInfo){
            .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
            .flags = flags,
            .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                      .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                      .module = HANDLE(VkShaderModule, MODULE),
                      .pName = "main"},
            .layout = HANDLE(VkPipelineLayout, LAYOUT),
        };
        pipelines[i] = HANDLE(VkPipeline, PIPELINE(i));
    }
    wire_put_CreateComputePipelines(&f->encoder, VK_NULL_HANDLE, count, infos, pipelines);
    run(f);
}

/* --- Pipelines --- */

static void compiling_holds_up_nobody_but_users(void **state)
{
    struct fixture *f = *state;
    put_pipelines(f, 2, 0); /* returns, although nothing is compiled */
    assert_int_equal(driver.compiles, 0);
    wire_put_DestroyShaderModule(&f->encoder, HANDLE(VkShaderModule, MODULE));
    run(f);
    assert_int_equal(driver.modules_destroyed, 0); /* it is in use */
    assert_null(exec_object_find(&f->x, MODULE, VKWIRE_OBJECT_SHADER_MODULE));
    sem_post(&driver.compile);
    struct exec_object *pipeline = exec_object_get(&f->x, PIPELINE(1), VKWIRE_OBJECT_PIPELINE);
    assert_int_equal(pipeline->handle[0], 0x2001);
    wire_put_DestroyPipeline(&f->encoder, HANDLE(VkPipeline, PIPELINE(0)));
    run(f);
    exec_compile_finish(&f->x);
    assert_int_equal(driver.modules_destroyed, 1);
    assert_int_equal(driver.pipelines_destroyed, 1);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
}

static void what_fails_to_compile_ends_the_stream(void **state)
{
    struct fixture *f = *state;
    driver.compiled = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    put_pipelines(f, 1, 0);
    sem_post(&driver.compile);
    exec_object_find(&f->x, PIPELINE(0), VKWIRE_OBJECT_PIPELINE);
    assert_int_equal(f->x.lost, STREAM_LOST_MEMORY);
}

static void ask_results(struct fixture *f, uint32_t count)
{
    struct stream_pipeline_results *command =
        wire_put(&f->encoder, sizeof(*command) + 8 * (size_t)count);
    *command = (struct stream_pipeline_results){
        .head = {STREAM_PIPELINE_RESULTS, (uint16_t)(2 + count)},
        .reply = STREAM_REPLY(0, 7),
        .count = count,
    };
    for (uint32_t i = 0; i < count; i++)
        ((uint64_t *)(void *)(command + 1))[i] = PIPELINE(i);
    run(f);
}

static void compiling_may_be_declined(void **state)
{
    struct fixture *f = *state;
    driver.compiled = VK_PIPELINE_COMPILE_REQUIRED;
    put_pipelines(f, 2, VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT);
    sem_post(&driver.compile);
    ask_results(f, 2);
    const struct stream_reply *reply = (const void *)f->io.slots;
    const struct stream_pipeline_result *result = (const void *)(reply + 1);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_int_equal(reply->state, STREAM_REPLY(0, 7));
    assert_int_equal(reply->result, VK_PIPELINE_COMPILE_REQUIRED);
    assert_int_equal(result->there, 0);
    assert_int_equal(result->stages, 1);
    assert_int_equal(reply->total, 2 * (8 + 2 * 16));
    assert_null(exec_object_find(&f->x, PIPELINE(0), VKWIRE_OBJECT_PIPELINE));
}

static void pipelines_may_stay_pending_for_ever(void **state)
{
    struct fixture *f = *state;
    put_pipelines(f, 1, 0);
    sem_post(&driver.compile); /* or the thread could not end */
    exec_compile_finish(&f->x);
    exec_objects_destroy(&f->x); /* with the pipeline, if it was made */
    assert_int_equal(driver.pipelines_destroyed, driver.compiles);
}

static void a_pipeline_of_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    wire_put_DestroyShaderModule(&f->encoder, HANDLE(VkShaderModule, MODULE));
    run(f);
    assert_int_equal(driver.modules_destroyed, 1); /* at once: there was no job */
    put_pipelines(f, 1, 0);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    assert_null(exec_object_find(&f->x, PIPELINE(0), VKWIRE_OBJECT_PIPELINE));
}

/* --- Descriptors --- */

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

static void push_buffer(struct fixture *f, uint32_t set, uint32_t binding, uint32_t type)
{
    struct stream_push_descriptors *command = wire_put(&f->encoder, sizeof(*command));
    *command = (struct stream_push_descriptors){
        .head = {STREAM_PUSH_DESCRIPTORS, 0}, .layout = LAYOUT, .set = set, .writes = 1};
    struct stream_descriptor_write *write = wire_put(&f->encoder, sizeof(*write));
    *write = (struct stream_descriptor_write){.binding = binding, .count = 1, .type = type};
    struct stream_descriptor_buffer *info = wire_put(&f->encoder, sizeof(*info));
    *info = (struct stream_descriptor_buffer){BUFFER, 0, VK_WHOLE_SIZE};
    wire_end_command(&f->encoder, 0);
    f->x.command_buffer = HANDLE(VkCommandBuffer, 1);
    exec_push_descriptors(&f->x, f->encoder.data, f->encoder.used);
    wire_encoder_reset(&f->encoder);
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
        {SET(0), MODULE, 1, 1, type},
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

/* --- Memory --- */

static void allocate(struct fixture *f, uint32_t number, uint64_t size, uint32_t type,
                     uint32_t allocation)
{
    struct stream_allocate_memory *command = wire_put(&f->encoder, sizeof(*command));
    *command = (struct stream_allocate_memory){
        .head.opcode = STREAM_ALLOCATE_MEMORY,
        .reply = STREAM_REPLY(0, 9),
        .id = MEMORY(number),
        .size = size,
        .memory_type = type,
        .allocation = allocation,
    };
    wire_put_chain(&f->encoder, NULL);
    wire_end_command(&f->encoder, 0);
    run(f);
}

static void free_it(struct fixture *f, uint32_t number)
{
    struct stream_object *command = wire_put(&f->encoder, sizeof(*command));
    *command = (struct stream_object){.head = {STREAM_FREE_MEMORY, 2}, .id = MEMORY(number)};
    run(f);
}

static void visible_memory_is_the_apertures(void **state)
{
    struct fixture *f = *state;
    const uint32_t *used = &f->worker.table[handle_index(ALLOCATION)].used;
    allocate(f, 0, 5000, 0, ALLOCATION);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_ptr_equal(driver.imported.pHostPointer, f->memory + 8192);
    assert_int_equal(driver.allocated.allocationSize, 8192);
    assert_int_equal(*used, 1);
    free_it(f, 0);
    assert_int_equal(driver.memory_freed, 1);
    assert_int_equal(*used, 0);
    allocate(f, 0, 5000, 1, ALLOCATION); /* the driver's own */
    assert_null(driver.imported.pHostPointer);
    assert_int_equal(driver.allocated.allocationSize, 5000);
    assert_int_equal(*used, 1);
}

static void exported_memory_goes_to_the_guest(void **state)
{
    struct fixture *f = *state;
    const uint32_t *used = &f->worker.table[handle_index(ALLOCATION)].used;
    f->worker.table[handle_index(ALLOCATION)].offset = UINT64_MAX; /* not in the aperture */
    f->adapter.memory_types.import_alignment = 0;
    f->adapter.memory_types.export_type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
    f->adapter.memory_types.export_offset = 12288;
    f->x.memory->get_file = get_file;
    memset(driver.mapped, 0xcc, sizeof(driver.mapped));
    allocate(f, 0, 5000, 0, ALLOCATION);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_int_equal(driver.allocated.allocationSize, 8192); /* whole pages */
    assert_int_equal(driver.exported_as, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    assert_int_equal(driver.files_told, 1);
    assert_int_equal(driver.told.allocation, ALLOCATION);
    assert_true(driver.told.offset == 12288);
    assert_int_equal(driver.unmapped, 1);
    for (uint32_t i = 0; i < 8192; i++)
        assert_int_equal(driver.mapped[i], 0); /* what was there is nobody's to read */
    assert_int_equal(driver.mapped[8192], 0xcc);
    assert_int_equal(*used, 1);
    free_it(f, 0);
    assert_int_equal(*used, 0);
    /* What is not visible is not exported. */
    driver.exported_as = 0;
    allocate(f, 0, 5000, 1, ALLOCATION);
    assert_int_equal(driver.exported_as, 0);
    free_it(f, 0);
    /* A driver that fails. */
    driver.export_result = VK_ERROR_TOO_MANY_OBJECTS;
    driver.memory_freed = 0;
    allocate(f, 0, 5000, 0, ALLOCATION);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_int_equal(driver.memory_freed, 1);
    assert_int_equal(driver.files_told, 1);
    assert_int_equal(*used, 0);
    allocate(f, 0, 16385, 0, ALLOCATION);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
}

static void memory_outside_its_allocation_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t size;
        uint32_t type, allocation;
    } bad[] = {
        {16385, 0, ALLOCATION},
        {UINT64_MAX, 0, ALLOCATION},
        {UINT64_MAX, 1, ALLOCATION},
        {0, 0, ALLOCATION},
        {1, 2, ALLOCATION},
        {1, 0, ALLOCATION + 0x10000},
        {1, 1, 0},
        {1, 1, 0xffffffff},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        allocate(f, 0, bad[i].size, bad[i].type, bad[i].allocation);
        assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
        assert_int_equal(f->worker.table[handle_index(ALLOCATION)].used, 0);
        f->x.lost = STREAM_ALIVE;
    }
    /* What the ledger counted once serves once. */
    allocate(f, 0, 100, 1, ALLOCATION);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    allocate(f, 1, 100, 1, ALLOCATION);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
}

/* --- Memory that is not shared --- */

static void make_mirrored(struct fixture *f, uint64_t size)
{
    memset(driver.mapped, 0xcc, sizeof(driver.mapped));
    f->x.mirrors = true;
    allocate(f, 0, size, 0, ALLOCATION);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_null(driver.imported.pHostPointer);
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(driver.mapped[i], 0); /* what was there is nobody's to read */
    assert_int_equal(driver.mapped[size], 0xcc);
}

/* `bytes` of `value` at `offset`. */
static void write_memory(struct fixture *f, uint32_t number, uint64_t offset, uint32_t bytes,
                         uint8_t value)
{
    static uint8_t memory[STREAM_PAGE_SIZE], shadow[STREAM_PAGE_SIZE];
    static _Alignas(8) uint8_t packed[MIRROR_MAX_PAGE];
    memset(memory, value, bytes);
    memset(shadow, (uint8_t)~value, bytes);
    struct stream_page page = {.offset = offset};
    size_t used = mirror_pack(&page, memory, shadow, bytes, packed);
    struct stream_write_memory *command = wire_put(&f->encoder, sizeof(*command) + used);
    *command =
        (struct stream_write_memory){.head.opcode = STREAM_WRITE_MEMORY, .id = MEMORY(number)};
    memcpy(command + 1, packed, used);
    wire_end_command(&f->encoder, 0);
    run(f);
}

static const struct stream_reply *read_memory(struct fixture *f,
                                              const struct stream_memory_range *ranges,
                                              uint32_t count, uint32_t told)
{
    size_t size = count * sizeof(*ranges);
    struct stream_read_memory *command = wire_put(&f->encoder, sizeof(*command) + size);
    *command = (struct stream_read_memory){
        .head.opcode = STREAM_READ_MEMORY, .reply = STREAM_REPLY(0, 10), .count = told};
    memcpy(command + 1, ranges, size);
    wire_end_command(&f->encoder, 0);
    run(f);
    return (const void *)f->io.slots;
}

static void what_the_device_writes_is_told_once(void **state)
{
    struct fixture *f = *state;
    const struct stream_memory_range all = {MEMORY(0), 0, 10000};
    const struct stream_read_memory_reply *done;
    make_mirrored(f, 10000);
    const struct stream_reply *reply = read_memory(f, &all, 1, 1);
    done = (const void *)(reply + 1);
    assert_int_equal(reply->total, sizeof(*done));
    assert_true(done->range == 1 && done->offset == 0);
    driver.mapped[9999] = 7;
    reply = read_memory(f, &all, 1, 1);
    assert_int_equal(reply->total, sizeof(*done) + sizeof(struct stream_page) + 16);
    reply = read_memory(f, &all, 1, 1);
    assert_int_equal(reply->total, sizeof(*done));
    /* What the guest has written itself is not told. */
    write_memory(f, 0, 4000, 200, 9);
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(driver.mapped[i], i == 9999 ? 7 : i >= 4000 && i < 4200 ? 9 : 0);
    reply = read_memory(f, &all, 1, 1);
    assert_int_equal(reply->total, sizeof(*done));
    assert_int_equal(f->x.lost, STREAM_ALIVE);
}

static void much_is_told_in_pieces(void **state)
{
    struct fixture *f = *state;
    struct stream_memory_range ranges[8];
    make_mirrored(f, 16000);
    /* The same memory in many ranges is told in the first alone. */
    for (uint32_t i = 0; i < 8; i++)
        ranges[i] = (struct stream_memory_range){MEMORY(0), 0, 16000};
    memset(driver.mapped, 1, 16000);
    const struct stream_reply *reply = read_memory(f, ranges, 8, 8);
    const struct stream_read_memory_reply *done = (const void *)(reply + 1);
    assert_int_equal(done->range, 8);
    assert_in_range(reply->total, 16000, STREAM_MAX_READ);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
}

static void memory_outside_of_a_mirror_is_refused(void **state)
{
    struct fixture *f = *state;
    make_mirrored(f, 8000);
    static const struct {
        uint32_t number;
        uint64_t offset;
        uint32_t size;
    } writes[] = {{0, 7999, 2},       {0, 8000, 1},           {0, 4096, 4096},
                  {0, UINT64_MAX, 1}, {0, UINT64_MAX - 7, 8}, {1, 0, 8}};
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        write_memory(f, writes[i].number, writes[i].offset, writes[i].size, 3);
        assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
        f->x.lost = STREAM_ALIVE;
    }
    static const struct stream_memory_range reads[] = {
        {MEMORY(0), 0, 8001},       {MEMORY(0), 8001, 0}, {MEMORY(0), UINT64_MAX, 2},
        {MEMORY(0), 1, UINT64_MAX}, {MEMORY(1), 0, 8},    {BUFFER, 0, 8}};
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        (void)read_memory(f, &reads[i], 1, 1);
        assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
        f->x.lost = STREAM_ALIVE;
    }
    static const uint32_t counts[] = {0, 2, 257, UINT32_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const struct stream_memory_range one = {MEMORY(0), 0, 8};
        (void)read_memory(f, &one, 1, counts[i]);
        assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
        f->x.lost = STREAM_ALIVE;
    }
    for (uint32_t i = 0; i < sizeof(driver.mapped); i++)
        assert_int_equal(driver.mapped[i], i < 8000 ? 0 : 0xcc);
}

static void shared_memory_is_not_told(void **state)
{
    struct fixture *f = *state;
    const struct stream_memory_range all = {MEMORY(0), 0, 8};
    allocate(f, 0, 5000, 0, ALLOCATION);
    write_memory(f, 0, 0, 8, 3);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    f->x.lost = STREAM_ALIVE;
    (void)read_memory(f, &all, 1, 1);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(compiling_holds_up_nobody_but_users),
        TEST(what_fails_to_compile_ends_the_stream),
        TEST(compiling_may_be_declined),
        TEST(pipelines_may_stay_pending_for_ever),
        TEST(a_pipeline_of_nothing_is_refused),
        TEST(fragmented_pools_get_another),
        TEST(sets_of_such_pools_cannot_be_freed),
        TEST(writes_are_checked),
        TEST(writes_lie_within_their_layout),
        TEST(copies_lie_within_their_layouts),
        TEST(what_is_pushed_lies_within_its_layout),
        TEST(exported_memory_goes_to_the_guest),
        TEST(visible_memory_is_the_apertures),
        TEST(memory_outside_its_allocation_is_refused),
        TEST(what_the_device_writes_is_told_once),
        TEST(much_is_told_in_pieces),
        TEST(memory_outside_of_a_mirror_is_refused),
        TEST(shared_memory_is_not_told),
    };
    return cmocka_run_group_tests_name("worker-exec-resources", tests, NULL, NULL);
}

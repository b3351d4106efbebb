/* SPDX-License-Identifier: MIT */
/* Memory in the worker, on a driver of the test's own: imported, exported, and told in messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "host/worker/exec_external.h"
#include "tests/worker/exec_fixture.h"
#include "wire/handle_table.h"
#include "wire/mirror.h"

#define MEMORY(n) STREAM_ID(60 + (n), 1, VKWIRE_OBJECT_DEVICE_MEMORY)

/* --- The driver --- */

static struct {
    VkMemoryAllocateInfo allocated;
    VkImportMemoryHostPointerInfoEXT imported;
    int memory_freed;
    uint8_t mapped[16384]; /* memory that is not imported, as the CPU sees it */
    int unmapped;
    VkExternalMemoryHandleTypeFlags exported_as;
    VkResult export_result;
} driver;

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

static int setup(void **state)
{
    static const struct vkwire_device_dispatch vk = {
        .AllocateMemory = allocate_memory,
        .FreeMemory = free_memory,
        .MapMemory = map_memory,
        .UnmapMemory = unmap_memory,
    };
    memset(&driver, 0, sizeof(driver));
    struct fixture *f = fixture_create(&vk);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* --- Memory that is shared --- */

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
    assert_int_equal(f->files_told, 1);
    assert_int_equal(f->told.allocation, ALLOCATION);
    assert_true(f->told.offset == 12288);
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
    assert_int_equal(f->files_told, 1);
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
        TEST(exported_memory_goes_to_the_guest),
        TEST(visible_memory_is_the_apertures),
        TEST(memory_outside_its_allocation_is_refused),
        TEST(what_the_device_writes_is_told_once),
        TEST(much_is_told_in_pieces),
        TEST(memory_outside_of_a_mirror_is_refused),
        TEST(shared_memory_is_not_told),
    };
    return cmocka_run_group_tests_name("worker-exec-memory", tests, NULL, NULL);
}

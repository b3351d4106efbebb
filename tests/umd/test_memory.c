/* SPDX-License-Identifier: MIT */
/* Memory of the guest: pieces of blocks, what the host is asked for, and when it gets it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fake_stream.h"
#include "gpupv/kmt.h"
#include "umd/umd_facts.h"
#include "umd/umd_memory.h"
#include "umd/umd_memory_block.h"
#include "umd/umd_memory_cache.h"
#include "umd_commands.h"
#include "vkwire_encode.h"

#define MIB (UINT64_C(1) << 20)
#define VISIBLE 0u /* memory types */
#define LOCAL 1u
#define LAZY 2u
#define SMALL 3u /* in a heap of 8 MiB */

/* --- The host --- */

static struct {
    uint64_t quota, taken; /* bytes of D3DKMT allocations */
    uint64_t sizes[4096];  /* by handle; 0: none */
    uint32_t allocations, calls;
    VkResult refuse; /* what the worker's next vkAllocateMemory says */
    uint32_t position, executed;
    bool chain;     /* the last one had a chain */
    uint64_t asked; /* whose opaque address */
    uint64_t opaque;
} host;
static uint8_t mapped[16u << 20]; /* a block, of which nothing is touched */

void wire_put_chain(struct wire_encoder *encoder, const void *next)
{
    (void)encoder;
    host.chain = next;
}

VkResult
umd_call_GetDeviceMemoryOpaqueCaptureAddress(struct umd_stream *stream,
                                             const VkDeviceMemoryOpaqueCaptureAddressInfo *pInfo,
                                             uint64_t *returned)
{
    (void)stream;
    host.asked = UMD_ID(pInfo->memory);
    *returned = host.opaque;
    return VK_SUCCESS;
}

D3DKMT_HANDLE umd_stream_device(const struct umd_stream *stream)
{
    (void)stream;
    return 7;
}

struct wire_encoder *umd_call_begin(struct umd_stream *stream, struct umd_call *call)
{
    *call = (struct umd_call){.stream = stream};
    return umd_stream_begin(stream);
}

VkResult umd_call_wait(struct umd_call *call)
{
    host.calls++;
    call->result = host.refuse;
    host.refuse = VK_SUCCESS;
    umd_stream_end(call->stream, true);
    return VK_SUCCESS;
}

void umd_call_end(struct umd_call *call)
{
    (void)call;
}

bool umd_stream_shares_memory(const struct umd_stream *stream)
{
    (void)stream;
    return true;
}

void umd_stream_lose(struct umd_stream *stream, const char *format, ...)
{
    (void)format;
    fake_lose(stream);
}

uint32_t umd_stream_executed(const struct umd_stream *stream)
{
    (void)stream;
    return host.executed;
}

uint32_t umd_stream_position(struct umd_stream *stream)
{
    (void)stream;
    return ++host.position;
}

static NTSTATUS create_allocation(D3DKMT_CREATEALLOCATION *args)
{
    const struct gpupv_allocation_private *private = args->pAllocationInfo2->pPrivateDriverData;
    assert_int_equal(args->hDevice, 7);
    if (private->size > host.quota - host.taken)
        return STATUS_GRAPHICS_NO_VIDEO_MEMORY;
    uint32_t handle = 1;
    while (host.sizes[handle])
        handle++;
    host.sizes[handle] = private->size;
    host.taken += private->size;
    host.allocations++;
    args->pAllocationInfo2->hAllocation = handle;
    return STATUS_SUCCESS;
}

static NTSTATUS destroy_allocations(CONST D3DKMT_DESTROYALLOCATION2 *args)
{
    for (uint32_t i = 0; i < args->AllocationCount; i++) {
        uint32_t handle = args->phAllocationList[i];
        assert_true(host.sizes[handle] != 0);
        host.taken -= host.sizes[handle];
        host.sizes[handle] = 0;
        host.allocations--;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS lock(D3DKMT_LOCK2 *args)
{
    args->pData = mapped; /* an address to compare with; nobody writes there */
    return STATUS_SUCCESS;
}

static const struct gpupv_umd_callbacks callbacks = {
    .CreateAllocation2 = create_allocation,
    .DestroyAllocation2 = destroy_allocations,
    .Lock2 = lock,
};

/* --- The device --- */

struct fixture {
    struct umd_device device;
    struct umd_stream stream;
    struct umd_physical_device physical;
    struct umd_adapter adapter;
    struct umd_facts facts;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    memset(&host, 0, sizeof(host));
    host.quota = 1024 * MIB;
    fake_device_init(&f->device, &f->stream);
    f->adapter.shim.callbacks = &callbacks;
    f->physical.adapter = &f->adapter;
    f->physical.facts = &f->facts;
    f->device.physical = &f->physical;
    f->facts.cpu_memory = FACTS_MEMORY_APERTURE;
    f->facts.memory = (VkPhysicalDeviceMemoryProperties){
        .memoryTypeCount = 4,
        .memoryTypes = {{VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, 0},
                        {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
                        {VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT, 0},
                        {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 1}},
        .memoryHeapCount = 2,
        .memoryHeaps = {{2048 * MIB, 0}, {8 * MIB, 0}},
    };
    f->facts.properties.limits.maxMemoryAllocationCount = 1000;
    f->facts.properties.limits.bufferImageGranularity = 1024;
    assert_int_equal(umd_memory_init(&f->device), VK_SUCCESS);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    umd_memory_finish(&f->device);
    assert_int_equal(host.allocations, 0); /* all is given back */
    fake_device_finish(&f->device);
    free(f);
    return 0;
}

static VkResult allocate(struct fixture *f, uint64_t size, uint32_t type, const void *next,
                         VkDeviceMemory *memory)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = next,
        .allocationSize = size,
        .memoryTypeIndex = type,
    };
    return umd_AllocateMemory((VkDevice)&f->device, &info, NULL, memory);
}

static const struct umd_memory *state_of(struct fixture *f, VkDeviceMemory memory)
{
    return umd_object(&f->device, UMD_ID(memory));
}

static void give(struct fixture *f, VkDeviceMemory memory)
{
    umd_FreeMemory((VkDevice)&f->device, memory, NULL);
}

static void small_memory_asks_the_host_once(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory[64];
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(allocate(f, 65536, VISIBLE, NULL, &memory[i]), VK_SUCCESS);
        VkDeviceMemory resolved = memory[i];
        VkDeviceSize offset = 100;
        umd_memory_resolve(&f->device, &resolved, &offset);
        assert_true(resolved != memory[i] &&
                    resolved == UMD_HANDLE(VkDeviceMemory, state_of(f, memory[0])->id));
        assert_int_equal(offset, state_of(f, memory[i])->offset + 100);
        void *at;
        assert_int_equal(umd_MapMemory((VkDevice)&f->device, memory[i], 5, 1, 0, &at), VK_SUCCESS);
        assert_ptr_equal(at, mapped + state_of(f, memory[i])->offset + 5);
    }
    assert_int_equal(host.calls, 1);
    assert_int_equal(host.taken, 16 * MIB);
    for (uint32_t i = 0; i < 64; i++)
        give(f, memory[i]);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(allocate(f, 65536, VISIBLE, NULL, &memory[0]), VK_SUCCESS);
        give(f, memory[0]);
    }
    assert_int_equal(host.calls, 1); /* the empty block was kept */
    VkDeviceMemory none = VK_NULL_HANDLE;
    VkDeviceSize offset = 3;
    umd_memory_resolve(&f->device, &none, &offset);
    assert_true(none == VK_NULL_HANDLE && offset == 3);
}

static void kinds_do_not_mix(void **state)
{
    struct fixture *f = *state;
    const VkMemoryAllocateFlagsInfo address = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    VkDeviceMemory plain, addressed, local, lazy, whole;
    assert_int_equal(allocate(f, 100, VISIBLE, NULL, &plain), VK_SUCCESS);
    assert_false(host.chain);
    assert_int_equal(allocate(f, 100, VISIBLE, &address, &addressed), VK_SUCCESS);
    assert_true(host.chain);
    assert_int_equal(allocate(f, 100, LOCAL, NULL, &local), VK_SUCCESS);
    assert_int_equal(allocate(f, 100, LAZY, NULL, &lazy), VK_SUCCESS);
    assert_int_equal(host.calls, 4);
    assert_non_null(state_of(f, addressed)->block);
    assert_null(state_of(f, local)->map);
    assert_null(state_of(f, lazy)->block);
    f->device.capture_replay = true; /* such memory has an address that may be asked for */
    assert_int_equal(allocate(f, 100, VISIBLE, &address, &whole), VK_SUCCESS);
    assert_null(state_of(f, whole)->block);
    void *at;
    assert_int_equal(umd_MapMemory((VkDevice)&f->device, local, 0, 1, 0, &at),
                     VK_ERROR_MEMORY_MAP_FAILED);
    VkDeviceMemory all[] = {plain, addressed, local, lazy, whole};
    for (uint32_t i = 0; i < 5; i++)
        give(f, all[i]);
}

static void freeing_does_not_wait(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory, other;
    assert_int_equal(allocate(f, 4 * MIB, LAZY, NULL, &memory), VK_SUCCESS);
    assert_int_equal(host.taken, 4 * MIB);
    give(f, memory);
    assert_null(state_of(f, memory));
    assert_int_equal(host.taken, 4 * MIB); /* the worker has not come to it */
    assert_int_equal(allocate(f, 4 * MIB, LAZY, NULL, &other), VK_SUCCESS);
    assert_int_equal(host.taken, 8 * MIB);
    host.executed = host.position;
    give(f, other);
    assert_int_equal(allocate(f, 4 * MIB, LAZY, NULL, &memory), VK_SUCCESS);
    assert_int_equal(host.taken, 8 * MIB); /* the first went, the second is not executed */
    give(f, memory);
}

static void large_memory_is_kept_for_a_moment(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory, other;
    host.executed = UINT32_MAX / 4; /* all that is sent is executed */
    assert_int_equal(allocate(f, 4 * MIB, VISIBLE, NULL, &memory), VK_SUCCESS);
    uint64_t id = state_of(f, memory)->id;
    VkDeviceMemory resolved = memory;
    VkDeviceSize offset = 7;
    umd_memory_resolve(&f->device, &resolved, &offset);
    assert_true(UMD_ID(resolved) == id && id != UMD_ID(memory) && offset == 7);
    give(f, memory);
    assert_null(state_of(f, memory));
    assert_int_equal(host.taken, 4 * MIB);
    /* The like of it, in the program's eyes new. */
    assert_int_equal(allocate(f, 4 * MIB - 5000, VISIBLE, NULL, &other), VK_SUCCESS);
    assert_true(state_of(f, other)->id == id && other != memory);
    assert_int_equal(state_of(f, other)->size, 4 * MIB - 5000);
    void *at;
    assert_int_equal(umd_MapMemory((VkDevice)&f->device, other, 5, 1, 0, &at), VK_SUCCESS);
    assert_ptr_equal(at, mapped + 5);
    assert_int_equal(host.calls, 1);
    give(f, other);
    /* What is larger, much smaller, or of another kind. */
    const VkMemoryAllocateFlagsInfo address = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    const struct {
        uint64_t size;
        uint32_t type;
        const void *next;
    } others[] = {{4 * MIB + 1, VISIBLE, NULL},
                  {3 * MIB, VISIBLE, NULL},
                  {4 * MIB, LOCAL, NULL},
                  {4 * MIB, VISIBLE, &address}};
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(allocate(f, others[i].size, others[i].type, others[i].next, &other),
                         VK_SUCCESS);
        assert_int_equal(host.calls, 2 + i);
        give(f, other);
    }
    /* Nobody wants it. */
    assert_int_equal(f->device.memory->cache.count, 5);
    umd_cache_look(&f->device);
    assert_int_equal(f->device.memory->cache.count, 5);
    for (uint32_t i = 0; i < 5; i++)
        f->device.memory->cache.entries[i].freed_ns -= UINT64_C(2000000000);
    umd_cache_look(&f->device);
    assert_int_equal(f->device.memory->cache.count, 0);
    umd_host_memory_reap(&f->device, false);
    assert_int_equal(host.taken, 0);
}

static void what_is_kept_is_bounded(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory[40];
    host.executed = UINT32_MAX / 4;
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(allocate(f, 4 * MIB, LOCAL, NULL, &memory[i]), VK_SUCCESS);
    for (uint32_t i = 0; i < 40; i++)
        give(f, memory[i]);
    assert_int_equal(f->device.memory->cache.count, 16);
    umd_host_memory_reap(&f->device, false);
    assert_int_equal(host.taken, 64 * MIB);
    assert_int_equal(allocate(f, 65 * MIB, LOCAL, NULL, &memory[0]), VK_SUCCESS);
    give(f, memory[0]); /* too large: the others stay */
    assert_int_equal(f->device.memory->cache.count, 16);
    umd_host_memory_reap(&f->device, false);
    assert_int_equal(host.taken, 64 * MIB);
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(allocate(f, MIB, VISIBLE, NULL, &memory[i]), VK_SUCCESS);
    for (uint32_t i = 0; i < 40; i++)
        give(f, memory[i]);
    assert_int_equal(f->device.memory->cache.count, UMD_CACHE_ENTRIES);
    /* It makes room where there is none. */
    host.quota = 100 * MIB;
    assert_int_equal(allocate(f, 99 * MIB, LOCAL, NULL, &memory[0]), VK_SUCCESS);
    assert_int_equal(host.taken, 99 * MIB);
    give(f, memory[0]);
    assert_int_equal(allocate(f, 101 * MIB, LOCAL, NULL, &memory[0]),
                     VK_ERROR_OUT_OF_DEVICE_MEMORY);
    /* Of a device that is lost nothing is kept. */
    assert_int_equal(allocate(f, MIB, LOCAL, NULL, &memory[0]), VK_SUCCESS);
    fake_lose(f->device.stream);
    give(f, memory[0]);
    assert_int_equal(f->device.memory->cache.count, 0);
}

static void out_of_memory_is_true(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory, piece;
    assert_int_equal(allocate(f, 0, LOCAL, NULL, &memory), VK_SUCCESS);
    assert_true(memory == VK_NULL_HANDLE);
    assert_int_equal(allocate(f, 2049 * MIB, LOCAL, NULL, &memory), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(host.calls, 0);
    host.refuse = VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS;
    assert_int_equal(allocate(f, MIB, LOCAL, NULL, &memory),
                     VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS);
    assert_int_equal(host.taken, 0);
    /* No room for a block, but for the page that is asked for. */
    host.quota = MIB;
    host.executed = UINT32_MAX / 4; /* all that is sent is executed */
    assert_int_equal(allocate(f, 65536, LOCAL, NULL, &piece), VK_SUCCESS);
    assert_null(state_of(f, piece)->block);
    assert_int_equal(allocate(f, MIB, LOCAL, NULL, &memory), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_true(memory == VK_NULL_HANDLE);
    give(f, piece);
    assert_int_equal(allocate(f, MIB, LOCAL, NULL, &memory), VK_SUCCESS);
    give(f, memory);
    /* An empty block makes room for another kind. */
    host.quota = 16 * MIB;
    assert_int_equal(allocate(f, 65536, VISIBLE, NULL, &piece), VK_SUCCESS);
    assert_int_equal(host.taken, 16 * MIB);
    give(f, piece);
    assert_int_equal(allocate(f, 10 * MIB, LOCAL, NULL, &memory), VK_SUCCESS);
    assert_int_equal(host.taken, 10 * MIB);
    give(f, memory);
}

static void allocations_are_counted(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory[3];
    f->facts.properties.limits.maxMemoryAllocationCount = 2;
    assert_int_equal(allocate(f, 4096, LOCAL, NULL, &memory[0]), VK_SUCCESS);
    assert_int_equal(allocate(f, 4096, LOCAL, NULL, &memory[1]), VK_SUCCESS);
    assert_int_equal(allocate(f, 4096, LOCAL, NULL, &memory[2]), VK_ERROR_TOO_MANY_OBJECTS);
    give(f, memory[0]);
    assert_int_equal(allocate(f, 4096, LOCAL, NULL, &memory[0]), VK_SUCCESS);
    give(f, memory[0]);
    give(f, memory[1]);
}

static void pieces_suit_every_small_resource(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory[8];
    umd_memory_note_alignment(&f->device, 4096, 65536);
    umd_memory_note_alignment(&f->device, 2 * MIB, 2 * MIB); /* never in a piece */
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(allocate(f, 4096, LOCAL, NULL, &memory[i]), VK_SUCCESS);
        assert_non_null(state_of(f, memory[i])->block);
        assert_int_equal(state_of(f, memory[i])->offset % 65536, 0);
    }
    for (uint32_t i = 0; i < 8; i++)
        give(f, memory[i]);
}

static void small_heaps_have_no_blocks(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory;
    assert_int_equal(allocate(f, 4096, SMALL, NULL, &memory), VK_SUCCESS);
    assert_null(state_of(f, memory)->block);
    assert_int_equal(host.taken, 4096);
    give(f, memory);
}

/* The host knows the block alone. */
static void opaque_addresses_are_of_the_block(void **state)
{
    struct fixture *f = *state;
    VkDeviceMemory memory[2];
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(allocate(f, 65536, VISIBLE, NULL, &memory[i]), VK_SUCCESS);
    VkDeviceMemoryOpaqueCaptureAddressInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_MEMORY_OPAQUE_CAPTURE_ADDRESS_INFO, .memory = memory[1]};
    assert_true(state_of(f, memory[1])->offset != 0);
    host.opaque = 0x70000;
    assert_int_equal(umd_GetDeviceMemoryOpaqueCaptureAddress((VkDevice)&f->device, &info),
                     0x70000 + state_of(f, memory[1])->offset);
    assert_int_equal(host.asked, state_of(f, memory[0])->id);
    host.opaque = 0; /* of a driver that has none */
    assert_int_equal(umd_GetDeviceMemoryOpaqueCaptureAddress((VkDevice)&f->device, &info), 0);
    for (uint32_t i = 0; i < 2; i++)
        give(f, memory[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(small_memory_asks_the_host_once), TEST(kinds_do_not_mix),
        TEST(freeing_does_not_wait),           TEST(out_of_memory_is_true),
        TEST(allocations_are_counted),         TEST(pieces_suit_every_small_resource),
        TEST(small_heaps_have_no_blocks),      TEST(large_memory_is_kept_for_a_moment),
        TEST(what_is_kept_is_bounded),         TEST(opaque_addresses_are_of_the_block),
    };
    return cmocka_run_group_tests_name("umd-memory", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Sparse binds that do not lie within what they name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "host/worker/exec_memory.h"
#include "host/worker/exec_sparse.h"
#include "vkwire.h"
#include "vkwire_exec.h"

#define HANDLE(type, value) ((type)(uintptr_t)(value))
#define KIB UINT64_C(1024)
#define MEMORY HANDLE(VkDeviceMemory, 0x5000) /* of 1 MiB */
#define BLOCK (64 * KIB)

/* --- The rest of the worker --- */

void exec_fail(struct exec *x, enum stream_lost reason, const char *format, ...)
{
    (void)format;
    x->lost = reason;
}

uint64_t exec_memory_size_of(const struct exec *x, VkDeviceMemory memory)
{
    (void)x;
    return memory == MEMORY ? 1024 * KIB : 0;
}

/* --- The driver: a buffer of 256 KiB, images of 512 KiB with blocks of 128 * 128 --- */

static VKAPI_ATTR void VKAPI_CALL buffer_needs(VkDevice device, VkBuffer buffer,
                                               VkMemoryRequirements *needed)
{
    (void)device, (void)buffer;
    *needed = (VkMemoryRequirements){256 * KIB, BLOCK, 1};
}

static VKAPI_ATTR void VKAPI_CALL image_needs(VkDevice device, VkImage image,
                                              VkMemoryRequirements *needed)
{
    (void)device, (void)image;
    *needed = (VkMemoryRequirements){512 * KIB, BLOCK, 1};
}

static VKAPI_ATTR void VKAPI_CALL image_has_blocks(VkDevice device, VkImage image, uint32_t *count,
                                                   VkSparseImageMemoryRequirements *kinds)
{
    (void)device, (void)image;
    *count = 1;
    if (kinds)
        kinds->formatProperties =
            (VkSparseImageFormatProperties){VK_IMAGE_ASPECT_COLOR_BIT, {128, 128, 1}, 0};
}

static struct exec x;

static int set_up(void **state)
{
    static const struct vkwire_device_dispatch driver = {
        .GetBufferMemoryRequirements = buffer_needs,
        .GetImageMemoryRequirements = image_needs,
        .GetImageSparseMemoryRequirements = image_has_blocks,
    };
    static struct vkwire_device_dispatch copy;
    (void)state;
    copy = driver;
    memset(&x, 0, sizeof(x));
    x.vk = &copy;
    arena_init(&x.arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&x.arena);
    return 0;
}

static bool fits(const VkBindSparseInfo *info)
{
    x.lost = STREAM_ALIVE;
    bool result = exec_sparse_fits(&x, 1, info);
    assert_int_equal(x.lost, result ? STREAM_ALIVE : STREAM_LOST_PROTOCOL);
    return result;
}

static bool buffer_fits(uint64_t at, uint64_t size, VkDeviceMemory memory, uint64_t offset)
{
    const VkSparseMemoryBind binds[] = {{0, BLOCK, MEMORY, 0, 0}, {at, size, memory, offset, 0}};
    const VkSparseBufferMemoryBindInfo buffer = {HANDLE(VkBuffer, 1), 2, binds};
    return fits(&(VkBindSparseInfo){.bufferBindCount = 1, .pBufferBinds = &buffer});
}

static bool opaque_fits(uint64_t at, uint64_t size, uint64_t offset, VkSparseMemoryBindFlags flags)
{
    const VkSparseMemoryBind bind = {at, size, MEMORY, offset, flags};
    const VkSparseImageOpaqueMemoryBindInfo image = {HANDLE(VkImage, 1), 1, &bind};
    return fits(&(VkBindSparseInfo){.imageOpaqueBindCount = 1, .pImageOpaqueBinds = &image});
}

static bool image_fits(VkImageAspectFlags aspect, VkExtent3D extent, VkDeviceMemory memory,
                       uint64_t offset)
{
    const VkSparseImageMemoryBind bind = {
        .subresource.aspectMask = aspect,
        .extent = extent,
        .memory = memory,
        .memoryOffset = offset,
    };
    const VkSparseImageMemoryBindInfo image = {HANDLE(VkImage, 1), 1, &bind};
    return fits(&(VkBindSparseInfo){.imageBindCount = 1, .pImageBinds = &image});
}

static void buffers(void **state)
{
    (void)state;
    assert_true(buffer_fits(0, 256 * KIB, MEMORY, 768 * KIB));
    assert_true(buffer_fits(0, 256 * KIB, VK_NULL_HANDLE, 77));
    assert_false(buffer_fits(0, 257 * KIB, MEMORY, 0));
    assert_false(buffer_fits(64 * KIB, 256 * KIB, VK_NULL_HANDLE, 0));
    assert_false(buffer_fits(0, 256 * KIB, MEMORY, 769 * KIB));
    assert_false(buffer_fits(0, BLOCK, MEMORY, UINT64_MAX - BLOCK + 1));
    assert_false(buffer_fits(UINT64_MAX - BLOCK + 1, BLOCK, MEMORY, 0));
    assert_false(buffer_fits(0, BLOCK, HANDLE(VkDeviceMemory, 0x6000), 0));
}

static void opaque_images(void **state)
{
    (void)state;
    assert_true(opaque_fits(0, 512 * KIB, 512 * KIB, 0));
    assert_false(opaque_fits(0, 576 * KIB, 0, 0));
    assert_false(opaque_fits(0, 512 * KIB, 513 * KIB, 0));
    assert_true(opaque_fits(UINT64_C(1) << 40, BLOCK, 0, VK_SPARSE_MEMORY_BIND_METADATA_BIT));
    assert_false(opaque_fits(0, BLOCK, 1024 * KIB, VK_SPARSE_MEMORY_BIND_METADATA_BIT));
}

static void blocks_of_images(void **state)
{
    (void)state;
    const VkImageAspectFlags color = VK_IMAGE_ASPECT_COLOR_BIT;
    assert_true(image_fits(color, (VkExtent3D){512, 512, 1}, MEMORY, 0)); /* all of the memory */
    assert_false(image_fits(color, (VkExtent3D){512, 512, 1}, MEMORY, BLOCK));
    assert_false(image_fits(color, (VkExtent3D){513, 512, 1}, MEMORY, 0));
    assert_true(image_fits(color, (VkExtent3D){1, 1, 1}, MEMORY, 1024 * KIB - BLOCK));
    assert_false(image_fits(color, (VkExtent3D){1, 1, 1}, MEMORY, 1024 * KIB - BLOCK + 1));
    assert_true(image_fits(color, (VkExtent3D){513, 512, 1}, VK_NULL_HANDLE, 0));
    assert_false(image_fits(color, (VkExtent3D){UINT32_MAX, UINT32_MAX, UINT32_MAX}, MEMORY, 0));
    assert_false(image_fits(VK_IMAGE_ASPECT_DEPTH_BIT, (VkExtent3D){1, 1, 1}, MEMORY, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(buffers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opaque_images, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blocks_of_images, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

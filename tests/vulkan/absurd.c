/* SPDX-License-Identifier: MIT */
/* What valid programs do not ask, and drivers refuse all the same: sizes beyond the heaps.
 * Validation layers complain of these. */
#include "common/vt.h"

#define HOST (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

static bool is_out_of_memory(VkResult result)
{
    return result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* Sizes that nobody has: an error at once, and the device goes on. */
static void out_of_memory(struct vt *vt)
{
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    VkDeviceMemory memory;
    for (uint32_t type = 0; type < vt->memory.memoryTypeCount; type++) {
        const VkMemoryType *about = &vt->memory.memoryTypes[type];
        if (about->propertyFlags & VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT)
            continue;
        info.memoryTypeIndex = type;
        info.allocationSize = 1ull << 46;
        memory = (VkDeviceMemory)1;
        VkResult result = vkAllocateMemory(vt->device, &info, NULL, &memory);
        VT_EXPECT(vt, is_out_of_memory(result));
        info.allocationSize = 1ull << 60;
        result = vkAllocateMemory(vt->device, &info, NULL, &memory);
        VT_EXPECT(vt, is_out_of_memory(result));
    }
    info.memoryTypeIndex = vt_memory_type(vt, UINT32_MAX, HOST);
    info.allocationSize = 65536;
    VT_CHECK(vt, vkAllocateMemory(vt->device, &info, NULL, &memory));
    vkFreeMemory(vt->device, memory, NULL);
    struct vt_buffer data = vt_buffer(vt, 256, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdFillBuffer(cmd, data.handle, 0, 256, 0x600d);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    vt_put_buffer(vt, &data);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {{"out-of-memory", out_of_memory}};
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}

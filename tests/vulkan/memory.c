/* SPDX-License-Identifier: MIT */
/* Memory: mapping, concurrent access, requirements, binding. */
#include <stdatomic.h>
#include <stdlib.h>

#include "common/vt.h"

#define STORAGE VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
#define COMPUTE VK_PIPELINE_BIND_POINT_COMPUTE
#define HOST (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

static VkBuffer create_buffer(struct vt *vt, VkDeviceSize size)
{
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = size,
                               .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkBuffer buffer;
    VT_CHECK(vt, vkCreateBuffer(vt->device, &info, NULL, &buffer));
    VT_OWN(vt, BUFFER, buffer);
    return buffer;
}

/* Whole and partial maps, again and again; what was written stays. */
static void mapping(struct vt *vt)
{
    const VkDeviceSize size = 1 << 20;
    VkBuffer buffer = create_buffer(vt, size);
    struct vt_buffer to = vt_buffer(vt, size, 0);
    VkMemoryRequirements requirements;
    uint8_t *bytes;
    vkGetBufferMemoryRequirements(vt->device, buffer, &requirements);
    VkDeviceMemory memory = vt_allocate(vt, &requirements, HOST);
    VT_CHECK(vt, vkBindBufferMemory(vt->device, buffer, memory, 0));
    for (uint32_t i = 0; i < 64; i++) {
        VkDeviceSize offset = i * 16384ul + i;
        VT_CHECK(vt, vkMapMemory(vt->device, memory, offset, i & 1 ? 1000 : VK_WHOLE_SIZE, 0,
                                 (void **)&bytes));
        for (uint32_t k = 0; k < 1000; k++)
            bytes[k] = (uint8_t)(i * 7 + k * 13);
        vkUnmapMemory(vt->device, memory);
    }
    VT_CHECK(vt, vkMapMemory(vt->device, memory, 0, size, 0, (void **)&bytes));
    for (uint32_t i = 0; i < 64; i++)
        VT_EXPECT(vt, bytes[i * 16384ul + i + 999] == (uint8_t)(i * 7 + 999 * 13));
    /* Memory is not zeroed by every driver: only what was written is told. */
    for (uint32_t i = 0; i < 64; i++)
        vt_put(vt, bytes + i * 16384ul + i, 1000);
    vkUnmapMemory(vt->device, memory);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdCopyBuffer(cmd, buffer, to.handle, 1, &(VkBufferCopy){0, 0, size});
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    VT_EXPECT(vt, ((uint8_t *)to.data)[63 * 16384ul + 63 + 5] == (uint8_t)(63 * 7 + 5 * 13));
}

static void flush_and_invalidate(struct vt *vt)
{
    const VkDeviceSize atom = vt->properties.limits.nonCoherentAtomSize;
    struct vt_buffer data = vt_buffer(vt, 65536, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    VkMappedMemoryRange ranges[2] = {
        {.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, .memory = data.memory, .size = atom * 4},
        {.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
         .memory = data.memory,
         .offset = atom * 64,
         .size = VK_WHOLE_SIZE}};
    memset(data.data, 0x21, data.size);
    VT_CHECK(vt, vkFlushMappedMemoryRanges(vt->device, 2, ranges));
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdFillBuffer(cmd, data.handle, 1024, 32768, 0x43424140);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    VT_CHECK(vt, vkInvalidateMappedMemoryRanges(vt->device, 2, ranges));
    vt_put_buffer(vt, &data);
}

/* Threads write and read parts of an allocation all the time while the device writes others. */
struct shared {
    struct vt_buffer data; /* 16 parts of 64 KiB: even ones are the device's */
    atomic_bool stop;
    atomic_uint ready;
    uint32_t bad[4];
};

#define PART 16384u /* words */

static void toucher(struct vt *vt, uint32_t number, void *data)
{
    struct shared *shared = data;
    uint32_t *words = (uint32_t *)shared->data.data + (number * 4 + 1) * PART;
    uint32_t turn = 0;
    (void)vt;
    if (number == 3) { /* the device's side */
        while (atomic_load(&shared->ready) < 3)
            ;
        for (uint32_t i = 0; i < 30; i++) {
            VkCommandBuffer cmd = vt_begin(vt);
            for (uint32_t part = 0; part < 16; part += 2)
                vkCmdFillBuffer(cmd, shared->data.handle, part * PART * 4ul, PART * 4,
                                i * 100 + part);
            vt_barrier(cmd);
            vt_finish(vt, cmd);
            for (uint32_t part = 0; part < 16; part += 2)
                shared->bad[3] +=
                    ((uint32_t *)shared->data.data)[(part + 1) * PART - 1] != i * 100 + part;
        }
        atomic_store(&shared->stop, true);
        return;
    }
    while (!atomic_load(&shared->stop) || turn < 3) {
        for (uint32_t i = 0; i < PART; i++)
            words[i] = turn * 3 + i;
        for (uint32_t i = 0; i < PART; i++)
            shared->bad[number] += words[i] != turn * 3 + i;
        if (turn++ == 0)
            atomic_fetch_add(&shared->ready, 1);
    }
    for (uint32_t i = 0; i < PART; i++)
        words[i] = number * 5 + i;
}

static void concurrent_access(struct vt *vt)
{
    struct shared shared = {.data = vt_buffer(vt, 16 * PART * 4, 0)};
    vt_threads(vt, 4, toucher, &shared);
    for (uint32_t i = 0; i < 4; i++)
        VT_EXPECT(vt, shared.bad[i] == 0);
    vt_put_buffer(vt, &shared.data);
}

/* The processor changes memory between submissions without unmapping; the device sees it. */
static void coherence(struct vt *vt)
{
    struct vt_buffer in = vt_buffer(vt, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    struct vt_buffer out = vt_buffer(vt, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    struct vt_binding bindings[] = {{STORAGE, .buffer = &in}, {STORAGE, .buffer = &out}};
    struct vt_set set = vt_set(vt, bindings, 2);
    struct vt_pipeline pipeline = vt_compute(vt, "scale.comp", &set, 0, NULL);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_barrier(cmd);
    vt_bind(cmd, COMPUTE, &pipeline, &set);
    vkCmdDispatch(cmd, 16, 1, 1);
    vt_barrier(cmd);
    VT_CHECK(vt, vkEndCommandBuffer(cmd));
    for (uint32_t i = 0; i < 100; i++) {
        for (uint32_t k = 0; k < 1024; k++)
            ((uint32_t *)in.data)[k] = i * 1000 + k;
        vt_submit(vt, cmd, VK_NULL_HANDLE);
        VT_CHECK(vt, vkQueueWaitIdle(vt->queue));
        VT_EXPECT(vt, ((uint32_t *)out.data)[1023] == (i * 1000 + 1023) * 2654435761u + 1023);
    }
    vt_put_buffer(vt, &out);
}

/* Allocations of all sizes, freed in another order; each keeps its own contents. */
static void many_allocations(struct vt *vt)
{
    enum { COUNT = 300 };
    VkDeviceMemory memory[COUNT];
    uint32_t *mapped[COUNT];
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                         .allocationSize = 4 + i * i % 977 * 100,
                                         .memoryTypeIndex = vt_memory_type(vt, UINT32_MAX, HOST)};
            VT_CHECK(vt, vkAllocateMemory(vt->device, &info, NULL, &memory[i]));
            VT_CHECK(vt,
                     vkMapMemory(vt->device, memory[i], 0, VK_WHOLE_SIZE, 0, (void **)&mapped[i]));
            mapped[i][0] = round * 1000 + i;
            mapped[i][info.allocationSize / 4 - 1] = round * 1000 + i;
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            uint32_t k = i * 7 % COUNT;
            VT_EXPECT(vt, mapped[k][0] == round * 1000 + k);
            vt_put_number(vt, mapped[k][0]);
            vkFreeMemory(vt->device, memory[k], NULL);
        }
    }
}

/* What buffers and images need, asked in every way. */
static void requirements(struct vt *vt)
{
    static const VkFormat formats[] = {VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R8_UNORM,
                                       VK_FORMAT_D32_SFLOAT, VK_FORMAT_R32G32B32A32_SFLOAT};
    for (uint32_t i = 0; i < 40; i++) {
        VkImageCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                  .imageType = VK_IMAGE_TYPE_2D,
                                  .format = formats[i % 4],
                                  .extent = {1 + i * 13, 5 + i * 7, 1},
                                  .mipLevels = 1 + i % 3,
                                  .arrayLayers = 1 + i % 2,
                                  .samples = 1,
                                  .usage = VK_IMAGE_USAGE_SAMPLED_BIT};
        VkDeviceImageMemoryRequirements device = {
            .sType = VK_STRUCTURE_TYPE_DEVICE_IMAGE_MEMORY_REQUIREMENTS, .pCreateInfo = &info};
        VkMemoryDedicatedRequirements dedicated = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
        VkMemoryRequirements2 asked = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
                                       .pNext = &dedicated},
                              before = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
        VkImage image;
        VT_CHECK(vt, vkCreateImage(vt->device, &info, NULL, &image));
        VT_OWN(vt, IMAGE, image);
        vkGetImageMemoryRequirements2(
            vt->device,
            &(VkImageMemoryRequirementsInfo2){
                .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .image = image},
            &asked);
        if (vt->features.v13.maintenance4) {
            vkGetDeviceImageMemoryRequirements(vt->device, &device, &before);
            VT_EXPECT(vt, before.memoryRequirements.size == asked.memoryRequirements.size);
        }
        vt_put_requirements(vt, &asked.memoryRequirements);
        vt_put_number(vt, dedicated.prefersDedicatedAllocation);
        VkMemoryRequirements buffer;
        vkGetBufferMemoryRequirements(vt->device, create_buffer(vt, 1 + i * 1000), &buffer);
        vt_put_requirements(vt, &buffer);
    }
}

/* Several resources in one allocation, bound in one call, one of them with memory of its own. */
static void binding(struct vt *vt)
{
    VkBuffer buffers[3];
    VkMemoryRequirements needs;
    VkBindBufferMemoryInfo binds[3];
    uint8_t *bytes;
    for (uint32_t i = 0; i < 3; i++)
        buffers[i] = create_buffer(vt, 10000);
    vkGetBufferMemoryRequirements(vt->device, buffers[0], &needs);
    const VkDeviceSize step =
        (needs.size + needs.alignment - 1) / needs.alignment * needs.alignment;
    needs.size = 2 * step;
    VkDeviceMemory shared = vt_allocate(vt, &needs, HOST);
    VkMemoryDedicatedAllocateInfo dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, .buffer = buffers[2]};
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .pNext = &dedicated,
                                 .allocationSize = step,
                                 .memoryTypeIndex = vt_memory_type(vt, needs.memoryTypeBits, HOST)};
    VkDeviceMemory own;
    vkGetBufferMemoryRequirements(vt->device, buffers[2], &needs);
    info.allocationSize = needs.size;
    VT_CHECK(vt, vkAllocateMemory(vt->device, &info, NULL, &own));
    VT_OWN(vt, DEVICE_MEMORY, own);
    for (uint32_t i = 0; i < 3; i++)
        binds[i] = (VkBindBufferMemoryInfo){.sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
                                            .buffer = buffers[i],
                                            .memory = i == 2 ? own : shared,
                                            .memoryOffset = i == 1 ? step : 0};
    VT_CHECK(vt, vkBindBufferMemory2(vt->device, 3, binds));
    VT_CHECK(vt, vkMapMemory(vt->device, shared, 0, VK_WHOLE_SIZE, 0, (void **)&bytes));
    memset(bytes, 1, 10000);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdFillBuffer(cmd, buffers[1], 0, 10000, 0x02020202);
    vkCmdFillBuffer(cmd, buffers[2], 0, 10000, 0x03030303);
    vt_barrier(cmd);
    vkCmdCopyBuffer(cmd, buffers[2], buffers[0], 1, &(VkBufferCopy){0, 4000, 1000});
    vkCmdCopyBuffer(cmd, buffers[0], buffers[1], 1, &(VkBufferCopy){0, 8000, 1000});
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    VT_EXPECT(vt, bytes[3999] == 1 && bytes[4000] == 3 && bytes[step + 8000] == 1);
    vt_put(vt, bytes, 10000);
    vt_put(vt, bytes + step, 10000);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"mapping", mapping},
        {"flush-and-invalidate", flush_and_invalidate},
        {"concurrent-access", concurrent_access},
        {"coherence", coherence},
        {"many-allocations", many_allocations},
        {"requirements", requirements},
        {"binding", binding},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}

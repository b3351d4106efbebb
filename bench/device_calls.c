/* SPDX-License-Identifier: MIT */
/*
 * device_calls [CALLS]
 *
 * What does a device-level Vulkan call cost through the shim? VK_ICD_FILENAMES must name gpupv's
 * manifest and the manifest of the same driver in the store, in this order; then there are two
 * physical devices of one driver library: through the shim, and without it. The functions that
 * vkGetDeviceProcAddr gives must be the same pointers. With CALLS (default 20000000; 0 for none)
 * vkGetFenceStatus is called so often each way, in turns, and the ratio printed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vulkan/vulkan.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static VkDevice create_device(VkPhysicalDevice physical)
{
    float priority = 1.0f;
    VkDeviceQueueCreateInfo queue_info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue_info,
    };
    VkDevice device = VK_NULL_HANDLE;
    if (vkCreateDevice(physical, &info, NULL, &device) != VK_SUCCESS) {
        fprintf(stderr, "device_calls: no device\n");
        exit(1);
    }
    return device;
}

static double time_calls(VkDevice device, VkFence fence, uint64_t calls)
{
    PFN_vkGetFenceStatus status =
        (PFN_vkGetFenceStatus)vkGetDeviceProcAddr(device, "vkGetFenceStatus");
    double start = seconds();
    for (uint64_t i = 0; i < calls; i++)
        if (status(device, fence) != VK_NOT_READY)
            abort();
    return (seconds() - start) / (double)calls * 1e9;
}

int main(int argc, char **argv)
{
    uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000000;

    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    VkInstance instance;
    VkPhysicalDevice physical[2];
    uint32_t count = 2;
    if (vkCreateInstance(&info, NULL, &instance) != VK_SUCCESS ||
        vkEnumeratePhysicalDevices(instance, &count, physical) != VK_SUCCESS || count != 2) {
        fprintf(stderr, "device_calls: two physical devices are needed (the shim's and the "
                        "driver's own); see VK_ICD_FILENAMES\n");
        return 1;
    }
    VkDevice device[2] = {create_device(physical[0]), create_device(physical[1])};

    /* The loader puts its own entry before a few commands; these it leaves alone. */
    static const char *const names[] = {
        "vkCmdDraw",       "vkCmdDispatch",      "vkCmdBindDescriptorSets", "vkCmdPipelineBarrier",
        "vkQueueSubmit",   "vkGetFenceStatus",   "vkWaitForFences",         "vkUpdateDescriptorSets",
        "vkMapMemory",     "vkCreateBuffer",     "vkCmdCopyBuffer",         "vkResetCommandPool",
    };
    int different = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        PFN_vkVoidFunction shim = vkGetDeviceProcAddr(device[0], names[i]);
        PFN_vkVoidFunction own = vkGetDeviceProcAddr(device[1], names[i]);
        if (!shim || shim != own) {
            fprintf(stderr, "%s: %p through the shim, %p without\n", names[i], (void *)shim,
                    (void *)own);
            different++;
        }
    }
    printf("%zu device-level functions compared: %d differ\n", sizeof(names) / sizeof(names[0]),
           different);

    if (calls) {
        VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
        VkFence fence[2];
        double best[2] = {1e30, 1e30};
        for (int i = 0; i < 2; i++)
            if (vkCreateFence(device[i], &fence_info, NULL, &fence[i]) != VK_SUCCESS)
                return 1;
        for (int turn = 0; turn < 10; turn++) {
            for (int i = 0; i < 2; i++) {
                double each = time_calls(device[i], fence[i], calls / 10);
                if (each < best[i])
                    best[i] = each;
            }
        }
        printf("vkGetFenceStatus: %.2f ns through the shim, %.2f ns without, ratio %.3f\n", best[0],
               best[1], best[0] / best[1]);
        for (int i = 0; i < 2; i++)
            vkDestroyFence(device[i], fence[i], NULL);
    }
    vkDestroyDevice(device[0], NULL);
    vkDestroyDevice(device[1], NULL);
    vkDestroyInstance(instance, NULL);
    return different ? 1 : 0;
}

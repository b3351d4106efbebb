/* SPDX-License-Identifier: MIT */
/*
 * Two adapters with different user-mode drivers in one VkInstance: enumerated, told apart by LUID,
 * used for a device each, destroyed. Through the real Vulkan loader, thunks, service and store;
 * run under AddressSanitizer by test-two-umds.sh.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vulkan/vulkan.h>

#include "gpupv/d3dkmthk.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static void use_device(VkPhysicalDevice physical)
{
    uint32_t families = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &families, NULL);
    CHECK(families > 0);

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
    VkDevice device;
    CHECK(vkCreateDevice(physical, &info, NULL, &device) == VK_SUCCESS);
    VkQueue queue;
    vkGetDeviceQueue(device, 0, 0, &queue);
    CHECK(queue);
    CHECK(vkDeviceWaitIdle(device) == VK_SUCCESS);
    vkDestroyDevice(device, NULL);
}

int main(int argc, char **argv)
{
    size_t expected = argc > 1 ? (size_t)atoi(argv[1]) : 2;

    D3DKMT_ADAPTERINFO adapters[16];
    D3DKMT_ENUMADAPTERS2 list = {.NumAdapters = 16, .pAdapters = adapters};
    CHECK(D3DKMTEnumAdapters2(&list) == STATUS_SUCCESS);
    CHECK(list.NumAdapters == expected);

    for (int round = 0; round < 3; round++) {
        VkApplicationInfo application = {
            .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
            .apiVersion = VK_API_VERSION_1_1,
        };
        VkInstanceCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
            .pApplicationInfo = &application,
        };
        VkInstance instance;
        CHECK(vkCreateInstance(&info, NULL, &instance) == VK_SUCCESS);

        VkPhysicalDevice devices[16];
        uint32_t count = 16;
        CHECK(vkEnumeratePhysicalDevices(instance, &count, devices) == VK_SUCCESS);
        CHECK(count == expected);

        uint64_t luids = 0;
        for (uint32_t i = 0; i < count; i++) {
            VkPhysicalDeviceIDProperties id = {
                .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
            };
            VkPhysicalDeviceProperties2 properties = {
                .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                .pNext = &id,
            };
            vkGetPhysicalDeviceProperties2(devices[i], &properties);
            CHECK(id.deviceLUIDValid == VK_TRUE);
            for (uint32_t k = 0; k < list.NumAdapters; k++)
                if (!memcmp(id.deviceLUID, &adapters[k].AdapterLuid, VK_LUID_SIZE))
                    luids |= 1u << k;
            if (round == 0)
                printf("%u: %s\n", i, properties.properties.deviceName);
            use_device(devices[i]);
        }
        CHECK(luids == (1u << expected) - 1); /* each adapter is one device */
        vkDestroyInstance(instance, NULL);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan driver that does nothing, built several times with other parameters:
 *   FAKE_NAME          name of the physical devices
 *   FAKE_VENDOR, FAKE_DEVICE   their ids
 *   FAKE_DEVICES       how many there are (1)
 *   FAKE_INTERFACE     driver interface version that it agrees on (5)
 *   FAKE_INSIST        answers FAKE_INTERFACE whatever is asked
 *   FAKE_NO_EXPORTS    interface 7 style: vk_icdGetInstanceProcAddr is the only export
 *   FAKE_API_VERSION   of the instance and the devices (VK_API_VERSION_1_3)
 *   FAKE_NO_SURFACE, FAKE_NO_DEBUG   without these extensions
 *   FAKE_GPUPV         knows gpupv (gpupv/umd.h): one device for each adapter, at most FAKE_DEVICES
 * It aborts the program when it is handed an object that is not its own. Tests read what was called
 * from the struct that the symbol fake_umd_state names.
 */
#ifndef GPUPV_TESTS_FAKE_UMD_H
#define GPUPV_TESTS_FAKE_UMD_H

#include <stdint.h>

#include <vulkan/vulkan_core.h>

struct fake_umd_state {
    /* What the test sets. */
    VkResult create_instance_result;
    VkResult create_surface_result;
    int32_t open_adapter_status; /* NTSTATUS */
    uint32_t unserved_luid;      /* LowPart of an adapter that vkCreateInstance leaves out */

    /* What the driver counts. */
    int instances, devices, surfaces, messengers; /* alive */
    int open_adapters;
    uint32_t node_mask; /* of the last adapter */
    int wait_idle_calls;
    int messages; /* vkSubmitDebugUtilsMessageEXT */
    int swapchains;
    int named_objects;
    uint64_t last_object;     /* that vkSetDebugUtilsObjectNameEXT named */
    uint32_t api_version;     /* of the last vkCreateInstance */
    uint32_t extension_count; /* that it enabled */
    uint32_t instance_flags;
    uint32_t group_size;   /* of the last vkCreateDevice's device group */
    uint32_t chain_length; /* structures in the last vkCreateDevice's chain */
};

/* A physical-device command that no vk.xml knows, to see that newer drivers are not cut short. */
typedef uint64_t(VKAPI_PTR *PFN_vkGetPhysicalDeviceFakeSumGPUPV)(VkPhysicalDevice physicalDevice,
                                                                 uint64_t a, uint32_t b, double c,
                                                                 uint64_t d, uint64_t e, uint64_t f,
                                                                 uint64_t g, double *sum);

#endif

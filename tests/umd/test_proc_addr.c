/* SPDX-License-Identifier: MIT */
/* Which commands a program is given: by version, by extension, by level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "umd/umd_instance.h"
#include "umd/umd_proc_addr.h"
#include "umd_commands.h"
#include "vkwire_extensions.h"

static struct umd_instance instance;
static struct umd_physical_device physical;
static struct umd_device device;

static int set_up(void **state)
{
    (void)state;
    instance = (struct umd_instance){.api_version = VK_API_VERSION_1_0};
    physical = (struct umd_physical_device){.instance = &instance};
    device = (struct umd_device){.physical = &physical, .api_version = VK_API_VERSION_1_0};
    instance.extensions = calloc(vkwire_extension_count, sizeof(bool));
    device.extensions = calloc(vkwire_extension_count, sizeof(bool));
    return instance.extensions && device.extensions ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(instance.extensions);
    free(device.extensions);
    return 0;
}

static bool always(uint32_t index, const void *data)
{
    (void)index;
    (void)data;
    return true;
}

static void enable(bool *extensions, const char *name)
{
    assert_int_equal(umd_enable_extensions(&name, 1, always, NULL, extensions), VK_SUCCESS);
}

static PFN_vkVoidFunction of_instance(const char *name)
{
    return umd_GetInstanceProcAddr((VkInstance)&instance, name);
}

static PFN_vkVoidFunction of_device(const char *name)
{
    return umd_GetDeviceProcAddr((VkDevice)&device, name);
}

static void test_global(void **state)
{
    (void)state;
    assert_non_null(umd_GetInstanceProcAddr(NULL, "vkCreateInstance"));
    assert_non_null(umd_GetInstanceProcAddr(NULL, "vkEnumerateInstanceVersion"));
    assert_non_null(umd_GetInstanceProcAddr(NULL, "vkGetInstanceProcAddr"));
    assert_null(umd_GetInstanceProcAddr(NULL, "vkDestroyInstance"));
    assert_null(umd_GetInstanceProcAddr(NULL, "vkNoSuchCommand"));
    assert_null(umd_GetInstanceProcAddr(NULL, NULL));
    assert_null(of_instance("vkCreateInstance"));
    assert_ptr_equal(of_instance("vkGetInstanceProcAddr"), umd_GetInstanceProcAddr);
}

static void test_instance(void **state)
{
    (void)state;
    assert_non_null(of_instance("vkGetPhysicalDeviceProperties"));
    assert_null(of_instance("vkGetPhysicalDeviceProperties2"));
    assert_null(of_instance("vkGetPhysicalDeviceProperties2KHR"));
    enable(instance.extensions, "VK_KHR_get_physical_device_properties2");
    assert_non_null(of_instance("vkGetPhysicalDeviceProperties2KHR"));
    assert_null(of_instance("vkGetPhysicalDeviceProperties2"));
    instance.api_version = VK_API_VERSION_1_1;
    assert_ptr_equal(of_instance("vkGetPhysicalDeviceProperties2"),
                     of_instance("vkGetPhysicalDeviceProperties2KHR"));
    assert_null(of_instance("vkCreateDebugUtilsMessengerEXT"));
    enable(instance.extensions, "VK_EXT_debug_utils");
    assert_non_null(of_instance("vkCreateDebugUtilsMessengerEXT"));
}

/* An instance gives what any device may have, but not what is newer than the program asked for. */
static void test_device_commands_of_instance(void **state)
{
    (void)state;
    assert_non_null(of_instance("vkCmdDraw"));
    assert_non_null(of_instance("vkGetDeviceProcAddr"));
    assert_non_null(of_instance("vkCmdPushDescriptorSetKHR"));
    assert_null(of_instance("vkCmdBeginRendering"));
    assert_non_null(of_instance("vkCmdBeginRenderingKHR"));
    instance.api_version = VK_API_VERSION_1_3;
    assert_non_null(of_instance("vkCmdBeginRendering"));
    assert_non_null(of_instance("vkCreateSwapchainKHR"));
    assert_null(of_instance("vkDestroySurfaceKHR")); /* of an instance extension that is off */
    assert_null(of_instance("vkRegisterDisplayEventEXT")); /* refused */
}

static void test_physical_device(void **state)
{
    (void)state;
    assert_non_null(umd_physical_device_proc(&instance, "vkGetPhysicalDeviceFeatures"));
    assert_null(umd_physical_device_proc(&instance, "vkEnumeratePhysicalDevices"));
    assert_null(umd_physical_device_proc(&instance, "vkCmdDraw"));
    assert_null(umd_physical_device_proc(&instance, "vkGetPhysicalDeviceFeatures2"));
}

static void test_device(void **state)
{
    (void)state;
    assert_non_null(of_device("vkCmdDraw"));
    assert_non_null(of_device("vkGetDeviceProcAddr"));
    assert_non_null(of_device("vkQueueSubmit"));
    assert_null(of_device("vkGetPhysicalDeviceFeatures"));
    assert_null(of_device("vkCreateInstance"));
    assert_null(of_device("vkDestroyInstance"));
    assert_null(of_device("vkQueueSubmit2"));
    assert_null(of_device("vkQueueSubmit2KHR"));
    enable(device.extensions, "VK_KHR_synchronization2");
    assert_non_null(of_device("vkQueueSubmit2KHR"));
    assert_null(of_device("vkQueueSubmit2"));
    device.api_version = VK_API_VERSION_1_3;
    assert_ptr_equal(of_device("vkQueueSubmit2"), of_device("vkQueueSubmit2KHR"));
    assert_null(of_device("vkCmdPushDescriptorSetKHR")); /* there, and not enabled */
    assert_null(of_device(NULL));
}

/* Commands of a device that an instance extension brings. */
static void test_device_by_instance_extension(void **state)
{
    (void)state;
    assert_null(of_device("vkSetDebugUtilsObjectNameEXT"));
    enable(instance.extensions, "VK_EXT_debug_utils");
    assert_non_null(of_device("vkSetDebugUtilsObjectNameEXT"));
    assert_non_null(of_device("vkCmdBeginDebugUtilsLabelEXT"));
    assert_null(of_device("vkSubmitDebugUtilsMessageEXT"));
}

static bool never(uint32_t index, const void *data)
{
    (void)index;
    (void)data;
    return false;
}

static void test_extensions(void **state)
{
    const char *const names[] = {"VK_KHR_maintenance1", "VK_KHR_no_such_thing"};

    (void)state;
    assert_int_equal(umd_enable_extensions(names, 1, always, NULL, device.extensions), VK_SUCCESS);
    assert_true(device.extensions[vkwire_extension_find(names[0])]);
    assert_int_equal(umd_enable_extensions(names, 2, always, NULL, device.extensions),
                     VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(umd_enable_extensions(names, 1, never, NULL, device.extensions),
                     VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(umd_enable_extensions(NULL, 0, never, NULL, device.extensions), VK_SUCCESS);
}

static void test_instance_extension_list(void **state)
{
    VkExtensionProperties all[64], two[2];
    uint32_t count = 0, room = 2;

    (void)state;
    assert_int_equal(umd_EnumerateInstanceExtensionProperties(NULL, &count, NULL), VK_SUCCESS);
    assert_in_range(count, 3, 64);
    assert_int_equal(umd_EnumerateInstanceExtensionProperties(NULL, &count, all), VK_SUCCESS);
    assert_int_equal(umd_EnumerateInstanceExtensionProperties(NULL, &room, two), VK_INCOMPLETE);
    assert_int_equal(room, 2);
    assert_string_equal(two[1].extensionName, all[1].extensionName);
    for (uint32_t i = 0; i < count; i++)
        assert_true(all[i].specVersion > 0);
    assert_int_equal(umd_EnumerateInstanceExtensionProperties("layer", &count, NULL),
                     VK_ERROR_LAYER_NOT_PRESENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_global, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_instance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_device_commands_of_instance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_physical_device, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_device, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_device_by_instance_extension, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_extensions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_instance_extension_list, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("proc addr", tests, NULL, NULL);
}

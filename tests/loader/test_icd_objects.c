/* SPDX-License-Identifier: MIT */
/* Extensions, wrapped objects and function lookup with several drivers behind one VkInstance. */
#include "icd_fixture.h"

#include <stdlib.h>
#include <string.h>

/* --- Extensions and versions --- */

static void test_extensions_are_the_union(void **state)
{
    uint32_t count = 0, version;

    (void)state;
    add_b();
    assert_false(is_listed(VK_KHR_SURFACE_EXTENSION_NAME));
    icd_EnumerateInstanceVersion(&version);
    assert_int_equal(version, VK_API_VERSION_1_1);
    fake_host.connection++;
    add_a();
    assert_true(is_listed(VK_KHR_SURFACE_EXTENSION_NAME));
    assert_true(is_listed(VK_EXT_DEBUG_UTILS_EXTENSION_NAME));
    assert_true(is_listed(VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME));
    assert_false(is_listed("VK_KHR_display"));             /* refused */
    assert_false(is_listed("VK_GPUPV_newer_than_vk_xml")); /* unknown */
    icd_EnumerateInstanceVersion(&version);
    assert_int_equal(version, VK_API_VERSION_1_3);
    assert_int_equal(icd_EnumerateInstanceExtensionProperties("layer", &count, NULL),
                     VK_ERROR_LAYER_NOT_PRESENT);
}

static void test_extension_goes_to_who_has_it(void **state)
{
    const char *const wanted[] = {VK_KHR_SURFACE_EXTENSION_NAME, VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
                                  VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME, NULL};
    VkInstance instance;

    (void)state;
    add_a();
    add_b();
    instance = create_with(wanted);
    assert_int_equal(state_of(&a)->extension_count, 3);
    assert_int_equal(state_of(&b)->extension_count, 1);
    destroy(instance);
}

static void test_extension_that_nobody_has(void **state)
{
    const char *const refused[] = {"VK_KHR_display", NULL};
    const char *const unknown[] = {"VK_GPUPV_newer_than_vk_xml", NULL};
    VkInstance instance;

    (void)state;
    add_a();
    assert_int_equal(create(&instance, VK_API_VERSION_1_0, refused),
                     VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(create(&instance, VK_API_VERSION_1_0, unknown),
                     VK_ERROR_EXTENSION_NOT_PRESENT);
}

static void test_device_extension_of_a_refused_one_is_hidden(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkExtensionProperties properties[4];
    VkInstance instance;
    uint32_t count = 4;

    (void)state;
    add_a();
    instance = create_with(NULL);
    enumerate(instance, devices);
    assert_int_equal(LOOK_UP(instance, vkEnumerateDeviceExtensionProperties)(devices[0], NULL,
                                                                             &count, properties),
                     VK_SUCCESS);
    assert_int_equal(count, 1);
    assert_string_equal(properties[0].extensionName, VK_KHR_SWAPCHAIN_EXTENSION_NAME);
    destroy(instance);
}

/* A driver of Vulkan 1.0 gets version 1.0, and newer queries are answered by its older commands. */
static void test_driver_of_vulkan_1_0(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkQueueFamilyProperties2 families[2] = {
        {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2},
        {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2},
    };
    VkPhysicalDeviceGroupProperties groups[3];
    VkPhysicalDeviceImageFormatInfo2 format = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2};
    VkImageFormatProperties2 image = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2};
    uint32_t count = 2;
    VkInstance instance;

    (void)state;
    add_a();
    add_adapter(&c, 0xfa03, 3);
    instance = create_with(NULL);
    assert_int_equal(state_of(&a)->api_version, VK_API_VERSION_1_3);
    assert_int_equal(state_of(&c)->api_version, VK_API_VERSION_1_0);
    assert_int_equal(enumerate(instance, devices), 2);
    check_device(instance, devices[1], 0xfa03, LOW + 1, 1);
    LOOK_UP(instance, vkGetPhysicalDeviceFeatures2)(devices[1], &features);
    assert_int_equal(features.features.robustBufferAccess, VK_TRUE);
    LOOK_UP(instance, vkGetPhysicalDeviceQueueFamilyProperties2)(devices[1], &count, families);
    assert_int_equal(count, 1);
    assert_int_equal(families[0].queueFamilyProperties.timestampValidBits, 64);
    assert_int_equal(
        icd_fallback_image_format(icd_physical_device_from(devices[1]), &format, &image),
        VK_ERROR_FORMAT_NOT_SUPPORTED);
    count = 3;
    assert_int_equal(LOOK_UP(instance, vkEnumeratePhysicalDeviceGroups)(instance, &count, groups),
                     VK_SUCCESS);
    assert_int_equal(count, 2);
    assert_ptr_equal(groups[1].physicalDevices[0], devices[1]);
    destroy(instance);
}

/* --- Wrapped objects --- */

static const char *const with_surface[] = {
    VK_KHR_SURFACE_EXTENSION_NAME, VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME,
    VK_KHR_GET_SURFACE_CAPABILITIES_2_EXTENSION_NAME, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, NULL};
static const VkHeadlessSurfaceCreateInfoEXT headless = {
    .sType = VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT,
};

static VkSurfaceKHR create_surface(VkInstance instance)
{
    VkSurfaceKHR surface;

    assert_int_equal(
        LOOK_UP(instance, vkCreateHeadlessSurfaceEXT)(instance, &headless, NULL, &surface),
        VK_SUCCESS);
    return surface;
}

/* The fake driver aborts when it gets a surface or device that is not its own. */
static void test_surface(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;
    VkSurfaceKHR surface;
    VkBool32 supported = VK_FALSE;
    VkSurfaceFormat2KHR format = {.sType = VK_STRUCTURE_TYPE_SURFACE_FORMAT_2_KHR};
    VkPhysicalDeviceSurfaceInfo2KHR info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SURFACE_INFO_2_KHR};
    uint32_t count = 1;

    (void)state;
    add_a();
    add_b();
    instance = create_with(with_surface);
    enumerate(instance, devices);
    surface = create_surface(instance);
    assert_int_equal(state_of(&a)->surfaces, 1);
    assert_int_equal(
        LOOK_UP(instance, vkGetPhysicalDeviceSurfaceSupportKHR)(devices[0], 0, surface, &supported),
        VK_SUCCESS);
    assert_int_equal(supported, VK_TRUE);
    info.surface = surface;
    assert_int_equal(LOOK_UP(instance, vkGetPhysicalDeviceSurfaceFormats2KHR)(devices[0], &info,
                                                                              &count, &format),
                     VK_SUCCESS);
    assert_int_equal(format.surfaceFormat.format, VK_FORMAT_B8G8R8A8_UNORM);
    assert_ptr_equal(info.surface, surface);

    /* The other driver cannot present at all. */
    supported = VK_TRUE;
    assert_int_equal(
        LOOK_UP(instance, vkGetPhysicalDeviceSurfaceSupportKHR)(devices[1], 0, surface, &supported),
        VK_SUCCESS);
    assert_int_equal(supported, VK_FALSE);
    count = 1;
    assert_true(LOOK_UP(instance, vkGetPhysicalDeviceSurfaceFormats2KHR)(devices[1], &info, &count,
                                                                         &format) < 0);
    assert_int_equal(count, 0);
    LOOK_UP(instance, vkDestroySurfaceKHR)(instance, surface, NULL);
    LOOK_UP(instance, vkDestroySurfaceKHR)(instance, VK_NULL_HANDLE, NULL);
    assert_int_equal(state_of(&a)->surfaces, 0);
    destroy(instance);
}

static void test_swapchain_gets_the_drivers_surface(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;
    VkSwapchainCreateInfoKHR info = {.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR};
    VkSwapchainKHR swapchain;
    PFN_vkCreateSwapchainKHR create_swapchain;
    PFN_vkDestroySwapchainKHR destroy_swapchain;
    VkDevice device;

    (void)state;
    add_b();
    add_a();
    instance = create_with(with_surface);
    enumerate(instance, devices);
    info.surface = create_surface(instance);
    device = create_device(instance, devices[1], NULL, VK_KHR_SWAPCHAIN_EXTENSION_NAME);
    create_swapchain =
        (PFN_vkCreateSwapchainKHR)icd_GetDeviceProcAddr(device, "vkCreateSwapchainKHR");
    assert_int_equal(create_swapchain(device, &info, NULL, &swapchain), VK_SUCCESS);
    assert_int_equal(state_of(&a)->swapchains, 1);
    destroy_swapchain =
        (PFN_vkDestroySwapchainKHR)icd_GetDeviceProcAddr(device, "vkDestroySwapchainKHR");
    assert_ptr_equal(destroy_swapchain, icd_device_find(device)->get_device_proc_addr(
                                            device, "vkDestroySwapchainKHR"));
    destroy_swapchain(device, swapchain, NULL);
    destroy_device(instance, device);
    LOOK_UP(instance, vkDestroySurfaceKHR)(instance, info.surface, NULL);
    destroy(instance);
}

static void test_surface_that_no_driver_makes(void **state)
{
    VkInstance instance;
    VkSurfaceKHR surface;

    (void)state;
    add_a();
    instance = create_with(with_surface);
    state_of(&a)->create_surface_result = VK_ERROR_NATIVE_WINDOW_IN_USE_KHR;
    assert_int_equal(
        LOOK_UP(instance, vkCreateHeadlessSurfaceEXT)(instance, &headless, NULL, &surface),
        VK_ERROR_NATIVE_WINDOW_IN_USE_KHR);
    destroy(instance);
}

/* A driver of interface 2 would expect the Vulkan loader's surface structures. */
static void test_no_surfaces_with_interface_2(void **state)
{
    uint32_t version = 2;

    (void)state;
    add_adapter(&d, 0xfa04, 4);
    assert_false(is_listed(VK_KHR_SURFACE_EXTENSION_NAME));
    assert_true(is_listed(VK_EXT_DEBUG_UTILS_EXTENSION_NAME));
    fake_host.connection++;
    add_a();
    assert_true(is_listed(VK_KHR_SURFACE_EXTENSION_NAME));
    assert_int_equal(icd_NegotiateLoaderICDInterfaceVersion(&version), VK_SUCCESS);
    assert_int_equal(version, 2);
    assert_false(is_listed(VK_KHR_SURFACE_EXTENSION_NAME));
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user)
{
    (void)severity;
    (void)types;
    (void)data;
    (void)user;
    return VK_FALSE;
}

/* Made in every driver that knows it, destroyed in each, and messages go to all. */
static void test_messenger(void **state)
{
    const char *const wanted[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, NULL};
    const VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .pfnUserCallback = on_message,
    };
    const VkDebugUtilsMessengerCallbackDataEXT message = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT,
    };
    VkDebugUtilsMessengerEXT messenger;
    VkInstance instance;

    (void)state;
    add_a();
    add_b();
    add_adapter(&c, 0xfa03, 3);
    instance = create_with(wanted);
    assert_int_equal(
        LOOK_UP(instance, vkCreateDebugUtilsMessengerEXT)(instance, &info, NULL, &messenger),
        VK_SUCCESS);
    assert_int_equal(state_of(&a)->messengers, 1);
    assert_int_equal(state_of(&b)->messengers, 0);
    assert_int_equal(state_of(&c)->messengers, 1);
    LOOK_UP(instance, vkSubmitDebugUtilsMessageEXT)
    (instance, VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT,
     VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT, &message);
    assert_int_equal(state_of(&a)->messages, 1);
    assert_int_equal(state_of(&c)->messages, 1);
    LOOK_UP(instance, vkDestroyDebugUtilsMessengerEXT)(instance, messenger, NULL);
    assert_int_equal(state_of(&a)->messengers, 0);
    assert_int_equal(state_of(&c)->messengers, 0);
    destroy(instance);
}

/* An object may be named by a plain number: wrapped ones are replaced there too. */
static void test_names_of_wrapped_objects(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;
    VkDevice device;
    VkSurfaceKHR surface;
    PFN_vkSetDebugUtilsObjectNameEXT set_name;

    (void)state;
    add_b();
    add_a();
    instance = create_with(with_surface);
    enumerate(instance, devices);
    surface = create_surface(instance);
    device = create_device(instance, devices[1], NULL, NULL);
    set_name = (PFN_vkSetDebugUtilsObjectNameEXT)icd_GetDeviceProcAddr(
        device, "vkSetDebugUtilsObjectNameEXT");
    const struct {
        VkObjectType type;
        uint64_t number;
    } objects[] = {
        {VK_OBJECT_TYPE_INSTANCE, ICD_ADDRESS(instance)},
        {VK_OBJECT_TYPE_PHYSICAL_DEVICE, ICD_ADDRESS(devices[1])},
        {VK_OBJECT_TYPE_SURFACE_KHR, ICD_NUMBER(surface)},
        {VK_OBJECT_TYPE_DEVICE, ICD_ADDRESS(device)},
    };
    for (size_t i = 0; i < 4; i++) {
        const VkDebugUtilsObjectNameInfoEXT info = {
            .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
            .objectType = objects[i].type,
            .objectHandle = objects[i].number,
            .pObjectName = "name",
        };
        assert_int_equal(set_name(device, &info), VK_SUCCESS);
        assert_int_equal(state_of(&a)->named_objects, (int)i + 1);
    }
    assert_int_equal(state_of(&a)->last_object, ICD_ADDRESS(device));
    destroy_device(instance, device);
    LOOK_UP(instance, vkDestroySurfaceKHR)(instance, surface, NULL);
    destroy(instance);
}

/* --- Lookup --- */

static void test_lookup(void **state)
{
    VkInstance instance;

    (void)state;
    add_a();
    instance = create_with(NULL);
    assert_non_null(icd_GetInstanceProcAddr(NULL, "vkCreateInstance"));
    assert_non_null(icd_GetInstanceProcAddr(NULL, "vk_icdNegotiateLoaderICDInterfaceVersion"));
    assert_non_null(icd_GetInstanceProcAddr(NULL, "vk_icdGetPhysicalDeviceProcAddr"));
    assert_null(icd_GetInstanceProcAddr(NULL, "vkEnumeratePhysicalDevices"));
    assert_null(icd_GetInstanceProcAddr(NULL, NULL));
    assert_non_null(icd_GetInstanceProcAddr(instance, "vkDeviceWaitIdle"));
    assert_null(icd_GetInstanceProcAddr(instance, "vkCreateHeadlessSurfaceEXT")); /* not enabled */
    assert_null(icd_GetInstanceProcAddr(instance, "vkCreateDisplayPlaneSurfaceKHR"));
    assert_null(icd_GetInstanceProcAddr(instance, "vkNoSuchFunction"));
    assert_non_null(icd_GetPhysicalDeviceProcAddr(instance, "vkGetPhysicalDeviceProperties2"));
    assert_null(icd_GetPhysicalDeviceProcAddr(instance, "vkEnumeratePhysicalDevices"));
    assert_null(icd_GetPhysicalDeviceProcAddr(instance, "vkDeviceWaitIdle"));
    destroy(instance);
}

#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)
/* A command newer than the shim keeps all its parameters and gets the driver's own handle. */
static void test_unknown_physical_device_command(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    PFN_vkGetPhysicalDeviceFakeSumGPUPV sum;
    VkInstance instance;
    double value = 0;

    (void)state;
    add_a();
    add_b();
    instance = create_with(NULL);
    enumerate(instance, devices);
    sum = (PFN_vkGetPhysicalDeviceFakeSumGPUPV)icd_GetPhysicalDeviceProcAddr(
        instance, "vkGetPhysicalDeviceFakeSumGPUPV");
    assert_non_null(sum);
    assert_int_equal(sum(devices[0], 1, 10, 2.5, 100, 1000, 10000, 100000, &value),
                     1 + 20 + 300 + 4000 + 50000 + 600000 + 0xfa01);
    assert_true(value == 2.5);
    assert_int_equal(sum(devices[1], 0, 0, 0.5, 0, 0, 0, 1ull << 60, &value),
                     6 * (1ull << 60) + 0xfa02);
    assert_ptr_equal(sum, icd_GetInstanceProcAddr(instance, "vkGetPhysicalDeviceFakeSumGPUPV"));
    assert_null(icd_GetPhysicalDeviceProcAddr(instance, "vkGetPhysicalDeviceNobodyGPUPV"));
    destroy(instance);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_extensions_are_the_union),
        TEST(test_extension_goes_to_who_has_it),
        TEST(test_extension_that_nobody_has),
        TEST(test_device_extension_of_a_refused_one_is_hidden),
        TEST(test_driver_of_vulkan_1_0),
        TEST(test_surface),
        TEST(test_swapchain_gets_the_drivers_surface),
        TEST(test_surface_that_no_driver_makes),
        TEST(test_no_surfaces_with_interface_2),
        TEST(test_messenger),
        TEST(test_names_of_wrapped_objects),
        TEST(test_lookup),
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)
        TEST(test_unknown_physical_device_command),
#endif
    };

    return cmocka_run_group_tests_name("icd objects", tests, set_up_group, tear_down_group);
}

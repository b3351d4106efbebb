/* SPDX-License-Identifier: MIT */
/* GpuVirtualizationFlags in the guest's own registry: whether adapters are paired with the guest's
 * display, that is, whether a queue family can present. The fake driver always can. */
#include "icd_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/guest_hive.h"

#define HIVE "gpupv registry 1\n"
#define GRAPHICS_DRIVERS "[HKLM\\SYSTEM\\CurrentControlSet\\Control\\GraphicsDrivers]\n"

typedef VkBool32(VKAPI_PTR *PFN_wayland_support)(VkPhysicalDevice device, uint32_t family,
                                                 void *display);

static const char *const with_surface[] = {VK_KHR_SURFACE_EXTENSION_NAME,
                                           VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME, NULL};

/* Asks in both ways, which must agree, whether the first device can present. */
static bool presents(VkInstance instance)
{
    const VkHeadlessSurfaceCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT};
    PFN_wayland_support wayland = (PFN_wayland_support)icd_GetInstanceProcAddr(
        instance, "vkGetPhysicalDeviceWaylandPresentationSupportKHR");
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkBool32 supported = 2;
    VkSurfaceKHR surface;

    enumerate(instance, devices);
    assert_int_equal(LOOK_UP(instance, vkCreateHeadlessSurfaceEXT)(instance, &info, NULL, &surface),
                     VK_SUCCESS);
    assert_int_equal(
        LOOK_UP(instance, vkGetPhysicalDeviceSurfaceSupportKHR)(devices[0], 0, surface, &supported),
        VK_SUCCESS);
    LOOK_UP(instance, vkDestroySurfaceKHR)(instance, surface, NULL);
    assert_non_null(wayland);
    assert_int_equal(wayland(devices[0], 0, NULL), supported);
    assert_in_range(supported, VK_FALSE, VK_TRUE);
    return supported;
}

static bool instance_presents(void)
{
    VkInstance instance = create_with(with_surface);
    bool answer = presents(instance);

    destroy(instance);
    return answer;
}

static void test_paired_by_default(void **state)
{
    (void)state;
    add_a();
    assert_true(instance_presents());
    write_guest_hive(HIVE);
    assert_true(instance_presents());
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"Other\" = dword:0\n");
    assert_true(instance_presents());
}

static void test_bit_of_the_flags(void **state)
{
    (void)state;
    add_a();
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"GpuVirtualizationFlags\" = dword:0\n");
    assert_false(instance_presents());
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"GpuVirtualizationFlags\" = dword:7\n");
    assert_false(instance_presents());
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"GpuVirtualizationFlags\" = dword:8\n");
    assert_true(instance_presents());
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"gpuvirtualizationflags\" = dword:0xf\n");
    assert_true(instance_presents());
}

static void test_for_every_driver(void **state)
{
    (void)state;
    add_adapter(&p, 0xfa06, 6);
    assert_true(instance_presents());
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"GpuVirtualizationFlags\" = dword:0\n");
    assert_false(instance_presents());
}

/* What held when an instance was made holds as long as it is there. */
static void test_an_instance_keeps_it(void **state)
{
    VkInstance paired, single;

    (void)state;
    add_a();
    paired = create_with(with_surface);
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"GpuVirtualizationFlags\" = dword:0\n");
    single = create_with(with_surface);
    assert_true(presents(paired));
    assert_false(presents(single));
    destroy(single);
    destroy(paired);
}

/* Mistakes leave the default in force, and are told with their place. */
static void test_mistakes(void **state)
{
    struct error err;
    bool paired = false;

    (void)state;
    add_a();
    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"GpuVirtualizationFlags\" = sz:\"0\"\n");
    assert_int_equal(guest_hive_pairing(&paired, &err), -EINVAL);
    assert_true(paired);
    assert_non_null(strstr(err.text, "REG_DWORD"));
    assert_true(instance_presents());

    write_guest_hive(HIVE GRAPHICS_DRIVERS "\"GpuVirtualizationFlags\" = dword:0\nnonsense\n");
    paired = false;
    assert_true(guest_hive_pairing(&paired, &err) < 0);
    assert_true(paired);
    assert_non_null(strstr(err.text, "guest.hive:4:"));
    assert_true(instance_presents());

    setenv("GPUPV_GUEST_HIVE", "/nowhere/guest.hive", 1); /* a named file must be there */
    assert_int_equal(guest_hive_pairing(&paired, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/guest.hive"));
    assert_true(instance_presents());
}

static void test_path(void **state)
{
    bool named;

    (void)state;
    assert_non_null(strstr(guest_hive_path(&named), "/gpupv/guest.hive"));
    assert_false(named);
    setenv("GPUPV_GUEST_HIVE", "", 1);
    guest_hive_path(&named);
    assert_false(named);
    setenv("GPUPV_GUEST_HIVE", "/other", 1);
    assert_string_equal(guest_hive_path(&named), "/other");
    assert_true(named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_paired_by_default),    TEST(test_bit_of_the_flags), TEST(test_for_every_driver),
        TEST(test_an_instance_keeps_it), TEST(test_mistakes),         TEST(test_path),
    };

    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}

/* SPDX-License-Identifier: MIT */
/* What the shim does when the host, a driver or memory is not there. */
#include "icd_fixture.h"

#include <stdlib.h>
#include <string.h>

/* --- Failures --- */

static void test_negotiation(void **state)
{
    uint32_t version = 1;

    (void)state;
    assert_int_equal(icd_NegotiateLoaderICDInterfaceVersion(&version),
                     VK_ERROR_INCOMPATIBLE_DRIVER);
    version = 99;
    assert_int_equal(icd_NegotiateLoaderICDInterfaceVersion(&version), VK_SUCCESS);
    assert_int_equal(version, 7);
    setenv("GPUPV_ICD_DISABLE", "1", 1);
    assert_int_equal(icd_NegotiateLoaderICDInterfaceVersion(&version),
                     VK_ERROR_INCOMPATIBLE_DRIVER);
}

/* A Vulkan loader of interface 4 leaves the version to the driver. */
static void test_version_check_for_old_loaders(void **state)
{
    VkInstance instance;
    uint32_t version = 4;

    (void)state;
    add_a();
    assert_int_equal(icd_NegotiateLoaderICDInterfaceVersion(&version), VK_SUCCESS);
    assert_int_equal(create(&instance, VK_API_VERSION_1_1, NULL), VK_ERROR_INCOMPATIBLE_DRIVER);
    assert_int_equal(create(&instance, VK_API_VERSION_1_0, NULL), VK_SUCCESS);
    destroy(instance);
}

static void expect_no_device(void)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance = create_with(NULL);
    uint32_t count = 5;

    assert_int_equal(enumerate(instance, devices), 0);
    assert_int_equal(LOOK_UP(instance, vkEnumeratePhysicalDeviceGroups)(instance, &count, NULL),
                     VK_SUCCESS);
    assert_int_equal(count, 0);
    assert_non_null(icd_GetInstanceProcAddr(instance, "vkGetPhysicalDeviceProperties"));
    assert_non_null(icd_GetInstanceProcAddr(instance, "vkCreateDevice"));
    assert_null(icd_GetInstanceProcAddr(instance, "vkCreateXcbSurfaceKHR"));
    destroy(instance);
}

static void expect_strict_failure(void)
{
    VkInstance instance;

    setenv("GPUPV_STRICT", "1", 1);
    assert_int_equal(create(&instance, VK_API_VERSION_1_3, NULL), VK_ERROR_OUT_OF_HOST_MEMORY);
    unsetenv("GPUPV_STRICT");
}

static void test_no_host(void **state)
{
    uint32_t count = 9;

    (void)state;
    fake_host.down = true;
    assert_int_equal(icd_EnumerateInstanceExtensionProperties(NULL, &count, NULL), VK_SUCCESS);
    assert_int_equal(count, 0);
    expect_no_device();
    expect_strict_failure();
}

static void test_no_adapter(void **state)
{
    (void)state;
    expect_no_device();
    expect_strict_failure();
}

static void test_no_driver(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;

    (void)state;
    add_adapter(NULL, 1, 2);
    expect_no_device();
    expect_strict_failure();
    add_a();
    instance = create_with(NULL);
    assert_int_equal(enumerate(instance, devices), 1);
    destroy(instance);
    expect_strict_failure();
}

static void test_driver_that_makes_no_instance(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance instance;

    (void)state;
    add_a();
    add_b();
    state_of(&a)->create_instance_result = VK_ERROR_INITIALIZATION_FAILED;
    instance = create_with(NULL);
    assert_int_equal(enumerate(instance, devices), 1);
    check_device(instance, devices[0], 0xfa02, LOW + 1, 1);
    destroy(instance);
    expect_strict_failure();
    state_of(&a)->create_instance_result = VK_ERROR_OUT_OF_HOST_MEMORY;
    assert_int_equal(create(&instance, VK_API_VERSION_1_3, NULL), VK_ERROR_OUT_OF_HOST_MEMORY);
}

/* An instance made after the host came back has devices; the host is asked once while all is well.
 */
static void test_host_that_comes_back(void **state)
{
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    VkInstance before, after;
    int connects;

    (void)state;
    add_a();
    fake_host.down = true;
    before = create_with(NULL);
    assert_int_equal(enumerate(before, devices), 0);
    fake_host.down = false;
    after = create_with(NULL);
    assert_int_equal(enumerate(after, devices), 1);
    connects = fake_host.connects;
    destroy(create_with(NULL));
    assert_int_equal(fake_host.connects, connects);

    /* A connection that was lost in between is found out. */
    fake_host.connection++;
    destroy(create_with(NULL));
    assert_int_equal(fake_host.connects, connects + 1);
    check_device(after, devices[0], 0xfa01, LOW, 1);

    /* So is an adapter that was added. */
    destroy(after);
    add_b();
    after = create_with(NULL);
    assert_int_equal(enumerate(after, devices), 2);
    destroy(after);
    destroy(before);
}

/* --- Allocation callbacks --- */

struct ledger {
    size_t live, total;
};

static VKAPI_ATTR void *VKAPI_CALL count_allocation(void *data, size_t size, size_t alignment,
                                                    VkSystemAllocationScope scope)
{
    struct ledger *ledger = data;

    (void)scope;
    ledger->live++;
    ledger->total++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static VKAPI_ATTR void VKAPI_CALL count_free(void *data, void *memory)
{
    struct ledger *ledger = data;

    if (memory)
        ledger->live--;
    free(memory);
}

static const VkHeadlessSurfaceCreateInfoEXT headless = {
    .sType = VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT,
};

static void test_allocation_callbacks(void **state)
{
    const char *const wanted[] = {VK_KHR_SURFACE_EXTENSION_NAME,
                                  VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME};
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .enabledExtensionCount = 2,
        .ppEnabledExtensionNames = wanted,
    };
    VkPhysicalDevice devices[FAKE_MAX_ADAPTERS];
    struct ledger ledger = {0};
    const VkAllocationCallbacks callbacks = {
        .pUserData = &ledger,
        .pfnAllocation = count_allocation,
        .pfnFree = count_free,
    };
    VkInstance instance;
    VkSurfaceKHR surface;

    (void)state;
    add_a();
    assert_int_equal(icd_CreateInstance(&info, &callbacks, &instance), VK_SUCCESS);
    assert_int_equal(enumerate(instance, devices), 1);
    assert_int_equal(ledger.total, 3); /* instance, drivers, physical devices */
    assert_int_equal(
        LOOK_UP(instance, vkCreateHeadlessSurfaceEXT)(instance, &headless, &callbacks, &surface),
        VK_SUCCESS);
    assert_int_equal(ledger.total, 4);
    LOOK_UP(instance, vkDestroySurfaceKHR)(instance, surface, &callbacks);
    LOOK_UP(instance, vkDestroyInstance)(instance, &callbacks);
    assert_int_equal(ledger.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_negotiation),
        TEST(test_version_check_for_old_loaders),
        TEST(test_no_host),
        TEST(test_no_adapter),
        TEST(test_no_driver),
        TEST(test_driver_that_makes_no_instance),
        TEST(test_host_that_comes_back),
        TEST(test_allocation_callbacks),
    };

    return cmocka_run_group_tests_name("icd failures", tests, set_up_group, tear_down_group);
}

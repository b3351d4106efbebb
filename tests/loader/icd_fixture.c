/* SPDX-License-Identifier: MIT */
#include "icd_fixture.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch_package.h"

static struct scratch scratch;
struct driver a, b, c, d, p;

struct fake_umd_state *state_of(struct driver *driver)
{
    if (!driver->state) {
        void *library = dlopen(driver->library, RTLD_NOW | RTLD_NOLOAD);
        assert_non_null(library);
        driver->state = dlsym(library, "fake_umd_state");
        assert_non_null(driver->state);
    }
    return driver->state;
}

static void install(struct driver *driver, const char *name, const char *library)
{
    char relative[64];

    scratch_package(&scratch, name, library, "any");
    snprintf(relative, sizeof(relative), "%s/driver.json", name);
    driver->manifest = scratch_wide(scratch_path(&scratch, relative));
    snprintf(relative, sizeof(relative), "%s/driver.so", name);
    snprintf(driver->library, sizeof(driver->library), "%s", scratch_path(&scratch, relative));
}

int set_up_group(void **state)
{
    (void)state;
    scratch_create(&scratch);
    install(&a, "a", FAKE_UMD_A);
    install(&b, "b", FAKE_UMD_B);
    install(&c, "c", FAKE_UMD_C);
    install(&d, "d", FAKE_UMD_D);
    install(&p, "p", FAKE_UMD_P);
    return 0;
}

int tear_down_group(void **state)
{
    (void)state;
    free(a.manifest);
    free(b.manifest);
    free(c.manifest);
    free(d.manifest);
    free(p.manifest);
    scratch_remove(&scratch);
    return 0;
}

int set_up(void **state)
{
    uint32_t version = 7;

    (void)state;
    fake_host_reset(); /* another connection: what was found before is given up */
    unsetenv("GPUPV_STRICT");
    unsetenv("GPUPV_ICD_DISABLE");
    unsetenv("GPUPV_GUEST_HIVE");
    return icd_NegotiateLoaderICDInterfaceVersion(&version) == VK_SUCCESS ? 0 : -1;
}

/* Every test must leave the drivers without objects. */
int tear_down(void **state)
{
    struct driver *all[] = {&a, &b, &c, &d, &p};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct fake_umd_state *s = all[i]->state;

        if (s && (s->instances || s->devices || s->surfaces || s->messengers))
            return -1;
        if (s) /* adapters stay open as long as what was found is kept */
            *s = (struct fake_umd_state){.open_adapters = s->open_adapters};
    }
    return 0;
}

void write_guest_hive(const char *text)
{
    scratch_write(&scratch, "guest.hive", text);
    setenv("GPUPV_GUEST_HIVE", scratch_path(&scratch, "guest.hive"), 1);
}

struct fake_adapter *add_adapter(struct driver *driver, uint32_t vendor, uint32_t device)
{
    struct fake_adapter *adapter = &fake_host.adapters[fake_host.adapter_count];

    *adapter = (struct fake_adapter){
        .luid = {.LowPart = LOW + (uint32_t)fake_host.adapter_count, .HighPart = 0x01234567},
        .vendor = vendor,
        .device = device,
        .description = L"Fake adapter",
        .sz = driver ? driver->manifest : NULL,
    };
    fake_host.adapter_count++;
    return adapter;
}

struct fake_adapter *add_a(void)
{
    return add_adapter(&a, 0xfa01, 1);
}

struct fake_adapter *add_b(void)
{
    return add_adapter(&b, 0xfa02, 2);
}

VkResult create(VkInstance *instance, uint32_t version, const char *const *extensions)
{
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .apiVersion = version,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &application,
        .ppEnabledExtensionNames = extensions,
    };

    while (extensions && extensions[info.enabledExtensionCount])
        info.enabledExtensionCount++;
    return LOOK_UP(VK_NULL_HANDLE, vkCreateInstance)(&info, NULL, instance);
}

VkInstance create_with(const char *const *extensions)
{
    VkInstance instance;

    assert_int_equal(create(&instance, VK_API_VERSION_1_3, extensions), VK_SUCCESS);
    return instance;
}

uint32_t enumerate(VkInstance instance, VkPhysicalDevice devices[FAKE_MAX_ADAPTERS])
{
    uint32_t count = FAKE_MAX_ADAPTERS;

    assert_int_equal(LOOK_UP(instance, vkEnumeratePhysicalDevices)(instance, &count, devices),
                     VK_SUCCESS);
    return count;
}

VkDevice create_device(VkInstance instance, VkPhysicalDevice physical, const void *chain,
                       const char *extension)
{
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = chain,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = extension != NULL,
        .ppEnabledExtensionNames = &extension,
    };
    VkDevice device;

    assert_int_equal(LOOK_UP(instance, vkCreateDevice)(physical, &info, NULL, &device), VK_SUCCESS);
    return device;
}

void destroy_device(VkInstance instance, VkDevice device)
{
    LOOK_UP(instance, vkDestroyDevice)(device, NULL);
}

void destroy(VkInstance instance)
{
    LOOK_UP(instance, vkDestroyInstance)(instance, NULL);
}

void check_device(VkInstance instance, VkPhysicalDevice device, uint32_t vendor, uint32_t luid_low,
                  uint32_t node_mask)
{
    VkPhysicalDeviceVulkan11Properties core = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
    };
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
        .pNext = &core,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &id,
    };
    const uint8_t luid[8] = {luid_low & 0xff,
                             luid_low >> 8 & 0xff,
                             luid_low >> 16 & 0xff,
                             luid_low >> 24,
                             0x67,
                             0x45,
                             0x23,
                             0x01};

    LOOK_UP(instance, vkGetPhysicalDeviceProperties2)(device, &properties);
    assert_int_equal(properties.properties.vendorID, vendor);
    assert_memory_equal(id.deviceLUID, luid, 8);
    assert_int_equal(id.deviceLUIDValid, VK_TRUE);
    assert_int_equal(id.deviceNodeMask, node_mask);
    assert_memory_equal(core.deviceLUID, luid, 8);
    assert_int_equal(core.deviceNodeMask, node_mask);
}

bool is_listed(const char *name)
{
    VkExtensionProperties properties[32];
    uint32_t count = 32;

    assert_int_equal(icd_EnumerateInstanceExtensionProperties(NULL, &count, properties),
                     VK_SUCCESS);
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(properties[i].extensionName, name))
            return true;
    return false;
}

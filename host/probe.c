/* SPDX-License-Identifier: MIT */
/*
 * gpupv-probe: lists the Vulkan physical devices of this machine as JSON. The service runs it as
 * a child, because drivers are other people's code: one that crashes or hangs ends this process
 * and not the service. It prints nothing on standard output unless everything was read.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <vulkan/vulkan.h>

#define MAX_DEVICES 256

/* The loader reads these. gpupv's own driver must not be asked (it would ask the service that asks
 * here), nor may layers change what is seen. */
static int set_environment(const char *icd)
{
    static const char *const without[] = {"VK_INSTANCE_LAYERS", "VK_ADD_DRIVER_FILES",
                                          "VK_LOADER_DRIVERS_SELECT", "VK_LOADER_DRIVERS_DISABLE",
                                          "VK_LOADER_LAYERS_ENABLE"};
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        unsetenv(without[i]);
    if (setenv("GPUPV_ICD_DISABLE", "1", 1) || setenv("VK_LOADER_LAYERS_DISABLE", "~all~", 1))
        return -errno;
    /* The older name is for loaders before 1.3.207. */
    if (icd && (setenv("VK_DRIVER_FILES", icd, 1) || setenv("VK_ICD_FILENAMES", icd, 1)))
        return -errno;
    return 0;
}

static void add(json_object *object, const char *key, json_object *value)
{
    if (!value || json_object_object_add(object, key, value)) {
        fputs("gpupv-probe: out of memory\n", stderr);
        exit(1);
    }
}

static void add_number(json_object *object, const char *key, uint64_t number)
{
    add(object, key, json_object_new_uint64(number));
}

static void add_text(json_object *object, const char *key, const char *text)
{
    add(object, key, json_object_new_string(text));
}

static void add_bytes(json_object *object, const char *key, const uint8_t *bytes, size_t size)
{
    char text[2 * 32 + 1];
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    add_text(object, key, text);
}

/* Vendors pack driverVersion each in their own way; the usual packing is Vulkan's. */
static void format_driver_version(const VkPhysicalDeviceProperties *properties, char *to,
                                  size_t size)
{
    uint32_t v = properties->driverVersion;
    if (properties->vendorID == 0x10de) /* NVIDIA: 10.8.8.6 bits */
        snprintf(to, size, "%u.%u.%u.%u", v >> 22, v >> 14 & 0xff, v >> 6 & 0xff, v & 0x3f);
    else
        snprintf(to, size, "%u.%u.%u", VK_API_VERSION_MAJOR(v), VK_API_VERSION_MINOR(v),
                 VK_API_VERSION_PATCH(v));
}

static bool has_extension(VkPhysicalDevice device, const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateDeviceExtensionProperties(device, NULL, &count, NULL) != VK_SUCCESS || !count)
        return false;
    VkExtensionProperties *list = calloc(count, sizeof(*list));
    bool found = false;
    if (list && vkEnumerateDeviceExtensionProperties(device, NULL, &count, list) == VK_SUCCESS) {
        for (uint32_t i = 0; i < count && !found; i++)
            found = !strcmp(list[i].extensionName, name);
    }
    free(list);
    return found;
}

/* One number of the device's folder in sysfs; 0 where the kernel does not say. */
static uint64_t sysfs_number(const VkPhysicalDevicePCIBusInfoPropertiesEXT *pci, const char *file)
{
    char path[128];
    unsigned value = 0;
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%04x:%02x:%02x.%x/%s", pci->pciDomain,
             pci->pciBus, pci->pciDevice, pci->pciFunction, file);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return 0;
    if (fscanf(stream, "%x", &value) != 1)
        value = 0;
    fclose(stream);
    return value;
}

static json_object *describe_pci(const VkPhysicalDevicePCIBusInfoPropertiesEXT *pci)
{
    json_object *object = json_object_new_object();
    add_number(object, "domain", pci->pciDomain);
    add_number(object, "bus", pci->pciBus);
    add_number(object, "device", pci->pciDevice);
    add_number(object, "function", pci->pciFunction);
    add_number(object, "subvendor_id", sysfs_number(pci, "subsystem_vendor"));
    add_number(object, "subsystem_id", sysfs_number(pci, "subsystem_device"));
    add_number(object, "revision", sysfs_number(pci, "revision"));
    return object;
}

static uint64_t local_bytes(VkPhysicalDevice device)
{
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(device, &memory);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
        if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            bytes += memory.memoryHeaps[i].size;
    }
    return bytes;
}

static json_object *describe_device(VkPhysicalDevice device)
{
    VkPhysicalDevicePCIBusInfoPropertiesEXT pci = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT};
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
    VkPhysicalDeviceProperties plain;
    vkGetPhysicalDeviceProperties(device, &plain);
    bool has_pci = has_extension(device, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
    bool has_driver = plain.apiVersion >= VK_API_VERSION_1_2 ||
                      has_extension(device, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
    if (has_driver) {
        driver.pNext = properties.pNext;
        properties.pNext = &driver;
    }
    if (has_pci) {
        pci.pNext = properties.pNext;
        properties.pNext = &pci;
    }
    vkGetPhysicalDeviceProperties2(device, &properties);

    char version[64];
    format_driver_version(&plain, version, sizeof(version));
    json_object *object = json_object_new_object();
    add_text(object, "name", plain.deviceName);
    add_number(object, "vendor_id", plain.vendorID);
    add_number(object, "device_id", plain.deviceID);
    add_number(object, "type", (uint64_t)plain.deviceType);
    add_number(object, "api_version", plain.apiVersion);
    add_text(object, "driver_version", version);
    add_text(object, "driver_name", driver.driverName);
    add_text(object, "driver_info", driver.driverInfo);
    add_number(object, "driver_id", (uint64_t)driver.driverID);
    add_bytes(object, "device_uuid", id.deviceUUID, VK_UUID_SIZE);
    add_bytes(object, "driver_uuid", id.driverUUID, VK_UUID_SIZE);
    if (id.deviceLUIDValid)
        add_bytes(object, "luid", id.deviceLUID, VK_LUID_SIZE);
    add_number(object, "local_bytes", local_bytes(device));
    if (has_pci)
        add(object, "pci", describe_pci(&pci));
    return object;
}

/* A driver of Vulkan 1.0 has no vkGetPhysicalDeviceProperties2 without an extension; the loader
 * then emulates it, since the instance asks for 1.1. */
static VkResult describe_devices(VkInstance instance, json_object *list)
{
    uint32_t count = MAX_DEVICES;
    VkPhysicalDevice devices[MAX_DEVICES];
    VkResult result = vkEnumeratePhysicalDevices(instance, &count, devices);
    if (result == VK_ERROR_INITIALIZATION_FAILED)
        return VK_SUCCESS; /* drivers, but no device that they drive */
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return result;
    for (uint32_t i = 0; i < count; i++) {
        if (json_object_array_add(list, describe_device(devices[i])))
            return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    return VK_SUCCESS;
}

/* The loader skips a manifest that it cannot use, without an error. One that was asked for by name
 * and gave no driver is a failure. */
static VkResult create_instance(const char *icd, VkInstance *instance)
{
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .pApplicationName = "gpupv-probe",
                                     .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application};
    VkResult result = vkCreateInstance(&info, NULL, instance);
    if (result != VK_ERROR_INCOMPATIBLE_DRIVER)
        return result;
    *instance = VK_NULL_HANDLE;
    if (!icd)
        return VK_SUCCESS; /* no driver is installed */
    fprintf(stderr, "gpupv-probe: %s gives no driver that can be loaded\n", icd);
    return result;
}

static int probe(const char *icd)
{
    json_object *root = json_object_new_object();
    json_object *list = json_object_new_array();
    add(root, "devices", list);

    VkInstance instance;
    VkResult result = create_instance(icd, &instance);
    if (result == VK_SUCCESS && instance) {
        result = describe_devices(instance, list);
        vkDestroyInstance(instance, NULL);
    }
    int code = 0;
    if (result != VK_SUCCESS) {
        fprintf(stderr, "gpupv-probe: Vulkan gives the error %d\n", (int)result);
        code = 1;
    } else if (printf("%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN)) < 0 ||
               fflush(stdout)) {
        fprintf(stderr, "gpupv-probe: cannot write: %s\n", strerror(errno));
        code = 1;
    }
    json_object_put(root);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"icd", required_argument, NULL, 'i'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *icd = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'i':
            icd = optarg;
            break;
        case 'V':
            puts("gpupv-probe " GPUPV_VERSION);
            return 0;
        case 'h':
            puts("Usage: gpupv-probe [--icd MANIFEST]\n"
                 "Prints this machine's Vulkan physical devices as JSON: those of the installed\n"
                 "drivers, or those of one ICD manifest.");
            return 0;
        default:
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "gpupv-probe: unexpected argument \"%s\"\n", argv[optind]);
        return 2;
    }
    if (set_environment(icd)) {
        fputs("gpupv-probe: cannot set the environment\n", stderr);
        return 1;
    }
    return probe(icd);
}

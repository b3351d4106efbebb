/* SPDX-License-Identifier: MIT */
/* The machine-wide settings of the registry: what each one changes. */
#include "host/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"

#define POLICY_KEY "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\HyperV"
#define FAST_ONLY "[adapter:fast]\ndevice=discrete\n"

static void set_dword(struct host_fixture *fixture, const char *key, const char *name,
                      unsigned value)
{
    char hive[512];
    int64_t generation = fixture_status(fixture, "generation");
    snprintf(hive, sizeof(hive), "[%s]\n\"%s\" = dword:%u\n", key, name, value);
    fixture_write_hive(fixture, hive);
    fixture_wait_status(fixture, "generation", generation + 1);
}

/* The names of what is offered, in order, separated by blanks. */
static void assert_offered(struct host_fixture *fixture, const char *wanted)
{
    json_object *answer = fixture_ask(fixture, "adapters"), *list, *name;
    char text[256] = "";
    assert_true(json_object_object_get_ex(answer, "adapters", &list));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *adapter = json_object_array_get_idx(list, i);
        assert_true(json_object_object_get_ex(adapter, "name", &name));
        strcat(text, i ? " " : "");
        strcat(text, json_object_get_string(name));
    }
    json_object_put(answer);
    assert_string_equal(text, wanted);
}

/* Without sections: hardware that speaks Vulkan 1.1; the second fake device speaks 1.0. */
static void what_is_offered_without_sections(void **state)
{
    (void)state;
    static const char *const offered[] = {"gpu0", "gpu0 gpu1", "gpu0 gpu2", "gpu0 gpu1 gpu2"};
    struct host_fixture *fixture = fixture_create("", "", "");
    assert_offered(fixture, "gpu0");
    for (unsigned flags = 0; flags < 4; flags++) {
        set_dword(fixture, FIXTURE_GRAPHICS_KEY, "GpuVirtualizationFlags", flags);
        assert_offered(fixture, offered[flags]);
    }
    /* One that is named is always offered. */
    fixture_write_hive(fixture, "");
    fixture_write_config(fixture, "", "[adapter:a]\ndevice=1\n[adapter:b]\ndevice=2\n");
    fixture_reload(fixture);
    assert_offered(fixture, "a b");
    fixture_destroy(fixture);
}

static void refused_devices_tell_why(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", "", "");
    json_object *answer = fixture_ask(fixture, "gpus"), *list, *text;
    static const char *const wanted[] = {NULL, "bit 0x1", "bit 0x2"};
    assert_true(json_object_object_get_ex(answer, "gpus", &list));
    for (size_t i = 0; i < 3; i++) {
        json_object *gpu = json_object_array_get_idx(list, i);
        assert_true(json_object_object_get_ex(gpu, "refused", &text));
        if (wanted[i])
            assert_non_null(strstr(json_object_get_string(text), wanted[i]));
        else
            assert_null(text);
    }
    json_object_put(answer);
    fixture_destroy(fixture);
}

static int32_t open_adapter(int fd, uint32_t low, uint32_t *handle)
{
    struct wire_open_adapter_request open = {.luid = {low, 0}};
    size_t size = sizeof(*handle);
    return guest_call(fd, WIRE_OPEN_ADAPTER_FROM_LUID, &open, sizeof(open), handle, &size);
}

static uint32_t count_adapters(int fd)
{
    struct wire_enum_adapters_request in = {.filter = 0};
    struct wire_enum_adapters_reply out = {0};
    size_t size = sizeof(out);
    assert_int_equal(guest_call(fd, WIRE_ENUM_ADAPTERS, &in, sizeof(in), &out, &size), 0);
    return out.count;
}

static void force_secure_mode(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", "[adapter:soft]\ndevice=2\nluid=0:5\n", "");
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0), data[2] = {5, 0};
    assert_int_equal(guest_query_u32(fd, adapter, KMTQAITYPE_PARAVIRTUALIZATION_RENDER), 0);
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), 0);
    assert_int_equal(fixture->driver.last_vm_flags, HOST_VM_LINUX);
    fixture->driver.last_call_flags = 0;

    /* A VM that runs is secure from then on, and the driver hears of it. */
    set_dword(fixture, FIXTURE_GRAPHICS_KEY, "GpuVirtualizationFlags", 4);
    assert_int_equal(fixture->driver.vm_data, 2);
    assert_int_equal(fixture->driver.last_vm_flags, HOST_VM_LINUX | HOST_VM_SECURE);
    assert_int_equal(guest_query_u32(fd, adapter, KMTQAITYPE_PARAVIRTUALIZATION_RENDER), 1);
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), STATUS_ACCESS_DENIED);
    /* A known escape is still looked at. */
    assert_int_equal(guest_escape(fd, adapter, 0x40, data, sizeof(data)), STATUS_INVALID_PARAMETER);
    assert_int_equal(fixture->driver.last_call_flags, 0);
    struct wire_query_adapter_info_request query = {adapter, KMTQAITYPE_UMDRIVERPRIVATE, 0};
    assert_int_equal(guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &query, sizeof(query), NULL, NULL), 0);
    assert_int_equal(fixture->driver.last_call_flags,
                     HOST_CALL_VIRTUAL_MACHINE_DATA | HOST_CALL_SECURE_VIRTUAL_MACHINE);

    set_dword(fixture, FIXTURE_GRAPHICS_KEY, "GpuVirtualizationFlags", 0);
    assert_int_equal(fixture->driver.last_vm_flags, HOST_VM_LINUX);
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), 0);
    close(fd);
    fixture_destroy(fixture);
}

static void secure_vms_need_an_iommu(void **state)
{
    (void)state;
    static const char *const group[] = {"0000:03:04.5", NULL};
    struct host_fixture *fixture = fixture_prepare("secure=yes", FAST_ONLY "luid=0:5\n", "");
    fixture_start(fixture);
    int fd = guest_open(fixture);
    uint32_t handle;
    assert_int_equal(count_adapters(fd), 0);
    assert_int_equal(open_adapter(fd, 5, &handle), STATUS_ACCESS_DENIED);
    set_dword(fixture, FIXTURE_GRAPHICS_KEY, "IoMmuFlags", 8);
    assert_int_equal(count_adapters(fd), 1);
    assert_int_equal(open_adapter(fd, 5, &handle), 0);
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &handle, 4, NULL, NULL), 0);
    set_dword(fixture, FIXTURE_GRAPHICS_KEY, "IoMmuFlags", 0);
    assert_int_equal(open_adapter(fd, 5, &handle), STATUS_ACCESS_DENIED);
    fixture_add_pci(fixture, "0000:03:04.5", 0x030000, group);
    fixture_reload(fixture);
    assert_int_equal(open_adapter(fd, 5, &handle), 0);
    /* Other VMs need none. */
    fixture_write_config(fixture, "secure=no", FAST_ONLY "luid=0:5\n");
    fixture_add_pci(fixture, "0000:03:04.5", 0x030000, NULL);
    fixture_reload(fixture);
    assert_int_equal(open_adapter(fd, 5, &handle), 0);
    close(fd);
    fixture_destroy(fixture);
}

/* Opens with neither, the one, and the other policy: 0 or STATUS_ACCESS_DENIED. */
static void assert_assignment(const char *const *group, int32_t supported, int32_t secure)
{
    static const char *const names[] = {"Other", "RequireSupportedDeviceAssignment",
                                        "RequireSecureDeviceAssignment"};
    int32_t wanted[] = {0, supported, secure};
    struct host_fixture *fixture = fixture_prepare("", FAST_ONLY "luid=0:5\n", "");
    fixture_add_pci(fixture, "0000:03:04.5", 0x030000, group);
    fixture_add_pci(fixture, "0000:03:04.6", 0x040300, NULL); /* the GPU's own audio */
    fixture_add_pci(fixture, "0000:00:01.0", 0x060400, NULL); /* the bridge above */
    fixture_add_pci(fixture, "0000:03:05.0", 0x020000, NULL); /* somebody else's */
    fixture_start(fixture);
    int fd = guest_open(fixture);
    for (size_t i = 0; i < 3; i++) {
        uint32_t handle;
        set_dword(fixture, POLICY_KEY, names[i], 1);
        assert_int_equal(open_adapter(fd, 5, &handle), wanted[i]);
    }
    close(fd);
    fixture_destroy(fixture);
}

static void assignment_policies(void **state)
{
    (void)state;
    static const char *const alone[] = {"0000:03:04.5", NULL};
    static const char *const own[] = {"0000:03:04.5", "0000:03:04.6", "0000:00:01.0", NULL};
    static const char *const shared[] = {"0000:03:04.5", "0000:03:05.0", NULL};
    assert_assignment(NULL, STATUS_ACCESS_DENIED, STATUS_ACCESS_DENIED);
    assert_assignment(alone, 0, 0);
    assert_assignment(own, 0, 0);
    assert_assignment(shared, 0, STATUS_ACCESS_DENIED);
}

static int64_t partitions(struct host_fixture *fixture, const char *key)
{
    json_object *answer = fixture_ask(fixture, "gpus"), *list, *value;
    assert_true(json_object_object_get_ex(answer, "gpus", &list));
    assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 0), key, &value));
    int64_t number = json_object_get_int64(value);
    json_object_put(answer);
    return number;
}

static void number_of_virtual_functions(void **state)
{
    (void)state;
    struct host_fixture *fixture =
        fixture_prepare("", "", "[" FIXTURE_GRAPHICS_KEY "]\n\"NumVirtualFunctions\" = dword:1\n");
    char text[512];
    snprintf(text, sizeof(text), FAST_ONLY "luid=0:5\n[vm:a]\nsocket=%s/a\n[vm:b]\nsocket=%s/b\n",
             fixture->folder, fixture->folder);
    fixture_write_config(fixture, "", text);
    fixture_start(fixture);
    assert_int_equal(partitions(fixture, "partition_count"), 1);
    int a = guest_open_on(fixture, "a"), same = guest_open_on(fixture, "a");
    int b = guest_open_on(fixture, "b");
    uint32_t first, second, third;
    assert_int_equal(open_adapter(a, 5, &first), 0);
    assert_int_equal(open_adapter(same, 5, &second), 0); /* the same VM has one partition */
    assert_int_equal(partitions(fixture, "partitions_in_use"), 1);
    assert_int_equal(open_adapter(b, 5, &third), STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(count_adapters(b), 0);
    assert_int_equal(count_adapters(same), 1);
    /* A device keeps the partition when the adapter's handle is closed. */
    uint32_t device = guest_device(a, first);
    assert_int_equal(guest_call(a, WIRE_CLOSE_ADAPTER, &first, 4, NULL, NULL), 0);
    assert_int_equal(guest_call(same, WIRE_CLOSE_ADAPTER, &second, 4, NULL, NULL), 0);
    assert_int_equal(open_adapter(b, 5, &third), STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(guest_call(a, WIRE_DESTROY_DEVICE, &device, 4, NULL, NULL), 0);
    assert_int_equal(open_adapter(b, 5, &third), 0);
    assert_int_equal(open_adapter(a, 5, &first), STATUS_INSUFFICIENT_RESOURCES);
    set_dword(fixture, FIXTURE_GRAPHICS_KEY, "NumVirtualFunctions", 2);
    assert_int_equal(open_adapter(a, 5, &first), 0);
    assert_int_equal(partitions(fixture, "partitions_in_use"), 2);
    /* Fewer take nothing away; a guest that ends gives its partition back. */
    set_dword(fixture, FIXTURE_GRAPHICS_KEY, "NumVirtualFunctions", 0);
    guest_device(a, first);
    close(b);
    fixture_wait_count(&fixture->driver.workers, 1);
    assert_int_equal(partitions(fixture, "partitions_in_use"), 1);
    fixture_write_hive(fixture, "");
    fixture_wait_status(fixture, "generation", 4);
    assert_int_equal(partitions(fixture, "partition_count"), 32);
    close(a);
    close(same);
    fixture_destroy(fixture);
}

/* A wrong type counts as missing. */
static void wrong_types(void **state)
{
    (void)state;
    struct host_fixture *fixture =
        fixture_create("", "",
                       "[" FIXTURE_GRAPHICS_KEY "]\n\"NumVirtualFunctions\" = sz:\"1\"\n"
                       "\"GpuVirtualizationFlags\" = qword:6\n\"IoMmuFlags\" = dword:7\n");
    assert_int_equal(partitions(fixture, "partition_count"), 32);
    assert_int_equal(fixture_status(fixture, "gpu_virtualization_flags"), 0);
    set_dword(fixture, FIXTURE_GRAPHICS_KEY, "GpuVirtualizationFlags", 0x108);
    assert_int_equal(fixture_status(fixture, "gpu_virtualization_flags"), 8);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_without_sections),
        cmocka_unit_test(refused_devices_tell_why),
        cmocka_unit_test(force_secure_mode),
        cmocka_unit_test(secure_vms_need_an_iommu),
        cmocka_unit_test(assignment_policies),
        cmocka_unit_test(number_of_virtual_functions),
        cmocka_unit_test(wrong_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

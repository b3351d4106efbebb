/* SPDX-License-Identifier: MIT */
/* Devices, contexts, escapes. */
#include "host/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"

static void objects_die_with_their_parents(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    struct fake_driver *driver = &fixture->driver;
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    uint32_t device = guest_device(fd, adapter), other = guest_device(fd, adapter);
    uint32_t context = guest_context(fd, device);
    guest_context(fd, device);
    guest_context(fd, other);
    assert_int_equal(driver->contexts, 3);
    /* The device outlives the adapter's handle. */
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &adapter, 4, NULL, NULL), 0);
    assert_int_equal(driver->devices, 2);
    guest_context(fd, device);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_CONTEXT, &context, 4, NULL, NULL), 0);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_CONTEXT, &context, 4, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_CONTEXT, &device, 4, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(driver->contexts, 3);
    guest_send_frame(fd, WIRE_DESTROY_DEVICE, WIRE_ASYNC, 0, &device, 4);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_DEVICE, &device, 4, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(driver->devices, 1);
    assert_int_equal(driver->contexts, 1);
    close(fd);
    fixture_wait_count(&driver->processes, 0);
    assert_int_equal(driver->devices, 0);
    assert_int_equal(driver->contexts, 0);
    fixture_wait_status(fixture, "clients", 0);
    fixture_destroy(fixture);
}

static void contexts_are_checked(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t device = guest_device(fd, guest_adapter(fd, 0));
    struct {
        struct wire_create_context_request in;
        uint8_t data[4];
    } request = {.in = {.device = device, .engine_affinity = 2, .size = 4}};
    uint32_t handle;
    size_t size = sizeof(handle);
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), &handle, &size), 0);
    assert_int_equal(fixture->driver.last_size, 4);
    request.in.engine_affinity = 4; /* two physical adapters are there */
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    request.in.engine_affinity = 1;
    request.in.size = 5;
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    request.in.size = UINT32_MAX;
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    request.in.size = 4;
    request.in.node_ordinal = 1; /* the driver refuses; the name must go */
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    assert_int_equal(fixture->driver.contexts, 1);
    close(fd);
    fixture_destroy(fixture);
}

static void handles_run_out(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    struct wire_create_device_request in = {.adapter = guest_adapter(fd, 0)};
    int32_t status = 0;
    int made = 0;
    for (; made < 5000 && !status; made += !status)
        status = guest_call(fd, WIRE_CREATE_DEVICE, &in, sizeof(in), NULL, NULL);
    assert_int_equal(status, STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(made, 4095);
    assert_int_equal(fixture->driver.devices, made);
    close(fd);
    fixture_wait_count(&fixture->driver.devices, 0);
    fixture_destroy(fixture);
}

#define FLAG_VIRTUAL_MACHINE_DATA 0x20u
#define FLAG_KNOWN 0x40u
static void escapes(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    struct fake_driver *driver = &fixture->driver;
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    uint8_t data[16] = {1, 2, 3};
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), 0);
    assert_int_equal(data[0], 0xfe);
    assert_int_equal(data[15], 0xff);
    assert_int_equal(driver->last_flags, FLAG_VIRTUAL_MACHINE_DATA);
    assert_int_equal(driver->last_call_flags, HOST_CALL_VIRTUAL_MACHINE_DATA);
    assert_int_equal(guest_escape(fd, adapter, 0, data, 0), 0);
    assert_int_equal(guest_escape(fd, adapter, FLAG_VIRTUAL_MACHINE_DATA, data, 16),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_escape(fd, adapter, 0x100, data, 16), STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_escape(fd, adapter + 1, 0, data, 16), STATUS_INVALID_PARAMETER);

    /* What the driver returns is guarded. */
    driver->escape = ESCAPE_LEAK_POINTER;
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), STATUS_UNSUCCESSFUL);
    driver->escape = ESCAPE_FAIL;
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), STATUS_UNSUCCESSFUL);
    /* A guessed address of the host looks like any other number: a guest must not learn where the
     * host's memory lies. */
    driver->escape = ESCAPE_KEEP;
    void *pointer = fixture;
    memcpy(data + 4, &pointer, sizeof(pointer));
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), 0);

    /* There are no allocations and no events: no handle is one, not even a live handle of another
     * kind. */
    uint32_t known[2] = {D3DDDI_DRIVERESCAPETYPE_TRANSLATEALLOCATIONHANDLE, adapter};
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, known, sizeof(known)),
                     STATUS_INVALID_PARAMETER);
    known[0] = D3DDDI_DRIVERESCAPETYPE_TRANSLATERESOURCEHANDLE;
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, known, sizeof(known)),
                     STATUS_INVALID_PARAMETER);
    D3DDDI_DRIVERESCAPE_CPUEVENTUSAGE usage = {
        .EscapeType = D3DDDI_DRIVERESCAPETYPE_CPUEVENTUSAGE, .hSyncObject = adapter};
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, &usage, sizeof(usage)),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, &usage, 8), STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, known, 2), STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

static void escape_targets(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t fast = guest_adapter(fd, 0), soft = guest_adapter(fd, 1);
    uint32_t device = guest_device(fd, fast), other = guest_device(fd, fast);
    uint32_t context = guest_context(fd, device);
    struct {
        struct wire_escape_request in;
        int32_t wanted;
    } cases[] = {
        {{.adapter = fast, .device = device, .context = context}, STATUS_SUCCESS},
        {{.adapter = fast, .context = context}, STATUS_SUCCESS},
        {{.adapter = fast, .device = other, .context = context}, STATUS_INVALID_PARAMETER},
        {{.adapter = soft, .device = device}, STATUS_INVALID_PARAMETER},
        {{.adapter = soft, .context = context}, STATUS_INVALID_PARAMETER},
        {{.adapter = fast, .device = context}, STATUS_INVALID_PARAMETER},
        {{.adapter = device}, STATUS_INVALID_PARAMETER},
        {{.adapter = fast, .type = D3DKMT_ESCAPE_VIDMM}, STATUS_NOT_SUPPORTED},
        {{.adapter = fast, .type = D3DKMT_ESCAPE_VIDMM, .flags = FLAG_KNOWN},
         STATUS_INVALID_PARAMETER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(guest_call(fd, WIRE_ESCAPE, &cases[i].in, sizeof(cases[i].in), NULL, NULL),
                         cases[i].wanted);
    close(fd);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_die_with_their_parents),
        cmocka_unit_test(contexts_are_checked),
        cmocka_unit_test(handles_run_out),
        cmocka_unit_test(escapes),
        cmocka_unit_test(escape_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

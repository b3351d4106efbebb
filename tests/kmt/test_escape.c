/* SPDX-License-Identifier: MIT */
/* Escapes, devices, contexts, and the guard of their private data. */
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "util/log.h"

static D3DKMT_HANDLE adapter;

static int start_with_guard(void **state, const char *mode)
{
    setenv("GPUPV_GUARD", mode, 1);
    support_start(state);
    adapter = support_open();
    return 0;
}

static int start(void **state)
{
    return start_with_guard(state, "enforce");
}

static int start_with_warnings(void **state)
{
    return start_with_guard(state, "warn");
}

static int start_without(void **state)
{
    return start_with_guard(state, "off");
}

static int start_strictly(void **state)
{
    return start_with_guard(state, "strict");
}

static D3DKMT_ESCAPE make(void *data, size_t size)
{
    return (D3DKMT_ESCAPE){
        .hAdapter = adapter,
        .Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
        .pPrivateDriverData = data,
        .PrivateDriverDataSize = (UINT)size,
    };
}

static void data_goes_and_comes_back(void **state)
{
    D3DKMT_HANDLE device = support_create_device(adapter);
    uint8_t data[7] = {1, 2, 3, 4, 5, 6, 7};
    D3DKMT_ESCAPE args = make(data, sizeof(data));
    args.hDevice = device;
    args.Flags.HardwareAccess = 1;
    args.Type = D3DKMT_ESCAPE_DEVICE;
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
    for (uint8_t i = 0; i < 7; i++)
        assert_int_equal(data[i], (uint8_t) ~(i + 1));

    struct wire_escape_request request;
    assert_int_equal(fake_host_last(*state, WIRE_ESCAPE, &request, sizeof(request)),
                     sizeof(request) + 7);
    assert_int_equal(request.adapter, adapter);
    assert_int_equal(request.device, device);
    assert_int_equal(request.context, 0);
    assert_int_equal(request.type, D3DKMT_ESCAPE_DEVICE);
    assert_int_equal(request.flags, 1);
    assert_int_equal(request.size, 7);

    /* No data is data, too. */
    args = make(NULL, 0);
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
    args = make(data, 0);
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
}

static void bad_arguments_are_refused(void **state)
{
    uint8_t data[8] = {0};
    assert_status(D3DKMTEscape(NULL), STATUS_INVALID_PARAMETER);
    D3DKMT_ESCAPE args = make(NULL, 8);
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    args = make(data, 8);
    args.Flags.VirtualMachineData = 1;
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    args = make(data, 8);
    args.hAdapter++;
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    args = make(data, 8);
    args.hDevice = adapter; /* no device */
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    args = make(data, 8);
    args.hContext = 5;
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    assert_int_equal(fake_host_requests(*state, WIRE_ESCAPE), 0);
}

static void the_largest_data_fits_and_no_byte_more(void **state)
{
    size_t most = WIRE_MAX_PAYLOAD - sizeof(struct wire_escape_request);
    uint8_t *data = calloc(1, most + 1);
    D3DKMT_ESCAPE args = make(data, most + 1);
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_BUFFER_SIZE);
    args.PrivateDriverDataSize = UINT32_MAX;
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_BUFFER_SIZE);
    assert_int_equal(fake_host_requests(*state, WIRE_ESCAPE), 0);
    args.PrivateDriverDataSize = (UINT)most;
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
    assert_int_equal(data[most - 1], 0xff);
    assert_int_equal(data[most], 0);
    free(data);
}

static void pointers_and_handles_do_not_leave(void **state)
{
    D3DKMT_HANDLE device = support_create_device(adapter);
    for (size_t offset = 0; offset <= 56; offset += 4) {
        uint8_t data[64] = {0}, before[64];
        void *pointer = data;
        memcpy(data + offset, &pointer, sizeof(pointer));
        memcpy(before, data, sizeof(data));
        D3DKMT_ESCAPE args = make(data, sizeof(data));
        assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
        assert_memory_equal(data, before, sizeof(data));

        memset(data, 0, sizeof(data));
        memcpy(data + offset, &device, sizeof(device));
        assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    }
    assert_int_equal(fake_host_requests(*state, WIRE_ESCAPE), 0);

    /* A handle that is no more is a number. */
    const D3DKMT_DESTROYDEVICE destroy = {device};
    assert_status(D3DKMTDestroyDevice(&destroy), STATUS_SUCCESS);
    D3DKMT_HANDLE number = device;
    D3DKMT_ESCAPE args = make(&number, sizeof(number));
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
}

static void known_escapes_carry_handles(void **state)
{
    D3DDDI_DRIVERESCAPE_TRANSLATEALLOCATIONEHANDLE command = {
        .EscapeType = D3DDDI_DRIVERESCAPETYPE_TRANSLATERESOURCEHANDLE,
        .hAllocation = adapter, /* a live handle */
    };
    D3DKMT_ESCAPE args = make(&command, sizeof(command));
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER); /* not declared as one */
    args.Flags.DriverKnownEscape = TRUE;
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
    struct wire_escape_request request;
    fake_host_last(*state, WIRE_ESCAPE, &request, sizeof(request));
    assert_int_equal(request.flags, 0x40);

    /* The flag alone opens nothing: another size, number or type is searched as ever. */
    uint32_t longer[3] = {0, adapter, 0};
    args = make(longer, sizeof(longer));
    args.Flags.DriverKnownEscape = TRUE;
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    uint32_t unknown[2] = {D3DDDI_DRIVERESCAPETYPE_MAX, adapter};
    args = make(unknown, sizeof(unknown));
    args.Flags.DriverKnownEscape = TRUE;
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    uint32_t other[2] = {0, adapter};
    args = make(other, sizeof(other));
    args.Flags.DriverKnownEscape = TRUE;
    args.Type = D3DKMT_ESCAPE_VIDMM;
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_PARAMETER);
    args = make(other, 2);
    args.Flags.DriverKnownEscape = TRUE;
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS); /* two bytes hold no handle */
}

static void a_lighter_guard_lets_pass(void **state)
{
    void *pointer = state;
    D3DKMT_ESCAPE args = make(&pointer, sizeof(pointer));
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
    assert_int_equal(fake_host_requests(*state, WIRE_ESCAPE), 1);
}

static void a_hosts_failure_leaves_the_data(void **state)
{
    uint8_t data[4] = {1, 2, 3, 4};
    D3DKMT_ESCAPE args = make(data, sizeof(data));
    fake_host_reply_once(*state, WIRE_ESCAPE, STATUS_NOT_SUPPORTED, NULL, 0);
    assert_status(D3DKMTEscape(&args), STATUS_NOT_SUPPORTED);
    fake_host_reply_once(*state, WIRE_ESCAPE, STATUS_SUCCESS, data, 3); /* another size */
    assert_status(D3DKMTEscape(&args), STATUS_DEVICE_REMOVED);
    assert_memory_equal(data, "\1\2\3\4", 4);
}

/* --- Devices and contexts ------------------------------------------------------------------- */

static void devices_and_contexts_live_and_die(void **state)
{
    D3DKMT_CREATEDEVICE create;
    memset(&create, 0xee, sizeof(create));
    create.hAdapter = adapter;
    memset(&create.Flags, 0, sizeof(create.Flags));
    create.Flags.DisableGpuTimeout = 1;
    assert_status(D3DKMTCreateDevice(&create), STATUS_SUCCESS);
    assert_null(create.pCommandBuffer);
    assert_int_equal(create.CommandBufferSize, 0);
    assert_null(create.pPatchLocationList);
    struct wire_create_device_request device_request;
    fake_host_last(*state, WIRE_CREATE_DEVICE, &device_request, sizeof(device_request));
    assert_int_equal(device_request.flags, 4);

    uint8_t data[3] = {9, 8, 7};
    D3DKMT_CREATECONTEXTVIRTUAL context = {
        .hDevice = create.hDevice,
        .NodeOrdinal = 1,
        .EngineAffinity = 2,
        .Flags = {.Value = 0x10},
        .pPrivateDriverData = data,
        .PrivateDriverDataSize = sizeof(data),
        .ClientHint = D3DKMT_CLIENTHINT_VULKAN,
    };
    assert_status(D3DKMTCreateContextVirtual(&context), STATUS_SUCCESS);
    struct {
        struct wire_create_context_request head;
        uint8_t data[3];
    } request;
    assert_int_equal(fake_host_last(*state, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request)),
                     sizeof(request.head) + 3);
    assert_int_equal(request.head.device, create.hDevice);
    assert_int_equal(request.head.node_ordinal, 1);
    assert_int_equal(request.head.engine_affinity, 2);
    assert_int_equal(request.head.flags, 0x10);
    assert_int_equal(request.head.client_hint, D3DKMT_CLIENTHINT_VULKAN);
    assert_int_equal(request.head.size, 3);
    assert_memory_equal(request.data, data, 3);

    D3DKMT_ESCAPE escape = make(data, sizeof(data));
    escape.hContext = context.hContext;
    escape.hDevice = create.hDevice;
    assert_status(D3DKMTEscape(&escape), STATUS_SUCCESS);

    /* A device outlives the adapter's handle, and takes its contexts along. */
    support_close(adapter);
    D3DKMT_HANDLE first = context.hContext;
    assert_status(D3DKMTCreateContextVirtual(&context), STATUS_SUCCESS);
    const D3DKMT_DESTROYCONTEXT destroy_first = {first}, destroy_second = {context.hContext};
    assert_status(D3DKMTDestroyContext(&destroy_first), STATUS_SUCCESS);
    assert_status(D3DKMTDestroyContext(&destroy_first), STATUS_INVALID_PARAMETER);
    const D3DKMT_DESTROYDEVICE destroy = {create.hDevice};
    assert_status(D3DKMTDestroyDevice(&destroy), STATUS_SUCCESS);
    assert_status(D3DKMTDestroyContext(&destroy_second), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTDestroyDevice(&destroy), STATUS_INVALID_PARAMETER);
    fake_host_wait_asyncs(*state, WIRE_DESTROY_DEVICE, 1);
    assert_int_equal(fake_host_asyncs(*state, WIRE_DESTROY_CONTEXT), 1);
}

static void bad_creations_are_refused(void **state)
{
    uint8_t data[8] = {0};
    assert_status(D3DKMTCreateDevice(NULL), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTDestroyDevice(NULL), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTCreateContextVirtual(NULL), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTDestroyContext(NULL), STATUS_INVALID_PARAMETER);
    D3DKMT_CREATEDEVICE create = {.hAdapter = 1, .hDevice = 3};
    assert_status(D3DKMTCreateDevice(&create), STATUS_INVALID_PARAMETER);
    assert_int_equal(create.hDevice, 3);

    D3DKMT_CREATECONTEXTVIRTUAL context = {.hDevice = adapter, .hContext = 3};
    assert_status(D3DKMTCreateContextVirtual(&context), STATUS_INVALID_PARAMETER);
    context.hDevice = support_create_device(adapter);
    context.PrivateDriverDataSize = 8;
    assert_status(D3DKMTCreateContextVirtual(&context), STATUS_INVALID_PARAMETER);
    context.pPrivateDriverData = data;
    memcpy(data, &(uint64_t){(uintptr_t)data}, 8);
    assert_status(D3DKMTCreateContextVirtual(&context), STATUS_INVALID_PARAMETER);
    context.PrivateDriverDataSize = WIRE_MAX_MESSAGE;
    assert_status(D3DKMTCreateContextVirtual(&context), STATUS_INVALID_BUFFER_SIZE);
    assert_int_equal(context.hContext, 3);
    assert_int_equal(fake_host_requests(*state, WIRE_CREATE_CONTEXT_VIRTUAL), 0);
}

static void senseless_handles_are_caught(void **state)
{
    struct wire_handle reply = {0};
    fake_host_reply_once(*state, WIRE_CREATE_DEVICE, STATUS_SUCCESS, &reply, sizeof(reply));
    D3DKMT_CREATEDEVICE create = {.hAdapter = adapter, .hDevice = 3};
    assert_status(D3DKMTCreateDevice(&create), STATUS_DEVICE_REMOVED);
    create.hAdapter = adapter = support_open();
    reply.handle = adapter; /* a second time */
    fake_host_reply_once(*state, WIRE_CREATE_DEVICE, STATUS_SUCCESS, &reply, sizeof(reply));
    assert_status(D3DKMTCreateDevice(&create), STATUS_DEVICE_REMOVED);
    assert_int_equal(create.hDevice, 3);
    adapter = support_open();
}

static void a_strict_guard_searches_what_does_not_cross_here(void **state)
{
    (void)state;
    uint64_t words[3] = {1, (uintptr_t)&words, 2};
    uint32_t numbers[3] = {1, adapter, 2};
    size_t offset = 99;
    int wide = sizeof(void *) == sizeof(uint64_t);
    assert_int_equal(gpupv_kmt_guard(words, sizeof(words), 0, &offset),
                     wide ? GPUPV_KMT_GUARD_ADDRESS : GPUPV_KMT_GUARD_CLEAN);
    if (wide)
        assert_int_equal(offset, 8);
    assert_int_equal(gpupv_kmt_guard(NULL, 0, 0, &offset), GPUPV_KMT_GUARD_CLEAN);
    assert_int_equal(gpupv_kmt_guard(numbers, sizeof(numbers), 0, &offset), GPUPV_KMT_GUARD_CLEAN);
    assert_int_equal(gpupv_kmt_guard(numbers, sizeof(numbers), 1, &offset), GPUPV_KMT_GUARD_HANDLE);
    assert_int_equal(offset, 4);
}

static void no_other_guard_does(void **state)
{
    (void)state;
    uint64_t word = (uintptr_t)&word;
    size_t offset;
    assert_int_equal(gpupv_kmt_guard(&word, sizeof(word), 1, &offset), GPUPV_KMT_GUARD_OFF);
}

int main(void)
{
#define escape_test(function) cmocka_unit_test_setup_teardown(function, start, support_stop)
    const struct CMUnitTest tests[] = {
        escape_test(data_goes_and_comes_back),
        escape_test(bad_arguments_are_refused),
        escape_test(the_largest_data_fits_and_no_byte_more),
        escape_test(pointers_and_handles_do_not_leave),
        escape_test(known_escapes_carry_handles),
        cmocka_unit_test_setup_teardown(a_lighter_guard_lets_pass, start_without, support_stop),
        cmocka_unit_test_setup_teardown(a_lighter_guard_lets_pass, start_with_warnings,
                                        support_stop),
        cmocka_unit_test_setup_teardown(pointers_and_handles_do_not_leave, start_strictly,
                                        support_stop),
        cmocka_unit_test_setup_teardown(a_strict_guard_searches_what_does_not_cross_here,
                                        start_strictly, support_stop),
        escape_test(no_other_guard_does),
        escape_test(a_hosts_failure_leaves_the_data),
        escape_test(devices_and_contexts_live_and_die),
        escape_test(bad_creations_are_refused),
        escape_test(senseless_handles_are_caught),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Hardware queues, answers that come later, devices in error: the thunks against the service. */
#include "host/thunks.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire/stream.h"

static void a_queue_has_a_fence(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_CREATEHWQUEUE queue = thunks_queue(thunks);
    assert_int_not_equal(queue.hHwQueue, queue.hHwQueueProgressFence);
    const volatile uint64_t *value = queue.HwQueueProgressFenceCPUVirtualAddress;
    assert_int_equal(*value, 0);
    fake_queues_progress(thunks->queues, 5);
    assert_int_equal(*value, 5);
    assert_status(thunks_wait(thunks, queue.hHwQueueProgressFence, 5, -1), STATUS_SUCCESS);
    /* It is the queue's: nobody else signals or destroys it. */
    assert_status(thunks_signal(thunks, queue.hHwQueueProgressFence, 9), STATUS_INVALID_PARAMETER);
    D3DKMT_DESTROYSYNCHRONIZATIONOBJECT fence = {queue.hHwQueueProgressFence};
    assert_status(D3DKMTDestroySynchronizationObject(&fence), STATUS_INVALID_PARAMETER);
    assert_status(thunks_submit(queue.hHwQueue, 0, "abc", 4), STATUS_SUCCESS);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->submitted, 1);
    assert_int_equal(thunks->queues->last_size, 4);
    assert_memory_equal(thunks->queues->last_data, "abc", 4);

    D3DKMT_SUBMITCOMMAND submit = {.BroadcastContextCount = 1,
                                   .BroadcastContext = {thunks->context}};
    assert_status(D3DKMTSubmitCommand(&submit), STATUS_SUCCESS);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->submitted, 2);

    D3DKMT_DESTROYHWQUEUE destroy = {queue.hHwQueue};
    assert_status(D3DKMTDestroyHwQueue(&destroy), STATUS_SUCCESS);
    assert_status(D3DKMTDestroyHwQueue(&destroy), STATUS_INVALID_PARAMETER);
    assert_status(thunks_submit(queue.hHwQueue, 0, NULL, 0), STATUS_INVALID_PARAMETER);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->alive, 0);

    /* A queue goes with its context, and a context with its device. */
    thunks_queue(thunks);
    D3DKMT_DESTROYCONTEXT context = {thunks->context};
    assert_status(D3DKMTDestroyContext(&context), STATUS_SUCCESS);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->alive, 0);
    thunks->context = thunks_context(thunks->device);
    thunks_queue(thunks);
    thunks_destroy(thunks);
}

/* The allocation's handle is let through in the driver's own structure, and nowhere else. */
static void private_data_is_guarded(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    struct stream_open open = {.magic = STREAM_MAGIC};
    D3DKMT_CREATEHWQUEUE args = {.hHwContext = thunks->context,
                                 .PrivateDriverDataSize = sizeof(open),
                                 .pPrivateDriverData = D3DKMT_PTR_INIT(&open)};
    assert_status(
        thunks_allocate(thunks->device, 4096, GPUPV_ALLOCATION_CPU_VISIBLE, &open.allocation),
        STATUS_SUCCESS);
    assert_status(D3DKMTCreateHwQueue(&args), STATUS_SUCCESS);
    assert_int_equal(thunks->queues->last_created_size, sizeof(open));
    open.magic++;
    assert_status(D3DKMTCreateHwQueue(&args), STATUS_INVALID_PARAMETER);
    open.magic--;
    open.reserved = open.allocation;
    assert_status(D3DKMTCreateHwQueue(&args), STATUS_INVALID_PARAMETER);
    open.reserved = 0;
    open.allocation = thunks->device;
    assert_status(D3DKMTCreateHwQueue(&args), STATUS_INVALID_PARAMETER);
    assert_status(thunks_submit(args.hHwQueue, 0, &args.hHwContext, sizeof(args.hHwContext)),
                  STATUS_INVALID_PARAMETER);
    thunks_destroy(thunks);
}

/* A process may have mapped whatever the structure's own numbers look like. */
static void a_mapped_number_is_let_through(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    struct stream_open open = {.magic = STREAM_MAGIC};
    D3DKMT_CREATEHWQUEUE args = {.hHwContext = thunks->context,
                                 .PrivateDriverDataSize = sizeof(open),
                                 .pPrivateDriverData = D3DKMT_PTR_INIT(&open)};
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *at = (void *)(uintptr_t)(STREAM_MAGIC & ~(page - 1));
    void *mapped =
        mmap(at, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (mapped == MAP_FAILED)
        assert_int_equal(errno, EEXIST); /* it is already */
    assert_status(
        thunks_allocate(thunks->device, 4096, GPUPV_ALLOCATION_CPU_VISIBLE, &open.allocation),
        STATUS_SUCCESS);
    assert_status(D3DKMTCreateHwQueue(&args), STATUS_SUCCESS);
    if (mapped != MAP_FAILED)
        munmap(mapped, page);
    thunks_destroy(thunks);
}

/* --- Later --- */

/* Two of these in a row are no address, whatever a sanitizer has mapped. */
#define PLAIN 0xf0000000u

struct creator {
    const struct thunks *thunks;
    D3DKMT_CREATEHWQUEUE args;
    uint32_t data[4];
    NTSTATUS status;
};

static void *create_queue(void *context)
{
    struct creator *creator = context;
    creator->args = (D3DKMT_CREATEHWQUEUE){.hHwContext = creator->thunks->context,
                                           .PrivateDriverDataSize = sizeof(creator->data),
                                           .pPrivateDriverData = D3DKMT_PTR_INIT(creator->data)};
    creator->status = D3DKMTCreateHwQueue(&creator->args);
    return NULL;
}

static void a_queue_comes_later(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    struct creator creator = {.thunks = thunks,
                              .data = {PLAIN + 1, PLAIN + 2, PLAIN + 3, PLAIN + 4}};
    const uint32_t answer[4] = {PLAIN + 5, PLAIN + 6, PLAIN + 7, PLAIN + 8};
    pthread_t thread;
    thunks->queues->creation = QUEUE_LATER;
    assert_int_equal(pthread_create(&thread, NULL, create_queue, &creator), 0);
    fixture_wait_count(&thunks->queues->waiting, 1);
    fake_queues_complete(thunks->queues, STATUS_SUCCESS, answer, sizeof(answer));
    pthread_join(thread, NULL);
    assert_status(creator.status, STATUS_SUCCESS);
    assert_memory_equal(creator.data, answer, sizeof(answer));
    assert_status(thunks_submit(creator.args.hHwQueue, 0, NULL, 0), STATUS_SUCCESS);

    /* Another fails. */
    assert_int_equal(pthread_create(&thread, NULL, create_queue, &creator), 0);
    fixture_wait_count(&thunks->queues->waiting, 1);
    fake_queues_complete(thunks->queues, STATUS_DEVICE_REMOVED, NULL, 0);
    pthread_join(thread, NULL);
    assert_status(creator.status, STATUS_DEVICE_REMOVED);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->alive, 1);

    /* Private data of another size than the guest's is the driver's mistake. */
    assert_int_equal(pthread_create(&thread, NULL, create_queue, &creator), 0);
    fixture_wait_count(&thunks->queues->waiting, 1);
    fake_queues_complete(thunks->queues, STATUS_SUCCESS, answer, 8);
    pthread_join(thread, NULL);
    assert_status(creator.status, STATUS_UNSUCCESSFUL);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->alive, 1);
    thunks_destroy(thunks);
}

static void an_escape_is_answered_later(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, "");
    struct fake_queues *queues = &fixture->driver.queues;
    int fd = guest_open(fixture), other = guest_open(fixture);
    struct {
        struct wire_escape_request in;
        uint32_t data[2];
    } request = {{.adapter = guest_adapter(fd, 0), .size = 8}, {PLAIN + 1, PLAIN + 2}};
    fixture->driver.escape = ESCAPE_LATER;
    guest_send_frame(fd, WIRE_ESCAPE, WIRE_REQUEST, 9, &request, sizeof(request));
    /* What follows waits; others do not. */
    guest_send_frame(fd, WIRE_CREATE_DEVICE, WIRE_REQUEST, 10, &request.in.adapter, 4);
    guest_device(other, guest_adapter(other, 0));
    assert_int_equal(fixture->driver.devices, 1);
    const uint32_t answer[2] = {PLAIN + 3, PLAIN + 4};
    fixture_wait_count(&queues->waiting, 1);
    fake_queues_complete(queues, STATUS_SUCCESS, answer, sizeof(answer));
    struct wire_header header;
    static uint8_t payload[WIRE_MAX_PAYLOAD];
    assert_true(guest_receive(fd, &header, payload));
    assert_int_equal(header.sequence, 9);
    assert_int_equal(header.status, STATUS_SUCCESS);
    assert_int_equal(header.size, sizeof(header) + 8);
    assert_memory_equal(payload, answer, 8);
    assert_true(guest_receive(fd, &header, payload));
    assert_int_equal(header.sequence, 10);

    /* No bytes: as they were sent. */
    guest_send_frame(fd, WIRE_ESCAPE, WIRE_REQUEST, 11, &request, sizeof(request));
    fixture_wait_count(&queues->waiting, 1);
    fake_queues_complete(queues, STATUS_SUCCESS, NULL, 0);
    assert_true(guest_receive(fd, &header, payload));
    assert_memory_equal(payload, request.data, 8);
    close(other);
    close(fd);
    fixture_destroy(fixture);
}

/* The guest goes while the driver owes it an answer. */
static void a_guest_dies_waiting(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, "");
    struct fake_queues *queues = &fixture->driver.queues;
    int fd = guest_open(fixture);
    struct wire_create_hw_queue_request request = {
        .context = guest_context(fd, guest_device(fd, guest_adapter(fd, 0)))};
    queues->creation = QUEUE_LATER;
    guest_send_frame(fd, WIRE_CREATE_HW_QUEUE, WIRE_REQUEST, 1, &request, sizeof(request));
    fixture_wait_count(&queues->alive, 1);
    close(fd);
    fixture_wait_count(&queues->alive, 0);
    fixture_wait_count(&fixture->driver.processes, 0);
    fixture_destroy(fixture);
}

/* --- Errors --- */

static void a_device_tells_what_failed(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_CREATEHWQUEUE queue = thunks_queue(thunks);
    D3DKMT_HANDLE handle, other = thunks_device(thunks);
    thunks->queues->submission = STATUS_ILLEGAL_INSTRUCTION;
    assert_status(thunks_submit(queue.hHwQueue, 0, NULL, 0), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 1, 0, &handle), STATUS_ILLEGAL_INSTRUCTION);
    assert_status(D3DKMTCreateHwQueue(&queue), STATUS_ILLEGAL_INSTRUCTION);
    assert_status(thunks_allocate(other, 1, 0, &handle), STATUS_SUCCESS);
    /* Nothing more goes to the driver. */
    assert_status(thunks_submit(queue.hHwQueue, 0, NULL, 0), STATUS_SUCCESS);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->submitted, 1);
    /* A context without a queue. */
    D3DKMT_SUBMITCOMMAND submit = {.BroadcastContextCount = 1,
                                   .BroadcastContext = {thunks_context(other)}};
    assert_status(D3DKMTSubmitCommand(&submit), STATUS_SUCCESS);
    assert_status(thunks_allocate(other, 1, 0, &handle), STATUS_NOT_SUPPORTED);
    thunks_destroy(thunks);
}

static void *wait_for_ever(void *context)
{
    struct creator *creator = context;
    creator->status = thunks_wait(creator->thunks, creator->args.hHwQueueProgressFence, 1000, -1);
    return NULL;
}

static void a_lost_worker_wakes_its_guest(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    struct creator creator = {.thunks = thunks, .args = thunks_queue(thunks)};
    const volatile uint64_t *value = creator.args.HwQueueProgressFenceCPUVirtualAddress;
    D3DKMT_HANDLE handle;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &creator), 0);
    usleep(20000);
    fake_queues_lose(thunks->queues);
    pthread_join(thread, NULL);
    assert_int_equal(*value, UINT64_MAX);
    assert_status(creator.status, STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 1, 0, &handle), STATUS_DEVICE_REMOVED);
    /* A new device has a new start. */
    D3DKMT_HANDLE device = thunks_device(thunks);
    assert_status(thunks_allocate(device, 1, 0, &handle), STATUS_SUCCESS);
    thunks_destroy(thunks);
}

static void a_lost_service_wakes_its_guest(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    struct creator creator = {.thunks = thunks, .args = thunks_queue(thunks)};
    const volatile uint64_t *value = creator.args.HwQueueProgressFenceCPUVirtualAddress;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &creator), 0);
    usleep(20000);
    fixture_stop(thunks->fixture);
    pthread_join(thread, NULL);
    assert_int_equal(*value, UINT64_MAX);
    gpupv_kmt_wait((const uint32_t *)(const void *)(uintptr_t)value, UINT32_MAX, UINT64_MAX);
    thunks_destroy(thunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_has_a_fence),
        cmocka_unit_test(private_data_is_guarded),
        cmocka_unit_test(a_mapped_number_is_let_through),
        cmocka_unit_test(a_queue_comes_later),
        cmocka_unit_test(an_escape_is_answered_later),
        cmocka_unit_test(a_guest_dies_waiting),
        cmocka_unit_test(a_device_tells_what_failed),
        cmocka_unit_test(a_lost_worker_wakes_its_guest),
        cmocka_unit_test(a_lost_service_wakes_its_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

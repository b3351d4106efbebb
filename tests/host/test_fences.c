/* SPDX-License-Identifier: MIT */
/* Monitored fences, waits and signals of both sides, events: the thunks against the service. */
#include "host/thunks.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_signalled(int event, int timeout_ms)
{
    struct pollfd item = {.fd = event, .events = POLLIN};
    uint64_t count;
    return poll(&item, 1, timeout_ms) == 1 && read(event, &count, sizeof(count)) == sizeof(count);
}

static void a_fence_has_a_value(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    const volatile uint64_t *value;
    D3DKMT_HANDLE fence = thunks_fence(thunks, 3, &value);
    assert_int_equal(*value, 3);
    assert_status(thunks_signal(thunks, fence, 4), STATUS_SUCCESS);
    assert_int_equal(*value, 4);
    assert_status(thunks_wait(thunks, fence, 4, -1), STATUS_SUCCESS);
    assert_status(thunks_signal(thunks, fence, 2), STATUS_INVALID_PARAMETER);
    uint64_t two = 2;
    D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU rewind = {.hDevice = thunks->device,
                                                        .ObjectCount = 1,
                                                        .ObjectHandleArray =
                                                            D3DKMT_PTR_INIT(&fence),
                                                        .FenceValueArray = D3DKMT_PTR_INIT(&two)};
    rewind.Flags.AllowFenceRewind = 1;
    assert_status(D3DKMTSignalSynchronizationObjectFromCpu(&rewind), STATUS_SUCCESS);
    assert_int_equal(*value, 2);
    assert_status(thunks_signal(thunks, thunks->device, 5), STATUS_INVALID_PARAMETER);
    D3DKMT_DESTROYSYNCHRONIZATIONOBJECT destroy = {fence};
    assert_status(D3DKMTDestroySynchronizationObject(&destroy), STATUS_SUCCESS);
    assert_status(D3DKMTDestroySynchronizationObject(&destroy), STATUS_INVALID_PARAMETER);
    assert_status(thunks_wait(thunks, fence, 1, -1), STATUS_INVALID_PARAMETER);

    /* A page of cells and more. */
    for (uint64_t i = 0; i < 200; i++) {
        thunks_fence(thunks, i, &value);
        assert_int_equal(*value, i);
    }
    D3DKMT_CREATESYNCHRONIZATIONOBJECT2 other = {.hDevice = thunks->device};
    other.Info.Type = D3DDDI_SEMAPHORE;
    assert_status(D3DKMTCreateSynchronizationObject2(&other), STATUS_NOT_SUPPORTED);
    other.Info.Type = D3DDDI_MONITORED_FENCE;
    other.Info.Flags.Shared = 1;
    assert_status(D3DKMTCreateSynchronizationObject2(&other), STATUS_NOT_SUPPORTED);
    thunks_destroy(thunks);
}

struct waiter {
    const struct thunks *thunks;
    D3DKMT_HANDLE fences[2];
    bool any;
    NTSTATUS status;
    pthread_t thread;
};

static void *wait_for_two(void *context)
{
    struct waiter *waiter = context;
    const uint64_t values[2] = {5, 6};
    D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU args = {.hDevice = waiter->thunks->device,
                                                       .ObjectCount = 2,
                                                       .ObjectHandleArray =
                                                           D3DKMT_PTR_INIT(waiter->fences),
                                                       .FenceValueArray = D3DKMT_PTR_INIT(values)};
    args.Flags.WaitAny = waiter->any;
    waiter->status = D3DKMTWaitForSynchronizationObjectFromCpu(&args);
    return NULL;
}

static void threads_wait(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    for (int any = 0; any < 2; any++) {
        struct waiter waiters[4];
        D3DKMT_HANDLE fences[2] = {thunks_fence(thunks, 0, NULL), thunks_fence(thunks, 0, NULL)};
        for (int i = 0; i < 4; i++) {
            waiters[i] = (struct waiter){thunks, {fences[0], fences[1]}, any, STATUS_PENDING, 0};
            assert_int_equal(pthread_create(&waiters[i].thread, NULL, wait_for_two, &waiters[i]),
                             0);
        }
        usleep(5000);
        assert_status(thunks_signal(thunks, fences[1], 6), STATUS_SUCCESS);
        if (!any)
            usleep(5000);
        if (!any)
            assert_status(thunks_signal(thunks, fences[0], 5), STATUS_SUCCESS);
        for (int i = 0; i < 4; i++) {
            pthread_join(waiters[i].thread, NULL);
            assert_status(waiters[i].status, STATUS_SUCCESS);
        }
    }
    thunks_destroy(thunks);
}

static void events_are_signalled(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_CREATEHWQUEUE queue = thunks_queue(thunks);
    D3DKMT_HANDLE fence = thunks_fence(thunks, 0, NULL);
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), pipes[2];
    assert_status(thunks_wait(thunks, fence, 2, event), STATUS_SUCCESS);
    assert_status(thunks_signal(thunks, fence, 1), STATUS_SUCCESS);
    assert_false(is_signalled(event, 0));
    assert_status(thunks_signal(thunks, fence, 2), STATUS_SUCCESS);
    assert_true(is_signalled(event, 1000));
    assert_status(thunks_wait(thunks, fence, 2, event), STATUS_SUCCESS);
    assert_true(is_signalled(event, 1000));
    /* A fence that the worker writes. */
    assert_status(thunks_wait(thunks, queue.hHwQueueProgressFence, 8, event), STATUS_SUCCESS);
    assert_false(is_signalled(event, 20));
    fake_queues_progress(thunks->queues, 8);
    assert_true(is_signalled(event, 10000));
    /* A fence that goes. */
    assert_status(thunks_wait(thunks, fence, 9, event), STATUS_SUCCESS);
    D3DKMT_DESTROYSYNCHRONIZATIONOBJECT destroy = {fence};
    assert_status(D3DKMTDestroySynchronizationObject(&destroy), STATUS_SUCCESS);
    assert_true(is_signalled(event, 10000));
    /* What is no event, and too many of them. */
    fence = thunks_fence(thunks, 0, NULL);
    assert_int_equal(pipe(pipes), 0);
    assert_status(thunks_wait(thunks, fence, 1, pipes[1]), STATUS_INVALID_PARAMETER);
    NTSTATUS status = STATUS_SUCCESS;
    for (int i = 0; i < 1000 && NT_SUCCESS(status); i++)
        status = thunks_wait(thunks, fence, 1, event);
    assert_status(status, STATUS_INSUFFICIENT_RESOURCES);
    /* A full counter does not hold the service up. */
    const uint64_t full = UINT64_MAX - 1;
    fcntl(event, F_SETFL, 0);
    assert_int_equal(write(event, &full, sizeof(full)), sizeof(full));
    assert_status(thunks_signal(thunks, fence, 1), STATUS_SUCCESS);
    thunks_settle(thunks);
    close(pipes[0]);
    close(pipes[1]);
    close(event);
    thunks_destroy(thunks);
}

static void the_driver_signals_an_event(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    D3DKMT_CREATESYNCHRONIZATIONOBJECT2 args = {.hDevice = thunks->device};
    args.Info.Type = D3DDDI_CPU_NOTIFICATION;
    args.Info.Flags.SignalByKmd = 1;
    args.Info.CPUNotification.Event = (HANDLE)(intptr_t)event;
    assert_status(D3DKMTCreateSynchronizationObject2(&args), STATUS_SUCCESS);
    /* The driver is told of it by a known escape; this one answers with the bytes inverted. */
    D3DDDI_DRIVERESCAPE_CPUEVENTUSAGE usage = {.EscapeType = D3DDDI_DRIVERESCAPETYPE_CPUEVENTUSAGE,
                                               .hSyncObject = args.hSyncObject};
    D3DKMT_ESCAPE escape = {.hAdapter = thunks->adapter,
                            .pPrivateDriverData = D3DKMT_PTR_INIT(&usage),
                            .PrivateDriverDataSize = sizeof(usage)};
    escape.Flags.DriverKnownEscape = 1;
    thunks->fixture->driver.escape = ESCAPE_KEEP;
    assert_status(D3DKMTEscape(&escape), STATUS_SUCCESS);
    assert_int_equal(usage.hKmdCpuEvent, args.hSyncObject);
    fake_queues_signal(thunks->queues, (uint32_t)usage.hKmdCpuEvent);
    assert_true(is_signalled(event, 1000));
    fake_queues_signal(thunks->queues, thunks->device); /* no event: nothing happens */
    usage.hSyncObject = thunks_fence(thunks, 0, NULL);
    assert_status(D3DKMTEscape(&escape), STATUS_INVALID_PARAMETER);
    assert_status(thunks_wait(thunks, args.hSyncObject, 1, -1), STATUS_INVALID_PARAMETER);
    close(event);
    thunks_destroy(thunks);
}

static void a_context_does_its_work_in_order(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    const volatile uint64_t *second_value;
    D3DKMT_CREATEHWQUEUE queue = thunks_queue(thunks);
    D3DKMT_HANDLE first = thunks_fence(thunks, 0, NULL);
    D3DKMT_HANDLE second = thunks_fence(thunks, 0, &second_value);
    assert_status(thunks_gpu(thunks->context, false, first, 1), STATUS_SUCCESS);
    assert_status(thunks_submit(queue.hHwQueue, 7, "x", 1), STATUS_SUCCESS);
    assert_status(thunks_gpu(thunks->context, true, second, 3), STATUS_SUCCESS);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->submitted, 0);
    assert_status(thunks_signal(thunks, first, 1), STATUS_SUCCESS);
    thunks_settle(thunks);
    assert_int_equal(thunks->queues->submitted, 1);
    usleep(10000);
    assert_int_equal(*second_value, 0); /* the command is not done */
    fake_queues_progress(thunks->queues, 7);
    assert_status(thunks_wait(thunks, second, 3, -1), STATUS_SUCCESS);

    /* Contexts wait for each other. */
    D3DKMT_HANDLE other = thunks_context(thunks->device);
    assert_status(thunks_gpu(other, false, second, 4), STATUS_SUCCESS);
    assert_status(thunks_gpu(other, true, first, 9), STATUS_SUCCESS);
    assert_status(thunks_gpu(thunks->context, true, second, 4), STATUS_SUCCESS);
    assert_status(thunks_wait(thunks, first, 9, -1), STATUS_SUCCESS);
    thunks_destroy(thunks);
}

static void a_context_waits_for_no_more_than_it_may(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_CREATEHWQUEUE queue = thunks_queue(thunks);
    D3DKMT_HANDLE fence = thunks_fence(thunks, 0, NULL), handle;
    assert_status(thunks_gpu(thunks->context, false, fence, 1), STATUS_SUCCESS);
    for (int i = 0; i < 2000; i++)
        assert_status(thunks_submit(queue.hHwQueue, 0, NULL, 0), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 1, 0, &handle), STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(thunks->queues->submitted, 0);
    thunks_destroy(thunks);
}

/* --- As a guest that writes its own messages --- */

static void hostile_messages_change_nothing(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, "");
    int fd = guest_open(fixture);
    uint32_t device = guest_device(fd, guest_adapter(fd, 0)), context = guest_context(fd, device);
    struct {
        struct wire_fence_request head;
        struct wire_fence_value values[2];
    } list = {{.object = device, .count = 1}, {{.fence = device}, {0}}};
    size_t one = sizeof(list) - sizeof(list.values[1]);
    const uint16_t commands[] = {WIRE_SIGNAL_FROM_CPU, WIRE_WAIT_FROM_CPU};
    for (int i = 0; i < 2; i++) {
        list.head.count = 1;
        assert_int_equal(guest_call(fd, commands[i], &list, one, NULL, NULL),
                         STATUS_INVALID_PARAMETER);
        list.head.count = 2;
        assert_int_equal(guest_call(fd, commands[i], &list, one, NULL, NULL),
                         STATUS_INVALID_PARAMETER);
        list.head.count = UINT32_MAX;
        assert_int_equal(guest_call(fd, commands[i], &list, sizeof(list), NULL, NULL),
                         STATUS_INVALID_PARAMETER);
    }
    struct wire_create_sync_object_request create = {.device = device,
                                                     .type = D3DDDI_CPU_NOTIFICATION};
    assert_int_equal(guest_call(fd, WIRE_CREATE_SYNC_OBJECT, &create, sizeof(create), NULL, NULL),
                     STATUS_INVALID_PARAMETER); /* without its descriptor */
    create.type = 99;
    assert_int_equal(guest_call(fd, WIRE_CREATE_SYNC_OBJECT, &create, sizeof(create), NULL, NULL),
                     STATUS_NOT_SUPPORTED);
    /* Asynchronous ones put the device into error, and no other. */
    uint32_t other = guest_device(fd, guest_adapter(fd, 0));
    list.head.object = context;
    list.head.count = 1;
    guest_send_frame(fd, WIRE_WAIT_FROM_GPU, WIRE_ASYNC, 0, &list, one);
    guest_context(fd, other);
    struct wire_create_context_request again = {.device = device, .engine_affinity = 1};
    assert_int_equal(guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &again, sizeof(again), NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    /* They are never requests. */
    guest_send_frame(fd, WIRE_WAIT_FROM_GPU, WIRE_REQUEST, 1, &list, one);
    assert_true(guest_is_closed(fd));
    close(fd);
    fixture_destroy(fixture);
}

static void send_with_descriptors(int fd, const void *data, size_t size, int descriptor, int count)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {(void *)data, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    for (int i = 0; i < count; i++)
        ((int *)(void *)CMSG_DATA(head))[i] = descriptor;
    assert_true(sendmsg(fd, &message, MSG_NOSIGNAL) > 0);
}

static void descriptors_are_not_collected(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, "");
    int fd = guest_open(fixture);
    uint32_t nothing = 0;
    uint8_t frame[64];
    size_t size = guest_frame(frame, WIRE_CLOSE_ADAPTER, WIRE_ASYNC, 0, &nothing, 4);
    for (int i = 0; i < 9; i++)
        send_with_descriptors(fd, frame, size, STDIN_FILENO, 1);
    assert_true(guest_is_closed(fd));
    close(fd);
    fd = guest_open(fixture);
    send_with_descriptors(fd, frame, size, STDIN_FILENO, 16);
    close(fd);
    /* Version 2 knows of none, and goes on. */
    fd = guest_connect(fixture);
    struct wire_hello_request hello = guest_hello();
    hello.version_max = 2;
    struct wire_hello_reply reply;
    size_t room = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_HELLO, &hello, sizeof(hello), &reply, &room), 0);
    assert_int_equal(reply.version, 2);
    for (int i = 0; i < 20; i++)
        send_with_descriptors(fd, frame, size, STDIN_FILENO, 1);
    guest_device(fd, guest_adapter(fd, 0));
    guest_send_frame(fd, WIRE_MAP_APERTURE, WIRE_REQUEST, 1, NULL, 0);
    assert_true(guest_is_closed(fd));
    close(fd);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fence_has_a_value),
        cmocka_unit_test(threads_wait),
        cmocka_unit_test(events_are_signalled),
        cmocka_unit_test(the_driver_signals_an_event),
        cmocka_unit_test(a_context_does_its_work_in_order),
        cmocka_unit_test(a_context_waits_for_no_more_than_it_may),
        cmocka_unit_test(hostile_messages_change_nothing),
        cmocka_unit_test(descriptors_are_not_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Allocations, the aperture and the ledger: the thunks against the service. */
#include "host/thunks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/worker/link.h"

#define VISIBLE GPUPV_ALLOCATION_CPU_VISIBLE
#define SMALL_APERTURE                                                                             \
    "[" FIXTURE_GRAPHICS_KEY "\\Paravirtualization]\n\"GuestIoSpaceSizeInMb\" = dword:4\n"

static void ten_thousand_are_told_apart(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    struct thunks *thunks = thunks_create("", "");
    static D3DKMT_HANDLE handles[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        assert_status(thunks_allocate(thunks->device, 100, VISIBLE, &handles[i]), STATUS_SUCCESS);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL),
                     COUNT * 4096ull);
    for (uint32_t i = 0; i < COUNT; i += 7) {
        uint32_t *word = thunks_lock(thunks->device, handles[i]);
        assert_int_equal(*word, 0);
        *word = i + 1;
    }
    for (uint32_t i = 0; i < COUNT; i += 7)
        assert_int_equal(*(uint32_t *)thunks_lock(thunks->device, handles[i]), i + 1);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_status(thunks_free(thunks->device, handles[i]), STATUS_SUCCESS);
    assert_status(thunks_free(thunks->device, handles[5]), STATUS_INVALID_PARAMETER);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 0);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_NON_LOCAL, NULL), 0);
    thunks_destroy(thunks);
}

static void what_is_freed_reads_zero_again(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", SMALL_APERTURE);
    D3DKMT_HANDLE handle;
    for (int i = 0; i < 3; i++) {
        assert_status(thunks_allocate(thunks->device, 3u << 20, VISIBLE, &handle), STATUS_SUCCESS);
        uint8_t *bytes = thunks_lock(thunks->device, handle);
        for (size_t at = 0; at < 3u << 20; at += 4096)
            assert_int_equal(bytes[at], 0);
        memset(bytes, 0xa5, 3u << 20);
        assert_status(thunks_free(thunks->device, handle), STATUS_SUCCESS);
    }
    thunks_destroy(thunks);
}

static void an_exhausted_aperture_is_out_of_memory(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", SMALL_APERTURE);
    D3DKMT_HANDLE first, second;
    uint64_t budget;
    thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_NON_LOCAL, &budget);
    assert_int_equal(budget, 4u << 20);
    assert_status(thunks_allocate(thunks->device, 3u << 20, VISIBLE, &first), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 2u << 20, VISIBLE, &second), STATUS_NO_MEMORY);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 3u << 20);
    assert_status(thunks_allocate(thunks->device, 2u << 20, 0, &second), STATUS_SUCCESS);
    D3DKMT_LOCK2 lock = {.hDevice = thunks->device, .hAllocation = second};
    assert_status(D3DKMTLock2(&lock), STATUS_NOT_SUPPORTED);
    assert_status(thunks_free(thunks->device, first), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 2u << 20, VISIBLE, &first), STATUS_SUCCESS);
    thunks_destroy(thunks);
}

static void the_share_of_video_memory_is_kept(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("video-memory = 1M\n", "");
    D3DKMT_HANDLE handle, other;
    uint64_t budget;
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, &budget), 0);
    assert_int_equal(budget, 1u << 20);
    assert_status(thunks_allocate(thunks->device, (1u << 20) + 1, 0, &handle),
                  STATUS_NO_VIDEO_MEMORY);
    assert_status(thunks_allocate(thunks->device, UINT64_MAX, 0, &handle), STATUS_NO_VIDEO_MEMORY);
    assert_status(thunks_allocate(thunks->device, 1000000, 0, &handle), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 100000, VISIBLE, &other), STATUS_NO_VIDEO_MEMORY);
    assert_status(thunks_free(thunks->device, handle), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 100000, VISIBLE, &other), STATUS_SUCCESS);
    thunks_destroy(thunks);
}

/* The fake device has 3,000,000,000 bytes. */
static void an_adapter_has_what_it_has(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_HANDLE handle;
    assert_status(thunks_allocate(thunks->device, 3100000000u, 0, &handle), STATUS_NO_VIDEO_MEMORY);
    assert_status(thunks_allocate(thunks->device, 2000000000u, 0, &handle), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 2000000000u, 0, &handle), STATUS_NO_VIDEO_MEMORY);
    thunks_destroy(thunks);
}

/* What the worker still uses is neither handed out again nor taken off the ledger. */
static void what_the_worker_uses_stays(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("video-memory = 4M\n", SMALL_APERTURE);
    thunks_queue(thunks);
    D3DKMT_HANDLE handle, other;
    struct link_allocation entry;
    assert_status(thunks_allocate(thunks->device, 3u << 20, VISIBLE, &handle), STATUS_SUCCESS);
    fake_queues_use(thunks->queues, handle, 1, &entry);
    assert_int_equal(entry.handle, handle);
    assert_int_equal(entry.size, 3u << 20);
    assert_true(entry.offset <= 1u << 20);
    assert_status(thunks_free(thunks->device, handle), STATUS_SUCCESS);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 3u << 20);
    assert_status(thunks_allocate(thunks->device, 2u << 20, VISIBLE, &other),
                  STATUS_NO_VIDEO_MEMORY);
    fake_queues_use(thunks->queues, handle, 0, &entry);
    assert_int_equal(entry.handle, 0);
    assert_status(thunks_allocate(thunks->device, 2u << 20, VISIBLE, &other), STATUS_SUCCESS);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 2u << 20);

    /* A worker that is gone uses nothing. */
    fake_queues_use(thunks->queues, other, 1, &entry);
    assert_status(thunks_free(thunks->device, other), STATUS_SUCCESS);
    thunks_settle(thunks);
    fake_queues_lose(thunks->queues);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 0);
    thunks_destroy(thunks);
}

static void resources_go_with_their_allocations(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    struct gpupv_allocation_private data[3];
    D3DDDI_ALLOCATIONINFO2 infos[3] = {{0}};
    for (int i = 0; i < 3; i++) {
        data[i] = (struct gpupv_allocation_private){
            .magic = GPUPV_ALLOCATION_MAGIC, .flags = VISIBLE, .size = 5000};
        infos[i].pPrivateDriverData = &data[i];
        infos[i].PrivateDriverDataSize = sizeof(data[i]);
    }
    D3DKMT_CREATEALLOCATION args = {.hDevice = thunks->device, .NumAllocations = 3};
    args.pAllocationInfo2 = infos;
    args.Flags.CreateResource = 1;
    assert_status(D3DKMTCreateAllocation2(&args), STATUS_SUCCESS);
    assert_int_not_equal(args.hResource, 0);
    assert_int_equal(args.Flags.Zeroed, 1);
    assert_int_equal(data[2].size, 8192);

    D3DDDI_DRIVERESCAPE_TRANSLATERESOURCEHANDLE known = {
        D3DDDI_DRIVERESCAPETYPE_TRANSLATERESOURCEHANDLE, args.hResource};
    D3DKMT_ESCAPE escape = {.hAdapter = thunks->adapter,
                            .pPrivateDriverData = D3DKMT_PTR_INIT(&known),
                            .PrivateDriverDataSize = sizeof(known)};
    escape.Flags.DriverKnownEscape = 1;
    assert_status(D3DKMTEscape(&escape), STATUS_SUCCESS);
    assert_int_equal(known.hResource, args.hResource);
    known.EscapeType = D3DDDI_DRIVERESCAPETYPE_TRANSLATEALLOCATIONHANDLE;
    assert_status(D3DKMTEscape(&escape), STATUS_INVALID_PARAMETER);
    known.hResource = infos[1].hAllocation;
    assert_status(D3DKMTEscape(&escape), STATUS_SUCCESS);

    D3DDDI_UPDATEALLOCPROPERTY update = {.hAllocation = infos[1].hAllocation};
    update.Flags.AccessedPhysically = 1;
    update.SetAccessedPhysically = 1;
    assert_status(D3DKMTUpdateAllocationProperty(&update), STATUS_SUCCESS);
    update.SetSupportedSegmentSet = 1;
    update.SupportedSegmentSet = 2; /* there is one segment */
    assert_status(D3DKMTUpdateAllocationProperty(&update), STATUS_INVALID_PARAMETER);

    D3DKMT_DESTROYALLOCATION2 destroy = {.hDevice = thunks->device, .hResource = args.hResource};
    assert_status(D3DKMTDestroyAllocation2(&destroy), STATUS_SUCCESS);
    assert_status(thunks_free(thunks->device, infos[0].hAllocation), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTDestroyAllocation2(&destroy), STATUS_INVALID_PARAMETER);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 0);
    thunks_destroy(thunks);
}

static void handles_are_checked(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_HANDLE other = thunks_device(thunks), handle = 0, pair[2];
    assert_status(thunks_allocate(thunks->adapter, 4096, VISIBLE, &handle),
                  STATUS_INVALID_PARAMETER);
    assert_status(thunks_allocate(thunks->device, 0, VISIBLE, &handle), STATUS_INVALID_PARAMETER);
    assert_status(thunks_allocate(thunks->device, 1, 1u << 7, &handle), STATUS_INVALID_PARAMETER);
    assert_status(thunks_allocate(thunks->device, 1, VISIBLE, &handle), STATUS_SUCCESS);
    assert_status(thunks_free(other, handle), STATUS_INVALID_PARAMETER);
    D3DKMT_LOCK2 lock = {.hDevice = other, .hAllocation = handle};
    assert_status(D3DKMTLock2(&lock), STATUS_INVALID_PARAMETER);
    D3DKMT_UNLOCK2 unlock = {.hDevice = thunks->device, .hAllocation = handle};
    assert_status(D3DKMTUnlock2(&unlock), STATUS_INVALID_PARAMETER);
    void *locked = thunks_lock(thunks->device, handle);
    assert_ptr_equal(thunks_lock(thunks->device, handle), locked);
    assert_status(D3DKMTUnlock2(&unlock), STATUS_SUCCESS);
    assert_status(D3DKMTUnlock2(&unlock), STATUS_SUCCESS);
    assert_status(D3DKMTUnlock2(&unlock), STATUS_INVALID_PARAMETER);
    /* One twice: neither goes. */
    pair[0] = pair[1] = handle;
    D3DKMT_DESTROYALLOCATION2 destroy = {
        .hDevice = thunks->device, .phAllocationList = D3DKMT_PTR_INIT(pair), .AllocationCount = 2};
    assert_status(D3DKMTDestroyAllocation2(&destroy), STATUS_INVALID_PARAMETER);
    thunks_lock(thunks->device, handle);
    /* A device takes its allocations with it. */
    D3DKMT_DESTROYDEVICE gone = {other};
    assert_status(thunks_allocate(other, 1, VISIBLE, &pair[0]), STATUS_SUCCESS);
    assert_status(D3DKMTDestroyDevice(&gone), STATUS_SUCCESS);
    assert_status(thunks_free(other, pair[0]), STATUS_INVALID_PARAMETER);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 4096);
    thunks_destroy(thunks);
}

/* --- As a guest that writes its own messages --- */

static int receive_descriptor(int fd, void *data, size_t size)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    assert_int_equal(recvmsg(fd, &message, MSG_WAITALL), size);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    assert_non_null(head);
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(head), sizeof(descriptor));
    return descriptor;
}

static void the_aperture_is_sealed(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, SMALL_APERTURE);
    int fd = guest_open(fixture);
    guest_send_frame(fd, WIRE_MAP_APERTURE, WIRE_REQUEST, 1, NULL, 0);
    struct {
        struct wire_header header;
        struct wire_map_aperture_reply reply;
    } answer;
    int aperture = receive_descriptor(fd, &answer, sizeof(answer));
    assert_int_equal(answer.header.status, STATUS_SUCCESS);
    assert_int_equal(answer.reply.size, 4u << 20);
    assert_int_equal(fcntl(aperture, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    assert_int_equal(ftruncate(aperture, 0), -1);
    assert_int_equal(ftruncate(aperture, 8 << 20), -1);
    close(aperture);
    close(fd);
    fixture_destroy(fixture);
}

static void no_aperture_where_its_size_is_zero(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create(
        "", "[" FIXTURE_GRAPHICS_KEY "\\Paravirtualization]\n\"GuestIoSpaceSizeInMb\" = dword:0\n");
    D3DKMT_HANDLE handle;
    assert_status(thunks_allocate(thunks->device, 1, VISIBLE, &handle), STATUS_NOT_SUPPORTED);
    assert_status(thunks_allocate(thunks->device, 1, 0, &handle), STATUS_SUCCESS);
    D3DKMT_CREATEHWQUEUE queue = thunks_queue(thunks);
    assert_null(queue.HwQueueProgressFenceCPUVirtualAddress);
    thunks_destroy(thunks);
}

/* Sizes and counts that lie, other devices' things, and what is not there. */
static void hostile_requests_are_refused(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, "");
    int fd = guest_open(fixture), foreign = guest_open(fixture);
    uint32_t device = guest_device(fd, guest_adapter(fd, 0));
    uint32_t other = guest_device(fd, guest_adapter(fd, 0));
    uint32_t alien = guest_device(foreign, guest_adapter(foreign, 0));
    struct {
        struct wire_create_allocation_request head;
        struct wire_allocation_info infos[2];
    } create = {{.device = device, .count = 1}, {{.size = 1}, {.size = 1}}};
    struct {
        struct wire_create_allocation_reply head;
        struct wire_allocation made;
    } reply;
    size_t one = sizeof(create) - sizeof(create.infos[1]), room = sizeof(reply);
    const size_t all = sizeof(create);
#define REFUSED(command, data, size)                                                               \
    assert_int_equal(guest_call(fd, command, data, size, NULL, NULL), STATUS_INVALID_PARAMETER)
    REFUSED(WIRE_CREATE_ALLOCATION, &create, all); /* a tail */
    create.head.count = 2;
    REFUSED(WIRE_CREATE_ALLOCATION, &create, one);
    create.head.count = UINT32_MAX;
    REFUSED(WIRE_CREATE_ALLOCATION, &create, all);
    create.head.count = 0;
    REFUSED(WIRE_CREATE_ALLOCATION, &create, sizeof(create.head));
    create.head = (struct wire_create_allocation_request){.device = alien, .count = 1};
    REFUSED(WIRE_CREATE_ALLOCATION, &create, one);
    create.head = (struct wire_create_allocation_request){.device = device, .flags = 2, .count = 1};
    REFUSED(WIRE_CREATE_ALLOCATION, &create, one);
    create.head = (struct wire_create_allocation_request){.device = device, .count = 1};
    assert_int_equal(guest_call(fd, WIRE_CREATE_ALLOCATION, &create, one, &reply, &room), 0);
    assert_int_equal(reply.made.offset, WIRE_NO_OFFSET);

    struct {
        struct wire_destroy_allocation_request head;
        uint32_t handles[2];
    } destroy = {{.device = other, .count = 1}, {reply.made.handle, reply.made.handle}};
    REFUSED(WIRE_DESTROY_ALLOCATION, &destroy, sizeof(destroy) - 4);
    destroy.head = (struct wire_destroy_allocation_request){.device = device, .count = 2};
    REFUSED(WIRE_DESTROY_ALLOCATION, &destroy, sizeof(destroy));
    destroy.head.count = UINT32_MAX;
    REFUSED(WIRE_DESTROY_ALLOCATION, &destroy, sizeof(destroy));
    destroy.head.count = 0;
    REFUSED(WIRE_DESTROY_ALLOCATION, &destroy, sizeof(destroy.head));
    destroy.head.count = 1;
    assert_int_equal(
        guest_call(fd, WIRE_DESTROY_ALLOCATION, &destroy, sizeof(destroy) - 4, NULL, NULL), 0);
    REFUSED(WIRE_DESTROY_ALLOCATION, &destroy, sizeof(destroy) - 4);

    const struct wire_query_video_memory_request query = {.adapter = device};
    REFUSED(WIRE_QUERY_VIDEO_MEMORY, &query, sizeof(query));
    const struct wire_update_allocation_request update = {.allocation = device};
    REFUSED(WIRE_UPDATE_ALLOCATION, &update, sizeof(update));
#undef REFUSED
    close(foreign);
    close(fd);
    fixture_wait_status(fixture, "clients", 0);
    fixture_destroy(fixture);
}

/* Memory for a display server of the guest: by a descriptor, at an offset. */
static void memory_can_be_lent(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", SMALL_APERTURE);
    D3DKMT_HANDLE first, second;
    assert_status(thunks_allocate(thunks->device, 8192, VISIBLE, &first), STATUS_SUCCESS);
    assert_status(thunks_allocate(thunks->device, 8192, VISIBLE, &second), STATUS_SUCCESS);
    uint8_t *a = thunks_lock(thunks->device, first), *b = thunks_lock(thunks->device, second);
    uint64_t offset_a, offset_b, size;
    int fd, other;
    a[100] = 1;
    b[100] = 2;
    assert_status(gpupv_kmt_share_memory(a, 8192, &fd, &offset_a, &size), STATUS_SUCCESS);
    assert_int_equal(size, 4u << 20);
    assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    assert_status(gpupv_kmt_share_memory(b + 100, 8092, &other, &offset_b, &size), STATUS_SUCCESS);
    assert_int_not_equal(fd, other);
    close(other);
    const uint8_t *all = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(all != MAP_FAILED);
    assert_int_equal(all[offset_a + 100], 1);
    assert_int_equal(all[offset_b], 2);
    b[100] = 3;
    assert_int_equal(all[offset_b], 3);
    munmap((void *)(uintptr_t)all, size);
    close(fd);

    /* More than there is, and what is not mapped. */
    fd = -7;
    assert_status(gpupv_kmt_share_memory(a + 1, 8192, &fd, &offset_a, &size), STATUS_NOT_SUPPORTED);
    assert_status(gpupv_kmt_share_memory(a, SIZE_MAX, &fd, &offset_a, &size), STATUS_NOT_SUPPORTED);
    assert_status(gpupv_kmt_share_memory(&fd, sizeof(fd), &fd, &offset_a, &size),
                  STATUS_NOT_SUPPORTED);
    assert_status(gpupv_kmt_share_memory(NULL, 1, &fd, &offset_a, &size),
                  STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_share_memory(a, 1, NULL, &offset_a, &size), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_share_memory(a, 1, &fd, NULL, &size), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_share_memory(a, 1, &fd, &offset_a, NULL), STATUS_INVALID_PARAMETER);
    assert_int_equal(fd, -7);

    pid_t child = fork();
    if (!child) /* what it has is not the aperture any more */
        _exit(gpupv_kmt_share_memory(a, 1, &fd, &offset_a, &size) != STATUS_NOT_SUPPORTED);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);

    assert_status(thunks_free(thunks->device, first), STATUS_SUCCESS);
    assert_status(gpupv_kmt_share_memory(a, 1, &fd, &offset_a, &size), STATUS_NOT_SUPPORTED);
    assert_status(gpupv_kmt_share_memory(b, 1, &fd, &offset_b, &size), STATUS_SUCCESS);
    close(fd);
    thunks_destroy(thunks);
}

/* The child of a fork sees zeros, and its parent keeps what it has. */
static void a_child_has_memory_of_its_own(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_HANDLE handle;
    assert_status(thunks_allocate(thunks->device, 4096, VISIBLE, &handle), STATUS_SUCCESS);
    uint32_t *word = thunks_lock(thunks->device, handle);
    D3DKMT_CREATEHWQUEUE queue = thunks_queue(thunks);
    const volatile uint64_t *progress = queue.HwQueueProgressFenceCPUVirtualAddress;
    assert_int_equal(*progress, 0);
    *word = 7;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        if (*word || *progress != UINT64_MAX)
            _exit(1);
        *word = 8;
        D3DKMT_LOCK2 lock = {.hDevice = thunks->device, .hAllocation = handle};
        if (D3DKMTLock2(&lock) != STATUS_INVALID_PARAMETER)
            _exit(2);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(*word, 7);
    assert_int_equal(*progress, 0);
    thunks_destroy(thunks);
}

/* A display server may map what is visible. */
static void memory_is_shared(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    uint64_t offset = 0, size = 0;
    D3DKMT_HANDLE handle;
    uint32_t word = 0, none;
    int fd = -1;
    assert_status(gpupv_kmt_share_memory(&none, sizeof(none), &fd, &offset, &size),
                  STATUS_NOT_SUPPORTED);
    assert_status(thunks_allocate(thunks->device, 8192, VISIBLE, &handle), STATUS_SUCCESS);
    uint32_t *words = thunks_lock(thunks->device, handle);
    words[1100] = 0x12345678;
    assert_status(gpupv_kmt_share_memory(words + 1100, 8, &fd, &offset, &size), STATUS_SUCCESS);
    assert_true(offset + 8 <= size);
    assert_int_equal(pread(fd, &word, sizeof(word), (off_t)offset), sizeof(word));
    assert_int_equal(word, 0x12345678);
    close(fd);
    assert_status(gpupv_kmt_share_memory(words, 8193, &fd, &offset, &size), STATUS_NOT_SUPPORTED);
    assert_status(gpupv_kmt_share_memory(words, 8, NULL, &offset, &size), STATUS_INVALID_PARAMETER);
    thunks_destroy(thunks);
}

/* --- Memory that the driver exports --- */

#define EXPORTED GPUPV_ALLOCATION_EXPORTED

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static NTSTATUS lock_exported(struct thunks *thunks, D3DKMT_HANDLE handle, int file,
                              uint64_t offset, uint32_t **words)
{
    thunks->queues->exported.allocation = handle;
    thunks->queues->exported.offset = offset;
    thunks->queues->exported.refused = false;
    thunks->queues->exported.file = file;
    D3DKMT_LOCK2 lock = {.hDevice = thunks->device, .hAllocation = handle};
    NTSTATUS status = D3DKMTLock2(&lock);
    thunks->queues->exported.file = 0;
    *words = lock.pData;
    return status;
}

static void what_the_driver_exports_is_mapped(void **state)
{
    (void)state;
    struct thunks *thunks = thunks_create("", "");
    D3DKMT_HANDLE handle, other;
    uint32_t *words, *again, word = 0x1234;
    int file = memfd_create("memory", MFD_CLOEXEC);
    assert_true(file >= 0 && !ftruncate(file, 12288) && pwrite(file, &word, 4, 4096) == 4);
    assert_status(thunks_allocate(thunks->device, 4096, EXPORTED | VISIBLE, &handle),
                  STATUS_INVALID_PARAMETER);
    assert_status(thunks_allocate(thunks->device, 8000, EXPORTED, &handle), STATUS_SUCCESS);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 8192);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_NON_LOCAL, NULL), 0);
    unsigned files = count_files();
    /* Before the driver has made it, or said what cannot be. */
    assert_status(lock_exported(thunks, handle, 0, 0, &words), STATUS_INVALID_PARAMETER);
    assert_status(lock_exported(thunks, handle, file, 4097, &words), STATUS_INVALID_PARAMETER);
    assert_true(thunks->queues->exported.refused);
    assert_status(lock_exported(thunks, handle, file, UINT64_C(1) << 63, &words),
                  STATUS_INVALID_PARAMETER);
    assert_true(thunks->queues->exported.refused);
    assert_status(lock_exported(thunks, handle, file, 4096, &words), STATUS_SUCCESS);
    assert_int_equal(*words, 0x1234);
    words[1] = 0x5678;
    assert_true(pread(file, &word, 4, 4100) == 4 && word == 0x5678);
    /* It does not lie in the aperture, which is what can be shared. */
    uint64_t at, size;
    int shared;
    assert_status(gpupv_kmt_share_memory(words, 4096, &shared, &at, &size), STATUS_NOT_SUPPORTED);
    /* It is given once, and stays mapped. */
    assert_status(lock_exported(thunks, handle, file, 4096, &again), STATUS_SUCCESS);
    assert_ptr_equal(again, words);
    D3DKMT_UNLOCK2 unlock = {.hDevice = thunks->device, .hAllocation = handle};
    assert_status(D3DKMTUnlock2(&unlock), STATUS_SUCCESS);
    assert_status(D3DKMTUnlock2(&unlock), STATUS_SUCCESS);
    assert_status(D3DKMTUnlock2(&unlock), STATUS_INVALID_PARAMETER);
    assert_int_equal(*words, 0x1234);
    /* What nobody asks for goes with its allocation. */
    assert_status(thunks_allocate(thunks->device, 4096, EXPORTED, &other), STATUS_SUCCESS);
    thunks->queues->exported.allocation = other;
    thunks->queues->exported.offset = 0;
    thunks->queues->exported.file = file;
    D3DKMT_HANDLE third;
    assert_status(thunks_allocate(thunks->device, 4096, EXPORTED, &third), STATUS_SUCCESS);
    D3DKMT_LOCK2 lock = {.hDevice = thunks->device, .hAllocation = third};
    assert_status(D3DKMTLock2(&lock), STATUS_INVALID_PARAMETER); /* of another is told meanwhile */
    assert_false(thunks->queues->exported.refused);
    assert_int_equal(count_files(), files + 1);
    assert_status(thunks_free(thunks->device, other), STATUS_SUCCESS);
    assert_int_equal(thunks_usage(thunks, D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL, NULL), 8192 + 4096);
    assert_int_equal(count_files(), files);
    /* An allocation of another kind has none. */
    assert_status(thunks_allocate(thunks->device, 4096, 0, &other), STATUS_SUCCESS);
    assert_status(lock_exported(thunks, other, file, 0, &again), STATUS_NOT_SUPPORTED);
    assert_status(thunks_free(thunks->device, handle), STATUS_SUCCESS);
    assert_status(lock_exported(thunks, handle, file, 0, &again), STATUS_INVALID_PARAMETER);
    close(file);
    thunks_destroy(thunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_are_told_apart),
        cmocka_unit_test(what_is_freed_reads_zero_again),
        cmocka_unit_test(an_exhausted_aperture_is_out_of_memory),
        cmocka_unit_test(the_share_of_video_memory_is_kept),
        cmocka_unit_test(an_adapter_has_what_it_has),
        cmocka_unit_test(what_the_worker_uses_stays),
        cmocka_unit_test(memory_is_shared),
        cmocka_unit_test(resources_go_with_their_allocations),
        cmocka_unit_test(handles_are_checked),
        cmocka_unit_test(the_aperture_is_sealed),
        cmocka_unit_test(no_aperture_where_its_size_is_zero),
        cmocka_unit_test(hostile_requests_are_refused),
        cmocka_unit_test(memory_can_be_lent),
        cmocka_unit_test(a_child_has_memory_of_its_own),
        cmocka_unit_test(what_the_driver_exports_is_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

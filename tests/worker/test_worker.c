/* SPDX-License-Identifier: MIT */
/*
 * gpupv-worker as the service sees it, and a UMD's stream behind it. Arguments: the program, an ICD
 * manifest of the host, and one of a driver of Vulkan 1.0. Without the sandbox, which needs the
 * service.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vulkan/vulkan.h>

#include "gpupv/kmt.h"
#include "host/worker/link.h"
#include "tests/worker/fake_thunks.h"
#include "umd/umd.h"
#include "vkwire.h"
#include "wire/protocol.h"

#define APERTURE (8u << 20)
#define ENTRIES 16u

#define ADAPTER_NAME_SIZE (2 * VK_UUID_SIZE + PATH_MAX + 2)

static const char *program;
static char adapter_name[ADAPTER_NAME_SIZE], old_adapter_name[ADAPTER_NAME_SIZE];

/* One worker at a time; the thunks have no argument for it. */
static struct {
    int link;
    pid_t pid;
    uint8_t *aperture;
    struct link_allocation *table;
    int aperture_file, table_file;
    uint32_t allocations, sequence;
    uint32_t adapter; /* of streams */
    uint64_t taken;
    uint32_t lost_queue;
    char lost_why[256];
} w;

struct packet {
    struct link_header header;
    _Alignas(8) uint8_t payload[4096];
};

/* --- The link --- */

static void send_packet(uint32_t message, uint32_t sequence, const void *fixed, size_t fixed_size,
                        const void *data, size_t size, const int *files, size_t file_count)
{
    struct link_header header = {message, sequence};
    struct iovec parts[3] = {{&header, sizeof(header)},
                             {(void *)(uintptr_t)fixed, fixed_size},
                             {(void *)(uintptr_t)data, size}};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {0};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 3};
    if (file_count) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(file_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&msg);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(file_count * sizeof(int));
        memcpy(CMSG_DATA(rights), files, file_count * sizeof(int));
    }
    assert_true(sendmsg(w.link, &msg, MSG_NOSIGNAL) > 0);
}

/* The payload's size; -1 at the end of the link. */
static ssize_t receive(struct packet *packet)
{
    struct iovec parts[2] = {{&packet->header, sizeof(packet->header)},
                             {packet->payload, sizeof(packet->payload)}};
    ssize_t got = readv(w.link, parts, 2);
    return got < (ssize_t)sizeof(packet->header) ? -1 : got - (ssize_t)sizeof(packet->header);
}

static NTSTATUS ask(uint32_t message, const void *fixed, size_t fixed_size, const void *data,
                    size_t size, const int *files, size_t file_count)
{
    struct packet packet;
    send_packet(message, ++w.sequence, fixed, fixed_size, data, size, files, file_count);
    assert_int_equal(receive(&packet), sizeof(struct link_reply));
    assert_int_equal(packet.header.message, LINK_REPLY);
    assert_int_equal(packet.header.sequence, w.sequence);
    return ((struct link_reply *)(void *)packet.payload)->status;
}

static void wait_for_loss(void)
{
    struct packet packet;
    ssize_t size = receive(&packet);
    assert_int_equal(packet.header.message, LINK_STREAM_LOST);
    assert_true(size > (ssize_t)sizeof(struct link_stream_lost));
    const struct link_stream_lost *lost = (const void *)packet.payload;
    w.lost_queue = lost->queue;
    snprintf(w.lost_why, sizeof(w.lost_why), "%.*s", (int)(size - (ssize_t)sizeof(*lost)),
             (const char *)(lost + 1));
}

/* --- Thunks --- */

void umd_log(enum gpupv_umd_log_level level, const char *format, ...)
{
    (void)level, (void)format;
}

static NTSTATUS create_allocation(D3DKMT_CREATEALLOCATION *args)
{
    const struct gpupv_allocation_private *private = args->pAllocationInfo2[0].pPrivateDriverData;
    uint32_t handle = 0x50000u | ++w.allocations;
    w.table[w.allocations] =
        (struct link_allocation){.handle = handle, .offset = w.taken, .size = private->size};
    w.taken += private->size;
    assert_true(w.taken <= APERTURE && w.allocations < ENTRIES);
    args->pAllocationInfo2[0].hAllocation = handle;
    return STATUS_SUCCESS;
}

static NTSTATUS destroy_allocation(CONST D3DKMT_DESTROYALLOCATION2 *args)
{
    (void)args;
    return STATUS_SUCCESS;
}

static NTSTATUS lock(D3DKMT_LOCK2 *args)
{
    args->pData = w.aperture + w.table[args->hAllocation & 0xffff].offset;
    return STATUS_SUCCESS;
}

static NTSTATUS open_stream(uint32_t queue, uint32_t adapter, const void *data, uint32_t size)
{
    struct link_open_stream open = {
        .queue = queue, .adapter = adapter, .fence_offset = w.taken, .size = size};
    return ask(LINK_OPEN_STREAM, &open, sizeof(open), data, size, NULL, 0);
}

static NTSTATUS create_queue(D3DKMT_CREATEHWQUEUE *args)
{
    args->hHwQueue = 0x70000u + w.allocations;
    NTSTATUS status = open_stream(args->hHwQueue, w.adapter, args->pPrivateDriverData,
                                  args->PrivateDriverDataSize);
    args->HwQueueProgressFenceCPUVirtualAddress = w.aperture + w.taken;
    w.taken += 4096;
    return status;
}

static NTSTATUS destroy_queue(CONST D3DKMT_DESTROYHWQUEUE *args)
{
    struct link_stream close = {.queue = args->hHwQueue};
    send_packet(LINK_CLOSE_STREAM, 0, &close, sizeof(close), NULL, 0, NULL, 0);
    return STATUS_SUCCESS;
}

static struct gpupv_umd_callbacks callbacks = {.CreateAllocation2 = create_allocation,
                                               .DestroyAllocation2 = destroy_allocation,
                                               .Lock2 = lock,
                                               .CreateHwQueue = create_queue,
                                               .DestroyHwQueue = destroy_queue};
static const struct gpupv_umd_adapter adapter = {
    .interface_version = GPUPV_UMD_INTERFACE_VERSION, .handle = 1, .callbacks = &callbacks};

/* --- A worker --- */

static void start_with(const char *const *arguments)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    memset(&w, 0, sizeof(w));
    w.link = ends[0];
    w.pid = fork();
    assert_true(w.pid >= 0);
    if (w.pid == 0) {
        if (dup2(ends[1], LINK_FD) != LINK_FD)
            _exit(126);
        execv(program, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(ends[1]);
    w.aperture_file = memfd_create("aperture", MFD_CLOEXEC);
    w.table_file = memfd_create("table", MFD_CLOEXEC);
    assert_int_equal(ftruncate(w.aperture_file, APERTURE), 0);
    assert_int_equal(ftruncate(w.table_file, LINK_TABLE_SIZE(ENTRIES)), 0);
    w.aperture = mmap(NULL, APERTURE, PROT_READ | PROT_WRITE, MAP_SHARED, w.aperture_file, 0);
    w.table = mmap(NULL, LINK_TABLE_SIZE(ENTRIES), PROT_READ | PROT_WRITE,
                   MAP_SHARED, w.table_file, 0);
    assert_true(w.aperture != MAP_FAILED && w.table != MAP_FAILED);
    struct packet packet;
    ssize_t size = receive(&packet);
    assert_int_equal(packet.header.message, LINK_READY);
    /* The folders of the libraries, the driver's among them. */
    assert_true(size > 0 && packet.payload[0] == '/' && packet.payload[size - 1] == '\0');
    bool found = false;
    for (ssize_t at = 0; at < size; at += (ssize_t)strlen((char *)packet.payload + at) + 1)
        found |= !strncmp((char *)packet.payload + at, "/usr/lib", 8) ||
                 !strncmp((char *)packet.payload + at, "/lib", 4);
    assert_true(found);
}

static int start(void **state)
{
    (void)state;
    start_with((const char *[]){program, "--no-sandbox", "--adapter", adapter_name, NULL});
    return 0;
}

static int start_with_an_old_driver_too(void **state)
{
    (void)state;
    start_with((const char *[]){program, "--no-sandbox", "--adapter", old_adapter_name, "--adapter",
                                adapter_name, NULL});
    return 0;
}

static NTSTATUS assign(uint64_t aperture_size)
{
    struct link_assign message = {
        .aperture_size = aperture_size, .table_entries = ENTRIES, .pid = 7, .process = "test"};
    int files[] = {w.aperture_file, w.table_file};
    return ask(LINK_ASSIGN, &message, sizeof(message), NULL, 0, files, 2);
}

/* Closes the link; the worker's exit status. */
static int end(void)
{
    int status;
    close(w.link);
    w.link = -1;
    assert_int_equal(waitpid(w.pid, &status, 0), w.pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int stop(void **state)
{
    (void)state;
    if (w.link >= 0)
        (void)end();
    munmap(w.aperture, APERTURE);
    munmap(w.table, LINK_TABLE_SIZE(ENTRIES));
    close(w.aperture_file);
    close(w.table_file);
    return 0;
}

static VkResult ask_stream(struct umd_stream *stream, uint16_t opcode, size_t *size)
{
    struct umd_call call;
    struct wire_encoder *encoder = umd_call_begin(stream, &call);
    if (encoder) {
        size_t at = encoder->used;
        struct stream_ask *command = wire_put(encoder, sizeof(*command));
        *command = (struct stream_ask){{.opcode = opcode}, call.word};
        wire_end_command(encoder, at);
    }
    VkResult result = umd_call_wait(&call);
    *size = call.size;
    umd_call_end(&call);
    return result;
}

/* --- Tests --- */

static void a_stream_answers_and_ends(void **state)
{
    (void)state;
    struct umd_stream *stream;
    size_t size;
    assert_int_equal(assign(APERTURE), STATUS_SUCCESS);
    assert_int_equal(umd_stream_create(&adapter, &stream), VK_SUCCESS);
    assert_int_equal(w.table[1].used, 1);
    assert_int_equal(ask_stream(stream, STREAM_BARRIER, &size), VK_SUCCESS);
    assert_int_equal(size, 0);
    assert_int_equal(ask_stream(stream, STREAM_FACTS, &size), VK_SUCCESS);
    assert_true(size > 4096);
    umd_stream_destroy(stream);
    for (int i = 0; i < 5000 && __atomic_load_n(&w.table[1].used, __ATOMIC_SEQ_CST); i++)
        usleep(1000);
    assert_int_equal(w.table[1].used, 0);
    assert_int_equal(end(), 0);
}

static void a_violation_ends_one_stream(void **state)
{
    (void)state;
    struct umd_stream *bad, *good;
    size_t size;
    assert_int_equal(assign(APERTURE), STATUS_SUCCESS);
    assert_int_equal(umd_stream_create(&adapter, &bad), VK_SUCCESS);
    assert_int_equal(umd_stream_create(&adapter, &good), VK_SUCCESS);
    assert_int_equal(ask_stream(bad, 0xffff, &size), VK_ERROR_DEVICE_LOST);
    wait_for_loss();
    assert_int_equal(w.lost_queue, 0x70001);
    assert_string_equal(w.lost_why, "the unknown command 65535");
    assert_int_equal(ask_stream(good, STREAM_FACTS, &size), VK_SUCCESS);
    umd_stream_destroy(bad);
    umd_stream_destroy(good);
    assert_int_equal(end(), 0);
}

static void what_opens_no_stream_is_told(void **state)
{
    (void)state;
    struct stream_open open = {.magic = STREAM_MAGIC,
                               .allocation = 0x50001,
                               .build = STREAM_BUILD,
                               .ring_offset = 4096,
                               .ring_size = 256 << 10,
                               .slots_offset = (256 << 10) + 4096,
                               .slot_size = 4096,
                               .slot_count = 4};
    struct stream_open bad;
    assert_int_equal(assign(APERTURE), STATUS_SUCCESS);
    w.table[1] = (struct link_allocation){.handle = 0x50001, .offset = 0, .size = 1 << 20};
    w.table[2] = (struct link_allocation){.handle = 0x50002, .offset = UINT64_MAX, .size = 1 << 20};
    w.table[3] = (struct link_allocation){.handle = 0x50003, .offset = APERTURE, .size = 1 << 20};
    w.taken = 2 << 20;
#define REFUSED(status, member, value)                                                             \
    bad = open, bad.member = (value);                                                              \
    assert_int_equal(open_stream(1, 0, &bad, sizeof(bad)), (status))
    REFUSED(STATUS_INVALID_PARAMETER, magic, 1);
    REFUSED(STATUS_REVISION_MISMATCH, build[0], '!');
    REFUSED(STATUS_INVALID_PARAMETER, allocation, 0x60001); /* stale */
    REFUSED(STATUS_INVALID_PARAMETER, allocation, 0x50002); /* not CPU-visible */
    REFUSED(STATUS_INVALID_PARAMETER, allocation, 0x50003); /* outside of the aperture */
    REFUSED(STATUS_INVALID_PARAMETER, allocation, 0x5ffff); /* outside of the table */
    REFUSED(STATUS_INVALID_PARAMETER, ring_size, 1 << 20);
    REFUSED(STATUS_INVALID_PARAMETER, ring_size, 300000);
    REFUSED(STATUS_INVALID_PARAMETER, ring_size, 0);
    REFUSED(STATUS_INVALID_PARAMETER, ring_offset, 64);
    REFUSED(STATUS_INVALID_PARAMETER, ring_offset, UINT32_MAX - 63);
    REFUSED(STATUS_INVALID_PARAMETER, slots_offset, 0);
    REFUSED(STATUS_INVALID_PARAMETER, slots_offset, 4096);
    REFUSED(STATUS_INVALID_PARAMETER, slots_offset, (1 << 20) - 64);
    REFUSED(STATUS_INVALID_PARAMETER, slot_size, 0);
    REFUSED(STATUS_INVALID_PARAMETER, slot_size, UINT32_MAX - 63);
    REFUSED(STATUS_INVALID_PARAMETER, slot_count, 0);
    REFUSED(STATUS_INVALID_PARAMETER, slot_count, 33);
    assert_int_equal(open_stream(1, 1, &open, sizeof(open)), STATUS_INVALID_PARAMETER);
    assert_int_equal(open_stream(1, 0, &open, 8), STATUS_INVALID_PARAMETER);
    for (int i = 0; i < 4; i++)
        assert_int_equal(w.table[i].used, 0);
    assert_int_equal(open_stream(1, 0, &open, sizeof(open)), STATUS_SUCCESS);
    assert_int_equal(end(), 0);
}

static void a_malformed_packet_ends_the_worker(void **state)
{
    (void)state;
    uint16_t half = 5; /* of a struct link_stream */
    struct packet packet;
    send_packet(LINK_CLOSE_STREAM, 0, &half, sizeof(half), NULL, 0, NULL, 0);
    assert_int_equal(receive(&packet), -1);
    assert_int_equal(end(), 1);
}

/* The service closes what was refused, too. */
static void closing_a_stream_that_is_none_is_nothing(void **state)
{
    (void)state;
    struct link_stream none = {.queue = 5};
    send_packet(LINK_CLOSE_STREAM, 0, &none, sizeof(none), NULL, 0, NULL, 0);
    send_packet(LINK_SUBMIT, 0, &none, sizeof(none), NULL, 0, NULL, 0);
    assert_int_equal(assign(APERTURE), STATUS_SUCCESS);
    assert_int_equal(end(), 0);
}

static void an_aperture_smaller_than_it_is_said_to_be_is_refused(void **state)
{
    (void)state;
    assert_int_equal(assign(APERTURE + 4096), STATUS_NO_MEMORY);
    assert_int_equal(end(), 0);
}

/* A driver that is not enough costs its adapter, and no other. */
static void an_old_driver_costs_its_adapter_alone(void **state)
{
    (void)state;
    struct umd_stream *stream;
    size_t size;
    assert_int_equal(assign(APERTURE), STATUS_SUCCESS);
    assert_int_equal(umd_stream_create(&adapter, &stream), VK_ERROR_INITIALIZATION_FAILED);
    w.adapter = 1;
    assert_int_equal(umd_stream_create(&adapter, &stream), VK_SUCCESS);
    assert_int_equal(ask_stream(stream, STREAM_FACTS, &size), VK_SUCCESS);
    assert_true(size > 4096);
    umd_stream_destroy(stream);
    assert_int_equal(end(), 0);
}

/* The first device of a host's driver, as the service names it. False: there is none here. */
static bool find_adapter(const char *icd, char name[ADAPTER_NAME_SIZE])
{
    VkInstance instance;
    VkPhysicalDevice device;
    uint32_t count = 1;
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application};
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
    if (setenv("VK_DRIVER_FILES", icd, 1) || setenv("VK_ICD_FILENAMES", icd, 1) ||
        vkCreateInstance(&info, NULL, &instance) != VK_SUCCESS ||
        vkEnumeratePhysicalDevices(instance, &count, &device) < 0 || count != 1)
        return false;
    vkGetPhysicalDeviceProperties2(device, &properties);
    for (unsigned i = 0; i < VK_UUID_SIZE; i++)
        snprintf(name + 2 * i, 3, "%02x", id.deviceUUID[i]);
    snprintf(name + 2 * VK_UUID_SIZE, PATH_MAX, "@%s", icd);
    vkDestroyInstance(instance, NULL);
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    program = argv[1];
    fake_thunks_fill(&callbacks);
    if (!find_adapter(argv[2], adapter_name) || !find_adapter(argv[3], old_adapter_name))
        return 77; /* no such driver here: skipped */
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_stream_answers_and_ends),
        TEST(a_violation_ends_one_stream),
        TEST(what_opens_no_stream_is_told),
        TEST(a_malformed_packet_ends_the_worker),
        TEST(closing_a_stream_that_is_none_is_nothing),
        TEST(an_aperture_smaller_than_it_is_said_to_be_is_refused),
        cmocka_unit_test_setup_teardown(an_old_driver_costs_its_adapter_alone,
                                        start_with_an_old_driver_too, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

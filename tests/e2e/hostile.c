/* SPDX-License-Identifier: MIT */
/*
 * A guest process that breaks the rules of streams (wire/stream.h), in every way that a case below
 * has. It knows no driver: it fills rings by hand. Each case has a stream of its own; a stream that
 * breaks no rule lives beside them in the same process, and must not notice.
 *
 * Prints for each case "NAME 0xQUEUE PATTERN": what the service's log must say of that queue, or "-"
 * for a case that need not lose its stream. Exit status 1 when a stream lived on that must not, or one
 * was lost that must not. Usage: hostile [CASE...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vulkan/vulkan_core.h>

#include "gpupv/kmt.h"
#include "vkwire.h"
#include "wire/encoder.h"
#include "wire/ring.h"

#define PAGE 4096u
#define RING (1024u * 1024u)
#define SLOT 4096u
#define SLOTS 4u
#define SIZE (PAGE + RING + SLOTS * SLOT)
#define PATIENCE_MS 10000

struct stream {
    D3DKMT_HANDLE device, context, allocation, queue;
    struct stream_shared *shared;
    uint8_t *slots;
    struct ring_producer ring;
    struct wire_encoder encoder;
    uint32_t ticket;
};

static D3DKMT_HANDLE adapter;

static _Noreturn void die(const char *what, NTSTATUS status)
{
    fprintf(stderr, "hostile: %s: status 0x%08x\n", what, (unsigned)status);
    exit(2);
}

static void check(const char *what, NTSTATUS status)
{
    if (!NT_SUCCESS(status))
        die(what, status);
}

/* --- A stream --- */

static D3DKMT_HANDLE allocate(struct stream *s, uint64_t size)
{
    struct gpupv_allocation_private private = {
        .magic = GPUPV_ALLOCATION_MAGIC, .flags = GPUPV_ALLOCATION_CPU_VISIBLE, .size = size};
    D3DDDI_ALLOCATIONINFO2 info = {.pPrivateDriverData = &private,
                                   .PrivateDriverDataSize = sizeof(private)};
    D3DKMT_CREATEALLOCATION create = {
        .hDevice = s->device, .NumAllocations = 1, .pAllocationInfo2 = &info};
    check("an allocation", D3DKMTCreateAllocation2(&create));
    return info.hAllocation;
}

static struct stream_open description(const struct stream *s)
{
    return (struct stream_open){.magic = STREAM_MAGIC,
                                .allocation = s->allocation,
                                .build = STREAM_BUILD,
                                .ring_offset = PAGE,
                                .ring_size = RING,
                                .slots_offset = PAGE + RING,
                                .slot_size = SLOT,
                                .slot_count = SLOTS};
}

static NTSTATUS open_queue(struct stream *s, struct stream_open open)
{
    D3DKMT_CREATEHWQUEUE create = {.hHwContext = s->context,
                                   .pPrivateDriverData = &open,
                                   .PrivateDriverDataSize = sizeof(open)};
    NTSTATUS status = D3DKMTCreateHwQueue(&create);
    s->queue = create.hHwQueue;
    return status;
}

static void open_memory(struct stream *s)
{
    *s = (struct stream){0};
    D3DKMT_CREATEDEVICE device = {.hAdapter = adapter};
    check("a device", D3DKMTCreateDevice(&device));
    s->device = device.hDevice;
    D3DKMT_CREATECONTEXTVIRTUAL context = {
        .hDevice = s->device, .EngineAffinity = 1, .ClientHint = D3DKMT_CLIENTHINT_VULKAN};
    check("a context", D3DKMTCreateContextVirtual(&context));
    s->context = context.hContext;
    s->allocation = allocate(s, SIZE);
    D3DKMT_LOCK2 lock = {.hDevice = s->device, .hAllocation = s->allocation};
    check("mapping", D3DKMTLock2(&lock));
    s->shared = lock.pData;
    s->slots = (uint8_t *)lock.pData + PAGE + RING;
    ring_producer_init(&s->ring, s->shared, (uint8_t *)lock.pData + PAGE, RING);
    wire_encoder_init(&s->encoder);
}

static void open_stream(struct stream *s)
{
    open_memory(s);
    check("a queue", open_queue(s, description(s)));
}

static void close_stream(struct stream *s)
{
    wire_encoder_finish(&s->encoder);
    if (s->queue)
        (void)D3DKMTDestroyHwQueue(&(D3DKMT_DESTROYHWQUEUE){s->queue});
    (void)D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE){s->device});
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static enum stream_lost lost(const struct stream *s)
{
    return (enum stream_lost)__atomic_load_n(&s->shared->lost, __ATOMIC_ACQUIRE);
}

/* --- Sending --- */

/* Pieces are padded to 8 bytes. */
static void *put(struct stream *s, const void *data, size_t size)
{
    size_t whole = (size + 7) & ~(size_t)7;
    uint8_t *at = wire_put(&s->encoder, whole);
    if (!at)
        die("memory", STATUS_NO_MEMORY);
    memset(at, 0, whole);
    memcpy(at, data, size);
    return at;
}
#define PUT(s, ...) put(s, &(__VA_ARGS__), sizeof(__VA_ARGS__))

static void ring_bell(struct stream *s)
{
    ring_producer_publish(&s->ring);
    if (ring_producer_ring(&s->ring))
        gpupv_kmt_wake(&s->shared->doorbell);
}

/* Puts a batch as it is told, whatever `payload` says. False: the stream was lost meanwhile. */
static bool send_as(struct stream *s, const struct stream_batch *batch, const void *payload,
                    uint32_t size)
{
    while (ring_producer_fits(&s->ring, size) == 0) {
        if (lost(s) != STREAM_ALIVE)
            return false;
        ring_bell(s);
        nap();
    }
    ring_producer_begin(&s->ring, batch);
    ring_producer_put(&s->ring, payload, size);
    ring_bell(s);
    return true;
}

static void send(struct stream *s, enum stream_batch_kind kind, uint64_t target)
{
    const struct stream_batch batch = {(uint32_t)s->encoder.used, (uint16_t)kind, 0, target};
    send_as(s, &batch, s->encoder.data, batch.size);
    wire_encoder_reset(&s->encoder);
}

static void send_commands(struct stream *s)
{
    send(s, STREAM_BATCH_COMMANDS, 0);
}

/* Ends the command that began at `at`. */
static void end(struct stream *s, size_t at)
{
    wire_end_command(&s->encoder, at);
}

static uint32_t new_word(struct stream *s)
{
    return STREAM_REPLY(0, ++s->ticket);
}

/* The result of the command that `word` was for. */
static bool await_reply(struct stream *s, uint32_t word, int32_t *result)
{
    const struct stream_reply *reply = (const void *)s->slots;
    for (uint64_t start = now_ms(); now_ms() - start < PATIENCE_MS; nap()) {
        if (__atomic_load_n(&reply->state, __ATOMIC_ACQUIRE) == word) {
            *result = reply->result;
            return true;
        }
        if (lost(s) != STREAM_ALIVE)
            return false;
    }
    return false;
}

/* Whether all before it has run, and the stream lives. */
static bool answers(struct stream *s)
{
    struct stream_ask ask = {.head = {STREAM_BARRIER, 1}, .reply = new_word(s)};
    int32_t result;
    PUT(s, ask);
    send_commands(s);
    return await_reply(s, ask.reply, &result) && lost(s) == STREAM_ALIVE;
}

static void must_answer(struct stream *s, const char *what)
{
    if (!answers(s))
        die(what, (NTSTATUS)lost(s));
}

/* --- What cases build on --- */

#define ID(slot, type) STREAM_ID(slot, 1, VKWIRE_OBJECT_##type)
#define HERE ((void *)(uintptr_t)1) /* stands for a pointer: what it points to follows */

enum { QUEUE = 1, BUFFER = 10, MEMORY, POOL, COMMANDS, OTHER, ANOTHER };
#define MEMORY_SIZE (64u * 1024u)

static const float one = 1.0f;

static void put_device(struct stream *s, uint32_t reply)
{
    size_t at = s->encoder.used;
    PUT(s, (struct stream_create_device){.head = {.opcode = STREAM_CREATE_DEVICE}, .reply = reply});
    PUT(s, (VkDeviceCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = HERE});
    PUT(s, (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueCount = 1,
                                     .pQueuePriorities = HERE});
    put(s, &one, sizeof(one));
    end(s, at);
}

static void put_buffer_head(struct stream *s, uint64_t id, const void *next)
{
    PUT(s, (struct vkwire_CreateBuffer){.head = {.opcode = VKWIRE_CreateBuffer}, .pBuffer = id});
    PUT(s, (VkBufferCreateInfo){.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = next,
                                .size = MEMORY_SIZE,
                                .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                                         VK_BUFFER_USAGE_TRANSFER_SRC_BIT});
}

static void put_buffer(struct stream *s, uint64_t id)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, id, NULL);
    end(s, at);
}

static void put_destroy_buffer(struct stream *s, uint64_t id)
{
    PUT(s, (struct vkwire_DestroyBuffer){.head = {VKWIRE_DestroyBuffer, 2}, .buffer = id});
}

static uint32_t put_memory(struct stream *s, uint64_t id, uint64_t size, D3DKMT_HANDLE allocation)
{
    uint32_t word = new_word(s);
    PUT(s, (struct stream_allocate_memory){.head = {STREAM_ALLOCATE_MEMORY, 5},
                                           .reply = word,
                                           .id = id,
                                           .size = size,
                                           .allocation = allocation});
    PUT(s, (uint64_t){0}); /* no chain */
    return word;
}

static void put_bind(struct stream *s, uint64_t offset)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_BindBufferMemory2){.head = {.opcode = VKWIRE_BindBufferMemory2},
                                             .bindInfoCount = 1});
    PUT(s, (VkBindBufferMemoryInfo){.sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
                                    .buffer = (VkBuffer)ID(BUFFER, BUFFER),
                                    .memory = (VkDeviceMemory)ID(MEMORY, DEVICE_MEMORY),
                                    .memoryOffset = offset});
    end(s, at);
}

static void make_device(struct stream *s)
{
    int32_t result;
    uint32_t word = new_word(s);
    put_device(s, word);
    send_commands(s);
    if (!await_reply(s, word, &result) || result != VK_SUCCESS)
        die("vkCreateDevice", (NTSTATUS)lost(s));
}

/* A buffer, memory, and a command buffer that records. */
static void make_objects(struct stream *s)
{
    int32_t result;
    size_t at;
    put_buffer(s, ID(BUFFER, BUFFER));
    uint32_t word = put_memory(s, ID(MEMORY, DEVICE_MEMORY), MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    send_commands(s);
    if (!await_reply(s, word, &result) || result != VK_SUCCESS)
        die("vkAllocateMemory", (NTSTATUS)lost(s));

    at = s->encoder.used;
    PUT(s, (struct vkwire_CreateCommandPool){.head = {.opcode = VKWIRE_CreateCommandPool},
                                             .pCommandPool = ID(POOL, COMMAND_POOL)});
    PUT(s, (VkCommandPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO});
    end(s, at);
    at = s->encoder.used;
    PUT(s, (struct vkwire_AllocateCommandBuffers){.head = {.opcode = VKWIRE_AllocateCommandBuffers}});
    PUT(s, (VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = (VkCommandPool)ID(POOL, COMMAND_POOL),
                                         .commandBufferCount = 1});
    PUT(s, (uint64_t){ID(COMMANDS, COMMAND_BUFFER)});
    end(s, at);
    send_commands(s);
    PUT(s, (struct vkwire_BeginCommandBuffer){.head = {VKWIRE_BeginCommandBuffer, 5}});
    PUT(s, (VkCommandBufferBeginInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO});
    send(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
    must_answer(s, "making objects");
}

/* --- Rings and batches --- */

static void set_tail(struct stream *s, uint32_t tail)
{
    s->ring.tail = tail;
    ring_bell(s);
}

static void tail_jumps(struct stream *s)
{
    set_tail(s, s->ring.tail + 2 * RING + 16);
}

static void tail_goes_back(struct stream *s)
{
    set_tail(s, s->ring.tail - 8);
}

static void tail_crawls(struct stream *s)
{
    set_tail(s, s->ring.tail + 4);
}

static void send_header(struct stream *s, uint32_t size, uint16_t kind, uint16_t flags)
{
    const uint64_t nothing[4] = {0};
    const struct stream_batch batch = {size, kind, flags, 0};
    send_as(s, &batch, nothing, sizeof(nothing));
}

static void batch_empty(struct stream *s)
{
    send_header(s, 0, STREAM_BATCH_COMMANDS, 0);
}

static void batch_odd(struct stream *s)
{
    send_header(s, 12, STREAM_BATCH_COMMANDS, 0);
}

static void batch_beyond(struct stream *s)
{
    send_header(s, 64, STREAM_BATCH_COMMANDS, 0);
}

static void batch_huge(struct stream *s)
{
    send_header(s, UINT32_MAX - 7, STREAM_BATCH_COMMANDS, 0);
}

static void batch_kind(struct stream *s)
{
    send_header(s, 32, 99, 0);
}

static void batch_flags(struct stream *s)
{
    send_header(s, 32, STREAM_BATCH_COMMANDS, 0x8000);
}

/* --- Commands as such --- */

static void send_words(struct stream *s, uint16_t opcode, uint16_t words)
{
    PUT(s, (struct stream_command){opcode, words});
    send_commands(s);
}

static void opcode_zero(struct stream *s)
{
    send_words(s, 0, 1);
}

static void opcode_unknown(struct stream *s)
{
    send_words(s, 0xefff, 1);
}

static void opcode_private(struct stream *s)
{
    send_words(s, 0xffff, 1);
}

static void command_empty(struct stream *s)
{
    send_words(s, STREAM_BARRIER, 0);
}

static void command_beyond(struct stream *s)
{
    send_words(s, STREAM_BARRIER, 500);
}

static void truncated_block(struct stream *s)
{
    send_words(s, VKWIRE_CreateBuffer, 1);
}

static void truncated_structure(struct stream *s)
{
    PUT(s, (struct vkwire_CreateBuffer){.head = {VKWIRE_CreateBuffer, 3},
                                        .pBuffer = ID(OTHER, BUFFER)});
    PUT(s, (uint64_t){VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO});
    send_commands(s);
}

static void truncated_private(struct stream *s)
{
    send_words(s, STREAM_ALLOCATE_MEMORY, 1);
}

static void too_long(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer(s, ID(OTHER, BUFFER));
    PUT(s, (uint64_t){0});
    end(s, at);
    send_commands(s);
}

/* --- Counts --- */

static void count_submits(struct stream *s)
{
    PUT(s, (struct vkwire_QueueSubmit){.head = {VKWIRE_QueueSubmit, 3},
                                       .submitCount = UINT32_MAX,
                                       .queue = ID(QUEUE, QUEUE)});
    send_commands(s);
}

static void count_regions(struct stream *s)
{
    PUT(s, (struct vkwire_CmdCopyBuffer){.head = {VKWIRE_CmdCopyBuffer, 3},
                                         .regionCount = UINT32_MAX,
                                         .srcBuffer = ID(BUFFER, BUFFER),
                                         .dstBuffer = ID(BUFFER, BUFFER)});
    send(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

static void count_command_buffers(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_AllocateCommandBuffers){.head = {.opcode = VKWIRE_AllocateCommandBuffers}});
    PUT(s, (VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = (VkCommandPool)ID(POOL, COMMAND_POOL),
                                         .commandBufferCount = UINT32_MAX});
    PUT(s, (uint64_t){ID(OTHER, COMMAND_BUFFER)});
    end(s, at);
    send_commands(s);
}

static void count_pool_sizes(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateDescriptorPool){.head = {.opcode = VKWIRE_CreateDescriptorPool},
                                                .pDescriptorPool = ID(OTHER, DESCRIPTOR_POOL)});
    PUT(s, (VkDescriptorPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                        .maxSets = 1,
                                        .poolSizeCount = UINT32_MAX,
                                        .pPoolSizes = HERE});
    PUT(s, (VkDescriptorPoolSize){VK_DESCRIPTOR_TYPE_SAMPLER, 1});
    end(s, at);
    send_commands(s);
}

static void count_writes(struct stream *s)
{
    PUT(s, (struct stream_write_descriptors){.head = {STREAM_WRITE_DESCRIPTORS, 2},
                                             .writes = UINT32_MAX,
                                             .copies = UINT32_MAX});
    send_commands(s);
}

static void count_results(struct stream *s)
{
    PUT(s, (struct stream_pipeline_results){.head = {STREAM_PIPELINE_RESULTS, 2},
                                            .reply = new_word(s),
                                            .count = UINT32_MAX});
    send_commands(s);
}

/* More than the worker lends a command for its outputs. */
static void room_of_reply(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateQueryPool){.head = {.opcode = VKWIRE_CreateQueryPool},
                                           .pQueryPool = ID(OTHER, QUERY_POOL)});
    PUT(s, (VkQueryPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_OCCLUSION,
                                   .queryCount = 8});
    end(s, at);
    PUT(s, (struct vkwire_GetQueryPoolResults){.head = {VKWIRE_GetQueryPoolResults, 6},
                                               .reply = new_word(s),
                                               .queryCount = 8,
                                               .queryPool = ID(OTHER, QUERY_POOL),
                                               .dataSize = UINT64_C(1) << 50,
                                               .stride = 4});
    send_commands(s);
}

/* --- Ids --- */

static void id_of_other_type(struct stream *s)
{
    put_destroy_buffer(s, ID(MEMORY, DEVICE_MEMORY));
    send_commands(s);
}

static void id_with_other_type(struct stream *s)
{
    put_destroy_buffer(s, ID(MEMORY, BUFFER));
    send_commands(s);
}

static void id_freed(struct stream *s)
{
    put_destroy_buffer(s, ID(BUFFER, BUFFER));
    put_bind(s, 0);
    send_commands(s);
}

static void id_of_other_generation(struct stream *s)
{
    put_destroy_buffer(s, STREAM_ID(BUFFER, 2, VKWIRE_OBJECT_BUFFER));
    send_commands(s);
}

static void id_unknown(struct stream *s)
{
    put_destroy_buffer(s, ID(STREAM_MAX_SLOTS - 1, BUFFER));
    send_commands(s);
}

static void id_out_of_range(struct stream *s)
{
    put_destroy_buffer(s, ID(UINT32_MAX, BUFFER));
    send_commands(s);
}

/* The stream beside this one has made it. */
static void id_of_other_stream(struct stream *s)
{
    put_destroy_buffer(s, ID(BUFFER, BUFFER));
    send_commands(s);
}

static void new_id_in_use(struct stream *s)
{
    put_buffer(s, STREAM_ID(BUFFER, 2, VKWIRE_OBJECT_BUFFER));
    send_commands(s);
}

static void new_id_of_other_type(struct stream *s)
{
    put_buffer(s, ID(OTHER, IMAGE));
    send_commands(s);
}

static void new_id_null(struct stream *s)
{
    put_buffer(s, 0);
    send_commands(s);
}

static void new_id_out_of_range(struct stream *s)
{
    put_buffer(s, ID(STREAM_MAX_SLOTS, BUFFER));
    send_commands(s);
}

static void queue_out_of_range(struct stream *s)
{
    PUT(s, (struct vkwire_QueueSubmit){.head = {VKWIRE_QueueSubmit, 3},
                                       .queue = ID(QUEUE + 1, QUEUE)});
    send_commands(s);
}

/* --- Structures --- */

static void structure_unknown(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, ID(OTHER, BUFFER), HERE);
    PUT(s, (VkBaseInStructure){.sType = (VkStructureType)0x7ffffff0});
    end(s, at);
    send_commands(s);
}

/* One that exists, where it has no place. */
static void structure_misplaced(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, ID(OTHER, BUFFER), HERE);
    PUT(s, (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO});
    end(s, at);
    send_commands(s);
}

static void structure_type(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer(s, ID(OTHER, BUFFER));
    ((VkBufferCreateInfo *)(void *)(s->encoder.data + at + sizeof(struct vkwire_CreateBuffer)))
        ->sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    send_commands(s);
}

/* Sends what the encoder has as one command in parts. */
static void send_parts(struct stream *s)
{
    const uint32_t piece = 60000;
    size_t size = s->encoder.used;
    uint8_t *payload = malloc(sizeof(struct stream_part) + piece);
    if (!payload)
        die("memory", STATUS_NO_MEMORY);
    ((struct stream_command *)(void *)s->encoder.data)->words = 0;
    for (size_t at = 0; at < size;) {
        uint32_t length = size - at < piece ? (uint32_t)(size - at) : piece;
        struct stream_batch batch = {.size = (uint32_t)sizeof(struct stream_part) + length,
                                     .kind = STREAM_BATCH_PART,
                                     .target = at ? 0 : size};
        memset(payload, 0, sizeof(struct stream_part));
        memcpy(payload + sizeof(struct stream_part), s->encoder.data + at, length);
        if (!send_as(s, &batch, payload, batch.size))
            break;
        at += length;
    }
    free(payload);
    wire_encoder_reset(&s->encoder);
}

static void put_chain(struct stream *s, size_t size, bool ends)
{
    put_buffer_head(s, ID(OTHER, BUFFER), HERE);
    VkExternalMemoryBufferCreateInfo link = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .pNext = HERE};
    while (s->encoder.used + sizeof(link) < size)
        PUT(s, link);
    if (ends)
        link.pNext = NULL;
    PUT(s, link);
}

static void chain_endless(struct stream *s)
{
    put_chain(s, 32u << 20, false);
    send_parts(s);
}

/* Long, but with an end: what the driver makes of it is its own business. */
static void chain_long(struct stream *s)
{
    put_chain(s, 32u << 20, true);
    send_parts(s);
}

static void pointer_without_pointee(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct stream_create_device){.head = {.opcode = STREAM_CREATE_DEVICE},
                                         .reply = new_word(s)});
    PUT(s, (VkDeviceCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = HERE});
    end(s, at);
    send_commands(s);
}

static void pointer_of_guest(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, ID(OTHER, BUFFER), s);
    end(s, at);
    send_commands(s);
}

/* A layout of one set, whose binding 0 has one descriptor. */
static void put_layouts(struct stream *s, uint32_t type)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateDescriptorSetLayout){
               .head = {.opcode = VKWIRE_CreateDescriptorSetLayout},
               .pSetLayout = ID(ANOTHER, DESCRIPTOR_SET_LAYOUT)});
    PUT(s, (VkDescriptorSetLayoutCreateInfo){
               .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
               .flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR,
               .bindingCount = 1,
               .pBindings = HERE});
    PUT(s, (VkDescriptorSetLayoutBinding){.descriptorType = (VkDescriptorType)type,
                                          .descriptorCount = 1,
                                          .stageFlags = VK_SHADER_STAGE_ALL});
    end(s, at);
    at = s->encoder.used;
    PUT(s, (struct vkwire_CreatePipelineLayout){.head = {.opcode = VKWIRE_CreatePipelineLayout},
                                                .pPipelineLayout = ID(OTHER, PIPELINE_LAYOUT)});
    PUT(s, (VkPipelineLayoutCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                        .setLayoutCount = 1,
                                        .pSetLayouts = HERE});
    PUT(s, (uint64_t){ID(ANOTHER, DESCRIPTOR_SET_LAYOUT)});
    end(s, at);
    send_commands(s);
}

/* What follows a descriptor write depends on its type. */
static void push_descriptor(struct stream *s, uint32_t type, uint32_t binding, uint32_t set,
                            uint32_t bind_point)
{
    PUT(s, (struct stream_push_descriptors){.head = {.opcode = STREAM_PUSH_DESCRIPTORS},
                                            .writes = 1,
                                            .bind_point = bind_point,
                                            .set = set,
                                            .layout = ID(OTHER, PIPELINE_LAYOUT)});
    PUT(s, (struct stream_descriptor_write){.binding = binding, .count = 1, .type = type});
    PUT(s, (struct stream_descriptor_buffer){.buffer = ID(BUFFER, BUFFER), .range = 16});
    end(s, 0);
    send(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

static void union_tag_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_SAMPLER);
    push_descriptor(s, 0x12345678, 0, 0, 0);
}

static void union_tag_wrong(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_SAMPLER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_SAMPLER, 0, 0, 0);
}

static void binding_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 77, 0, 0);
}

static void set_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0, 1, 0);
}

static void enum_unknown(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateQueryPool){.head = {.opcode = VKWIRE_CreateQueryPool},
                                           .pQueryPool = ID(OTHER, QUERY_POOL)});
    PUT(s, (VkQueryPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = (VkQueryType)0x7654321,
                                   .queryCount = 1});
    end(s, at);
    send_commands(s);
}

static void enum_argument_unknown(struct stream *s)
{
    PUT(s, (struct vkwire_CmdSetFrontFace){.head = {VKWIRE_CmdSetFrontFace, 1}, .frontFace = 2});
    send(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

static void enum_pushed_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0, 0, 2);
}

/* Vulkan ignores some members: values that nobody knows cost no stream there, and no worker. */
static void enums_replaced(struct stream *s)
{
    const int unknown = 0x7654321;
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateSampler){.head = {.opcode = VKWIRE_CreateSampler},
                                         .pSampler = ID(OTHER, SAMPLER)});
    PUT(s, (VkSamplerCreateInfo){.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                 .magFilter = (VkFilter)unknown,
                                 .minFilter = (VkFilter)unknown,
                                 .mipmapMode = (VkSamplerMipmapMode)unknown,
                                 .addressModeU = (VkSamplerAddressMode)unknown,
                                 .addressModeV = (VkSamplerAddressMode)unknown,
                                 .addressModeW = (VkSamplerAddressMode)unknown,
                                 .compareEnable = VK_TRUE,
                                 .compareOp = (VkCompareOp)unknown,
                                 .borderColor = (VkBorderColor)unknown});
    end(s, at);
    must_answer(s, "a sampler of unknown values");
}

/* --- Memory --- */

static void bind_behind(struct stream *s)
{
    put_bind(s, MEMORY_SIZE);
    send_commands(s);
}

static void bind_far_behind(struct stream *s)
{
    put_bind(s, UINT64_C(1) << 46);
    send_commands(s);
}

static void bind_across_the_end(struct stream *s)
{
    put_bind(s, MEMORY_SIZE / 2);
    send_commands(s);
}

static void bind_around(struct stream *s)
{
    put_bind(s, UINT64_MAX - MEMORY_SIZE + 1);
    send_commands(s);
}

static void memory_of_nobody(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, 0x40123457);
    send_commands(s);
}

static void memory_of_the_ring(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, s->allocation);
    send_commands(s);
}

static void memory_twice(struct stream *s)
{
    D3DKMT_HANDLE allocation = allocate(s, MEMORY_SIZE);
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, allocation);
    put_memory(s, ID(OTHER + 1, DEVICE_MEMORY), MEMORY_SIZE, allocation);
    send_commands(s);
}

static void memory_too_large(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), 16 * MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    send_commands(s);
}

static void memory_of_no_type(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    ((struct stream_allocate_memory *)(void *)s->encoder.data)->memory_type = 31;
    send_commands(s);
}

static void memory_freed_twice(struct stream *s)
{
    struct stream_object command = {.head = {STREAM_FREE_MEMORY, 2},
                                    .id = ID(MEMORY, DEVICE_MEMORY)};
    PUT(s, command);
    PUT(s, command);
    send_commands(s);
}

/* --- Acquired images --- */

static void put_acquired(struct stream *s, uint64_t id)
{
    PUT(s, (struct stream_object){.head = {STREAM_SIGNAL_ACQUIRED, 2}, .id = id});
}

static void acquired_unknown(struct stream *s)
{
    put_acquired(s, ID(OTHER, SEMAPHORE));
    send_commands(s);
}

static void acquired_of_other_type(struct stream *s)
{
    put_acquired(s, ID(BUFFER, BUFFER));
    send_commands(s);
}

static void acquired_truncated(struct stream *s)
{
    send_words(s, STREAM_SIGNAL_ACQUIRED, 1);
}

static void acquired_without_device(struct stream *s)
{
    put_acquired(s, ID(OTHER, SEMAPHORE));
    send_commands(s);
}

static void put_semaphore(struct stream *s, uint64_t id)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateSemaphore){.head = {.opcode = VKWIRE_CreateSemaphore},
                                           .pSemaphore = id});
    PUT(s, (VkSemaphoreCreateInfo){.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO});
    end(s, at);
}

static void acquired_too_many(struct stream *s)
{
    for (uint32_t i = 0; i < 300; i++) {
        put_semaphore(s, ID(OTHER + i, SEMAPHORE));
        put_acquired(s, ID(OTHER + i, SEMAPHORE));
        send_commands(s);
    }
}

/* Images that are acquired and destroyed again and again cost nothing. */
static void acquired_again_and_again(struct stream *s)
{
    put_semaphore(s, ID(OTHER, SEMAPHORE));
    for (uint32_t i = 0; i < 2000; i++) {
        put_acquired(s, ID(OTHER, SEMAPHORE));
        put_semaphore(s, ID(OTHER + 1, SEMAPHORE));
        put_acquired(s, ID(OTHER + 1, SEMAPHORE));
        PUT(s, (struct vkwire_DestroySemaphore){.head = {VKWIRE_DestroySemaphore, 2},
                                                .semaphore = ID(OTHER + 1, SEMAPHORE)});
        send_commands(s);
    }
    must_answer(s, "images that are acquired");
}

/* --- Replies --- */

static void send_barrier(struct stream *s, uint32_t word)
{
    PUT(s, (struct stream_ask){.head = {STREAM_BARRIER, 1}, .reply = word});
    send_commands(s);
}

static void reply_slot(struct stream *s)
{
    send_barrier(s, STREAM_REPLY(SLOTS, 5));
}

static void reply_ticket(struct stream *s)
{
    send_barrier(s, STREAM_REPLY(0, 0));
}

static void put_fetch(struct stream *s, uint32_t offset)
{
    PUT(s, (struct stream_fetch){.head = {STREAM_FETCH_REPLY, 2},
                                 .reply = new_word(s),
                                 .offset = offset});
    send_commands(s);
}

static void fetch_nothing(struct stream *s)
{
    put_fetch(s, 0);
}

static void fetch_behind(struct stream *s)
{
    PUT(s, (struct stream_ask){.head = {STREAM_FACTS, 1}, .reply = new_word(s)});
    put_fetch(s, UINT32_MAX);
}

/* --- Parts --- */

static void send_part(struct stream *s, uint64_t whole, uint64_t command_buffer, uint32_t length)
{
    struct {
        struct stream_part head;
        uint8_t data[256];
    } payload = {.head = {command_buffer}};
    const struct stream_batch batch = {(uint32_t)sizeof(payload.head) + length, STREAM_BATCH_PART,
                                       0, whole};
    send_as(s, &batch, &payload, batch.size);
}

static void parts_too_small(struct stream *s)
{
    send_part(s, 4, 0, 8);
}

static void parts_too_large(struct stream *s)
{
    send_part(s, STREAM_MAX_COMMAND + 8ull, 0, 64);
}

static void part_empty(struct stream *s)
{
    send_part(s, 64, 0, 0);
}

static void parts_too_many(struct stream *s)
{
    send_part(s, 64, 0, 32);
    send_part(s, 0, 0, 64);
}

static void parts_interleaved(struct stream *s)
{
    send_part(s, 128, 0, 64);
    send_part(s, 128, 0, 64);
}

static void parts_of_another(struct stream *s)
{
    send_part(s, 128, 0, 64);
    send_part(s, 0, ID(COMMANDS, COMMAND_BUFFER), 64);
}

static void parts_interrupted(struct stream *s)
{
    send_part(s, 128, 0, 64);
    send_barrier(s, new_word(s));
}

static void parts_tell_another_size(struct stream *s)
{
    struct {
        struct stream_part head;
        struct stream_command command;
        uint32_t rest[15];
    } payload = {.command = {STREAM_BARRIER, 3}};
    const struct stream_batch batch = {sizeof(payload), STREAM_BATCH_PART, 0, 64};
    send_as(s, &batch, &payload, batch.size);
}

/* The stream waits for the rest; closing it ends that. */
static void parts_never_end(struct stream *s)
{
    send_part(s, STREAM_MAX_COMMAND, 0, 64);
}

/* --- Devices and recordings --- */

static void device_twice(struct stream *s)
{
    put_device(s, new_word(s));
    send_commands(s);
}

static void device_gone(struct stream *s)
{
    PUT(s, (struct stream_command){STREAM_DESTROY_DEVICE, 1});
    put_destroy_buffer(s, ID(BUFFER, BUFFER));
    send_commands(s);
}

static void command_without_device(struct stream *s)
{
    put_buffer(s, ID(OTHER, BUFFER));
    send_commands(s);
}

static void memory_without_device(struct stream *s)
{
    put_memory(s, ID(OTHER, DEVICE_MEMORY), MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    send_commands(s);
}

static void queues_too_many(struct stream *s)
{
    size_t at = s->encoder.used;
    put_device(s, new_word(s));
    VkDeviceQueueCreateInfo *queues =
        (void *)(s->encoder.data + at + sizeof(struct stream_create_device) +
                 sizeof(VkDeviceCreateInfo));
    queues->queueCount = 500;
    for (unsigned i = 0; i < 250; i++)
        PUT(s, (float[]){1.0f, 1.0f});
    s->encoder.used -= 8;
    end(s, at);
    send_commands(s);
}

static void queue_family_unknown(struct stream *s)
{
    size_t at = s->encoder.used;
    put_device(s, new_word(s));
    VkDeviceQueueCreateInfo *queues =
        (void *)(s->encoder.data + at + sizeof(struct stream_create_device) +
                 sizeof(VkDeviceCreateInfo));
    queues->queueFamilyIndex = 1000;
    send_commands(s);
}

static void put_draw(struct stream *s)
{
    PUT(s, (struct vkwire_CmdDraw){.head = {VKWIRE_CmdDraw, 3}, .vertexCount = 3});
}

static void record_outside(struct stream *s)
{
    put_draw(s);
    send_commands(s);
}

static void record_into_a_buffer(struct stream *s)
{
    put_draw(s);
    send(s, STREAM_BATCH_RECORDING, ID(BUFFER, BUFFER));
}

static void record_into_nothing(struct stream *s)
{
    put_draw(s);
    send(s, STREAM_BATCH_RECORDING, 0);
}

static void create_in_recording(struct stream *s)
{
    put_buffer(s, ID(OTHER, BUFFER));
    send(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

/* --- All of them --- */

enum needs { BARE, DEVICE, OBJECTS };

static const struct hostile_case {
    const char *name;
    void (*run)(struct stream *s);
    enum needs needs;
    const char *pattern; /* of the log; NULL: it need not be lost */
} cases[] = {
#define SHORTER "it is shorter than its counts say"
#define RING_BROKEN "indices of the ring, or a batch's header, that cannot be"
#define NO_OBJECT "no object of type [0-9]+ has the id 0x[0-9a-f]+"
#define CASE(name, needs, pattern) {#name, name, needs, pattern}
    CASE(tail_jumps, BARE, RING_BROKEN),
    CASE(tail_goes_back, DEVICE, RING_BROKEN),
    CASE(tail_crawls, BARE, RING_BROKEN),
    CASE(batch_empty, BARE, RING_BROKEN),
    CASE(batch_odd, BARE, RING_BROKEN),
    CASE(batch_beyond, BARE, RING_BROKEN),
    CASE(batch_huge, BARE, RING_BROKEN),
    CASE(batch_kind, BARE, RING_BROKEN),
    CASE(batch_flags, BARE, RING_BROKEN),
    CASE(opcode_zero, DEVICE, "opcode 0 does not exist"),
    CASE(opcode_unknown, DEVICE, "opcode 61439 does not exist"),
    CASE(opcode_private, DEVICE, "the unknown command 65535"),
    CASE(command_empty, BARE, "a command that is longer than its batch"),
    CASE(command_beyond, BARE, "a command that is longer than its batch"),
    CASE(truncated_block, DEVICE, "vkCreateBuffer: "),
    CASE(truncated_structure, DEVICE, "vkCreateBuffer: " SHORTER),
    CASE(truncated_private, DEVICE, "the command 61444 of only 8 bytes"),
    CASE(too_long, DEVICE, "vkCreateBuffer: it is longer than its counts say"),
    CASE(count_submits, DEVICE, "vkQueueSubmit: " SHORTER),
    CASE(count_regions, OBJECTS, "vkCmdCopyBuffer: " SHORTER),
    CASE(count_command_buffers, OBJECTS, "vkAllocateCommandBuffers: " SHORTER),
    CASE(count_pool_sizes, DEVICE, "vkCreateDescriptorPool: " SHORTER),
    CASE(count_writes, DEVICE, "fewer writes than it says"),
    CASE(count_results, DEVICE, "the results of 4294967295 pipelines: " SHORTER),
    CASE(room_of_reply, DEVICE, "vkGetQueryPoolResults: "),
    CASE(id_of_other_type, OBJECTS, NO_OBJECT),
    CASE(id_with_other_type, OBJECTS, NO_OBJECT),
    CASE(id_freed, OBJECTS, NO_OBJECT),
    CASE(id_of_other_generation, OBJECTS, NO_OBJECT),
    CASE(id_unknown, DEVICE, NO_OBJECT),
    CASE(id_out_of_range, DEVICE, NO_OBJECT),
    CASE(id_of_other_stream, DEVICE, NO_OBJECT),
    CASE(new_id_in_use, OBJECTS, "the new id 0x[0-9a-f]+, whose slot 0x[0-9a-f]+ has"),
    CASE(new_id_of_other_type, DEVICE, "the id 0x[0-9a-f]+ for a new object of type"),
    CASE(new_id_null, DEVICE, "the id 0x0 for a new object of type"),
    CASE(new_id_out_of_range, DEVICE, "the id 0x[0-9a-f]+ for a new object of type"),
    CASE(queue_out_of_range, DEVICE, NO_OBJECT),
    CASE(structure_unknown, DEVICE, "vkCreateBuffer: "),
    CASE(structure_misplaced, DEVICE, "vkCreateBuffer: "),
    CASE(structure_type, DEVICE, "vkCreateBuffer: "),
    CASE(chain_endless, DEVICE, "vkCreateBuffer: "),
    CASE(chain_long, DEVICE, NULL),
    CASE(pointer_without_pointee, BARE, "vkCreateDevice: " SHORTER),
    CASE(pointer_of_guest, DEVICE, "vkCreateBuffer: "),
    CASE(union_tag_unknown, OBJECTS, "it writes descriptors that their layout does not have"),
    CASE(binding_unknown, OBJECTS, "it writes descriptors that their layout does not have"),
    CASE(set_unknown, OBJECTS, "its layout has no such set"),
    CASE(union_tag_wrong, OBJECTS, NO_OBJECT),
    CASE(enum_unknown, DEVICE, "vkCreateQueryPool: queryType is no VkQueryType"),
    CASE(enum_argument_unknown, OBJECTS, "vkCmdSetFrontFace: frontFace is no VkFrontFace"),
    CASE(enum_pushed_unknown, OBJECTS, "pipelineBindPoint is no VkPipelineBindPoint"),
    CASE(enums_replaced, DEVICE, NULL),
    CASE(bind_behind, OBJECTS, "vkBindBufferMemory2: "),
    CASE(bind_far_behind, OBJECTS, "vkBindBufferMemory2: "),
    CASE(bind_across_the_end, OBJECTS, "vkBindBufferMemory2: "),
    CASE(bind_around, OBJECTS, "vkBindBufferMemory2: "),
    CASE(memory_of_nobody, DEVICE, "the allocation 0x40123457, which is not there or used"),
    CASE(memory_of_the_ring, DEVICE, "the allocation 0x[0-9a-f]+, which is not there or used"),
    CASE(memory_twice, DEVICE, "the allocation 0x[0-9a-f]+, which is not there or used"),
    CASE(memory_too_large, DEVICE, "1048576 bytes of memory in the allocation 0x[0-9a-f]+ of 65536"),
    CASE(memory_of_no_type, DEVICE, "vkAllocateMemory: 65536 bytes of type 31"),
    CASE(memory_freed_twice, OBJECTS, NO_OBJECT),
    CASE(acquired_unknown, DEVICE, NO_OBJECT),
    CASE(acquired_of_other_type, OBJECTS, NO_OBJECT),
    CASE(acquired_truncated, DEVICE, "the command 61452 of only 8 bytes"),
    CASE(acquired_without_device, BARE, "the command 61452 without a device"),
    CASE(acquired_too_many, DEVICE, "more than 256 acquired images that nobody waits for"),
    CASE(acquired_again_and_again, DEVICE, NULL),
    CASE(reply_slot, BARE, "the slot word 0x504"),
    CASE(reply_ticket, BARE, "the slot word 0x0"),
    CASE(fetch_nothing, BARE, "the part at 0 of a reply that has none"),
    CASE(fetch_behind, BARE, "the part at 4294967295 of a reply that has none"),
    CASE(parts_too_small, BARE, "the size of a command in parts"),
    CASE(parts_too_large, BARE, "the size of a command in parts"),
    CASE(part_empty, BARE, "an empty part of a command"),
    CASE(parts_too_many, BARE, "parts that are more than the command"),
    CASE(parts_interleaved, BARE, "a part of another command"),
    CASE(parts_of_another, OBJECTS, "a part of another command"),
    CASE(parts_interrupted, BARE, "a batch among the parts of a command"),
    CASE(parts_tell_another_size, BARE, "a command in parts that tells another size"),
    CASE(parts_never_end, BARE, NULL),
    CASE(device_twice, DEVICE, "vkCreateDevice: the stream has a device"),
    CASE(device_gone, OBJECTS, "vkDestroyBuffer: "),
    CASE(command_without_device, BARE, "vkCreateBuffer: "),
    CASE(memory_without_device, BARE, "the command 61444 without a device"),
    CASE(queues_too_many, BARE, "vkCreateDevice asks for queues that cannot be"),
    CASE(queue_family_unknown, BARE, "vkCreateDevice asks for queues that cannot be"),
    CASE(record_outside, OBJECTS, "outside of a recording"),
    CASE(record_into_a_buffer, OBJECTS, NO_OBJECT),
    CASE(record_into_nothing, OBJECTS, NO_OBJECT),
    CASE(create_in_recording, OBJECTS, "in a recording, where it has no place"),
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

/* 0, or 1 when the stream lives that must not. It stays open. */
static int run_case(const struct hostile_case *test, struct stream *s)
{
    open_stream(s);
    if (test->needs >= DEVICE)
        make_device(s);
    if (test->needs >= OBJECTS)
        make_objects(s);
    test->run(s);
    if (!test->pattern) {
        for (int i = 0; i < 500 && lost(s) == STREAM_ALIVE; i++)
            nap();
        printf("%s 0x%08x -\n", test->name, s->queue);
        return 0;
    }
    for (uint64_t start = now_ms(); lost(s) == STREAM_ALIVE; nap()) {
        if (now_ms() - start < PATIENCE_MS)
            continue;
        fprintf(stderr, "hostile: %s: the stream lives\n", test->name);
        return 1;
    }
    printf("%s 0x%08x %s\n", test->name, s->queue, test->pattern);
    return 0;
}

/* --- Streams that are refused --- */

static int refuse(struct stream *s, const char *what, struct stream_open open)
{
    NTSTATUS status = open_queue(s, open);
    if (!NT_SUCCESS(status))
        return 0;
    fprintf(stderr, "hostile: a stream was opened: %s\n", what);
    (void)D3DKMTDestroyHwQueue(&(D3DKMT_DESTROYHWQUEUE){s->queue});
    return 1;
}

static int refused_streams(void)
{
    struct stream s;
    int failed = 0;
    open_memory(&s);
    const struct stream_open good = description(&s);
#define REFUSE(what, member, value)                                                                \
    do {                                                                                           \
        struct stream_open open = good;                                                            \
        open.member = value;                                                                       \
        failed |= refuse(&s, what, open);                                                          \
    } while (0)
    REFUSE("without the magic", magic, 1);
    REFUSE("of another build", build[0], '!');
    REFUSE("in no allocation", allocation, 0x40123457);
    REFUSE("in the context", allocation, s.context);
    REFUSE("with a ring of no power of two", ring_size, RING - 64);
    REFUSE("with a ring that is too small", ring_size, 4096);
    REFUSE("with a ring behind the allocation", ring_offset, UINT32_MAX - 63);
    REFUSE("with a ring over the words", ring_offset, 0);
    REFUSE("with a ring that lies askew", ring_offset, PAGE + 8);
    REFUSE("with slots in the ring", slots_offset, PAGE + 64);
    REFUSE("with slots behind the allocation", slots_offset, SIZE);
    REFUSE("with too many slots", slot_count, 33);
    REFUSE("without slots", slot_count, 0);
    REFUSE("with tiny slots", slot_size, 8);
    REFUSE("with huge slots", slot_size, 0xffffffc0);
    REFUSE("with reserved words", reserved, 7);
    s.queue = 0;
    close_stream(&s);
    return failed;
}

static uint64_t used_memory(void)
{
    D3DKMT_QUERYVIDEOMEMORYINFO info = {.hAdapter = adapter,
                                        .MemorySegmentGroup = D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL};
    check("the memory in use", D3DKMTQueryVideoMemoryInfo(&info));
    uint64_t used = info.CurrentUsage;
    info.MemorySegmentGroup = D3DKMT_MEMORY_SEGMENT_GROUP_NON_LOCAL;
    check("the memory in use", D3DKMTQueryVideoMemoryInfo(&info));
    return used + info.CurrentUsage;
}

/* Memory is given back when the worker has let go of it. */
static int awaits_memory(uint64_t before)
{
    uint64_t start = now_ms(), after = used_memory();
    for (; after > before && now_ms() - start < PATIENCE_MS; nap())
        after = used_memory();
    if (after <= before)
        return 0;
    fprintf(stderr, "hostile: %llu bytes stay in use, %llu were before\n", (unsigned long long)after,
            (unsigned long long)before);
    return 1;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], name))
            return true;
    }
    return argc == 1;
}

int main(int argc, char **argv)
{
    static struct stream good, streams[CASES];
    D3DKMT_ADAPTERINFO adapters[16] = {0};
    D3DKMT_ENUMADAPTERS2 list = {.NumAdapters = 16, .pAdapters = adapters};
    check("the adapters", D3DKMTEnumAdapters2(&list));
    if (!list.NumAdapters)
        die("the adapters: there is none", STATUS_SUCCESS);
    adapter = adapters[0].hAdapter;

    setvbuf(stdout, NULL, _IOLBF, 0);
    open_stream(&good);
    make_device(&good);
    make_objects(&good);
    uint64_t before = used_memory();
    int failed = 0;
    for (size_t i = 0; i < CASES; i++) {
        if (!is_wanted(cases[i].name, argc, argv))
            continue;
        failed |= run_case(&cases[i], &streams[i]);
        if (!answers(&good)) {
            fprintf(stderr, "hostile: %s: a stream beside it was lost\n", cases[i].name);
            return 1;
        }
    }
    failed |= refused_streams();
    for (size_t i = 0; i < CASES; i++) {
        if (streams[i].device)
            close_stream(&streams[i]);
    }
    failed |= awaits_memory(before);
    must_answer(&good, "the stream that breaks no rule");
    close_stream(&good);
    return failed;
}

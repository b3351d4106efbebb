/* SPDX-License-Identifier: MIT */
/*
 * What the paravirtual UMD (umd/) and its worker (host/worker/) say to each other. The two are built
 * and shipped together, so this needs no compatibility promise: STREAM_BUILD differs between builds
 * whose formats differ, and a worker refuses a stream of another build.
 *
 * A *stream* is a ring of batches from the guest to one thread of the worker, with reply slots and a
 * few status words. It lies in one CPU-visible allocation that the UMD made (D3DKMTCreateAllocation2)
 * and named when it created the stream's hardware queue (D3DKMTCreateHwQueue). An instance has a
 * stream for what physical devices are asked, each VkDevice has one of its own. Batches of a stream
 * run in order.
 *
 * Everything is little-endian. Nothing is a pointer: objects are ids (below), memory is (object,
 * offset). Neither side believes what the other writes: each copies a word or a batch out of shared
 * memory once, checks the copy, and works on the copy.
 *
 * Layout of the allocation: struct stream_shared; at ring_offset the ring; at slots_offset the reply
 * slots. The offsets and sizes are told once in struct stream_open and never read again.
 */
#ifndef GPUPV_WIRE_STREAM_H
#define GPUPV_WIRE_STREAM_H

#include <stdint.h>

/* --- Ids ---
 *
 * A non-dispatchable handle of the UMD *is* the id, so that plain structures which hold handles cross
 * by a copy. Ids belong to a stream (to its VkDevice): the worker finds them in the stream's own table.
 * The guest chooses them. 0 is VK_NULL_HANDLE. */
#define STREAM_ID_SLOT(id) ((uint32_t)(id))
#define STREAM_ID_GENERATION(id) ((uint32_t)((id) >> 32) & 0xffffffu) /* 1 or more */
#define STREAM_ID_TYPE(id) ((uint8_t)((id) >> 56)) /* enum vkwire_object_type, generated */
#define STREAM_ID(slot, generation, type)                                                          \
    ((uint64_t)(uint32_t)(slot) | (uint64_t)((generation) & 0xffffffu) << 32 |                     \
     (uint64_t)(uint8_t)(type) << 56)
#define STREAM_MAX_SLOTS (4u << 20) /* slots are 1 … STREAM_MAX_SLOTS - 1 */

/* --- Shared memory --- */

#define STREAM_MAX_QUEUES 64u
#define STREAM_MAX_REPLY_SLOTS 32u

struct stream_shared {
    /* Written by the guest. */
    _Alignas(64) uint32_t tail; /* bytes ever written to the ring, modulo 2^32 */
    /* By the worker, once: here because the guest looks at it whenever it sends. enum stream_lost; the
     * stream is dead when it is not 0. */
    uint32_t lost;
    /* Written by the worker. */
    _Alignas(64) uint32_t head; /* bytes ever taken out of the ring; the space is free again */
    uint32_t executed;          /* bytes of the ring whose commands have run */
    _Alignas(64) uint32_t sleeping; /* by the worker: 1 before it waits on `doorbell`. The guest that
                                       swaps it to 0 rings. */
    uint32_t doorbell;              /* futex word; incremented by the guest */
    /* Completion: of queue i (struct stream_create_device says the order), the number of submissions that
     * have finished on the device; each batch of a vkQueueSubmit is one (umd/umd_sync.h). Written by
     * the worker. */
    _Alignas(64) uint64_t completed[STREAM_MAX_QUEUES];
};

/* Guest threads sleep on the hardware queue's progress fence (struct D3DKMT fence cell, see
 * wire/protocol.h, struct wire_fence_cell): the worker adds 1 to its value after it has written any
 * of `head` (when the ring was more than half full), `completed`, `lost` or a reply, and wakes the
 * waiters if there are any; nobody sleeps until `executed` grows. A value of UINT64_MAX means that the
 * worker is gone (written by the service). */

enum stream_lost {
    STREAM_ALIVE = 0,
    STREAM_LOST_PROTOCOL = 1, /* the guest sent what cannot be; the service's log says what */
    STREAM_LOST_DEVICE = 2,   /* the host driver said VK_ERROR_DEVICE_LOST */
    STREAM_LOST_MEMORY = 3,   /* the worker is out of memory, or an asynchronous creation failed */
};

/* --- Batches: what lies in the ring, back to back, 8-byte aligned, wrapping at the ring's end --- */

#define STREAM_MAX_BATCH (128u * 1024u) /* bytes of payload */

enum stream_batch_kind {
    STREAM_BATCH_COMMANDS = 1,  /* commands of the device or instance */
    STREAM_BATCH_RECORDING = 2, /* commands recorded into the command buffer `target` */
    /* A part of one command larger than a batch: parts follow each other without anything between,
     * `target` is the command's whole size in bytes in the first part and 0 in the others; the last
     * part completes it. A part's `command_buffer` is that of a recording, or 0. */
    STREAM_BATCH_PART = 3,
};

struct stream_batch {
    uint32_t size;  /* bytes of payload that follow; a multiple of 8, 1 … STREAM_MAX_BATCH */
    uint16_t kind;  /* enum stream_batch_kind */
    uint16_t reserved; /* 0 */
    uint64_t target;
};

/* A part's payload starts with this. */
struct stream_part {
    uint64_t command_buffer;
};
#define STREAM_MAX_COMMAND (256u * 1024u * 1024u) /* bytes of a command in parts */

/* A command: this header, its parameters, what they point to; padded to 8 bytes. */
struct stream_command {
    uint16_t opcode; /* enum vkwire_opcode (generated), or enum stream_private_opcode */
    uint16_t words;  /* size in units of 8 bytes, header included; 0: to the end (in parts) */
};

/* --- Replies ---
 *
 * A command that wants a reply has a slot and a ticket as its first parameter (`uint32_t reply`). The
 * worker fills the slot and then sets `state` to the ticket, which the guest chose (never 0; a new
 * one each time). A reply larger than the slot is kept in the worker until the slot is next used; its
 * parts are fetched with STREAM_FETCH_REPLY. */
struct stream_reply {
    uint32_t state;  /* ticket of the reply that lies here */
    int32_t result;  /* VkResult of the call, 0 for void */
    uint32_t total;  /* bytes of the whole reply */
    uint32_t offset; /* of this part */
    /* min(total - offset, slot size - 16) bytes follow */
};
/* In a command: slot in the low 8 bits, ticket in the upper 24. `state` holds the same word. */
#define STREAM_REPLY(slot, ticket) ((uint32_t)(slot) | (uint32_t)(ticket) << 8)
#define STREAM_REPLY_SLOT(word) ((word)&0xffu)

/* --- Private commands, written by hand on both sides --- */

enum stream_private_opcode {
    STREAM_PRIVATE_FIRST = 0xf000,
    STREAM_FACTS = 0xf000,           /* struct stream_ask → the facts (wire/facts.h) */
    STREAM_FETCH_REPLY = 0xf001,     /* struct stream_fetch → more of the slot's last reply */
    STREAM_CREATE_DEVICE = 0xf002,   /* struct stream_create_device, VkDeviceCreateInfo encoded */
    STREAM_DESTROY_DEVICE = 0xf003,  /* header only: all objects of the stream go with it */
    STREAM_ALLOCATE_MEMORY = 0xf004, /* struct stream_allocate_memory, encoded pNext chain */
    STREAM_FREE_MEMORY = 0xf005,     /* struct stream_object */
    STREAM_BARRIER = 0xf006,         /* struct stream_ask → empty, when all before it has run */
    STREAM_WRITE_DESCRIPTORS = 0xf007, /* struct stream_write_descriptors */
    STREAM_PUSH_DESCRIPTORS = 0xf008,  /* struct stream_push_descriptors; in recordings */
    STREAM_PIPELINE_RESULTS = 0xf009,  /* struct stream_pipeline_results → their results */
    STREAM_WRITE_MEMORY = 0xf00a, /* struct stream_write_memory; without shared memory alone */
    STREAM_READ_MEMORY = 0xf00b,  /* struct stream_read_memory → what has changed; likewise */
    STREAM_SIGNAL_ACQUIRED = 0xf00c, /* struct stream_object: a semaphore, signalled for
                                      * vkAcquireNextImageKHR: the next wait for it is none */
    STREAM_PRIVATE_END
};

/* As in a driver's memory on a 64-bit machine, also in a 32-bit guest. */
typedef uint64_t stream_u64 __attribute__((aligned(8)));

struct stream_ask {
    struct stream_command head;
    uint32_t reply;
};

struct stream_fetch {
    struct stream_command head;
    uint32_t reply;  /* the same slot, a new ticket */
    uint32_t offset; /* into the last reply of that slot */
    uint32_t reserved;
};

/* The queues that the guest will use follow from VkDeviceCreateInfo: queue j of the i-th
 * VkDeviceQueueCreateInfo. They are numbered in that order from 0 (the index in
 * stream_shared.completed) and have the ids STREAM_ID(1 + number, 1, VKWIRE_OBJECT_QUEUE). */
struct stream_create_device {
    struct stream_command head;
    uint32_t reply; /* result: of vkCreateDevice; no bytes */
};

struct stream_object {
    struct stream_command head;
    uint32_t reserved;
    stream_u64 id;
};

/* Allocates a VkDeviceMemory. `allocation` is a D3DKMT allocation of at least this size that has no other
 * VkDeviceMemory: the host's ledger counts it, and CPU-visible memory lies in it (it is imported from
 * the aperture). The reply has a result and no bytes. */
struct stream_allocate_memory {
    struct stream_command head;
    uint32_t reply;
    stream_u64 id;
    stream_u64 size;
    uint32_t memory_type; /* the guest's number: the facts say what it is on the host */
    uint32_t allocation;  /* D3DKMT_HANDLE */
    /* Then the encoded pNext chain of VkMemoryAllocateInfo. */
};

/* Descriptor writes are not generated: which members of VkWriteDescriptorSet and of what it points to
 * hold anything depends on the descriptor type. `writes` times struct stream_descriptor_write, each
 * with its descriptors; then `copies` times struct stream_descriptor_copy. */
struct stream_write_descriptors {
    struct stream_command head;
    uint32_t writes;
    uint32_t copies;
    uint32_t reserved;
};

struct stream_push_descriptors {
    struct stream_command head;
    uint32_t writes;
    uint32_t bind_point; /* VkPipelineBindPoint */
    uint32_t set;
    stream_u64 layout;
};

/* After it, for each descriptor, padded to 8 bytes: VkDescriptorImageInfo or VkDescriptorBufferInfo as a
 * 64-bit process has them (24 bytes), a VkBufferView or an acceleration structure (8), or for inline
 * uniform blocks `count` bytes. Handles are ids; those that are not used are 0. */
struct stream_descriptor_write {
    stream_u64 set; /* 0 when pushed */
    uint32_t binding, element;
    uint32_t count, type; /* VkDescriptorType */
};

struct stream_descriptor_image {
    stream_u64 sampler, view;
    uint32_t layout, reserved;
};

struct stream_descriptor_buffer {
    stream_u64 buffer, offset, range;
};

struct stream_descriptor_copy {
    stream_u64 from, to;
    uint32_t from_binding, from_element;
    uint32_t to_binding, to_element;
    uint32_t count, reserved;
};

/* How the creation of pipelines ended, for those who wait for it: they were allowed not to be compiled
 * (VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT), or feedback is wanted. The result is that
 * of vkCreateXPipelines. Of each id struct stream_pipeline_result follows, and 1 + `stages` times struct
 * stream_pipeline_feedback: of the whole, and of the stages. Ids of pipelines that are not there are free
 * again. */
struct stream_pipeline_results {
    struct stream_command head;
    uint32_t reply;
    uint32_t count; /* 64-bit ids follow */
    uint32_t reserved;
};

struct stream_pipeline_result {
    uint32_t there; /* 0 or 1 */
    uint32_t stages;
};

struct stream_pipeline_feedback {
    uint32_t flags, reserved;
    stream_u64 duration;
};

/* --- Memory that is not shared ---
 *
 * Without an aperture CPU-visible memory is twice there: the program's, and the host's. Each side has,
 * beside it, what it last knew to be the same on both (wire/mirror.h), and what differs from that
 * crosses, byte by byte: what the other side has changed meanwhile elsewhere stays as it is. New
 * memory is zero on both sides. */

/* Pages of one VkDeviceMemory follow, each struct stream_page with its bytes. */
struct stream_write_memory {
    struct stream_command head;
    uint32_t reserved;
    stream_u64 id;
};

struct stream_memory_range {
    stream_u64 id, offset, size;
};

/* `count` ranges follow. The reply is a struct stream_read_memory_reply and the pages in which the
 * host's memory has changed, at most STREAM_MAX_READ bytes in all. */
struct stream_read_memory {
    struct stream_command head;
    uint32_t reply;
    uint32_t count;
    uint32_t reserved;
};
#define STREAM_MAX_RANGES 256u
#define STREAM_MAX_READ (60u * 1024u)

/* How far it came: to be asked for again from there, unless `range` is the count. */
struct stream_read_memory_reply {
    uint32_t range;
    uint32_t reserved;
    stream_u64 offset; /* in the range */
};

/* Then one bit for each of `size` bytes, padded to 8 bytes, and the bytes, padded to 8: those whose bit
 * is set have changed. */
struct stream_page {
    stream_u64 offset; /* in the VkDeviceMemory */
    uint32_t range;    /* that it belongs to, in a reply */
    uint32_t size;     /* 1 … STREAM_PAGE_SIZE */
};
#define STREAM_PAGE_SIZE 4096u

/* --- Messages of a stream without shared memory ---
 *
 * struct stream_shared, ring and slots are there on both sides, in private memory. What the guest writes
 * into the ring goes as private data of D3DKMTSubmitCommandToHwQueue; what the worker writes is asked for
 * by D3DKMTEscape with the stream's context. The ring's size bounds what is on its way. */

#define STREAM_MESSAGE_MAGIC 0x6d565047u
/* `size` bytes of the ring follow, which do not wrap around. */
struct stream_message {
    uint32_t magic;
    uint32_t position; /* in the ring: where the last message ended */
    uint32_t size;     /* a multiple of 8, not 0 */
    uint32_t tail;     /* stream_shared.tail from now on */
};

#define STREAM_POLL_MAGIC 0x70565047u
#define STREAM_MAX_POLL_WAIT_US 20000u
/* The answer has the size of the question. After it: `completed` of the first `queues` queues, then
 * `replies` times struct stream_poll_reply, each with its bytes, padded to 8. */
struct stream_poll {
    uint32_t magic;
    uint32_t seen;    /* the guest's: of its last answer. The worker waits while nothing is newer. */
    uint32_t wait_us; /* at most so long, and STREAM_MAX_POLL_WAIT_US; 0: it answers at once */
    uint32_t room;    /* of the answer: a reply waits that needs so many bytes of data, or 0 */
    uint32_t head, executed, lost;
    uint32_t queues, replies;
    uint32_t reserved;
};

/* What lies in the slot, its struct stream_reply included. */
struct stream_poll_reply {
    uint32_t slot;
    uint32_t size;
};

static inline int stream_is_of_kind(const void *data, uint32_t size, uint32_t least, uint32_t magic)
{
    uint32_t first;
    if (size < least)
        return 0;
    __builtin_memcpy(&first, data, sizeof(first));
    return first == magic;
}

/* What the private-data guard passes over: it holds the program's own data, in which
 * a number may look like anything. That the encoders put no pointer and no handle into streams
 * is what the tests show. */
static inline int stream_is_message(const void *data, uint32_t size)
{
    return stream_is_of_kind(data, size, sizeof(struct stream_message), STREAM_MESSAGE_MAGIC);
}

static inline int stream_is_poll(const void *data, uint32_t size)
{
    return stream_is_of_kind(data, size, sizeof(struct stream_poll), STREAM_POLL_MAGIC);
}

/* --- Opening a stream: private data of D3DKMTCreateHwQueue --- */

#define STREAM_MAGIC 0x6b565047u
struct stream_open {
    uint32_t magic;
    uint32_t allocation; /* D3DKMT_HANDLE of the CPU-visible allocation; 0: memory is not shared */
    char build[32];      /* STREAM_BUILD, generated; NUL-padded */
    uint32_t ring_offset, ring_size;           /* size: a power of two, 256 KiB to 64 MiB */
    uint32_t slots_offset, slot_size, slot_count; /* slot_size with its header, a multiple of 64 */
    uint32_t reserved;
};

_Static_assert(sizeof(struct stream_batch) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_command) == 4, "no padding on the wire");
_Static_assert(sizeof(struct stream_reply) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_allocate_memory) == 32, "no padding on the wire");
_Static_assert(sizeof(struct stream_open) == 64, "no padding on the wire");
_Static_assert(sizeof(struct stream_write_descriptors) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_write_memory) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_memory_range) == 24, "no padding on the wire");
_Static_assert(sizeof(struct stream_read_memory) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_read_memory_reply) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_page) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_message) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_poll) == 40, "no padding on the wire");
_Static_assert(sizeof(struct stream_poll_reply) == 8, "no padding on the wire");
_Static_assert(sizeof(struct stream_push_descriptors) == 24, "no padding on the wire");
_Static_assert(sizeof(struct stream_descriptor_write) == 24, "no padding on the wire");
_Static_assert(sizeof(struct stream_descriptor_image) == 24, "no padding on the wire");
_Static_assert(sizeof(struct stream_descriptor_buffer) == 24, "no padding on the wire");
_Static_assert(sizeof(struct stream_descriptor_copy) == 40, "no padding on the wire");
_Static_assert(sizeof(struct stream_pipeline_results) == 16, "no padding on the wire");
_Static_assert(sizeof(struct stream_pipeline_result) == 8, "no padding on the wire");
_Static_assert(sizeof(struct stream_pipeline_feedback) == 16, "no padding on the wire");

#endif

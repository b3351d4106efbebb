/* SPDX-License-Identifier: MIT */
/*
 * The objects of the paravirtual UMD. Dispatchable handles are pointers to these structures;
 * non-dispatchable handles are ids (wire/stream.h), and umd_object() finds the state that the guest
 * keeps of one, if it keeps any. Every entry point is named umd_X for vkX and declared in the
 * generated umd_commands.h; those that wire/gen/policy.toml lists as `by_hand` are written in the
 * file of their subject, the others are generated.
 *
 * Vulkan's rules for external synchronisation protect these structures, except where a lock stands
 * beside what it guards.
 */
#ifndef GPUPV_UMD_UMD_H
#define GPUPV_UMD_UMD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vk_icd.h>
#include <vulkan/vulkan_core.h>

#include "gpupv/umd.h"
#include "umd/stream.h"
#include "umd/umd_lock.h"
#include "wire/encoder.h"
#include "wire/stream.h"

/* Non-dispatchable handles are pointers on 64-bit machines and integers on others. */
#if defined(VK_USE_64_BIT_PTR_DEFINES) && VK_USE_64_BIT_PTR_DEFINES == 1
#define UMD_ID(handle) ((uint64_t)(uintptr_t)(handle))
#define UMD_HANDLE(type, id) ((type)(uintptr_t)(id))
#else
#define UMD_ID(handle) ((uint64_t)(handle))
#define UMD_HANDLE(type, id) ((type)(id))
#endif

/* --- Memory for the program's objects (umd_allocator.c) --- */

/* Zeroed. `allocator` may be NULL: then the parent's, else the C library's. */
void *umd_alloc(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *parent,
                size_t size, VkSystemAllocationScope scope);
void umd_free(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *parent,
              void *memory);

/* --- Log (umd_log.c): through the shim's callback --- */

void umd_log(enum gpupv_umd_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define umd_error(...) umd_log(GPUPV_UMD_LOG_ERROR, __VA_ARGS__)
#define umd_warning(...) umd_log(GPUPV_UMD_LOG_WARNING, __VA_ARGS__)
#define umd_debug(...) umd_log(GPUPV_UMD_LOG_DEBUG, __VA_ARGS__)

/* --- Ids (umd_ids.c) ---
 *
 * A flat table in pages that never move. Finding is free of locks; making and freeing ids is done
 * with the device's stream locked (between umd_stream_begin and _end, or with ids->lock). */

#define UMD_ID_PAGE 1024u

struct umd_id_entry {
    _Atomic uint64_t id; /* of type 0 while the slot is free: the generation that it had last */
    union {
        void *object;       /* the guest's state of it, or NULL */
        uint32_t next_free; /* while free */
    };
};

struct umd_ids {
    struct umd_id_entry *_Atomic pages[STREAM_MAX_SLOTS / UMD_ID_PAGE];
    /* Away from the pages that every look-up reads. */
    struct umd_lock lock;           /* for making and freeing */
    uint32_t first_slot, next_slot; /* never used so far: next_slot and up */
    uint32_t first_free;            /* a stack through the entries; 0 ends it */
};

int umd_ids_init(struct umd_ids *ids, uint32_t first_slot);
void umd_ids_finish(struct umd_ids *ids);
/* A new id for an object of a type (enum vkwire_object_type); 0 when memory is short or all slots
 * are in use. The generation differs from the slot's last one. Thread-safe. */
uint64_t umd_id_create(struct umd_ids *ids, uint8_t type, void *object);
/* Frees an id; 0 is accepted. Call it after the command that destroys the object was put: the slot
 * may be used again at once. Thread-safe. */
void umd_id_free(struct umd_ids *ids, uint64_t id);
/* The same with ids->lock held. */
uint64_t umd_id_create_locked(struct umd_ids *ids, uint8_t type, void *object);
void umd_id_free_locked(struct umd_ids *ids, uint64_t id);
/* The next object of a type from *slot on, which is moved behind it; NULL: there is no other.
 * Nothing is made or freed meanwhile. */
void *umd_id_next(const struct umd_ids *ids, uint8_t type, uint32_t *slot);
/* Whether an id that may be garbage is that of a live object of a type. */
bool umd_id_live(const struct umd_ids *ids, uint64_t id, uint8_t type);

/* The guest's state of an object; NULL for 0, for a stale id and for an object without state. */
static inline void *umd_id_object(const struct umd_ids *ids, uint64_t id)
{
    uint32_t slot = STREAM_ID_SLOT(id);
    if (slot >= STREAM_MAX_SLOTS || !STREAM_ID_TYPE(id))
        return NULL;
    struct umd_id_entry *page =
        atomic_load_explicit(&ids->pages[slot / UMD_ID_PAGE], memory_order_acquire);
    if (!page)
        return NULL;
    struct umd_id_entry *entry = &page[slot % UMD_ID_PAGE];
    return atomic_load_explicit(&entry->id, memory_order_acquire) == id ? entry->object : NULL;
}

/* --- Dispatchable objects --- */

struct umd_facts;       /* everything that is known of a physical device: umd_facts.h */
struct umd_query_cache; /* answers that the facts do not hold: umd_query_cache.h */

/* What gpupv_umd_open_adapter made; umd_adapter.c. Instances share what is known of its device. */
struct umd_adapter {
    struct gpupv_umd_adapter shim;
    struct umd_query_cache *queries;
    pthread_mutex_t lock;    /* for `facts` until they are there */
    struct umd_facts *facts; /* NULL: not asked for yet */
};

struct umd_retired_stream {
    struct umd_retired_stream *next;
    struct umd_stream *stream;
};

struct umd_physical_device {
    VK_LOADER_DATA loader_data;
    struct umd_instance *instance;
    struct umd_adapter *adapter;
    uint32_t index; /* in the instance */
    const struct umd_facts *facts;
    /* For what the facts do not answer: opened on first need, by umd_physical_device_stream(). */
    pthread_mutex_t stream_lock;
    struct umd_stream *stream;
    struct umd_retired_stream *retired; /* with the lock: lost ones */
};

struct umd_instance {
    VK_LOADER_DATA loader_data;
    VkAllocationCallbacks allocator; /* pfnAllocation NULL: the C library's */
    uint32_t api_version;            /* that the program asked for */
    bool *extensions;                /* enabled: by index of the generated extension table */
    struct umd_debug *debug;         /* messengers and report callbacks; umd_debug.c */
    uint32_t physical_device_count;
    struct umd_physical_device *physical_devices;
};

struct umd_queue {
    VK_LOADER_DATA loader_data;
    struct umd_device *device;
    uint64_t id;
    uint32_t number; /* among the device's queues: index in stream_shared.completed */
    uint32_t family, index;
    VkDeviceQueueCreateFlags flags;
    /* Submissions so far. The worker counts the same way: each batch of vkQueueSubmit,
     * vkQueueSubmit2 and vkQueueBindSparse is one. Written with the stream locked. */
    _Atomic uint64_t submitted;
};

struct umd_device {
    VK_LOADER_DATA loader_data;
    struct umd_physical_device *physical;
    VkAllocationCallbacks allocator; /* as in umd_instance */
    struct umd_stream *stream;
    struct umd_ids ids;
    uint32_t queue_count;
    struct umd_queue *queues;
    uint32_t api_version; /* that the device has: the lower of the instance's and the host's */
    bool *extensions;     /* enabled: by index of the generated extension table */
    bool capture_replay;  /* bufferDeviceAddressCaptureReplay is enabled */
    /* State of subjects, each made and freed by its own file. */
    struct umd_memory_state *memory;             /* umd_memory.c: blocks */
    struct umd_mirrors *mirrors;                 /* umd_mirror.c; NULL: memory is shared */
    struct umd_requirements_cache *requirements; /* umd_requirements.c */
    struct umd_private_data *private_data;       /* umd_private_data.c */
    struct umd_sync_state *sync;                 /* umd_sync.c */
};

/* vkCreateDevice and vkDestroyDevice (umd_device.c) call these for each subject. */
VkResult umd_memory_init(struct umd_device *device);
void umd_memory_finish(struct umd_device *device);
VkResult umd_requirements_init(struct umd_device *device);
void umd_requirements_finish(struct umd_device *device);
VkResult umd_sync_init(struct umd_device *device);
void umd_sync_finish(struct umd_device *device);

enum umd_recording_state { UMD_INITIAL, UMD_RECORDING, UMD_EXECUTABLE, UMD_INVALID };

/* Commands gather in `encoder` and go to the worker whenever a chunk is full. */
#define UMD_RECORDING_CHUNK (16u * 1024u)

struct umd_command_buffer {
    VK_LOADER_DATA loader_data;
    struct umd_device *device;
    struct umd_command_pool *pool;
    struct umd_command_buffer *next, *previous; /* in the pool */
    uint64_t id;
    struct wire_encoder encoder;
    enum umd_recording_state state;
    bool begun;      /* the worker's buffer is recording, or will be */
    VkResult result; /* what went wrong while recording: vkEndCommandBuffer returns it */
    VkCommandBufferLevel level;
};

static inline struct umd_instance *umd_instance_from(VkInstance instance)
{
    return (struct umd_instance *)instance;
}
static inline struct umd_physical_device *umd_physical_device_from(VkPhysicalDevice device)
{
    return (struct umd_physical_device *)device;
}
static inline struct umd_device *umd_device_from(VkDevice device)
{
    return (struct umd_device *)device;
}
static inline struct umd_queue *umd_queue_from(VkQueue queue)
{
    return (struct umd_queue *)queue;
}
static inline struct umd_command_buffer *umd_command_buffer_from(VkCommandBuffer buffer)
{
    return (struct umd_command_buffer *)buffer;
}

static inline void *umd_object(const struct umd_device *device, uint64_t id)
{
    return umd_id_object(&device->ids, id);
}

/* --- Recording --- */

/* Sends what is recorded so far, so that the buffer is empty (umd_command_buffer.c). Failures are
 * kept in command_buffer->result. */
void umd_command_buffer_flush(struct umd_command_buffer *command_buffer);

/* Begins a command of `size` bytes (a multiple of 8) that may grow by wire_put on the encoder;
 * wire_end_command ends it. The header has the opcode and this size. NULL when memory is short: the
 * caller gives up, vkEndCommandBuffer will say so. */
static inline void *umd_record(struct umd_command_buffer *command_buffer, uint16_t opcode,
                               uint32_t size)
{
    struct wire_encoder *encoder = &command_buffer->encoder;
    if (__builtin_expect(encoder->used + size > UMD_RECORDING_CHUNK, 0))
        umd_command_buffer_flush(command_buffer);
    struct stream_command *command = wire_put(encoder, size);
    if (__builtin_expect(!command, 0))
        return NULL;
    command->opcode = opcode;
    command->words = (uint16_t)(size / 8);
    return command;
}

/* --- Sanitizing (umd_sanitize.c) ---
 *
 * Members that Vulkan says are ignored may hold garbage. The generated encoders call
 * umd_sanitize_T(copy, source) with a shallow copy for each structure T in the policy's list
 * `sanitized`, before they look at its pointers and handles; the declarations are generated
 * (umd_sanitize.h). */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Executes the commands of one stream (wire/stream.h) on the host's Vulkan driver. Everything here
 * belongs to the stream's thread, except where a lock is named.
 *
 * Generated code (vkwire_exec.c) decodes a command's parameters from a private copy of the batch,
 * resolves ids, and calls the driver, or, for what wire/gen/policy.toml lists as `exec_by_hand`, the
 * function exec_X(struct exec *, const struct args_X *) of the file of its subject (exec_buffer.c
 * beside umd/umd_buffer.c). Decoding never trusts: a violation calls exec_fail, and the stream ends.
 */
#ifndef GPUPV_HOST_WORKER_EXEC_H
#define GPUPV_HOST_WORKER_EXEC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "host/worker/arena.h"
#include "wire/stream.h"

#define EXEC_MAX_NODES 4 /* linked adapters of one device */

struct exec;
struct worker;
struct worker_adapter;
struct vkwire_instance_dispatch; /* generated: the driver's functions */
struct vkwire_device_dispatch;

/* --- Objects (exec_objects.c) --- */

struct exec_object;
/* What a subject keeps of an object begins with this. */
struct exec_aux {
    /* Frees it: called once, when the entry is taken away. */
    void (*forget)(struct exec *x, struct exec_object *object);
};

struct exec_object {
    uint64_t id; /* 0: free */
    /* The driver's handle on each node. Handles, dispatchable ones too, as integers. */
    uint64_t handle[EXEC_MAX_NODES];
    void *aux;       /* of the object's subject: begins with struct exec_aux; or NULL */
    uint32_t parent; /* slot of the pool it was taken from, or 0 */
    /* Siblings of the same parent, and the first child: slots, 0 for none. */
    uint32_t next, previous, first_child;
};

/* handle[0] of a pipeline that a compile thread is at. exec_object_get and exec_object_find call
 * exec_object_settle (exec_compile.c) when they meet it: it waits, and puts the driver's handle
 * there, or 0 when the pipeline was not created. */
#define EXEC_PENDING UINT64_MAX
void exec_object_settle(struct exec *x, struct exec_object *object);

#define EXEC_PAGE 256u
struct exec_objects {
    struct exec_object *pages[STREAM_MAX_SLOTS / EXEC_PAGE];
    uint32_t count;
};

/* Enters an object under the guest's id. False, and the stream failed: the id has another type than
 * `type` (enum vkwire_object_type), its slot is in use or out of range, or memory is short. The caller
 * then destroys the driver's object. The entry does not move while it lives. */
bool exec_object_add(struct exec *x, uint64_t id, uint8_t type, uint64_t handle);
/* With a parent, which the object goes with. */
bool exec_object_add_child(struct exec *x, uint64_t id, uint8_t type, uint64_t handle,
                           struct exec_object *parent);
/* The object, or NULL and the stream failed: no live object of that type has the id. 0 is none. */
struct exec_object *exec_object_get(struct exec *x, uint64_t id, uint8_t type);
/* The same without failing the stream. */
struct exec_object *exec_object_find(struct exec *x, uint64_t id, uint8_t type);
/* Takes the entry away, its children before, each with its aux (struct exec_aux). The driver's object
 * is the caller's to destroy. */
void exec_object_remove(struct exec *x, struct exec_object *object);
void exec_object_remove_children(struct exec *x, struct exec_object *object);
/* Destroys all that is left on the driver, children first, and empties the table. */
void exec_objects_destroy(struct exec *x);

/* --- The stream --- */

/* Which of a queue's last submissions signal its timeline: a bit each, by their number. */
#define EXEC_SIGNALS 4096u

struct exec_queue {
    VkQueue queue;
    uint32_t family;
    uint64_t submitted; /* as umd_queue.submitted counts */
    uint64_t signalled; /* the last submission that signals the timeline */
    _Atomic uint64_t signals[EXEC_SIGNALS / 64];
    uint64_t completed; /* as told to the guest; with sync->lock */
    VkSemaphore timeline; /* internal: signalled to n when the first n submissions have finished */
};

/* Semaphores that the guest has destroyed and the driver may still touch (exec_semaphore.c). */
struct exec_retired_list {
    struct exec_retired *oldest, *newest;
    uint32_t count;
};

/* Semaphores that vkAcquireNextImageKHR has signalled and nobody has waited for (exec_acquired.h). */
#define EXEC_MOST_ACQUIRED 256u
struct exec_acquired {
    uint32_t count;
    VkSemaphore semaphores[EXEC_MOST_ACQUIRED];
};

/* Command buffers that the guest has freed and the driver still has. */
#define EXEC_MOST_FREED 32u
struct exec_freed_list {
    uint32_t count;
    struct exec_freed {
        VkCommandPool pool;
        VkCommandBuffer buffer;
    } entries[EXEC_MOST_FREED];
};

#define EXEC_SET_LAYOUT_BUCKETS 64u

/* One per stream. */
struct exec {
    struct worker *worker;
    const struct worker_adapter *adapter;
    VkInstance instance;
    VkPhysicalDevice physical_device;
    const struct vkwire_instance_dispatch *vki;
    VkDevice device; /* VK_NULL_HANDLE until STREAM_CREATE_DEVICE */
    struct vkwire_device_dispatch *vk; /* NULL likewise */
    struct exec_objects objects;
    struct exec_queue queues[STREAM_MAX_QUEUES];
    uint32_t queue_count;
    VkCommandBuffer command_buffer; /* target of the batch being run, or VK_NULL_HANDLE */
    struct arena arena;             /* emptied after each command */
    struct stream_io *io;           /* the stream's shared memory: host/worker/stream_io.h */
    bool mirrors; /* the guest's CPU-visible memory is not shared: host/worker/exec_mirror.h */
    enum stream_lost lost;
    /* State of subjects, each made and freed by its own file. */
    struct exec_memory_state *memory;   /* exec_memory.c */
    struct exec_sync_state *sync;       /* exec_sync.c: completion */
    struct exec_retired_list retired_semaphores;
    struct exec_acquired acquired;
    struct exec_freed_list freed_command_buffers; /* exec_command_buffer.c */
    struct exec_set_layout *set_layouts[EXEC_SET_LAYOUT_BUCKETS]; /* exec_descriptor_layout.c */
    struct exec_compile_state *compile; /* exec_compile.c */
};

/* Ends the stream for a reason, which is logged; the guest gets VK_ERROR_DEVICE_LOST. The first reason
 * stands. */
void exec_fail(struct exec *x, enum stream_lost reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs one command of `size` bytes, header included, 8-byte aligned, in private memory that it may
 * change (pointers are patched in place). */
void exec_command(struct exec *x, uint8_t *command, size_t size);
/* The part of it for STREAM_PRIVATE_* opcodes (exec_private.c). */
void exec_private(struct exec *x, uint16_t opcode, uint8_t *command, size_t size);

/* Sends a reply: its bytes may be of any length. `word` as in wire/stream.h. */
void exec_reply(struct exec *x, uint32_t word, VkResult result, const void *data, size_t size);

/* Calls of the subjects at vkCreateDevice and vkDestroyDevice, and when the stream ends. exec_device.c
 * lets each subject change what the driver's device is created with. */
struct exec_device_plan {
    VkDeviceCreateInfo info;      /* as the guest wants it, chain and all; in the arena */
    const char **extensions;      /* room for 16 more */
    uint32_t extension_count;
};
void exec_plan_extension(struct exec_device_plan *plan, const char *name); /* once each */
VkResult exec_memory_init(struct exec *x);
void exec_memory_finish(struct exec *x);
void exec_sync_plan(struct exec *x, struct exec_device_plan *plan);
VkResult exec_sync_init(struct exec *x); /* x->queues are there */
void exec_sync_finish(struct exec *x); /* waits for its threads, not for the device */
VkResult exec_compile_init(struct exec *x);
void exec_compile_finish(struct exec *x);

/* Commands whose decoded parameters must outlive them, or that must wait for the compile thread:
 * exec_command gives those that exec_compile_takes names to exec_compile_command, which calls
 * vkwire_run with a copy of the command and with an arena of its own. */
bool exec_compile_takes(uint16_t opcode);
void exec_compile_command(struct exec *x, uint16_t opcode, uint8_t *command, size_t size);

/* While the stream's thread has nothing to run: frees one command buffer on the driver. False: there is
 * none. */
bool exec_free_command_buffer(struct exec *x);

/* Lets the guest learn when all that was submitted so far has finished (exec_queue.c). The stream's
 * thread calls it when it has nothing to run, and now and then when it always has. */
void exec_signal_queues(struct exec *x);
/* While the stream's thread has nothing to run and spins, it calls this: looks whether submissions have
 * finished, and tells the guest. True when there are some that have not. */
bool exec_sync_poll(struct exec *x);
/* Before it sleeps: leaves the watch to the completion thread. */
void exec_sync_sleep(struct exec *x);

#endif

/* SPDX-License-Identifier: MIT */
#include "tests/worker/exec_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "host/worker/exec_compile.h"
#include "wire/handle_table.h"

#define SLOT_SIZE 1024u
#define APERTURE_SIZE 65536u

int worker_send_file(struct worker *worker, uint32_t message, const void *fixed, size_t fixed_size,
                     int descriptor)
{
    struct fixture *f = (struct fixture *)((uint8_t *)worker - offsetof(struct fixture, worker));
    assert_int_equal(message, LINK_EXPORTED);
    assert_int_equal(fixed_size, sizeof(f->told));
    assert_true(fcntl(descriptor, F_GETFD) >= 0);
    memcpy(&f->told, fixed, sizeof(f->told));
    f->files_told++;
    return 0;
}

static VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice device,
                                                 VkPhysicalDeviceProperties *properties)
{
    (void)device;
    properties->apiVersion = VK_API_VERSION_1_3;
}

struct fixture *fixture_create(const struct vkwire_device_dispatch *vk)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->shared = aligned_alloc(64, sizeof(*f->shared));
    memset(f->shared, 0, sizeof(*f->shared));
    f->memory = aligned_alloc(4096, APERTURE_SIZE + 4096);
    memset(f->memory, 0, APERTURE_SIZE + 4096);
    f->io.shared = f->shared;
    f->io.fence = calloc(1, sizeof(*f->io.fence));
    f->io.slots = f->memory + APERTURE_SIZE;
    f->io.slot_size = SLOT_SIZE;
    f->io.slot_count = 1;
    f->vki.GetPhysicalDeviceProperties = get_properties;
    f->vk = *vk;
    f->adapter.memory_types.guest.memoryTypeCount = 2;
    f->adapter.memory_types.visible = 1;
    f->adapter.memory_types.import_alignment = 4096;
    f->worker.aperture = f->memory;
    f->worker.aperture_size = APERTURE_SIZE;
    f->worker.table_entries = handle_index(ALLOCATION) + 1;
    f->worker.table = calloc(f->worker.table_entries, sizeof(*f->worker.table));
    f->worker.table[handle_index(ALLOCATION)] =
        (struct link_allocation){.handle = ALLOCATION, .offset = 8192, .size = 16384};
    f->x = (struct exec){
        .worker = &f->worker,
        .adapter = &f->adapter,
        .vki = &f->vki,
        .vk = &f->vk,
        .device = HANDLE(VkDevice, 1),
        .io = &f->io,
    };
    arena_init(&f->x.arena, 1 << 20);
    wire_encoder_init(&f->encoder);
    exec_memory_init(&f->x);
    exec_compile_init(&f->x);
    exec_object_add(&f->x, BUFFER, VKWIRE_OBJECT_BUFFER, 0x1003);
    return f;
}

void fixture_destroy(struct fixture *f)
{
    exec_compile_finish(&f->x);
    exec_objects_destroy(&f->x);
    exec_memory_finish(&f->x);
    stream_io_finish(&f->io);
    arena_finish(&f->x.arena);
    wire_encoder_finish(&f->encoder);
    assert_int_equal(f->worker.table[handle_index(ALLOCATION)].used, 0);
    free(f->worker.table);
    free(f->io.fence);
    free(f->shared);
    free(f->memory);
    free(f);
}

void run(struct fixture *f)
{
    assert_false(f->encoder.failed);
    exec_command(&f->x, f->encoder.data, f->encoder.used);
    wire_encoder_reset(&f->encoder);
}

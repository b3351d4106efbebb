/* SPDX-License-Identifier: MIT */
/* Command pools and buffers of the guest, with a fake stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "fake_stream.h"
#include "umd/umd_command_pool.h"
#include "umd/umd_render_pass.h"
#include "umd_commands.h"
#include "vkwire_encode.h"

/* --- Encoders: opcodes of the test's own, 8 bytes each --- */

enum { BEGIN = 1, END, RESET, DRAW };

static bool memory_is_short;
static uint32_t freed;

static void put(struct wire_encoder *encoder, uint16_t opcode)
{
    struct stream_command *command = memory_is_short ? NULL : wire_put(encoder, 8);
    if (command)
        *command = (struct stream_command){opcode, 1};
    else
        encoder->failed = true;
}

void wire_put_BeginCommandBuffer(struct wire_encoder *e, const VkCommandBufferBeginInfo *pBeginInfo)
{
    (void)pBeginInfo;
    put(e, BEGIN);
}

void wire_put_EndCommandBuffer(struct wire_encoder *e)
{
    put(e, END);
}

void wire_put_ResetCommandBuffer(struct wire_encoder *e, VkCommandBufferResetFlags flags)
{
    (void)flags;
    put(e, RESET);
}

void wire_put_CreateCommandPool(struct wire_encoder *e, const VkCommandPoolCreateInfo *pCreateInfo,
                                const VkCommandPool *pCommandPool)
{
    (void)pCreateInfo, (void)pCommandPool;
    put(e, 0);
}

void wire_put_DestroyCommandPool(struct wire_encoder *e, VkCommandPool commandPool)
{
    (void)commandPool;
    put(e, 0);
}

void wire_put_ResetCommandPool(struct wire_encoder *e, VkCommandPool commandPool,
                               VkCommandPoolResetFlags flags)
{
    (void)commandPool, (void)flags;
    put(e, 0);
}

void wire_put_TrimCommandPool(struct wire_encoder *e, VkCommandPool commandPool,
                              VkCommandPoolTrimFlags flags)
{
    (void)commandPool, (void)flags;
    put(e, 0);
}

void wire_put_AllocateCommandBuffers(struct wire_encoder *e,
                                     const VkCommandBufferAllocateInfo *pAllocateInfo,
                                     const VkCommandBuffer *pCommandBuffers)
{
    (void)pAllocateInfo, (void)pCommandBuffers;
    put(e, 0);
}

void wire_put_FreeCommandBuffers(struct wire_encoder *e, VkCommandPool commandPool,
                                 uint32_t commandBufferCount,
                                 const VkCommandBuffer *pCommandBuffers)
{
    (void)commandPool, (void)pCommandBuffers;
    freed += commandBufferCount;
    put(e, 0);
}

void umd_sanitize_begin(VkCommandBufferBeginInfo *copy, VkCommandBufferInheritanceInfo *inheritance,
                        const VkCommandBufferBeginInfo *source, VkCommandBufferLevel level)
{
    (void)inheritance, (void)level;
    *copy = *source;
}

/* --- Fixture: a pool with two buffers --- */

struct fixture {
    struct umd_device device;
    struct umd_stream stream;
    VkDevice handle;
    VkCommandPool pool;
    VkCommandBuffer buffers[2];
};

static const VkCommandBufferBeginInfo begin_info = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};

static void allocate(struct fixture *f, uint32_t count, VkCommandBuffer *buffers, VkResult result)
{
    VkCommandBufferAllocateInfo info = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, NULL,
                                        f->pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, count};
    assert_int_equal(umd_AllocateCommandBuffers(f->handle, &info, buffers), result);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    fake_device_init(&f->device, &f->stream);
    f->handle = (VkDevice)&f->device;
    memory_is_short = false;
    freed = 0;
    VkCommandPoolCreateInfo info = {VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, NULL,
                                    VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT, 0};
    assert_int_equal(umd_CreateCommandPool(f->handle, &info, NULL, &f->pool), VK_SUCCESS);
    allocate(f, 2, f->buffers, VK_SUCCESS);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    umd_DestroyCommandPool(f->handle, f->pool, NULL);
    fake_device_finish(&f->device);
    free(f);
    return 0;
}

static const struct umd_command_pool *pool_of(struct fixture *f)
{
    return umd_object(&f->device, UMD_ID(f->pool));
}

static void draw(VkCommandBuffer handle, uint32_t count)
{
    struct umd_command_buffer *buffer = umd_command_buffer_from(handle);
    while (count--)
        (void)umd_record(buffer, DRAW, 24);
}

/* The opcodes that were sent, one letter each, runs of the same once; and forgets them. */
static const char *recorded(struct fixture *f)
{
    static char text[64];
    size_t length = 0;
    struct wire_encoder *encoder = &f->stream.recorded;
    for (size_t at = 0; at < encoder->used;) {
        const struct stream_command *command = (const void *)(encoder->data + at);
        char letter = ".BERD"[command->opcode];
        assert_true(command->words > 0);
        if (!length || text[length - 1] != letter)
            text[length++] = letter;
        assert_true(length < sizeof(text));
        at += command->words * 8u;
    }
    text[length] = '\0';
    wire_encoder_reset(encoder);
    return text;
}

/* --- Tests --- */

static void beginning_sends_nothing(void **state)
{
    struct fixture *f = *state;
    uint32_t sent = f->stream.sent;
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    draw(f->buffers[0], 3);
    assert_int_equal(f->stream.sent, sent);
    assert_int_equal(f->stream.records, 0);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_SUCCESS);
    assert_int_equal(f->stream.records, 1);
    assert_int_equal(f->stream.recorded_id, umd_command_buffer_from(f->buffers[0])->id);
    assert_string_equal(recorded(f), "BDE");
}

static void a_recording_is_streamed_in_chunks(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    draw(f->buffers[0], 10 * UMD_RECORDING_CHUNK / 24);
    assert_in_range(f->stream.records, 9, 10);
    assert_true(umd_command_buffer_from(f->buffers[0])->encoder.capacity <= UMD_RECORDING_CHUNK);
    size_t size = 8 + 10 * (size_t)UMD_RECORDING_CHUNK / 24 * 24 + 8;
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_SUCCESS);
    assert_int_equal(f->stream.recorded.used, size);
    assert_string_equal(recorded(f), "BDE");
}

static void only_recording_buffers_have_memory(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(umd_BeginCommandBuffer(f->buffers[i], &begin_info), VK_SUCCESS);
        assert_int_equal(umd_EndCommandBuffer(f->buffers[i]), VK_SUCCESS);
        assert_int_equal(umd_command_buffer_from(f->buffers[i])->encoder.capacity, 0);
    }
    assert_int_equal(pool_of(f)->spare_count, 1);
    umd_TrimCommandPool(f->handle, f->pool, 0);
    assert_int_equal(pool_of(f)->spare_count, 0);
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[1], &begin_info), VK_SUCCESS);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[1]), VK_SUCCESS);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_SUCCESS);
    assert_int_equal(pool_of(f)->spare_count, 2);
}

static void short_memory_is_told_at_the_end(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    draw(f->buffers[0], UMD_RECORDING_CHUNK / 24 + 1); /* some has been sent */
    umd_command_buffer_from(f->buffers[0])->encoder.failed = true;
    draw(f->buffers[0], 2 * UMD_RECORDING_CHUNK / 24);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_string_equal(recorded(f), "BD");
    /* The worker's buffer still records: it must be reset before it can begin again. */
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_SUCCESS);
    assert_string_equal(recorded(f), "RBE");
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_SUCCESS);
    assert_string_equal(recorded(f), "BE");
}

static void beginning_fails_without_memory(void **state)
{
    struct fixture *f = *state;
    memory_is_short = true;
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info),
                     VK_ERROR_OUT_OF_HOST_MEMORY);
    memory_is_short = false;
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_SUCCESS);
    assert_string_equal(recorded(f), "BE");
}

static void a_refused_chunk_is_told_at_the_end(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    f->stream.record_result = VK_ERROR_OUT_OF_HOST_MEMORY;
    draw(f->buffers[0], UMD_RECORDING_CHUNK / 24 + 1);
    f->stream.record_result = VK_SUCCESS;
    assert_int_equal(umd_EndCommandBuffer(f->buffers[0]), VK_ERROR_OUT_OF_HOST_MEMORY);
    fake_lose(&f->stream);
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[1], &begin_info), VK_SUCCESS);
    assert_int_equal(umd_EndCommandBuffer(f->buffers[1]), VK_ERROR_DEVICE_LOST);
}

static void resetting_drops_what_was_recorded(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[0], &begin_info), VK_SUCCESS);
    draw(f->buffers[0], 5);
    assert_int_equal(umd_ResetCommandBuffer(f->buffers[0], 0), VK_SUCCESS);
    assert_string_equal(recorded(f), "R");
    assert_int_equal(umd_BeginCommandBuffer(f->buffers[1], &begin_info), VK_SUCCESS);
    draw(f->buffers[1], 5);
    assert_int_equal(umd_ResetCommandPool(f->handle, f->pool, 0), VK_SUCCESS);
    assert_string_equal(recorded(f), "");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(umd_BeginCommandBuffer(f->buffers[i], &begin_info), VK_SUCCESS);
        assert_int_equal(umd_EndCommandBuffer(f->buffers[i]), VK_SUCCESS);
        assert_string_equal(recorded(f), "BE");
    }
    assert_int_equal(
        umd_ResetCommandPool(f->handle, f->pool, VK_COMMAND_POOL_RESET_RELEASE_RESOURCES_BIT),
        VK_SUCCESS);
    assert_int_equal(pool_of(f)->spare_count, 0);
}

static void freed_buffers_leave_the_pool(void **state)
{
    struct fixture *f = *state;
    VkCommandBuffer more[5];
    allocate(f, 5, more, VK_SUCCESS);
    assert_int_equal(umd_BeginCommandBuffer(more[2], &begin_info), VK_SUCCESS);
    uint64_t id = umd_command_buffer_from(more[2])->id;
    more[1] = NULL;
    umd_FreeCommandBuffers(f->handle, f->pool, 4, more);
    assert_int_equal(freed, 4);
    assert_null(umd_object(&f->device, id));
    uint32_t left = 0;
    for (const struct umd_command_buffer *at = pool_of(f)->buffers; at; at = at->next)
        left++;
    assert_int_equal(left, 4);
}

static void short_memory_allocates_no_buffers(void **state)
{
    struct fixture *f = *state;
    VkCommandBuffer more[3];
    memory_is_short = true;
    allocate(f, 3, more, VK_ERROR_OUT_OF_HOST_MEMORY);
    memory_is_short = false;
    for (int i = 0; i < 3; i++)
        assert_null(more[i]);
    assert_ptr_equal(pool_of(f)->buffers->next->next, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(beginning_sends_nothing),
        TEST(a_recording_is_streamed_in_chunks),
        TEST(only_recording_buffers_have_memory),
        TEST(short_memory_is_told_at_the_end),
        TEST(beginning_fails_without_memory),
        TEST(a_refused_chunk_is_told_at_the_end),
        TEST(resetting_drops_what_was_recorded),
        TEST(freed_buffers_leave_the_pool),
        TEST(short_memory_allocates_no_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

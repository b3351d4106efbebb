/* SPDX-License-Identifier: MIT */
/* Every command of the paravirtual driver, from the guest's encoder to the host's driver and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"
#include "vkwire_exec.h"
#include "vkwire_extensions.h"
#include "vkwire_trial.h"

#define ROUNDS 200

static int set_up(void **state)
{
    struct trial *trial = calloc(1, sizeof(*trial));

    if (!trial)
        return -1;
    trial_init(trial, 20);
    *state = trial;
    return 0;
}

static int tear_down(void **state)
{
    trial_finish(*state);
    free(*state);
    return 0;
}

/* No word on the wire is an address of the guest's program. */
static void check_no_pointers(const struct trial *trial, const char *name)
{
    uintptr_t low = (uintptr_t)trial->memory, high = low + trial->size;

    for (size_t at = 0; at + 8 <= trial->encoder.used; at += 4) {
        uint64_t word;
        memcpy(&word, trial->encoder.data + at, sizeof(word));
        if (word >= low && word < high)
            fail_msg("%s: a pointer at byte %zu of %zu", name, at, trial->encoder.used);
    }
}

/* The driver gets no value that vk.xml does not know. */
static void check_enums(const struct trial *trial, const char *name)
{
    if (trial->unknown)
        fail_msg("%s: the driver gets an unknown %s", name, trial->unknown);
}

static void check(struct trial *trial, const struct trial_command *command)
{
    if (trial->lost)
        fail_msg("%s: the guest says: %s", command->name, trial->lost);
    if (trial->failure[0] || !trial->ran)
        fail_msg("%s: the worker says: %s", command->name, trial->failure);
    check_enums(trial, command->name);
    if (trial->got != trial->sent)
        fail_msg("%s: the driver gets something else", command->name);
    if (trial->received && trial->received != trial->written)
        fail_msg("%s: the guest gets something else", command->name);
    assert_int_equal(trial->encoder.used % 8, 0);
    check_no_pointers(trial, command->name);
}

static void every_command_arrives(void **state)
{
    struct trial *trial = *state;

    for (unsigned int i = 0; i < trial_command_count; i++)
        for (int round = 0; round < ROUNDS; round++) {
            trial_clear(trial);
            trial_commands[i].run(trial);
            if (!trial->received)
                trial_execute(trial);
            check(trial, &trial_commands[i]);
        }
}

static void every_part_arrives(void **state)
{
    struct trial *trial = *state;

    for (unsigned int i = 0; i < trial_part_count; i++)
        for (int round = 0; round < ROUNDS * 4; round++) {
            trial_clear(trial);
            trial_parts[i].run(trial);
            check(trial, &trial_parts[i]);
        }
}

/* A command that is cut off, at any word, is refused and not run. */
static void short_commands_are_refused(void **state)
{
    struct trial *trial = *state;

    for (unsigned int i = 0; i < trial_command_count; i++) {
        trial_clear(trial);
        trial_commands[i].run(trial);
        size_t whole = trial->encoder.used;
        for (size_t size = 8; size < whole; size += 8) {
            trial->exec.lost = STREAM_ALIVE;
            trial->ran = false;
            trial->encoder.used = size;
            arena_reset(&trial->exec.arena);
            trial_execute(trial);
            if (trial->ran || trial->exec.lost != STREAM_LOST_PROTOCOL)
                fail_msg("%s runs with %zu bytes of %zu", trial_commands[i].name, size, whole);
        }
        trial->encoder.used = whole;
    }
}

static void long_commands_are_refused(void **state)
{
    struct trial *trial = *state;

    for (unsigned int i = 0; i < trial_command_count; i++) {
        trial_clear(trial);
        trial_commands[i].run(trial);
        memset(wire_put(&trial->encoder, 8), 0, 8);
        trial->ran = false;
        trial_execute(trial);
        if (trial->ran || trial->exec.lost != STREAM_LOST_PROTOCOL)
            fail_msg("%s runs with 8 bytes too many", trial_commands[i].name);
    }
}

/* Random words in place of the right ones: refused or run, but never an access out of bounds, or a
 * value for the driver that it does not know. */
static void wrong_words_are_survived(void **state)
{
    struct trial *trial = *state;

    for (unsigned int i = 0; i < trial_command_count; i++)
        for (int round = 0; round < ROUNDS; round++) {
            trial_clear(trial);
            trial_commands[i].run(trial);
            size_t words = trial->encoder.used / 4;
            for (uint64_t left = 1 + trial_pick(trial, 3); left; left--) {
                static const uint32_t words_of_interest[] = {0,          1,          2,
                                                             0x7fffffff, 0x80000000, 0xffffffff};
                uint32_t word = words_of_interest[trial_pick(trial, 6)];
                if (words > 2)
                    memcpy(trial->encoder.data + 4 * (1 + trial_pick(trial, words - 1)), &word, 4);
            }
            trial_execute(trial);
            check_enums(trial, trial_commands[i].name);
        }
}

/* A reply that is cut off or changed: an error or a result, and nothing is written out of bounds.
 */
static void wrong_replies_are_survived(void **state)
{
    struct trial *trial = *state;

    for (unsigned int i = 0; i < trial_command_count; i++)
        for (int round = 0; round < ROUNDS; round++) {
            trial->answers = false;
            trial_clear(trial);
            trial_commands[i].run(trial);
            if (!trial->received)
                break;
            trial->answers = true;
            size_t size = trial->reply_size;
            uint8_t *whole = trial->reply;
            for (size_t less = 8; less <= size; less += 8) {
                trial->reply = malloc(size - less + 1);
                assert_non_null(trial->reply);
                memcpy(trial->reply, whole, size - less);
                trial->reply_size = size - less;
                trial->lost = NULL;
                trial->encoder.used = 0;
                trial_commands[i].run(trial);
                free(trial->reply);
            }
            trial->reply = whole;
            trial->reply_size = size;
            for (size_t at = 0; at < size; at += 4)
                if (!trial_pick(trial, 4))
                    memset(whole + at, (int)trial_pick(trial, 2) * 255, 4);
            trial->used = 0;
            trial_commands[i].run(trial);
        }
    trial->answers = false;
}

static void opcodes_are_checked(void **state)
{
    struct trial *trial = *state;
    static const uint16_t wrong[] = {0, VKWIRE_OPCODE_COUNT, STREAM_PRIVATE_FIRST, 0xffff};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint64_t command[4] = {wrong[i]};
        trial_clear(trial);
        vkwire_run(&trial->exec, wrong[i], (uint8_t *)command, sizeof(command));
        assert_int_equal(trial->exec.lost, STREAM_LOST_PROTOCOL);
        assert_string_equal(vkwire_name(wrong[i]), "?");
        assert_false(vkwire_records(wrong[i]));
    }
    assert_true(vkwire_records(VKWIRE_CmdDraw));
    assert_true(vkwire_records(VKWIRE_BeginCommandBuffer));
    assert_false(vkwire_records(VKWIRE_QueueSubmit));
    assert_string_equal(vkwire_name(VKWIRE_CmdDraw), "vkCmdDraw");
}

static void a_device_and_a_command_buffer_are_needed(void **state)
{
    struct trial *trial = *state;
    struct vkwire_device_dispatch *vk = trial->exec.vk;

    trial_clear(trial);
    wire_put_CmdDraw(&trial->encoder, 3, 1, 0, 0);
    trial->exec.command_buffer = VK_NULL_HANDLE;
    trial_execute(trial);
    assert_false(trial->ran);
    assert_int_equal(trial->exec.lost, STREAM_LOST_PROTOCOL);

    trial_clear(trial);
    wire_put_CmdDraw(&trial->encoder, 3, 1, 0, 0);
    trial->exec.command_buffer = (VkCommandBuffer)(uintptr_t)0x20;
    trial->exec.vk = NULL;
    trial_execute(trial);
    assert_false(trial->ran);
    assert_int_equal(trial->exec.lost, STREAM_LOST_PROTOCOL);
    trial->exec.vk = vk;
}

static void a_function_that_the_driver_lacks_is_not_called(void **state)
{
    struct trial *trial = *state;
    struct vkwire_device_dispatch lacking = *trial->exec.vk, *vk = trial->exec.vk;

    lacking.CmdDraw = NULL;
    trial_clear(trial);
    trial->exec.vk = &lacking;
    wire_put_CmdDraw(&trial->encoder, 3, 1, 0, 0);
    trial_execute(trial);
    assert_int_equal(trial->exec.lost, STREAM_LOST_PROTOCOL);
    assert_non_null(strstr(trial->failure, "vkCmdDraw"));
    trial->exec.vk = vk;
}

static void small_commands_are_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct vkwire_CmdDraw) <= 24);
    assert_true(sizeof(struct vkwire_CmdDrawIndexed) <= 24);
    assert_true(sizeof(struct vkwire_CmdBindPipeline) <= 16);
}

/* A chain in a structure of a chain in a structure of a chain … */
static void deep_chains_are_refused(void **state)
{
    struct trial *trial = *state;
    VkRenderPassSampleLocationsBeginInfoEXT links[100];
    VkAttachmentSampleLocationsEXT attachments[100];
    VkRenderPassBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .pNext = &links[0],
        .renderPass = UMD_HANDLE(VkRenderPass, STREAM_ID(1, 1, VKWIRE_OBJECT_RENDER_PASS)),
        .framebuffer = UMD_HANDLE(VkFramebuffer, STREAM_ID(2, 1, VKWIRE_OBJECT_FRAMEBUFFER)),
    };

    for (int i = 0; i < 100; i++) {
        links[i] = (VkRenderPassSampleLocationsBeginInfoEXT){
            .sType = VK_STRUCTURE_TYPE_RENDER_PASS_SAMPLE_LOCATIONS_BEGIN_INFO_EXT,
            .attachmentInitialSampleLocationsCount = 1,
            .pAttachmentInitialSampleLocations = &attachments[i],
        };
        attachments[i] = (VkAttachmentSampleLocationsEXT){
            .sampleLocationsInfo.sType = VK_STRUCTURE_TYPE_SAMPLE_LOCATIONS_INFO_EXT,
            .sampleLocationsInfo.pNext = i < 99 ? &links[i + 1] : NULL,
        };
    }
    for (int depth = 1; depth <= 100; depth += 33) {
        trial_clear(trial);
        attachments[depth - 1].sampleLocationsInfo.pNext = NULL;
        wire_put_CmdBeginRenderPass(&trial->encoder, &begin, VK_SUBPASS_CONTENTS_INLINE);
        trial_execute(trial);
        assert_int_equal(trial->exec.lost, depth < 10 ? STREAM_ALIVE : STREAM_LOST_PROTOCOL);
        if (depth < 100)
            attachments[depth - 1].sampleLocationsInfo.pNext = &links[depth];
    }
}

static void extensions_are_found(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < vkwire_extension_count; i++) {
        assert_int_equal(vkwire_extension_find(vkwire_extensions[i].name), i);
        assert_true(!vkwire_extensions[i].refused || vkwire_extensions[i].refused[0]);
    }
    assert_int_equal(vkwire_extension_find("VK_KHR_nothing"), -1);
    assert_int_equal(vkwire_extension_find(""), -1);
    assert_null(vkwire_extensions[VKWIRE_EXT_KHR_SYNCHRONIZATION2].refused);
    assert_int_equal(vkwire_extensions[VKWIRE_EXT_KHR_SYNCHRONIZATION2].promoted_to,
                     VK_API_VERSION_1_3);
    assert_true(vkwire_extensions[VKWIRE_EXT_KHR_SYNCHRONIZATION2].device);
    assert_false(vkwire_extensions[VKWIRE_EXT_EXT_DEBUG_UTILS].device);
    assert_non_null(vkwire_extensions[VKWIRE_EXT_KHR_DISPLAY].refused);
    /* The host's device knows swapchains, because images have a layout for them; windows are the
     * guest's. */
    assert_null(vkwire_extensions[VKWIRE_EXT_KHR_SWAPCHAIN].refused);
    assert_false(vkwire_extensions[VKWIRE_EXT_KHR_SWAPCHAIN].window);
    assert_true(vkwire_extensions[VKWIRE_EXT_KHR_XCB_SURFACE].window);
    assert_true(vkwire_extensions[VKWIRE_EXT_KHR_PRESENT_WAIT].window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_arrives),
        cmocka_unit_test(every_part_arrives),
        cmocka_unit_test(short_commands_are_refused),
        cmocka_unit_test(long_commands_are_refused),
        cmocka_unit_test(wrong_words_are_survived),
        cmocka_unit_test(wrong_replies_are_survived),
        cmocka_unit_test(opcodes_are_checked),
        cmocka_unit_test(a_device_and_a_command_buffer_are_needed),
        cmocka_unit_test(a_function_that_the_driver_lacks_is_not_called),
        cmocka_unit_test(small_commands_are_small),
        cmocka_unit_test(deep_chains_are_refused),
        cmocka_unit_test(extensions_are_found),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: MIT */
/* Channels as objects, and the set of handles. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kmt/channel.h"
#include "kmt/handle_set.h"
#include "support.h"
#include "util/log.h"

#define MANY 100

static NTSTATUS count_adapters(struct kmt_channel *channel, uint32_t *count)
{
    const struct wire_enum_adapters_request request = {3, 0};
    struct wire_enum_adapters_reply reply;
    struct kmt_call call = {
        .command = WIRE_ENUM_ADAPTERS,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    *count = NT_SUCCESS(status) ? reply.count : 0;
    return status;
}

static void many_channels_in_one_process(void **state)
{
    struct kmt_channel *channels[MANY];
    struct error err;
    for (int i = 0; i < MANY; i++) {
        assert_status(kmt_channel_create(fake_host_uri(*state), &channels[i], &err),
                      STATUS_SUCCESS);
        for (int j = 0; j < i; j++)
            assert_true(kmt_channel_id(channels[i]) != kmt_channel_id(channels[j]));
    }
    for (int i = 0; i < MANY; i++) {
        uint32_t count;
        assert_status(count_adapters(channels[i], &count), STATUS_SUCCESS);
        assert_int_equal(count, FAKE_ADAPTERS);
    }
    assert_int_equal(fake_host_open_connections(*state), MANY);
    for (int i = 0; i < MANY; i++)
        kmt_channel_unref(channels[i]);
    kmt_channel_unref(NULL);
    fake_host_wait_open_connections(*state, 0);
}

static void a_failed_channel_stays_failed(void **state)
{
    struct kmt_channel *channel;
    uint32_t count;
    assert_status(kmt_channel_create(fake_host_uri(*state), &channel, NULL), STATUS_SUCCESS);
    assert_true(kmt_channel_check(channel));
    fake_host_hang_up(*state);
    assert_false(kmt_channel_check(channel));
    assert_status(count_adapters(channel, &count), STATUS_DEVICE_REMOVED);
    const struct wire_handle handle = {5};
    assert_status(kmt_channel_send_async(channel, WIRE_CLOSE_ADAPTER, &handle, sizeof(handle)),
                  STATUS_DEVICE_REMOVED);
    kmt_channel_unref(channel);

    /* The peer's end is seen at once, not when the last reference goes. */
    assert_status(kmt_channel_create(fake_host_uri(*state), &channel, NULL), STATUS_SUCCESS);
    assert_status(kmt_channel_reject(channel, "for %s", "a test"), STATUS_DEVICE_REMOVED);
    assert_string_equal(kmt_channel_why(channel), "for a test");
    fake_host_wait_open_connections(*state, 0);
    kmt_channel_unref(channel);
}

/* A request that no message can carry is refused before a byte is sent, and the channel lives. */
static void too_large_a_request_is_refused(void **state)
{
    struct kmt_channel *channel;
    assert_status(kmt_channel_create(fake_host_uri(*state), &channel, NULL), STATUS_SUCCESS);
    uint8_t *data = calloc(1, WIRE_MAX_MESSAGE);
    const struct wire_escape_request request = {0};
    struct kmt_call call = {
        .command = WIRE_ESCAPE,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .data = data,
        .data_size = kmt_channel_room(channel, sizeof(request)) + 1,
    };
    assert_status(kmt_channel_call(channel, &call), STATUS_INVALID_BUFFER_SIZE);
    free(data);
    uint32_t count;
    assert_status(count_adapters(channel, &count), STATUS_SUCCESS);
    kmt_channel_unref(channel);
}

/* A listener that takes a connection and never reads: the sender gives up, too. */
static void a_host_that_never_reads_is_left(void **state)
{
    (void)state;
    char folder[] = "/tmp/gpupv-channel-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/s", folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(listener, 1), 0);
    char uri[160];
    snprintf(uri, sizeof(uri), "unix:%s", name.sun_path);

    kmt_channel_set_timeout(50);
    struct kmt_channel *channel;
    struct error err;
    assert_status(kmt_channel_create(uri, &channel, &err), STATUS_DEVICE_REMOVED);
    assert_non_null(strstr(err.text, "did not answer in time"));
    kmt_channel_set_timeout(GPUPV_KMT_TIMEOUT_MS);
    close(listener);
    unlink(name.sun_path);
    rmdir(folder);
}

/* --- The set of handles --------------------------------------------------------------------- */

static void the_set_holds_what_it_was_given(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct handle_set set = {0};
    assert_null(handle_set_find(&set, 1));
    handle_set_remove(&set, 1);
    /* Numbers as a host makes them: generation high, index low. */
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct kmt_handle entry = {
            .handle = (i * 7919 % 60000 + 1) << 16 | i, .type = KMT_DEVICE, .channel = 1};
        assert_int_equal(handle_set_put(&set, &entry), 0);
    }
    assert_int_equal(set.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i += 2)
        handle_set_remove(&set, (i * 7919 % 60000 + 1) << 16 | i);
    assert_int_equal(set.count, COUNT / 2);
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct kmt_handle *found = handle_set_find(&set, (i * 7919 % 60000 + 1) << 16 | i);
        assert_true(i % 2 ? found != NULL : found == NULL);
    }
    assert_null(handle_set_find(&set, 0));
    handle_set_finish(&set);
    assert_int_equal(set.count, 0);
}

static void the_set_replaces_and_forgets_children(void **state)
{
    (void)state;
    struct handle_set set = {0};
    for (uint32_t i = 1; i <= 3000; i++) {
        const struct kmt_handle entry = {.handle = i << 12,
                                         .type = i % 3 ? KMT_CONTEXT : KMT_ADAPTER,
                                         .parents = {i % 3 ? 77 + i % 2 : 0},
                                         .channel = 1 + i % 5 / 4};
        assert_int_equal(handle_set_put(&set, &entry), 0);
    }
    const struct kmt_handle other = {.handle = 1 << 12, .type = KMT_DEVICE, .channel = 9};
    assert_int_equal(handle_set_put(&set, &other), 0);
    assert_int_equal(set.count, 3000);
    assert_int_equal(handle_set_find(&set, 1 << 12)->channel, 9);

    handle_set_remove_children(&set, 77, 1);
    size_t left = 0;
    for (uint32_t i = 2; i <= 3000; i++) {
        const struct kmt_handle *found = handle_set_find(&set, i << 12);
        bool gone = i % 3 && i % 2 == 0 && i % 5 != 4;
        assert_true(gone ? found == NULL : found != NULL);
        left += found != NULL;
    }
    assert_int_equal(set.count, left + 1);
    handle_set_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(many_channels_in_one_process),
        host_test(a_failed_channel_stays_failed),
        host_test(too_large_a_request_is_refused),
        cmocka_unit_test(a_host_that_never_reads_is_left),
        cmocka_unit_test(the_set_holds_what_it_was_given),
        cmocka_unit_test(the_set_replaces_and_forgets_children),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}

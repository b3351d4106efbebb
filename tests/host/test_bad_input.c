/* SPDX-License-Identifier: MIT */
/* Guests that break the rules, are killed, never read, or come in numbers. */
#include "host/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"

#define ONE_ADAPTER "[adapter:fast]\nkey=0\nluid=1:2\n"
#define ONE_HIVE "[" FIXTURE_CLASS_KEY "\\0000]\n\"V\" = sz:\"value\"\n"

/* Shared by all tests here: what one guest does must not show in the next. */
static struct host_fixture *fixture;

static int set_up(void **state)
{
    (void)state;
    fixture = fixture_create("max-clients=300", ONE_ADAPTER, ONE_HIVE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_destroy(fixture);
    return 0;
}

/* A well-behaved guest is served. */
static void still_serves(void)
{
    int fd = guest_open(fixture);
    char text[512];
    assert_int_equal(guest_registry(fd, guest_adapter(fd, 0), 1, "V", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "value");
    close(fd);
    fixture_wait_status(fixture, "clients", 0);
    assert_int_equal(fixture->driver.processes, 0);
    assert_int_equal(fixture->driver.devices, 0);
    assert_int_equal(fixture->driver.contexts, 0);
}

static void hello_rules(void **state)
{
    (void)state;
    struct wire_hello_request hello = guest_hello();
    struct wire_hello_reply reply;
    size_t size = sizeof(reply);

    int fd = guest_connect(fixture); /* missing */
    struct wire_enum_adapters_request in = {3, 0};
    guest_send_frame(fd, WIRE_ENUM_ADAPTERS, WIRE_REQUEST, 1, &in, sizeof(in));
    assert_true(guest_is_closed(fd));
    close(fd);

    fd = guest_open(fixture); /* repeated */
    guest_send_frame(fd, WIRE_HELLO, WIRE_REQUEST, 2, &hello, sizeof(hello));
    assert_true(guest_is_closed(fd));
    close(fd);

    fd = guest_connect(fixture); /* asynchronous */
    guest_send_frame(fd, WIRE_HELLO, WIRE_ASYNC, 0, &hello, sizeof(hello));
    assert_true(guest_is_closed(fd));
    close(fd);

    fd = guest_connect(fixture); /* short */
    guest_send_frame(fd, WIRE_HELLO, WIRE_REQUEST, 1, &hello, sizeof(hello) - 1);
    assert_true(guest_is_closed(fd));
    close(fd);

    fd = guest_connect(fixture); /* of another protocol */
    hello.magic++;
    guest_send_frame(fd, WIRE_HELLO, WIRE_REQUEST, 1, &hello, sizeof(hello));
    assert_true(guest_is_closed(fd));
    close(fd);

    fd = guest_connect(fixture); /* of a later version: told, then closed */
    hello = guest_hello();
    hello.version_min = WIRE_VERSION_MAX + 1;
    hello.version_max = WIRE_VERSION_MAX + 9;
    assert_int_equal(guest_call(fd, WIRE_HELLO, &hello, sizeof(hello), &reply, &size),
                     STATUS_REVISION_MISMATCH);
    assert_int_equal(size, sizeof(reply));
    assert_int_equal(reply.version, 0);
    assert_int_equal(reply.version_min, WIRE_VERSION_MIN);
    assert_int_equal(reply.version_max, WIRE_VERSION_MAX);
    assert_true(guest_is_closed(fd));
    close(fd);

    fd = guest_connect(fixture); /* of a range that holds ours */
    hello.version_min = 0;
    size = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_HELLO, &hello, sizeof(hello), &reply, &size), 0);
    assert_int_equal(reply.version, WIRE_VERSION_MAX);
    assert_int_equal(reply.max_message, WIRE_MAX_MESSAGE);
    close(fd);

    fd = guest_connect(fixture); /* a name without an end, and not UTF-8 */
    hello = guest_hello();
    memset(hello.process_name, 0xff, sizeof(hello.process_name));
    size = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_HELLO, &hello, sizeof(hello), &reply, &size), 0);
    assert_int_equal(strlen(fixture->driver.last_name), 63);
    assert_int_equal(fixture->driver.last_name[0], '?');
    close(fd);
    still_serves();
}

/* One that connects and says nothing is put out, and one that says half a hello. */
static void silent_guests(void **state)
{
    (void)state;
    int silent = guest_connect(fixture), half = guest_connect(fixture);
    guest_send(half, "gpupv", 5);
    assert_true(guest_is_closed(silent));
    assert_true(guest_is_closed(half));
    close(silent);
    close(half);
    still_serves();
}

static void malformed_headers(void **state)
{
    (void)state;
    static const struct wire_header headers[] = {
        {.size = 0, .command = WIRE_ENUM_ADAPTERS, .kind = WIRE_REQUEST, .sequence = 1},
        {.size = 15, .command = WIRE_ENUM_ADAPTERS, .kind = WIRE_REQUEST, .sequence = 1},
        {.size = WIRE_MAX_MESSAGE + 1,
         .command = WIRE_ENUM_ADAPTERS,
         .kind = WIRE_REQUEST,
         .sequence = 1},
        {.size = UINT32_MAX, .command = WIRE_ENUM_ADAPTERS, .kind = WIRE_REQUEST, .sequence = 1},
        {.size = 16, .command = 0, .kind = WIRE_REQUEST, .sequence = 1},
        {.size = 16, .command = WIRE_COMMAND_END, .kind = WIRE_REQUEST, .sequence = 1},
        {.size = 16, .command = 0xffff, .kind = WIRE_REQUEST, .sequence = 1},
        {.size = 16, .command = WIRE_ENUM_ADAPTERS, .kind = 0, .sequence = 1},
        {.size = 16, .command = WIRE_ENUM_ADAPTERS, .kind = WIRE_REPLY, .sequence = 1},
        {.size = 16, .command = WIRE_ENUM_ADAPTERS, .kind = 9, .sequence = 1},
        {.size = 16, .command = WIRE_ENUM_ADAPTERS, .kind = WIRE_ASYNC, .sequence = 0},
        {.size = 16, .command = WIRE_ESCAPE, .kind = WIRE_ASYNC, .sequence = 0},
        {.size = 16, .command = WIRE_CLOSE_ADAPTER, .kind = WIRE_ASYNC, .sequence = 5},
        {.size = 16, .command = WIRE_ENUM_ADAPTERS, .kind = WIRE_REQUEST, .sequence = 0},
        {.size = 16,
         .command = WIRE_ENUM_ADAPTERS,
         .kind = WIRE_REQUEST,
         .sequence = 1,
         .reserved = 1},
        {.size = 16,
         .command = WIRE_ENUM_ADAPTERS,
         .kind = WIRE_REQUEST,
         .sequence = 1,
         .status = 1},
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        int fd = guest_open(fixture);
        guest_send(fd, &headers[i], sizeof(headers[i]));
        if (!guest_is_closed(fd))
            fail_msg("header %zu was accepted", i);
        close(fd);
    }
    still_serves();
}

/* Well-framed, but with a payload that is empty, short by one, or long by one. */
static void wrong_payloads(void **state)
{
    (void)state;
    static const size_t sizes[WIRE_COMMAND_END] = {
        [WIRE_ENUM_ADAPTERS] = sizeof(struct wire_enum_adapters_request),
        [WIRE_OPEN_ADAPTER_FROM_LUID] = sizeof(struct wire_open_adapter_request),
        [WIRE_CLOSE_ADAPTER] = sizeof(struct wire_handle),
        [WIRE_QUERY_ADAPTER_INFO] = sizeof(struct wire_query_adapter_info_request),
        [WIRE_ESCAPE] = sizeof(struct wire_escape_request),
        [WIRE_CREATE_DEVICE] = sizeof(struct wire_create_device_request),
        [WIRE_DESTROY_DEVICE] = sizeof(struct wire_handle),
        [WIRE_CREATE_CONTEXT_VIRTUAL] = sizeof(struct wire_create_context_request),
        [WIRE_DESTROY_CONTEXT] = sizeof(struct wire_handle),
        [WIRE_ENUM_REGISTRY] = sizeof(struct wire_enum_registry_request),
        [WIRE_STORE_LIST] = sizeof(struct wire_store_list_request),
        [WIRE_STORE_READ] = sizeof(struct wire_store_read_request),
        [WIRE_STORE_RULES] = sizeof(struct wire_store_rules_request),
        [WIRE_CREATE_ALLOCATION] = sizeof(struct wire_create_allocation_request),
        [WIRE_DESTROY_ALLOCATION] = sizeof(struct wire_destroy_allocation_request),
        [WIRE_UPDATE_ALLOCATION] = sizeof(struct wire_update_allocation_request),
        [WIRE_QUERY_VIDEO_MEMORY] = sizeof(struct wire_query_video_memory_request),
        [WIRE_CREATE_HW_QUEUE] = sizeof(struct wire_create_hw_queue_request),
        [WIRE_DESTROY_HW_QUEUE] = sizeof(struct wire_handle),
        [WIRE_CREATE_SYNC_OBJECT] = sizeof(struct wire_create_sync_object_request),
        [WIRE_DESTROY_SYNC_OBJECT] = sizeof(struct wire_handle),
        [WIRE_SIGNAL_FROM_CPU] = sizeof(struct wire_fence_request),
        [WIRE_WAIT_FROM_CPU] = sizeof(struct wire_fence_request),
        [WIRE_LOCK_ALLOCATION] = sizeof(struct wire_handle),
    };
    static uint8_t zeros[WIRE_MAX_PAYLOAD];
    int fd = guest_open(fixture);
    for (uint16_t command = WIRE_ENUM_ADAPTERS; command < WIRE_COMMAND_END; command++) {
        if (!sizes[command])
            continue; /* it has no payload, or is no request */
        const size_t tries[] = {0, 1, sizes[command] - 1, sizes[command] + 1, WIRE_MAX_PAYLOAD};
        for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
            int32_t status = guest_call(fd, command, zeros, tries[i], NULL, NULL);
            assert_int_equal(status, STATUS_INVALID_PARAMETER);
        }
    }
    assert_int_equal(guest_call(fd, WIRE_MAP_APERTURE, zeros, 1, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    static const uint16_t asyncs[] = {WIRE_SUBMIT_COMMAND, WIRE_SIGNAL_FROM_GPU,
                                      WIRE_WAIT_FROM_GPU};
    for (int i = 0; i < 3; i++) {
        for (size_t size = 0; size < 64; size++)
            guest_send_frame(fd, asyncs[i], WIRE_ASYNC, 0, zeros, size);
    }
    guest_adapter(fd, 0);
    close(fd);
    still_serves();
}

/* --- A conversation, to be cut, doubled and bent --- */

struct conversation {
    uint8_t bytes[4096];
    size_t size, replies;
};

static void say(struct conversation *c, uint16_t command, uint8_t kind, const void *payload,
                size_t size)
{
    assert_true(c->size + 16 + size <= sizeof(c->bytes));
    c->size += guest_frame(c->bytes + c->size, command, kind,
                           kind == WIRE_ASYNC ? 0 : (uint32_t)c->replies + 1, payload, size);
    c->replies += kind == WIRE_REQUEST;
}

/* Handles cannot be known beforehand; most of it is refused, politely. */
static void make_conversation(struct conversation *c)
{
    struct wire_hello_request hello = guest_hello();
    struct wire_enum_adapters_request enumerate = {3, 64};
    struct wire_open_adapter_request open = {{2, 1}};
    struct wire_create_device_request device = {0x00010000, 0};
    struct {
        struct wire_query_adapter_info_request query;
        struct wire_registry_request registry;
    } query = {{0x00010000, KMTQAITYPE_QUERYREGISTRY, sizeof(query.registry)},
               {.query_type = 1, .value_type = REG_SZ}};
    struct {
        struct wire_escape_request in;
        uint8_t data[64];
    } escape = {{.adapter = 0x00010000, .size = 64}, {0}};
    uint32_t handle = 0x00010000;
    *c = (struct conversation){.size = 0};
    say(c, WIRE_HELLO, WIRE_REQUEST, &hello, sizeof(hello));
    say(c, WIRE_ENUM_ADAPTERS, WIRE_REQUEST, &enumerate, sizeof(enumerate));
    say(c, WIRE_OPEN_ADAPTER_FROM_LUID, WIRE_REQUEST, &open, sizeof(open));
    say(c, WIRE_CREATE_DEVICE, WIRE_REQUEST, &device, sizeof(device));
    say(c, WIRE_QUERY_ADAPTER_INFO, WIRE_REQUEST, &query, sizeof(query));
    say(c, WIRE_ESCAPE, WIRE_REQUEST, &escape, sizeof(escape));
    say(c, WIRE_CLOSE_ADAPTER, WIRE_ASYNC, &handle, sizeof(handle));
    say(c, WIRE_DESTROY_DEVICE, WIRE_REQUEST, &handle, sizeof(handle));
}

static void expect_replies(int fd, size_t count)
{
    static uint8_t payload[WIRE_MAX_PAYLOAD];
    struct wire_header header;
    for (size_t i = 0; i < count; i++) {
        assert_true(guest_receive(fd, &header, payload));
        assert_int_equal(header.sequence, i + 1);
    }
}

static void killed_at_any_byte(void **state)
{
    (void)state;
    struct conversation c;
    make_conversation(&c);
    for (size_t cut = 0; cut <= c.size; cut++) {
        int fd = guest_connect(fixture);
        guest_send(fd, c.bytes, cut);
        close(fd);
    }
    still_serves();
}

/* Killed with objects open, which only the service knows of by then. */
static void killed_with_objects(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        int fd = guest_open(fixture);
        uint32_t device = guest_device(fd, guest_adapter(fd, 0));
        guest_context(fd, device);
        guest_context(fd, device);
        struct wire_create_device_request more = {device, 0};
        guest_send_frame(fd, WIRE_CREATE_DEVICE, WIRE_REQUEST, 1, &more, sizeof(more));
        close(fd);
    }
    still_serves();
}

static void byte_by_byte(void **state)
{
    (void)state;
    struct conversation c;
    make_conversation(&c);
    int fd = guest_connect(fixture);
    for (size_t i = 0; i < c.size; i++)
        guest_send(fd, &c.bytes[i], 1);
    expect_replies(fd, c.replies);
    close(fd);
    still_serves();
}

/* Pieces of many guests' messages, in turns. */
static void interleaved(void **state)
{
    (void)state;
    enum { GUESTS = 30 };
    struct conversation c;
    make_conversation(&c);
    int fds[GUESTS];
    for (int i = 0; i < GUESTS; i++)
        fds[i] = guest_connect(fixture);
    for (size_t at = 0; at < c.size; at += 7) {
        for (int i = 0; i < GUESTS; i++)
            guest_send(fds[i], c.bytes + at, c.size - at < 7 ? c.size - at : 7);
    }
    for (int i = 0; i < GUESTS; i++) {
        expect_replies(fds[i], c.replies);
        close(fds[i]);
    }
    still_serves();
}

/* A half-closed stream gets the answers to what was asked. */
static void half_closed(void **state)
{
    (void)state;
    struct conversation c;
    make_conversation(&c);
    int fd = guest_connect(fixture);
    guest_send(fd, c.bytes, c.size);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_replies(fd, c.replies);
    assert_true(guest_is_closed(fd));
    close(fd);
    still_serves();
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void random_frames(void **state)
{
    (void)state;
    uint32_t seed = 0x9e3779b9;
    for (int i = 0; i < 400; i++) {
        int fd = i & 1 ? guest_open(fixture) : guest_connect(fixture);
        for (int j = 0; j < 20; j++) {
            uint8_t bytes[600];
            size_t size = next_random(&seed) % 560;
            for (size_t k = 0; k < sizeof(bytes); k++)
                bytes[k] = (uint8_t)next_random(&seed);
            /* Half of the frames have a good header, so that payloads are reached. */
            if (i & 2) {
                uint8_t payload[560];
                memcpy(payload, bytes, size);
                for (size_t k = 0; k + 4 <= size && next_random(&seed) % 3; k += 4)
                    memset(payload + k, 0, 4);
                size = guest_frame(bytes, (uint16_t)(1 + next_random(&seed) % WIRE_ENUM_REGISTRY),
                                   WIRE_REQUEST, 1, payload, size);
            }
            guest_send(fd, bytes, size);
        }
        close(fd);
    }
    /* Each byte of a valid conversation changed, one at a time. */
    struct conversation c;
    make_conversation(&c);
    for (size_t at = 0; at < c.size; at++) {
        struct conversation bent = c;
        bent.bytes[at] ^= (uint8_t)(1 + next_random(&seed) % 255);
        int fd = guest_connect(fixture);
        guest_send(fd, bent.bytes, bent.size);
        close(fd);
    }
    still_serves();
}

/* The largest reply that there is: 8 KiB of description. Asked for until the stream is full. */
static void never_reads(void **state)
{
    (void)state;
    enum { MUTES = 3, OTHERS = 20, ROUNDS = 50 };
    struct {
        struct wire_query_adapter_info_request query;
        struct wire_description_info info;
    } in = {.query = {.type = KMTQAITYPE_DRIVER_DESCRIPTION, .size = sizeof(in.info)}};
    uint8_t frame[sizeof(struct wire_header) + sizeof(in)];
    int mutes[MUTES], others[OTHERS];
    for (int i = 0; i < MUTES; i++) {
        mutes[i] = guest_open(fixture);
        in.query.adapter = guest_adapter(mutes[i], 0);
        size_t size = guest_frame(frame, WIRE_QUERY_ADAPTER_INFO, WIRE_REQUEST, 1, &in, sizeof(in));
        ssize_t sent;
        int full = 0;
        while (full < 20) { /* the service takes more out for a while */
            sent = send(mutes[i], frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            full = sent < 0 && errno == EAGAIN ? full + 1 : 0;
            if (sent >= 0 && (size_t)sent < size)
                break; /* half a message: the stream is of no further use, and full */
            if (full)
                usleep(1000);
        }
    }
    char text[512];
    for (int i = 0; i < OTHERS; i++)
        others[i] = guest_open(fixture);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < OTHERS; i++) {
            uint32_t adapter = guest_adapter(others[i], 0);
            assert_int_equal(guest_registry(others[i], adapter, 1, "V", REG_SZ, 0, 0, text), 0);
            assert_int_equal(guest_call(others[i], WIRE_CLOSE_ADAPTER, &adapter, 4, NULL, NULL), 0);
        }
    }
    for (int i = 0; i < OTHERS; i++)
        close(others[i]);
    for (int i = 0; i < MUTES; i++)
        close(mutes[i]);
    still_serves();
}

/* One that sends thousands of requests at once, and reads only then, gets every answer in order. */
static void many_requests_ahead(void **state)
{
    (void)state;
    enum { REQUESTS = 5000 };
    static uint8_t frames[REQUESTS]
                         [sizeof(struct wire_header) + sizeof(struct wire_enum_adapters_request)];
    struct wire_enum_adapters_request in = {3, 0};
    for (uint32_t i = 0; i < REQUESTS; i++)
        guest_frame(frames[i], WIRE_ENUM_ADAPTERS, WIRE_REQUEST, i + 1, &in, sizeof(in));
    int fd = guest_open(fixture);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        guest_send(fd, frames, sizeof(frames));
        _exit(0);
    }
    expect_replies(fd, REQUESTS);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(fd);
    still_serves();
}

static void two_hundred_guests(void **state)
{
    (void)state;
    enum { GUESTS = 200, ROUNDS = 5 };
    int fds[GUESTS];
    uint32_t adapters[GUESTS];
    char text[512];
    for (int i = 0; i < GUESTS; i++) {
        fds[i] = guest_open(fixture);
        adapters[i] = guest_adapter(fds[i], 0);
        guest_context(fds[i], guest_device(fds[i], adapters[i]));
    }
    assert_int_equal(fixture_status(fixture, "clients"), GUESTS);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < GUESTS; i++)
            assert_int_equal(guest_registry(fds[i], adapters[i], 1, "V", REG_SZ, 0, 0, text), 0);
    }
    for (int i = 0; i < GUESTS; i++)
        close(fds[i]);
    still_serves();
}

static void full_service_says_so(void **state)
{
    (void)state;
    struct host_fixture *small = fixture_create("max-clients=2", ONE_ADAPTER, ONE_HIVE);
    int first = guest_open(small), second = guest_open(small), third = guest_connect(small);
    struct wire_hello_request hello = guest_hello();
    struct wire_hello_reply reply;
    size_t size = sizeof(reply);
    assert_int_equal(guest_call(third, WIRE_HELLO, &hello, sizeof(hello), &reply, &size),
                     STATUS_INSUFFICIENT_RESOURCES);
    assert_true(guest_is_closed(third));
    close(third);
    close(second);
    fixture_wait_status(small, "clients", 1);
    close(guest_open(small));
    close(first);
    fixture_destroy(small);
}

/* Administrators' lines that are none; the guests do not notice. */
static void bad_administrators(void **state)
{
    (void)state;
    static char large[8192];
    memset(large, 'x', sizeof(large));
    const struct {
        const char *bytes;
        size_t size;
    } lines[] = {{"\n", 1},   {"{\n", 2},
                 {"[]\n", 3}, {"{\"op\":1}\n", 9},
                 {"\0\n", 2}, {large, sizeof(large)},
                 {"", 0},     {"{\"op\":\"sta", 10}};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char answer[256];
        int fd = connect_to(fixture->control);
        guest_send(fd, lines[i].bytes, lines[i].size);
        shutdown(fd, SHUT_WR);
        ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
        answer[got > 0 ? got : 0] = '\0';
        if (got > 0)
            assert_non_null(strstr(answer, "\"ok\":false"));
        close(fd);
    }
    still_serves();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_rules),        cmocka_unit_test(silent_guests),
        cmocka_unit_test(malformed_headers),  cmocka_unit_test(wrong_payloads),
        cmocka_unit_test(killed_at_any_byte), cmocka_unit_test(killed_with_objects),
        cmocka_unit_test(byte_by_byte),       cmocka_unit_test(interleaved),
        cmocka_unit_test(half_closed),        cmocka_unit_test(random_frames),
        cmocka_unit_test(never_reads),        cmocka_unit_test(many_requests_ahead),
        cmocka_unit_test(two_hundred_guests), cmocka_unit_test(full_service_says_so),
        cmocka_unit_test(bad_administrators),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

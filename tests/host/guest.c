/* SPDX-License-Identifier: MIT */
/* The fixture's guest: a raw client of the thunk protocol. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "host/fixture.h"
#include "util/utf.h"

int guest_connect(const struct host_fixture *fixture)
{
    return connect_to(fixture->socket);
}

int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval limit = {120, 0}; /* a hang fails the test */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void guest_send(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* the test looks at what the service did, not at how fast */
        assert_true(sent > 0);
        at += sent;
        size -= (size_t)sent;
    }
}

size_t guest_frame(uint8_t *to, uint16_t command, uint8_t kind, uint32_t sequence,
                   const void *payload, size_t size)
{
    struct wire_header header = {.size = (uint32_t)(sizeof(header) + size),
                                 .command = command,
                                 .kind = kind,
                                 .sequence = sequence};
    memcpy(to, &header, sizeof(header));
    if (size)
        memcpy(to + sizeof(header), payload, size);
    return sizeof(header) + size;
}

void guest_send_frame(int fd, uint16_t command, uint8_t kind, uint32_t sequence,
                      const void *payload, size_t size)
{
    uint8_t *frame = malloc(sizeof(struct wire_header) + size);
    assert_non_null(frame);
    guest_send(fd, frame, guest_frame(frame, command, kind, sequence, payload, size));
    free(frame);
}

static bool receive_all(int fd, void *to, size_t size)
{
    uint8_t *at = to;
    while (size) {
        ssize_t got = recv(fd, at, size, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return false;
        assert_true(got > 0);
        at += got;
        size -= (size_t)got;
    }
    return true;
}

bool guest_receive(int fd, struct wire_header *header, uint8_t payload[WIRE_MAX_PAYLOAD])
{
    if (!receive_all(fd, header, sizeof(*header)))
        return false;
    assert_in_range(header->size, sizeof(*header), WIRE_MAX_MESSAGE);
    assert_int_equal(header->kind, WIRE_REPLY);
    return receive_all(fd, payload, header->size - sizeof(*header));
}

int32_t guest_call(int fd, uint16_t command, const void *payload, size_t size, void *reply,
                   size_t *reply_size)
{
    static uint8_t buffer[WIRE_MAX_PAYLOAD];
    struct wire_header header;
    guest_send_frame(fd, command, WIRE_REQUEST, 77, payload, size);
    assert_true(guest_receive(fd, &header, buffer));
    assert_int_equal(header.command, command);
    assert_int_equal(header.sequence, 77);
    size_t got = header.size - sizeof(header);
    if (reply_size) {
        assert_true(got <= *reply_size);
        if (got)
            memcpy(reply, buffer, got);
        *reply_size = got;
    }
    return header.status;
}

bool guest_is_closed(int fd)
{
    uint8_t byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

struct wire_hello_request guest_hello(void)
{
    struct wire_hello_request hello = {.magic = WIRE_MAGIC,
                                       .version_min = WIRE_VERSION_MIN,
                                       .version_max = WIRE_VERSION_MAX,
                                       .pid = 1};
    strcpy(hello.process_name, "test guest");
    return hello;
}

static int greet(int fd)
{
    struct wire_hello_request hello = guest_hello();
    struct wire_hello_reply reply;
    size_t size = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_HELLO, &hello, sizeof(hello), &reply, &size), 0);
    assert_int_equal(size, sizeof(reply));
    assert_int_equal(reply.version, WIRE_VERSION_MAX);
    return fd;
}

int guest_open(const struct host_fixture *fixture)
{
    return greet(guest_connect(fixture));
}

int guest_open_on(const struct host_fixture *fixture, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    return greet(connect_to(path));
}

uint32_t guest_adapter(int fd, unsigned index)
{
    struct wire_enum_adapters_request in = {.filter = 3, .capacity = 64};
    uint8_t reply[4 + 64 * sizeof(struct wire_adapter)];
    size_t size = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_ENUM_ADAPTERS, &in, sizeof(in), reply, &size), 0);
    uint32_t count;
    memcpy(&count, reply, sizeof(count));
    assert_true(index < count);
    assert_int_equal(size, 4 + count * sizeof(struct wire_adapter));
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct wire_adapter adapter;
        memcpy(&adapter, reply + 4 + i * sizeof(adapter), sizeof(adapter));
        if (i == index)
            wanted = adapter.handle;
        else
            assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &adapter.handle, 4, NULL, NULL), 0);
    }
    return wanted;
}

static uint32_t created(int fd, uint16_t command, const void *in, size_t size)
{
    uint32_t handle = 0;
    size_t reply_size = sizeof(handle);
    assert_int_equal(guest_call(fd, command, in, size, &handle, &reply_size), 0);
    assert_int_equal(reply_size, sizeof(handle));
    assert_int_not_equal(handle, 0);
    return handle;
}

uint32_t guest_device(int fd, uint32_t adapter)
{
    struct wire_create_device_request in = {.adapter = adapter};
    return created(fd, WIRE_CREATE_DEVICE, &in, sizeof(in));
}

uint32_t guest_context(int fd, uint32_t device)
{
    struct wire_create_context_request in = {.device = device, .engine_affinity = 1};
    return created(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &in, sizeof(in));
}

int32_t guest_query(int fd, uint32_t adapter, uint32_t type, void *data, uint32_t size)
{
    struct wire_query_adapter_info_request in = {adapter, type, size};
    uint8_t *payload = malloc(sizeof(in) + size);
    assert_non_null(payload);
    memcpy(payload, &in, sizeof(in));
    if (size)
        memcpy(payload + sizeof(in), data, size);
    size_t reply_size = size;
    int32_t status =
        guest_call(fd, WIRE_QUERY_ADAPTER_INFO, payload, sizeof(in) + size, data, &reply_size);
    assert_int_equal(reply_size, status >= 0 ? size : 0);
    free(payload);
    return status;
}

int32_t guest_registry(int fd, uint32_t adapter, uint32_t query_type, const char *name,
                       uint32_t value_type, uint32_t flags, uint32_t physical, char text[512])
{
    struct {
        struct wire_query_adapter_info_request query;
        struct wire_registry_request registry;
    } in = {.query = {adapter, KMTQAITYPE_QUERYREGISTRY, sizeof(in.registry)},
            .registry = {.query_type = query_type,
                         .flags = flags,
                         .value_type = value_type,
                         .physical_adapter = physical}};
    assert_true(utf8_to_utf16(name, strlen(name), in.registry.name, WIRE_MAX_PATH - 1) >= 0);
    static struct {
        struct wire_registry_reply reply;
        uint16_t value[WIRE_MAX_REGISTRY_VALUE / 2];
    } out;
    size_t size = sizeof(out);
    int32_t status = guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &in, sizeof(in), &out, &size);
    text[0] = '\0';
    if (status < 0) {
        assert_int_equal(size, 0);
        return status;
    }
    assert_int_equal(out.reply.status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
    assert_int_equal(size, sizeof(out.reply) + out.reply.size);
    if (value_type == REG_SZ || value_type == REG_EXPAND_SZ || value_type == REG_MULTI_SZ ||
        value_type == REG_NONE) {
        size_t length = 0;
        while (length < out.reply.size / 2 && out.value[length])
            length++;
        ssize_t used = utf16_to_utf8(out.value, length, text, 511);
        assert_true(used >= 0);
        text[used] = '\0';
    }
    return status;
}

int32_t guest_escape(int fd, uint32_t adapter, uint32_t flags, void *data, uint32_t size)
{
    struct wire_escape_request in = {.adapter = adapter, .flags = flags, .size = size};
    uint8_t *payload = malloc(sizeof(in) + size);
    assert_non_null(payload);
    memcpy(payload, &in, sizeof(in));
    if (size)
        memcpy(payload + sizeof(in), data, size);
    size_t reply_size = size;
    int32_t status = guest_call(fd, WIRE_ESCAPE, payload, sizeof(in) + size, data, &reply_size);
    assert_int_equal(reply_size, status >= 0 ? size : 0);
    free(payload);
    return status;
}

void guest_text(const uint16_t *from, char *to, size_t size)
{
    size_t length = 0;
    while (from[length])
        length++;
    ssize_t used = utf16_to_utf8(from, length, to, size - 1);
    assert_true(used >= 0);
    to[used] = '\0';
}

uint32_t guest_query_u32(int fd, uint32_t adapter, uint32_t type)
{
    struct wire_u32_info info = {0};
    assert_int_equal(guest_query(fd, adapter, type, &info, sizeof(info)), STATUS_SUCCESS);
    return info.value;
}

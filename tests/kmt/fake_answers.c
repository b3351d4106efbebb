/* SPDX-License-Identifier: MIT */
#include "fake_answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/utf.h"
#include "wire/frame.h"

void require(bool condition, const char *what)
{
    if (!condition) {
        perror(what);
        abort();
    }
}

void answer_put(struct answer *answer, const void *data, size_t size)
{
    require(size <= sizeof(answer->payload) - answer->size, "the answer's size");
    memcpy(answer->payload + answer->size, data, size);
    answer->size += size;
}

static uint32_t new_handle(uint32_t *last_handle)
{
    return *last_handle += 0x10001;
}

static void answer_handle(uint32_t *last_handle, struct answer *answer)
{
    const struct wire_handle reply = {new_handle(last_handle)};
    answer_put(answer, &reply, sizeof(reply));
}

static void answer_enum(uint32_t *last_handle, const void *payload, struct answer *answer)
{
    struct wire_enum_adapters_request request;
    memcpy(&request, payload, sizeof(request));
    const struct wire_enum_adapters_reply head = {FAKE_ADAPTERS};
    answer_put(answer, &head, sizeof(head));
    if (request.capacity && request.capacity < FAKE_ADAPTERS)
        answer->status = STATUS_BUFFER_TOO_SMALL;
    for (uint32_t i = 0; request.capacity >= FAKE_ADAPTERS && i < FAKE_ADAPTERS; i++) {
        const struct wire_adapter adapter = {
            .handle = new_handle(last_handle),
            .luid = {FAKE_LUID_LOW(i), FAKE_LUID_HIGH},
            .sources = i,
            .precise_present_regions = 1 - i,
        };
        answer_put(answer, &adapter, sizeof(adapter));
    }
}

static void answer_open(uint32_t *last_handle, const void *payload, struct answer *answer)
{
    struct wire_open_adapter_request request;
    memcpy(&request, payload, sizeof(request));
    if (request.luid.high != FAKE_LUID_HIGH || request.luid.low - FAKE_LUID_LOW(0) >= FAKE_ADAPTERS)
        answer->status = STATUS_INVALID_PARAMETER;
    else
        answer_handle(last_handle, answer);
}

static void text(const char *from, uint16_t *to, size_t capacity)
{
    ssize_t used = utf8_to_utf16(from, strlen(from), to, capacity - 1);
    require(used >= 0, "the fake host's text");
}

static void put_registry(struct answer *answer, const void *value, size_t size)
{
    const struct wire_registry_reply head = {D3DDDI_QUERYREGISTRY_STATUS_SUCCESS, (uint32_t)size};
    answer_put(answer, &head, sizeof(head));
    answer_put(answer, value, size);
}

static void answer_registry(const struct wire_registry_request *request, struct answer *answer)
{
    static const uint16_t string[] = u"Caf\u00e9 \U0001F600";
    static const uint16_t multi[] = u"one\0two\0"; /* and the literal's own NUL */
    static const uint16_t path[] = u"/guest/store/package";
    const uint32_t dword = 0x12345678;
    const uint64_t qword = 0x1122334455667788;
    const uint8_t bytes[] = {1, 2, 3};
    if (request->query_type >= D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH) {
        put_registry(answer, path, sizeof(path));
        return;
    }
    char name[64] = "";
    size_t length = 0;
    while (length < sizeof(name) - 1 && request->name[length])
        length++;
    utf16_to_utf8(request->name, length, name, sizeof(name) - 1);
    if (!strcmp(name, "Missing"))
        answer->status = STATUS_OBJECT_NAME_NOT_FOUND;
    else if (request->value_type == REG_SZ || request->value_type == REG_EXPAND_SZ)
        put_registry(answer, string, sizeof(string));
    else if (request->value_type == REG_MULTI_SZ)
        put_registry(answer, multi, sizeof(multi));
    else if (request->value_type == REG_DWORD)
        put_registry(answer, &dword, sizeof(dword));
    else if (request->value_type == REG_QWORD)
        put_registry(answer, &qword, sizeof(qword));
    else if (request->value_type == REG_BINARY)
        put_registry(answer, bytes, sizeof(bytes));
    else
        answer->status = STATUS_OBJECT_TYPE_MISMATCH;
}

static void answer_number(struct answer *answer, uint32_t value)
{
    const struct wire_u32_info info = {value};
    answer_put(answer, &info, sizeof(info));
}

static void answer_query(const uint8_t *payload, struct answer *answer)
{
    struct wire_query_adapter_info_request request;
    memcpy(&request, payload, sizeof(request));
    payload += sizeof(request);
    union {
        struct wire_umdrivername_info umd_name;
        struct wire_adapterguid_info guid;
        struct wire_adapteraddress_info address;
        struct wire_adapterregistryinfo_info registry_info;
        struct wire_u64_info version;
        struct wire_deviceids_info device_ids;
        struct wire_unique_guid_info unique_guid;
        struct wire_description_info description;
        struct wire_servicename_info service_name;
        struct wire_registry_request registry;
    } info;
    memset(&info, 0, sizeof(info));
    memcpy(&info, payload, request.size < sizeof(info) ? request.size : sizeof(info));
    switch (request.type) {
    case KMTQAITYPE_UMDRIVERPRIVATE:
        answer_put(answer, payload, request.size);
        for (size_t i = 0; i < answer->size; i++)
            answer->payload[i] ^= 0xff;
        return;
    case KMTQAITYPE_UMDRIVERNAME: {
        char name[] = "/guest/umd-N.so";
        name[11] = (char)('0' + info.umd_name.version);
        text(name, info.umd_name.name, WIRE_MAX_PATH);
        break;
    }
    case KMTQAITYPE_ADAPTERGUID:
    case KMTQAITYPE_ADAPTERGUID_RENDER:
        info.guid = (struct wire_adapterguid_info){1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
        break;
    case KMTQAITYPE_ADAPTERADDRESS:
    case KMTQAITYPE_ADAPTERADDRESS_RENDER:
        info.address = (struct wire_adapteraddress_info){7, 8, 9};
        break;
    case KMTQAITYPE_ADAPTERREGISTRYINFO:
    case KMTQAITYPE_ADAPTERREGISTRYINFO_RENDER:
        text("adapter", info.registry_info.adapter, WIRE_MAX_PATH);
        text("bios", info.registry_info.bios, WIRE_MAX_PATH);
        text("dac", info.registry_info.dac_type, WIRE_MAX_PATH);
        text("chip", info.registry_info.chip_type, WIRE_MAX_PATH);
        break;
    case KMTQAITYPE_DRIVERVERSION:
    case KMTQAITYPE_DRIVERVERSION_RENDER:
        answer_number(answer, KMT_DRIVERVERSION_WDDM_3_0);
        return;
    case KMTQAITYPE_ADAPTERTYPE:
    case KMTQAITYPE_ADAPTERTYPE_RENDER:
        answer_number(answer, 0x81);
        return;
    case KMTQAITYPE_UMD_DRIVER_VERSION:
    case KMTQAITYPE_KMD_DRIVER_VERSION:
        info.version.value = 0x0001000200030004;
        break;
    case KMTQAITYPE_PHYSICALADAPTERCOUNT:
        answer_number(answer, 2);
        return;
    case KMTQAITYPE_PHYSICALADAPTERDEVICEIDS:
        info.device_ids.vendor = 0x10005 + info.device_ids.physical_adapter;
        info.device_ids.device = 11;
        info.device_ids.subvendor = 12;
        info.device_ids.subsystem = 13;
        info.device_ids.revision = 14;
        info.device_ids.bus_type = 15;
        break;
    case KMTQAITYPE_QUERYREGISTRY:
        answer_registry(&info.registry, answer);
        return;
    case KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID:
        text("{00000001-0002-0003-0405-060708090a0b}", info.unique_guid.text, 40);
        break;
    case KMTQAITYPE_DRIVER_DESCRIPTION:
    case KMTQAITYPE_DRIVER_DESCRIPTION_RENDER:
        text("Fake \xf0\x9f\x98\x80 GPU", info.description.text, 4096);
        break;
    case KMTQAITYPE_PARAVIRTUALIZATION_RENDER:
        answer_number(answer, 1);
        return;
    case KMTQAITYPE_SERVICENAME:
        text("fake0", info.service_name.text, WIRE_MAX_PATH);
        break;
    case KMTQAITYPE_WDDM_2_7_CAPS:
        answer_number(answer, 5);
        return;
    default:
        answer->status = STATUS_NOT_SUPPORTED;
        return;
    }
    answer_put(answer, &info, request.size);
}

/* Gives each byte back inverted. */
static void answer_escape(const uint8_t *payload, size_t size, struct answer *answer)
{
    size_t head = sizeof(struct wire_escape_request);
    answer_put(answer, payload + head, size - head);
    for (size_t i = 0; i < answer->size; i++)
        answer->payload[i] ^= 0xff;
}

/* Seven values, three a page. */
static void answer_listing(const void *payload, struct answer *answer)
{
    enum { TOTAL = 7, PAGE = 3 };
    struct wire_enum_registry_request request;
    memcpy(&request, payload, sizeof(request));
    uint32_t left = request.start < TOTAL ? TOTAL - request.start : 0;
    const struct wire_enum_registry_reply head = {TOTAL, left < PAGE ? left : PAGE};
    answer_put(answer, &head, sizeof(head));
    for (uint32_t i = 0; i < head.count; i++) {
        char name[16] = {0};
        int length = snprintf(name, sizeof(name), "Value%u%s", request.start + i,
                              (request.start + i) % 2 ? "x" : "");
        const struct wire_registry_entry entry = {i + 1, (uint32_t)length};
        answer_put(answer, &entry, sizeof(entry));
        answer_put(answer, name, (size_t)(length + 3) & ~(size_t)3);
    }
}

/* Five packages, two a page. */
static void answer_store_list(const void *payload, struct answer *answer)
{
    enum { TOTAL = 5, PAGE = 2 };
    struct wire_store_list_request request;
    memcpy(&request, payload, sizeof(request));
    uint32_t left = request.start < TOTAL ? TOTAL - request.start : 0;
    const struct wire_store_list_reply head = {2, TOTAL, left < PAGE ? left : PAGE, 6};
    answer_put(answer, &head, sizeof(head));
    answer_put(answer, "/store\0", 8);
    for (uint32_t i = 0; i < head.count; i++) {
        const struct wire_store_package package = {
            .size = 1000 + request.start + i, .catalog_size = 10, .name_size = 5};
        char name[9] = {0};
        snprintf(name, sizeof(name), "pack%u", request.start + i);
        answer_put(answer, &package, sizeof(package));
        answer_put(answer, name, 8);
    }
}

/* Every file has 1000 bytes, each its own offset. */
static void answer_store_read(const void *payload, struct answer *answer)
{
    enum { SIZE = 1000 };
    struct wire_store_read_request request;
    memcpy(&request, payload, sizeof(request));
    const struct wire_store_read_reply head = {SIZE, 1234567890, 5, WIRE_STORE_EXECUTABLE};
    answer_put(answer, &head, sizeof(head));
    for (uint64_t i = request.offset; i < SIZE && i - request.offset < request.length; i++) {
        uint8_t byte = (uint8_t)i;
        answer_put(answer, &byte, 1);
    }
}

static void answer_store_rules(const void *payload, struct answer *answer)
{
    struct wire_store_rules_request request;
    memcpy(&request, payload, sizeof(request));
    const struct wire_store_rules_reply head = {3, request.start < 3, 4, 0};
    const struct wire_store_rule rule = {request.start, 5, 2};
    answer_put(answer, &head, sizeof(head));
    answer_put(answer, "pack", 4);
    if (!head.count)
        return;
    answer_put(answer, &rule, sizeof(rule));
    answer_put(answer, "a/b.cxy\0", 8);
}

void answer_make(const struct wire_header *header, const uint8_t *payload, uint32_t *last_handle,
                 struct answer *answer)
{
    answer->status = STATUS_SUCCESS;
    answer->size = 0;
    switch (header->command) {
    case WIRE_ENUM_ADAPTERS:
        answer_enum(last_handle, payload, answer);
        break;
    case WIRE_OPEN_ADAPTER_FROM_LUID:
        answer_open(last_handle, payload, answer);
        break;
    case WIRE_QUERY_ADAPTER_INFO:
        answer_query(payload, answer);
        break;
    case WIRE_ESCAPE:
        answer_escape(payload, frame_payload_size(header), answer);
        break;
    case WIRE_CREATE_DEVICE:
    case WIRE_CREATE_CONTEXT_VIRTUAL:
        answer_handle(last_handle, answer);
        break;
    case WIRE_ENUM_REGISTRY:
        answer_listing(payload, answer);
        break;
    case WIRE_STORE_LIST:
        answer_store_list(payload, answer);
        break;
    case WIRE_STORE_READ:
        answer_store_read(payload, answer);
        break;
    case WIRE_STORE_RULES:
        answer_store_rules(payload, answer);
        break;
    default:
        break;
    }
    if (!NT_SUCCESS(answer->status) && answer->status != STATUS_BUFFER_TOO_SMALL)
        answer->size = 0;
}

/* SPDX-License-Identifier: MIT */
/* Registry queries of guests, and what a VM's policy refuses. */
#include "host/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "util/file.h"

static void registry_queries(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    char text[512];
    assert_int_equal(guest_registry(fd, a, 1, "DRIVERversion", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "22.3.6");
    assert_int_equal(guest_registry(fd, a, 0, "Start", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "now");
    assert_int_equal(guest_registry(fd, a, 1, "Which", REG_SZ, 0, 1, text), 0);
    assert_string_equal(text, "linked");
    assert_int_equal(guest_registry(fd, a, 1, "Number", REG_DWORD, 0, 0, text), 0);
    assert_int_equal(guest_registry(fd, a, 1, "Which", REG_SZ, 0, 2, text),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_registry(fd, a, 1, "Number", REG_SZ, 0, 0, text),
                     STATUS_OBJECT_TYPE_MISMATCH);
    assert_int_equal(guest_registry(fd, a, 1, "None", REG_SZ, 0, 0, text),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(guest_registry(fd, a, 2, "", 0, 0, 0, text), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(guest_registry(fd, a, 4, "", 0, 0, 0, text), STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_registry(fd, a, 1, "Number", REG_DWORD, 2, 0, text),
                     STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

/* A name that fills its field, and one that is no UTF-16. */
static void registry_names(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    struct {
        struct wire_query_adapter_info_request query;
        struct wire_registry_request registry;
    } in = {.query = {guest_adapter(fd, 0), KMTQAITYPE_QUERYREGISTRY, sizeof(in.registry)},
            .registry = {.query_type = 1, .value_type = REG_SZ}};
    for (size_t i = 0; i < WIRE_MAX_PATH; i++)
        in.registry.name[i] = 'a';
    size_t size = 0;
    assert_int_equal(guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &in, sizeof(in), NULL, &size),
                     STATUS_INVALID_PARAMETER);
    in.registry.name[WIRE_MAX_PATH - 1] = 0;
    size = 0;
    assert_int_equal(guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &in, sizeof(in), NULL, &size),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    in.registry.name[3] = 0xd800;
    size = 0;
    assert_int_equal(guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &in, sizeof(in), NULL, &size),
                     STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

static int32_t list_values(int fd, uint32_t adapter, uint32_t start, uint8_t *reply, size_t *size)
{
    struct wire_enum_registry_request in = {adapter, D3DDDI_QUERYREGISTRY_ADAPTERKEY, 0, start};
    return guest_call(fd, WIRE_ENUM_REGISTRY, &in, sizeof(in), reply, size);
}

static void listing(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    static uint8_t reply[WIRE_MAX_PAYLOAD];
    size_t size = sizeof(reply);
    struct wire_enum_registry_reply head;
    assert_int_equal(list_values(fd, a, 0, reply, &size), 0);
    memcpy(&head, reply, sizeof(head));
    assert_int_equal(head.total, 3);
    assert_int_equal(head.count, 3);
    struct wire_registry_entry entry;
    memcpy(&entry, reply + sizeof(head), sizeof(entry));
    /* In the order in which they were made. */
    assert_int_equal(entry.type, REG_MULTI_SZ);
    assert_int_equal(entry.name_size, strlen("UserModeDriverName"));
    assert_memory_equal(reply + sizeof(head) + sizeof(entry), "UserModeDriverName", 18);
    size = sizeof(reply);
    assert_int_equal(list_values(fd, a, 7, reply, &size), 0);
    memcpy(&head, reply, sizeof(head));
    assert_int_equal(head.total, 3);
    assert_int_equal(head.count, 0);
    size = sizeof(reply);
    assert_int_equal(list_values(fd, guest_adapter(fd, 1), 0, reply, &size),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    fixture_write_config(fixture, "listing=deny", FIXTURE_TWO_ADAPTERS);
    fixture_reload(fixture);
    size = sizeof(reply);
    assert_int_equal(list_values(fd, a, 0, reply, &size), STATUS_ACCESS_DENIED);
    close(fd);
    fixture_destroy(fixture);
}

#define SECRETS                                                                                    \
    "[" FIXTURE_CLASS_KEY "\\0000]\n\"Open\" = sz:\"o\"\n\"LicenseServerKey\" = sz:\"k\"\n"        \
    "\"AdminPASSWORD\" = sz:\"p\"\n\"UserModeDriverName\" = sz:\"u.so\"\n"                         \
    "\"DriverVersion\" = sz:\"1.2\"\n\"Schl\u00dcssel\" = sz:\"s\"\n"                              \
    "[" FIXTURE_SERVICES_KEY "\\a]\n\"Open\" = sz:\"o\"\n\"ClientToken\" = dword:1\n"
#define ONE_ADAPTER "[adapter:a]\nkey=0\n"

/* Every form in which a missing value may be asked for gives the same for a refused one. */
static void assert_looks_missing(int fd, uint32_t adapter, uint32_t query_type, const char *name)
{
    char text[512];
    for (uint32_t value_type = 0; value_type < 13; value_type++) {
        for (uint32_t flags = 0; flags < 4; flags++) {
            for (uint32_t physical = 0; physical < 2; physical++)
                assert_int_equal(guest_registry(fd, adapter, query_type, name, value_type, flags,
                                                physical, text),
                                 guest_registry(fd, adapter, query_type, "No such value",
                                                value_type, flags, physical, text));
        }
    }
    assert_int_equal(guest_registry(fd, adapter, query_type, name, REG_SZ, 0, 0, text),
                     STATUS_OBJECT_NAME_NOT_FOUND);
}

static void assert_listed(int fd, uint32_t adapter, uint32_t start, uint32_t total, uint32_t count)
{
    static uint8_t reply[WIRE_MAX_PAYLOAD];
    struct wire_enum_registry_reply head;
    size_t size = sizeof(reply);
    assert_int_equal(list_values(fd, adapter, start, reply, &size), 0);
    memcpy(&head, reply, sizeof(head));
    assert_int_equal(head.total, total);
    assert_int_equal(head.count, count);
    for (size_t i = 0; i + 8 <= size; i++)
        assert_memory_not_equal(reply + i, "PASSWORD", 8);
}

static void secrets_are_refused_by_default(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", ONE_ADAPTER, SECRETS);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    char text[512];
    assert_int_equal(guest_registry(fd, a, 1, "Open", REG_SZ, 0, 0, text), 0);
    assert_looks_missing(fd, a, 1, "AdminPASSWORD");
    assert_looks_missing(fd, a, 1, "adminpassword");
    assert_looks_missing(fd, a, 1, "LicenseServerKey");
    assert_looks_missing(fd, a, 0, "ClientToken");
    assert_listed(fd, a, 0, 4, 4);
    assert_listed(fd, a, 3, 4, 1);
    /* An empty list refuses nothing, at once. */
    fixture_write_config(fixture, "registry-deny=", ONE_ADAPTER);
    fixture_reload(fixture);
    assert_int_equal(guest_registry(fd, a, 1, "AdminPASSWORD", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "p");
    close(fd);
    fixture_destroy(fixture);
}

static void patterns(void **state)
{
    (void)state;
    struct host_fixture *fixture =
        fixture_create("registry-allow=adapter\\open, ADAPTER\\*version, *name, *schl\u00fcssel\n"
                       "registry-deny=service\\*, *driverversion",
                       ONE_ADAPTER, SECRETS);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    char text[512];
    assert_int_equal(guest_registry(fd, a, 1, "OPEN", REG_SZ, 0, 0, text), 0);
    assert_int_equal(guest_registry(fd, a, 1, "Schl\u00dcssel", REG_SZ, 0, 0, text), 0);
    assert_looks_missing(fd, a, 0, "Open");
    assert_looks_missing(fd, a, 1, "AdminPASSWORD");
    assert_looks_missing(fd, a, 1, "DriverVersion");
    assert_listed(fd, a, 0, 3, 3);
    /* What tells of a value in another form is refused with it. */
    struct wire_u64_info version;
    struct wire_umdrivername_info name = {0};
    assert_int_equal(guest_query(fd, a, KMTQAITYPE_UMD_DRIVER_VERSION, &version, 8),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(guest_query(fd, a, KMTQAITYPE_UMDRIVERNAME, &name, sizeof(name)), 0);
    fixture_write_config(fixture, "registry-deny=adapter\\UserMode*", ONE_ADAPTER);
    fixture_reload(fixture);
    assert_int_equal(guest_query(fd, a, KMTQAITYPE_UMD_DRIVER_VERSION, &version, 8), 0);
    assert_int_equal(guest_query(fd, a, KMTQAITYPE_UMDRIVERNAME, &name, sizeof(name)),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    close(fd);
    fixture_destroy(fixture);
}

/* Two VMs of one service see the same key differently. */
static void each_vm_has_its_policy(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare("", "", SECRETS);
    char sections[512], text[512];
    snprintf(sections, sizeof(sections),
             ONE_ADAPTER "[vm:other]\nsocket=%s/other\nlisting=deny\nregistry-deny=*open\n",
             fixture->folder);
    fixture_write_config(fixture, "", sections);
    fixture_start(fixture);
    int fd = guest_open(fixture), other = guest_open_on(fixture, "other");
    uint32_t a = guest_adapter(fd, 0), b = guest_adapter(other, 0);
    assert_int_equal(guest_registry(fd, a, 1, "Open", REG_SZ, 0, 0, text), 0);
    assert_looks_missing(other, b, 1, "Open");
    assert_int_equal(guest_registry(other, b, 1, "AdminPASSWORD", REG_SZ, 0, 0, text), 0);
    static uint8_t reply[WIRE_MAX_PAYLOAD];
    size_t size = sizeof(reply);
    assert_int_equal(list_values(other, b, 0, reply, &size), STATUS_ACCESS_DENIED);
    assert_listed(fd, a, 0, 4, 4);
    close(other);
    close(fd);
    fixture_destroy(fixture);
}

/* The protocol has no command that writes; one that it does not have ends the stream, and the file
 * is as it was. */
static void guests_never_write(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", ONE_ADAPTER, SECRETS);
    struct error err;
    char *before, *after;
    size_t before_size, after_size;
    static const uint8_t payload[64];
    assert_int_equal(file_read(-1, fixture->hive, 1 << 20, &before, &before_size, &err), 0);
    for (unsigned i = 0; i < 64; i++) {
        int fd = guest_open(fixture);
        guest_send_frame(fd, (uint16_t)(WIRE_COMMAND_END + i), WIRE_REQUEST, 1, payload,
                         sizeof(payload));
        assert_true(guest_is_closed(fd));
        close(fd);
    }
    assert_int_equal(file_read(-1, fixture->hive, 1 << 20, &after, &after_size, &err), 0);
    assert_int_equal(after_size, before_size);
    assert_memory_equal(after, before, before_size);
    free(before);
    free(after);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_queries),
        cmocka_unit_test(registry_names),
        cmocka_unit_test(listing),
        cmocka_unit_test(secrets_are_refused_by_default),
        cmocka_unit_test(patterns),
        cmocka_unit_test(each_vm_has_its_policy),
        cmocka_unit_test(guests_never_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

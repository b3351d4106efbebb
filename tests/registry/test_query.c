/* SPDX-License-Identifier: MIT */
/* KMTQAITYPE_QUERYREGISTRY on the host's side, row by row. The rows about the caller's buffer are
 * the thunk's and are tested there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "registry/query.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define STORE "/host/store"

static const char hive_text[] =
    "gpupv registry 1\n"
    "[HKLM\\Service]\n"
    "@ = sz:\"default\"\n"
    "\"Sz\" = sz:\"gr\xc3\xbc\xf0\x9f\x98\x80\"\n"
    "\"Empty\" = sz:\"\"\n"
    "\"Expand\" = expand_sz:\"%x%\"\n"
    "\"Multi\" = multi_sz:\"a\" \"\" \"b\"\n"
    "\"MultiEmpty\" = multi_sz:\n"
    "\"Dword\" = dword:0x12345678\n"
    "\"Qword\" = qword:0x123456789abcdef0\n"
    "\"Binary\" = binary:00 ff 10\n"
    "\"BinaryEmpty\" = binary:\n"
    "\"\xc3\x89\" = dword:7\n"
    "\"Path\" = sz:\"" STORE "/p/a.so\"\n"
    "\"ExpandPath\" = expand_sz:\"" STORE "/p/a.so\"\n"
    "\"Paths\" = multi_sz:\"plain\" \"" STORE "/p/a\" \"\" \"" STORE "/p/b\"\n"
    "\"BinaryPath\" = binary:2f 68 6f 73 74 2f 73 74 6f 72 65 2f 70\n"
    "\"Escape\" = sz:\"" STORE "/../etc\"\n"
    "\"ExpandEscape\" = expand_sz:\"" STORE "/../etc\"\n"
    "\"Escapes\" = multi_sz:\"" STORE "/p/a\" \"" STORE "/../etc\"\n"
    "[HKLM\\Adapter0]\n"
    "\"Physical\" = dword:100\n"
    "[HKLM\\Adapter2]\n"
    "\"Physical\" = dword:102\n";

/* "/host/store/X" is "/guest/X"; ".." is an escape. The context counts the calls. */
static int translate(void *context, const char *host_path, char **guest_path)
{
    ++*(int *)context;
    if (strncmp(host_path, STORE, strlen(STORE)))
        return -ENOENT;
    if (strstr(host_path, ".."))
        return -EPERM;
    *guest_path = malloc(strlen(host_path) + 8);
    assert_non_null(*guest_path);
    strcpy(stpcpy(*guest_path, "/guest"), host_path + strlen(STORE));
    return 0;
}

/* More than a value may hold. */
static int translate_long(void *context, const char *host_path, char **guest_path)
{
    (void)context, (void)host_path;
    *guest_path = calloc(1, REG_MAX_VALUE_SIZE);
    assert_non_null(*guest_path);
    memset(*guest_path, 'x', REG_MAX_VALUE_SIZE - 1);
    return 0;
}

struct fixture {
    struct reg_hive *hive;
    const struct reg_key *adapters[3]; /* the middle one has no key */
    struct reg_query_source source;
    int calls;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error err = {.text = ""};
    if (reg_hive_parse("hive", hive_text, strlen(hive_text), &fixture->hive, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    fixture->adapters[0] = reg_hive_find(fixture->hive, "HKLM\\Adapter0");
    fixture->adapters[2] = reg_hive_find(fixture->hive, "HKLM\\Adapter2");
    fixture->source = (struct reg_query_source){
        .service = reg_hive_find(fixture->hive, "HKLM\\Service"),
        .adapters = fixture->adapters,
        .adapter_count = COUNT(fixture->adapters),
        .driver_store_path = STORE "/p",
        .driver_image_path = STORE "/p/a.so",
        .translate = translate,
        .context = &fixture->calls,
    };
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    reg_hive_destroy(fixture->hive);
    free(fixture);
    return 0;
}

static struct reg_query service(const char *name, uint32_t value_type, uint32_t flags)
{
    return (struct reg_query){
        .type = REG_QUERY_SERVICE_KEY, .flags = flags, .name = name, .value_type = value_type};
}

static void assert_found(struct fixture *fixture, struct reg_query query, enum reg_type type,
                         const void *data, size_t size)
{
    struct reg_value value = {0};
    assert_int_equal(reg_query(&fixture->source, &query, &value), 0);
    assert_null(value.name);
    assert_int_equal(value.type, type);
    assert_int_equal(value.size, size);
    if (size)
        assert_memory_equal(value.data, data, size);
    assert_non_null(value.data);
    free(value.data);
}

/* `text` is a u"" literal: its size counts the terminator, as the wire form does. */
#define assert_text(fixture, query, type, text)                                                    \
    assert_found(fixture, query, type, text, sizeof(text))

static void assert_fails(struct fixture *fixture, struct reg_query query, int code)
{
    struct reg_value value, before;
    memset(&value, 0xa5, sizeof(value));
    before = value;
    assert_int_equal(reg_query(&fixture->source, &query, &value), code);
    assert_memory_equal(&value, &before, sizeof(value));
}

static void found_in_wire_form(void **state)
{
    struct fixture *fixture = *state;
    assert_text(fixture, service("Sz", REG_TYPE_SZ, 0), REG_TYPE_SZ, u"gr\u00fc\U0001F600");
    assert_text(fixture, service("Empty", REG_TYPE_SZ, 0), REG_TYPE_SZ, u"");
    assert_text(fixture, service("", REG_TYPE_SZ, 0), REG_TYPE_SZ, u"default");
    assert_text(fixture, service("Expand", REG_TYPE_EXPAND_SZ, 0), REG_TYPE_EXPAND_SZ, u"%x%");
    assert_text(fixture, service("Multi", REG_TYPE_MULTI_SZ, 0), REG_TYPE_MULTI_SZ, u"a\0\0b\0");
    assert_text(fixture, service("MultiEmpty", REG_TYPE_MULTI_SZ, 0), REG_TYPE_MULTI_SZ, u"");
    assert_found(fixture, service("Dword", REG_TYPE_DWORD, 0), REG_TYPE_DWORD, "\x78\x56\x34\x12",
                 4);
    assert_found(fixture, service("Qword", REG_TYPE_QWORD, 0), REG_TYPE_QWORD,
                 "\xf0\xde\xbc\x9a\x78\x56\x34\x12", 8);
    assert_found(fixture, service("Binary", REG_TYPE_BINARY, 0), REG_TYPE_BINARY, "\x00\xff\x10",
                 3);
    assert_found(fixture, service("BinaryEmpty", REG_TYPE_BINARY, 0), REG_TYPE_BINARY, NULL, 0);
    assert_int_equal(fixture->calls, 0);
}

static void names_compare_without_case(void **state)
{
    struct fixture *fixture = *state;
    assert_found(fixture, service("dWORD", REG_TYPE_DWORD, 0), REG_TYPE_DWORD, "\x78\x56\x34\x12",
                 4);
    assert_found(fixture, service("\xc3\xa9", REG_TYPE_DWORD, 0), REG_TYPE_DWORD, "\7\0\0\0", 4);
}

static void missing_values_and_keys(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, service("Missing", REG_TYPE_SZ, 0), -ENOENT);
    assert_fails(fixture, service("Dwor", REG_TYPE_DWORD, 0), -ENOENT);
    assert_fails(fixture, service("Physical", REG_TYPE_DWORD, 0), -ENOENT);

    /* No default value, no key of the second physical adapter, no service key. */
    struct reg_query query = {REG_QUERY_ADAPTER_KEY, 0, "", REG_TYPE_SZ, 0};
    assert_fails(fixture, query, -ENOENT);
    query = (struct reg_query){REG_QUERY_ADAPTER_KEY, 0, "Physical", REG_TYPE_DWORD, 1};
    assert_fails(fixture, query, -ENOENT);
    fixture->source.service = NULL;
    assert_fails(fixture, service("Sz", REG_TYPE_SZ, 0), -ENOENT);
}

static void wrong_types(void **state)
{
    struct fixture *fixture = *state;
    static const enum reg_type types[] = {REG_TYPE_SZ,    REG_TYPE_EXPAND_SZ, REG_TYPE_BINARY,
                                          REG_TYPE_DWORD, REG_TYPE_MULTI_SZ,  REG_TYPE_QWORD};
    static const char *const names[] = {"Sz", "Expand", "Binary", "Dword", "Multi", "Qword"};
    for (size_t asked = 0; asked < COUNT(types); asked++) {
        for (size_t i = 0; i < COUNT(names); i++) {
            if (i != asked) {
                assert_fails(fixture, service(names[i], types[asked], 0), -EPROTOTYPE);
                assert_fails(fixture, service(names[i], types[asked], 1), -EPROTOTYPE);
            }
        }
    }
    /* No type of the registry at all. */
    static const uint32_t bad[] = {0, 5, 6, 8, 10, 12, 0x80000004, 0xffffffff};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_fails(fixture, service("Dword", bad[i], 0), -EINVAL);
        assert_fails(fixture, service("Missing", bad[i], 0), -EINVAL);
    }
}

static void bad_flags(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, service("Dword", REG_TYPE_DWORD, REG_QUERY_FLAG_MUTABLE_VALUE), -EINVAL);
    assert_fails(fixture, service("Dword", REG_TYPE_DWORD, 3), -EINVAL);
    for (int bit = 1; bit < 32; bit++) {
        for (uint32_t type = 0; type < REG_QUERY_MAX; type++) {
            struct reg_query query = service("Dword", REG_TYPE_DWORD, 1u << bit);
            query.type = type;
            query.value_type = type < 2 ? REG_TYPE_DWORD : 0;
            assert_fails(fixture, query, -EINVAL);
        }
    }
}

static void bad_query_types(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t bad[] = {REG_QUERY_MAX, 5, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct reg_query query = service("Dword", REG_TYPE_DWORD, 0);
        query.type = bad[i];
        assert_fails(fixture, query, -EINVAL);
        assert_null(reg_query_key(&fixture->source, bad[i], 0));
    }
}

static void bad_names(void **state)
{
    struct fixture *fixture = *state;
    char name[2 * REG_MAX_VALUE_NAME];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_fails(fixture, service(NULL, REG_TYPE_DWORD, 0), -EINVAL);
    assert_fails(fixture, service(name, REG_TYPE_DWORD, 0), -ENOENT);
    assert_fails(fixture, service("\xff", REG_TYPE_DWORD, 0), -ENOENT);
}

static void driver_paths(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t types[] = {REG_QUERY_DRIVER_STORE_PATH, REG_QUERY_DRIVER_IMAGE_PATH};
    /* The name is not looked at, whatever it is. */
    static const char *const names[] = {NULL, "", "Sz", "\xff"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct reg_query query = {.type = REG_QUERY_DRIVER_STORE_PATH, .name = names[i]};
        assert_text(fixture, query, REG_TYPE_SZ, u"/guest/p");
        query.type = REG_QUERY_DRIVER_IMAGE_PATH;
        assert_text(fixture, query, REG_TYPE_SZ, u"/guest/p/a.so");
    }
    for (size_t i = 0; i < COUNT(types); i++) {
        struct reg_query query = {.type = types[i], .name = "", .value_type = REG_TYPE_SZ};
        assert_fails(fixture, query, -EINVAL);
        query.value_type = 12;
        assert_fails(fixture, query, -EINVAL);
        query.value_type = 0;
        query.flags = REG_QUERY_FLAG_TRANSLATE_PATH;
        assert_fails(fixture, query, -EINVAL);
    }
}

/* A host path that has no guest form is not told as it is. */
static void driver_paths_that_cannot_be_told(void **state)
{
    struct fixture *fixture = *state;
    struct reg_query query = {.type = REG_QUERY_DRIVER_STORE_PATH, .name = ""};
    fixture->source.driver_store_path = NULL;
    assert_fails(fixture, query, -ENOENT);
    fixture->source.driver_store_path = "/usr/lib";
    assert_fails(fixture, query, -ENOENT);
    fixture->source.driver_store_path = STORE "/../x";
    assert_fails(fixture, query, -EPERM);
    fixture->source.driver_store_path = STORE "/\xff";
    assert_fails(fixture, query, -EILSEQ);
    fixture->source.driver_store_path = STORE "/p";
    fixture->source.translate = translate_long;
    assert_fails(fixture, query, -E2BIG);
    fixture->source.translate = NULL;
    assert_fails(fixture, query, -ENOENT);
}

static void translate_path(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t on = REG_QUERY_FLAG_TRANSLATE_PATH;
    assert_text(fixture, service("Path", REG_TYPE_SZ, 0), REG_TYPE_SZ, u"/host/store/p/a.so");
    assert_text(fixture, service("ExpandPath", REG_TYPE_EXPAND_SZ, 0), REG_TYPE_EXPAND_SZ,
                u"/host/store/p/a.so");
    assert_text(fixture, service("Paths", REG_TYPE_MULTI_SZ, 0), REG_TYPE_MULTI_SZ,
                u"plain\0/host/store/p/a\0\0/host/store/p/b\0");
    assert_int_equal(fixture->calls, 0);

    assert_text(fixture, service("Path", REG_TYPE_SZ, on), REG_TYPE_SZ, u"/guest/p/a.so");
    assert_text(fixture, service("ExpandPath", REG_TYPE_EXPAND_SZ, on), REG_TYPE_EXPAND_SZ,
                u"/guest/p/a.so");
    assert_int_equal(fixture->calls, 2);
    /* Each string of a list is judged alone. */
    assert_text(fixture, service("Paths", REG_TYPE_MULTI_SZ, on), REG_TYPE_MULTI_SZ,
                u"plain\0/guest/p/a\0\0/guest/p/b\0");
    assert_int_equal(fixture->calls, 6);
}

static void translate_leaves_other_values(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t on = REG_QUERY_FLAG_TRANSLATE_PATH;
    assert_text(fixture, service("Sz", REG_TYPE_SZ, on), REG_TYPE_SZ, u"gr\u00fc\U0001F600");
    assert_text(fixture, service("Empty", REG_TYPE_SZ, on), REG_TYPE_SZ, u"");
    assert_text(fixture, service("Expand", REG_TYPE_EXPAND_SZ, on), REG_TYPE_EXPAND_SZ, u"%x%");
    assert_text(fixture, service("Multi", REG_TYPE_MULTI_SZ, on), REG_TYPE_MULTI_SZ, u"a\0\0b\0");
    assert_text(fixture, service("MultiEmpty", REG_TYPE_MULTI_SZ, on), REG_TYPE_MULTI_SZ, u"");
    assert_found(fixture, service("Dword", REG_TYPE_DWORD, on), REG_TYPE_DWORD, "\x78\x56\x34\x12",
                 4);
    assert_found(fixture, service("BinaryPath", REG_TYPE_BINARY, on), REG_TYPE_BINARY, STORE "/p",
                 13);

    fixture->source.translate = NULL;
    assert_text(fixture, service("Path", REG_TYPE_SZ, on), REG_TYPE_SZ, u"/host/store/p/a.so");
}

static void translate_refuses(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t on = REG_QUERY_FLAG_TRANSLATE_PATH;
    assert_fails(fixture, service("Escape", REG_TYPE_SZ, on), -EPERM);
    assert_fails(fixture, service("ExpandEscape", REG_TYPE_EXPAND_SZ, on), -EPERM);
    assert_fails(fixture, service("Escapes", REG_TYPE_MULTI_SZ, on), -EPERM);
    /* Without translation it is a string like any other. */
    assert_text(fixture, service("Escape", REG_TYPE_SZ, 0), REG_TYPE_SZ, u"/host/store/../etc");
    fixture->source.translate = translate_long;
    assert_fails(fixture, service("Path", REG_TYPE_SZ, on), -E2BIG);
}

static void physical_adapter_index(void **state)
{
    struct fixture *fixture = *state;
    struct reg_query query = {REG_QUERY_ADAPTER_KEY, 0, "Physical", REG_TYPE_DWORD, 0};
    assert_found(fixture, query, REG_TYPE_DWORD, "\x64\0\0\0", 4);
    query.physical_adapter = 2;
    assert_found(fixture, query, REG_TYPE_DWORD, "\x66\0\0\0", 4);

    /* Out of range fails for every type, in range it selects nothing but the adapter's key. */
    static const uint32_t bad[] = {3, 4, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < COUNT(bad); i++) {
        query.physical_adapter = bad[i];
        assert_fails(fixture, query, -EINVAL);
        struct reg_query other = service("Dword", REG_TYPE_DWORD, 0);
        other.physical_adapter = bad[i];
        assert_fails(fixture, other, -EINVAL);
        other = (struct reg_query){REG_QUERY_DRIVER_STORE_PATH, 0, "", 0, bad[i]};
        assert_fails(fixture, other, -EINVAL);
        assert_null(reg_query_key(&fixture->source, REG_QUERY_ADAPTER_KEY, bad[i]));
    }
    struct reg_query other = service("Dword", REG_TYPE_DWORD, 0);
    other.physical_adapter = 2;
    assert_found(fixture, other, REG_TYPE_DWORD, "\x78\x56\x34\x12", 4);

    /* An adapter whose keys are not known still has its first physical adapter. */
    fixture->source.adapters = NULL;
    fixture->source.adapter_count = 0;
    query.physical_adapter = 0;
    assert_fails(fixture, query, -ENOENT);
    query.physical_adapter = 1;
    assert_fails(fixture, query, -EINVAL);
    assert_found(fixture, service("Dword", REG_TYPE_DWORD, 0), REG_TYPE_DWORD, "\x78\x56\x34\x12",
                 4);
}

static void keys_for_listing(void **state)
{
    struct fixture *fixture = *state;
    const struct reg_query_source *source = &fixture->source;
    assert_ptr_equal(reg_query_key(source, REG_QUERY_SERVICE_KEY, 0), source->service);
    assert_ptr_equal(reg_query_key(source, REG_QUERY_ADAPTER_KEY, 0), fixture->adapters[0]);
    assert_null(reg_query_key(source, REG_QUERY_ADAPTER_KEY, 1));
    assert_ptr_equal(reg_query_key(source, REG_QUERY_ADAPTER_KEY, 2), fixture->adapters[2]);
    assert_null(reg_query_key(source, REG_QUERY_DRIVER_STORE_PATH, 0));
    assert_null(reg_query_key(source, REG_QUERY_DRIVER_IMAGE_PATH, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_in_wire_form, setup, teardown),
        cmocka_unit_test_setup_teardown(names_compare_without_case, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_values_and_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_types, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_flags, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_query_types, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_names, setup, teardown),
        cmocka_unit_test_setup_teardown(driver_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(driver_paths_that_cannot_be_told, setup, teardown),
        cmocka_unit_test_setup_teardown(translate_path, setup, teardown),
        cmocka_unit_test_setup_teardown(translate_leaves_other_values, setup, teardown),
        cmocka_unit_test_setup_teardown(translate_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(physical_adapter_index, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_for_listing, setup, teardown),
    };
    return cmocka_run_group_tests_name("registry/query", tests, NULL, NULL);
}

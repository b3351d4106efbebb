/* SPDX-License-Identifier: MIT */
/* Snapshots: reloads, names that stay, administration, packages in use. */
#include "host/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "hoststore/store.h"
#include "util/file.h"

/* A package whose "library" is this program: the store wants an ELF file. */

/* A package whose "library" is this program: the store wants an ELF file. */

static void hive_takes_effect_at_once(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    char text[512], hive[512];
    for (int i = 0; i < 20; i++) {
        snprintf(hive, sizeof(hive), "[" FIXTURE_CLASS_KEY "\\0004]\n\"V\" = sz:\"%d\"\n", i);
        fixture_write_hive(fixture, hive);
        assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
        assert_int_equal(atoi(text), i);
    }
    /* A broken one changes nothing, and the error names the line. */
    fixture_write_hive(fixture, "[HKLM\\A]\nthis is wrong\n");
    assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
    assert_int_equal(atoi(text), 19);
    fixture_reload(fixture);
    json_object *status = fixture_ask(fixture, "status"), *error;
    assert_true(json_object_object_get_ex(status, "last_error", &error));
    assert_non_null(strstr(json_object_get_string(error), "registry.hive:3:"));
    json_object_put(status);
    assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
    /* So does one that has gone. */
    assert_int_equal(unlink(fixture->hive), 0);
    fixture_reload(fixture);
    assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
    close(fd);
    fixture_destroy(fixture);
}

static void reload_is_whole_or_not_at_all(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    static const char *const broken[] = {"[adapter:x]\ndevice=nothing\n", "[adapter:x]\nfoo=1\n",
                                         "[adapter:x]\nthis is no assignment\n"};
    for (size_t i = 0; i < 3; i++) {
        fixture_write_config(fixture, "", broken[i]);
        fixture_reload(fixture);
        assert_int_equal(fixture_status(fixture, "generation"), 1);
        assert_int_equal(fixture_status(fixture, "adapters"), 2);
        json_object *status = fixture_ask(fixture, "status"), *error;
        assert_true(json_object_object_get_ex(status, "last_error", &error));
        assert_non_null(strstr(json_object_get_string(error), fixture->config));
        json_object_put(status);
    }
    fixture->fail_devices = true;
    fixture_write_config(fixture, "", FIXTURE_TWO_ADAPTERS);
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 1);
    fixture->fail_devices = false;

    /* An adapter that is no longer offered still serves who has it open. */
    fixture_write_config(fixture, "", "[adapter:soft]\ndevice=2\n");
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    assert_int_equal(fixture_status(fixture, "adapters"), 1);
    char text[512];
    assert_int_equal(guest_registry(fd, a, 1, "DriverVersion", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "22.3.6");
    guest_device(fd, a);
    struct wire_open_adapter_request open = {.luid = {2, 1}};
    assert_int_equal(guest_call(fd, WIRE_OPEN_ADAPTER_FROM_LUID, &open, sizeof(open), NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

static void starts_without_what_is_missing(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare(
        "", "[adapter:no]\ndevice=9\n[adapter:yes]\n[adapter:off]\nenabled=no\n", "");
    assert_int_equal(unlink(fixture->hive), 0);
    fixture_start(fixture);
    assert_int_equal(fixture_status(fixture, "adapters"), 1);
    fixture_write_hive(fixture, "[HKLM\\A]\n");
    fixture_wait_status(fixture, "generation", 2);
    fixture_destroy(fixture);

    fixture = fixture_create("", "", "");
    assert_int_equal(fixture_status(fixture, "adapters"), 1);
    fixture_destroy(fixture);
}

static void names_stay_the_same(void **state)
{
    (void)state;
    json_object *adapters[2];
    for (int i = 0; i < 2; i++) {
        struct host_fixture *fixture = fixture_create("", "", "");
        adapters[i] = fixture_ask(fixture, "adapters");
        fixture_destroy(fixture);
    }
    assert_string_equal(json_object_get_string(adapters[0]), json_object_get_string(adapters[1]));
    json_object_put(adapters[0]);
    json_object_put(adapters[1]);
}

static const char *text_at(json_object *object, const char *list, size_t index, const char *key)
{
    json_object *array, *value;
    assert_true(json_object_object_get_ex(object, list, &array));
    assert_true(index < json_object_array_length(array));
    assert_true(json_object_object_get_ex(json_object_array_get_idx(array, index), key, &value));
    return json_object_get_string(value);
}

static void administration(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    guest_device(fd, guest_adapter(fd, 0));
    json_object *answer = fixture_ask(fixture, "adapters");
    assert_string_equal(text_at(answer, "adapters", 0, "name"), "fast");
    assert_string_equal(text_at(answer, "adapters", 0, "luid"), "00000001-00000002");
    assert_string_equal(text_at(answer, "adapters", 0, "type"), "hardware");
    assert_string_equal(text_at(answer, "adapters", 0, "open_handles"), "1");
    assert_string_equal(text_at(answer, "adapters", 0, "driver_version"), "22.3.6");
    assert_string_equal(text_at(answer, "adapters", 1, "type"), "software");
    assert_string_equal(text_at(answer, "adapters", 1, "driver_version"), "0.0.1");
    json_object_put(answer);
    answer = fixture_ask(fixture, "gpus");
    assert_non_null(strstr(text_at(answer, "gpus", 0, "name"), "\\\\?\\PCI#VEN_10DE&DEV_1C02"));
    assert_string_equal(text_at(answer, "gpus", 0, "adapter"), "fast");
    assert_string_equal(text_at(answer, "gpus", 1, "adapter"), "fast");
    assert_string_equal(text_at(answer, "gpus", 2, "partition_count"), "32");
    json_object_put(answer);
    answer = fixture_ask(fixture, "processes");
    assert_string_equal(text_at(answer, "processes", 0, "name"), "test guest");
    assert_string_equal(text_at(answer, "processes", 0, "devices"), "1");
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_string_equal(text_at(answer, "processes", 0, "pid"), pid);
    json_object_put(answer);
    answer = fixture_ask(fixture, "no such op");
    json_object *ok;
    assert_true(json_object_object_get_ex(answer, "ok", &ok));
    assert_false(json_object_get_boolean(ok));
    json_object_put(answer);
    assert_int_equal(fixture->driver.last_flags, HOST_PROCESS_VIRTUAL_MACHINE);
    assert_string_equal(fixture->driver.last_name, "test guest");
    close(fd);
    fixture_destroy(fixture);
}

/* A package whose "library" is this program: the store wants an ELF file. */

/* A package whose "library" is this program: the store wants an ELF file. */
static void add_package(struct host_fixture *fixture, struct store_package *package)
{
    static const char manifest[] =
        "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"./u.so\","
        "\"api_version\":\"1.3.0\"}}";
    char folder[128], file[160];
    struct error err;
    bool added;
    snprintf(folder, sizeof(folder), "%s/source", fixture->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    snprintf(file, sizeof(file), "%s/u.json", folder);
    assert_int_equal(file_write_atomic(file, manifest, strlen(manifest), 0644, &err), 0);
    snprintf(file, sizeof(file), "%s/u.so", folder);
    char *library;
    size_t size;
    assert_int_equal(file_read(-1, "/proc/self/exe", 1 << 30, &library, &size, &err), 0);
    assert_int_equal(file_write_atomic(file, library, size, 0644, &err), 0);
    free(library);
    struct store_add_options options = {.name = "test", .version = "1.0"};
    if (store_add_folder(fixture->store, folder, &options, package, &added, &err))
        fail_msg("%s", err.text);
}

static void packages_in_use_are_held(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    struct store_package package;
    struct error err;
    char hive[1024], text[512], expected[512];
    add_package(fixture, &package);
    snprintf(hive, sizeof(hive),
             "[" FIXTURE_CLASS_KEY "\\0004]\n\"VulkanDriverName\" = sz:\"%s\"\n"
             "[" FIXTURE_SERVICES_KEY "\\FastSvc]\n\"ImagePath\" = expand_sz:\"%s\"\n",
             package.manifest_path, package.library_path);
    fixture_write_hive(fixture, hive);
    fixture_wait_status(fixture, "generation", 2);
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    assert_int_equal(store_remove(fixture->store, package.folder_name, &err), -EBUSY);

    snprintf(expected, sizeof(expected), "/guest/store/FileRepository/%s", package.folder_name);
    assert_int_equal(guest_registry(fd, adapter, 2, "", 0, 0, 0, text), 0);
    assert_string_equal(text, expected);
    assert_int_equal(guest_registry(fd, adapter, 3, "", 0, 0, 0, text), 0);
    assert_true(strstr(text, expected) == text);
    assert_int_equal(guest_registry(fd, adapter, 1, "VulkanDriverName", REG_SZ, 1, 0, text), 0);
    assert_true(strstr(text, expected) == text);

    /* It stays held when the hive no longer names it, and until the device is gone too. */
    fixture_write_hive(fixture, "");
    fixture_wait_status(fixture, "generation", 3);
    uint32_t device = guest_device(fd, adapter);
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &adapter, 4, NULL, NULL), 0);
    assert_int_equal(store_remove(fixture->store, package.folder_name, &err), -EBUSY);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_DEVICE, &device, 4, NULL, NULL), 0);
    assert_int_equal(store_remove(fixture->store, package.folder_name, &err), 0);
    store_package_finish(&package);
    close(fd);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hive_takes_effect_at_once),
        cmocka_unit_test(reload_is_whole_or_not_at_all),
        cmocka_unit_test(starts_without_what_is_missing),
        cmocka_unit_test(names_stay_the_same),
        cmocka_unit_test(administration),
        cmocka_unit_test(packages_in_use_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* How the service follows the hive, what a reload asks the drivers for, and locks of packages. */
#include "host/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "util/file.h"

#define VALUE_HIVE(value)                                                                          \
    "gpupv registry 1\n[" FIXTURE_CLASS_KEY "\\0000]\n\"V\" = sz:\"" value "\"\n"

static void write_text(const char *path, const char *text)
{
    struct error err;
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &err), 0);
}

static void assert_value(int fd, uint32_t adapter, const char *wanted)
{
    char text[512];
    assert_int_equal(guest_registry(fd, adapter, 1, "V", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, wanted);
}

/* The link's folder, the link itself, and the file that it points to. */
static void a_linked_hive_is_followed(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare("", "[adapter:a]\n", "");
    char folder[128], one[160], two[160], middle[160];
    struct error err;
    snprintf(folder, sizeof(folder), "%s/elsewhere", fixture->folder);
    snprintf(one, sizeof(one), "%s/one.hive", folder);
    snprintf(two, sizeof(two), "%s/two.hive", folder);
    snprintf(middle, sizeof(middle), "%s/middle", fixture->folder);
    assert_int_equal(file_make_folders(folder, 0755, &err), 0);
    write_text(one, VALUE_HIVE("1"));
    write_text(two, VALUE_HIVE("2"));
    assert_int_equal(unlink(fixture->hive), 0);
    assert_int_equal(symlink("elsewhere/one.hive", middle), 0);
    assert_int_equal(symlink("middle", fixture->hive), 0);
    fixture_start(fixture);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    assert_value(fd, a, "1");
    write_text(one, VALUE_HIVE("1 again"));
    assert_value(fd, a, "1 again");
    /* Another target, and then that one changes. */
    assert_int_equal(unlink(middle), 0);
    assert_int_equal(symlink(two, middle), 0);
    fixture_wait_status(fixture, "generation", 3);
    assert_value(fd, a, "2");
    write_text(two, VALUE_HIVE("2 again"));
    assert_value(fd, a, "2 again");
    write_text(one, VALUE_HIVE("unseen"));
    assert_value(fd, a, "2 again");
    /* A file in place of the link. */
    assert_int_equal(unlink(fixture->hive), 0);
    write_text(fixture->hive, VALUE_HIVE("3"));
    assert_value(fd, a, "3");
    close(fd);
    fixture_destroy(fixture);
}

/* The first snapshot is made of what the hive says when the drivers have answered. */
static void a_change_before_the_first_snapshot_is_in_it(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare("", "[adapter:a]\n", "");
    write_text(fixture->hive, VALUE_HIVE("1"));
    atomic_store(&fixture->hold_devices, 1);
    fixture_start(fixture);
    fixture_wait_count(&fixture->listings, 1);
    write_text(fixture->hive, VALUE_HIVE("2"));
    atomic_store(&fixture->hold_devices, 0);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    assert_value(fd, a, "2");
    assert_int_equal(fixture_status(fixture, "generation"), 1);
    write_text(fixture->hive, VALUE_HIVE("3"));
    assert_value(fd, a, "3");
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    close(fd);
    fixture_destroy(fixture);
}

static void the_same_contents_are_no_change(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare("", "[adapter:a]\n", "");
    write_text(fixture->hive, VALUE_HIVE("1"));
    fixture_start(fixture);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    assert_value(fd, a, "1");
    write_text(fixture->hive, VALUE_HIVE("1"));
    int file = open(fixture->hive, O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0);
    close(file);
    assert_value(fd, a, "1"); /* after the events */
    assert_int_equal(fixture_status(fixture, "generation"), 1);
    /* A broken hive, and back: the complaint goes. */
    write_text(fixture->hive, "broken");
    assert_value(fd, a, "1");
    json_object *status = fixture_ask(fixture, "status"), *error;
    assert_true(json_object_object_get_ex(status, "last_error", &error));
    assert_non_null(error);
    json_object_put(status);
    write_text(fixture->hive, VALUE_HIVE("1"));
    assert_value(fd, a, "1");
    status = fixture_ask(fixture, "status");
    assert_true(json_object_object_get_ex(status, "last_error", &error));
    assert_null(error);
    json_object_put(status);
    close(fd);
    fixture_destroy(fixture);
}

static void only_a_reload_asks_the_drivers(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", "[adapter:a]\n", "");
    fixture_wait_status(fixture, "generation", 1);
    assert_int_equal(fixture->listings, 1);
    for (int i = 0; i < 5; i++) {
        write_text(fixture->hive, i % 2 ? VALUE_HIVE("a") : VALUE_HIVE("b"));
        fixture_wait_status(fixture, "generation", i + 2);
    }
    assert_int_equal(fixture->listings, 1);
    fixture_reload(fixture);
    assert_int_equal(fixture->listings, 2);
    fixture_destroy(fixture);
}

/* What was missing at the start does not keep other changes from being taken up. */
static void a_device_that_was_missing_is_no_news(void **state)
{
    (void)state;
    static const char sections[] = "[adapter:no]\ndevice=9\n[adapter:yes]\ndevice=0\n";
    struct host_fixture *fixture = fixture_create("", sections, "");
    fixture_wait_status(fixture, "generation", 1);
    fixture_write_config(fixture, "max-clients=77", sections);
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    assert_int_equal(fixture_status(fixture, "max_clients"), 77);
    assert_int_equal(fixture_status(fixture, "adapters"), 1);
    /* A section that was changed must be right, and what was offered must not go. */
    fixture_write_config(fixture, "", "[adapter:no]\ndevice=8\n[adapter:yes]\ndevice=0\n");
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    fixture_write_config(fixture, "", sections);
    fixture->device_count = 0;
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    fixture_destroy(fixture);
}

/* While another process has a package's lock, nobody waits, and the package is held after. */
static void a_locked_package_is_held_later(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare("", "[adapter:a]\n", "");
    char path[256], hive[512];
    struct error err;
    snprintf(path, sizeof(path), "%s/FileRepository/pkg_1_x_0123456789abcdef", fixture->store);
    assert_int_equal(file_make_folders(path, 0755, &err), 0);
    snprintf(hive, sizeof(hive),
             "[" FIXTURE_CLASS_KEY "\\0000]\n\"VulkanDriverName\" = sz:\"%s/a\"\n", path);
    fixture_write_hive(fixture, hive);
    snprintf(path, sizeof(path), "%s/.locks", fixture->store);
    assert_int_equal(file_make_folders(path, 0755, &err), 0);
    snprintf(path, sizeof(path), "%s/.locks/pkg_1_x_0123456789abcdef", fixture->store);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    fixture_start(fixture);
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    assert_int_equal(fixture_status(fixture, "packages_in_use"), 0);
    assert_int_equal(flock(lock, LOCK_UN), 0);
    fixture_wait_status(fixture, "packages_in_use", 1);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &adapter, 4, NULL, NULL), 0);
    fixture_wait_status(fixture, "packages_in_use", 0);
    /* Given up while it is pending. */
    assert_int_equal(flock(lock, LOCK_EX), 0);
    guest_adapter(fd, 0);
    close(fd);
    fixture_wait_status(fixture, "clients", 0);
    close(lock);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linked_hive_is_followed),
        cmocka_unit_test(a_change_before_the_first_snapshot_is_in_it),
        cmocka_unit_test(the_same_contents_are_no_change),
        cmocka_unit_test(only_a_reload_asks_the_drivers),
        cmocka_unit_test(a_device_that_was_missing_is_no_news),
        cmocka_unit_test(a_locked_package_is_held_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

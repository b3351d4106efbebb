/* SPDX-License-Identifier: MIT */
/* Each step from the host to a loaded driver, and the reason given when one fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_kmt.h"
#include "loader/loader.h"
#include "loader/package.h"
#include "scratch_package.h"

#define MAX_TEXTS 8

struct fixture {
    struct scratch scratch;
    wchar_t *texts[MAX_TEXTS]; /* freed with the fixture */
    size_t text_count;
    struct loader *loader;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fake_host_reset();
    scratch_create(&fixture->scratch);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    loader_destroy(fixture->loader);
    if (fake_host.open_handles != 0)
        return -1;
    for (size_t i = 0; i < fixture->text_count; i++)
        free(fixture->texts[i]);
    scratch_remove(&fixture->scratch);
    free(fixture);
    return 0;
}

static wchar_t *wide(struct fixture *fixture, const char *text)
{
    assert_true(fixture->text_count < MAX_TEXTS);
    return fixture->texts[fixture->text_count++] = scratch_wide(text);
}

static struct fake_adapter *add_adapter(void)
{
    struct fake_adapter *adapter = &fake_host.adapters[fake_host.adapter_count];

    /* LUIDs are not used twice, so that each failure is a fresh one for the log. */
    static uint32_t luid = 0x100;
    *adapter = (struct fake_adapter){
        .luid = {.LowPart = luid++, .HighPart = 1},
        .vendor = 0x1111,
        .device = 0x2222,
        .description = L"Fake GPU",
    };
    fake_host.adapter_count++;
    return adapter;
}

static void add_named(struct fixture *fixture, const char *manifest)
{
    add_adapter()->sz = wide(fixture, scratch_path(&fixture->scratch, manifest));
}

static const struct loader_adapter *load(struct fixture *fixture)
{
    struct error err = {""};
    int code = loader_create(&fixture->loader, &err);

    if (code < 0)
        print_error("loader_create: %s\n", err.text);
    assert_int_equal(code, 0);
    assert_int_equal(fixture->loader->adapter_count, fake_host.adapter_count);
    return &fixture->loader->adapters[0];
}

static void expect_failure(struct fixture *fixture, enum loader_step step, const char *text)
{
    const struct loader_adapter *adapter = load(fixture);

    if (adapter->step != step || !strstr(adapter->error.text, text))
        print_error("%s: %s\n", loader_step_name(adapter->step), adapter->error.text);
    assert_int_equal(adapter->step, step);
    assert_null(adapter->umd);
    assert_non_null(strstr(adapter->error.text, text));
}

static void expect_loaded(struct fixture *fixture)
{
    const struct loader_adapter *adapter = load(fixture);

    if (adapter->step != LOADER_STEP_DONE)
        print_error("%s: %s\n", loader_step_name(adapter->step), adapter->error.text);
    assert_int_equal(adapter->step, LOADER_STEP_DONE);
    assert_string_equal(adapter->error.text, "");
    assert_non_null(adapter->umd);
    assert_non_null(adapter->umd->get_instance_proc_addr);
}

/* --- The host --- */

static void test_no_host(void **state)
{
    struct fixture *fixture = *state;
    struct error err;

    fake_host.down = true;
    assert_true(loader_create(&fixture->loader, &err) < 0);
    assert_string_equal(err.text, "no host at unix:/fake; start it");
    fixture->loader = NULL;
}

static void test_no_adapter(void **state)
{
    struct error err;
    struct fixture *fixture = *state;

    assert_int_equal(loader_create(&fixture->loader, &err), 0);
    assert_int_equal(fixture->loader->adapter_count, 0);
}

static void test_description_of_adapter(void **state)
{
    struct fixture *fixture = *state;
    struct fake_adapter *fake = add_adapter();
    const struct loader_adapter *adapter;

    fake->description = L"Gr\u00e4fik \U0001F600";
    fake->physical_adapters = 2;
    adapter = load(fixture);
    assert_string_equal(adapter->description, "Gr\xc3\xa4"
                                              "fik \xf0\x9f\x98\x80");
    assert_int_equal(adapter->physical_adapter_count, 2);
    assert_int_equal(adapter->device_ids.VendorID, 0x1111);
    assert_int_equal(adapter->device_ids.DeviceID, 0x2222);
    assert_string_equal(adapter->store_path, "/store/package");
}

static void test_adapter_that_tells_little(void **state)
{
    struct fixture *fixture = *state;
    const struct loader_adapter *adapter;

    add_adapter()->description = NULL;
    adapter = load(fixture);
    assert_string_equal(adapter->description, "");
    assert_int_equal(adapter->physical_adapter_count, 1);
}

static void test_no_device_ids(void **state)
{
    struct fixture *fixture = *state;

    add_adapter();
    fake_host.no_device_ids = true;
    expect_failure(fixture, LOADER_STEP_ENUMERATE, "device ids");
}

/* --- VulkanDriverName --- */

static void test_no_driver_name(void **state)
{
    struct fixture *fixture = *state;

    add_adapter();
    expect_failure(fixture, LOADER_STEP_DRIVER_NAME, "gpupv host store add");
    assert_int_equal(fake_host.multi_queries, 1);
    assert_int_equal(fake_host.sz_queries, 1);
}

/* The order of queries: REG_MULTI_SZ with a structure-sized buffer, grown after an overflow. */
static void test_multi_sz_is_asked_first(void **state)
{
    struct fixture *fixture = *state;
    struct fake_adapter *fake = add_adapter();

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, package_native_architecture());
    fake->multi_sz = wide(fixture, scratch_path(&fixture->scratch, "p/driver.json"));
    fake->multi_sz_characters = wcslen(fake->multi_sz) + 1; /* calloc'ed: no second NUL is there */
    expect_loaded(fixture);
    assert_int_equal(fake_host.multi_queries, 2);
    assert_int_equal(fake_host.sz_queries, 0);
    assert_true(fake_host.overflows >= 1);
}

static void test_sz_comes_second(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, package_native_architecture());
    add_named(fixture, "p/driver.json");
    expect_loaded(fixture);
    assert_int_equal(fake_host.multi_queries, 1);
    assert_int_equal(fake_host.sz_queries, 2);
}

static void test_value_that_grows_for_ever(void **state)
{
    struct fixture *fixture = *state;

    add_adapter()->sz = L"x";
    fake_host.growing_value = true;
    expect_failure(fixture, LOADER_STEP_DRIVER_NAME, "VulkanDriverName");
}

static void test_empty_driver_name(void **state)
{
    struct fixture *fixture = *state;
    struct fake_adapter *fake = add_adapter();

    fake->multi_sz = L"\0";
    fake->multi_sz_characters = 2;
    expect_failure(fixture, LOADER_STEP_DRIVER_NAME, "is empty");
}

static void test_driver_name_that_is_not_unicode(void **state)
{
    struct fixture *fixture = *state;
    static const wchar_t lone_surrogate[] = {L'/', 0xd800, 0};

    add_adapter()->sz = lone_surrogate;
    expect_failure(fixture, LOADER_STEP_DRIVER_NAME, "VulkanDriverName");
}

/* Of several manifests the one for this architecture is taken. */
static void test_first_manifest_that_fits(void **state)
{
    struct fixture *fixture = *state;
    struct fake_adapter *fake = add_adapter();
    const char *other = sizeof(void *) == 8 ? "32" : "64";
    char text[512], list[1024];
    size_t first, second;

    scratch_package(&fixture->scratch, "alien", FAKE_UMD_A, "vax");
    scratch_package(&fixture->scratch, "narrow", FAKE_UMD_A, "any");
    snprintf(text, sizeof(text),
             "{\"file_format_version\": \"1.0.1\", \"ICD\": {\"library_path\": \"./driver.so\", "
             "\"library_arch\": \"%s\", \"api_version\": \"1.3.0\"}}",
             other);
    scratch_write(&fixture->scratch, "narrow/driver.json", text);
    scratch_package(&fixture->scratch, "good", FAKE_UMD_A, package_native_architecture());

    const char *paths[] = {"alien/driver.json", "narrow/driver.json", "good/driver.json"};
    size_t at = 0;
    for (size_t i = 0; i < 3; i++)
        at += (size_t)sprintf(list + at, "%s", scratch_path(&fixture->scratch, paths[i])) + 1;
    first = strlen(list);
    second = strlen(list + first + 1);
    assert_true(second > 0);
    wchar_t *value = fixture->texts[fixture->text_count++] = calloc(at + 1, sizeof(*value));
    for (size_t i = 0; i < at; i++)
        value[i] = (unsigned char)list[i];
    fake->multi_sz = value;
    fake->multi_sz_characters = at + 1;
    expect_loaded(fixture);
    assert_string_equal(fixture->loader->adapters[0].manifest_path,
                        scratch_path(&fixture->scratch, "good/driver.json"));
}

static void test_other_architecture_only(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "vax");
    add_named(fixture, "p/driver.json");
    expect_failure(fixture, LOADER_STEP_PACKAGE, "is for vax");
}

/* --- The manifest --- */

static void test_manifest_missing(void **state)
{
    struct fixture *fixture = *state;

    add_named(fixture, "p/driver.json");
    expect_failure(fixture, LOADER_STEP_MANIFEST, "driver store mapped");
}

static void test_manifest_is_not_json(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    scratch_write(&fixture->scratch, "p/driver.json", "library_path = driver.so\n");
    add_named(fixture, "p/driver.json");
    expect_failure(fixture, LOADER_STEP_MANIFEST, "driver.json");
}

static void test_manifest_is_a_folder(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    add_named(fixture, "p");
    expect_failure(fixture, LOADER_STEP_MANIFEST, "p");
}

static void library_outside(struct fixture *fixture, const char *library, const char *message)
{
    char text[512];

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    snprintf(text, sizeof(text),
             "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": \"%s\", "
             "\"api_version\": \"1.3.0\"}}",
             library);
    scratch_write(&fixture->scratch, "p/driver.json", text);
    scratch_catalog(&fixture->scratch, "p", "any",
                    (const char *const[]){"driver.json", "driver.so", NULL});
    add_named(fixture, "p/driver.json");
    expect_failure(fixture, LOADER_STEP_PACKAGE, message);
}

static void test_library_with_full_path(void **state)
{
    library_outside(*state, FAKE_UMD_A, FAKE_UMD_A);
}

static void test_library_above_the_package(void **state)
{
    library_outside(*state, "../driver.so", "../driver.so");
}

static void test_library_not_in_catalog(void **state)
{
    library_outside(*state, "other.so", "not listed in the package's catalog");
}

/* --- The package --- */

static void test_no_package(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    unlink(scratch_path(&fixture->scratch, "p/gpupv-catalog.json"));
    add_named(fixture, "p/driver.json");
    expect_failure(fixture, LOADER_STEP_PACKAGE, "lies in no driver package");
}

static void test_catalog_with_errors(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    scratch_write(&fixture->scratch, "p/gpupv-catalog.json", "{\"files\": [");
    add_named(fixture, "p/driver.json");
    expect_failure(fixture, LOADER_STEP_PACKAGE, "gpupv-catalog.json");
}

static void test_manifest_not_in_catalog(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    scratch_copy(&fixture->scratch, scratch_path(&fixture->scratch, "p/driver.json"),
                 "p/second.json");
    add_named(fixture, "p/second.json");
    expect_failure(fixture, LOADER_STEP_PACKAGE, "second.json is not listed");
}

static void test_altered_library(void **state)
{
    struct fixture *fixture = *state;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    scratch_copy(&fixture->scratch, FAKE_UMD_B, "p/driver.so");
    add_named(fixture, "p/driver.json");
    expect_failure(fixture, LOADER_STEP_PACKAGE, "driver.so");
}

static void test_manifest_in_a_folder_of_the_package(void **state)
{
    struct fixture *fixture = *state;

    scratch_write(&fixture->scratch, "p/icd.d/driver.json",
                  "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": "
                  "\"../lib/driver.so\", \"api_version\": \"1.3.0\"}}");
    scratch_copy(&fixture->scratch, FAKE_UMD_A, "p/lib/driver.so");
    scratch_catalog(&fixture->scratch, "p", "any",
                    (const char *const[]){"icd.d/driver.json", "lib/driver.so", NULL});
    add_named(fixture, "p/icd.d/driver.json");
    expect_loaded(fixture);
    assert_string_equal(fixture->loader->adapters[0].umd->library_path,
                        scratch_path(&fixture->scratch, "p/lib/driver.so"));
}

/* Verified once in a process: what happens to the files after that is not noticed. */
static void test_package_is_verified_once(void **state)
{
    struct fixture *fixture = *state;
    const struct package *package, *again;
    const char *relative;

    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    const char *manifest = scratch_path(&fixture->scratch, "p/driver.json");
    assert_int_equal(package_find(manifest, &package, &relative, NULL), 0);
    assert_string_equal(relative, "driver.json");
    assert_int_equal(package_verify(package, NULL), 0);
    scratch_write(&fixture->scratch, "p/driver.so", "spoilt");
    assert_int_equal(package_verify(package, NULL), 0);
    assert_int_equal(package_find(manifest, &again, &relative, NULL), 0);
    assert_ptr_equal(package, again);

    /* A new catalog makes it another package. */
    scratch_catalog(&fixture->scratch, "p", "any",
                    (const char *const[]){"driver.json", "driver.so", NULL});
    scratch_write(&fixture->scratch, "p/driver.so", "spoilt again");
    assert_int_equal(package_find(manifest, &again, &relative, NULL), 0);
    assert_ptr_not_equal(package, again);
    assert_true(package_verify(again, NULL) < 0);
}

/* --- The library --- */

static void load_library(struct fixture *fixture, const char *library)
{
    scratch_package(&fixture->scratch, "p", library, "any");
    add_named(fixture, "p/driver.json");
}

static void test_library_that_is_none(void **state)
{
    struct fixture *fixture = *state;

    load_library(fixture, __FILE__);
    expect_failure(fixture, LOADER_STEP_LIBRARY, "cannot load");
}

static void test_library_that_is_no_driver(void **state)
{
    load_library(*state, NOT_A_DRIVER);
    expect_failure(*state, LOADER_STEP_NEGOTIATE, "does not export vk_icdGetInstanceProcAddr");
}

static void test_interface_too_old(void **state)
{
    load_library(*state, FAKE_UMD_OLD);
    expect_failure(*state, LOADER_STEP_NEGOTIATE, "interface 1, older than 2");
}

static void test_interface_too_new(void **state)
{
    load_library(*state, FAKE_UMD_NEW);
    expect_failure(*state, LOADER_STEP_NEGOTIATE, "interface 9, newer than 7");
}

static void test_interface_5(void **state)
{
    struct fixture *fixture = *state;

    load_library(fixture, FAKE_UMD_A);
    expect_loaded(fixture);
    assert_int_equal(fixture->loader->adapters[0].umd->interface_version, 5);
    assert_non_null(fixture->loader->adapters[0].umd->get_physical_device_proc_addr);
    assert_int_equal(fixture->loader->adapters[0].umd->api_version,
                     VK_MAKE_API_VERSION(0, 1, 3, 0));
}

/* Interface 7 without exports: the functions are asked for. */
static void test_interface_7(void **state)
{
    struct fixture *fixture = *state;

    load_library(fixture, FAKE_UMD_B);
    expect_loaded(fixture);
    assert_int_equal(fixture->loader->adapters[0].umd->interface_version, 7);
    assert_non_null(fixture->loader->adapters[0].umd->get_physical_device_proc_addr);
}

/* One bad adapter does not spoil the others, and one library is loaded once. */
static void test_adapters_of_one_driver_share_it(void **state)
{
    struct fixture *fixture = *state;
    struct loader *second;
    struct error err;

    load_library(fixture, FAKE_UMD_A);
    add_adapter();
    add_named(fixture, "p/driver.json");
    expect_loaded(fixture);
    assert_int_equal(fixture->loader->adapters[1].step, LOADER_STEP_DRIVER_NAME);
    assert_ptr_equal(fixture->loader->adapters[0].umd, fixture->loader->adapters[2].umd);
    assert_int_equal(loader_create(&second, &err), 0);
    assert_ptr_equal(fixture->loader->adapters[0].umd, second->adapters[0].umd);
    loader_destroy(second);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_no_host),
        TEST(test_no_adapter),
        TEST(test_description_of_adapter),
        TEST(test_adapter_that_tells_little),
        TEST(test_no_device_ids),
        TEST(test_no_driver_name),
        TEST(test_multi_sz_is_asked_first),
        TEST(test_sz_comes_second),
        TEST(test_value_that_grows_for_ever),
        TEST(test_empty_driver_name),
        TEST(test_driver_name_that_is_not_unicode),
        TEST(test_first_manifest_that_fits),
        TEST(test_other_architecture_only),
        TEST(test_manifest_missing),
        TEST(test_manifest_is_not_json),
        TEST(test_manifest_is_a_folder),
        TEST(test_library_with_full_path),
        TEST(test_library_above_the_package),
        TEST(test_library_not_in_catalog),
        TEST(test_no_package),
        TEST(test_catalog_with_errors),
        TEST(test_manifest_not_in_catalog),
        TEST(test_altered_library),
        TEST(test_manifest_in_a_folder_of_the_package),
        TEST(test_package_is_verified_once),
        TEST(test_library_that_is_none),
        TEST(test_library_that_is_no_driver),
        TEST(test_interface_too_old),
        TEST(test_interface_too_new),
        TEST(test_interface_5),
        TEST(test_interface_7),
        TEST(test_adapters_of_one_driver_share_it),
    };

    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}

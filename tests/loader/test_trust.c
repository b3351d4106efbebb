/* SPDX-License-Identifier: MIT */
/* Which packages are loaded from: each kind of signature against each kind of configuration; and
 * that what is loaded is what was verified. */
#include <errno.h>
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
#include "hoststore/sign.h"
#include "loader/loader.h"
#include "loader/package.h"
#include "scratch_package.h"
#include "util/file.h"

struct fixture {
    struct scratch scratch;
    wchar_t *name;
    struct secret_key key, other;
    struct loader *loader;
};

static void make_key(struct fixture *fixture, const char *name, struct secret_key *key)
{
    const char *path = scratch_path(&fixture->scratch, name);
    struct public_key public;
    struct error warning;

    assert_int_equal(secret_key_generate(path, name, &public, NULL), 0);
    assert_int_equal(secret_key_load(path, key, &warning, NULL), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fake_host_reset();
    scratch_create(&fixture->scratch);
    make_key(fixture, "ours", &fixture->key);
    make_key(fixture, "other", &fixture->other);
    scratch_package(&fixture->scratch, "p", FAKE_UMD_A, "any");
    setenv("GPUPV_GUEST_CONFIG", scratch_path(&fixture->scratch, "etc/guest.json"), 1);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    unsetenv("GPUPV_GUEST_CONFIG");
    loader_destroy(fixture->loader);
    free(fixture->name);
    scratch_remove(&fixture->scratch);
    free(fixture);
    return 0;
}

/* --- The signature of the package "p" --- */

enum signed_with { UNSIGNED, OURS, OTHER, BOTH, ALTERED, RUBBISH };

static void read_catalog(const struct fixture *fixture, char **text, size_t *size)
{
    struct catalog *catalog;

    assert_int_equal(
        catalog_load_text(scratch_path(&fixture->scratch, "p"), &catalog, text, size, NULL), 0);
    catalog_destroy(catalog);
}

static void sign_package(const struct fixture *fixture, enum signed_with with)
{
    struct signature_set set = {.count = 0};
    char text[SIGNATURE_FILE_LIMIT] = "rubbish", *catalog;
    size_t size;

    if (with == UNSIGNED)
        return;
    read_catalog(fixture, &catalog, &size);
    if (with == OTHER || with == BOTH)
        assert_int_equal(secret_key_sign(&fixture->other, catalog, size, &set.items[set.count++]),
                         0);
    if (with == OURS || with == BOTH || with == ALTERED)
        assert_int_equal(secret_key_sign(&fixture->key, catalog, size, &set.items[set.count++]), 0);
    if (with == ALTERED)
        set.items[0].bytes[5] ^= 0x10;
    if (with != RUBBISH)
        signature_format(&set, text);
    scratch_write(&fixture->scratch, "p/" SIGNATURE_FILE, text);
    free(catalog);
}

/* --- The guest --- */

enum configured { NO_KEY, KEY, KEY_AND_TEST_SIGNING, NO_KEY_NO_TEST_SIGNING, MALFORMED };

static void configure(const struct fixture *fixture, enum configured configured)
{
    char text[512];
    const char *key = scratch_path(&fixture->scratch, "ours.pub");

    switch (configured) {
    case NO_KEY:
        snprintf(text, sizeof(text), "{}");
        break;
    case KEY:
        snprintf(text, sizeof(text), "{\"trusted_keys\": [\"%s\"]}", key);
        break;
    case KEY_AND_TEST_SIGNING:
        snprintf(text, sizeof(text), "{\"trusted_keys\": [\"%s\"], \"test_signing\": true}", key);
        break;
    case NO_KEY_NO_TEST_SIGNING:
        snprintf(text, sizeof(text), "{\"test_signing\": false}");
        break;
    case MALFORMED:
        snprintf(text, sizeof(text), "{\"test_signing\": true,\n \"trusted_key\": []}");
        break;
    }
    scratch_write(&fixture->scratch, "etc/guest.json", text);
}

static const struct loader_adapter *load(struct fixture *fixture)
{
    static uint32_t luid = 0x100;

    if (!fixture->name)
        fixture->name = scratch_wide(scratch_path(&fixture->scratch, "p/driver.json"));
    fake_host.adapters[0] = (struct fake_adapter){
        .luid = {.LowPart = luid++, .HighPart = 2},
        .vendor = 0x1111,
        .device = 0x2222,
        .description = L"Fake GPU",
        .sz = fixture->name,
    };
    fake_host.adapter_count = 1;
    loader_destroy(fixture->loader);
    fixture->loader = NULL;
    assert_int_equal(loader_create(&fixture->loader, NULL), 0);
    return &fixture->loader->adapters[0];
}

static void expect_loaded(struct fixture *fixture, enum trust_state state)
{
    const struct loader_adapter *adapter = load(fixture);

    if (adapter->step != LOADER_STEP_DONE)
        print_error("%s: %s\n", loader_step_name(adapter->step), adapter->error.text);
    assert_int_equal(adapter->step, LOADER_STEP_DONE);
    assert_non_null(adapter->umd);
    assert_true(adapter->signature_known);
    assert_int_equal(adapter->signature.state, state);
}

static void expect_refused(struct fixture *fixture, enum loader_step step, const char *text)
{
    const struct loader_adapter *adapter = load(fixture);

    if (adapter->step != step || !strstr(adapter->error.text, text))
        print_error("%s: %s\n", loader_step_name(adapter->step), adapter->error.text);
    assert_int_equal(adapter->step, step);
    assert_null(adapter->umd);
    assert_non_null(strstr(adapter->error.text, text));
}

/* --- The matrix --- */

static const struct {
    enum signed_with with;
    enum configured configured;
    enum trust_state state;
    const char *refusal; /* NULL: loaded */
} matrix[] = {
    {UNSIGNED, NO_KEY, TRUST_UNSIGNED, NULL},
    {OURS, NO_KEY, TRUST_UNKNOWN_KEY, NULL},
    {ALTERED, NO_KEY, TRUST_UNKNOWN_KEY, NULL},
    {RUBBISH, NO_KEY, TRUST_WRONG, NULL},

    {UNSIGNED, KEY, TRUST_UNSIGNED, "p/gpupv-catalog.sig is missing"},
    {OURS, KEY, TRUST_SIGNED, NULL},
    {BOTH, KEY, TRUST_SIGNED, NULL},
    {OTHER, KEY, TRUST_UNKNOWN_KEY, "p/gpupv-catalog.sig: the package is signed with the key"},
    {ALTERED, KEY, TRUST_WRONG, "p/gpupv-catalog.sig was"},
    {RUBBISH, KEY, TRUST_WRONG, "p/gpupv-catalog.sig:1:"},

    {UNSIGNED, KEY_AND_TEST_SIGNING, TRUST_UNSIGNED, NULL},
    {OURS, KEY_AND_TEST_SIGNING, TRUST_SIGNED, NULL},
    {OTHER, KEY_AND_TEST_SIGNING, TRUST_UNKNOWN_KEY, NULL},
    {ALTERED, KEY_AND_TEST_SIGNING, TRUST_WRONG, NULL},
    {RUBBISH, KEY_AND_TEST_SIGNING, TRUST_WRONG, NULL},

    {UNSIGNED, NO_KEY_NO_TEST_SIGNING, TRUST_UNSIGNED, "test signing is off"},
    {OURS, NO_KEY_NO_TEST_SIGNING, TRUST_UNKNOWN_KEY, "test signing is off"},
};

static void test_matrix(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
        struct fixture *fixture;

        print_message("signed %d, configured %d\n", matrix[i].with, matrix[i].configured);
        set_up((void **)&fixture);
        sign_package(fixture, matrix[i].with);
        configure(fixture, matrix[i].configured);
        if (matrix[i].refusal) {
            expect_refused(fixture, LOADER_STEP_SIGNATURE, matrix[i].refusal);
            assert_true(fixture->loader->adapters[0].signature_known);
            assert_int_equal(fixture->loader->adapters[0].signature.state, matrix[i].state);
        } else {
            expect_loaded(fixture, matrix[i].state);
        }
        tear_down((void **)&fixture);
    }
}

static void test_malformed_configuration(void **state)
{
    struct fixture *fixture = *state;

    sign_package(fixture, OURS);
    configure(fixture, MALFORMED);
    expect_refused(fixture, LOADER_STEP_SIGNATURE, "etc/guest.json");
    assert_non_null(strstr(fixture->loader->adapters[0].error.text, "trusted_key"));
    assert_false(fixture->loader->adapters[0].signature_known);
}

static void test_named_configuration_is_missing(void **state)
{
    expect_refused(*state, LOADER_STEP_SIGNATURE, "etc/guest.json");
}

/* A refusal is not for ever: the key, or the signature, may come while the program runs. */
static void test_key_that_comes_later(void **state)
{
    struct fixture *fixture = *state;

    sign_package(fixture, OTHER);
    configure(fixture, KEY);
    expect_refused(fixture, LOADER_STEP_SIGNATURE, "not trusted");
    scratch_copy(&fixture->scratch, scratch_path(&fixture->scratch, "other.pub"),
                 "etc/trusted.d/other.pub");
    expect_loaded(fixture, TRUST_SIGNED);
    assert_string_equal(fixture->loader->adapters[0].signature.key_id, fixture->other.public.id);
    assert_string_equal(fixture->loader->adapters[0].signature.comment, "other");
}

static void test_signature_that_comes_later(void **state)
{
    struct fixture *fixture = *state;

    configure(fixture, KEY);
    expect_refused(fixture, LOADER_STEP_SIGNATURE, "is missing");
    sign_package(fixture, OURS);
    expect_loaded(fixture, TRUST_SIGNED);
}

/* A signature covers the files through the catalog. */
static void test_altered_file_of_a_signed_package(void **state)
{
    struct fixture *fixture = *state;

    sign_package(fixture, OURS);
    configure(fixture, KEY);
    scratch_copy(&fixture->scratch, FAKE_UMD_B, "p/driver.so");
    expect_refused(fixture, LOADER_STEP_PACKAGE, "driver.so");
    /* And with a catalog that fits the altered file. */
    scratch_catalog(&fixture->scratch, "p", "any",
                    (const char *const[]){"driver.json", "driver.so", NULL});
    expect_refused(fixture, LOADER_STEP_SIGNATURE, "p/gpupv-catalog.json was altered");
}

static void test_signature_is_a_link(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "p/" SIGNATURE_FILE);

    sign_package(fixture, OURS);
    assert_int_equal(rename(path, scratch_path(&fixture->scratch, "outside")), 0);
    assert_int_equal(symlink("../outside", path), 0);
    configure(fixture, KEY);
    expect_refused(fixture, LOADER_STEP_PACKAGE, "a symbolic link");
}

/* --- What is loaded is what was verified --- */

static const struct package *find_verified(const struct fixture *fixture)
{
    const struct package *package;
    const char *relative;

    assert_int_equal(
        package_find(scratch_path(&fixture->scratch, "p/driver.json"), &package, &relative, NULL),
        0);
    assert_int_equal(package_verify(package, NULL), 0);
    assert_int_equal(package_check_unchanged(package, "driver.so", NULL), 0);
    return package;
}

static void test_library_is_replaced_after_the_check(void **state)
{
    struct fixture *fixture = *state;
    const struct package *package = find_verified(fixture);
    struct error err;

    /* The same contents in another file: it is not known to be the same. */
    const char *library = scratch_path(&fixture->scratch, "p/driver.so");
    assert_int_equal(unlink(library), 0);
    scratch_copy(&fixture->scratch, FAKE_UMD_A, "p/driver.so");
    assert_int_equal(package_check_unchanged(package, "driver.so", &err), -EBADMSG);
    assert_non_null(strstr(err.text, library));
    configure(fixture, NO_KEY);
    expect_refused(fixture, LOADER_STEP_LIBRARY, "p/driver.so");
}

static void test_library_becomes_a_link(void **state)
{
    struct fixture *fixture = *state;
    const struct package *package = find_verified(fixture);
    const char *library = scratch_path(&fixture->scratch, "p/driver.so");
    struct error err;

    assert_int_equal(rename(library, scratch_path(&fixture->scratch, "outside.so")), 0);
    assert_int_equal(symlink("../outside.so", library), 0);
    assert_int_equal(package_check_unchanged(package, "driver.so", &err), -EBADMSG);
    assert_non_null(strstr(err.text, "a symbolic link"));
}

static void test_library_moved_away_and_back(void **state)
{
    struct fixture *fixture = *state;
    const struct package *package = find_verified(fixture);
    const char *library = scratch_path(&fixture->scratch, "p/driver.so");
    const char *aside = scratch_path(&fixture->scratch, "aside.so");

    /* The clock behind the change time ticks in milliseconds. */
    usleep(20000);
    assert_int_equal(rename(library, aside), 0);
    assert_int_equal(rename(aside, library), 0);
    assert_int_equal(package_check_unchanged(package, "driver.so", NULL), -EBADMSG);
}

static void test_file_is_read_as_listed(void **state)
{
    struct fixture *fixture = *state;
    const struct package *package = find_verified(fixture);
    struct error err;
    char *text;
    size_t size;

    assert_int_equal(package_read(package, "driver.json", 4096, &text, &size, &err), 0);
    assert_int_equal(size, strlen(text));
    free(text);
    assert_int_equal(package_read(package, "driver.json", 10, &text, &size, &err), -EFBIG);
    assert_int_equal(package_read(package, "../ours", 4096, &text, &size, &err), -EBADMSG);
    scratch_write(&fixture->scratch, "p/driver.json", "{}");
    assert_int_equal(package_read(package, "driver.json", 4096, &text, &size, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "driver.json was altered"));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        TEST(test_malformed_configuration),
        TEST(test_named_configuration_is_missing),
        TEST(test_key_that_comes_later),
        TEST(test_signature_that_comes_later),
        TEST(test_altered_file_of_a_signed_package),
        TEST(test_signature_is_a_link),
        TEST(test_library_is_replaced_after_the_check),
        TEST(test_library_becomes_a_link),
        TEST(test_library_moved_away_and_back),
        TEST(test_file_is_read_as_listed),
    };

    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Packages of a store are signed, and stay what they were. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/sign.h"
#include "hoststore/store.h"

struct fixture {
    char *folder; /* holds the store and what is put into it */
    char *root, *source;
    struct store_package package;
    struct secret_key key, other;
};

static void make_key(const struct fixture *fixture, const char *name, struct secret_key *key)
{
    struct public_key public;
    struct error warning;
    char *path = support_path(fixture->folder, "%s", name);

    assert_int_equal(secret_key_generate(path, NULL, &public, NULL), 0);
    assert_int_equal(secret_key_load(path, key, &warning, NULL), 0);
    free(path);
}

static void add_folder(const struct fixture *fixture, const char *source,
                       struct store_package *package)
{
    struct error err = {""};
    bool added;
    int result = store_add_folder(fixture->root, source, NULL, package, &added, &err);

    if (result)
        fail_msg("cannot add: %d, %s", result, err.text);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture->folder = support_folder();
    fixture->root = support_path(fixture->folder, "DriverStore");
    fixture->source = support_path(fixture->folder, "source");
    support_copy(fixture->source, "libdrv.so", support_library());
    support_write_text(fixture->source, "drv.json",
                       "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":"
                       "\"./libdrv.so\",\"api_version\":\"1.3.7\"}}");
    make_key(fixture, "key", &fixture->key);
    make_key(fixture, "other", &fixture->other);
    add_folder(fixture, fixture->source, &fixture->package);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    store_package_finish(&fixture->package);
    secret_key_finish(&fixture->key);
    secret_key_finish(&fixture->other);
    free(fixture->root);
    free(fixture->source);
    support_delete(fixture->folder);
    free(fixture);
    return 0;
}

static bool sign(const struct fixture *fixture, const struct secret_key *key)
{
    struct error err = {""};
    bool changed = false;
    int result = store_sign(fixture->root, fixture->package.folder_name, key, &changed, &err);

    if (result)
        fail_msg("cannot sign: %d, %s", result, err.text);
    return changed;
}

static int check(const struct fixture *fixture, const struct secret_key *key, struct error *err)
{
    const struct public_key *by;
    int result =
        store_check_signed(fixture->root, fixture->package.folder_name, &key->public, 1, &by, err);

    if (result == 0)
        assert_ptr_equal(by, &key->public);
    return result;
}

static void replace_file(const struct fixture *fixture, const char *name, const char *text)
{
    char *path = support_path(fixture->package.path, "%s", name);
    unlink(path);
    free(path);
    support_write_text(fixture->package.path, name, text);
}

static void test_unsigned(void **state)
{
    struct fixture *fixture = *state;
    struct signature_set set = {.count = 7};
    struct error err;

    assert_int_equal(store_signatures(fixture->root, fixture->package.folder_name, &set, &err), 0);
    assert_int_equal(set.count, 0);
    assert_int_equal(check(fixture, &fixture->key, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "gpupv-catalog.sig"));
}

static void test_signing_keeps_the_package(void **state)
{
    struct fixture *fixture = *state;
    struct store_package again;
    struct stat info;
    bool added;

    assert_true(sign(fixture, &fixture->key));
    assert_int_equal(check(fixture, &fixture->key, NULL), 0);
    assert_int_equal(store_verify(fixture->root, fixture->package.folder_name, NULL), 0);
    assert_int_equal(store_add_folder(fixture->root, fixture->source, NULL, &again, &added, NULL),
                     0);
    assert_false(added);
    assert_string_equal(again.folder_name, fixture->package.folder_name);
    store_package_finish(&again);
    /* Guests of any user read it, and nothing is left where it was written. */
    char *path = support_path(fixture->package.path, SIGNATURE_FILE);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0644);
    free(path);
    assert_int_equal(support_count(fixture->root, ".incoming"), 0);
    /* The same key signs the same way. */
    assert_false(sign(fixture, &fixture->key));
}

static void test_two_keys(void **state)
{
    struct fixture *fixture = *state;
    struct signature_set set;

    assert_true(sign(fixture, &fixture->key));
    assert_true(sign(fixture, &fixture->other));
    assert_int_equal(check(fixture, &fixture->key, NULL), 0);
    assert_int_equal(check(fixture, &fixture->other, NULL), 0);
    assert_int_equal(store_signatures(fixture->root, fixture->package.folder_name, &set, NULL), 0);
    assert_int_equal(set.count, 2);
}

static void test_another_key(void **state)
{
    struct fixture *fixture = *state;
    struct error err;

    assert_true(sign(fixture, &fixture->key));
    assert_int_equal(check(fixture, &fixture->other, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "none of the given keys"));
}

static void test_damaged_package_is_not_signed(void **state)
{
    struct fixture *fixture = *state;
    struct error err;
    bool changed;

    replace_file(fixture, "libdrv.so", "altered");
    assert_int_equal(
        store_sign(fixture->root, fixture->package.folder_name, &fixture->key, &changed, &err),
        -EBADMSG);
    assert_non_null(strstr(err.text, "libdrv.so"));
    assert_false(support_exists(fixture->package.path, SIGNATURE_FILE));
}

static void test_altered_catalog(void **state)
{
    struct fixture *fixture = *state;
    struct catalog *catalog;
    struct error err;
    char *text;
    size_t size;

    assert_true(sign(fixture, &fixture->key));
    assert_int_equal(catalog_load(fixture->package.path, &catalog, NULL), 0);
    catalog->version[0] = '9';
    assert_int_equal(catalog_format(catalog, &text, &size), 0);
    replace_file(fixture, CATALOG_FILE, text);
    free(text);
    catalog_destroy(catalog);
    assert_int_equal(check(fixture, &fixture->key, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, CATALOG_FILE));
    assert_int_equal(store_verify(fixture->root, fixture->package.folder_name, &err), -EBADMSG);
}

static void test_damaged_signature_file(void **state)
{
    struct fixture *fixture = *state;
    struct signature_set set;
    struct error err;

    replace_file(fixture, SIGNATURE_FILE, "rubbish");
    assert_int_equal(store_signatures(fixture->root, fixture->package.folder_name, &set, &err),
                     -EBADMSG);
    assert_non_null(strstr(err.text, SIGNATURE_FILE ":1:"));
    assert_int_equal(check(fixture, &fixture->key, &err), -EBADMSG);
    /* It says nothing, so signing replaces it. */
    assert_true(sign(fixture, &fixture->key));
    assert_int_equal(check(fixture, &fixture->key, NULL), 0);
}

/* The one file beside the catalog: no other name, and no link of that name. */
static void test_only_the_signature_is_tolerated(void **state)
{
    struct fixture *fixture = *state;
    struct error err;
    char *path = support_path(fixture->package.path, SIGNATURE_FILE);

    replace_file(fixture, "gpupv-catalog.sig2", "x");
    assert_int_equal(store_verify(fixture->root, fixture->package.folder_name, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "gpupv-catalog.sig2"));
    char *second = support_path(fixture->package.path, "gpupv-catalog.sig2");
    unlink(second);
    free(second);
    assert_int_equal(store_verify(fixture->root, fixture->package.folder_name, NULL), 0);
    support_write_text(fixture->package.path, "a/" SIGNATURE_FILE, "x");
    assert_int_equal(store_verify(fixture->root, fixture->package.folder_name, &err), -EBADMSG);
    char *folder = support_path(fixture->package.path, "a");
    support_delete(folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(store_verify(fixture->root, fixture->package.folder_name, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "a symbolic link"));
    free(path);
}

static void test_wrong_names(void **state)
{
    struct fixture *fixture = *state;
    const struct public_key *by;
    struct signature_set set;
    bool changed;

    assert_int_equal(store_sign(fixture->root, "../x", &fixture->key, &changed, NULL), -EINVAL);
    assert_int_equal(store_sign(fixture->root, "x", &fixture->key, &changed, NULL), -ENOENT);
    assert_int_equal(store_signatures(fixture->root, "..", &set, NULL), -EINVAL);
    assert_int_equal(store_signatures(fixture->root, "x", &set, NULL), -ENOENT);
    assert_int_equal(store_check_signed(fixture->root, "a/b", &fixture->key.public, 1, &by, NULL),
                     -EINVAL);
}

/* A package that was signed elsewhere brings its signatures along, if it stays the same package. */
static void test_signatures_come_with_a_folder(void **state)
{
    struct fixture *fixture = *state;
    struct store_package package;
    char *first = fixture->root;

    assert_true(sign(fixture, &fixture->key));
    fixture->root = support_path(fixture->folder, "SecondStore");
    add_folder(fixture, fixture->package.path, &package);
    assert_string_equal(package.folder_name, fixture->package.folder_name);
    assert_int_equal(check(fixture, &fixture->key, NULL), 0);
    store_package_finish(&package);

    /* As another version it is another package, which nobody has signed. */
    const struct store_add_options options = {.version = "77"};
    struct signature_set set;
    bool added;
    assert_int_equal(
        store_add_folder(fixture->root, fixture->package.path, &options, &package, &added, NULL),
        0);
    assert_int_equal(store_signatures(fixture->root, package.folder_name, &set, NULL), 0);
    assert_int_equal(set.count, 0);
    store_package_finish(&package);

    /* A damaged signature file is told before anything is added. */
    struct error err;
    char *third = support_path(fixture->folder, "ThirdStore");
    replace_file(fixture, SIGNATURE_FILE, "rubbish");
    assert_int_equal(store_add_folder(third, fixture->package.path, NULL, &package, &added, &err),
                     -EBADMSG);
    assert_int_equal(support_count(third, "FileRepository"), 0);
    free(third);
    free(fixture->root);
    fixture->root = first;
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_unsigned),
        TEST(test_signing_keeps_the_package),
        TEST(test_two_keys),
        TEST(test_another_key),
        TEST(test_damaged_package_is_not_signed),
        TEST(test_altered_catalog),
        TEST(test_damaged_signature_file),
        TEST(test_only_the_signature_is_tolerated),
        TEST(test_wrong_names),
        TEST(test_signatures_come_with_a_folder),
    };

    return cmocka_run_group_tests_name("store_sign", tests, NULL, NULL);
}

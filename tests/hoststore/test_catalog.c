/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
#define FILE_ENTRY(path, size, digest)                                                             \
    "{\"path\":" path ",\"size\":" size ",\"digest\":\"" digest "\"}"
#define CATALOG_WITH(version, name, manifest, files)                                               \
    "{\"catalog_version\":" version ",\"name\":" name ",\"version\":\"1.0\",\"architecture\":"     \
    "\"x86_64\",\"manifest\":" manifest ",\"digest_algorithm\":\"blake2b-256\",\"files\":" files "}"
#define FILES(files) CATALOG_WITH("1", "\"drv\"", "\"m.json\"", files)
#define MANIFEST_ENTRY FILE_ENTRY("\"m.json\"", "0", DIGEST)

static int parse(const char *text, struct catalog **catalog, struct error *err)
{
    return catalog_parse("c.json", text, strlen(text), catalog, err);
}

static void catalogs_are_read(void **state)
{
    (void)state;
    struct catalog *catalog;
    assert_int_equal(parse(FILES("[" FILE_ENTRY("\"z/lib.so\"", "9223372036854775807", DIGEST)
                                 "," MANIFEST_ENTRY "," FILE_ENTRY("\"a\"", "7", DIGEST) "]"),
                           &catalog, NULL),
                     0);
    assert_string_equal(catalog->name, "drv");
    assert_string_equal(catalog->version, "1.0");
    assert_string_equal(catalog->architecture, "x86_64");
    assert_string_equal(catalog->manifest, "m.json");
    assert_int_equal(catalog->file_count, 3);
    assert_string_equal(catalog->files[0].path, "a");
    assert_string_equal(catalog->files[2].path, "z/lib.so");
    assert_true(catalog->files[2].size == INT64_MAX);
    assert_int_equal(catalog->files[0].digest[0], 0x0e);
    assert_int_equal(catalog->files[0].digest[31], 0xa8);
    assert_ptr_equal(catalog_find(catalog, "m.json"), &catalog->files[1]);
    assert_null(catalog_find(catalog, "m.jso"));
    assert_null(catalog_find(catalog, ""));

    /* What is written is read back the same, and written again the same. */
    char *text, *again;
    size_t size, again_size;
    struct catalog *copy;
    assert_int_equal(catalog_format(catalog, &text, &size), 0);
    assert_int_equal(catalog_parse("c", text, size, &copy, NULL), 0);
    assert_int_equal(copy->file_count, 3);
    assert_memory_equal(copy->files[1].digest, catalog->files[1].digest, CATALOG_DIGEST_SIZE);
    assert_int_equal(catalog_format(copy, &again, &again_size), 0);
    assert_int_equal(size, again_size);
    assert_string_equal(text, again);
    free(text);
    free(again);
    catalog_destroy(copy);
    catalog_destroy(catalog);
    catalog_destroy(NULL);
}

static void faults_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *part;
    } cases[] = {
        {"{", -EINVAL, "ends too early"},
        {"{}", -EINVAL, "catalog_version"},
        {CATALOG_WITH("2", "\"drv\"", "\"m.json\"", "[" MANIFEST_ENTRY "]"), -EINVAL, "version 2"},
        {CATALOG_WITH("1.0", "\"drv\"", "\"m.json\"", "[" MANIFEST_ENTRY "]"), -EINVAL,
         "catalog_version"},
        {CATALOG_WITH("1", "\"a/b\"", "\"m.json\"", "[" MANIFEST_ENTRY "]"), -EINVAL, "\"name\""},
        {CATALOG_WITH("1", "\"..\"", "\"m.json\"", "[" MANIFEST_ENTRY "]"), -EINVAL, "\"name\""},
        {CATALOG_WITH("1", "7", "\"m.json\"", "[" MANIFEST_ENTRY "]"), -EINVAL, "\"name\""},
        {CATALOG_WITH("1", "\"drv\"", "\"other.json\"", "[" MANIFEST_ENTRY "]"), -EINVAL,
         "other.json is not among"},
        {CATALOG_WITH("1", "\"drv\"", "\"../m.json\"", "[" MANIFEST_ENTRY "]"), -EPERM,
         "\"manifest\""},
        {FILES("{}"), -EINVAL, "\"files\" must be an array"},
        {FILES("[]"), -EINVAL, "\"files\" must have"},
        {FILES("[1]"), -EINVAL, "files[0]"},
        {FILES("[null]"), -EINVAL, "files[0]"},
        {FILES("[" MANIFEST_ENTRY "," MANIFEST_ENTRY "]"), -EINVAL, "lists m.json twice"},
        {FILES("[" MANIFEST_ENTRY "," FILE_ENTRY("\"../x\"", "1", DIGEST) "]"), -EPERM,
         "files[1]: \"path\""},
        {FILES("[" FILE_ENTRY("\"/etc/x\"", "1", DIGEST) "]"), -EPERM, "absolute"},
        {FILES("[" FILE_ENTRY("\"a//b\"", "1", DIGEST) "]"), -EPERM, "files[0]"},
        {FILES("[" FILE_ENTRY("\"a\\\\b\"", "1", DIGEST) "]"), -EPERM, "backslash"},
        {FILES("[" FILE_ENTRY("\"a\\u0000\"", "1", DIGEST) "]"), -EINVAL, "NUL"},
        {FILES("[" FILE_ENTRY("\"gpupv-catalog.json\"", "1", DIGEST) "]"), -EINVAL, "itself"},
        {FILES("[" FILE_ENTRY("\"a\"", "-1", DIGEST) "]"), -EINVAL, "\"size\""},
        {FILES("[" FILE_ENTRY("\"a\"", "1.5", DIGEST) "]"), -EINVAL, "\"size\""},
        {FILES("[" FILE_ENTRY("\"a\"", "\"1\"", DIGEST) "]"), -EINVAL, "\"size\""},
        {FILES("[" FILE_ENTRY("\"a\"", "1", "00") "]"), -EINVAL, "\"digest\""},
        {FILES("[" FILE_ENTRY("\"a\"", "1", DIGEST "00") "]"), -EINVAL, "\"digest\""},
        {FILES("[" FILE_ENTRY("\"a\"", "1", "0E5751c026e543b2e8ab2eb06099daa1"
                                             "d1e5df47778f7787faab45cdf12fe3a8") "]"),
         -EINVAL, "\"digest\""},
        {FILES("[" FILE_ENTRY("\"a\"", "1", "ge5751c026e543b2e8ab2eb06099daa1"
                                             "d1e5df47778f7787faab45cdf12fe3a8") "]"),
         -EINVAL, "\"digest\""},
        {FILES("[{\"path\":\"a\",\"size\":1}]"), -EINVAL, "\"digest\" is missing"},
        {FILES("[{\"size\":1,\"digest\":\"" DIGEST "\"}]"), -EINVAL, "\"path\" is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct catalog *catalog;
        struct error err = {""};
        int result = parse(cases[i].text, &catalog, &err);
        if (result != cases[i].code || !strstr(err.text, "c.json") ||
            !strstr(err.text, cases[i].part))
            fail_msg("%s: %d, \"%s\" does not tell \"%s\"", cases[i].text, result, err.text,
                     cases[i].part);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    for (int folders = CATALOG_MAX_DEPTH; folders <= CATALOG_MAX_DEPTH + 1; folders++) {
        char path[256] = "", text[2048];
        for (int i = 0; i < folders; i++)
            strcat(path, "a/");
        snprintf(text, sizeof(text),
                 FILES("[" MANIFEST_ENTRY ",{\"path\":\"%sx\",\"size\":1,\"digest\":\"" DIGEST
                       "\"}]"),
                 path);
        struct catalog *catalog = NULL;
        assert_int_equal(parse(text, &catalog, NULL),
                         folders <= CATALOG_MAX_DEPTH ? 0 : -EINVAL);
        catalog_destroy(catalog);
    }
}

/* The digest that `b2sum -l 256` prints for no bytes at all, and for "abc". */
static void digests_are_blake2b(void **state)
{
    (void)state;
    static const uint8_t of_abc[] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72};
    static const uint8_t of_nothing[] = {0x0e, 0x57, 0x51, 0xc0, 0x26, 0xe5, 0x43, 0xb2};
    char *folder = support_folder();
    support_write_text(folder, "abc", "abc");
    support_write_text(folder, "nothing", "");
    char *path = support_path(folder, "abc");
    int fd = open(path, O_RDONLY);
    free(path);
    uint8_t digest[CATALOG_DIGEST_SIZE];
    uint64_t size;
    /* The position does not matter. */
    assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
    assert_int_equal(catalog_digest(fd, digest, &size), 0);
    assert_int_equal(size, 3);
    assert_memory_equal(digest, of_abc, sizeof(of_abc));
    close(fd);

    path = support_path(folder, "nothing");
    fd = open(path, O_RDONLY);
    free(path);
    assert_int_equal(catalog_digest(fd, digest, &size), 0);
    assert_int_equal(size, 0);
    assert_memory_equal(digest, of_nothing, sizeof(of_nothing));
    close(fd);
    assert_int_equal(catalog_digest(-1, digest, &size), -EBADF);
    support_delete(folder);
}

/* A package with a manifest, a library in a folder, and a file whose name sorts between that
 * folder's name and what is in it. */
struct package {
    char *folder;
    struct catalog *catalog;
};

static int make_package(void **state)
{
    static const char *const paths[] = {"drv.json", "lib/sub/drv.so", "lib-data"};
    struct package *package = calloc(1, sizeof(*package));
    assert_non_null(package);
    package->folder = support_folder();
    support_write_text(package->folder, "drv.json", "{}");
    support_write_text(package->folder, "lib/sub/drv.so", "library");
    support_write_text(package->folder, "lib-data", "data");
    package->catalog = support_catalog(package->folder, paths, 3);
    *state = package;
    return 0;
}

static int drop_package(void **state)
{
    struct package *package = *state;
    catalog_destroy(package->catalog);
    support_delete(package->folder);
    free(package);
    return 0;
}

static void assert_fails(const struct package *package, const char *name, const char *cause)
{
    struct error err = {""};
    assert_int_equal(catalog_verify(package->catalog, package->folder, &err), -EBADMSG);
    if (!strstr(err.text, name) || !strstr(err.text, cause))
        fail_msg("\"%s\" does not tell \"%s\" and \"%s\"", err.text, name, cause);
}

static void delete_file(const struct package *package, const char *name)
{
    char *path = support_path(package->folder, "%s", name);
    assert_int_equal(remove(path), 0);
    free(path);
}

static void whole_packages_pass(void **state)
{
    const struct package *package = *state;
    struct error err = {""};
    assert_int_equal(catalog_verify(package->catalog, package->folder, &err), 0);
    struct catalog *loaded;
    assert_int_equal(catalog_load(package->folder, &loaded, &err), 0);
    assert_int_equal(catalog_verify(loaded, package->folder, &err), 0);
    catalog_destroy(loaded);
    assert_string_equal(err.text, "");
}

static void altered_byte_fails(void **state)
{
    support_write_text(((struct package *)*state)->folder, "lib/sub/drv.so", "librarz");
    assert_fails(*state, "lib/sub/drv.so", "altered");
}

static void truncated_file_fails(void **state)
{
    support_write_text(((struct package *)*state)->folder, "lib/sub/drv.so", "librar");
    assert_fails(*state, "lib/sub/drv.so", "has 6 bytes, the catalog says 7");
}

static void missing_file_fails(void **state)
{
    delete_file(*state, "lib-data");
    assert_fails(*state, "lib-data", "missing");
}

static void missing_folder_fails(void **state)
{
    delete_file(*state, "lib/sub/drv.so");
    delete_file(*state, "lib/sub");
    assert_fails(*state, "lib/sub/drv.so", "missing");
}

static void extra_file_fails(void **state)
{
    support_write_text(((struct package *)*state)->folder, "lib/extra.so", "x");
    assert_fails(*state, "lib/extra.so", "not in the catalog");
}

static void extra_folder_fails(void **state)
{
    char *path = support_path(((struct package *)*state)->folder, "lib/extra");
    assert_int_equal(mkdir(path, 0755), 0);
    free(path);
    assert_fails(*state, "lib/extra", "not in the catalog");
}

static void second_catalog_below_fails(void **state)
{
    support_write_text(((struct package *)*state)->folder, "lib/" CATALOG_FILE, "{}");
    assert_fails(*state, "lib/" CATALOG_FILE, "not in the catalog");
}

static void link_instead_of_file_fails(void **state)
{
    const struct package *package = *state;
    /* Even to a file with the right contents. */
    char *other = support_folder();
    support_write_text(other, "data", "data");
    delete_file(package, "lib-data");
    char *path = support_path(package->folder, "lib-data"), *target = support_path(other, "data");
    assert_int_equal(symlink(target, path), 0);
    free(path);
    free(target);
    assert_fails(package, "lib-data", "symbolic link");
    support_delete(other);
}

static void link_on_the_way_fails(void **state)
{
    const struct package *package = *state;
    char *other = support_folder();
    support_write_text(other, "drv.so", "library");
    delete_file(package, "lib/sub/drv.so");
    delete_file(package, "lib/sub");
    char *path = support_path(package->folder, "lib/sub");
    assert_int_equal(symlink(other, path), 0);
    free(path);
    assert_fails(package, "lib/sub", "symbolic link");
    support_delete(other);
}

static void link_as_package_fails(void **state)
{
    const struct package *package = *state;
    char *other = support_folder();
    char *path = support_path(other, "package");
    assert_int_equal(symlink(package->folder, path), 0);
    struct error err = {""};
    assert_int_equal(catalog_verify(package->catalog, path, &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "symbolic link"));
    struct catalog *loaded;
    assert_int_equal(catalog_load(path, &loaded, &err), -ENOTDIR);
    free(path);
    support_delete(other);
}

static void folder_instead_of_file_fails(void **state)
{
    const struct package *package = *state;
    delete_file(package, "lib-data");
    support_write_text(package->folder, "lib-data/x", "data");
    assert_fails(package, "lib-data", "is a folder");
}

static void file_instead_of_folder_fails(void **state)
{
    const struct package *package = *state;
    delete_file(package, "lib/sub/drv.so");
    delete_file(package, "lib/sub");
    support_write_text(package->folder, "lib/sub", "x");
    assert_fails(package, "lib/sub", "not in the catalog");
}

static void pipe_instead_of_file_fails(void **state)
{
    const struct package *package = *state;
    delete_file(package, "lib-data");
    char *path = support_path(package->folder, "lib-data");
    assert_int_equal(mkfifo(path, 0644), 0);
    free(path);
    assert_fails(package, "lib-data", "pipe");
}

static void catalog_must_be_a_file(void **state)
{
    const struct package *package = *state;
    struct catalog *loaded;
    struct error err = {""};
    char *path = support_path(package->folder, CATALOG_FILE);
    char *moved = support_path(package->folder, "lib-data");
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(catalog_load(package->folder, &loaded, &err), -ENOENT);
    assert_int_equal(symlink("lib-data", path), 0);
    assert_int_equal(catalog_load(package->folder, &loaded, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "symbolic link"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(catalog_load(package->folder, &loaded, &err), -EBADMSG);
    free(path);
    free(moved);

    path = support_path(package->folder, "nowhere");
    assert_int_equal(catalog_load(path, &loaded, &err), -ENOENT);
    free(path);
}

static void unlisted_trees_are_not_walked(void **state)
{
    const struct package *package = *state;
    char *path = support_path(package->folder, "lib");
    for (int i = 0; i < 200; i++) {
        char *deeper = support_path(path, "d");
        assert_int_equal(mkdir(deeper, 0755), 0);
        free(path);
        path = deeper;
    }
    free(path);
    assert_fails(package, "lib/d", "not in the catalog");
}

#define package_test(function) cmocka_unit_test_setup_teardown(function, make_package, drop_package)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogs_are_read),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(digests_are_blake2b),
        package_test(whole_packages_pass),
        package_test(altered_byte_fails),
        package_test(truncated_file_fails),
        package_test(missing_file_fails),
        package_test(missing_folder_fails),
        package_test(extra_file_fails),
        package_test(extra_folder_fails),
        package_test(second_catalog_below_fails),
        package_test(link_instead_of_file_fails),
        package_test(link_on_the_way_fails),
        package_test(link_as_package_fails),
        package_test(folder_instead_of_file_fails),
        package_test(file_instead_of_folder_fails),
        package_test(pipe_instead_of_file_fails),
        package_test(catalog_must_be_a_file),
        package_test(unlisted_trees_are_not_walked),
    };
    return cmocka_run_group_tests_name("hoststore catalogs", tests, NULL, NULL);
}

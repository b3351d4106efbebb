/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hoststore/elf_file.h"
#include "hoststore/icd_manifest.h"
#include "hoststore/store.h"
#include "util/log.h"

/* A store that is not there yet, and a folder with a driver: drv.x86_64.json (or the machine's
 * architecture) beside libdrv.so. */
struct fixture {
    char *folder; /* holds the next two */
    char *root;
    char *source;
    char *manifest;
    const char *architecture;
};

#define MANIFEST(path)                                                                             \
    "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"" path                         \
    "\",\"api_version\":\"1.3.7\"}}"

static int make_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->folder = support_folder();
    fixture->root = support_path(fixture->folder, "DriverStore");
    fixture->source = support_path(fixture->folder, "source");
    fixture->architecture = elf_architecture_native()->name;
    support_copy(fixture->source, "libdrv.so", support_library());
    fixture->manifest = support_path(fixture->source, "drv.%s.json", fixture->architecture);
    char *name = support_path("source", "drv.%s.json", fixture->architecture);
    support_write_text(fixture->folder, name, MANIFEST("./libdrv.so"));
    free(name);
    *state = fixture;
    return 0;
}

static int drop_fixture(void **state)
{
    struct fixture *fixture = *state;
    free(fixture->root);
    free(fixture->source);
    free(fixture->manifest);
    support_delete(fixture->folder);
    free(fixture);
    return 0;
}

static void add(const struct fixture *fixture, struct store_package *package, bool expect_added)
{
    struct error err = {""};
    bool added;
    int result =
        store_add_manifest(fixture->root, fixture->manifest, NULL, package, &added, &err);
    if (result)
        fail_msg("cannot add: %d, %s", result, err.text);
    assert_int_equal(added, expect_added);
}

static void assert_add_fails(const struct fixture *fixture, int code, const char *part)
{
    struct store_package package;
    struct error err = {""};
    bool added;
    int result =
        store_add_manifest(fixture->root, fixture->manifest, NULL, &package, &added, &err);
    if (result != code || !strstr(err.text, part))
        fail_msg("adding gives %d, \"%s\" does not tell \"%s\"", result, err.text, part);
    assert_true(support_count(fixture->root, "FileRepository") <= 0);
    assert_true(support_count(fixture->root, ".incoming") <= 0);
}

static void assert_folder_fails(const struct fixture *fixture, int code, const char *part)
{
    struct store_package package;
    struct error err = {""};
    bool added;
    int result = store_add_folder(fixture->root, fixture->source, NULL, &package, &added, &err);
    if (result != code || !strstr(err.text, part))
        fail_msg("adding gives %d, \"%s\" does not tell \"%s\"", result, err.text, part);
    assert_true(support_count(fixture->root, "FileRepository") <= 0);
    assert_true(support_count(fixture->root, ".incoming") <= 0);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode;
}

static void assert_same_contents(const char *left, const char *right)
{
    uint8_t digests[2][CATALOG_DIGEST_SIZE];
    uint64_t sizes[2];
    const char *const paths[] = {left, right};
    for (int i = 0; i < 2; i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(catalog_digest(fd, digests[i], &sizes[i]), 0);
        close(fd);
    }
    assert_memory_equal(digests[0], digests[1], CATALOG_DIGEST_SIZE);
}

static void manifest_becomes_a_package(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package package;
    mode_t mask = umask(077);
    add(fixture, &package, true);
    umask(mask);

    assert_string_equal(package.name, "drv");
    assert_string_equal(package.version, "1.3.7");
    assert_string_equal(package.architecture, fixture->architecture);
    char prefix[128];
    snprintf(prefix, sizeof(prefix), "drv_1.3.7_%s_", fixture->architecture);
    assert_int_equal(strncmp(package.folder_name, prefix, strlen(prefix)), 0);
    assert_int_equal(strlen(package.folder_name), strlen(prefix) + 16);
    assert_int_equal(strspn(package.folder_name + strlen(prefix), "0123456789abcdef"), 16);

    char *path = support_path(fixture->root, "FileRepository/%s", package.folder_name);
    assert_string_equal(package.path, path);
    free(path);
    path = support_path(package.path, "drv.json");
    assert_string_equal(package.manifest_path, path);
    free(path);
    path = support_path(package.path, "libdrv.so");
    assert_string_equal(package.library_path, path);
    free(path);
    assert_int_equal(support_count(package.path, "."), 3);

    /* Readable for guests of any user, whatever the umask was. */
    assert_int_equal(mode_of(package.path) & 07777, 0755);
    assert_int_equal(mode_of(package.manifest_path), S_IFREG | 0644);
    assert_int_equal(mode_of(package.library_path), S_IFREG | 0755);
    assert_int_equal(mode_of(fixture->root) & 07777, 0755);
    assert_same_contents(package.library_path, support_library());

    struct icd_manifest manifest;
    assert_int_equal(icd_manifest_load(package.manifest_path, &manifest, NULL), 0);
    assert_string_equal(manifest.library_path, "./libdrv.so");
    icd_manifest_finish(&manifest);

    assert_int_equal(store_verify(fixture->root, package.folder_name, NULL), 0);
    assert_int_equal(support_count(fixture->root, ".incoming"), 0);
    store_package_finish(&package);
    assert_null(package.path);
}

static void adding_twice_gives_one_package(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package first, second;
    add(fixture, &first, true);
    add(fixture, &second, false);
    assert_string_equal(first.folder_name, second.folder_name);
    assert_int_equal(support_count(fixture->root, "FileRepository"), 1);
    assert_int_equal(support_count(fixture->root, ".incoming"), 0);
    store_package_finish(&second);

    /* Other contents are another package beside it. */
    support_write_text(fixture->source, strrchr(fixture->manifest, '/') + 1,
                       "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":"
                       "\"libdrv.so\",\"api_version\":\"1.3.8\"},\"note\":1}");
    struct fixture beside = *fixture;
    struct error err;
    char *old = getenv("LD_LIBRARY_PATH");
    char *kept = old ? strdup(old) : NULL;
    setenv("LD_LIBRARY_PATH", fixture->source, 1);
    add(&beside, &second, true);
    if (kept)
        setenv("LD_LIBRARY_PATH", kept, 1);
    else
        unsetenv("LD_LIBRARY_PATH");
    free(kept);
    assert_string_not_equal(first.folder_name, second.folder_name);
    assert_int_equal(store_verify(fixture->root, first.folder_name, &err), 0);
    assert_int_equal(store_verify(fixture->root, second.folder_name, &err), 0);
    store_package_finish(&first);
    store_package_finish(&second);
}

static void options_name_the_package(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package package;
    bool added;
    struct error err = {""};
    const struct store_add_options options = {.name = "../my driver", .version = "22.3.6/x"};
    assert_int_equal(store_add_manifest(fixture->root, fixture->manifest, &options, &package,
                                        &added, &err),
                     0);
    assert_string_equal(package.name, "_.-my-driver");
    assert_string_equal(package.version, "22.3.6-x");
    assert_int_equal(store_verify(fixture->root, package.folder_name, &err), 0);
    store_package_finish(&package);

    const struct store_add_options empty = {.name = ""};
    assert_int_equal(store_add_manifest(fixture->root, fixture->manifest, &empty, &package, &added,
                                        &err),
                     -EINVAL);
    const struct store_add_options unknown = {.architecture = "vax"};
    assert_int_equal(store_add_manifest(fixture->root, fixture->manifest, &unknown, &package,
                                        &added, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "vax"));
    const struct store_add_options other = {
        .architecture = strcmp(fixture->architecture, "arm") != 0 ? "arm" : "i386"};
    assert_int_equal(store_add_manifest(fixture->root, fixture->manifest, &other, &package, &added,
                                        &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, fixture->architecture));
}

static void links_of_the_source_are_followed(void **state)
{
    const struct fixture *fixture = *state;
    char *real = support_path(fixture->source, "libdrv.so.1.2");
    char *link = support_path(fixture->source, "libdrv.so");
    assert_int_equal(rename(link, real), 0);
    assert_int_equal(symlink("libdrv.so.1.2", link), 0);
    struct store_package package;
    add(fixture, &package, true);
    assert_true(S_ISREG(mode_of(package.library_path)));
    assert_string_equal(strrchr(package.library_path, '/'), "/libdrv.so");
    assert_same_contents(package.library_path, support_library());
    store_package_finish(&package);
    free(real);
    free(link);
}

static void relative_roots_give_absolute_paths(void **state)
{
    const struct fixture *fixture = *state;
    char *old = getcwd(NULL, 0);
    assert_int_equal(chdir(fixture->folder), 0);
    struct store_package package;
    bool added;
    assert_int_equal(store_add_manifest("DriverStore/", fixture->manifest, NULL, &package, &added,
                                        NULL),
                     0);
    assert_int_equal(package.path[0], '/');
    assert_true(S_ISDIR(mode_of(package.path)));
    store_package_finish(&package);
    assert_int_equal(chdir(old), 0);
    free(old);
}

static void bad_sources_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    const char *name = strrchr(fixture->manifest, '/') + 1;
    support_write_text(fixture->source, name, "no json");
    assert_add_fails(fixture, -EINVAL, "not valid JSON");
    support_write_text(fixture->source, name, MANIFEST("./nowhere.so"));
    assert_add_fails(fixture, -ENOENT, "nowhere.so");
    support_write_text(fixture->source, name, MANIFEST("libgpupv-nowhere-at-all.so"));
    assert_add_fails(fixture, -ENOENT, "LD_LIBRARY_PATH");
    support_write_text(fixture->source, name, MANIFEST("./."));
    assert_add_fails(fixture, -EINVAL, "not a regular file");
    support_write_text(fixture->source, name, MANIFEST("./text.so"));
    support_write_text(fixture->source, "text.so", "INPUT(libdrv.so)");
    assert_add_fails(fixture, -EINVAL, "no ELF file");
    support_write_text(fixture->source, "text.so", "");
    assert_add_fails(fixture, -EINVAL, "no ELF file");

    char header[64] = "\177ELF\2\1\1";
    header[16] = 1; /* ET_REL */
    header[18] = 62;
    support_write(fixture->source, "text.so", header, sizeof(header));
    assert_add_fails(fixture, -EINVAL, "no shared library");
    header[16] = 3; /* ET_DYN */
    header[18] = 1;
    support_write(fixture->source, "text.so", header, sizeof(header));
    assert_add_fails(fixture, -EINVAL, "machine that is not known");
    support_write(fixture->source, "text.so", header, 52);
    assert_add_fails(fixture, -EINVAL, "no ELF file");
    header[18] = 62; /* x86-64, but the manifest says 32 bits */
    support_write(fixture->source, "text.so", header, sizeof(header));
    support_write_text(fixture->source, name,
                       MANIFEST("./text.so\",\"library_arch\":\"32"));
    assert_add_fails(fixture, -EINVAL, "library_arch");
}

static void foreign_architectures_are_read(void **state)
{
    const struct fixture *fixture = *state;
    static const struct {
        uint8_t bits, machine;
        const char *name;
    } cases[] = {{2, 62, "x86_64"}, {1, 3, "i386"}, {2, 183, "aarch64"}, {1, 40, "arm"},
                 {2, 243, "riscv64"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t header[64] = {0x7f, 'E', 'L', 'F', cases[i].bits, 1, 1};
        header[16] = 3;
        header[18] = cases[i].machine;
        support_write(fixture->source, "libdrv.so", header, sizeof(header));
        struct store_package package;
        add(fixture, &package, true);
        assert_string_equal(package.architecture, cases[i].name);
        store_package_finish(&package);
    }
}

static void folders_become_packages(void **state)
{
    const struct fixture *fixture = *state;
    char *old = support_path(fixture->source, "libdrv.so");
    assert_int_equal(unlink(old), 0);
    assert_int_equal(unlink(fixture->manifest), 0);
    free(old);
    support_copy(fixture->source, "lib/libdrv.so", support_library());
    support_write_text(fixture->source, "share/vulkan/icd.d/drv.json",
                       MANIFEST("../../../lib/libdrv.so"));
    support_write_text(fixture->source, "share/doc.json", "{\"no\":\"manifest\"}");
    support_write_text(fixture->source, "empty", "");
    char *empty = support_path(fixture->source, "folder");
    assert_int_equal(mkdir(empty, 0755), 0);
    free(empty);

    struct store_package package;
    struct error err = {""};
    bool added;
    int result = store_add_folder(fixture->root, fixture->source, NULL, &package, &added, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(result, 0);
    assert_true(added);
    assert_string_equal(package.name, "source");
    assert_string_equal(package.version, "1.3.7");
    assert_true(support_exists(package.path, "lib/libdrv.so"));
    assert_true(support_exists(package.path, "empty"));
    assert_false(support_exists(package.path, "folder"));
    assert_int_equal(strcmp(package.library_path + strlen(package.path), "/lib/libdrv.so"), 0);
    assert_int_equal(mode_of(package.library_path), S_IFREG | 0755);
    assert_int_equal(store_verify(fixture->root, package.folder_name, &err), 0);

    /* A package can be added to another store, and is the same there. */
    char *second = support_path(fixture->folder, "second");
    struct store_package copy;
    assert_int_equal(store_add_folder(second, package.path, NULL, &copy, &added, &err), 0);
    assert_string_equal(copy.folder_name, package.folder_name);
    store_package_finish(&copy);

    /* But not when it was damaged on the way. */
    support_write_text(package.path, "empty", "no more");
    char *third = support_path(fixture->folder, "third");
    assert_int_equal(store_add_folder(third, package.path, NULL, &copy, &added, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "empty"));
    assert_int_equal(support_count(third, "FileRepository"), 0);
    free(third);
    free(second);
    store_package_finish(&package);
}

static void bad_folders_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    const char *name = strrchr(fixture->manifest, '/') + 1;
    support_write_text(fixture->source, name, MANIFEST("/usr/lib/libdrv.so"));
    assert_folder_fails(fixture, -EPERM, "absolute");
    support_write_text(fixture->source, name, MANIFEST("../libdrv.so"));
    assert_folder_fails(fixture, -EPERM, "leads out of the package");
    support_write_text(fixture->source, name, MANIFEST("./other.so"));
    assert_folder_fails(fixture, -ENOENT, "other.so");
    support_write_text(fixture->source, name, MANIFEST("./"));
    assert_folder_fails(fixture, -EINVAL, "folder");
    support_write_text(fixture->source, name, "{\"ICD\":{}}");
    assert_folder_fails(fixture, -EINVAL, "file_format_version");
    assert_int_equal(unlink(fixture->manifest), 0);
    assert_folder_fails(fixture, -EINVAL, "no ICD manifest");
    support_write_text(fixture->source, "a.json", MANIFEST("./libdrv.so"));
    support_write_text(fixture->source, "b.json", MANIFEST("./libdrv.so"));
    assert_folder_fails(fixture, -EINVAL, "two ICD manifests");

    struct store_package package;
    struct error err;
    bool added;
    assert_int_equal(store_add_folder(fixture->root, "/nowhere/at/all", NULL, &package, &added,
                                      &err),
                     -ENOENT);
    assert_int_equal(store_add_folder(fixture->root, fixture->folder, NULL, &package, &added, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "lies in the folder"));
}

static void links_in_folders_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    char *path = support_path(fixture->source, "link");
    assert_int_equal(symlink("libdrv.so", path), 0);
    assert_folder_fails(fixture, -EBADMSG, "link is a symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc", path), 0);
    assert_folder_fails(fixture, -EBADMSG, "link is a symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_folder_fails(fixture, -EBADMSG, "link is a pipe");
    assert_int_equal(unlink(path), 0);
    free(path);
    support_write_text(fixture->source, "bad\nname", "x");
    assert_folder_fails(fixture, -EPERM, "control character");
}

static void deep_folders_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    char path[128] = "";
    for (int i = 0; i < CATALOG_MAX_DEPTH + 1; i++)
        strcat(path, "d/");
    strcat(path, "x");
    support_write_text(fixture->source, path, "x");
    assert_folder_fails(fixture, -EBADMSG, "deeper than");
}

static void stores_are_listed(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package *list, package;
    size_t count;
    struct error err = {""};
    assert_int_equal(store_list(fixture->root, &list, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_null(list);

    const struct store_add_options options[] = {{.name = "zz"}, {.name = "aa"}};
    bool added;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_add_manifest(fixture->root, fixture->manifest, &options[i],
                                            &package, &added, &err),
                         0);
        store_package_finish(&package);
    }
    /* None of these is a package. */
    support_write_text(fixture->root, "FileRepository/file", "x");
    support_write_text(fixture->root, "FileRepository/no-catalog/x", "x");
    support_write_text(fixture->root, "FileRepository/bad-catalog/" CATALOG_FILE, "{");
    support_write_text(fixture->root, "FileRepository/.hidden/x", "x");

    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(store_list(fixture->root, &list, &count, &err), 0);
    log_set_level(LOG_LEVEL_WARNING);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "aa");
    assert_string_equal(list[1].name, "zz");
    assert_false(list[0].in_use);
    assert_true(list[0].size > 100);

    int hold;
    assert_int_equal(store_hold(fixture->root, list[1].folder_name, &hold, &err), 0);
    char *held = strdup(list[1].folder_name);
    for (size_t i = 0; i < count; i++)
        store_package_finish(&list[i]);
    free(list);
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(store_list(fixture->root, &list, &count, &err), 0);
    log_set_level(LOG_LEVEL_WARNING);
    assert_false(list[0].in_use);
    assert_true(list[1].in_use);
    close(hold);
    free(held);
    for (size_t i = 0; i < count; i++)
        store_package_finish(&list[i]);
    free(list);
}

static void folder_names_are_checked(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package package;
    add(fixture, &package, true);
    store_package_finish(&package);
    static const char *const bad[] = {"", ".", "..", "../FileRepository", "a/b", ".incoming",
                                      "a b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd;
        assert_int_equal(store_get(fixture->root, bad[i], &package, NULL), -EINVAL);
        assert_int_equal(store_verify(fixture->root, bad[i], NULL), -EINVAL);
        assert_int_equal(store_remove(fixture->root, bad[i], NULL), -EINVAL);
        assert_int_equal(store_hold(fixture->root, bad[i], &fd, NULL), -EINVAL);
    }
    int fd;
    assert_int_equal(store_get(fixture->root, "none", &package, NULL), -ENOENT);
    assert_int_equal(store_verify(fixture->root, "none", NULL), -ENOENT);
    assert_int_equal(store_remove(fixture->root, "none", NULL), -ENOENT);
    assert_int_equal(store_hold(fixture->root, "none", &fd, NULL), -ENOENT);
    assert_int_equal(store_hold("/nowhere/at/all", "none", &fd, NULL), -ENOENT);
}

static void damage_is_found(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package package, again;
    struct error err = {""};
    bool added;
    add(fixture, &package, true);
    int fd = open(package.library_path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "X", 1, 100), 1);
    close(fd);
    assert_int_equal(store_verify(fixture->root, package.folder_name, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "libdrv.so"));

    /* It is not taken for the package that is added again; once removed, it can be. */
    assert_int_equal(store_add_manifest(fixture->root, fixture->manifest, NULL, &again, &added,
                                        &err),
                     -EBADMSG);
    assert_non_null(strstr(err.text, "remove"));
    assert_int_equal(store_remove(fixture->root, package.folder_name, &err), 0);
    add(fixture, &again, true);
    assert_string_equal(again.folder_name, package.folder_name);
    store_package_finish(&again);

    /* A catalog that was changed with the files does not fit the folder's name. */
    support_write_text(package.path, "extra", "x");
    static const char *const paths[] = {"drv.json", "extra", "libdrv.so"};
    catalog_destroy(support_catalog(package.path, paths, 3));
    assert_int_equal(store_verify(fixture->root, package.folder_name, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "catalog was altered"));
    store_package_finish(&package);
}

static void packages_in_use_stay(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package package;
    struct error err = {""};
    add(fixture, &package, true);
    int first, second;
    assert_int_equal(store_hold(fixture->root, package.folder_name, &first, &err), 0);
    assert_int_equal(store_hold(fixture->root, package.folder_name, &second, &err), 0);
    assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(store_remove(fixture->root, package.folder_name, &err), -EBUSY);
    assert_non_null(strstr(err.text, "in use"));
    close(first);
    assert_int_equal(store_remove(fixture->root, package.folder_name, &err), -EBUSY);
    assert_int_equal(store_verify(fixture->root, package.folder_name, &err), 0);
    close(second);
    assert_int_equal(store_remove(fixture->root, package.folder_name, &err), 0);
    assert_int_equal(support_count(fixture->root, "FileRepository"), 0);
    assert_int_equal(support_count(fixture->root, ".incoming"), 0);
    assert_int_equal(store_hold(fixture->root, package.folder_name, &first, &err), -ENOENT);
    store_package_finish(&package);
}

/* A guest sees the package's folder, and whoever can open a folder can lock it. */
static void locks_in_the_repository_mean_nothing(void **state)
{
    const struct fixture *fixture = *state;
    struct store_package package;
    struct error err = {""};
    add(fixture, &package, true);
    int guest = open(package.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(guest >= 0);
    assert_int_equal(flock(guest, LOCK_EX), 0);
    int held;
    assert_int_equal(store_hold(fixture->root, package.folder_name, &held, &err), 0);
    close(held);
    assert_int_equal(store_remove(fixture->root, package.folder_name, &err), 0);
    assert_int_equal(support_count(fixture->root, ".locks"), 0);
    close(guest);
    store_package_finish(&package);
}

static void set_age(const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = time(NULL) - seconds},
                                      {.tv_sec = time(NULL) - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void old_leftovers_are_cleaned(void **state)
{
    const struct fixture *fixture = *state;
    support_write_text(fixture->root, ".incoming/old/deep/file", "x");
    support_write_text(fixture->root, ".incoming/locked/file", "x");
    support_write_text(fixture->root, ".incoming/young/file", "x");
    support_write_text(fixture->root, ".incoming/file", "x");
    char *old = support_path(fixture->root, ".incoming/old");
    char *locked = support_path(fixture->root, ".incoming/locked");
    char *file = support_path(fixture->root, ".incoming/file");
    char *link = support_path(fixture->root, ".incoming/old/link");
    assert_int_equal(symlink(fixture->source, link), 0);
    set_age(old, 7200);
    set_age(locked, 7200);
    set_age(file, 7200);
    int lock = open(locked, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_SH), 0);

    struct store_package package;
    add(fixture, &package, true);
    store_package_finish(&package);
    assert_false(support_exists(fixture->root, ".incoming/old"));
    assert_false(support_exists(fixture->root, ".incoming/file"));
    assert_true(support_exists(fixture->root, ".incoming/locked/file"));
    assert_true(support_exists(fixture->root, ".incoming/young/file"));
    /* Links in leftovers are not followed. */
    assert_true(support_exists(fixture->source, "libdrv.so"));
    close(lock);
    free(old);
    free(locked);
    free(file);
    free(link);
}

static void *add_in_thread(void *argument)
{
    const struct fixture *fixture = argument;
    for (int i = 0; i < 8; i++) {
        struct store_package package;
        bool added;
        struct error err;
        int result = store_add_manifest(fixture->root, fixture->manifest, NULL, &package, &added,
                                        &err);
        if (result)
            return (void *)(intptr_t)result;
        store_package_finish(&package);
    }
    return NULL;
}

static void adds_at_once_all_succeed(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_in_thread, fixture), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_int_equal((intptr_t)result, 0);
    }
    struct store_package *list;
    size_t count;
    assert_int_equal(store_list(fixture->root, &list, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(store_verify(fixture->root, list[0].folder_name, NULL), 0);
    store_package_finish(&list[0]);
    free(list);
    assert_int_equal(support_count(fixture->root, ".incoming"), 0);
}

#define store_test(function) cmocka_unit_test_setup_teardown(function, make_fixture, drop_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(manifest_becomes_a_package),
        store_test(adding_twice_gives_one_package),
        store_test(options_name_the_package),
        store_test(links_of_the_source_are_followed),
        store_test(relative_roots_give_absolute_paths),
        store_test(bad_sources_are_refused),
        store_test(foreign_architectures_are_read),
        store_test(folders_become_packages),
        store_test(bad_folders_are_refused),
        store_test(links_in_folders_are_refused),
        store_test(deep_folders_are_refused),
        store_test(stores_are_listed),
        store_test(folder_names_are_checked),
        store_test(damage_is_found),
        store_test(packages_in_use_stay),
        store_test(locks_in_the_repository_mean_nothing),
        store_test(old_leftovers_are_cleaned),
        store_test(adds_at_once_all_succeed),
    };
    return cmocka_run_group_tests_name("hoststore store", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Guests that copy the driver store: what they are told and given, and what not. */
#include "host/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "gpupv/d3dkmthk.h"
#include "hoststore/store.h"
#include "hoststore/store_layout.h"
#include "util/file.h"

#define CLASS_KEY FIXTURE_CLASS_KEY "\\0000"
#define BLOB_SIZE (300u * 1024u)

struct copied {
    struct host_fixture *fixture;
    char name[256], other[256]; /* packages: of the adapter, of nobody */
    char folder[384];           /* of the first */
    uint8_t blob[BLOB_SIZE];
    char *catalog;
    size_t catalog_size;
};

static void write_file(const char *folder, const char *name, const void *data, size_t size,
                       mode_t mode)
{
    char path[1024];
    struct error err;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (file_write_atomic(path, data, size, mode, &err))
        fail_msg("%s", err.text);
}

static void list_file(struct catalog_file *file, const char *path, const void *data, size_t size)
{
    file->path = (char *)path;
    file->size = size;
    crypto_generichash(file->digest, sizeof(file->digest), data, size, NULL, 0);
}

/* A package of two files; the catalog's text stays the caller's. */
static void make_package(struct copied *copied, const char *word, char name[256], char **text,
                         size_t *size)
{
    struct catalog_file files[2];
    struct catalog catalog = {.name = (char *)word,
                              .version = (char *)"1",
                              .architecture = (char *)"x86_64",
                              .manifest = (char *)"d.json",
                              .files = files,
                              .file_count = 2};
    struct error err;
    char *folder_name, folder[512], sub[600];
    list_file(&files[0], "d.json", "{}", 2);
    list_file(&files[1], "sub/blob", copied->blob, BLOB_SIZE);
    assert_int_equal(catalog_format(&catalog, text, size), 0);
    assert_int_equal(store_folder_name(&catalog, *text, *size, &folder_name), 0);
    snprintf(name, 256, "%s", folder_name);
    snprintf(folder, sizeof(folder), "%s/FileRepository/%s", copied->fixture->store, folder_name);
    free(folder_name);
    snprintf(sub, sizeof(sub), "%s/sub", folder);
    if (file_make_folders(sub, 0755, &err))
        fail_msg("%s", err.text);
    write_file(folder, "d.json", "{}", 2, 0644);
    write_file(sub, "blob", copied->blob, BLOB_SIZE, 0755);
    write_file(folder, "unlisted", "secret", 6, 0644);
    write_file(folder, CATALOG_FILE, *text, *size, 0644);
}

static void write_hive(struct copied *copied, const char *package, const char *mode)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                         "[" CLASS_KEY
                         "]\n\"VulkanDriverName\" = sz:\"%s/FileRepository/%s/d.json\"\n"
                         "[" CLASS_KEY "\\CopyToVmWhenNewer]\n"
                         "\"A\" = multi_sz:\"sub\\\\blob\" \"target.so\"\n"
                         "[" CLASS_KEY "\\CopyToVmOverwriteWow64]\n\"B\" = sz:\"d.json\"\n"
                         "[" FIXTURE_GRAPHICS_KEY "]\n%s\n",
                         copied->fixture->store, package, mode) >= 0);
    fixture_write_hive(copied->fixture, text);
    free(text);
}

static int set_up(void **state)
{
    struct copied *copied = calloc(1, sizeof(*copied));
    char *text;
    size_t size;
    assert_non_null(copied);
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < BLOB_SIZE; i++)
        copied->blob[i] = (uint8_t)(i * 7 + i / 256);
    copied->fixture = fixture_prepare("", "[adapter:fast]\nkey=0\nluid=1:2\n", "");
    make_package(copied, "mine", copied->name, &copied->catalog, &copied->catalog_size);
    make_package(copied, "other", copied->other, &text, &size);
    free(text);
    snprintf(copied->folder, sizeof(copied->folder), "%s/FileRepository/%s", copied->fixture->store,
             copied->name);
    write_hive(copied, copied->name, "\"DriverStoreCopyMode\" = dword:1");
    fixture_start(copied->fixture);
    *state = copied;
    return 0;
}

static int tear_down(void **state)
{
    struct copied *copied = *state;
    fixture_destroy(copied->fixture);
    free(copied->catalog);
    free(copied);
    return 0;
}

/* --- Requests --- */

struct listing {
    struct wire_store_list_reply head;
    uint8_t rest[4096];
};

static size_t list(int fd, uint32_t start, struct listing *listing)
{
    struct wire_store_list_request in = {start};
    size_t size = sizeof(*listing);
    assert_int_equal(guest_call(fd, WIRE_STORE_LIST, &in, sizeof(in), listing, &size), 0);
    return size;
}

struct part {
    struct wire_store_read_reply head;
    uint8_t bytes[WIRE_STORE_MAX_READ];
};

/* Package and path with their sizes, which may hold anything. */
static int32_t read_bytes(int fd, const void *package, size_t package_size, const void *path,
                          size_t path_size, uint64_t offset, uint32_t length, struct part *part,
                          size_t *got)
{
    uint8_t payload[sizeof(struct wire_store_read_request) + 16384];
    struct wire_store_read_request in = {offset, length, (uint16_t)package_size,
                                         (uint16_t)path_size};
    size_t size = sizeof(*part);
    assert_true(package_size + path_size <= 16384);
    memcpy(payload, &in, sizeof(in));
    memcpy(payload + sizeof(in), package, package_size);
    memcpy(payload + sizeof(in) + package_size, path, path_size);
    int32_t status = guest_call(fd, WIRE_STORE_READ, payload, sizeof(in) + package_size + path_size,
                                part, &size);
    assert_true(status < 0 ? size == 0 : size >= sizeof(part->head));
    if (got)
        *got = size - sizeof(part->head);
    return status;
}

static int32_t read_part(int fd, const char *package, const char *path, uint64_t offset,
                         uint32_t length, struct part *part, size_t *got)
{
    return read_bytes(fd, package, strlen(package), path, strlen(path), offset, length, part, got);
}

static struct part part;

/* --- Tests --- */

static void the_list_tells_mode_root_and_packages(void **state)
{
    struct copied *copied = *state;
    struct listing listing;
    int fd = guest_open(copied->fixture);
    size_t size = list(fd, 0, &listing);
    const size_t root = strlen("/guest/store"), name = strlen(copied->name);
    assert_int_equal(listing.head.copy_mode, 1);
    assert_int_equal(listing.head.total, 1);
    assert_int_equal(listing.head.count, 1);
    assert_int_equal(listing.head.root_size, root);
    assert_memory_equal(listing.rest, "/guest/store", root);
    struct wire_store_package package;
    memcpy(&package, listing.rest + root, sizeof(package));
    assert_int_equal(size, sizeof(listing.head) + root + sizeof(package) + ((name + 3) & ~3u));
    assert_int_equal(package.name_size, name);
    assert_memory_equal(listing.rest + root + sizeof(package), copied->name, name);
    assert_int_equal(package.size, copied->catalog_size + 2 + BLOB_SIZE);
    assert_int_equal(package.catalog_size, copied->catalog_size);
    assert_int_equal(package.signature_size, 0);
    uint8_t digest[32];
    crypto_generichash(digest, 32, (const uint8_t *)copied->catalog, copied->catalog_size, NULL, 0);
    assert_memory_equal(package.catalog_digest, digest, 32);

    list(fd, 1, &listing);
    assert_int_equal(listing.head.total, 1);
    assert_int_equal(listing.head.count, 0);
    list(fd, UINT32_MAX, &listing);
    assert_int_equal(listing.head.count, 0);

    /* A signature that comes later is noticed. */
    write_file(copied->folder, SIGNATURE_FILE, "signed", 6, 0644);
    list(fd, 0, &listing);
    memcpy(&package, listing.rest + root, sizeof(package));
    assert_int_equal(package.signature_size, 6);
    assert_int_equal(read_part(fd, copied->name, SIGNATURE_FILE, 0, 100, &part, &size), 0);
    assert_int_equal(size, 6);
    close(fd);
}

static void files_are_read_in_parts(void **state)
{
    struct copied *copied = *state;
    int fd = guest_open(copied->fixture);
    size_t got;
    assert_int_equal(read_part(fd, copied->name, CATALOG_FILE, 0, UINT32_MAX, &part, &got), 0);
    assert_int_equal(got, copied->catalog_size);
    assert_memory_equal(part.bytes, copied->catalog, got);
    assert_int_equal(part.head.flags, 0);

    assert_int_equal(read_part(fd, copied->name, "sub/blob", 0, UINT32_MAX, &part, &got), 0);
    assert_int_equal(got, WIRE_STORE_MAX_READ);
    assert_int_equal(part.head.file_size, BLOB_SIZE);
    assert_int_equal(part.head.flags, WIRE_STORE_EXECUTABLE);
    assert_memory_equal(part.bytes, copied->blob, got);
    assert_int_equal(read_part(fd, copied->name, "sub/blob", 1001, 5, &part, &got), 0);
    assert_int_equal(got, 5);
    assert_memory_equal(part.bytes, copied->blob + 1001, got);
    assert_int_equal(read_part(fd, copied->name, "sub/blob", BLOB_SIZE - 3, 100, &part, &got), 0);
    assert_int_equal(got, 3);
    const uint64_t beyond[] = {BLOB_SIZE, BLOB_SIZE + 1, INT64_MAX, (uint64_t)INT64_MAX + 1,
                               UINT64_MAX};
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        assert_int_equal(read_part(fd, copied->name, "sub/blob", beyond[i], 100, &part, &got), 0);
        assert_int_equal(got, 0);
        assert_int_equal(part.head.file_size, BLOB_SIZE);
    }
    assert_int_equal(read_part(fd, copied->name, "d.json", 0, 0, &part, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(part.head.file_size, 2);
    close(fd);
}

static void other_packages_are_refused(void **state)
{
    struct copied *copied = *state;
    int fd = guest_open(copied->fixture);
    const char *const names[] = {
        copied->other,     ".",   "..", "../DriverStore", "FileRepository", "/",
        "no_such_package", "mine"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(read_part(fd, names[i], "d.json", 0, 100, &part, NULL),
                         STATUS_OBJECT_NAME_NOT_FOUND);
    char longer[300];
    snprintf(longer, sizeof(longer), "%s/", copied->name);
    assert_int_equal(read_part(fd, longer, "d.json", 0, 100, &part, NULL),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    snprintf(longer, sizeof(longer), "%s/sub", copied->name);
    assert_int_equal(read_part(fd, longer, "blob", 0, 100, &part, NULL),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    close(fd);
}

static void other_files_are_refused(void **state)
{
    struct copied *copied = *state;
    static const struct {
        const char *path;
        NTSTATUS status;
    } cases[] = {
        {"unlisted", STATUS_OBJECT_NAME_NOT_FOUND},
        {"sub", STATUS_OBJECT_NAME_NOT_FOUND},
        {"sub/none", STATUS_OBJECT_NAME_NOT_FOUND},
        {"D.JSON", STATUS_OBJECT_NAME_NOT_FOUND},
        {SIGNATURE_FILE, STATUS_OBJECT_NAME_NOT_FOUND},
        {"..", STATUS_OBJECT_NAME_INVALID},
        {"../../gpupv.ini", STATUS_OBJECT_NAME_INVALID},
        {"sub/../d.json", STATUS_OBJECT_NAME_INVALID},
        {"./d.json", STATUS_OBJECT_NAME_INVALID},
        {"/etc/passwd", STATUS_OBJECT_NAME_INVALID},
        {"sub//blob", STATUS_OBJECT_NAME_INVALID},
        {"sub/", STATUS_OBJECT_NAME_INVALID},
        {"sub\\blob", STATUS_OBJECT_NAME_INVALID},
        {"a\nb", STATUS_OBJECT_NAME_INVALID},
    };
    int fd = guest_open(copied->fixture);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int32_t status = read_part(fd, copied->name, cases[i].path, 0, 100, &part, NULL);
        if (status != cases[i].status)
            fail_msg("%s: 0x%08x", cases[i].path, (unsigned)status);
    }
    char longest[8192];
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(read_bytes(fd, copied->name, strlen(copied->name), longest, sizeof(longest), 0,
                                1, &part, NULL),
                     STATUS_OBJECT_NAME_INVALID);
    close(fd);
}

static void malformed_names_are_refused(void **state)
{
    struct copied *copied = *state;
    int fd = guest_open(copied->fixture);
    size_t size = strlen(copied->name);
    assert_int_equal(read_bytes(fd, copied->name, size, "", 0, 0, 1, &part, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(read_bytes(fd, "", 0, "d.json", 6, 0, 1, &part, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(read_bytes(fd, copied->name, size, "d.json\0x", 8, 0, 1, &part, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(read_bytes(fd, copied->name, size, "d\xff", 2, 0, 1, &part, NULL),
                     STATUS_INVALID_PARAMETER);
    /* Sizes that promise more or less than what follows. */
    for (int delta = -1; delta <= 1; delta += 2) {
        struct {
            struct wire_store_read_request head;
            char names[512];
        } in = {.head = {0, 1, (uint16_t)size, (uint16_t)(6 + delta)}};
        snprintf(in.names, sizeof(in.names), "%sd.json", copied->name);
        assert_int_equal(
            guest_call(fd, WIRE_STORE_READ, &in, sizeof(in.head) + size + 6, NULL, NULL),
            STATUS_INVALID_PARAMETER);
    }
    assert_int_equal(guest_call(fd, WIRE_STORE_READ, "short", 5, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_call(fd, WIRE_STORE_LIST, "longer!!", 8, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    close(fd);
}

static void links_are_not_followed(void **state)
{
    struct copied *copied = *state;
    char path[512], aside[512];
    int fd = guest_open(copied->fixture);
    snprintf(path, sizeof(path), "%s/d.json", copied->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_true(read_part(fd, copied->name, "d.json", 0, 100, &part, NULL) < 0);
    snprintf(path, sizeof(path), "%s/sub", copied->folder);
    snprintf(aside, sizeof(aside), "%s/aside", copied->fixture->folder);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    assert_true(read_part(fd, copied->name, "sub/blob", 0, 100, &part, NULL) < 0);
    close(fd);
}

static void mode_0_gives_nothing(void **state)
{
    struct copied *copied = *state;
    static const char *const off[] = {"", "\"DriverStoreCopyMode\" = dword:0",
                                      "\"DriverStoreCopyMode\" = dword:3",
                                      "\"DriverStoreCopyMode\" = sz:\"1\""};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        write_hive(copied, copied->name, off[i]);
        fixture_reload(copied->fixture);
        struct listing listing;
        int fd = guest_open(copied->fixture);
        list(fd, 0, &listing);
        assert_int_equal(listing.head.copy_mode, 0);
        assert_int_equal(listing.head.total, 1);
        assert_int_equal(read_part(fd, copied->name, "d.json", 0, 100, &part, NULL),
                         STATUS_NOT_SUPPORTED);
        struct wire_store_rules_request in = {guest_adapter(fd, 0), 0, 0};
        assert_int_equal(guest_call(fd, WIRE_STORE_RULES, &in, sizeof(in), NULL, NULL),
                         STATUS_NOT_SUPPORTED);
        close(fd);
    }
    write_hive(copied, copied->name, "\"DriverStoreCopyMode\" = dword:2");
    fixture_reload(copied->fixture);
    struct listing listing;
    int fd = guest_open(copied->fixture);
    list(fd, 0, &listing);
    assert_int_equal(listing.head.copy_mode, 2);
    close(fd);
}

static void a_package_under_copy_is_held(void **state)
{
    struct copied *copied = *state;
    struct error err;
    int fd = guest_open(copied->fixture);
    assert_int_equal(read_part(fd, copied->name, "d.json", 0, 100, &part, NULL), 0);
    assert_int_equal(store_remove(copied->fixture->store, copied->name, &err), -EBUSY);

    /* The adapter is pointed to another package: this one may be read to its end, no longer begun.
     */
    write_hive(copied, copied->other, "\"DriverStoreCopyMode\" = dword:1");
    fixture_reload(copied->fixture);
    assert_int_equal(read_part(fd, copied->name, "sub/blob", 5, 100, &part, NULL), 0);
    assert_int_equal(read_part(fd, copied->other, "d.json", 0, 100, &part, NULL), 0);
    assert_int_equal(read_part(fd, copied->name, "sub/blob", 5, 100, &part, NULL),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(store_remove(copied->fixture->store, copied->name, &err), 0);
    assert_int_equal(store_remove(copied->fixture->store, copied->other, &err), -EBUSY);
    close(fd);
    fixture_wait_status(copied->fixture, "clients", 0);
    assert_int_equal(store_remove(copied->fixture->store, copied->other, &err), 0);
    /* What is gone is not offered. */
    struct listing listing;
    fd = guest_open(copied->fixture);
    list(fd, 0, &listing);
    assert_int_equal(listing.head.total, 0);
    close(fd);
}

static void rules_are_told(void **state)
{
    struct copied *copied = *state;
    int fd = guest_open(copied->fixture);
    struct {
        struct wire_store_rules_reply head;
        uint8_t rest[1024];
    } out;
    size_t size = sizeof(out), name = (strlen(copied->name) + 3) & ~(size_t)3;
    struct wire_store_rules_request in = {guest_adapter(fd, 0), 0, 0};
    assert_int_equal(guest_call(fd, WIRE_STORE_RULES, &in, sizeof(in), &out, &size), 0);
    assert_int_equal(out.head.total, 2);
    assert_int_equal(out.head.count, 2);
    assert_int_equal(out.head.package_size, strlen(copied->name));
    assert_memory_equal(out.rest, copied->name, strlen(copied->name));
    struct wire_store_rule rule;
    memcpy(&rule, out.rest + name, sizeof(rule));
    bool wow_first = rule.flags & WIRE_RULE_WOW64;
    const char *first = wow_first ? "d.jsond.json" : "sub/blobtarget.so";
    assert_int_equal(rule.source_size + rule.target_size, strlen(first));
    assert_memory_equal(out.rest + name + sizeof(rule), first, strlen(first));
    assert_int_equal(rule.flags, wow_first ? WIRE_RULE_WOW64 : WIRE_RULE_WHEN_NEWER);

    in.physical_adapter = 1;
    assert_int_equal(guest_call(fd, WIRE_STORE_RULES, &in, sizeof(in), NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    in.physical_adapter = 0;
    in.start = 2;
    size = sizeof(out);
    assert_int_equal(guest_call(fd, WIRE_STORE_RULES, &in, sizeof(in), &out, &size), 0);
    assert_int_equal(out.head.count, 0);
    in.adapter++;
    assert_int_equal(guest_call(fd, WIRE_STORE_RULES, &in, sizeof(in), NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    close(fd);
}

static void version_1_has_no_such_commands(void **state)
{
    struct copied *copied = *state;
    static const uint16_t commands[] = {WIRE_STORE_LIST, WIRE_STORE_READ, WIRE_STORE_RULES};
    for (size_t i = 0; i < 3; i++) {
        int fd = guest_connect(copied->fixture);
        struct wire_hello_request hello = guest_hello();
        struct wire_hello_reply reply;
        size_t size = sizeof(reply);
        hello.version_max = 1;
        assert_int_equal(guest_call(fd, WIRE_HELLO, &hello, sizeof(hello), &reply, &size), 0);
        assert_int_equal(reply.version, 1);
        guest_adapter(fd, 0); /* the others are served */
        uint8_t payload[64] = {0};
        guest_send_frame(fd, commands[i], WIRE_REQUEST, 5, payload, sizeof(payload));
        assert_true(guest_is_closed(fd));
        close(fd);
    }
}

int main(void)
{
#define store_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        store_test(the_list_tells_mode_root_and_packages),
        store_test(files_are_read_in_parts),
        store_test(other_packages_are_refused),
        store_test(other_files_are_refused),
        store_test(malformed_names_are_refused),
        store_test(links_are_not_followed),
        store_test(mode_0_gives_nothing),
        store_test(a_package_under_copy_is_held),
        store_test(rules_are_told),
        store_test(version_1_has_no_such_commands),
    };
    return cmocka_run_group_tests_name("store copy", tests, NULL, NULL);
}

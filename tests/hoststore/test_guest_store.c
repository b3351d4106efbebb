/* SPDX-License-Identifier: MIT */
/* A guest's copy of the store, from a host that is interrupted, altered, or lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "hoststore/guest_hold.h"
#include "hoststore/guest_store.h"
#include "hoststore/store_layout.h"
#include "util/file.h"
#include "util/log.h"

#define BLOB 700000u
#define MODIFIED 1234567890

struct world {
    char folder[64], root[96];
    char *name, *catalog;
    size_t catalog_size;
    uint8_t blob[BLOB];
    struct offered_package offer;
    struct guest_store *store;
    /* The host. */
    uint64_t budget;      /* bytes until it is gone */
    uint64_t given;       /* bytes so far */
    uint64_t extra;       /* that it says a file has more */
    bool alter, truncate; /* the blob */
    bool cancel;
};

static const uint8_t small[] = "{}";

static int give(void *context, const char *package, const char *path, uint64_t offset, void *data,
                size_t *size, struct offered_file *file, struct error *err)
{
    struct world *world = context;
    const void *bytes = small;
    uint64_t length = 2;
    assert_string_equal(package, world->name);
    if (!strcmp(path, CATALOG_FILE))
        bytes = world->catalog, length = world->catalog_size;
    else if (!strcmp(path, "sub/deeper/blob"))
        bytes = world->blob, length = BLOB;
    else if (!strcmp(path, SIGNATURE_FILE))
        bytes = "signature", length = 9;
    else if (strcmp(path, "d.json") != 0)
        return error_set(err, -ENOENT, "no %s", path);
    uint64_t left = offset < length ? length - offset : 0;
    size_t got = left < *size ? (size_t)left : *size;
    if (got > 65536)
        got = 65536; /* as a message would */
    if (world->given + got > world->budget)
        return error_set(err, -ECONNREFUSED, "the host is gone");
    world->given += got;
    memcpy(data, (const uint8_t *)bytes + offset * (left > 0), got);
    if (world->alter && got && bytes == world->blob)
        ((uint8_t *)data)[0] ^= 1;
    if (world->truncate && bytes == world->blob && offset > 100000)
        got = 0;
    *size = got;
    *file = (struct offered_file){.size = length + (bytes == world->blob ? world->extra : 0),
                                  .modified = {.tv_sec = MODIFIED},
                                  .executable = bytes == world->blob};
    return 0;
}

static bool asked_to_stop(void *context)
{
    return ((struct world *)context)->cancel;
}

static int copy(struct world *world, bool overwrite, struct copied_package *result)
{
    const struct package_source source = {give, world};
    const struct copy_events events = {.cancelled = asked_to_stop, .context = world};
    struct error err = {{0}};
    int code =
        guest_store_copy(world->store, &world->offer, overwrite, &source, &events, result, &err);
    if (code)
        assert_string_not_equal(err.text, "");
    return code;
}

static void reopen(struct world *world)
{
    struct error err;
    guest_store_close(world->store);
    if (guest_store_open(world->root, &world->store, &err))
        fail_msg("%s", err.text);
}

static char *in_package(struct world *world, const char *path)
{
    static char result[512];
    snprintf(result, sizeof(result), "%s/FileRepository/%s%s%s", world->root, world->name,
             *path ? "/" : "", path);
    return result;
}

static char *in_root(struct world *world, const char *path)
{
    static char result[512];
    snprintf(result, sizeof(result), "%s/%s", world->root, path);
    return result;
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void assert_whole(struct world *world)
{
    struct stat info;
    char *data;
    size_t size;
    struct error err;
    if (file_read(AT_FDCWD, in_package(world, "sub/deeper/blob"), BLOB, &data, &size, &err))
        fail_msg("%s", err.text);
    assert_int_equal(size, BLOB);
    assert_memory_equal(data, world->blob, BLOB);
    free(data);
    assert_int_equal(stat(in_package(world, "sub/deeper/blob"), &info), 0);
    assert_int_equal(info.st_mtim.tv_sec, MODIFIED);
    assert_int_equal(info.st_mode & 0777, 0755);
    assert_int_equal(stat(in_package(world, "d.json"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(stat(in_package(world, "sub"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0755);
    char incoming[256];
    snprintf(incoming, sizeof(incoming), "%s/.incoming/%s", world->root, world->name);
    assert_int_equal(access(incoming, F_OK), -1);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < BLOB; i++)
        world->blob[i] = (uint8_t)(i * 31 + i / 251);
    struct catalog_file files[2] = {{.path = (char *)"d.json", .size = 2},
                                    {.path = (char *)"sub/deeper/blob", .size = BLOB}};
    crypto_generichash(files[0].digest, 32, small, 2, NULL, 0);
    crypto_generichash(files[1].digest, 32, world->blob, BLOB, NULL, 0);
    struct catalog catalog = {.name = (char *)"d",
                              .version = (char *)"1",
                              .architecture = (char *)"x86_64",
                              .manifest = (char *)"d.json",
                              .files = files,
                              .file_count = 2};
    assert_int_equal(catalog_format(&catalog, &world->catalog, &world->catalog_size), 0);
    assert_int_equal(store_folder_name(&catalog, world->catalog, world->catalog_size, &world->name),
                     0);
    world->offer = (struct offered_package){.name = world->name, .size = BLOB};
    crypto_generichash(world->offer.catalog_digest, 32, (uint8_t *)world->catalog,
                       world->catalog_size, NULL, 0);
    world->budget = UINT64_MAX / 2;
    strcpy(world->folder, "/tmp/gpupv-guest-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->root, sizeof(world->root), "%s/a/store", world->folder);
    reopen(world);
    *state = world;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    struct world *world = *state;
    guest_store_close(world->store);
    nftw(world->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(world->name);
    free(world->catalog);
    free(world);
    return 0;
}

/* --- Tests --- */

static void what_is_missing_is_copied_once(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    mode_t mask = umask(077); /* the store is for every user of the guest */
    assert_int_equal(copy(world, false, &result), 0);
    umask(mask);
    assert_int_equal(result.state, PACKAGE_COPIED);
    assert_int_equal(result.copied, BLOB + 2 + world->catalog_size);
    assert_int_equal(result.reused, 0);
    assert_whole(world);
    uint64_t given = world->given;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(copy(world, true, &result), 0);
        assert_int_equal(result.state, PACKAGE_PRESENT);
        reopen(world); /* not remembered: compared again */
    }
    assert_int_equal(world->given, given);
}

static void an_interrupted_copy_is_continued(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    uint64_t step = 90000, received = 0;
    int code, tries = 0;
    do {
        world->given = 0;
        world->budget = world->catalog_size + 2 + step;
        code = copy(world, false, &result);
        received += result.copied;
        reopen(world);
        tries++;
    } while (code == -ECONNREFUSED && tries < 50);
    assert_int_equal(code, 0);
    assert_in_range(tries, 8, 12); /* 700000 bytes in steps of one message of 65536 */
    assert_true(result.reused > BLOB / 2);
    assert_true(received < BLOB + (uint64_t)tries * (world->catalog_size + 2 + 65536));
    assert_whole(world);
}

static void a_stopped_copy_is_continued(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    world->cancel = true;
    assert_int_equal(copy(world, false, &result), -ECANCELED);
    assert_int_equal(result.state, PACKAGE_FAILED);
    assert_int_equal(access(in_package(world, ""), F_OK), -1);
    world->cancel = false;
    assert_int_equal(copy(world, false, &result), 0);
    assert_true(result.reused > 0);
    assert_whole(world);
}

static void a_bad_part_is_copied_anew(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    char path[300];
    world->budget = world->catalog_size + 2 + 200000;
    assert_int_equal(copy(world, false, &result), -ECONNREFUSED);
    world->budget = UINT64_MAX / 2;
    snprintf(path, sizeof(path), "%s/.incoming/%s/sub/deeper/blob", world->root, world->name);
    write_text(path, "a crash left this");
    assert_int_equal(copy(world, false, &result), 0);
    assert_int_equal(result.reused, 2); /* d.json */
    assert_whole(world);
}

static void too_long_parts_and_strangers_are_dropped(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    char path[300];
    world->budget = world->catalog_size + 1;
    assert_int_equal(copy(world, false, &result), -ECONNREFUSED);
    world->budget = UINT64_MAX / 2;
    snprintf(path, sizeof(path), "%s/.incoming/%s/d.json", world->root, world->name);
    write_text(path, "much longer than two bytes");
    snprintf(path, sizeof(path), "%s/.incoming/%s/stranger", world->root, world->name);
    write_text(path, "x");
    assert_int_equal(copy(world, false, &result), -EBADMSG);
    assert_non_null(strstr(result.why.text, "stranger"));
    assert_int_equal(copy(world, false, &result), 0);
    assert_whole(world);
}

static void links_in_a_part_are_not_followed(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    char path[300], victim[128];
    snprintf(victim, sizeof(victim), "%s/victim", world->folder);
    write_text(victim, "precious");
    snprintf(path, sizeof(path), "%s/.incoming/%s", world->root, world->name);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/.incoming/%s/d.json", world->root, world->name);
    assert_int_equal(symlink(victim, path), 0);
    assert_int_not_equal(copy(world, false, &result), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(victim, path), 0);
    assert_int_equal(copy(world, false, &result), -EBADMSG);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/.incoming/%s/sub", world->root, world->name);
    assert_int_equal(symlink(world->folder, path), 0);
    assert_int_not_equal(copy(world, false, &result), 0);
    char *data;
    size_t size;
    assert_int_equal(file_read(AT_FDCWD, victim, 100, &data, &size, NULL), 0);
    assert_string_equal(data, "precious");
    free(data);
}

static void a_host_that_lies_is_caught(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    world->alter = true;
    assert_int_equal(copy(world, false, &result), -EBADMSG);
    assert_non_null(strstr(result.why.text, "sub/deeper/blob is altered on the host"));
    world->alter = false;
    world->truncate = true;
    assert_int_equal(copy(world, false, &result), -EBADMSG);
    world->truncate = false;
    world->extra = 1;
    assert_int_equal(copy(world, false, &result), -EBADMSG);
    world->extra = 0;
    world->offer.catalog_digest[5] ^= 1;
    assert_int_equal(copy(world, false, &result), -EBADMSG);
    world->offer.catalog_digest[5] ^= 1;
    assert_int_equal(access(in_package(world, ""), F_OK), -1);
    assert_int_equal(copy(world, false, &result), 0);
    assert_whole(world);
}

static void bad_names_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"", ".", "..", "../x", "a/b", "/etc", ".locks", "a b"};
    const char *real = world->name;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct copied_package result;
        world->offer.name = names[i];
        assert_int_equal(copy(world, true, &result), -EINVAL);
    }
    assert_int_equal(world->given, 0);
    world->offer.name = real;
}

static void other_contents_are_refused_or_replaced(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    assert_int_equal(copy(world, false, &result), 0);
    write_text(in_package(world, "d.json"), "[]");
    assert_int_equal(copy(world, false, &result), -EEXIST);
    assert_int_equal(result.state, PACKAGE_REFUSED);
    assert_non_null(strstr(result.why.text, "d.json was altered"));

    /* A host that goes away leaves the old one in its place. */
    world->given = 0;
    world->budget = 100000;
    assert_int_equal(copy(world, true, &result), -ECONNREFUSED);
    assert_int_equal(access(in_package(world, "sub/deeper/blob"), F_OK), 0);
    world->budget = UINT64_MAX / 2;

    int hold = guest_hold_package(in_package(world, ""));
    assert_true(hold >= 0);
    assert_int_equal(copy(world, true, &result), -EBUSY);
    assert_int_equal(result.state, PACKAGE_IN_USE);
    close(hold);
    assert_int_equal(copy(world, true, &result), 0);
    assert_int_equal(result.state, PACKAGE_REPLACED);
    assert_non_null(strstr(result.why.text, "d.json"));
    assert_whole(world);
}

static void a_later_signature_is_copied(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    struct stat info;
    assert_int_equal(copy(world, false, &result), 0);
    assert_int_equal(stat(in_package(world, SIGNATURE_FILE), &info), -1);
    world->offer.signature_size = 9;
    crypto_generichash(world->offer.signature_digest, 32, (const uint8_t *)"signature", 9, NULL, 0);
    assert_int_equal(copy(world, false, &result), 0);
    assert_int_equal(stat(in_package(world, SIGNATURE_FILE), &info), 0);
    assert_int_equal(info.st_size, 9);
    write_text(in_package(world, SIGNATURE_FILE), "an older one");
    assert_int_equal(copy(world, false, &result), 0);
    assert_int_equal(stat(in_package(world, SIGNATURE_FILE), &info), 0);
    assert_int_equal(info.st_size, 12);
    assert_int_equal(copy(world, true, &result), 0);
    assert_int_equal(stat(in_package(world, SIGNATURE_FILE), &info), 0);
    assert_int_equal(info.st_size, 9);
}

struct collected {
    int removed, in_use;
};

static void count_removed(void *context, const char *package)
{
    (void)package;
    ((struct collected *)context)->removed++;
}

static void count_in_use(void *context, const char *package)
{
    (void)package;
    ((struct collected *)context)->in_use++;
}

static void unwanted_packages_are_collected(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    struct collected counts = {0};
    const struct collect_events events = {count_removed, count_in_use, &counts};
    const char *wanted[] = {world->name};
    struct error err;
    assert_int_equal(copy(world, false, &result), 0);
    assert_int_equal(mkdir(in_root(world, ".incoming/killed"), 0755), 0);
    assert_int_equal(mkdir(in_root(world, "FileRepository/.hidden"), 0755), 0);
    assert_int_equal(guest_store_collect(world->store, wanted, 1, &events, &err), 0);
    assert_int_equal(counts.removed + counts.in_use, 0);
    assert_int_equal(access(in_root(world, ".incoming/killed"), F_OK), -1);
    assert_whole(world);

    int hold = guest_hold_package(in_package(world, ""));
    wanted[0] = "another";
    assert_int_equal(guest_store_collect(world->store, wanted, 1, &events, &err), 0);
    assert_int_equal(counts.in_use, 1);
    assert_whole(world);
    close(hold);
    assert_int_equal(guest_store_collect(world->store, wanted, 1, &events, &err), 0);
    assert_int_equal(counts.removed, 1);
    assert_int_equal(access(in_package(world, ""), F_OK), -1);
    assert_int_equal(guest_hold_package(in_package(world, "")), -ENOENT);
    assert_int_equal(access(in_root(world, "FileRepository/.hidden"), F_OK), 0);
}

static void a_store_has_one_agent(void **state)
{
    struct world *world = *state;
    struct guest_store *second;
    struct error err;
    assert_int_equal(guest_store_open(world->root, &second, &err), -EBUSY);
    assert_int_equal(guest_store_open("relative", &second, &err), -EINVAL);
}

static void a_store_of_somebody_else_stays_as_it_is(void **state)
{
    struct world *world = *state;
    struct copied_package result;
    struct error err;
    assert_int_equal(copy(world, false, &result), 0);
    guest_store_close(world->store);
    world->store = NULL;
    assert_int_equal(unlink(in_root(world, GUEST_STORE_MARK)), 0);
    reopen(world);
    assert_false(guest_store_is_own(world->store));
    assert_int_equal(copy(world, true, &result), 0);
    assert_int_equal(result.state, PACKAGE_PRESENT);
    assert_int_equal(guest_store_collect(world->store, NULL, 0, &(struct collect_events){0}, &err),
                     0);
    assert_whole(world);
    write_text(in_package(world, "d.json"), "[]");
    assert_int_equal(copy(world, true, &result), -EEXIST);
    assert_int_equal(rename(in_package(world, ""), in_root(world, "FileRepository/x")), 0);
    assert_int_equal(copy(world, true, &result), -EPERM);
    assert_int_equal(access(in_root(world, GUEST_STORE_MARK), F_OK), -1);
}

int main(void)
{
#define store_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        store_test(what_is_missing_is_copied_once),
        store_test(an_interrupted_copy_is_continued),
        store_test(a_stopped_copy_is_continued),
        store_test(a_bad_part_is_copied_anew),
        store_test(too_long_parts_and_strangers_are_dropped),
        store_test(links_in_a_part_are_not_followed),
        store_test(a_host_that_lies_is_caught),
        store_test(bad_names_are_refused),
        store_test(other_contents_are_refused_or_replaced),
        store_test(a_later_signature_is_copied),
        store_test(unwanted_packages_are_collected),
        store_test(a_store_has_one_agent),
        store_test(a_store_of_somebody_else_stays_as_it_is),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("guest store", tests, NULL, NULL);
}

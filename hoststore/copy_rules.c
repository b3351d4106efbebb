/* SPDX-License-Identifier: MIT */
#include "hoststore/copy_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/paths.h"
#include "hoststore/pe_version.h"
#include "hoststore/tree.h"
#include "util/file.h"

#define BLOCK (128 * 1024)
#define NAME_TRIES 16

void copy_rules_free(struct copy_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rules[i].source);
        free(rules[i].target);
    }
    free(rules);
}

int copy_rule_check(const struct copy_rule *rule, struct error *err)
{
    int result = store_path_check_relative(rule->source, err);
    if (result)
        return error_prefix(err, result, "the source \"%s\"", rule->source);
    if (strpbrk(rule->target, "/\\:"))
        return error_set(err, -EPERM,
                         "the target \"%s\" is a path; it must be the name of a file alone",
                         rule->target);
    if (strlen(rule->target) > NAME_MAX)
        return error_set(err, -EPERM, "the target's name has %zu bytes, at most %d are accepted",
                         strlen(rule->target), NAME_MAX);
    result = store_path_check_relative(rule->target, err);
    return result ? error_prefix(err, result, "the target \"%s\"", rule->target) : 0;
}

/* The folders that one application works in. */
struct places {
    int package;
    int native, wow64; /* -1: none, or not opened yet */
    const char *native_folder, *wow64_folder;
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name), wanted = strlen(suffix);
    return length >= wanted && !strcasecmp(name + length - wanted, suffix);
}

static bool is_versioned(const char *name)
{
    return has_suffix(name, ".dll") || has_suffix(name, ".exe");
}

/* 0.0.0.0 for a file without a version, and for one that is no PE image: a Linux program may well
 * be named *.exe. */
static int read_version(int fd, pe_version *version, struct error *err)
{
    int result = pe_version_read(fd, version, err);
    if (result == -ENODATA || result == -EINVAL) {
        *version = 0;
        return 0;
    }
    return result;
}

static int compare_times(const struct stat *a, const struct stat *b)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec < b->st_mtim.tv_sec ? -1 : 1;
    if (a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
        return a->st_mtim.tv_nsec < b->st_mtim.tv_nsec ? -1 : 1;
    return 0;
}

static int compare_open(int source, const struct stat *source_info, int target, const char *name,
                        bool *newer, struct error *why)
{
    struct stat target_info;
    pe_version ours = 0, theirs = 0;
    int result = 0;
    if (fstat(target, &target_info) < 0)
        return error_set(why, -errno, "cannot look at %s: %s", name, strerror(errno));
    if (is_versioned(name))
        result = read_version(source, &ours, why);
    if (!result && is_versioned(name))
        result = read_version(target, &theirs, why);
    if (result)
        return result;
    if (ours == theirs) {
        *newer = compare_times(source_info, &target_info) > 0;
        if (!*newer)
            error_set(why, 0, "the file there is as new or newer");
        return 0;
    }
    *newer = ours > theirs;
    if (!*newer) {
        char our_text[PE_VERSION_TEXT_SIZE], their_text[PE_VERSION_TEXT_SIZE];
        pe_version_format(ours, our_text);
        pe_version_format(theirs, their_text);
        error_set(why, 0, "the file there has version %s, the driver's has %s", their_text,
                  our_text);
    }
    return 0;
}

/* Whether the source is newer than what is at the target; a missing target is older than any. */
static int is_newer(int source, const struct stat *source_info, int folder, const char *name,
                    bool *newer, struct error *why)
{
    struct stat info;
    *newer = true;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    int target = tree_open_file(folder, name, why);
    if (target < 0)
        return target;
    int result = compare_open(source, source_info, target, name, newer, why);
    close(target);
    return result;
}

static int copy_bytes(int source, int target)
{
    uint8_t *block = malloc(BLOCK);
    if (!block)
        return -ENOMEM;
    int code = 0;
    off_t offset = 0;
    for (;;) {
        ssize_t got = pread(source, block, BLOCK, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            code = -errno;
        if (got <= 0)
            break;
        offset += got;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(target, block + done, (size_t)(got - done));
            if (put < 0 && errno != EINTR) {
                code = -errno;
                goto out_block;
            }
            done += put > 0 ? put : 0;
        }
    }
out_block:
    free(block);
    return code;
}

/* A new file beside the target, which no other program knows the name of. */
static int open_temporary(int folder, char name[64])
{
    for (int i = 0; i < NAME_TRIES; i++) {
        uint64_t number;
        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
            return -errno;
        snprintf(name, 64, ".gpupv-%016llx.tmp", (unsigned long long)number);
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd >= 0 ? fd : -errno;
    }
    return -EEXIST;
}

/* Contents, mode and time, brought to the disk. Closes `target`. */
static int fill_temporary(int source, const struct stat *info, int target)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, info->st_mtim};
    int code = copy_bytes(source, target);
    if (!code && (fchmod(target, info->st_mode & S_IXUSR ? 0755 : 0644) < 0 ||
                  futimens(target, times) < 0 || fsync(target) < 0))
        code = -errno;
    if (close(target) < 0 && !code)
        code = -errno;
    return code;
}

static int replace(int source, const struct stat *info, int folder, const char *name,
                   struct error *why)
{
    char temporary[64];
    int target = open_temporary(folder, temporary);
    if (target < 0)
        return error_set(why, target, "cannot write beside %s: %s", name, strerror(-target));
    int code = fill_temporary(source, info, target);
    /* Replaces a link as it would a file, and never a folder. */
    if (!code && renameat(folder, temporary, folder, name) < 0)
        code = -errno;
    if (code) {
        unlinkat(folder, temporary, 0);
        return error_set(why, code, "cannot write %s: %s", name, strerror(-code));
    }
    fsync(folder);
    return 0;
}

static int open_target_folder(struct places *places, bool wow64, struct error *why)
{
    const char *path = wow64 ? places->wow64_folder : places->native_folder;
    int *fd = wow64 ? &places->wow64 : &places->native;
    if (!path)
        return error_set(why, -ENOENT, "this guest has no folder for %s libraries",
                         wow64 ? "32-bit" : "native");
    if (*fd >= 0)
        return *fd;
    int result = file_make_folders(path, 0755, why);
    if (result)
        return result;
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? error_set(why, -errno, "cannot open the folder %s: %s", path, strerror(errno))
                   : *fd;
}

static int apply_open(const struct copy_rule *rule, int source, int folder,
                      struct copy_report_file *file)
{
    struct stat info;
    bool wanted = true;
    int result = 0;
    if (fstat(source, &info) < 0)
        return error_set(&file->why, -errno, "cannot look at %s: %s", rule->source,
                         strerror(errno));
    if (rule->when == COPY_WHEN_NEWER)
        result = is_newer(source, &info, folder, rule->target, &wanted, &file->why);
    if (!result && wanted)
        result = replace(source, &info, folder, rule->target, &file->why);
    if (!result)
        file->outcome = wanted ? COPY_DONE : COPY_KEPT;
    return result;
}

static int apply_one(const struct copy_rule *rule, struct places *places,
                     struct copy_report_file *file)
{
    int result = copy_rule_check(rule, &file->why);
    if (result)
        return result;
    int folder = open_target_folder(places, rule->wow64, &file->why);
    if (folder < 0)
        return folder;
    int source = tree_open_file(places->package, rule->source, &file->why);
    if (source < 0)
        return source;
    result = apply_open(rule, source, folder, file);
    close(source);
    return result;
}

static void apply_all(const struct copy_rule *rules, struct places *places,
                      struct copy_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct copy_report_file *file = &report->files[i];
        file->rule = &rules[i];
        if (apply_one(&rules[i], places, file))
            file->outcome = COPY_FAILED;
        report->copied += file->outcome == COPY_DONE;
        report->kept += file->outcome == COPY_KEPT;
        report->failed += file->outcome == COPY_FAILED;
    }
}

static int tell_failures(const struct copy_report *report, const char *package_folder,
                         struct error *err)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct copy_report_file *file = &report->files[i];
        if (file->outcome != COPY_FAILED)
            continue;
        error_set(err, -EIO, "%s of %s was not copied to %s: %s", file->rule->source,
                  package_folder, file->rule->target, file->why.text);
        if (report->failed > 1)
            error_prefix(err, -EIO, "%zu files failed, the first", report->failed);
        return -EIO;
    }
    return 0;
}

/* Without the package every rule fails, for the one reason. */
static void fail_all(const struct copy_rule *rules, struct copy_report *report,
                     const struct error *why)
{
    for (size_t i = 0; i < report->count; i++)
        report->files[i] = (struct copy_report_file){&rules[i], COPY_FAILED, *why};
    report->failed = report->count;
}

int copy_rules_apply(const struct copy_rule *rules, size_t count, const char *package_folder,
                     const char *native_folder, const char *wow64_folder,
                     struct copy_report *report, struct error *err)
{
    *report = (struct copy_report){.count = count};
    if (!count)
        return 0;
    report->files = calloc(count, sizeof(*report->files));
    if (!report->files) {
        report->count = 0;
        return error_set(err, -ENOMEM, "out of memory");
    }
    struct error why;
    struct places places = {.native = -1,
                            .wow64 = -1,
                            .native_folder = native_folder,
                            .wow64_folder = wow64_folder};
    places.package = tree_open_folder(package_folder, &why);
    if (places.package < 0) {
        fail_all(rules, report, &why);
        return tell_failures(report, package_folder, err);
    }
    apply_all(rules, &places, report);
    if (places.native >= 0)
        close(places.native);
    if (places.wow64 >= 0)
        close(places.wow64);
    close(places.package);
    return tell_failures(report, package_folder, err);
}

void copy_report_finish(struct copy_report *report)
{
    free(report->files);
    *report = (struct copy_report){0};
}

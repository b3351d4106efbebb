/* SPDX-License-Identifier: MIT */
#include "tools/guest_masks.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OUR_ICD "libvulkan_gpupv.so"

/* Made anew in every guest, whether the root has them or not. */
static const char *const scratch_always[] = {"/tmp", "/run"};
static const char *const scratch_folders[] = {"/var/tmp", "/home", "/root"};

static const char *const hidden_folders[] = {
    "/usr/share/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/usr/local/etc/vulkan",
    "/etc/vulkan",
    GPUPV_PREFIX "/" GPUPV_DATADIR "/vulkan/icd.d",
    "/etc/gpupv",
    GPUPV_SYSCONFDIR "/gpupv",
    "/var/lib/gpupv",
};

/* The libraries of Vulkan drivers, by the names that drivers use. */
static const char *const driver_folders[] = {"/usr/lib",       "/usr/lib/*-linux-*",
                                             "/usr/lib64",     "/usr/lib32",
                                             "/usr/local/lib", "/usr/local/lib/*-linux-*"};
static const char *const driver_names[] = {"libvulkan_*.so*", "libGLX_nvidia.so*", "amdvlk*.so*"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct finder {
    const char *root; /* resolved; "" for this machine's own root */
    int fd;
    struct guest_masks *masks;
    struct error *err;
};

bool path_is_within(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    if (length == 1 && folder[0] == '/')
        return path[0] == '/';
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool within_any(const char *path, const struct words *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        if (path_is_within(path, folders->items[i]))
            return true;
    }
    return false;
}

bool guest_masks_cover(const struct guest_masks *masks, const char *path)
{
    return within_any(path, &masks->folders) || within_any(path, &masks->scratch) ||
           words_have(&masks->files, path);
}

/* The path with links followed as a program in the guest would follow them. -ENOENT when there is
 * nothing that such a program could reach. */
static int resolve(const struct finder *finder, const char *path, char real[PATH_MAX], bool *folder)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    size_t length = strlen(finder->root);
    char link[64], found[PATH_MAX];
    struct stat info;
    ssize_t size;
    int fd = (int)syscall(SYS_openat2, finder->fd, path, &how, sizeof(how));

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP))
        return -ENOENT;
    if (fd < 0)
        return error_set(finder->err, -errno, "cannot look up %s%s: %s", finder->root, path,
                         strerror(errno));
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    size = readlink(link, found, sizeof(found) - 1);
    if (size < 0 || fstat(fd, &info) < 0) {
        int result = error_set(finder->err, -errno, "cannot look up %s%s: %s", finder->root, path,
                               strerror(errno));

        close(fd);
        return result;
    }
    close(fd);
    found[size] = '\0';
    *folder = S_ISDIR(info.st_mode);
    if ((size_t)size <= length || strncmp(found, finder->root, length) != 0)
        return -ENOENT; /* the root itself, which cannot be covered */
    strcpy(real, found + length);
    return strcmp(real, "/") == 0 ? -ENOENT : 0;
}

static int add(const struct finder *finder, const char *path, bool scratch)
{
    struct guest_masks *masks = finder->masks;
    char real[PATH_MAX];
    bool folder = false;
    int result = resolve(finder, path, real, &folder);

    if (result == -ENOENT || (!result && guest_masks_cover(masks, real)))
        return 0;
    if (result)
        return result;
    words_add(!folder ? &masks->files : scratch ? &masks->scratch : &masks->folders, real);
    return 0;
}

static int add_drivers_of(const struct finder *finder, const char *folder, const char *name)
{
    glob_t found;
    char pattern[PATH_MAX];
    int result;

    if (snprintf(pattern, sizeof(pattern), "%s%s/%s", finder->root, folder, name) >=
        (int)sizeof(pattern))
        return error_set(finder->err, -ENAMETOOLONG, "the path of the root folder is too long");
    result = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (result == GLOB_NOMATCH)
        return 0;
    if (result)
        return error_set(finder->err, -ENOMEM, "cannot read the folders of libraries");
    for (size_t i = 0; i < found.gl_pathc && !result; i++) {
        if (strcmp(strrchr(found.gl_pathv[i], '/') + 1, OUR_ICD) != 0)
            result = add(finder, found.gl_pathv[i] + strlen(finder->root), false);
    }
    globfree(&found);
    return result;
}

static int add_drivers(const struct finder *finder)
{
    int result = 0;

    for (size_t i = 0; i < COUNT(driver_folders) && !result; i++) {
        for (size_t j = 0; j < COUNT(driver_names) && !result; j++)
            result = add_drivers_of(finder, driver_folders[i], driver_names[j]);
    }
    return result;
}

static int add_all(const struct finder *finder, const struct words *more)
{
    int result = 0;

    for (size_t i = 0; i < COUNT(scratch_always); i++)
        words_add(&finder->masks->scratch, scratch_always[i]);
    for (size_t i = 0; i < COUNT(scratch_folders) && !result; i++)
        result = add(finder, scratch_folders[i], true);
    for (size_t i = 0; i < COUNT(hidden_folders) && !result; i++)
        result = add(finder, hidden_folders[i], false);
    for (size_t i = 0; i < more->count && !result && !*finder->root; i++)
        result = add(finder, more->items[i], false);
    return result ? result : add_drivers(finder);
}

int guest_masks_find(const char *root, const struct words *more, struct guest_masks *masks,
                     struct error *err)
{
    struct finder finder = {.masks = masks, .err = err};
    char *real = realpath(root, NULL);
    int result;

    *masks = (struct guest_masks){0};
    if (!real)
        return error_set(err, -errno, "the root folder %s: %s", root, strerror(errno));
    finder.root = strcmp(real, "/") == 0 ? "" : real;
    finder.fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (finder.fd < 0) {
        result = error_set(err, -errno, "the root folder %s: %s", root, strerror(errno));
        goto free_real;
    }
    result = add_all(&finder, more);
    if (!result && (masks->folders.failed || masks->scratch.failed || masks->files.failed))
        result = error_set(err, -ENOMEM, "out of memory");
    close(finder.fd);
free_real:
    free(real);
    if (result)
        guest_masks_finish(masks);
    return result;
}

void guest_masks_finish(struct guest_masks *masks)
{
    words_finish(&masks->folders);
    words_finish(&masks->scratch);
    words_finish(&masks->files);
}

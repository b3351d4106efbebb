/* SPDX-License-Identifier: MIT */
#include "host/worker_files.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const public_files[] = {
    /* devices */
    "/dev/dri",
    "/dev/dri/*",
    "/dev/nvidia*",
    "/dev/kfd",
    "/dev/udmabuf",
    "/dev/null",
    "/dev/urandom",
    /* what the kernel tells of devices, of the machine and of the process */
    "/proc/driver/nvidia/*",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/version",
    "/proc/devices",
    "/proc/modules",
    "/proc/filesystems",
    "/proc/sys/vm/*",
    "/proc/self/maps",
    "/proc/self/status",
    "/proc/self/stat",
    "/proc/self/statm",
    "/proc/self/cmdline",
    "/proc/self/comm",
    "/proc/self/mountinfo",
    "/proc/self/task/*/comm",
    "/sys/devices",
    "/sys/devices/*",
    "/sys/class/drm",
    "/sys/class/drm/*",
    "/sys/dev/char/*",
    "/sys/bus/pci/devices",
    "/sys/bus/pci/devices/*",
    "/sys/module/nvidia*",
    "/sys/kernel/mm/*",
    /* drivers' own libraries and data */
    "/lib/*.so*",
    "/lib64/*.so*",
    "/usr/lib/*.so*",
    "/usr/lib64/*.so*",
    "/etc/ld.so.cache",
    "/usr/share/drirc.d",
    "/usr/share/drirc.d/*",
    "/etc/drirc",
    "/usr/share/libdrm/*",
    "/usr/share/nvidia/*",
    "/etc/localtime",
};

static const char *const missing_files[] = {
    "*/.drirc",
    "*/.nv",
    "*/.nv/*",
    "*/.cache",
    "*/.cache/*",
    "/etc/nvidia/*",
    "*/vulkan/*",
    "/usr/lib/locale/*",
    "/usr/share/locale/*",
    "/proc/self/auxv",
    "/proc/self/environ",
    "/proc/self/exe",
    /* caches, which are switched off, or would be one guest's to show to another */
    "/tmp/shader_validation_cache-*.bin",
    "*/mesa_shader_cache*",
    "*/nvidia/GLCache/*",
    "*/radv_builtin_shaders*",
    "/tmp/.glshadercache*",
    /* the search for a library goes through folders that do not have it */
    "*.so",
    "*.so.*",
};

static bool is_among(const char *path, const char *const *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fnmatch(patterns[i], path, 0))
            return true;
    }
    return false;
}

static bool climbs(const char *path)
{
    for (const char *at = strstr(path, "/.."); at; at = strstr(at + 1, "/..")) {
        if (!at[3] || at[3] == '/')
            return true;
    }
    return false;
}

/* A library in one of the folders themselves. */
static bool is_library_in(const char *path, const char *folders, size_t size)
{
    const char *name = strrchr(path, '/');
    if (!strstr(name, ".so"))
        return false;
    for (size_t at = 0; at < size; at += strlen(folders + at) + 1) {
        size_t length = strlen(folders + at);
        if (length == (size_t)(name - path) && !memcmp(folders + at, path, length))
            return true;
    }
    return false;
}

enum worker_file worker_files_judge(const char *path, const struct config_patterns *granted,
                                    const char *folders, size_t size)
{
    if (path[0] != '/' || climbs(path))
        return WORKER_FILE_STOP;
    if (is_among(path, (const char *const *)granted->patterns, granted->count))
        return WORKER_FILE_GRANTED;
    if (is_among(path, public_files, sizeof(public_files) / sizeof(public_files[0])) ||
        is_library_in(path, folders, size))
        return WORKER_FILE_PUBLIC;
    if (is_among(path, missing_files, sizeof(missing_files) / sizeof(missing_files[0])))
        return WORKER_FILE_MISSING;
    return WORKER_FILE_STOP;
}

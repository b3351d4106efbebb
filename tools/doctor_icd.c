/* SPDX-License-Identifier: MIT */
/*
 * Whether the Vulkan loader will find our ICD. It looks where the loader looks ("Driver Discovery
 * on Linux" of the loader's LoaderDriverInterface.md), in the same order:
 *   VK_DRIVER_FILES or VK_ICD_FILENAMES, when set, instead of all folders;
 *   VK_ADD_DRIVER_FILES before the folders;
 *   vulkan/icd.d in the folders of XDG and in /etc.
 * A manifest is ours when its library is libvulkan_gpupv.so.
 */
#include "tools/doctor.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "hoststore/icd_manifest.h"
#include "util/error.h"

#define OUR_LIBRARY "libvulkan_gpupv.so"

struct search {
    char manifest[PATH_MAX]; /* "" until ours is found */
    char library[PATH_MAX];
    bool filtered; /* ours was found, and a VK_LOADER_DRIVERS_* variable leaves it out */
    size_t seen;   /* manifests of any driver */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Whether one of the comma-separated patterns matches; the loader compares without case. */
static bool matches_list(const char *list, const char *name)
{
    char *copy = strdup(list), *position = NULL;
    bool matches = false;

    for (char *p = copy ? strtok_r(copy, ",", &position) : NULL; p && !matches;
         p = strtok_r(NULL, ",", &position))
        matches = fnmatch(p, name, FNM_CASEFOLD) == 0 || strcmp(p, "~all~") == 0;
    free(copy);
    return matches;
}

static bool is_filtered(const char *manifest)
{
    const char *select = getenv("VK_LOADER_DRIVERS_SELECT");
    const char *disable = getenv("VK_LOADER_DRIVERS_DISABLE");
    bool selected = select && *select && matches_list(select, base_name(manifest));

    /* A driver that is selected by name comes back although it is disabled. */
    if (select && *select && !selected)
        return true;
    return !selected && disable && *disable && matches_list(disable, base_name(manifest));
}

/* The library as the loader names it: beside the manifest, absolute, or bare for the linker. */
static void resolve_library(const char *manifest, const char *library, char *path, size_t size)
{
    if (library[0] == '/' || !strchr(library, '/'))
        snprintf(path, size, "%s", library);
    else
        snprintf(path, size, "%.*s%s", (int)(base_name(manifest) - manifest), manifest, library);
}

static void look_at_file(struct search *search, const char *path)
{
    struct icd_manifest manifest;
    bool filtered;

    if (icd_manifest_load(path, &manifest, NULL) < 0)
        return;
    search->seen++;
    filtered = is_filtered(path);
    /* The first one that is not filtered counts. */
    if (strncmp(base_name(manifest.library_path), OUR_LIBRARY, strlen(OUR_LIBRARY)) == 0 &&
        (!search->manifest[0] || (search->filtered && !filtered))) {
        snprintf(search->manifest, sizeof(search->manifest), "%s", path);
        resolve_library(path, manifest.library_path, search->library, sizeof(search->library));
        search->filtered = filtered;
    }
    icd_manifest_finish(&manifest);
}

static void look_in_folder(struct search *search, const char *folder)
{
    DIR *dir = opendir(folder);

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        char path[PATH_MAX];

        if (length < 5 || strcasecmp(entry->d_name + length - 5, ".json") != 0)
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < (int)sizeof(path))
            look_at_file(search, path);
    }
    if (dir)
        closedir(dir);
}

/* Calls `look` for each item of a colon-separated list, with `suffix` behind it. */
static void look_in_list(struct search *search, const char *list, const char *suffix,
                         void (*look)(struct search *, const char *))
{
    char *copy = strdup(list), *position = NULL;

    for (char *p = copy ? strtok_r(copy, ":", &position) : NULL; p;
         p = strtok_r(NULL, ":", &position)) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s%s", p, suffix) < (int)sizeof(path))
            look(search, path);
    }
    free(copy);
}

/* An item of VK_DRIVER_FILES: a manifest, or a folder of them. */
static void look_at_item(struct search *search, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        look_in_folder(search, path);
    else
        look_at_file(search, path);
}

/* $VARIABLE, else $HOME and `under_home`, else `fallback`. */
static void look_in_variable(struct search *search, const char *variable, const char *under_home,
                             const char *fallback)
{
    const char *value = getenv(variable), *home = getenv("HOME");
    char path[PATH_MAX];

    if (value && *value) {
        look_in_list(search, value, "/vulkan/icd.d", look_in_folder);
    } else if (under_home && home && *home) {
        if (snprintf(path, sizeof(path), "%s/%s/vulkan/icd.d", home, under_home) <
            (int)sizeof(path))
            look_in_folder(search, path);
    } else if (fallback) {
        look_in_list(search, fallback, "/vulkan/icd.d", look_in_folder);
    }
}

/* The variable that replaces the folders, or NULL. */
static const char *replacing_variable(void)
{
    const char *files = getenv("VK_DRIVER_FILES"), *old = getenv("VK_ICD_FILENAMES");

    return files && *files ? "VK_DRIVER_FILES" : old && *old ? "VK_ICD_FILENAMES" : NULL;
}

static void run_search(struct search *search)
{
    const char *replacing = replacing_variable(), *added = getenv("VK_ADD_DRIVER_FILES");

    if (replacing) {
        look_in_list(search, getenv(replacing), "", look_at_item);
        return;
    }
    if (added && *added)
        look_in_list(search, added, "", look_at_item);
    look_in_variable(search, "XDG_CONFIG_HOME", ".config", NULL);
    look_in_variable(search, "XDG_CONFIG_DIRS", NULL, "/etc/xdg");
    look_in_folder(search, "/etc/vulkan/icd.d");
    look_in_folder(search, "/usr/local/etc/vulkan/icd.d");
    look_in_variable(search, "XDG_DATA_HOME", ".local/share", NULL);
    look_in_variable(search, "XDG_DATA_DIRS", NULL, "/usr/local/share:/usr/share");
}

static void report_missing(struct doctor *doctor, const struct search *search)
{
    const char *replacing = replacing_variable();
    char detail[512], remedy[256];

    snprintf(detail, sizeof(detail),
             "none of the %zu driver manifests that the Vulkan loader finds %s%s is gpupv's",
             search->seen, replacing ? "through " : "in its folders", replacing ? replacing : "");
    if (replacing)
        snprintf(remedy, sizeof(remedy),
                 "unset %s, or put the path of gpupv's manifest (gpupv_icd.*.json) into it",
                 replacing);
    else
        snprintf(remedy, sizeof(remedy),
                 "install gpupv's ICD manifest (gpupv_icd.*.json) in /usr/share/vulkan/icd.d, or "
                 "name it in "
                 "VK_ADD_DRIVER_FILES");
    doctor_report(doctor, "icd-manifest", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, detail, remedy);
}

static bool check_manifest(struct doctor *doctor, const struct search *search)
{
    const char *disabled = getenv("GPUPV_ICD_DISABLE");
    char detail[PATH_MAX + 128];

    if (!search->manifest[0]) {
        report_missing(doctor, search);
        return false;
    }
    if (search->filtered) {
        snprintf(detail, sizeof(detail),
                 "%s is left out by VK_LOADER_DRIVERS_SELECT or VK_LOADER_DRIVERS_DISABLE",
                 search->manifest);
        doctor_report(doctor, "icd-manifest", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, detail,
                      "unset these variables, or let their patterns take gpupv's manifest in");
        return false;
    }
    if (disabled && strcmp(disabled, "1") == 0) {
        doctor_report(doctor, "icd-manifest", DOCTOR_NO_ADAPTER, DOCTOR_FAILED,
                      "GPUPV_ICD_DISABLE=1 is set: gpupv's ICD offers no device to programs",
                      "unset GPUPV_ICD_DISABLE");
        return false;
    }
    doctor_report(doctor, "icd-manifest", DOCTOR_NO_ADAPTER, DOCTOR_OK, search->manifest, NULL);
    return true;
}

static void check_library(struct doctor *doctor, const struct search *search)
{
    void *library = dlopen(search->library, RTLD_NOW | RTLD_LOCAL);
    const char *reason;

    if (!library) {
        reason = dlerror();
        doctor_report(doctor, "icd-library", DOCTOR_NO_ADAPTER, DOCTOR_FAILED,
                      reason ? reason : search->library,
                      "install gpupv's guest package for this architecture anew, or correct "
                      "library_path in the manifest");
        return;
    }
    if (dlsym(library, "vk_icdGetInstanceProcAddr"))
        doctor_report(doctor, "icd-library", DOCTOR_NO_ADAPTER, DOCTOR_OK, search->library, NULL);
    else
        doctor_report(doctor, "icd-library", DOCTOR_NO_ADAPTER, DOCTOR_FAILED,
                      "the library has no vk_icdGetInstanceProcAddr: it is no Vulkan driver",
                      "install gpupv's guest package anew");
    dlclose(library);
}

void doctor_check_icd(struct doctor *doctor)
{
    struct search *search = calloc(1, sizeof(*search));

    if (!search) {
        doctor_report(doctor, "icd-manifest", DOCTOR_NO_ADAPTER, DOCTOR_FAILED, "no memory",
                      "free some memory");
        return;
    }
    run_search(search);
    if (check_manifest(doctor, search))
        check_library(doctor, search);
    else
        doctor_report(doctor, "icd-library", DOCTOR_NO_ADAPTER, DOCTOR_SKIPPED,
                      "because of the above", NULL);
    free(search);
}

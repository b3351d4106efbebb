/* SPDX-License-Identifier: MIT */
#include "hoststore/icd_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/json_text.h"
#include "hoststore/paths.h"
#include "util/file.h"

#define MAX_LIBRARY_PATH 4095u

/* Reads up to `limit` decimal numbers with dots between them; returns how many, or -EINVAL. */
static int read_numbers(const char *text, unsigned *numbers, int limit)
{
    for (int count = 0; count < limit; count++) {
        size_t digits = strspn(text, "0123456789");
        if (!digits || digits > 6)
            return -EINVAL;
        numbers[count] = (unsigned)strtoul(text, NULL, 10);
        text += digits;
        if (!*text)
            return count + 1;
        if (*text++ != '.')
            return -EINVAL;
    }
    return -EINVAL;
}

static int check_format_version(struct json_object *root, struct error *err)
{
    const char *text;
    int result = json_text_string(root, "file_format_version", &text, err);
    if (result)
        return result;
    unsigned numbers[3] = {0};
    if (read_numbers(text, numbers, 3) != 3)
        return error_set(err, -EINVAL,
                         "\"file_format_version\" must be a version such as \"1.0.1\"");
    if (numbers[0] != 1)
        return error_set(err, -EINVAL,
                         "file_format_version %u.%u.%u is not known, this program reads 1.x",
                         numbers[0], numbers[1], numbers[2]);
    return 0;
}

/* "major.minor", "major.minor.patch" or "variant.major.minor.patch", packed as Vulkan packs it. */
static int parse_api_version(const char *text, uint32_t *version)
{
    unsigned parts[4] = {0}, numbers[4];
    int count = read_numbers(text, numbers, 4);
    if (count < 2)
        return -EINVAL;
    int first = count == 4 ? 0 : 1;
    for (int i = 0; i < count; i++)
        parts[first + i] = numbers[i];
    if (parts[0] > 7 || parts[1] > 127 || parts[2] > 1023 || parts[3] > 4095)
        return -EINVAL;
    *version = parts[0] << 29 | parts[1] << 22 | parts[2] << 12 | parts[3];
    return 0;
}

static int find_icd(struct json_object *root, struct json_object **icd, struct error *err)
{
    if (!json_object_object_get_ex(root, "ICD", icd))
        return error_set(err, -EINVAL, "\"ICD\" is missing: this is no Vulkan ICD manifest");
    if (!json_object_is_type(*icd, json_type_object))
        return error_set(err, -EINVAL, "\"ICD\" must be an object");
    return 0;
}

static int check_library_path(const char *path, struct error *err)
{
    size_t length = strlen(path);
    if (length > MAX_LIBRARY_PATH)
        return error_set(err, -EINVAL, "\"library_path\" has %zu bytes, at most %u are accepted",
                         length, MAX_LIBRARY_PATH);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return error_set(err, -EINVAL, "\"library_path\" has a control character");
    }
    if (path[length - 1] == '/')
        return error_set(err, -EINVAL, "\"library_path\" names a folder, not a library");
    return 0;
}

/* The strings in *manifest are borrowed from `icd`. */
static int read_icd(struct json_object *icd, struct icd_manifest *manifest, struct error *err)
{
    const char *path, *version, *arch = NULL;
    int result = json_text_string(icd, "library_path", &path, err);
    if (!result)
        result = check_library_path(path, err);
    if (!result)
        result = json_text_string(icd, "api_version", &version, err);
    if (result)
        return result;
    if (parse_api_version(version, &manifest->api_version))
        return error_set(err, -EINVAL, "\"api_version\" must be a version such as \"1.3.230\"");
    if (json_object_object_get_ex(icd, "library_arch", NULL)) {
        result = json_text_string(icd, "library_arch", &arch, err);
        if (result)
            return result;
        if (strcmp(arch, "32") != 0 && strcmp(arch, "64") != 0)
            return error_set(err, -EINVAL, "\"library_arch\" must be \"32\" or \"64\"");
    }
    manifest->library_path = (char *)path;
    manifest->library_arch = (char *)arch;
    return 0;
}

static int copy_manifest(const struct icd_manifest *from, struct icd_manifest *to,
                         struct error *err)
{
    struct icd_manifest copy = {.api_version = from->api_version,
                                .library_path = strdup(from->library_path),
                                .library_arch =
                                    from->library_arch ? strdup(from->library_arch) : NULL};
    if (!copy.library_path || (from->library_arch && !copy.library_arch)) {
        icd_manifest_finish(&copy);
        return error_set(err, -ENOMEM, "out of memory");
    }
    *to = copy;
    return 0;
}

int icd_manifest_parse(const char *name, const char *text, size_t size,
                       struct icd_manifest *manifest, struct error *err)
{
    struct json_object *root, *icd;
    int result = json_text_parse(name, text, size, ICD_MANIFEST_MAX_SIZE, &root, err);
    if (result)
        return result;
    struct icd_manifest found = {0};
    result = check_format_version(root, err);
    if (!result)
        result = find_icd(root, &icd, err);
    if (!result)
        result = read_icd(icd, &found, err);
    if (!result)
        result = copy_manifest(&found, manifest, err);
    json_object_put(root);
    return result ? error_prefix(err, result, "%s", name) : 0;
}

int icd_manifest_load(const char *path, struct icd_manifest *manifest, struct error *err)
{
    char *text;
    size_t size;
    int result = file_read(AT_FDCWD, path, ICD_MANIFEST_MAX_SIZE, &text, &size, err);
    if (result)
        return result;
    result = icd_manifest_parse(path, text, size, manifest, err);
    free(text);
    return result;
}

void icd_manifest_finish(struct icd_manifest *manifest)
{
    free(manifest->library_path);
    free(manifest->library_arch);
    *manifest = (struct icd_manifest){0};
}

bool icd_manifest_is_likely(const char *text, size_t size)
{
    struct json_object *root, *icd;
    if (json_text_parse("", text, size, ICD_MANIFEST_MAX_SIZE, &root, NULL))
        return false;
    bool likely = !find_icd(root, &icd, NULL);
    json_object_put(root);
    return likely;
}

/* Appends the components of `path` to the `*length` bytes at `to`, taking one off for each "..".
 * False when that leads above the start. */
static bool append_components(char *to, size_t *length, const char *path)
{
    for (const char *at = path; *at;) {
        size_t size = strcspn(at, "/");
        if (size == 2 && at[0] == '.' && at[1] == '.') {
            if (!*length)
                return false;
            while (*length && to[--*length] != '/')
                ;
        } else if (size && !(size == 1 && at[0] == '.')) {
            if (*length)
                to[(*length)++] = '/';
            memcpy(to + *length, at, size);
            *length += size;
        }
        at += size + (at[size] == '/');
    }
    return true;
}

int icd_manifest_library_in_package(const struct icd_manifest *manifest, const char *manifest_path,
                                    char **library, struct error *err)
{
    const char *path = manifest->library_path;
    if (path[0] == '/')
        return error_set(err, -EPERM,
                         "%s: library_path %s is absolute, in a package it must be relative to "
                         "the manifest",
                         manifest_path, path);
    char *joined = malloc(strlen(manifest_path) + strlen(path) + 2);
    if (!joined)
        return error_set(err, -ENOMEM, "out of memory");
    const char *slash = strrchr(manifest_path, '/');
    size_t length = slash ? (size_t)(slash - manifest_path) : 0;
    memcpy(joined, manifest_path, length);
    if (!append_components(joined, &length, path)) {
        free(joined);
        return error_set(err, -EPERM, "%s: library_path %s leads out of the package",
                         manifest_path, path);
    }
    joined[length] = '\0';
    int result = store_path_check_relative(joined, err);
    if (result) {
        free(joined);
        return error_prefix(err, result, "%s: library_path", manifest_path);
    }
    *library = joined;
    return 0;
}

int icd_manifest_relocate(const char *text, size_t size, const char *library_path, char **result,
                          size_t *result_size, struct error *err)
{
    struct json_object *root, *icd;
    int code = json_text_parse("the manifest", text, size, ICD_MANIFEST_MAX_SIZE, &root, err);
    if (code)
        return code;
    code = find_icd(root, &icd, err);
    if (code)
        goto out_root;
    struct json_object *path = json_object_new_string(library_path);
    if (!path || json_object_object_add(icd, "library_path", path) < 0) {
        json_object_put(path);
        code = error_set(err, -ENOMEM, "out of memory");
        goto out_root;
    }
    code = json_text_format(root, result, result_size);
    if (code)
        error_set(err, code, "out of memory");
out_root:
    json_object_put(root);
    return code;
}

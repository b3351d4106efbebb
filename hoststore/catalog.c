/* SPDX-License-Identifier: MIT */
#include "hoststore/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/digest.h"
#include "hoststore/json_text.h"
#include "hoststore/paths.h"
#include "hoststore/tree.h"

#define CATALOG_VERSION 1
#define DIGEST_ALGORITHM "blake2b-256"

bool catalog_word_is_valid(const char *word, size_t limit)
{
    static const char accepted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789._-";
    size_t length = strlen(word);
    return length && length <= limit && word[0] != '.' && strspn(word, accepted) == length;
}

static int copy_string(const char *text, char **copy, struct error *err)
{
    *copy = strdup(text);
    return *copy ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int read_word(struct json_object *object, const char *member, size_t limit, char **word,
                     struct error *err)
{
    const char *text;
    int result = json_text_string(object, member, &text, err);
    if (result)
        return result;
    if (!catalog_word_is_valid(text, limit))
        return error_set(err, -EINVAL,
                         "\"%s\" must be at most %zu letters, digits, \".\", \"_\" or \"-\", and "
                         "not begin with a dot",
                         member, limit);
    return copy_string(text, word, err);
}

static int read_path(struct json_object *object, const char *member, char **path,
                     struct error *err)
{
    const char *text;
    int result = json_text_string(object, member, &text, err);
    if (!result)
        result = store_path_check_relative(text, err);
    if (result)
        return error_prefix(err, result, "\"%s\"", member);
    return copy_string(text, path, err);
}

static int check_format(struct json_object *root, struct error *err)
{
    struct json_object *version;
    if (!json_object_object_get_ex(root, "catalog_version", &version) ||
        !json_object_is_type(version, json_type_int))
        return error_set(err, -EINVAL, "\"catalog_version\" must be the number %d",
                         CATALOG_VERSION);
    if (json_object_get_int64(version) != CATALOG_VERSION)
        return error_set(err, -EINVAL, "the catalog has version %lld, this program knows %d",
                         (long long)json_object_get_int64(version), CATALOG_VERSION);
    const char *algorithm;
    int result = json_text_string(root, "digest_algorithm", &algorithm, err);
    if (result)
        return result;
    if (strcmp(algorithm, DIGEST_ALGORITHM) != 0)
        return error_set(err, -EINVAL, "\"digest_algorithm\" must be \"" DIGEST_ALGORITHM "\"");
    return 0;
}

static int folders_in(const char *path)
{
    int count = 0;
    for (; *path; path++)
        count += *path == '/';
    return count;
}

static int read_file(struct json_object *item, struct catalog_file *file, struct error *err)
{
    if (!json_object_is_type(item, json_type_object))
        return error_set(err, -EINVAL, "an object is needed");
    int result = read_path(item, "path", &file->path, err);
    if (result)
        return result;
    if (!strcmp(file->path, CATALOG_FILE))
        return error_set(err, -EINVAL, "a catalog cannot list itself");
    if (!strcmp(file->path, SIGNATURE_FILE))
        return error_set(err, -EINVAL, "a catalog cannot list its signature, " SIGNATURE_FILE);
    if (folders_in(file->path) > CATALOG_MAX_DEPTH)
        return error_set(err, -EINVAL, "\"path\" has more than %d folders", CATALOG_MAX_DEPTH);

    struct json_object *size;
    if (!json_object_object_get_ex(item, "size", &size) ||
        !json_object_is_type(size, json_type_int) || json_object_get_int64(size) < 0)
        return error_set(err, -EINVAL, "\"size\" must be a number that is not negative");
    file->size = (uint64_t)json_object_get_int64(size);

    const char *digest;
    result = json_text_string(item, "digest", &digest, err);
    if (result)
        return result;
    if (digest_from_hex(digest, file->digest))
        return error_set(err, -EINVAL, "\"digest\" must be %d lower-case hex digits",
                         DIGEST_HEX_SIZE);
    return 0;
}

static int compare_files(const void *left, const void *right)
{
    const struct catalog_file *a = left, *b = right;
    return strcmp(a->path, b->path);
}

void catalog_sort(struct catalog *catalog)
{
    if (catalog->file_count)
        qsort(catalog->files, catalog->file_count, sizeof(*catalog->files), compare_files);
}

static int read_files(struct json_object *root, struct catalog *catalog, struct error *err)
{
    struct json_object *list;
    if (!json_object_object_get_ex(root, "files", &list) ||
        !json_object_is_type(list, json_type_array))
        return error_set(err, -EINVAL, "\"files\" must be an array");
    size_t count = json_object_array_length(list);
    if (!count || count > CATALOG_MAX_FILES)
        return error_set(err, -EINVAL, "\"files\" must have 1 to %d entries, it has %zu",
                         CATALOG_MAX_FILES, count);
    catalog->files = calloc(count, sizeof(*catalog->files));
    if (!catalog->files)
        return error_set(err, -ENOMEM, "out of memory");
    catalog->file_count = count;
    for (size_t i = 0; i < count; i++) {
        int result = read_file(json_object_array_get_idx(list, i), &catalog->files[i], err);
        if (result)
            return error_prefix(err, result, "files[%zu]", i);
    }

    catalog_sort(catalog);
    for (size_t i = 1; i < count; i++) {
        if (!strcmp(catalog->files[i - 1].path, catalog->files[i].path))
            return error_set(err, -EINVAL, "\"files\" lists %s twice", catalog->files[i].path);
    }
    return 0;
}

static int read_catalog(struct json_object *root, struct catalog *catalog, struct error *err)
{
    int result = check_format(root, err);
    if (!result)
        result = read_word(root, "name", CATALOG_MAX_NAME, &catalog->name, err);
    if (!result)
        result = read_word(root, "version", CATALOG_MAX_VERSION, &catalog->version, err);
    if (!result)
        result = read_word(root, "architecture", CATALOG_MAX_ARCHITECTURE, &catalog->architecture,
                           err);
    if (!result)
        result = read_path(root, "manifest", &catalog->manifest, err);
    if (!result)
        result = read_files(root, catalog, err);
    if (!result && !catalog_find(catalog, catalog->manifest))
        result = error_set(err, -EINVAL, "the manifest %s is not among \"files\"",
                           catalog->manifest);
    return result;
}

int catalog_parse(const char *name, const char *text, size_t size, struct catalog **result,
                  struct error *err)
{
    struct json_object *root;
    int code = json_text_parse(name, text, size, CATALOG_MAX_SIZE, &root, err);
    if (code)
        return code;
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    if (!catalog) {
        code = error_set(err, -ENOMEM, "out of memory reading %s", name);
        goto out_root;
    }
    code = read_catalog(root, catalog, err);
    if (code) {
        catalog_destroy(catalog);
        error_prefix(err, code, "%s", name);
        goto out_root;
    }
    *result = catalog;
out_root:
    json_object_put(root);
    return code;
}

int catalog_load_text(const char *folder, struct catalog **catalog, char **text, size_t *size,
                      struct error *err)
{
    int fd = tree_open_folder(folder, err);
    if (fd < 0)
        return fd;
    int result = tree_read(fd, CATALOG_FILE, CATALOG_MAX_SIZE, text, size, err);
    close(fd);
    if (!result) {
        result = catalog_parse(CATALOG_FILE, *text, *size, catalog, err);
        if (result)
            free(*text);
    }
    return result ? error_prefix(err, result, "%s", folder) : 0;
}

int catalog_load(const char *folder, struct catalog **catalog, struct error *err)
{
    char *text;
    size_t size;
    int result = catalog_load_text(folder, catalog, &text, &size, err);
    if (!result)
        free(text);
    return result;
}

/* Adds a member and takes over `value`, which may be NULL for "out of memory". */
static int add_member(struct json_object *object, const char *member, struct json_object *value)
{
    if (!value)
        return -ENOMEM;
    if (json_object_object_add(object, member, value) < 0) {
        json_object_put(value);
        return -ENOMEM;
    }
    return 0;
}

static int add_file(struct json_object *list, const struct catalog_file *file)
{
    struct json_object *item = json_object_new_object();
    if (!item)
        return -ENOMEM;
    char hex[DIGEST_HEX_SIZE + 1];
    digest_to_hex(file->digest, hex);
    int result = add_member(item, "path", json_object_new_string(file->path));
    if (!result)
        result = add_member(item, "size", json_object_new_int64((int64_t)file->size));
    if (!result)
        result = add_member(item, "digest", json_object_new_string(hex));
    if (!result && json_object_array_add(list, item) < 0)
        result = -ENOMEM;
    if (result)
        json_object_put(item);
    return result;
}

static struct json_object *format_files(const struct catalog *catalog)
{
    struct json_object *list = json_object_new_array();
    if (!list)
        return NULL;
    for (size_t i = 0; i < catalog->file_count; i++) {
        if (add_file(list, &catalog->files[i])) {
            json_object_put(list);
            return NULL;
        }
    }
    return list;
}

int catalog_format(const struct catalog *catalog, char **text, size_t *size)
{
    struct json_object *root = json_object_new_object();
    if (!root)
        return -ENOMEM;
    int result = add_member(root, "catalog_version", json_object_new_int(CATALOG_VERSION));
    if (!result)
        result = add_member(root, "name", json_object_new_string(catalog->name));
    if (!result)
        result = add_member(root, "version", json_object_new_string(catalog->version));
    if (!result)
        result = add_member(root, "architecture", json_object_new_string(catalog->architecture));
    if (!result)
        result = add_member(root, "manifest", json_object_new_string(catalog->manifest));
    if (!result)
        result = add_member(root, "digest_algorithm", json_object_new_string(DIGEST_ALGORITHM));
    if (!result)
        result = add_member(root, "files", format_files(catalog));
    if (!result)
        result = json_text_format(root, text, size);
    json_object_put(root);
    return result;
}

void catalog_destroy(struct catalog *catalog)
{
    if (!catalog)
        return;
    for (size_t i = 0; i < catalog->file_count; i++)
        free(catalog->files[i].path);
    free(catalog->files);
    free(catalog->name);
    free(catalog->version);
    free(catalog->architecture);
    free(catalog->manifest);
    free(catalog);
}

const struct catalog_file *catalog_find(const struct catalog *catalog, const char *path)
{
    struct catalog_file wanted = {.path = (char *)path};
    return catalog->file_count ? bsearch(&wanted, catalog->files, catalog->file_count,
                                         sizeof(wanted), compare_files)
                               : NULL;
}

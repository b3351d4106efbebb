/* SPDX-License-Identifier: MIT */
#include "hoststore/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/icd_manifest.h"
#include "hoststore/library_search.h"
#include "hoststore/open_beneath.h"
#include "hoststore/paths.h"
#include "hoststore/sign.h"
#include "hoststore/store_stage.h"
#include "hoststore/tree.h"
#include "util/file.h"

/* The words of a package's name, as they go into the catalog. */
struct words {
    char name[CATALOG_MAX_NAME + 1];
    char version[CATALOG_MAX_VERSION + 1];
};

/* Makes a word that catalog_word_is_valid accepts; one in front of which a command would see an
 * option gets another first character. */
static void make_word(char *word, size_t limit, const char *text, size_t length)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                               "0123456789._-";
    size_t used = length < limit ? length : limit;
    for (size_t i = 0; i < used; i++)
        word[i] = text[i] && strchr(kept, text[i]) ? text[i] : '-';
    word[used] = '\0';
    if (word[0] == '.' || word[0] == '-')
        word[0] = '_';
}

static int make_words(struct words *words, const char *name, size_t name_length,
                      const char *version, struct error *err)
{
    make_word(words->name, CATALOG_MAX_NAME, name, name_length);
    make_word(words->version, CATALOG_MAX_VERSION, version, strlen(version));
    if (!words->name[0] || !words->version[0])
        return error_set(err, -EINVAL, "a package's name and version cannot be empty");
    return 0;
}

static void format_api_version(uint32_t version, char text[32])
{
    unsigned variant = version >> 29;
    int used = variant ? snprintf(text, 32, "%u.", variant) : 0;
    snprintf(text + used, 32 - (size_t)used, "%u.%u.%u", version >> 22 & 0x7f,
             version >> 12 & 0x3ff, version & 0xfff);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The part of a manifest's file name that names the driver: without ".json", and without the
 * architecture that distributions put before it ("lvp_icd.x86_64.json"). */
static size_t driver_name_length(const char *file_name, const char *architecture)
{
    size_t length = strlen(file_name);
    if (length > 5 && !strcmp(file_name + length - 5, ".json"))
        length -= 5;
    size_t suffix = strlen(architecture);
    if (length > suffix + 1 && file_name[length - suffix - 1] == '.' &&
        !memcmp(file_name + length - suffix, architecture, suffix))
        length -= suffix + 1;
    return length;
}

/* Publishes what is staged and describes the package. */
static int publish(struct stage *stage, const char *root, const struct words *words,
                   const char *architecture, const char *manifest, struct store_package *package,
                   bool *added, struct error *err)
{
    char *folder_name;
    bool is_new;
    int result = stage_publish(stage, words->name, words->version, architecture, manifest,
                               &folder_name, &is_new, err);
    if (result)
        return result;
    result = store_get(root, folder_name, package, err);
    if (!result)
        *added = is_new;
    free(folder_name);
    return result;
}

/* Writes the manifest, with its new library path, and the library. */
static int stage_driver(struct stage *stage, const char *manifest_name, const char *text,
                        size_t size, const struct library *library, const char *library_name,
                        struct error *err)
{
    char *library_path = NULL, *relocated;
    size_t relocated_size;
    if (asprintf(&library_path, "./%s", library_name) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    int result = icd_manifest_relocate(text, size, library_path, &relocated, &relocated_size, err);
    free(library_path);
    if (result)
        return result;
    result = stage_write(stage, manifest_name, relocated, relocated_size, err);
    free(relocated);
    if (!result)
        result = stage_copy(stage, library_name, library->fd, true, err);
    return result;
}

static int add_driver(const char *root, const char *manifest_path, const char *text, size_t size,
                      const struct icd_manifest *manifest, const struct library *library,
                      const struct store_add_options *options, struct store_package *package,
                      bool *added, struct error *err)
{
    const char *architecture = library->architecture->name;
    const char *name = options->name ? options->name : base_name(manifest_path);
    size_t length = options->name ? strlen(name) : driver_name_length(name, architecture);
    char version[32], manifest_name[CATALOG_MAX_NAME + sizeof(".json")];
    format_api_version(manifest->api_version, version);
    struct words words;
    int result =
        make_words(&words, name, length, options->version ? options->version : version, err);
    if (result)
        return result;
    snprintf(manifest_name, sizeof(manifest_name), "%s.json", words.name);

    struct stage stage;
    result = stage_begin(root, &stage, err);
    if (result)
        return result;
    /* The name that the manifest gives, not that of the file a link leads to: it may be known to
     * the driver's own files. */
    result = stage_driver(&stage, manifest_name, text, size, library,
                          base_name(manifest->library_path), err);
    if (!result)
        result = publish(&stage, root, &words, architecture, manifest_name, package, added, err);
    stage_finish(&stage);
    return result;
}

int store_add_manifest(const char *root, const char *manifest_path,
                       const struct store_add_options *options, struct store_package *package,
                       bool *added, struct error *err)
{
    static const struct store_add_options defaults;
    if (!options)
        options = &defaults;
    char *text, *absolute;
    size_t size;
    int result = file_read(AT_FDCWD, manifest_path, ICD_MANIFEST_MAX_SIZE, &text, &size, err);
    if (result)
        return result;
    struct icd_manifest manifest;
    result = icd_manifest_parse(manifest_path, text, size, &manifest, err);
    if (result)
        goto out_text;
    struct library library;
    result = library_find(&manifest, manifest_path, options->architecture, &library, err);
    if (result) {
        error_prefix(err, result, "%s", manifest_path);
        goto out_manifest;
    }
    result = store_make_folders(root, err);
    if (!result)
        result = store_absolute_root(root, &absolute, err);
    if (result)
        goto out_library;
    result = add_driver(absolute, manifest_path, text, size, &manifest, &library, options, package,
                        added, err);
    free(absolute);
out_library:
    library_finish(&library);
out_manifest:
    icd_manifest_finish(&manifest);
out_text:
    free(text);
    return result;
}

/* A folder that is taken over. */
struct folder_source {
    struct stage *stage;
    char *manifest_path; /* relative; NULL until it is met */
    struct icd_manifest manifest;
};

static bool is_json(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && !strcmp(path + length - 5, ".json");
}

/* Takes the file as the folder's manifest if it is one. */
static int look_for_manifest(struct folder_source *source, const char *path, int fd, size_t size,
                             struct error *err)
{
    char *text = malloc(size + 1);
    if (!text)
        return error_set(err, -ENOMEM, "out of memory reading %s", path);
    int result = 0;
    ssize_t got = pread(fd, text, size, 0);
    if (got < 0) {
        result = error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
        goto out_text;
    }
    if (!icd_manifest_is_likely(text, (size_t)got))
        goto out_text;
    if (source->manifest_path) {
        result = error_set(err, -EINVAL,
                           "the folder has two ICD manifests, %s and %s; a package holds one",
                           source->manifest_path, path);
        goto out_text;
    }
    result = icd_manifest_parse(path, text, (size_t)got, &source->manifest, err);
    if (result)
        goto out_text;
    source->manifest_path = strdup(path);
    if (!source->manifest_path)
        result = error_set(err, -ENOMEM, "out of memory");
out_text:
    free(text);
    return result;
}

static int take_folder(void *context, const char *path, struct error *err)
{
    (void)context, (void)path, (void)err;
    return 0; /* made when a file in it is copied */
}

static int take_file(void *context, const char *path, int fd, const struct stat *info,
                     struct error *err)
{
    struct folder_source *source = context;
    if (!strcmp(path, CATALOG_FILE) || !strcmp(path, SIGNATURE_FILE))
        return 0; /* a new one is written; signatures are taken over when they fit it */
    if (is_json(path) && info->st_size <= ICD_MANIFEST_MAX_SIZE) {
        int result = look_for_manifest(source, path, fd, (size_t)info->st_size, err);
        if (result)
            return result;
    }
    return stage_copy(source->stage, path, fd, (info->st_mode & S_IXUSR) != 0, err);
}

static int copy_folder(struct folder_source *source, const char *folder, bool needs_manifest,
                       struct error *err)
{
    int fd = tree_open_folder(folder, err);
    if (fd < 0)
        return fd;
    const struct tree_visitor visitor = {take_folder, take_file, source};
    int result = tree_walk(fd, &visitor, err);
    close(fd);
    if (!result && !source->manifest_path && needs_manifest)
        result = error_set(err, -EINVAL,
                           "there is no ICD manifest in it (a .json file with an \"ICD\" object)");
    return result ? error_prefix(err, result, "%s", folder) : 0;
}

/* Finds and checks the staged library that the manifest names. */
static int check_library(const struct folder_source *source, const char *wanted,
                         const struct elf_architecture **architecture, struct error *err)
{
    char *library;
    int result = icd_manifest_library_in_package(&source->manifest, source->manifest_path,
                                                 &library, err);
    if (result)
        return result;
    int fd = open_beneath(source->stage->folder, library, O_RDONLY);
    if (fd < 0) {
        result = error_set(err, fd, "%s names the library %s, which is not in the folder",
                           source->manifest_path, library);
        goto out_library;
    }
    result = library_check(fd, library, &source->manifest, wanted, architecture, err);
    if (!result && fchmod(fd, 0755) < 0)
        result = error_set(err, -errno, "cannot set the mode of %s: %s", library, strerror(errno));
    close(fd);
out_library:
    free(library);
    return result;
}

/* Of a package without a library. */
static int find_architecture(const char *wanted, const struct elf_architecture **architecture,
                             struct error *err)
{
    *architecture = wanted ? elf_architecture_find(wanted) : elf_architecture_native();
    return *architecture ? 0
                         : error_set(err, -EINVAL, "%s is no architecture that is known here",
                                     wanted ? wanted : "this machine's");
}

/* The catalog of the source folder, if it has one; *catalog is NULL if not. */
static int load_source_catalog(const char *folder, struct catalog **catalog, struct error *err)
{
    struct error why;
    *catalog = NULL;
    int result = catalog_load(folder, catalog, &why);
    return !result || result == -ENOENT ? 0 : error_set(err, result, "%s", why.text);
}

static int add_staged(struct stage *stage, const char *root, const char *folder,
                      const struct store_add_options *options, struct store_package *package,
                      bool *added, struct error *err)
{
    struct folder_source source = {.stage = stage};
    struct catalog *catalog = NULL;
    const struct elf_architecture *architecture;
    int result = copy_folder(&source, folder, !options->inf, err);
    if (!result)
        result = load_source_catalog(folder, &catalog, err);
    /* The copy is compared, so that what is checked is what is published. */
    if (!result && catalog)
        result = catalog_verify(catalog, stage->path, err);
    if (!result && source.manifest_path)
        result = check_library(&source, options->architecture, &architecture, err);
    else if (!result)
        result = find_architecture(options->architecture, &architecture, err);
    if (result)
        goto out_source;

    char api_version[32];
    format_api_version(source.manifest.api_version, api_version);
    const char *name = options->name ? options->name : catalog ? catalog->name : base_name(folder);
    const char *version = options->version ? options->version
                          : catalog        ? catalog->version
                                           : api_version;
    struct words words;
    result = make_words(&words, name, strlen(name), version, err);
    if (!result)
        result = publish(stage, root, &words, architecture->name,
                         source.manifest_path ? source.manifest_path : options->inf, package, added,
                         err);
out_source:
    catalog_destroy(catalog);
    icd_manifest_finish(&source.manifest);
    free(source.manifest_path);
    return result;
}

/* Copying a folder into itself would not end well. */
static int check_not_inside(const char *root, const char *folder, struct error *err)
{
    char *real = realpath(root, NULL);
    if (!real)
        return error_set(err, -errno, "cannot find the store %s: %s", root, strerror(errno));
    size_t length = strlen(folder);
    bool inside = !strncmp(real, folder, length) &&
                  (real[length] == '/' || !real[length] || length == 1);
    free(real);
    return inside ? error_set(err, -EINVAL, "the store %s lies in the folder %s", root, folder) : 0;
}

/* A signature file that is damaged is told before anything is added. */
static int check_signatures(const char *folder, struct error *err)
{
    struct signature_set set;
    int fd = tree_open_folder(folder, err);
    if (fd < 0)
        return fd;
    int result = signature_read(fd, &set, err);
    close(fd);
    return result ? error_prefix(err, result, "%s", folder) : 0;
}

static int take_signatures(const char *root, const char *folder, struct store_package *package,
                           struct error *err)
{
    int result = store_take_signatures(root, package->folder_name, folder, err);
    if (result) {
        error_prefix(err, result, "the package %s is in the store, without the signatures of %s",
                     package->folder_name, folder);
        store_package_finish(package);
    }
    return result;
}

int store_add_folder(const char *root, const char *folder,
                     const struct store_add_options *options, struct store_package *package,
                     bool *added, struct error *err)
{
    static const struct store_add_options defaults;
    if (!options)
        options = &defaults;
    char *real = realpath(folder, NULL), *absolute;
    if (!real)
        return error_set(err, -errno, "cannot find the folder %s: %s", folder, strerror(errno));
    int result = store_make_folders(root, err);
    if (!result)
        result = store_absolute_root(root, &absolute, err);
    if (result)
        goto out_real;
    result = check_not_inside(absolute, real, err);
    if (result)
        goto out_absolute;
    result = check_signatures(real, err);
    if (result)
        goto out_absolute;
    struct stage stage;
    result = stage_begin(absolute, &stage, err);
    if (result)
        goto out_absolute;
    result = add_staged(&stage, absolute, real, options, package, added, err);
    stage_finish(&stage);
    if (!result)
        result = take_signatures(absolute, real, package, err);
out_absolute:
    free(absolute);
out_real:
    free(real);
    return result;
}

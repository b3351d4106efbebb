/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

char *support_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *path = support_path(base ? base : "/tmp", "gpupv-store-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static int delete_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void support_delete(char *folder)
{
    assert_int_equal(nftw(folder, delete_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(folder);
}

char *support_path(const char *folder, const char *format, ...)
{
    char name[8192], *path = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

void support_write(const char *folder, const char *path, const void *data, size_t size)
{
    char *full = support_path(folder, "%s", path);
    char *slash = strrchr(full, '/');
    *slash = '\0';
    assert_int_equal(file_make_folders(full, 0755, NULL), 0);
    *slash = '/';
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(full);
}

void support_write_text(const char *folder, const char *path, const char *text)
{
    support_write(folder, path, text, strlen(text));
}

void support_copy(const char *folder, const char *path, const char *source)
{
    char *data;
    size_t size;
    assert_int_equal(file_read(AT_FDCWD, source, SIZE_MAX / 4, &data, &size, NULL), 0);
    support_write(folder, path, data, size);
    free(data);
}

bool support_exists(const char *folder, const char *path)
{
    char *full = support_path(folder, "%s", path);
    struct stat info;
    bool exists = lstat(full, &info) == 0;
    free(full);
    return exists;
}

int support_count(const char *folder, const char *path)
{
    char *full = support_path(folder, "%s", path);
    DIR *listing = opendir(full);
    free(full);
    if (!listing)
        return -1;
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(listing)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(listing);
    return count;
}

static void fill_entry(const char *folder, const char *path, struct catalog_file *file)
{
    char *full = support_path(folder, "%s", path);
    int fd = open(full, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(catalog_digest(fd, file->digest, &file->size), 0);
    file->path = strdup(path);
    close(fd);
    free(full);
}

struct catalog *support_catalog(const char *folder, const char *const *paths, size_t count)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    assert_non_null(catalog);
    catalog->name = strdup("drv");
    catalog->version = strdup("1.2.3");
    catalog->architecture = strdup("x86_64");
    catalog->manifest = strdup("drv.json");
    catalog->files = calloc(count, sizeof(*catalog->files));
    assert_non_null(catalog->files);
    catalog->file_count = count;
    for (size_t i = 0; i < count; i++)
        fill_entry(folder, paths[i], &catalog->files[i]);
    catalog_sort(catalog);

    char *text;
    size_t size;
    assert_int_equal(catalog_format(catalog, &text, &size), 0);
    support_write(folder, CATALOG_FILE, text, size);
    free(text);
    return catalog;
}

const char *support_library(void)
{
    const char *path = getenv("GPUPV_TEST_DRIVER");
    assert_non_null(path);
    return path;
}

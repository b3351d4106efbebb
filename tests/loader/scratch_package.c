/* SPDX-License-Identifier: MIT */
#include "scratch_package.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/catalog.h"
#include "util/file.h"

static void must(int condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    abort();
}

void scratch_create(struct scratch *scratch)
{
    const char *base = getenv("TMPDIR");

    snprintf(scratch->folder, sizeof(scratch->folder), "%s/gpupv-test-XXXXXX",
             base && base[0] ? base : "/tmp");
    must(mkdtemp(scratch->folder) != NULL, "mkdtemp");
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void scratch_remove(struct scratch *scratch)
{
    nftw(scratch->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const struct scratch *scratch, const char *relative)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch->folder, relative);
    return path;
}

static void make_parent(const char *path)
{
    char folder[512];

    snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = '\0';
    must(file_make_folders(folder, 0755, NULL) == 0, folder);
}

static void write_bytes(const char *path, const void *data, size_t size)
{
    make_parent(path);
    must(file_write_atomic(path, data, size, 0644, NULL) == 0, path);
}

void scratch_write(const struct scratch *scratch, const char *relative, const char *text)
{
    write_bytes(scratch_path(scratch, relative), text, strlen(text));
}

void scratch_copy(const struct scratch *scratch, const char *source, const char *relative)
{
    char *data;
    size_t size;

    must(file_read(AT_FDCWD, source, 64u << 20, &data, &size, NULL) == 0, source);
    write_bytes(scratch_path(scratch, relative), data, size);
    free(data);
}

void scratch_catalog(const struct scratch *scratch, const char *folder, const char *architecture,
                     const char *const *names)
{
    struct catalog_file files[8];
    struct catalog catalog = {
        .name = (char *)"fake",
        .version = (char *)"1.0",
        .architecture = (char *)architecture,
        .manifest = (char *)names[0],
        .files = files,
    };
    char relative[256], *text;
    size_t size;

    for (; names[catalog.file_count]; catalog.file_count++) {
        struct catalog_file *file = &files[catalog.file_count];
        int fd;

        snprintf(relative, sizeof(relative), "%s/%s", folder, names[catalog.file_count]);
        file->path = (char *)names[catalog.file_count];
        fd = open(scratch_path(scratch, relative), O_RDONLY);
        must(fd >= 0 && catalog_digest(fd, file->digest, &file->size) == 0, relative);
        close(fd);
    }
    catalog_sort(&catalog);
    must(catalog_format(&catalog, &text, &size) == 0, "catalog_format");
    snprintf(relative, sizeof(relative), "%s/" CATALOG_FILE, folder);
    write_bytes(scratch_path(scratch, relative), text, size);
    free(text);
}

void scratch_package(const struct scratch *scratch, const char *folder, const char *library,
                     const char *architecture)
{
    char relative[256];

    snprintf(relative, sizeof(relative), "%s/driver.json", folder);
    scratch_write(
        scratch, relative,
        "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": \"./driver.so\", "
        "\"api_version\": \"1.3.0\"}}");
    snprintf(relative, sizeof(relative), "%s/driver.so", folder);
    scratch_copy(scratch, library, relative);
    scratch_catalog(scratch, folder, architecture,
                    (const char *const[]){"driver.json", "driver.so", NULL});
}

wchar_t *scratch_wide(const char *text)
{
    size_t size = strlen(text);
    wchar_t *wide = calloc(size + 1, sizeof(*wide));

    must(wide != NULL, "calloc");
    for (size_t i = 0; i < size; i++)
        wide[i] = (unsigned char)text[i];
    return wide;
}

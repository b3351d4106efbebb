/* SPDX-License-Identifier: MIT */
#include "host/store_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/paths.h"
#include "hoststore/tree.h"

/* Asked for in advance of what is read: some messages' worth. */
#define READ_AHEAD (1024 * 1024)

struct store_reader *store_reader_create(void)
{
    struct store_reader *reader = calloc(1, sizeof(*reader));
    if (reader)
        reader->file = -1;
    return reader;
}

static void close_file(struct store_reader *reader)
{
    if (reader->file >= 0)
        close(reader->file);
    reader->file = -1;
    free(reader->path);
    reader->path = NULL;
}

static void drop_package(struct store_reader *reader, struct hold_table *holds)
{
    close_file(reader);
    if (reader->hold)
        hold_release(holds, reader->hold);
    reader->hold = NULL;
    free(reader->root);
    free(reader->package);
    reader->root = reader->package = NULL;
}

void store_reader_destroy(struct store_reader *reader, struct hold_table *holds)
{
    if (!reader)
        return;
    drop_package(reader, holds);
    free(reader);
}

bool store_reader_has(const struct store_reader *reader, const char *root, const char *package)
{
    return reader->hold && !strcmp(reader->package, package) && !strcmp(reader->root, root);
}

int store_reader_set_package(struct store_reader *reader, struct hold_table *holds,
                             const char *root, const char *package)
{
    if (store_reader_has(reader, root, package))
        return 0;
    drop_package(reader, holds);
    reader->root = strdup(root);
    reader->package = strdup(package);
    if (!reader->root || !reader->package) {
        drop_package(reader, holds);
        return -ENOMEM;
    }
    reader->hold = hold_acquire(holds, root, package);
    if (reader->hold)
        return 0;
    drop_package(reader, holds);
    return -ENOENT;
}

static bool is_part(const struct cached_package *package, const char *path)
{
    return !strcmp(path, CATALOG_FILE) || !strcmp(path, SIGNATURE_FILE) ||
           catalog_find(package->catalog, path);
}

int store_reader_open(struct store_reader *reader, const struct cached_package *package,
                      const char *path, struct error *err)
{
    if (reader->path && !strcmp(reader->path, path))
        return 0;
    close_file(reader);
    int result = store_path_check_relative(path, err);
    if (result)
        return result;
    if (!is_part(package, path))
        return error_set(err, -ENOENT, "%s is not in the catalog", path);
    int folder = tree_open_folder(package->folder, err);
    if (folder < 0)
        return folder;
    int file = tree_open_file(folder, path, err);
    close(folder);
    if (file < 0)
        return file;
    reader->path = strdup(path);
    if (!reader->path || fstat(file, &reader->info) < 0) {
        result = reader->path ? -errno : -ENOMEM;
        close(file);
        close_file(reader);
        return error_set(err, result, "cannot look at %s: %s", path, strerror(-result));
    }
    reader->file = file;
    posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

int store_reader_read(struct store_reader *reader, uint64_t offset, void *data, size_t *size)
{
    size_t wanted = *size, done = 0;
    *size = 0;
    if (offset >= (uint64_t)reader->info.st_size)
        return 0;
    while (done < wanted) {
        ssize_t got =
            pread(reader->file, (char *)data + done, wanted - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    posix_fadvise(reader->file, (off_t)(offset + done), READ_AHEAD, POSIX_FADV_WILLNEED);
    *size = done;
    return 0;
}

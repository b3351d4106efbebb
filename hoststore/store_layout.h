/* SPDX-License-Identifier: MIT */
/* Folders, names and locks of the store. Private to hoststore. */
#ifndef GPUPV_HOSTSTORE_STORE_LAYOUT_H
#define GPUPV_HOSTSTORE_STORE_LAYOUT_H

#include <stdbool.h>

#include "hoststore/catalog.h"
#include "util/error.h"

#define STORE_INCOMING ".incoming"
/* Lock files, one a package. They stand outside the repository because a guest sees that, and with
 * a lock of its own could keep a package from being removed, or from being held. */
#define STORE_LOCKS ".locks"
#define STORE_RANDOM_NAME_SIZE 32

/* The root as an absolute path without a trailing slash, malloc'ed. Links in it are kept, so that
 * paths in the store begin with the root that was configured. */
int store_absolute_root(const char *root, char **absolute, struct error *err);

/* Opens ROOT/FileRepository, or ROOT/.incoming. A descriptor, or a negative errno; -ENOENT gives no
 * text. */
int store_open_repository(const char *root, struct error *err);
int store_open_incoming(const char *root, struct error *err);
/* Makes the root and both folders where they are missing. */
int store_make_folders(const char *root, struct error *err);

/* -EINVAL for what cannot be a package's folder name. */
int store_check_folder_name(const char *folder_name, struct error *err);
/* The repository that a package of this name would be in. As the two above, with a text always. */
int store_open_repository_of(const char *root, const char *folder_name, struct error *err);
/* NAME_VERSION_ARCH_DIGEST of a catalog and its text, malloc'ed. -ENOMEM, -ENOSYS. */
int store_folder_name(const struct catalog *catalog, const char *text, size_t size, char **name);

/* "PREFIX-" and 16 random hex digits. */
void store_random_name(const char *prefix, char name[STORE_RANDOM_NAME_SIZE]);

/* Locks a package: shared, or `exclusive`. A descriptor whose closing unlocks, -ENOENT when the
 * package is not there or was removed meanwhile, -EBUSY when the lock cannot be had. */
int store_lock_package(int repository, const char *folder_name, bool exclusive,
                       struct error *err);
/* The same for a shared lock, without waiting. */
int store_try_lock_package(int repository, const char *folder_name, struct error *err);
/* Deletes the lock file of a package that was removed; the caller has the exclusive lock. */
void store_forget_lock(int repository, const char *folder_name);

/* Deletes a folder and all that is in it; links are deleted, not followed. */
int store_delete_tree(int parent, const char *name, struct error *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The host's driver store: ROOT/FileRepository/<package>/. A package never changes once it is
 * there; an update is another folder. Its folder name is NAME_VERSION_ARCH_DIGEST, DIGEST the first
 * 16 hex digits of the catalog's BLAKE2b digest, so that equal contents give the equal name.
 *
 * Adding writes ROOT/.incoming/… , verifies, and renames: a reader sees a whole package or none,
 * whenever the writer is killed. What a killed writer left in .incoming is cleaned by a later add.
 * A package in use is held by a shared flock(2) on ROOT/.locks/<package>; removing takes the
 * exclusive one. A guest is given FileRepository alone, so it cannot lock anything here.
 *
 * All functions may be called by several threads and processes at once, on the same store too.
 * Those that take a folder name refuse, with -EINVAL, what is no package name.
 */
#ifndef GPUPV_HOSTSTORE_STORE_H
#define GPUPV_HOSTSTORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hoststore/catalog.h"
#include "util/error.h"

#define STORE_REPOSITORY "FileRepository"

/* Names are reduced to A-Z a-z 0-9 . _ - (other characters become "-"). */
struct store_add_options {
    const char *name;         /* NULL: from the manifest's or folder's file name */
    const char *version;      /* NULL: the manifest's api_version */
    const char *architecture; /* NULL: read from the library's ELF header */
    /* store_add_folder: the INF file in the folder that describes a driver without an ICD manifest,
     * such as one for Windows programs; NULL: a manifest is needed. Without a library the default
     * architecture is this machine's. */
    const char *inf;
};

struct store_package {
    char *folder_name;    /* NAME_VERSION_ARCH_DIGEST */
    char *path;           /* absolute host path of the folder */
    char *manifest_path;  /* absolute host path; NULL for a package that has an INF file alone */
    char *library_path;   /* absolute host path; NULL as well */
    char *name, *version, *architecture;
    uint64_t size; /* bytes of all files that the catalog lists */
    bool in_use;   /* somebody holds it; filled by store_list */
};

void store_package_finish(struct store_package *package);

/* Puts the driver of an ICD manifest into the store: the library that the manifest names and a
 * manifest that names it relatively. A relative library_path lies beside the manifest; a bare name
 * is searched in LD_LIBRARY_PATH and in the usual library folders (library_search.c), not in
 * ld.so.cache. A package with the same contents that is already there is success (*added false).
 * Links are followed for the source, and never kept. The root is made if it is missing. */
int store_add_manifest(const char *root, const char *manifest,
                       const struct store_add_options *options, struct store_package *package,
                       bool *added, struct error *err);
/* Puts a folder's files; it must hold exactly one ICD manifest (*.json with an "ICD" object), at
 * any depth, whose library_path stays inside. Links in it are refused (-EBADMSG), empty folders are
 * left out. A folder that has a catalog, such as a package of another host, must agree with it, and
 * keeps its name and version. */
int store_add_folder(const char *root, const char *folder,
                     const struct store_add_options *options, struct store_package *package,
                     bool *added, struct error *err);

/* All packages, sorted by folder name; the caller finishes each and frees the array. What is in
 * the repository and is no package is skipped with a log line. A store that is not there yet is
 * empty. */
int store_list(const char *root, struct store_package **packages, size_t *count,
               struct error *err);
/* One package by its folder name. -ENOENT; -EBADMSG when the folder is no package. Its files are
 * not compared with the catalog: store_verify does that. */
int store_get(const char *root, const char *folder_name, struct store_package *package,
              struct error *err);
/* Compares every file with the catalog, and the catalog with the folder's name. -EBADMSG. */
int store_verify(const char *root, const char *folder_name, struct error *err);
/* -EBUSY while somebody holds it, -ENOENT. A damaged package can be removed, too. */
int store_remove(const char *root, const char *folder_name, struct error *err);

/* Holds a package against removal until *fd is closed (in every process that inherited it).
 * -ENOENT when it is gone; -EBUSY when another process keeps an exclusive lock for more than a
 * second. */
int store_hold(const char *root, const char *folder_name, int *fd, struct error *err);
/* The same without waiting: -EBUSY as soon as another process has an exclusive lock. */
int store_try_hold(const char *root, const char *folder_name, int *fd, struct error *err);

#endif

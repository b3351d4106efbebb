/* SPDX-License-Identifier: MIT */
/*
 * Host and guest names of the driver store. Host: ROOT/FileRepository/<package>/…; the guest sees
 * the same tree under its own root. Windows forms are known too: X:\Windows\System32\DriverStore\…
 * becomes X:\Windows\System32\HostDriverStore\… (WDDM GPU-PV, "DriverStore in the VM"), and so do
 * the spellings \SystemRoot, %SystemRoot%, %windir%, a leading \??\ or \\?\, and a store below
 * System32\drivers. They compare without case.
 * Pure string work: no file is touched. Thread-safe.
 */
#ifndef GPUPV_HOSTSTORE_PATHS_H
#define GPUPV_HOSTSTORE_PATHS_H

#include <stddef.h>

#include "util/error.h"

struct store_paths {
    const char *host_root;  /* absolute, e.g. /var/lib/gpupv/DriverStore */
    const char *guest_root; /* absolute, e.g. /run/gpupv/HostDriverStore */
};

/* The guest's name of a full path in the host's store, malloc'ed. -ENOENT when `host_path` is not
 * in the store; -EPERM when it has, below the root, "..", "." or an empty component (a trailing
 * separator makes one), a control character, a backslash (POSIX) or colon (Windows) in a component,
 * or bytes that are not UTF-8; -ENOMEM. The root itself translates to the guest's root. */
int store_path_to_guest(const struct store_paths *paths, const char *host_path, char **guest_path);

/* Checks a path relative to a package (from a catalog, a manifest): not empty, not absolute, no
 * "..", "." or empty component, no backslash or control character, valid UTF-8, at most 4095 bytes.
 * 0 or -EPERM. */
int store_path_check_relative(const char *path, struct error *err);

/* The package folder's name (FileRepository/<package>) that a path in the store lies in: a pointer
 * into `host_path` and its length, or NULL, also for a path that store_path_to_guest refuses. */
const char *store_path_package(const struct store_paths *paths, const char *host_path,
                               size_t *length);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * How a program in a guest keeps the package that it has loaded: a shared lock on the file that the
 * guest's agent has made for it (hoststore/guest_store.h). Thread-safe.
 */
#ifndef GPUPV_HOSTSTORE_GUEST_HOLD_H
#define GPUPV_HOSTSTORE_GUEST_HOLD_H

/* `folder` is the package's, ROOT/FileRepository/PACKAGE. A descriptor whose closing (in every
 * process that inherited it) ends the hold, or a negative errno: -ENOENT in a store that no agent
 * keeps, such as one that is mapped from the host, where the host holds the package. */
int guest_hold_package(const char *folder);

#endif

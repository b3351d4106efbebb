/* SPDX-License-Identifier: MIT */
/*
 * Where the drivers of this process come from. Drivers load more of their libraries later, for a
 * compiler or for rays, out of the folders of those that are loaded already.
 */
#ifndef GPUPV_HOST_WORKER_LIBRARIES_H
#define GPUPV_HOST_WORKER_LIBRARIES_H

#include <stddef.h>

/* Writes the folders of all libraries that the process has loaded, each once, absolute, ended by a
 * NUL; those that do not fit are left out. Gives the bytes written. Thread-safe. */
size_t libraries_folders(char *folders, size_t size);

#endif

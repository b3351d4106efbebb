/* SPDX-License-Identifier: MIT */
/*
 * The guest's own registry: settings that a guest has for itself, under the paths that Windows has
 * for them. It lies in this guest and not on the host, in a hive file in the text form
 * (registry/hive_text.c):
 *
 *   /etc/gpupv/guest.hive
 *
 * (below the prefix's sysconfdir). GPUPV_GUEST_HIVE names another file; a program with raised
 * privileges does not look at it. The default file may be missing, one that was named must be
 * there.
 */
#ifndef GPUPV_LOADER_GUEST_HIVE_H
#define GPUPV_LOADER_GUEST_HIVE_H

#include <stdbool.h>

#include "util/error.h"

/* The file that holds: of GPUPV_GUEST_HIVE (*named is true), or the default one. */
const char *guest_hive_path(bool *named);

/* GpuVirtualizationFlags, bit 0x8: whether the guest's adapters are paired with its display. They
 * are unless the value is there without the bit. When the value cannot be read *paired is this
 * default, too, and the result is a negative errno; the message names the file and the cause. */
int guest_hive_pairing(bool *paired, struct error *err);

#endif

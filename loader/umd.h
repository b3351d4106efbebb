/* SPDX-License-Identifier: MIT */
/* Loads a driver library and agrees on the driver interface. Thread-safe. */
#ifndef GPUPV_LOADER_UMD_H
#define GPUPV_LOADER_UMD_H

#include <stdint.h>

#include "loader/loader.h"
#include "loader/package.h"

/* The package's file `library`, which package_verify has checked, loaded once in a process however
 * often it is asked for. It is given to dlopen by its path, and is refused when the file
 * there is not, before and after, the one that was verified. `*step` tells on failure whether
 * LOADER_STEP_LIBRARY or LOADER_STEP_NEGOTIATE failed. -ELIBBAD, -EPROTONOSUPPORT, -EBADMSG,
 * -ENOMEM. */
int umd_load(const char *manifest_path, const struct package *package, const char *library,
             uint32_t api_version, const struct loader_umd **umd, enum loader_step *step,
             struct error *err);

/* Tells a driver that knows gpupv its adapter (adapter->umd is set); does nothing for a plain one.
 * Fills context, node count and tier. -EPROTONOSUPPORT, -ENOMEM, -EIO. */
int umd_open_adapter(struct loader_adapter *adapter, struct error *err);
void umd_close_adapter(struct loader_adapter *adapter);

/* The table of functions that drivers get (umd_callbacks.c). */
extern const struct gpupv_umd_callbacks umd_callbacks;

#endif

/* SPDX-License-Identifier: MIT */
/* Loads a driver library and agrees on the driver interface. Thread-safe. */
#ifndef GPUPV_LOADER_UMD_H
#define GPUPV_LOADER_UMD_H

#include <stdint.h>

#include "loader/loader.h"

/* The library at `library_path`, loaded once in a process however often it is asked for. `*step`
 * tells on failure whether LOADER_STEP_LIBRARY or LOADER_STEP_NEGOTIATE failed. -ELIBBAD,
 * -EPROTONOSUPPORT, -ENOMEM. */
int umd_load(const char *manifest_path, const char *library_path, uint32_t api_version,
             const struct loader_umd **umd, enum loader_step *step, struct error *err);

#endif

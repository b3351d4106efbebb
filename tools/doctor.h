/* SPDX-License-Identifier: MIT */
/*
 * The steps that `gpupv doctor` walks, in the order in which a Vulkan program would: from the
 * transport to the driver, and the Vulkan loader's way to our ICD. A step ends as one line: ok,
 * what failed with the remedy, or skipped because of an earlier failure.
 */
#ifndef GPUPV_TOOLS_DOCTOR_H
#define GPUPV_TOOLS_DOCTOR_H

#include <stddef.h>

#include <json-c/json.h>

#include "loader/loader.h"

enum doctor_outcome { DOCTOR_OK, DOCTOR_FAILED, DOCTOR_SKIPPED };

struct doctor {
    json_object *steps; /* NULL: lines are printed as they come */
    size_t failed;
};

#define DOCTOR_NO_ADAPTER ((size_t)-1)

/* Reports one step. `step` is a stable word; `detail` says what was found, `remedy` (NULL unless
 * the step failed) what to do. */
void doctor_report(struct doctor *doctor, const char *step, size_t adapter,
                   enum doctor_outcome outcome, const char *detail, const char *remedy);

/* Creates an instance of the loaded UMD and lists its devices, in a child process: a driver that
 * crashes is reported and takes only the child along. Prepares nothing in this process. Fills
 * `detail`. 0, or -1. */
int doctor_try_driver(const struct loader_umd *umd, char *detail, size_t size);

/* Whether the Vulkan loader will find and load our ICD. */
void doctor_check_icd(struct doctor *doctor);

#endif

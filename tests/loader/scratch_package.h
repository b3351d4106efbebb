/* SPDX-License-Identifier: MIT */
/* Driver packages in a folder of the test's own, made and unmade by the test. Failures abort. */
#ifndef GPUPV_TESTS_SCRATCH_PACKAGE_H
#define GPUPV_TESTS_SCRATCH_PACKAGE_H

#include <wchar.h>

struct scratch {
    char folder[256];
};

void scratch_create(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);

/* Paths in the scratch folder: a static buffer, good until the eighth next call. */
const char *scratch_path(const struct scratch *scratch, const char *relative);

void scratch_write(const struct scratch *scratch, const char *relative, const char *text);
void scratch_copy(const struct scratch *scratch, const char *source, const char *relative);

/* FOLDER/driver.json naming "./driver.so", FOLDER/driver.so copied from `library`, and a right
 * catalog for `architecture`. */
void scratch_package(const struct scratch *scratch, const char *folder, const char *library,
                     const char *architecture);

/* Writes the catalog that fits the files `names` (NULL-terminated), the manifest first. */
void scratch_catalog(const struct scratch *scratch, const char *folder, const char *architecture,
                     const char *const *names);

/* The wide form of a path; the caller frees it. */
wchar_t *scratch_wide(const char *text);

#endif

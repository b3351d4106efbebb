/* SPDX-License-Identifier: MIT */
/* The data of an AddReg entry. Private to hoststore. */
#ifndef GPUPV_HOSTSTORE_INF_VALUE_H
#define GPUPV_HOSTSTORE_INF_VALUE_H

#include "hoststore/inf_install.h"

/* Fields of an AddReg line. */
enum { INF_ROOT, INF_SUBKEY, INF_NAME, INF_FLAGS, INF_VALUE };

/* The text with folders for their numbers, malloc'ed. -EINVAL for a number that is not known;
 * -ENOMEM. */
int inf_resolve(const char *text, const char *package_path, char **result, struct error *err);
/* The path below target->folder that a text (with folder numbers) names in the package, in the
 * folder's spelling; malloc'ed. -ENOENT when it is no file there, or names another place. */
int inf_resolve_file(const char *text, const struct inf_target *target, char **path,
                     struct error *err);

/* The entry's data in the form of struct reg_value, malloc'ed. */
int inf_value_data(const struct inf_setting *setting, const struct inf_target *target,
                   uint8_t **data, size_t *size, struct error *err);

#endif

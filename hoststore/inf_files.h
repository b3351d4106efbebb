/* SPDX-License-Identifier: MIT */
/* Files that an INF names, in a folder of this machine. Private to hoststore. */
#ifndef GPUPV_HOSTSTORE_INF_FILES_H
#define GPUPV_HOSTSTORE_INF_FILES_H

#include "util/error.h"

/* FOLDER/SUBFOLDER/NAME with "/" between all parts; empty parts and single dots are left out.
 * malloc'ed, or NULL. */
char *inf_path_join(const char *folder, const char *subfolder, const char *name);

/* The path below `folder` of the regular file that is called `path`, in the spelling that it has
 * there: names of an INF compare without case. malloc'ed. -ENOENT, -EPERM for a path that leads
 * elsewhere, -EBADMSG for what is no file. Links are not followed. */
int inf_find_file(int folder, const char *path, char **found, struct error *err);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a guest of `gpupv run` must not see of the root folder that it gets: the machine's own
 * Vulkan drivers, what belongs to the service, and people's files.
 */
#ifndef GPUPV_TOOLS_GUEST_MASKS_H
#define GPUPV_TOOLS_GUEST_MASKS_H

#include <stdbool.h>

#include "tools/words.h"
#include "util/error.h"

/* Paths inside the root, without links in them. None lies below another one. */
struct guest_masks {
    struct words folders; /* covered by empty folders that stay empty */
    struct words scratch; /* covered by empty folders that can be written */
    struct words files;   /* covered by nothing that can be read */
};

/* `more` are further files and folders to cover, as paths of this machine; they are looked at only
 * when the root is this machine's own. What is not there needs no cover. */
int guest_masks_find(const char *root, const struct words *more, struct guest_masks *masks,
                     struct error *err);
void guest_masks_finish(struct guest_masks *masks);

/* Whether a path inside the root is covered. */
bool guest_masks_cover(const struct guest_masks *masks, const char *path);
/* Whether `path` is `folder` or lies below it; both are plain absolute paths. */
bool path_is_within(const char *path, const char *folder);

#endif

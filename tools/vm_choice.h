/* SPDX-License-Identifier: MIT */
/* Which VM of the service's configuration a container or a guest of `gpupv run` belongs to. */
#ifndef GPUPV_TOOLS_VM_CHOICE_H
#define GPUPV_TOOLS_VM_CHOICE_H

#include "host/config.h"
#include "tools/wsb.h"
#include "util/error.h"

/* The VM of that name; -ENOENT lists the names that there are. NULL is the default VM. */
int vm_find(const struct config *config, const char *name, const struct config_vm **vm,
            struct error *err);

/* The VM whose escapes are as the mode wants them: the named one, or with NULL the default VM, else
 * the first of the file. -ENOENT when there is none, -EPERM when the named one does not fit. */
int vm_choose(const struct config *config, const char *name, enum vgpu_mode mode,
              const struct config_vm **vm, struct error *err);

#endif

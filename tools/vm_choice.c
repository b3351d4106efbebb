/* SPDX-License-Identifier: MIT */
#include "tools/vm_choice.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int vm_find(const struct config *config, const char *name, const struct config_vm **vm,
            struct error *err)
{
    char names[512] = "";
    size_t used = 0;

    *vm = name ? config_find_vm(config, name) : &config->default_vm;
    if (*vm)
        return 0;
    for (size_t i = 0; i < config_vm_count(config) && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                 config_vm_at(config, i)->name);
    return error_set(err, -ENOENT, "%s has no [vm:%s]; its VMs are: %s", config->path, name, names);
}

/* A secure VM has no escapes, whatever else is written. */
static bool fits(const struct config_vm *vm, enum vgpu_mode mode)
{
    return (vm->escapes && !vm->secure) == (mode == VGPU_ENABLE_VENDOR_EXTENSIONS);
}

static int named_does_not_fit(const struct config_vm *vm, enum vgpu_mode mode, struct error *err)
{
    if (mode == VGPU_ENABLE)
        return error_set(err, -EPERM,
                         "the VM %s allows driver escapes, which --vgpu enable denies; choose "
                         "another VM, write escapes = deny in its section, or give the guest "
                         "escapes with --vgpu enable-vendor-extensions",
                         vm->name);
    return error_set(err, -EPERM,
                     "the VM %s denies driver escapes, which --vgpu enable-vendor-extensions "
                     "allows; choose another VM, or --vgpu enable",
                     vm->name);
}

int vm_choose(const struct config *config, const char *name, enum vgpu_mode mode,
              const struct config_vm **vm, struct error *err)
{
    int result;

    if (name) {
        result = vm_find(config, name, vm, err);
        return result < 0 || fits(*vm, mode) ? result : named_does_not_fit(*vm, mode, err);
    }
    for (size_t i = 0; i < config_vm_count(config); i++) {
        *vm = config_vm_at(config, i);
        if (fits(*vm, mode))
            return 0;
    }
    *vm = NULL;
    return error_set(
        err, -ENOENT,
        "no VM of %s %s driver escapes, as --vgpu %s wants it; add a section such as "
        "[vm:sandbox] with escapes = %s and restart the service, or name a socket with "
        "--socket",
        config->path, mode == VGPU_ENABLE ? "denies" : "allows",
        mode == VGPU_ENABLE ? "enable" : "enable-vendor-extensions",
        mode == VGPU_ENABLE ? "deny" : "allow");
}

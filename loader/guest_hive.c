/* SPDX-License-Identifier: MIT */
#include "loader/guest_hive.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "registry/registry.h"

#define KEY_GRAPHICS_DRIVERS "HKLM\\SYSTEM\\CurrentControlSet\\Control\\GraphicsDrivers"
#define VALUE_FLAGS "GpuVirtualizationFlags"
#define FLAG_PAIRING 0x8u

const char *guest_hive_path(bool *named)
{
    const char *path = secure_getenv("GPUPV_GUEST_HIVE");

    *named = path && *path;
    return *named ? path : GPUPV_SYSCONFDIR "/gpupv/guest.hive";
}

static int read_flags(const struct reg_hive *hive, const char *path, uint32_t *flags,
                      struct error *err)
{
    const struct reg_key *key = reg_hive_find(hive, KEY_GRAPHICS_DRIVERS);
    int result = key ? reg_key_dword(key, VALUE_FLAGS, flags) : -ENOENT;

    if (result == -EINVAL)
        error_set(err, result, "%s: " VALUE_FLAGS " is not a REG_DWORD; it counts as missing",
                  path);
    return result;
}

int guest_hive_pairing(bool *paired, struct error *err)
{
    bool named;
    const char *path = guest_hive_path(&named);
    struct reg_hive *hive;
    struct error why;
    uint32_t flags;
    int result = reg_hive_load(path, &hive, &why);

    *paired = true;
    if (result == -ENOENT && !named)
        return 0;
    if (result < 0)
        return error_set(err, result,
                         "this guest's own registry cannot be read, its defaults hold: %s",
                         why.text);
    result = read_flags(hive, path, &flags, err);
    reg_hive_destroy(hive);
    if (result == 0)
        *paired = flags & FLAG_PAIRING;
    return result == -ENOENT ? 0 : result;
}

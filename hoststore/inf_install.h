/* SPDX-License-Identifier: MIT */
/*
 * What an INF file's install section does, as far as the host takes part in it: the files that must
 * be there, and the values that go into the adapter's and the service's registry keys.
 *
 * Taken from [DDInstall.NTamd64], else [DDInstall.NT], else [DDInstall]: AddReg, CopyFiles, Needs
 * (sections of the same file); from [….Services] the AddService that is the device's function
 * driver: the AddReg of its section (HKR is the service key there), and ServiceBinary. Everything
 * else, Include of other files too, is passed over. HKR entries alone are taken: those of other
 * roots are left out with a warning in the log, for the machine's keys are the administrator's.
 *
 * Folder numbers in values: %01% and %13% are the package's folder in the host's store; %10%, %11%
 * and %12% are the Windows folder, its System32 and the drivers there, in Windows' spelling.
 */
#ifndef GPUPV_HOSTSTORE_INF_INSTALL_H
#define GPUPV_HOSTSTORE_INF_INSTALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hoststore/inf_driver.h"
#include "registry/registry.h"

#define INF_MAX_NEEDS 16 /* sections that need each other */
#define INF_MAX_STEPS 131072 /* sections and lines that one install section leads to */

/* Flags of AddReg beside the type. */
#define INF_FLAG_NO_CLOBBER 0x2
#define INF_FLAG_DELETE 0x4
#define INF_FLAG_APPEND 0x8
#define INF_FLAG_KEY_ONLY 0x10
#define INF_FLAG_OVERWRITE_ONLY 0x20

struct inf_setting {
    const struct inf_line *line; /* root, subkey, name, flags, value… */
    bool service;                /* of the service key */
    uint32_t flags;
    enum reg_type type;
};

struct inf_file {
    const struct inf_line *line;
    char *path; /* in the folder, "/" between its parts */
};

struct inf_install {
    const struct inf *inf;
    const struct inf_driver *driver;
    const struct inf_model *model;
    const struct inf_section *section;
    struct inf_setting *settings;
    size_t setting_count, setting_capacity;
    struct inf_file *files;
    size_t file_count, file_capacity;
    const struct inf_line *binary; /* ServiceBinary, or NULL */
    size_t steps;
};

/* All of them must outlive the install. Everything that can be checked without the folder is. */
int inf_install_read(const struct inf *inf, const struct inf_driver *driver,
                     const struct inf_model *model, struct inf_install *install,
                     struct error *err);
void inf_install_finish(struct inf_install *install);

struct inf_target {
    const char *adapter_key, *service_key; /* paths in the hive; the latter may be NULL */
    const char *package_path;              /* what %13% stands for */
    int folder; /* the package's files, or those that will be: names are looked up there */
    /* The package has a library of its own, whose keys are written already. */
    bool has_library;
    const char *description; /* instead of the model's, or NULL */
};

/* The listed files are in the folder, whatever the case of their names. -ENOENT with the line. */
int inf_install_check_files(const struct inf_install *install, int folder, struct error *err);

/*
 * Writes the keys into the hive, and checks the copy rules that come of it (copy_rules.h), their
 * sources too. The copy rules of the driver before are removed first; other values stay. On failure
 * the hive is in between: the caller drops it.
 *
 * Adapter key: DriverDesc, DriverVersion, DriverDate, ProviderName, InfPath, InfSection and
 * MatchingDeviceId, then the entries of AddReg. VulkanDriverName, VulkanDriverNameWow,
 * UserModeDriverName and UserModeDriverNameWow: a relative path becomes that of the file in the
 * package; "<>" is kept. Sources of copy rules get the spelling that the file has.
 *
 * Service key: its entries of AddReg, and without a library ImagePath: the ServiceBinary if it is
 * in the package, else the first UserModeDriverName, else the INF file itself, so that the
 * adapter's driver store path is that of the package.
 */
int inf_install_write(const struct inf_install *install, const struct inf_target *target,
                      struct reg_hive *hive, struct error *err);

#endif

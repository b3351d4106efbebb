/* SPDX-License-Identifier: MIT */
/*
 * Files that a driver wants to have in the library folders of a full VM, beside its package: the
 * subkeys CopyToVmOverwrite, CopyToVmWhenNewer, CopyToVmOverwriteWow64 and
 * CopyToVmWhenNewerWow64 of the adapter key (WDDM GPU-PV, "Copying files to system32 and syswow64
 * in the VM"). The host reads the rules from its registry; the guest applies them to its copy of
 * the package. docs/driver-store.md tells the rules to a driver's author.
 *
 * Thread-safe; the guest half uses libc alone.
 */
#ifndef GPUPV_HOSTSTORE_COPY_RULES_H
#define GPUPV_HOSTSTORE_COPY_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

#define COPY_RULES_MAX 1024 /* of one adapter */

enum copy_rule_when {
    COPY_OVERWRITE,  /* always */
    COPY_WHEN_NEWER, /* only over an older file, or where there is none */
};

struct copy_rule {
    enum copy_rule_when when;
    bool wow64;   /* into the 32-bit folder */
    char *source; /* relative to the package, "/" between its parts */
    char *target; /* a file's name; never NULL or empty */
};

struct reg_key;

/* Reads the rules of an adapter key and of the keys directly below it (an INF may name
 * "DRIVER\CopyToVmOverwrite" or "CopyToVmOverwrite" alone): first those of the key's own subkeys in
 * the order of the four above, then of the keys below, each by the values' names. Rules are applied
 * in this order. A key without such subkeys has no rules. -EINVAL or -EPERM with the key and the
 * value that are wrong, -E2BIG, -ENOMEM; nothing is returned then. The host's half: it needs the
 * registry. */
int copy_rules_read(const struct reg_key *adapter_key, struct copy_rule **rules, size_t *count,
                    struct error *err);
/* Whether it is the name of one of the four subkeys. */
bool copy_rules_is_subkey(const char *name);
void copy_rules_free(struct copy_rule *rules, size_t count);

/* Whether the rule's paths are acceptable: `source` as for store_path_check_relative, `target` one
 * component of at most 255 bytes. For rules that came from elsewhere, such as the host. 0 or
 * -EPERM. */
int copy_rule_check(const struct copy_rule *rule, struct error *err);

enum copy_outcome {
    COPY_DONE,   /* the target is a new copy */
    COPY_KEPT,   /* the target that is there is as new as the source, or newer */
    COPY_FAILED, /* `why` tells */
};

struct copy_report_file {
    const struct copy_rule *rule; /* one of those that were given */
    enum copy_outcome outcome;
    struct error why; /* of COPY_FAILED and, as a remark, of COPY_KEPT */
};

struct copy_report {
    struct copy_report_file *files; /* one a rule, in their order */
    size_t count;
    size_t copied, kept, failed;
};

/*
 * Applies the rules: copies from the package at `package_folder` into `native_folder`, or into
 * `wow64_folder` (NULL: the guest has none, and such rules fail). Folders that are missing are
 * made. A file that fails does not keep the others from being copied.
 *
 * "Newer", where the target is there already: if its name ends in .dll or .exe, the greater
 * FileVersion of the two PE files decides, a file without one counting as 0.0.0.0; else, and where
 * the versions are equal, the later time of change. A copy keeps the time of its source, and is
 * 0755 where the source is executable, else 0644.
 *
 * A copy is written beside its target, brought to the disk, and renamed: a program sees the old
 * file or the new one. No symbolic link is followed below the package folder, nor in a target
 * folder: one that has the target's name is replaced by COPY_OVERWRITE, and refused for
 * COPY_WHEN_NEWER. The folders themselves are taken as the administrator named them.
 *
 * Fills *report in any case but -ENOMEM; copy_report_finish() frees it. Returns 0 when every rule
 * was applied, else -EIO with the first failure's text and the number of others.
 */
int copy_rules_apply(const struct copy_rule *rules, size_t count, const char *package_folder,
                     const char *native_folder, const char *wow64_folder,
                     struct copy_report *report, struct error *err);
void copy_report_finish(struct copy_report *report);

#endif

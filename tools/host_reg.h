/* SPDX-License-Identifier: MIT */
/*
 * What the `gpupv host reg` commands share: whose registry it is, and the KEY argument. The same
 * commands below `gpupv guest reg` work on the guest's own registry (loader/guest_hive.h).
 */
#ifndef GPUPV_TOOLS_HOST_REG_H
#define GPUPV_TOOLS_HOST_REG_H

#include <json-c/json.h>

#include "registry/registry.h"
#include "tools/host_env.h"

struct host_reg {
    struct host_env env; /* empty in a guest, which has no adapters of its own */
    const char *group;   /* "host" or "guest" */
    const char *hive;    /* the file; borrowed */
    char *path;          /* the KEY argument, expanded; NULL when the command has none */
};

/* Reads the configuration and expands the first argument, unless `cli` has none. */
int host_reg_open(const struct cli *cli, struct host_reg *reg, struct error *err);
/* The same for commands whose first argument is no key. */
int host_reg_open_plain(const struct cli *cli, struct host_reg *reg, struct error *err);
void host_reg_close(struct host_reg *reg);

/* The value that a command names: NAME, --value NAME, or --default for "". NULL: none. -EINVAL when
 * it is named twice. */
int host_reg_read_value_name(const struct cli *cli, const char **name, struct error *err);

/* The KEY argument, or another one, as a path that the caller frees. */
int host_reg_expand(const struct host_reg *reg, const char *typed, char **path, struct error *err);

/* Reads the hive without the lock: the old or the new file, whole. -ENOENT with a message when
 * there is none. */
int host_reg_read(const struct host_reg *reg, struct reg_hive **hive, struct error *err);

/* The error of a key that is not there; -ENOENT. */
int host_reg_no_key(const struct host_reg *reg, const char *path, struct error *err);

/* The key's full name, HKEY_LOCAL_MACHINE\…, on a line, within one, or as a member. */
void host_reg_print_key_name(const struct reg_key *key);
void host_reg_print_key_name_inline(const struct reg_key *key);
void host_reg_add_key_name(json_object *object, const char *member, const struct reg_key *key);

/* Prints why two things could not be compared. As with diff(1), the status is then never 1, which
 * says that they differ: what else would be 1 is 2. */
enum exit_code host_reg_fail_comparison(const struct cli *cli, int error, const struct error *err);

#endif

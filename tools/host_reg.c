/* SPDX-License-Identifier: MIT */
#include "tools/host_reg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/guest_hive.h"
#include "tools/hive_edit.h"
#include "tools/key_names.h"
#include "tools/output.h"
#include "tools/reg_data.h"

static bool is_guest(const struct cli *cli)
{
    return cli->depth > 1 && strcmp(cli->path[1]->name, "guest") == 0;
}

int host_reg_open_plain(const struct cli *cli, struct host_reg *reg, struct error *err)
{
    bool named;
    int result;

    *reg = (struct host_reg){.group = "guest"};
    if (is_guest(cli)) {
        reg->hive = guest_hive_path(&named);
        return 0;
    }
    result = host_env_open(cli, &reg->env, err);
    reg->group = "host";
    reg->hive = reg->env.hive;
    return result;
}

int host_reg_open(const struct cli *cli, struct host_reg *reg, struct error *err)
{
    int result = host_reg_open_plain(cli, reg, err);

    if (result < 0 || !cli_argument(cli, 0))
        return result;
    result = host_reg_expand(reg, cli_argument(cli, 0), &reg->path, err);
    if (result < 0)
        host_reg_close(reg);
    return result;
}

int host_reg_expand(const struct host_reg *reg, const char *typed, char **path, struct error *err)
{
    if (reg->env.config)
        return key_name_expand(&reg->env, typed, path, err);
    *path = strdup(typed);
    return *path ? 0 : error_set(err, -ENOMEM, "no memory for a key's name");
}

int host_reg_read(const struct host_reg *reg, struct reg_hive **hive, struct error *err)
{
    int result;

    if (reg->env.config)
        return hive_read(reg->hive, hive, err);
    result = reg_hive_load(reg->hive, hive, err);
    if (result == -ENOENT)
        return error_set(err, result,
                         "there is no registry file %s in this guest yet; \"gpupv guest reg add\" "
                         "makes it",
                         reg->hive);
    return result;
}

void host_reg_close(struct host_reg *reg)
{
    free(reg->path);
    host_env_close(&reg->env);
}

int host_reg_read_value_name(const struct cli *cli, const char **name, struct error *err)
{
    const char *positional = cli_argument(cli, 1), *option = cli_value(cli, "value");

    if ((positional && option) || (cli_given(cli, "default") && (positional || option)))
        return error_set(err, -EINVAL,
                         "the value is named twice: give its NAME once, as an argument or with "
                         "--value, or give --default");
    *name = cli_given(cli, "default") ? "" : positional ? positional : option;
    return 0;
}

int host_reg_no_key(const struct host_reg *reg, const char *path, struct error *err)
{
    return error_set(err, -ENOENT,
                     "there is no key %s in the registry %s; \"gpupv %s reg query HKLM "
                     "--recursive\" lists all of them",
                     path, reg->hive, reg->group);
}

static char *long_name(const struct reg_key *key)
{
    char *path = reg_key_path(key), *name = path ? reg_long_path(path) : NULL;

    free(path);
    return name;
}

void host_reg_print_key_name_inline(const struct reg_key *key)
{
    char *name = long_name(key);

    output_text(stdout, name ? name : reg_key_name(key));
    free(name);
}

void host_reg_print_key_name(const struct reg_key *key)
{
    host_reg_print_key_name_inline(key);
    putchar('\n');
}

void host_reg_add_key_name(json_object *object, const char *member, const struct reg_key *key)
{
    char *name = long_name(key);

    json_add_text(object, member, name);
    free(name);
}

enum exit_code host_reg_fail_comparison(const struct cli *cli, int error, const struct error *err)
{
    enum exit_code code = output_code(error);

    if (code == EXIT_FAILED)
        code = EXIT_USAGE;
    return output_fail(cli, code, "%s", err->text[0] ? err->text : strerror(-error));
}

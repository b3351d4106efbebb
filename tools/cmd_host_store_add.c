/* SPDX-License-Identifier: MIT */
/* `gpupv host store add`: a driver into the store, and its name into an adapter's keys. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/store.h"
#include "tools/driver_names.h"
#include "tools/hive_edit.h"
#include "tools/host_env.h"
#include "tools/key_names.h"
#include "tools/output.h"
#include "tools/package_use.h"
#include "tools/prompt.h"
#include "tools/signing.h"
#include "tools/store_inf.h"

/* The keys of the adapter that gets the driver. */
struct target {
    const char *adapter; /* NULL: none */
    const char *description;
    char *adapter_key, *service_key; /* the latter NULL for a linked physical adapter */
    struct store_inf *inf;           /* NULL: the source has none */
};

/* Without an argument gpupv's own driver, as it is installed. */
static const char *source_of(const struct cli *cli)
{
    const char *source = cli_argument(cli, 0);

    return source ? source : GPUPV_UMD_MANIFEST;
}

static void finish_target(struct target *target)
{
    store_inf_close(target->inf);
    free(target->adapter_key);
    free(target->service_key);
}

static int read_physical(const struct cli *cli, unsigned *physical, struct error *err)
{
    const char *text = cli_value(cli, "phys");
    unsigned long long number = 0;

    if (text && !cli_given(cli, "adapter"))
        return error_set(err, -EINVAL, "--phys needs --adapter");
    if (text && cli_parse_number(text, UINT16_MAX, &number) < 0)
        return error_set(err, -EINVAL, "--phys needs a number from 0 on, not \"%s\"", text);
    *physical = (unsigned)number;
    return 0;
}

/* Resolved before the store is touched: a wrong name leaves everything as it was. */
static int find_target(const struct cli *cli, const struct host_env *env, unsigned physical,
                       struct target *target, struct error *err)
{
    const struct host_env_adapter *section;
    int result;

    target->adapter = cli_value(cli, "adapter");
    if (!target->adapter)
        return 0;
    section = host_env_find(env, target->adapter);
    target->description = section ? section->description : NULL;
    result = key_of_adapter(env, target->adapter, physical, &target->adapter_key, err);
    /* The service key is the whole adapter's; its driver is that of physical adapter 0. */
    if (result == 0 && physical == 0)
        result = key_of_service(env, target->adapter, &target->service_key, err);
    return result;
}

/* Checked before the store is touched, too. */
static int read_inf(const struct cli *cli, struct target *target, struct error *err)
{
    const char *source = source_of(cli), *model = cli_value(cli, "model");
    struct stat status;

    if (stat(source, &status) < 0)
        return error_set(err, -errno, "cannot read %s: %s; name an ICD manifest or a folder",
                         source, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return store_inf_open(source, cli_value(cli, "arch"), model, &target->inf, err);
    return model ? error_set(err, -EINVAL, "--model needs a folder with an INF file") : 0;
}

static int add_to_store(const struct cli *cli, const struct host_env *env,
                        const struct target *target, struct store_package *package, bool *added,
                        struct error *err)
{
    const char *source = source_of(cli);
    struct store_add_options options = {.name = cli_value(cli, "name"),
                                        .version = cli_value(cli, "version"),
                                        .architecture = cli_value(cli, "arch")};
    struct stat status;
    int result;

    if (stat(source, &status) < 0)
        return error_set(err, -errno, "cannot read %s: %s; name an ICD manifest or a folder",
                         source, strerror(errno));
    if (target->inf)
        store_inf_options(target->inf, &options);
    progress_begin("Adding %s to the driver store", source);
    if (S_ISDIR(status.st_mode))
        result = store_add_folder(env->store, source, &options, package, added, err);
    else
        result = store_add_manifest(env->store, source, &options, package, added, err);
    progress_end();
    return result;
}

/* A driver of an INF file alone replaces the one before whole: what it does not name it does not
 * have. */
static void forget_driver_names(struct reg_key *key)
{
    static const char *const names[] = {"VulkanDriverName", "VulkanDriverNameWow",
                                        "UserModeDriverName", "UserModeDriverNameWow"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        reg_key_delete_value(key, names[i]);
}

static int write_adapter_key(const struct host_env *env, struct reg_hive *hive,
                             const struct target *target, const struct store_package *package,
                             struct error *err)
{
    struct reg_key *key;
    int result = reg_hive_make(hive, target->adapter_key, &key, err);

    if (result == 0 && !package->library_path)
        forget_driver_names(key);
    else if (result == 0)
        result = driver_names_write(env, key, package,
                                    target->description ? target->description : package->name, err);
    return result;
}

static int write_service_key(struct reg_hive *hive, const struct target *target,
                             const struct store_package *package, struct error *err)
{
    struct reg_key *key;
    int result;

    /* The adapter's driver store path is that of its native driver. */
    if (!target->service_key || !package->library_path || !driver_is_native(package))
        return 0;
    result = reg_hive_make(hive, target->service_key, &key, err);
    if (result == 0)
        result =
            reg_key_set_string(key, "ImagePath", REG_TYPE_EXPAND_SZ, package->library_path, err);
    return result;
}

static int write_keys(const struct host_env *env, const struct target *target,
                      const struct store_package *package, struct error *err)
{
    struct hive_edit edit;
    int hold, result;

    if (!target->adapter)
        return 0;
    result = hive_edit_begin(env->hive, &edit, err);
    if (result < 0)
        return result;
    /* Somebody may just be removing the package: with the lock held it stays, or is gone. */
    result = store_hold(env->store, package->folder_name, &hold, err);
    if (result < 0)
        goto end_edit;
    result = write_adapter_key(env, edit.hive, target, package, err);
    if (result == 0)
        result = write_service_key(edit.hive, target, package, err);
    if (result == 0 && target->inf)
        result = store_inf_write(target->inf, package, target->adapter_key, target->service_key,
                                 target->description, edit.hive, err);
    if (result == 0)
        result = hive_edit_save(&edit, err);
    close(hold);
end_edit:
    hive_edit_end(&edit);
    return result;
}

/* Before anything is added: a key that cannot be read leaves all as it was. */
static int load_key(const struct cli *cli, struct secret_key *key, struct error *err)
{
    const char *path = cli_value(cli, "sign-key");

    *key = (struct secret_key){{0}};
    return path ? signing_key_load(path, key, err) : 0;
}

static int sign_package(const struct cli *cli, const struct host_env *env,
                        const struct store_package *package, const struct secret_key *key,
                        struct error *err)
{
    bool changed;

    if (!cli_given(cli, "sign-key"))
        return 0;
    return store_sign(env->store, package->folder_name, key, &changed, err);
}

static void report(const struct cli *cli, const struct host_env *env,
                   const struct store_package *package, bool added, const struct target *target)
{
    char signed_by[32];

    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        package_add_json(document, package);
        json_add_boolean(document, "added", added);
        signing_add_json(document, env->store, package->folder_name);
        json_add_text(document, "model", target->inf ? store_inf_description(target->inf) : NULL);
        json_add_text(document, "adapter", target->adapter);
        json_add_text(document, "adapter_key", target->adapter_key);
        json_add_text(document, "service_key", target->service_key);
        output_json(document);
        return;
    }
    output_field(0, added ? "Added package" : "Already there", package->folder_name);
    if (target->inf)
        output_field(0, "Model", store_inf_description(target->inf));
    if (package->manifest_path) {
        output_field(0, "Manifest", package->manifest_path);
        output_field(0, "Library", package->library_path);
    }
    signing_describe(env->store, package->folder_name, signed_by, sizeof(signed_by));
    output_field(0, "Signed by", signed_by);
    if (target->adapter_key)
        output_field(0, "Adapter key", target->adapter_key);
    if (target->service_key)
        output_field(0, "Service key", target->service_key);
}

enum exit_code cmd_host_store_add(const struct cli *cli)
{
    struct host_env env;
    struct target target = {0};
    struct store_package package = {0};
    struct secret_key key;
    struct error err = {0};
    unsigned physical = 0;
    bool added = false;
    int result = read_physical(cli, &physical, &err);

    if (result < 0)
        return output_fail(cli, EXIT_USAGE, "%s", err.text);
    result = load_key(cli, &key, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = host_env_open(cli, &env, &err);
    if (result < 0) {
        secret_key_finish(&key);
        return output_error(cli, result, &err);
    }
    result = find_target(cli, &env, physical, &target, &err);
    if (result == 0)
        result = read_inf(cli, &target, &err);
    if (result < 0)
        goto finish_target;
    result = add_to_store(cli, &env, &target, &package, &added, &err);
    if (result < 0)
        goto finish_target;
    /* Before a key names it: no guest is to be sent to a package that it will refuse. */
    result = sign_package(cli, &env, &package, &key, &err);
    if (result == 0)
        result = write_keys(&env, &target, &package, &err);
    if (result < 0)
        error_prefix(&err, result, "the package %s is in the store, but the registry is unchanged",
                     package.folder_name);
    else
        report(cli, &env, &package, added, &target);
    store_package_finish(&package);
finish_target:
    finish_target(&target);
    host_env_close(&env);
    secret_key_finish(&key);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}

/* SPDX-License-Identifier: MIT */
/* `gpupv host store list|verify|remove`. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/store.h"
#include "tools/hive_edit.h"
#include "tools/host_env.h"
#include "tools/output.h"
#include "tools/package_use.h"
#include "tools/prompt.h"
#include "tools/signing.h"

static void finish_packages(struct store_package *packages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_package_finish(&packages[i]);
    free(packages);
}

/* --- list ------------------------------------------------------------------------------------ */

static void list_names(const struct store_package *packages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        output_text(stdout, packages[i].folder_name);
        putchar('\n');
    }
}

static void list_json(const struct host_env *env, const struct reg_hive *hive,
                      const struct store_package *packages, size_t count)
{
    json_object *document = json_object_new_object(), *array = json_object_new_array();

    for (size_t i = 0; i < count; i++) {
        json_object *object = json_object_new_object();

        package_add_json(object, &packages[i]);
        signing_add_json(object, env->store, packages[i].folder_name);
        json_add_boolean(object, "in_use", packages[i].in_use);
        json_object_object_add(object, "named_by",
                               package_use_json(env, hive, packages[i].folder_name));
        json_object_array_add(array, object);
    }
    json_add_text(document, "store", env->store);
    json_object_object_add(document, "packages", array);
    output_json(document);
}

static void list_text(const struct host_env *env, const struct reg_hive *hive,
                      const struct store_package *packages, size_t count)
{
    int width = 8;

    if (!count) {
        output_note("the driver store %s is empty; \"gpupv host store add MANIFEST\" puts a driver "
                    "into it",
                    env->store);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (output_width(packages[i].folder_name) > width)
            width = output_width(packages[i].folder_name);
    }
    output_column("PACKAGE", width);
    printf("  %-10s  %-8s  %10s  %-6s  %-19s  %s\n", "VERSION", "ARCH", "SIZE", "IN USE",
           "SIGNED BY", "NAMED BY KEYS");
    for (size_t i = 0; i < count; i++) {
        char size[32], signed_by[32];

        signing_describe(env->store, packages[i].folder_name, signed_by, sizeof(signed_by));
        output_size(packages[i].size, size, sizeof(size));
        output_column(packages[i].folder_name, width);
        printf("  %-10s  %-8s  %10s  %-6s  %-19s  %zu\n", packages[i].version,
               packages[i].architecture, size, packages[i].in_use ? "yes" : "no", signed_by,
               package_use_count(env, hive, packages[i].folder_name));
    }
}

enum exit_code cmd_host_store_list(const struct cli *cli)
{
    struct host_env env;
    struct store_package *packages;
    struct reg_hive *hive = NULL;
    struct error err = {0};
    size_t count;
    int result = host_env_open(cli, &env, &err);

    if (result < 0)
        return output_error(cli, result, &err);
    result = store_list(env.store, &packages, &count, &err);
    if (result < 0)
        goto close_env;
    /* A hive that is missing names nothing; one that cannot be read is an error. */
    result = cli_given(cli, "names") ? 0 : reg_hive_load(env.hive, &hive, &err);
    if (result < 0 && result != -ENOENT)
        goto finish;
    result = 0;
    if (cli_given(cli, "names"))
        list_names(packages, count);
    else if (output_is_json(cli))
        list_json(&env, hive, packages, count);
    else
        list_text(&env, hive, packages, count);
    reg_hive_destroy(hive);
finish:
    finish_packages(packages, count);
close_env:
    host_env_close(&env);
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}

/* --- verify ---------------------------------------------------------------------------------- */

struct verify {
    const struct cli *cli;
    const struct host_env *env;
    struct public_key *keys; /* of which one must have signed; none: signatures do not count */
    size_t key_count;
    json_object *packages; /* NULL: text */
    size_t bad;
};

/* Files, catalog and name; that the signature file is one; and who signed, where that is asked. */
static int check_one(const struct verify *verify, const char *name, const struct public_key **by,
                     struct error *err)
{
    struct signature_set set;
    int result = store_verify(verify->env->store, name, err);

    *by = NULL;
    if (result == 0)
        result = store_signatures(verify->env->store, name, &set, err);
    if (result == 0 && verify->key_count)
        result =
            store_check_signed(verify->env->store, name, verify->keys, verify->key_count, by, err);
    return result;
}

/* The result of check_one; a damaged package is reported here. */
static int verify_one(struct verify *verify, const char *name, size_t number, size_t count,
                      struct error *err)
{
    const struct public_key *by;
    json_object *object;
    int result;

    progress_begin("Verifying %s (%zu of %zu)", name, number, count);
    result = check_one(verify, name, &by, err);
    progress_end();
    if (result < 0 && result != -EBADMSG && result != -EKEYREJECTED)
        return result;
    verify->bad += result < 0;
    if (verify->packages) {
        object = json_object_new_object();
        json_add_text(object, "package", name);
        json_add_boolean(object, "ok", result == 0);
        json_add_text(object, "signed_by", result == 0 && by ? by->id : NULL);
        json_add_text(object, "error", result < 0 ? err->text : NULL);
        json_object_array_add(verify->packages, object);
    } else {
        output_text(stdout, name);
        fputs(result < 0 ? ": " : ": ok", stdout);
        output_text(stdout, result < 0 ? err->text : "");
        if (result == 0 && by)
            printf(", signed by the key %s", by->id);
        putchar('\n');
    }
    return 0;
}

static int verify_all(struct verify *verify, struct error *err)
{
    struct store_package *packages;
    size_t count;
    int result = store_list(verify->env->store, &packages, &count, err);

    if (result < 0)
        return result;
    for (size_t i = 0; i < count && result == 0; i++) {
        result = verify_one(verify, packages[i].folder_name, i + 1, count, err);
        /* Removed since the listing. */
        if (result == -ENOENT)
            result = 0;
    }
    finish_packages(packages, count);
    return result;
}

enum exit_code cmd_host_store_verify(const struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    struct host_env env;
    struct verify verify = {.cli = cli, .env = &env};
    struct error err = {0};
    int result;

    if (!name == !cli_given(cli, "all"))
        return output_fail(cli, EXIT_USAGE, "name one PACKAGE, or give --all for every one");
    result = signing_public_keys(cli, &verify.keys, &verify.key_count, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = host_env_open(cli, &env, &err);
    if (result < 0) {
        free(verify.keys);
        return output_error(cli, result, &err);
    }
    if (output_is_json(cli))
        verify.packages = json_object_new_array();
    result = name ? verify_one(&verify, name, 1, 1, &err) : verify_all(&verify, &err);
    host_env_close(&env);
    free(verify.keys);
    if (result < 0) {
        json_object_put(verify.packages);
        return output_error(cli, result, &err);
    }
    if (verify.packages) {
        json_object *document = json_object_new_object();

        json_object_object_add(document, "packages", verify.packages);
        output_json(document);
    }
    if (verify.bad)
        output_note("%zu %s: guests load no driver from there; remove a damaged one and add it "
                    "anew, sign one that is not signed",
                    verify.bad, verify.bad == 1 ? "package fails" : "packages fail");
    return verify.bad ? EXIT_FAILED : EXIT_DONE;
}

/* --- remove ---------------------------------------------------------------------------------- */

/* Whether the package is there at all; a damaged one is. */
static int check_exists(const struct host_env *env, const char *name, struct error *err)
{
    struct store_package package;
    int result = store_get(env->store, name, &package, err);

    if (result == 0)
        store_package_finish(&package);
    return result == -ENOENT || result == -EINVAL ? result : 0;
}

/* The hive's lock is held, so that no key comes to name the package meanwhile. */
static int remove_package(const struct cli *cli, const struct host_env *env,
                          const struct reg_hive *hive, const char *name, struct error *err)
{
    char *key = package_use_first(env, hive, name);
    int result = check_exists(env, name, err);

    if (result == 0 && key && !cli_given(cli, "force"))
        result =
            error_set(err, -EBUSY,
                      "the package %s is not removed: the registry key %s names it, and guests "
                      "would find no driver there; give the adapter another driver first "
                      "(gpupv host store add ... --adapter NAME), or give --force",
                      name, key);
    else if (result == 0)
        result = store_remove(env->store, name, err);
    if (result == -EBUSY && (!key || cli_given(cli, "force")))
        error_set(err, result,
                  "the package %s is not removed: it is in use by a guest process (\"gpupv host "
                  "processes\" lists them); try again when they have ended",
                  name);
    free(key);
    return result;
}

enum exit_code cmd_host_store_remove(const struct cli *cli)
{
    const char *name = cli_argument(cli, 0);
    struct host_env env;
    struct hive_edit edit;
    struct error err = {0};
    int result = host_env_open(cli, &env, &err);

    if (result < 0)
        return output_error(cli, result, &err);
    result = hive_edit_begin(env.hive, &edit, &err);
    if (result == 0) {
        result = remove_package(cli, &env, edit.hive, name, &err);
        hive_edit_end(&edit);
    }
    host_env_close(&env);
    if (result < 0)
        return output_error(cli, result, &err);
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_text(document, "removed", name);
        output_json(document);
    } else {
        fputs("Removed ", stdout);
        output_text(stdout, name);
        putchar('\n');
    }
    return EXIT_DONE;
}

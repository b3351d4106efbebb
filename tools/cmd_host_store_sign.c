/* SPDX-License-Identifier: MIT */
/* `gpupv host store keygen|sign`. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/sign.h"
#include "hoststore/store.h"
#include "tools/host_env.h"
#include "tools/output.h"
#include "tools/prompt.h"
#include "tools/signing.h"

#define DEFAULT_KEY "gpupv-signing.key"

/* --- keygen ---------------------------------------------------------------------------------- */

enum exit_code cmd_host_store_keygen(const struct cli *cli)
{
    const char *path = cli_value(cli, "output"), *comment = cli_value(cli, "comment");
    struct public_key key;
    struct error err = {0};
    char *public_path;
    int result;

    if (!path)
        path = DEFAULT_KEY;
    result = secret_key_generate(path, comment, &key, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    if (asprintf(&public_path, "%s.pub", path) < 0)
        public_path = NULL;
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_text(document, "key_id", key.id);
        json_add_text(document, "secret_key", path);
        json_add_text(document, "public_key", public_path);
        output_json(document);
    } else {
        output_field(0, "Key id", key.id);
        output_field(0, "Secret key", path);
        output_field(0, "Public key", public_path);
        output_note("keep the secret key on this host; copy the public one into "
                    "/etc/gpupv/trusted.d of the guests that shall trust it");
    }
    free(public_path);
    return EXIT_DONE;
}

/* --- sign ------------------------------------------------------------------------------------ */

struct signing {
    const struct host_env *env;
    const struct secret_key *key;
    json_object *packages; /* NULL: text */
    size_t bad;
};

/* A damaged package is reported and not signed; the others are, all the same. */
static int sign_one(struct signing *signing, const char *name, struct error *err)
{
    bool changed = false;
    int result;

    progress_begin("Signing %s", name);
    result = store_sign(signing->env->store, name, signing->key, &changed, err);
    progress_end();
    if (result < 0 && result != -EBADMSG && result != -E2BIG)
        return result;
    signing->bad += result < 0;
    if (signing->packages) {
        json_object *object = json_object_new_object();

        json_add_text(object, "package", name);
        json_add_boolean(object, "signed", result == 0);
        json_add_boolean(object, "changed", changed);
        json_add_text(object, "error", result < 0 ? err->text : NULL);
        json_object_array_add(signing->packages, object);
        return 0;
    }
    output_text(stdout, name);
    fputs(": ", stdout);
    if (result < 0)
        output_text(stdout, err->text);
    else
        printf("%s with the key %s", changed ? "signed" : "was already signed",
               signing->key->public.id);
    putchar('\n');
    return 0;
}

static int sign_all(struct signing *signing, struct error *err)
{
    struct store_package *packages;
    size_t count;
    int result = store_list(signing->env->store, &packages, &count, err);

    if (result < 0)
        return result;
    for (size_t i = 0; i < count; i++) {
        if (result == 0)
            result = sign_one(signing, packages[i].folder_name, err);
        /* Removed since the listing. */
        if (result == -ENOENT)
            result = 0;
        store_package_finish(&packages[i]);
    }
    free(packages);
    return result;
}

static enum exit_code sign(const struct cli *cli, const struct host_env *env,
                           const struct secret_key *key)
{
    const char *name = cli_argument(cli, 0);
    struct signing signing = {.env = env, .key = key};
    struct error err = {0};
    int result;

    if (output_is_json(cli))
        signing.packages = json_object_new_array();
    result = name ? sign_one(&signing, name, &err) : sign_all(&signing, &err);
    if (result < 0) {
        json_object_put(signing.packages);
        return output_error(cli, result, &err);
    }
    if (signing.packages) {
        json_object *document = json_object_new_object();

        json_add_text(document, "key_id", key->public.id);
        json_object_object_add(document, "packages", signing.packages);
        output_json(document);
    }
    return signing.bad ? EXIT_FAILED : EXIT_DONE;
}

enum exit_code cmd_host_store_sign(const struct cli *cli)
{
    struct host_env env;
    struct secret_key key;
    struct error err = {0};
    enum exit_code code;
    int result;

    if (!cli_argument(cli, 0) == !cli_given(cli, "all"))
        return output_fail(cli, EXIT_USAGE, "name one PACKAGE, or give --all for every one");
    if (!cli_given(cli, "key"))
        return output_fail(cli, EXIT_USAGE,
                           "--key FILE is needed: the secret key to sign with (\"gpupv host store "
                           "keygen\" makes one)");
    result = signing_key_load(cli_value(cli, "key"), &key, &err);
    if (result < 0)
        return output_error(cli, result, &err);
    result = host_env_open(cli, &env, &err);
    if (result < 0) {
        secret_key_finish(&key);
        return output_error(cli, result, &err);
    }
    code = sign(cli, &env, &key);
    host_env_close(&env);
    secret_key_finish(&key);
    return code;
}

/* SPDX-License-Identifier: MIT */
#include "hoststore/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/json_text.h"
#include "hoststore/tree.h"
#include "util/file.h"

const char *trust_state_name(enum trust_state state)
{
    static const char *const names[] = {
        [TRUST_UNSIGNED] = "unsigned",
        [TRUST_SIGNED] = "signed",
        [TRUST_UNKNOWN_KEY] = "unknown-key",
        [TRUST_WRONG] = "wrong",
    };

    return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const char *trust_config_path(bool *named)
{
    const char *path = secure_getenv("GPUPV_GUEST_CONFIG");

    *named = path && *path;
    return *named ? path : GPUPV_SYSCONFDIR "/gpupv/guest.json";
}

/* --- Reading the configuration --- */

static int add_key(struct trust *trust, const struct public_key *key, struct error *err)
{
    for (size_t i = 0; i < trust->key_count; i++)
        if (!memcmp(trust->keys[i].bytes, key->bytes, sizeof(key->bytes)))
            return 0; /* named in the file and in the folder */
    if (trust->key_count == TRUST_MAX_KEYS)
        return error_set(err, -E2BIG, "more than %d keys are trusted", TRUST_MAX_KEYS);
    struct public_key *grown =
        reallocarray(trust->keys, trust->key_count + 1, sizeof(*trust->keys));
    if (!grown)
        return error_set(err, -ENOMEM, "out of memory");
    trust->keys = grown;
    trust->keys[trust->key_count++] = *key;
    return 0;
}

static bool is_key_file(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && !strcmp(name + length - 4, ".pub");
}

static int add_key_file(struct trust *trust, const char *folder, const char *name,
                        struct error *err)
{
    struct public_key key;
    char *path = NULL;
    int result;

    if (name[0] == '/')
        path = strdup(name);
    else if (asprintf(&path, "%s/%s", folder, name) < 0)
        path = NULL;
    if (!path)
        return error_set(err, -ENOMEM, "out of memory");
    result = public_key_load(path, &key, err);
    if (!result)
        result = add_key(trust, &key, err);
    free(path);
    return result;
}

static int add_key_text(struct trust *trust, const char *name, const char *text, struct error *err)
{
    struct public_key key;
    int result = public_key_parse(name, text, strlen(text), &key, err);

    return result ? result : add_key(trust, &key, err);
}

static int read_key(struct trust *trust, const char *folder, struct json_object *item,
                    struct error *err)
{
    const char *text;

    if (!json_object_is_type(item, json_type_string))
        return error_set(err, -EINVAL, "a string is needed: the path of a .pub file, or a key");
    text = json_object_get_string(item);
    if (strlen(text) != (size_t)json_object_get_string_len(item))
        return error_set(err, -EINVAL, "there is a NUL character in it");
    return is_key_file(text) ? add_key_file(trust, folder, text, err)
                             : add_key_text(trust, "the text", text, err);
}

static int read_keys(struct trust *trust, const char *folder, struct json_object *list,
                     struct error *err)
{
    if (!json_object_is_type(list, json_type_array))
        return error_set(err, -EINVAL, "\"trusted_keys\" must be an array");
    if (json_object_array_length(list) > TRUST_MAX_KEYS)
        return error_set(err, -E2BIG, "\"trusted_keys\" has more than %d entries", TRUST_MAX_KEYS);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        int result = read_key(trust, folder, json_object_array_get_idx(list, i), err);
        if (result)
            return error_prefix(err, result, "trusted_keys[%zu]", i);
    }
    return 0;
}

/* *said tells whether "test_signing" is there. */
static int read_members(struct trust *trust, const char *folder, struct json_object *root,
                        bool *said, struct error *err)
{
    json_object_object_foreach(root, member, value)
    {
        int result = 0;

        if (!strcmp(member, "trusted_keys")) {
            result = read_keys(trust, folder, value, err);
        } else if (!strcmp(member, "test_signing")) {
            if (!json_object_is_type(value, json_type_boolean))
                return error_set(err, -EINVAL, "\"test_signing\" must be true or false");
            trust->test_signing = json_object_get_boolean(value);
            *said = true;
        } else {
            /* A misspelt name must not leave a guest open. */
            result = error_set(err, -EINVAL,
                               "\"%.64s\" is not known; the members are \"trusted_keys\" and "
                               "\"test_signing\"",
                               member);
        }
        if (result)
            return result;
    }
    return 0;
}

static int parse(struct trust *trust, const char *name, const char *folder, const char *text,
                 size_t size, bool *said, struct error *err)
{
    struct json_object *root;
    int result = json_text_parse(name, text, size, TRUST_CONFIG_LIMIT, &root, err);

    if (result)
        return result;
    result = read_members(trust, folder, root, said, err);
    json_object_put(root);
    return result ? error_prefix(err, result, "%s", name) : 0;
}

static struct trust *create(const char *path, struct error *err)
{
    struct trust *trust = calloc(1, sizeof(*trust));

    if (trust)
        trust->path = strdup(path);
    if (trust && trust->path)
        return trust;
    trust_destroy(trust);
    error_set(err, -ENOMEM, "out of memory reading %s", path);
    return NULL;
}

int trust_parse(const char *name, const char *folder, const char *text, size_t size,
                struct trust **result, struct error *err)
{
    struct trust *trust = create(name, err);
    bool said = false;
    int code;

    if (!trust)
        return -ENOMEM;
    code = parse(trust, name, folder, text, size, &said, err);
    if (code) {
        trust_destroy(trust);
        return code;
    }
    if (!said)
        trust->test_signing = trust->key_count == 0;
    *result = trust;
    return 0;
}

/* --- trusted.d --- */

static int wanted_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && is_key_file(entry->d_name);
}

static int read_folder(struct trust *trust, const char *folder, struct error *err)
{
    struct dirent **entries;
    char *path = NULL;
    int result = 0;

    if (asprintf(&path, "%s/" TRUST_FOLDER, folder) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    int count = scandir(path, &entries, wanted_entry, alphasort);
    if (count < 0) {
        if (errno != ENOENT)
            result = error_set(err, -errno, "cannot list the trusted keys in %s: %s", path,
                               strerror(errno));
        goto free_path;
    }
    for (int i = 0; i < count; i++) {
        if (!result)
            result = add_key_file(trust, path, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
free_path:
    free(path);
    return result;
}

static int load(struct trust *trust, bool named, bool *said, struct error *err)
{
    char *text, *copy = strdup(trust->path);
    size_t size;
    struct error why;
    int result;

    if (!copy)
        return error_set(err, -ENOMEM, "out of memory reading %s", trust->path);
    const char *folder = dirname(copy);
    result = file_read(AT_FDCWD, trust->path, TRUST_CONFIG_LIMIT, &text, &size, &why);
    if (!result) {
        result = parse(trust, trust->path, folder, text, size, said, err);
        free(text);
    } else if (result == -ENOENT && !named) {
        result = 0;
    } else {
        error_set(err, result, "%s", why.text);
    }
    if (!result)
        result = read_folder(trust, folder, err);
    free(copy);
    return result;
}

int trust_load(struct trust **result, struct error *err)
{
    bool named, said = false;
    struct trust *trust = create(trust_config_path(&named), err);
    int code;

    if (!trust)
        return -ENOMEM;
    code = load(trust, named, &said, err);
    if (code) {
        trust_destroy(trust);
        return error_prefix(err, code,
                            "this guest's configuration is wrong, so no driver is trusted");
    }
    if (!said)
        trust->test_signing = trust->key_count == 0;
    *result = trust;
    return 0;
}

void trust_destroy(struct trust *trust)
{
    if (!trust)
        return;
    free(trust->path);
    free(trust->keys);
    free(trust);
}

/* --- Checking a package --- */

static const struct public_key *find_key(const struct trust *trust, const char *key_id)
{
    for (size_t i = 0; i < trust->key_count; i++)
        if (!strcmp(trust->keys[i].id, key_id))
            return &trust->keys[i];
    return NULL;
}

static void name_key(struct trust_result *result, const char *key_id, const char *comment)
{
    memcpy(result->key_id, key_id, sizeof(result->key_id));
    snprintf(result->comment, sizeof(result->comment), "%s", comment);
}

/* One right signature of a trusted key is enough: others may be of keys that are gone. */
static int compare(const struct trust *trust, const struct signature_set *set, const char *catalog,
                   size_t size, struct trust_result *result)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct signature *signature = &set->items[i];
        const struct public_key *key = find_key(trust, signature->key_id);
        if (!key) {
            if (result->state == TRUST_UNSIGNED) {
                result->state = TRUST_UNKNOWN_KEY;
                name_key(result, signature->key_id, "");
            }
            continue;
        }
        int code = signature_check(signature, key, catalog, size);
        if (code && code != -EBADMSG)
            return code;
        result->state = code ? TRUST_WRONG : TRUST_SIGNED;
        name_key(result, key->id, key->comment);
        if (!code)
            return 0;
    }
    return 0;
}

static int refuse(const struct trust *trust, const char *folder, const struct trust_result *result,
                  const char *why, struct error *err)
{
    const char *count = trust->key_count ? "" : " (it has no key, and test signing is off)";

    switch (result->state) {
    case TRUST_UNSIGNED:
        return error_set(err, -EKEYREJECTED,
                         "%s/" SIGNATURE_FILE " is missing: the package is not signed, and %s "
                         "accepts signed ones only%s; on the host: gpupv host store sign PACKAGE "
                         "--key FILE",
                         folder, trust->path, count);
    case TRUST_UNKNOWN_KEY:
        return error_set(err, -EKEYREJECTED,
                         "%s/" SIGNATURE_FILE ": the package is signed with the key %s, which is "
                         "not trusted in this guest%s; if it should be, put its .pub file into "
                         "the folder " TRUST_FOLDER " beside %s",
                         folder, result->key_id, count, trust->path);
    default:
        if (why)
            return error_set(err, -EKEYREJECTED, "%s/%s; sign the package again", folder, why);
        return error_set(err, -EKEYREJECTED,
                         "%s/" CATALOG_FILE " was altered, or the signature of the key %s in "
                         "%s/" SIGNATURE_FILE " was: they do not fit together",
                         folder, result->key_id, folder);
    }
}

int trust_check(const struct trust *trust, const char *folder, const char *catalog, size_t size,
                struct trust_result *result, struct error *err)
{
    struct signature_set set = {.count = 0};
    struct error why = {""};

    *result = (struct trust_result){.state = TRUST_UNSIGNED};
    int fd = tree_open_folder(folder, err);
    if (fd < 0)
        return fd;
    int code = signature_read(fd, &set, &why);
    close(fd);
    if (code == -EBADMSG) {
        result->state = TRUST_WRONG;
        return trust->test_signing ? 0 : refuse(trust, folder, result, why.text, err);
    }
    if (code)
        return error_set(err, code, "%s: %s", folder, why.text);
    code = compare(trust, &set, catalog, size, result);
    if (code)
        return error_set(err, code, "cannot check the signature of %s: %s", folder,
                         strerror(-code));
    if (result->state == TRUST_SIGNED || trust->test_signing)
        return 0;
    return refuse(trust, folder, result, NULL, err);
}

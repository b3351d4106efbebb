/* SPDX-License-Identifier: MIT */
/* `gpupv host reg diff`: what a guest is told of an adapter's keys, beside what the hive holds. */
#include "tools/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/policy.h"
#include "hoststore/paths.h"
#include "registry/query.h"
#include "registry/value_wire.h"
#include "tools/control.h"
#include "tools/guest.h"
#include "tools/hive_edit.h"
#include "tools/host_reg.h"
#include "tools/key_names.h"
#include "tools/output.h"
#include "tools/reg_data.h"

/* The adapter as the running service has it. */
struct target {
    char *service_key;
    char **keys; /* by physical adapter */
    size_t count;
    LUID luid;
};

struct difference_list {
    json_object *entries; /* NULL: text is printed */
    size_t compared, different, hidden;
};

struct diff {
    const struct config_vm *vm;
    D3DKMT_HANDLE adapter;
    struct reg_query_source source;
    const struct reg_key **keys;
    struct difference_list found;
};

/* One of the adapter's keys. */
struct place {
    uint32_t type, physical;
    const char *path;          /* borrowed */
    const struct reg_key *key; /* NULL: the hive has none */
};

/* --- The adapter --- */

static void target_finish(struct target *target)
{
    for (size_t i = 0; i < target->count; i++)
        free(target->keys[i]);
    free(target->keys);
    free(target->service_key);
}

static int take_keys(const struct host_env *env, json_object *adapter, const char *name,
                     struct target *target, struct error *err)
{
    json_object *physical = json_array(adapter, "physical_adapters");
    const char *service = json_text(adapter, "service_key"), *luid = json_text(adapter, "luid");
    size_t count = physical ? json_object_array_length(physical) : 0;
    int result = 0;

    if (!service || !luid || guest_parse_luid(luid, &target->luid) < 0)
        return error_set(err, -EPROTO, "the service does not tell keys and LUID of \"%s\"", name);
    target->service_key = strdup(service);
    target->keys = calloc(count ? count : 1, sizeof(*target->keys));
    if (!target->service_key || !target->keys)
        return error_set(err, -ENOMEM, "no memory for the names of keys");
    for (size_t i = 0; i < count && result == 0; i++) {
        result = key_of_adapter(env, name, (unsigned)i, &target->keys[i], err);
        target->count += result == 0;
    }
    return result;
}

static int find_target(const struct host_env *env, const char *name, struct target *target,
                       struct error *err)
{
    json_object *answer, *adapter;
    int result = control_ask(env->control, "adapters", &answer, err);

    if (result < 0)
        return result;
    adapter = control_find_adapter(answer, name);
    if (adapter)
        result = take_keys(env, adapter, name, target, err);
    else
        result = error_set(err, -ENOENT,
                           "the service offers no adapter \"%s\"; \"gpupv host adapters\" lists "
                           "what it offers",
                           name);
    json_object_put(answer);
    return result;
}

/* --- Comparing --- */

static void show(struct difference_list *found, const struct place *place, bool translated,
                 const struct reg_value *hive, const struct reg_value *guest)
{
    const struct reg_value *sides[] = {hive, guest};
    char *name = reg_long_path(place->path);

    found->different++;
    if (found->entries) {
        json_object *object = json_object_new_object();

        json_add_text(object, "key", name);
        json_add_boolean(object, "translated", translated);
        json_object_object_add(object, "hive", hive ? reg_value_json(hive) : NULL);
        json_object_object_add(object, "guest", guest ? reg_value_json(guest) : NULL);
        json_object_array_add(found->entries, object);
        free(name);
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (!sides[i])
            continue;
        printf("%c Value%s: ", "<>"[i], translated ? " (translated)" : "");
        output_text(stdout, name ? name : place->path);
        reg_print_value(stdout, sides[i]);
    }
    free(name);
}

/* What the hive, the policy and the translation of paths let a guest see. 1: the value; 0: nothing.
 */
static int expect(const struct diff *diff, const struct place *place,
                  const struct reg_value *stored, bool translated, struct reg_value *value,
                  struct error *err)
{
    struct reg_query query = {.type = place->type,
                              .flags = translated ? REG_QUERY_FLAG_TRANSLATE_PATH : 0,
                              .name = stored->name,
                              .value_type = stored->type,
                              .physical_adapter = place->physical};
    struct reg_value wire;
    int result;

    if (!policy_allows(diff->vm, place->type, stored->name))
        return 0;
    result = reg_query(&diff->source, &query, &wire);
    if (result == -ENOMEM)
        return error_set(err, result, "no memory for the value \"%s\"", stored->name);
    if (result < 0)
        return 0;
    *value = (struct reg_value){.name = stored->name};
    result = value_from_wire(wire.type, wire.data, wire.size, &value->type, &value->data,
                             &value->size, err);
    free(wire.data);
    return result < 0 ? result : 1;
}

/* 1: the value; 0: the guest is told that there is none, or is refused it. */
static int ask_guest(const struct diff *diff, const struct place *place, const char *name,
                     enum reg_type type, bool translated, struct reg_value *value,
                     struct error *err)
{
    struct guest_registry_query query = {.query = place->type,
                                         .physical = place->physical,
                                         .translate = translated,
                                         .name = name,
                                         .type = type};
    int result = guest_read_registry(diff->adapter, &query, value, err);

    if (result == -ENOENT || result == -EMEDIUMTYPE || result == -EINVAL || result == -EACCES)
        return 0;
    if (result < 0)
        return result;
    value->name = (char *)name;
    return 1;
}

static bool same(const struct reg_value *one, const struct reg_value *other)
{
    return one->type == other->type && one->size == other->size &&
           memcmp(one->data, other->data, one->size) == 0;
}

static int compare_value(struct diff *diff, const struct place *place,
                         const struct reg_value *stored, bool translated, struct error *err)
{
    struct reg_value hive = {0}, guest = {0};
    int in_hive = expect(diff, place, stored, translated, &hive, err), in_guest;

    if (in_hive < 0)
        return in_hive;
    in_guest = ask_guest(diff, place, stored->name, stored->type, translated, &guest, err);
    if (in_guest < 0) {
        free(hive.data);
        return in_guest;
    }
    diff->found.compared++;
    if (in_hive != in_guest || (in_hive && !same(&hive, &guest)))
        show(&diff->found, place, translated, in_hive ? &hive : NULL, in_guest ? &guest : NULL);
    free(hive.data);
    free(guest.data);
    return 0;
}

/* What the guest is told of and the hive does not have. */
static int compare_list(struct diff *diff, const struct place *place, struct error *err)
{
    struct gpupv_kmt_registry_entry *entries;
    size_t count;
    int result =
        guest_list_registry(diff->adapter, place->type, place->physical, &entries, &count, err);

    /* No such key, or listing is not allowed: then the values alone are compared. */
    if (result < 0)
        return result == -ENOENT || result == -EACCES ? 0 : result;
    for (size_t i = 0; i < count && result == 0; i++) {
        struct reg_value guest = {0};

        if (place->key && reg_key_find_value(place->key, entries[i].name))
            continue;
        result = ask_guest(diff, place, entries[i].name, (enum reg_type)entries[i].type, false,
                           &guest, err);
        if (result == 1) {
            diff->found.compared++;
            show(&diff->found, place, false, NULL, &guest);
            free(guest.data);
            result = 0;
        }
    }
    free(entries);
    return result;
}

static int compare_place(struct diff *diff, const struct place *place, struct error *err)
{
    int result = 0;

    for (size_t i = 0; place->key && i < reg_key_value_count(place->key) && result == 0; i++) {
        const struct reg_value *stored = reg_key_value(place->key, i);

        diff->found.hidden += !policy_allows(diff->vm, place->type, stored->name);
        result = compare_value(diff, place, stored, false, err);
        if (result == 0)
            result = compare_value(diff, place, stored, true, err);
    }
    return result < 0 ? result : compare_list(diff, place, err);
}

static int compare_places(struct diff *diff, const struct target *target, struct error *err)
{
    struct place service = {REG_QUERY_SERVICE_KEY, 0, target->service_key, diff->source.service};
    int result = compare_place(diff, &service, err);

    for (size_t i = 0; i < target->count && result == 0; i++) {
        struct place place = {REG_QUERY_ADAPTER_KEY, (uint32_t)i, target->keys[i], diff->keys[i]};

        result = compare_place(diff, &place, err);
    }
    return result;
}

/* --- The two sides --- */

static int translate(void *context, const char *host_path, char **guest_path)
{
    return store_path_to_guest(context, host_path, guest_path);
}

static int compare_with_hive(struct diff *diff, const struct host_env *env,
                             const struct target *target, const struct reg_hive *hive,
                             struct error *err)
{
    struct store_paths paths = {env->store, env->guest_store};
    int result;

    diff->keys = calloc(target->count ? target->count : 1, sizeof(*diff->keys));
    if (!diff->keys)
        return error_set(err, -ENOMEM, "no memory for the adapter's keys");
    for (size_t i = 0; i < target->count; i++)
        diff->keys[i] = reg_hive_find(hive, target->keys[i]);
    diff->source = (struct reg_query_source){.service = reg_hive_find(hive, target->service_key),
                                             .adapters = diff->keys,
                                             .adapter_count = target->count,
                                             .translate = translate,
                                             .context = &paths};
    result = compare_places(diff, target, err);
    free(diff->keys);
    return result;
}

/* The service's socket takes the place of whatever host this program's environment names. */
static int connect_as_guest(const char *socket, struct error *err)
{
    struct gpupv_kmt_info info;
    char *uri;
    int result = 0;

    if (asprintf(&uri, "unix:%s", socket) < 0)
        return error_set(err, -ENOMEM, "no memory for the socket's name");
    if (setenv("GPUPV_HOST", uri, 1) < 0)
        result = error_set(err, -errno, "cannot set GPUPV_HOST: %s", strerror(errno));
    free(uri);
    return result < 0 ? result : guest_connect(&info, err);
}

static int compare_as_guest(struct diff *diff, const struct host_env *env,
                            const struct target *target, struct error *err)
{
    struct guest_adapter *adapters;
    struct reg_hive *hive;
    size_t count, index = 0;
    int result = guest_open_adapters(&adapters, &count, err);

    if (result < 0)
        return result;
    while (index < count && memcmp(&adapters[index].luid, &target->luid, sizeof(LUID)) != 0)
        index++;
    if (index == count) {
        result = error_set(err, -ENOENT, "guests of the VM \"%s\" are not offered this adapter",
                           diff->vm->name);
        goto close_adapters;
    }
    diff->adapter = adapters[index].handle;
    result = hive_read(env->hive, &hive, err);
    if (result < 0)
        goto close_adapters;
    result = compare_with_hive(diff, env, target, hive, err);
    reg_hive_destroy(hive);
close_adapters:
    guest_close_adapters(adapters, count);
    return result;
}

static void report(const struct cli *cli, const struct diff *diff)
{
    const struct difference_list *found = &diff->found;

    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_add_text(document, "adapter", cli_value(cli, "adapter"));
        json_add_text(document, "vm", diff->vm->name);
        json_add_boolean(document, "same", found->different == 0);
        json_add_number(document, "compared", found->compared);
        json_add_number(document, "hidden", found->hidden);
        json_object_object_add(document, "differences", found->entries);
        output_json(document);
        return;
    }
    if (found->hidden)
        printf("%zu values are not for guests of the VM \"%s\"\n", found->hidden, diff->vm->name);
    printf("Results Compared: %s\n", found->different ? "Different" : "Identical");
}

static int run_diff(const struct cli *cli, const struct host_env *env, struct diff *diff,
                    struct error *err)
{
    const char *vm = cli_value(cli, "vm");
    struct target target = {0};
    int result;

    diff->vm = config_find_vm(env->config, vm ? vm : CONFIG_DEFAULT_VM);
    if (!diff->vm)
        return error_set(err, -ENOENT, "the configuration has no VM \"%s\"", vm);
    result = find_target(env, cli_value(cli, "adapter"), &target, err);
    if (result == 0)
        result = connect_as_guest(diff->vm->socket, err);
    if (result == 0 && output_is_json(cli))
        diff->found.entries = json_object_new_array();
    if (result == 0)
        result = compare_as_guest(diff, env, &target, err);
    target_finish(&target);
    if (result == 0)
        report(cli, diff);
    else
        json_object_put(diff->found.entries);
    return result;
}

enum exit_code cmd_host_reg_diff(const struct cli *cli)
{
    struct diff diff = {0};
    struct host_env env;
    struct error err = {0};
    int result;

    if (!cli_value(cli, "adapter"))
        return output_fail(cli, EXIT_USAGE,
                           "--adapter NAME is missing; \"gpupv host adapters\" lists the names");
    result = host_env_open(cli, &env, &err);
    if (result < 0)
        return host_reg_fail_comparison(cli, result, &err);
    result = run_diff(cli, &env, &diff, &err);
    host_env_close(&env);
    if (result < 0)
        return host_reg_fail_comparison(cli, result, &err);
    return diff.found.different ? EXIT_DIFFERENT : EXIT_DONE;
}

/* SPDX-License-Identifier: MIT */
#include "tools/cdi_spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/output.h"

/* A name that begins as told, ends with a letter or digit, and has only `inner` marks besides. */
static bool is_name(const char *name, size_t length, bool digit_first, const char *inner)
{
    if (!length ||
        !(isalpha((unsigned char)name[0]) || (digit_first && isdigit((unsigned char)name[0]))) ||
        !isalnum((unsigned char)name[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr(inner, name[i]))
            return false;
    }
    return true;
}

int cdi_check_kind(const char *kind, struct error *err)
{
    size_t vendor = strcspn(kind, "/");

    if (kind[vendor] == '/' && is_name(kind, vendor, false, "_-.") &&
        is_name(kind + vendor + 1, strlen(kind + vendor + 1), false, "_-"))
        return 0;
    return error_set(err, -EINVAL,
                     "the kind \"%s\" must be VENDOR/CLASS, such as " CDI_KIND
                     ": letters, digits, - and _, in VENDOR dots, too; a letter first and no mark "
                     "last",
                     kind);
}

int cdi_check_device(const char *name, struct error *err)
{
    if (strcmp(name, CDI_ALL) == 0)
        return error_set(err, -EINVAL,
                         "an adapter is called \"" CDI_ALL "\", which stands for all adapters in "
                         "CDI; rename its section");
    if (is_name(name, strlen(name), true, "_-.:"))
        return 0;
    return error_set(err, -EINVAL,
                     "the adapter's name \"%s\" cannot be a CDI device's, which begins and ends "
                     "with a letter or digit; rename its section",
                     name);
}

static void add_mount(json_object *mounts, const char *host, const char *guest)
{
    static const char *const options[] = {"ro", "nosuid", "nodev", "bind"};
    json_object *mount = json_object_new_object(), *list = json_object_new_array();

    json_add_text(mount, "hostPath", host);
    json_add_text(mount, "containerPath", guest);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        json_object_array_add(list, json_object_new_string(options[i]));
    json_object_object_add(mount, "options", list);
    json_object_array_add(mounts, mount);
}

static bool add_mounts(const struct cdi_source *source, json_object *edits)
{
    json_object *mounts = json_object_new_array();
    char *store;

    json_object_object_add(edits, "mounts", mounts);
    add_mount(mounts, source->socket, CDI_SOCKET);
    if (asprintf(&store, "%s/FileRepository", source->guest_store) < 0)
        return false;
    add_mount(mounts, source->packages, store);
    free(store);
    for (size_t i = 0; i < source->shims->count; i++) {
        const struct shim *shim = &source->shims->items[i];

        add_mount(mounts, shim->icd.host, shim->icd.guest);
        add_mount(mounts, shim->thunks.host, shim->thunks.guest);
        add_mount(mounts, shim->manifest.host, shim->manifest.guest);
    }
    if (source->tool)
        add_mount(mounts, source->shims->tool.host, source->shims->tool.guest);
    return true;
}

static bool add_variable(json_object *list, const char *name, const char *value)
{
    char *text;

    if (asprintf(&text, "%s=%s", name, value) < 0)
        return false;
    json_object_array_add(list, json_object_new_string(text));
    free(text);
    return true;
}

/* VK_ICD_FILENAMES is what older Vulkan loaders read. */
static bool add_environment(const struct cdi_source *source, json_object *edits)
{
    json_object *list = json_object_new_array();
    char *manifests = NULL;
    size_t size;
    FILE *file = open_memstream(&manifests, &size);
    bool done;

    json_object_object_add(edits, "env", list);
    if (!file)
        return false;
    for (size_t i = 0; i < source->shims->count; i++)
        fprintf(file, "%s%s", i ? ":" : "", source->shims->items[i].manifest.guest);
    done = fclose(file) == 0 && add_variable(list, "VK_DRIVER_FILES", manifests) &&
           add_variable(list, "VK_ICD_FILENAMES", manifests);
    free(manifests);
    return done;
}

static void add_nodes(const struct cdi_source *source, json_object *edits)
{
    json_object *list;

    if (!source->nodes->count)
        return;
    list = json_object_new_array();
    for (size_t i = 0; i < source->nodes->count; i++) {
        json_object *node = json_object_new_object();

        json_add_text(node, "path", source->nodes->items[i]);
        json_object_array_add(list, node);
    }
    json_object_object_add(edits, "deviceNodes", list);
}

/* The interface wants edits of each device. What all have in common stands at the top, so that a
 * container with several devices gets it once. */
static void add_device(json_object *devices, const char *name)
{
    json_object *device = json_object_new_object(), *edits = json_object_new_object(),
                *list = json_object_new_array();

    json_object_array_add(list, json_object_new_string("GPUPV_HOST=unix:" CDI_SOCKET));
    json_object_object_add(edits, "env", list);
    json_add_text(device, "name", name);
    json_object_object_add(device, "containerEdits", edits);
    json_object_array_add(devices, device);
}

json_object *cdi_spec_make(const struct cdi_source *source)
{
    json_object *spec = json_object_new_object(), *devices = json_object_new_array(),
                *edits = json_object_new_object();

    json_add_text(spec, "cdiVersion", CDI_VERSION);
    json_add_text(spec, "kind", source->kind);
    for (size_t i = 0; i < source->adapters->count; i++)
        add_device(devices, source->adapters->items[i]);
    add_device(devices, CDI_ALL);
    json_object_object_add(spec, "devices", devices);
    json_object_object_add(spec, "containerEdits", edits);
    add_nodes(source, edits);
    if (add_environment(source, edits) && add_mounts(source, edits))
        return spec;
    json_object_put(spec);
    return NULL;
}

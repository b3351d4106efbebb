/* SPDX-License-Identifier: MIT */
/* `gpupv cdi list`: the CDI devices of gpupv that container engines find on this machine. */
#include "tools/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cdi_spec.h"
#include "tools/output.h"
#include "util/file.h"

#define MAX_SPEC_SIZE (1024 * 1024)

/* Where engines look, the later one first when both have a device. */
static const char *const default_folders[] = {"/etc/cdi", "/var/run/cdi"};

struct listing {
    const char *kind;
    json_object *devices;
};

/* The first host path of the edits that is not there, or NULL. */
static const char *missing_path(json_object *edits)
{
    json_object *mounts = edits ? json_array(edits, "mounts") : NULL;

    for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++) {
        const char *path = json_text(json_object_array_get_idx(mounts, i), "hostPath");

        if (path && access(path, F_OK) < 0)
            return path;
    }
    return NULL;
}

static json_object *member(json_object *object, const char *name)
{
    json_object *found;

    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, name, &found) &&
                   json_object_is_type(found, json_type_object)
               ? found
               : NULL;
}

static void add_devices(struct listing *listing, const char *path, json_object *spec)
{
    json_object *devices = json_array(spec, "devices");
    const char *common = missing_path(member(spec, "containerEdits"));

    for (size_t i = 0; devices && i < json_object_array_length(devices); i++) {
        json_object *device = json_object_array_get_idx(devices, i), *entry;
        const char *name = json_text(device, "name"), *missing = common;
        char *full;

        if (!name || asprintf(&full, "%s=%s", listing->kind, name) < 0)
            continue;
        if (!missing)
            missing = missing_path(member(device, "containerEdits"));
        entry = json_object_new_object();
        json_add_text(entry, "device", full);
        json_add_text(entry, "file", path);
        json_add_text(entry, "missing", missing);
        json_object_array_add(listing->devices, entry);
        free(full);
    }
}

/* A file that is none of ours, or that cannot be read, is another program's business. */
static void read_spec(struct listing *listing, const char *path)
{
    struct error err = {0};
    char *text;
    size_t size;
    json_object *spec;
    const char *kind;

    if (file_read(AT_FDCWD, path, MAX_SPEC_SIZE, &text, &size, &err) < 0) {
        output_note("%s", err.text);
        return;
    }
    spec = json_tokener_parse(text);
    free(text);
    kind = json_object_is_type(spec, json_type_object) ? json_text(spec, "kind") : NULL;
    if (kind && strcmp(kind, listing->kind) == 0)
        add_devices(listing, path, spec);
    json_object_put(spec);
}

static int read_folder(struct listing *listing, const char *folder, struct error *err)
{
    glob_t found;
    char *pattern;
    int result;

    if (asprintf(&pattern, "%s/*.json", folder) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    result = glob(pattern, 0, NULL, &found);
    free(pattern);
    if (result == GLOB_NOMATCH)
        return 0;
    if (result)
        return error_set(err, -EIO, "the folder %s cannot be read", folder);
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_spec(listing, found.gl_pathv[i]);
    globfree(&found);
    return 0;
}

static void print(json_object *devices)
{
    size_t count = json_object_array_length(devices);
    int width = 0;

    for (size_t i = 0; i < count; i++) {
        int own = output_width(json_text(json_object_array_get_idx(devices, i), "device"));

        width = own > width ? own : width;
    }
    for (size_t i = 0; i < count; i++) {
        json_object *entry = json_object_array_get_idx(devices, i);
        const char *missing = json_text(entry, "missing");

        output_column(json_text(entry, "device"), width + 2);
        output_text(stdout, json_text(entry, "file"));
        if (missing) {
            fputs("  missing: ", stdout);
            output_text(stdout, missing);
        }
        putchar('\n');
    }
}

enum exit_code cmd_cdi_list(const struct cli *cli)
{
    const char *kind = cli_value(cli, "kind"), *folder = cli_value(cli, "dir");
    struct listing listing = {.kind = kind ? kind : CDI_KIND};
    struct error err = {0};
    int result = 0;

    listing.devices = json_object_new_array();
    if (folder)
        result = read_folder(&listing, folder, &err);
    for (size_t i = 0; !folder && !result && i < 2; i++)
        result = read_folder(&listing, default_folders[i], &err);
    if (result < 0) {
        json_object_put(listing.devices);
        return output_error(cli, result, &err);
    }
    if (output_is_json(cli)) {
        json_object *document = json_object_new_object();

        json_object_object_add(document, "devices", listing.devices);
        output_json(document);
        return EXIT_DONE;
    }
    print(listing.devices);
    if (!json_object_array_length(listing.devices))
        output_note("no CDI file names a device of the kind %s; \"gpupv cdi generate --output "
                    "/etc/cdi/gpupv.json\" makes one",
                    listing.kind);
    json_object_put(listing.devices);
    return EXIT_DONE;
}

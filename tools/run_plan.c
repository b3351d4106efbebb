/* SPDX-License-Identifier: MIT */
#include "tools/run_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int run_binds_add(struct run_binds *binds, const char *source, const char *target,
                  enum run_bind_kind kind, struct error *err)
{
    struct run_bind *items = reallocarray(binds->items, binds->count + 1, sizeof(*items));

    if (!items)
        return error_set(err, -ENOMEM, "out of memory");
    binds->items = items;
    items[binds->count] =
        (struct run_bind){.source = strdup(source), .target = strdup(target), .kind = kind};
    binds->count++;
    if (!items[binds->count - 1].source || !items[binds->count - 1].target)
        return error_set(err, -ENOMEM, "out of memory");
    return 0;
}

int run_binds_parse(struct run_binds *binds, const char *text, struct error *err)
{
    enum run_bind_kind kind = RUN_BIND_WRITE;
    char *copy = strdup(text), *target = NULL, *mode, *source;
    int result;

    if (!copy)
        return error_set(err, -ENOMEM, "out of memory");
    target = strchr(copy, ':');
    if (target)
        *target++ = '\0';
    mode = target ? strchr(target, ':') : NULL;
    if (mode)
        *mode++ = '\0';
    if (mode && strcmp(mode, "ro") == 0) {
        kind = RUN_BIND_READ_ONLY;
    } else if (mode && strcmp(mode, "rw") != 0) {
        result = error_set(err, -EINVAL, "--bind %s: after the second colon stands ro or rw", text);
        goto free_copy;
    }
    source = realpath(copy, NULL);
    if (!source) {
        result = error_set(err, -errno, "--bind %s: %s: %s", text, copy, strerror(errno));
        goto free_copy;
    }
    if (target && *target && target[0] != '/')
        result =
            error_set(err, -EINVAL, "--bind %s: the place in the guest must be absolute", text);
    else
        result = run_binds_add(binds, source, target && *target ? target : source, kind, err);
    free(source);
free_copy:
    free(copy);
    return result;
}

void run_binds_finish(struct run_binds *binds)
{
    for (size_t i = 0; i < binds->count; i++) {
        free(binds->items[i].source);
        free(binds->items[i].target);
    }
    free(binds->items);
    *binds = (struct run_binds){0};
}

char *run_shim_library(const struct shim *shim)
{
    char *path;

    return asprintf(&path, GUEST_SHIM_FOLDER "/%s/libvulkan_gpupv.so", shim->arch) < 0 ? NULL
                                                                                       : path;
}

static void add_namespaces(const struct run_plan *plan, struct words *options)
{
    words_add_all(options, "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-uts",
                  "--unshare-cgroup-try", "--cap-drop", "ALL", NULL);
    /* An X server that shares memory with the guest must find it. */
    if (!plan->display.x11)
        words_add(options, "--unshare-ipc");
    if (!plan->network)
        words_add(options, "--unshare-net");
    words_add(options, "--json-status-fd");
    words_add_format(options, "%d", plan->status);
    words_add(options, "--clearenv");
}

static void add_root(const struct run_plan *plan, struct words *options)
{
    const struct guest_masks *masks = &plan->masks;

    words_add_all(options, "--ro-bind", plan->root, "/", "--proc", "/proc", "--dev", "/dev", NULL);
    for (size_t i = 0; i < masks->scratch.count; i++)
        words_add_all(options, "--tmpfs", masks->scratch.items[i], NULL);
    for (size_t i = 0; i < masks->folders.count; i++)
        words_add_all(options, "--tmpfs", masks->folders.items[i], NULL);
    for (size_t i = 0; i < masks->files.count; i++)
        words_add_all(options, "--ro-bind", "/dev/null", masks->files.items[i], NULL);
    words_add_all(options, "--perms", "0700", "--dir", GUEST_HOME, NULL);
    words_add_all(options, "--perms", "0700", "--dir", GUEST_SESSION_FOLDER, NULL);
    if (plan->name_servers)
        words_add_all(options, "--ro-bind", plan->name_servers, plan->name_servers, NULL);
}

static void add_shim(const struct run_plan *plan, size_t index, struct words *options)
{
    const struct shim *shim = &plan->shims->items[index];

    words_add_all(options, "--ro-bind", shim->icd.host, NULL);
    words_add_format(options, GUEST_SHIM_FOLDER "/%s/libvulkan_gpupv.so", shim->arch);
    words_add_all(options, "--ro-bind", shim->thunks.host, NULL);
    words_add_format(options, GUEST_SHIM_FOLDER "/%s/libgpupv_kmt.so.0", shim->arch);
    words_add_all(options, "--perms", "0444", "--ro-bind-data", NULL);
    words_add_format(options, "%d", plan->manifests[index]);
    words_add_format(options, GUEST_SHIM_FOLDER "/gpupv_icd.%s.json", shim->arch);
}

static char *manifest_list(const struct run_plan *plan)
{
    char *list = NULL;
    size_t size;
    FILE *file = open_memstream(&list, &size);

    if (!file)
        return NULL;
    for (size_t i = 0; i < plan->shims->count; i++)
        fprintf(file, "%s" GUEST_SHIM_FOLDER "/gpupv_icd.%s.json", i ? ":" : "",
                plan->shims->items[i].arch);
    if (fclose(file) == 0)
        return list;
    free(list);
    return NULL;
}

static void add_vgpu(const struct run_plan *plan, struct words *options)
{
    char *manifests = manifest_list(plan);

    if (!manifests) {
        options->failed = true;
        return;
    }
    words_add_all(options, "--ro-bind", plan->socket, GUEST_SOCKET, "--ro-bind", plan->packages,
                  NULL);
    words_add_format(options, "%s/FileRepository", plan->guest_store);
    for (size_t i = 0; i < plan->shims->count; i++)
        add_shim(plan, i, options);
    words_add_all(options, "--setenv", "GPUPV_HOST", "unix:" GUEST_SOCKET, "--setenv",
                  "VK_DRIVER_FILES", manifests, "--setenv", "VK_ICD_FILENAMES", manifests, NULL);
    free(manifests);
}

static void add_display(const struct run_plan *plan, struct words *options)
{
    const struct guest_display *display = &plan->display;

    if (display->x11_socket)
        words_add_all(options, "--ro-bind", display->x11_socket, display->x11_socket, NULL);
    if (display->x11)
        words_add_all(options, "--setenv", "DISPLAY", display->x11, NULL);
    if (display->x11_cookie)
        words_add_all(options, "--ro-bind", display->x11_cookie, GUEST_SESSION_FOLDER "/Xauthority",
                      "--setenv", "XAUTHORITY", GUEST_SESSION_FOLDER "/Xauthority", NULL);
    if (display->wayland)
        words_add_all(options, "--ro-bind", display->wayland, GUEST_SESSION_FOLDER "/wayland-0",
                      "--setenv", "WAYLAND_DISPLAY", "wayland-0", NULL);
}

static void add_binds(const struct run_plan *plan, struct words *options)
{
    static const char *const words[] = {
        [RUN_BIND_WRITE] = "--bind",
        [RUN_BIND_READ_ONLY] = "--ro-bind",
        [RUN_BIND_DEVICE] = "--dev-bind",
    };

    for (size_t i = 0; i < plan->binds.count; i++) {
        const struct run_bind *bind = &plan->binds.items[i];

        words_add_all(options, words[bind->kind], bind->source, bind->target, NULL);
    }
}

static void add_environment(const struct run_plan *plan, struct words *options)
{
    words_add_all(options, "--setenv", "HOME", GUEST_HOME, "--setenv", "XDG_RUNTIME_DIR",
                  GUEST_SESSION_FOLDER, NULL);
    for (size_t i = 0; i < plan->environment.count; i++) {
        const char *entry = plan->environment.items[i];

        words_add(options, "--setenv");
        words_add_format(options, "%.*s", (int)strcspn(entry, "="), entry);
        words_add(options, strchrnul(entry, '=') + (strchr(entry, '=') ? 1 : 0));
    }
}

int run_plan_options(const struct run_plan *plan, struct words *options)
{
    *options = (struct words){0};
    add_namespaces(plan, options);
    add_root(plan, options);
    if (plan->vgpu != VGPU_DISABLE)
        add_vgpu(plan, options);
    add_display(plan, options);
    add_binds(plan, options);
    /* After the binds, which may need a place there. */
    for (size_t i = 0; i < plan->masks.folders.count; i++)
        words_add_all(options, "--remount-ro", plan->masks.folders.items[i], NULL);
    add_environment(plan, options);
    words_add_all(options, "--chdir", plan->work_folder, NULL);
    return words_error(options);
}

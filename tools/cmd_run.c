/* SPDX-License-Identifier: MIT */
/* `gpupv run`: a program in a guest on this machine. */
#include "tools/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config.h"
#include "hoststore/icd_manifest.h"
#include "tools/host_env.h"
#include "tools/output.h"
#include "tools/run_guest.h"
#include "tools/run_plan.h"
#include "tools/vm_choice.h"
#include "util/file.h"

#define PACKAGE_FOLDER "FileRepository"

/* Everything that one call puts together; finish() releases it from any state. */
struct run {
    const struct cli *cli;
    struct error *err;
    struct host_env env;
    bool env_open;
    struct wsb wsb;
    struct shims shims;
    int manifests[SHIM_MAX];
    size_t manifest_count;
    char *packages, *name_servers, *work_folder;
    struct run_plan plan;
    char *shell[4];
    char *const *program;
};

/* Variables of the caller that a guest gets; those of the window system are added with it. */
static const char *const passed_on[] = {
    "PATH",     "TERM",        "COLORTERM",  "NO_COLOR", "LANG", "LANGUAGE",  "LC_ALL",
    "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC", "LC_TIME",  "TZ",   "GPUPV_LOG", "GPUPV_STRICT"};

static int parse_vgpu(const char *word, enum vgpu_mode *mode, struct error *err)
{
    static const char *const words[] = {
        [VGPU_DISABLE] = "disable",
        [VGPU_ENABLE] = "enable",
        [VGPU_ENABLE_VENDOR_EXTENSIONS] = "enable-vendor-extensions",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            *mode = (enum vgpu_mode)i;
            return 0;
        }
    }
    return error_set(err, -EINVAL,
                     "--vgpu must be disable, enable or enable-vendor-extensions, not \"%s\"",
                     word);
}

/* A mapped folder without a place is on the desktop, under its own name. */
static int add_mapped_folder(struct run *run, const struct wsb_folder *folder)
{
    enum run_bind_kind kind = folder->read_only ? RUN_BIND_READ_ONLY : RUN_BIND_WRITE;
    char target[PATH_MAX], real[PATH_MAX];
    struct stat info;

    if (!realpath(folder->host, real) || stat(real, &info) < 0)
        return error_set(run->err, -EBADMSG, "line %lu: <HostFolder> %s: %s", folder->line,
                         folder->host, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return error_set(run->err, -EBADMSG, "line %lu: <HostFolder> %s is no folder", folder->line,
                         folder->host);
    snprintf(target, sizeof(target), GUEST_HOME "/Desktop/%s", strrchr(real, '/') + 1);
    return run_binds_add(&run->plan.binds, real, folder->guest ? folder->guest : target, kind,
                         run->err);
}

static int take_wsb(struct run *run)
{
    const char *path = cli_value(run->cli, "wsb");
    int result;

    if (!path)
        return 0;
    /* What is wrong in a file is not wrong on the command line. */
    result = wsb_read(path, &run->wsb, run->err);
    if (result < 0)
        return result == -EINVAL ? -EBADMSG : result;
    for (size_t i = 0; i < run->wsb.ignored.count; i++)
        output_note("%s: <%s> has no effect here", path, run->wsb.ignored.items[i]);
    run->plan.vgpu = run->wsb.vgpu;
    run->plan.network = run->wsb.network;
    for (size_t i = 0; i < run->wsb.folder_count && !result; i++)
        result = add_mapped_folder(run, &run->wsb.folders[i]);
    return result < 0 ? error_prefix(run->err, result, "%s", path) : 0;
}

static int take_program(struct run *run)
{
    if (run->cli->rest_count) {
        run->program = run->cli->rest;
        return 0;
    }
    if (!run->wsb.command)
        return error_set(run->err, -EINVAL,
                         "\"gpupv run\" needs a PROGRAM, or --wsb with a LogonCommand; "
                         "\"gpupv run --help\" tells more");
    run->shell[0] = (char *)"/bin/sh";
    run->shell[1] = (char *)"-c";
    run->shell[2] = run->wsb.command;
    run->program = run->shell;
    return 0;
}

static int take_device(struct run *run, const char *path)
{
    struct stat info;

    if (path[0] != '/' || stat(path, &info) < 0 ||
        (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode) && !S_ISDIR(info.st_mode)))
        return error_set(run->err, -EINVAL,
                         "--device %s: it must be the absolute path of a device, or of a folder of "
                         "devices, that exists",
                         path);
    return run_binds_add(&run->plan.binds, path, path, RUN_BIND_DEVICE, run->err);
}

static int take_variable(struct run *run, const char *text)
{
    const char *value;

    if (text[0] == '=' || !*text)
        return error_set(run->err, -EINVAL, "--env %s: the name of the variable is missing", text);
    if (strchr(text, '=')) {
        words_add(&run->plan.environment, text);
        return 0;
    }
    value = getenv(text);
    if (!value)
        return error_set(run->err, -EINVAL, "--env %s: it is not set; write --env %s=VALUE", text,
                         text);
    words_add_format(&run->plan.environment, "%s=%s", text, value);
    return 0;
}

/* The options that may be given several times, in their order. */
static int take_lists(struct run *run)
{
    int result = 0;

    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
        const char *value = getenv(passed_on[i]);

        if (value)
            words_add_format(&run->plan.environment, "%s=%s", passed_on[i], value);
    }
    for (size_t i = 0; i < run->cli->given_count && !result; i++) {
        const char *name = run->cli->given[i].option->name, *value = run->cli->given[i].value;

        if (strcmp(name, "bind") == 0)
            result = run_binds_parse(&run->plan.binds, value, run->err);
        else if (strcmp(name, "device") == 0)
            result = take_device(run, value);
        else if (strcmp(name, "env") == 0)
            result = take_variable(run, value);
    }
    return result;
}

static int take_display(struct run *run)
{
    static const char *const both[] = {"display", "no-display", NULL};
    const char *first, *second;
    int result;

    if (cli_conflict(run->cli, both, &first, &second))
        return error_set(run->err, -EINVAL, "--%s and --%s do not go together", first, second);
    if (cli_given(run->cli, "no-display"))
        return 0;
    result = guest_display_find(&run->plan.display, run->err);
    if (result < 0)
        return result;
    if (cli_given(run->cli, "display") && !guest_display_exists(&run->plan.display))
        return error_set(run->err, -EINVAL,
                         "--display: neither DISPLAY nor WAYLAND_DISPLAY leads to a display");
    return 0;
}

static int take_options(struct run *run)
{
    const char *vgpu = cli_value(run->cli, "vgpu"), *root = cli_value(run->cli, "root");
    int result;

    run->plan.vgpu = VGPU_ENABLE;
    run->plan.network = true;
    run->plan.root = root ? root : "/";
    result = take_wsb(run);
    if (!result && vgpu)
        result = parse_vgpu(vgpu, &run->plan.vgpu, run->err);
    if (cli_given(run->cli, "no-network"))
        run->plan.network = false;
    if (!result)
        result = take_lists(run);
    if (!result)
        result = take_display(run);
    return result ? result : take_program(run);
}

static int choose_socket(struct run *run)
{
    const char *path = cli_value(run->cli, "socket");
    const struct config_vm *vm;
    struct stat info;

    if (!path) {
        int result =
            vm_choose(run->env.config, cli_value(run->cli, "vm"), run->plan.vgpu, &vm, run->err);

        if (result < 0)
            return result;
        path = vm->socket;
    }
    if (stat(path, &info) < 0 || !S_ISSOCK(info.st_mode))
        return error_set(run->err, -ENOENT,
                         "there is no socket at %s; start the service, or name its socket with "
                         "--socket",
                         path);
    run->plan.socket = path;
    return 0;
}

static int find_packages(struct run *run)
{
    struct stat info;

    if (asprintf(&run->packages, "%s/" PACKAGE_FOLDER, run->env.store) < 0) {
        run->packages = NULL;
        return error_set(run->err, -ENOMEM, "out of memory");
    }
    if (stat(run->packages, &info) < 0)
        return error_set(run->err, -errno,
                         "the driver store %s: %s; put a driver into it with \"gpupv host store "
                         "add\"",
                         run->packages, strerror(errno));
    run->plan.packages = run->packages;
    run->plan.guest_store = run->env.guest_store;
    return 0;
}

/* A shim's manifest, with the library where this guest has it. */
static int make_manifest(struct run *run, const struct shim *shim)
{
    char *text, *moved = NULL, *library = run_shim_library(shim);
    size_t size, moved_size;
    int result;

    if (!library)
        return error_set(run->err, -ENOMEM, "out of memory");
    result =
        file_read(AT_FDCWD, shim->manifest.host, ICD_MANIFEST_MAX_SIZE, &text, &size, run->err);
    if (result < 0)
        goto free_library;
    result = icd_manifest_relocate(text, size, library, &moved, &moved_size, run->err);
    free(text);
    if (result < 0)
        goto free_library;
    result = run_guest_file("manifest", moved, moved_size, run->err);
    free(moved);
    if (result >= 0)
        run->manifests[run->manifest_count++] = result;
free_library:
    free(library);
    return result < 0 ? result : 0;
}

static int prepare_vgpu(struct run *run)
{
    int result = choose_socket(run);

    if (!result)
        result = find_packages(run);
    if (!result)
        result = shims_find(cli_value(run->cli, "prefix"), &run->shims, run->err);
    for (size_t i = 0; i < run->shims.count && !result; i++)
        result = make_manifest(run, &run->shims.items[i]);
    run->plan.shims = &run->shims;
    run->plan.manifests = run->manifests;
    return result;
}

/* What of the service's own files could be seen, wherever the configuration puts them. */
static int prepare_masks(struct run *run)
{
    const struct config *config = run->env.config;
    struct words more = {0};
    int result;

    words_add_all(&more, config->path, config->store, config->hive, config->control, NULL);
    for (size_t i = 0; i < config_vm_count(config); i++)
        words_add(&more, config_vm_at(config, i)->socket);
    result = words_error(&more)
                 ? error_set(run->err, -ENOMEM, "out of memory")
                 : guest_masks_find(run->plan.root, &more, &run->plan.masks, run->err);
    words_finish(&more);
    return result;
}

/* resolv.conf is often a link to a file in /run, which guests have anew. */
static void find_name_servers(struct run *run)
{
    if (!run->plan.network || strcmp(run->plan.root, "/") != 0)
        return;
    run->name_servers = realpath("/etc/resolv.conf", NULL);
    if (run->name_servers && path_is_within(run->name_servers, "/run"))
        run->plan.name_servers = run->name_servers;
}

/* The caller's folder, where the guest has it; else the guest's home. */
static void choose_work_folder(struct run *run)
{
    bool there;

    run->work_folder = getcwd(NULL, 0);
    there = run->work_folder && strcmp(run->plan.root, "/") == 0 &&
            !guest_masks_cover(&run->plan.masks, run->work_folder);
    for (size_t i = 0; i < run->plan.binds.count && run->work_folder && !there; i++)
        there = path_is_within(run->work_folder, run->plan.binds.items[i].target) &&
                strcmp(run->plan.binds.items[i].target, run->plan.binds.items[i].source) == 0;
    run->plan.work_folder = there ? run->work_folder : GUEST_HOME;
}

static int prepare(struct run *run)
{
    int result = host_env_open(run->cli, &run->env, run->err);

    if (result < 0)
        return result;
    run->env_open = true;
    result = prepare_masks(run);
    if (!result && run->plan.vgpu != VGPU_DISABLE)
        result = prepare_vgpu(run);
    if (result)
        return result;
    find_name_servers(run);
    choose_work_folder(run);
    return 0;
}

static int start(struct run *run, int *status)
{
    int keep[SHIM_MAX + 1], report[2];
    struct words options;
    int result;

    if (pipe2(report, O_CLOEXEC) < 0)
        return error_set(run->err, -errno, "cannot make a pipe: %s", strerror(errno));
    memcpy(keep, run->manifests, run->manifest_count * sizeof(*keep));
    keep[run->manifest_count] = report[1];
    run->plan.status = report[1];
    result = run_plan_options(&run->plan, &options);
    if (!result) {
        result = run_guest(&options, run->program, keep, run->manifest_count + 1, report[0],
                           report[1], status, run->err);
    } else {
        error_set(run->err, result, "out of memory");
        close(report[0]);
        close(report[1]);
    }
    words_finish(&options);
    return result;
}

static void hint_at_covered_program(const struct run *run)
{
    char real[PATH_MAX];

    if (strchr(run->program[0], '/') && realpath(run->program[0], real) &&
        guest_masks_cover(&run->plan.masks, real))
        output_note("%s lies in a folder that guests do not see; add --bind %s::ro", real, real);
}

static void finish(struct run *run)
{
    for (size_t i = 0; i < run->manifest_count; i++)
        close(run->manifests[i]);
    shims_finish(&run->shims);
    wsb_finish(&run->wsb);
    guest_masks_finish(&run->plan.masks);
    guest_display_finish(&run->plan.display);
    run_binds_finish(&run->plan.binds);
    words_finish(&run->plan.environment);
    free(run->packages);
    free(run->name_servers);
    free(run->work_folder);
    if (run->env_open)
        host_env_close(&run->env);
}

enum exit_code cmd_run(const struct cli *cli)
{
    struct error err = {0};
    struct run run = {.cli = cli, .err = &err};
    enum exit_code code;
    int result, status = 0;

    result = take_options(&run);
    if (result < 0) {
        code = output_fail(cli, result == -EINVAL ? EXIT_USAGE : EXIT_NOT_STARTED, "%s", err.text);
        goto finished;
    }
    result = prepare(&run);
    if (!result)
        result = start(&run, &status);
    if (result == -ECHILD)
        hint_at_covered_program(&run);
    code = result < 0 ? output_fail(cli, EXIT_NOT_STARTED, "%s", err.text) : (enum exit_code)status;
finished:
    finish(&run);
    return code;
}

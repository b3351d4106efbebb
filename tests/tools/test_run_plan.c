/* SPDX-License-Identifier: MIT */
/* The options that bubblewrap gets, and what of a root folder is covered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/run_plan.h"
#include "util/file.h"

static struct shims shims = {
    .items = {{.arch = (char *)"i386",
               .manifest = {(char *)"/h/i.json", (char *)"/g/i.json"},
               .icd = {(char *)"/h/i/icd.so", (char *)"/g/i/icd.so"},
               .thunks = {(char *)"/h/i/kmt.so", (char *)"/g/i/kmt.so"}},
              {.arch = (char *)"x86_64",
               .manifest = {(char *)"/h/x.json", (char *)"/g/x.json"},
               .icd = {(char *)"/h/x/icd.so", (char *)"/g/x/icd.so"},
               .thunks = {(char *)"/h/x/kmt.so", (char *)"/g/x/kmt.so"}}},
    .count = 2,
};
static const int manifests[] = {7, 8};

static struct run_plan plain_plan(enum vgpu_mode mode)
{
    return (struct run_plan){
        .root = "/",
        .vgpu = mode,
        .socket = "/host/vm.sock",
        .packages = "/store/FileRepository",
        .guest_store = "/run/gpupv/HostDriverStore",
        .shims = &shims,
        .manifests = manifests,
        .network = true,
        .work_folder = "/work",
        .status = 5,
    };
}

/* Where these words stand, one after the other; -1 if they do not. */
static int find(const struct words *options, const char *const *words)
{
    size_t count = 0;

    while (words[count])
        count++;
    for (size_t i = 0; i + count <= options->count; i++) {
        size_t same = 0;

        while (same < count && strcmp(options->items[i + same], words[same]) == 0)
            same++;
        if (same == count)
            return (int)i;
    }
    return -1;
}

#define FIND(options, ...) find(options, (const char *const[]){__VA_ARGS__, NULL})

static void a_guest_with_a_gpu(void **state)
{
    struct run_plan plan = plain_plan(VGPU_ENABLE);
    struct words options;

    (void)state;
    assert_int_equal(run_plan_options(&plan, &options), 0);
    assert_int_equal(FIND(&options, "--die-with-parent"), 0);
    assert_true(FIND(&options, "--ro-bind", "/", "/") > 0);
    assert_true(FIND(&options, "--cap-drop", "ALL") > 0);
    assert_true(FIND(&options, "--json-status-fd", "5") > 0);
    assert_true(FIND(&options, "--ro-bind", "/host/vm.sock", "/run/gpupv/host.sock") > 0);
    assert_true(FIND(&options, "--ro-bind", "/store/FileRepository",
                     "/run/gpupv/HostDriverStore/FileRepository") > 0);
    assert_true(FIND(&options, "--ro-bind", "/h/x/icd.so",
                     "/run/gpupv/vulkan/x86_64/libvulkan_gpupv.so") > 0);
    assert_true(
        FIND(&options, "--ro-bind", "/h/i/kmt.so", "/run/gpupv/vulkan/i386/libgpupv_kmt.so.0") > 0);
    assert_true(FIND(&options, "--ro-bind-data", "8", "/run/gpupv/vulkan/gpupv_icd.x86_64.json") >
                0);
    assert_true(FIND(&options, "--setenv", "VK_DRIVER_FILES",
                     "/run/gpupv/vulkan/gpupv_icd.i386.json:"
                     "/run/gpupv/vulkan/gpupv_icd.x86_64.json") > 0);
    assert_true(FIND(&options, "--setenv", "GPUPV_HOST", "unix:/run/gpupv/host.sock") > 0);
    assert_true(FIND(&options, "--chdir", "/work") > 0);
    assert_true(FIND(&options, "--clearenv") < FIND(&options, "--setenv", "HOME"));
    assert_int_equal(FIND(&options, "--unshare-net"), -1);
    words_finish(&options);
}

static void a_guest_without_a_gpu(void **state)
{
    struct run_plan plan = plain_plan(VGPU_DISABLE);
    struct words options;

    (void)state;
    plan.network = false;
    assert_int_equal(run_plan_options(&plan, &options), 0);
    for (size_t i = 0; i < options.count; i++) {
        assert_null(strstr(options.items[i], "host.sock"));
        assert_null(strstr(options.items[i], "vulkan"));
        assert_null(strstr(options.items[i], "VK_"));
        assert_null(strstr(options.items[i], "FileRepository"));
    }
    assert_true(FIND(&options, "--unshare-net") > 0);
    assert_true(FIND(&options, "--unshare-ipc") > 0);
    words_finish(&options);
}

static void covers_come_between_root_and_binds(void **state)
{
    struct run_plan plan = plain_plan(VGPU_ENABLE);
    struct words options;
    int cover, bind;

    (void)state;
    words_add(&plan.masks.folders, "/etc/vulkan");
    words_add(&plan.masks.files, "/usr/lib/libvulkan_x.so");
    assert_int_equal(run_binds_add(&plan.binds, "/a", "/etc/vulkan/a", RUN_BIND_READ_ONLY, NULL),
                     0);
    assert_int_equal(run_binds_add(&plan.binds, "/dev/dri", "/dev/dri", RUN_BIND_DEVICE, NULL), 0);
    assert_int_equal(run_plan_options(&plan, &options), 0);
    cover = FIND(&options, "--tmpfs", "/etc/vulkan");
    bind = FIND(&options, "--ro-bind", "/a", "/etc/vulkan/a");
    assert_true(FIND(&options, "--ro-bind", "/", "/") < cover);
    assert_true(cover < bind);
    assert_true(bind < FIND(&options, "--remount-ro", "/etc/vulkan"));
    assert_true(FIND(&options, "--ro-bind", "/dev/null", "/usr/lib/libvulkan_x.so") < bind);
    assert_true(FIND(&options, "--dev-bind", "/dev/dri", "/dev/dri") > 0);
    words_finish(&options);
    run_binds_finish(&plan.binds);
    guest_masks_finish(&plan.masks);
}

static void displays_and_variables(void **state)
{
    struct run_plan plan = plain_plan(VGPU_DISABLE);
    struct words options;

    (void)state;
    plan.display = (struct guest_display){.x11 = (char *)":7",
                                          .x11_socket = (char *)"/tmp/.X11-unix/X7",
                                          .wayland = (char *)"/run/user/1/wayland-1"};
    words_add_all(&plan.environment, "A=b=c", "E=", NULL);
    assert_int_equal(run_plan_options(&plan, &options), 0);
    assert_true(FIND(&options, "--ro-bind", "/tmp/.X11-unix/X7", "/tmp/.X11-unix/X7") > 0);
    assert_true(FIND(&options, "--setenv", "DISPLAY", ":7") > 0);
    assert_true(
        FIND(&options, "--ro-bind", "/run/user/1/wayland-1", "/run/gpupv/session/wayland-0") > 0);
    assert_int_equal(FIND(&options, "--unshare-ipc"), -1);
    assert_true(FIND(&options, "--setenv", "A", "b=c") > 0);
    assert_true(FIND(&options, "--setenv", "E", "") > 0);
    words_finish(&options);
    words_finish(&plan.environment);
}

static void binds_are_read(void **state)
{
    struct run_binds binds = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(run_binds_parse(&binds, "/usr/../usr", &err), 0);
    assert_int_equal(run_binds_parse(&binds, "/usr:/here", &err), 0);
    assert_int_equal(run_binds_parse(&binds, "/usr:/here:ro", &err), 0);
    assert_int_equal(run_binds_parse(&binds, "/usr::ro", &err), 0);
    assert_int_equal(binds.count, 4);
    assert_string_equal(binds.items[0].source, "/usr");
    assert_string_equal(binds.items[0].target, "/usr");
    assert_int_equal(binds.items[0].kind, RUN_BIND_WRITE);
    assert_string_equal(binds.items[1].target, "/here");
    assert_int_equal(binds.items[2].kind, RUN_BIND_READ_ONLY);
    assert_string_equal(binds.items[3].target, "/usr");
    assert_int_equal(binds.items[3].kind, RUN_BIND_READ_ONLY);

    assert_int_equal(run_binds_parse(&binds, "/nowhere/to/be/found", &err), -ENOENT);
    assert_int_equal(run_binds_parse(&binds, "/usr:here", &err), -EINVAL);
    assert_int_equal(run_binds_parse(&binds, "/usr:/here:rx", &err), -EINVAL);
    assert_non_null(strstr(err.text, "ro or rw"));
    assert_int_equal(binds.count, 4);
    run_binds_finish(&binds);
}

static void paths_within(void **state)
{
    (void)state;
    assert_true(path_is_within("/a/b", "/a"));
    assert_true(path_is_within("/a", "/a"));
    assert_true(path_is_within("/a", "/"));
    assert_false(path_is_within("/ab", "/a"));
    assert_false(path_is_within("/a", "/a/b"));
}

static char *touch(const char *root, const char *path)
{
    char *whole, *slash;
    FILE *file;

    assert_true(asprintf(&whole, "%s%s", root, path) > 0);
    slash = strrchr(whole, '/');
    *slash = '\0';
    assert_int_equal(file_make_folders(whole, 0755, NULL), 0);
    *slash = '/';
    file = fopen(whole, "w");
    assert_non_null(file);
    fclose(file);
    return whole;
}

static void drivers_of_a_root_are_covered(void **state)
{
    static const char *const files[] = {
        "/usr/share/vulkan/icd.d/x.json",
        "/usr/lib/x86_64-linux-gnu/libvulkan_x.so",
        "/usr/lib/x86_64-linux-gnu/libvulkan.so.1",
        "/usr/lib/x86_64-linux-gnu/libvulkan_gpupv.so",
        "/real/vulkan/icd.d/y.json",
        "/home/me/file",
    };
    char root[] = "/tmp/gpupv-root.XXXXXX", link[64], command[64];
    struct guest_masks masks;
    struct words more = {0};
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        free(touch(root, files[i]));
    /* A link is followed inside the root, also one that begins at "/". */
    free(touch(root, "/etc/x"));
    snprintf(link, sizeof(link), "%s/etc/vulkan", root);
    assert_int_equal(symlink("/real/vulkan", link), 0);
    words_add(&more, "/usr/share"); /* of this machine, which is not the guest's root */
    assert_int_equal(guest_masks_find(root, &more, &masks, &err), 0);
    assert_true(words_have(&masks.scratch, "/tmp"));
    assert_true(words_have(&masks.scratch, "/run"));
    assert_true(words_have(&masks.scratch, "/home"));
    assert_false(words_have(&masks.scratch, "/root"));
    assert_true(words_have(&masks.folders, "/usr/share/vulkan/icd.d"));
    assert_true(words_have(&masks.folders, "/real/vulkan"));
    assert_int_equal(masks.folders.count, 2);
    assert_true(words_have(&masks.files, "/usr/lib/x86_64-linux-gnu/libvulkan_x.so"));
    assert_int_equal(masks.files.count, 1);
    assert_true(guest_masks_cover(&masks, "/home/me/file"));
    assert_false(guest_masks_cover(&masks, "/usr/lib/x86_64-linux-gnu/libvulkan.so.1"));
    guest_masks_finish(&masks);
    words_finish(&more);
    assert_int_equal(guest_masks_find("/nowhere", &more, &masks, &err), -ENOENT);
    snprintf(command, sizeof(command), "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

static void files_of_the_service_are_covered(void **state)
{
    char folder[] = "/var/gpupv-test.XXXXXX";
    struct guest_masks masks;
    struct words more = {0};
    struct error err = {0};

    (void)state;
    if (!mkdtemp(folder))
        skip(); /* only root may write there */
    words_add_all(&more, folder, "/tmp", "/nowhere/at/all", NULL);
    assert_int_equal(guest_masks_find("/", &more, &masks, &err), 0);
    assert_true(words_have(&masks.folders, folder));
    assert_false(words_have(&masks.folders, "/tmp")); /* it is covered already */
    guest_masks_finish(&masks);
    words_finish(&more);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_with_a_gpu),
        cmocka_unit_test(a_guest_without_a_gpu),
        cmocka_unit_test(covers_come_between_root_and_binds),
        cmocka_unit_test(displays_and_variables),
        cmocka_unit_test(binds_are_read),
        cmocka_unit_test(paths_within),
        cmocka_unit_test(drivers_of_a_root_are_covered),
        cmocka_unit_test(files_of_the_service_are_covered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

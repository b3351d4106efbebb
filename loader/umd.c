/* SPDX-License-Identifier: MIT */
#include "loader/umd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpupv/ntstatus.h"

struct entry {
    struct loader_umd umd;
    struct entry *next;
};

/* Loaded libraries of the process. Nothing is ever taken out: drivers stay until the end. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void after_fork_in_child(void)
{
    pthread_mutex_init(&lock, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

static PFN_vkVoidFunction symbol(void *library, const char *name)
{
    PFN_vkVoidFunction function;
    void *address = dlsym(library, name);

    memcpy(&function, &address, sizeof(function));
    return function;
}

/* A function of the interface itself: exported or, from interface 7 on, only given on demand. */
static PFN_vkVoidFunction interface_function(void *library, PFN_vk_icdGetInstanceProcAddr lookup,
                                             const char *name)
{
    PFN_vkVoidFunction function = symbol(library, name);

    return function ? function : lookup(VK_NULL_HANDLE, name);
}

static int negotiate(void *library, struct loader_umd *umd, struct error *err)
{
    PFN_vk_icdNegotiateLoaderICDInterfaceVersion agree;
    uint32_t version = LOADER_MAX_INTERFACE;
    VkResult result;

    umd->get_instance_proc_addr =
        (PFN_vk_icdGetInstanceProcAddr)symbol(library, "vk_icdGetInstanceProcAddr");
    if (!umd->get_instance_proc_addr)
        return error_set(err, -EPROTONOSUPPORT,
                         "%s does not export vk_icdGetInstanceProcAddr: it is not a Vulkan driver, "
                         "or one from before driver interface %u",
                         umd->library_path, LOADER_MIN_INTERFACE);
    agree = (PFN_vk_icdNegotiateLoaderICDInterfaceVersion)interface_function(
        library, umd->get_instance_proc_addr, "vk_icdNegotiateLoaderICDInterfaceVersion");
    if (!agree)
        return error_set(err, -EPROTONOSUPPORT,
                         "%s has no vk_icdNegotiateLoaderICDInterfaceVersion: it speaks a driver "
                         "interface older than %u; put a newer driver into the host's store",
                         umd->library_path, LOADER_MIN_INTERFACE);
    result = agree(&version);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return error_set(
            err, -EPROTONOSUPPORT,
            "%s refuses driver interface %u (VK_ERROR_INCOMPATIBLE_DRIVER): it wants a "
            "newer one, or does not want to be used here; update gpupv in the guest",
            umd->library_path, LOADER_MAX_INTERFACE);
    if (result != VK_SUCCESS)
        return error_set(err, -EPROTONOSUPPORT,
                         "%s fails to agree on a driver interface: VkResult %d", umd->library_path,
                         (int)result);
    if (version < LOADER_MIN_INTERFACE)
        return error_set(err, -EPROTONOSUPPORT,
                         "%s speaks driver interface %u, older than %u, the oldest that gpupv "
                         "knows; put a newer driver into the host's store",
                         umd->library_path, version, LOADER_MIN_INTERFACE);
    if (version > LOADER_MAX_INTERFACE)
        return error_set(err, -EPROTONOSUPPORT,
                         "%s insists on driver interface %u, newer than %u, the newest that gpupv "
                         "knows; update gpupv in the guest",
                         umd->library_path, version, LOADER_MAX_INTERFACE);
    umd->interface_version = version;
    if (version >= 4)
        umd->get_physical_device_proc_addr =
            (PFN_vk_icdGetPhysicalDeviceProcAddr)interface_function(
                library, umd->get_instance_proc_addr, "vk_icdGetPhysicalDeviceProcAddr");
    umd->open_adapter = (PFN_gpupv_umd_open_adapter)symbol(library, "gpupv_umd_open_adapter");
    umd->close_adapter = (PFN_gpupv_umd_close_adapter)symbol(library, "gpupv_umd_close_adapter");
    if (!umd->open_adapter != !umd->close_adapter)
        return error_set(err, -EPROTONOSUPPORT,
                         "%s exports one of gpupv_umd_open_adapter and gpupv_umd_close_adapter "
                         "without the other",
                         umd->library_path);
    return 0;
}

static void entry_destroy(struct entry *entry)
{
    if (!entry)
        return;
    free(entry->umd.manifest_path);
    free(entry->umd.library_path);
    free(entry);
}

/* What is loaded is what was verified: its constructors run before a second look could tell, so the
 * first look, before, is the one that protects; the second catches a change in between. */
static int open_library(const struct package *package, const char *library, const char *path,
                        void **handle, struct error *err)
{
    int code = package_check_unchanged(package, library, err);

    if (code < 0)
        return code;
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle) {
        const char *why = dlerror();
        return error_set(err, -ELIBBAD,
                         "cannot load %s: %s; the driver needs something that this guest lacks, or "
                         "is of another architecture",
                         path, why ? why : "no reason is given");
    }
    return package_check_unchanged(package, library, err);
}

static int load(const char *manifest_path, const char *library_path, const struct package *package,
                const char *library, uint32_t api_version, struct entry **result,
                enum loader_step *step, struct error *err)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    void *handle;
    int code = -ENOMEM;

    *step = LOADER_STEP_LIBRARY;
    if (entry) {
        entry->umd.manifest_path = strdup(manifest_path);
        entry->umd.library_path = strdup(library_path);
        entry->umd.api_version = api_version;
    }
    if (!entry || !entry->umd.manifest_path || !entry->umd.library_path) {
        error_set(err, code, "no memory to load %s", library_path);
        goto destroy_entry;
    }
    code = open_library(package, library, library_path, &handle, err);
    if (code < 0)
        goto destroy_entry;
    *step = LOADER_STEP_NEGOTIATE;
    code = negotiate(handle, &entry->umd, err);
    if (code < 0)
        goto destroy_entry; /* the library stays: its constructors may have started something */
    *result = entry;
    return 0;

destroy_entry:
    entry_destroy(entry);
    return code;
}

int umd_load(const char *manifest_path, const struct package *package, const char *library,
             uint32_t api_version, const struct loader_umd **umd, enum loader_step *step,
             struct error *err)
{
    struct entry *entry;
    char *path = NULL;
    int code = 0;

    if (asprintf(&path, "%s/%s", package_folder(package), library) < 0)
        return error_set(err, -ENOMEM, "no memory for the path of %s", library);
    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&lock);
    for (entry = entries; entry; entry = entry->next)
        if (!strcmp(entry->umd.library_path, path) &&
            !strcmp(entry->umd.manifest_path, manifest_path))
            break;
    if (!entry) {
        code = load(manifest_path, path, package, library, api_version, &entry, step, err);
        if (code == 0) {
            entry->next = entries;
            entries = entry;
        }
    }
    pthread_mutex_unlock(&lock);
    free(path);
    if (code == 0)
        *umd = &entry->umd;
    return code;
}

/* --- Adapters --- */

int umd_open_adapter(struct loader_adapter *adapter, struct error *err)
{
    const struct loader_umd *umd = adapter->umd;
    struct gpupv_umd_info info = {.size = sizeof(info), .node_count = 1};
    const struct gpupv_umd_adapter own = {
        .interface_version = GPUPV_UMD_INTERFACE_VERSION,
        .handle = adapter->handle,
        .luid = adapter->luid,
        .physical_adapters = adapter->physical_adapter_count,
        .node_mask = adapter->node_mask,
        .callbacks = &umd_callbacks,
    };
    NTSTATUS status = STATUS_SUCCESS;

    if (umd->open_adapter)
        status = umd->open_adapter(&own, &info, &adapter->context);
    adapter->node_count = info.node_count ? info.node_count : 1;
    adapter->cross_node_sharing_tier = info.cross_node_sharing_tier;
    if (NT_SUCCESS(status))
        return 0;
    adapter->context = NULL;
    if (status == STATUS_NO_MEMORY)
        return error_set(err, -ENOMEM, "no memory for an adapter of %s", umd->library_path);
    if (status == STATUS_REVISION_MISMATCH)
        return error_set(err, -EPROTONOSUPPORT,
                         "%s needs a newer gpupv than this guest has; update gpupv in the guest",
                         umd->library_path);
    return error_set(err, -EIO, "%s does not take the adapter: NTSTATUS 0x%08x", umd->library_path,
                     (unsigned)status);
}

void umd_close_adapter(struct loader_adapter *adapter)
{
    if (adapter->context)
        adapter->umd->close_adapter(adapter->context);
    adapter->context = NULL;
}

/* SPDX-License-Identifier: MIT */
#include "loader/loader.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/icd_manifest.h"
#include "loader/adapter_query.h"
#include "loader/package.h"
#include "loader/umd.h"
#include "util/log.h"

const char *loader_step_name(enum loader_step step)
{
    static const char *const names[] = {
        [LOADER_STEP_ENUMERATE] = "adapter list", [LOADER_STEP_DRIVER_NAME] = "driver name",
        [LOADER_STEP_MANIFEST] = "manifest",      [LOADER_STEP_PACKAGE] = "package",
        [LOADER_STEP_SIGNATURE] = "signature",    [LOADER_STEP_LIBRARY] = "library",
        [LOADER_STEP_NEGOTIATE] = "negotiation",  [LOADER_STEP_DONE] = "loaded",
    };

    return (size_t)step < sizeof(names) / sizeof(names[0]) ? names[step] : "unknown step";
}

/* --- Logging: one line for each failed adapter and reason in a process --- */

struct said {
    LUID luid;
    enum loader_step step;
};

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static struct said said[64];
static size_t said_count;

static bool say_it(const struct loader_adapter *adapter)
{
    bool fresh = true;

    pthread_mutex_lock(&said_lock);
    for (size_t i = 0; i < said_count && fresh; i++)
        fresh = said[i].luid.LowPart != adapter->luid.LowPart ||
                said[i].luid.HighPart != adapter->luid.HighPart || said[i].step != adapter->step;
    if (fresh && said_count < sizeof(said) / sizeof(said[0]))
        said[said_count++] = (struct said){adapter->luid, adapter->step};
    pthread_mutex_unlock(&said_lock);
    return fresh;
}

static void report(const struct loader_adapter *adapter)
{
    if (adapter->step == LOADER_STEP_DONE || !say_it(adapter))
        return;
    log_error("loader", "adapter \"%s\" (LUID %08x-%08x) has no driver in this process: %s: %s",
              adapter->description, (unsigned)adapter->luid.HighPart,
              (unsigned)adapter->luid.LowPart, loader_step_name(adapter->step),
              adapter->error.text);
}

/* --- One manifest --- */

static bool manifest_fits(const struct icd_manifest *manifest)
{
    const char *bits = sizeof(void *) == 8 ? "64" : "32";

    return !manifest->library_arch || !strcmp(manifest->library_arch, bits);
}

/* Finds the package of a manifest. -ENOEXEC for another architecture. */
static int find_package(const char *path, const struct package **package, const char **relative,
                        struct error *err)
{
    const struct catalog *catalog;
    int code = package_find(path, package, relative, err);

    if (code < 0)
        return code;
    catalog = package_catalog(*package);
    if (strcmp(catalog->architecture, "any") &&
        strcmp(catalog->architecture, package_native_architecture()))
        return error_set(err, -ENOEXEC, "the package %s is for %s, this process is %s",
                         package_folder(*package), catalog->architecture,
                         package_native_architecture());
    if (!catalog_find(catalog, *relative))
        return error_set(err, -EBADMSG, "the manifest %s is not listed in the package's catalog",
                         path);
    return 0;
}

/* Finds the library of a manifest, of which exactly the bytes that the catalog lists are used. */
static int find_library(const struct package *package, const char *relative, char **library,
                        uint32_t *api_version, struct error *err)
{
    struct icd_manifest manifest;
    char *text;
    size_t size;
    int code = package_read(package, relative, ICD_MANIFEST_MAX_SIZE, &text, &size, err);

    if (code < 0)
        return code;
    code = icd_manifest_parse(relative, text, size, &manifest, err);
    free(text);
    if (code == 0) {
        *api_version = manifest.api_version;
        code = icd_manifest_library_in_package(&manifest, relative, library, err);
        icd_manifest_finish(&manifest);
    }
    if (code < 0)
        return error_prefix(err, code, "%s", package_folder(package));
    if (!catalog_find(package_catalog(package), *library)) {
        code = error_set(err, -EBADMSG,
                         "the library %s that %s/%s names is not listed in the package's catalog",
                         *library, package_folder(package), relative);
        free(*library);
    }
    return code;
}

/* What a manifest comes to: a driver, or how far it came. */
struct attempt {
    const struct loader_umd *umd;
    enum loader_step step;
    bool signature_known;
    struct trust_result signature;
};

static int try_package(const char *path, struct attempt *attempt, struct error *err)
{
    const struct package *package;
    const char *relative;
    char *library;
    uint32_t api_version = 0;
    int code = find_package(path, &package, &relative, err);

    if (code < 0)
        return code;
    code = find_library(package, relative, &library, &api_version, err);
    if (code < 0)
        return code;
    code = package_verify(package, err);
    if (code < 0)
        goto free_library;
    attempt->step = LOADER_STEP_SIGNATURE;
    code = package_check_trust(package, &attempt->signature, err);
    attempt->signature_known = code == 0 || code == -EKEYREJECTED;
    if (code < 0)
        goto free_library;
    code = umd_load(path, package, library, api_version, &attempt->umd, &attempt->step, err);

free_library:
    free(library);
    return code;
}

/* -ENOEXEC for a driver of another architecture. This first look at the manifest tells a person
 * what is wrong with it, and sorts other architectures out; nothing else of it is used. */
static int try_manifest(const char *path, struct attempt *attempt, struct error *err)
{
    struct icd_manifest manifest;
    int code;

    *attempt = (struct attempt){.step = LOADER_STEP_MANIFEST};
    code = icd_manifest_load(path, &manifest, err);
    if (code == -ENOENT)
        return error_set(err, code,
                         "%s does not exist in this guest; is the host's driver store mapped here?",
                         path);
    if (code < 0)
        return code;
    if (!manifest_fits(&manifest)) {
        code = error_set(err, -ENOEXEC, "%s is for %s-bit programs, this process has %u bits", path,
                         manifest.library_arch, (unsigned)sizeof(void *) * 8);
        goto finish;
    }
    attempt->step = LOADER_STEP_PACKAGE;
    code = try_package(path, attempt, err);

finish:
    icd_manifest_finish(&manifest);
    return code;
}

/* --- One adapter --- */

static void take_signature(struct loader_adapter *adapter, const struct attempt *attempt)
{
    adapter->signature_known = attempt->signature_known;
    adapter->signature = attempt->signature;
}

/* Of several manifests the first that can be used is taken. A failure that is not just another
 * architecture is told even when a later manifest works. */
static int load_first(struct loader_adapter *adapter, char **manifests, struct error *err)
{
    enum loader_step kept_step = LOADER_STEP_MANIFEST;
    struct attempt attempt;
    struct error one;
    int kept = 0;

    for (char **path = manifests; *path; path++) {
        int code = try_manifest(*path, &attempt, &one);

        if (code == 0 || !adapter->manifest_path) {
            free(adapter->manifest_path);
            adapter->manifest_path = strdup(*path);
            if (!adapter->manifest_path)
                return error_set(err, -ENOMEM, "no memory for a manifest's path");
        }
        if (code == 0) {
            if (kept && kept != -ENOEXEC)
                log_warning("loader", "adapter \"%s\" uses %s; an earlier manifest failed: %s: %s",
                            adapter->description, *path, loader_step_name(kept_step), err->text);
            adapter->umd = attempt.umd;
            adapter->step = LOADER_STEP_DONE;
            take_signature(adapter, &attempt);
            return 0;
        }
        if (!kept || (kept == -ENOEXEC && code != -ENOEXEC)) {
            kept = code;
            kept_step = attempt.step;
            take_signature(adapter, &attempt);
            *err = one;
        }
    }
    adapter->step = kept_step;
    return kept;
}

static int load_driver(struct loader_adapter *adapter)
{
    char **manifests;
    int code;

    adapter->step = LOADER_STEP_DRIVER_NAME;
    code = adapter_query_manifests(adapter->handle, &manifests, &adapter->error);
    if (code < 0)
        return code;
    code = load_first(adapter, manifests, &adapter->error);
    adapter_query_free_manifests(manifests);
    if (code == 0) {
        code = umd_open_adapter(adapter, &adapter->error);
        if (code < 0) {
            adapter->umd = NULL;
            adapter->step = LOADER_STEP_NEGOTIATE;
        }
    }
    return code;
}

static uint32_t node_mask(uint32_t count)
{
    return count >= 32 ? UINT32_MAX : (1u << (count ? count : 1)) - 1;
}

/* -ENOMEM ends the whole loader; any other failure stays with the adapter. */
static int describe(struct loader_adapter *adapter, const D3DKMT_ADAPTERINFO *info)
{
    int code;

    adapter->handle = info->hAdapter;
    adapter->luid = info->AdapterLuid;
    adapter->description = adapter_query_description(adapter->handle);
    if (!adapter->description)
        return -ENOMEM;
    adapter->physical_adapter_count = adapter_query_physical_count(adapter->handle);
    adapter->node_mask = node_mask(adapter->physical_adapter_count);
    adapter->store_path = adapter_query_store_path(adapter->handle);
    adapter->step = LOADER_STEP_ENUMERATE;
    code = adapter_query_device_ids(adapter->handle, &adapter->device_ids, &adapter->error);
    if (code == 0)
        code = load_driver(adapter);
    if (code == 0)
        adapter->error.text[0] = '\0';
    report(adapter);
    return code == -ENOMEM ? code : 0;
}

int loader_create(struct loader **result, struct error *err)
{
    D3DKMT_ADAPTERINFO *infos;
    struct loader *loader;
    size_t count, done = 0;
    int code = adapter_query_all(&infos, &count, err);

    if (code < 0)
        return code;
    code = -ENOMEM;
    loader = calloc(1, sizeof(*loader));
    if (loader)
        loader->adapters = calloc(count ? count : 1, sizeof(*loader->adapters));
    if (!loader || !loader->adapters)
        goto close_rest;
    for (; done < count; done++) {
        loader->adapter_count = done + 1;
        if (describe(&loader->adapters[done], &infos[done]) < 0) {
            done++; /* the loader closes this one */
            goto close_rest;
        }
    }
    free(infos);
    *result = loader;
    return 0;

close_rest:
    error_set(err, code, "no memory for the list of adapters");
    for (; done < count; done++) {
        D3DKMT_CLOSEADAPTER args = {infos[done].hAdapter};
        D3DKMTCloseAdapter(&args);
    }
    free(infos);
    loader_destroy(loader);
    return code;
}

void loader_destroy(struct loader *loader)
{
    if (!loader)
        return;
    for (size_t i = 0; i < loader->adapter_count; i++) {
        struct loader_adapter *adapter = &loader->adapters[i];
        D3DKMT_CLOSEADAPTER args = {adapter->handle};

        umd_close_adapter(adapter);
        D3DKMTCloseAdapter(&args);
        free(adapter->description);
        free(adapter->store_path);
        free(adapter->manifest_path);
    }
    free(loader->adapters);
    free(loader);
}

/* SPDX-License-Identifier: MIT */
/* An accepted manifest can be given another library path, and never leads out of a package. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/icd_manifest.h"
#include "hoststore/paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_relocated(const char *text, size_t size, uint32_t api_version)
{
    char *relocated;
    size_t length;
    /* The result may be larger than a manifest may be: indentation. */
    require(icd_manifest_relocate(text, size, "./lib.so", &relocated, &length, NULL) == 0);
    struct icd_manifest manifest;
    if (length <= ICD_MANIFEST_MAX_SIZE) {
        require(icd_manifest_parse("again", relocated, length, &manifest, NULL) == 0);
        require(!strcmp(manifest.library_path, "./lib.so"));
        require(manifest.api_version == api_version);
        icd_manifest_finish(&manifest);
    }
    free(relocated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct icd_manifest manifest;
    struct error err = {""};
    int likely = icd_manifest_is_likely(text, size);
    if (icd_manifest_parse("fuzz", text, size, &manifest, &err)) {
        require(err.text[0] != '\0');
        return 0;
    }
    require(likely);
    char *library;
    if (!icd_manifest_library_in_package(&manifest, "a/b/m.json", &library, NULL)) {
        require(store_path_check_relative(library, NULL) == 0);
        free(library);
    }
    check_relocated(text, size, manifest.api_version);
    icd_manifest_finish(&manifest);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* A catalog that is accepted can be written, and read back as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/catalog.h"
#include "hoststore/paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog *catalog, *again;
    struct error err = {""};
    if (catalog_parse("fuzz", (const char *)data, size, &catalog, &err)) {
        require(err.text[0] != '\0');
        return 0;
    }
    require(err.text[0] == '\0');
    require(catalog_find(catalog, catalog->manifest) != NULL);
    for (size_t i = 0; i < catalog->file_count; i++) {
        require(store_path_check_relative(catalog->files[i].path, NULL) == 0);
        require(catalog_find(catalog, catalog->files[i].path) == &catalog->files[i]);
    }

    char *text, *text_again;
    size_t length, length_again;
    require(catalog_format(catalog, &text, &length) == 0);
    require(catalog_parse("again", text, length, &again, NULL) == 0);
    require(catalog_format(again, &text_again, &length_again) == 0);
    require(length == length_again && !memcmp(text, text_again, length));
    free(text);
    free(text_again);
    catalog_destroy(catalog);
    catalog_destroy(again);
    return 0;
}

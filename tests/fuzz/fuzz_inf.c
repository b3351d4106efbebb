/* SPDX-License-Identifier: MIT */
/* Any bytes are refused with a cause, or every model of every architecture can be tried; what is
 * written makes a hive that can be read again. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "hoststore/inf_install.h"
#include "util/log.h"

#define MAX_MODELS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_hive(const struct reg_hive *hive)
{
    struct reg_hive *again;
    char *text;
    size_t size;
    require(reg_hive_format(hive, &text, &size) == 0);
    require(reg_hive_parse("again", text, size, &again, NULL) == 0);
    reg_hive_destroy(again);
    free(text);
}

static void install(const struct inf *inf, const struct inf_driver *driver,
                    const struct inf_model *model)
{
    static int folder = -1;
    struct inf_install install;
    struct reg_hive *hive;
    struct error err = {""};
    if (inf_install_read(inf, driver, model, &install, &err)) {
        require(err.text[0] != '\0');
        return;
    }
    if (folder < 0)
        folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    inf_install_check_files(&install, folder, NULL);
    const struct inf_target target = {.adapter_key = "HKLM\\Adapter",
                                      .service_key = "HKLM\\Service",
                                      .package_path = "/store/package",
                                      .folder = folder};
    require(reg_hive_create(&hive) == 0);
    if (inf_install_write(&install, &target, hive, &err))
        require(err.text[0] != '\0');
    else
        check_hive(hive);
    reg_hive_destroy(hive);
    inf_install_finish(&install);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const architectures[] = {"x86_64", "aarch64", "i386"};
    struct inf *inf;
    struct error err = {""};
    log_set_level(LOG_LEVEL_ERROR);
    if (inf_parse("fuzz", data, size, &inf, &err)) {
        require(err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++) {
        struct inf_driver driver;
        const struct inf_model *model;
        if (inf_driver_read(inf, architectures[i], &driver, &err)) {
            require(err.text[0] != '\0');
            continue;
        }
        inf_driver_choose(inf, &driver, NULL, &model, NULL);
        for (size_t j = 0; j < driver.model_count && j < MAX_MODELS; j++)
            install(inf, &driver, &driver.models[j]);
        inf_driver_finish(&driver);
    }
    inf_destroy(inf);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * What an INF file says of its driver: [Version], and the models that [Manufacturer] leads to for
 * one architecture. All strings live as long as the file.
 */
#ifndef GPUPV_HOSTSTORE_INF_DRIVER_H
#define GPUPV_HOSTSTORE_INF_DRIVER_H

#include <stddef.h>

#include "hoststore/inf.h"

struct inf_model {
    const struct inf_line *line;
    const char *description;
    const char *section; /* the install section's name, without decoration */
    const char *hardware_id; /* the first, "" if there is none */
    const char *manufacturer;
};

struct inf_driver {
    const char *class_name, *class_guid, *provider, *catalog; /* "" where they are missing */
    char date[16];    /* of DriverVer, "2025-02-06", or "" */
    char version[64]; /* of DriverVer, "31.0.15.1234"; "0.0.0.0" if it has a date alone */
    const char *architecture; /* as was asked for */
    struct inf_model *models;
    size_t model_count;
};

/* `architecture` as in package names (x86_64, i386, aarch64, arm). Reads the models sections with
 * the best decoration for it: NTamd64 before NT before none, and the greatest version of Windows.
 * -EINVAL, -ENOENT when there is no model for the architecture, -ENOMEM. */
int inf_driver_read(const struct inf *inf, const char *architecture, struct inf_driver *driver,
                    struct error *err);
void inf_driver_finish(struct inf_driver *driver);

/* The model with that hardware or compatible ID, or description, whatever its case. NULL for
 * `wanted` takes the only model; models that install the same section count as one. -ENOENT, and
 * -EINVAL when several are possible; the text lists the models. */
int inf_driver_choose(const struct inf *inf, const struct inf_driver *driver, const char *wanted,
                      const struct inf_model **model, struct error *err);

/* "amd64" for x86_64 …; NULL for an architecture that Windows does not have. */
const char *inf_decoration(const char *architecture);

#endif

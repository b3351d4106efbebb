/* SPDX-License-Identifier: MIT */
/* gpupvd --check-config: reads what the service would read, and says what is wrong with it. */
#ifndef GPUPV_HOST_CHECK_CONFIG_H
#define GPUPV_HOST_CHECK_CONFIG_H

/* Prints a summary to standard output, or each fault to standard error. No driver is run. Returns 0
 * when the configuration (`path`, or NULL for the default one), the hive that it names and the
 * manifests that it names are valid, else -EINVAL. */
int check_config(const char *path);

#endif

/* SPDX-License-Identifier: MIT */
/* Private to registry/: the first line of the text form. */
#ifndef GPUPV_REGISTRY_HIVE_TEXT_H
#define GPUPV_REGISTRY_HIVE_TEXT_H

#define HIVE_TITLE "gpupv registry"
#define HIVE_VERSION "1"
#define HIVE_FIRST_LINE HIVE_TITLE " " HIVE_VERSION

#endif

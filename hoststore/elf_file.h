/* SPDX-License-Identifier: MIT */
/* What the store needs to know of a library: that it is one, and for which machine. Private to
 * hoststore. */
#ifndef GPUPV_HOSTSTORE_ELF_FILE_H
#define GPUPV_HOSTSTORE_ELF_FILE_H

#include <stdint.h>

#include "util/error.h"

struct elf_architecture {
    const char *name;    /* as in package names: "x86_64" */
    const char *triplet; /* of Debian's library folders: "x86_64-linux-gnu" */
    uint16_t machine;    /* e_machine */
    int bits;            /* 32 or 64 */
};

/* The known architectures; the last entry's name is NULL. */
extern const struct elf_architecture elf_architectures[];

/* By name, or NULL. */
const struct elf_architecture *elf_architecture_find(const char *name);
/* Of this program, or NULL when it cannot be told. */
const struct elf_architecture *elf_architecture_native(void);

/* -EINVAL for an open file that is no ELF shared object of a known architecture; `path` is for
 * messages. */
int elf_library_read(int fd, const char *path, const struct elf_architecture **architecture,
                     struct error *err);

#endif

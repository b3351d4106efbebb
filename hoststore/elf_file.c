/* SPDX-License-Identifier: MIT */
#include "hoststore/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

const struct elf_architecture elf_architectures[] = {
    {"x86_64", "x86_64-linux-gnu", EM_X86_64, 64},
    {"i386", "i386-linux-gnu", EM_386, 32},
    {"aarch64", "aarch64-linux-gnu", EM_AARCH64, 64},
    {"arm", "arm-linux-gnueabihf", EM_ARM, 32},
    {"riscv64", "riscv64-linux-gnu", EM_RISCV, 64},
    {"ppc64le", "powerpc64le-linux-gnu", EM_PPC64, 64},
    {"loongarch64", "loongarch64-linux-gnu", 258 /* EM_LOONGARCH */, 64},
    {NULL, NULL, 0, 0},
};

const struct elf_architecture *elf_architecture_find(const char *name)
{
    for (const struct elf_architecture *at = elf_architectures; at->name; at++) {
        if (!strcmp(at->name, name))
            return at;
    }
    return NULL;
}

/* The start of the header, which is the same for both sizes up to e_version. */
struct elf_start {
    uint8_t ident[EI_NIDENT];
    uint8_t type[2], machine[2], version[4];
};

static int read_start(int fd, struct elf_start *start, uint16_t *type, uint16_t *machine)
{
    uint8_t header[sizeof(Elf64_Ehdr)];
    ssize_t got = pread(fd, header, sizeof(header), 0);
    if (got < 0)
        return -errno;
    if ((size_t)got < sizeof(Elf32_Ehdr))
        return -EINVAL;
    memcpy(start, header, sizeof(*start));
    if (memcmp(start->ident, ELFMAG, SELFMAG) != 0 || start->ident[EI_VERSION] != EV_CURRENT)
        return -EINVAL;
    if (start->ident[EI_CLASS] == ELFCLASS64 && (size_t)got < sizeof(Elf64_Ehdr))
        return -EINVAL;
    bool big = start->ident[EI_DATA] == ELFDATA2MSB;
    *type = (uint16_t)(start->type[big ? 1 : 0] | start->type[big ? 0 : 1] << 8);
    *machine = (uint16_t)(start->machine[big ? 1 : 0] | start->machine[big ? 0 : 1] << 8);
    return 0;
}

static const struct elf_architecture *match(const struct elf_start *start, uint16_t machine)
{
    int bits = start->ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
    /* All of the table are little-endian. */
    if (start->ident[EI_DATA] != ELFDATA2LSB)
        return NULL;
    for (const struct elf_architecture *at = elf_architectures; at->name; at++) {
        if (at->machine == machine && at->bits == bits)
            return at;
    }
    return NULL;
}

const struct elf_architecture *elf_architecture_native(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct elf_start start;
    uint16_t type, machine;
    int result = read_start(fd, &start, &type, &machine);
    close(fd);
    return result ? NULL : match(&start, machine);
}

int elf_library_read(int fd, const char *path, const struct elf_architecture **architecture,
                     struct error *err)
{
    struct elf_start start;
    uint16_t type, machine;
    int result = read_start(fd, &start, &type, &machine);
    if (result == -EINVAL)
        return error_set(err, result, "%s is no ELF file, a driver library is needed", path);
    if (result)
        return error_set(err, result, "cannot read %s: %s", path, strerror(-result));
    if (type != ET_DYN)
        return error_set(err, -EINVAL, "%s is an ELF file, but no shared library", path);
    *architecture = match(&start, machine);
    if (!*architecture)
        return error_set(err, -EINVAL,
                         "%s is for a machine that is not known (ELF machine %u, class %u)", path,
                         machine, start.ident[EI_CLASS]);
    return 0;
}

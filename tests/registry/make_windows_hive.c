/* SPDX-License-Identifier: MIT */
#include "tests/registry/make_windows_hive.h"

#include <errno.h>
#include <fcntl.h>
#include <hivex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096

static void put32(uint8_t *at, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

static void put_ascii(uint8_t *at, const char *text)
{
    memcpy(at, text, strlen(text));
}

/* The smallest hive that can be extended: the head, and one block with a root key and a free cell.
 * Offsets as in the format's public descriptions. */
static void make_empty(uint8_t file[2 * BLOCK])
{
    uint8_t *head = file, *bin = file + BLOCK, *root = bin + 0x20;
    memset(file, 0, 2 * BLOCK);
    put_ascii(head, "regf");
    put32(head + 4, 1);
    put32(head + 8, 1);
    put32(head + 0x14, 1); /* version 1.3 */
    put32(head + 0x18, 3);
    put32(head + 0x20, 1);
    put32(head + 0x24, 0x20);  /* the root's cell, from the first block on */
    put32(head + 0x28, BLOCK); /* size of all blocks */
    put32(head + 0x2c, 1);

    put_ascii(bin, "hbin");
    put32(bin + 8, BLOCK);

    enum { CELL = 0x60, SECURITY = 0x40 };
    put32(root, (uint32_t)-CELL);
    put_ascii(root + 4, "nk");
    root[6] = 0x2c; /* root, not deletable, name in one byte a character */
    put32(root + 0x14, 0xffffffff);
    put32(root + 0x20, 0xffffffff); /* no subkeys, stable and volatile */
    put32(root + 0x24, 0xffffffff);
    put32(root + 0x2c, 0xffffffff); /* no values */
    put32(root + 0x30, 0x20 + CELL);
    put32(root + 0x34, 0xffffffff); /* no class */
    root[0x4c] = 4;
    put_ascii(root + 0x50, "ROOT");

    uint8_t *security = root + CELL;
    put32(security, (uint32_t)-SECURITY);
    put_ascii(security + 4, "sk");
    put32(security + 8, 0x20 + CELL);
    put32(security + 12, 0x20 + CELL);
    put32(security + 16, 1);
    put32(security + 20, 20);
    security[24] = 1;
    security[27] = 0x80;

    put32(security + SECURITY, BLOCK - 0x20 - CELL - SECURITY);

    uint32_t sum = 0;
    for (size_t i = 0; i < 0x1fc; i += 4)
        sum ^= head[i] | head[i + 1] << 8 | head[i + 2] << 16 | (uint32_t)head[i + 3] << 24;
    put32(head + 0x1fc, sum);
}

static int write_empty(const char *path)
{
    uint8_t file[2 * BLOCK];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    make_empty(file);
    ssize_t written = write(fd, file, sizeof(file));
    close(fd);
    return written == sizeof(file) ? 0 : -1;
}

struct value {
    const char *name;
    hive_type type;
    const char *text; /* of a string: one byte becomes one unit */
    const char *bytes;
    size_t size;
};

#define BYTES(literal) NULL, literal, sizeof(literal) - 1

static const struct value adapter[] = {
    {"DriverDesc", hive_t_REG_SZ, "Contoso Graphics 5000", NULL, 0},
    {"DriverVersion", hive_t_REG_SZ, "31.0.101.2115", NULL, 0},
    {"UserModeDriverName", hive_t_REG_MULTI_SZ, NULL,
     "C\0:\0\\\0u\0m\0d\0.\0d\0l\0l\0\0\0C\0:\0\\\0x\0\0\0\0\0", 34},
    {"InstalledDisplayDrivers", hive_t_REG_MULTI_SZ, NULL, "u\0m\0d\0\0\0\0\0", 10},
    {"ImagePath", hive_t_REG_EXPAND_SZ, "%SystemRoot%\\umd.dll", NULL, 0},
    {"FeatureLevel", hive_t_REG_DWORD, BYTES("\x2a\0\0\0")},
    {"HardwareInformation.qwMemorySize", hive_t_REG_QWORD, BYTES("\0\0\0\0\4\0\0\0")},
    {"HardwareInformation.ChipType", hive_t_REG_BINARY, BYTES("C\0h\0i\0p\0\0\0")},
    {"Odd", hive_t_REG_NONE, BYTES("\1")},
    {"Resources", hive_t_REG_RESOURCE_LIST, BYTES("\0\0\0\0")},
};

static const struct value copy_rules[] = {
    {"SoftGpuFiles", hive_t_REG_MULTI_SZ, NULL, "a\0.\0d\0l\0l\0\0\0b\0.\0d\0l\0l\0\0\0\0\0", 26},
};

static const struct value second_adapter[] = {
    {"DriverDesc", hive_t_REG_SZ, "Fabrikam Render", NULL, 0},
};

static const struct value selection[] = {
    {"Current", hive_t_REG_DWORD, BYTES("\1\0\0\0")},
    {"Default", hive_t_REG_DWORD, BYTES("\1\0\0\0")},
};

static int set_value(hive_h *hive, hive_node_h node, const struct value *value)
{
    size_t length = value->text ? strlen(value->text) + 1 : 0;
    char *wide = calloc(length ? length : 1, 2);
    if (!wide)
        return -1;
    for (size_t i = 0; i < length; i++)
        wide[2 * i] = value->text[i];
    hive_set_value set = {.key = (char *)value->name,
                          .t = value->type,
                          .len = value->text ? 2 * length : value->size,
                          .value = value->text ? wide : (char *)value->bytes};
    int result = hivex_node_set_value(hive, node, &set, 0);
    free(wide);
    return result;
}

static int set_values(hive_h *hive, hive_node_h node, const struct value *values, size_t count)
{
    int result = node ? 0 : -1;
    for (size_t i = 0; i < count && !result; i++)
        result = set_value(hive, node, &values[i]);
    return result;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static hive_node_h add_path(hive_h *hive, hive_node_h node, const char *const *names)
{
    for (; *names && node; names++)
        node = hivex_node_add_child(hive, node, *names);
    return node;
}

static int fill(hive_h *hive)
{
    static const char *const class_path[] = {"ControlSet001", "Control", "Class",
                                             "{4d36e968-e325-11ce-bfc1-08002be10318}", NULL};
    hive_node_h root = hivex_root(hive);
    hive_node_h class = root ? add_path(hive, root, class_path) : 0;
    if (!class)
        return -1;
    hive_node_h first = hivex_node_add_child(hive, class, "0000");
    hive_node_h second = hivex_node_add_child(hive, class, "0001");
    hive_node_h rules = first ? hivex_node_add_child(hive, first, "CopyToVmOverwrite") : 0;
    hive_node_h select = hivex_node_add_child(hive, root, "Select");
    if (set_values(hive, first, adapter, COUNT(adapter)) ||
        set_values(hive, rules, copy_rules, COUNT(copy_rules)) ||
        set_values(hive, second, second_adapter, COUNT(second_adapter)) ||
        set_values(hive, select, selection, COUNT(selection)))
        return -1;
    return hivex_commit(hive, NULL, 0);
}

int make_windows_hive(const char *path)
{
    if (write_empty(path) < 0)
        return -1;
    hive_h *hive = hivex_open(path, HIVEX_OPEN_WRITE);
    if (!hive)
        return -1;
    int result = fill(hive), code = errno;
    hivex_close(hive);
    errno = code;
    return result;
}

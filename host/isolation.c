/* SPDX-License-Identifier: MIT */
#include "host/isolation.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCI_BASE_CLASS_BRIDGE 0x06u

/* Bridges lie in the group of what is behind them, and are no GPU's peers. */
static bool is_bridge(const char *sysfs, const char *address)
{
    char path[4096];
    unsigned class_code = 0;
    snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/class", sysfs, address);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool read = fscanf(file, "%x", &class_code) == 1;
    fclose(file);
    return read && class_code >> 16 == PCI_BASE_CLASS_BRIDGE;
}

void isolation_read(const char *sysfs, struct host_device *device)
{
    char slot[32], path[4096];
    device->isolation = (struct host_isolation){0};
    if (!device->has_pci)
        return;
    /* All functions of a device share its slot: an audio function beside the GPU is no stranger. */
    int length = snprintf(slot, sizeof(slot), "%04x:%02x:%02x.", device->pci_domain,
                          device->pci_bus, device->pci_device);
    snprintf(path, sizeof(path), "%s/bus/pci/devices/%s%x/iommu_group/devices", sysfs, slot,
             device->pci_function);
    DIR *group = opendir(path);
    if (!group)
        return;
    device->isolation.unique_rid = device->isolation.acs_capable = true;
    for (const struct dirent *entry; (entry = readdir(group));) {
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, slot, (size_t)length) &&
            !is_bridge(sysfs, entry->d_name))
            device->isolation.acs_capable = false;
    }
    closedir(group);
}

/* SPDX-License-Identifier: MIT */
/*
 * What the kernel tells of a PCI device's isolation, as WDDM's GPU partition flags would:
 *   DXGK_VIRTUALIZED_UNIQUE_RID   the IOMMU knows the device's requests: it has an IOMMU group
 *   DXGK_VIRTUALIZED_ACS_CAPABLE  no other device can be reached past the IOMMU: its group holds no
 *                                 function of another device, bridges aside. The kernel makes
 *                                 groups by ACS, requester ids and the topology.
 */
#ifndef GPUPV_HOST_ISOLATION_H
#define GPUPV_HOST_ISOLATION_H

#include "host/device.h"

/* Fills device->isolation from a sysfs that is mounted at `sysfs`. A device on no PCI bus, or of
 * which nothing is known, is not isolated. */
void isolation_read(const char *sysfs, struct host_device *device);

#endif

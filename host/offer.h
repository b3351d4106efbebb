/* SPDX-License-Identifier: MIT */
/*
 * Which devices are offered when the configuration names none, and which adapters a VM may have.
 * Answers are NULL for "yes", else the reason as a text for a person, with what to do.
 */
#ifndef GPUPV_HOST_OFFER_H
#define GPUPV_HOST_OFFER_H

#include <stdbool.h>

#include "host/adapters.h"
#include "host/device.h"
#include "host/settings.h"

/* What WDDM calls ParavirtualizationSupported a Vulkan driver has when it speaks Vulkan 1.1 or
 * later: before, a device cannot be told from its twin (VkPhysicalDeviceIDProperties). The settings
 * force it, and they alone let a software renderer be offered. */
const char *offer_refusal(const struct host_device *device, const struct settings *settings);

/* For one VM. Software devices need no isolation: they do not reach memory by themselves. */
const char *assignment_refusal(const struct adapter *adapter, const struct settings *settings,
                               bool secure_vm);

#endif

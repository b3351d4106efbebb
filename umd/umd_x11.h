/* SPDX-License-Identifier: MIT */
/* Surfaces on X11: umd_x11.c; their swapchains: umd_x11_swapchain.c. */
#ifndef GPUPV_UMD_X11_H
#define GPUPV_UMD_X11_H

#include "umd/umd_wsi.h"
#include "umd/umd_xcb.h"

struct umd_x11_surface {
    struct umd_surface base;
    xcb_connection_t *connection;
    xcb_window_t window;
};

VkResult umd_x11_create_swapchain(struct umd_swapchain *swapchain);
void umd_x11_destroy_swapchain(struct umd_swapchain *swapchain);
VkResult umd_x11_present(struct umd_swapchain *swapchain, const struct umd_present *present);
VkResult umd_x11_dispatch(struct umd_swapchain *swapchain, bool expects, int timeout);
VkResult umd_x11_look(struct umd_swapchain *swapchain);

#endif

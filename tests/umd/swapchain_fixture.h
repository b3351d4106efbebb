/* SPDX-License-Identifier: MIT */
/* A device with two windows of fake_window.h, and short words for what programs do with them. */
#ifndef TESTS_UMD_SWAPCHAIN_FIXTURE_H
#define TESTS_UMD_SWAPCHAIN_FIXTURE_H

#include "fake_window.h"

#define IMAGES 3

struct fixture {
    struct umd_device device;
    struct umd_stream stream;
    struct fake_window window, other;
    VkDevice handle;
    VkQueue queue;
    VkSwapchainKHR swapchain; /* of `window`, if made */
};

/* Of cmocka. */
int set_up(void **state);
int tear_down(void **state);

/* Of `window`; make makes f->swapchain so. */
VkSwapchainCreateInfoKHR usual(struct fixture *f);
void make(struct fixture *f);

/* Wait for ever. The result must be the wanted one; VK_SUCCESS. */
uint32_t acquire_from(struct fixture *f, VkSwapchainKHR swapchain, VkResult wanted);
uint32_t acquire(struct fixture *f);

VkResult present_as(struct fixture *f, VkSwapchainKHR swapchain, uint32_t index, const void *next);
VkResult present(struct fixture *f, uint32_t index);
VkResult present_id(struct fixture *f, uint32_t index, uint64_t id);

/* Of f->swapchain. */
struct umd_swapchain *state_of(struct fixture *f);
/* The window no longer needs what it got as the `number`th. */
void release(struct fixture *f, uint32_t number);

/* Long enough for other threads to do something. */
void nap(void);

#endif

/* SPDX-License-Identifier: MIT */
#include "swapchain_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "umd_commands.h"

int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    fake_device_init(&f->device, &f->stream);
    fake_window_init(&f->window);
    fake_window_init(&f->other);
    f->handle = (VkDevice)&f->device;
    f->queue = (VkQueue)&f->device.queues[0];
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    umd_DestroySwapchainKHR(f->handle, f->swapchain, NULL);
    fake_window_finish(&f->window);
    fake_window_finish(&f->other);
    fake_device_finish(&f->device);
    free(f);
    return 0;
}

VkSwapchainCreateInfoKHR usual(struct fixture *f)
{
    return (VkSwapchainCreateInfoKHR){.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
                                      .surface = fake_surface(&f->window),
                                      .minImageCount = IMAGES,
                                      .imageFormat = VK_FORMAT_B8G8R8A8_UNORM,
                                      .imageExtent = {64, 48},
                                      .imageArrayLayers = 1,
                                      .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                                      .presentMode = VK_PRESENT_MODE_FIFO_KHR};
}

void make(struct fixture *f)
{
    const VkSwapchainCreateInfoKHR info = usual(f);
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &f->swapchain), VK_SUCCESS);
}

uint32_t acquire_from(struct fixture *f, VkSwapchainKHR swapchain, VkResult wanted)
{
    uint32_t index = UINT32_MAX;
    VkResult result = umd_AcquireNextImageKHR(f->handle, swapchain, UINT64_MAX, VK_NULL_HANDLE,
                                              VK_NULL_HANDLE, &index);
    assert_int_equal(result, wanted);
    return index;
}

uint32_t acquire(struct fixture *f)
{
    return acquire_from(f, f->swapchain, VK_SUCCESS);
}

VkResult present_as(struct fixture *f, VkSwapchainKHR swapchain, uint32_t index, const void *next)
{
    const VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                   .pNext = next,
                                   .swapchainCount = 1,
                                   .pSwapchains = &swapchain,
                                   .pImageIndices = &index};
    return umd_QueuePresentKHR(f->queue, &info);
}

VkResult present(struct fixture *f, uint32_t index)
{
    return present_as(f, f->swapchain, index, NULL);
}

VkResult present_id(struct fixture *f, uint32_t index, uint64_t id)
{
    const VkPresentIdKHR ids = {
        .sType = VK_STRUCTURE_TYPE_PRESENT_ID_KHR, .swapchainCount = 1, .pPresentIds = &id};
    return present_as(f, f->swapchain, index, &ids);
}

struct umd_swapchain *state_of(struct fixture *f)
{
    return umd_object(&f->device, UMD_ID(f->swapchain));
}

void release(struct fixture *f, uint32_t number)
{
    struct umd_swapchain *swapchain = state_of(f);
    pthread_mutex_lock(&f->window.lock);
    uint32_t index = f->window.shown[number].index;
    uint64_t id = f->window.shown[number].present_id;
    pthread_mutex_unlock(&f->window.lock);
    umd_swapchain_shown(swapchain, id);
    umd_swapchain_idle(swapchain, &swapchain->images[index]);
}

void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
}

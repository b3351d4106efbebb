/* SPDX-License-Identifier: MIT */
/* Swapchains, their images and their end, on a window system of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "swapchain_fixture.h"
#include "umd/umd_sync.h"
#include "umd_commands.h"
#include "vkwire.h"

static VkResult try_acquire(struct fixture *f, uint64_t timeout)
{
    uint32_t index;
    return umd_AcquireNextImageKHR(f->handle, f->swapchain, timeout, VK_NULL_HANDLE, VK_NULL_HANDLE,
                                   &index);
}

/* --- Creation --- */

static void refuse(struct fixture *f, VkSwapchainCreateInfoKHR info, VkResult wanted)
{
    VkSwapchainKHR swapchain;
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &swapchain), wanted);
}

static void what_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    VkSwapchainCreateInfoKHR info = usual(f);
    info.imageExtent.height = 0;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    info = usual(f);
    info.minImageCount = UMD_MAX_SWAPCHAIN_IMAGES + 1;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    info = usual(f);
    info.presentMode = VK_PRESENT_MODE_IMMEDIATE_KHR;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    info.presentMode = (VkPresentModeKHR)1000111000;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    info = usual(f);
    info.imageArrayLayers = 2;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    info = usual(f);
    info.imageFormat = VK_FORMAT_R8G8B8A8_UNORM;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    info = usual(f);
    info.flags = VK_SWAPCHAIN_CREATE_PROTECTED_BIT_KHR;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    fake_old_shim = true;
    refuse(f, usual(f), VK_ERROR_INITIALIZATION_FAILED);
    assert_int_equal(f->window.creates, 0);
}

static void every_step_of_creation_may_fail(void **state)
{
    struct fixture *f = *state;
    f->window.limits_result = VK_ERROR_SURFACE_LOST_KHR;
    refuse(f, usual(f), VK_ERROR_SURFACE_LOST_KHR);
    f->window.limits_result = VK_SUCCESS;
    fake_images_result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    refuse(f, usual(f), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    fake_images_result = VK_ERROR_FORMAT_NOT_SUPPORTED;
    refuse(f, usual(f), VK_ERROR_INITIALIZATION_FAILED);
    fake_images_result = VK_SUCCESS;
    f->window.create_result = VK_ERROR_OUT_OF_HOST_MEMORY;
    refuse(f, usual(f), VK_ERROR_OUT_OF_HOST_MEMORY);
    f->window.create_result = VK_SUCCESS;
    fake_no_threads = true;
    refuse(f, usual(f), VK_ERROR_OUT_OF_HOST_MEMORY);
    fake_no_threads = false;
    make(f); /* the window is free all the same */
}

static void a_window_has_one_swapchain(void **state)
{
    struct fixture *f = *state;
    make(f);
    refuse(f, usual(f), VK_ERROR_NATIVE_WINDOW_IN_USE_KHR);
    /* One of another window does not help. */
    VkSwapchainKHR other;
    VkSwapchainCreateInfoKHR info = usual(f);
    info.surface = fake_surface(&f->other);
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &other), VK_SUCCESS);
    info = usual(f);
    info.oldSwapchain = other;
    refuse(f, info, VK_ERROR_NATIVE_WINDOW_IN_USE_KHR);
    umd_DestroySwapchainKHR(f->handle, other, NULL);
    umd_DestroySwapchainKHR(f->handle, f->swapchain, NULL);
    make(f);
}

static void failing_retires_all_the_same(void **state)
{
    struct fixture *f = *state;
    make(f);
    VkSwapchainCreateInfoKHR info = usual(f);
    info.oldSwapchain = f->swapchain;
    info.imageExtent.width = 0;
    refuse(f, info, VK_ERROR_INITIALIZATION_FAILED);
    acquire_from(f, f->swapchain, VK_ERROR_OUT_OF_DATE_KHR);
    VkSwapchainKHR next;
    info = usual(f);
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &next), VK_SUCCESS);
    umd_DestroySwapchainKHR(f->handle, f->swapchain, NULL);
    f->swapchain = next;
    assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
}

static void *VKAPI_CALL counted_alloc(void *data, size_t size, size_t alignment,
                                      VkSystemAllocationScope scope)
{
    (void)alignment, (void)scope;
    ++*(int *)data;
    return malloc(size);
}

static void VKAPI_CALL counted_free(void *data, void *memory)
{
    if (memory)
        --*(int *)data;
    free(memory);
}

static void the_programs_allocator(void **state)
{
    struct fixture *f = *state;
    int count = 0;
    const VkAllocationCallbacks allocator = {
        .pUserData = &count, .pfnAllocation = counted_alloc, .pfnFree = counted_free};
    const VkSwapchainCreateInfoKHR info = usual(f);
    VkSwapchainKHR swapchain;
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, &allocator, &swapchain), VK_SUCCESS);
    assert_int_equal(count, 1);
    umd_DestroySwapchainKHR(f->handle, swapchain, &allocator);
    assert_int_equal(count, 0);
}

static void images_are_listed(void **state)
{
    struct fixture *f = *state;
    VkImage images[IMAGES + 1];
    uint32_t count = 0;
    make(f);
    assert_int_equal(umd_GetSwapchainImagesKHR(f->handle, f->swapchain, &count, NULL), VK_SUCCESS);
    assert_int_equal(count, IMAGES);
    count = 2;
    assert_int_equal(umd_GetSwapchainImagesKHR(f->handle, f->swapchain, &count, images),
                     VK_INCOMPLETE);
    assert_int_equal(count, 2);
    count = IMAGES + 1;
    assert_int_equal(umd_GetSwapchainImagesKHR(f->handle, f->swapchain, &count, images),
                     VK_SUCCESS);
    assert_int_equal(count, IMAGES);
    assert_int_equal(UMD_ID(images[2]), 102);
}

/* --- Acquiring --- */

static void images_come_in_turn(void **state)
{
    struct fixture *f = *state;
    make(f);
    for (uint32_t i = 0; i < 7; i++) {
        uint32_t index = acquire(f);
        assert_int_equal(index, i % IMAGES);
        assert_int_equal(present(f, index), VK_SUCCESS);
        fake_await_shown(&f->window, i + 1);
    }
}

static void no_image_is_idle(void **state)
{
    struct fixture *f = *state;
    make(f);
    for (uint32_t i = 0; i < IMAGES; i++)
        assert_int_equal(acquire(f), i);
    assert_int_equal(try_acquire(f, 0), VK_NOT_READY);
    assert_int_equal(try_acquire(f, 1), VK_TIMEOUT);
    assert_int_equal(try_acquire(f, 3000000), VK_TIMEOUT);
    assert_int_equal(try_acquire(f, 120000000), VK_TIMEOUT); /* longer than one sleep */
}

struct waiter {
    struct fixture *f;
    uint64_t timeout;
    VkResult result;
    atomic_bool done;
};

static void *wait_for_image(void *data)
{
    struct waiter *waiter = data;
    waiter->result = try_acquire(waiter->f, waiter->timeout);
    waiter->done = true;
    return NULL;
}

/* All images are the window's; the thread waits for one. */
static pthread_t start_waiting(struct fixture *f, struct waiter *waiter)
{
    pthread_t thread;
    f->window.idles = false;
    make(f);
    for (uint32_t i = 0; i < IMAGES; i++)
        assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, IMAGES);
    *waiter = (struct waiter){.f = f, .timeout = UINT64_MAX};
    assert_int_equal(pthread_create(&thread, NULL, wait_for_image, waiter), 0);
    nap();
    assert_false(waiter->done);
    return thread;
}

static void an_idle_image_wakes(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter;
    pthread_t thread = start_waiting(f, &waiter);
    release(f, 1);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.result, VK_SUCCESS);
    assert_int_equal(try_acquire(f, 0), VK_NOT_READY);
}

static void a_lost_window_wakes(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter;
    pthread_t thread = start_waiting(f, &waiter);
    f->window.dispatch_result = VK_ERROR_SURFACE_LOST_KHR;
    fake_poke(&f->device, f->swapchain);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.result, VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(try_acquire(f, 0), VK_ERROR_SURFACE_LOST_KHR);
}

static void a_lost_device_wakes(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter;
    pthread_t thread = start_waiting(f, &waiter);
    fake_lose(&f->stream);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.result, VK_ERROR_DEVICE_LOST);
}

static void semaphore_and_fence(void **state)
{
    struct fixture *f = *state;
    struct umd_fence fence = {UMD_POINT_NEVER};
    uint64_t id = umd_id_create(&f->device.ids, VKWIRE_OBJECT_FENCE, &fence);
    VkSemaphore semaphore = UMD_HANDLE(VkSemaphore, STREAM_ID(9, 1, VKWIRE_OBJECT_SEMAPHORE));
    uint32_t index, sent;
    make(f);
    sent = f->stream.sent;
    assert_int_equal(umd_AcquireNextImageKHR(f->handle, f->swapchain, 0, VK_NULL_HANDLE,
                                             UMD_HANDLE(VkFence, id), &index),
                     VK_SUCCESS);
    assert_int_equal(f->stream.sent, sent); /* nobody need know */
    assert_int_equal(fence.point, UMD_POINT_REACHED);
    const VkAcquireNextImageInfoKHR info = {.sType = VK_STRUCTURE_TYPE_ACQUIRE_NEXT_IMAGE_INFO_KHR,
                                            .swapchain = f->swapchain,
                                            .semaphore = semaphore,
                                            .deviceMask = 1};
    assert_int_equal(umd_AcquireNextImage2KHR(f->handle, &info, &index), VK_SUCCESS);
    assert_int_equal(f->stream.sent, sent + 1);
    assert_int_equal(index, 1);
    /* Without a place in the stream there is no image. */
    f->stream.encoder.failed = true;
    assert_int_equal(umd_AcquireNextImage2KHR(f->handle, &info, &index),
                     VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(umd_AcquireNextImage2KHR(f->handle, &info, &index), VK_SUCCESS);
    assert_int_equal(index, 2);
}

/* --- Retired swapchains, and their end --- */

static void a_retired_swapchain_presents_what_it_gave(void **state)
{
    struct fixture *f = *state;
    VkSwapchainKHR next;
    f->window.throttles = true;
    make(f);
    uint32_t first = acquire(f), second = acquire(f);
    assert_int_equal(present(f, first), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    VkSwapchainCreateInfoKHR info = usual(f);
    info.oldSwapchain = f->swapchain;
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &next), VK_SUCCESS);
    acquire_from(f, f->swapchain, VK_ERROR_OUT_OF_DATE_KHR);
    assert_int_equal(try_acquire(f, 0), VK_ERROR_OUT_OF_DATE_KHR);
    assert_int_equal(present_id(f, second, 7), VK_SUCCESS);
    umd_swapchain_unthrottle(state_of(f));
    fake_await_shown(&f->window, 2);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 7, UINT64_MAX), VK_SUCCESS);
    umd_DestroySwapchainKHR(f->handle, f->swapchain, NULL);
    f->swapchain = next;
    f->window.throttles = false;
    assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, 3);
}

static void retiring_wakes(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter;
    pthread_t thread = start_waiting(f, &waiter);
    VkSwapchainKHR next;
    VkSwapchainCreateInfoKHR info = usual(f);
    info.oldSwapchain = f->swapchain;
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &next), VK_SUCCESS);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.result, VK_ERROR_OUT_OF_DATE_KHR);
    umd_DestroySwapchainKHR(f->handle, next, NULL);
}

/* What is queued is presented; a window that keeps an image is not waited for for ever. */
static void the_end_of_a_busy_swapchain(void **state)
{
    struct fixture *f = *state;
    f->window.throttles = true;
    f->window.idles = false;
    make(f);
    for (uint32_t i = 0; i < IMAGES; i++)
        assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    umd_DestroySwapchainKHR(f->handle, f->swapchain, NULL);
    f->swapchain = VK_NULL_HANDLE;
    assert_int_equal(f->window.count, IMAGES);
    assert_int_equal(f->window.destroys, 1);
}

static void *finish_later(void *data)
{
    struct fixture *f = data;
    nap();
    assert_int_equal(f->window.destroys, 0);
    fake_complete(&f->stream, 0, 1);
    return NULL;
}

/* An image whose presentation was refused may still be copied. */
static void the_end_waits_for_the_host(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    make(f);
    uint32_t index = acquire(f);
    atomic_fetch_add(&f->device.queues[0].submitted, 1);
    f->window.look_result = VK_ERROR_OUT_OF_DATE_KHR;
    assert_int_equal(present(f, index), VK_ERROR_OUT_OF_DATE_KHR);
    assert_int_equal(pthread_create(&thread, NULL, finish_later, f), 0);
    umd_DestroySwapchainKHR(f->handle, f->swapchain, NULL);
    f->swapchain = VK_NULL_HANDLE;
    assert_true(umd_point_reached(&f->stream, umd_point_make(0, 1)));
    pthread_join(thread, NULL);
}

/* vkDestroyDevice comes first, against the rules: no thread is left that looks at the device. */
static void the_device_goes_first(void **state)
{
    struct fixture *f = *state;
    VkSwapchainCreateInfoKHR info = usual(f);
    VkSwapchainKHR other;
    f->window.throttles = true;
    f->window.idles = false;
    make(f);
    info.surface = fake_surface(&f->other);
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &other), VK_SUCCESS);
    for (uint32_t i = 0; i < IMAGES; i++)
        assert_int_equal(present_id(f, acquire(f), 1 + i), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    umd_swapchains_abandon(&f->device);
    assert_null(state_of(f)->thread);
    assert_int_equal(f->window.count, 1);
    umd_DestroySwapchainKHR(f->handle, other, NULL); /* for the sake of this test's memory */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_be_made),
        TEST(every_step_of_creation_may_fail),
        TEST(a_window_has_one_swapchain),
        TEST(failing_retires_all_the_same),
        TEST(the_programs_allocator),
        TEST(images_are_listed),
        TEST(images_come_in_turn),
        TEST(no_image_is_idle),
        TEST(an_idle_image_wakes),
        TEST(a_lost_window_wakes),
        TEST(a_lost_device_wakes),
        TEST(semaphore_and_fence),
        TEST(a_retired_swapchain_presents_what_it_gave),
        TEST(retiring_wakes),
        TEST(the_end_of_a_busy_swapchain),
        TEST(the_end_waits_for_the_host),
        TEST(the_device_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

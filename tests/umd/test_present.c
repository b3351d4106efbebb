/* SPDX-License-Identifier: MIT */
/* Presenting, and what the window says of it, on a window system of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "swapchain_fixture.h"
#include "umd_commands.h"
#include "vkwire.h"

static VkResult status_of(struct fixture *f, VkSwapchainKHR handle)
{
    struct umd_swapchain *swapchain = umd_object(&f->device, UMD_ID(handle));
    pthread_mutex_lock(&swapchain->lock);
    VkResult status = swapchain->status;
    pthread_mutex_unlock(&swapchain->lock);
    return status;
}

static enum umd_image_state image_state(struct fixture *f, uint32_t index)
{
    struct umd_swapchain *swapchain = state_of(f);
    pthread_mutex_lock(&swapchain->lock);
    enum umd_image_state state = swapchain->images[index].state;
    pthread_mutex_unlock(&swapchain->lock);
    return state;
}

/* --- Presenting --- */

/* Needs a submission, which waits for it. */
static VkResult present_behind_a_semaphore(struct fixture *f, uint32_t index)
{
    VkSemaphore semaphore = UMD_HANDLE(VkSemaphore, STREAM_ID(9, 1, VKWIRE_OBJECT_SEMAPHORE));
    const VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                   .waitSemaphoreCount = 1,
                                   .pWaitSemaphores = &semaphore,
                                   .swapchainCount = 1,
                                   .pSwapchains = &f->swapchain,
                                   .pImageIndices = &index};
    return umd_QueuePresentKHR(f->queue, &info);
}

static void the_window_waits_for_the_host(void **state)
{
    struct fixture *f = *state;
    make(f);
    uint32_t index = acquire(f);
    assert_int_equal(present_behind_a_semaphore(f, index), VK_SUCCESS);
    fake_await_sleepers(&f->stream, 1);
    assert_int_equal(f->window.count, 0);
    fake_complete(&f->stream, 0, 1);
    fake_await_shown(&f->window, 1);
    assert_int_equal(f->window.shown[0].index, index);
}

static void presentations_wait_for_the_screen(void **state)
{
    struct fixture *f = *state;
    f->window.throttles = true;
    make(f);
    for (uint32_t i = 0; i < IMAGES; i++)
        assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    nap();
    pthread_mutex_lock(&f->window.lock);
    assert_int_equal(f->window.count, 1);
    pthread_mutex_unlock(&f->window.lock);
    umd_swapchain_unthrottle(state_of(f));
    fake_await_shown(&f->window, 2);
    umd_swapchain_unthrottle(state_of(f));
    fake_await_shown(&f->window, 3);
    for (uint32_t i = 0; i < IMAGES; i++)
        assert_int_equal(f->window.shown[i].index, i);
}

static void what_has_changed(void **state)
{
    struct fixture *f = *state;
    static VkRectLayerKHR rects[2000];
    make(f);
    const uint32_t counts[] = {0, 3, 2000};
    for (uint32_t i = 0; i < 3; i++) {
        const VkPresentRegionKHR region = {counts[i], rects};
        const VkPresentRegionsKHR regions = {.sType = VK_STRUCTURE_TYPE_PRESENT_REGIONS_KHR,
                                             .swapchainCount = 1,
                                             .pRegions = &region};
        assert_int_equal(present_as(f, f->swapchain, acquire(f), &regions), VK_SUCCESS);
        fake_await_shown(&f->window, i + 1);
    }
    assert_int_equal(f->window.shown[0].rect_count, 0);
    assert_int_equal(f->window.shown[1].rect_count, 3);
    assert_int_equal(f->window.shown[2].rect_count, 0); /* too many: all of it */
}

static void several_windows_at_once(void **state)
{
    struct fixture *f = *state;
    VkSwapchainKHR swapchains[2];
    VkSwapchainCreateInfoKHR info = usual(f);
    make(f);
    swapchains[0] = f->swapchain;
    info.surface = fake_surface(&f->other);
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &swapchains[1]), VK_SUCCESS);
    uint32_t indices[2] = {acquire(f), acquire_from(f, swapchains[1], VK_SUCCESS)};
    VkResult results[2];
    const VkPresentInfoKHR both = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                   .swapchainCount = 2,
                                   .pSwapchains = swapchains,
                                   .pImageIndices = indices,
                                   .pResults = results};
    f->window.look_result = VK_SUBOPTIMAL_KHR;
    f->other.look_result = VK_ERROR_SURFACE_LOST_KHR;
    assert_int_equal(umd_QueuePresentKHR(f->queue, &both), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(results[0], VK_SUBOPTIMAL_KHR);
    assert_int_equal(results[1], VK_ERROR_SURFACE_LOST_KHR);
    fake_await_shown(&f->window, 1);
    assert_int_equal(f->other.count, 0);
    umd_DestroySwapchainKHR(f->handle, swapchains[1], NULL);
}

static void a_submission_that_fails(void **state)
{
    struct fixture *f = *state;
    make(f);
    uint32_t index = acquire(f);
    fake_submit_result = VK_ERROR_OUT_OF_HOST_MEMORY;
    assert_int_equal(present_behind_a_semaphore(f, index), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(image_state(f, index), UMD_IMAGE_IDLE);
    nap();
    assert_int_equal(f->window.count, 0);
}

/* Against the rules: nothing comes of it. */
static void images_that_are_not_acquired(void **state)
{
    struct fixture *f = *state;
    make(f);
    present(f, 1);
    present(f, IMAGES);
    assert_int_equal(present_as(f, VK_NULL_HANDLE, 0, NULL), VK_ERROR_OUT_OF_DATE_KHR);
    assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    assert_int_equal(f->window.count, 1);
}

/* --- Window systems that present in the call --- */

static void the_call_presents(void **state)
{
    struct fixture *f = *state;
    f->window.base.system = &fake_windows_in_call;
    make(f);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
        assert_int_equal(f->window.count, i + 1);
    }
    f->window.present_result = VK_SUBOPTIMAL_KHR;
    assert_int_equal(present(f, acquire(f)), VK_SUBOPTIMAL_KHR);
    uint32_t next = acquire_from(f, f->swapchain, VK_SUBOPTIMAL_KHR);
    f->window.present_result = VK_ERROR_SURFACE_LOST_KHR;
    assert_int_equal(present(f, next), VK_ERROR_SURFACE_LOST_KHR);
    acquire_from(f, f->swapchain, VK_ERROR_SURFACE_LOST_KHR);
}

static void *unthrottle_later(void *data)
{
    struct fixture *f = data;
    nap();
    assert_int_equal(f->window.count, 1);
    umd_swapchain_unthrottle(state_of(f));
    return NULL;
}

static void the_call_waits_for_its_turn(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    f->window.base.system = &fake_windows_in_call;
    f->window.throttles = true;
    make(f);
    uint32_t index[2] = {acquire(f), acquire(f)};
    assert_int_equal(present(f, index[0]), VK_SUCCESS);
    assert_int_equal(pthread_create(&thread, NULL, unthrottle_later, f), 0);
    assert_int_equal(present(f, index[1]), VK_SUCCESS);
    pthread_join(thread, NULL);
    assert_int_equal(f->window.count, 2);
    /* A window that nobody sees never says that it is its turn. */
    assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    assert_int_equal(f->window.count, 3);
}

/* --- What the window says --- */

static void a_suboptimal_window_goes_on(void **state)
{
    struct fixture *f = *state;
    make(f);
    f->window.look_result = VK_SUBOPTIMAL_KHR;
    uint32_t index = acquire_from(f, f->swapchain, VK_SUBOPTIMAL_KHR);
    f->window.look_result = VK_SUCCESS;
    assert_int_equal(present(f, index), VK_SUBOPTIMAL_KHR);
    fake_await_shown(&f->window, 1);
    f->window.look_result = VK_ERROR_OUT_OF_DATE_KHR;
    acquire_from(f, f->swapchain, VK_ERROR_OUT_OF_DATE_KHR);
    f->window.look_result = VK_SUBOPTIMAL_KHR; /* it does not get better */
    acquire_from(f, f->swapchain, VK_ERROR_OUT_OF_DATE_KHR);
}

/* The thread leaves a window that is lost alone. */
static void nobody_asks_a_lost_window(void **state)
{
    struct fixture *f = *state;
    f->window.idles = false;
    f->window.throttles = true;
    make(f);
    uint32_t index[IMAGES];
    for (uint32_t i = 0; i < IMAGES; i++)
        index[i] = acquire(f);
    assert_int_equal(present(f, index[0]), VK_SUCCESS);
    assert_int_equal(present(f, index[1]), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    f->window.dispatch_result = VK_ERROR_SURFACE_LOST_KHR;
    acquire_from(f, f->swapchain, VK_ERROR_SURFACE_LOST_KHR);
    uint32_t before = f->window.dispatches;
    for (uint32_t i = 0; i < 5; i++) {
        fake_poke(&f->device, f->swapchain);
        nap();
    }
    assert_int_equal(f->window.dispatches, before);
    assert_int_equal(present(f, index[2]), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(f->window.count, 1);
}

static void the_same_when_it_is_retired(void **state)
{
    struct fixture *f = *state;
    VkSwapchainKHR next;
    f->window.idles = false;
    make(f);
    assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    VkSwapchainCreateInfoKHR info = usual(f);
    info.oldSwapchain = f->swapchain;
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &next), VK_SUCCESS);
    f->window.dispatch_result = VK_ERROR_SURFACE_LOST_KHR;
    fake_poke(&f->device, f->swapchain);
    fake_poke(&f->device, next);
    while (!status_of(f, f->swapchain) || !status_of(f, next))
        nap();
    nap();
    uint32_t before = f->window.dispatches;
    fake_poke(&f->device, f->swapchain);
    nap();
    nap();
    assert_int_equal(f->window.dispatches, before);
    umd_DestroySwapchainKHR(f->handle, next, NULL);
}

static void a_presentation_that_fails(void **state)
{
    struct fixture *f = *state;
    f->window.present_result = VK_ERROR_OUT_OF_DATE_KHR;
    make(f);
    uint32_t first = acquire(f), second = acquire(f);
    assert_int_equal(present_id(f, first, 1), VK_SUCCESS);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 1, UINT64_MAX),
                     VK_ERROR_OUT_OF_DATE_KHR);
    assert_int_equal(present_id(f, second, 2), VK_ERROR_OUT_OF_DATE_KHR);
    acquire_from(f, f->swapchain, VK_ERROR_OUT_OF_DATE_KHR);
}

static void a_device_that_is_lost_meanwhile(void **state)
{
    struct fixture *f = *state;
    make(f);
    uint32_t first = acquire(f), second = acquire(f);
    atomic_fetch_add(&f->device.queues[0].submitted, 1); /* and never done */
    assert_int_equal(present_id(f, first, 1), VK_SUCCESS);
    fake_await_sleepers(&f->stream, 1);
    fake_lose(&f->stream);
    assert_int_equal(present(f, second), VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 1, UINT64_MAX),
                     VK_ERROR_DEVICE_LOST);
    acquire_from(f, f->swapchain, VK_ERROR_DEVICE_LOST);
    assert_int_equal(f->window.count, 0);
}

static void images_are_idle_once(void **state)
{
    struct fixture *f = *state;
    f->window.idles = false;
    f->window.throttles = true;
    make(f);
    struct umd_swapchain *swapchain = state_of(f);
    assert_int_equal(present(f, acquire(f)), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    release(f, 0);
    release(f, 0);
    assert_int_equal(swapchain->shown, 0);
    /* The window system is late: the image is queued again. */
    swapchain->images[1].order = swapchain->images[2].order = 100;
    assert_int_equal(acquire(f), 0);
    release(f, 0);
    assert_int_equal(image_state(f, 0), UMD_IMAGE_ACQUIRED);
    assert_int_equal(present(f, 0), VK_SUCCESS);
    release(f, 0);
    pthread_mutex_lock(&swapchain->lock);
    assert_int_equal(swapchain->images[0].state, UMD_IMAGE_QUEUED);
    assert_int_equal(swapchain->shown, 0);
    pthread_mutex_unlock(&swapchain->lock);
    umd_swapchain_unthrottle(swapchain);
    fake_await_shown(&f->window, 2);
    release(f, 1);
}

/* --- VK_KHR_present_wait --- */

static void presentations_are_waited_for(void **state)
{
    struct fixture *f = *state;
    f->window.idles = false;
    make(f);
    assert_int_equal(present_id(f, acquire(f), 5), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 5, 0), VK_TIMEOUT);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 5, 2000000), VK_TIMEOUT);
    release(f, 0);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 5, 0), VK_SUCCESS);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 4, UINT64_MAX), VK_SUCCESS);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 6, 0), VK_TIMEOUT);
    /* A later one stands for those before, also when it ends badly. */
    assert_int_equal(present_id(f, acquire(f), 7), VK_SUCCESS);
    fake_await_shown(&f->window, 2);
    release(f, 1);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 6, UINT64_MAX), VK_SUCCESS);
    f->window.look_result = VK_ERROR_SURFACE_LOST_KHR;
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 7, 0), VK_SUCCESS);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 8, UINT64_MAX),
                     VK_ERROR_SURFACE_LOST_KHR);
}

/* The image is idle before the window says that it was shown: that is still to be heard. */
static void the_thread_listens_until_all_is_shown(void **state)
{
    struct fixture *f = *state;
    f->window.never_shows = true;
    make(f);
    assert_int_equal(present_id(f, acquire(f), 1), VK_SUCCESS);
    fake_await_shown(&f->window, 1);
    while (image_state(f, 0) != UMD_IMAGE_IDLE)
        nap();
    fake_poke(&f->device, f->swapchain);
    nap();
    uint32_t before = f->window.expecting;
    fake_poke(&f->device, f->swapchain);
    for (int tries = 0; tries < 1000 && f->window.expecting == before; tries++)
        nap();
    assert_true(f->window.expecting > before);
    umd_swapchain_shown(state_of(f), 1);
    assert_int_equal(umd_WaitForPresentKHR(f->handle, f->swapchain, 1, UINT64_MAX), VK_SUCCESS);
}

/* --- All at once --- */

struct presenter {
    struct fixture *f;
    VkSwapchainKHR swapchain;
    VkQueue queue;
};

static void *present_many(void *data)
{
    const struct presenter *p = data;
    for (uint64_t id = 1; id <= 1500; id++) {
        uint32_t index = acquire_from(p->f, p->swapchain, VK_SUCCESS);
        const VkPresentIdKHR ids = {
            .sType = VK_STRUCTURE_TYPE_PRESENT_ID_KHR, .swapchainCount = 1, .pPresentIds = &id};
        const VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                       .pNext = &ids,
                                       .swapchainCount = 1,
                                       .pSwapchains = &p->swapchain,
                                       .pImageIndices = &index};
        assert_int_equal(umd_QueuePresentKHR(p->queue, &info), VK_SUCCESS);
        if (id % 100 == 0)
            assert_int_equal(umd_WaitForPresentKHR(p->f->handle, p->swapchain, id, UINT64_MAX),
                             VK_SUCCESS);
    }
    return NULL;
}

static void two_threads_present(void **state)
{
    struct fixture *f = *state;
    struct presenter presenters[2];
    pthread_t threads[2];
    VkSwapchainCreateInfoKHR info = usual(f);
    make(f);
    info.surface = fake_surface(&f->other);
    presenters[0] = (struct presenter){f, f->swapchain, (VkQueue)&f->device.queues[0]};
    presenters[1] = (struct presenter){f, VK_NULL_HANDLE, (VkQueue)&f->device.queues[1]};
    assert_int_equal(umd_CreateSwapchainKHR(f->handle, &info, NULL, &presenters[1].swapchain),
                     VK_SUCCESS);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, present_many, &presenters[i]), 0);
    for (uint32_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(f->window.count, 1500);
    for (uint32_t i = 1; i < 1500; i++)
        assert_true(f->window.shown[i].serial > f->window.shown[i - 1].serial);
    umd_DestroySwapchainKHR(f->handle, presenters[1].swapchain, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_window_waits_for_the_host),
        TEST(presentations_wait_for_the_screen),
        TEST(what_has_changed),
        TEST(several_windows_at_once),
        TEST(a_submission_that_fails),
        TEST(images_that_are_not_acquired),
        TEST(the_call_presents),
        TEST(the_call_waits_for_its_turn),
        TEST(a_suboptimal_window_goes_on),
        TEST(nobody_asks_a_lost_window),
        TEST(the_same_when_it_is_retired),
        TEST(a_presentation_that_fails),
        TEST(a_device_that_is_lost_meanwhile),
        TEST(images_are_idle_once),
        TEST(presentations_are_waited_for),
        TEST(the_thread_listens_until_all_is_shown),
        TEST(two_threads_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* VkSwapchainKHR: made, asked for images, destroyed. Presenting is in umd_present.c. See umd_wsi.h.
 */
#include "umd/umd_wsi.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "umd/umd_adapter.h"
#include "umd/umd_sync.h"
#include "umd_commands.h"
#include "vkwire.h"

#define SLICE_NS 100000000u /* the longest sleep before another look */

/* --- Sleeping --- */

void umd_word_wait(const uint32_t *word, uint32_t seen, uint64_t timeout)
{
    umd_callbacks()->Wait(word, seen, timeout);
}

void umd_word_changed(uint32_t *word)
{
    __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
    umd_callbacks()->Wake(word);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Waits for a change since `seen`, or a while: what else there is to be seen is looked at then.
 * False: `deadline` (UINT64_MAX: none) has passed. */
bool umd_swapchain_await(struct umd_swapchain *swapchain, uint32_t seen, uint64_t deadline)
{
    uint64_t left = SLICE_NS;
    if (deadline != UINT64_MAX) {
        uint64_t now = now_ns();
        if (now >= deadline)
            return false;
        if (deadline - now < left)
            left = deadline - now;
    }
    umd_word_wait(&swapchain->changes, seen, left);
    return true;
}

uint64_t umd_swapchain_deadline(uint64_t timeout)
{
    uint64_t now = now_ns();
    return timeout > UINT64_MAX - now ? UINT64_MAX : now + timeout;
}

/* --- State, for the window system and the thread --- */

static bool is_error(VkResult result)
{
    return result < 0;
}

static void note_locked(struct umd_swapchain *swapchain, VkResult result)
{
    if (is_error(swapchain->status) || result == VK_SUCCESS)
        return;
    if (is_error(result) || swapchain->status == VK_SUCCESS)
        swapchain->status = result;
}

void umd_swapchain_note(struct umd_swapchain *swapchain, VkResult result)
{
    pthread_mutex_lock(&swapchain->lock);
    note_locked(swapchain, result);
    pthread_mutex_unlock(&swapchain->lock);
    if (result)
        umd_word_changed(&swapchain->changes);
}

void umd_swapchain_shown(struct umd_swapchain *swapchain, uint64_t present_id)
{
    if (!present_id)
        return;
    pthread_mutex_lock(&swapchain->lock);
    if (present_id > swapchain->presented)
        swapchain->presented = present_id;
    pthread_mutex_unlock(&swapchain->lock);
    umd_word_changed(&swapchain->changes);
}

void umd_swapchain_idle(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    pthread_mutex_lock(&swapchain->lock);
    if (image->state == UMD_IMAGE_SHOWN) {
        swapchain->shown--;
        image->state = UMD_IMAGE_IDLE;
    }
    pthread_mutex_unlock(&swapchain->lock);
    umd_word_changed(&swapchain->changes);
}

void umd_swapchain_unthrottle(struct umd_swapchain *swapchain)
{
    pthread_mutex_lock(&swapchain->lock);
    swapchain->throttled = false;
    pthread_mutex_unlock(&swapchain->lock);
    umd_word_changed(&swapchain->changes);
    umd_swapchain_wake(swapchain);
}

void umd_swapchain_wake(struct umd_swapchain *swapchain)
{
    const uint64_t one = 1;
    (void)!write(swapchain->wake, &one, sizeof(one));
}

bool umd_window_share(const void *pixels, size_t size, int *fd, uint64_t *offset,
                      uint64_t *aperture_size)
{
    const struct gpupv_umd_callbacks *callbacks = umd_window_callbacks();
    return callbacks && callbacks->ShareMemory(pixels, size, fd, offset, aperture_size) == 0;
}

/* Tries again whenever something may have changed, while that gives VK_NOT_READY. */
static VkResult wait_for(struct umd_swapchain *swapchain, uint64_t timeout,
                         VkResult (*try_locked)(struct umd_swapchain *swapchain, void *data),
                         void *data)
{
    uint64_t deadline = umd_swapchain_deadline(timeout);
    uint32_t seen;
    do {
        VkResult result = umd_stream_look(swapchain->device->stream);
        if (result)
            return result;
        if (swapchain->system->look)
            umd_swapchain_note(swapchain, swapchain->system->look(swapchain));
        pthread_mutex_lock(&swapchain->lock);
        result = try_locked(swapchain, data);
        seen = __atomic_load_n(&swapchain->changes, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&swapchain->lock);
        if (result != VK_NOT_READY)
            return result;
    } while (umd_swapchain_await(swapchain, seen, deadline));
    return VK_TIMEOUT;
}

/* --- Creation --- */

/* Whether the window takes this format: 4 bytes a pixel. */
static bool has_format(struct umd_surface *surface, VkFormat format)
{
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count = 0;
    if (surface->system->get_formats(surface, formats, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (formats[i] == format)
            return true;
    return false;
}

static VkResult check(const struct umd_device *device, const VkSwapchainCreateInfoKHR *info)
{
    struct umd_surface *surface = umd_surface_from(info->surface);
    if (!umd_window_callbacks()) {
        umd_error("swapchains need a newer libvulkan_gpupv.so in this guest");
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    if (surface->swapchain && /* another one still presents to the window */
        surface->swapchain != umd_object(device, UMD_ID(info->oldSwapchain)))
        return VK_ERROR_NATIVE_WINDOW_IN_USE_KHR;
    bool sized = info->imageExtent.width && info->imageExtent.height;
    if (!sized || info->minImageCount > UMD_MAX_SWAPCHAIN_IMAGES ||
        (uint32_t)info->presentMode > 31 ||
        !(surface->system->present_modes & 1u << info->presentMode) ||
        info->imageArrayLayers != 1 || info->flags & VK_SWAPCHAIN_CREATE_PROTECTED_BIT_KHR ||
        !has_format(surface, info->imageFormat))
        return VK_ERROR_INITIALIZATION_FAILED;
    return VK_SUCCESS;
}

/* The old one presents what it is given and gives no more images. */
static void retire(struct umd_device *device, VkSwapchainKHR handle)
{
    struct umd_swapchain *old = umd_object(device, UMD_ID(handle));
    if (!old)
        return;
    if (old->surface && old->surface->swapchain == old)
        old->surface->swapchain = NULL;
    pthread_mutex_lock(&old->lock);
    old->retired = true;
    old->surface = NULL;
    pthread_mutex_unlock(&old->lock);
    umd_word_changed(&old->changes);
    umd_swapchain_wake(old);
}

static VkResult count_images(const VkSwapchainCreateInfoKHR *info, uint32_t *count)
{
    struct umd_surface *surface = umd_surface_from(info->surface);
    struct umd_window_limits limits = {0};
    VkResult result = surface->system->get_limits(surface, &limits);
    *count = info->minImageCount > limits.least_images ? info->minImageCount : limits.least_images;
    return result;
}

static VkResult start(struct umd_swapchain *swapchain, const VkSwapchainCreateInfoKHR *info)
{
    VkResult result = count_images(info, &swapchain->image_count);
    if (result)
        return result;
    result = umd_swapchain_make_images(swapchain, info);
    if (result == VK_ERROR_FORMAT_NOT_SUPPORTED)
        result = VK_ERROR_INITIALIZATION_FAILED;
    if (result)
        return result;
    result = swapchain->system->create_swapchain(swapchain);
    if (!result)
        result = umd_present_start(swapchain);
    if (result) {
        umd_warning("a swapchain of %u images of %u x %u for %s cannot be had (VkResult %d)",
                    swapchain->image_count, swapchain->extent.width, swapchain->extent.height,
                    swapchain->system->name, (int)result);
        swapchain->system->destroy_swapchain(swapchain);
    }
    return result;
}

static void free_swapchain(struct umd_swapchain *swapchain)
{
    umd_swapchain_free_images(swapchain);
    if (swapchain->wake >= 0)
        close(swapchain->wake);
    pthread_mutex_destroy(&swapchain->lock);
    VkAllocationCallbacks own = swapchain->allocator;
    umd_free(swapchain->has_allocator ? &own : NULL, &swapchain->device->allocator, swapchain);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateSwapchainKHR(VkDevice device_handle,
                                                      const VkSwapchainCreateInfoKHR *pCreateInfo,
                                                      const VkAllocationCallbacks *pAllocator,
                                                      VkSwapchainKHR *pSwapchain)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_surface *surface = umd_surface_from(pCreateInfo->surface);
    VkResult result = check(device, pCreateInfo);
    /* Vulkan retires it even when the new one fails. */
    retire(device, pCreateInfo->oldSwapchain);
    if (result)
        return result;
    struct umd_swapchain *swapchain = umd_alloc(pAllocator, &device->allocator, sizeof(*swapchain),
                                                VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!swapchain)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    swapchain->device = device;
    swapchain->surface = surface;
    swapchain->system = surface->system;
    swapchain->has_allocator = pAllocator != NULL;
    if (pAllocator)
        swapchain->allocator = *pAllocator;
    swapchain->format = pCreateInfo->imageFormat;
    swapchain->extent = pCreateInfo->imageExtent;
    swapchain->mode = pCreateInfo->presentMode;
    swapchain->alpha = pCreateInfo->compositeAlpha;
    pthread_mutex_init(&swapchain->lock, NULL);
    swapchain->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    result = swapchain->wake < 0 ? VK_ERROR_OUT_OF_HOST_MEMORY : start(swapchain, pCreateInfo);
    if (result)
        goto free_it;
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_SWAPCHAIN_KHR, swapchain);
    if (!id) {
        umd_present_stop(swapchain);
        swapchain->system->destroy_swapchain(swapchain);
        result = VK_ERROR_OUT_OF_HOST_MEMORY;
        goto free_it;
    }
    surface->swapchain = swapchain;
    *pSwapchain = UMD_HANDLE(VkSwapchainKHR, id);
    return VK_SUCCESS;
free_it:
    free_swapchain(swapchain);
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroySwapchainKHR(VkDevice device_handle, VkSwapchainKHR handle,
                                                   const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_swapchain *swapchain = umd_object(device, UMD_ID(handle));
    (void)pAllocator; /* as it was created */
    if (!swapchain)
        return;
    /* After fork(2) the thread and the window are the parent's: all that is left here is memory. */
    if (umd_stream_is_inherited(device->stream)) {
        umd_id_free(&device->ids, UMD_ID(handle));
        return;
    }
    umd_present_stop(swapchain);
    swapchain->system->destroy_swapchain(swapchain);
    if (swapchain->surface && swapchain->surface->swapchain == swapchain)
        swapchain->surface->swapchain = NULL;
    umd_id_free(&device->ids, UMD_ID(handle));
    free_swapchain(swapchain);
}

void umd_swapchains_abandon(struct umd_device *device)
{
    struct umd_swapchain *swapchain;
    uint32_t slot = 0;
    if (umd_stream_is_inherited(device->stream))
        return;
    while ((swapchain = umd_id_next(&device->ids, VKWIRE_OBJECT_SWAPCHAIN_KHR, &slot))) {
        umd_debug("vkDestroyDevice: a swapchain is left behind");
        umd_present_abandon(swapchain);
    }
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetSwapchainImagesKHR(VkDevice device, VkSwapchainKHR handle,
                                                         uint32_t *pSwapchainImageCount,
                                                         VkImage *pSwapchainImages)
{
    const struct umd_swapchain *swapchain = umd_object(umd_device_from(device), UMD_ID(handle));
    uint32_t count = swapchain ? swapchain->image_count : 0, room = *pSwapchainImageCount;
    *pSwapchainImageCount = pSwapchainImages && room < count ? room : count;
    for (uint32_t i = 0; pSwapchainImages && i < *pSwapchainImageCount; i++)
        pSwapchainImages[i] = swapchain->images[i].image;
    return pSwapchainImages && room < count ? VK_INCOMPLETE : VK_SUCCESS;
}

/* --- Acquiring --- */

/* The image that has been idle for longest. */
static VkResult take_idle_locked(struct umd_swapchain *swapchain, void *taken)
{
    struct umd_swapchain_image *oldest = NULL;
    if (is_error(swapchain->status))
        return swapchain->status;
    if (swapchain->retired)
        return VK_ERROR_OUT_OF_DATE_KHR;
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        struct umd_swapchain_image *image = &swapchain->images[i];
        if (image->state == UMD_IMAGE_IDLE && (!oldest || image->order < oldest->order))
            oldest = image;
    }
    if (!oldest)
        return VK_NOT_READY;
    oldest->state = UMD_IMAGE_ACQUIRED;
    oldest->order = ++swapchain->orders;
    *(struct umd_swapchain_image **)taken = oldest;
    return swapchain->status;
}

/* The image is idle already: nobody has to wait for the semaphore, and the worker is told so. */
static VkResult signal_acquired(struct umd_device *device, VkSemaphore semaphore)
{
    struct wire_encoder *encoder = umd_stream_begin(device->stream);
    size_t at = encoder->used;
    struct stream_object *command = wire_put(encoder, sizeof(*command));
    if (command)
        *command =
            (struct stream_object){.head.opcode = STREAM_SIGNAL_ACQUIRED, .id = UMD_ID(semaphore)};
    wire_end_command(encoder, at);
    return umd_stream_end(device->stream, false);
}

static VkResult acquire(struct umd_device *device, VkSwapchainKHR handle, uint64_t timeout,
                        VkSemaphore semaphore, VkFence fence, uint32_t *index)
{
    struct umd_swapchain *swapchain = umd_object(device, UMD_ID(handle));
    struct umd_swapchain_image *image = NULL;
    if (!swapchain)
        return VK_ERROR_OUT_OF_DATE_KHR;
    VkResult status = wait_for(swapchain, timeout, take_idle_locked, &image);
    if (!image)
        return status == VK_TIMEOUT && !timeout ? VK_NOT_READY : status;
    VkResult result = semaphore ? signal_acquired(device, semaphore) : VK_SUCCESS;
    if (result) {
        umd_swapchain_release(swapchain, image);
        return result;
    }
    if (fence) {
        umd_fence_submit(device, fence, UMD_POINT_REACHED);
        umd_sync_changed(device);
    }
    *index = (uint32_t)(image - swapchain->images);
    return status;
}

void umd_swapchain_release(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    pthread_mutex_lock(&swapchain->lock);
    image->state = UMD_IMAGE_IDLE;
    pthread_mutex_unlock(&swapchain->lock);
    umd_word_changed(&swapchain->changes);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_AcquireNextImageKHR(VkDevice device, VkSwapchainKHR swapchain,
                                                       uint64_t timeout, VkSemaphore semaphore,
                                                       VkFence fence, uint32_t *pImageIndex)
{
    return acquire(umd_device_from(device), swapchain, timeout, semaphore, fence, pImageIndex);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_AcquireNextImage2KHR(
    VkDevice device, const VkAcquireNextImageInfoKHR *pAcquireInfo, uint32_t *pImageIndex)
{
    return acquire(umd_device_from(device), pAcquireInfo->swapchain, pAcquireInfo->timeout,
                   pAcquireInfo->semaphore, pAcquireInfo->fence, pImageIndex);
}

/* --- VK_KHR_present_wait --- */

static VkResult presented_locked(struct umd_swapchain *swapchain, void *present_id)
{
    if (swapchain->presented >= *(const uint64_t *)present_id)
        return VK_SUCCESS;
    return is_error(swapchain->status) ? swapchain->status : VK_NOT_READY;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_WaitForPresentKHR(VkDevice device, VkSwapchainKHR handle,
                                                     uint64_t presentId, uint64_t timeout)
{
    struct umd_swapchain *swapchain = umd_object(umd_device_from(device), UMD_ID(handle));
    if (!swapchain)
        return VK_ERROR_OUT_OF_DATE_KHR;
    return wait_for(swapchain, timeout, presented_locked, &presentId);
}

/* SPDX-License-Identifier: MIT */
/*
 * Windows. A surface belongs to a window system of the guest: a table of functions (X11, Wayland,
 * none). A swapchain's images are made by the host; their pixels lie in CPU-visible memory, which
 * the window system reads: from the aperture itself where it takes descriptors, else from what it
 * is sent.
 *
 * Each swapchain has a thread. vkQueuePresentKHR submits what is to be waited for and queues the
 * image; the thread waits until the host has finished it, hands it to the window system, and
 * listens to what that says. vkAcquireNextImageKHR waits for the thread. Nothing else of the
 * program waits. On Wayland vkQueuePresentKHR hands the image over itself, as Vulkan demands: the
 * program's own requests for the window keep their place among ours.
 *
 *     idle ─ acquire ─▶ acquired ─ present ─▶ queued ─ the thread ─▶ shown ─ the window system ─▶
 * idle
 */
#ifndef GPUPV_UMD_WSI_H
#define GPUPV_UMD_WSI_H

#include "umd/umd.h"

struct umd_swapchain;
struct umd_swapchain_image;

#define UMD_MAX_SWAPCHAIN_IMAGES 32u
#define UMD_MAX_WINDOW_FORMATS 16u

/* --- Surfaces (umd_surface.c). A VkSurfaceKHR is a pointer to one. --- */

struct umd_surface {
    const struct umd_window_system *system;
    struct umd_swapchain
        *swapchain; /* that presents to it now, or NULL; as the surface is synchronised */
};

/* What a window can show. The rest of VkSurfaceCapabilitiesKHR is the same for all. */
struct umd_window_limits {
    VkExtent2D current; /* UINT32_MAX: the swapchain decides */
    VkExtent2D least, most;
    uint32_t least_images;
    VkCompositeAlphaFlagsKHR alpha;
};

/* Zeroed but for `system`, `size` bytes that begin with struct umd_surface. NULL: no memory. */
void *umd_surface_create(VkInstance instance, const VkAllocationCallbacks *allocator, size_t size,
                         const struct umd_window_system *system);
static inline VkSurfaceKHR umd_surface_handle(struct umd_surface *surface)
{
    return UMD_HANDLE(VkSurfaceKHR, (uint64_t)(uintptr_t)surface);
}
static inline struct umd_surface *umd_surface_from(VkSurfaceKHR surface)
{
    return (struct umd_surface *)(uintptr_t)UMD_ID(surface);
}
/* Whether a queue family can present at all: it must copy images. */
bool umd_family_presents(const struct umd_physical_device *device, uint32_t family);

/* Whether the guest has what an instance extension of windows needs, by its index in
 * vkwire_extensions. */
bool umd_window_extension_offered(uint32_t index);

/* --- Swapchains (umd_swapchain.c) --- */

enum umd_image_state { UMD_IMAGE_IDLE, UMD_IMAGE_ACQUIRED, UMD_IMAGE_QUEUED, UMD_IMAGE_SHOWN };

struct umd_swapchain_image {
    VkImage image;
    VkDeviceMemory memory;
    /* What the window system reads: the image itself where it is linear and the device a CPU, else
     * a buffer into which the presenting queue copies it. */
    VkBuffer copy;
    VkDeviceMemory copy_memory;
    VkCommandBuffer *commands; /* that copy, by queue family; NULL where none was needed so far */
    const uint8_t *pixels;     /* extent.height rows of `stride` bytes, in this process */
    uint32_t stride;
    enum umd_image_state state; /* with swapchain->lock */
    uint64_t order;      /* with lock: of its last use, so that the oldest is acquired first */
    uint64_t serial;     /* with lock: of its last presentation, unique in the process */
    uint64_t point;      /* umd_point of the last submission that reads it for the window */
    uint64_t present_id; /* VkPresentIdKHR of that, or 0 */
    void *window;        /* the window system's, of this image */
};

/* An image on its way to the window. */
struct umd_present {
    struct umd_swapchain *swapchain;
    struct umd_swapchain_image *image;
    uint64_t point;      /* umd_point of the submission that ends it */
    uint32_t serial;     /* that no other presentation of the process has */
    uint64_t present_id; /* VkPresentIdKHR, or 0 */
    uint32_t rect_count; /* what has changed (VK_KHR_incremental_present); 0: all of it */
    VkRectLayerKHR *rects;
};

struct umd_swapchain {
    struct umd_device *device;
    struct umd_surface *surface; /* may be gone once retired */
    const struct umd_window_system *system;
    VkAllocationCallbacks allocator;
    bool has_allocator;
    /* As created; constant. */
    VkFormat format;
    VkExtent2D extent;
    VkPresentModeKHR mode;
    VkCompositeAlphaFlagBitsKHR alpha;
    uint32_t image_count;
    struct umd_swapchain_image *images;
    struct umd_swapchain_recipe *recipe; /* how the images are made: umd_swapchain_image.c */
    VkCommandPool *pools;                /* for the copies, by queue family */
    void *window;                        /* the window system's, of this swapchain */

    pthread_mutex_t lock;
    /* With lock. */
    VkResult status; /* VK_SUCCESS, VK_SUBOPTIMAL_KHR, or the error that ends it */
    bool retired;    /* it gives no more images; those that are acquired can be presented */
    bool stop;       /* the thread is to end */
    bool throttled;  /* FIFO: the window system has not shown the last one yet */
    struct umd_present queue[UMD_MAX_SWAPCHAIN_IMAGES]; /* from `first`, `queued` of them */
    uint32_t first, queued;
    uint32_t shown;     /* images in that state */
    uint64_t orders;    /* counts uses of images */
    uint64_t presented; /* the highest VkPresentIdKHR that the user has seen */
    uint64_t handed;    /* the highest VkPresentIdKHR that the window has got */

    uint32_t changes; /* counts, atomically: acquire and vkWaitForPresentKHR sleep on it */
    int wake;         /* eventfd: the thread is to look */
    void *thread;
};

/* --- What a window system does --- */

struct umd_window_system {
    const char *name;
    uint32_t present_modes; /* 1 << VkPresentModeKHR */
    /* vkQueuePresentKHR itself waits for the host and, while throttled, for the window, and calls
     * `present`; the thread only dispatches. */
    bool presents_in_call;

    /* Of surfaces; any thread. VK_ERROR_SURFACE_LOST_KHR: the window or the connection is gone. */
    VkResult (*get_limits)(struct umd_surface *surface, struct umd_window_limits *limits);
    /* Up to UMD_MAX_WINDOW_FORMATS, the best first, each of 4 bytes; the device may lack some. */
    VkResult (*get_formats)(struct umd_surface *surface, VkFormat *formats, uint32_t *count);
    /* Before the surface's memory is freed; may be NULL. */
    void (*finish_surface)(struct umd_surface *surface);

    /* Of swapchains. create: before the thread; sets swapchain->window. A retired swapchain of the
     * same surface may still be there. destroy: after the thread has ended; frees what the images
     * have, too. Takes a swapchain whose create has failed. */
    VkResult (*create_swapchain)(struct umd_swapchain *swapchain);
    void (*destroy_swapchain)(struct umd_swapchain *swapchain);

    /* The thread's, see above. present: hands an image to the window; its pixels are complete.
     * Gives VK_SUCCESS, VK_SUBOPTIMAL_KHR, or an error that ends the swapchain. It or a later
     * dispatch calls umd_swapchain_shown and umd_swapchain_idle. In FIFO modes it may set
     * swapchain->throttled (with lock), and dispatch clears it: no image is presented meanwhile. */
    VkResult (*present)(struct umd_swapchain *swapchain, const struct umd_present *present);
    /* Deals with what the window system has said, waiting at most `timeout` milliseconds (-1: for
     * ever) for that or for swapchain->wake to be readable, which it leaves alone. `expects` is
     * false while nothing can come that matters. Results as of present; after an error it is not
     * called again. */
    VkResult (*dispatch)(struct umd_swapchain *swapchain, bool expects, int timeout);
    /* Deals with what has come already; any thread, without lock. NULL: nothing to do. */
    VkResult (*look)(struct umd_swapchain *swapchain);
};

extern const struct umd_window_system umd_x11;
extern const struct umd_window_system umd_wayland;
extern const struct umd_window_system umd_headless;
/* Whether the guest has the libraries, and not very old ones. Thread-safe. */
bool umd_xcb_available(void);
bool umd_xlib_available(void);
bool umd_wayland_available(void);

/* For the window system, without lock; any thread. The user has seen the presentation with this
 * VkPresentIdKHR, or it was passed over and never will be seen. */
void umd_swapchain_shown(struct umd_swapchain *swapchain, uint64_t present_id);
/* The window system no longer reads the image. */
void umd_swapchain_idle(struct umd_swapchain *swapchain, struct umd_swapchain_image *image);
/* The last presentation no longer holds the next one up. */
void umd_swapchain_unthrottle(struct umd_swapchain *swapchain);
/* Keeps the worse of the status and `result`. */
void umd_swapchain_note(struct umd_swapchain *swapchain, VkResult result);
/* Makes the thread look. */
void umd_swapchain_wake(struct umd_swapchain *swapchain);

/* Gives an acquired image back. */
void umd_swapchain_release(struct umd_swapchain *swapchain, struct umd_swapchain_image *image);

/* The aperture's descriptor, which `pixels` of `size` bytes lie in, and where. The descriptor is
 * the caller's. False: they lie in memory that cannot be shared. */
bool umd_window_share(const void *pixels, size_t size, int *fd, uint64_t *offset,
                      uint64_t *aperture_size);

/* --- Between the files of this subject --- */

/* umd_swapchain_image.c */
VkResult umd_swapchain_make_images(struct umd_swapchain *swapchain,
                                   const VkSwapchainCreateInfoKHR *info);
void umd_swapchain_free_images(struct umd_swapchain *swapchain);
/* The commands that copy the image on queues of a family; *commands is VK_NULL_HANDLE where none
 * are needed. */
VkResult umd_swapchain_copy_commands(struct umd_swapchain *swapchain,
                                     struct umd_swapchain_image *image, uint32_t family,
                                     VkCommandBuffer *commands);
/* An image like the swapchain's: VkImageSwapchainCreateInfoKHR; and the memory that a
 * VkBindImageMemorySwapchainInfoKHR names. */
VkResult umd_swapchain_create_alias(VkDevice device, VkSwapchainKHR swapchain,
                                    const VkAllocationCallbacks *allocator, VkImage *image);
VkDeviceMemory umd_swapchain_memory(const struct umd_device *device, VkSwapchainKHR swapchain,
                                    uint32_t index);
/* umd_present.c */
VkResult umd_present_start(struct umd_swapchain *swapchain);
void umd_present_stop(struct umd_swapchain *swapchain);
/* The device goes, and the program has left the swapchain behind: ends the thread and nothing else.
 */
void umd_present_abandon(struct umd_swapchain *swapchain);
/* Of all that are left behind. */
void umd_swapchains_abandon(struct umd_device *device);

/* Waits for a change of the swapchain since `seen`; false: the deadline (UINT64_MAX: none) has
 * passed. */
bool umd_swapchain_await(struct umd_swapchain *swapchain, uint32_t seen, uint64_t deadline);
/* In so many nanoseconds. */
uint64_t umd_swapchain_deadline(uint64_t timeout);

/* Sleeps until *word is not `seen`, at most `timeout` nanoseconds, maybe less. */
void umd_word_wait(const uint32_t *word, uint32_t seen, uint64_t timeout);
void umd_word_changed(uint32_t *word);

#endif

// SPDX-License-Identifier: MIT
// Shows frames in an Xlib window, which Debian's vkcube does not use: two fields of colours that go
// by the frame's number. Where two windows are asked for, they take turns on one device. All could
// be over before anybody looks: nothing is shown until x_capture has the first window.
//
//   xlib_frames FRAMES [WINDOWS]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <X11/Xlib.h>
#define VK_USE_PLATFORM_XLIB_KHR
#include <vulkan/vulkan.h>

enum { WIDTH = 320, HEIGHT = 200, MAX_WINDOWS = 2, MAX_IMAGES = 8 };

#define CHECK(call) check(#call, call)

struct window {
    Window handle;
    VkSurfaceKHR surface;
    VkSwapchainKHR swapchain;
    VkImage images[MAX_IMAGES];
    uint32_t image_count;
};

struct program {
    Display *display;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    VkSemaphore acquired, drawn;
    struct window windows[MAX_WINDOWS];
};

static void check(const char *call, VkResult result)
{
    if (result != VK_SUCCESS && result != VK_SUBOPTIMAL_KHR) {
        fprintf(stderr, "xlib_frames: %.60s: VkResult %d\n", call, result);
        exit(1);
    }
}

static void make_device(struct program *p)
{
    static const char *const instance_extensions[] = {VK_KHR_SURFACE_EXTENSION_NAME,
                                                      VK_KHR_XLIB_SURFACE_EXTENSION_NAME};
    VkInstanceCreateInfo instance = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                     .enabledExtensionCount = 2,
                                     .ppEnabledExtensionNames = instance_extensions};
    CHECK(vkCreateInstance(&instance, NULL, &p->instance));
    uint32_t count = 1;
    check("vkEnumeratePhysicalDevices",
          vkEnumeratePhysicalDevices(p->instance, &count, &p->physical) < 0 || !count
              ? VK_ERROR_INITIALIZATION_FAILED
              : VK_SUCCESS);
    int screen = DefaultScreen(p->display);
    VisualID visual = XVisualIDFromVisual(DefaultVisual(p->display, screen));
    if (!vkGetPhysicalDeviceXlibPresentationSupportKHR(p->physical, 0, p->display, visual)) {
        fprintf(stderr, "xlib_frames: the queues cannot present\n");
        exit(1);
    }
    static const char *const extensions[] = {VK_KHR_SWAPCHAIN_EXTENSION_NAME};
    const float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo device = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                 .queueCreateInfoCount = 1,
                                 .pQueueCreateInfos = &queue,
                                 .enabledExtensionCount = 1,
                                 .ppEnabledExtensionNames = extensions};
    CHECK(vkCreateDevice(p->physical, &device, NULL, &p->device));
    vkGetDeviceQueue(p->device, 0, 0, &p->queue);
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT};
    CHECK(vkCreateCommandPool(p->device, &pool, NULL, &p->pool));
    VkCommandBufferAllocateInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = p->pool,
                                            .commandBufferCount = 1};
    CHECK(vkAllocateCommandBuffers(p->device, &commands, &p->commands));
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    CHECK(vkCreateFence(p->device, &fence, NULL, &p->fence));
    VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    CHECK(vkCreateSemaphore(p->device, &semaphore, NULL, &p->acquired));
    CHECK(vkCreateSemaphore(p->device, &semaphore, NULL, &p->drawn));
}

static void make_window(struct program *p, struct window *window)
{
    window->handle = XCreateSimpleWindow(p->display, DefaultRootWindow(p->display), 0, 0, WIDTH,
                                         HEIGHT, 0, 0, 0);
    XSelectInput(p->display, window->handle, PropertyChangeMask);
    XMapWindow(p->display, window->handle);
    XSync(p->display, False);
    VkXlibSurfaceCreateInfoKHR surface = {.sType = VK_STRUCTURE_TYPE_XLIB_SURFACE_CREATE_INFO_KHR,
                                          .dpy = p->display,
                                          .window = window->handle};
    CHECK(vkCreateXlibSurfaceKHR(p->instance, &surface, NULL, &window->surface));
    VkSurfaceCapabilitiesKHR limits;
    CHECK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(p->physical, window->surface, &limits));
    VkBool32 supported = VK_FALSE;
    CHECK(vkGetPhysicalDeviceSurfaceSupportKHR(p->physical, 0, window->surface, &supported));
    if (!supported || limits.currentExtent.width != WIDTH ||
        limits.currentExtent.height != HEIGHT) {
        fprintf(stderr, "xlib_frames: the surface is %ux%u, supported: %u\n",
                limits.currentExtent.width, limits.currentExtent.height, supported);
        exit(1);
    }
    VkSwapchainCreateInfoKHR swapchain = {
        .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
        .surface = window->surface,
        .minImageCount = limits.minImageCount,
        .imageFormat = VK_FORMAT_B8G8R8A8_UNORM,
        .imageExtent = {WIDTH, HEIGHT},
        .imageArrayLayers = 1,
        .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
        .preTransform = limits.currentTransform,
        .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
        .presentMode = VK_PRESENT_MODE_IMMEDIATE_KHR,
        .clipped = VK_TRUE,
    };
    CHECK(vkCreateSwapchainKHR(p->device, &swapchain, NULL, &window->swapchain));
    window->image_count = MAX_IMAGES;
    CHECK(vkGetSwapchainImagesKHR(p->device, window->swapchain, &window->image_count,
                                  window->images));
}

static void barrier(struct program *p, VkImage image, VkImageLayout from, VkImageLayout to)
{
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    vkCmdPipelineBarrier(p->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

static void show(struct program *p, struct window *window, int frame)
{
    uint32_t index;
    CHECK(vkAcquireNextImageKHR(p->device, window->swapchain, UINT64_MAX, p->acquired,
                                VK_NULL_HANDLE, &index));
    VkImage image = window->images[index];
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    CHECK(vkBeginCommandBuffer(p->commands, &begin));
    barrier(p, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    VkClearColorValue colour = {
        .float32 = {(float)(frame % 5) / 4, (float)(frame % 7) / 6, (float)(frame % 256) / 255, 1}};
    VkImageSubresourceRange whole = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdClearColorImage(p->commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &colour, 1,
                         &whole);
    barrier(p, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
    CHECK(vkEndCommandBuffer(p->commands));
    VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                           .waitSemaphoreCount = 1,
                           .pWaitSemaphores = &p->acquired,
                           .pWaitDstStageMask = &stage,
                           .commandBufferCount = 1,
                           .pCommandBuffers = &p->commands,
                           .signalSemaphoreCount = 1,
                           .pSignalSemaphores = &p->drawn};
    CHECK(vkQueueSubmit(p->queue, 1, &submit, p->fence));
    VkPresentInfoKHR present = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                .waitSemaphoreCount = 1,
                                .pWaitSemaphores = &p->drawn,
                                .swapchainCount = 1,
                                .pSwapchains = &window->swapchain,
                                .pImageIndices = &index};
    CHECK(vkQueuePresentKHR(p->queue, &present));
    CHECK(vkWaitForFences(p->device, 1, &p->fence, VK_TRUE, UINT64_MAX));
    CHECK(vkResetFences(p->device, 1, &p->fence));
}

int main(int argc, char **argv)
{
    struct program p = {0};
    int frames = argc > 1 ? atoi(argv[1]) : 0;
    int windows = argc > 2 ? atoi(argv[2]) : 1;
    if (frames < 1 || windows < 1 || windows > MAX_WINDOWS) {
        fprintf(stderr, "usage: xlib_frames FRAMES [WINDOWS]\n");
        return 2;
    }
    p.display = XOpenDisplay(NULL);
    if (!p.display) {
        fprintf(stderr, "xlib_frames: no X server\n");
        return 1;
    }
    make_device(&p);
    for (int i = 0; i < windows; i++) {
        make_window(&p, &p.windows[i]);
    }
    XEvent watched;
    XWindowEvent(p.display, p.windows[0].handle, PropertyChangeMask, &watched);
    for (int frame = 1; frame <= frames; frame++) {
        for (int i = 0; i < windows; i++) {
            show(&p, &p.windows[i], frame + i);
        }
    }
    CHECK(vkDeviceWaitIdle(p.device));
    for (int i = 0; i < windows; i++) {
        vkDestroySwapchainKHR(p.device, p.windows[i].swapchain, NULL);
        vkDestroySurfaceKHR(p.instance, p.windows[i].surface, NULL);
    }
    vkDestroySemaphore(p.device, p.acquired, NULL);
    vkDestroySemaphore(p.device, p.drawn, NULL);
    vkDestroyFence(p.device, p.fence, NULL);
    vkDestroyCommandPool(p.device, p.pool, NULL);
    vkDestroyDevice(p.device, NULL);
    vkDestroyInstance(p.instance, NULL);
    XCloseDisplay(p.display);
    puts("done");
    return 0;
}

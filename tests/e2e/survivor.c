/* SPDX-License-Identifier: MIT */
/*
 * A program that survives the loss of its device, as Vulkan wants it: it renders frame after frame and
 * checks them; when a call gives VK_ERROR_DEVICE_LOST it destroys everything and starts over.
 *
 * Usage: survivor LOSSES [instance] [patient] [polling]
 *                                        ends after so many losses and some frames more
 *        survivor fork                          renders, forks, renders on
 *        survivor leak lost|kept         records an address of its own as data
 *   instance  starts over with a new instance, and waits for a host
 *   patient   does not mind calls that take long
 *   polling   waits in no call: asks for the fence's status
 * Prints "rendering" whenever it has begun (again). Exit status 1: a call gave what it must not give, a
 * picture was wrong, or a call took too long to have noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vulkan/vulkan.h>

#define SIDE 64u
#define BYTES (SIDE * SIDE * 4u)
#define MAX_CALL_MS 20000 /* a call that does not notice lasts for ever */
#define HOST_WAIT_MS 30000 /* for a host, or a worker, that starts */
#define FRAMES_AFTER 20

static struct {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    VkImage image;
    VkBuffer buffer;
    VkDeviceMemory image_memory, buffer_memory;
    void *data;
    uint32_t frame;
} it;

static bool patient, polling;
static jmp_buf lost;

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("survivor: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    _exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void check(const char *what, uint64_t start, VkResult result)
{
    uint64_t took = now_ms() - start;
    if (took > MAX_CALL_MS && !patient)
        die("%s took %llu ms", what, (unsigned long long)took);
    if (result == VK_ERROR_DEVICE_LOST)
        longjmp(lost, 1);
    if (result != VK_SUCCESS)
        die("%s: VkResult %d", what, (int)result);
}
/* Starts over when the device is lost. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        uint64_t start_ms = now_ms();                                                              \
        check(#call, start_ms, call);                                                              \
    } while (0)

/* --- Instance and device --- */

static bool make_instance(void)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_1};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pApplicationInfo = &application};
    uint32_t count = 1;
    if (vkCreateInstance(&info, NULL, &it.instance) != VK_SUCCESS)
        return false;
    if (vkEnumeratePhysicalDevices(it.instance, &count, &it.physical) >= 0 && count == 1)
        return true;
    vkDestroyInstance(it.instance, NULL);
    return false;
}

static VkResult make_device(void)
{
    static const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue};
    VkResult result = vkCreateDevice(it.physical, &info, NULL, &it.device);
    if (result != VK_SUCCESS)
        it.device = VK_NULL_HANDLE;
    return result;
}

/* The worker may be killed while it starts. */
static bool await(bool (*made)(void))
{
    for (uint64_t start = now_ms(); now_ms() - start < HOST_WAIT_MS;) {
        if (made())
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

static bool made_device(void)
{
    VkResult result = make_device();
    if (result != VK_SUCCESS && result != VK_ERROR_DEVICE_LOST)
        die("vkCreateDevice: VkResult %d", (int)result);
    return result == VK_SUCCESS;
}

/* --- What is rendered with --- */

static uint32_t find_type(uint32_t bits, VkMemoryPropertyFlags wanted)
{
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(it.physical, &memory);
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
        if (bits & 1u << i && (memory.memoryTypes[i].propertyFlags & wanted) == wanted)
            return i;
    }
    die("no memory type 0x%x of 0x%x", wanted, bits);
}

static void allocate(const VkMemoryRequirements *needed, VkMemoryPropertyFlags flags,
                     VkDeviceMemory *memory)
{
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .allocationSize = needed->size,
                                 .memoryTypeIndex = 0};
    /* A lost device knows nothing. */
    if (needed->size == 0 || needed->memoryTypeBits == 0)
        longjmp(lost, 1);
    info.memoryTypeIndex = find_type(needed->memoryTypeBits, flags);
    TRY(vkAllocateMemory(it.device, &info, NULL, memory));
}

static void make_image(void)
{
    const VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {SIDE, SIDE, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
    };
    VkMemoryRequirements needed;
    TRY(vkCreateImage(it.device, &info, NULL, &it.image));
    vkGetImageMemoryRequirements(it.device, it.image, &needed);
    allocate(&needed, 0, &it.image_memory);
    TRY(vkBindImageMemory(it.device, it.image, it.image_memory, 0));
}

static void make_buffer(void)
{
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .size = BYTES,
                                     .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkMemoryRequirements needed;
    TRY(vkCreateBuffer(it.device, &info, NULL, &it.buffer));
    vkGetBufferMemoryRequirements(it.device, it.buffer, &needed);
    allocate(&needed,
             VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
             &it.buffer_memory);
    TRY(vkBindBufferMemory(it.device, it.buffer, it.buffer_memory, 0));
    TRY(vkMapMemory(it.device, it.buffer_memory, 0, VK_WHOLE_SIZE, 0, &it.data));
}

static void make_all(void)
{
    vkGetDeviceQueue(it.device, 0, 0, &it.queue);
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    TRY(vkCreateCommandPool(it.device, &pool, NULL, &it.pool));
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    TRY(vkCreateFence(it.device, &fence, NULL, &it.fence));
    make_image();
    make_buffer();
}

static void destroy_all(void)
{
    if (!it.device)
        return;
    vkDestroyBuffer(it.device, it.buffer, NULL);
    vkFreeMemory(it.device, it.buffer_memory, NULL);
    vkDestroyImage(it.device, it.image, NULL);
    vkFreeMemory(it.device, it.image_memory, NULL);
    vkDestroyFence(it.device, it.fence, NULL);
    vkDestroyCommandPool(it.device, it.pool, NULL);
    vkDestroyDevice(it.device, NULL);
    it.buffer = VK_NULL_HANDLE;
    it.buffer_memory = it.image_memory = VK_NULL_HANDLE;
    it.image = VK_NULL_HANDLE;
    it.fence = VK_NULL_HANDLE;
    it.pool = VK_NULL_HANDLE;
    it.device = VK_NULL_HANDLE;
    it.data = NULL;
}

/* --- A frame --- */

static void barrier(VkImageLayout from, VkImageLayout to)
{
    const VkImageMemoryBarrier info = {.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
                                       .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
                                       .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT |
                                                        VK_ACCESS_MEMORY_WRITE_BIT,
                                       .oldLayout = from,
                                       .newLayout = to,
                                       .image = it.image,
                                       .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    vkCmdPipelineBarrier(it.commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &info);
}

static void record(uint8_t value)
{
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    const float level = (float)value / 255.0f;
    const VkClearColorValue color = {.float32 = {level, level, level, level}};
    const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    const VkBufferImageCopy copy = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                    .imageExtent = {SIDE, SIDE, 1}};
    TRY(vkBeginCommandBuffer(it.commands, &begin));
    barrier(VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdClearColorImage(it.commands, it.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &color, 1,
                         &range);
    barrier(VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    vkCmdCopyImageToBuffer(it.commands, it.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, it.buffer,
                           1, &copy);
    TRY(vkEndCommandBuffer(it.commands));
}

/* Waits in one of the ways that there are. */
static void await_frame(void)
{
    VkResult result = VK_NOT_READY;
    switch (polling ? 2 : it.frame % 4) {
    case 0:
        TRY(vkQueueWaitIdle(it.queue));
        break;
    case 1:
        TRY(vkDeviceWaitIdle(it.device));
        break;
    case 2:
        while (result == VK_NOT_READY)
            result = vkGetFenceStatus(it.device, it.fence);
        check("vkGetFenceStatus", now_ms(), result);
        break;
    default:
        break;
    }
    TRY(vkWaitForFences(it.device, 1, &it.fence, VK_TRUE, UINT64_MAX));
    TRY(vkResetFences(it.device, 1, &it.fence));
}

static void render(void)
{
    uint8_t value = (uint8_t)(++it.frame * 37u);
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = it.pool,
        .commandBufferCount = 1};
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .commandBufferCount = 1,
                                 .pCommandBuffers = &it.commands};
    TRY(vkAllocateCommandBuffers(it.device, &info, &it.commands));
    record(value);
    memset(it.data, 0xee, BYTES);
    TRY(vkQueueSubmit(it.queue, 1, &submit, it.fence));
    await_frame();
    for (uint32_t i = 0; i < BYTES; i++) {
        if (((const uint8_t *)it.data)[i] != value)
            die("frame %u: byte %u is %u, not %u", it.frame, i, ((const uint8_t *)it.data)[i],
                value);
    }
    vkFreeCommandBuffers(it.device, it.pool, 1, &it.commands);
    if (it.frame % 50 == 0) { /* something that has a reply */
        VkMemoryRequirements needed;
        vkGetBufferMemoryRequirements(it.device, it.buffer, &needed);
    }
}

/* --- Losing --- */

/* Each time something that the host has not been asked yet. */
static void ask_format(void)
{
    static VkImageUsageFlags usage;
    VkImageFormatProperties properties;
    usage = usage % 15 + 1;
    VkResult result = vkGetPhysicalDeviceImageFormatProperties(
        it.physical, VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL, usage, 0,
        &properties);
    /* The worker may have been killed again. */
    if (result != VK_SUCCESS)
        longjmp(lost, 1);
    if (properties.maxExtent.width < SIDE)
        die("images may be %u texels wide", properties.maxExtent.width);
}

static void begin(bool new_instance)
{
    if (new_instance && it.instance) {
        vkDestroyInstance(it.instance, NULL);
        it.instance = VK_NULL_HANDLE;
    }
    if (!it.instance && !await(make_instance))
        die("there is no host");
    ask_format();
    if (new_instance ? make_device() != VK_SUCCESS : !await(made_device))
        longjmp(lost, 1);
    make_all();
    render();
    puts("rendering");
}

static int survive(uint32_t losses, bool new_instance)
{
    volatile uint32_t count = 0;
    volatile uint64_t since = now_ms();
    if (setjmp(lost) != 0) {
        if (it.fence) { /* not one that was never whole */
            count++;
            since = now_ms();
        }
        destroy_all();
    }
    if (now_ms() - since > HOST_WAIT_MS)
        die("no device for half a minute");
    begin(new_instance);
    for (uint32_t frames = 0; count < losses || frames < FRAMES_AFTER; frames++)
        render();
    destroy_all();
    vkDestroyInstance(it.instance, NULL);
    printf("survived %u losses, %u frames\n", count, it.frame);
    return 0;
}

/* --- fork --- */

#define GONE(call)                                                                                 \
    do {                                                                                           \
        VkResult result = call;                                                                    \
        if (result >= 0)                                                                           \
            die("after fork, %s: VkResult %d", #call, (int)result);                                \
    } while (0)

/* Nothing of the parent's works here, and nothing of it is touched. */
static int run_child(void)
{
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .commandBufferCount = 1,
                                 .pCommandBuffers = &it.commands};
    const VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                       .allocationSize = 64u << 20};
    VkDeviceMemory memory;
    alarm(10);
    GONE(vkQueueSubmit(it.queue, 1, &submit, it.fence));
    GONE(vkWaitForFences(it.device, 1, &it.fence, VK_TRUE, UINT64_MAX));
    GONE(vkQueueWaitIdle(it.queue));
    GONE(vkDeviceWaitIdle(it.device));
    GONE(vkAllocateMemory(it.device, &info, NULL, &memory));
    VkDevice device = it.device;
    GONE(make_device());
    it.device = device;
    destroy_all();
    vkDestroyInstance(it.instance, NULL);
    /* One of its own has all that it needs. */
    it.instance = VK_NULL_HANDLE;
    if (setjmp(lost) != 0)
        die("after fork, a new device is lost");
    begin(true);
    for (int i = 0; i < FRAMES_AFTER; i++)
        render();
    return 0;
}

static int fork_once(void)
{
    int status;
    if (setjmp(lost) != 0)
        die("the device was lost");
    begin(true);
    for (int i = 0; i < FRAMES_AFTER; i++)
        render();
    /* For the child, which has no other commands to submit; it goes with its pool. */
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = it.pool,
        .commandBufferCount = 1};
    TRY(vkAllocateCommandBuffers(it.device, &info, &it.commands));
    record(0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(run_child());
    for (int i = 0; i < 10 * FRAMES_AFTER; i++)
        render();
    if (waitpid(child, &status, 0) != child || status != 0)
        die("the child ended with 0x%x", status);
    for (int i = 0; i < FRAMES_AFTER; i++)
        render();
    destroy_all();
    vkDestroyInstance(it.instance, NULL);
    puts("forked");
    return 0;
}

/* --- A guard of streams --- */

static int leak(bool must_be_lost)
{
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandBufferCount = 1};
    const VkCommandBufferBeginInfo begin_info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    const void *const address[2] = {&it, NULL};
    if (setjmp(lost) != 0)
        die("the device is lost before anything is wrong");
    begin(true);
    info.commandPool = it.pool;
    TRY(vkAllocateCommandBuffers(it.device, &info, &it.commands));
    TRY(vkBeginCommandBuffer(it.commands, &begin_info));
    vkCmdUpdateBuffer(it.commands, it.buffer, 0, sizeof(address), address);
    VkResult result = vkEndCommandBuffer(it.commands);
    if (result == VK_SUCCESS)
        result = vkDeviceWaitIdle(it.device);
    if (result != (must_be_lost ? VK_ERROR_DEVICE_LOST : VK_SUCCESS))
        die("VkResult %d", (int)result);
    destroy_all();
    vkDestroyInstance(it.instance, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    bool new_instance = false;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2; i < argc; i++) {
        new_instance |= !strcmp(argv[i], "instance");
        patient |= !strcmp(argv[i], "patient");
        polling |= !strcmp(argv[i], "polling");
    }
    if (argc < 2)
        die("how many losses?");
    if (!strcmp(argv[1], "leak"))
        return leak(argc == 3 && !strcmp(argv[2], "lost"));
    if (!strcmp(argv[1], "fork"))
        return fork_once();
    return survive((uint32_t)strtoul(argv[1], NULL, 10), new_instance);
}

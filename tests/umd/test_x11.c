/* SPDX-License-Identifier: MIT */
/* Surfaces and swapchains on X11 with a libxcb of the test's own: what other servers say and lack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_xcb.h"
#include "gpupv/ntstatus.h"
#include "umd/umd_instance.h"
#include "umd/umd_x11.h"
#include "umd_commands.h"
#include "vkwire_extensions.h"

#include <vulkan/vulkan_xcb.h>

#define IMAGES 3
#define WIDTH 10
#define HEIGHT 4
#define STRIDE 64 /* more than a row */

/* --- The shim --- */

static bool no_sharing, far_away;
static uint8_t aperture[IMAGES * STRIDE * HEIGHT];

static NTSTATUS share_memory(const void *address, size_t size, int *fd, uint64_t *offset,
                             uint64_t *file_size)
{
    if (no_sharing)
        return STATUS_NOT_SUPPORTED;
    *offset = (uint64_t)((const uint8_t *)address - aperture);
    assert_true(*offset + size <= sizeof(aperture));
    *file_size = sizeof(aperture);
    if (far_away && *offset) /* only the first image is within MIT-SHM's reach */
        *offset += UINT64_C(1) << 32;
    *fd = dup(fake_xcb.socket);
    return STATUS_SUCCESS;
}

static void wake(uint32_t *word)
{
    (void)word;
}

static void log_line(enum gpupv_umd_log_level level, const char *message)
{
    (void)level, (void)message;
}

/* As the shim does; umd_adapter.c. */
NTSTATUS APIENTRY gpupv_umd_open_adapter(const struct gpupv_umd_adapter *adapter,
                                         struct gpupv_umd_info *info, void **adapter_context);
void APIENTRY gpupv_umd_close_adapter(void *adapter_context);

/* --- Fixture --- */

struct fixture {
    void *adapter;
    struct umd_instance instance;
    struct umd_swapchain swapchain;
    struct umd_swapchain_image images[IMAGES];
    VkSurfaceKHR surface;
    int sockets[2];
};

static void lay_out_images(struct fixture *f, uint32_t stride)
{
    memset(aperture, 0xff, sizeof(aperture));
    for (uint32_t i = 0; i < IMAGES; i++) {
        f->images[i].pixels = aperture + i * stride * HEIGHT;
        f->images[i].stride = stride;
        for (uint32_t y = 0; y < HEIGHT; y++)
            memset(aperture + (i * HEIGHT + y) * stride, (int)i, WIDTH * 4);
    }
}

static int set_up(void **state)
{
    static const struct gpupv_umd_callbacks callbacks = {
        .size = sizeof(callbacks),
        .Wake = wake,
        .Log = log_line,
        .OpenLibrary = fake_open_xcb,
        .LibrarySymbol = fake_xcb_symbol,
        .ShareMemory = share_memory,
    };
    const struct gpupv_umd_adapter adapter = {.interface_version = GPUPV_UMD_INTERFACE_VERSION,
                                              .callbacks = &callbacks};
    struct gpupv_umd_info info = {.size = sizeof(info)};
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f || gpupv_umd_open_adapter(&adapter, &info, &f->adapter) ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, f->sockets))
        return -1;
    no_sharing = far_away = false;
    fake_xcb_begin(f->sockets[0]);
    fake_xcb.width = fake_xcb.image_width = WIDTH;
    fake_xcb.height = HEIGHT;
    struct umd_swapchain *s = &f->swapchain;
    s->images = f->images;
    s->image_count = IMAGES;
    s->extent = (VkExtent2D){WIDTH, HEIGHT};
    s->mode = VK_PRESENT_MODE_FIFO_KHR;
    s->wake = eventfd(0, 0);
    pthread_mutex_init(&s->lock, NULL);
    lay_out_images(f, WIDTH * 4);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fake_xcb_end();
    umd_DestroySurfaceKHR((VkInstance)&f->instance, f->surface, NULL);
    pthread_mutex_destroy(&f->swapchain.lock);
    close(f->swapchain.wake);
    close(f->sockets[0]);
    close(f->sockets[1]);
    gpupv_umd_close_adapter(f->adapter);
    free(f);
    return 0;
}

static struct umd_surface *surface(struct fixture *f)
{
    const VkXcbSurfaceCreateInfoKHR info = {.sType = VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR,
                                            .connection = (xcb_connection_t *)&fake_xcb,
                                            .window = 77};
    if (!f->surface)
        assert_int_equal(
            umd_CreateXcbSurfaceKHR((VkInstance)&f->instance, &info, NULL, &f->surface),
            VK_SUCCESS);
    return umd_surface_from(f->surface);
}

static VkResult create(struct fixture *f)
{
    f->swapchain.surface = surface(f);
    f->swapchain.system = f->swapchain.surface->system;
    return umd_x11_create_swapchain(&f->swapchain);
}

static void must_create(struct fixture *f)
{
    assert_int_equal(create(f), VK_SUCCESS);
}

static void destroy(struct fixture *f)
{
    umd_x11_destroy_swapchain(&f->swapchain);
    assert_null(f->swapchain.window);
}

/* Hands image 0 over, as the swapchain's thread does. */
static VkResult present(struct fixture *f, uint32_t serial, uint64_t id, uint32_t rects)
{
    VkRectLayerKHR some[4] = {{{1, 2}, {3, 1}, 0}};
    const struct umd_present present = {.swapchain = &f->swapchain,
                                        .image = &f->images[0],
                                        .serial = serial,
                                        .present_id = id,
                                        .rect_count = rects,
                                        .rects = some};
    f->images[0].state = UMD_IMAGE_SHOWN;
    f->images[0].serial = serial;
    f->swapchain.shown = 1;
    return umd_x11_present(&f->swapchain, &present);
}

/* --- Surfaces --- */

/* What is found out once is kept: in processes of their own. */
static int offered(bool missing, bool old)
{
    pid_t child = fork();
    if (!child) {
        fake_xcb.no_library = missing;
        fake_xcb.old_library = old;
        _exit(umd_xcb_available() + 2 * umd_xlib_available());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static void guests_without_libxcb(void **state)
{
    (void)state;
    assert_int_equal(offered(true, false), 0);
    assert_int_equal(offered(false, true), 0);
    assert_int_equal(offered(false, false), 1); /* there is no libX11-xcb */
}

static uint32_t format_count(struct fixture *f)
{
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count;
    assert_int_equal(umd_x11.get_formats(surface(f), formats, &count), VK_SUCCESS);
    return count;
}

static void what_a_window_shows(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(format_count(f), 2);
    fake_xcb.no_present = true;
    assert_int_equal(format_count(f), 0);
    fake_xcb.no_present = false;
    fake_xcb.no_xfixes = true;
    assert_int_equal(format_count(f), 0);
    fake_xcb.no_xfixes = false;
    fake_xcb.setup.image_byte_order = XCB_IMAGE_ORDER_MSB_FIRST;
    assert_int_equal(format_count(f), 0);
    fake_xcb.setup.image_byte_order = XCB_IMAGE_ORDER_LSB_FIRST;
    fake_xcb.visual.red_mask = 0xff;
    assert_int_equal(format_count(f), 0);
    fake_xcb.visual.red_mask = 0xff0000;
    fake_xcb.visual._class = XCB_VISUAL_CLASS_PSEUDO_COLOR;
    assert_int_equal(format_count(f), 0);
    fake_xcb.visual._class = XCB_VISUAL_CLASS_DIRECT_COLOR;
    fake_xcb.allowed.depth = 16;
    assert_int_equal(format_count(f), 0);
    fake_xcb.allowed.depth = 32;
    assert_int_equal(format_count(f), 2);
    fake_xcb.visual.visual_id = 34;
    assert_int_equal(format_count(f), 0);
}

static void windows_that_have_gone(void **state)
{
    struct fixture *f = *state;
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    struct umd_window_limits limits;
    uint32_t count;
    fake_xcb.no_window = true;
    assert_int_equal(umd_x11.get_formats(surface(f), formats, &count), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(umd_x11.get_limits(surface(f), &limits), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(create(f), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
    fake_xcb.no_window = false;
    fake_xcb.error = true;
    assert_int_equal(umd_x11.get_formats(surface(f), formats, &count), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(umd_x11.get_limits(surface(f), &limits), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(create(f), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

/* --- Creation --- */

static void the_image_is_the_pixmap(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    const xcb_shm_create_pixmap_request_t *pixmap = fake_last("MIT-SHM", XCB_SHM_CREATE_PIXMAP);
    assert_int_equal(pixmap->width, WIDTH);
    assert_int_equal(pixmap->height, HEIGHT);
    assert_int_equal(pixmap->offset, 2 * WIDTH * 4 * HEIGHT);
    assert_int_equal(
        ((const xcb_shm_attach_fd_request_t *)fake_last("MIT-SHM", XCB_SHM_ATTACH_FD))->read_only,
        1);
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    assert_int_equal(fake_xcb.put_images, 0);
    destroy(f);
}

static void the_server_copies(void **state)
{
    struct fixture *f = *state;
    /* With bytes between the rows: a pixmap of their width would show those in a larger window. */
    lay_out_images(f, STRIDE);
    must_create(f);
    assert_null(fake_last("MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    assert_non_null(fake_last("MIT-SHM", XCB_SHM_PUT_IMAGE));
    destroy(f);
    fake_xcb.count = 0;
    lay_out_images(f, WIDTH * 4);
    fake_xcb.refuses_pixmap = true;
    must_create(f);
    assert_non_null(fake_last("MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    destroy(f);
    fake_xcb.count = 0;
    lay_out_images(f, STRIDE);
    must_create(f);
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    const xcb_shm_put_image_request_t *put = fake_last("MIT-SHM", XCB_SHM_PUT_IMAGE);
    assert_int_equal(put->total_width, STRIDE / 4);
    assert_int_equal(put->src_width, WIDTH);
    destroy(f);
    fake_xcb.count = 0;
    lay_out_images(f, WIDTH * 4);
    fake_xcb.refuses_pixmap = false;
    fake_xcb.no_shared_pixmaps = true;
    must_create(f);
    assert_null(fake_last("MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    f->swapchain.mode = VK_PRESENT_MODE_IMMEDIATE_KHR; /* into the window */
    assert_int_equal(present(f, 2, 5, 0), VK_SUCCESS);
    assert_null(fake_last("Present", XCB_PRESENT_PIXMAP));
    assert_int_equal(f->images[0].state, UMD_IMAGE_IDLE);
    assert_int_equal(f->swapchain.presented, 5);
    fake_xcb.width++;
    assert_int_equal(present(f, 3, 0, 0), VK_SUBOPTIMAL_KHR);
    fake_xcb.no_window = true;
    assert_int_equal(present(f, 4, 0, 0), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

static void pixels_are_sent(void **state)
{
    struct fixture *f = *state;
    fake_xcb.refuses_attach = true;
    lay_out_images(f, STRIDE);
    for (int way = 0; way < 5; way++) {
        fake_xcb.count = fake_xcb.put_images = fake_xcb.rows = 0;
        fake_xcb.longest = way % 2 ? (64 + 3 * WIDTH * 4) / 4 : 65535; /* three rows at a time */
        must_create(f);
        assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
        assert_int_equal(fake_xcb.rows, HEIGHT);
        assert_int_equal(fake_xcb.put_images, way % 2 ? 2 : 1);
        assert_null(fake_last("MIT-SHM", XCB_SHM_PUT_IMAGE));
        destroy(f);
        fake_xcb.refuses_attach = false;
        fake_xcb.no_shm = way < 1;
        no_sharing = way == 1 || way == 2;
        far_away = way == 3;
    }
}

static void creation_may_fail(void **state)
{
    struct fixture *f = *state;
    fake_xcb.no_events = true;
    assert_int_equal(create(f), VK_ERROR_OUT_OF_HOST_MEMORY);
    destroy(f);
    fake_xcb.no_events = false;
    fake_xcb.no_versions = true;
    assert_int_equal(create(f), VK_ERROR_INITIALIZATION_FAILED);
    destroy(f);
}

/* The window has got another size before there were events of it. */
static void a_size_of_before(void **state)
{
    struct fixture *f = *state;
    fake_xcb.height = HEIGHT + 1;
    must_create(f);
    assert_int_equal(f->swapchain.status, VK_SUBOPTIMAL_KHR);
    destroy(f);
}

/* --- Presenting --- */

static const xcb_present_pixmap_request_t *last_pixmap(void)
{
    return fake_last("Present", XCB_PRESENT_PIXMAP);
}

static void modes(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    assert_int_equal(last_pixmap()->target_msc, 1);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_NONE);
    assert_int_equal(last_pixmap()->update, 0);
    assert_true(f->swapchain.throttled);
    fake_add_complete(99, 40); /* somebody else's */
    fake_add_complete(1, 50);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_false(f->swapchain.throttled);
    assert_int_equal(present(f, 2, 0, 1), VK_SUCCESS);
    assert_int_equal(last_pixmap()->target_msc, 51);
    assert_int_not_equal(last_pixmap()->update, 0);
    assert_non_null(fake_last("XFIXES", XCB_XFIXES_DESTROY_REGION));
    f->swapchain.mode = VK_PRESENT_MODE_FIFO_RELAXED_KHR;
    assert_int_equal(present(f, 3, 0, 0), VK_SUCCESS);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_ASYNC);
    assert_int_equal(last_pixmap()->target_msc, 51);
    f->swapchain.throttled = false;
    f->swapchain.mode = VK_PRESENT_MODE_IMMEDIATE_KHR;
    assert_int_equal(present(f, 4, 0, 1), VK_SUCCESS);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_ASYNC);
    assert_int_equal(last_pixmap()->target_msc, 0);
    assert_false(f->swapchain.throttled);
    /* One with a region would not replace another. */
    f->swapchain.mode = VK_PRESENT_MODE_MAILBOX_KHR;
    assert_int_equal(present(f, 5, 0, 1), VK_SUCCESS);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_NONE);
    assert_int_equal(last_pixmap()->update, 0);
    fake_xcb.error = true;
    assert_int_equal(present(f, 6, 0, 0), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

static void events_of_images(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    assert_int_equal(present(f, 7, 3, 0), VK_SUCCESS);
    xcb_pixmap_t pixmap = last_pixmap()->pixmap;
    fake_add_idle(6, pixmap);     /* of before */
    fake_add_idle(7, pixmap + 1); /* of somebody who counts the same way */
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_int_equal(f->images[0].state, UMD_IMAGE_SHOWN);
    fake_add_idle(7, pixmap);
    fake_add_complete(7 + 64, 1); /* of another one, in the same place */
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_int_equal(f->images[0].state, UMD_IMAGE_IDLE);
    assert_int_equal(f->swapchain.presented, 0);
    fake_add_complete(7, 1);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_int_equal(f->swapchain.presented, 3);
    destroy(f);
}

static void events_of_windows(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    fake_add_configure(WIDTH, HEIGHT, 0);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    fake_add_configure(WIDTH + 1, HEIGHT, 0);
    fake_add_configure(WIDTH, HEIGHT, 0);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUBOPTIMAL_KHR);
    fake_add_configure(WIDTH, HEIGHT, 1);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

/* A window that goes without a word. */
static void a_window_is_looked_for(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    fake_xcb.no_window = true;
    VkResult result = VK_SUCCESS;
    for (int i = 0; i < 1000 && !result; i++)
        result = umd_x11_dispatch(&f->swapchain, true, 0);
    assert_int_equal(result, VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

/* The server has answered that no more events come before they would be the program's. */
static void no_event_is_left(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    assert_true(fake_xcb.selected && fake_xcb.registered);
    destroy(f);
    assert_false(fake_xcb.selected || fake_xcb.registered);
    assert_int_equal(fake_xcb.checked_after_select, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(guests_without_libxcb), /* before libxcb is opened here */
        TEST(what_a_window_shows),     TEST(windows_that_have_gone),
        TEST(the_image_is_the_pixmap), TEST(the_server_copies),
        TEST(pixels_are_sent),         TEST(creation_may_fail),
        TEST(a_size_of_before),        TEST(modes),
        TEST(events_of_images),        TEST(events_of_windows),
        TEST(a_window_is_looked_for),  TEST(no_event_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

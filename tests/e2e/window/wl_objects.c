// SPDX-License-Identifier: MIT
// The objects that wl_capture offers its client: compositor, surfaces, and toplevel windows of
// xdg_shell.
#include <stdlib.h>
#include <string.h>

#include "wl_capture.h"
#include "xdg-shell-server.h"

struct surface {
    struct server *server;
    struct held_buffer pending; // attached, not yet committed
    bool attached;
    struct wl_list callbacks; // not yet committed
};

// ---- Buffers

static void held_buffer_gone(struct wl_listener *listener, void *data)
{
    (void)data;
    struct held_buffer *held = wl_container_of(listener, held, destroyed);
    held->buffer = NULL;
    wl_list_remove(&held->destroyed.link);
    wl_list_init(&held->destroyed.link);
}

static void held_buffer_set(struct held_buffer *held, struct wl_resource *buffer)
{
    wl_list_remove(&held->destroyed.link);
    wl_list_init(&held->destroyed.link);
    held->destroyed.notify = held_buffer_gone;
    held->buffer = buffer;
    if (buffer) {
        wl_resource_add_destroy_listener(buffer, &held->destroyed);
    }
}

void server_release_all_but(struct server *server, uint32_t keep)
{
    if (server->paused) {
        return;
    }
    while (server->held_count > keep) {
        if (server->held[0].buffer) {
            wl_buffer_send_release(server->held[0].buffer);
        }
        server->held_count--;
        for (uint32_t i = 0; i < server->held_count; i++) {
            held_buffer_set(&server->held[i], server->held[i + 1].buffer);
        }
        held_buffer_set(&server->held[server->held_count], NULL);
    }
}

static void hold(struct server *server, struct wl_resource *buffer)
{
    if (server->held_count > MAX_HELD) {
        die("the program has more than %d buffers on their way", MAX_HELD);
    }
    held_buffer_set(&server->held[server->held_count++], buffer);
    server_release_all_but(server, server->hold);
}

static bool copy_frame(struct server *server, struct wl_resource *resource)
{
    struct wl_shm_buffer *buffer = wl_shm_buffer_get(resource);
    if (!buffer) {
        say("a buffer that is not of wl_shm");
        return false;
    }
    uint32_t format = wl_shm_buffer_get_format(buffer);
    if (format != WL_SHM_FORMAT_XRGB8888 && format != WL_SHM_FORMAT_ARGB8888) {
        say("a buffer of format %#x", format);
        return false;
    }
    uint32_t width = (uint32_t)wl_shm_buffer_get_width(buffer);
    uint32_t height = (uint32_t)wl_shm_buffer_get_height(buffer);
    uint32_t stride = (uint32_t)wl_shm_buffer_get_stride(buffer);
    if (width > 16384 || height > 16384 || stride < width * 4) {
        die("a buffer of %ux%u with a stride of %u", width, height, stride);
    }
    if (width != server->width || height != server->height) {
        free(server->pixels);
        server->pixels = malloc((size_t)width * height * 4);
        server->width = width;
        server->height = height;
        if (!server->pixels) {
            die("no memory");
        }
    }
    wl_shm_buffer_begin_access(buffer);
    const char *from = wl_shm_buffer_get_data(buffer);
    for (uint32_t y = 0; y < height; y++) {
        memcpy(server->pixels + (size_t)y * width, from + (size_t)y * stride, (size_t)width * 4);
    }
    wl_shm_buffer_end_access(buffer);
    return true;
}

// ---- wl_surface, wl_region, wl_compositor

static void destroy_resource(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static void surface_attach(struct wl_client *client, struct wl_resource *resource,
                           struct wl_resource *buffer, int32_t x, int32_t y)
{
    (void)client, (void)x, (void)y;
    struct surface *surface = wl_resource_get_user_data(resource);
    held_buffer_set(&surface->pending, buffer);
    surface->attached = true;
}

static void ignore_rectangle(struct wl_client *client, struct wl_resource *resource, int32_t x,
                             int32_t y, int32_t width, int32_t height)
{
    (void)client, (void)resource, (void)x, (void)y, (void)width, (void)height;
}

static void callback_gone(struct wl_resource *resource)
{
    wl_list_remove(wl_resource_get_link(resource));
}

static void surface_frame(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct surface *surface = wl_resource_get_user_data(resource);
    struct wl_resource *callback = wl_resource_create(client, &wl_callback_interface, 1, id);
    if (!callback) {
        wl_client_post_no_memory(client);
        return;
    }
    wl_resource_set_implementation(callback, NULL, NULL, callback_gone);
    wl_list_insert(surface->callbacks.prev, wl_resource_get_link(callback));
}

static void ignore_region(struct wl_client *client, struct wl_resource *resource,
                          struct wl_resource *region)
{
    (void)client, (void)resource, (void)region;
}

static void surface_commit(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    struct surface *surface = wl_resource_get_user_data(resource);
    struct server *server = surface->server;
    struct wl_resource *buffer = surface->pending.buffer;
    bool attached = surface->attached;
    held_buffer_set(&surface->pending, NULL);
    surface->attached = false;
    wl_list_insert_list(server->callbacks.prev, &surface->callbacks);
    wl_list_init(&surface->callbacks);
    if (attached && buffer && copy_frame(server, buffer)) {
        hold(server, buffer);
        if (!server->refresh_ms) {
            server_answer_callbacks(server);
        }
        server_new_frame(server);
    } else if (!server->refresh_ms) {
        server_answer_callbacks(server);
    }
}

static void ignore_number(struct wl_client *client, struct wl_resource *resource, int32_t number)
{
    (void)client, (void)resource, (void)number;
}

static const struct wl_surface_interface surface_requests = {
    .destroy = destroy_resource,
    .attach = surface_attach,
    .damage = ignore_rectangle,
    .frame = surface_frame,
    .set_opaque_region = ignore_region,
    .set_input_region = ignore_region,
    .commit = surface_commit,
    .set_buffer_transform = ignore_number,
    .set_buffer_scale = ignore_number,
    .damage_buffer = ignore_rectangle,
};

static void surface_gone(struct wl_resource *resource)
{
    struct surface *surface = wl_resource_get_user_data(resource);
    struct wl_resource *callback, *next;
    wl_resource_for_each_safe(callback, next, &surface->callbacks)
    {
        wl_resource_destroy(callback);
    }
    held_buffer_set(&surface->pending, NULL);
    free(surface);
}

static const struct wl_region_interface region_requests = {
    .destroy = destroy_resource,
    .add = ignore_rectangle,
    .subtract = ignore_rectangle,
};

// An object of the client's; a failure is told to it.
static struct wl_resource *new_object(struct wl_client *client,
                                      const struct wl_interface *interface,
                                      struct wl_resource *maker, uint32_t id, const void *requests,
                                      void *data, wl_resource_destroy_func_t gone)
{
    struct wl_resource *object =
        wl_resource_create(client, interface, wl_resource_get_version(maker), id);
    if (!object) {
        wl_client_post_no_memory(client);
        return NULL;
    }
    wl_resource_set_implementation(object, requests, data, gone);
    return object;
}

static void client_gone(struct wl_listener *listener, void *data)
{
    (void)data;
    struct server *server = wl_container_of(listener, server, client_gone);
    server->client = NULL;
    wl_display_terminate(server->display);
}

static void compositor_create_surface(struct wl_client *client, struct wl_resource *resource,
                                      uint32_t id)
{
    struct surface *surface = calloc(1, sizeof(*surface));
    if (!surface) {
        wl_client_post_no_memory(client);
        return;
    }
    surface->server = wl_resource_get_user_data(resource);
    if (!surface->server->client) {
        surface->server->client = client;
        surface->server->client_gone.notify = client_gone;
        wl_client_add_destroy_listener(client, &surface->server->client_gone);
    }
    wl_list_init(&surface->callbacks);
    wl_list_init(&surface->pending.destroyed.link);
    if (!new_object(client, &wl_surface_interface, resource, id, &surface_requests, surface,
                    surface_gone)) {
        free(surface);
    }
}

static void compositor_create_region(struct wl_client *client, struct wl_resource *resource,
                                     uint32_t id)
{
    new_object(client, &wl_region_interface, resource, id, &region_requests, NULL, NULL);
}

static const struct wl_compositor_interface compositor_requests = {
    .create_surface = compositor_create_surface,
    .create_region = compositor_create_region,
};

// ---- xdg_shell

void server_send_size(struct server *server, uint32_t width, uint32_t height)
{
    struct wl_array states;
    wl_array_init(&states);
    if (server->toplevel && server->xdg_surface) {
        xdg_toplevel_send_configure(server->toplevel, (int32_t)width, (int32_t)height, &states);
        xdg_surface_send_configure(server->xdg_surface, ++server->serial);
    }
    wl_array_release(&states);
}

static void ignore_parent(struct wl_client *client, struct wl_resource *resource,
                          struct wl_resource *parent)
{
    (void)client, (void)resource, (void)parent;
}

static void ignore_text(struct wl_client *client, struct wl_resource *resource, const char *text)
{
    (void)client, (void)resource, (void)text;
}

static void ignore_menu(struct wl_client *client, struct wl_resource *resource,
                        struct wl_resource *seat, uint32_t serial, int32_t x, int32_t y)
{
    (void)client, (void)resource, (void)seat, (void)serial, (void)x, (void)y;
}

static void ignore_move(struct wl_client *client, struct wl_resource *resource,
                        struct wl_resource *seat, uint32_t serial)
{
    (void)client, (void)resource, (void)seat, (void)serial;
}

static void ignore_edges(struct wl_client *client, struct wl_resource *resource,
                         struct wl_resource *seat, uint32_t serial, uint32_t edges)
{
    (void)client, (void)resource, (void)seat, (void)serial, (void)edges;
}

static void ignore_size(struct wl_client *client, struct wl_resource *resource, int32_t width,
                        int32_t height)
{
    (void)client, (void)resource, (void)width, (void)height;
}

static void ignore(struct wl_client *client, struct wl_resource *resource)
{
    (void)client, (void)resource;
}

static const struct xdg_toplevel_interface toplevel_requests = {
    .destroy = destroy_resource,
    .set_parent = ignore_parent,
    .set_title = ignore_text,
    .set_app_id = ignore_text,
    .show_window_menu = ignore_menu,
    .move = ignore_move,
    .resize = ignore_edges,
    .set_max_size = ignore_size,
    .set_min_size = ignore_size,
    .set_maximized = ignore,
    .unset_maximized = ignore,
    .set_fullscreen = ignore_parent,
    .unset_fullscreen = ignore,
    .set_minimized = ignore,
};

static void toplevel_gone(struct wl_resource *resource)
{
    struct server *server = wl_resource_get_user_data(resource);
    if (server->toplevel == resource) {
        server->toplevel = NULL;
    }
}

static void xdg_surface_get_toplevel(struct wl_client *client, struct wl_resource *resource,
                                     uint32_t id)
{
    struct server *server = wl_resource_get_user_data(resource);
    server->toplevel = new_object(client, &xdg_toplevel_interface, resource, id, &toplevel_requests,
                                  server, toplevel_gone);
    server->xdg_surface = resource;
    server_send_size(server, 0, 0);
}

static void xdg_surface_get_popup(struct wl_client *client, struct wl_resource *resource,
                                  uint32_t id, struct wl_resource *parent,
                                  struct wl_resource *positioner)
{
    (void)id, (void)parent, (void)positioner;
    wl_resource_post_error(resource, XDG_WM_BASE_ERROR_ROLE, "this compositor has no popups");
    (void)client;
}

static void ignore_serial(struct wl_client *client, struct wl_resource *resource, uint32_t serial)
{
    (void)client, (void)resource, (void)serial;
}

static const struct xdg_surface_interface xdg_surface_requests = {
    .destroy = destroy_resource,
    .get_toplevel = xdg_surface_get_toplevel,
    .get_popup = xdg_surface_get_popup,
    .set_window_geometry = ignore_rectangle,
    .ack_configure = ignore_serial,
};

static void xdg_surface_gone(struct wl_resource *resource)
{
    struct server *server = wl_resource_get_user_data(resource);
    if (server->xdg_surface == resource) {
        server->xdg_surface = NULL;
    }
}

static void base_create_positioner(struct wl_client *client, struct wl_resource *resource,
                                   uint32_t id)
{
    (void)client, (void)id;
    wl_resource_post_error(resource, XDG_WM_BASE_ERROR_ROLE, "this compositor has no popups");
}

static void base_get_xdg_surface(struct wl_client *client, struct wl_resource *resource,
                                 uint32_t id, struct wl_resource *surface)
{
    (void)surface;
    new_object(client, &xdg_surface_interface, resource, id, &xdg_surface_requests,
               wl_resource_get_user_data(resource), xdg_surface_gone);
}

static const struct xdg_wm_base_interface base_requests = {
    .destroy = destroy_resource,
    .create_positioner = base_create_positioner,
    .get_xdg_surface = base_get_xdg_surface,
    .pong = ignore_serial,
};

// ---- Globals

static void bind_compositor(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *compositor =
        wl_resource_create(client, &wl_compositor_interface, (int)version, id);
    if (compositor) {
        wl_resource_set_implementation(compositor, &compositor_requests, data, NULL);
    } else {
        wl_client_post_no_memory(client);
    }
}

static void bind_base(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *base = wl_resource_create(client, &xdg_wm_base_interface, (int)version, id);
    if (base) {
        wl_resource_set_implementation(base, &base_requests, data, NULL);
    } else {
        wl_client_post_no_memory(client);
    }
}

bool server_add_globals(struct server *server)
{
    return wl_display_init_shm(server->display) == 0 &&
           wl_global_create(server->display, &wl_compositor_interface, 4, server,
                            bind_compositor) &&
           wl_global_create(server->display, &xdg_wm_base_interface, 2, server, bind_base);
}

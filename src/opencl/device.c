// SPDX-License-Identifier: MIT
// The OpenCL backend: finding devices, opening and closing one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "opencl/info.h"
#include "opencl/objects.h"
#include "opencl/platforms.h"

// Receives one usable device; anything but OK ends the walk.
typedef enum gyre_status visit_fn(void *user, const struct gyre_cl *cl, cl_platform_id platform,
                                  cl_device_id device, const struct gyre_device_info *info);

// The usable devices of one platform; *n counts them over all platforms.
static enum gyre_status walk_platform(const struct gyre_cl *cl, const struct gyre_log *log,
                                      cl_platform_id platform, uint32_t *n, visit_fn *visit,
                                      void *user)
{
    cl_device_id devices[GYRE_CL_MAX_DEVICES];
    cl_uint n_devices = 0;
    enum gyre_status status = GYRE_OK;
    char text[256];
    gyre_cl_platform_text(cl, platform, text, sizeof(text));
    cl_int error =
        cl->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, GYRE_CL_MAX_DEVICES, devices, &n_devices);
    if (error != CL_SUCCESS) { // most often a driver without its hardware
        gyre_log_write(log, GYRE_LOG_INFO, "opencl: %s has no device: error %d", text, (int)error);
        return GYRE_OK;
    }
    for (cl_uint i = 0; i < n_devices && i < GYRE_CL_MAX_DEVICES && status == GYRE_OK; i++) {
        struct gyre_device_info info;
        const char *why = gyre_cl_refuse(cl, devices[i]);
        if (why != NULL) {
            gyre_log_write(log, GYRE_LOG_INFO, "opencl: %s: device skipped: %s", text, why);
            continue;
        }
        gyre_cl_read_info(cl, platform, devices[i], &info);
        snprintf(info.id, sizeof(info.id), "opencl:%u", (*n)++);
        status = visit(user, cl, platform, devices[i], &info);
    }
    return status;
}

static enum gyre_status walk(const struct gyre_cl *cl, const struct gyre_log *log, visit_fn *visit,
                             void *user)
{
    cl_platform_id platforms[GYRE_CL_MAX_PLATFORMS];
    cl_uint n_platforms = gyre_cl_platforms(cl, log, platforms);
    uint32_t n = 0;
    enum gyre_status status = GYRE_OK;
    for (cl_uint i = 0; i < n_platforms && status == GYRE_OK; i++)
        status = walk_platform(cl, log, platforms[i], &n, visit, user);
    return status;
}

// --- list

static enum gyre_status visit_list(void *user, const struct gyre_cl *cl, cl_platform_id platform,
                                   cl_device_id device, const struct gyre_device_info *info)
{
    (void)cl;
    (void)platform;
    (void)device;
    return gyre_found_add(user, info);
}

static enum gyre_status list(const struct gyre_device_params *params, struct gyre_found *found)
{
    struct gyre_cl cl;
    if (gyre_cl_load(&params->log, &cl) != GYRE_OK)
        return GYRE_OK;
    enum gyre_status status = walk(&cl, &params->log, visit_list, found);
    gyre_cl_unload(&cl);
    return status;
}

// --- open and close

// The device wanted, and what is found of it.
struct wanted {
    const char *id;
    struct gyre_cl_device *device;
};

static enum gyre_status visit_open(void *user, const struct gyre_cl *cl, cl_platform_id platform,
                                   cl_device_id device, const struct gyre_device_info *info)
{
    struct wanted *wanted = user;
    if (strcmp(wanted->id, info->id) == 0) {
        wanted->device->id = device;
        gyre_cl_platform_text(cl, platform, wanted->device->platform,
                              sizeof(wanted->device->platform));
    }
    return GYRE_OK;
}

static enum gyre_status make_context(const struct gyre_log *log, struct gyre_cl_device *device)
{
    cl_int error = CL_SUCCESS;
    device->context = device->cl.clCreateContext(NULL, 1, &device->id, NULL, NULL, &error);
    return gyre_cl_check(log, error, GYRE_CL_SETUP, "clCreateContext");
}

static void close_device(struct gyre_device *head)
{
    struct gyre_cl_device *device = gyre_cl_device_of(head);
    gyre_cl_clblast_free(device);
    gyre_cl_programs_free(device);
    if (device->context != NULL)
        device->cl.clReleaseContext(device->context);
    gyre_cl_unload(&device->cl);
    pthread_mutex_destroy(&device->lock);
    free(device);
}

static enum gyre_status open_device(const struct gyre_device_params *params,
                                    const struct gyre_device_info *info, struct gyre_cache *cache,
                                    struct gyre_device **out)
{
    struct gyre_cl_device *device = calloc(1, sizeof(*device));
    if (device == NULL)
        return GYRE_NO_MEMORY;
    device->head.backend = &gyre_backend_opencl;
    device->head.log = params->log;
    device->head.info = *info;
    device->head.cache = cache;
    pthread_mutex_init(&device->lock, NULL);
    struct wanted wanted = {info->id, device};
    enum gyre_status status = gyre_cl_load(&params->log, &device->cl);
    if (status == GYRE_OK)
        status = walk(&device->cl, &params->log, visit_open, &wanted);
    if (status == GYRE_OK && device->id == NULL)
        status = gyre_fail(&params->log, GYRE_DEVICE, "opencl: %s is gone", info->id);
    if (status == GYRE_OK)
        status = make_context(&params->log, device);
    if (status != GYRE_OK) {
        close_device(&device->head);
        return status;
    }
    *out = &device->head;
    return GYRE_OK;
}

const struct gyre_backend gyre_backend_opencl = {
    .kind = GYRE_BACKEND_OPENCL,
    .list = list,
    .open = open_device,
    .close = close_device,
    .buffer_create = gyre_cl_buffer_create,
    .buffer_destroy = gyre_cl_buffer_destroy,
    .buffer_write = gyre_cl_buffer_write,
    .buffer_read = gyre_cl_buffer_read,
    .stream_create = gyre_cl_stream_create,
    .stream_destroy = gyre_cl_stream_destroy,
    .stream_submit = gyre_cl_stream_submit,
    .stream_finish = gyre_cl_stream_finish,
    .stream_wait = gyre_cl_stream_wait,
    .prepare = gyre_cl_prepare,
    .dispatch = gyre_cl_dispatch,
    .gemm_library = "CLBlast",
    .gemm = gyre_cl_gemm,
    .has_gemm = gyre_cl_has_gemm,
    .event_wait = gyre_cl_event_wait,
    .event_device_time = gyre_cl_event_device_time,
    .event_destroy = gyre_cl_event_destroy,
};

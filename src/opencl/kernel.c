// SPDX-License-Identifier: MIT
// Building kernels, keeping them in memory and on disk, and running them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache.h"
#include "config.h"
#include "log.h"
#include "opencl/objects.h"
#include "source.h"
#include "variant.h"

enum { TEXT_SIZE = 512, KEY_SIZE = 2048 };

// A variant, compiled or found not to compile. Arguments belong to the kernel object: set and
// enqueue under its lock.
struct gyre_cl_program {
    struct gyre_cl_program *next;
    struct gyre_variant variant;
    enum gyre_status status; // unless it is OK there may be no program and no kernel
    cl_program program;
    cl_kernel kernel;
    pthread_mutex_t lock;
};

static void free_program(const struct gyre_cl *cl, struct gyre_cl_program *program)
{
    if (program->kernel != NULL)
        cl->clReleaseKernel(program->kernel);
    if (program->program != NULL)
        cl->clReleaseProgram(program->program);
    pthread_mutex_destroy(&program->lock);
    free(program);
}

void gyre_cl_programs_free(struct gyre_cl_device *device)
{
    while (device->programs != NULL) {
        struct gyre_cl_program *program = device->programs;
        device->programs = program->next;
        free_program(&device->cl, program);
    }
}

// --- compiling

static void append_options(char *options, int *used, const char *const *names, uint32_t n,
                           const uint32_t *values)
{
    for (uint32_t i = 0; i < n; i++)
        *used +=
            snprintf(options + *used, (size_t)(TEXT_SIZE - *used), " -D%s=%u", names[i], values[i]);
}

static void make_options(const struct gyre_variant *variant, char options[TEXT_SIZE])
{
    const struct gyre_kernel *kernel = variant->kernel;
    int used = snprintf(options, TEXT_SIZE, "-cl-std=CL1.2");
    append_options(options, &used, kernel->defs, gyre_kernel_n_defs(kernel), variant->defs);
    append_options(options, &used, kernel->consts, gyre_kernel_n_consts(kernel), variant->consts);
}

// What a build depends on.
static void make_key(const struct gyre_cl_device *device, const struct gyre_variant *variant,
                     const char *source, char key[KEY_SIZE])
{
    const struct gyre_device_info *info = &device->head.info;
    char text[TEXT_SIZE];
    gyre_variant_describe(variant, text, sizeof(text));
    snprintf(key, KEY_SIZE, "opencl; %s; %s; %s; gyre %s; %s; source %016llx", info->name,
             info->driver, device->platform, GYRE_VERSION, text,
             (unsigned long long)XXH3_64bits(source, strlen(source)));
}

static void log_build(const struct gyre_cl_device *device, cl_program program, const char *name)
{
    size_t size = 0;
    device->cl.clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *text = calloc(1, size + 1);
    if (text != NULL && device->cl.clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG,
                                                         size, text, NULL) == CL_SUCCESS)
        gyre_log_write(&device->head.log, GYRE_LOG_ERROR, "opencl: building %s: %s", name, text);
    free(text);
}

static enum gyre_status build_source(const struct gyre_cl_device *device,
                                     const struct gyre_variant *variant, const char *options,
                                     const char *source, cl_program *out)
{
    const struct gyre_cl *cl = &device->cl;
    const struct gyre_log *log = &device->head.log;
    cl_int error = CL_SUCCESS;
    *out = cl->clCreateProgramWithSource(device->context, 1, &source, NULL, &error);
    enum gyre_status status = gyre_cl_check(log, error, GYRE_CL_BUILD, "clCreateProgramWithSource");
    if (status != GYRE_OK)
        return status;
    error = cl->clBuildProgram(*out, 1, &device->id, options, NULL, NULL);
    if (error == CL_SUCCESS)
        return GYRE_OK;
    log_build(device, *out, variant->kernel->name);
    cl->clReleaseProgram(*out);
    *out = NULL;
    return gyre_cl_check(log, error, GYRE_CL_BUILD, "clBuildProgram");
}

// --- the disk cache

// False: not there, or damaged, or refused by the driver.
static bool load_binary(const struct gyre_cl_device *device, const char *key, const char *options,
                        cl_program *out)
{
    const struct gyre_cl *cl = &device->cl;
    void *data = NULL;
    size_t size = 0;
    if (!gyre_cache_get(device->head.cache, key, &data, &size))
        return false;
    cl_int error = CL_SUCCESS, loaded = CL_SUCCESS;
    const unsigned char *binary = data;
    *out = cl->clCreateProgramWithBinary(device->context, 1, &device->id, &size, &binary, &loaded,
                                         &error);
    if (error == CL_SUCCESS)
        error = cl->clBuildProgram(*out, 1, &device->id, options, NULL, NULL);
    free(data);
    if (error == CL_SUCCESS)
        return true;
    gyre_log_write(&device->head.log, GYRE_LOG_WARNING,
                   "opencl: the driver refuses a cached binary (error %d), building anew: %s",
                   (int)error, key);
    if (*out != NULL)
        cl->clReleaseProgram(*out);
    *out = NULL;
    return false;
}

static void save_binary(const struct gyre_cl_device *device, const char *key, cl_program program)
{
    const struct gyre_cl *cl = &device->cl;
    size_t size = 0;
    cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, NULL);
    unsigned char *binary = size != 0 ? malloc(size) : NULL;
    if (binary != NULL && cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(binary),
                                               &binary, NULL) == CL_SUCCESS)
        gyre_cache_put(device->head.cache, key, binary, size);
    free(binary);
}

static enum gyre_status get_program(const struct gyre_cl_device *device,
                                    const struct gyre_variant *variant, cl_program *out)
{
    char path[64], options[TEXT_SIZE], key[KEY_SIZE];
    char *source = NULL;
    snprintf(path, sizeof(path), "cl/%s.cl", variant->kernel->name);
    enum gyre_status status = gyre_source_get(&device->head.log, path, &source);
    if (status != GYRE_OK)
        return status;
    make_options(variant, options);
    make_key(device, variant, source, key);
    if (!load_binary(device, key, options, out)) {
        gyre_log_write(&device->head.log, GYRE_LOG_DEBUG, "opencl: building %s %s", path, options);
        status = build_source(device, variant, options, source, out);
        if (status == GYRE_OK)
            save_binary(device, key, *out);
    }
    free(source);
    return status;
}

// --- preparing

static uint32_t group_size(const struct gyre_variant *variant)
{
    return variant->consts[0];
}

// Drivers whose CL_KERNEL_WORK_GROUP_SIZE is no limit, by how their text begins.
static bool has_wrong_group_size(const char *driver)
{
    static const char *const drivers[] = {
        "rusticl 22.", // Mesa 22.3.6, llvmpipe: says 32, runs 256 rightly; tried on 2026-11-22
    };
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
        if (strncmp(driver, drivers[i], strlen(drivers[i])) == 0)
            return true;
    return false;
}

// Drivers accept and run what is beyond their limits, wrongly.
static enum gyre_status check_limits(const struct gyre_cl_device *device,
                                     const struct gyre_cl_program *program)
{
    const struct gyre_device_info *info = &device->head.info;
    size_t max_size = 0;
    cl_ulong local = 0;
    device->cl.clGetKernelWorkGroupInfo(program->kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE,
                                        sizeof(max_size), &max_size, NULL);
    device->cl.clGetKernelWorkGroupInfo(program->kernel, device->id, CL_KERNEL_LOCAL_MEM_SIZE,
                                        sizeof(local), &local, NULL);
    if (has_wrong_group_size(info->driver))
        max_size = info->max_group_size;
    if (max_size >= group_size(&program->variant) && local <= info->local_size)
        return GYRE_OK;
    gyre_log_write(&device->head.log, GYRE_LOG_INFO,
                   "opencl: %s with %u work-items (at most %zu) and %llu bytes of local memory (at "
                   "most %u) does not fit",
                   program->variant.kernel->name, group_size(&program->variant), max_size,
                   (unsigned long long)local, info->local_size);
    return GYRE_UNSUPPORTED;
}

static enum gyre_status make_kernel(const struct gyre_cl_device *device,
                                    struct gyre_cl_program *program)
{
    const struct gyre_variant *variant = &program->variant;
    if (group_size(variant) > device->head.info.max_group_size) {
        gyre_log_write(&device->head.log, GYRE_LOG_INFO, "opencl: work-groups of %u do not fit",
                       group_size(variant));
        return GYRE_UNSUPPORTED;
    }
    enum gyre_status status = get_program(device, variant, &program->program);
    if (status != GYRE_OK)
        return status;
    cl_int error = CL_SUCCESS;
    program->kernel = device->cl.clCreateKernel(program->program, variant->kernel->name, &error);
    status = gyre_cl_check(&device->head.log, error, GYRE_CL_BUILD, "clCreateKernel");
    return status == GYRE_OK ? check_limits(device, program) : status;
}

// What would not be otherwise another time.
static bool is_lasting(enum gyre_status status)
{
    return status == GYRE_OK || status == GYRE_UNSUPPORTED || status == GYRE_COMPILE;
}

// OK: made, with a status of its own.
static enum gyre_status make_program(const struct gyre_cl_device *device,
                                     const struct gyre_variant *variant,
                                     struct gyre_cl_program **out)
{
    struct gyre_cl_program *program = calloc(1, sizeof(*program));
    if (program == NULL)
        return GYRE_NO_MEMORY;
    program->variant = *variant;
    pthread_mutex_init(&program->lock, NULL);
    program->status = make_kernel(device, program);
    if (!is_lasting(program->status)) {
        enum gyre_status status = program->status;
        free_program(&device->cl, program);
        return status;
    }
    *out = program;
    return GYRE_OK;
}

static struct gyre_cl_program *find(const struct gyre_cl_device *device,
                                    const struct gyre_variant *variant)
{
    struct gyre_cl_program *program = device->programs;
    while (program != NULL && !gyre_variant_equal(&program->variant, variant))
        program = program->next;
    return program;
}

static struct gyre_cl_program *find_locked(struct gyre_cl_device *device,
                                           const struct gyre_variant *variant)
{
    pthread_mutex_lock(&device->lock);
    struct gyre_cl_program *program = find(device, variant);
    pthread_mutex_unlock(&device->lock);
    return program;
}

// Adds a new program, unless another thread was faster: then its own one counts.
static struct gyre_cl_program *insert(struct gyre_cl_device *device, struct gyre_cl_program *made)
{
    pthread_mutex_lock(&device->lock);
    struct gyre_cl_program *program = find(device, &made->variant);
    if (program == NULL) {
        made->next = device->programs;
        device->programs = made;
    }
    pthread_mutex_unlock(&device->lock);
    if (program == NULL)
        return made;
    free_program(&device->cl, made);
    return program;
}

// Compiles outside of the lock, so that other streams go on meanwhile. A variant that cannot be had
// is built, and logged, once.
static enum gyre_status need_program(struct gyre_cl_device *device,
                                     const struct gyre_variant *variant,
                                     struct gyre_cl_program **out)
{
    *out = find_locked(device, variant);
    if (*out == NULL) {
        enum gyre_status status = make_program(device, variant, out);
        if (status != GYRE_OK)
            return status;
        *out = insert(device, *out);
    }
    return (*out)->status;
}

enum gyre_status gyre_cl_prepare(struct gyre_device *device, const struct gyre_variant *variant)
{
    struct gyre_cl_program *program = NULL;
    return need_program(gyre_cl_device_of(device), variant, &program);
}

// --- running

static cl_int set_args(const struct gyre_cl *cl, cl_kernel kernel,
                       const struct gyre_dispatch *dispatch,
                       const struct gyre_cl_bindings *bindings)
{
    cl_int error =
        cl->clSetKernelArg(kernel, 0, dispatch->variant.kernel->args_size, dispatch->args);
    for (uint32_t i = 0; i < bindings->n && error == CL_SUCCESS; i++)
        error = cl->clSetKernelArg(kernel, i + 1, sizeof(cl_mem), &bindings->mems[i]);
    return error;
}

static enum gyre_status enqueue(struct gyre_cl_stream *stream, struct gyre_cl_program *program,
                                const struct gyre_dispatch *dispatch,
                                const struct gyre_cl_bindings *bindings)
{
    const struct gyre_cl *cl = &gyre_cl_device_of(stream->head.device)->cl;
    const size_t local[3] = {group_size(&program->variant), 1, 1};
    const size_t global[3] = {dispatch->groups[0] * local[0], dispatch->groups[1],
                              dispatch->groups[2]};
    const char *call = "clSetKernelArg";
    cl_event event = NULL;
    pthread_mutex_lock(&program->lock);
    cl_int error = set_args(cl, program->kernel, dispatch, bindings);
    if (error == CL_SUCCESS) {
        call = "clEnqueueNDRangeKernel";
        error = cl->clEnqueueNDRangeKernel(stream->queue, program->kernel, 3, NULL, global, local,
                                           0, NULL, &event);
    }
    pthread_mutex_unlock(&program->lock);
    if (error == CL_SUCCESS)
        gyre_cl_stream_note(stream, event);
    return gyre_cl_check(&stream->head.device->log, error, GYRE_CL_SETUP, call);
}

enum gyre_status gyre_cl_dispatch(struct gyre_stream *head, const struct gyre_dispatch *dispatch)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    struct gyre_cl_device *device = gyre_cl_device_of(head->device);
    struct gyre_cl_program *program = NULL;
    struct gyre_cl_bindings bindings;
    enum gyre_status status = need_program(device, &dispatch->variant, &program);
    if (status != GYRE_OK)
        return status;
    status = gyre_cl_bind(device, dispatch, &bindings);
    if (status != GYRE_OK)
        return status;
    status = enqueue(stream, program, dispatch, &bindings);
    gyre_cl_unbind(&device->cl, &bindings);
    return status;
}

// SPDX-License-Identifier: MIT
// Matrix products by CLBlast, opened at run time.
#include "config.h"
#include "opencl/objects.h"

#if GYRE_HAVE_CLBLAST
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <clblast_c.h>

#include "log.h"

// CLBlast 1.5 changes tables of its own, which all threads of the process share, without a lock.
static pthread_mutex_t clblast_lock = PTHREAD_MUTEX_INITIALIZER;

struct gyre_clblast {
    void *handle;
    __typeof__(CLBlastSgemmStridedBatched) *gemm;
    __typeof__(CLBlastClearCache) *clear_cache;
};

static void *find(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol;
}

// NULL, with one line, where there is none.
static struct gyre_clblast *load(const struct gyre_log *log)
{
    struct gyre_clblast *clblast = calloc(1, sizeof(*clblast));
    if (clblast == NULL)
        return NULL;
    clblast->handle = dlopen("libclblast.so.1", RTLD_NOW | RTLD_LOCAL);
    if (clblast->handle != NULL &&
        find(clblast->handle, "CLBlastSgemmStridedBatched", &clblast->gemm) != NULL &&
        find(clblast->handle, "CLBlastClearCache", &clblast->clear_cache) != NULL)
        return clblast;
    gyre_log_write(log, GYRE_LOG_INFO, "opencl: no CLBlast: %s", dlerror());
    if (clblast->handle != NULL)
        dlclose(clblast->handle);
    free(clblast);
    return NULL;
}

static struct gyre_clblast *need_clblast(struct gyre_cl_device *device)
{
    pthread_mutex_lock(&device->lock);
    if (!device->has_tried_clblast)
        device->clblast = load(&device->head.log);
    device->has_tried_clblast = true;
    struct gyre_clblast *clblast = device->clblast;
    pthread_mutex_unlock(&device->lock);
    return clblast;
}

void gyre_cl_clblast_free(struct gyre_cl_device *device)
{
    if (device->clblast == NULL)
        return;
    pthread_mutex_lock(&clblast_lock);
    device->clblast->clear_cache(); // it keeps programs and contexts of its own
    dlclose(device->clblast->handle);
    pthread_mutex_unlock(&clblast_lock);
    free(device->clblast);
    device->clblast = NULL;
}

bool gyre_cl_has_gemm(const struct gyre_device *device)
{
    return need_clblast(gyre_cl_device_of(device)) != NULL;
}

static cl_mem memory(const struct gyre_span *span)
{
    return ((struct gyre_cl_buffer *)span->buffer)->mem;
}

static size_t first_element(const struct gyre_span *span, uint64_t offset)
{
    return span->offset / sizeof(float) + offset;
}

enum gyre_status gyre_cl_gemm(struct gyre_stream *head, const struct gyre_gemm *g)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    const struct gyre_clblast *clblast = need_clblast(gyre_cl_device_of(head->device));
    cl_event event = NULL;
    if (clblast == NULL)
        return GYRE_UNSUPPORTED;
    pthread_mutex_lock(&clblast_lock);
    CLBlastStatusCode code = clblast->gemm(
        CLBlastLayoutRowMajor, CLBlastTransposeNo,
        g->is_b_transposed ? CLBlastTransposeYes : CLBlastTransposeNo, g->m, g->n, g->k, g->alpha,
        memory(&g->a), first_element(&g->a, g->a_offset), g->a_ld, g->a_stride, memory(&g->b),
        first_element(&g->b, g->b_offset), g->b_ld, g->b_stride, 0.0f, memory(&g->c),
        first_element(&g->c, g->c_offset), g->c_ld, g->c_stride, g->batch, &stream->queue, &event);
    pthread_mutex_unlock(&clblast_lock);
    if (code == CLBlastSuccess)
        gyre_cl_stream_note(stream, event);
    // Its codes are OpenCL's, and others of its own.
    return gyre_cl_check(&head->device->log, (cl_int)code, GYRE_CL_SETUP,
                         "CLBlastSgemmStridedBatched");
}
#else
void gyre_cl_clblast_free(struct gyre_cl_device *device)
{
    (void)device;
}

bool gyre_cl_has_gemm(const struct gyre_device *device)
{
    (void)device;
    return false;
}

enum gyre_status gyre_cl_gemm(struct gyre_stream *stream, const struct gyre_gemm *gemm)
{
    (void)stream;
    (void)gemm;
    return GYRE_UNSUPPORTED;
}
#endif

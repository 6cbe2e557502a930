// SPDX-License-Identifier: MIT
// Buffers, and the parts of them that kernels see.
#include <stdlib.h>
#include <string.h>

#include "opencl/objects.h"

enum gyre_status gyre_cl_buffer_create(struct gyre_device *head, uint64_t size,
                                       struct gyre_buffer **out)
{
    struct gyre_cl_device *device = gyre_cl_device_of(head);
    struct gyre_cl_buffer *buffer = calloc(1, sizeof(*buffer));
    if (buffer == NULL)
        return GYRE_NO_MEMORY;
    cl_int error = CL_SUCCESS;
    buffer->head.device = head;
    buffer->head.size = size;
    buffer->mem = device->cl.clCreateBuffer(device->context, CL_MEM_READ_WRITE, size, NULL, &error);
    enum gyre_status status = gyre_cl_check(&head->log, error, GYRE_CL_SETUP, "clCreateBuffer");
    if (status != GYRE_OK) {
        free(buffer);
        return status;
    }
    *out = &buffer->head;
    return GYRE_OK;
}

void gyre_cl_buffer_destroy(struct gyre_buffer *head)
{
    struct gyre_cl_buffer *buffer = (struct gyre_cl_buffer *)head;
    gyre_cl_device_of(head->device)->cl.clReleaseMemObject(buffer->mem);
    free(buffer);
}

enum gyre_status gyre_cl_buffer_write(struct gyre_stream *head, struct gyre_buffer *buffer,
                                      uint64_t offset, uint64_t size, const void *src)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    cl_mem mem = ((struct gyre_cl_buffer *)buffer)->mem;
    cl_int error = gyre_cl_device_of(head->device)
                       ->cl.clEnqueueWriteBuffer(stream->queue, mem, CL_TRUE, offset, size, src, 0,
                                                 NULL, NULL);
    return gyre_cl_check(&head->device->log, error, GYRE_CL_SETUP, "clEnqueueWriteBuffer");
}

enum gyre_status gyre_cl_buffer_read(struct gyre_stream *head, struct gyre_buffer *buffer,
                                     uint64_t offset, uint64_t size, void *dst)
{
    struct gyre_cl_stream *stream = (struct gyre_cl_stream *)head;
    cl_mem mem = ((struct gyre_cl_buffer *)buffer)->mem;
    cl_int error =
        gyre_cl_device_of(head->device)
            ->cl.clEnqueueReadBuffer(stream->queue, mem, CL_TRUE, offset, size, dst, 0, NULL, NULL);
    return gyre_cl_check(&head->device->log, error, GYRE_CL_RUN, "clEnqueueReadBuffer");
}

// --- what a dispatch binds

// A span's memory: the buffer's own, or a part of it to release.
static enum gyre_status make_binding(struct gyre_cl_device *device, const struct gyre_span *span,
                                     cl_mem *mem, bool *is_part)
{
    cl_mem whole = ((struct gyre_cl_buffer *)span->buffer)->mem;
    cl_buffer_region region = {span->offset, span->size};
    cl_int error = CL_SUCCESS;
    *is_part = span->offset != 0;
    *mem = *is_part ? device->cl.clCreateSubBuffer(whole, CL_MEM_READ_WRITE,
                                                   CL_BUFFER_CREATE_TYPE_REGION, &region, &error)
                    : whole;
    return gyre_cl_check(&device->head.log, error, GYRE_CL_SETUP, "clCreateSubBuffer");
}

static bool begin_alike(const struct gyre_span *x, const struct gyre_span *y)
{
    return x->buffer == y->buffer && x->offset == y->offset;
}

// The first binding that begins where binding i does.
static uint32_t first_like(const struct gyre_dispatch *dispatch, uint32_t i)
{
    uint32_t first = 0;
    while (!begin_alike(&dispatch->bufs[first], &dispatch->bufs[i]))
        first++;
    return first;
}

// The largest span of those that begin where binding i does.
static struct gyre_span largest_like(const struct gyre_dispatch *dispatch, uint32_t i)
{
    struct gyre_span largest = dispatch->bufs[i];
    for (uint32_t j = 0; j < dispatch->variant.kernel->n_bufs; j++)
        if (begin_alike(&dispatch->bufs[j], &largest) && dispatch->bufs[j].size > largest.size)
            largest.size = dispatch->bufs[j].size;
    return largest;
}

enum gyre_status gyre_cl_bind(struct gyre_cl_device *device, const struct gyre_dispatch *dispatch,
                              struct gyre_cl_bindings *bindings)
{
    enum gyre_status status = GYRE_OK;
    memset(bindings, 0, sizeof(*bindings));
    for (uint32_t i = 0; i < dispatch->variant.kernel->n_bufs && status == GYRE_OK; i++) {
        const uint32_t first = first_like(dispatch, i);
        const struct gyre_span span = largest_like(dispatch, i);
        if (first < i)
            bindings->mems[i] = bindings->mems[first];
        else
            status = make_binding(device, &span, &bindings->mems[i], &bindings->are_parts[i]);
        bindings->n += status == GYRE_OK;
    }
    if (status != GYRE_OK)
        gyre_cl_unbind(&device->cl, bindings);
    return status;
}

void gyre_cl_unbind(const struct gyre_cl *cl, const struct gyre_cl_bindings *bindings)
{
    for (uint32_t i = 0; i < bindings->n; i++)
        if (bindings->are_parts[i])
            cl->clReleaseMemObject(bindings->mems[i]);
}

// SPDX-License-Identifier: MIT
#include <gyre/buffer.h>

#include "backend.h"
#include "log.h"

enum gyre_status gyre_buffer_create(struct gyre_device *device, uint64_t size,
                                    struct gyre_buffer **out)
{
    if (out == NULL)
        return gyre_fail(device ? &device->log : NULL, GYRE_INVALID, "buffer: out is NULL");
    *out = NULL;
    if (device == NULL)
        return GYRE_INVALID;
    uint64_t max = device->info.max_alloc_size ? device->info.max_alloc_size : UINT64_MAX / 2;
    if (size > max)
        return gyre_fail(&device->log, GYRE_UNSUPPORTED,
                         "buffer: %llu bytes, the device's largest is %llu",
                         (unsigned long long)size, (unsigned long long)max);
    // Drivers know no empty buffers, and kernels read bytes and halves by whole words.
    uint64_t padded = (size > 0 ? size + 15 : 16) & ~(uint64_t)15;
    enum gyre_status status = device->backend->buffer_create(device, padded, out);
    if (status != GYRE_OK)
        return status;
    (*out)->device = device;
    (*out)->size = size;
    gyre_device_retain(device);
    return GYRE_OK;
}

void gyre_buffer_destroy(struct gyre_buffer **buffer)
{
    if (buffer == NULL || *buffer == NULL)
        return;
    struct gyre_device *device = (*buffer)->device;
    device->backend->buffer_destroy(*buffer);
    *buffer = NULL;
    gyre_device_release(device);
}

uint64_t gyre_buffer_size(const struct gyre_buffer *buffer)
{
    return buffer ? buffer->size : 0;
}

static enum gyre_status check_range(struct gyre_stream *stream, const struct gyre_buffer *buffer,
                                    uint64_t offset, uint64_t size, const void *host)
{
    if (stream == NULL)
        return GYRE_INVALID;
    const struct gyre_log *log = &stream->device->log;
    if (buffer == NULL || (host == NULL && size != 0))
        return gyre_fail(log, GYRE_INVALID, "buffer copy: buffer or host pointer is NULL");
    if (buffer->device != stream->device)
        return gyre_fail(log, GYRE_INVALID, "buffer copy: buffer and stream of different devices");
    if (offset > buffer->size || size > buffer->size - offset)
        return gyre_fail(log, GYRE_INVALID, "buffer copy: %llu bytes at %llu, the buffer has %llu",
                         (unsigned long long)size, (unsigned long long)offset,
                         (unsigned long long)buffer->size);
    return GYRE_OK;
}

enum gyre_status gyre_buffer_write(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                   uint64_t offset, uint64_t size, const void *src)
{
    enum gyre_status status = check_range(stream, buffer, offset, size, src);
    if (status != GYRE_OK || size == 0)
        return status;
    return stream->device->backend->buffer_write(stream, buffer, offset, size, src);
}

enum gyre_status gyre_buffer_read(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                  uint64_t offset, uint64_t size, void *dst)
{
    enum gyre_status status = check_range(stream, buffer, offset, size, dst);
    if (status != GYRE_OK || size == 0)
        return status;
    return stream->device->backend->buffer_read(stream, buffer, offset, size, dst);
}

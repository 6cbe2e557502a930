// SPDX-License-Identifier: MIT
// Buffers of the CPU device: ordinary memory.
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "log.h"

// A cache line, which is also what streaming stores ask for.
enum { ALIGNMENT = 64 };

static char *data_of(struct gyre_buffer *buffer)
{
    return ((struct gyre_cpu_buffer *)buffer)->data;
}

enum gyre_status gyre_cpu_buffer_create(struct gyre_device *device, uint64_t size,
                                        struct gyre_buffer **out)
{
    struct gyre_cpu_buffer *buffer = calloc(1, sizeof(*buffer));
    bool fits = size <= SIZE_MAX - ALIGNMENT;
    size_t padded = ((size_t)size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (buffer != NULL && fits)
        buffer->data = aligned_alloc(ALIGNMENT, padded);
    if (buffer == NULL || buffer->data == NULL) {
        free(buffer);
        return gyre_fail(&device->log, GYRE_NO_MEMORY, "cpu: no memory for a buffer of %llu bytes",
                         (unsigned long long)size);
    }
    buffer->base.device = device;
    buffer->base.size = size;
    *out = &buffer->base;
    return GYRE_OK;
}

void gyre_cpu_buffer_destroy(struct gyre_buffer *buffer)
{
    free(data_of(buffer));
    free(buffer);
}

enum gyre_status gyre_cpu_buffer_write(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                       uint64_t offset, uint64_t size, const void *src)
{
    (void)stream; // all its work is done
    memcpy(data_of(buffer) + offset, src, size);
    return GYRE_OK;
}

enum gyre_status gyre_cpu_buffer_read(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                      uint64_t offset, uint64_t size, void *dst)
{
    (void)stream;
    memcpy(dst, data_of(buffer) + offset, size);
    return GYRE_OK;
}

// SPDX-License-Identifier: MIT
// Buffers of the CPU device: ordinary memory.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu.h"
#include "log.h"

static char *data_of(struct gyre_buffer *buffer)
{
    return ((struct gyre_cpu_buffer *)buffer)->data;
}

// Heads of one token after the other lie pages apart: large pages spare the page walks. A small
// block is aligned to a cache line, which is also what streaming stores ask for.
void *gyre_cpu_alloc(uint64_t size)
{
    const size_t line = 64, huge = (size_t)2 << 20;
    size_t alignment = size < huge ? line : huge;
    if (size > SIZE_MAX - huge)
        return NULL;
    size_t padded = ((size_t)size + alignment - 1) / alignment * alignment;
    void *data = aligned_alloc(alignment, padded);
#if defined(MADV_HUGEPAGE)
    if (data != NULL && alignment == huge)
        madvise(data, padded, MADV_HUGEPAGE); // a wish: what it returns does not matter
#endif
    return data;
}

enum gyre_status gyre_cpu_buffer_create(struct gyre_device *device, uint64_t size,
                                        struct gyre_buffer **out)
{
    struct gyre_cpu_buffer *buffer = calloc(1, sizeof(*buffer));
    if (buffer != NULL)
        buffer->data = gyre_cpu_alloc(size);
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

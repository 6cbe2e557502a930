// SPDX-License-Identifier: MIT
// Buffers: memory of a device.
// Threads: as for the stream given; creating and destroying from any thread.
#ifndef GYRE_BUFFER_H
#define GYRE_BUFFER_H

#include <gyre/device.h>
#include <gyre/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

// Makes a buffer of `size` bytes (0 is legal) with undefined contents. NO_MEMORY when it does not
// fit, UNSUPPORTED above the device's max_alloc_size.
GYRE_API enum gyre_status gyre_buffer_create(struct gyre_device *device, uint64_t size,
                                             struct gyre_buffer **out);

// The caller makes sure that no work in flight uses the buffer.
GYRE_API void gyre_buffer_destroy(struct gyre_buffer **buffer);

GYRE_API uint64_t gyre_buffer_size(const struct gyre_buffer *buffer);

// Copy between host memory and a buffer, after all work of the stream so far; blocks until done.
// INVALID outside the buffer; DEVICE or DEVICE_LOST when work before it failed.
GYRE_API enum gyre_status gyre_buffer_write(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                            uint64_t offset, uint64_t size, const void *src);
GYRE_API enum gyre_status gyre_buffer_read(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                           uint64_t offset, uint64_t size, void *dst);

#ifdef __cplusplus
}
#endif

#endif

// SPDX-License-Identifier: MIT
// What the files of this backend share: its objects, and the functions of its table.
#ifndef GYRE_OPENCL_OBJECTS_H
#define GYRE_OPENCL_OBJECTS_H

#include <pthread.h>

#include "backend.h"
#include "opencl/library.h"

struct gyre_cl_program;
struct gyre_clblast;

struct gyre_cl_device {
    struct gyre_device head;
    struct gyre_cl cl;
    cl_device_id id;
    cl_context context;
    char platform[256]; // name and version, for cache keys
    pthread_mutex_t lock;
    struct gyre_cl_program *programs; // compiled variants; guarded by lock
    struct gyre_clblast *clblast;     // guarded by lock until it is there
    bool has_tried_clblast;           // guarded by lock
};

struct gyre_cl_buffer {
    struct gyre_buffer head;
    cl_mem mem;
};

struct gyre_cl_stream {
    struct gyre_stream head;
    cl_command_queue queue;
    cl_event first; // earliest work since the last submission; NULL: none
    cl_event last;  // latest work; NULL: none ever
};

struct gyre_cl_event {
    struct gyre_event head;
    cl_event first, last; // first NULL: an empty submission
};

static inline struct gyre_cl_device *gyre_cl_device_of(const struct gyre_device *device)
{
    return (struct gyre_cl_device *)device;
}

// Takes over the event of what has just been enqueued.
void gyre_cl_stream_note(struct gyre_cl_stream *stream, cl_event event);

// The memory objects of a dispatch. OpenCL leaves undefined what a kernel sees of its own writes
// through another part of the same buffer, so spans that begin alike share one part. Parts are only
// made past info.offset_align, and two that overlap from different beginnings, one of them written,
// are left as they are: a tensor in place or beside others in one buffer of less is not affected.
struct gyre_cl_bindings {
    cl_mem mems[GYRE_MAX_BUFS];
    bool are_parts[GYRE_MAX_BUFS]; // to be released
    uint32_t n;
};
enum gyre_status gyre_cl_bind(struct gyre_cl_device *device, const struct gyre_dispatch *dispatch,
                              struct gyre_cl_bindings *bindings);
void gyre_cl_unbind(const struct gyre_cl *cl, const struct gyre_cl_bindings *bindings);

void gyre_cl_programs_free(struct gyre_cl_device *device);
void gyre_cl_clblast_free(struct gyre_cl_device *device);

// The backend's table, by file.

enum gyre_status gyre_cl_buffer_create(struct gyre_device *device, uint64_t size,
                                       struct gyre_buffer **out);
void gyre_cl_buffer_destroy(struct gyre_buffer *buffer);
enum gyre_status gyre_cl_buffer_write(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                      uint64_t offset, uint64_t size, const void *src);
enum gyre_status gyre_cl_buffer_read(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                     uint64_t offset, uint64_t size, void *dst);

enum gyre_status gyre_cl_stream_create(struct gyre_device *device, struct gyre_stream **out);
void gyre_cl_stream_destroy(struct gyre_stream *stream);
enum gyre_status gyre_cl_stream_submit(struct gyre_stream *stream, struct gyre_event **event);
enum gyre_status gyre_cl_stream_finish(struct gyre_stream *stream);
enum gyre_status gyre_cl_stream_wait(struct gyre_stream *stream, const struct gyre_event *event);

enum gyre_status gyre_cl_event_wait(struct gyre_event *event, uint64_t timeout_ns);
enum gyre_status gyre_cl_event_device_time(struct gyre_event *event, uint64_t *ns);
void gyre_cl_event_destroy(struct gyre_event *event);

enum gyre_status gyre_cl_prepare(struct gyre_device *device, const struct gyre_variant *variant);
enum gyre_status gyre_cl_dispatch(struct gyre_stream *stream, const struct gyre_dispatch *dispatch);

enum gyre_status gyre_cl_gemm(struct gyre_stream *stream, const struct gyre_gemm *gemm);
bool gyre_cl_has_gemm(const struct gyre_device *device);

#endif

// SPDX-License-Identifier: MIT
// The CPU device. A work-group is a function call, which the threads of a pool take from a counter;
// a dispatch has run when it returns.
#ifndef GYRE_CPU_H
#define GYRE_CPU_H

#include <pthread.h>
#include <pthreadpool.h>

#include "backend.h"

struct gyre_cpu_kernel;

// An instruction set and the kernels compiled for it.
struct gyre_cpu_isa {
    const char *name;
    bool (*is_present)(void);                     // on the CPU that runs this
    const struct gyre_cpu_kernel *const *kernels; // ended by NULL
    bool (*has_bf16_dot)(void);                   // likewise; NULL: these kernels do not use it
};

// Groups [next, end) of a dispatch, which belong to one thread but which others may take, too.
struct gyre_cpu_share {
    _Alignas(64) atomic_uint_fast64_t next;
    uint64_t end;
};

struct gyre_cpu_device {
    struct gyre_device base;
    const struct gyre_cpu_isa *isa;
    uint32_t n_threads;
    pthread_mutex_t lock;          // of what follows: a pool serves one caller at a time
    pthreadpool_t pool;            // NULL with one thread
    struct gyre_cpu_share *shares; // (n_threads)
    char *local;                   // (n_threads, local_size): local memory of the groups that run
    size_t local_size; // of one thread; grows, so that nothing is allocated in the long run
};

struct gyre_cpu_buffer {
    struct gyre_buffer base;
    char *data;
};

struct gyre_cpu_stream {
    struct gyre_stream base;
    uint64_t busy_ns; // spent in dispatches since the last submission
};

struct gyre_cpu_event {
    struct gyre_event base;
    uint64_t busy_ns;
};

// The best instruction set this CPU has, or a lesser one that $GYRE_CPU_ISA names.
const struct gyre_cpu_isa *gyre_cpu_isa_choose(const struct gyre_log *log);

// Memory for buffers and groups, freed by free(). NULL: there is none.
void *gyre_cpu_alloc(uint64_t size);

// Entries of the backend's table.
enum gyre_status gyre_cpu_buffer_create(struct gyre_device *device, uint64_t size,
                                        struct gyre_buffer **out);
void gyre_cpu_buffer_destroy(struct gyre_buffer *buffer);
enum gyre_status gyre_cpu_buffer_write(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                       uint64_t offset, uint64_t size, const void *src);
enum gyre_status gyre_cpu_buffer_read(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                      uint64_t offset, uint64_t size, void *dst);

enum gyre_status gyre_cpu_prepare(struct gyre_device *device, const struct gyre_variant *variant);
enum gyre_status gyre_cpu_dispatch(struct gyre_stream *stream,
                                   const struct gyre_dispatch *dispatch);

enum gyre_status gyre_cpu_stream_create(struct gyre_device *device, struct gyre_stream **out);
void gyre_cpu_stream_destroy(struct gyre_stream *stream);
enum gyre_status gyre_cpu_stream_submit(struct gyre_stream *stream, struct gyre_event **event);
enum gyre_status gyre_cpu_stream_finish(struct gyre_stream *stream);
enum gyre_status gyre_cpu_stream_wait(struct gyre_stream *stream, const struct gyre_event *event);
enum gyre_status gyre_cpu_event_wait(struct gyre_event *event, uint64_t timeout_ns);
enum gyre_status gyre_cpu_event_device_time(struct gyre_event *event, uint64_t *ns);
void gyre_cpu_event_destroy(struct gyre_event *event);

#endif

// SPDX-License-Identifier: MIT
// The seam between operators and devices. A backend runs kernels: it allocates, copies, compiles,
// dispatches and signals, and never sees the word "attention". Operators (ops/) fill dispatches and
// never see a backend.
#ifndef GYRE_BACKEND_H
#define GYRE_BACKEND_H

#include <stdatomic.h>

#include <gyre/buffer.h>
#include <gyre/device.h>
#include <gyre/stream.h>

enum { GYRE_MAX_DEFS = 8, GYRE_MAX_CONSTS = 8, GYRE_MAX_BUFS = 20, GYRE_MAX_ARGS = 512 };

// One kernel: cl/NAME.cl, shaders/NAME.comp and src/cpu/kernels/NAME.c, all including args/NAME.h.
struct gyre_kernel {
    const char *name;
    uint32_t args_size; // at most GYRE_MAX_ARGS
    uint32_t n_bufs;    // bindings 0..n_bufs-1
    // #defines of dtypes and features, few values each: a SPIR-V module per combination.
    const char *defs[GYRE_MAX_DEFS];
    // Numbers such as tiles: Vulkan constant_id = index, OpenCL -D. Number 0 is always "WG", the
    // work-items of a work-group (which is one-dimensional).
    const char *consts[GYRE_MAX_CONSTS];
};

// What has to be compiled: a kernel with all its choices made.
struct gyre_variant {
    const struct gyre_kernel *kernel;
    uint32_t defs[GYRE_MAX_DEFS]; // unused ones are 0
    uint32_t consts[GYRE_MAX_CONSTS];
    uint32_t absent; // bit i: buffer i is the dummy and never touched; not part of what it computes
};

// A part of a buffer. The offset is a multiple of the device's info.offset_align; what is left of a
// tensor's offset travels in the kernel's arguments, in elements.
struct gyre_span {
    struct gyre_buffer *buffer; // never NULL in a dispatch: absent tensors are the device's dummy
    uint64_t offset, size;      // bytes
};

// Everything a device needs to run a kernel once.
struct gyre_dispatch {
    struct gyre_variant variant;
    const void *args; // kernel->args_size bytes, read during the call
    struct gyre_span bufs[GYRE_MAX_BUFS];
    uint32_t groups[3];
};

// C[i] = alpha * A[i] op(B[i]), row-major f32: A (m, k), B (k, n) or transposed (n, k), C (m, n),
// i < batch; leading dimensions and strides in elements.
struct gyre_gemm {
    uint32_t m, n, k, batch;
    bool is_b_transposed;
    float alpha;
    struct gyre_span a, b, c;
    uint64_t a_offset, b_offset, c_offset; // elements past the span's start
    uint64_t a_ld, b_ld, c_ld, a_stride, b_stride, c_stride;
};

// Heads of the four objects: a backend's own structs begin with these.
struct gyre_device {
    const struct gyre_backend *backend;
    struct gyre_log log;
    struct gyre_device_info info;
    struct gyre_cache *cache;       // disk cache; NULL: none
    struct gyre_buffer *dummy;      // what absent tensors are bound to
    struct gyre_verdicts *verdicts; // which kernels have been found right or wrong
    atomic_uint n_refs;             // the owner and every living child
};

struct gyre_buffer {
    struct gyre_device *device;
    uint64_t size;
};

struct gyre_stream {
    struct gyre_device *device;
    struct gyre_buffer *scratch; // grown by operators, used in order
};

struct gyre_event {
    struct gyre_device *device;
};

// Collects what a backend finds.
struct gyre_found;
enum gyre_status gyre_found_add(struct gyre_found *found, const struct gyre_device_info *info);

// One static const table per backend. Parameters have been checked by the public entry points;
// sizes are not 0. Functions that make an object fill its head except for n_refs.
struct gyre_backend {
    enum gyre_backend_kind kind;

    // Adds an info per usable device: backend, id and all facts; rank, why and physical are set
    // later. An absent or broken driver is a log line and OK.
    enum gyre_status (*list)(const struct gyre_device_params *params, struct gyre_found *found);
    // Opens the device that list() called info->id. The cache has been opened, or is NULL.
    enum gyre_status (*open)(const struct gyre_device_params *params,
                             const struct gyre_device_info *info, struct gyre_cache *cache,
                             struct gyre_device **out);
    void (*close)(struct gyre_device *device);

    enum gyre_status (*buffer_create)(struct gyre_device *device, uint64_t size,
                                      struct gyre_buffer **out);
    void (*buffer_destroy)(struct gyre_buffer *buffer);
    // Blocking, after all work of the stream.
    enum gyre_status (*buffer_write)(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                     uint64_t offset, uint64_t size, const void *src);
    enum gyre_status (*buffer_read)(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                    uint64_t offset, uint64_t size, void *dst);

    enum gyre_status (*stream_create)(struct gyre_device *device, struct gyre_stream **out);
    void (*stream_destroy)(struct gyre_stream *stream); // waits
    enum gyre_status (*stream_submit)(struct gyre_stream *stream, struct gyre_event **event);
    enum gyre_status (*stream_finish)(struct gyre_stream *stream);
    enum gyre_status (*stream_wait)(struct gyre_stream *stream, const struct gyre_event *event);

    // Compiles a variant unless that was done before. Thread-safe. UNSUPPORTED when this device
    // cannot run it (work-group or local memory too large, no f16 storage), with a log line.
    enum gyre_status (*prepare)(struct gyre_device *device, const struct gyre_variant *variant);
    // Enqueues; prepares first when needed. Each dispatch sees what earlier ones wrote.
    enum gyre_status (*dispatch)(struct gyre_stream *stream, const struct gyre_dispatch *dispatch);
    // A library's matrix product, and its name, which explanations give; all NULL where there is
    // none. At run time the library may still be absent: has_gemm tells, and gemm is UNSUPPORTED.
    const char *gemm_library;
    enum gyre_status (*gemm)(struct gyre_stream *stream, const struct gyre_gemm *gemm);
    bool (*has_gemm)(const struct gyre_device *device);

    enum gyre_status (*event_wait)(struct gyre_event *event, uint64_t timeout_ns);
    enum gyre_status (*event_device_time)(struct gyre_event *event, uint64_t *ns);
    void (*event_destroy)(struct gyre_event *event);
};

extern const struct gyre_backend gyre_backend_cpu, gyre_backend_opencl, gyre_backend_vulkan;

// Children keep their device alive.
void gyre_device_retain(struct gyre_device *device);
void gyre_device_release(struct gyre_device *device);

#endif

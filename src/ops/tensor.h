// SPDX-License-Identifier: MIT
// Checked views of tensors, as operators use them.
#ifndef GYRE_OPS_TENSOR_H
#define GYRE_OPS_TENSOR_H

#include "backend.h"

// What the checks of one call have in common.
struct gyre_check {
    const char *verb; // "rope", for the log
    const struct gyre_device *device;
    bool needs_buffers; // false: only asked whether it would work
};

enum gyre_access { GYRE_INPUT, GYRE_OUTPUT };

// Sets of dtypes.
#define GYRE_DTYPES_FLOAT    (1u << GYRE_F32 | 1u << GYRE_F16 | 1u << GYRE_BF16)
#define GYRE_DTYPES_F32      (1u << GYRE_F32)
#define GYRE_DTYPES_I32      (1u << GYRE_I32)
#define GYRE_DTYPES_POSITION (1u << GYRE_I32 | 1u << GYRE_I64)
#define GYRE_DTYPES_MASK     (GYRE_DTYPES_FLOAT | 1u << GYRE_U8)

// A tensor that has been checked: strides filled in, everything in range.
struct gyre_view {
    struct gyre_buffer *buffer; // NULL: absent, empty, or a buffer to come
    bool is_present;
    enum gyre_dtype dtype;
    uint32_t shape[4];
    uint32_t stride[4]; // elements; 0 on axes of length 1
    uint64_t offset;    // bytes
    uint64_t extent;    // elements from the first to one past the last; 0: empty
};

// Checks `tensor` and fills `view`. `name` is how the header calls it.
enum gyre_status gyre_view_check(const struct gyre_check *check, const char *name,
                                 const struct gyre_tensor *tensor, unsigned dtypes,
                                 enum gyre_access access, struct gyre_view *view);

// INVALID unless axis `axis` has the length `want` (called `what` in the log).
enum gyre_status gyre_view_check_axis(const struct gyre_check *check, const char *name,
                                      const struct gyre_view *view, int axis, uint32_t want,
                                      const char *what);

// An axis of a tensor that must be as long as something else.
struct gyre_axis_rule {
    const char *name;
    const struct gyre_view *view;
    int axis;
    uint32_t want;
    const char *what;
};

// Checks n rules; those of absent tensors hold.
enum gyre_status gyre_view_check_axes(const struct gyre_check *check,
                                      const struct gyre_axis_rule *rules, size_t n);

// INVALID when the output may share an element with `other`; identical views share all.
enum gyre_status gyre_view_check_disjoint(const struct gyre_check *check, const char *name,
                                          const struct gyre_view *output, const char *other_name,
                                          const struct gyre_view *other);

// Same dtype, shape and strides.
bool gyre_view_is_alike(const struct gyre_view *a, const struct gyre_view *b);
// And the same memory.
bool gyre_view_is_same(const struct gyre_view *a, const struct gyre_view *b);

// The part of the buffer to bind (the device's dummy when absent), and the elements from its start
// to the tensor's first one.
struct gyre_span gyre_view_span(const struct gyre_device *device, const struct gyre_view *view,
                                uint32_t *first);

#endif

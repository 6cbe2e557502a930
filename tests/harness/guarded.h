// SPDX-License-Identifier: MIT
// Tensors in device memory between two guard bands. Guards, gaps between strided elements and
// outputs not yet written hold bytes of 0xff: NaN in every floating-point dtype, so reading them
// spoils a result, and writing them is seen.
#ifndef HARNESS_GUARDED_H
#define HARNESS_GUARDED_H

#include <gyre/buffer.h>

#include "harness/result.h"
#include "harness/session.h"

enum guarded_use {
    GUARDED_INPUT = 0, // holds values; must not change
    GUARDED_OUTPUT,    // holds NaN; read after
    GUARDED_INOUT,     // holds values; read after
};

// How a tensor lies in memory.
struct guarded_layout {
    enum gyre_dtype dtype;
    enum guarded_use use;
    uint64_t shape[4];
    bool is_head_major; // axes 1 and 2 change places in memory: [B,H,S,D] for (B,S,H,D)
    uint32_t row_gap;   // unused elements after each last axis
    bool is_unaligned;  // begins one element past an aligned offset
};

struct guarded {
    const char *name;
    struct guarded_layout layout;
    struct gyre_tensor tensor; // what an operator gets
    double *values;            // dense, in axis order: as stored before, or as read after
    uint8_t *image;            // the buffer's bytes, `size` of them, before
    uint64_t size;
};

// Makes the buffer and writes it. `values` (dense, in axis order; NULL for an output) are rounded
// to the dtype; guarded->values then holds what was stored.
enum gyre_status guarded_create(struct session *session, const char *name,
                                const struct guarded_layout *layout, const double *values,
                                struct guarded *guarded);
void guarded_destroy(struct guarded *guarded); // accepts all zeros

// Reads the buffer back. Fails `result` when a guard, a gap or an input changed. The values of
// what is not an input are replaced by what was read.
void guarded_read(struct session *session, struct guarded *guarded, struct result *result);

size_t guarded_count(const struct guarded *guarded); // elements

#endif

// SPDX-License-Identifier: MIT
// Where the sums of linear attention (args/linear_attention.h) lie in memory.
#ifndef GYRE_CPU_KERNELS_LINEAR_SUMS_H
#define GYRE_CPU_KERNELS_LINEAR_SUMS_H

#include <stddef.h>

#include "args/linear_attention.h"

// Those of one kv head.
struct linear_sums {
    const struct gyre_linear_sums *at;
    float *state, *norm; // of all heads
    u32 batch, kv_head;
};

// Row d of S, (v_dim).
static inline float *state_row(const struct linear_sums *sums, u32 entry, size_t d)
{
    const u32 *stride = sums->at->state_stride;
    return sums->state + sums->at->state_offset + (size_t)sums->batch * stride[0] +
           (size_t)sums->kv_head * stride[1] + (size_t)entry * stride[2] + d * stride[3];
}

// Element d of z.
static inline float *norm_at(const struct linear_sums *sums, u32 entry, size_t d)
{
    const u32 *stride = sums->at->norm_stride;
    return sums->norm + sums->at->norm_offset + (size_t)sums->batch * stride[0] +
           (size_t)sums->kv_head * stride[1] + (size_t)entry * stride[2] + d * stride[3];
}

#endif

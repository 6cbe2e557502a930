// SPDX-License-Identifier: MIT
// Where a group leaves partial results (args/attention.h).
#ifndef GYRE_CPU_KERNELS_PARTIAL_H
#define GYRE_CPU_KERNELS_PARTIAL_H

#include <stddef.h>

#include "args/attention.h"

struct partial {
    float *acc; // (rows, v_dim)
    float *ml;  // (rows, 2)
};

// Those of a KV head's rows from first_row on, over one split.
static inline struct partial partial_of(const struct gyre_attention_args *args, float *base,
                                        u32 batch, u32 kv_head, u32 split, u32 first_row)
{
    size_t n_rows = (size_t)args->q_len * args->group;
    size_t n_heads = (size_t)args->n_batch * args->n_kv_heads;
    size_t head = (size_t)batch * args->n_kv_heads + kv_head;
    size_t first = (head * args->n_splits + split) * n_rows + first_row;
    size_t n_all = n_heads * args->n_splits * n_rows;
    return (struct partial){base + first * args->v_dim, base + n_all * args->v_dim + first * 2};
}

#endif

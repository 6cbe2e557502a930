// SPDX-License-Identifier: MIT
// Cutting a group's local memory into arrays, and finding rows of tensors.
#ifndef GYRE_CPU_KERNELS_LAYOUT_H
#define GYRE_CPU_KERNELS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "args/attention.h"

static inline size_t round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

// Hands out the next `size` bytes, aligned to 64. Counting from 0 gives the size needed.
static inline void *take(uintptr_t *next, size_t size)
{
    void *taken = (void *)*next;
    *next += round_up(size, 64);
    return taken;
}

// A packed query row (args/attention.h) as query and head.
struct query_row {
    u32 query, head;
};

static inline struct query_row unpack_row(const struct gyre_attention_args *args, u32 kv_head,
                                          u32 row)
{
    return (struct query_row){row / args->group, kv_head * args->group + row % args->group};
}

// First element of a tensor's last axis, strides counting the three before it.
static inline size_t row_index(u32 offset, const u32 stride[3], u32 i, u32 j, u32 k)
{
    return offset + (size_t)i * stride[0] + (size_t)j * stride[1] + (size_t)k * stride[2];
}

#endif

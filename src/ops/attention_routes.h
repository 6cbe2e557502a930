// SPDX-License-Identifier: MIT
// The ways to run the fused attention, and the shapes that they share.
#ifndef GYRE_OPS_ATTENTION_ROUTES_H
#define GYRE_OPS_ATTENTION_ROUTES_H

#include "ops/attention_plan.h"

// Each way is a pair: why this problem on this device does not take it (NULL: it does), and what
// adds it to a plan. attention_tiles.c and attention_split.c.
#define GYRE_ATTENTION_ROUTE(name)                                                                 \
    const char *gyre_attention_refuse_##name(const struct gyre_device_info *info,                  \
                                             const struct gyre_attention_problem *p);              \
    void gyre_attention_add_##name(const struct gyre_device *device,                               \
                                   const struct gyre_attention_problem *p, struct gyre_plan *plan)

GYRE_ATTENTION_ROUTE(split);
GYRE_ATTENTION_ROUTE(cpu);
GYRE_ATTENTION_ROUTE(staged_splits);
GYRE_ATTENTION_ROUTE(staged);
GYRE_ATTENTION_ROUTE(direct_splits);
GYRE_ATTENTION_ROUTE(direct);

struct gyre_attention_tile {
    uint32_t wg, q, k, v; // work-items, rows, keys, columns of v
};

// Columns of v that are accumulated: 0 without an output.
uint32_t gyre_attention_v_dim(const struct gyre_attention_problem *p);
// Packed rows of a KV head.
uint32_t gyre_attention_n_rows(const struct gyre_attention_problem *p);
uint32_t gyre_attention_n_v_tiles(const struct gyre_attention_problem *p,
                                  const struct gyre_attention_tile *tile);
// Columns of v for a group of a GPU.
uint32_t gyre_attention_gpu_v_tile(const struct gyre_attention_problem *p);
void gyre_attention_set_tile(struct gyre_dispatch *dispatch, const struct gyre_attention_tile *tile,
                             uint32_t head_dim);

// EXTRAS of a variant of `attention` or `attention_split`.
uint32_t gyre_attention_variant_extras(const struct gyre_variant *variant);

// Bytes of partial results, and the step that merges them.
uint64_t gyre_attention_partial_size(const struct gyre_attention_problem *p, uint32_t n_splits);
void gyre_attention_add_combine(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, uint32_t n_splits,
                                struct gyre_span partial, struct gyre_plan *plan);

#endif

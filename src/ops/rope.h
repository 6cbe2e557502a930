// SPDX-License-Identifier: MIT
// RoPE between its parts: checking, planning, first use, running.
#ifndef GYRE_OPS_ROPE_H
#define GYRE_OPS_ROPE_H

#include <gyre/rope.h>

#include "ops/plan.h"
#include "ops/rope_table.h"
#include "ops/tensor.h"

// A checked call. Shapes as in the public header.
struct gyre_rope_problem {
    const struct gyre_rope_table *table;
    struct gyre_view q, k, q_out, k_out, positions, cos, sin;
    int32_t start;
    enum gyre_rope_direction direction;
};

enum gyre_status gyre_rope_check(const struct gyre_check *check,
                                 const struct gyre_rope_params *params,
                                 struct gyre_rope_problem *problem);

// Fills a plan; it is empty when there is nothing to do.
void gyre_rope_make_plan(const struct gyre_device *device, const struct gyre_rope_problem *problem,
                         struct gyre_plan *plan);

// UNSUPPORTED when the prepared plan's kernel is known to compute wrong results here; one that is
// not known yet is tried on a small problem.
enum gyre_status gyre_rope_try(struct gyre_device *device, const struct gyre_rope_problem *problem,
                               const struct gyre_plan *plan);

#endif

// SPDX-License-Identifier: MIT
// First use of attention's kernels on a device.
#ifndef GYRE_OPS_ATTENTION_TRIAL_H
#define GYRE_OPS_ATTENTION_TRIAL_H

#include "ops/attention.h"
#include "verdict.h"

// Fills an empty plan for a problem.
typedef void gyre_attention_add_fn(const struct gyre_device *device,
                                   const struct gyre_attention_problem *p, struct gyre_plan *plan);

// Which results `add` plans for.
enum gyre_attention_part { GYRE_PART_FUSED, GYRE_PART_SCORES, GYRE_PART_SUMS };

// What is known of the kernels in a prepared plan that `add` made for `p` (for sums, whose steps
// follow those of the fused kernels: NULL); the unknown ones are
// tried on a small problem that needs the same variants.
enum gyre_verdict gyre_attention_try(struct gyre_device *device,
                                     const struct gyre_attention_problem *p,
                                     const struct gyre_plan *plan, gyre_attention_add_fn *add,
                                     enum gyre_attention_part part);

#endif

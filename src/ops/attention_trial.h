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

// Checks, compiles and tries a plan that `add` made for `p` (for sums, whose steps follow those of
// the fused kernels: NULL). Kernels that were never used are tried on a small problem that needs
// the same variants. Where the plan does not serve, *why says why.
enum gyre_status gyre_attention_prepare(struct gyre_device *device,
                                        const struct gyre_attention_problem *p,
                                        struct gyre_plan *plan, gyre_attention_add_fn *add,
                                        enum gyre_attention_part part, const char **why);

#endif

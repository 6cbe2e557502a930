// SPDX-License-Identifier: MIT
// Comparison of what a device wrote with the reference, and the one table of bounds.
#ifndef HARNESS_COMPARE_H
#define HARNESS_COMPARE_H

#include <stddef.h>

#include <gyre/common.h>

#include "harness/result.h"

// Errors that a result of a dtype may have against exact arithmetic on the stored inputs.
struct bounds {
    double rms; // relative RMS over the tensor
    double max; // largest error over the scale (for attention: the largest |v|)
};

// Of sums of many products, accumulated in f32.
struct bounds bounds_of_sums(enum gyre_dtype dtype);

// Of one stored element: half a unit in the last place of `value`.
double bounds_half_ulp(enum gyre_dtype dtype, double value);

// What is compared. Coordinates in the report follow `shape`.
struct comparison {
    const char *name; // "out", "lse"
    uint64_t shape[4];
    const double *got, *want;
};

// Holds every element to its own absolute bound. NaN must meet NaN, infinity the same infinity.
void compare_each(const struct comparison *c, const double *bound, struct result *result);

// Holds the tensor to `bounds`: errors over `scale`, and relative RMS over the finite elements.
void compare_whole(const struct comparison *c, struct bounds bounds, double scale,
                   struct result *result);

// Largest finite |x|; 0 for none.
double compare_scale(const double *x, size_t n);

#endif

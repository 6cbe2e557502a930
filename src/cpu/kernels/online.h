// SPDX-License-Identifier: MIT
// Running maxima of a softmax that meets its scores in pieces.
#ifndef GYRE_CPU_KERNELS_ONLINE_H
#define GYRE_CPU_KERNELS_ONLINE_H

#include "vec.h"

// How far, as an exponent, a running maximum may fall behind before its sums are rescaled.
#define MAX_LAG 5.5f

// What is subtracted from scores: the maximum, or 0 where there is none yet.
INLINE vec reference_of(vec max)
{
    return vec_select(max == -INFINITY, vec_set1(0.0f), max);
}

#endif

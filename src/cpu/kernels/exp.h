// SPDX-License-Identifier: MIT
// exp and tanh of vectors. The polynomials are minimax fits made for this file.
#ifndef GYRE_CPU_KERNELS_EXP_H
#define GYRE_CPU_KERNELS_EXP_H

#include "vec.h"

// exp(x) for x below 88: relative error at most 2e-7 + 5e-8 |x|; exactly 0 from -88.03 down, NaN
// for NaN.
//   exp(x) = 2^n 2^r    n = round(x log2 e)    |r| <= 1/2
INLINE vec vec_exp(vec x)
{
    const float log2e = 1.44269504f;
    const float magic = 0x1.8p23f; // a float of this size has no bits behind the point
    x = vec_max(vec_set1(-88.03f), x);
    vec shifted = x * log2e + magic;
    vec r = x * log2e - (shifted - magic);
    vec p = 0.00132647303f * r + 0.00967151118f;
    p = p * r + 0.0555073371f;
    p = p * r + 0.240222421f;
    p = p * r + 0.693146978f;
    p = p * r + 1.0f;
    // The low bits of `shifted` are n; n = -127 makes the factor 0.
    vec power = (vec)(((uvec)shifted + 127u) << 23);
    return p * power;
}

// Within 2e-7 of itself; an odd polynomial below 1/2, 1 - 2 / (exp(2 |x|) + 1) above.
INLINE vec vec_tanh(vec x)
{
    vec z = x * x, size = vec_abs(x);
    vec p = 0.0171512993f * z - 0.0529942314f;
    p = p * z + 0.13324907f;
    p = p * z - 0.333330758f;
    p = p * z + 0.999999987f;
    vec capped = vec_select(size > 10.0f, vec_set1(10.0f), size); // where tanh is 1 already
    vec large = 1.0f - 2.0f / (vec_exp(2.0f * capped) + 1.0f);
    large = (vec)((uvec)large | ((uvec)x & 0x80000000u));
    return vec_select(size < 0.5f, x * p, large);
}

#endif

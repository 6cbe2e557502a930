// SPDX-License-Identifier: MIT
// Sine and cosine of fractions of a turn.
#ifndef GYRE_CPU_KERNELS_SINCOS_H
#define GYRE_CPU_KERNELS_SINCOS_H

#include "vec.h"

// Sine and cosine of turn / 2^32 turns, both within 2^-23 of the true values. The nearest quarter q
// is taken off, and minimax polynomials made for this file serve the rest, |y| <= 1/2 quarter:
//   sin(pi/2 y) = y S(y^2)    cos(pi/2 y) = C(y^2)
INLINE void vec_sincos(uvec turn, vec *sin_out, vec *cos_out)
{
    uvec q = (turn + 0x20000000u) >> 30;
    vec y = __builtin_convertvector((ivec)(turn - (q << 30)), vec) * 0x1p-30f;
    vec z = y * y;
    vec s = -0.00459233173f * z + 0.0796759232f;
    s = s * z - 0.645962941f;
    s = (s * z + 1.57079631f) * y;
    vec c = 0.000903631704f * z - 0.0208600713f;
    c = c * z + 0.253669204f;
    c = c * z - 1.23370054f;
    c = c * z + 1.0f;
    // Odd quarters exchange the two; sine changes sign in quarters 2 and 3, cosine in 1 and 2.
    ivec is_odd = (ivec)((q & 1u) != 0u);
    vec sine = vec_select(is_odd, c, s), cosine = vec_select(is_odd, s, c);
    *sin_out = (vec)((uvec)sine ^ (q & 2u) << 30);
    *cos_out = (vec)((uvec)cosine ^ ((q + 1u) & 2u) << 30);
}

#endif

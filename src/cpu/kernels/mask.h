// SPDX-License-Identifier: MIT
// The mask tensor: additive (f32, f16, bf16), or bytes that show a key where they are not 0.
#ifndef GYRE_CPU_KERNELS_MASK_H
#define GYRE_CPU_KERNELS_MASK_H

#include "convert.h"

typedef uint8_t bvec __attribute__((vector_size(VEC)));

// The first n <= VEC elements in additive form, the others as keys not hidden.
INLINE vec mask_load(u32 dtype, const void *src, size_t n)
{
    if (dtype != DTYPE_U8)
        return n < VEC ? vec_load_part(dtype, src, n) : vec_load_as(dtype, src);
    bvec bytes = ~(bvec){0};
    memcpy(&bytes, src, n);
    ivec is_hidden = __builtin_convertvector(bytes, ivec) == 0;
    return vec_select(is_hidden, vec_set1(-INFINITY), vec_set1(0.0f));
}

// A sum, except that a score under -inf is hidden whatever it is.
INLINE vec mask_apply(vec scores, vec mask)
{
    return vec_select(mask == -INFINITY, vec_set1(-INFINITY), scores + mask);
}

#endif

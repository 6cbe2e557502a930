// SPDX-License-Identifier: MIT
// The mask tensor: additive (f32, f16, bf16), or bytes that show a key where they are not 0.
#ifndef GYRE_CPU_KERNELS_MASK_H
#define GYRE_CPU_KERNELS_MASK_H

#include "convert.h"

typedef uint8_t bvec __attribute__((vector_size(VEC)));

// -inf where a lane is 0, else 0.
INLINE vec mask_of_flags(ivec flags)
{
    return vec_select(flags == 0, vec_set1(-INFINITY), vec_set1(0.0f));
}

INLINE vec mask_load_bytes(const char *src, size_t n)
{
    bvec bytes = ~(bvec){0};
    memcpy(&bytes, src, n);
    return mask_of_flags(__builtin_convertvector(bytes, ivec));
}

// 8 keys a byte.
INLINE vec mask_load_bits(const char *row, size_t key, size_t n)
{
    uint32_t word = 0;
    memcpy(&word, row + key / 8, (key + n - 1) / 8 - key / 8 + 1);
    uvec bits = ((uvec){0} + (word >> key % 8)) >> (uvec)vec_iota();
    return mask_of_flags((ivec)((bits & 1u) | (uvec)(vec_iota() >= (int32_t)n)));
}

// Elements of n <= VEC keys from `key` on, of a row, in additive form; the others as keys not
// hidden.
INLINE vec mask_load(u32 dtype, const void *row, size_t key, size_t n)
{
    if (dtype == DTYPE_BITS)
        return mask_load_bits(row, key, n);
    const void *src = element(dtype, row, key);
    if (dtype == DTYPE_U8)
        return mask_load_bytes(src, n);
    return n < VEC ? vec_load_part(dtype, src, n) : vec_load_as(dtype, src);
}

// A sum, except that a score under -inf is hidden whatever it is.
INLINE vec mask_apply(vec scores, vec mask)
{
    return vec_select(mask == -INFINITY, vec_set1(-INFINITY), scores + mask);
}

#endif

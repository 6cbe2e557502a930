// SPDX-License-Identifier: MIT
// Vectors of floats as wide as the instruction set has them, in the compilers' vector extension.
#ifndef GYRE_CPU_KERNELS_VEC_H
#define GYRE_CPU_KERNELS_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VEC 16
#elif defined(__AVX2__)
#define VEC 8
#else
#define VEC 4
#endif

typedef float vec __attribute__((vector_size(VEC * 4)));
typedef int32_t ivec __attribute__((vector_size(VEC * 4)));
typedef uint32_t uvec __attribute__((vector_size(VEC * 4)));

// Inner loops are written once and specialised by constants, so they have to be inlined.
#define INLINE static inline __attribute__((always_inline))

INLINE vec vec_load(const float *src)
{
    vec v;
    memcpy(&v, src, sizeof(v));
    return v;
}

INLINE void vec_store(float *dst, vec v)
{
    memcpy(dst, &v, sizeof(v));
}

// (x, x, ...): x - 0 is x for every x, so nothing is computed.
INLINE vec vec_set1(float x)
{
    return x - (vec){0};
}

// (0, 1, 2, ...)
INLINE ivec vec_iota(void)
{
    ivec v;
    for (int i = 0; i < VEC; i++)
        v[i] = i;
    return v;
}

// a where the mask is -1, b where it is 0.
INLINE vec vec_select(ivec mask, vec a, vec b)
{
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

// b where either is NaN. Not every compiler finds the instruction in the comparison.
INLINE vec vec_max(vec a, vec b)
{
#if defined(__AVX512F__)
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__x86_64__)
    return (vec)_mm_max_ps((__m128)a, (__m128)b);
#else
    return vec_select(a > b, a, b);
#endif
}

INLINE vec vec_abs(vec a)
{
    return (vec)((uvec)a & 0x7fffffffu);
}

INLINE bool vec_any(ivec mask)
{
    int32_t any = 0;
    for (int i = 0; i < VEC; i++)
        any |= mask[i];
    return any != 0;
}

// a0 b0 a1 b1 ... of the first halves, and of the second halves.
#if VEC == 16
#define ZIP_LOW(a, b)                                                                              \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b)                                                                             \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define SWAP_PAIRS(a)                                                                              \
    __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#elif VEC == 8
#define ZIP_LOW(a, b)  __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define SWAP_PAIRS(a)  __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6)
#else
#define ZIP_LOW(a, b)  __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define SWAP_PAIRS(a)  __builtin_shufflevector(a, a, 1, 0, 3, 2)
#endif

// A round of the transposition of a row with itself halves what is left to add or to compare, and
// every lane has the result in the end.
INLINE float vec_sum(vec a)
{
    for (int n = 1; n < VEC; n *= 2)
        a = ZIP_LOW(a, a) + ZIP_HIGH(a, a);
    return a[0];
}

INLINE float vec_hmax(vec a)
{
    for (int n = 1; n < VEC; n *= 2)
        a = vec_max(ZIP_LOW(a, a), ZIP_HIGH(a, a));
    return a[0];
}

// Transposes a VEC x VEC block: zipping row i with row i + VEC/2 rotates the bits of the index
// (row, column) by one, so log2(VEC) rounds exchange row and column.
INLINE void vec_transpose(vec rows[VEC])
{
    for (int round = 1; round < VEC; round *= 2) {
        vec next[VEC];
        for (int i = 0; i < VEC / 2; i++) {
            next[2 * i] = ZIP_LOW(rows[i], rows[i + VEC / 2]);
            next[2 * i + 1] = ZIP_HIGH(rows[i], rows[i + VEC / 2]);
        }
        for (int i = 0; i < VEC; i++)
            rows[i] = next[i];
    }
}

// Element i of the result is the sum of rows[i], which are destroyed. A round of the transposition,
// its two results added instead of kept.
INLINE vec vec_sum_rows(vec rows[VEC])
{
    for (int n = VEC / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            rows[i] = ZIP_LOW(rows[i], rows[i + n]) + ZIP_HIGH(rows[i], rows[i + n]);
    return rows[0];
}

#endif

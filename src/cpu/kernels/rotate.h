// SPDX-License-Identifier: MIT
// Rotating the pairs of a head by factors that are made once a token for all heads.
#ifndef GYRE_CPU_KERNELS_ROTATE_H
#define GYRE_CPU_KERNELS_ROTATE_H

#include "streaming.h"
#include "turns.h"

// Half pairing: (n_pairs) cosines and sines; interleaved: (2 n_pairs), every cosine twice, the
// sines as -s, s.
struct factors {
    float *cos, *sin;
};

// Stores (x0, y0, x1, y1, ...)
INLINE void store_zipped(float *dst, vec even, vec odd)
{
    vec_store(dst, ZIP_LOW(even, odd));
    vec_store(dst + VEC, ZIP_HIGH(even, odd));
}

// Of the angles times the amplitudes, for whole vectors of pairs.
static void make_factors(bool is_half, const struct angles *angles, size_t n_pairs, float amp_cos,
                         float amp_sin, const struct factors *factors)
{
    for (size_t j = 0; j < n_pairs; j += VEC) {
        vec c = vec_load(angles->cos + j) * amp_cos, s = vec_load(angles->sin + j) * amp_sin;
        if (is_half) {
            vec_store(factors->cos + j, c);
            vec_store(factors->sin + j, s);
        } else {
            store_zipped(factors->cos + 2 * j, c, c);
            store_zipped(factors->sin + 2 * j, -s, s);
        }
    }
}

INLINE void store(u32 dtype, bool is_streaming, void *dst, vec v)
{
    if (is_streaming)
        vec_store_streaming(dtype, dst, v);
    else
        vec_store_as(dtype, dst, v);
}

// x[j], x[j + n] for the pairs j < n; dst may be src.
INLINE void rotate_half(u32 dtype, bool is_streaming, const char *src, char *dst,
                        const struct factors *factors, size_t n)
{
    const char *src_b = element(dtype, src, n);
    char *dst_b = element_mut(dtype, dst, n);
    size_t j = 0;
    for (; j + VEC <= n; j += VEC) {
        vec a = vec_load_as(dtype, element(dtype, src, j));
        vec b = vec_load_as(dtype, element(dtype, src_b, j));
        vec c = vec_load(factors->cos + j), s = vec_load(factors->sin + j);
        store(dtype, is_streaming, element_mut(dtype, dst, j), a * c - b * s);
        store(dtype, is_streaming, element_mut(dtype, dst_b, j), b * c + a * s);
    }
    for (; j < n; j++) {
        float a = scalar_load(dtype, element(dtype, src, j));
        float b = scalar_load(dtype, element(dtype, src_b, j));
        float c = factors->cos[j], s = factors->sin[j];
        scalar_store(dtype, element_mut(dtype, dst, j), a * c - b * s);
        scalar_store(dtype, element_mut(dtype, dst_b, j), b * c + a * s);
    }
}

// x[2 j], x[2 j + 1] for the pairs j < n; dst may be src.
INLINE void rotate_interleaved(u32 dtype, bool is_streaming, const char *src, char *dst,
                               const struct factors *factors, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= 2 * n; i += VEC) {
        vec x = vec_load_as(dtype, element(dtype, src, i));
        vec c = vec_load(factors->cos + i), s = vec_load(factors->sin + i);
        store(dtype, is_streaming, element_mut(dtype, dst, i), x * c + SWAP_PAIRS(x) * s);
    }
    for (; i < 2 * n; i += 2) {
        float a = scalar_load(dtype, element(dtype, src, i));
        float b = scalar_load(dtype, element(dtype, src, i + 1));
        float c = factors->cos[i], s = factors->sin[i + 1];
        scalar_store(dtype, element_mut(dtype, dst, i), a * c - b * s);
        scalar_store(dtype, element_mut(dtype, dst, i + 1), b * c + a * s);
    }
}

#endif

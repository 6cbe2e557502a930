// SPDX-License-Identifier: MIT
// Attention's products as dot products of bf16, for those who ask for them (EXTRA_BF16_DOTS). What
// an instruction multiplies are words of two neighbouring bf16: elements of a head for scores, keys
// for p v. bf16_pairs.c alone is compiled with that instruction, and reached by this table.
#ifndef GYRE_CPU_KERNELS_BF16_PAIRS_H
#define GYRE_CPU_KERNELS_BF16_PAIRS_H

#include "block.h"

struct bf16_pairs {
    // VEC query rows of n elements to VEC lanes of a block's q, words (n / 2, LANES).
    void (*load_queries)(const void *const rows[VEC], size_t n, float *q);
    // Rows of k to words (n_rows, n_columns / 2), of v to words (n_rows / 2, n_columns), what is
    // odd being padded with zeros. Strides are of a row of src: in its elements, and in words of
    // dst. load_values returns whether all are finite.
    void (*load_keys)(const void *src, size_t src_stride, size_t n_rows, size_t n_columns,
                      float *dst, size_t dst_stride);
    bool (*load_values)(const void *src, size_t src_stride, size_t n_rows, size_t n_columns,
                        float *dst, size_t dst_stride);
    // As those of block_f32.h.
    void (*compute_scores)(int n_vecs, float scale, const struct block *block,
                           const struct tile *tile);
    void (*weigh_values)(int n_vecs, struct block *block, const struct tile *tile);
};

#if defined(__AVX512F__) && defined(__x86_64__)
extern const struct bf16_pairs gyre_cpu_bf16_pairs;
#endif

// NULL: products are in f32.
static inline const struct bf16_pairs *bf16_pairs_of(u32 extras)
{
#if defined(__AVX512F__) && defined(__x86_64__)
    return extras & EXTRA_BF16_DOTS ? &gyre_cpu_bf16_pairs : NULL;
#else
    (void)extras;
    return NULL;
#endif
}

#endif

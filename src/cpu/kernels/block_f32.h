// SPDX-License-Identifier: MIT
// Both products of a block (block.h) with a tile, and what lies between them, in f32.
#ifndef GYRE_CPU_KERNELS_BLOCK_F32_H
#define GYRE_CPU_KERNELS_BLOCK_F32_H

#include "block.h"

INLINE void compute_scores(int n_vecs, const struct block *block, const struct tile *tile)
{
    const struct product product = {
        .n_rows = tile->end - tile->begin,
        .n_steps = tile->head_dim,
        .a = tile->k,
        .a_row = tile->k_stride,
        .a_step = 1,
        .b = block->q,
        .c = tile->scores,
        .scale = 1.0f, // q has been scaled
        .ahead = tile->ahead,
    };
    micro_product(n_vecs, false, &product);
}

// Scores become p, which is 0 exactly where a key is hidden or has no weight.
INLINE void exponentiate(int n_vecs, struct block *block, const struct tile *tile)
{
    vec reference[MICRO_VECS], sum[MICRO_VECS] = {0};
    for (int v = 0; v < n_vecs; v++)
        reference[v] = reference_of(vec_load(block->max + v * VEC));
    float *scores = tile->scores;
    for (u32 key = tile->begin; key < tile->end; key++, scores += LANES) {
        for (int v = 0; v < n_vecs; v++) {
            vec p = vec_exp(vec_load(scores + v * VEC) - reference[v]);
            vec_store(scores + v * VEC, p);
            sum[v] += p;
        }
    }
    for (int v = 0; v < n_vecs; v++)
        vec_store(block->sum + v * VEC, vec_load(block->sum + v * VEC) + sum[v]);
}

INLINE void add_values(int n_vecs, struct block *block, const struct tile *tile)
{
    const struct product product = {
        .n_rows = tile->v_dim,
        .n_steps = tile->end - tile->begin,
        .a = tile->v,
        .a_row = 1,
        .a_step = tile->v_stride,
        .b = tile->scores,
        .c = block->out,
        .scale = 1.0f,
        .ahead = tile->ahead,
    };
    micro_product(n_vecs, block->has_sums, &product);
    block->has_sums = true;
}

// The same where values may not be finite: a product with p = 0 counts as 0.
static void add_values_carefully(int n_vecs, struct block *block, const struct tile *tile)
{
    block_clear(block, tile->v_dim);
    for (u32 key = 0; key < tile->end - tile->begin; key++) {
        const float *p = tile->scores + (size_t)key * LANES;
        const float *values = tile->v + key * tile->v_stride;
        for (u32 d = 0; d < tile->v_dim; d++) {
            float *out = block->out + (size_t)d * LANES;
            for (int i = 0; i < n_vecs * VEC; i++)
                out[i] += p[i] == 0.0f ? 0.0f : p[i] * values[d];
        }
    }
}

INLINE void weigh_values(int n_vecs, struct block *block, const struct tile *tile)
{
    exponentiate(n_vecs, block, tile);
    if (tile->is_finite)
        add_values(n_vecs, block, tile);
    else
        add_values_carefully(n_vecs, block, tile);
}

#endif

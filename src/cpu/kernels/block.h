// SPDX-License-Identifier: MIT
// Attention of one block of query rows to one tile of keys. The rows are lanes of vectors: q and
// the result are held transposed, and scores as (key, lane), so that keys and values are read in
// their own layout, an element serving all lanes, and maxima and sums need no shuffles.
#ifndef GYRE_CPU_KERNELS_BLOCK_H
#define GYRE_CPU_KERNELS_BLOCK_H

#include "exp.h"
#include "micro.h"
#include "online.h"
#include "visible.h"

// Query rows [first_row, first_row + n_rows); lanes past the last one repeat it.
struct block {
    u32 first_row, n_rows;
    bool is_loaded;          // q is
    bool has_sums;           // out does: before the first tile it holds anything
    struct key_set any, all; // keys that any, and that all of the rows see
    float *q;                // (head_dim, LANES), times scale; or of pairs (bf16_pairs.h)
    float *out;              // (v_dim padded to MICRO_PAD, LANES), sums of p v
    float *max, *sum;        // (LANES), of scores and of p
    float *rounded_sum;      // (LANES), with pairs: of p as they are multiplied
    int32_t *keep, *lo, *hi; // (LANES), struct key_set of each row
    int32_t *position;       // (LANES)
    float *slope;            // (LANES), of ALiBi where there is any
    const float **relative;  // (LANES), products with relative embeddings
};

// Keys [begin, end) in local memory, and room for their scores. Every number of rows is padded to
// MICRO_PAD.
struct tile {
    u32 begin, end;
    u32 head_dim, v_dim;
    bool is_finite;                 // every value is
    const struct bf16_pairs *pairs; // what computes with pairs of bf16; NULL: all is f32
    size_t k_stride, v_stride;
    float *k;      // (keys, k_stride); with pairs, words of two elements
    float *v;      // (keys, v_stride); with pairs, words of two keys, (keys / 2, 2 v_stride)
    float *scores; // (keys, LANES)
    struct ahead *ahead;
};

static inline void block_reset(struct block *block)
{
    block->has_sums = false;
    memset(block->sum, 0, LANES * sizeof(float));
    memset(block->rounded_sum, 0, LANES * sizeof(float));
    for (int i = 0; i < LANES; i++)
        block->max[i] = -INFINITY;
}

// Sums of nothing, where there are none yet.
static inline void block_clear(struct block *block, u32 v_dim)
{
    if (!block->has_sums)
        memset(block->out, 0, (size_t)v_dim * LANES * sizeof(float));
    block->has_sums = true;
}

INLINE void cap_scores(int n_vecs, float softcap, const struct tile *tile)
{
    float *row = tile->scores, inverse = 1.0f / softcap;
    for (u32 key = tile->begin; key < tile->end; key++, row += LANES)
        for (int v = 0; v < n_vecs; v++)
            vec_store(row + v * VEC, softcap * vec_tanh(vec_load(row + v * VEC) * inverse));
}

// Moves the running maxima up, and the sums with them, when one has fallen behind.
INLINE void update_max(int n_vecs, struct block *block, const struct tile *tile)
{
    vec max[MICRO_VECS], old[MICRO_VECS];
    ivec is_behind = {0};
    for (int v = 0; v < n_vecs; v++)
        max[v] = old[v] = vec_load(block->max + v * VEC);
    const float *scores = tile->scores;
    for (u32 key = tile->begin; key < tile->end; key++, scores += LANES)
        for (int v = 0; v < n_vecs; v++)
            max[v] = vec_max(vec_load(scores + v * VEC), max[v]);
    for (int v = 0; v < n_vecs; v++)
        is_behind |= max[v] > old[v] + MAX_LAG;
    if (!vec_any(is_behind))
        return;
    for (int v = 0; v < n_vecs; v++) {
        vec factor = vec_exp(old[v] - reference_of(max[v]));
        float *out = block->out + v * VEC;
        vec_store(block->max + v * VEC, max[v]);
        vec_store(block->sum + v * VEC, vec_load(block->sum + v * VEC) * factor);
        vec_store(block->rounded_sum + v * VEC, vec_load(block->rounded_sum + v * VEC) * factor);
        for (u32 d = 0; d < tile->v_dim && block->has_sums; d++, out += LANES)
            vec_store(out, vec_load(out) * factor);
    }
}

#endif

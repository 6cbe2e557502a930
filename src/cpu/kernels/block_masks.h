// SPDX-License-Identifier: MIT
// What changes the scores of a block (block.h) between the dot product and the softmax.
#ifndef GYRE_CPU_KERNELS_BLOCK_MASKS_H
#define GYRE_CPU_KERNELS_BLOCK_MASKS_H

#include "block.h"
#include "mask.h"
#include "positions.h"

// The mask's rows for the lanes of a block.
struct mask_rows {
    u32 dtype;
    const void *rows[LANES]; // key 0 of each
};

// Adds a VEC x VEC piece of the mask, transposed, from lane and key on.
INLINE void mask_piece(u32 dtype, const struct mask_rows *mask, const struct tile *tile,
                       size_t lane, u32 key)
{
    u32 n = tile->end - key < VEC ? tile->end - key : VEC;
    float *scores = tile->scores + (size_t)(key - tile->begin) * LANES + lane;
    vec piece[VEC];
    for (int i = 0; i < VEC; i++)
        piece[i] = mask_load(dtype, mask->rows[lane + i], key, n);
    vec_transpose(piece);
    for (u32 i = 0; i < n; i++, scores += LANES)
        vec_store(scores, mask_apply(vec_load(scores), piece[i]));
}

INLINE void mask_scores_as(u32 dtype, const struct mask_rows *mask, const struct tile *tile,
                           int n_vecs)
{
    for (int v = 0; v < n_vecs; v++)
        for (u32 key = tile->begin; key < tile->end; key += VEC)
            mask_piece(dtype, mask, tile, (size_t)v * VEC, key);
}

static void mask_scores(const struct mask_rows *mask, const struct tile *tile, int n_vecs)
{
    switch (mask->dtype) {
    case DTYPE_F32:
        mask_scores_as(DTYPE_F32, mask, tile, n_vecs);
        break;
    case DTYPE_F16:
        mask_scores_as(DTYPE_F16, mask, tile, n_vecs);
        break;
    case DTYPE_BF16:
        mask_scores_as(DTYPE_BF16, mask, tile, n_vecs);
        break;
    case DTYPE_BITS:
        mask_scores_as(DTYPE_BITS, mask, tile, n_vecs);
        break;
    default:
        mask_scores_as(DTYPE_U8, mask, tile, n_vecs);
    }
}

INLINE ivec load_bound(const int32_t *bound)
{
    ivec v;
    memcpy(&v, bound, sizeof(v));
    return v;
}

// Products of the queries with relative embeddings, by the distance to each key.
static void relative_scores(int n_lanes, u32 n, const struct key_rules *rules,
                            const struct block *block, const struct tile *tile)
{
    float *scores = tile->scores;
    for (u32 key = tile->begin; key < tile->end; key++, scores += LANES) {
        const i32 position = position_of_key(rules, key);
        for (int i = 0; i < n_lanes; i++)
            scores[i] += block->relative[i][gyre_relative_of(n, position - block->position[i])];
    }
}

// ALiBi.
INLINE void slope_scores(int n_vecs, const struct key_rules *rules, const struct block *block,
                         const struct tile *tile)
{
    for (int v = 0; v < n_vecs; v++) {
        vec slope = vec_load(block->slope + v * VEC);
        ivec position = load_bound(block->position + v * VEC);
        float *scores = tile->scores + v * VEC;
        for (u32 key = tile->begin; key < tile->end; key++, scores += LANES) {
            vec distance = __builtin_convertvector(position_of_key(rules, key) - position, vec);
            vec_store(scores, vec_load(scores) - slope * vec_abs(distance));
        }
    }
}

// -inf for the keys that a lane does not see.
INLINE void hide_scores(int n_vecs, const struct key_rules *rules, const struct block *block,
                        const struct tile *tile)
{
    for (int v = 0; v < n_vecs; v++) {
        ivec keep = load_bound(block->keep + v * VEC);
        ivec lo = load_bound(block->lo + v * VEC), hi = load_bound(block->hi + v * VEC);
        ivec position = load_bound(block->position + v * VEC);
        float *scores = tile->scores + v * VEC;
        for (u32 key = tile->begin; key < tile->end; key++, scores += LANES) {
            ivec j = (ivec){0} + (int32_t)key;
            ivec sees = ((lo <= j) & (j < hi)) | (j < keep);
            if (rules->positions != NULL)
                sees &= are_allowed(rules, position, (ivec){0} + position_of_key(rules, key));
            vec_store(scores, vec_select(sees, vec_load(scores), vec_set1(-INFINITY)));
        }
    }
}

#endif

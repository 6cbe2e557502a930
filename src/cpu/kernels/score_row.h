// SPDX-License-Identifier: MIT
// The scores of one query for a run of keys, in local memory and padded to whole vectors.
#ifndef GYRE_CPU_KERNELS_SCORE_ROW_H
#define GYRE_CPU_KERNELS_SCORE_ROW_H

#include "exp.h"
#include "mask.h"
#include "positions.h"

struct score_row {
    float *scores; // (end - begin, padded to VEC)
    u32 begin, end;
};

static inline void score_row_cap(const struct score_row *row, float softcap)
{
    const float inverse = 1.0f / softcap;
    for (u32 i = 0; i < row->end - row->begin; i += VEC)
        vec_store(row->scores + i, softcap * vec_tanh(vec_load(row->scores + i) * inverse));
}

// Products of the query with relative embeddings, by the distance to each key.
static inline void score_row_relative(const struct score_row *row, const float *products, u32 n,
                                      const struct key_rules *rules, i32 q_pos)
{
    for (u32 i = 0; i < row->end - row->begin; i++)
        row->scores[i] +=
            products[gyre_relative_of(n, position_of_key(rules, row->begin + i) - q_pos)];
}

// ALiBi, for a query at position q_pos.
static inline void score_row_slope(const struct score_row *row, float slope,
                                   const struct key_rules *rules, i32 q_pos)
{
    u32 n = row->end - row->begin;
    for (u32 i = 0; i < n; i += VEC) {
        ivec distance = positions_of_keys(rules, row->begin + i, n - i) - q_pos;
        vec size = vec_abs(__builtin_convertvector(distance, vec));
        vec_store(row->scores + i, vec_load(row->scores + i) - slope * size);
    }
}

// `mask` is the query's row, key 0.
static inline void score_row_mask(const struct score_row *row, u32 dtype, const void *mask)
{
    u32 n = row->end - row->begin;
    for (u32 i = 0; i < n; i += VEC) {
        vec piece = mask_load(dtype, mask, row->begin + i, n - i < VEC ? n - i : VEC);
        vec_store(row->scores + i, mask_apply(vec_load(row->scores + i), piece));
    }
}

// -inf for the keys that a query at q_pos does not see, keys being keys_of(rules, q_pos), and for
// the padding.
static inline void score_row_hide(const struct score_row *row, const struct key_rules *rules,
                                  const struct key_set *keys, i32 q_pos)
{
    const int32_t keep = (int32_t)keys->keep, lo = (int32_t)keys->lo, hi = (int32_t)keys->hi;
    const u32 n = row->end - row->begin;
    ivec key = vec_iota() + (int32_t)row->begin;
    for (u32 i = 0; i < n; i += VEC, key += VEC) {
        ivec sees = ((key >= lo) & (key < hi)) | (key < keep);
        sees &= key < (int32_t)row->end;
        if (rules->positions != NULL)
            sees &= are_allowed(rules, (ivec){0} + q_pos,
                                positions_of_keys(rules, row->begin + i, n - i));
        vec scores = vec_load(row->scores + i);
        vec_store(row->scores + i, vec_select(sees, scores, vec_set1(-INFINITY)));
    }
}

static inline float score_row_max(const struct score_row *row)
{
    vec max = vec_set1(-INFINITY);
    for (u32 i = 0; i < row->end - row->begin; i += VEC)
        max = vec_max(vec_load(row->scores + i), max);
    return vec_hmax(max);
}

// Scores become exp(score - reference), 0 where they are -inf; returns the sum.
static inline float score_row_exp(const struct score_row *row, float reference)
{
    vec sum = {0};
    for (u32 i = 0; i < row->end - row->begin; i += VEC) {
        vec p = vec_exp(vec_load(row->scores + i) - reference);
        vec_store(row->scores + i, p);
        sum += p;
    }
    return vec_sum(sum);
}

#endif

// SPDX-License-Identifier: MIT
// Dot products of a few queries, which are floats, with rows of keys as they lie in memory.
#ifndef GYRE_CPU_KERNELS_DOTS_H
#define GYRE_CPU_KERNELS_DOTS_H

#include "ahead.h"
#include "convert.h"

// Rows of k or v of one head.
struct memory_rows {
    u32 dtype;
    u32 n_rows, n_columns;
    const char *first;
    size_t stride; // bytes
    // Row i is read while row ahead.next + i of these is asked for: memory answers fastest when it
    // is asked in order. With nothing to ask for, n_inner is 0.
    struct ahead_rows ahead;
};

// Queries and their scores.
struct dots {
    u32 n_queries;
    const float *q; // (n_queries, q_stride), padded to VEC with 0
    float *scores;  // (n_queries, scores_stride), room for a multiple of VEC keys
    size_t q_stride, scores_stride;
};

// Asks for a line of a row when its first element comes by. It goes to L2: what is far enough ahead
// would not survive in L1.
INLINE void prefetch_line(u32 dtype, const char *row, size_t column)
{
    if (column * dtype_size(dtype) % CACHE_LINE == 0)
        __builtin_prefetch(row + column * dtype_size(dtype), 0, 2);
}

// n_queries (1, 2 or 4) queries and VEC / n_queries keys: one sum of products per lane of the
// result, added up all at once. Keys past the last row repeat it.
INLINE void dots_block(u32 dtype, u32 n_queries, bool is_ahead, const struct dots *dots,
                       const struct memory_rows *keys, u32 query, u32 key, struct ahead_walk *walk)
{
    const u32 n_keys = VEC / n_queries, n_whole = keys->n_columns / VEC * VEC;
    const float *q = dots->q + query * dots->q_stride;
    const char *k[VEC], *next[VEC];
    vec sums[VEC] = {0};
    float result[VEC];
    for (u32 j = 0; is_ahead && j < n_keys; j++)
        next[j] = ahead_walk_next(&keys->ahead, walk);
    for (u32 j = 0; j < n_keys; j++)
        k[j] = keys->first + (key + j < keys->n_rows ? key + j : keys->n_rows - 1) * keys->stride;
    for (u32 d = 0; d < n_whole; d += VEC) {
        for (u32 j = 0; j < n_keys; j++) {
            vec piece = vec_load_as(dtype, element(dtype, k[j], d));
            if (is_ahead)
                prefetch_line(dtype, next[j], d);
            for (u32 r = 0; r < n_queries; r++)
                sums[r * n_keys + j] += vec_load(q + r * dots->q_stride + d) * piece;
        }
    }
    for (u32 j = 0; n_whole < keys->n_columns && j < n_keys; j++) {
        const void *rest = element(dtype, k[j], n_whole);
        vec piece = vec_load_part(dtype, rest, keys->n_columns - n_whole);
        for (u32 r = 0; r < n_queries; r++)
            sums[r * n_keys + j] += vec_load(q + r * dots->q_stride + n_whole) * piece;
    }
    vec_store(result, vec_sum_rows(sums));
    for (u32 r = 0; r < n_queries; r++)
        memcpy(dots->scores + (query + r) * dots->scores_stride + key, result + r * n_keys,
               n_keys * sizeof(float));
}

INLINE void dots_rows(u32 dtype, u32 n_queries, const struct dots *dots,
                      const struct memory_rows *keys, u32 query)
{
    if (query != 0 || keys->ahead.n_inner == 0) {
        for (u32 key = 0; key < keys->n_rows; key += VEC / n_queries)
            dots_block(dtype, n_queries, false, dots, keys, query, key, NULL);
        return;
    }
    struct ahead_walk walk = ahead_walk_from(&keys->ahead, keys->ahead.next);
    for (u32 key = 0; key < keys->n_rows; key += VEC / n_queries)
        dots_block(dtype, n_queries, true, dots, keys, query, key, &walk);
}

INLINE void dots_as(u32 dtype, const struct dots *dots, const struct memory_rows *keys)
{
    u32 query = 0;
    for (; query + 4 <= dots->n_queries; query += 4)
        dots_rows(dtype, 4, dots, keys, query);
    for (; query + 2 <= dots->n_queries; query += 2)
        dots_rows(dtype, 2, dots, keys, query);
    if (query < dots->n_queries)
        dots_rows(dtype, 1, dots, keys, query);
}

// scores[query][key] = q[query] . key
static inline void dots_compute(const struct dots *dots, const struct memory_rows *keys)
{
    switch (keys->dtype) {
    case DTYPE_F32:
        dots_as(DTYPE_F32, dots, keys);
        break;
    case DTYPE_F16:
        dots_as(DTYPE_F16, dots, keys);
        break;
    default:
        dots_as(DTYPE_BF16, dots, keys);
    }
}

#endif

// SPDX-License-Identifier: MIT
// Sums of values as they lie in memory, weighted by the probabilities of a few queries.
#ifndef GYRE_CPU_KERNELS_WEIGH_H
#define GYRE_CPU_KERNELS_WEIGH_H

#include "dots.h"

// out (n_rows, out_stride) += p (n_rows, p_stride) values
struct weighing {
    u32 n_rows;
    const float *p;
    float *out;
    size_t p_stride, out_stride;
    const struct memory_rows *values;
};

// Rows from `row` on, n_vecs vectors of columns from `column` on.
INLINE void weigh_block(u32 dtype, u32 n_rows, u32 n_vecs, bool is_ahead, const struct weighing *w,
                        u32 row, u32 column)
{
    enum { MAX_VECS = 8, MAX_ROWS = 4 };
    const struct ahead_rows *ahead = &w->values->ahead;
    const float *p = w->p + row * w->p_stride;
    const char *v = element(dtype, w->values->first, column);
    struct ahead_walk walk = {0};
    vec sums[MAX_ROWS][MAX_VECS] = {0};
    if (is_ahead)
        walk = ahead_walk_from(ahead, ahead->next);
    for (u32 key = 0; key < w->values->n_rows; key++, v += w->values->stride) {
        const char *next = is_ahead ? ahead_walk_next(ahead, &walk) : NULL;
        vec pieces[MAX_VECS];
        for (u32 i = 0; i < n_vecs; i++) {
            pieces[i] = vec_load_as(dtype, element(dtype, v, (size_t)i * VEC));
            if (is_ahead)
                prefetch_line(dtype, next, column + (size_t)i * VEC);
        }
        for (u32 r = 0; r < n_rows; r++)
            for (u32 i = 0; i < n_vecs; i++)
                sums[r][i] += p[r * w->p_stride + key] * pieces[i];
    }
    for (u32 r = 0; r < n_rows; r++) {
        for (u32 i = 0; i < n_vecs; i++) {
            float *out = w->out + (row + r) * w->out_stride + column + (size_t)i * VEC;
            vec_store(out, vec_load(out) + sums[r][i]);
        }
    }
}

// The last columns, fewer than VEC.
INLINE void weigh_rest(u32 dtype, const struct weighing *w, u32 row, u32 column)
{
    const float *p = w->p + row * w->p_stride;
    const char *v = element(dtype, w->values->first, column);
    float *out = w->out + row * w->out_stride + column;
    vec sum = {0};
    for (u32 key = 0; key < w->values->n_rows; key++, v += w->values->stride)
        sum += p[key] * vec_load_part(dtype, v, w->values->n_columns - column);
    vec_store(out, vec_load(out) + sum);
}

INLINE void weigh_rows(u32 dtype, u32 n_rows, bool is_ahead, const struct weighing *w, u32 row)
{
    // As many sums as registers hold, and enough of them to hide the latency of one.
    const u32 wide = n_rows > 2 ? VEC / 4 : 8;
    u32 column = 0, n_columns = w->values->n_columns;
    for (; column + wide * VEC <= n_columns; column += wide * VEC)
        weigh_block(dtype, n_rows, wide, is_ahead, w, row, column);
    for (; column + VEC <= n_columns; column += VEC)
        weigh_block(dtype, n_rows, 1, is_ahead, w, row, column);
    for (u32 r = 0; column < n_columns && r < n_rows; r++)
        weigh_rest(dtype, w, row + r, column);
}

INLINE void weigh_some(u32 dtype, u32 n_rows, const struct weighing *w, u32 row)
{
    if (row == 0 && w->values->ahead.n_inner != 0)
        weigh_rows(dtype, n_rows, true, w, row);
    else
        weigh_rows(dtype, n_rows, false, w, row);
}

INLINE void weigh_all(u32 dtype, const struct weighing *w)
{
    u32 row = 0;
    for (; row + 4 <= w->n_rows; row += 4)
        weigh_some(dtype, 4, w, row);
    for (; row + 2 <= w->n_rows; row += 2)
        weigh_some(dtype, 2, w, row);
    if (row < w->n_rows)
        weigh_some(dtype, 1, w, row);
}

static inline void weigh(const struct weighing *w)
{
    switch (w->values->dtype) {
    case DTYPE_F32:
        weigh_all(DTYPE_F32, w);
        break;
    case DTYPE_F16:
        weigh_all(DTYPE_F16, w);
        break;
    default:
        weigh_all(DTYPE_BF16, w);
    }
}

// Products with p = 0 count as 0, whatever the value.
static inline void weigh_carefully(const struct weighing *w)
{
    u32 dtype = w->values->dtype;
    for (u32 row = 0; row < w->n_rows; row++) {
        const float *p = w->p + row * w->p_stride;
        float *out = w->out + row * w->out_stride;
        for (u32 key = 0; key < w->values->n_rows; key++) {
            const char *v = w->values->first + key * w->values->stride;
            for (u32 d = 0; p[key] != 0.0f && d < w->values->n_columns; d++)
                out[d] += p[key] * scalar_load(dtype, element(dtype, v, d));
        }
    }
}

#endif

// SPDX-License-Identifier: MIT
// Prefetching rows that are needed later, a few at a time between pieces of arithmetic: asked for
// all at once they would only queue up.
#ifndef GYRE_CPU_KERNELS_AHEAD_H
#define GYRE_CPU_KERNELS_AHEAD_H

#include <stddef.h>

#define CACHE_LINE 64

// Visits rows one after the other, from row i on.
struct ahead_walk {
    const char *row;
    size_t inner;
};

// Rows (n_outer, n_inner), counted through, of which [next, n) are still to be asked for.
struct ahead_rows {
    const char *first;
    size_t row_size, outer_stride, inner_stride; // bytes
    size_t n_inner, next, n;
    size_t per_step;        // rows
    struct ahead_walk walk; // where `next` is, once the first step is done
};

// What a group will need: its queries, its result, and the keys and values of the next tile.
struct ahead {
    struct ahead_rows q, out, k, v;
};

static inline struct ahead_walk ahead_walk_from(const struct ahead_rows *rows, size_t i)
{
    size_t outer = i / rows->n_inner, inner = i % rows->n_inner;
    return (struct ahead_walk){
        .row = rows->first + outer * rows->outer_stride + inner * rows->inner_stride,
        .inner = inner,
    };
}

static inline const char *ahead_walk_next(const struct ahead_rows *rows, struct ahead_walk *walk)
{
    const char *row = walk->row;
    walk->row += rows->inner_stride;
    if (++walk->inner == rows->n_inner) {
        walk->row += rows->outer_stride - rows->n_inner * rows->inner_stride;
        walk->inner = 0;
    }
    return row;
}

static inline void ahead_row(const char *row, size_t size)
{
    for (size_t i = 0; i < size; i += CACHE_LINE)
        __builtin_prefetch(row + i, 0, 2);
}

static inline void ahead_rows_step(struct ahead_rows *rows)
{
    size_t end = rows->next + rows->per_step < rows->n ? rows->next + rows->per_step : rows->n;
    if (rows->next >= end)
        return;
    if (rows->walk.row == NULL)
        rows->walk = ahead_walk_from(rows, rows->next);
    for (; rows->next < end; rows->next++)
        ahead_row(ahead_walk_next(rows, &rows->walk), rows->row_size);
}

static inline void ahead_step(struct ahead *ahead)
{
    ahead_rows_step(&ahead->k);
    ahead_rows_step(&ahead->v);
    ahead_rows_step(&ahead->q);
    ahead_rows_step(&ahead->out);
}

#endif

// SPDX-License-Identifier: MIT
// VEC rows of a tensor to columns of floats, and back.
#ifndef GYRE_CPU_KERNELS_TRANSPOSE_H
#define GYRE_CPU_KERNELS_TRANSPOSE_H

#include "convert.h"

// columns[d * stride + i] = scale * rows[i][d] for d < n, padded with 0 to whole vectors of d.
INLINE void load_columns_as(u32 dtype, const void *const rows[VEC], size_t n, float scale,
                            float *columns, size_t stride)
{
    for (size_t d = 0; d < n; d += VEC) {
        vec piece[VEC];
        for (int i = 0; i < VEC; i++) {
            const void *src = element(dtype, rows[i], d);
            piece[i] = n - d < VEC ? vec_load_part(dtype, src, n - d) : vec_load_as(dtype, src);
        }
        vec_transpose(piece);
        for (int i = 0; i < VEC; i++)
            vec_store(columns + (d + (size_t)i) * stride, scale * piece[i]);
    }
}

// rows[i][d] = columns[d * stride + i] * scale[i] for i < n_rows and d < n; columns are readable up
// to whole vectors of d.
INLINE void store_columns_as(u32 dtype, const float *columns, size_t stride, vec scale,
                             void *const rows[VEC], size_t n_rows, size_t n)
{
    for (size_t d = 0; d < n; d += VEC) {
        vec piece[VEC];
        for (int i = 0; i < VEC; i++)
            piece[i] = vec_load(columns + (d + (size_t)i) * stride) * scale;
        vec_transpose(piece);
        for (size_t i = 0; i < n_rows; i++) {
            void *dst = element_mut(dtype, rows[i], d);
            if (n - d < VEC)
                vec_store_part(dtype, dst, piece[i], n - d);
            else
                vec_store_as(dtype, dst, piece[i]);
        }
    }
}

static inline void load_columns(u32 dtype, const void *const rows[VEC], size_t n, float scale,
                                float *columns, size_t stride)
{
    switch (dtype) {
    case DTYPE_F32:
        load_columns_as(DTYPE_F32, rows, n, scale, columns, stride);
        break;
    case DTYPE_F16:
        load_columns_as(DTYPE_F16, rows, n, scale, columns, stride);
        break;
    default:
        load_columns_as(DTYPE_BF16, rows, n, scale, columns, stride);
    }
}

static inline void store_columns(u32 dtype, const float *columns, size_t stride, vec scale,
                                 void *const rows[VEC], size_t n_rows, size_t n)
{
    switch (dtype) {
    case DTYPE_F32:
        store_columns_as(DTYPE_F32, columns, stride, scale, rows, n_rows, n);
        break;
    case DTYPE_F16:
        store_columns_as(DTYPE_F16, columns, stride, scale, rows, n_rows, n);
        break;
    default:
        store_columns_as(DTYPE_BF16, columns, stride, scale, rows, n_rows, n);
    }
}

#endif

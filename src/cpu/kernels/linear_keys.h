// SPDX-License-Identifier: MIT
// Walking over the keys of linear attention (args/linear_attention.h). A group serves one KV head.
// It takes tokens in chunks of CHUNK and keeps the sums over the keys behind it in local memory,
// where columns of v are lanes of vectors, in blocks of LANES.
#ifndef GYRE_CPU_KERNELS_LINEAR_KEYS_H
#define GYRE_CPU_KERNELS_LINEAR_KEYS_H

#include "args/linear_attention.h"

#include "angles.h"
#include "common.h"
#include "exp.h"
#include "layout.h"
#include "linear_sums.h"
#include "micro.h"
#include "rotate.h"

// Whole rows of products, and as many keys as a block has lanes.
#define CHUNK (LANES / MICRO_PAD * MICRO_PAD)

// Keys and values as the task has them, and how they turn.
struct linear_input {
    u32 k_dtype, v_dtype, rope;
    const void *k, *v;
    const uint32_t *table;
};

struct linear_group {
    const struct gyre_linear_attention_args *args;
    struct linear_input in;
    u32 kv_head, batch;
    size_t row;      // floats of a head's row, padded
    size_t n_blocks; // of columns of v
    bool has_sums;   // state holds something; else it counts as zeros
    bool is_finite;  // every value of the chunk is
    float *state;    // (n_blocks, row, LANES)
    float *norm;     // (row), zeros where padded
    float *keys;     // (CHUNK, row), R p(k) of the chunk
    float *norms;    // (CHUNK, row), norm with all keys up to each; NULL: not wanted
    float *values;   // (n_blocks, CHUNK, LANES)
    float *factors;  // (CHUNK, 2, 2 pairs), what rotates the chunk's tokens
    struct angles angles;
    struct ahead ahead; // nothing
};

static size_t linear_pairs(const struct linear_group *group)
{
    const struct gyre_rope_args rope = {.n_pairs = group->args->n_pairs};
    return padded_pairs(&rope);
}

// Hands out local memory from `next` on; contents are undefined.
static void linear_take(struct linear_group *group, bool has_norms, uintptr_t *next)
{
    const struct gyre_linear_attention_args *args = group->args;
    size_t row, pairs = linear_pairs(group) * sizeof(float);
    group->n_blocks = round_up(args->v_dim, LANES) / LANES;
    group->row = round_up(args->head_dim, 16);
    row = group->row * sizeof(float);
    group->state = take(next, group->n_blocks * row * LANES);
    group->norm = take(next, row);
    group->keys = take(next, CHUNK * row);
    group->norms = has_norms ? take(next, CHUNK * row) : NULL;
    group->values = take(next, group->n_blocks * CHUNK * LANES * sizeof(float));
    group->factors = take(next, CHUNK * 4 * pairs);
    group->angles.cos = take(next, pairs);
    group->angles.sin = take(next, pairs);
    group->angles.turns = take(next, pairs);
}

static inline size_t columns_of(const struct linear_group *group, size_t block)
{
    size_t left = group->args->v_dim - block * LANES;
    return left < LANES ? left : LANES;
}

// --- features

// exp(x) for x <= 0 within 3e-7 of itself, however small; 0 from -88.03 down.
//   exp(x) = 2^n exp(r)    n = round(x log2 e)    r = x - n ln 2, ln 2 in two parts
INLINE vec exp_of_small(vec x)
{
    const float log2e = 1.44269504f, magic = 0x1.8p23f; // as in vec_exp
    x = vec_max(vec_set1(-88.03f), x);
    vec shifted = x * log2e + magic, n = shifted - magic;
    vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    return vec_exp(r) * (vec)(((uvec)shifted + 127u) << 23);
}

// p(x) = elu(x) + 1
INLINE vec feature(vec x)
{
    return vec_select(x > 0.0f, x + 1.0f, exp_of_small(x));
}

// A head's features, padded with zeros.
static void load_features(u32 dtype, const void *src, size_t n, float *dst, size_t row)
{
    row_load(dtype, src, dst, n);
    for (size_t d = n; d < row; d++)
        dst[d] = 0.0f;
    for (size_t d = 0; d < n; d += VEC)
        vec_store(dst + d, feature(vec_load(dst + d)));
    for (size_t d = n; d % VEC != 0; d++)
        dst[d] = 0.0f;
}

static struct factors factors_of(const struct linear_group *group, size_t token)
{
    float *first = group->factors + token * 4 * linear_pairs(group);
    return (struct factors){first, first + 2 * linear_pairs(group)};
}

// For n tokens that stand one after the other.
static void turn_tokens(struct linear_group *group, u32 position, size_t n)
{
    const struct gyre_linear_attention_args *args = group->args;
    const struct gyre_rope_args rope = {
        .n_pairs = args->n_pairs, .start = (i32)position, .step = 1};
    const struct angle_source source = {
        .args = &rope, .table = group->in.table, .cache_dtype = DTYPE_NONE};
    for (size_t t = 0; t < n && args->n_pairs != 0; t++) {
        const struct factors factors = factors_of(group, t);
        angles_of(&source, 0, (u32)t, &group->angles);
        make_factors(group->in.rope == 1, &group->angles, args->n_pairs, args->amplitude,
                     args->amplitude, &factors);
    }
}

// Rotates a head's features at the place of a token of the chunk.
static void rotate_features(const struct linear_group *group, size_t token, float *features)
{
    const struct factors factors = factors_of(group, token);
    char *first = (char *)(features + group->args->rotary_offset);
    if (group->in.rope == 1)
        rotate_half(DTYPE_F32, false, first, first, &factors, group->args->n_pairs);
    else if (group->in.rope == 2)
        rotate_interleaved(DTYPE_F32, false, first, first, &factors, group->args->n_pairs);
}

// --- the keys of a chunk

static void load_values(struct linear_group *group, size_t token, u32 key)
{
    const struct gyre_linear_attention_args *args = group->args;
    size_t at = row_index(args->v_offset, args->v_stride, group->batch, key, group->kv_head);
    vec zeros = {0};
    for (size_t b = 0; b < group->n_blocks; b++) {
        float *dst = group->values + (b * CHUNK + token) * LANES;
        size_t n = columns_of(group, b);
        row_load(group->in.v_dtype, element(group->in.v_dtype, group->in.v, at + b * LANES), dst,
                 n);
        for (size_t i = n; i % VEC != 0; i++)
            dst[i] = 0.0f;
        for (size_t i = 0; i < n; i += VEC)
            zeros += 0.0f * vec_load(dst + i);
    }
    group->is_finite = group->is_finite && vec_sum(zeros) == 0.0f;
}

static void load_key(struct linear_group *group, size_t token, u32 key)
{
    const struct gyre_linear_attention_args *args = group->args;
    size_t at = row_index(args->k_offset, args->k_stride, group->batch, key, group->kv_head);
    float *features = group->keys + token * group->row;
    load_features(group->in.k_dtype, element(group->in.k_dtype, group->in.k, at), args->head_dim,
                  features, group->row);
    for (size_t d = 0; d < group->row; d++)
        group->norm[d] += features[d];
    rotate_features(group, token, features);
}

static void clear_key(struct linear_group *group, size_t token)
{
    memset(group->keys + token * group->row, 0, group->row * sizeof(float));
    for (size_t b = 0; b < group->n_blocks; b++)
        memset(group->values + (b * CHUNK + token) * LANES, 0, LANES * sizeof(float));
}

// Keys [first, first + n) and their values, zeros where there are none. They have been turned, and
// now count in norm.
static void load_keys(struct linear_group *group, int64_t first, size_t n)
{
    group->is_finite = true;
    for (size_t t = 0; t < n; t++) {
        int64_t key = first + (int64_t)t;
        if (key >= 0 && key < group->args->kv_len) {
            load_key(group, t, (u32)key);
            load_values(group, t, (u32)key);
        } else {
            clear_key(group, t);
        }
        if (group->norms != NULL)
            memcpy(group->norms + t * group->row, group->norm, group->row * sizeof(float));
    }
}

// --- products and sums

INLINE void multiply_as(bool is_sum, size_t n_columns, const struct product *product)
{
    switch ((n_columns + VEC - 1) / VEC) {
    case 1:
        micro_product(1, is_sum, product);
        break;
    case 2:
        micro_product(2, is_sum, product);
        break;
    case 3:
        micro_product(3, is_sum, product);
        break;
    default:
        micro_product(MICRO_VECS, is_sum, product);
    }
}

// C = A B or C += A B in the first n_columns columns.
static void multiply(bool is_sum, size_t n_columns, const struct product *product)
{
    if (is_sum)
        multiply_as(true, n_columns, product);
    else
        multiply_as(false, n_columns, product);
}

// state += (R p(k)) v^T over the chunk's n keys
static void add_keys(struct linear_group *group, size_t n)
{
    for (size_t b = 0; b < group->n_blocks; b++) {
        const struct product product = {
            .n_rows = group->args->head_dim,
            .n_steps = n,
            .a = group->keys,
            .a_row = 1,
            .a_step = group->row,
            .b = group->values + b * CHUNK * LANES,
            .c = group->state + b * group->row * LANES,
            .scale = 1.0f,
            .ahead = &group->ahead,
        };
        multiply(group->has_sums, columns_of(group, b), &product);
    }
    group->has_sums = true;
}

static void clear_sums(struct linear_group *group)
{
    memset(group->norm, 0, group->row * sizeof(float));
    group->has_sums = false;
}

#endif

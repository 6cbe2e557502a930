// SPDX-License-Identifier: MIT
// Kernel `linear_attention` (args/linear_attention.h) on the CPU.
//
//   out_i = (S^T q' + sum_j (q' . k'_j) v_j) / (z_i . p(q_i))      q' = R p(q_i), k'_j = R p(k_j)
//
// with S over the keys before the chunk, j over those of the chunk up to i's own place, and z_i
// over both. Not causal, S and z are over all keys.
//
// groups: (segments of queries, kv heads, batch).
#include <float.h>

#include "linear_keys.h"
#include "transpose.h"

enum { BUF_Q, BUF_K, BUF_V, BUF_TABLE, BUF_STATE, BUF_NORM, BUF_OUT };
enum { DEF_Q, DEF_K, DEF_V, DEF_OUT, DEF_ROPE };

struct group {
    struct linear_group keys;
    const struct gyre_cpu_task *task;
    // Of one head's queries in the chunk.
    float *queries; // (CHUNK, row), R p(q)
    float *inverse; // (CHUNK), of the denominators; 0: the result is 0
    float *out;     // (n_blocks, CHUNK, LANES)
    // Within the chunk.
    float *columns; // (row, LANES), its keys transposed
    float *weights; // (CHUNK, LANES), by query and key
};

static void take_all(struct group *group, uintptr_t *next)
{
    linear_take(&group->keys, true, next);
    size_t row = group->keys.row * sizeof(float), lanes = LANES * sizeof(float);
    group->queries = take(next, CHUNK * row);
    group->inverse = take(next, lanes);
    group->out = take(next, group->keys.n_blocks * CHUNK * lanes);
    group->columns = take(next, LANES * row);
    group->weights = take(next, CHUNK * lanes);
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct group group = {.keys.args = task->args};
    uintptr_t end = 0;
    take_all(&group, &end);
    return end;
}

// --- sums over what came before

// Where segment s of the queries begins among the keys.
static i32 segment_begin(const struct gyre_linear_attention_args *args, u32 s)
{
    return (i32)(s * args->segment) + args->shift;
}

static void load_sums(struct group *group, u32 entry)
{
    struct linear_group *keys = &group->keys;
    const struct linear_sums sums = {&keys->args->sums, group->task->bufs[BUF_STATE],
                                     group->task->bufs[BUF_NORM], keys->batch, keys->kv_head};
    clear_sums(keys);
    if (keys->args->has_sums == 0)
        return;
    keys->has_sums = true;
    for (size_t d = 0; d < keys->args->head_dim; d++) {
        const float *src = state_row(&sums, entry, d);
        keys->norm[d] = *norm_at(&sums, entry, d);
        for (size_t b = 0; b < keys->n_blocks; b++) {
            float *dst = keys->state + (b * keys->row + d) * LANES;
            memset(dst, 0, LANES * sizeof(float));
            memcpy(dst, src + b * LANES, columns_of(keys, b) * sizeof(float));
        }
    }
}

// --- queries

INLINE float dot(const float *a, const float *b, size_t n)
{
    vec sum = {0};
    for (size_t d = 0; d < n; d += VEC)
        sum += vec_load(a + d) * vec_load(b + d);
    return vec_sum(sum);
}

// Whether any key is for a query.
static bool sees_any(const struct gyre_linear_attention_args *args, u32 query)
{
    bool is_late = args->is_causal == 0 || (i32)query + args->shift >= 0;
    return args->has_past != 0 || (args->kv_len != 0 && is_late);
}

// 0 for nothing; NaN stays, and infinity, whose share of anything is not known, becomes it.
static float inverse_of(float denominator)
{
    if (fabsf(denominator) < FLT_MIN)
        return 0.0f;
    return fabsf(denominator) <= FLT_MAX ? 1.0f / denominator : NAN;
}

static void load_queries(struct group *group, u32 head, u32 first, size_t n)
{
    const struct linear_group *keys = &group->keys;
    const struct gyre_linear_attention_args *args = keys->args;
    const u32 dtype = group->task->defs[DEF_Q];
    for (size_t t = 0; t < n; t++) {
        const u32 query = first + (u32)t;
        float *features = group->queries + t * keys->row;
        size_t at = row_index(args->q_offset, args->q_stride, keys->batch, query, head);
        load_features(dtype, element(dtype, group->task->bufs[BUF_Q], at), args->head_dim, features,
                      keys->row);
        const float *norm = args->is_causal != 0 ? keys->norms + t * keys->row : keys->norm;
        float denominator = dot(features, norm, keys->row);
        group->inverse[t] = sees_any(args, query) ? inverse_of(denominator) : 0.0f;
        rotate_features(keys, t, features);
    }
}

// --- keys of the chunk

static void transpose_keys(struct group *group, size_t n)
{
    const struct linear_group *keys = &group->keys;
    for (size_t t = 0; t < n; t += VEC) {
        const void *rows[VEC];
        for (size_t i = 0; i < VEC; i++)
            rows[i] = keys->keys + (t + i) * keys->row;
        load_columns(DTYPE_F32, rows, keys->args->head_dim, 1.0f, group->columns + t, LANES);
    }
}

// Queries come in strips of MICRO_PAD, which end at the keys that their last one sees.
static size_t strip_end(size_t strip, size_t n)
{
    return strip + MICRO_PAD < n ? strip + MICRO_PAD : n;
}

// Weights of the keys up to each query's own place; 0 for the others of its strip.
static void weigh_keys(struct group *group, size_t n)
{
    for (size_t strip = 0; strip < n; strip += MICRO_PAD) {
        const size_t end = strip_end(strip, n);
        const struct product product = {
            .n_rows = end - strip,
            .n_steps = group->keys.args->head_dim,
            .a = group->queries + strip * group->keys.row,
            .a_row = group->keys.row,
            .a_step = 1,
            .b = group->columns,
            .c = group->weights + strip * LANES,
            .scale = 1.0f,
            .ahead = &group->keys.ahead,
        };
        multiply(false, end, &product);
        for (size_t t = strip; t < end; t++)
            memset(group->weights + t * LANES + t + 1, 0, (end - t - 1) * sizeof(float));
    }
}

// Sums of weighted values where some may not be finite: a query only meets those it sees.
static void add_values_carefully(struct group *group, size_t block, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        float *out = group->out + (block * CHUNK + t) * LANES;
        for (size_t j = 0; j <= t; j++) {
            const float *values = group->keys.values + (block * CHUNK + j) * LANES;
            for (size_t i = 0; i < columns_of(&group->keys, block); i++)
                out[i] += group->weights[t * LANES + j] * values[i];
        }
    }
}

static void add_values(struct group *group, size_t block, size_t n)
{
    for (size_t strip = 0; strip < n; strip += MICRO_PAD) {
        const size_t end = strip_end(strip, n);
        const struct product product = {
            .n_rows = end - strip,
            .n_steps = end,
            .a = group->weights + strip * LANES,
            .a_row = LANES,
            .a_step = 1,
            .b = group->keys.values + block * CHUNK * LANES,
            .c = group->out + (block * CHUNK + strip) * LANES,
            .scale = 1.0f,
            .ahead = &group->keys.ahead,
        };
        multiply(true, columns_of(&group->keys, block), &product);
    }
}

// --- results

// out = S^T q'
static void apply_state(struct group *group, size_t block, size_t n)
{
    const struct linear_group *keys = &group->keys;
    const struct product product = {
        .n_rows = n,
        .n_steps = keys->args->head_dim,
        .a = group->queries,
        .a_row = keys->row,
        .a_step = 1,
        .b = keys->state + block * keys->row * LANES,
        .c = group->out + block * CHUNK * LANES,
        .scale = 1.0f,
        .ahead = &group->keys.ahead,
    };
    if (keys->has_sums)
        multiply(false, columns_of(keys, block), &product);
    else
        memset(product.c, 0, n * LANES * sizeof(float));
}

static void store_out(struct group *group, u32 head, u32 first, size_t n)
{
    const struct linear_group *keys = &group->keys;
    const struct gyre_linear_attention_args *args = keys->args;
    const u32 dtype = group->task->defs[DEF_OUT];
    for (size_t t = 0; t < n; t++) {
        size_t at =
            row_index(args->out_offset, args->out_stride, keys->batch, first + (u32)t, head);
        for (size_t b = 0; b < keys->n_blocks; b++) {
            float *row = group->out + (b * CHUNK + t) * LANES;
            const float inverse = group->inverse[t];
            for (size_t i = 0; i < LANES; i++)
                row[i] = inverse == 0.0f ? 0.0f : row[i] * inverse;
            row_store(dtype, row, element_mut(dtype, group->task->bufs[BUF_OUT], at + b * LANES),
                      columns_of(keys, b));
        }
    }
}

// Queries [first, first + n) of a head.
static void attend(struct group *group, u32 head, u32 first, size_t n, bool has_keys)
{
    load_queries(group, head, first, n);
    if (has_keys)
        weigh_keys(group, n);
    for (size_t b = 0; b < group->keys.n_blocks; b++) {
        apply_state(group, b, n);
        if (has_keys && group->keys.is_finite)
            add_values(group, b, n);
        else if (has_keys)
            add_values_carefully(group, b, n);
    }
    store_out(group, head, first, n);
}

// Queries [first, first + n) of all heads. When causal, keys from first + shift on stand at the
// same positions.
static void attend_chunk(struct group *group, u32 first, size_t n, bool is_last)
{
    struct linear_group *keys = &group->keys;
    const struct gyre_linear_attention_args *args = keys->args;
    const int64_t key = (int64_t)first + args->shift;
    const bool has_keys = args->is_causal != 0 && key + (int64_t)n > 0 && key < args->kv_len;
    turn_tokens(keys, args->q_start + first, n);
    if (args->is_causal != 0)
        load_keys(keys, key, n);
    if (has_keys)
        transpose_keys(group, n);
    for (u32 h = 0; h < args->group; h++)
        attend(group, keys->kv_head * args->group + h, first, n, has_keys);
    if (has_keys && !is_last)
        add_keys(keys, n);
}

static void run(const struct gyre_cpu_task *task, const uint32_t index[3], void *local)
{
    const struct gyre_linear_attention_args *args = task->args;
    struct group group = {
        .keys = {.args = args,
                 .in = {task->defs[DEF_K], task->defs[DEF_V], task->defs[DEF_ROPE],
                        task->bufs[BUF_K], task->bufs[BUF_V], task->bufs[BUF_TABLE]},
                 .kv_head = index[1],
                 .batch = index[2]},
        .task = task,
    };
    const u32 begin = index[0] * args->segment, left = args->q_len - begin;
    const u32 end = begin + (left < args->segment ? left : args->segment);
    uintptr_t next = (uintptr_t)local;
    take_all(&group, &next);
    load_sums(&group, args->is_causal == 0
                          ? 0
                          : gyre_segment_entry(segment_begin(args, index[0]), args->segment,
                                               args->first, args->n_segments));
    for (u32 query = begin; query < end; query += CHUNK) {
        size_t n = end - query < CHUNK ? end - query : CHUNK;
        attend_chunk(&group, query, n, query + n >= end);
    }
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(linear_attention) = {
    .name = "linear_attention",
    .local_size = local_size,
    .run = run,
};

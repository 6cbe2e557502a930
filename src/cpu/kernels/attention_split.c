// SPDX-License-Identifier: MIT
// Kernel `attention_split` (arguments, buffers and partial results in args/attention.h) on the CPU,
// for few query rows: what counts is that keys and values stream from memory once for all rows.
//
// groups: (splits, kv heads * row tiles of TILE_Q, batch), row tiles innermost. Lanes of vectors are
// elements of a head. Keys and values are read where they are, and prefetched far ahead.
#include "args/attention.h"

#include "common.h"
#include "dots.h"
#include "layout.h"
#include "online.h"
#include "score_row.h"

enum { BUF_Q, BUF_K, BUF_V, BUF_MASK, BUF_PARTIAL };
enum { DEF_Q, DEF_K, DEF_V, DEF_MASK };
enum { CONST_WG, CONST_TILE_Q, CONST_TILE_K };

// Rows of the same tensor that are read this far ahead are in L2 when they are needed.
#define PREFETCH_BYTES 12288

struct split {
    const struct gyre_cpu_task *task;
    const struct gyre_attention_args *args;
    struct key_rules rules;
    u32 index, batch, kv_head;
    u32 first_row, n_rows;
    u32 begin, end; // keys of the tile
    size_t q_stride, scores_stride, out_stride;
    float *q;        // (n_rows, q_stride), times scale, padded with 0
    float *scores;   // (n_rows, scores_stride)
    float *out;      // (n_rows, out_stride), sums of p v
    float *max;      // (n_rows), of scores
    float *sum;      // (n_rows), of p
    bool has_hidden; // some row did not see some key that was computed
    bool is_careful; // values of hidden keys may be NaN or infinite
};

static uintptr_t lay_out(struct split *split, uintptr_t next)
{
    size_t n_rows = split->task->consts[CONST_TILE_Q];
    split->q_stride = round_up(split->args->head_dim, VEC);
    split->out_stride = round_up(split->args->v_dim, VEC);
    split->scores_stride = round_up(split->task->consts[CONST_TILE_K], VEC);
    split->q = take(&next, n_rows * split->q_stride * sizeof(float));
    split->out = take(&next, n_rows * split->out_stride * sizeof(float));
    split->scores = take(&next, n_rows * split->scores_stride * sizeof(float));
    split->max = take(&next, n_rows * sizeof(float));
    split->sum = take(&next, n_rows * sizeof(float));
    return next;
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct split split = {.task = task, .args = task->args};
    return lay_out(&split, 0);
}

static struct memory_rows rows_of_tile(const struct split *split, u32 buf, u32 dtype, u32 n_columns,
                                       u32 offset, const u32 stride[3])
{
    size_t first = row_index(offset, stride, split->batch, split->begin, split->kv_head);
    size_t row_bytes = n_columns * dtype_size(dtype);
    struct memory_rows rows = {
        .dtype = dtype,
        .n_rows = split->end - split->begin,
        .n_columns = n_columns,
        .first = element(dtype, split->task->bufs[buf], first),
        .stride = stride[1] * dtype_size(dtype),
    };
    rows.prefetch = (PREFETCH_BYTES / (row_bytes + 1) + 1) * rows.stride;
    return rows;
}

static struct memory_rows key_rows(const struct split *split)
{
    const struct gyre_attention_args *args = split->args;
    return rows_of_tile(split, BUF_K, split->task->defs[DEF_K], args->head_dim, args->k_offset,
                        args->k_stride);
}

static struct memory_rows value_rows(const struct split *split)
{
    const struct gyre_attention_args *args = split->args;
    return rows_of_tile(split, BUF_V, split->task->defs[DEF_V], args->v_dim, args->v_offset,
                        args->v_stride);
}

static void compute_scores(const struct split *split)
{
    const struct memory_rows keys = key_rows(split);
    const struct dots dots = {
        .n_queries = split->n_rows,
        .q = split->q,
        .scores = split->scores,
        .q_stride = split->q_stride,
        .scores_stride = split->scores_stride,
    };
    dots_compute(&dots, &keys);
}

// out (n_rows, n_vecs vectors from `column`) += p v
INLINE void weigh_block(u32 dtype, int n_rows, int n_vecs, const struct split *split,
                        const struct memory_rows *values, u32 row, u32 column)
{
    enum { MAX_SUMS = 8, MAX_ROWS = 4 };
    const float *p = split->scores + row * split->scores_stride;
    const char *v = element(dtype, values->first, column);
    vec sums[MAX_ROWS][MAX_SUMS] = {0};
    for (u32 key = 0; key < split->end - split->begin; key++, v += values->stride) {
        vec pieces[MAX_SUMS];
        for (int i = 0; i < n_vecs; i++) {
            pieces[i] = vec_load_as(dtype, element(dtype, v, (size_t)i * VEC));
            prefetch_line(dtype, v, (size_t)i * VEC, values->prefetch);
        }
        for (int r = 0; r < n_rows; r++)
            for (int i = 0; i < n_vecs; i++)
                sums[r][i] += p[(size_t)r * split->scores_stride + key] * pieces[i];
    }
    for (int r = 0; r < n_rows; r++) {
        for (int i = 0; i < n_vecs; i++) {
            float *out = split->out + (row + (size_t)r) * split->out_stride + column + i * VEC;
            vec_store(out, vec_load(out) + sums[r][i]);
        }
    }
}

// The last columns, fewer than VEC.
INLINE void weigh_rest(u32 dtype, const struct split *split, const struct memory_rows *values,
                       u32 row, u32 column)
{
    const float *p = split->scores + row * split->scores_stride;
    const char *v = element(dtype, values->first, column);
    float *out = split->out + row * split->out_stride + column;
    vec sum = {0};
    for (u32 key = 0; key < split->end - split->begin; key++, v += values->stride)
        sum += p[key] * vec_load_part(dtype, v, values->n_columns - column);
    vec_store(out, vec_load(out) + sum);
}

INLINE void weigh_rows(u32 dtype, int n_rows, const struct split *split,
                       const struct memory_rows *values, u32 row)
{
    enum { WIDE = 4 };
    u32 column = 0;
    for (; column + WIDE * VEC <= values->n_columns; column += WIDE * VEC)
        weigh_block(dtype, n_rows, WIDE, split, values, row, column);
    for (; column + VEC <= values->n_columns; column += VEC)
        weigh_block(dtype, n_rows, 1, split, values, row, column);
    for (u32 r = 0; column < values->n_columns && r < (u32)n_rows; r++)
        weigh_rest(dtype, split, values, row + r, column);
}

INLINE void weigh_all(u32 dtype, const struct split *split, const struct memory_rows *values)
{
    u32 row = 0;
    for (; row + 4 <= split->n_rows; row += 4)
        weigh_rows(dtype, 4, split, values, row);
    for (; row + 2 <= split->n_rows; row += 2)
        weigh_rows(dtype, 2, split, values, row);
    for (; row < split->n_rows; row++)
        weigh_rows(dtype, 1, split, values, row);
}

// Products with p = 0 count as 0, whatever the value.
static void weigh_carefully(const struct split *split, const struct memory_rows *values)
{
    for (u32 row = 0; row < split->n_rows; row++) {
        const float *p = split->scores + row * split->scores_stride;
        float *out = split->out + row * split->out_stride;
        for (u32 key = 0; key < split->end - split->begin; key++) {
            const char *v = values->first + key * values->stride;
            for (u32 d = 0; p[key] != 0.0f && d < values->n_columns; d++)
                out[d] += p[key] * scalar_load(values->dtype, element(values->dtype, v, d));
        }
    }
}

static void add_values(const struct split *split)
{
    struct memory_rows values = value_rows(split);
    if (split->is_careful) {
        weigh_carefully(split, &values);
        return;
    }
    switch (values.dtype) {
    case DTYPE_F32:
        weigh_all(DTYPE_F32, split, &values);
        break;
    case DTYPE_F16:
        weigh_all(DTYPE_F16, split, &values);
        break;
    default:
        weigh_all(DTYPE_BF16, split, &values);
    }
}

// Hides keys by the mask tensor and by position, as far as this tile needs it.
static void apply_masks(struct split *split, u32 row, const struct score_row *scores)
{
    const struct gyre_attention_args *args = split->args;
    struct query_row at = unpack_row(args, split->kv_head, split->first_row + row);
    struct key_set keys = keys_of(&split->rules, args->q_start + (i32)at.query);
    u32 dtype = split->task->defs[DEF_MASK];
    if (dtype != DTYPE_NONE) {
        size_t index =
            row_index(args->mask_offset, args->mask_stride, split->batch, at.head, at.query);
        score_row_mask(scores, dtype,
                       element(dtype, split->task->bufs[BUF_MASK], index + scores->begin));
    }
    split->has_hidden |= dtype != DTYPE_NONE || !keys_include(&keys, scores->begin, scores->end);
    score_row_hide(scores, &keys);
}

// Moves the row's running maximum up, and its sums with it, when it has fallen behind.
static void update_max(struct split *split, u32 row, float max)
{
    float *out = split->out + row * split->out_stride;
    float factor = expf(split->max[row] - max);
    if (!(max > split->max[row] + MAX_LAG))
        return;
    split->max[row] = max;
    split->sum[row] *= factor;
    for (u32 d = 0; d < split->args->v_dim; d++)
        out[d] *= factor;
}

// Scores of a row become p.
static void finish_row(struct split *split, u32 row)
{
    const struct score_row scores = {
        split->scores + row * split->scores_stride,
        split->begin,
        split->end,
    };
    if (split->args->softcap != 0.0f)
        score_row_cap(&scores, split->args->softcap);
    apply_masks(split, row, &scores);
    update_max(split, row, score_row_max(&scores));
    float max = split->max[row];
    split->sum[row] += score_row_exp(&scores, max == -INFINITY ? 0.0f : max);
}

static void attend(struct split *split)
{
    const struct gyre_attention_args *args = split->args;
    u32 end = split->index * args->keys_per_split + args->keys_per_split;
    u32 last_row = split->first_row + split->n_rows - 1;
    struct key_set keys = keys_of_any(&split->rules, position_of_row(args, split->first_row),
                                      position_of_row(args, last_row));
    memset(split->out, 0, split->n_rows * split->out_stride * sizeof(float));
    memset(split->sum, 0, split->n_rows * sizeof(float));
    for (u32 row = 0; row < split->n_rows; row++)
        split->max[row] = -INFINITY;
    for (split->begin = split->index * args->keys_per_split;
         keys_next(&keys, split->task->consts[CONST_TILE_K], end, &split->begin, &split->end);
         split->begin = split->end) {
        compute_scores(split);
        for (u32 row = 0; row < split->n_rows; row++)
            finish_row(split, row);
        add_values(split);
    }
}

static void load_queries(const struct split *split)
{
    const struct gyre_attention_args *args = split->args;
    u32 dtype = split->task->defs[DEF_Q];
    for (u32 row = 0; row < split->n_rows; row++) {
        struct query_row at = unpack_row(args, split->kv_head, split->first_row + row);
        size_t index = row_index(args->q_offset, args->q_stride, split->batch, at.query, at.head);
        row_load_padded(dtype, element(dtype, split->task->bufs[BUF_Q], index), args->scale,
                        split->q + row * split->q_stride, args->head_dim);
    }
}

static bool is_finite(const struct split *split)
{
    vec zero = {0};
    for (size_t i = 0; i < split->n_rows * split->out_stride; i += VEC)
        zero += 0.0f * vec_load(split->out + i);
    return !vec_any(zero != 0.0f);
}

static void store_partial(const struct split *split)
{
    const struct gyre_attention_args *args = split->args;
    size_t n_rows = (size_t)args->q_len * args->group;
    size_t n_heads = (size_t)args->n_batch * args->n_kv_heads;
    size_t head = (size_t)split->batch * args->n_kv_heads + split->kv_head;
    size_t first = (head * args->n_splits + split->index) * n_rows + split->first_row;
    float *acc = split->task->bufs[BUF_PARTIAL];
    float *ml = acc + n_heads * args->n_splits * n_rows * args->v_dim + first * 2;
    for (u32 row = 0; row < split->n_rows; row++) {
        memcpy(acc + (first + row) * args->v_dim, split->out + row * split->out_stride,
               args->v_dim * sizeof(float));
        ml[2 * row] = split->max[row];
        ml[2 * row + 1] = split->sum[row];
    }
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_attention_args *args = task->args;
    u32 n_rows = args->q_len * args->group, tile_q = task->consts[CONST_TILE_Q];
    u32 n_row_tiles = (n_rows + tile_q - 1) / tile_q;
    u32 first_row = group[1] % n_row_tiles * tile_q;
    struct split split = {
        .task = task,
        .args = args,
        .rules = KEY_RULES(args),
        .index = group[0],
        .batch = group[2],
        .kv_head = group[1] / n_row_tiles,
        .first_row = first_row,
        .n_rows = n_rows - first_row < tile_q ? n_rows - first_row : tile_q,
    };
    lay_out(&split, (uintptr_t)local);
    load_queries(&split);
    attend(&split);
    // Most values are finite, so nothing is spent on hidden ones before the result says otherwise.
    if (split.has_hidden && !is_finite(&split)) {
        split.is_careful = true;
        attend(&split);
    }
    store_partial(&split);
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_split) = {
    .name = "attention_split",
    .local_size = local_size,
    .run = run,
};

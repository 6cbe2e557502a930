// SPDX-License-Identifier: MIT
// Kernel `scores` (arguments, buffers and masking in args/attention.h) on the CPU. STAGE 0: raw,
// 1: capped, 2: masked.
//
// groups: (key tiles of TILE_K, query tiles of TILE_Q, heads * batch, heads innermost).
#include "args/attention.h"

#include "common.h"
#include "dots.h"
#include "layout.h"
#include "score_row.h"

enum { BUF_Q, BUF_K, BUF_MASK, BUF_SCORES, BUF_LISTS };
enum { DEF_Q, DEF_K, DEF_MASK, DEF_SCORES, DEF_STAGE, DEF_EXTRAS };
enum { CONST_WG, CONST_TILE_Q, CONST_TILE_K };

struct tile {
    const struct gyre_cpu_task *task;
    const struct gyre_attention_args *args;
    struct key_rules rules;
    u32 batch, head, query, n_queries, key, n_keys;
    size_t q_stride, scores_stride;
    float *q;      // (TILE_Q, q_stride), times scale, padded with 0
    float *scores; // (TILE_Q, scores_stride)
};

static uintptr_t lay_out(struct tile *tile, uintptr_t next)
{
    size_t n_queries = tile->task->consts[CONST_TILE_Q];
    tile->q_stride = round_up(tile->args->head_dim, VEC);
    tile->scores_stride = round_up(tile->task->consts[CONST_TILE_K], VEC);
    tile->q = take(&next, n_queries * tile->q_stride * sizeof(float));
    tile->scores = take(&next, n_queries * tile->scores_stride * sizeof(float));
    return next;
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct tile tile = {.task = task, .args = task->args};
    return lay_out(&tile, 0);
}

static void load_queries(const struct tile *tile)
{
    const struct gyre_attention_args *args = tile->args;
    u32 dtype = tile->task->defs[DEF_Q];
    for (u32 i = 0; i < tile->n_queries; i++) {
        size_t at =
            row_index(args->q_offset, args->q_stride, tile->batch, tile->query + i, tile->head);
        row_load_padded(dtype, element(dtype, tile->task->bufs[BUF_Q], at), args->scale,
                        tile->q + i * tile->q_stride, args->head_dim);
    }
}

static void compute_dots(const struct tile *tile)
{
    const struct gyre_attention_args *args = tile->args;
    u32 dtype = tile->task->defs[DEF_K];
    size_t at =
        row_index(args->k_offset, args->k_stride, tile->batch, tile->key, tile->head / args->group);
    const struct memory_rows keys = {
        .dtype = dtype,
        .n_rows = tile->n_keys,
        .n_columns = args->head_dim,
        .first = element(dtype, tile->task->bufs[BUF_K], at),
        .stride = args->k_stride[1] * dtype_size(dtype),
    };
    const struct dots dots = {
        .n_queries = tile->n_queries,
        .q = tile->q,
        .scores = tile->scores,
        .q_stride = tile->q_stride,
        .scores_stride = tile->scores_stride,
    };
    dots_compute(&dots, &keys);
}

// What STAGE asks for beyond the dot product.
static void finish_row(const struct tile *tile, u32 query, const struct score_row *row)
{
    const struct gyre_attention_args *args = tile->args;
    u32 stage = tile->task->defs[DEF_STAGE], dtype = tile->task->defs[DEF_MASK];
    if (stage >= 1 && args->softcap != 0.0f)
        score_row_cap(row, args->softcap);
    if (stage < 2)
        return;
    if (dtype != DTYPE_NONE) {
        size_t at = row_index(args->mask_offset, args->mask_stride, tile->batch, tile->head, query);
        score_row_mask(row, dtype, element(dtype, tile->task->bufs[BUF_MASK], at + row->begin));
    }
    const i32 q_pos = tile->rules.q_start + (i32)query;
    const struct key_set keys = keys_of(&tile->rules, q_pos);
    if (tile->task->defs[DEF_EXTRAS] & EXTRA_ALIBI) {
        const void *slopes = tile->task->bufs[BUF_LISTS + LIST_SLOPES];
        score_row_slope(row, list_f32(slopes, args->extras.slopes, tile->head), q_pos);
    }
    score_row_hide(row, &keys);
}

static void store_row(const struct tile *tile, u32 query, const struct score_row *row)
{
    const struct gyre_attention_args *args = tile->args;
    u32 dtype = tile->task->defs[DEF_SCORES];
    size_t at = row_index(args->scores_offset, args->scores_stride, tile->batch, tile->head, query);
    row_store(dtype, row->scores, element_mut(dtype, tile->task->bufs[BUF_SCORES], at + row->begin),
              row->end - row->begin);
}

static u32 min_u32(u32 a, u32 b)
{
    return a < b ? a : b;
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_attention_args *args = task->args;
    u32 n_heads = args->n_kv_heads * args->group;
    u32 tile_q = task->consts[CONST_TILE_Q], tile_k = task->consts[CONST_TILE_K];
    struct tile tile = {
        .task = task,
        .args = args,
        .batch = group[2] / n_heads,
        .head = group[2] % n_heads,
        .query = group[1] * tile_q,
        .n_queries = min_u32(args->q_len - group[1] * tile_q, tile_q),
        .key = group[0] * tile_k,
        .n_keys = min_u32(args->kv_len - group[0] * tile_k, tile_k),
    };
    tile.rules = rules_of_batch(KEY_RULES(args), &args->extras, &task->bufs[BUF_LISTS], args->q_len,
                                tile.batch);
    lay_out(&tile, (uintptr_t)local);
    load_queries(&tile);
    compute_dots(&tile);
    for (u32 i = 0; i < tile.n_queries; i++) {
        const struct score_row row = {
            tile.scores + i * tile.scores_stride,
            tile.key,
            tile.key + tile.n_keys,
        };
        finish_row(&tile, tile.query + i, &row);
        store_row(&tile, tile.query + i, &row);
    }
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(scores) = {
    .name = "scores",
    .local_size = local_size,
    .run = run,
};

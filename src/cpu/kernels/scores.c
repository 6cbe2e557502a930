// SPDX-License-Identifier: MIT
// Kernel `scores` (arguments, buffers and masking in args/attention.h) on the CPU. STAGE 0: raw,
// 1: capped, 2: masked; STAGE_SUMS: of probabilities over queries.
//
// groups: (key tiles of TILE_K, query tiles of TILE_Q, heads * batch, heads innermost); for sums
// (key tiles, 1, heads * batch), a group taking all queries.
#include "args/attention.h"

#include "common.h"
#include "dots.h"
#include "heads.h"
#include "score_row.h"

enum { BUF_Q, BUF_K, BUF_MASK, BUF_SCORES, BUF_EXTRAS };
enum { BUF_LSE = BUF_EXTRAS + ATTENTION_N_EXTRAS, BUF_SINKS };
enum { DEF_Q, DEF_K, DEF_MASK, DEF_SCORES, DEF_STAGE, DEF_EXTRAS };
enum { CONST_WG, CONST_TILE_Q, CONST_TILE_K };

struct tile {
    const struct gyre_cpu_task *task;
    const struct gyre_attention_args *args;
    u32 extras; // EXTRAS
    struct sequence own;
    u32 head, query, n_queries, key, n_keys;
    size_t q_stride, scores_stride;
    float *q;                      // (TILE_Q, q_stride), times scale, padded with 0
    float *scores;                 // (TILE_Q, scores_stride)
    float *sums;                   // (scores_stride)
    struct heads heads_q, heads_k; // where they are not simply rows of memory
    float *keys;                   // (TILE_K, q_stride) room for their keys
};

// Room for keys that are rotated or come in two parts.
static void take_heads(struct tile *tile, uintptr_t *next)
{
    const struct gyre_cpu_task *task = tile->task;
    void *const *extras = &task->bufs[BUF_EXTRAS];
    struct heads_room room;
    take_room(tile->args, &room, next);
    tile->keys = take(next, task->consts[CONST_TILE_K] * tile->q_stride * sizeof(float));
    tile->heads_q =
        heads_of_q(tile->args, tile->extras, task->defs[DEF_Q], task->bufs[BUF_Q], extras, &room);
    tile->heads_k =
        heads_of_k(tile->args, tile->extras, task->defs[DEF_K], task->bufs[BUF_K], extras, &room);
}

static uintptr_t lay_out(struct tile *tile, uintptr_t next)
{
    size_t n_queries = tile->task->consts[CONST_TILE_Q];
    tile->q_stride = round_up(tile->args->head_dim, VEC);
    tile->scores_stride = round_up(tile->task->consts[CONST_TILE_K], VEC);
    tile->q = take(&next, n_queries * tile->q_stride * sizeof(float));
    tile->scores = take(&next, n_queries * tile->scores_stride * sizeof(float));
    tile->sums = take(&next, tile->scores_stride * sizeof(float));
    if (tile->extras & EXTRA_OWN_HEADS)
        take_heads(tile, &next);
    return next;
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct tile tile = {.task = task, .args = task->args, .extras = task->defs[DEF_EXTRAS]};
    return lay_out(&tile, 0);
}

static i32 position_of_query(const struct tile *tile, u32 query)
{
    return tile->own.rules.q_start + (i32)query;
}

static void load_query(const struct tile *tile, u32 query, float *dst)
{
    const struct gyre_attention_args *args = tile->args;
    const u32 dtype = tile->task->defs[DEF_Q], token = tile->own.q_first + query;
    const size_t at = row_index(args->q_offset, args->q_stride, tile->own.batch, token, tile->head);
    if (tile->extras & EXTRA_OWN_HEADS) {
        head_load(&tile->heads_q, tile->own.batch, token, tile->head, tile->head,
                  position_of_query(tile, query), dst);
        row_load_padded(DTYPE_F32, dst, args->scale, dst, args->head_dim);
    } else {
        row_load_padded(dtype, element(dtype, tile->task->bufs[BUF_Q], at), args->scale, dst,
                        args->head_dim);
    }
}

static struct memory_rows rows_in_memory(const struct tile *tile)
{
    const struct gyre_attention_args *args = tile->args;
    u32 dtype = tile->task->defs[DEF_K];
    size_t at = row_index(args->k_offset, args->k_stride, tile->own.batch,
                          tile->own.k_first + tile->key, tile->head / args->group);
    return (struct memory_rows){
        .dtype = dtype,
        .n_rows = tile->n_keys,
        .n_columns = args->head_dim,
        .first = element(dtype, tile->task->bufs[BUF_K], at),
        .stride = args->k_stride[1] * dtype_size(dtype),
    };
}

static struct memory_rows load_keys(const struct tile *tile)
{
    const struct sequence *own = &tile->own;
    const u32 kv_head = tile->head / tile->args->group;
    if ((tile->extras & EXTRA_OWN_HEADS) == 0)
        return rows_in_memory(tile);
    for (u32 i = 0; i < tile->n_keys; i++)
        head_load(&tile->heads_k, own->batch, own->k_first + tile->key + i, kv_head,
                  kv_head / tile->args->heads.group2, position_of_key(&own->rules, tile->key + i),
                  tile->keys + i * tile->q_stride);
    return (struct memory_rows){
        .dtype = DTYPE_F32,
        .n_rows = tile->n_keys,
        .n_columns = tile->args->head_dim,
        .first = (const char *)tile->keys,
        .stride = tile->q_stride * sizeof(float),
    };
}

static void compute_dots(const struct tile *tile, const struct memory_rows *keys)
{
    const struct dots dots = {
        .n_queries = tile->n_queries,
        .q = tile->q,
        .scores = tile->scores,
        .q_stride = tile->q_stride,
        .scores_stride = tile->scores_stride,
    };
    for (u32 i = 0; i < tile->n_queries; i++)
        load_query(tile, tile->query + i, tile->q + i * tile->q_stride);
    dots_compute(&dots, keys);
}

static void mask_row(const struct tile *tile, u32 query, const struct score_row *row)
{
    const struct gyre_attention_args *args = tile->args;
    const struct key_rules *rules = &tile->own.rules;
    const u32 dtype = tile->task->defs[DEF_MASK];
    const i32 q_pos = position_of_query(tile, query);
    const struct key_set keys = keys_of(rules, q_pos);
    if (dtype != DTYPE_NONE) {
        size_t at =
            row_index(args->mask_offset, args->mask_stride, tile->own.batch, tile->head, query);
        score_row_mask(row, dtype, element(dtype, tile->task->bufs[BUF_MASK], at));
    }
    if (tile->extras & EXTRA_ALIBI) {
        const void *slopes = tile->task->bufs[BUF_EXTRAS + SLOT_SLOPES];
        score_row_slope(row, list_f32(slopes, args->extras.slopes, tile->head), rules, q_pos);
    }
    score_row_hide(row, rules, &keys, q_pos);
}

// What STAGE asks for beyond the dot product.
static void finish_row(const struct tile *tile, u32 query, const struct score_row *row)
{
    const struct gyre_attention_args *args = tile->args;
    const u32 stage = tile->task->defs[DEF_STAGE];
    void *const *extras = &tile->task->bufs[BUF_EXTRAS];
    const struct query_row at = {query, tile->head};
    if (tile->extras & EXTRA_RELATIVE)
        score_row_relative(row, relative_of(args, extras, &tile->own, at), args->extras.n_relative,
                           &tile->own.rules, position_of_query(tile, query));
    if (stage >= 1 && args->softcap != 0.0f)
        score_row_cap(row, args->softcap);
    if (stage >= 2)
        mask_row(tile, query, row);
}

static void store_row(const struct tile *tile, u32 query, const struct score_row *row)
{
    const struct gyre_attention_args *args = tile->args;
    u32 dtype = tile->task->defs[DEF_SCORES];
    size_t at =
        row_index(args->scores_offset, args->scores_stride, tile->own.batch, tile->head, query);
    row_store(dtype, row->scores, element_mut(dtype, tile->task->bufs[BUF_SCORES], at + row->begin),
              row->end - row->begin);
}

// Finished scores of the tile's queries, one after the other to `use`.
static void finish_rows(const struct tile *tile,
                        void use(const struct tile *tile, u32 query, const struct score_row *row))
{
    for (u32 i = 0; i < tile->n_queries; i++) {
        const struct score_row row = {
            tile->scores + i * tile->scores_stride,
            tile->key,
            tile->key + tile->n_keys,
        };
        finish_row(tile, tile->query + i, &row);
        use(tile, tile->query + i, &row);
    }
}

// --- sums over queries

// The log of what the probabilities of a query are divided by; -inf where it sees nothing.
static float log_sum(const struct tile *tile, u32 query)
{
    const struct gyre_attention_args *args = tile->args;
    const float *all = tile->task->bufs[BUF_LSE];
    const u32 token = tile->own.q_first + query;
    float lse =
        all[row_index(args->lse_offset, args->lse_stride, tile->own.batch, tile->head, token)];
    if (args->extras.sinks == 0 || lse == -INFINITY)
        return lse;
    float sink = list_f32(tile->task->bufs[BUF_SINKS], args->extras.sinks, tile->head);
    float most = sink > lse ? sink : lse;
    if (most == INFINITY) // which minus itself is no number
        return most;
    return most + logf(expf(lse - most) + expf(sink - most));
}

static void add_row(const struct tile *tile, u32 query, const struct score_row *row)
{
    const float divisor = log_sum(tile, query);
    if (divisor == -INFINITY)
        return;
    for (u32 i = 0; i < row->end - row->begin; i += VEC) {
        const vec s = vec_load(row->scores + i), none = {0};
        // What is hidden adds nothing even where the divisor is NaN.
        vec p = vec_select(s != vec_set1(-INFINITY), vec_exp(s - divisor), none);
        vec_store(tile->sums + i, vec_load(tile->sums + i) + p);
    }
}

static void store_sums(const struct tile *tile)
{
    const struct gyre_attention_args *args = tile->args;
    const u32 n_left = tile->own.k_tokens > tile->key ? tile->own.k_tokens - tile->key : 0;
    float *all = tile->task->bufs[BUF_SCORES];
    float *dst =
        all + row_index(args->scores_offset, args->scores_stride, tile->own.batch, tile->head, 0) +
        tile->own.k_first + tile->key;
    for (u32 i = 0; i < tile->n_keys && i < n_left; i++)
        dst[i] = (args->adds_sums != 0 ? dst[i] : 0.0f) + tile->sums[i];
}

// Whether a query of the tile may see one of its keys.
static bool may_see_tile(const struct tile *tile)
{
    const struct key_rules *rules = &tile->own.rules;
    const i32 first = position_of_query(tile, tile->query);
    const i32 last = first + (i32)tile->n_queries - 1;
    const struct key_set any = keys_of_any(rules, first, last);
    u32 begin = tile->key, end;
    return keys_next(&any, UINT32_MAX, tile->key + tile->n_keys, &begin, &end) &&
           may_see(rules, first, last, begin, end);
}

static u32 min_u32(u32 a, u32 b)
{
    return a < b ? a : b;
}

// Keys that the sequence has not are no rows of memory.
static void sum_tiles(struct tile *tile)
{
    const u32 n = tile->args->n_sum_queries, tile_q = tile->task->consts[CONST_TILE_Q];
    const u32 q_len = tile->own.q_len, n_keys = tile->n_keys, len = tile->own.rules.kv_len;
    memset(tile->sums, 0, tile->scores_stride * sizeof(float));
    tile->n_keys = len > tile->key ? min_u32(len - tile->key, n_keys) : 0;
    if (tile->n_keys != 0) {
        const struct memory_rows keys = load_keys(tile);
        for (tile->query = n != 0 && n < q_len ? q_len - n : 0; tile->query < q_len;
             tile->query += tile_q) {
            tile->n_queries = min_u32(q_len - tile->query, tile_q);
            if (!may_see_tile(tile))
                continue;
            compute_dots(tile, &keys);
            finish_rows(tile, add_row);
        }
    }
    tile->n_keys = n_keys;
    store_sums(tile);
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_attention_args *args = task->args;
    u32 n_heads = args->n_kv_heads * args->group, extras = task->defs[DEF_EXTRAS];
    u32 tile_q = task->consts[CONST_TILE_Q], tile_k = task->consts[CONST_TILE_K];
    struct tile tile = {
        .task = task,
        .args = args,
        .extras = extras,
        .own = sequence_of(args, extras, &task->bufs[BUF_EXTRAS], group[2] / n_heads),
        .head = group[2] % n_heads,
        .query = group[1] * tile_q,
        .key = group[0] * tile_k,
        .n_keys = min_u32(args->kv_len - group[0] * tile_k, tile_k),
    };
    lay_out(&tile, (uintptr_t)local);
    if (task->defs[DEF_STAGE] == STAGE_SUMS) {
        sum_tiles(&tile);
        return;
    }
    if (tile.query >= tile.own.q_len)
        return;
    const struct memory_rows keys = load_keys(&tile);
    tile.n_queries = min_u32(tile.own.q_len - tile.query, tile_q);
    compute_dots(&tile, &keys);
    finish_rows(&tile, store_row);
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(scores) = {
    .name = "scores",
    .local_size = local_size,
    .run = run,
};

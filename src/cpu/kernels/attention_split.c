// SPDX-License-Identifier: MIT
// Kernel `attention_split` (arguments, buffers and partial results in args/attention.h) on the CPU,
// for few query rows: what counts is that keys and values stream from memory once for all rows.
//
// groups: (splits, blocks of (kv head, row tile of TILE_Q), batch). A group takes the contiguous
// heads and row tiles [y, y + 1) * n / groups[1], row tiles innermost, one after the other for
// every tile of keys: where the heads of a token are neighbours, memory is then read in order.
// Lanes of vectors are elements of a head. Keys and values are read where they are, prefetched a
// tile ahead.
#include "args/attention.h"

#include "common.h"
#include "dots.h"
#include "heads.h"
#include "online.h"
#include "partial.h"
#include "score_row.h"
#include "weigh.h"

enum { BUF_Q, BUF_K, BUF_V, BUF_MASK, BUF_PARTIAL, BUF_EXTRAS };
enum { DEF_Q, DEF_K, DEF_V, DEF_MASK, DEF_EXTRAS };
enum { CONST_WG, CONST_TILE_Q, CONST_TILE_K };

// Some rows of one kv head.
struct unit {
    u32 kv_head, first_row, n_rows;
    float *q;        // (n_rows, q_stride), times scale, padded with 0
    float *out;      // (n_rows, out_stride), sums of p v
    float *max;      // (n_rows), of scores
    float *sum;      // (n_rows), of p
    bool has_hidden; // some row did not see some key that was computed
    bool is_careful; // values of hidden keys may be NaN or infinite
};

struct group {
    const struct gyre_cpu_task *task;
    const struct gyre_attention_args *args;
    u32 extras; // EXTRAS
    struct sequence own;
    u32 split;
    u32 n_row_tiles, n_units;
    u32 begin, end; // keys of the tile
    bool is_whole;  // its scores need no masks
    size_t q_stride, scores_stride, out_stride;
    struct unit *units; // (n_units)
    float *scores;      // (n_rows, scores_stride), of one unit
    struct heads q, k;  // where they are not simply rows of memory
    float *keys;        // (TILE_K, q_stride) room for their keys
};

// Units of the dispatch and of its largest group.
static void count_units(struct group *group, u32 *n_all, u32 *n_most)
{
    u32 tile_q = group->task->consts[CONST_TILE_Q], n_groups = group->task->groups[1];
    group->n_row_tiles = (group->args->q_len * group->args->group + tile_q - 1) / tile_q;
    *n_all = group->args->n_kv_heads * group->n_row_tiles;
    *n_most = (*n_all + n_groups - 1) / n_groups;
}

// Room for keys that are rotated or come in two parts.
static void take_heads(struct group *group, uintptr_t *next)
{
    const struct gyre_cpu_task *task = group->task;
    void *const *extras = &task->bufs[BUF_EXTRAS];
    struct heads_room room = {0};
    if ((group->extras & EXTRA_OWN_HEADS) == 0)
        return;
    take_room(group->args, &room, next);
    group->keys = take(next, task->consts[CONST_TILE_K] * group->q_stride * sizeof(float));
    group->q =
        heads_of_q(group->args, group->extras, task->defs[DEF_Q], task->bufs[BUF_Q], extras, &room);
    group->k =
        heads_of_k(group->args, group->extras, task->defs[DEF_K], task->bufs[BUF_K], extras, &room);
}

static uintptr_t lay_out(struct group *group, uintptr_t next, bool is_real)
{
    size_t n_rows = group->task->consts[CONST_TILE_Q];
    struct unit spare;
    u32 n_all, n_most;
    count_units(group, &n_all, &n_most);
    group->q_stride = round_up(group->args->head_dim, VEC);
    group->out_stride = round_up(group->args->v_dim, VEC);
    group->scores_stride = round_up(group->task->consts[CONST_TILE_K], VEC);
    group->scores = take(&next, n_rows * group->scores_stride * sizeof(float));
    group->units = take(&next, n_most * sizeof(struct unit));
    take_heads(group, &next);
    for (u32 i = 0; i < n_most; i++) {
        struct unit *unit = is_real ? &group->units[i] : &spare;
        unit->q = take(&next, n_rows * group->q_stride * sizeof(float));
        unit->out = take(&next, n_rows * group->out_stride * sizeof(float));
        unit->max = take(&next, n_rows * sizeof(float));
        unit->sum = take(&next, n_rows * sizeof(float));
    }
    return next;
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct group group = {.task = task, .args = task->args, .extras = task->defs[DEF_EXTRAS]};
    return lay_out(&group, 0, false);
}

// The next tile of all heads of the group, in the order of memory; the share of it that falls to
// this unit. Behind the last tile of a split most often comes the first of the next.
static struct ahead_rows rows_ahead(const struct group *group, const struct unit *unit,
                                    const char *base, size_t dtype_bytes, u32 offset,
                                    const u32 stride[3])
{
    u32 n_keys = group->end - group->begin;
    bool is_token_major = stride[2] < stride[1] && group->n_row_tiles == 1;
    u32 head = is_token_major ? group->units[0].kv_head : unit->kv_head;
    struct ahead_rows ahead = {
        .first = base + dtype_bytes * row_index(offset, stride, group->own.batch,
                                                group->own.k_first + group->end, head),
        .outer_stride = stride[1] * dtype_bytes,
        .inner_stride = stride[2] * dtype_bytes,
        .n_inner = is_token_major ? group->n_units : 1,
        .next = is_token_major ? (size_t)(unit - group->units) * n_keys : 0,
    };
    return group->end < group->own.rules.kv_len ? ahead : (struct ahead_rows){0};
}

static struct memory_rows rows_of_tile(const struct group *group, const struct unit *unit, u32 buf,
                                       u32 dtype, u32 n_columns, u32 offset, const u32 stride[3])
{
    size_t first = row_index(offset, stride, group->own.batch, group->own.k_first + group->begin,
                             unit->kv_head);
    return (struct memory_rows){
        .dtype = dtype,
        .n_rows = group->end - group->begin,
        .n_columns = n_columns,
        .first = element(dtype, group->task->bufs[buf], first),
        .stride = stride[1] * dtype_size(dtype),
        .ahead = rows_ahead(group, unit, group->task->bufs[buf], dtype_size(dtype), offset, stride),
    };
}

// Keys that are rotated or come in two parts, brought to local memory.
static struct memory_rows load_keys(const struct group *group, const struct unit *unit)
{
    const struct sequence *own = &group->own;
    const u32 head2 = unit->kv_head / group->args->heads.group2;
    for (u32 key = group->begin; key < group->end; key++)
        head_load(&group->k, own->batch, own->k_first + key, unit->kv_head, head2,
                  position_of_key(&own->rules, key),
                  group->keys + (key - group->begin) * group->q_stride);
    return (struct memory_rows){
        .dtype = DTYPE_F32,
        .n_rows = group->end - group->begin,
        .n_columns = group->args->head_dim,
        .first = (const char *)group->keys,
        .stride = group->q_stride * sizeof(float),
    };
}

static struct memory_rows key_rows(const struct group *group, const struct unit *unit)
{
    const struct gyre_attention_args *args = group->args;
    if (group->extras & EXTRA_OWN_HEADS)
        return load_keys(group, unit);
    return rows_of_tile(group, unit, BUF_K, group->task->defs[DEF_K], args->head_dim,
                        args->k_offset, args->k_stride);
}

static struct memory_rows value_rows(const struct group *group, const struct unit *unit)
{
    const struct gyre_attention_args *args = group->args;
    return rows_of_tile(group, unit, BUF_V, group->task->defs[DEF_V], args->v_dim, args->v_offset,
                        args->v_stride);
}

static void compute_scores(const struct group *group, const struct unit *unit)
{
    const struct memory_rows keys = key_rows(group, unit);
    const struct dots dots = {
        .n_queries = unit->n_rows,
        .q = unit->q,
        .scores = group->scores,
        .q_stride = group->q_stride,
        .scores_stride = group->scores_stride,
    };
    dots_compute(&dots, &keys);
}

static void add_values(const struct group *group, const struct unit *unit)
{
    const struct memory_rows values = value_rows(group, unit);
    const struct weighing w = {
        .n_rows = unit->n_rows,
        .p = group->scores,
        .out = unit->out,
        .p_stride = group->scores_stride,
        .out_stride = group->out_stride,
        .values = &values,
    };
    if (unit->is_careful)
        weigh_carefully(&w);
    else
        weigh(&w);
}

// Hides keys by the mask tensor and by position, as far as this tile needs it.
static void apply_masks(const struct group *group, struct unit *unit, u32 row,
                        const struct score_row *scores)
{
    const struct gyre_attention_args *args = group->args;
    struct query_row at = unpack_row(args, unit->kv_head, unit->first_row + row);
    const struct key_rules *rules = &group->own.rules;
    const i32 q_pos = rules->q_start + (i32)at.query;
    struct key_set keys = keys_of(rules, q_pos);
    u32 dtype = group->task->defs[DEF_MASK];
    if (dtype != DTYPE_NONE) {
        size_t index =
            row_index(args->mask_offset, args->mask_stride, group->own.batch, at.head, at.query);
        score_row_mask(scores, dtype, element(dtype, group->task->bufs[BUF_MASK], index));
    }
    if (group->extras & EXTRA_ALIBI) {
        const void *slopes = group->task->bufs[BUF_EXTRAS + SLOT_SLOPES];
        score_row_slope(scores, list_f32(slopes, args->extras.slopes, at.head), rules, q_pos);
    }
    unit->has_hidden |= dtype != DTYPE_NONE || rules->positions != NULL ||
                        !keys_include(&keys, scores->begin, scores->end);
    score_row_hide(scores, rules, &keys, q_pos);
}

// Moves the row's running maximum up, and its sums with it, when it has fallen behind.
static void update_max(const struct group *group, struct unit *unit, u32 row, float max)
{
    if (!(max > unit->max[row] + MAX_LAG))
        return;
    float *out = unit->out + row * group->out_stride;
    float factor = expf(unit->max[row] - max);
    unit->max[row] = max;
    unit->sum[row] *= factor;
    for (u32 d = 0; d < group->args->v_dim; d++)
        out[d] *= factor;
}

static void add_relative(const struct group *group, const struct unit *unit, u32 row,
                         const struct score_row *scores)
{
    const struct gyre_attention_args *args = group->args;
    struct query_row at = unpack_row(args, unit->kv_head, unit->first_row + row);
    void *const *extras = &group->task->bufs[BUF_EXTRAS];
    score_row_relative(scores, relative_of(args, extras, &group->own, at), args->extras.n_relative,
                       &group->own.rules, group->own.rules.q_start + (i32)at.query);
}

// Scores of a row become p.
static void finish_row(const struct group *group, struct unit *unit, u32 row)
{
    const struct score_row scores = {
        group->scores + row * group->scores_stride,
        group->begin,
        group->end,
    };
    if (group->extras & EXTRA_RELATIVE)
        add_relative(group, unit, row, &scores);
    if (group->args->softcap != 0.0f)
        score_row_cap(&scores, group->args->softcap);
    if (!group->is_whole)
        apply_masks(group, unit, row, &scores);
    update_max(group, unit, row, score_row_max(&scores));
    float max = unit->max[row];
    unit->sum[row] += score_row_exp(&scores, max == -INFINITY ? 0.0f : max);
}

static void unit_reset(const struct group *group, struct unit *unit)
{
    memset(unit->out, 0, unit->n_rows * group->out_stride * sizeof(float));
    memset(unit->sum, 0, unit->n_rows * sizeof(float));
    for (u32 row = 0; row < unit->n_rows; row++)
        unit->max[row] = -INFINITY;
}

static void attend_tile(struct group *group, struct unit *unit)
{
    if (unit->n_rows == 0)
        return;
    compute_scores(group, unit);
    for (u32 row = 0; row < unit->n_rows; row++)
        finish_row(group, unit, row);
    add_values(group, unit);
}

// Whether every query sees all keys of the tile, which fill their vectors, and nothing is added to
// their scores.
static bool is_whole(const struct group *group, const struct key_set *all)
{
    return group->task->defs[DEF_MASK] == DTYPE_NONE && (group->extras & EXTRA_ALIBI) == 0 &&
           (group->end - group->begin) % VEC == 0 && keys_include(all, group->begin, group->end);
}

// All keys of the split that some row sees, for n_units units.
static void attend(struct group *group, struct unit *units, u32 n_units)
{
    const struct key_rules *rules = &group->own.rules;
    const u32 tile_k = group->task->consts[CONST_TILE_K];
    const u32 split_begin = group->split * group->args->keys_per_split;
    const u32 split_end = split_begin + group->args->keys_per_split;
    const i32 first = rules->q_start, last = first + (i32)group->own.q_len - 1;
    const struct key_set keys = keys_of_any(rules, first, last);
    const struct key_set all = keys_of_all(rules, first, last);
    for (u32 i = 0; i < n_units; i++)
        unit_reset(group, &units[i]);
    for (group->begin = split_begin;
         keys_next(&keys, tile_k, split_end, &group->begin, &group->end);
         group->begin = group->end) {
        group->is_whole = is_whole(group, &all);
        for (u32 i = 0; i < n_units && may_see(rules, first, last, group->begin, group->end); i++)
            attend_tile(group, &units[i]);
    }
}

static void load_queries(const struct group *group, const struct unit *unit)
{
    const struct gyre_attention_args *args = group->args;
    const struct sequence *own = &group->own;
    u32 dtype = group->task->defs[DEF_Q];
    for (u32 row = 0; row < unit->n_rows; row++) {
        struct query_row at = unpack_row(args, unit->kv_head, unit->first_row + row);
        u32 token = own->q_first + at.query;
        const void *q = group->task->bufs[BUF_Q];
        float *dst = unit->q + row * group->q_stride;
        size_t index = row_index(args->q_offset, args->q_stride, own->batch, token, at.head);
        if (group->extras & EXTRA_OWN_HEADS) {
            head_load(&group->q, own->batch, token, at.head, at.head,
                      own->rules.q_start + (i32)at.query, dst);
            q = dst;
            index = 0;
        }
        row_load_padded(group->extras & EXTRA_OWN_HEADS ? DTYPE_F32 : dtype,
                        element(dtype, q, index), args->scale, dst, args->head_dim);
    }
}

static bool is_finite(const struct group *group, const struct unit *unit)
{
    vec zero = {0};
    for (size_t i = 0; i < unit->n_rows * group->out_stride; i += VEC)
        zero += 0.0f * vec_load(unit->out + i);
    return !vec_any(zero != 0.0f);
}

static void store_partial(const struct group *group, const struct unit *unit)
{
    const struct gyre_attention_args *args = group->args;
    const struct partial partial =
        partial_of(args, group->task->bufs[BUF_PARTIAL], group->own.batch, unit->kv_head,
                   group->split, unit->first_row);
    for (u32 row = 0; row < unit->n_rows; row++) {
        memcpy(partial.acc + (size_t)row * args->v_dim, unit->out + row * group->out_stride,
               args->v_dim * sizeof(float));
        partial.ml[2 * row] = unit->max[row];
        partial.ml[2 * row + 1] = unit->sum[row];
    }
}

static void set_units(struct group *group, u32 y)
{
    u32 n_all, n_most, n_rows = n_rows_of(group->args, &group->own);
    u32 tile_q = group->task->consts[CONST_TILE_Q], n_groups = group->task->groups[1];
    count_units(group, &n_all, &n_most);
    u32 first = (u32)((uint64_t)n_all * y / n_groups);
    group->n_units = (u32)((uint64_t)n_all * (y + 1) / n_groups) - first;
    for (u32 i = 0; i < group->n_units; i++) {
        struct unit *unit = &group->units[i];
        unit->kv_head = (first + i) / group->n_row_tiles;
        unit->first_row = (first + i) % group->n_row_tiles * tile_q;
        u32 n_left = n_rows > unit->first_row ? n_rows - unit->first_row : 0;
        unit->n_rows = n_left < tile_q ? n_left : tile_q;
        unit->has_hidden = unit->is_careful = false;
        load_queries(group, unit);
    }
}

static void run(const struct gyre_cpu_task *task, const uint32_t index[3], void *local)
{
    const struct gyre_attention_args *args = task->args;
    struct group group = {
        .task = task,
        .args = args,
        .extras = task->defs[DEF_EXTRAS],
        .own = sequence_of(args, task->defs[DEF_EXTRAS], &task->bufs[BUF_EXTRAS], index[2]),
        .split = index[0],
    };
    lay_out(&group, (uintptr_t)local, true);
    set_units(&group, index[1]);
    attend(&group, group.units, group.n_units);
    for (u32 i = 0; i < group.n_units; i++) {
        struct unit *unit = &group.units[i];
        // Most values are finite, so nothing is spent on hidden ones before the result says
        // otherwise.
        if (unit->has_hidden && !is_finite(&group, unit)) {
            unit->is_careful = true;
            attend(&group, unit, 1);
        }
        store_partial(&group, unit);
    }
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_split) = {
    .name = "attention_split",
    .local_size = local_size,
    .run = run,
};

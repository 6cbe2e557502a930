// SPDX-License-Identifier: MIT
// The tensors of a case of attention: q, k, v, the mask and the results.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/attention_run.h"
#include "harness/fill.h"

static size_t count_values(const struct guarded_layout *layout)
{
    const uint64_t *shape = layout->shape;
    return (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
}

static double *alloc_values(const struct guarded_layout *layout)
{
    return malloc((count_values(layout) + 1) * sizeof(double));
}

// Four axes as the row lays them out.
static struct guarded_layout lay_out(const struct attention_case *row, enum gyre_dtype dtype,
                                     uint64_t batch, uint64_t x, uint64_t y, uint64_t z)
{
    return (struct guarded_layout){
        .dtype = dtype,
        .shape = {batch, x, y, z},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
}

// Batches of q and of k: packed sequences share one.
static uint64_t q_batch(const struct attention_case *row)
{
    return row->cu_q_lens != NULL ? 1 : row->n_batch;
}

static uint64_t k_batch(const struct attention_case *row)
{
    return row->cu_kv_lens != NULL ? 1 : row->n_batch;
}

// --- q, k and v

// Sets the rows (over batches and heads) of one token.
static void set_token(const struct guarded_layout *layout, uint64_t token, double value,
                      double *values)
{
    const uint64_t *shape = layout->shape;
    uint64_t n_row = shape[2] * shape[3];
    for (uint64_t b = 0; token < shape[1] && b < shape[0]; b++)
        for (uint64_t i = 0; i < n_row; i++)
            values[(b * shape[1] + token) * n_row + i] = value;
}

// Tokens of sequence b that queries, or keys and values, may take.
static struct oracle_span span_of(const struct attention_case *row, enum attention_part part,
                                  size_t b)
{
    if (part == ATTENTION_QUERIES)
        return attention_queries_of(row, b);
    struct oracle_span span = attention_keys_of(row, b);
    size_t own = row->kv_lens == NULL ? span.n : row->kv_lens[b] < 0 ? 0 : (size_t)row->kv_lens[b];
    return (struct oracle_span){span.first, own < span.n ? own : span.n};
}

static bool is_anyones(const struct attention_case *row, enum attention_part part, size_t token)
{
    for (size_t b = 0; b < row->n_batch; b++) {
        struct oracle_span span = span_of(row, part, b);
        if (token >= span.first && token - span.first < span.n)
            return true;
    }
    return false;
}

// Sets the tokens that no sequence has.
static void set_beyond(const struct attention_case *row, enum attention_part part,
                       const struct guarded_layout *layout, double *values)
{
    size_t n_tokens = (size_t)(layout->shape[0] * layout->shape[1]);
    size_t n_row = (size_t)(layout->shape[2] * layout->shape[3]);
    for (size_t token = 0; token < n_tokens; token++) {
        bool is_free = !is_anyones(row, part, token);
        for (size_t i = 0; is_free && i < n_row; i++)
            values[token * n_row + i] = part == ATTENTION_VALUES ? INFINITY : NAN;
    }
}

static void set_values(const struct attention_case *row, enum attention_part part,
                       const struct guarded_layout *layout, uint64_t seed, double *values)
{
    fill_normals(seed, values, count_values(layout));
    for (size_t i = 0; part != ATTENTION_QUERIES && i < count_values(layout); i++)
        values[i] *= row->kv_magnitude;
    for (size_t i = 0; row->is_qk_largest && part != ATTENTION_VALUES && i < count_values(layout);
         i++)
        values[i] = copysign(65504, values[i]);
    if (row->has_nan_key && part != ATTENTION_QUERIES)
        set_token(layout, row->kv_len / 2, NAN, values);
    if (row->has_nan_key && part == ATTENTION_VALUES)
        set_token(layout, row->kv_len / 2 + 1, INFINITY, values);
    if (row->has_nan_beyond)
        set_beyond(row, part, layout, values);
}

enum gyre_status attention_make_heads(struct attention_run *run, const char *name,
                                      enum attention_part part, uint64_t n_heads, uint64_t dim,
                                      uint64_t seed, struct guarded *guarded)
{
    const struct attention_case *row = &run->row;
    const enum gyre_dtype dtypes[] = {run->dtypes.q, run->dtypes.k, run->dtypes.v};
    struct guarded_layout layout =
        part == ATTENTION_QUERIES
            ? lay_out(row, dtypes[part], q_batch(row), row->q_len, n_heads, dim)
            : lay_out(row, dtypes[part], k_batch(row), row->kv_len, n_heads, dim);
    double *values = alloc_values(&layout);
    if (values == NULL)
        return GYRE_NO_MEMORY;
    set_values(row, part, &layout, fill_seed(seed, name), values);
    enum gyre_status status = guarded_create(run->session, name, &layout, values, guarded);
    free(values);
    return status;
}

static enum gyre_status make_inputs(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    enum gyre_status status = attention_make_heads(run, "q", ATTENTION_QUERIES, row->n_heads,
                                                   row->head_dim, seed, &run->q);
    if (status == GYRE_OK)
        status = attention_make_heads(run, "k", ATTENTION_KEYS, row->n_kv_heads, row->head_dim,
                                      seed, &run->k);
    if (status == GYRE_OK && !row->is_v_in_k && !row->has_no_v)
        status = attention_make_heads(run, "v", ATTENTION_VALUES, row->n_kv_heads, row->v_dim, seed,
                                      &run->v);
    return status;
}

// --- the mask

static enum gyre_dtype mask_dtype(enum attention_mask mask)
{
    static const enum gyre_dtype dtypes[] = {
        [ATTENTION_MASK_F32] = GYRE_F32,   [ATTENTION_MASK_F16] = GYRE_F16,
        [ATTENTION_MASK_BF16] = GYRE_BF16, [ATTENTION_MASK_U8] = GYRE_U8,
        [ATTENTION_MASK_BITS] = GYRE_U8,
    };
    return dtypes[mask];
}

// Whether key i % n_keys is hidden from row i / n_keys: a quarter of the keys is, and with
// has_hidden_rows all of each third query's.
static bool is_hidden(const struct attention_case *row, uint64_t seed, uint64_t i, uint64_t n_keys)
{
    bool is_row_hidden = row->has_hidden_rows && i / n_keys % 3 == 1;
    return row->is_all_hidden || is_row_hidden || fill_uniform(fill_seed(seed, "hidden"), i) < 0.25;
}

// 8 keys of a row, the lowest bit first; bits past the last key are set.
static double mask_byte(const struct attention_case *row, uint64_t seed, uint64_t i)
{
    uint64_t n_keys = attention_most_keys(row), n_bytes = (n_keys + 7) / 8;
    uint64_t at = i / n_bytes * n_keys, first = i % n_bytes * 8;
    unsigned byte = 0xff;
    for (unsigned bit = 0; bit < 8 && first + bit < n_keys; bit++)
        if (is_hidden(row, seed, at + first + bit, n_keys))
            byte &= ~(1u << bit);
    return byte;
}

// One element.
static double mask_value(const struct attention_case *row, uint64_t seed, uint64_t i)
{
    double value;
    if (row->mask == ATTENTION_MASK_BITS)
        return mask_byte(row, seed, i);
    bool hides = is_hidden(row, seed, i, attention_most_keys(row));
    if (row->mask == ATTENTION_MASK_U8)
        return hides ? 0 : (double)(1 + fill_bits(seed, i) % 255);
    fill_normals(fill_bits(seed, i), &value, 1);
    return hides ? -INFINITY : value;
}

// What the operator sees: broadcast axes of length 1, or of full length with stride 0.
static void repeat_mask(const struct attention_case *row, struct gyre_tensor *mask)
{
    const uint64_t full[3] = {row->n_batch, row->n_heads, attention_most_queries(row)};
    for (int axis = 0; row->is_mask_repeated && axis < 3; axis++) {
        if (mask->shape[axis] == full[axis])
            continue;
        mask->shape[axis] = full[axis];
        mask->stride[axis] = 0;
    }
}

static enum gyre_status make_mask(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    uint64_t n_keys = attention_most_keys(row);
    if (row->mask == ATTENTION_MASK_NONE)
        return GYRE_OK;
    struct guarded_layout layout = {
        .dtype = mask_dtype(row->mask),
        .shape = {row->mask_axes & MASK_BATCH ? row->n_batch : 1,
                  row->mask_axes & MASK_HEAD ? row->n_heads : 1,
                  row->mask_axes & MASK_QUERY ? attention_most_queries(row) : 1,
                  row->mask == ATTENTION_MASK_BITS ? (n_keys + 7) / 8 : n_keys},
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
    double *values = alloc_values(&layout);
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (uint64_t i = 0; i < count_values(&layout); i++)
        values[i] = mask_value(row, fill_seed(seed, "mask"), i);
    enum gyre_status status = guarded_create(run->session, "mask", &layout, values, &run->mask);
    free(values);
    return status;
}

// --- results

static enum gyre_status make_output(struct attention_run *run, const char *name,
                                    struct guarded_layout layout, struct guarded *guarded)
{
    layout.use = GUARDED_OUTPUT;
    return guarded_create(run->session, name, &layout, NULL, guarded);
}

// Sums that are added find numbers there.
static enum gyre_status make_key_sums(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    struct guarded_layout layout =
        lay_out(row, GYRE_F32, k_batch(row), row->n_heads, 1, row->kv_len);
    if (!row->adds_key_sums)
        return make_output(run, "key_sums", layout, &run->key_sums);
    layout.use = GUARDED_INOUT;
    run->sums_before = alloc_values(&layout);
    if (run->sums_before == NULL)
        return GYRE_NO_MEMORY;
    fill_normals(fill_seed(seed, "key_sums"), run->sums_before, count_values(&layout));
    enum gyre_status status =
        guarded_create(run->session, "key_sums", &layout, run->sums_before, &run->key_sums);
    if (status == GYRE_OK)
        memcpy(run->sums_before, run->key_sums.values, count_values(&layout) * sizeof(double));
    return status;
}

static enum gyre_status make_outputs(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    uint64_t batch = q_batch(row), q_len = row->q_len, n_heads = row->n_heads;
    enum gyre_status status = GYRE_OK;
    if (!row->has_no_out)
        status = make_output(run, "out",
                             lay_out(row, run->dtypes.out, batch, q_len, n_heads, row->v_dim),
                             &run->out);
    if (status == GYRE_OK && row->has_lse)
        status =
            make_output(run, "lse", lay_out(row, GYRE_F32, batch, n_heads, q_len, 1), &run->lse);
    if (status == GYRE_OK && row->has_scores)
        status = make_output(run, "scores",
                             lay_out(row, run->dtypes.out, batch, n_heads, q_len, row->kv_len),
                             &run->scores);
    if (status == GYRE_OK && row->has_key_sums)
        status = make_key_sums(run, seed);
    return status;
}

// --- all

static void set_tensors(struct attention_run *run)
{
    struct gyre_attention_params *params = &run->params;
    params->q = run->q.tensor;
    params->k = run->k.tensor;
    params->v = run->row.is_v_in_k ? run->k.tensor : run->v.tensor;
    params->v.shape[3] = run->row.v_dim;
    params->mask = run->mask.tensor;
    repeat_mask(&run->row, &params->mask);
    params->out = run->out.tensor;
    params->lse = run->lse.tensor;
    params->scores = run->scores.tensor;
    params->key_sums = run->key_sums.tensor;
    params->kv_lens = run->lens.tensor;
    params->q_starts = run->starts.tensor;
    params->alibi_slopes = run->slopes.tensor;
    params->sinks = run->sinks.tensor;
    params->cu_q_lens = run->cu_q_lens.tensor;
    params->cu_kv_lens = run->cu_kv_lens.tensor;
    params->k_positions = run->k_positions.tensor;
    params->relative_keys = run->relative.tensor;
    params->q2 = run->q2.tensor;
    params->k2 = run->k2.tensor;
    params->rope = run->table;
    params->q_coords = run->q_coords.tensor;
    params->k_coords = run->k_coords.tensor;
}

static void set_params(struct attention_run *run)
{
    const struct attention_case *row = &run->row;
    run->params = (struct gyre_attention_params){
        .is_mask_bits = row->mask == ATTENTION_MASK_BITS,
        .scores_stage = row->stage,
        .n_sum_queries = row->n_sum_queries,
        .adds_key_sums = row->adds_key_sums,
        .scale = row->scale,
        .softcap = row->softcap,
        .is_causal = row->is_causal,
        .align = row->align,
        .q_start = row->q_start,
        .window_left = row->window_left,
        .window_right = row->window_right,
        .window_keep = row->window_keep,
        .n_prefix = row->n_prefix,
        .max_q_len = row->max_q_len,
        .max_kv_len = row->max_kv_len,
        .rotates_q = row->rotates_q,
        .rotates_k = row->rotates_k,
        .precision = run->dtypes.precision,
        .is_deterministic = row->is_deterministic,
    };
    set_tensors(run);
}

enum gyre_status attention_run_make(struct attention_run *run, uint64_t seed)
{
    enum gyre_status status = make_inputs(run, seed);
    if (status == GYRE_OK)
        status = make_mask(run, seed);
    if (status == GYRE_OK)
        status = attention_make_extras(run, seed);
    if (status == GYRE_OK)
        status = make_outputs(run, seed);
    set_params(run);
    return status;
}

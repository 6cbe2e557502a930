// SPDX-License-Identifier: MIT
#include "cases/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/attention_run.h"
#include "cases/operator.h"
#include "harness/fill.h"

// Fills in what the row leaves to defaults.
static struct attention_case with_defaults(const struct attention_case *row)
{
    struct attention_case full = *row;
    full.n_batch = row->n_batch != 0 ? row->n_batch : 1;
    full.n_heads = row->n_heads != 0 ? row->n_heads : 1;
    full.n_kv_heads = row->n_kv_heads != 0 ? row->n_kv_heads : full.n_heads;
    full.v_dim = row->v_dim != 0 || row->has_no_v ? row->v_dim : row->head_dim;
    full.kv_magnitude = row->kv_magnitude != 0 ? row->kv_magnitude : 1;
    full.check_step = row->check_step != 0 ? row->check_step : 1;
    return full;
}

static size_t count_values(const struct guarded_layout *layout)
{
    const uint64_t *shape = layout->shape;
    return (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
}

static double *alloc_values(const struct guarded_layout *layout)
{
    return malloc((count_values(layout) + 1) * sizeof(double));
}

// (batch, token, head, dim) as the row lays it out.
static struct guarded_layout lay_out(const struct attention_run *run, enum gyre_dtype dtype,
                                     uint64_t n_tokens, uint64_t n_heads, uint64_t dim)
{
    const struct attention_case *row = &run->row;
    return (struct guarded_layout){
        .dtype = dtype,
        .shape = {row->n_batch, n_tokens, n_heads, dim},
        .is_head_major = row->is_head_major,
        .row_gap = row->row_gap,
        .is_unaligned = row->is_unaligned,
    };
}

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

// Sets the keys or values that no sequence has.
static void set_beyond(const struct attention_case *row, const struct guarded_layout *layout,
                       double value, double *values)
{
    const uint64_t *shape = layout->shape;
    uint64_t n_row = shape[2] * shape[3];
    for (uint64_t b = 0; b < shape[0]; b++) {
        uint64_t first = row->kv_lens[b] < 0 ? 0 : (uint64_t)row->kv_lens[b];
        for (uint64_t i = first * n_row; i < shape[1] * n_row; i++)
            values[b * shape[1] * n_row + i] = value;
    }
}

static enum gyre_status make_input(struct attention_run *run, const char *name,
                                   const struct guarded_layout *layout, uint64_t seed,
                                   struct guarded *guarded)
{
    double *values = alloc_values(layout);
    if (values == NULL)
        return GYRE_NO_MEMORY;
    fill_normals(fill_seed(seed, name), values, count_values(layout));
    for (size_t i = 0; guarded != &run->q && i < count_values(layout); i++)
        values[i] *= run->row.kv_magnitude;
    if (run->row.has_nan_key && guarded != &run->q)
        set_token(layout, run->row.kv_len / 2, NAN, values);
    if (run->row.has_nan_key && guarded == &run->v)
        set_token(layout, run->row.kv_len / 2 + 1, INFINITY, values);
    if (run->row.has_nan_beyond && guarded != &run->q)
        set_beyond(&run->row, layout, guarded == &run->k ? NAN : INFINITY, values);
    enum gyre_status status = guarded_create(run->session, name, layout, values, guarded);
    free(values);
    return status;
}

static enum gyre_status make_inputs(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    struct guarded_layout q = lay_out(run, run->dtypes.q, row->q_len, row->n_heads, row->head_dim);
    struct guarded_layout k =
        lay_out(run, run->dtypes.k, row->kv_len, row->n_kv_heads, row->head_dim);
    struct guarded_layout v = lay_out(run, run->dtypes.v, row->kv_len, row->n_kv_heads, row->v_dim);
    enum gyre_status status = make_input(run, "q", &q, seed, &run->q);
    if (status == GYRE_OK)
        status = make_input(run, "k", &k, seed, &run->k);
    if (status == GYRE_OK && !row->is_v_in_k && !row->has_no_v)
        status = make_input(run, "v", &v, seed, &run->v);
    return status;
}

static enum gyre_dtype mask_dtype(enum attention_mask mask)
{
    static const enum gyre_dtype dtypes[] = {
        [ATTENTION_MASK_F32] = GYRE_F32,
        [ATTENTION_MASK_F16] = GYRE_F16,
        [ATTENTION_MASK_BF16] = GYRE_BF16,
        [ATTENTION_MASK_U8] = GYRE_U8,
    };
    return dtypes[mask];
}

// One element: a quarter of the keys, and with has_hidden_rows each third query, is hidden.
static double mask_value(const struct attention_case *row, uint64_t seed, uint64_t i)
{
    bool is_row_hidden = row->has_hidden_rows && i / row->kv_len % 3 == 1;
    bool is_hidden = is_row_hidden || fill_uniform(fill_seed(seed, "hidden"), i) < 0.25;
    double value;
    if (row->mask == ATTENTION_MASK_U8)
        return is_hidden ? 0 : (double)(1 + fill_bits(seed, i) % 255);
    fill_normals(fill_bits(seed, i), &value, 1);
    return is_hidden ? -INFINITY : value;
}

// What the operator sees: broadcast axes of length 1, or of full length with stride 0.
static void repeat_mask(const struct attention_case *row, struct gyre_tensor *mask)
{
    const uint64_t full[3] = {row->n_batch, row->n_heads, row->q_len};
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
    if (row->mask == ATTENTION_MASK_NONE)
        return GYRE_OK;
    struct guarded_layout layout = {
        .dtype = mask_dtype(row->mask),
        .shape = {row->mask_axes & MASK_BATCH ? row->n_batch : 1,
                  row->mask_axes & MASK_HEAD ? row->n_heads : 1,
                  row->mask_axes & MASK_QUERY ? row->q_len : 1, row->kv_len},
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

// (1, 1, 1, n)
static enum gyre_status make_list(struct attention_run *run, const char *name,
                                  enum gyre_dtype dtype, const double *values, uint64_t n,
                                  struct guarded *guarded)
{
    struct guarded_layout layout = {
        .dtype = dtype, .shape = {1, 1, 1, n}, .is_unaligned = run->row.is_unaligned};
    return guarded_create(run->session, name, &layout, values, guarded);
}

// What each sequence says of itself.
static enum gyre_status make_by_batch(struct attention_run *run, const char *name,
                                      const int32_t *list, struct guarded *guarded)
{
    size_t n = run->row.n_batch;
    if (list == NULL)
        return GYRE_OK;
    double *values = malloc(n * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t b = 0; b < n; b++)
        values[b] = list[b];
    enum gyre_status status = make_list(run, name, GYRE_I32, values, n, guarded);
    free(values);
    return status;
}

static enum gyre_status make_by_head(struct attention_run *run, uint64_t seed)
{
    const struct attention_case *row = &run->row;
    enum gyre_status status = GYRE_OK;
    size_t n = row->n_heads;
    double *values = malloc(n * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (size_t h = 0; h < n; h++)
        values[h] = exp2(-8.0 * (double)(h + 1) / (double)n);
    if (row->has_alibi)
        status = make_list(run, "alibi_slopes", GYRE_F32, values, n, &run->slopes);
    fill_normals(fill_seed(seed, "sinks"), values, n);
    for (size_t h = 0; h < n; h++)
        values[h] += row->sink;
    if (status == GYRE_OK && row->has_sinks)
        status = make_list(run, "sinks", GYRE_F32, values, n, &run->sinks);
    free(values);
    return status;
}

static enum gyre_status make_extras(struct attention_run *run, uint64_t seed)
{
    enum gyre_status status = make_by_batch(run, "kv_lens", run->row.kv_lens, &run->lens);
    if (status == GYRE_OK)
        status = make_by_batch(run, "q_starts", run->row.q_starts, &run->starts);
    return status == GYRE_OK ? make_by_head(run, seed) : status;
}

static enum gyre_status make_output(struct attention_run *run, const char *name,
                                    struct guarded_layout layout, struct guarded *guarded)
{
    layout.use = GUARDED_OUTPUT;
    return guarded_create(run->session, name, &layout, NULL, guarded);
}

static enum gyre_status make_outputs(struct attention_run *run)
{
    const struct attention_case *row = &run->row;
    struct guarded_layout out = lay_out(run, run->dtypes.out, row->q_len, row->n_heads, row->v_dim);
    struct guarded_layout lse = lay_out(run, GYRE_F32, row->n_heads, row->q_len, 1);
    struct guarded_layout scores =
        lay_out(run, run->dtypes.out, row->n_heads, row->q_len, row->kv_len);
    enum gyre_status status = GYRE_OK;
    if (!row->has_no_out)
        status = make_output(run, "out", out, &run->out);
    if (status == GYRE_OK && row->has_lse)
        status = make_output(run, "lse", lse, &run->lse);
    if (status == GYRE_OK && row->has_scores)
        status = make_output(run, "scores", scores, &run->scores);
    return status;
}

static void set_params(struct attention_run *run)
{
    const struct attention_case *row = &run->row;
    run->params = (struct gyre_attention_params){
        .q = run->q.tensor,
        .k = run->k.tensor,
        .v = row->is_v_in_k ? run->k.tensor : run->v.tensor,
        .mask = run->mask.tensor,
        .out = run->out.tensor,
        .lse = run->lse.tensor,
        .scores = run->scores.tensor,
        .scores_stage = row->stage,
        .scale = row->scale,
        .softcap = row->softcap,
        .is_causal = row->is_causal,
        .align = row->align,
        .q_start = row->q_start,
        .window_left = row->window_left,
        .window_right = row->window_right,
        .window_keep = row->window_keep,
        .n_prefix = row->n_prefix,
        .kv_lens = run->lens.tensor,
        .q_starts = run->starts.tensor,
        .alibi_slopes = run->slopes.tensor,
        .sinks = run->sinks.tensor,
    };
    run->params.v.shape[3] = row->v_dim;
    repeat_mask(row, &run->params.mask);
}

static enum gyre_status make_all(struct attention_run *run, uint64_t seed)
{
    enum gyre_status status = make_inputs(run, seed);
    if (status == GYRE_OK)
        status = make_mask(run, seed);
    if (status == GYRE_OK)
        status = make_extras(run, seed);
    if (status == GYRE_OK)
        status = make_outputs(run);
    set_params(run);
    return status;
}

struct attention_run *attention_prepare(struct session *session, const struct attention_case *row,
                                        const struct case_dtypes *dtypes, uint64_t seed,
                                        struct result *result)
{
    struct attention_run *run = calloc(1, sizeof(*run));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (run != NULL) {
        *run = (struct attention_run){
            .session = session, .row = with_defaults(row), .dtypes = *dtypes};
        status = make_all(run, seed);
        if (status == GYRE_OK)
            status = gyre_attention_supported(session->device, &run->params);
    }
    if (status == GYRE_OK)
        return run;
    bool is_rare = row->has_alibi && row->mask != ATTENTION_MASK_NONE;
    case_not_prepared(session, dtypes, is_rare, status, result);
    attention_run_destroy(run);
    return NULL;
}

const struct gyre_attention_params *attention_run_params(const struct attention_run *run)
{
    return &run->params;
}

enum gyre_status attention_run_enqueue(struct attention_run *run)
{
    return gyre_attention(run->session->stream, &run->params);
}

void attention_run_tensors(struct attention_run *run, struct guarded *all[ATTENTION_N_TENSORS])
{
    struct guarded *const tensors[ATTENTION_N_TENSORS] = {
        &run->q,      &run->k,     &run->v,   &run->mask, &run->lens,  &run->starts,
        &run->slopes, &run->sinks, &run->out, &run->lse,  &run->scores};
    memcpy(all, tensors, sizeof(tensors));
}

void attention_run_destroy(struct attention_run *run)
{
    struct guarded *all[ATTENTION_N_TENSORS];
    if (run == NULL)
        return;
    attention_run_tensors(run, all);
    for (size_t i = 0; i < ATTENTION_N_TENSORS; i++)
        guarded_destroy(all[i]);
    free(run);
}

static void *prepare(struct session *session, size_t row, const struct case_dtypes *dtypes,
                     uint64_t seed, struct result *result)
{
    return attention_prepare(session, &attention_cases[row], dtypes, seed, result);
}

CASE_OPERATOR(attention);
